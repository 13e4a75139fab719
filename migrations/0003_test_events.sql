-- Events of the tracking API's test mode: isolated from every production row. Their ids are integers, as published.

-- Unkeyed test calls need not name a program that exists: such rows belong to this team, which owns nothing else.
INSERT INTO team (id, name, currency, created_at) VALUES ('team_unclaimed', 'Unclaimed test events', 'USD', 0);

CREATE TABLE test_event (
  event_id   INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice, also after rows have expired
  team_id    TEXT NOT NULL,
  program_id TEXT,
  kind       TEXT NOT NULL CHECK (kind IN ('click', 'lead', 'sale')),
  body       TEXT NOT NULL,             -- as sent, without the e-mail address (JSON)
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);

CREATE INDEX test_event_by_program ON test_event (program_id, event_id);
CREATE INDEX test_event_by_expiry ON test_event (expires_at);
