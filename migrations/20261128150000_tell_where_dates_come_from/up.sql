SET LOCAL lock_timeout = '5s';

-- What taken_at comes from: the camera (or whoever wrote the file's EXIF, XMP or IPTC data), the name of the file, its owner,
-- or none of these: then it is when the photo was uploaded. Null in rows of older versions, of which the program can tell.
ALTER TABLE photos ADD COLUMN date_source text;
ALTER TABLE photos ADD CONSTRAINT photos_date_source
    CHECK (date_source IN ('camera', 'file name', 'owner', 'none')) NOT VALID;
