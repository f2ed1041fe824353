DROP TRIGGER audit_is_an_event;
DROP TRIGGER alert_is_an_event;
DROP VIEW alerts_as_events;
DROP VIEW audit_as_events;
DROP TABLE event_chains;
DROP TABLE events;
