//! Patients and their treatments, for staff.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::extract::Shown;
use crate::app::App;
use crate::auth::Staff;
use crate::courses::{self, Belongs, Link};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::EventKind;
use crate::http::conditions::{answer_version, check_version, edited, if_match};
use crate::http::idempotency::{self, Key};
use crate::http::text::{self, Email, Locale, Name, Note, Zone};
use crate::http::{Body, Page, PageParams, Path, Query};
use crate::invitations;
use crate::patient_commands;
use crate::patients::{
    self, NewPatient as Add, NewTreatment as Record, Patient as Row, PatientChange, Treatment as TreatmentRow, store,
};
use engine::{Parameters, Procedure};
use ground::ids::{CourseId, MemberId, PatientId, TreatmentId};
use ground::time::Stamp;
use ground::values::Date;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_patients)
        .service(add_patient)
        .service(get_patient)
        .service(change_patient)
        .service(invite_patient)
        .service(unlink_patient)
        .service(list_treatments)
        .service(record_treatment);
}

/// One person's record in the clinic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Patient {
    /// Its id.
    id: PatientId,
    /// The name.
    #[schema(example = "Ada Invented")]
    name: String,
    /// Where mail goes.
    #[schema(example = "ada@patients.example")]
    email: String,
    /// The IANA zone where the patient is now.
    #[schema(example = "Europe/London")]
    zone: String,
    /// The language of texts and mails.
    #[schema(example = "en")]
    locale: String,
    /// Whether reminders are wanted.
    #[schema(example = true)]
    reminders: bool,
    /// Whether the invitation was accepted.
    #[schema(example = false)]
    accepted: bool,
    /// When a mail relay said that the address does not exist; put another address in.
    #[schema(required)]
    address_refused_at: Option<Stamp>,
    /// When it was made.
    created_at: Stamp,
    /// For `If-Match`: the ETag is `"v` and this number and `"`.
    #[schema(example = 1)]
    version: i32,
}

fn view(row: Row) -> Patient {
    Patient {
        id: row.id,
        name: row.name,
        email: row.email,
        zone: row.zone,
        locale: row.locale,
        reminders: row.reminders,
        accepted: row.account_id.is_some(),
        address_refused_at: row.address_refused_at,
        created_at: row.created_at,
        version: row.version,
    }
}

/// List the patients, newest first.
///
/// Of the clinic that the token acts for; follow `next_cursor` to the end.
#[utoipa::path(tag = "patients", operation_id = "list_patients", params(PageParams),
    responses((status = 200, description = "A page of patients.", body = Page<Patient>)))]
#[get("/v1/clinic/patients")]
async fn list_patients(
    app: web::Data<App>,
    who: Staff,
    Query(page): Query<PageParams>,
    shown: Shown,
) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let rows = app.db.read(move |c| store::list(c, who.clinic, &wanted)).await?;
    let view = |row: Row| {
        shown.note(EventKind::PatientRead, row.id);
        view(row)
    };
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.id.0, view)?))
}

/// A patient to be added.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPatient {
    /// The name.
    name: Name,
    /// Where mail goes.
    email: Email,
    /// Where the patient is; the clinic's zone if left out.
    zone: Option<Zone>,
    /// The language; the clinic's if left out.
    locale: Option<Locale>,
}

/// Add a patient.
///
/// Nothing is mailed yet: invite the patient when the plan is ready.
#[utoipa::path(tag = "patients", operation_id = "add_patient", request_body = NewPatient, params(Key),
    responses((status = 201, description = "Added.", body = Patient)))]
#[post("/v1/clinic/patients")]
async fn add_patient(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    Body(new): Body<NewPatient>,
) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "add_patient", &new)?;
    let new = Add { name: new.name, email: new.email, zone: new.zone, locale: new.locale };
    app.act(who, move |ctx| ctx.once(once, |ctx| patients::add(ctx, &who, new).map(view)))
        .await
        .map(idempotency::Answer::created)
}

/// Get a patient.
///
/// The record as the clinic keeps it, with the ETag that a change needs.
#[utoipa::path(tag = "patients", operation_id = "get_patient",
    params(("patient_id" = PatientId, Path, description = "The patient."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The patient.", body = Patient), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/patients/{patient_id}")]
async fn get_patient(
    app: web::Data<App>,
    who: Staff,
    id: Path<PatientId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let row = app.db.read(move |c| store::find(c, who.clinic, *id)).await?.ok_or(Error::NotFound)?;
    let version = row.version;
    answer_version(&request, &view(row), version)
}

/// Changes of a patient's record; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PatientPatch {
    /// The name.
    name: Option<Name>,
    /// Where mail goes; only before the invitation is accepted.
    email: Option<Email>,
    /// Where the patient is.
    zone: Option<Zone>,
    /// The language.
    locale: Option<Locale>,
    /// Whether reminders are wanted.
    #[schema(example = true)]
    reminders: Option<bool>,
}

/// Change a patient's record.
///
/// Reminders are planned again by the new zone and wishes.
#[utoipa::path(tag = "patients", operation_id = "change_patient", request_body = PatientPatch,
    params(("patient_id" = PatientId, Path, description = "The patient."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "Changed.", body = Patient)))]
#[patch("/v1/clinic/patients/{patient_id}")]
async fn change_patient(
    app: web::Data<App>,
    who: Staff,
    id: Path<PatientId>,
    request: HttpRequest,
    Body(patch): Body<PatientPatch>,
) -> Result<HttpResponse, Error> {
    let tag = if_match(&request);
    let PatientPatch { name, email, zone, locale, reminders } = patch;
    let change = PatientChange { name, email, zone, locale, reminders };
    let row = app
        .act(who, move |ctx| {
            let before = store::find(ctx.c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            check_version(tag.as_deref(), before.version)?;
            patient_commands::change(ctx, before, change)
        })
        .await?;
    let version = row.version;
    edited(&view(row), version)
}

/// An invitation that is on its way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Invitation {
    /// The patient.
    patient_id: PatientId,
    /// Until when the link in the mail is good.
    expires_at: Stamp,
}

/// Mail the patient an invitation.
///
/// Again mails another link; the older one ends.
#[utoipa::path(tag = "patients", operation_id = "invite_patient",
    params(Key, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 201, description = "The mail is on its way.", body = Invitation)))]
#[post("/v1/clinic/patients/{patient_id}/invitation")]
async fn invite_patient(app: web::Data<App>, who: Staff, key: Key, id: Path<PatientId>) -> Result<HttpResponse, Error> {
    let () = ();
    let once = key.once(who.clinic, who.account, "invite_patient", &*id)?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let expires_at = invitations::invite(ctx, &who, *id)?;
            Ok(Invitation { patient_id: *id, expires_at })
        })
    })
    .await
    .map(idempotency::Answer::created)
}

/// Why an account is taken off a record.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Unlinking {
    /// For the audit.
    reason: Note,
}

/// Take the account off a patient's record.
///
/// For an invitation that the wrong person accepted, or a person who should not see the record any more. Counts at once: the account
/// reads nothing of the record from the next request on, and gets no reminders. Then the address can be changed and the patient invited anew.
#[utoipa::path(tag = "patients", operation_id = "unlink_patient", request_body = Unlinking,
    params(Key, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "The record has no account.", body = Patient)))]
#[post("/v1/clinic/patients/{patient_id}/unlink")]
async fn unlink_patient(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<PatientId>,
    Body(sent): Body<Unlinking>,
) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "unlink_patient", &(*id, &sent))?;
    app.act(who, move |ctx| ctx.once(once, |ctx| Ok(view(patient_commands::unlink(ctx, &who, *id, &sent.reason)?))))
        .await
        .map(idempotency::Answer::ok)
}

/// What was done, when, where, and how.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Treatment {
    /// Its id.
    id: TreatmentId,
    /// The patient.
    patient_id: PatientId,
    /// What was done.
    procedure: Procedure,
    /// The local date at the clinic: day 0 of the plan.
    performed_on: Date,
    /// The instant at which it was, if that is known: then hours after the treatment are counted from it.
    #[schema(required)]
    performed_at: Option<Stamp>,
    /// Where on the body.
    #[schema(example = "face")]
    body_area: String,
    /// Needle depth, skin type, and what the screening asked.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"needle_depth_mm": 1.5, "skin_type": "III"}))]
    parameters: serde_json::Value,
    /// The course that it is a session of.
    #[schema(required)]
    course_id: Option<CourseId>,
    /// Which session.
    #[schema(required, example = 2)]
    session: Option<i32>,
    /// The treatment that it was done again for.
    #[schema(required)]
    replaces: Option<TreatmentId>,
    /// Why a clinician did not wait for the course's shortest interval.
    #[schema(required, example = "Seen today: the skin is calm.")]
    interval_overruled: Option<String>,
    /// Who recorded it.
    recorded_by: MemberId,
    /// When it was recorded.
    created_at: Stamp,
    /// For `If-Match`.
    #[schema(example = 1)]
    version: i32,
}

/// How a treatment looks from outside.
pub fn treatment_view(row: TreatmentRow, link: Option<Link>) -> Treatment {
    Treatment {
        course_id: link.as_ref().and_then(|link| link.course_id),
        session: link.as_ref().and_then(|link| link.session),
        replaces: link.as_ref().and_then(|link| link.replaces),
        interval_overruled: link.and_then(|link| link.interval_overruled),
        id: row.id,
        patient_id: row.patient_id,
        procedure: row.procedure,
        performed_on: row.performed_on.0.into(),
        performed_at: row.performed_at,
        body_area: row.body_area,
        parameters: row.parameters.to().unwrap_or_default(),
        recorded_by: row.recorded_by,
        created_at: row.created_at,
        version: row.version,
    }
}

/// List a patient's treatments, newest first.
///
/// What was done and with which parameters; a plan follows one treatment.
#[utoipa::path(tag = "patients", operation_id = "list_treatments",
    params(PageParams, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "A page of treatments.", body = Page<Treatment>)))]
#[get("/v1/clinic/patients/{patient_id}/treatments")]
async fn list_treatments(
    app: web::Data<App>,
    who: Staff,
    id: Path<PatientId>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let (rows, links) = app
        .db
        .read(move |c| {
            store::find(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            Ok((store::list_treatments(c, who.clinic, *id, &wanted)?, courses::links_of(c, who.clinic, *id)?))
        })
        .await?;
    let view = |row: TreatmentRow| {
        let link = links.iter().find(|link| link.treatment_id == row.id).cloned();
        treatment_view(row, link)
    };
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.id.0, view)?))
}

/// A treatment to be recorded.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTreatment {
    /// What was done.
    procedure: Procedure,
    /// The local date at the clinic; today or up to two years before.
    performed_on: Date,
    /// The instant, if it is known; on `performed_on` by the clock at the clinic (`not_on_date`), and not in the future. With it "24 hours" is an
    /// instant; without it, the end of a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    performed_at: Option<Stamp>,
    /// Where on the body, as the plan names it.
    body_area: text::Key,
    /// What the plan asks for: `needle_depth_mm` (0.5 to 2.5), `skin_type` (`I` to `VI`) and the screening's flags.
    #[serde(default, deserialize_with = "crate::http::body::each_once")]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"needle_depth_mm": 1.5, "skin_type": "III"}))]
    parameters: Parameters,
    /// The patient's course that it is the next session of.
    #[serde(skip_serializing_if = "Option::is_none")]
    course_id: Option<CourseId>,
    /// The treatment that is done again; this one takes its place in its course.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<TreatmentId>,
    /// Why the course's shortest interval is not waited for: a clinician's approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    overrule_interval: Option<text::Note>,
}

/// Record a treatment.
///
/// Its date is day 0 of the plan that follows. The parameters are checked against a plan when the patient is enrolled. As a
/// session of a course it must fit (`wrong_procedure`, `wrong_body_area`, `out_of_order`, `course_complete`), and keep its distance
/// (`too_soon`), unless a clinician says why not.
#[utoipa::path(tag = "patients", operation_id = "record_treatment", request_body = NewTreatment,
    params(Key, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 201, description = "Recorded.", body = Treatment)))]
#[post("/v1/clinic/patients/{patient_id}/treatments")]
async fn record_treatment(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    id: Path<PatientId>,
    Body(new): Body<NewTreatment>,
) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "record_treatment", &(*id, &new))?;
    let belongs = Belongs { course: new.course_id, replaces: new.replaces, overrule_interval: new.overrule_interval };
    let NewTreatment { procedure, performed_on, performed_at, body_area, parameters, .. } = new;
    let new = Record { procedure, performed_on, performed_at, body_area, parameters };
    let record = move |ctx: &mut Ctx<'_>| {
        let (row, link) = courses::record_treatment(ctx, &who, *id, new, belongs)?;
        Ok(treatment_view(row, link))
    };
    app.act(who, move |ctx| ctx.once(once, record)).await.map(idempotency::Answer::created)
}
