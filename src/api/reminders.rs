//! "Why did (didn't) this go out?", for staff.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::auth::Staff;
use crate::error::Error;
use crate::http::{Page, PageParams, Path, Query};
use crate::mail::outbox::{self, MailState};
use crate::plans;
use crate::reminders::{Decision, Reason, Reminder as Row, store};
use ground::ids::{OccurrenceId, PlanId, ReminderId};
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_reminders).service(explain_reminder);
}

/// A decision to write, or not to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Reminder {
    /// Its id.
    id: ReminderId,
    /// The plan.
    plan_id: PlanId,
    /// About which occurrence.
    occurrence_id: OccurrenceId,
    /// The occurrence's item.
    #[schema(example = "check-in")]
    item_key: String,
    /// Its slot.
    #[schema(example = "evening")]
    slot: String,
    /// Its day number.
    #[schema(example = 3)]
    day: i32,
    /// When it was due.
    due_at: Stamp,
    /// When it was decided.
    decided_at: Stamp,
    /// What was decided.
    decision: Decision,
    /// Why.
    reason: Reason,
}

fn view(row: Row) -> Reminder {
    Reminder {
        id: row.id,
        plan_id: row.plan_id,
        occurrence_id: row.occurrence_id,
        item_key: row.item_key,
        slot: row.slot_key,
        day: row.day,
        due_at: row.due_at,
        decided_at: row.decided_at,
        decision: row.decision,
        reason: row.reason,
    }
}

/// List the decisions about reminders of a plan, newest first.
///
/// One for each reminder that came due: mailed, joined to another mail, or not mailed and why.
#[utoipa::path(tag = "reminders", operation_id = "list_reminders",
    params(PageParams, ("plan_id" = PlanId, Path, description = "The plan.")),
    responses((status = 200, description = "A page of decisions.", body = Page<Reminder>)))]
#[get("/v1/clinic/plans/{plan_id}/reminders")]
async fn list_reminders(
    app: web::Data<App>,
    who: Staff,
    id: Path<PlanId>,
    Query(page): Query<PageParams>,
) -> Result<HttpResponse, Error> {
    let wanted = page.clone();
    let rows = app
        .db
        .read(move |c| {
            plans::store::find_of_clinic(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            store::list_of_plan(c, who.clinic, *id, &wanted)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.id.0, view)?))
}

/// Why a reminder went out or did not, and what became of its mail.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Explanation {
    /// The decision.
    reminder: Reminder,
    /// Its mail, if there is one.
    #[schema(required)]
    mail: Option<MailFate>,
}

/// What became of a mail.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct MailFate {
    /// Where it is.
    state: MailState,
    /// How often it was tried.
    #[schema(example = 1)]
    attempts: i32,
    /// What came of the last try.
    #[schema(required, example = "taken by the relay")]
    outcome: Option<String>,
    /// When it was settled.
    #[schema(required)]
    settled_at: Option<Stamp>,
}

/// Explain a reminder.
///
/// For "did it go out?": the decision, its reason, and how far its mail came.
#[utoipa::path(tag = "reminders", operation_id = "explain_reminder",
    params(("reminder_id" = ReminderId, Path, description = "The reminder.")),
    responses((status = 200, description = "The decision, its reason, and what became of the mail.", body = Explanation)))]
#[get("/v1/clinic/reminders/{reminder_id}/why")]
async fn explain_reminder(app: web::Data<App>, who: Staff, id: Path<ReminderId>) -> Result<HttpResponse, Error> {
    let explanation = app
        .db
        .read(move |c| {
            let row = store::find(c, who.clinic, *id)?.ok_or(Error::NotFound)?;
            let fate = row.outbox_id.map(|mail| outbox::fate(c, mail)).transpose()?.flatten();
            let mail = fate.map(|fate| MailFate {
                state: fate.state,
                attempts: fate.attempt,
                outcome: fate.outcome,
                settled_at: fate.settled_at,
            });
            Ok(Explanation { reminder: view(row), mail })
        })
        .await?;
    Ok(HttpResponse::Ok().json(explanation))
}
