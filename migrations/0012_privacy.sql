-- Customers who are forgotten, and how often the test chain is run.

-- When what the customer was known by was erased.
ALTER TABLE referral ADD COLUMN erased_at INTEGER;

-- Removed referrals hold no identity: an erasure finds their names here. No other row pays for it.
CREATE INDEX referral_deleted ON referral (program_id, is_test) WHERE status = 'deleted';

-- Erasures, without whom they were about: what is left to do of one that was interrupted, and who asked.
CREATE TABLE erasure (
  id           TEXT PRIMARY KEY,
  team_id      TEXT NOT NULL,
  program_id   TEXT NOT NULL,
  is_test      INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  referrals    TEXT NOT NULL,           -- ids of the referrals to be erased (JSON)
  clicks       TEXT NOT NULL,           -- ids of the clicks to be emptied (JSON)
  actor        TEXT NOT NULL,           -- who asked: key:<id>
  request_id   TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  finished_at  INTEGER
) WITHOUT ROWID;

CREATE INDEX erasure_unfinished ON erasure (requested_at) WHERE finished_at IS NULL;

-- Runs of the test chain: at most so many in an hour, and what the last one came to.
CREATE TABLE test_chain (
  run         INTEGER PRIMARY KEY,
  team_id     TEXT NOT NULL,
  program_id  TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  attributed  INTEGER CHECK (attributed IN (0, 1))   -- NULL while it runs
);

CREATE INDEX test_chain_by_program ON test_chain (program_id, started_at);
