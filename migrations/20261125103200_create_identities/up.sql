SET LOCAL lock_timeout = '5s';

-- Who somebody is elsewhere: what an OpenID Connect provider calls them. One of each provider for a user.
CREATE TABLE identities (
    issuer text NOT NULL CONSTRAINT identities_issuer_length CHECK (char_length(issuer) BETWEEN 1 AND 500),
    subject text NOT NULL CONSTRAINT identities_subject_length CHECK (char_length(subject) BETWEEN 1 AND 255),
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    -- A name or email address to know it by.
    label text NOT NULL DEFAULT '' CONSTRAINT identities_label_length CHECK (char_length(label) <= 254),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX identities_user_id_key ON identities (user_id, issuer);
