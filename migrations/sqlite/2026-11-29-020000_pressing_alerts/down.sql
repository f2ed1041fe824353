DROP INDEX alerts_by_status_and_pressing;
DROP INDEX alerts_by_pressing;
ALTER TABLE alerts DROP COLUMN pressing;
