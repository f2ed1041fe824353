-- When the database was restored from a backup: what was due before that moment was sent in a time that the backup does not know.
CREATE TABLE restores (
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- Waits, and does not go out until somebody has looked.
ALTER TABLE outbox ADD COLUMN held_at INTEGER;

-- What the recurring work could not do, each thing for itself, so that it is put off and nothing waits behind it.
CREATE TABLE job_failures (
  job TEXT NOT NULL CHECK (job IN ('plan', 'mail', 'migration', 'channel')),
  subject_id BLOB NOT NULL,
  clinic_id BLOB REFERENCES clinics (id),
  failures INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  retry_at INTEGER NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (job, subject_id)
) STRICT, WITHOUT ROWID;

-- Whose turn it is: by kind, then by clinic.
CREATE INDEX outbox_turns ON outbox (state, kind, clinic_id, available_at);

-- Refused sign-ins and tokens, counted by minute, reason and neighbourhood (/24, /48).
CREATE TABLE refusals (
  minute INTEGER NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (minute, reason, source)
) STRICT, WITHOUT ROWID;

-- Why something was done, where a person must say it.
ALTER TABLE audit_events ADD COLUMN note TEXT;

-- The address that an account is moved to once somebody has read the mail there. The two CHECKs get a word more as
-- SQLite's manual says for constraints that hold for every row already (ALTER TABLE, "Making Other Kinds Of Table Schema Changes").
ALTER TABLE links ADD COLUMN new_email TEXT;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''sign_in'', ''password_reset'')', '''sign_in'', ''password_reset'', ''address_change'')') WHERE type = 'table' AND name = 'links';
UPDATE sqlite_schema SET sql = replace(sql, '''reminder'', ''alert_notice'')', '''reminder'', ''alert_notice'', ''address_change'')') WHERE type = 'table' AND name = 'outbox';
PRAGMA writable_schema = RESET;
