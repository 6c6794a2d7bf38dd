SET LOCAL lock_timeout = '5s';

-- What a program shows that its owner has trusted with a part of the account, until it ends or is ended.
CREATE TABLE personal_access_tokens (
    id uuid PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT personal_access_tokens_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the token, which nobody keeps but its owner.
    hash bytea NOT NULL CONSTRAINT personal_access_tokens_hash_length CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL CONSTRAINT personal_access_tokens_scopes
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['photos:read', 'photos:write', 'account:read']),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Empty for one that is good until it is ended.
    expires_at timestamptz,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX personal_access_tokens_hash_key ON personal_access_tokens (hash);
CREATE INDEX personal_access_tokens_user_id ON personal_access_tokens (user_id);
