SET LOCAL lock_timeout = '5s';

-- By what two spellings of an email address are one: normalised and case-folded by the program, since Postgres's lower()
-- folds no more than its locale does, which may be ASCII. Empty until the program has filled it in at its start; for good
-- where two accounts had one address in two spellings before, at the younger one.
ALTER TABLE users ADD COLUMN email_key text;
-- Not CONCURRENTLY: there is nothing in the column yet.
CREATE UNIQUE INDEX users_folded_email_key ON users (email_key);
