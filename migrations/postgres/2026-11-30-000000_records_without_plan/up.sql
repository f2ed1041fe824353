-- What a patient said in the form for danger signs while their record had no plan that is right. `content_hash` names the built-in document
-- by which it was judged.
CREATE TABLE record_check_ins (
  clinic_id uuid NOT NULL,
  patient_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  id uuid NOT NULL,
  content_hash text NOT NULL,
  answers jsonb NOT NULL,
  body_hash bytea NOT NULL,
  answered_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  zone text NOT NULL,
  urgency text CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  findings jsonb NOT NULL,
  sent text NOT NULL,
  claimed_at text,
  not_used jsonb,
  not_judged jsonb,
  PRIMARY KEY (patient_id, entry_id, clinic_id),
  UNIQUE (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
);

-- An alert about such a record has no plan, and so no version of a protocol.
ALTER TABLE alerts ALTER COLUMN plan_id DROP NOT NULL;
ALTER TABLE alerts ALTER COLUMN version_id DROP NOT NULL;
ALTER TABLE alerts ADD COLUMN record_check_in_id uuid;
ALTER TABLE alerts ADD CONSTRAINT alerts_record_check_in FOREIGN KEY (clinic_id, record_check_in_id) REFERENCES record_check_ins (clinic_id, id);
CREATE UNIQUE INDEX alerts_one_open_per_cause_of_record ON alerts (clinic_id, patient_id, cause) WHERE plan_id IS NULL AND status <> 'resolved';
ALTER TABLE alert_events ADD COLUMN record_check_in_id uuid;
ALTER TABLE alert_events ADD CONSTRAINT alert_events_record_check_in FOREIGN KEY (clinic_id, record_check_in_id) REFERENCES record_check_ins (clinic_id, id);
