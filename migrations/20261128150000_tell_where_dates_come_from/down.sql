ALTER TABLE photos DROP COLUMN date_source;
