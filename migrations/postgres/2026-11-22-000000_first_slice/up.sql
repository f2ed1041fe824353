-- The first slice: clinics, identity, patients, protocols, plans, answers, alerts, reminders, mail.
-- Keys and foreign keys name the clinic, so that the database refuses a row that mixes two clinics. It never stands first in
-- a primary key: SQLite clusters a table by that key, and without statistics prefers a walk over a whole clinic to an index.

CREATE TABLE clinics (
  id uuid NOT NULL,
  name text NOT NULL,
  zone text NOT NULL,
  locale text NOT NULL,
  phone text NOT NULL,
  emergency_number text NOT NULL,
  out_of_hours text NOT NULL,
  reply_hours text NOT NULL,
  monitored boolean NOT NULL,
  triage text NOT NULL CHECK (triage IN ('full', 'instructions_only')),
  demo boolean NOT NULL,
  created_at timestamptz NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE accounts (
  id uuid NOT NULL,
  email text NOT NULL UNIQUE,
  password_hash text,
  auth_epoch integer NOT NULL,
  locale text NOT NULL,
  created_at timestamptz NOT NULL,
  disabled_at timestamptz,
  PRIMARY KEY (id)
);

CREATE TABLE members (
  clinic_id uuid NOT NULL REFERENCES clinics (id),
  id uuid NOT NULL,
  account_id uuid NOT NULL REFERENCES accounts (id),
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'clinician', 'coordinator')),
  state text NOT NULL CHECK (state IN ('invited', 'accepted', 'confirmed', 'suspended', 'removed')),
  created_at timestamptz NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, account_id)
);
CREATE INDEX members_by_account ON members (account_id);

CREATE TABLE patients (
  clinic_id uuid NOT NULL REFERENCES clinics (id),
  id uuid NOT NULL,
  account_id uuid REFERENCES accounts (id),
  name text NOT NULL,
  email text NOT NULL,
  zone text NOT NULL,
  locale text NOT NULL,
  reminders boolean NOT NULL,
  address_refused_at timestamptz,
  created_at timestamptz NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (id, clinic_id)
);
CREATE INDEX patients_by_clinic ON patients (clinic_id, id);
CREATE INDEX patients_by_account ON patients (account_id);

CREATE TABLE links (
  id uuid NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('patient_invitation', 'member_invitation', 'sign_in', 'password_reset')),
  token_hash bytea NOT NULL UNIQUE,
  account_id uuid REFERENCES accounts (id),
  clinic_id uuid REFERENCES clinics (id),
  member_id uuid,
  patient_id uuid,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (id),
  FOREIGN KEY (clinic_id, member_id) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX links_by_patient ON links (clinic_id, patient_id);

CREATE TABLE sessions (
  id uuid NOT NULL,
  account_id uuid NOT NULL REFERENCES accounts (id),
  clinic_id uuid REFERENCES clinics (id),
  generation integer NOT NULL,
  created_at timestamptz NOT NULL,
  rotated_at timestamptz NOT NULL,
  idle_until timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  PRIMARY KEY (id)
);
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE sign_in_tries (
  who bytea NOT NULL,
  since timestamptz NOT NULL,
  tries integer NOT NULL,
  PRIMARY KEY (who)
);

CREATE TABLE signing_keys (
  kid text NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  signs_from timestamptz NOT NULL,
  removed_at timestamptz,
  PRIMARY KEY (kid)
);

-- One row. Raised by every change of rights or keys, in the same transaction; each process empties its cache of tokens
-- when it sees a number that it has not seen.
CREATE TABLE rights (
  id integer NOT NULL CHECK (id = 1),
  generation bigint NOT NULL,
  PRIMARY KEY (id)
);
INSERT INTO rights (id, generation) VALUES (1, 1);

CREATE TABLE treatments (
  clinic_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  procedure text NOT NULL CHECK (procedure IN ('microneedling', 'peel', 'laser')),
  performed_on date NOT NULL,
  body_area text NOT NULL,
  parameters jsonb NOT NULL,
  recorded_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  version integer NOT NULL,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, recorded_by) REFERENCES members (clinic_id, id)
);
CREATE INDEX treatments_by_patient ON treatments (clinic_id, patient_id);

CREATE TABLE protocol_versions (
  clinic_id uuid NOT NULL REFERENCES clinics (id),
  id uuid NOT NULL,
  key text NOT NULL,
  version integer NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
  document text NOT NULL,
  content_hash text NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  approved_by uuid,
  approved_at timestamptz,
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, key, version),
  FOREIGN KEY (clinic_id, created_by) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, approved_by) REFERENCES members (clinic_id, id)
);
CREATE UNIQUE INDEX protocol_versions_one_active ON protocol_versions (clinic_id, key) WHERE status = 'active';

CREATE TABLE plans (
  clinic_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  treatment_id uuid NOT NULL,
  version_id uuid NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'active', 'on_hold', 'completed', 'revoked', 'entered_in_error')),
  day_zero date NOT NULL,
  parameters jsonb NOT NULL,
  enrolled_at timestamptz NOT NULL,
  enrolled_by uuid NOT NULL,
  overruled text,
  planned_to timestamptz NOT NULL,
  next_due_at timestamptz,
  revision integer NOT NULL,
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, treatment_id, version_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
  FOREIGN KEY (clinic_id, version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, enrolled_by) REFERENCES members (clinic_id, id)
);
CREATE INDEX plans_by_clinic ON plans (clinic_id, id);
CREATE INDEX plans_by_patient ON plans (clinic_id, patient_id);
CREATE INDEX plans_due ON plans (next_due_at) WHERE next_due_at IS NOT NULL;

-- Clustered by plan and day: Today reads one run of neighbours.
CREATE TABLE marks (
  clinic_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  day integer NOT NULL,
  id uuid NOT NULL,
  occurrence_id uuid NOT NULL,
  item_key text NOT NULL,
  slot_key text NOT NULL,
  state text NOT NULL CHECK (state IN ('done', 'partial', 'skipped', 'withdrawn')),
  reason text,
  noted_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  made_by uuid NOT NULL REFERENCES accounts (id),
  PRIMARY KEY (plan_id, day, id, clinic_id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id)
);

-- `id` is the phone's, `entry_id` is ours and runs with time.
CREATE TABLE check_ins (
  clinic_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  version_id uuid NOT NULL,
  occurrence_id uuid,
  day integer NOT NULL,
  form text NOT NULL,
  answers jsonb NOT NULL,
  body_hash bytea NOT NULL,
  answered_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  zone text NOT NULL,
  back_filled boolean NOT NULL,
  urgency text CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  findings jsonb NOT NULL,
  PRIMARY KEY (plan_id, entry_id, clinic_id),
  UNIQUE (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, version_id) REFERENCES protocol_versions (clinic_id, id)
);
CREATE INDEX check_ins_by_patient ON check_ins (clinic_id, patient_id, entry_id);

CREATE TABLE alerts (
  clinic_id uuid NOT NULL,
  id uuid NOT NULL,
  patient_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  version_id uuid NOT NULL,
  check_in_id uuid,
  cause text NOT NULL,
  rule_key text NOT NULL,
  urgency text NOT NULL CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  status text NOT NULL CHECK (status IN ('open', 'acknowledged', 'resolved')),
  day integer NOT NULL,
  reason jsonb NOT NULL,
  trace jsonb NOT NULL,
  times_seen integer NOT NULL,
  raised_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  acknowledged_by uuid,
  acknowledged_at timestamptz,
  resolved_by uuid,
  resolved_at timestamptz,
  resolution text,
  note text,
  version integer NOT NULL,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, check_in_id) REFERENCES check_ins (clinic_id, id),
  FOREIGN KEY (clinic_id, acknowledged_by) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, resolved_by) REFERENCES members (clinic_id, id),
  CHECK (status <> 'resolved' OR (resolved_by IS NOT NULL AND resolution IS NOT NULL))
);
CREATE UNIQUE INDEX alerts_one_open_per_cause ON alerts (clinic_id, plan_id, cause) WHERE status <> 'resolved';
CREATE INDEX alerts_by_clinic ON alerts (clinic_id, id);
CREATE INDEX alerts_by_plan ON alerts (clinic_id, plan_id, cause);
CREATE INDEX alerts_by_status ON alerts (clinic_id, status, id);

-- A change of an alert, never rewritten.
CREATE TABLE alert_events (
  clinic_id uuid NOT NULL,
  alert_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('raised', 'seen_again', 'worsened', 'acknowledged', 'resolved')),
  member_id uuid,
  check_in_id uuid,
  note text,
  PRIMARY KEY (alert_id, id, clinic_id),
  FOREIGN KEY (clinic_id, alert_id) REFERENCES alerts (clinic_id, id),
  FOREIGN KEY (clinic_id, member_id) REFERENCES members (clinic_id, id),
  FOREIGN KEY (clinic_id, check_in_id) REFERENCES check_ins (clinic_id, id)
);

CREATE TABLE outbox (
  id uuid NOT NULL,
  clinic_id uuid REFERENCES clinics (id),
  patient_id uuid,
  kind text NOT NULL CHECK (kind IN ('patient_invitation', 'member_invitation', 'sign_in_link', 'password_reset', 'reminder', 'alert_notice')),
  dedupe_key text NOT NULL UNIQUE,
  message_id text NOT NULL,
  to_address text NOT NULL,
  locale text NOT NULL,
  context jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'leased', 'sending', 'sent', 'retry', 'dead', 'expired', 'unknown', 'withdrawn')),
  fence integer NOT NULL,
  attempt integer NOT NULL,
  resent boolean NOT NULL,
  owner text,
  lease_until timestamptz,
  available_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  settled_at timestamptz,
  outcome text,
  PRIMARY KEY (id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX outbox_waiting ON outbox (state, available_at);

CREATE TABLE reminders (
  clinic_id uuid NOT NULL,
  id uuid NOT NULL,
  plan_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  occurrence_id uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('email')),
  step integer NOT NULL,
  item_key text NOT NULL,
  slot_key text NOT NULL,
  day integer NOT NULL,
  due_at timestamptz NOT NULL,
  decided_at timestamptz NOT NULL,
  decision text NOT NULL CHECK (decision IN ('mailed', 'joined', 'not_mailed')),
  reason text NOT NULL,
  outbox_id uuid REFERENCES outbox (id),
  PRIMARY KEY (id, clinic_id),
  UNIQUE (clinic_id, occurrence_id, channel, step),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);
CREATE INDEX reminders_by_plan ON reminders (clinic_id, plan_id, id);
CREATE INDEX reminders_by_outbox ON reminders (outbox_id);

CREATE TABLE idempotency_keys (
  account_id uuid NOT NULL REFERENCES accounts (id),
  route text NOT NULL,
  key text NOT NULL,
  body_hash bytea NOT NULL,
  response jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (account_id, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit_events (
  id uuid NOT NULL,
  clinic_id uuid,
  at timestamptz NOT NULL,
  actor_id uuid,
  action text NOT NULL,
  object_kind text NOT NULL,
  object_id uuid,
  PRIMARY KEY (id)
);
CREATE INDEX audit_events_by_clinic ON audit_events (clinic_id, id);
