-- Whether an address has a record already is asked for each new one.
CREATE INDEX patients_by_address ON patients (clinic_id, email);
