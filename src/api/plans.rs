//! Plans: enrolment for staff, and what a patient sees of their own.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::extract::Shown;
use crate::api::today::DayParams;
use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::ctx::Ctx;
use crate::enrolment;
use crate::enrolment::NewPlan as Enrol;
use crate::error::Error;
use crate::events::EventKind;
use crate::http::conditions::answer_version;
use crate::http::idempotency::{self, Key};
use crate::http::language::asked_language;
use crate::http::text::{Key as ProtocolKey, Note};
use crate::http::{Body, Page, PageParams, Path, Query, conditions};
use crate::plans::InCourse;
use crate::plans::Reason;
use crate::plans::{self, Plan as Row, PlanFile, store};
use crate::today;
use crate::today::views::{self, Today};
use engine::{PausedDays, PlanStatus};
use ground::ids::{ClinicId, PatientId, PlanId, TreatmentId, VersionId};
use ground::time::Stamp;
use ground::values::Date;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_my_plans)
        .service(get_my_plan)
        .service(list_plans)
        .service(enrol)
        .service(get_plan)
        .service(get_plan_today);
    crate::api::plan_commands::routes(config);
    crate::api::waiting::routes(config);
}

/// A patient's enrolment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Its id.
    id: PlanId,
    /// The clinic.
    clinic_id: ClinicId,
    /// The patient.
    patient_id: PatientId,
    /// What was done.
    treatment_id: TreatmentId,
    /// The protocol version that it stays on.
    protocol_version_id: VersionId,
    /// The protocol's key.
    #[schema(example = "mn-face")]
    protocol_key: String,
    /// What it is called.
    #[schema(example = "Face micro-needling")]
    title: String,
    /// Where it is today. `draft`: it waits for a clinician.
    status: PlanStatus,
    /// Its pauses, past and to come.
    pauses: Vec<PlanPause>,
    /// The first date on which it is over, if that is before its last day: where the patient is.
    #[schema(required)]
    ends_on: Option<Date>,
    /// The reasons not to start that it waits for, or has waited for.
    waits_for: Vec<Exclusion>,
    /// Day 0: the treatment's local date at the clinic.
    day_zero: Date,
    /// The last day number.
    #[schema(example = 28)]
    last_day: i32,
    /// The variants of the protocol that apply, by key.
    #[schema(example = json!([]))]
    variants: Vec<String>,
    /// The session of a course that it belongs to.
    #[schema(required)]
    course: Option<InCourse>,
    /// When the patient was enrolled.
    enrolled_at: Stamp,
    /// Rises with every change; the ETag has it.
    #[schema(example = 1)]
    revision: i32,
}

/// A pause of a plan: it asks nothing, and its restrictions stand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanPause {
    /// The first date, where the patient is.
    from_on: Date,
    /// The first date after it; `null` until somebody resumes the plan.
    #[schema(required)]
    until_on: Option<Date>,
    /// What becomes of the plan's days meanwhile.
    days: PausedDays,
}

/// A reason not to start.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    /// Its key in the protocol.
    #[schema(example = "active-infection")]
    key: String,
    /// What it says.
    #[schema(example = "The skin in the area is infected. A clinician decides first.")]
    text: String,
}

/// How a plan looks from outside.
pub fn view(plan_file: &PlanFile, asked: Option<&str>, at: Stamp) -> Result<Plan, Error> {
    let locales = views::locales(asked, plan_file);
    let exclusion = |reason: Reason| Exclusion { text: reason.text.in_locale(&locales).to_owned(), key: reason.key };
    let Row { id, clinic_id, patient_id, treatment_id, version_id, day_zero, enrolled_at, revision, .. } =
        plan_file.plan;
    Ok(Plan {
        id,
        clinic_id,
        patient_id,
        treatment_id,
        protocol_version_id: version_id,
        protocol_key: plan_file.compiled.key.clone(),
        title: views::say(&plan_file.compiled.title, &locales, plan_file),
        status: plan_file.status(at),
        pauses: plan_file.enrolment().stops.pauses.iter().map(pause_view).collect(),
        ends_on: plan_file.enrolment().stops.over_from().map(Into::into),
        waits_for: plan_file.waits_for()?.into_iter().map(exclusion).collect(),
        day_zero: day_zero.0.into(),
        last_day: plan_file.compiled.horizon_day,
        variants: plan_file.compiled.variants.clone(),
        course: plan_file.plan.in_course(),
        enrolled_at,
        revision,
    })
}

fn pause_view(pause: &engine::Pause) -> PlanPause {
    PlanPause { from_on: pause.from_on.into(), until_on: pause.until_on.map(Into::into), days: pause.days }
}

/// List my plans, newest first.
///
/// Of all clinics that this account is a patient of, with those that have ended.
#[utoipa::path(tag = "me", operation_id = "list_my_plans", params(PageParams, ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "A page of plans.", body = Page<Plan>)))]
#[get("/v1/me/plans")]
async fn list_my_plans(
    app: web::Data<App>,
    me: Patient,
    Query(page): Query<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, wanted, inner, asked) = (app.clock.now(), page.clone(), app.clone(), asked_language(&request));
    let plan_files = app
        .db
        .read(move |c| {
            let rows = store::list_of_account(c, me.account, &wanted)?;
            rows.into_iter().map(|rows| PlanFile::new(c, &inner.compiled, rows)).collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let page =
        page.cut(plan_files, |plan_file| plan_file.plan.id.0, |plan_file| view(&plan_file, asked.as_deref(), at))?;
    answer_page(page)
}

/// Get a plan of mine.
///
/// Its header; Today and the timeline have its lines.
#[utoipa::path(tag = "me", operation_id = "get_my_plan",
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The plan.", body = Plan), (status = 304, description = "You have it already.")))]
#[get("/v1/me/plans/{plan_id}")]
async fn get_my_plan(
    app: web::Data<App>,
    me: Patient,
    id: Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (inner, asked) = (app.clone(), asked_language(&request));
    let plan_file =
        app.db.read(move |c| plans::of_account(c, &inner.compiled, me.account, *id)).await?.ok_or(Error::NotFound)?;
    let at = app.clock.now();
    answer_version(&request, &view(&plan_file, asked.as_deref(), at)?, plan_file.plan.revision)
}

/// Which plans.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PlanParams {
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

/// List the clinic's plans, newest first.
///
/// All of them, or one patient's.
#[utoipa::path(tag = "plans", operation_id = "list_plans", params(PlanParams),
    responses((status = 200, description = "A page of plans.", body = Page<Plan>)))]
#[get("/v1/clinic/plans")]
async fn list_plans(
    app: web::Data<App>,
    who: Staff,
    Query(params): Query<PlanParams>,
    shown: Shown,
) -> Result<HttpResponse, Error> {
    let page = PageParams { limit: params.limit, cursor: params.cursor };
    let (at, wanted, inner) = (app.clock.now(), page.clone(), app.clone());
    let plan_files = app
        .db
        .read(move |c| {
            let rows = store::list_of_clinic(c, who.clinic, params.patient_id, &wanted)?;
            rows.into_iter().map(|rows| PlanFile::new(c, &inner.compiled, rows)).collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let view = |plan_file: PlanFile| {
        shown.note(EventKind::PlanRead, plan_file.plan.patient_id);
        view(&plan_file, None, at)
    };
    answer_page(page.cut(plan_files, |plan_file| plan_file.plan.id.0, view)?)
}

fn answer_page(page: Page<Result<Plan, Error>>) -> Result<HttpResponse, Error> {
    let items: Result<Vec<Plan>, Error> = page.items.into_iter().collect();
    Ok(HttpResponse::Ok().json(Page { items: items?, next_cursor: page.next_cursor }))
}

/// An enrolment.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPlan {
    /// The patient.
    patient_id: PatientId,
    /// The treatment that it follows.
    treatment_id: TreatmentId,
    /// The protocol; its active version is taken, and kept.
    protocol_key: ProtocolKey,
    /// A clinician's reason to start although the screening found a reason not to (see `errors[].code`).
    overrule: Option<Note>,
    /// With a reason not to start: keep the enrolment, and let a clinician decide. The patient sees what is safe in any case.
    // Left out of what an `Idempotency-Key` stands for where it says nothing: keys of the previous release still count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(example = false)]
    send_to_clinician: bool,
}

/// Enrol a patient in a plan.
///
/// The treatment's parameters choose the variant. With a reason not to start it is refused (422, `excluded.…`), unless a
/// clinician says why in `overrule`, or it is sent to one with `send_to_clinician`: then the plan waits as `draft`, and the
/// clinic has an alert.
#[utoipa::path(tag = "plans", operation_id = "enrol_patient", request_body = NewPlan, params(Key),
    responses((status = 201, description = "Enrolled: the phone has a day now. Or it waits for a clinician.", body = Plan)))]
#[post("/v1/clinic/plans")]
async fn enrol(app: web::Data<App>, who: Staff, key: Key, Body(new): Body<NewPlan>) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "enrol_patient", &new)?;
    let new = Enrol {
        patient: new.patient_id,
        treatment: new.treatment_id,
        protocol: new.protocol_key,
        overrule: new.overrule,
        send_to_clinician: new.send_to_clinician,
    };
    let enrol = move |ctx: &mut Ctx<'_>| view(&enrolment::enrol(ctx, &who, new)?, None, ctx.m.at);
    app.act(who, move |ctx| ctx.once(once, enrol)).await.map(idempotency::Answer::created)
}

/// Get a plan.
///
/// The enrolment, with the protocol version that it stays on.
#[utoipa::path(tag = "plans", operation_id = "get_plan",
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The plan.", body = Plan), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/plans/{plan_id}")]
async fn get_plan(
    app: web::Data<App>,
    who: Staff,
    id: Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let inner = app.clone();
    let plan_file =
        app.db.read(move |c| plans::of_clinic(c, &inner.compiled, who.clinic, *id)).await?.ok_or(Error::NotFound)?;
    let at = app.clock.now();
    answer_version(&request, &view(&plan_file, None, at)?, plan_file.plan.revision)
}

/// Get what the patient sees today in this plan.
///
/// The same answer as the patient's `GET /v1/me/today`, for one plan. Reading it changes nothing.
#[utoipa::path(tag = "plans", operation_id = "get_plan_today",
    params(DayParams, ("plan_id" = PlanId, Path, description = "The plan."), ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language."),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The day.", body = Today), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/plans/{plan_id}/today")]
async fn get_plan_today(
    app: web::Data<App>,
    who: Staff,
    id: Path<PlanId>,
    Query(params): Query<DayParams>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner, asked) = (app.clock.now(), app.clone(), asked_language(&request));
    let today = app
        .db
        .read(move |c| {
            let plan_file = plans::of_clinic(c, &inner.compiled, who.clinic, *id)?.ok_or(Error::NotFound)?;
            let day = today::day_of(c, &plan_file, params.date, at)?;
            let plans = vec![today::PlanDay::new(plan_file, day)];
            views::today(&today::Days { plans, away: Vec::new() }, None, asked.as_deref(), at)
        })
        .await?
        .ok_or(Error::NotFound)?;
    conditions::answer(&request, &today)
}
