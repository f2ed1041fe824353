-- A plan that waits for a clinician: for which reasons not to start ([{key, text}]), when it was started after all, or why not.
-- The default lets the previous release go on enrolling.
ALTER TABLE plans ADD COLUMN waits_for TEXT NOT NULL DEFAULT '[]';
ALTER TABLE plans ADD COLUMN started_at INTEGER;
ALTER TABLE plans ADD COLUMN declined TEXT;
