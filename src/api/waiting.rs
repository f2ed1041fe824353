//! A clinician's decision about a plan that waits.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::plans::{Plan, view};
use crate::app::App;
use crate::auth::Staff;
use crate::ctx::Ctx;
use crate::enrolment;
use crate::enrolment::waiting::{Decided, Decision};
use crate::error::Error;
use crate::http::conditions::{edited, if_match};
use crate::http::text::Note;
use crate::http::{Body, Path};
use ground::ids::PlanId;

pub fn routes(config: &mut ServiceConfig) {
    config.service(start_plan).service(decline_plan);
}

/// A decision's reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlanDecision {
    /// Why, in the clinician's words.
    reason: Note,
}

/// Start a plan that waits. Clinicians and owners only.
///
/// The reason overrules the reasons not to start. The plan runs from now on: what was over before is not expected. The alert
/// about it stays until somebody resolves it.
#[utoipa::path(tag = "plans", operation_id = "start_plan", request_body = PlanDecision,
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "It runs.", body = Plan)))]
#[post("/v1/clinic/plans/{plan_id}/start")]
async fn start_plan(
    app: web::Data<App>,
    who: Staff,
    id: Path<PlanId>,
    request: HttpRequest,
    Body(body): Body<PlanDecision>,
) -> Result<HttpResponse, Error> {
    let if_match = if_match(&request);
    decide(&app, who, *id, Decided { decision: Decision::Start, reason: body.reason, if_match }).await
}

/// Decline a plan that waits. Clinicians and owners only.
///
/// The plan is revoked and the patient sees it no more. The alert about it stays until somebody resolves it.
#[utoipa::path(tag = "plans", operation_id = "decline_plan", request_body = PlanDecision,
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-Match" = String, Header, description = "The ETag that was read: `\"v1\"`.")),
    responses((status = 200, description = "It does not run.", body = Plan)))]
#[post("/v1/clinic/plans/{plan_id}/decline")]
async fn decline_plan(
    app: web::Data<App>,
    who: Staff,
    id: Path<PlanId>,
    request: HttpRequest,
    Body(body): Body<PlanDecision>,
) -> Result<HttpResponse, Error> {
    let if_match = if_match(&request);
    decide(&app, who, *id, Decided { decision: Decision::Decline, reason: body.reason, if_match }).await
}

async fn decide(app: &App, who: Staff, id: PlanId, decided: Decided) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let decide = move |ctx: &mut Ctx<'_>| Ok((enrolment::waiting::decide(ctx, &who, id, decided)?, ctx.m.at));
    let (plan_file, at) = app.act(who, decide).await?;
    edited(&view(&plan_file, None, at)?, plan_file.plan.revision)
}
