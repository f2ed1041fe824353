//! How much of what was expected was done: adherence to one plan, for the patient and for the clinic.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Patient, Staff};
use crate::documents::Compiled;
use crate::error::Error;
use crate::http::{Path, conditions};
use crate::patients;
use crate::plans::{self, Known, PlanFile, store};
use engine::{Facts, Item, ItemKind, PlanInput, Tally};
use ground::ids::PlanId;
use ground::sql::Conn;
use ground::time::Stamp;

/// The adherence to a plan. What counts is what was answered, and what was not until it could not be answered any more; a line that was
/// over before the enrolment, or that lies in days on which the plan did not run, was not expected; nor was a task that Today set aside
/// because another plan forbade it for the same area, unless it was done all the same.
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
    /// Marks on what the plan does not ask: it was changed before they came, or had not asked yet. They are kept, and not counted unless
    /// the line comes back.
    #[schema(example = 0)]
    late_marks: u32,
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

fn progress(c: &mut Conn, cache: &Compiled, plan_file: PlanFile, at: Stamp) -> Result<Progress, Error> {
    let late = store::list_back_filled(c, plan_file.plan.clinic_id, plan_file.plan.id)?;
    let kept = store::count_kept_marks(c, plan_file.plan.clinic_id, plan_file.plan.id)?;
    let others = rivals(c, cache, &plan_file)?;
    let (known, area) = (plan_file.known_all(c)?, plan_file.body_area(c)?);
    let facts: Vec<Facts<'_>> = others.iter().map(|other| other.known.facts()).collect();
    let others: Vec<PlanInput<'_>> = others.iter().zip(&facts).map(|(other, facts)| other.input(facts)).collect();
    let own = PlanRecord { plan_file, known, area };
    let seen = engine::adherence(&own.input(&own.known.facts()), &others, &late, at);
    Ok(Progress {
        plan_id: own.plan_file.plan.id,
        as_of: seen.changed_at.unwrap_or(own.plan_file.enrolment().enrolled_at),
        kinds: seen.kinds.iter().map(|(kind, tally)| ProgressOfKind::of(*kind, tally)).collect(),
        total: ProgressTotal::of(&seen.total()),
        late_marks: seen.late_marks + kept,
    })
}

/// A plan with what is recorded about it, and where on the body it is.
struct PlanRecord {
    plan_file: PlanFile,
    known: Known,
    area: String,
}

impl PlanRecord {
    fn input<'a>(&'a self, facts: &'a Facts<'a>) -> PlanInput<'a> {
        let PlanFile { compiled, zone, .. } = &self.plan_file;
        PlanInput { compiled, enrolment: self.plan_file.enrolment(), facts, zone, body_area: &self.area }
    }
}

/// The patient's other plans, in every clinic, that forbid what a task of this one is about, or did before they were changed.
fn rivals(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile) -> Result<Vec<PlanRecord>, Error> {
    let tasks = plan_file.compiled.items.iter().filter(|item| item.kind == ItemKind::Task);
    let meanings: Vec<&String> = tasks.filter_map(|item| item.meaning.as_ref()).collect();
    let Some(account) = plan_file.patient.account_id.filter(|_| !meanings.is_empty()) else { return Ok(Vec::new()) };
    let forbids = |item: &Item| {
        item.kind == ItemKind::Restriction && item.meaning.as_ref().is_some_and(|meaning| meanings.contains(&meaning))
    };
    let mut rivals: Vec<PlanRecord> = Vec::new();
    let several = patients::are_several(c, account)?;
    for rows in store::list_ever_of_account(c, account)? {
        let is_somebody_else = several && rows.1.id != plan_file.patient.id;
        if rows.0.id == plan_file.plan.id || is_somebody_else {
            continue;
        }
        let other = PlanFile::new(c, cache, rows)?;
        let before = other.enrolment().history.iter().map(|epoch| &epoch.compiled);
        if before.chain([&other.compiled]).any(|compiled| compiled.items.iter().any(forbids)) {
            let (known, area) = (other.known_all(c)?, other.body_area(c)?);
            rivals.push(PlanRecord { plan_file: other, known, area });
        }
    }
    Ok(rivals)
}

/// Get how much of a plan of mine was done.
///
/// Of what was expected up to now: a line counts once it is answered, or once it cannot be answered any more. What another plan of mine
/// forbade at the time, in whatever clinic, is not expected.
#[utoipa::path(tag = "today", operation_id = "get_my_progress",
    params(("plan_id" = PlanId, Path, description = "The plan."), ("If-None-Match" = Option<String>, Header, description = "The ETag of the answer that you have.")),
    responses((status = 200, description = "What was expected, and done.", body = Progress), (status = 304, description = "You have it already.")))]
#[get("/v1/me/plans/{plan_id}/progress")]
pub async fn get_my_progress(
    app: web::Data<App>,
    me: Patient,
    id: Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner) = (app.clock.now(), app.clone());
    let progress = app.db.read(move |c| {
        let plan_file = plans::of_account(c, &inner.compiled, me.account, *id)?.ok_or(Error::NotFound)?;
        progress(c, &inner.compiled, plan_file, at)
    });
    conditions::answer(&request, &progress.await?)
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
    id: Path<PlanId>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let (at, inner) = (app.clock.now(), app.clone());
    let progress = app.db.read(move |c| {
        let plan_file = plans::of_clinic(c, &inner.compiled, who.clinic, *id)?.ok_or(Error::NotFound)?;
        progress(c, &inner.compiled, plan_file, at)
    });
    conditions::answer(&request, &progress.await?)
}
