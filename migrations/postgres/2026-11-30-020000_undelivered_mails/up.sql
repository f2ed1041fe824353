-- Support asks for the few mails that did not arrive; those that did cost nothing here.
CREATE INDEX outbox_undelivered ON outbox (clinic_id, id) WHERE state IN ('retry', 'dead', 'expired', 'unknown');

-- Tells the old address that an account has moved.
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('patient_invitation', 'member_invitation', 'sign_in_link', 'password_reset', 'reminder', 'alert_notice', 'address_change', 'address_changed'));

-- Which clinic shut an account; NULL: the operator, and then no clinic opens it.
ALTER TABLE accounts ADD COLUMN disabled_by UUID;
