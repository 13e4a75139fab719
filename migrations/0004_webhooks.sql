-- Webhooks out: who wants to be told. What they are told is in `event`, which is the outbox; how far each one has come
-- is kept by its sender (worker/src/webhook_sender/).

-- Where a program's subscriber wants its webhooks. Every change raises `version` and names the one that it was decided
-- on: UPDATE ... WHERE id = ? AND version = ?read.
CREATE TABLE webhook_endpoint (
  id               TEXT PRIMARY KEY,
  team_id          TEXT NOT NULL REFERENCES team (id),
  program_id       TEXT NOT NULL REFERENCES program (id),
  is_test          INTEGER NOT NULL CHECK (is_test IN (0, 1)),   -- 1: hears of no live row
  url              TEXT NOT NULL,
  own_host         TEXT NOT NULL,       -- the host under which it was made: never a target
  events           TEXT NOT NULL,       -- wanted types (JSON), ["*"] for all
  description      TEXT,
  secret           TEXT NOT NULL,       -- signs, hence as it is; shown once
  previous_secrets TEXT NOT NULL DEFAULT '[]',   -- replaced ones that still sign: [{secret, expires_at}]
  disabled_at      INTEGER,             -- NULL while it gets deliveries
  disabled_reason  TEXT CHECK (disabled_reason IN ('by_owner', 'gone', 'only_failures')),
  starts_after     INTEGER NOT NULL,    -- event.position when it was made: nothing older is sent to it
  version          INTEGER NOT NULL DEFAULT 1,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
) WITHOUT ROWID;

CREATE INDEX webhook_endpoint_by_program ON webhook_endpoint (program_id, is_test);
