//! Alerts, for staff.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::alerts::{self, Alert as Row, AlertStatus, Resolution, store};
use crate::api::extract::Shown;
use crate::app::App;
use crate::auth::{self, Staff};
use crate::error::Error;
use crate::events::EventKind;
use crate::http::conditions::{answer_version, edited, if_match};
use crate::http::language::asked_language;
use crate::http::page::{Cursor, Limit};
use crate::http::text::Note;
use crate::http::{Body, Page, PageParams, Path, Query};
use crate::patients;
use crate::plan_commands::{self, Annotation};
use engine::{Text, Urgency};
use ground::ids::{AlertId, CheckInId, ClinicId, MemberId, PatientId, PlanId};
use ground::sql::Conn;
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_alerts).service(get_alert).service(acknowledge).service(resolve);
}

/// Something a person must look at.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Alert {
    /// Its id.
    id: AlertId,
    /// Whom it is about.
    patient_id: PatientId,
    /// The patient's name.
    #[schema(example = "Ada Invented")]
    patient_name: String,
    /// The plan; `null` if the patient had none: the built-in danger signs raised it.
    #[schema(required)]
    plan_id: Option<PlanId>,
    /// The newest check-in that raised it; `null` for silence.
    #[schema(required)]
    check_in_id: Option<CheckInId>,
    /// The rule that raised it.
    #[schema(example = "R1")]
    rule: String,
    /// The rule and its symptom: one open alert each.
    #[schema(example = "R1:redness")]
    cause: String,
    /// Why, with the numbers, in the language of whoever asks.
    #[schema(example = "Redness 7 on day 2; usual 3. The level is 3 or more above the expected curve for this day.")]
    reason: String,
    /// What the rule saw: its expression and the values.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"expression": "excess >= 3", "escalated_by": null, "values": [["excess", 5]], "not_answered": []}))]
    trace: serde_json::Value,
    /// How soon a person must act.
    urgency: Urgency,
    /// Where it is.
    status: AlertStatus,
    /// The day number of the plan; 0 without a plan.
    #[schema(example = 3)]
    day: i32,
    /// How often the cause was found.
    #[schema(example = 1)]
    times_seen: i32,
    /// When it was raised.
    raised_at: Stamp,
    /// When the cause was found last.
    last_seen_at: Stamp,
    /// Until when a person must answer.
    due_at: Stamp,
    /// Whether that is past and nobody has taken it.
    #[schema(example = false)]
    overdue: bool,
    /// Who took it.
    #[schema(required)]
    acknowledged_by: Option<MemberId>,
    /// When.
    #[schema(required)]
    acknowledged_at: Option<Stamp>,
    /// Who ended it.
    #[schema(required)]
    resolved_by: Option<MemberId>,
    /// When.
    #[schema(required)]
    resolved_at: Option<Stamp>,
    /// How.
    #[schema(required)]
    resolution: Option<Resolution>,
    /// In their words.
    #[schema(required, example = "Called back, advised, all settled.")]
    note: Option<String>,
    /// For `If-Match`: the ETag is `"v` and this number and `"`.
    #[schema(example = 1)]
    version: i32,
    /// What happened to the plan afterwards, oldest first.
    annotations: Vec<Annotation>,
}

fn view(Named { row, patient_name, annotations }: Named, locale: &str, at: Stamp) -> Alert {
    let reason: Text = row.reason.to().unwrap_or_default();
    Alert {
        id: row.id,
        patient_id: row.patient_id,
        patient_name,
        plan_id: row.plan_id,
        check_in_id: row.check_in_id.or(row.record_check_in_id),
        rule: row.rule_key,
        cause: row.cause,
        reason: reason.in_locale(&[locale]).to_owned(),
        trace: row.trace.to().unwrap_or_default(),
        urgency: row.urgency,
        overdue: row.status == AlertStatus::Open && row.due_at <= at,
        status: row.status,
        day: row.day,
        times_seen: row.times_seen,
        raised_at: row.raised_at,
        last_seen_at: row.last_seen_at,
        due_at: row.due_at,
        acknowledged_by: row.acknowledged_by,
        acknowledged_at: row.acknowledged_at,
        resolved_by: row.resolved_by,
        resolved_at: row.resolved_at,
        resolution: row.resolution,
        note: row.note,
        version: row.version,
        annotations,
    }
}

/// An alert, with the name of whom it is about, and what happened to its plan since.
struct Named {
    row: Row,
    patient_name: String,
    annotations: Vec<Annotation>,
}

/// Alerts of a clinic with what is shown beside them.
fn named(c: &mut Conn, clinic: ClinicId, rows: Vec<Row>) -> Result<Vec<Named>, Error> {
    let names = patients::names(c, clinic, rows.iter().map(|row| row.patient_id).collect())?;
    let plans: Vec<PlanId> = rows.iter().filter_map(|row| row.plan_id).collect();
    let annotations = plan_commands::annotations(c, clinic, &plans)?;
    let name = |row: Row| {
        let since = row.plan_id.and_then(|plan| annotations.get(&plan)).into_iter().flatten();
        Named {
            patient_name: names.get(&row.patient_id).cloned().unwrap_or_default(),
            annotations: since.filter(|annotation| annotation.at >= row.raised_at).cloned().collect(),
            row,
        }
    };
    Ok(rows.into_iter().map(name).collect())
}

/// One alert, and the language of who asks.
fn told(c: &mut Conn, who: &Staff, row: Row, asked: Option<String>) -> Result<(Named, String), Error> {
    let named = named(c, who.clinic, vec![row])?.pop().ok_or(Error::NotFound)?;
    Ok((named, language(c, who, asked)?))
}

/// Which alerts.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertParams {
    /// Of this status only.
    status: Option<AlertStatus>,
    /// How many items at the most.
    #[serde(default)]
    #[param(value_type = i64, default = 25, minimum = 1, maximum = 100)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(max_length = 64, value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// The language to tell a member in: what the request asks for, or the member's own.
fn language(c: &mut Conn, who: &Staff, asked: Option<String>) -> Result<String, Error> {
    match asked {
        Some(asked) => Ok(asked),
        None => Ok(auth::locale_of(c, who.account)?.unwrap_or_default()),
    }
}

/// List the alerts, the most pressing first.
///
/// All of them, or those of one status. The first is the next to look at: the most urgent that has not ended, and of those the one that is
/// due first. What has ended comes last.
#[utoipa::path(tag = "alerts", operation_id = "list_alerts", params(AlertParams, ("Accept-Language" = Option<String>, Header, description = "Before the member's own language.")),
    responses((status = 200, description = "A page of alerts.", body = Page<Alert>)))]
#[get("/v1/clinic/alerts")]
async fn list_alerts(
    app: web::Data<App>,
    who: Staff,
    request: HttpRequest,
    Query(params): Query<AlertParams>,
    shown: Shown,
) -> Result<HttpResponse, Error> {
    let (at, page) = (app.clock.now(), PageParams { limit: params.limit, cursor: params.cursor });
    let (wanted, asked) = (page.clone(), asked_language(&request));
    let rows = move |c: &mut Conn| {
        let rows = store::list(c, who.clinic, params.status, &wanted)?;
        Ok((named(c, who.clinic, rows)?, language(c, &who, asked)?))
    };
    let (rows, locale) = app.db.read(rows).await?;
    let view = |named: Named| {
        shown.note(EventKind::AlertRead, named.row.patient_id);
        view(named, &locale, at)
    };
    Ok(HttpResponse::Ok().json(page.cut(rows, |named| named.row.id.0, view)?))
}

/// Get an alert.
///
/// With what the rule saw, and the ETag that a change needs.
#[utoipa::path(tag = "alerts", operation_id = "get_alert",
    params(("alert_id" = AlertId, Path, description = "The alert."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "The alert.", body = Alert), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/alerts/{alert_id}")]
async fn get_alert(
    app: web::Data<App>,
    who: Staff,
    id: Path<AlertId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let asked = asked_language(&request);
    let find = move |c: &mut Conn| {
        let row = store::find(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
        told(c, &who, row, asked)
    };
    let (found, locale) = app.db.read(find).await?;
    let version = found.row.version;
    answer_version(&request, &view(found, &locale, app.clock.now()), version)
}

/// Take an alert: somebody is on it.
///
/// Taking it again changes nothing: it stays with the first who took it.
#[utoipa::path(tag = "alerts", operation_id = "acknowledge_alert",
    params(("alert_id" = AlertId, Path, description = "The alert."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "Taken.", body = Alert)))]
#[post("/v1/clinic/alerts/{alert_id}/acknowledge")]
async fn acknowledge(
    app: web::Data<App>,
    who: Staff,
    id: Path<AlertId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (tag, asked) = (if_match(&request), asked_language(&request));
    let acknowledged = app.act(who, move |ctx| {
        let row = alerts::acknowledge(ctx, &who, *id, tag.as_deref())?;
        told(ctx.c, &who, row, asked)
    });
    let (named, locale) = acknowledged.await?;
    changed(named, &locale, app.clock.now())
}

/// How an alert ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlertEnd {
    /// What became of it.
    resolution: Resolution,
    /// In your words.
    note: Option<Note>,
}

/// End an alert with a reason. Clinicians and owners only.
///
/// An ended alert stays in the list. The same cause raises a new one when a later check-in shows it.
#[utoipa::path(tag = "alerts", operation_id = "resolve_alert", request_body = AlertEnd,
    params(("alert_id" = AlertId, Path, description = "The alert."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "Ended.", body = Alert)))]
#[post("/v1/clinic/alerts/{alert_id}/resolve")]
async fn resolve(
    app: web::Data<App>,
    who: Staff,
    id: Path<AlertId>,
    request: HttpRequest,
    Body(end): Body<AlertEnd>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let (tag, asked) = (if_match(&request), asked_language(&request));
    let end = alerts::End { resolution: end.resolution, note: end.note };
    let resolved = app.act(who, move |ctx| {
        let row = alerts::resolve(ctx, &who, *id, end, tag.as_deref())?;
        told(ctx.c, &who, row, asked)
    });
    let (named, locale) = resolved.await?;
    changed(named, &locale, app.clock.now())
}

fn changed(named: Named, locale: &str, at: Stamp) -> Result<HttpResponse, Error> {
    let version = named.row.version;
    edited(&view(named, locale, at), version)
}
