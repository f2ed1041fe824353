//! Today, the timeline, and marks, for the patient's phone.

use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::Patient;
use crate::error::Error;
use crate::http::body::{AsSent, Said};
use crate::http::language::asked_language;
use crate::http::text::Note;
use crate::http::{Path, Query, conditions};
use crate::plans::{self, PlanFile};
use crate::today::late_marks::{self, StoredMark};
use crate::today::views::{self, Item, Today, TodayPlan};
use crate::today::{self, NewMark};
use engine::MarkState;
use ground::ids::{OccurrenceId, PlanId};
use ground::time::Stamp;
use ground::values::Date;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(get_today)
        .service(crate::api::timeline::get_my_timeline)
        .service(crate::api::progress::get_my_progress)
        .service(crate::api::progress::get_plan_progress)
        .service(get_timeline)
        .service(mark)
        .service(unmark);
}

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DayParams {
    /// Another local date than today; from 2000-01-01 to 2100-12-31.
    pub date: Option<Date>,
}

/// Get what to do today.
///
/// The lines of every active plan, the forms of its check-ins and of danger signs, and whom to call; without a plan, whom to call all the
/// same. The answer holds until `valid_until`: keep it until then. With `If-None-Match` an unchanged day is a 304 without a body.
#[utoipa::path(tag = "today", operation_id = "get_today",
    params(DayParams, ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The day.", body = Today), (status = 304, description = "You have it already.")))]
#[get("/v1/me/today")]
async fn get_today(
    app: web::Data<App>,
    me: Patient,
    Query(params): Query<DayParams>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner, asked) = (app.clock.now(), app.clone(), asked_language(&request));
    let today = app
        .db
        .read(move |c| {
            let days = today::days_of(c, &inner.compiled, me.account, params.date, at)?;
            views::today(&days, params.date, asked.as_deref(), at)
        })
        .await?
        .ok_or(Error::NotFound)?;
    conditions::answer(&request, &today)
}

/// Which days.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimelineParams {
    /// The first day number; today's if left out.
    #[param(value_type = Option<i32>, minimum = 0, maximum = 1000)]
    from_day: Option<FromDay>,
    /// How many days at the most.
    #[serde(default)]
    #[param(value_type = i32, default = 14, minimum = 1, maximum = 100)]
    limit: TimelineLimit,
}

/// 0 to 1000.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct FromDay(i32);

impl TryFrom<String> for FromDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(day) if (0..=1000).contains(&day) => Ok(Self(day)),
            _ => Err("out_of_range: `from_day` must be a whole number from 0 to 1000".to_owned()),
        }
    }
}

/// 1 to 100 days; 14 unless told.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = i32)]
struct TimelineLimit(i32);

impl Default for TimelineLimit {
    fn default() -> Self {
        Self(14)
    }
}

impl TryFrom<String> for TimelineLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(days) if (1..=100).contains(&days) => Ok(Self(days)),
            _ => Err("out_of_range: `limit` must be a whole number from 1 to 100".to_owned()),
        }
    }
}

/// Some days of a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Timeline {
    /// The zone in which the days were taken.
    #[schema(example = "Europe/London")]
    zone: String,
    /// The days, in order.
    items: Vec<TimelineDay>,
    /// `from_day` of the next page; `null` on the last.
    #[schema(required, example = 14)]
    next_from_day: Option<i32>,
}

/// One day of a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TimelineDay {
    /// The local date.
    date: Date,
    /// The plan on that day.
    plan: TodayPlan,
    /// Its lines.
    items: Vec<Item>,
}

/// Get a plan's days, past and to come.
///
/// From today on unless told otherwise; `next_from_day` leads to the next page. Days to come may change with the answers.
#[utoipa::path(tag = "today", operation_id = "get_timeline",
    params(TimelineParams, ("plan_id" = PlanId, Path, description = "The plan."), ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language."),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The days.", body = Timeline), (status = 304, description = "You have it already.")))]
#[get("/v1/me/plans/{plan_id}/timeline")]
async fn get_timeline(
    app: web::Data<App>,
    me: Patient,
    id: Path<PlanId>,
    Query(params): Query<TimelineParams>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner, asked) = (app.clock.now(), app.clone(), asked_language(&request));
    let timeline = app
        .db
        .read(move |c| {
            let plan_file = plans::of_account(c, &inner.compiled, me.account, *id)?.ok_or(Error::NotFound)?;
            timeline(c, &plan_file, &params, asked.as_deref(), at)
        })
        .await?;
    conditions::answer(&request, &timeline)
}

fn timeline(
    c: &mut ground::sql::Conn,
    plan_file: &PlanFile,
    params: &TimelineParams,
    asked: Option<&str>,
    at: Stamp,
) -> Result<Timeline, Error> {
    let locales = views::locales(asked, plan_file);
    let horizon = plan_file.compiled.horizon_day;
    let from = params.from_day.map_or_else(|| plan_file.day_number(at).clamp(0, horizon), |FromDay(day)| day);
    let to = (from + params.limit.0).min(horizon + 1);
    let known = plan_file.known_all(c)?;
    let mut items = Vec::new();
    let enrolment = plan_file.enrolment();
    for number in from..to {
        if enrolment.date_of(number).is_none() {
            break; // it is not known when it comes: the plan's days wait
        }
        let day = engine::day(&plan_file.compiled, enrolment, &known.facts(), &plan_file.zone, at, number);
        let lines: Result<Vec<Item>, Error> =
            day.occurrences.iter().map(|one| views::item_view(plan_file, one, day.date.into(), &locales)).collect();
        items.push(TimelineDay {
            date: day.date.into(),
            plan: views::plan_view(plan_file, &day, &locales),
            items: lines?,
        });
    }
    Ok(Timeline { zone: plan_file.patient.zone.clone(), items, next_from_day: (to <= horizon).then_some(to) })
}

/// What became of a task or a photo.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarkBody {
    /// Done, done in part, or skipped.
    state: MarkState,
    /// Why it was skipped. With another state it is kept, and nobody asks for it.
    reason: Option<Note>,
    /// When it was noted, if that was earlier: a phone without network sends it later. The mark that was noted last counts, however late it
    /// comes. If the phone's clock cannot be right, the server's is taken.
    #[schema(value_type = Option<Stamp>)]
    noted_at: Option<Said<Stamp>>,
}

/// Mark a task or a photo.
///
/// Can be sent again, and changed. What was sent before is kept, and counts no more. Of a line that several plans share, each
/// plan is marked, whichever of its occurrences is named. Nothing is refused for being old, odd or late: a phone that was without network
/// may mark what the clinic has paused or removed meanwhile (202: kept, and counts if the line comes back), and what had not been asked
/// when it was noted is kept and does not count (202, with the reason in `why`).
#[utoipa::path(tag = "today", operation_id = "mark_occurrence", request_body = MarkBody,
    params(("occurrence_id" = OccurrenceId, Path, description = "The occurrence, from Today or the timeline."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The line as it is now.", body = Item),
        (status = 202, description = "Kept: the line is not asked, or was not when this was noted.", body = StoredMark)))]
#[put("/v1/me/occurrences/{occurrence_id}/mark")]
async fn mark(
    app: web::Data<App>,
    me: Patient,
    id: Path<OccurrenceId>,
    request: HttpRequest,
    AsSent(body): AsSent<MarkBody>,
) -> Result<HttpResponse, Error> {
    let new = NewMark { state: Some(body.state), reason: body.reason, noted_at: body.noted_at };
    put_mark(&app, me, *id, new, &request).await
}

/// Take a mark back.
///
/// The line is open again (or late, or missed), for each plan that shares it. Without a mark nothing changes.
#[utoipa::path(tag = "today", operation_id = "unmark_occurrence",
    params(("occurrence_id" = OccurrenceId, Path, description = "The occurrence, from Today or the timeline."),
        ("Accept-Language" = Option<String>, Header, description = "Before the patient's own language.")),
    responses((status = 200, description = "The line as it is now.", body = Item),
        (status = 202, description = "Kept: the line is not asked, or was not when this was noted.", body = StoredMark)))]
#[delete("/v1/me/occurrences/{occurrence_id}/mark")]
async fn unmark(
    app: web::Data<App>,
    me: Patient,
    id: Path<OccurrenceId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    put_mark(&app, me, *id, NewMark { state: None, reason: None, noted_at: None }, &request).await
}

async fn put_mark(
    app: &App,
    me: Patient,
    id: OccurrenceId,
    new: NewMark,
    request: &HttpRequest,
) -> Result<HttpResponse, Error> {
    let asked = asked_language(request);
    let (again, what, account) = (app.clone(), new.clone(), me.account);
    let marked = app.act(me, move |ctx| today::mark(ctx, &me, id, asked.as_deref(), new)).await;
    let refused = match marked {
        Ok(item) => return Ok(HttpResponse::Ok().json(item)),
        Err(refused @ (Error::NotFound | Error::Conflict { .. })) => refused,
        Err(failed) => return Err(failed),
    };
    // No plan asks for it now. What was asked once takes long to find: not in the one writer.
    let inner = again.clone();
    let once = app.db.read(move |c| late_marks::find(c, &inner.compiled, account, id)).await?.ok_or(refused)?;
    let kept = app.act(me, move |ctx| late_marks::keep(ctx, account, once, &what)).await?;
    Ok(HttpResponse::Accepted().json(kept))
}
