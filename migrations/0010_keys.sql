-- Keys as their owners manage them, and how much of the service a team's keys may use.

-- A key is made by `POST /v1/keys`, or on the operator's own database by the command line: both write these columns, and
-- both mint key, hash and mask with attribution/src/keys.rs.
ALTER TABLE api_key ADD COLUMN name TEXT NOT NULL DEFAULT '';      -- for people
-- What of the key may be shown: its form and its last four characters. Empty for keys older than this column.
ALTER TABLE api_key ADD COLUMN masked TEXT NOT NULL DEFAULT '';
-- What the key may do, as a JSON list of words (KeyScope); NULL: everything that its form can do.
ALTER TABLE api_key ADD COLUMN scopes TEXT CHECK (scopes IS NULL OR json_type(scopes) = 'array');
-- Written at most once an hour, after the answer: a key that is used all day is 24 writes.
ALTER TABLE api_key ADD COLUMN last_used_at INTEGER;
-- The key that this one was made to replace; it then has an end (expires_at).
ALTER TABLE api_key ADD COLUMN replaces TEXT REFERENCES api_key (id);

-- A program's keys, newest first.
CREATE INDEX api_key_by_program ON api_key (program_id, created_at);

-- A key is replaced once: of two rotations at a time one wins.
CREATE UNIQUE INDEX api_key_replaces ON api_key (replaces) WHERE replaces IS NOT NULL;

-- Calls that each key of the team may make: in a minute, and in a second of it. Set by the operator.
ALTER TABLE team ADD COLUMN calls_per_minute INTEGER NOT NULL DEFAULT 600
  CHECK (calls_per_minute BETWEEN 1 AND 1000000);
ALTER TABLE team ADD COLUMN calls_per_second INTEGER NOT NULL DEFAULT 20 CHECK (calls_per_second BETWEEN 1 AND 1000000);
