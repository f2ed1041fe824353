//! One person's record in one clinic, and what was done to them.

pub mod store;

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use crate::auth::Staff;
use crate::clinics;
use crate::ctx::Ctx;
use crate::db::schema::{patients, treatments};
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::text::{Email, Key, Locale, Name, Zone};
use crate::mail::outbox::OutboxMail;
use engine::{Parameters, Procedure};
use ground::ids::{AccountId, ClinicId, MemberId, PatientId, TreatmentId};
use ground::sql::{Conn, MultiBackend};
use ground::sql::{DateColumn, Json};
use ground::time::Stamp;
use ground::values::Date;

/// One person's record in one clinic.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = patients, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Patient {
    pub clinic_id: ClinicId,
    pub id: PatientId,
    /// The account, once the invitation is accepted.
    pub account_id: Option<AccountId>,
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// The IANA zone where the patient is now.
    pub zone: String,
    /// The language of texts and mails.
    pub locale: String,
    /// Whether reminders are wanted.
    pub reminders: bool,
    /// When a relay said that the address does not exist.
    pub address_refused_at: Option<Stamp>,
    pub created_at: Stamp,
    /// Rises with every change.
    pub version: i32,
}

impl From<&Patient> for EventSubject {
    fn from(patient: &Patient) -> Self {
        Self::in_clinic(patient.clinic_id, Object::Patient(patient.id))
    }
}

/// What was done, when, where, and how.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = treatments, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Treatment {
    pub clinic_id: ClinicId,
    pub id: TreatmentId,
    pub patient_id: PatientId,
    /// What was done.
    pub procedure: Procedure,
    /// The local date at the clinic: day 0.
    pub performed_on: DateColumn,
    /// Where on the body.
    pub body_area: String,
    /// Needle depth, skin type, and what the screening asked.
    pub parameters: Json,
    /// Who recorded it.
    pub recorded_by: MemberId,
    /// When it was recorded.
    pub created_at: Stamp,
    /// Rises with every change.
    pub version: i32,
    /// When it was said that it never happened.
    pub entered_in_error_at: Option<Stamp>,
    /// The instant at which it was, if that is known; it falls on `performed_on` at the clinic.
    pub performed_at: Option<Stamp>,
}

impl From<&Treatment> for EventSubject {
    fn from(treatment: &Treatment) -> Self {
        Self::in_clinic(treatment.clinic_id, Object::Treatment(treatment.id)).of_patient(treatment.patient_id)
    }
}

/// A patient to be added.
#[derive(Debug, Clone)]
pub struct NewPatient {
    pub name: Name,
    /// Where mail goes.
    pub email: Email,
    /// The zone; the clinic's if it is not known.
    pub zone: Option<Zone>,
    /// The language; the clinic's if it is not known.
    pub locale: Option<Locale>,
}

/// Adds a patient to the clinic. Nothing is mailed yet.
pub fn add(ctx: &mut Ctx<'_>, who: &Staff, new: NewPatient) -> Result<Patient, Error> {
    let clinic = crate::clinics::store::get(ctx.c, who.clinic)?;
    let patient = Patient {
        clinic_id: who.clinic,
        id: ctx.m.id(),
        account_id: None,
        name: new.name.into(),
        email: new.email.as_str().to_owned(),
        zone: new.zone.map_or(clinic.zone, |zone| zone.as_str().to_owned()),
        locale: new.locale.map_or(clinic.locale, |locale| locale.as_str().to_owned()),
        reminders: true,
        address_refused_at: None,
        created_at: ctx.m.at,
        version: 1,
    };
    must_be_the_only_one(ctx.c, who.clinic, patient.id, &patient.email)?;
    store::insert(ctx.c, &patient)?;
    ctx.happened(EventKind::PatientAdded, &patient)?;
    Ok(patient)
}

/// Refuses an address that another record of the clinic has: the two would be one person to everybody who is signed in with it.
pub fn must_be_the_only_one(c: &mut Conn, clinic: ClinicId, id: PatientId, address: &str) -> Result<(), Error> {
    match store::find_other_with_address(c, clinic, id, address)? {
        None => Ok(()),
        Some(other) => {
            let detail = format!(
                "the record {other} of this clinic has this address; a person has one record, and a record one person"
            );
            Err(Error::conflict("same_address", detail))
        }
    }
}

/// Whether the account's records can be of several persons: two of them are in one clinic. Then no two are taken for one person's.
pub fn are_several(c: &mut Conn, account: AccountId) -> Result<bool, Error> {
    let mut clinics: Vec<ClinicId> =
        clinics::store::list_records_of(c, account)?.into_iter().map(|(clinic, _)| clinic).collect();
    let all = clinics.len();
    clinics.sort_unstable();
    clinics.dedup();
    Ok(clinics.len() < all)
}

/// Whether the account has records, and all of them are that clinic's.
pub fn are_all_of(c: &mut Conn, account: AccountId, clinic: ClinicId) -> Result<bool, Error> {
    let records = clinics::store::list_records_of(c, account)?;
    Ok(!records.is_empty() && records.iter().all(|(of, _)| *of == clinic))
}

/// Whether one of the account's clinics has a record of somebody else with that address.
pub fn is_address_of_another(c: &mut Conn, account: AccountId, address: &str) -> Result<bool, Error> {
    for (clinic, id) in clinics::store::list_records_of(c, account)? {
        if store::find_other_with_address(c, clinic, id, address)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A change of a patient's record; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct PatientChange {
    pub name: Option<Name>,
    /// Where mail goes; only while no account is linked.
    pub email: Option<Email>,
    /// The zone where the patient is.
    pub zone: Option<Zone>,
    pub locale: Option<Locale>,
    /// Whether reminders are wanted.
    pub reminders: Option<bool>,
}

/// Where a patient's mail goes, and whether somebody has accepted the invitation.
pub struct Addressed {
    pub email: String,
    /// Whether the record has an account.
    pub accepted: bool,
}

/// Where the mail of a patient of the clinic goes.
pub fn addressed(c: &mut Conn, clinic: ClinicId, id: PatientId) -> Result<Option<Addressed>, Error> {
    let found = store::find(c, clinic, id)?;
    Ok(found.map(|patient| Addressed { accepted: patient.account_id.is_some(), email: patient.email }))
}

/// The names of patients of the clinic.
pub fn names(c: &mut Conn, clinic: ClinicId, ids: Vec<PatientId>) -> Result<BTreeMap<PatientId, String>, Error> {
    store::names(c, clinic, ids)
}

/// A treatment to be recorded.
#[derive(Debug, Clone)]
pub struct NewTreatment {
    /// What was done.
    pub procedure: Procedure,
    /// The local date at the clinic.
    pub performed_on: Date,
    /// The instant, if it is known.
    pub performed_at: Option<Stamp>,
    /// Where on the body.
    pub body_area: Key,
    /// Needle depth, skin type, and what the screening asked.
    pub parameters: Parameters,
}

/// The largest and smallest needle depth of any plan, millimetres (fact sheet, P1: the seed's 0.5-2.5).
const NEEDLE_DEPTH_MM: (f64, f64) = (0.5, 2.5);
/// Parameters may be so many.
const MOST_PARAMETERS: usize = 60;

/// Records what was done. A plan checks the parameters that it needs; what no plan may have is refused here.
pub fn record_treatment(ctx: &mut Ctx<'_>, who: &Staff, id: PatientId, new: NewTreatment) -> Result<Treatment, Error> {
    let patient = store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    let clinic = crate::clinics::store::get(ctx.c, who.clinic)?;
    check_date(&clinic.zone, new.performed_on, ctx.m.at)?;
    check_time(&clinic.zone, new.performed_at, new.performed_on, ctx.m.at)?;
    check_parameters(&new.parameters)?;
    let treatment = Treatment {
        clinic_id: who.clinic,
        id: ctx.m.id(),
        patient_id: patient.id,
        procedure: new.procedure,
        performed_on: new.performed_on.0.into(),
        body_area: new.body_area.into(),
        parameters: Json::of(&new.parameters)?,
        recorded_by: who.member,
        created_at: ctx.m.at,
        version: 1,
        entered_in_error_at: None,
        performed_at: new.performed_at,
    };
    store::insert_treatment(ctx.c, &treatment)?;
    ctx.happened(EventKind::TreatmentRecorded, &treatment)?;
    Ok(treatment)
}

/// A treatment of the clinic.
pub fn treatment(c: &mut Conn, clinic: ClinicId, id: TreatmentId) -> Result<Option<Treatment>, Error> {
    store::find_treatment(c, clinic, id)
}

/// Nobody else changes the treatment, or enrols for it, before this transaction has ended.
pub fn lock_treatment(c: &mut Conn, clinic: ClinicId, id: TreatmentId) -> Result<(), Error> {
    store::lock_treatment(c, clinic, id)
}

/// Where on the body these treatments were.
pub fn areas_of(
    c: &mut Conn,
    clinic: ClinicId,
    treatments: &[TreatmentId],
) -> Result<HashMap<TreatmentId, String>, Error> {
    Ok(store::list_areas(c, clinic, treatments)?.into_iter().collect())
}

/// Whether a treatment can have been on that date.
pub fn check_date(zone: &str, performed_on: Date, at: Stamp) -> Result<(), Error> {
    let zone = crate::zones::zone(zone)?;
    let today = at.timestamp().to_zoned(zone).date();
    let first = today.checked_sub(jiff::Span::new().years(2)).unwrap_or(today);
    if performed_on.0 > today {
        return Err(Error::field("/performed_on", "out_of_range", "must not be after today at the clinic"));
    }
    if performed_on.0 < first {
        return Err(Error::field("/performed_on", "out_of_range", "must not be more than two years ago"));
    }
    Ok(())
}

/// Whether a treatment of that date can have been at that instant: on the date, at the clinic, and not in the future.
pub fn check_time(zone: &str, performed_at: Option<Stamp>, performed_on: Date, at: Stamp) -> Result<(), Error> {
    let Some(performed_at) = performed_at else { return Ok(()) };
    let zone = crate::zones::zone(zone)?;
    if engine::local_date(&zone, performed_at) != performed_on.0 {
        let detail = "must fall on `performed_on`, by the clock at the clinic";
        return Err(Error::field("/performed_at", "not_on_date", detail));
    }
    if performed_at > at {
        return Err(Error::field("/performed_at", "out_of_range", "must not be in the future"));
    }
    Ok(())
}

/// Whether parameters can be those of any treatment.
pub fn check_parameters(parameters: &Parameters) -> Result<(), Error> {
    if parameters.0.len() > MOST_PARAMETERS {
        return Err(Error::field("/parameters", "too_long", format!("may hold at most {MOST_PARAMETERS} entries")));
    }
    for (key, value) in &parameters.0 {
        if key.len() > 60 || !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        {
            return Err(Error::field(
                "/parameters",
                "invalid_value",
                "names are lower-case letters, digits and _, 60 at most",
            ));
        }
        let pointer = format!("/parameters/{key}");
        match value {
            serde_json::Value::Number(_) | serde_json::Value::Bool(_) => {}
            serde_json::Value::String(text) if text.len() <= 60 && !text.chars().any(char::is_control) => {}
            _ => {
                return Err(Error::field(
                    pointer,
                    "wrong_type",
                    "must be a number, a word of 60 letters at most, true or false",
                ));
            }
        }
    }
    if let Some(depth) = parameters.0.get("needle_depth_mm") {
        let (least, most) = NEEDLE_DEPTH_MM;
        if !depth.as_f64().is_some_and(|depth| (least..=most).contains(&depth)) {
            let detail = format!("must be a number between {least} and {most}");
            return Err(Error::field("/parameters/needle_depth_mm", "out_of_range", detail));
        }
    }
    Ok(())
}

/// One click: no more reminders to this patient. Idempotent.
pub fn unsubscribe(ctx: &mut Ctx<'_>, clinic: ClinicId, id: PatientId) -> Result<(), Error> {
    store::find(ctx.c, clinic, id)?.ok_or(Error::NotFound)?;
    if store::stop_reminders(ctx.c, clinic, id)? {
        ctx.happened(EventKind::PatientUnsubscribed, EventSubject::in_clinic(clinic, Object::Patient(id)))?;
    }
    Ok(())
}

/// The relay says that the mail's address does not exist: no more reminders go there.
pub fn address_refused(ctx: &mut Ctx<'_>, mail: &OutboxMail) -> Result<(), Error> {
    let (Some(clinic), Some(patient)) = (mail.clinic_id, mail.patient_id) else { return Ok(()) };
    if store::set_address_refused(ctx.c, clinic, patient, &mail.to_address, ctx.m.at)? {
        ctx.happened(EventKind::PatientAddressRefused, EventSubject::in_clinic(clinic, Object::Patient(patient)))?;
    }
    Ok(())
}

/// The relay took a mail to the address.
pub fn address_reached(c: &mut Conn, mail: &OutboxMail) -> Result<(), Error> {
    match (mail.clinic_id, mail.patient_id) {
        (Some(clinic), Some(patient)) => store::clear_address_refused(c, clinic, patient, &mail.to_address),
        _ => Ok(()),
    }
}
