ALTER TABLE clinics DROP COLUMN closed_on;
ALTER TABLE clinics DROP COLUMN opening_hours;
