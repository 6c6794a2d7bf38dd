SET LOCAL lock_timeout = '5s';

-- How many public photos of an owner carry a hashtag: what the list that is for all to see adds up, where it would
-- otherwise read every public photo there is. Kept by triggers, as hashtag_counts is.
CREATE TABLE public_hashtag_counts (
    hashtag_id integer NOT NULL REFERENCES hashtags,
    owner_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    photos bigint NOT NULL CONSTRAINT public_hashtag_counts_photos CHECK (photos >= 0),
    PRIMARY KEY (hashtag_id, owner_id)
);
CREATE INDEX hashtags_listed ON hashtags (id) WHERE listed;

CREATE FUNCTION count_public_photo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public_hashtag_counts AS counts (hashtag_id, owner_id, photos)
    SELECT hashtag_id, owner_id, 1 FROM photo_hashtags WHERE photo_id = NEW.id ORDER BY hashtag_id
    ON CONFLICT (hashtag_id, owner_id) DO UPDATE SET photos = counts.photos + 1;
    RETURN NEW;
END $$;

CREATE FUNCTION uncount_public_photo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public_hashtag_counts AS counts SET photos = counts.photos - 1
    FROM photo_hashtags AS gone
    WHERE gone.photo_id = OLD.id AND counts.hashtag_id = gone.hashtag_id AND counts.owner_id = gone.owner_id;
    RETURN OLD;
END $$;

CREATE TRIGGER photos_made_public AFTER UPDATE OF visibility ON photos FOR EACH ROW
    WHEN (OLD.visibility <> 'public' AND NEW.visibility = 'public') EXECUTE FUNCTION count_public_photo();
CREATE TRIGGER photos_no_longer_public AFTER UPDATE OF visibility ON photos FOR EACH ROW
    WHEN (OLD.visibility = 'public' AND NEW.visibility <> 'public') EXECUTE FUNCTION uncount_public_photo();
-- Before its hashtags go with it.
CREATE TRIGGER photos_public_deleted BEFORE DELETE ON photos FOR EACH ROW
    WHEN (OLD.visibility = 'public') EXECUTE FUNCTION uncount_public_photo();

CREATE FUNCTION count_public_hashtags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public_hashtag_counts AS counts (hashtag_id, owner_id, photos)
    SELECT changed.hashtag_id, changed.owner_id, count(*)
    FROM changed JOIN photos ON photos.id = changed.photo_id AND photos.visibility = 'public'
    GROUP BY changed.hashtag_id, changed.owner_id ORDER BY changed.hashtag_id
    ON CONFLICT (hashtag_id, owner_id) DO UPDATE SET photos = counts.photos + excluded.photos;
    RETURN NULL;
END $$;

-- Of a photo that is being deleted there is no row any more: its hashtags were counted above.
CREATE FUNCTION uncount_public_hashtags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public_hashtag_counts AS counts SET photos = counts.photos - gone.photos
    FROM (SELECT changed.hashtag_id, changed.owner_id, count(*) AS photos
          FROM changed JOIN photos ON photos.id = changed.photo_id AND photos.visibility = 'public'
          GROUP BY changed.hashtag_id, changed.owner_id) AS gone
    WHERE counts.hashtag_id = gone.hashtag_id AND counts.owner_id = gone.owner_id;
    RETURN NULL;
END $$;

CREATE TRIGGER photo_hashtags_public_counted AFTER INSERT ON photo_hashtags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_public_hashtags();
CREATE TRIGGER photo_hashtags_public_uncounted AFTER DELETE ON photo_hashtags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION uncount_public_hashtags();

INSERT INTO public_hashtag_counts (hashtag_id, owner_id, photos)
SELECT photo_hashtags.hashtag_id, photos.owner_id, count(*)
FROM photos JOIN photo_hashtags ON photo_hashtags.photo_id = photos.id
WHERE photos.visibility = 'public' GROUP BY photo_hashtags.hashtag_id, photos.owner_id;
