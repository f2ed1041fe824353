-- When a treatment was, where that is known: then "24 hours" is an instant. A plan keeps a copy, as of the date, so that Today asks for
-- nothing more. Rows of the release before have none, and their days count.
ALTER TABLE treatments ADD COLUMN performed_at INTEGER;
ALTER TABLE plans ADD COLUMN performed_at INTEGER;
