ALTER TABLE hashtags DROP COLUMN listed;
-- Without its refresh token a program's session is none, and must not be mistaken for a browser's.
DELETE FROM sessions WHERE refresh_hash IS NOT NULL;
ALTER TABLE sessions DROP COLUMN refresh_hash;
