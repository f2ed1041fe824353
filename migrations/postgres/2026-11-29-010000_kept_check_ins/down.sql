DROP TABLE kept_marks;
ALTER TABLE marks DROP COLUMN claimed_at;
DROP TABLE check_in_judgements;
ALTER TABLE check_ins DROP COLUMN not_judged;
ALTER TABLE check_ins DROP COLUMN not_used;
ALTER TABLE check_ins DROP COLUMN claimed_at;
ALTER TABLE check_ins DROP COLUMN sent;
