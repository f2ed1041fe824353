ALTER TABLE plans DROP COLUMN declined;
ALTER TABLE plans DROP COLUMN started_at;
ALTER TABLE plans DROP COLUMN waits_for;
