-- Stored objects that no row names, since when that is known: they go after a while. An old state of the database, restored
-- over a new one, does not know of what came after it either, and until then there is time to notice.
CREATE TABLE strays (
    key text PRIMARY KEY,
    found_at timestamptz NOT NULL DEFAULT now(),
    -- When it was last looked at and nothing named it.
    seen_at timestamptz NOT NULL DEFAULT now()
);
