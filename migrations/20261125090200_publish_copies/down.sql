DROP TRIGGER photos_restored ON photos;
DROP FUNCTION forget_public_copy;
DROP TRIGGER photos_deleted ON photos;
DROP TRIGGER photos_withdrawn ON photos;
DROP FUNCTION withdraw_public_copy;
DROP INDEX photos_copied;
DROP INDEX photos_not_copied;
ALTER TABLE photos DROP COLUMN public_copy;
DROP TABLE public_copies;
