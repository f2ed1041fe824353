DROP INDEX patients_by_address;
