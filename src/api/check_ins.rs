//! Check-ins: sent and read by the patient, read by the clinic.

use actix_web::{HttpRequest, HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::check_ins::records::Entry;
use crate::check_ins::{self, About, Judgement as Again, NewCheckIn as Record, NotUsed, rules, store};
use crate::clinics::{self, Clinic, TriageMode};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::http::body::{AsSent, Said};
use crate::http::idempotency::{self, Key};
use crate::http::language::asked_language;
use crate::http::{Page, PageParams, Path, Query};
use crate::patients;
use crate::plans;
use crate::today::views::{ClinicContact, watch};
use engine::{Finding, PlanStatus, Urgency};
use ground::ids::{CheckInId, JudgementId, MemberId, OccurrenceId, PatientId, PlanId, VersionId};
use ground::sql::Conn;
use ground::sql::Json;
use ground::time::Stamp;
use ground::words;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_my_check_ins)
        .service(put_check_in)
        .service(get_check_in)
        .service(list_patient_check_ins)
        .service(reconsider_check_in);
}

/// A check-in to be sent. The phone makes the id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCheckIn {
    /// The plan that it is about. Either this or `patient_id`, as the form has it.
    plan_id: Option<PlanId>,
    /// The record that it is about, if the form had no plan. If the clinic has enrolled the patient since, its newest plan judges.
    patient_id: Option<PatientId>,
    /// The scheduled check-in that it answers; left out when the patient writes unasked. One that was never asked is kept as written
    /// unasked, and named in `not_used`.
    #[schema(value_type = Option<OccurrenceId>)]
    occurrence_id: Option<Said<OccurrenceId>>,
    /// The answers, by question key; one at least. What cannot be used is kept, and named in `not_used`.
    #[serde(deserialize_with = "crate::http::body::each_once")]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"signs": [], "redness": 3, "pain": 1, "worry": "none", "wants_call": false}))]
    answers: serde_json::Map<String, serde_json::Value>,
    /// When the patient answered, if that was earlier: a phone without network sends it later. If the phone's clock cannot be right, the
    /// server's is taken.
    #[schema(value_type = Option<Stamp>)]
    answered_at: Option<Said<Stamp>>,
}

/// A check-in, and what was said to it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CheckIn {
    /// The phone's id.
    id: CheckInId,
    /// The plan that it is about; `null` if the record had none: then the built-in danger signs judged it.
    #[schema(required)]
    plan_id: Option<PlanId>,
    /// The record that it is about.
    patient_id: PatientId,
    /// The scheduled check-in that it answers.
    #[schema(required)]
    occurrence_id: Option<OccurrenceId>,
    /// The day number that it is about; 0 without a plan.
    #[schema(example = 3)]
    day: i32,
    /// The answers, in canonical form: temperatures in Celsius, choices sorted.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"signs": [], "redness": 3, "pain": 1, "worry": "none", "wants_call": false}))]
    answers: serde_json::Value,
    /// When the patient answered; by the server's clock if `clock` is `adjusted`.
    answered_at: Stamp,
    /// Whose clock `answered_at` is of.
    clock: ClockState,
    /// What the phone said instead, if `clock` is `adjusted`.
    #[schema(required, example = "2036-03-02T18:30:00Z")]
    claimed_at: Option<String>,
    /// When it reached us.
    received_at: Stamp,
    /// What could not be used of what was sent. It is kept, and the clinic sees it.
    not_used: Vec<NotUsed>,
    /// Rules that gave no result, by what they look for; all others were judged.
    #[schema(example = json!([]))]
    not_judged: Vec<String>,
    /// Whether it came after its window had closed.
    #[schema(example = false)]
    back_filled: bool,
    /// How soon a person must act; `null` if nothing was found. For `emergency`, show the number first, large.
    #[schema(required)]
    urgency: Option<Urgency>,
    /// What to tell the patient: one advice, the most pressing, with all reasons beneath it.
    advice: Advice,
    /// Show it under every answer.
    #[schema(example = "This is general information from your clinic. If you are worried, contact us.")]
    standing_line: String,
    /// Whom to call, and whether anybody was watching when it reached us.
    contact: ClinicContact,
    /// What was found when the clinic had it judged again, the newest last. What is above stays as it was said at first.
    judged_again: Vec<Judgement>,
}

/// A later judgement of a check-in, by the plan as it was then.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Judgement {
    /// Its id.
    id: JudgementId,
    /// The check-in.
    check_in_id: CheckInId,
    /// The protocol version by which it was judged.
    protocol_version_id: VersionId,
    /// Who asked for it.
    judged_by: MemberId,
    /// When.
    judged_at: Stamp,
    /// The day number that it is about.
    #[schema(example = 3)]
    day: i32,
    /// What could be used of the answers.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"redness": 3}))]
    answers: serde_json::Value,
    /// What still could not.
    not_used: Vec<NotUsed>,
    /// Rules that gave no result.
    #[schema(example = json!([]))]
    not_judged: Vec<String>,
    /// How soon a person must act; `null` if nothing was found.
    #[schema(required)]
    urgency: Option<Urgency>,
    /// What it says to the patient; `null` if nothing was found.
    #[schema(required)]
    advice: Option<Advice>,
}

words! {
    /// Whose clock an instant is of.
    pub enum ClockState {
        /// The phone's.
        Trusted = "trusted",
        /// The server's: what the phone said cannot be.
        Adjusted = "adjusted",
    }
}

/// What to tell the patient. One: who is told to call now is not told to wait for Monday as well.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Advice {
    /// How soon a person must act; `null` if nothing was found.
    #[schema(required)]
    urgency: Option<Urgency>,
    /// The words.
    #[schema(example = "Your answers are in line with what is common on day 3.")]
    text: String,
    /// Until when a person at the clinic answers: for `urgent` and `soon`, where answers are read (`monitored`) and the clinic has said its
    /// opening hours. It is the deadline that staff have, and falls into a time in which somebody is there.
    #[schema(required)]
    answer_by: Option<Stamp>,
    /// Why, the most pressing first; empty if nothing was found.
    reasons: Vec<AdviceReason>,
}

/// Something that was found in the answers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct AdviceReason {
    /// The rule or sign that found it.
    #[schema(example = "R1")]
    rule: String,
    /// How soon a person must act on this alone.
    urgency: Urgency,
    /// What it was, with the numbers.
    #[schema(example = "Redness 7 on day 2; usual 3")]
    text: String,
}

impl Advice {
    fn plain(text: String) -> Self {
        Self { urgency: None, text, answer_by: None, reasons: Vec::new() }
    }
}

fn view(row: Entry, clinic: &Clinic, locale: &str, judgements: Vec<Again>) -> Result<CheckIn, Error> {
    let findings: Vec<Finding> = row.findings.to()?;
    let advice = advice(&findings, clinic, locale, row.received_at)?.unwrap_or_else(|| {
        Advice::plain(match clinic.triage {
            TriageMode::Full if row.plan_id.is_some() => rules::in_line(locale, row.day),
            // Without a plan nothing says what is common.
            TriageMode::Full | TriageMode::InstructionsOnly => rules::not_judged(locale),
        })
    });
    let judged_again: Result<Vec<Judgement>, Error> =
        judgements.into_iter().map(|again| judgement_view(again, clinic, locale)).collect();
    Ok(CheckIn {
        id: row.id,
        plan_id: row.plan_id,
        patient_id: row.patient_id,
        occurrence_id: row.occurrence_id,
        day: row.day,
        answers: row.answers.to()?,
        answered_at: row.answered_at,
        clock: if row.claimed_at.is_some() { ClockState::Adjusted } else { ClockState::Trusted },
        claimed_at: row.claimed_at,
        received_at: row.received_at,
        not_used: row.not_used.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
        not_judged: row.not_judged.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
        back_filled: row.back_filled,
        urgency: findings.iter().map(|finding| finding.urgency).max(),
        advice,
        standing_line: rules::standing(locale),
        contact: watch(clinic, row.received_at)?.watch,
        judged_again: judged_again?,
    })
}

/// What is said of findings: the words of the most pressing, and what each of them is, the same words once.
fn advice(findings: &[Finding], clinic: &Clinic, locale: &str, at: Stamp) -> Result<Option<Advice>, Error> {
    let locales = [locale, clinic.locale.as_str()];
    let said = |text: &engine::Text| engine::fill(text.in_locale(&locales), |name| clinic.word(name)).into_owned();
    // The rules come in this order; rows of the release before may not.
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| std::cmp::Reverse(finding.urgency));
    let Some(first) = ordered.first() else { return Ok(None) };
    let mut reasons: Vec<AdviceReason> = Vec::new();
    for finding in &ordered {
        // A row of the release before knows only its advice.
        let text = Some(said(&finding.because)).filter(|text| !text.is_empty());
        let text = text.unwrap_or_else(|| said(&finding.advice));
        if reasons.iter().all(|reason| reason.text != text) {
            reasons.push(AdviceReason { rule: finding.rule.clone(), urgency: finding.urgency, text });
        }
    }
    let answer_by = clinic.answers_by(first.urgency, at)?;
    Ok(Some(Advice { urgency: Some(first.urgency), text: said(&first.advice), answer_by, reasons }))
}

fn judgement_view(again: Again, clinic: &Clinic, locale: &str) -> Result<Judgement, Error> {
    let findings: Vec<Finding> = again.findings.to()?;
    Ok(Judgement {
        id: again.id,
        check_in_id: again.check_in_id,
        protocol_version_id: again.version_id,
        judged_by: again.judged_by,
        judged_at: again.judged_at,
        day: again.day,
        answers: again.answers.to()?,
        not_used: again.not_used.to()?,
        not_judged: again.not_judged.to()?,
        urgency: findings.iter().map(|finding| finding.urgency).max(),
        advice: advice(&findings, clinic, locale, again.judged_at)?,
    })
}

/// Send a check-in and get advice at once.
///
/// The phone makes the id, so that sending again is harmless: 201 the first time, 200 with the same answer after that,
/// 409 if the body means something else. Late answers are accepted, attributed to their day, and judged. Nothing is refused because a part
/// of it is wrong: what can be used is judged at once, the rest is kept and named in `not_used`, also of a plan that has ended, and of a
/// record without a plan (`patient_id` instead of `plan_id`): then the built-in danger signs judge. Of a plan
/// that was entered in error it is kept, and only what cannot wait is said.
#[utoipa::path(tag = "check-ins", operation_id = "put_check_in", request_body = NewCheckIn,
    params(("check_in_id" = CheckInId, Path, description = "Made by the phone."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 201, description = "Recorded.", body = CheckIn), (status = 200, description = "Recorded before; the same answer.", body = CheckIn)))]
#[put("/v1/me/check-ins/{check_in_id}")]
async fn put_check_in(
    app: web::Data<App>,
    me: Patient,
    id: Path<CheckInId>,
    request: HttpRequest,
    AsSent(body): AsSent<NewCheckIn>,
) -> Result<HttpResponse, Error> {
    let (asked, id) = (asked_language(&request), id.into_inner());
    let new = body.meant()?;
    let judged = new.clone();
    let judge = move |ctx: &mut Ctx<'_>| check_ins::prepare(ctx, &me, id, &judged);
    let record = move |ctx: &mut Ctx<'_>, judged| check_ins::record(ctx, &me, id, &new, judged);
    let (row, author, is_new) = app.judge_and_act(me, judge, record).await?;
    if !is_new {
        let view = app.db.read(move |c| complete_for_patient(c, row, asked.as_deref())).await?;
        return Ok(HttpResponse::Ok().json(view));
    }
    let subject = author.subject();
    let locale = asked.as_deref().unwrap_or(&subject.patient().locale);
    let view = view(row, subject.clinic(), locale, Vec::new())?;
    let is_in_error = subject.plan().is_some_and(|plan_file| plan_file.plan.status == PlanStatus::EnteredInError);
    Ok(HttpResponse::Created().json(if is_in_error { without_plan(view, locale) } else { view }))
}

impl NewCheckIn {
    /// As it is recorded.
    fn meant(self) -> Result<Record, Error> {
        let about = About::of(self.plan_id, self.patient_id)?;
        let Self { occurrence_id, answers, answered_at, .. } = self;
        Ok(Record { about, occurrence_id, answers, answered_at }.meant())
    }
}

/// Get a check-in of mine.
///
/// What was sent, and what was said to it. If its plan was entered in error, what was said is left out, but for what cannot wait.
#[utoipa::path(tag = "check-ins", operation_id = "get_check_in",
    params(("check_in_id" = CheckInId, Path, description = "The phone's id."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The check-in and what was said to it.", body = CheckIn)))]
#[get("/v1/me/check-ins/{check_in_id}")]
async fn get_check_in(
    app: web::Data<App>,
    me: Patient,
    id: Path<CheckInId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let asked = asked_language(&request);
    let view = app
        .db
        .read(move |c| {
            let row = store::find_of_account(c, me.account, *id)?.ok_or(Error::NotFound)?;
            complete_for_patient(c, row, asked.as_deref())
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// What the patient sees: of a plan that was entered in error, what they said and what cannot wait.
fn complete_for_patient(c: &mut Conn, row: Entry, asked: Option<&str>) -> Result<CheckIn, Error> {
    let is_in_error = match row.plan_id {
        Some(plan) => plans::is_in_error(c, row.clinic_id, plan)?,
        None => false,
    };
    let patient = patients::store::find(c, row.clinic_id, row.patient_id)?.ok_or(Error::NotFound)?;
    let view = complete(c, row, asked)?;
    Ok(if is_in_error { without_plan(view, asked.unwrap_or(&patient.locale)) } else { view })
}

/// Without what only the plan said: it never was this person's, so neither its advice nor its reassurance holds. Danger signs hold with
/// whatever plan, and are never taken back.
fn without_plan(mut view: CheckIn, locale: &str) -> CheckIn {
    let is_pressing = |urgency: &Urgency| *urgency >= Urgency::Urgent;
    let pressing = |advice: Advice| {
        let mut kept = Some(advice).filter(|advice| advice.urgency.is_some_and(|urgency| is_pressing(&urgency)))?;
        kept.reasons.retain(|reason| is_pressing(&reason.urgency));
        Some(kept)
    };
    view.advice = pressing(view.advice).unwrap_or_else(|| Advice::plain(rules::not_judged(locale)));
    view.urgency = view.urgency.filter(is_pressing);
    for again in &mut view.judged_again {
        again.advice = again.advice.take().and_then(pressing);
        again.urgency = again.urgency.filter(is_pressing);
    }
    view
}

fn complete(c: &mut Conn, row: Entry, asked: Option<&str>) -> Result<CheckIn, Error> {
    let clinic = clinics::store::get(c, row.clinic_id)?;
    let patient = patients::store::find(c, row.clinic_id, row.patient_id)?.ok_or(Error::NotFound)?;
    let judgements = store::list_judgements(c, row.clinic_id, row.id)?;
    view(row, &clinic, asked.unwrap_or(&patient.locale), judgements)
}

/// List my check-ins, newest first.
///
/// Of all my plans and records, by when they reached the server.
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
            paged(c, &page, rows, |c, row| complete_for_patient(c, row, asked.as_deref()))
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// List a patient's check-ins, newest first.
///
/// As the patient saw them: the answers, what could not be used of them, whose clock counts, and the advice that was given.
#[utoipa::path(tag = "check-ins", operation_id = "list_patient_check_ins",
    params(PageParams, ("patient_id" = PatientId, Path, description = "The patient.")),
    responses((status = 200, description = "A page of check-ins.", body = Page<CheckIn>)))]
#[get("/v1/clinic/patients/{patient_id}/check-ins")]
async fn list_patient_check_ins(
    app: web::Data<App>,
    who: Staff,
    id: Path<PatientId>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let page = app
        .db
        .read(move |c| {
            patients::store::find(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            let rows = store::list_of_patient(c, who.clinic, *id, &page)?;
            paged(c, &page, rows, |c, row| complete(c, row, None))
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Judge a check-in again. Clinicians and owners only.
///
/// By the plan as it is now, after the plan or its protocol was repaired. The first judgement stays; this one stands beside it
/// (`judged_again`), its answers count from now on, and what it finds that was not found before raises alerts. One without a plan is 409
/// `without_plan`: no repair of a plan changes what judged it.
#[utoipa::path(tag = "check-ins", operation_id = "reconsider_check_in",
    params(Key, ("check_in_id" = CheckInId, Path, description = "The phone's id.")),
    responses((status = 201, description = "Judged again.", body = Judgement)))]
#[post("/v1/clinic/check-ins/{check_in_id}/reconsider")]
async fn reconsider_check_in(
    app: web::Data<App>,
    who: Staff,
    id: Path<CheckInId>,
    key: Key,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let id = id.into_inner();
    let once = key.once(who.clinic, who.account, "reconsider_check_in", &id)?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let (_, judgement, plan_file) = check_ins::reconsider(ctx, &who, id)?;
            judgement_view(judgement, &plan_file.clinic, &plan_file.clinic.locale)
        })
    })
    .await
    .map(idempotency::Answer::created)
}

fn paged(
    c: &mut Conn,
    page: &PageParams,
    rows: Vec<Entry>,
    complete: impl Fn(&mut Conn, Entry) -> Result<CheckIn, Error>,
) -> Result<Page<CheckIn>, Error> {
    let page = page.cut(rows, |row| row.entry_id.0, |row| complete(c, row))?;
    let items: Result<Vec<_>, Error> = page.items.into_iter().collect();
    Ok(Page { items: items?, next_cursor: page.next_cursor })
}
