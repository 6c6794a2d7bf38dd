SET LOCAL lock_timeout = '5s';

-- Accounts that an admin has deleted. They are disabled already; their photos go in batches, and then the account, which
-- takes this row along. So an account with a million photos can be deleted, and a crash in between ends nothing.
CREATE TABLE account_deletions (
    user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    requested_at timestamptz NOT NULL DEFAULT now()
);

-- Bytes that are still to go are named for longer than their owner has an account.
ALTER TABLE removals DROP CONSTRAINT removals_owner_id_fkey;
ALTER TABLE uploads DROP CONSTRAINT uploads_owner_id_fkey;
