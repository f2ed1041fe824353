-- When the database was restored from a backup: what was due before that moment was sent in a time that the backup does not know.
CREATE TABLE restores (
  id UUID NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (id)
);

-- Waits, and does not go out until somebody has looked.
ALTER TABLE outbox ADD COLUMN held_at TIMESTAMPTZ;

-- What the recurring work could not do, each thing for itself, so that it is put off and nothing waits behind it.
CREATE TABLE job_failures (
  job TEXT NOT NULL CHECK (job IN ('plan', 'mail', 'migration', 'channel')),
  subject_id UUID NOT NULL,
  clinic_id UUID REFERENCES clinics (id),
  failures INTEGER NOT NULL,
  first_at TIMESTAMPTZ NOT NULL,
  last_at TIMESTAMPTZ NOT NULL,
  retry_at TIMESTAMPTZ NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (job, subject_id)
);

-- Whose turn it is: by kind, then by clinic.
CREATE INDEX outbox_turns ON outbox (state, kind, clinic_id, available_at);

-- Refused sign-ins and tokens, counted by minute, reason and neighbourhood (/24, /48).
CREATE TABLE refusals (
  minute TIMESTAMPTZ NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (minute, reason, source)
);

-- Why something was done, where a person must say it.
ALTER TABLE audit_events ADD COLUMN note TEXT;

-- The address that an account is moved to once somebody has read the mail there.
ALTER TABLE links ADD COLUMN new_email TEXT;
ALTER TABLE links DROP CONSTRAINT links_purpose_check;
ALTER TABLE links ADD CONSTRAINT links_purpose_check CHECK (purpose IN ('patient_invitation', 'member_invitation', 'sign_in', 'password_reset', 'address_change'));
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('patient_invitation', 'member_invitation', 'sign_in_link', 'password_reset', 'reminder', 'alert_notice', 'address_change'));
