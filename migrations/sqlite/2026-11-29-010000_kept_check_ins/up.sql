-- What a phone sent, whole; what it said of the time where the server's was taken; what could not be used, and by which rules nothing
-- could be judged. Rows of the release before have none of these.
ALTER TABLE check_ins ADD COLUMN sent TEXT;
ALTER TABLE check_ins ADD COLUMN claimed_at TEXT;
ALTER TABLE check_ins ADD COLUMN not_used TEXT;
ALTER TABLE check_ins ADD COLUMN not_judged TEXT;

-- A check-in that was judged again, by the plan as it was then. The first judgement stays in its row.
CREATE TABLE check_in_judgements (
  clinic_id BLOB NOT NULL,
  check_in_id BLOB NOT NULL,
  id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  day INTEGER NOT NULL,
  answers TEXT NOT NULL,
  not_used TEXT NOT NULL,
  not_judged TEXT NOT NULL,
  findings TEXT NOT NULL,
  urgency TEXT CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  judged_by BLOB NOT NULL,
  judged_at INTEGER NOT NULL,
  PRIMARY KEY (check_in_id, id, clinic_id),
  FOREIGN KEY (clinic_id, check_in_id) REFERENCES check_ins (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, judged_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX check_in_judgements_by_plan ON check_in_judgements (clinic_id, plan_id);

-- What a phone said of the time where the server's was taken.
ALTER TABLE marks ADD COLUMN claimed_at TEXT;

-- A mark that does not count: on something that had not been asked when it was noted, or was over before the enrolment.
CREATE TABLE kept_marks (
  clinic_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  id BLOB NOT NULL,
  day INTEGER NOT NULL,
  occurrence_id BLOB NOT NULL,
  item_key TEXT NOT NULL,
  slot_key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('done', 'partial', 'skipped', 'withdrawn')),
  reason TEXT,
  why TEXT NOT NULL,
  noted_at INTEGER NOT NULL,
  claimed_at TEXT,
  received_at INTEGER NOT NULL,
  made_by BLOB NOT NULL REFERENCES accounts (id),
  PRIMARY KEY (plan_id, id, clinic_id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id)
) STRICT, WITHOUT ROWID;
