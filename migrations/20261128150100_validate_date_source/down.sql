ALTER TABLE photos DROP CONSTRAINT photos_date_source;
ALTER TABLE photos ADD CONSTRAINT photos_date_source
    CHECK (date_source IN ('camera', 'file name', 'owner', 'none')) NOT VALID;
