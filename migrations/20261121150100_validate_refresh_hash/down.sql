ALTER TABLE sessions DROP CONSTRAINT sessions_refresh_hash_length;
ALTER TABLE sessions ADD CONSTRAINT sessions_refresh_hash_length CHECK (octet_length(refresh_hash) = 32) NOT VALID;
