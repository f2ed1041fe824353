DROP INDEX outbox_undelivered;
DELETE FROM outbox WHERE kind = 'address_changed';
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('patient_invitation', 'member_invitation', 'sign_in_link', 'password_reset', 'reminder', 'alert_notice', 'address_change'));
ALTER TABLE accounts DROP COLUMN disabled_by;
