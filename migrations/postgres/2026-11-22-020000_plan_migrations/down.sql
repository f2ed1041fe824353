DROP TABLE plan_moves;
DROP TABLE plan_migrations;
DROP INDEX plans_by_version;
ALTER TABLE plans DROP COLUMN earlier_versions;
