-- What the clinic did to a running plan. `stops`: its pauses and its end; `overrides`: what is different for this patient.
-- `first_day_zero` is the date that days were counted from before the treatment's date was corrected; none if it never was.
ALTER TABLE plans ADD COLUMN stops jsonb;
ALTER TABLE plans ADD COLUMN overrides jsonb;
ALTER TABLE plans ADD COLUMN first_day_zero date;

-- The date that the day of a mark or a check-in was counted from; none: the plan's first.
ALTER TABLE marks ADD COLUMN counted_from date;
ALTER TABLE check_ins ADD COLUMN counted_from date;

-- What happened to the plan after the alert was raised: [{at, code, detail}].
ALTER TABLE alerts ADD COLUMN annotations jsonb;

ALTER TABLE treatments ADD COLUMN entered_in_error_at timestamptz;

-- One row a change: who, when, why, what; the state before and after it. An undo points at what it took back.
CREATE TABLE plan_revisions (
  clinic_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  revision integer NOT NULL,
  id uuid NOT NULL,
  command jsonb NOT NULL,
  reason text NOT NULL,
  undoes integer,
  before_state jsonb NOT NULL,
  after_state jsonb NOT NULL,
  made_by uuid NOT NULL,
  made_at timestamptz NOT NULL,
  PRIMARY KEY (plan_id, revision, clinic_id),
  UNIQUE (plan_id, undoes),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, made_by) REFERENCES members (clinic_id, id)
);
