CREATE OR REPLACE FUNCTION count_photos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO photo_counts AS counts (owner_id, photos)
    SELECT owner_id, count(*) FROM changed GROUP BY owner_id
    ON CONFLICT (owner_id) DO UPDATE SET photos = counts.photos + excluded.photos;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION uncount_photos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE photo_counts AS counts SET photos = counts.photos - gone.photos
    FROM (SELECT owner_id, count(*) AS photos FROM changed GROUP BY owner_id) AS gone
    WHERE counts.owner_id = gone.owner_id;
    RETURN NULL;
END $$;

ALTER TABLE photo_counts DROP COLUMN bytes;
ALTER TABLE users DROP COLUMN quota_mib;
DROP TABLE invitations;
DROP TABLE settings;
