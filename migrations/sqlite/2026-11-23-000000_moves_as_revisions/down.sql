ALTER TABLE plan_migrations DROP COLUMN rolled_back_by;
