-- What the clinic has written for the texts that protocols leave to it: key -> language -> text. The default lets the
-- previous release go on making clinics.
ALTER TABLE clinics ADD COLUMN texts TEXT NOT NULL DEFAULT '{}';
