SET LOCAL lock_timeout = '5s';

-- What became of a request that brought an Idempotency-Key, so that the same request again gets the same answer and does
-- nothing. Forgotten after a day.
CREATE TABLE idempotency_keys (
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    -- SHA-256 of the key, which may be any text.
    key bytea NOT NULL CONSTRAINT idempotency_keys_key_length CHECK (octet_length(key) = 32),
    -- SHA-256 of what was asked for.
    request bytea NOT NULL CONSTRAINT idempotency_keys_request_length CHECK (octet_length(request) = 32),
    -- The try that works on it, as long as it says every few seconds that it still does. After that another may.
    holder uuid NOT NULL,
    alive_until timestamptz NOT NULL,
    -- The answer, once there is one: written in the transaction that did what was asked for.
    status smallint CONSTRAINT idempotency_keys_status CHECK (status BETWEEN 200 AND 299),
    location text,
    body text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_user ON idempotency_keys (user_id, created_at);
