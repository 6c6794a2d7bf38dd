SET LOCAL lock_timeout = '5s';

-- Who made a hashtag one for all to see, so that one person cannot make any number. Empty for those from before.
ALTER TABLE hashtags ADD COLUMN listed_by bigint;
ALTER TABLE hashtags ADD CONSTRAINT hashtags_listed_by_fkey
    FOREIGN KEY (listed_by) REFERENCES users ON DELETE SET NULL NOT VALID;

-- True while a public photo carries it, and for a while after that: a page of the public list walks an index over these
-- names and those that were created, and reads no others. `shown` says which names to look at; public_hashtag_counts decides.
ALTER TABLE hashtags ADD COLUMN shown boolean NOT NULL DEFAULT false;

-- An admin took it off the public list.
ALTER TABLE hashtags ADD COLUMN hidden boolean NOT NULL DEFAULT false;

-- The row's lock keeps the one who resets `shown` (models/public_hashtag.rs) away until this transaction has ended. A hashtag
-- becomes shown once, so that few transactions write to its row.
CREATE FUNCTION show_hashtag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        PERFORM 1 FROM hashtags WHERE id = NEW.hashtag_id AND shown FOR SHARE;
        EXIT WHEN FOUND;
        UPDATE hashtags SET shown = true WHERE id = NEW.hashtag_id AND NOT shown;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER public_hashtag_counts_first AFTER INSERT ON public_hashtag_counts FOR EACH ROW
    WHEN (NEW.photos > 0) EXECUTE FUNCTION show_hashtag();
CREATE TRIGGER public_hashtag_counts_again AFTER UPDATE OF photos ON public_hashtag_counts FOR EACH ROW
    WHEN (OLD.photos = 0 AND NEW.photos > 0) EXECUTE FUNCTION show_hashtag();

-- One row a public hashtag, which are few; writers of the counts wait for the triggers above anyway.
UPDATE hashtags SET shown = true WHERE id IN (SELECT hashtag_id FROM public_hashtag_counts WHERE photos > 0);

-- Not CONCURRENTLY: there is one row a name, and a second instance that waits for the migrations' lock would be waited for.
CREATE INDEX hashtags_public ON hashtags (name) WHERE (listed OR shown) AND NOT hidden;
CREATE INDEX hashtags_listed_by ON hashtags (listed_by) WHERE listed_by IS NOT NULL;
