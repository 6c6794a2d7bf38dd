-- Tries at what must not be guessed, counted for all instances together. After a crash of the database these tables are
-- empty: that costs a guesser's count and nothing else, and spares every try a write to the log.

-- When the last tries were made, the oldest first, as many as the limit allows. The key is a keyed hash of an address, an
-- account or both.
CREATE UNLOGGED TABLE tries (
    key bytea PRIMARY KEY CONSTRAINT tries_key_length CHECK (octet_length(key) = 16),
    times timestamptz[] NOT NULL CONSTRAINT tries_times_count CHECK (cardinality(times) <= 1000)
);

-- From where somebody has logged in. The key is a keyed hash of account and address.
CREATE UNLOGGED TABLE known_addresses (
    key bytea PRIMARY KEY CONSTRAINT known_addresses_key_length CHECK (octet_length(key) = 16),
    seen_at timestamptz NOT NULL DEFAULT now()
);
