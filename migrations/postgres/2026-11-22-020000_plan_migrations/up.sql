-- A running plan that was moved: the versions its earlier days belong to, as [{"until_day": 11, "version_id": ".."}].
ALTER TABLE plans ADD COLUMN earlier_versions jsonb;
CREATE INDEX plans_by_version ON plans (version_id, id);

-- Moving running plans from one version of a protocol to another, in batches: `after_plan` is how far it is.
CREATE TABLE plan_migrations (
  clinic_id uuid NOT NULL,
  id uuid NOT NULL,
  key text NOT NULL,
  from_version_id uuid NOT NULL,
  to_version_id uuid NOT NULL,
  only_plans jsonb,
  state text NOT NULL CHECK (state IN ('running', 'done', 'rolling_back', 'rolled_back')),
  total integer NOT NULL,
  moved integer NOT NULL,
  conflicts integer NOT NULL,
  returned integer NOT NULL,
  after_plan uuid,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, from_version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, to_version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, created_by) REFERENCES members (clinic_id, id)
);
CREATE INDEX plan_migrations_unfinished ON plan_migrations (id) WHERE state IN ('running', 'rolling_back');

-- What became of each plan.
CREATE TABLE plan_moves (
  clinic_id uuid NOT NULL,
  migration_id uuid NOT NULL,
  plan_id uuid NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('moved', 'conflict', 'returned')),
  from_day integer NOT NULL,
  reason text,
  at timestamptz NOT NULL,
  PRIMARY KEY (migration_id, plan_id, clinic_id),
  FOREIGN KEY (clinic_id, migration_id) REFERENCES plan_migrations (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id)
);
