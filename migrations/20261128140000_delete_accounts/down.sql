-- Bytes of accounts that are gone: the daily look at the storage finds what is left of them.
DELETE FROM removals WHERE owner_id NOT IN (SELECT id FROM users);
DELETE FROM uploads WHERE owner_id NOT IN (SELECT id FROM users);
ALTER TABLE uploads ADD CONSTRAINT uploads_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;
ALTER TABLE removals ADD CONSTRAINT removals_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users;

DROP TABLE account_deletions;
