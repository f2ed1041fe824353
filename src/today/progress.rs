//! How much of what was expected was done: adherence to one plan, for the patient and for the clinic.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::db::Conn;
use crate::engine::{self, ItemKind, Tally};
use crate::error::Error;
use crate::http::conditions;
use crate::ids::PlanId;
use crate::plans::{self, Dossier, store};
use crate::time::Stamp;

/// The adherence to a plan. What counts is what was answered, and what was not until it could not be answered any more; a line that was
/// over before the enrolment, or that lies in days on which the plan did not run, was not expected.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Progress {
    /// The plan.
    plan_id: PlanId,
    /// The instant for which this was computed: the latest at or before the request at which it changed by itself.
    as_of: Stamp,
    /// Of each kind of line that can be marked or answered.
    kinds: Vec<ProgressOfKind>,
    /// Of all kinds together.
    total: ProgressTotal,
}

macro_rules! tallies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        struct $name {
            $($(#[$field_doc])* $field: $kind,)?
            /// Answered, or not answered in time: the four below together.
            #[schema(example = 8)]
            expected: u32,
            /// All of it.
            #[schema(example = 5)]
            done: u32,
            /// Of `done`, check-ins that came after their window had closed.
            #[schema(example = 1)]
            back_filled: u32,
            /// A part of it.
            #[schema(example = 1)]
            partial: u32,
            /// None of it, on purpose.
            #[schema(example = 1)]
            skipped: u32,
            /// Nothing came in time.
            #[schema(example = 1)]
            missed: u32,
            /// `done` and half of `partial`, of `expected`, rounded down: 100 is all of it. `null` if nothing was expected.
            #[schema(required, minimum = 0, maximum = 100, example = 68)]
            percent: Option<u32>,
        }

        impl $name {
            fn of($($field: $kind,)? tally: &Tally) -> Self {
                let Tally { expected, done, back_filled, partial, skipped, missed } = *tally;
                Self { $($field,)? expected, done, back_filled, partial, skipped, missed, percent: tally.percent() }
            }
        }
    )+};
}

tallies! {
    /// What was expected of one kind of line, and what became of it.
    ProgressOfKind {
        /// The kind of line.
        kind: ItemKind
    }
    /// What was expected of all kinds together, and what became of it.
    ProgressTotal {}
}

fn progress(c: &mut Conn, dossier: &Dossier, at: Stamp) -> Result<Progress, Error> {
    let known = dossier.known_all(c)?;
    let late = store::list_back_filled(c, dossier.plan.clinic_id, dossier.plan.id)?;
    let enrolment = dossier.enrolment();
    let seen = engine::adherence(&dossier.compiled, &enrolment, (&known.facts(), &late), &dossier.zone, at);
    Ok(Progress {
        plan_id: dossier.plan.id,
        as_of: seen.changed_at.unwrap_or(enrolment.enrolled_at),
        kinds: seen.kinds.iter().map(|(kind, tally)| ProgressOfKind::of(*kind, tally)).collect(),
        total: ProgressTotal::of(&seen.total()),
    })
}

/// Get how much of a plan of mine was done.
///
/// Of what was expected up to now: a line counts once it is answered, or once it cannot be answered any more.
#[utoipa::path(tag = "today", operation_id = "get_my_progress",
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "What was expected, and done.", body = Progress), (status = 304, description = "You have it already.")))]
#[get("/v1/me/plans/{plan_id}/progress")]
pub async fn get_my_progress(
    app: web::Data<App>,
    me: Patient,
    id: web::Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner) = (app.clock.now(), app.clone());
    let progress = app.db.read(move |c| {
        let dossier = plans::of_account(c, &inner.compiled, me.account, *id)?.ok_or(Error::NotFound)?;
        progress(c, &dossier, at)
    });
    conditions::answer(&request, &progress.await?, None)
}

/// Get how much of a plan was done.
///
/// The same answer as the patient's.
#[utoipa::path(tag = "plans", operation_id = "get_plan_progress",
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "What was expected, and done.", body = Progress), (status = 304, description = "You have it already.")))]
#[get("/v1/clinic/plans/{plan_id}/progress")]
pub async fn get_plan_progress(
    app: web::Data<App>,
    who: Staff,
    id: web::Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner) = (app.clock.now(), app.clone());
    let progress = app.db.read(move |c| {
        let dossier = plans::of_clinic(c, &inner.compiled, who.clinic, *id)?.ok_or(Error::NotFound)?;
        progress(c, &dossier, at)
    });
    conditions::answer(&request, &progress.await?, None)
}
