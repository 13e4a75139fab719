-- Fraud rules of a program, what they have said of a referral, and what a page may claim.

-- Rules: off, noted, or stopping the credit (docs/fraud.md). self_referral_mode is from the beginning.
ALTER TABLE program ADD COLUMN suspicious_email_mode TEXT NOT NULL DEFAULT 'off' CHECK (suspicious_email_mode IN ('off', 'detect', 'block'));
ALTER TABLE program ADD COLUMN paid_traffic_mode TEXT NOT NULL DEFAULT 'off' CHECK (paid_traffic_mode IN ('off', 'detect', 'block'));
ALTER TABLE program ADD COLUMN banned_referral_mode TEXT NOT NULL DEFAULT 'off' CHECK (banned_referral_mode IN ('off', 'detect', 'block'));
ALTER TABLE program ADD COLUMN blocked_country_mode TEXT NOT NULL DEFAULT 'off' CHECK (blocked_country_mode IN ('off', 'detect', 'block'));
ALTER TABLE program ADD COLUMN duplicate_ip_mode TEXT NOT NULL DEFAULT 'off' CHECK (duplicate_ip_mode IN ('off', 'detect', 'block'));
ALTER TABLE program ADD COLUMN fast_signup_mode TEXT NOT NULL DEFAULT 'off' CHECK (fast_signup_mode IN ('off', 'detect', 'block'));
ALTER TABLE program ADD COLUMN allowed_campaigns TEXT NOT NULL DEFAULT '[]';     -- JSON, lower-case
ALTER TABLE program ADD COLUMN further_click_ids TEXT NOT NULL DEFAULT '[]';     -- JSON, lower-case
ALTER TABLE program ADD COLUMN banned_domains TEXT NOT NULL DEFAULT '[]';        -- JSON, lower-case
ALTER TABLE program ADD COLUMN blocked_countries TEXT NOT NULL DEFAULT '[]';     -- JSON, ISO 3166
ALTER TABLE program ADD COLUMN duplicate_ip_threshold INTEGER NOT NULL DEFAULT 1 CHECK (duplicate_ip_threshold > 0);
ALTER TABLE program ADD COLUMN duplicate_ip_window_hours INTEGER NOT NULL DEFAULT 24 CHECK (duplicate_ip_window_hours > 0);
ALTER TABLE program ADD COLUMN fast_signup_seconds INTEGER NOT NULL DEFAULT 3 CHECK (fast_signup_seconds > 0);

-- Whether a page's lead counts at once, or only once a key or a sale says so too.
ALTER TABLE program ADD COLUMN lead_auth TEXT NOT NULL DEFAULT 'open' CHECK (lead_auth IN ('open', 'server_required'));

-- 1: the sign-up was not told and has earned nothing yet; both are made good once.
ALTER TABLE referral ADD COLUMN lead_withheld INTEGER NOT NULL DEFAULT 0 CHECK (lead_withheld IN (0, 1));
-- What fraud rules have said (JSON): {rules, blocked_by, cleared}. NULL where none has hit.
ALTER TABLE referral ADD COLUMN suspicion TEXT;
-- Keyed hash of the network address that a page's lead came from; NULL once a key vouches for it, and after a day.
ALTER TABLE referral ADD COLUMN claimed_from TEXT;

-- Neither index costs a row where nothing was found and nothing is claimed.
CREATE INDEX referral_suspected ON referral (program_id, is_test, created_at) WHERE suspicion IS NOT NULL;
CREATE INDEX referral_claimed_from ON referral (claimed_from, created_at) WHERE claimed_from IS NOT NULL;
