//! Courses: for staff to make and read, and for the patient to ask whether the next session may come.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use jiff::civil::Date as Day;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::extract::Shown;
use crate::api::patients::{Treatment, treatment_view};
use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::courses::rules::{self, ReadinessCode, Reason};
use crate::courses::{self, Course as Row, CourseChange, NewCourse as Make, Ready, SessionHealing as Session, store};
use crate::error::Error;
use crate::events::EventKind;
use crate::http::conditions::{self, answer_version, edited, if_match};
use crate::http::idempotency::{self, Key};
use crate::http::language::asked_language;
use crate::http::text::{Key as Word, Note};
use crate::http::{Body, Page, PageParams, Path, Query};
use crate::plan_commands;
use engine::{PlanStatus, Procedure};
use ground::ids::{AlertId, CourseId, MemberId, PatientId, PlanId, TreatmentId};
use ground::time::Stamp;
use ground::values::Date;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(make_course)
        .service(list_courses)
        .service(get_course)
        .service(change_course)
        .service(add_course_treatment)
        .service(get_readiness)
        .service(get_healing)
        .service(get_my_readiness);
}

/// A series of treatments.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Course {
    /// Its id.
    id: CourseId,
    /// The patient.
    patient_id: PatientId,
    /// The protocol that its sessions follow.
    #[schema(example = "mn-face")]
    protocol_key: String,
    /// What is done.
    procedure: Procedure,
    /// Where on the body.
    #[schema(example = "face")]
    body_area: String,
    /// How many sessions.
    #[schema(example = 3)]
    sessions: i32,
    /// How many have been.
    #[schema(example = 1)]
    sessions_done: i32,
    /// The fewest days from one to the next.
    #[schema(example = 42)]
    min_interval_days: i32,
    /// The usual days from one to the next.
    #[schema(example = 42)]
    interval_days: i32,
    /// Who made it.
    created_by: MemberId,
    /// When.
    created_at: Stamp,
    /// For `If-Match`; rises with every session too.
    #[schema(example = 1)]
    version: i32,
}

fn view(row: Row) -> Course {
    Course {
        id: row.id,
        patient_id: row.patient_id,
        protocol_key: row.protocol_key,
        procedure: row.procedure,
        body_area: row.body_area,
        sessions: row.sessions,
        sessions_done: row.done,
        min_interval_days: row.min_interval_days,
        interval_days: row.interval_days,
        created_by: row.created_by,
        created_at: row.created_at,
        version: row.version,
    }
}

/// A whole number from 1 to `MOST`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
struct UpTo<const MOST: i32>(i32);

impl<const MOST: i32> TryFrom<i32> for UpTo<MOST> {
    type Error = String;

    fn try_from(number: i32) -> Result<Self, String> {
        match number {
            1.. if number <= MOST => Ok(Self(number)),
            _ => Err(format!("out_of_range: must be a whole number from 1 to {MOST}")),
        }
    }
}

impl<const MOST: i32> From<UpTo<MOST>> for i32 {
    fn from(number: UpTo<MOST>) -> Self {
        number.0
    }
}

type Sessions = UpTo<{ courses::MOST_SESSIONS }>;
type Days = UpTo<{ courses::MOST_DAYS }>;

/// A course to be made. What is left out comes from the protocol's `sessions`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCourse {
    /// The patient.
    patient_id: PatientId,
    /// The protocol that its sessions follow; its active version is read.
    protocol_key: Word,
    /// Where on the body, as the protocol names it.
    body_area: Word,
    /// How many sessions.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 100, example = 3)]
    sessions: Option<Sessions>,
    /// The fewest days from one to the next; fewer than the protocol's are a clinician's approval.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 731, example = 42)]
    min_interval_days: Option<Days>,
    /// The usual days from one to the next.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 731, example = 42)]
    interval_days: Option<Days>,
}

/// Make a course of treatments.
///
/// How many sessions, and how far apart, comes from the protocol unless it is said here. Sessions are recorded as treatments with its
/// `course_id`; each has its own plan and its own count of days.
#[utoipa::path(tag = "courses", operation_id = "make_course", request_body = NewCourse, params(Key),
    responses((status = 201, description = "Made; no session has been yet.", body = Course)))]
#[post("/v1/clinic/courses")]
async fn make_course(
    app: web::Data<App>,
    who: Staff,
    key: Key,
    Body(new): Body<NewCourse>,
) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "make_course", &new)?;
    let new = Make {
        patient: new.patient_id,
        protocol: new.protocol_key,
        body_area: new.body_area,
        sessions: new.sessions.map(Into::into),
        min_interval_days: new.min_interval_days.map(Into::into),
        interval_days: new.interval_days.map(Into::into),
    };
    app.act(who, move |ctx| ctx.once(once, |ctx| courses::make(ctx, &who, new).map(view)))
        .await
        .map(idempotency::Answer::created)
}

/// Which courses.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CourseParams {
    /// Of this patient only.
    patient_id: Option<PatientId>,
    /// How many items at the most.
    #[serde(default)]
    #[param(value_type = i64, default = 25, minimum = 1, maximum = 100)]
    limit: crate::http::page::Limit,
    /// `next_cursor` of the page before.
    #[param(max_length = 64, value_type = Option<String>)]
    cursor: Option<crate::http::page::Cursor>,
}

/// List the clinic's courses, newest first.
///
/// All of them, or one patient's.
#[utoipa::path(tag = "courses", operation_id = "list_courses", params(CourseParams),
    responses((status = 200, description = "A page of courses.", body = Page<Course>)))]
#[get("/v1/clinic/courses")]
async fn list_courses(
    app: web::Data<App>,
    who: Staff,
    Query(params): Query<CourseParams>,
    shown: Shown,
) -> Result<HttpResponse, Error> {
    let page = PageParams { limit: params.limit, cursor: params.cursor };
    let wanted = page.clone();
    let rows = app.db.read(move |c| store::list(c, who.clinic, params.patient_id, &wanted)).await?;
    let view = |row: Row| {
        shown.note(EventKind::CourseRead, row.patient_id);
        view(row)
    };
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.id.0, view)?))
}

/// Get a course.
///
/// What it asks for, and how many of its sessions have been.
#[utoipa::path(tag = "courses", operation_id = "get_course",
    params(("course_id" = CourseId, Path, description = "The course."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The course.", body = Course), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/courses/{course_id}")]
async fn get_course(
    app: web::Data<App>,
    who: Staff,
    id: Path<CourseId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let row = app.db.read(move |c| store::find(c, who.clinic, *id)).await?.ok_or(Error::NotFound)?;
    let version = row.version;
    answer_version(&request, &view(row), version)
}

/// Changes of a course; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CoursePatch {
    /// How many sessions; not fewer than have been.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 100, example = 4)]
    sessions: Option<Sessions>,
    /// The fewest days from one to the next; fewer than before are a clinician's approval.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 731, example = 28)]
    min_interval_days: Option<Days>,
    /// The usual days from one to the next.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 731, example = 42)]
    interval_days: Option<Days>,
}

/// Change a course.
///
/// The sessions that have been stay as they are.
#[utoipa::path(tag = "courses", operation_id = "change_course", request_body = CoursePatch,
    params(("course_id" = CourseId, Path, description = "The course."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "Changed.", body = Course)))]
#[patch("/v1/clinic/courses/{course_id}")]
async fn change_course(
    app: web::Data<App>,
    who: Staff,
    id: Path<CourseId>,
    request: HttpRequest,
    Body(patch): Body<CoursePatch>,
) -> Result<HttpResponse, Error> {
    let tag = if_match(&request);
    let change = CourseChange {
        sessions: patch.sessions.map(Into::into),
        min_interval_days: patch.min_interval_days.map(Into::into),
        interval_days: patch.interval_days.map(Into::into),
    };
    let row = app.act(who, move |ctx| courses::change(ctx, &who, *id, change, tag.as_deref())).await?;
    let version = row.version;
    edited(&view(row), version)
}

/// A treatment that was recorded before.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddedTreatment {
    /// The treatment: of the course's patient, procedure and body area.
    treatment_id: TreatmentId,
    /// Why the course's shortest interval was not waited for: a clinician's approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    overrule_interval: Option<Note>,
}

/// Add a treatment that was recorded before to a course.
///
/// It is the next session, and its plans are plans of that session; so the oldest is added first. One that was done again for another
/// treatment is added after that one. The same again changes nothing.
#[utoipa::path(tag = "courses", operation_id = "add_course_treatment", request_body = AddedTreatment,
    params(Key, ("course_id" = CourseId, Path, description = "The course.")),
    responses((status = 201, description = "It is a session of the course.", body = Treatment)))]
#[post("/v1/clinic/courses/{course_id}/treatments")]
async fn add_course_treatment(
    app: web::Data<App>,
    who: Staff,
    id: Path<CourseId>,
    key: Key,
    Body(added): Body<AddedTreatment>,
) -> Result<HttpResponse, Error> {
    let () = ();
    let once = key.once(who.clinic, who.account, "add_course_treatment", &(&*id, &added))?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let (row, link) =
                plan_commands::add_to_course(ctx, &who, *id, added.treatment_id, added.overrule_interval)?;
            Ok(treatment_view(row, Some(link)))
        })
    })
    .await
    .map(idempotency::Answer::created)
}

/// Whether the next session may come. It informs; the clinic decides.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CourseReadiness {
    /// The course.
    course_id: CourseId,
    /// The next session; `null` after the last.
    #[schema(required, example = 2)]
    session: Option<i32>,
    /// Of how many.
    #[schema(example = 3)]
    of: i32,
    /// Whether nothing that is known speaks against it.
    #[schema(example = false)]
    ready: bool,
    /// The instant for which this was computed: the latest at or before the request at which it changed by itself.
    as_of: Stamp,
    /// The next instant at which this changes by itself. Ask again then, or when something was sent or decided.
    valid_until: Stamp,
    /// The first day on which it may be, by the shortest interval; `null` before the first session and after the last.
    #[schema(required)]
    earliest_on: Option<Date>,
    /// What speaks against it; empty if nothing does.
    reasons: Vec<ReadinessReason>,
}

/// What speaks against the next session.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ReadinessReason {
    /// What kind of reason.
    code: ReadinessCode,
    /// The reason, in a sentence.
    #[schema(example = "Session 1 was on 2026-03-02; the next one is at least 42 days later, on 2026-04-13 or after.")]
    detail: String,
    /// The last day on which it stands, if that is known.
    #[schema(required)]
    until_on: Option<Date>,
    /// For `open_alert`: the alerts.
    alert_ids: Vec<AlertId>,
}

fn date(day: Day) -> Date {
    day.into()
}

fn reason(reason: &Reason) -> ReadinessReason {
    let alert_ids = match reason {
        Reason::OpenAlert(alerts) => alerts.clone(),
        _ => Vec::new(),
    };
    ReadinessReason { code: reason.code(), detail: reason.detail(), until_on: reason.until_on().map(date), alert_ids }
}

/// Check whether a course is ready for its next session.
///
/// With every reason that speaks against it: the shortest interval, alerts that have not ended, a plan that waits for a clinician, and
/// skin that is not calm by the latest answers, or of which nothing was answered in the last 7 days. Calm: every symptom with an
/// expected curve at 1 or less (or where its curve ends), no danger sign, no restriction held by the answers. This definition is an
/// assumption; the clinic decides.
#[utoipa::path(tag = "courses", operation_id = "get_course_readiness",
    params(("course_id" = CourseId, Path, description = "The course."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "Ready or not, and why.", body = CourseReadiness), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/courses/{course_id}/readiness")]
async fn get_readiness(
    app: web::Data<App>,
    who: Staff,
    id: Path<CourseId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner) = (app.clock.now(), app.clone());
    let ready = app.db.read(move |c| courses::readiness_for_clinic(c, &inner.compiled, who.clinic, *id, at)).await?;
    let Ready { course, readiness, as_of, valid_until, .. } = ready;
    let body = CourseReadiness {
        course_id: course.id,
        session: readiness.session,
        of: course.sessions,
        ready: readiness.reasons.is_empty(),
        as_of,
        valid_until,
        earliest_on: readiness.earliest_on.map(date),
        reasons: readiness.reasons.iter().map(reason).collect(),
    };
    conditions::answer(&request, &body)
}

/// Whether my next session may come, in plain words.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyCourseReadiness {
    /// The course.
    course_id: CourseId,
    /// The next session; `null` after the last.
    #[schema(required, example = 2)]
    session: Option<i32>,
    /// Of how many.
    #[schema(example = 3)]
    of: i32,
    /// Whether nothing that is known speaks against it.
    #[schema(example = false)]
    ready: bool,
    /// The instant for which this was computed: the latest at or before the request at which it changed by itself.
    as_of: Stamp,
    /// The next instant at which this changes by itself.
    valid_until: Stamp,
    /// The first day on which it may be, by the shortest interval.
    #[schema(required)]
    earliest_on: Option<Date>,
    /// The answer in a sentence.
    #[schema(example = "Your next session has to wait for now. Your clinic decides.")]
    text: String,
    /// What speaks against it.
    reasons: Vec<MyReadinessReason>,
}

/// What speaks against my next session.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MyReadinessReason {
    /// What kind of reason.
    code: ReadinessCode,
    /// The reason, in a sentence.
    #[schema(example = "Your skin needs time: the next session can be on 13 April 2026 or later.")]
    text: String,
}

/// Check whether I am ready for my next session.
///
/// In plain words, and with nothing in it that the patient did not say. The clinic decides.
#[utoipa::path(tag = "me", operation_id = "get_my_course_readiness",
    params(("course_id" = CourseId, Path, description = "The course, as a plan names it."), ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language."),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "Ready or not, and why.", body = MyCourseReadiness), (status = 304, description = "You have it already.")))]
#[get("/v1/me/courses/{course_id}/readiness")]
async fn get_my_readiness(
    app: web::Data<App>,
    me: Patient,
    id: Path<CourseId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner, asked) = (app.clock.now(), app.clone(), asked_language(&request));
    let ready = app.db.read(move |c| courses::readiness_for_account(c, &inner.compiled, me.account, *id, at)).await?;
    conditions::answer(&request, &my_readiness(ready, asked))
}

fn my_readiness(ready: Ready, asked: Option<String>) -> MyCourseReadiness {
    let Ready { course, patient, readiness, as_of, valid_until } = ready;
    let locale = asked.unwrap_or(patient.locale);
    let told = |reason: &Reason| MyReadinessReason { code: reason.code(), text: reason.told(&locale) };
    MyCourseReadiness {
        course_id: course.id,
        session: readiness.session,
        of: course.sessions,
        ready: readiness.reasons.is_empty(),
        as_of,
        valid_until,
        earliest_on: readiness.earliest_on.map(date),
        text: rules::told(&readiness, &locale),
        reasons: readiness.reasons.iter().map(told).collect(),
    }
}

/// How the sessions of a course healed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct CourseHealing {
    /// The course.
    course_id: CourseId,
    /// The sessions that stand, in order.
    sessions: Vec<SessionHealing>,
}

/// How one session healed, by its own check-ins and its own days.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct SessionHealing {
    /// Which session.
    #[schema(example = 2)]
    session: i32,
    /// What was done.
    treatment_id: TreatmentId,
    /// Its plan; `null` if none was begun.
    #[schema(required)]
    plan_id: Option<PlanId>,
    /// Where the plan is.
    #[schema(required)]
    status: Option<PlanStatus>,
    /// Day 0.
    day_zero: Date,
    /// Its symptoms with an expected curve.
    symptoms: Vec<SymptomHealing>,
}

/// How one symptom went.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct SymptomHealing {
    /// The symptom's question.
    #[schema(example = "redness")]
    key: String,
    /// The days that were answered, in order; of several answers on a day the newest.
    points: Vec<HealingPoint>,
    /// The first answered day from which on it stayed at 1 or less; `null` if it has not come to rest, or was never answered.
    #[schema(required, example = 5)]
    at_rest_from_day: Option<i32>,
}

/// The level of a day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct HealingPoint {
    /// The day of this session.
    #[schema(example = 3)]
    day: i32,
    /// What was answered.
    #[schema(example = 4)]
    level: i64,
    /// What is common on this day.
    #[schema(required, example = 2)]
    expected: Option<u8>,
}

fn session(session: Session) -> SessionHealing {
    let point = |point: rules::Point| HealingPoint { day: point.day, level: point.level, expected: point.expected };
    let symptom = |one: rules::Healing| SymptomHealing {
        key: one.symptom,
        points: one.points.into_iter().map(point).collect(),
        at_rest_from_day: one.at_rest_from,
    };
    SessionHealing {
        session: session.done.session,
        treatment_id: session.done.treatment,
        plan_id: session.plan.map(|(plan, _)| plan),
        status: session.plan.map(|(_, status)| status),
        day_zero: session.done.on.into(),
        symptoms: session.symptoms.into_iter().map(symptom).collect(),
    }
}

/// Compare how the sessions of a course healed.
///
/// Per session and symptom: the level of each day that was answered beside what is common, and the day from which on it was at rest.
/// Sessions that were done again, and plans that were entered in error, leave no curve; a session of which all plans were entered in
/// error never was.
#[utoipa::path(tag = "courses", operation_id = "get_course_healing",
    params(("course_id" = CourseId, Path, description = "The course."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "A curve per session and symptom.", body = CourseHealing), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/courses/{course_id}/healing")]
async fn get_healing(
    app: web::Data<App>,
    who: Staff,
    id: Path<CourseId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (inner, at) = (app.clone(), app.clock.now());
    let (course, sessions) = app.db.read(move |c| courses::healing(c, &inner.compiled, who.clinic, *id, at)).await?;
    let sessions = sessions.into_iter().map(session).collect();
    conditions::answer(&request, &CourseHealing { course_id: course.id, sessions })
}
