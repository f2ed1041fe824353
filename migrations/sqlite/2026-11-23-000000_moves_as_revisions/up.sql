-- Who took a migration back: the author of the revisions that its way back makes.
ALTER TABLE plan_migrations ADD COLUMN rolled_back_by BLOB;
