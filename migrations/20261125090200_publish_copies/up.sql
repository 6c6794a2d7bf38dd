SET LOCAL lock_timeout = '5s';

-- Copies of public photos' renditions under names of their own, which a CDN may read straight from the bucket. A row is
-- written before the first copy is stored and deleted after the last one is removed.
CREATE TABLE public_copies (
    -- Unguessable, and tells nothing of the photo: the copies' keys follow from it, the original's do not.
    id uuid PRIMARY KEY,
    -- One at a time: the next copies are made when these are gone, and by one instance.
    photo_id uuid NOT NULL UNIQUE,
    -- When they go: never (null) while the photo names them.
    due_at timestamptz
);
CREATE INDEX public_copies_due_at ON public_copies (due_at);

-- The copies that pages may link to: all of them are there.
ALTER TABLE photos ADD COLUMN public_copy uuid;
-- What is still to be copied. Lumina is not released yet: no table is large.
CREATE INDEX photos_not_copied ON photos (id) WHERE visibility = 'public' AND public_copy IS NULL;
-- Whose owner is disabled: these may be too many for one statement.
CREATE INDEX photos_copied ON photos (owner_id) WHERE public_copy IS NOT NULL;

-- Whatever takes a photo back (its visibility, its deletion) takes its copies along, and so do renditions
-- made anew. In triggers, so that no door can forget it.
CREATE FUNCTION withdraw_public_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE public_copies SET due_at = now() WHERE id = OLD.public_copy;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.public_copy = OLD.public_copy THEN
        NEW.public_copy := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER photos_withdrawn BEFORE UPDATE OF visibility, renditions_version, public_copy ON photos FOR EACH ROW
    WHEN (OLD.public_copy IS NOT NULL AND (NEW.visibility <> 'public' OR NEW.renditions_version <> OLD.renditions_version
          OR NEW.public_copy IS DISTINCT FROM OLD.public_copy))
    EXECUTE FUNCTION withdraw_public_copy();
CREATE TRIGGER photos_deleted BEFORE DELETE ON photos FOR EACH ROW
    WHEN (OLD.public_copy IS NOT NULL) EXECUTE FUNCTION withdraw_public_copy();

-- A deletion that is undone brings the row back as it was, but its copies are gone or going.
CREATE FUNCTION forget_public_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.public_copy := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER photos_restored BEFORE INSERT ON photos FOR EACH ROW
    WHEN (NEW.public_copy IS NOT NULL) EXECUTE FUNCTION forget_public_copy();
