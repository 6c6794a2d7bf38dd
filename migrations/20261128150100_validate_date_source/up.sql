SET LOCAL lock_timeout = '5s';

ALTER TABLE photos VALIDATE CONSTRAINT photos_date_source;
