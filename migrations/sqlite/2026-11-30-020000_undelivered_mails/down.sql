DROP INDEX outbox_undelivered;
DELETE FROM outbox WHERE kind = 'address_changed';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''alert_notice'', ''address_change'', ''address_changed'')', '''alert_notice'', ''address_change'')') WHERE type = 'table' AND name = 'outbox';
PRAGMA writable_schema = RESET;
ALTER TABLE accounts DROP COLUMN disabled_by;
