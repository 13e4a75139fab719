-- The ledger: who was referred by whom, what they bought, what it earned, and why.
--
-- One accepted command is one batch: all of its rows or none. `referral.seq` is the fence: every batch that touches a
-- referral, its conversions or its commissions raises it with
--   UPDATE referral SET seq = CASE seq WHEN ?read THEN seq + 1 END, ... WHERE id = ?
-- so that a batch decided on a stale read sets NULL and fails whole.

-- One customer, referred by one affiliate. It shares its id with the click that it came from; the click itself stays in
-- its shard (see worker/src/click_ledger/). A deleted referral is a status.
CREATE TABLE referral (
  id                     TEXT PRIMARY KEY,
  team_id                TEXT NOT NULL,
  program_id             TEXT NOT NULL,
  is_test                INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  affiliate_id           TEXT NOT NULL,
  status                 TEXT NOT NULL CHECK (status IN
                           ('lead', 'trialing', 'customer', 'active', 'canceled', 'rejected', 'deleted')),
  external_user_id       TEXT,          -- the merchant's user; one of the two APIs calls it customer_key
  customer_id            TEXT,          -- the billing customer
  subscription_id        TEXT,
  email                  TEXT,          -- only under the program's policy `full`
  email_hash             TEXT,          -- keyed per program
  email_masked           TEXT,          -- j***@example.com
  name                   TEXT,
  metadata               TEXT,          -- the caller's JSON
  aliases                TEXT NOT NULL DEFAULT '[]',   -- further identities of the same customer: [{kind, value}]
  verified               INTEGER NOT NULL CHECK (verified IN (0, 1)),   -- 0: only a browser vouches for it
  paid_out               INTEGER NOT NULL DEFAULT 0 CHECK (paid_out IN (0, 1)),   -- set by payouts: ends what a key may override
  clicked_at             INTEGER,       -- when the click was; NULL without one
  click                  TEXT,          -- what the click knew (JSON), copied at sign-up
  first_sale_at          INTEGER,       -- the first sale that was attributed; the window is not tested again after it
  paid_sales             INTEGER NOT NULL DEFAULT 0,
  commission_total_minor INTEGER NOT NULL DEFAULT 0,   -- of the team's currency
  seq                    INTEGER NOT NULL,             -- the fence
  created_by_request     TEXT NOT NULL, -- tells a commit whose answer was lost from somebody else's
  created_at             INTEGER NOT NULL,
  converted_at           INTEGER,
  updated_at             INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX referral_by_program ON referral (program_id, is_test, created_at);

-- What a customer is known by. The primary key, not a lock, keeps one customer from being referred twice in a program.
CREATE TABLE identity (
  program_id  TEXT NOT NULL,
  is_test     INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN
                ('external_user_id', 'customer_id', 'email_hash', 'subscription_id', 'provider_customer_id')),
  value       TEXT NOT NULL,
  referral_id TEXT NOT NULL REFERENCES referral (id),
  team_id     TEXT NOT NULL,
  PRIMARY KEY (program_id, is_test, kind, value)
) WITHOUT ROWID;

-- A sale by a referred customer, credited or not.
CREATE TABLE conversion (
  id                   TEXT PRIMARY KEY,
  team_id              TEXT NOT NULL,
  program_id           TEXT NOT NULL,
  is_test              INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  referral_id          TEXT NOT NULL REFERENCES referral (id),
  affiliate_id         TEXT NOT NULL,
  sale_key             TEXT,            -- external_event_id or transaction_id, as sent
  amount_minor         INTEGER NOT NULL,
  currency             TEXT NOT NULL,
  sales_status         TEXT NOT NULL CHECK (sales_status IN
                         ('open', 'complete', 'trialing', 'failed', 'refunded', 'partial_refunded')),
  details              TEXT NOT NULL,   -- identifiers, products, interval, metadata: as the caller sent them (JSON)
  attributed           INTEGER NOT NULL CHECK (attributed IN (0, 1)),
  commission_id        TEXT,
  matched_incentive_id TEXT,
  reason               TEXT NOT NULL,   -- code of the decision
  decision             TEXT NOT NULL,   -- the decision with its inputs (JSON)
  created_at           INTEGER NOT NULL,   -- when the sale happened: the caller's date, or the day it was recorded
  recorded_at          INTEGER NOT NULL,
  updated_at           INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX conversion_by_program ON conversion (program_id, is_test, created_at);
CREATE INDEX conversion_by_referral ON conversion (referral_id, created_at);

-- What an affiliate earns by a sale or a lead. Its amount is in the team's currency; NULL while it waits for a rate.
CREATE TABLE commission (
  id            TEXT PRIMARY KEY,
  team_id       TEXT NOT NULL,
  program_id    TEXT NOT NULL,
  is_test       INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  referral_id   TEXT NOT NULL REFERENCES referral (id),
  affiliate_id  TEXT NOT NULL,
  conversion_id TEXT,                   -- NULL for a lead
  incentive_id  TEXT NOT NULL,
  amount_minor  INTEGER,
  currency      TEXT NOT NULL,
  status        TEXT NOT NULL CHECK (status IN
                  ('pending', 'pending_manual_approval', 'ready_for_payment', 'processing_payout', 'paid', 'declined',
                   'refunded', 'dispute')),
  hold_days     INTEGER,
  hold_until    INTEGER,
  reason        TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX commission_by_program ON commission (program_id, is_test, created_at);
-- The one commission of a lead; sales name theirs (conversion.commission_id).
CREATE INDEX commission_of_lead ON commission (referral_id) WHERE conversion_id IS NULL;

-- One sale, one conversion: every key by which a sale may come again, in one namespace.
CREATE TABLE sale_key (
  program_id    TEXT NOT NULL,
  is_test       INTEGER NOT NULL,
  value         TEXT NOT NULL,
  conversion_id TEXT NOT NULL REFERENCES conversion (id),
  team_id       TEXT NOT NULL,
  PRIMARY KEY (program_id, is_test, value)
) WITHOUT ROWID;

-- One immutable line per accepted command. `position` is the order of commits; `messages` makes the line the outbox.
CREATE TABLE event (
  position      INTEGER PRIMARY KEY,
  referral_id   TEXT NOT NULL REFERENCES referral (id),
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
  UNIQUE (referral_id, seq)
);

-- A sale for which no referral was found: counted, visible with its reason, and open to be credited by a later call.
CREATE TABLE unattributed_sale (
  program_id   TEXT NOT NULL,
  is_test      INTEGER NOT NULL,
  sale_key     TEXT NOT NULL,           -- the caller's key, else the request's id
  team_id      TEXT NOT NULL,
  amount_minor INTEGER NOT NULL,
  currency     TEXT NOT NULL,
  reason       TEXT NOT NULL,
  detail       TEXT NOT NULL,           -- the identifiers that were compared (JSON)
  request_id   TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  PRIMARY KEY (program_id, is_test, sale_key)
) WITHOUT ROWID;

-- Clicks per shard, hour and affiliate, written by the shards as absolute values: repeating a write is harmless.
CREATE TABLE click_count (
  program_id   TEXT NOT NULL,
  affiliate_id TEXT NOT NULL,
  is_test      INTEGER NOT NULL,
  hour         INTEGER NOT NULL,        -- hours since 1970
  shard        INTEGER NOT NULL,
  team_id      TEXT NOT NULL,
  clicks       INTEGER NOT NULL,
  PRIMARY KEY (program_id, affiliate_id, is_test, hour, shard)
) WITHOUT ROWID;
