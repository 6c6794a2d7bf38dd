ALTER TABLE hashtags DROP CONSTRAINT hashtags_listed_by_fkey;
ALTER TABLE hashtags ADD CONSTRAINT hashtags_listed_by_fkey
    FOREIGN KEY (listed_by) REFERENCES users ON DELETE SET NULL NOT VALID;
