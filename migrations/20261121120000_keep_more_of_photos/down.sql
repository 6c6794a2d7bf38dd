SET LOCAL lock_timeout = '5s';

UPDATE removals SET photo = photo || '{"colour": 8421504}' WHERE photo IS NOT NULL;
DROP INDEX photos_sha256;
ALTER TABLE photos
    DROP CONSTRAINT photos_place,
    DROP COLUMN longitude,
    DROP COLUMN latitude,
    DROP COLUMN focal_length_mm,
    DROP COLUMN iso,
    DROP COLUMN f_number,
    DROP COLUMN exposure_seconds,
    DROP COLUMN lens,
    DROP COLUMN utc_offset_minutes,
    DROP COLUMN animated,
    DROP COLUMN renditions_version,
    DROP COLUMN placeholder,
    ADD COLUMN colour integer NOT NULL DEFAULT 8421504
        CONSTRAINT photos_colour CHECK (colour BETWEEN 0 AND 16777215),
    DROP CONSTRAINT photos_content_type,
    ADD CONSTRAINT photos_content_type CHECK (content_type IN ('image/jpeg', 'image/png', 'image/gif', 'image/webp')) NOT VALID;
