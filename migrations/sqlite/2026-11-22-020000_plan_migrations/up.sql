-- A running plan that was moved: the versions its earlier days belong to, as [{"until_day": 11, "version_id": ".."}].
ALTER TABLE plans ADD COLUMN earlier_versions TEXT;
CREATE INDEX plans_by_version ON plans (version_id, id);

-- Moving running plans from one version of a protocol to another, in batches: `after_plan` is how far it is.
CREATE TABLE plan_migrations (
  clinic_id BLOB NOT NULL,
  id BLOB NOT NULL,
  key TEXT NOT NULL,
  from_version_id BLOB NOT NULL,
  to_version_id BLOB NOT NULL,
  only_plans TEXT,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'rolling_back', 'rolled_back')),
  total INTEGER NOT NULL,
  moved INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  returned INTEGER NOT NULL,
  after_plan BLOB,
  created_by BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, from_version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, to_version_id) REFERENCES protocol_versions (clinic_id, id),
  FOREIGN KEY (clinic_id, created_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_migrations_unfinished ON plan_migrations (id) WHERE state IN ('running', 'rolling_back');

-- What became of each plan.
CREATE TABLE plan_moves (
  clinic_id BLOB NOT NULL,
  migration_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('moved', 'conflict', 'returned')),
  from_day INTEGER NOT NULL,
  reason TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (migration_id, plan_id, clinic_id),
  FOREIGN KEY (clinic_id, migration_id) REFERENCES plan_migrations (clinic_id, id),
  FOREIGN KEY (clinic_id, plan_id) REFERENCES plans (clinic_id, id)
) STRICT, WITHOUT ROWID;
