-- Refunds, refunds that wait for their sale, caps, and lines of the ledger that are about no referral.

-- All that an affiliate may earn by one customer through this incentive, in minor units of the team's currency.
ALTER TABLE incentive ADD COLUMN cap_minor INTEGER CHECK (cap_minor > 0);

ALTER TABLE conversion ADD COLUMN refunded_minor INTEGER NOT NULL DEFAULT 0;

-- What it was before any refund; `amount_minor` is what it is after them.
ALTER TABLE commission ADD COLUMN earned_minor INTEGER;
UPDATE commission SET earned_minor = amount_minor;
-- What negative commissions take back of it since it was paid out.
ALTER TABLE commission ADD COLUMN clawed_back_minor INTEGER NOT NULL DEFAULT 0;

-- Finds the holds that are over.
CREATE INDEX commission_on_hold ON commission (hold_until) WHERE hold_until IS NOT NULL;

-- What was paid back of a sale.
CREATE TABLE refund (
  id             TEXT PRIMARY KEY,
  team_id        TEXT NOT NULL,
  program_id     TEXT NOT NULL,
  is_test        INTEGER NOT NULL,
  conversion_id  TEXT NOT NULL REFERENCES conversion (id),
  refund_key     TEXT,                  -- by which the same refund is recognised
  amount_minor   INTEGER NOT NULL,
  currency       TEXT NOT NULL,
  asked_minor    INTEGER,               -- NULL: all that remained
  deducted_minor INTEGER NOT NULL,      -- what the affiliate earns less, in the team's currency
  clawback_id    TEXT,                  -- the negative commission, where the sale's was paid out
  reason         TEXT,
  refunded_at    INTEGER NOT NULL,
  created_at     INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX refund_by_conversion ON refund (conversion_id);
CREATE UNIQUE INDEX refund_by_key ON refund (program_id, is_test, refund_key) WHERE refund_key IS NOT NULL;

-- A refund that came before its sale. It goes when the sale comes, or when its time is over; its lines stay.
CREATE TABLE parked_refund (
  id           TEXT PRIMARY KEY,
  team_id      TEXT NOT NULL,
  program_id   TEXT NOT NULL,
  is_test      INTEGER NOT NULL,
  sale_key     TEXT NOT NULL,           -- of the sale that it waits for
  refund_key   TEXT,
  amount_minor INTEGER,                 -- NULL: everything
  currency     TEXT,
  reason       TEXT,
  refunded_at  INTEGER NOT NULL,
  parked_at    INTEGER NOT NULL,
  -- Filled by an expression that is NULL when the sale is there already: a refund and its sale always meet.
  expires_at   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX parked_refund_by_sale ON parked_refund (program_id, is_test, sale_key);
CREATE UNIQUE INDEX parked_refund_by_key ON parked_refund (program_id, is_test, refund_key) WHERE refund_key IS NOT NULL;
CREATE INDEX parked_refund_by_expiry ON parked_refund (expires_at);

-- Lines are about a referral, or about a refund that waits: `subject` takes the place of `referral_id`.
CREATE TABLE event_of_subject (
  position      INTEGER PRIMARY KEY,
  subject       TEXT NOT NULL,
  seq           INTEGER NOT NULL,
  team_id       TEXT NOT NULL,
  program_id    TEXT NOT NULL,
  is_test       INTEGER NOT NULL,
  kind          TEXT NOT NULL,
  reason        TEXT NOT NULL,
  detail        TEXT NOT NULL,          -- the decision's inputs (JSON)
  messages      TEXT NOT NULL,          -- what subscribers are told (JSON array of {type, data})
  actor         TEXT NOT NULL,          -- who caused it: key:<id>, browser, schedule:<job>
  request_id    TEXT NOT NULL,
  rules_version INTEGER NOT NULL,       -- filled by a sub-select that is NULL when the version has moved on
  at            INTEGER NOT NULL,
  UNIQUE (subject, seq)
);

INSERT INTO event_of_subject SELECT * FROM event;
DROP TABLE event;
ALTER TABLE event_of_subject RENAME TO event;
