SET LOCAL lock_timeout = '5s';

-- Lumina is not released yet: nobody runs the version before beside this one, so what is not used any more goes at once.
ALTER TABLE photos
    DROP CONSTRAINT photos_content_type,
    ADD CONSTRAINT photos_content_type CHECK (
        content_type IN ('image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'image/avif')
    ),
    DROP COLUMN colour,
    -- A ThumbHash, shown until the bytes arrive; empty until the renditions are made anew.
    ADD COLUMN placeholder bytea NOT NULL DEFAULT ''
        CONSTRAINT photos_placeholder_length CHECK (octet_length(placeholder) <= 30),
    -- Which version of Lumina's renditions is stored; an older one is made anew by `lumina renditions`.
    ADD COLUMN renditions_version smallint NOT NULL DEFAULT 1
        CONSTRAINT photos_renditions_version CHECK (renditions_version > 0),
    -- It has more than one frame, and a rendition that plays.
    ADD COLUMN animated boolean NOT NULL DEFAULT false,
    -- What the camera's clock was ahead of UTC, where it says so.
    ADD COLUMN utc_offset_minutes smallint
        CONSTRAINT photos_utc_offset CHECK (utc_offset_minutes BETWEEN -1080 AND 1080),
    ADD COLUMN lens text CONSTRAINT photos_lens_length CHECK (char_length(lens) BETWEEN 1 AND 200),
    ADD COLUMN exposure_seconds double precision CONSTRAINT photos_exposure_seconds CHECK (exposure_seconds > 0),
    ADD COLUMN f_number double precision CONSTRAINT photos_f_number CHECK (f_number > 0),
    ADD COLUMN iso integer CONSTRAINT photos_iso CHECK (iso > 0),
    ADD COLUMN focal_length_mm double precision CONSTRAINT photos_focal_length CHECK (focal_length_mm > 0),
    -- Where it was taken, in degrees: for the owner alone.
    ADD COLUMN latitude double precision CONSTRAINT photos_latitude CHECK (latitude BETWEEN -90 AND 90),
    ADD COLUMN longitude double precision CONSTRAINT photos_longitude CHECK (longitude BETWEEN -180 AND 180),
    ADD CONSTRAINT photos_place CHECK ((latitude IS NULL) = (longitude IS NULL));

-- Deletions that can still be undone, for the minute that is left.
UPDATE removals SET photo = photo || '{"placeholder": "", "renditions_version": 1, "animated": false}'
WHERE photo IS NOT NULL;

-- Finds the same bytes among an owner's photos. Not unique: an upload while a deletion can still be undone makes a second
-- photo of the same bytes. Whoever takes photos in holds the owner's lock, which keeps it to that.
-- The owner stands second: while Postgres knows nothing of the table yet, it might otherwise check the foreign key of
-- photo_hashtags by this index, reading all photos of the owner for each row.
CREATE INDEX photos_sha256 ON photos (sha256, owner_id);
