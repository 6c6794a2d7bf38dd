SET LOCAL lock_timeout = '5s';

ALTER TABLE sessions VALIDATE CONSTRAINT sessions_refresh_hash_length;
