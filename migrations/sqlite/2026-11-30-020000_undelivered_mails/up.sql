-- Support asks for the few mails that did not arrive; those that did cost nothing here.
CREATE INDEX outbox_undelivered ON outbox (clinic_id, id) WHERE state IN ('retry', 'dead', 'expired', 'unknown');

-- Tells the old address that an account has moved.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''alert_notice'', ''address_change'')', '''alert_notice'', ''address_change'', ''address_changed'')') WHERE type = 'table' AND name = 'outbox';
PRAGMA writable_schema = RESET;

-- Which clinic shut an account; NULL: the operator, and then no clinic opens it.
ALTER TABLE accounts ADD COLUMN disabled_by BLOB;
