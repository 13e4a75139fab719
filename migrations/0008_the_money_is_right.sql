-- Everything that money needs: lengths, levels, rates of exchange, payouts, coupons, and the settings that people edit.

-- How long an incentive pays for one customer: `length_value` calendar months, or payments.
ALTER TABLE incentive ADD COLUMN length TEXT NOT NULL DEFAULT 'customer_lifetime'
  CHECK (length IN ('customer_lifetime', 'time_limited', 'payment_limited'));
ALTER TABLE incentive ADD COLUMN length_value INTEGER CHECK (length_value > 0);
ALTER TABLE incentive ADD COLUMN updated_at INTEGER;

ALTER TABLE affiliate_group ADD COLUMN description TEXT;

-- What those earn who recruited the selling affiliate, by the selling affiliate's group.
CREATE TABLE level (
  id         TEXT PRIMARY KEY,
  team_id    TEXT NOT NULL,
  program_id TEXT NOT NULL REFERENCES program (id),
  group_id   TEXT NOT NULL REFERENCES affiliate_group (id),
  position   INTEGER NOT NULL CHECK (position BETWEEN 1 AND 3),
  base       TEXT NOT NULL CHECK (base IN ('commission', 'sale')),   -- of the level below, or of the sale
  rate_ppm   INTEGER NOT NULL CHECK (rate_ppm BETWEEN 1 AND 1000000),
  created_at INTEGER NOT NULL,
  UNIQUE (group_id, position)
) WITHOUT ROWID;

CREATE INDEX level_by_program ON level (program_id);

ALTER TABLE affiliate ADD COLUMN recruited_by TEXT REFERENCES affiliate (id);
ALTER TABLE affiliate ADD COLUMN source TEXT;
ALTER TABLE affiliate ADD COLUMN onboarding_completed INTEGER NOT NULL DEFAULT 0 CHECK (onboarding_completed IN (0, 1));
ALTER TABLE affiliate ADD COLUMN external_user_id TEXT;
ALTER TABLE affiliate ADD COLUMN metadata TEXT;                        -- the caller's JSON
ALTER TABLE affiliate ADD COLUMN company_name TEXT;
ALTER TABLE affiliate ADD COLUMN country_code TEXT;
ALTER TABLE affiliate ADD COLUMN payout_method TEXT;
ALTER TABLE affiliate ADD COLUMN payout_details TEXT;                  -- JSON
ALTER TABLE affiliate ADD COLUMN updated_at INTEGER;
-- Deleted is a state: what they earned stays theirs, their links end, their code is never given again.
ALTER TABLE affiliate ADD COLUMN deleted_at INTEGER;

CREATE INDEX affiliate_by_program ON affiliate (program_id, created_at);
CREATE UNIQUE INDEX affiliate_by_email ON affiliate (program_id, lower(email)) WHERE email IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX affiliate_by_external_user_id ON affiliate (program_id, external_user_id)
  WHERE external_user_id IS NOT NULL AND deleted_at IS NULL;

-- Settings of a program that no rule reads, and the first-click model, which one does.
ALTER TABLE program ADD COLUMN attribution_model TEXT NOT NULL DEFAULT 'last_click'
  CHECK (attribution_model IN ('last_click', 'first_click'));
ALTER TABLE program ADD COLUMN tagline TEXT;
ALTER TABLE program ADD COLUMN category TEXT;
ALTER TABLE program ADD COLUMN description TEXT;
ALTER TABLE program ADD COLUMN website_url TEXT;
ALTER TABLE program ADD COLUMN logo_url TEXT;
ALTER TABLE program ADD COLUMN access_mode TEXT NOT NULL DEFAULT 'PUBLIC' CHECK (access_mode IN ('PUBLIC', 'PRIVATE', 'INVITE'));
ALTER TABLE program ADD COLUMN affiliate_links_enabled INTEGER NOT NULL DEFAULT 1 CHECK (affiliate_links_enabled IN (0, 1));
ALTER TABLE program ADD COLUMN default_referral_parameter TEXT NOT NULL DEFAULT 'atp';
ALTER TABLE program ADD COLUMN enabled_referral_parameters TEXT NOT NULL DEFAULT '["aff","via","ref","atp","affonso"]';
ALTER TABLE program ADD COLUMN postbacks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE program ADD COLUMN payment_threshold_minor INTEGER NOT NULL DEFAULT 0 CHECK (payment_threshold_minor >= 0);
ALTER TABLE program ADD COLUMN payment_frequency TEXT NOT NULL DEFAULT 'monthly'
  CHECK (payment_frequency IN ('monthly', 'biweekly', 'weekly'));
ALTER TABLE program ADD COLUMN auto_payout INTEGER NOT NULL DEFAULT 0 CHECK (auto_payout IN (0, 1));
ALTER TABLE program ADD COLUMN invoice TEXT NOT NULL DEFAULT '{}';      -- invoice_* and owner_* of the payment terms (JSON)
ALTER TABLE program ADD COLUMN restrictions TEXT NOT NULL DEFAULT '{}'; -- how affiliates may promote (JSON)

CREATE TABLE coupon (
  id                     TEXT PRIMARY KEY,
  team_id                TEXT NOT NULL,
  program_id             TEXT NOT NULL REFERENCES program (id),
  affiliate_id           TEXT NOT NULL REFERENCES affiliate (id),
  code                   TEXT NOT NULL,
  discount_type          TEXT NOT NULL CHECK (discount_type IN ('percentage', 'fixed')),
  discount_ppm           INTEGER,       -- of a percentage: 15 % is 150000
  discount_minor         INTEGER,       -- of a fixed discount, in `currency`
  currency               TEXT,
  duration               TEXT NOT NULL CHECK (duration IN ('forever', 'once', 'repeating')),
  duration_in_months     INTEGER CHECK (duration_in_months > 0),
  product_ids            TEXT NOT NULL DEFAULT '[]',
  provider               TEXT,
  provider_coupon_id     TEXT,
  provider_promo_code_id TEXT,
  created_at             INTEGER NOT NULL,
  updated_at             INTEGER
) WITHOUT ROWID;

CREATE UNIQUE INDEX coupon_by_code ON coupon (program_id, code COLLATE NOCASE);
CREATE INDEX coupon_by_affiliate ON coupon (affiliate_id, created_at);

-- So many units of `currency` for one of `base`, as the source published it.
CREATE TABLE exchange_rate (
  base        TEXT NOT NULL,
  currency    TEXT NOT NULL,
  team_id     TEXT NOT NULL DEFAULT '', -- '': everybody's, from the European Central Bank; else the team's own
  day         INTEGER NOT NULL,         -- days since 1970, UTC
  rate        TEXT NOT NULL,            -- a decimal, exactly as published
  recorded_at INTEGER NOT NULL,
  PRIMARY KEY (base, currency, team_id, day)
) WITHOUT ROWID;

-- The first complete sale that was credited: an incentive's months count from it.
ALTER TABLE referral ADD COLUMN first_paid_at INTEGER;
UPDATE referral SET first_paid_at = first_sale_at WHERE paid_sales > 0;

CREATE INDEX referral_by_affiliate ON referral (affiliate_id, created_at);

-- The sale in the team's currency, and how it came about. NULL while a rate is missing.
ALTER TABLE conversion ADD COLUMN converted_minor INTEGER;
ALTER TABLE conversion ADD COLUMN rate TEXT;                           -- units of the team's currency for one of the sale's
ALTER TABLE conversion ADD COLUMN rate_day INTEGER;                    -- days since 1970
UPDATE conversion SET converted_minor = amount_minor
  WHERE currency = (SELECT team.currency FROM team WHERE team.id = conversion.team_id);

CREATE INDEX conversion_without_rate ON conversion (currency, created_at) WHERE converted_minor IS NULL;

-- Commissions by what they are: one may come without an incentive, go to those who recruited, and be in a payout.
CREATE TABLE commission_of_any_kind (
  id                TEXT PRIMARY KEY,
  team_id           TEXT NOT NULL,
  program_id        TEXT NOT NULL,
  is_test           INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  referral_id       TEXT NOT NULL REFERENCES referral (id),
  affiliate_id      TEXT NOT NULL,
  conversion_id     TEXT,               -- NULL for a lead
  kind              TEXT NOT NULL CHECK (kind IN ('sale', 'lead', 'level', 'clawback', 'manual')),
  level             INTEGER NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 3),   -- 0: the selling affiliate
  incentive_id      TEXT,               -- the incentive or the level that it is earned by
  amount_minor      INTEGER,            -- of the team's currency; NULL while it waits for a rate
  earned_minor      INTEGER,            -- what it was before any refund
  clawed_back_minor INTEGER NOT NULL DEFAULT 0,   -- what negative commissions take back since it was paid out
  currency          TEXT NOT NULL,
  status            TEXT NOT NULL CHECK (status IN
                      ('pending', 'pending_manual_approval', 'ready_for_payment', 'processing_payout', 'paid',
                       'declined', 'refunded', 'dispute')),
  hold_days         INTEGER,
  hold_until        INTEGER,
  reason            TEXT NOT NULL,
  payout_id         TEXT,               -- of the payout that it is in, or was paid by
  created_at        INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL,
  deleted_at        INTEGER             -- deleted is a state: it counts no longer and is not shown
) WITHOUT ROWID;

INSERT INTO commission_of_any_kind (id, team_id, program_id, is_test, referral_id, affiliate_id, conversion_id, kind,
    incentive_id, amount_minor, earned_minor, clawed_back_minor, currency, status, hold_days, hold_until, reason,
    created_at, updated_at)
  SELECT id, team_id, program_id, is_test, referral_id, affiliate_id, conversion_id,
    CASE WHEN conversion_id IS NULL THEN 'lead' WHEN reason = 'paid_commission_clawed_back' THEN 'clawback' ELSE 'sale' END,
    incentive_id, amount_minor, earned_minor, clawed_back_minor, currency, status, hold_days, hold_until, reason,
    created_at, updated_at
  FROM commission;
DROP TABLE commission;
ALTER TABLE commission_of_any_kind RENAME TO commission;

CREATE INDEX commission_by_program ON commission (program_id, is_test, created_at);
CREATE INDEX commission_by_affiliate ON commission (affiliate_id, created_at);
CREATE INDEX commission_of_lead ON commission (referral_id) WHERE conversion_id IS NULL;
-- Levels and what refunds take back: a sale names only its own commission.
CREATE INDEX commission_beside_sale ON commission (conversion_id) WHERE kind IN ('level', 'clawback');
CREATE INDEX commission_on_hold ON commission (hold_until) WHERE hold_until IS NOT NULL;
CREATE INDEX commission_in_payout ON commission (payout_id) WHERE payout_id IS NOT NULL;

-- What an affiliate is paid at once. `gathering`: its commissions are still being collected; `settling`: its end is still
-- being told to them. A job goes on with both.
CREATE TABLE payout (
  id                TEXT PRIMARY KEY,
  team_id           TEXT NOT NULL,
  program_id        TEXT NOT NULL,
  is_test           INTEGER NOT NULL CHECK (is_test IN (0, 1)),
  affiliate_id      TEXT NOT NULL,
  invoice_number    INTEGER NOT NULL,
  currency          TEXT NOT NULL,
  status            TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  work              TEXT CHECK (work IN ('gathering', 'settling')),
  payment_method    TEXT,
  payment_reference TEXT,
  processed_at      INTEGER,
  version           INTEGER NOT NULL DEFAULT 1,   -- raised by every change: UPDATE ... WHERE version = ?read
  created_at        INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL,
  UNIQUE (program_id, is_test, invoice_number)
) WITHOUT ROWID;

CREATE INDEX payout_by_program ON payout (program_id, is_test, created_at);
CREATE INDEX payout_at_work ON payout (updated_at) WHERE work IS NOT NULL;

-- What a payout is made of. Lines stay when it fails; the commissions go free.
CREATE TABLE payout_line (
  payout_id     TEXT NOT NULL REFERENCES payout (id),
  commission_id TEXT NOT NULL,
  referral_id   TEXT NOT NULL,
  amount_minor  INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (payout_id, commission_id)
) WITHOUT ROWID;
