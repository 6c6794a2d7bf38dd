-- Files that programs put into the storage themselves and confirm afterwards. A row is written before the address to put
-- one at is given out, and deleted after its bytes are: whatever is killed when, bytes that wait are named by a row.
CREATE TABLE uploads (
    -- Unguessable: the object's key follows from it.
    id uuid PRIMARY KEY,
    owner_id bigint NOT NULL REFERENCES users,
    filename text NOT NULL CONSTRAINT uploads_filename_length CHECK (char_length(filename) BETWEEN 1 AND 255),
    size_bytes bigint NOT NULL CONSTRAINT uploads_size_bytes CHECK (size_bytes > 0),
    -- SHA-256 of what proves that somebody was given the address, where Lumina receives the bytes itself.
    secret_hash bytea CONSTRAINT uploads_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    -- What it became. No reference: the photo may be deleted before this row is.
    photo_id uuid,
    -- Until when bytes may begin to come.
    expires_at timestamptz NOT NULL,
    -- When the bytes that are still there go, confirmed or not.
    due_at timestamptz NOT NULL
);
CREATE INDEX uploads_owner_id ON uploads (owner_id);
CREATE INDEX uploads_due_at ON uploads (due_at);
