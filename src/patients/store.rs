//! Patients and treatments: the rows.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Patient, Treatment};
use crate::db::schema::{clinics, patients, treatments};
use crate::error::Error;
use crate::http::PageParams;
use ground::ids::{AccountId, ClinicId, PatientId, TreatmentId};
use ground::sql::Conn;
use ground::time::Stamp;

/// A new patient.
pub fn insert(c: &mut Conn, patient: &Patient) -> Result<(), Error> {
    diesel::insert_into(patients::table).values(patient).execute(c)?;
    Ok(())
}

/// A patient of the clinic.
pub fn find(c: &mut Conn, clinic: ClinicId, id: PatientId) -> Result<Option<Patient>, Error> {
    Ok(patients::table.find((clinic, id)).select(Patient::as_select()).first(c).optional()?)
}

/// The names of patients of the clinic.
pub fn names(c: &mut Conn, clinic: ClinicId, mut ids: Vec<PatientId>) -> Result<BTreeMap<PatientId, String>, Error> {
    ids.sort();
    ids.dedup();
    let rows: Vec<(PatientId, String)> = patients::table
        .filter(patients::clinic_id.eq(clinic).and(patients::id.eq_any(ids)))
        .select((patients::id, patients::name))
        .load(c)?;
    Ok(rows.into_iter().collect())
}

/// The patients of the clinic, newest first.
pub fn list(c: &mut Conn, clinic: ClinicId, page: &PageParams) -> Result<Vec<Patient>, Error> {
    let mut rows = patients::table
        .filter(patients::clinic_id.eq(clinic))
        .order(patients::id.desc())
        .limit(page.fetch())
        .select(Patient::as_select())
        .into_boxed();
    if let Some(after) = page.after::<PatientId>() {
        rows = rows.filter(patients::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The records that are linked to the account, in every clinic.
pub fn list_of_account(c: &mut Conn, account: AccountId) -> Result<Vec<Patient>, Error> {
    Ok(patients::table
        .filter(patients::account_id.eq(account))
        .order((patients::created_at, patients::id))
        .select(Patient::as_select())
        .load(c)?)
}

/// Another record of the clinic with that address, for this transaction alone: of two that are made at once, the second finds the first.
pub fn find_other_with_address(
    c: &mut Conn,
    clinic: ClinicId,
    id: PatientId,
    address: &str,
) -> Result<Option<PatientId>, Error> {
    crate::db::lock!(c, clinics::table.find(clinic).select(clinics::id), ClinicId);
    Ok(patients::table
        .filter(patients::clinic_id.eq(clinic).and(patients::email.eq(address)).and(patients::id.ne(id)))
        .order(patients::id)
        .select(patients::id)
        .first(c)
        .optional()?)
}

/// The changed record, if the version is still the one that was read.
pub fn set(c: &mut Conn, patient: &Patient, version: i32) -> Result<bool, Error> {
    let changed =
        diesel::update(patients::table.find((patient.clinic_id, patient.id)).filter(patients::version.eq(version)))
            .set((
                patients::name.eq(&patient.name),
                patients::email.eq(&patient.email),
                patients::zone.eq(&patient.zone),
                patients::locale.eq(&patient.locale),
                patients::reminders.eq(patient.reminders),
                patients::address_refused_at.eq(patient.address_refused_at),
                patients::version.eq(patient.version),
            ))
            .execute(c)?;
    Ok(changed == 1)
}

/// Links the record to an account.
pub fn set_account(c: &mut Conn, clinic: ClinicId, id: PatientId, account: AccountId) -> Result<(), Error> {
    diesel::update(patients::table.find((clinic, id)))
        .set((
            patients::account_id.eq(account),
            patients::address_refused_at.eq(None::<Stamp>),
            patients::version.eq(patients::version + 1),
        ))
        .execute(c)?;
    Ok(())
}

/// The account's records get its new address, which works: its mail was read.
pub fn set_email_of_account(c: &mut Conn, account: AccountId, email: &str) -> Result<(), Error> {
    diesel::update(patients::table.filter(patients::account_id.eq(account)))
        .set((
            patients::email.eq(email),
            patients::address_refused_at.eq(None::<Stamp>),
            patients::version.eq(patients::version + 1),
        ))
        .execute(c)?;
    Ok(())
}

/// Takes the account off the record; `false` if it has none.
pub fn clear_account(c: &mut Conn, clinic: ClinicId, id: PatientId) -> Result<bool, Error> {
    let record = patients::table.find((clinic, id)).filter(patients::account_id.is_not_null());
    let cleared = diesel::update(record)
        .set((patients::account_id.eq(None::<AccountId>), patients::version.eq(patients::version + 1)))
        .execute(c)?;
    Ok(cleared == 1)
}

/// No more reminders; `false` if that was so already.
pub fn stop_reminders(c: &mut Conn, clinic: ClinicId, id: PatientId) -> Result<bool, Error> {
    let stopped = diesel::update(patients::table.find((clinic, id)).filter(patients::reminders.eq(true)))
        .set((patients::reminders.eq(false), patients::version.eq(patients::version + 1)))
        .execute(c)?;
    Ok(stopped == 1)
}

/// The relay says that the address does not exist; it counts only while it is the record's.
pub fn set_address_refused(
    c: &mut Conn,
    clinic: ClinicId,
    id: PatientId,
    address: &str,
    at: Stamp,
) -> Result<bool, Error> {
    let record = patients::table.find((clinic, id)).filter(patients::email.eq(address));
    let changed = diesel::update(record.filter(patients::address_refused_at.is_null()))
        .set((patients::address_refused_at.eq(at), patients::version.eq(patients::version + 1)))
        .execute(c)?;
    Ok(changed == 1)
}

/// The address works after all.
pub fn clear_address_refused(c: &mut Conn, clinic: ClinicId, id: PatientId, address: &str) -> Result<(), Error> {
    let record = patients::table.find((clinic, id)).filter(patients::email.eq(address));
    diesel::update(record.filter(patients::address_refused_at.is_not_null()))
        .set((patients::address_refused_at.eq(None::<Stamp>), patients::version.eq(patients::version + 1)))
        .execute(c)?;
    Ok(())
}

/// A new treatment.
pub fn insert_treatment(c: &mut Conn, treatment: &Treatment) -> Result<(), Error> {
    diesel::insert_into(treatments::table).values(treatment).execute(c)?;
    Ok(())
}

/// A treatment of the clinic.
pub fn find_treatment(c: &mut Conn, clinic: ClinicId, id: TreatmentId) -> Result<Option<Treatment>, Error> {
    Ok(treatments::table.find((clinic, id)).select(Treatment::as_select()).first(c).optional()?)
}

/// Nobody else changes the treatment, or enrols for it, before this transaction has ended.
pub fn lock_treatment(c: &mut Conn, clinic: ClinicId, id: TreatmentId) -> Result<(), Error> {
    crate::db::lock!(c, treatments::table.find((clinic, id)).select(treatments::id), TreatmentId);
    Ok(())
}

/// Where on the body these treatments were.
pub fn list_areas(c: &mut Conn, clinic: ClinicId, ids: &[TreatmentId]) -> Result<Vec<(TreatmentId, String)>, Error> {
    Ok(treatments::table
        .filter(treatments::clinic_id.eq(clinic).and(treatments::id.eq_any(ids.to_vec())))
        .select((treatments::id, treatments::body_area))
        .load(c)?)
}

/// The treatments of a patient, newest first.
pub fn list_treatments(
    c: &mut Conn,
    clinic: ClinicId,
    patient: PatientId,
    page: &PageParams,
) -> Result<Vec<Treatment>, Error> {
    let mut rows = treatments::table
        .filter(treatments::clinic_id.eq(clinic).and(treatments::patient_id.eq(patient)))
        .order(treatments::id.desc())
        .limit(page.fetch())
        .select(Treatment::as_select())
        .into_boxed();
    if let Some(after) = page.after::<TreatmentId>() {
        rows = rows.filter(treatments::id.lt(after));
    }
    Ok(rows.load(c)?)
}
