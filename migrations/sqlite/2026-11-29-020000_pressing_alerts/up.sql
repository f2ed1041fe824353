-- How pressing an alert is, for the order of the list: 0 an emergency that is open, 3 a note, 4 what has ended.
ALTER TABLE alerts ADD COLUMN pressing INTEGER NOT NULL GENERATED ALWAYS AS (
  CASE WHEN status = 'resolved' THEN 4 WHEN urgency = 'emergency' THEN 0 WHEN urgency = 'urgent' THEN 1 WHEN urgency = 'soon' THEN 2 ELSE 3 END
) VIRTUAL;
CREATE INDEX alerts_by_pressing ON alerts (clinic_id, pressing, due_at, id);
CREATE INDEX alerts_by_status_and_pressing ON alerts (clinic_id, status, pressing, due_at, id);
