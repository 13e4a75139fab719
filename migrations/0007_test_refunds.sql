-- A refund in test mode is a test event as well: it reverses no sale.

ALTER TABLE test_event RENAME COLUMN kind TO old_kind;
ALTER TABLE test_event ADD COLUMN kind TEXT NOT NULL DEFAULT 'click' CHECK (kind IN ('click', 'lead', 'sale', 'refund'));
UPDATE test_event SET kind = old_kind;
ALTER TABLE test_event DROP COLUMN old_kind;
