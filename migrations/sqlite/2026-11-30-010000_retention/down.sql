DROP INDEX sessions_ended;
DROP INDEX sessions_by_end;
DROP INDEX links_by_end;
DROP INDEX reminders_by_age;
