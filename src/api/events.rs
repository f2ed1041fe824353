//! What happened in a clinic, in order.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::Staff;
use crate::error::Error;
use crate::events::store::{self, Wanted};
use crate::events::{KindPattern, StoredEvent};
use crate::http::Query;
use crate::http::page::{Limit, Place};
use ground::encoding::hex;
use ground::ids::{AccountId, ClinicId, EventObjectId, MemberId, PatientId, PlanId};
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_events);
}

/// Something that happened. It holds ids and words, never what a patient said.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Event {
    /// Its place: from 1, without gaps in a clinic.
    #[schema(example = 42)]
    number: i64,
    /// When.
    at: Stamp,
    /// What: `plan.enrolled`, `check_in.recorded`, `alert.raised`, `patient.read` ... New words come: pass over those that you do not know.
    #[schema(example = "plan.enrolled")]
    kind: String,
    /// Who.
    actor: EventActor,
    /// The record that it is about.
    #[schema(required)]
    patient_id: Option<PatientId>,
    /// The plan that it is about.
    #[schema(required)]
    plan_id: Option<PlanId>,
    /// The thing itself.
    #[schema(required)]
    object: Option<EventObject>,
    /// The reason that a person gave, where one must be given.
    #[schema(required, example = "Called; her phone was stolen.")]
    reason: Option<String>,
    /// SHA-256 over this event and the seal before it, in hexadecimal. Note the last one that you have read elsewhere: whoever has it can
    /// prove later that nothing before it was changed.
    #[schema(
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        min_length = 64,
        max_length = 64
    )]
    seal: String,
}

/// Who did it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct EventActor {
    /// `staff`: a member, for the clinic; `account`: somebody for themselves; `anonymous`: nobody was signed in; `operator`: whoever runs the
    /// server; `server`: its recurring work.
    #[schema(example = "staff")]
    kind: String,
    /// Whose account.
    #[schema(required)]
    account_id: Option<AccountId>,
    /// In which membership.
    #[schema(required)]
    member_id: Option<MemberId>,
}

/// What it was done to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct EventObject {
    /// `patient`, `plan`, `alert` ...: there may be more.
    #[schema(example = "plan")]
    kind: String,
    /// Its id.
    id: EventObjectId,
}

/// A page of events.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Events {
    /// In their order.
    items: Vec<Event>,
    /// Send it as `after` to go on. You have all there is when it is what you sent: a page of a filter that fits little may be empty before.
    #[schema(example = 42)]
    next_after: i64,
}

/// Which events.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventParams {
    /// Behind this number: `next_after` of the page before, 0 for the first page.
    #[serde(default)]
    #[param(value_type = i64, default = 0, minimum = 0)]
    after: Place,
    /// How many items at the most.
    #[serde(default)]
    #[param(value_type = i64, default = 25, minimum = 1, maximum = 100)]
    limit: Limit,
    /// About this record.
    patient_id: Option<PatientId>,
    /// By this member.
    member_id: Option<MemberId>,
    /// Of this kind; `*.read` or `plan.*` are many.
    #[param(value_type = Option<String>, max_length = 64, pattern = "^(\\*|[a-z_]+)\\.(\\*|[a-z_]+)$", example = "*.read")]
    kind: Option<KindPattern>,
    /// Not before this instant.
    since: Option<Stamp>,
    /// Before this instant.
    until: Option<Stamp>,
}

impl EventParams {
    fn of(self, clinic: ClinicId) -> Wanted {
        Wanted {
            chain: clinic,
            after: self.after.0,
            limit: self.limit.get(),
            patient: self.patient_id,
            member: self.member_id,
            kind: self.kind,
            since: self.since,
            until: self.until,
        }
    }
}

/// List what happened, oldest first. Clinicians and owners only.
///
/// Every change of the clinic's data, and every look of a member at a patient's (`*.read`; of looks at the same thing within ten minutes
/// the first). Each has its place within a second, and is never changed: go on from `next_after`, and none is missed and none comes twice.
/// "Who saw this patient since May" is `?patient_id=..&kind=*.read&since=2026-05-01T00:00:00Z`.
#[utoipa::path(tag = "clinic", operation_id = "list_events", params(EventParams),
    responses((status = 200, description = "A page of events.", body = Events)))]
#[get("/v1/clinic/events")]
async fn list_events(
    app: web::Data<App>,
    who: Staff,
    Query(params): Query<EventParams>,
) -> Result<HttpResponse, Error> {
    who.must_be_clinical()?;
    let wanted = params.of(who.clinic);
    let (rows, next_after) = app.db.read(move |c| store::list(c, &wanted)).await?;
    Ok(HttpResponse::Ok().json(Events { items: rows.into_iter().map(view).collect(), next_after }))
}

fn view(row: StoredEvent) -> Event {
    Event {
        number: row.number.unwrap_or_default(),
        at: row.at,
        kind: row.kind,
        actor: EventActor { kind: row.actor_kind, account_id: row.account_id, member_id: row.member_id },
        patient_id: row.patient_id,
        plan_id: row.plan_id,
        object: row.object_kind.zip(row.object_id).map(|(kind, id)| EventObject { kind, id }),
        reason: row.reason,
        seal: hex(&row.hash.unwrap_or_default()),
    }
}
