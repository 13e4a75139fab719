-- Who owns what, and the rules that a program sets.
--
-- Conventions of every migration here:
--   * ids are text, minted by the Worker (attribution/src/ids.rs); tables keyed by one are WITHOUT ROWID, so that a row
--     is one write and not two (rows written are what this platform charges for);
--   * times are integer milliseconds since 1970 UTC, named *_at;
--   * amounts are integer minor units of the currency beside them, named *_minor; never a float;
--   * booleans are 0 or 1;
--   * every row belongs to a team, and test rows (is_test = 1) never meet live ones.

-- The owner of programs. Commissions are paid in the team's one currency.
CREATE TABLE team (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  currency   TEXT NOT NULL,             -- ISO 4217
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE program (
  id                      TEXT PRIMARY KEY,
  number                  INTEGER NOT NULL UNIQUE,   -- the short id that one of the two APIs shows
  team_id                 TEXT NOT NULL REFERENCES team (id),
  name                    TEXT NOT NULL,
  -- Raised by every change to this program's settings, incentives, overrides or affiliates. A batch that moves money
  -- names the version that it was decided under and fails when that is no longer the one in force.
  rules_version           INTEGER NOT NULL DEFAULT 1,
  attribution_window_days INTEGER NOT NULL DEFAULT 60 CHECK (attribution_window_days BETWEEN 1 AND 365),
  cookie_window_days      INTEGER NOT NULL DEFAULT 60 CHECK (cookie_window_days BETWEEN 1 AND 365),
  -- full: keep the address (answers of /v1 show it); masked: keyed hash and mask only; off: ignore it.
  email_policy            TEXT NOT NULL DEFAULT 'full' CHECK (email_policy IN ('full', 'masked', 'off')),
  name_tracking           INTEGER NOT NULL DEFAULT 1 CHECK (name_tracking IN (0, 1)),
  -- Whether a lead that only a browser vouches for may be paid without a person's approval.
  trust_browser_leads     INTEGER NOT NULL DEFAULT 0 CHECK (trust_browser_leads IN (0, 1)),
  -- Global Privacy Control: a visitor who sends it is not tracked.
  honour_gpc              INTEGER NOT NULL DEFAULT 1 CHECK (honour_gpc IN (0, 1)),
  self_referral_mode      TEXT NOT NULL DEFAULT 'off' CHECK (self_referral_mode IN ('off', 'detect', 'block')),
  created_at              INTEGER NOT NULL
) WITHOUT ROWID;

-- Web origins whose pages may call the browser routes for a program: scheme, host and port, exactly.
CREATE TABLE program_origin (
  program_id TEXT NOT NULL REFERENCES program (id),
  origin     TEXT NOT NULL,
  team_id    TEXT NOT NULL,
  PRIMARY KEY (program_id, origin)
) WITHOUT ROWID;

-- A preflight names an origin and no program.
CREATE INDEX program_origin_by_origin ON program_origin (origin);

-- Holds the incentives that its affiliates earn by. ("group" is a word of SQL.)
CREATE TABLE affiliate_group (
  id         TEXT PRIMARY KEY,
  team_id    TEXT NOT NULL,
  program_id TEXT NOT NULL REFERENCES program (id),
  name       TEXT NOT NULL,
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX affiliate_group_by_program ON affiliate_group (program_id);

CREATE TABLE affiliate (
  id          TEXT PRIMARY KEY,
  team_id     TEXT NOT NULL,
  program_id  TEXT NOT NULL REFERENCES program (id),
  group_id    TEXT REFERENCES affiliate_group (id),
  tracking_id TEXT NOT NULL,            -- what stands in links: ?aff=tracking_id
  name        TEXT NOT NULL,
  email       TEXT,
  email_hash  TEXT,                     -- same keyed hash as customers' addresses: finds self-referrals
  partnership TEXT NOT NULL DEFAULT 'pending' CHECK (partnership IN ('pending', 'approved', 'rejected')),
  created_at  INTEGER NOT NULL
) WITHOUT ROWID;

-- Also serves the browser's look-up, which knows a code and at times no program.
CREATE UNIQUE INDEX affiliate_by_tracking_id ON affiliate (tracking_id, program_id);

-- What prices a lead or a sale. It belongs to a group, or to one affiliate (an override, which beats the group's).
CREATE TABLE incentive (
  id            TEXT PRIMARY KEY,
  team_id       TEXT NOT NULL,
  program_id    TEXT NOT NULL REFERENCES program (id),
  group_id      TEXT REFERENCES affiliate_group (id),
  affiliate_id  TEXT REFERENCES affiliate (id),
  name          TEXT NOT NULL,
  pays_for      TEXT NOT NULL CHECK (pays_for IN ('sale', 'lead')),
  kind          TEXT NOT NULL CHECK (kind IN ('percentage', 'fixed')),
  rate_ppm      INTEGER,                -- parts per million: 30 % is 300000
  amount_minor  INTEGER,                -- of the team's currency; 0 excludes what it applies to
  apply_to      TEXT NOT NULL CHECK (apply_to IN
                  ('specific_products', 'yearly_plans', 'monthly_plans', 'one_time_products', 'all_plans')),
  product_ids   TEXT NOT NULL DEFAULT '[]',   -- product or price ids, for specific_products
  approval      TEXT NOT NULL CHECK (approval IN ('automatic', 'hold_period', 'manual')),
  hold_days     INTEGER NOT NULL DEFAULT 0 CHECK (hold_days >= 0),
  created_at    INTEGER NOT NULL,
  CHECK ((group_id IS NULL) <> (affiliate_id IS NULL)),
  CHECK ((kind = 'percentage' AND rate_ppm > 0 AND amount_minor IS NULL)
      OR (kind = 'fixed' AND amount_minor >= 0 AND rate_ppm IS NULL)),
  CHECK (pays_for = 'sale' OR kind = 'fixed')
) WITHOUT ROWID;

CREATE INDEX incentive_by_program ON incentive (program_id);

-- Only the SHA-256 of a key is kept; the key itself is shown once.
CREATE TABLE api_key (
  key_hash    TEXT PRIMARY KEY,         -- lower-case hex
  id          TEXT NOT NULL UNIQUE,     -- names the key in decisions
  team_id     TEXT NOT NULL REFERENCES team (id),
  program_id  TEXT NOT NULL REFERENCES program (id),   -- a key speaks for one program
  kind        TEXT NOT NULL CHECK (kind IN ('secret', 'program_token')),
  is_test     INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  created_at  INTEGER NOT NULL,
  disabled_at INTEGER,
  expires_at  INTEGER
) WITHOUT ROWID;
