DROP TABLE plan_revisions;
ALTER TABLE treatments DROP COLUMN entered_in_error_at;
ALTER TABLE alerts DROP COLUMN annotations;
ALTER TABLE check_ins DROP COLUMN counted_from;
ALTER TABLE marks DROP COLUMN counted_from;
ALTER TABLE plans DROP COLUMN first_day_zero;
ALTER TABLE plans DROP COLUMN overrides;
ALTER TABLE plans DROP COLUMN stops;
