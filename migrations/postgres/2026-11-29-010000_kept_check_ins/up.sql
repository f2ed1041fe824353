-- What a phone sent, whole; what it said of the time where the server's was taken; what could not be used, and by which rules nothing
-- could be judged. Rows of the release before have none of these.
ALTER TABLE check_ins ADD COLUMN sent text;
ALTER TABLE check_ins ADD COLUMN claimed_at text;
ALTER TABLE check_ins ADD COLUMN not_used jsonb;
ALTER TABLE check_ins ADD COLUMN not_judged jsonb;

-- A check-in that was judged again, by the plan as it was then. The first judgement stays in its row.
CREATE TABLE check_in_judgements (
  clinic_id uuid NOT NULL,
  check_in_id uuid NOT NULL,
  id uuid NOT NULL,
  plan_id uuid NOT NULL,
  version_id uuid NOT NULL,
  day integer NOT NULL,
  answers jsonb NOT NULL,
  not_used jsonb NOT NULL,
  not_judged jsonb NOT NULL,
  findings jsonb NOT NULL,
  urgency text CHECK (urgency IN ('emergency', 'urgent', 'soon', 'note')),
  judged_by uuid NOT NULL,
  judged_at timestamptz NOT NULL,
  PRIMARY KEY (check_in_id, id, clinic_id),
  FOREIGN KEY (clinic_id, check_in_id) REFERENCES check_ins (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id),
  FOREIGN KEY (clinic_id, version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, judged_by) REFERENCES members (clinic_id, id)
);
CREATE INDEX check_in_judgements_by_plan ON check_in_judgements (clinic_id, plan_id);

-- What a phone said of the time where the server's was taken.
ALTER TABLE marks ADD COLUMN claimed_at text;

-- A mark that does not count: on something that had not been asked when it was noted, or was over before the enrolment.
CREATE TABLE kept_marks (
  clinic_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  id uuid NOT NULL,
  day integer NOT NULL,
  occurrence_id uuid NOT NULL,
  item_key text NOT NULL,
  slot_key text NOT NULL,
  state text NOT NULL CHECK (state IN ('done', 'partial', 'skipped', 'withdrawn')),
  reason text,
  why text NOT NULL,
  noted_at timestamptz NOT NULL,
  claimed_at text,
  received_at timestamptz NOT NULL,
  made_by uuid NOT NULL REFERENCES accounts (id),
  PRIMARY KEY (plan_id, id, clinic_id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id)
);
