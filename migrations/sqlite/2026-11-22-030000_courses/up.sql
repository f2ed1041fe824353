-- A course: a series of treatments of one patient. The sessions are the treatments that treatment_links names; `done` counts them.
CREATE TABLE courses (
  clinic_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  protocol_key TEXT NOT NULL,
  procedure TEXT NOT NULL CHECK (procedure IN ('microneedling', 'peel', 'laser')),
  body_area TEXT NOT NULL,
  sessions INTEGER NOT NULL,
  min_interval_days INTEGER NOT NULL,
  interval_days INTEGER NOT NULL,
  done INTEGER NOT NULL,
  created_by BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (id, clinic_id),
  FOREIGN KEY (clinic_id, patient_id) REFERENCES patients (clinic_id, id),
  FOREIGN KEY (clinic_id, created_by) REFERENCES members (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX courses_by_clinic ON courses (clinic_id, id);
CREATE INDEX courses_by_patient ON courses (clinic_id, patient_id, id);

-- What a treatment belongs to: a session of a course, and the treatment that it was done again for. A table of its own, because
-- SQLite cannot add a foreign key that names the clinic to a table that is there. The first treatment of a session is one; a redo
-- takes the number of the one that it replaces, and each is replaced once.
CREATE TABLE treatment_links (
  clinic_id BLOB NOT NULL,
  treatment_id BLOB NOT NULL,
  course_id BLOB,
  session INTEGER,
  replaces BLOB,
  interval_overruled TEXT,
  PRIMARY KEY (treatment_id, clinic_id),
  FOREIGN KEY (clinic_id, treatment_id) REFERENCES treatments (clinic_id, id),
  FOREIGN KEY (clinic_id, course_id) REFERENCES courses (clinic_id, id),
  FOREIGN KEY (clinic_id, replaces) REFERENCES treatments (clinic_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX treatment_links_by_course ON treatment_links (clinic_id, course_id);
CREATE UNIQUE INDEX treatment_links_one_a_session ON treatment_links (clinic_id, course_id, session) WHERE replaces IS NULL;
CREATE UNIQUE INDEX treatment_links_replaced_once ON treatment_links (clinic_id, replaces);

-- Of a plan that belongs to a session, so that Today need not ask for it: {"course_id": "..", "session": 2, "of": 3}.
ALTER TABLE plans ADD COLUMN course TEXT;
