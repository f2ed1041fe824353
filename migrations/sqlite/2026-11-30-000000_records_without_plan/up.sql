-- What a patient said in the form for danger signs while their record had no plan that is right. `content_hash` names the built-in document
-- by which it was judged.
CREATE TABLE record_check_ins (
  clinic_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  entry_id BLOB NOT NULL,
  id BLOB NOT NULL,
  content_hash TEXT NOT NULL,
  answers TEXT NOT NULL,
  body_hash BLOB NOT NULL,
  answered_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  zone TEXT NOT NULL,
  urgency TEXT CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  findings TEXT NOT NULL,
  sent TEXT NOT NULL,
  claimed_at TEXT,
  not_used TEXT,
  not_judged TEXT,
  PRIMARY KEY (patient_id, entry_id, clinic_id),
  UNIQUE (clinic_id, id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id)
) STRICT, WITHOUT ROWID;

-- An alert about such a record has no plan, and so no version of a protocol. Two constraints go and two come as SQLite's manual says
-- for what holds for every row already (ALTER TABLE, "Making Other Kinds Of Table Schema Changes").
ALTER TABLE alerts ADD COLUMN record_check_in_id BLOB;
ALTER TABLE alert_events ADD COLUMN record_check_in_id BLOB;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, 'plan_id BLOB NOT NULL', 'plan_id BLOB'), 'version_id BLOB NOT NULL', 'version_id BLOB') WHERE type = 'table' AND name = 'alerts';
UPDATE sqlite_schema SET sql = replace(sql, 'FOREIGN KEY (clinic_id, check_in_id)', 'FOREIGN KEY (clinic_id, record_check_in_id) REFERENCES record_check_ins (clinic_id, id), FOREIGN KEY (clinic_id, check_in_id)') WHERE type = 'table' AND name IN ('alerts', 'alert_events');
PRAGMA writable_schema = RESET;
CREATE UNIQUE INDEX alerts_one_open_per_cause_of_record ON alerts (clinic_id, patient_id, cause) WHERE plan_id IS NULL AND status <> 'resolved';
