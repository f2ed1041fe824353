ALTER TABLE plans DROP COLUMN performed_at;
ALTER TABLE treatments DROP COLUMN performed_at;
