DELETE FROM alert_events e USING alerts a WHERE a.clinic_id = e.clinic_id AND a.id = e.alert_id AND a.plan_id IS NULL;
DELETE FROM alerts WHERE plan_id IS NULL;
ALTER TABLE alert_events DROP COLUMN record_check_in_id;
DROP INDEX alerts_one_open_per_cause_of_record;
ALTER TABLE alerts DROP COLUMN record_check_in_id;
ALTER TABLE alerts ALTER COLUMN version_id SET NOT NULL;
ALTER TABLE alerts ALTER COLUMN plan_id SET NOT NULL;
DROP TABLE record_check_ins;
