-- Answers to calls with an Idempotency-Key, written in the batch of what the call did, kept for 30 days.
CREATE TABLE kept_answer (
  team_id     TEXT NOT NULL,
  is_test     INTEGER NOT NULL,
  route       TEXT NOT NULL,            -- method and path; calls without an API key have names of their own
  value       TEXT NOT NULL,            -- the key, as sent
  body_hash   TEXT NOT NULL,            -- SHA-256 of the body: the same key with another one is refused
  request_id  TEXT NOT NULL,
  referral_id TEXT,                     -- whom the answer is about, if it is about anybody
  outcome     TEXT NOT NULL,            -- what the answer is made from (JSON)
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (team_id, is_test, route, value)
) WITHOUT ROWID;

CREATE INDEX kept_answer_by_age ON kept_answer (created_at);
