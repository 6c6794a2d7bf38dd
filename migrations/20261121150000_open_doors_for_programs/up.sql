SET LOCAL lock_timeout = '5s';

-- A program that logged in is a session too. SHA-256 of the secret in its current refresh token; empty for a browser.
ALTER TABLE sessions
    ADD COLUMN refresh_hash bytea,
    ADD CONSTRAINT sessions_refresh_hash_length CHECK (octet_length(refresh_hash) = 32) NOT VALID;

-- Somebody created it for all to see. The names of others show only while a public photo carries them.
ALTER TABLE hashtags ADD COLUMN listed boolean NOT NULL DEFAULT false;
