SET LOCAL lock_timeout = '5s';

ALTER TABLE hashtags VALIDATE CONSTRAINT hashtags_listed_by_fkey;
