-- Stripe in: the secrets that its events are signed with, and what it said of sales and customers that are not known.

-- A program's webhook endpoints at Stripe. Several secrets hold while one is replaced.
CREATE TABLE stripe_connection (
  program_id    TEXT PRIMARY KEY REFERENCES program (id),
  team_id       TEXT NOT NULL,
  live_secrets  TEXT NOT NULL DEFAULT '[]',   -- they verify, hence as they are; never shown (JSON list)
  test_secrets  TEXT NOT NULL DEFAULT '[]',
  live_event_at INTEGER,                      -- when the last event was taken: written at most once a minute
  test_event_at INTEGER,
  updated_at    INTEGER NOT NULL
) WITHOUT ROWID;

-- What an event said that cannot be carried out yet (`waits`), and how subscriptions and disputes stood last, by which
-- an event that comes too late is recognised. No address in clear. Facts about one object become one:
-- INSERT ... ON CONFLICT DO UPDATE ... WHERE version = ?read.
CREATE TABLE provider_fact (
  program_id TEXT NOT NULL,
  is_test    INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  object     TEXT NOT NULL,             -- in_…, ch_…, sub_…, dp_…
  team_id    TEXT NOT NULL,
  fact       TEXT NOT NULL,             -- JSON
  waits      INTEGER NOT NULL CHECK (waits IN (0, 1)),
  version    INTEGER NOT NULL,
  stored_at  INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (program_id, is_test, object)
) WITHOUT ROWID;

CREATE INDEX provider_fact_waiting ON provider_fact (stored_at, object) WHERE waits = 1;
CREATE INDEX provider_fact_by_expiry ON provider_fact (expires_at);

-- By what it is found: an identity's kind, `referral` or `sale_key`.
CREATE TABLE provider_fact_name (
  program_id TEXT NOT NULL,
  is_test    INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  value      TEXT NOT NULL,
  object     TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  PRIMARY KEY (program_id, is_test, kind, value, object)
) WITHOUT ROWID;

CREATE INDEX provider_fact_name_by_object ON provider_fact_name (program_id, is_test, object);

-- A sale that is credited, and whose event named somebody who does not exist: listed, and counted nowhere.
ALTER TABLE unattributed_sale ADD COLUMN conversion_id TEXT;
