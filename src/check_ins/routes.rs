//! Check-ins: sent and read by the patient, read by the clinic.

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{CheckIn as Row, NewCheckIn as Record, rules, store};
use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::clinics::{Clinic, TriageMode};
use crate::engine::{self, Finding, Urgency};
use crate::error::Error;
use crate::http::{Body, Page, PageParams, Query};
use crate::ids::{CheckInId, OccurrenceId, PatientId, PlanId};
use crate::patients;
use crate::time::Stamp;
use crate::today::routes::asked_language;
use crate::today::views::{Watch, watch};

/// The routes of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_my_check_ins).service(put_check_in).service(get_check_in).service(list_patient_check_ins);
}

/// A check-in to be sent. The phone makes the id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCheckIn {
    /// The plan that it is about.
    plan_id: PlanId,
    /// The scheduled check-in that it answers; left out when the patient writes unasked.
    occurrence_id: Option<OccurrenceId>,
    /// The answers, by question key. Every question may be left out; none may be made up.
    #[serde(deserialize_with = "crate::http::body::each_once")]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"signs": [], "redness": 3, "pain": 1, "worry": "none", "wants_call": false}))]
    answers: serde_json::Map<String, serde_json::Value>,
    /// When the patient answered, if that was earlier: a phone without network sends it later.
    answered_at: Option<Stamp>,
}

/// A check-in, and what was said to it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CheckIn {
    /// The phone's id.
    id: CheckInId,
    /// The plan that it is about.
    plan_id: PlanId,
    /// The scheduled check-in that it answers.
    #[schema(required)]
    occurrence_id: Option<OccurrenceId>,
    /// The day number that it is about.
    #[schema(example = 3)]
    day: i32,
    /// The answers, in canonical form: temperatures in Celsius, choices sorted.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"signs": [], "redness": 3, "pain": 1, "worry": "none", "wants_call": false}))]
    answers: serde_json::Value,
    /// When the patient answered.
    answered_at: Stamp,
    /// When it reached us.
    received_at: Stamp,
    /// Whether it came after its window had closed.
    #[schema(example = false)]
    back_filled: bool,
    /// How soon a person must act; `null` if nothing was found. For `emergency`, show the number first, large.
    #[schema(required)]
    urgency: Option<Urgency>,
    /// What to tell the patient, most pressing first. Never empty.
    advice: Vec<Advice>,
    /// Show it under every answer.
    #[schema(example = "This is general information from your clinic. If you are worried, contact us.")]
    standing_line: String,
    /// Whom to call, and whether anybody was watching when it reached us.
    contact: Watch,
}

/// Something to tell the patient.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Advice {
    /// The rule that found it; `null` if nothing was found.
    #[schema(required, example = "F6")]
    rule: Option<String>,
    /// How soon a person must act.
    #[schema(required)]
    urgency: Option<Urgency>,
    /// The words.
    #[schema(example = "Your answers are in line with what is common on day 3.")]
    text: String,
}

fn view(row: Row, clinic: &Clinic, locale: &str) -> Result<CheckIn, Error> {
    let findings: Vec<Finding> = row.findings.to()?;
    let locales = [locale, clinic.locale.as_str()];
    let mut advice: Vec<Advice> = Vec::new();
    for finding in &findings {
        let text = engine::fill(finding.advice.in_locale(&locales), |name| clinic.word(name)).into_owned();
        if advice.iter().all(|said| said.text != text) {
            advice.push(Advice { rule: Some(finding.rule.clone()), urgency: Some(finding.urgency), text });
        }
    }
    if advice.is_empty() {
        let text = match clinic.triage {
            TriageMode::Full => rules::in_line(locale, row.day),
            TriageMode::InstructionsOnly => rules::not_judged(locale).to_owned(),
        };
        advice.push(Advice { rule: None, urgency: None, text });
    }
    Ok(CheckIn {
        id: row.id,
        plan_id: row.plan_id,
        occurrence_id: row.occurrence_id,
        day: row.day,
        answers: row.answers.to()?,
        answered_at: row.answered_at,
        received_at: row.received_at,
        back_filled: row.back_filled,
        urgency: findings.iter().map(|finding| finding.urgency).max(),
        advice,
        standing_line: rules::standing(locale).to_owned(),
        contact: watch(clinic, row.received_at)?.watch,
    })
}

/// Send a check-in and get advice at once.
///
/// The phone makes the id, so that sending again is harmless: 201 the first time, 200 with the same answer after that,
/// 409 if the body differs. Late answers are accepted, attributed to their day, and judged.
#[utoipa::path(tag = "check-ins", operation_id = "put_check_in", request_body = NewCheckIn,
    params(("check_in_id" = CheckInId, Path, description = "Made by the phone."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 201, description = "Recorded.", body = CheckIn), (status = 200, description = "Recorded before; the same answer.", body = CheckIn)))]
#[put("/v1/me/check-ins/{check_in_id}")]
async fn put_check_in(
    app: web::Data<App>,
    me: Patient,
    id: web::Path<CheckInId>,
    request: HttpRequest,
    Body(body): Body<NewCheckIn>,
) -> Result<HttpResponse, Error> {
    let (m, inner, asked) = (app.moment(), app.clone(), asked_language(&request));
    let id = id.into_inner();
    let new = Record {
        plan_id: body.plan_id,
        occurrence_id: body.occurrence_id,
        answers: body.answers,
        answered_at: body.answered_at,
    };
    let post = app.post();
    // SQLite has one writer: what only reads is done beside it. PostgreSQL has many, and one transaction does all.
    let prepared = if app.db.is_sqlite() {
        let (inner, new, m) = (app.clone(), new.clone(), m.clone());
        Some(app.db.read(move |c| super::prepare(c, &inner.compiled, &me, id, &new, &m)).await?)
    } else {
        None
    };
    let (row, dossier, is_new) =
        app.db.write(move |c| super::record(c, &inner.compiled, (&me, &post), (id, &new), prepared, &m)).await?;
    let view = view(row, &dossier.clinic, asked.as_deref().unwrap_or(&dossier.patient.locale))?;
    Ok(if is_new { HttpResponse::Created().json(view) } else { HttpResponse::Ok().json(view) })
}

/// Get a check-in of mine.
///
/// What was sent, and what was said to it.
#[utoipa::path(tag = "check-ins", operation_id = "get_check_in",
    params(("check_in_id" = CheckInId, Path, description = "The phone's id."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The check-in and what was said to it.", body = CheckIn)))]
#[get("/v1/me/check-ins/{check_in_id}")]
async fn get_check_in(
    app: web::Data<App>,
    me: Patient,
    id: web::Path<CheckInId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let asked = asked_language(&request);
    let view = app
        .db
        .read(move |c| {
            let row = store::find_of_account(c, me.account, *id)?.ok_or(Error::NotFound)?;
            complete(c, row, asked.as_deref())
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

fn complete(c: &mut crate::db::Conn, row: Row, asked: Option<&str>) -> Result<CheckIn, Error> {
    let clinic = crate::clinics::store::get(c, row.clinic_id)?;
    let patient = patients::store::find(c, row.clinic_id, row.patient_id)?.ok_or(Error::NotFound)?;
    view(row, &clinic, asked.unwrap_or(&patient.locale))
}

/// List my check-ins, newest first.
///
/// Of all my plans, by when they reached the server.
#[utoipa::path(tag = "check-ins", operation_id = "list_my_check_ins", params(PageParams, ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "A page of check-ins.", body = Page<CheckIn>)))]
#[get("/v1/me/check-ins")]
async fn list_my_check_ins(
    app: web::Data<App>,
    me: Patient,
    Query(page): Query<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let asked = asked_language(&request);
    let page = app
        .db
        .read(move |c| {
            let rows = store::list_of_account(c, me.account, &page)?;
            paged(c, &page, rows, asked.as_deref())
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// List a patient's check-ins, newest first.
///
/// As the patient saw them: the answers, and the advice that was given.
#[utoipa::path(tag = "check-ins", operation_id = "list_patient_check_ins",
    params(PageParams, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "A page of check-ins.", body = Page<CheckIn>)))]
#[get("/v1/clinic/patients/{patient_id}/check-ins")]
async fn list_patient_check_ins(
    app: web::Data<App>,
    who: Staff,
    id: web::Path<PatientId>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let page = app
        .db
        .read(move |c| {
            patients::store::find(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            let rows = store::list_of_patient(c, who.clinic, *id, &page)?;
            paged(c, &page, rows, None)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

fn paged(
    c: &mut crate::db::Conn,
    page: &PageParams,
    rows: Vec<Row>,
    asked: Option<&str>,
) -> Result<Page<CheckIn>, Error> {
    let page = page.cut(rows, |row| row.entry_id.0, |row| complete(c, row, asked))?;
    let items: Result<Vec<_>, Error> = page.items.into_iter().collect();
    Ok(Page { items: items?, next_cursor: page.next_cursor })
}
