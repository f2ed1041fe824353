-- What the clinic did to a running plan. `stops`: its pauses and its end; `overrides`: what is different for this patient.
-- `first_day_zero` is the date that days were counted from before the treatment's date was corrected; none if it never was.
ALTER TABLE plans ADD COLUMN stops TEXT;
ALTER TABLE plans ADD COLUMN overrides TEXT;
ALTER TABLE plans ADD COLUMN first_day_zero TEXT;

-- The date that the day of a mark or a check-in was counted from; none: the plan's first.
ALTER TABLE marks ADD COLUMN counted_from TEXT;
ALTER TABLE check_ins ADD COLUMN counted_from TEXT;

-- What happened to the plan after the alert was raised: [{at, code, detail}].
ALTER TABLE alerts ADD COLUMN annotations TEXT;

ALTER TABLE treatments ADD COLUMN entered_in_error_at INTEGER;

-- One row a change: who, when, why, what; the state before and after it. An undo points at what it took back.
CREATE TABLE plan_revisions (
  clinic_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  id BLOB NOT NULL,
  command TEXT NOT NULL,
  reason TEXT NOT NULL,
  undoes INTEGER,
  before_state TEXT NOT NULL,
  after_state TEXT NOT NULL,
  made_by BLOB NOT NULL,
  made_at INTEGER NOT NULL,
  PRIMARY KEY (plan_id, revision, clinic_id),
  UNIQUE (plan_id, undoes),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, made_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
