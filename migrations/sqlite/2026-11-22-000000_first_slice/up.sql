-- The first slice: clinics, identity, patients, protocols, plans, answers, alerts, reminders, mail.
-- Keys and foreign keys name the clinic, so that the database refuses a row that mixes two clinics. It never stands first in
-- a primary key: SQLite clusters a table by that key, and without statistics prefers a walk over a whole clinic to an index.

CREATE TABLE clinics (
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  zone TEXT NOT NULL,
  locale TEXT NOT NULL,
  phone TEXT NOT NULL,
  emergency_number TEXT NOT NULL,
  out_of_hours TEXT NOT NULL,
  reply_hours TEXT NOT NULL,
  monitored INTEGER NOT NULL,
  triage TEXT NOT NULL CHECK (triage IN ('full', 'instructions_only')),
  demo INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id BLOB NOT NULL,
  email TEXT NOT NULL UNIQUE,
  password_hash TEXT,
  auth_epoch INTEGER NOT NULL,
  locale TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  disabled_at INTEGER,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  clinic_id BLOB NOT NULL REFERENCES clinics (id),
  id BLOB NOT NULL,
  account_id BLOB NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'clinician', 'coordinator')),
  state TEXT NOT NULL CHECK (state IN ('invited', 'accepted', 'confirmed', 'suspended', 'removed')),
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_account ON members (account_id);

CREATE TABLE patients (
  clinic_id BLOB NOT NULL REFERENCES clinics (id),
  id BLOB NOT NULL,
  account_id BLOB REFERENCES accounts (id),
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  zone TEXT NOT NULL,
  locale TEXT NOT NULL,
  reminders INTEGER NOT NULL,
  address_refused_at INTEGER,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (id, clinic_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX patients_by_clinic ON patients (clinic_id, id);
CREATE INDEX patients_by_account ON patients (account_id);

CREATE TABLE links (
  id BLOB NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('patient_invitation', 'member_invitation', 'sign_in', 'password_reset')),
  token_hash BLOB NOT NULL UNIQUE,
  account_id BLOB REFERENCES accounts (id),
  clinic_id BLOB REFERENCES clinics (id),
  member_id BLOB,
  patient_id BLOB,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (id),
  FOREIGN KEY (clinic_id, member_id) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_patient ON links (clinic_id, patient_id);

CREATE TABLE sessions (
  id BLOB NOT NULL,
  account_id BLOB NOT NULL REFERENCES accounts (id),
  clinic_id BLOB REFERENCES clinics (id),
  generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  rotated_at INTEGER NOT NULL,
  idle_until INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  ended_at INTEGER,
  end_reason TEXT,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE sign_in_tries (
  who BLOB NOT NULL,
  since INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  PRIMARY KEY (who)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
  kid TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  signs_from INTEGER NOT NULL,
  removed_at INTEGER,
  PRIMARY KEY (kid)
) STRICT, WITHOUT ROWID;

-- One row. Raised by every change of rights or keys, in the same transaction; each process empties its cache of tokens
-- when it sees a number that it has not seen.
CREATE TABLE rights (
  id INTEGER NOT NULL CHECK (id = 1),
  generation INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
INSERT INTO rights (id, generation) VALUES (1, 1);

CREATE TABLE treatments (
  clinic_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  procedure TEXT NOT NULL CHECK (procedure IN ('microneedling', 'peel', 'laser')),
  performed_on TEXT NOT NULL,
  body_area TEXT NOT NULL,
  parameters TEXT NOT NULL,
  recorded_by BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, recorded_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX treatments_by_patient ON treatments (clinic_id, patient_id);

CREATE TABLE protocol_versions (
  clinic_id BLOB NOT NULL REFERENCES clinics (id),
  id BLOB NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
  document TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  created_by BLOB,
  created_at INTEGER NOT NULL,
  approved_by BLOB,
  approved_at INTEGER,
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, key, version),
  FOREIGN KEY (clinic_id, created_by) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, approved_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX protocol_versions_one_active ON protocol_versions (clinic_id, key) WHERE status = 'active';

CREATE TABLE plans (
  clinic_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  treatment_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'on_hold', 'completed', 'revoked', 'entered_in_error')),
  day_zero TEXT NOT NULL,
  parameters TEXT NOT NULL,
  enrolled_at INTEGER NOT NULL,
  enrolled_by BLOB NOT NULL,
  overruled TEXT,
  planned_to INTEGER NOT NULL,
  next_due_at INTEGER,
  revision INTEGER NOT NULL,
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, treatment_id, version_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
  FOREIGN KEY (clinic_id, version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, enrolled_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX plans_by_clinic ON plans (clinic_id, id);
CREATE INDEX plans_by_patient ON plans (clinic_id, patient_id);
CREATE INDEX plans_due ON plans (next_due_at) WHERE next_due_at IS NOT NULL;

-- Clustered by plan and day: Today reads one run of neighbours.
CREATE TABLE marks (
  clinic_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  day INTEGER NOT NULL,
  id BLOB NOT NULL,
  occurrence_id BLOB NOT NULL,
  item_key TEXT NOT NULL,
  slot_key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('done', 'partial', 'skipped', 'withdrawn')),
  reason TEXT,
  noted_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  made_by BLOB NOT NULL REFERENCES accounts (id),
  PRIMARY KEY (plan_id, day, id, clinic_id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id)
) STRICT, WITHOUT ROWID;

-- `id` is the phone's, `entry_id` is ours and runs with time.
CREATE TABLE check_ins (
  clinic_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  entry_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  occurrence_id BLOB,
  day INTEGER NOT NULL,
  form TEXT NOT NULL,
  answers TEXT NOT NULL,
  body_hash BLOB NOT NULL,
  answered_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  zone TEXT NOT NULL,
  back_filled INTEGER NOT NULL,
  urgency TEXT CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  findings TEXT NOT NULL,
  PRIMARY KEY (plan_id, entry_id, clinic_id),
  UNIQUE (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, version_id) REFERENCES protocol_versions (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX check_ins_by_patient ON check_ins (clinic_id, patient_id, entry_id);

CREATE TABLE alerts (
  clinic_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  check_in_id BLOB,
  cause TEXT NOT NULL,
  rule_key TEXT NOT NULL,
  urgency TEXT NOT NULL CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  status TEXT NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
  day INTEGER NOT NULL,
  reason TEXT NOT NULL,
  trace TEXT NOT NULL,
  times_seen INTEGER NOT NULL,
  raised_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  acknowledged_by BLOB,
  acknowledged_at INTEGER,
  resolved_by BLOB,
  resolved_at INTEGER,
  resolution TEXT,
  note TEXT,
  version INTEGER NOT NULL,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, check_in_id) REFERENCES check_ins (clinic_id, id),
  FOREIGN KEY (clinic_id, acknowledged_by) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, resolved_by) REFERENCES members (clinic_id, id),
  CHECK (status <> 'resolved' OR (resolved_by IS NOT NULL AND resolution IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX alerts_one_open_per_cause ON alerts (clinic_id, plan_id, cause) WHERE status <> 'resolved';
CREATE INDEX alerts_by_clinic ON alerts (clinic_id, id);
CREATE INDEX alerts_by_plan ON alerts (clinic_id, plan_id, cause);
CREATE INDEX alerts_by_status ON alerts (clinic_id, status, id);

-- A change of an alert, never rewritten.
CREATE TABLE alert_events (
  clinic_id BLOB NOT NULL,
  alert_id BLOB NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('raised', 'seen_again', 'worsened', 'acknowledged', 'resolved')),
  member_id BLOB,
  check_in_id BLOB,
  note TEXT,
  PRIMARY KEY (alert_id, id, clinic_id),
  FOREIGN KEY (clinic_id, alert_id) REFERENCES alerts (clinic_id, id),
  FOREIGN KEY (clinic_id, member_id) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, check_in_id) REFERENCES check_ins (clinic_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  id BLOB NOT NULL,
  clinic_id BLOB REFERENCES clinics (id),
  patient_id BLOB,
  kind TEXT NOT NULL CHECK (kind IN ('patient_invitation', 'member_invitation', 'sign_in_link', 'password_reset', 'reminder', 'alert_notice')),
  dedupe_key TEXT NOT NULL UNIQUE,
  message_id TEXT NOT NULL,
  to_address TEXT NOT NULL,
  locale TEXT NOT NULL,
  context TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'sending', 'sent', 'retry', 'dead', 'expired', 'unknown', 'withdrawn')),
  fence INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  resent INTEGER NOT NULL,
  owner TEXT,
  lease_until INTEGER,
  available_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  settled_at INTEGER,
  outcome TEXT,
  PRIMARY KEY (id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_waiting ON outbox (state, available_at);

CREATE TABLE reminders (
  clinic_id BLOB NOT NULL,
  id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  occurrence_id BLOB NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('email')),
  step INTEGER NOT NULL,
  item_key TEXT NOT NULL,
  slot_key TEXT NOT NULL,
  day INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  decision TEXT NOT NULL CHECK (decision IN ('mailed', 'joined', 'not_mailed')),
  reason TEXT NOT NULL,
  outbox_id BLOB REFERENCES outbox (id),
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, occurrence_id, channel, step),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reminders_by_plan ON reminders (clinic_id, plan_id, id);
CREATE INDEX reminders_by_outbox ON reminders (outbox_id);

CREATE TABLE idempotency_keys (
  account_id BLOB NOT NULL REFERENCES accounts (id),
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash BLOB NOT NULL,
  response TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_events (
  id BLOB NOT NULL,
  clinic_id BLOB,
  at INTEGER NOT NULL,
  actor_id BLOB,
  action TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id BLOB,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_events_by_clinic ON audit_events (clinic_id, id);
