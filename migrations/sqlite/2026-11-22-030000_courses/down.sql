ALTER TABLE plans DROP COLUMN course;
DROP TABLE treatment_links;
DROP TABLE courses;
