CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL CONSTRAINT users_username_form CHECK (username ~ '^[A-Za-z0-9_.-]{3,50}$'),
    email text NOT NULL CONSTRAINT users_email_form CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND char_length(email) <= 254),
    full_name text NOT NULL DEFAULT '' CONSTRAINT users_full_name_length CHECK (char_length(full_name) <= 100),
    -- Empty for an account that signs in elsewhere only.
    password_hash text,
    role text NOT NULL DEFAULT 'user' CONSTRAINT users_role CHECK (role IN ('user', 'admin')),
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- One row a signed-in device. The cookie only names the row: deleting it signs the device out at its next request.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    user_agent text NOT NULL DEFAULT '' CONSTRAINT sessions_user_agent_length CHECK (char_length(user_agent) <= 512),
    -- What the next page says once, after a redirect.
    notice jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);
