-- Which database this is: one row. The storage keeps the same id, so that nobody tidies up in a storage whose photos
-- another database names.
CREATE TABLE instance (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    one boolean NOT NULL DEFAULT true CONSTRAINT instance_one UNIQUE CONSTRAINT instance_one_true CHECK (one)
);
INSERT INTO instance DEFAULT VALUES;

-- Work that one of the instances does from time to time, a bounded part at each turn.
CREATE TABLE chores (
    name text PRIMARY KEY,
    -- Which part is next.
    part integer NOT NULL DEFAULT 0 CONSTRAINT chores_part CHECK (part >= 0),
    due_at timestamptz NOT NULL DEFAULT now(),
    -- Somebody is at it until then, or has died.
    taken_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO chores (name) VALUES ('unnamed objects'), ('unfinished parts');
