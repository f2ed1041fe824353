-- When a person looks: [{"weekdays": ["monday"], "opens": "09:00", "closes": "17:00"}], and the dates on which nobody does:
-- [{"from_on": "2026-12-24", "to_on": "2027-01-01"}]. NULL: the clinic has not said.
ALTER TABLE clinics ADD COLUMN opening_hours TEXT;
ALTER TABLE clinics ADD COLUMN closed_on TEXT;
