-- What is forgotten is found by its age: without these the worker would walk over all rows every hour, in the writer.
CREATE INDEX reminders_by_age ON reminders (decided_at);
CREATE INDEX links_by_end ON links (expires_at);
CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE INDEX sessions_ended ON sessions (ended_at);
