CREATE TABLE photos (
    -- Made by Lumina before the bytes are stored: the objects' keys follow from it.
    id uuid PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES users,
    filename text NOT NULL CONSTRAINT photos_filename_length CHECK (char_length(filename) BETWEEN 1 AND 255),
    content_type text NOT NULL
        CONSTRAINT photos_content_type CHECK (content_type IN ('image/jpeg', 'image/png', 'image/gif', 'image/webp')),
    size_bytes bigint NOT NULL CONSTRAINT photos_size_bytes CHECK (size_bytes > 0),
    sha256 bytea NOT NULL CONSTRAINT photos_sha256_length CHECK (octet_length(sha256) = 32),
    -- In pixels, as seen upright.
    width integer NOT NULL CONSTRAINT photos_width CHECK (width > 0),
    height integer NOT NULL CONSTRAINT photos_height CHECK (height > 0),
    -- The average colour, 0xRRGGBB, shown until the bytes arrive.
    colour integer NOT NULL CONSTRAINT photos_colour CHECK (colour BETWEEN 0 AND 16777215),
    camera text CONSTRAINT photos_camera_length CHECK (char_length(camera) BETWEEN 1 AND 200),
    title text NOT NULL DEFAULT '' CONSTRAINT photos_title_length CHECK (char_length(title) <= 200),
    visibility text NOT NULL DEFAULT 'private'
        CONSTRAINT photos_visibility CHECK (visibility IN ('private', 'link', 'public')),
    share_token text CONSTRAINT photos_share_token_key UNIQUE,
    taken_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT photos_share_token_when_shared CHECK ((visibility = 'private') = (share_token IS NULL)),
    -- The gallery reads this index backwards; photo_hashtags refers to it.
    CONSTRAINT photos_gallery UNIQUE (owner_id, taken_at, id)
);
CREATE INDEX photos_public ON photos (owner_id, taken_at, id) WHERE visibility = 'public';

CREATE TABLE hashtags (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Normalised (NFKC, case-folded) before it gets here; collation "C" so that a prefix search uses the index.
    name text COLLATE "C" NOT NULL
        CONSTRAINT hashtags_name_key UNIQUE
        CONSTRAINT hashtags_name_length CHECK (char_length(name) BETWEEN 1 AND 64)
);

-- owner_id and taken_at repeat the photo's, so that one index lists an owner's photos with a hashtag, newest first,
-- and two such lists merge without looking at the photos. The foreign key keeps them true.
CREATE TABLE photo_hashtags (
    owner_id bigint NOT NULL,
    hashtag_id integer NOT NULL REFERENCES hashtags,
    taken_at timestamptz NOT NULL,
    photo_id uuid NOT NULL,
    PRIMARY KEY (owner_id, hashtag_id, taken_at, photo_id),
    FOREIGN KEY (owner_id, taken_at, photo_id) REFERENCES photos (owner_id, taken_at, id)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX photo_hashtags_photo ON photo_hashtags (photo_id, hashtag_id);
CREATE INDEX photo_hashtags_hashtag ON photo_hashtags (hashtag_id);

-- How many photos of an owner carry a hashtag: read on every gallery page, where counting would cost a second at a
-- million photos. The triggers keep it true; writers lock the owner's row first, so that two of them never wait for
-- each other's counts crosswise.
CREATE TABLE hashtag_counts (
    owner_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    hashtag_id integer NOT NULL REFERENCES hashtags,
    photos bigint NOT NULL CONSTRAINT hashtag_counts_photos CHECK (photos >= 0),
    PRIMARY KEY (owner_id, hashtag_id)
);

CREATE FUNCTION count_hashtags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hashtag_counts AS counts (owner_id, hashtag_id, photos)
    SELECT owner_id, hashtag_id, count(*) FROM changed GROUP BY owner_id, hashtag_id
    ON CONFLICT (owner_id, hashtag_id) DO UPDATE SET photos = counts.photos + excluded.photos;
    RETURN NULL;
END $$;

CREATE FUNCTION uncount_hashtags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hashtag_counts AS counts SET photos = counts.photos - gone.photos
    FROM (SELECT owner_id, hashtag_id, count(*) AS photos FROM changed GROUP BY owner_id, hashtag_id) AS gone
    WHERE counts.owner_id = gone.owner_id AND counts.hashtag_id = gone.hashtag_id;
    RETURN NULL;
END $$;

CREATE TRIGGER photo_hashtags_counted AFTER INSERT ON photo_hashtags
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_hashtags();
CREATE TRIGGER photo_hashtags_uncounted AFTER DELETE ON photo_hashtags
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION uncount_hashtags();

-- The durable list of stored bytes that are to go. A row is written before the first byte of a new photo is stored and
-- deleted in the transaction that inserts the photo; deleting a photo moves its row here in one transaction. Whatever is
-- killed when, every stored object is named by a row of photos or of removals.
CREATE TABLE removals (
    photo_id uuid PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES users,
    due_at timestamptz NOT NULL,
    -- The deleted row and the ids of its hashtags, for undo; empty when the photo was never acknowledged.
    photo jsonb,
    hashtag_ids integer[] NOT NULL DEFAULT '{}'
);
CREATE INDEX removals_due_at ON removals (due_at);
