SET LOCAL lock_timeout = '5s';

-- What an admin chose for the whole instance: one row, or none while nobody chose anything.
CREATE TABLE settings (
    id boolean PRIMARY KEY DEFAULT true CONSTRAINT settings_one_row CHECK (id),
    registration text NOT NULL DEFAULT 'open'
        CONSTRAINT settings_registration CHECK (registration IN ('open', 'invitation', 'closed')),
    -- For everyone without a quota of their own; empty: no limit.
    quota_mib integer CONSTRAINT settings_quota_mib CHECK (quota_mib >= 0)
);

-- Links that let people make an account while registration is by invitation.
CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    -- SHA-256 of the secret in the link, which is shown once and not kept.
    secret_hash bytea NOT NULL
        CONSTRAINT invitations_secret_hash_key UNIQUE
        CONSTRAINT invitations_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    note text NOT NULL DEFAULT '' CONSTRAINT invitations_note_length CHECK (char_length(note) <= 100),
    created_by bigint REFERENCES users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    max_uses integer NOT NULL CONSTRAINT invitations_max_uses CHECK (max_uses BETWEEN 1 AND 1000),
    uses integer NOT NULL DEFAULT 0 CONSTRAINT invitations_uses CHECK (uses BETWEEN 0 AND max_uses)
);

-- Empty: what `settings` says.
ALTER TABLE users ADD COLUMN quota_mib integer CONSTRAINT users_quota_mib CHECK (quota_mib >= 0);

-- From here until the end of this transaction no photo comes or goes, so that what is counted below stays true.
LOCK TABLE photos IN SHARE ROW EXCLUSIVE MODE;

-- How many bytes the originals of an owner have: what a quota is held against at each upload. Kept as the count is.
ALTER TABLE photo_counts
    ADD COLUMN bytes bigint NOT NULL DEFAULT 0 CONSTRAINT photo_counts_bytes CHECK (bytes >= 0);

CREATE OR REPLACE FUNCTION count_photos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO photo_counts AS counts (owner_id, photos, bytes)
    SELECT owner_id, count(*), sum(size_bytes) FROM changed GROUP BY owner_id
    ON CONFLICT (owner_id) DO UPDATE
    SET photos = counts.photos + excluded.photos, bytes = counts.bytes + excluded.bytes;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION uncount_photos() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE photo_counts AS counts SET photos = counts.photos - gone.photos, bytes = counts.bytes - gone.bytes
    FROM (SELECT owner_id, count(*) AS photos, sum(size_bytes) AS bytes FROM changed GROUP BY owner_id) AS gone
    WHERE counts.owner_id = gone.owner_id;
    RETURN NULL;
END $$;

-- One pass over the table: a second for a million photos.
UPDATE photo_counts AS counts SET bytes = kept.bytes
FROM (SELECT owner_id, sum(size_bytes) AS bytes FROM photos GROUP BY owner_id) AS kept
WHERE counts.owner_id = kept.owner_id;
