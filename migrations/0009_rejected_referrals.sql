-- A rejected referral holds no identity, so lists that look for a customer find it here. No other row pays for it.
CREATE INDEX referral_rejected ON referral (program_id, is_test) WHERE status = 'rejected';
