//! What a clinic does to a plan that exists: each change is a revision with author, reason and diff, and can be undone.

pub mod rules;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::rules::{ChangedDay, Side};
use crate::auth::Staff;
use crate::courses::Link;
use crate::courses::rules::Running;
use crate::courses::{self, rules as sessions};
use crate::ctx::Ctx;
use crate::documents::Compiled;
use crate::error::{Error, FieldError};
use crate::events::EventKind;
use crate::http::conditions::check_version;
use crate::http::text::Note;
use crate::patients::{self, Treatment};
use crate::plans::{self, Known, Plan, PlanFile, Revision};
use crate::today;
use engine::{Command, Now, OverrideChange, PausedDays, PlanState, PlanStatus, Successor};
use ground::ids::{ClinicId, CourseId, MemberId, MigrationId, PlanId, TreatmentId};
use ground::sql::Conn;
use ground::sql::Json;
use ground::time::Stamp;

/// What is to be done; a date that is not said is today, where the patient is.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Asks nothing for a while.
    Pause {
        /// From this date on.
        from_on: Option<Date>,
        /// Until the day before this date; until somebody resumes it.
        until_on: Option<Date>,
        /// What becomes of the days.
        days: PausedDays,
    },
    /// Goes on from this date on.
    Resume(Option<Date>),
    /// Is over from this date on: `completed` or `revoked`.
    End(Option<Date>, PlanStatus),
    /// Never should have been.
    EnterInError,
    /// The treatment was another one than was recorded.
    Correct {
        /// Its date.
        performed_on: Option<Date>,
        /// The instant at which it was.
        performed_at: Option<Stamp>,
        /// It is not known at which instant it was.
        time_unknown: bool,
        /// Where on the body.
        body_area: Option<String>,
        /// Its parameters.
        parameters: Option<engine::Parameters>,
    },
    /// Something is different for this patient.
    Override(OverrideChange),
    /// Makes way for the plan of a later session, or stands again.
    GiveWay(Option<Successor>),
    /// Takes the revision of this number back.
    Undo(i32),
}

/// What is to be done, and why.
#[derive(Debug, Clone)]
pub struct Order {
    pub wish: Wish,
    /// Why; the patient reads it.
    pub reason: Note,
    /// Why reasons not to start that a correction brings are overruled.
    pub overrule: Option<Note>,
    /// The revision of the plan that was read.
    pub if_match: Option<String>,
}

/// What was done, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A command.
    Did(Command),
    /// An undo of the revision of this number.
    Undid(i32),
    /// A move to another version of its protocol.
    Moved(Move),
    /// The way back.
    MovedBack(Move),
}

impl Deed {
    fn event(&self) -> EventKind {
        match self {
            Self::Did(Command::Pause { .. }) => EventKind::PlanPaused,
            Self::Did(Command::Resume { .. }) => EventKind::PlanResumed,
            Self::Did(Command::End { .. }) => EventKind::PlanEnded,
            Self::Did(Command::EnterInError) => EventKind::PlanEnteredInError,
            Self::Did(Command::Correct { .. }) => EventKind::PlanCorrected,
            Self::Did(Command::Override { .. }) => EventKind::PlanOverridden,
            Self::Did(Command::GiveWay(Some(_))) => EventKind::PlanSuperseded,
            Self::Did(Command::GiveWay(None)) => EventKind::PlanReinstated,
            Self::Undid(_) => EventKind::PlanRevisionUndone,
            Self::Moved(_) | Self::MovedBack(_) => EventKind::PlanMoved,
        }
    }
}

/// A move of many plans, of which this one was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub migration: MigrationId,
    /// The first date of the version that it went to, if that is known.
    pub from_on: Option<Date>,
}

/// What an order does, or would do.
pub struct Outcome {
    /// The plan that it is about.
    pub plan: Changed,
    /// The plans that follow: those of the same treatment, and those of the course that make way for another session, or stand again.
    pub others: Vec<Changed>,
}

/// A plan before an order and after it.
pub struct Changed {
    /// The plan before.
    pub before: PlanFile,
    /// The plan afterwards; the same if nothing changes.
    pub after: PlanFile,
    sides: Option<(Side, Side)>,
}

impl Changed {
    /// Whether anything is different.
    pub fn is_change(&self) -> bool {
        self.sides.is_some()
    }

    /// The dates from the day of `at` on that are different.
    pub fn days(&self, at: Stamp) -> Vec<ChangedDay> {
        let days = |(before, after): &(Side, Side)| rules::changed_days(before, after, &self.before.zone, at);
        self.sides.as_ref().map(days).unwrap_or_default()
    }

    fn between(c: &mut Conn, Revised(before, after): Revised) -> Result<Self, Error> {
        let mut side = |plan_file: &PlanFile| {
            let (compiled, enrolment) = (Arc::clone(&plan_file.compiled), plan_file.enrolment());
            Ok::<_, Error>(Side { compiled, enrolment, known: plan_file.known_all(c)? })
        };
        let is_change = before.plan.revision != after.plan.revision;
        let sides = if is_change { Some((side(&before)?, side(&after)?)) } else { None };
        Ok(Self { before, after, sides })
    }
}

/// A plan before and after a revision, or some.
pub struct Revised(pub PlanFile, pub PlanFile);

/// Of these the plans as they were, whose lines the patient saw until now and does not see any more.
pub fn gone(revised: &[Revised], at: Stamp) -> Vec<PlanFile> {
    let is_gone = |one: &&Revised| one.0.status(at).is_shown() && !one.1.status(at).is_shown();
    revised.iter().filter(is_gone).map(|one| one.0.clone()).collect()
}

/// What one order makes of one plan.
struct Step {
    before: PlanFile,
    after: PlanFile,
    deed: Deed,
    states: (PlanState, PlanState),
}

impl Step {
    fn is_change(&self) -> bool {
        self.states.0 != self.states.1
    }

    fn revised(self) -> Revised {
        Revised(self.before, self.after)
    }
}

fn step(ctx: &mut Ctx<'_>, before: PlanFile, order: &Order) -> Result<Step, Error> {
    let treatment = patients::treatment(ctx.c, before.plan.clinic_id, before.plan.treatment_id)?
        .ok_or_else(|| Error::internal("a plan without a treatment", before.plan.id))?;
    let state = state_of(&before, &treatment.body_area)?;
    if let Wish::Correct { performed_on, performed_at, .. } = &order.wish {
        let date = performed_on.unwrap_or(before.plan.day_zero.0).into();
        patients::check_date(&before.clinic.zone, date, ctx.m.at)?;
        patients::check_time(&before.clinic.zone, *performed_at, date, ctx.m.at)?;
    }
    let now = now(&before, &before.known_all(ctx.c)?, ctx.m.at);
    let deed = deed(order, &now);
    let wanted = match &deed {
        Deed::Did(command) => engine::apply(&state, command, &now).map_err(|why| refused(&order.wish, why))?,
        Deed::Undid(number) => undone(ctx.c, &state, &before, *number, &now)?,
        Deed::Moved(_) | Deed::MovedBack(_) => state.clone(), // no wish is one
    };
    if let (Deed::Did(Command::Override { change, .. }), true) = (&deed, wanted != state) {
        check_change(ctx.c, ctx.cache, &before, change)?;
    }
    let after = if wanted == state { before.clone() } else { changed(ctx, &before, &state, &wanted, order)? };
    Ok(Step { before, after, deed, states: (state, wanted) })
}

fn undone(c: &mut Conn, state: &PlanState, plan_file: &PlanFile, number: i32, now: &Now) -> Result<PlanState, Error> {
    let rows = plans::store::list_revisions(c, plan_file.plan.clinic_id, plan_file.plan.id)?;
    let named = rows.iter().find(|row| row.revision == number).map(|row| row.command.to()).transpose()?;
    if let Some(Deed::Moved(way) | Deed::MovedBack(way)) = named {
        let detail = format!(
            "this was a move to another version, with other plans: it is taken back by the rollback of plan migration {}",
            way.migration
        );
        return Err(Error::conflict("moved", detail));
    }
    if let Some(Deed::Did(Command::GiveWay(None))) = named {
        let detail = "there is no session in whose favour it could end again: complete the plan, if that is meant";
        return Err(Error::conflict("follows_session", detail));
    }
    let revisions: Vec<engine::Revision> =
        rows.iter().map(|row| as_engine(row, &plan_file.zone, state)).collect::<Result<_, Error>>()?;
    engine::undo(state, &revisions, number, now).map_err(not_undone)
}

/// Does it, on every plan of the treatment if it is about the treatment, and lets plans of earlier sessions follow. What changes nothing
/// leaves no revision.
pub fn carry_out(ctx: &mut Ctx<'_>, who: &Staff, id: PlanId, order: &Order) -> Result<Outcome, Error> {
    courses::lock_plan(ctx.c, who.clinic, id)?;
    let before = plans::of_clinic(ctx.c, ctx.cache, who.clinic, id)?.ok_or(Error::NotFound)?;
    if !is_repeated(ctx.c, who, &before, order, ctx.m.at)? {
        check_version(order.if_match.as_deref(), before.plan.revision)?;
    }
    let done = step(ctx, before, order)?;
    let followed = if done.is_change() {
        write(ctx, &done, order)?;
        follow(ctx, &done, order)?
    } else {
        Vec::new()
    };
    let mut revised = vec![done.revised()];
    followed.into_iter().for_each(|one| add(&mut revised, one));
    let gone = gone(&revised, ctx.m.at);
    let changes: Result<Vec<Changed>, Error> = revised.into_iter().map(|one| Changed::between(ctx.c, one)).collect();
    let mut changes = changes?;
    for one in changes.iter().filter(|one| one.is_change()) {
        today::share_marks(ctx, &one.after, &gone)?;
    }
    Ok(Outcome { plan: changes.remove(0), others: changes })
}

/// What an order on one plan does to others: those of the same treatment, and those of the course.
fn follow(ctx: &mut Ctx<'_>, done: &Step, order: &Order) -> Result<Vec<Revised>, Error> {
    let of_treatment = |state: &PlanState| {
        let when = (state.day_zero, state.performed_at);
        (when, state.body_area.clone(), state.parameters.clone(), state.status == PlanStatus::EnteredInError)
    };
    let (plan, (before, after)) = (&done.after.plan, &done.states);
    let is_of_treatment = of_treatment(before) != of_treatment(after);
    let mut followed = Vec::new();
    if is_of_treatment {
        for twin in twins(ctx.c, ctx.cache, &done.after)? {
            let (order, done) = same_for_twin(ctx, done, twin, order)?;
            if done.is_change() {
                write(ctx, &done, &order)?;
                followed.push(done.revised());
            }
        }
        correct_treatment(ctx, plan, after)?;
        courses::recount(ctx.c, plan.clinic_id, plan.treatment_id)?;
    }
    if is_of_treatment || before.stops != after.stops {
        followed.extend(let_give_way(ctx, plan)?);
    }
    Ok(followed)
}

/// A plan may follow a second time, also the one that an order is about: it may make way itself then.
fn add(revised: &mut Vec<Revised>, Revised(before, after): Revised) {
    match revised.iter_mut().find(|known| known.1.plan.id == after.plan.id) {
        Some(known) => known.1 = after,
        None => revised.push(Revised(before, after)),
    }
}

/// Lets a plan make way for the next session's, or stand again: as the sessions are now. Gives what it was and is, if that is different.
pub fn give_way(ctx: &mut Ctx<'_>, before: PlanFile, successor: Option<Successor>) -> Result<Option<Revised>, Error> {
    let reason = match (before.stops.gives_way(), successor) {
        (None, None) => return Ok(None),
        (None, Some(_)) => "The plan of the next session takes its place.",
        (Some(way), Some(next)) if way.to == next.plan => "The date of the next session was corrected.",
        (Some(_), Some(_)) => "The plan of another session takes its place.",
        (Some(_), None) => "The plan of the next session does not take its place after all.",
    };
    let order = Order {
        wish: Wish::GiveWay(successor),
        reason: Note::try_from(reason.to_owned()).map_err(|why| Error::internal("a reason", why))?,
        overrule: None,
        if_match: None,
    };
    let done = step(ctx, before, &order)?;
    if !done.is_change() {
        return Ok(None);
    }
    write(ctx, &done, &order).map_err(|why| if matches!(why, Error::Stale) { Error::Busy } else { why })?;
    Ok(Some(done.revised()))
}

/// The plans that somebody did not want to take this one's place.
pub fn kept_from(c: &mut Conn, plan: &Plan) -> Result<Vec<PlanId>, Error> {
    let rows = plans::store::list_revisions(c, plan.clinic_id, plan.id)?;
    let undone = rows.iter().filter(|row| rows.iter().any(|other| other.undoes == Some(row.revision)));
    let mut kept = Vec::new();
    for row in undone {
        if let Deed::Did(Command::GiveWay(Some(successor))) = row.command.to()? {
            kept.push(successor.plan);
        }
    }
    Ok(kept)
}

fn write(ctx: &mut Ctx<'_>, done: &Step, order: &Order) -> Result<(), Error> {
    let plan = &done.after.plan;
    if !store::set(ctx.c, plan, done.before.plan.revision)? {
        return Err(Error::Stale);
    }
    let undoes = match done.deed {
        Deed::Undid(number) => Some(number),
        _ => None,
    };
    let made_by = ctx.member()?;
    Made { deed: &done.deed, undoes, reason: order.reason.as_str(), states: &done.states, made_by }.keep(ctx, plan)
}

/// A revision as it is made.
struct Made<'a> {
    deed: &'a Deed,
    undoes: Option<i32>,
    reason: &'a str,
    states: &'a (PlanState, PlanState),
    made_by: MemberId,
}

impl Made<'_> {
    /// Keeps it as that of the plan's number, and says so.
    fn keep(&self, ctx: &mut Ctx<'_>, plan: &Plan) -> Result<(), Error> {
        let revision = Revision {
            clinic_id: plan.clinic_id,
            plan_id: plan.id,
            revision: plan.revision,
            id: ctx.m.id(),
            command: Json::of(self.deed)?,
            reason: self.reason.to_owned(),
            undoes: self.undoes,
            before_state: Json::of(&self.states.0)?,
            after_state: Json::of(&self.states.1)?,
            made_by: self.made_by,
            made_at: ctx.m.at,
        };
        store::insert(ctx.c, &revision)?;
        ctx.happened_because(self.deed.event(), plan, self.reason)
    }
}

/// A move of one plan to another version, or back.
pub struct Moving<'a> {
    /// The plan before.
    pub before: &'a PlanFile,
    /// The plan afterwards.
    pub after: &'a Plan,
    /// Where on the body its treatment was.
    pub body_area: &'a str,
    pub reason: &'a str,
    /// Whose doing it is.
    pub made_by: MemberId,
}

/// Keeps a move to another version as a revision; of a way back, what it takes back.
pub fn record_move(ctx: &mut Ctx<'_>, moving: &Moving<'_>, deed: &Deed) -> Result<(), Error> {
    let Moving { before, after, body_area, reason, made_by } = *moving;
    let undoes = match deed {
        Deed::MovedBack(way) => moved_by(ctx.c, after, way.migration)?,
        _ => None,
    };
    let state = state_of(before, body_area)?;
    let earlier_versions = after.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default();
    let moved = PlanState { version_id: after.version_id, earlier_versions, ..state.clone() };
    Made { deed, undoes, reason, states: &(state, moved), made_by }.keep(ctx, after)
}

fn moved_by(c: &mut Conn, plan: &Plan, by: MigrationId) -> Result<Option<i32>, Error> {
    for row in plans::store::list_revisions(c, plan.clinic_id, plan.id)? {
        if matches!(row.command.to()?, Deed::Moved(way) if way.migration == by) {
            return Ok(Some(row.revision));
        }
    }
    Ok(None)
}

/// Something that happened to a plan. Alerts that were raised before it stay as they were, and are shown with it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Annotation {
    /// When.
    pub at: Stamp,
    /// Stable word: `treatment_corrected` or `entered_in_error`; there may be more.
    #[schema(example = "treatment_corrected")]
    pub code: String,
    /// In a sentence.
    #[schema(example = "The treatment's date was corrected from 2026-05-04 to 2026-05-05.")]
    pub detail: String,
}

/// What happened to each of the plans that concerns alerts, oldest first.
pub fn annotations(c: &mut Conn, clinic: ClinicId, of: &[PlanId]) -> Result<BTreeMap<PlanId, Vec<Annotation>>, Error> {
    let mut annotations: BTreeMap<PlanId, Vec<Annotation>> = BTreeMap::new();
    for row in plans::store::list_revisions_of(c, clinic, of)? {
        if let Some((code, detail)) = note_for_alerts(&row.before_state.to()?, &row.after_state.to()?) {
            let annotation = Annotation { at: row.made_at, code: code.to_owned(), detail };
            annotations.entry(row.plan_id).or_default().push(annotation);
        }
    }
    Ok(annotations)
}

/// What a change of a plan means for alerts, as a word and a sentence; `None`: nothing.
fn note_for_alerts(before: &PlanState, after: &PlanState) -> Option<(&'static str, String)> {
    if before.day_zero != after.day_zero {
        let detail = format!("The treatment's date was corrected from {} to {}.", before.day_zero, after.day_zero);
        return Some(("treatment_corrected", detail));
    }
    if before.performed_at != after.performed_at {
        return Some(("treatment_corrected", "The treatment's time was corrected.".to_owned()));
    }
    if (&before.parameters, &before.body_area) != (&after.parameters, &after.body_area) {
        return Some(("treatment_corrected", "The treatment's area or parameters were corrected.".to_owned()));
    }
    match (before.status == PlanStatus::EnteredInError, after.status == PlanStatus::EnteredInError) {
        (false, true) => Some(("entered_in_error", "The treatment was entered in error.".to_owned())),
        (true, false) => {
            Some(("entered_in_error", "It was taken back that the treatment was entered in error.".to_owned()))
        }
        _ => None,
    }
}

fn now(plan_file: &PlanFile, known: &Known, at: Stamp) -> Now {
    let (enrolment, today) = (plan_file.enrolment(), engine::local_date(&plan_file.zone, at));
    let day = enrolment.day_on(today);
    let answered = engine::answered_from(&plan_file.compiled, &enrolment, &known.facts(), day);
    Now { at, today, day, answered }
}

fn deed(order: &Order, now: &Now) -> Deed {
    let today = |date: &Option<Date>| date.unwrap_or(now.today);
    Deed::Did(match &order.wish {
        Wish::Undo(number) => return Deed::Undid(*number),
        Wish::Pause { from_on, until_on, days } => {
            Command::Pause { from_on: today(from_on), until_on: *until_on, days: *days }
        }
        Wish::Resume(on) => Command::Resume { on: today(on) },
        Wish::End(on, status) => Command::End { on: today(on), status: *status },
        Wish::EnterInError => Command::EnterInError,
        Wish::Correct { performed_on, performed_at, time_unknown, body_area, parameters } => Command::Correct {
            performed_on: *performed_on,
            performed_at: *performed_at,
            time_unknown: *time_unknown,
            body_area: body_area.clone(),
            parameters: parameters.clone(),
            overruled: order.overrule.as_ref().map(|why| why.as_str().to_owned()),
        },
        Wish::GiveWay(successor) => Command::GiveWay(*successor),
        Wish::Override(change) => {
            Command::Override { change: change.clone(), reason: order.reason.as_str().to_owned() }
        }
    })
}

/// The plan with another state: compiled, and looked at whether it fits.
fn changed(
    ctx: &mut Ctx<'_>,
    before: &PlanFile,
    state: &PlanState,
    wanted: &PlanState,
    order: &Order,
) -> Result<PlanFile, Error> {
    let plan = Plan {
        next_due_at: (wanted.status == PlanStatus::Active).then_some(ctx.m.at),
        revision: before.plan.revision + 1,
        ..before.plan.with_state(wanted)?
    };
    let after = PlanFile::new(ctx.c, ctx.cache, (plan, before.patient.clone(), before.clinic.clone()))?;
    if !after.compiled.body_areas.contains(&wanted.body_area) {
        let areas = after.compiled.body_areas.join(", ");
        let detail = format!("this protocol is for {areas}: revoke the plan, and enrol the patient in another one");
        return Err(Error::field("/body_area", "wrong_body_area", detail));
    }
    let is_undo = matches!(order.wish, Wish::Undo(_));
    if state.parameters != wanted.parameters && order.overrule.is_none() && !is_undo {
        check_exclusions(before, &after)?;
    }
    Ok(after)
}

fn check_exclusions(before: &PlanFile, after: &PlanFile) -> Result<(), Error> {
    let known: BTreeSet<&str> = before.compiled.exclusions.iter().map(|one| one.key.as_str()).collect();
    let new = after.compiled.exclusions.iter().filter(|one| !known.contains(one.key.as_str()));
    let errors: Vec<FieldError> = new
        .map(|one| FieldError {
            pointer: "/parameters".to_owned(),
            code: format!("excluded.{}", one.key),
            detail: format!("{} Give the reason in `overrule`, or end the plan.", one.text.in_locale(&["en"])),
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

fn check_change(c: &mut Conn, cache: &Compiled, before: &PlanFile, change: &OverrideChange) -> Result<(), Error> {
    let protocol = plans::compiled(c, cache, &Plan { overrides: None, ..before.plan.clone() })?;
    engine::check_override(&protocol, &before.overrides, change).map_err(|problem| named(change, problem))
}

/// Whether a change can be one of any plan.
pub fn check_shape(change: &OverrideChange) -> Result<(), Error> {
    engine::check_shape(change).map_err(|problem| named(change, problem))
}

fn named(change: &OverrideChange, problem: engine::OverrideProblem) -> Error {
    let part = match change {
        OverrideChange::Set(_) => "set",
        OverrideChange::Remove(_) => "remove",
        OverrideChange::Add(_) => "add",
        OverrideChange::Restore(_) => "restore",
        OverrideChange::Threshold(_) => "threshold",
    };
    let is_bare = matches!(change, OverrideChange::Remove(_) | OverrideChange::Restore(_));
    let pointer = if is_bare { format!("/{part}") } else { format!("/{part}/{}", problem.pointer) };
    Error::field(pointer, problem.code, problem.detail)
}

fn refused(wish: &Wish, why: engine::Refusal) -> Error {
    let (code, field) = why.code();
    let pointer = match (field, wish) {
        (Some("on"), Wish::Pause { .. } | Wish::End(..)) => Some("/from_on"),
        (Some("on"), _) => Some("/on"),
        (Some("until_on"), _) => Some("/until_on"),
        _ => None,
    };
    match pointer {
        Some(pointer) => Error::field(pointer, code, why.to_string()),
        None => Error::conflict(code, why.to_string()),
    }
}

fn not_undone(why: engine::UndoRefusal) -> Error {
    match why {
        engine::UndoRefusal::Unknown => Error::field("/revision", "unknown_value", why.to_string()),
        engine::UndoRefusal::NotNewest => Error::conflict("not_newest", why.to_string()),
    }
}

/// A revision from before `overruled`, or the time of treatment, was kept in it says nothing of that: it is taken as it is now.
fn as_engine(row: &Revision, zone: &TimeZone, now: &PlanState) -> Result<engine::Revision, Error> {
    let read = |json: &Json| {
        let kept = json.to::<BTreeMap<String, serde_json::Value>>()?;
        let state: PlanState = json.to()?;
        let overruled = if kept.contains_key("overruled") { state.overruled } else { now.overruled.clone() };
        let performed_at = if kept.contains_key("performed_at") { state.performed_at } else { now.performed_at };
        Ok::<_, Error>(PlanState { overruled, performed_at, ..state })
    };
    let (before, after) = (read(&row.before_state)?, read(&row.after_state)?);
    let (number, undoes, made_at) = (row.revision, row.undoes, row.made_at);
    let made_on = engine::local_date(zone, made_at);
    Ok(engine::Revision { number, undoes, made_at, made_on, before, after })
}

/// Whether this is the newest order once more, sent again because its answer was lost. What followed from it by itself does not count.
fn is_repeated(c: &mut Conn, who: &Staff, plan_file: &PlanFile, order: &Order, at: Stamp) -> Result<bool, Error> {
    let plan = &plan_file.plan;
    let mut rows = plans::store::list_revisions(c, plan.clinic_id, plan.id)?;
    if rows.last().is_none_or(|last| last.revision != plan.revision) {
        return Ok(false);
    }
    while let Some(row) = rows.last()
        && matches!(row.command.to()?, Deed::Did(Command::GiveWay(_)))
    {
        rows.pop();
    }
    let Some(newest) =
        rows.pop().filter(|newest| check_version(order.if_match.as_deref(), newest.revision - 1).is_ok())
    else {
        return Ok(false);
    };
    let known = Known::default();
    let again = Json::of(&deed(order, &now(plan_file, &known, at)))?;
    let is_same = again.to::<Deed>()? == newest.command.to::<Deed>()?;
    Ok(is_same && newest.made_by == who.member)
}

/// The other plans of the treatment.
fn twins(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile) -> Result<Vec<PlanFile>, Error> {
    let rows = store::list_of_treatment(c, plan_file.plan.clinic_id, plan_file.plan.treatment_id)?;
    let others = rows.into_iter().filter(|(plan, ..)| plan.id != plan_file.plan.id);
    others.map(|rows| PlanFile::new(c, cache, rows)).collect()
}

/// The same for another plan of the treatment: an undo takes back the revision that was made together with this one. A plan that was made
/// afterwards has no such revision, and one that was changed since cannot give it back: it is corrected to what the treatment is now.
fn same_for_twin(ctx: &mut Ctx<'_>, done: &Step, twin: PlanFile, order: &Order) -> Result<(Order, Step), Error> {
    let with = |wish: Wish| Order { wish, if_match: None, ..order.clone() };
    let Wish::Undo(number) = order.wish else {
        let order = with(order.wish.clone());
        let done = step(ctx, twin, &order)?;
        return Ok((order, done));
    };
    let own = plans::store::list_revisions(ctx.c, done.before.plan.clinic_id, done.before.plan.id)?;
    let theirs = plans::store::list_revisions(ctx.c, twin.plan.clinic_id, twin.plan.id)?;
    let what = |row: &Revision| Ok::<_, Error>((row.made_at, row.command.to::<Deed>()?));
    let undone = own.iter().find(|one| one.revision == number).map(what).transpose()?;
    let is_undone = |one: &Revision| theirs.iter().any(|other| other.undoes == Some(one.revision));
    let mut together = None;
    for one in theirs.iter().filter(|one| !is_undone(one)) {
        if Some(what(one)?) == undone {
            together = Some(one);
        }
    }
    if let Some(together) = together {
        let order = with(Wish::Undo(together.revision));
        match step(ctx, twin.clone(), &order) {
            Err(Error::Conflict { code: "not_newest", .. }) => {}
            done => return Ok((order, done?)),
        }
    }
    let PlanState { day_zero, performed_at, body_area, parameters, .. } = done.states.1.clone();
    let order = with(Wish::Correct {
        performed_on: Some(day_zero),
        performed_at,
        time_unknown: performed_at.is_none(),
        body_area: Some(body_area),
        parameters: Some(parameters),
    });
    let done = step(ctx, twin, &order)?;
    Ok((order, done))
}

fn correct_treatment(ctx: &mut Ctx<'_>, plan: &Plan, state: &PlanState) -> Result<(), Error> {
    let treatment = patients::treatment(ctx.c, plan.clinic_id, plan.treatment_id)?
        .ok_or_else(|| Error::internal("a plan without a treatment", plan.id))?;
    let after = Treatment {
        performed_on: state.day_zero.into(),
        performed_at: state.performed_at,
        body_area: state.body_area.clone(),
        parameters: Json::of(&state.parameters)?,
        entered_in_error_at: (state.status == PlanStatus::EnteredInError).then_some(ctx.m.at),
        version: treatment.version + 1,
        ..treatment
    };
    store::set_treatment(ctx.c, &after)
}

/// What a revision did, for people: which field went from what to what.
pub fn differences(row: &Revision) -> Result<BTreeMap<String, (serde_json::Value, serde_json::Value)>, Error> {
    let fields = |json: &Json| json.to::<BTreeMap<String, serde_json::Value>>();
    let (before, mut after) = (fields(&row.before_state)?, fields(&row.after_state)?);
    let pairs = before.into_iter().map(|(key, old)| {
        let new = after.remove(&key).unwrap_or_default();
        (key, (old, new))
    });
    Ok(pairs.filter(|(_, (old, new))| old != new).collect())
}

/// Lets the plans of a course make way for those of later sessions, as the sessions are now: one that made way for a session that never
/// was, or that was on another date, follows. Where somebody took that back, it stays so.
pub fn let_give_way(ctx: &mut Ctx<'_>, plan: &Plan) -> Result<Vec<Revised>, Error> {
    let Some(place) = plan.in_course() else { return Ok(Vec::new()) };
    let Some(course) = courses::store::find_whole(ctx.c, plan.clinic_id, place.course_id)? else {
        return Ok(Vec::new());
    };
    let mut plan_files = courses::plan_files(ctx.c, ctx.cache, &course)?;
    plan_files.retain(|plan_file| plan_file.plan.status == PlanStatus::Active);
    let all: Vec<Running> = plan_files.iter().map(running).collect();
    let mut followed = Vec::new();
    for (plan_file, old) in plan_files.into_iter().zip(&all) {
        let mut successor = sessions::successor(old, &all);
        if successor.is_some() {
            let kept_from = kept_from(ctx.c, &plan_file.plan)?;
            let others: Vec<Running> = all.iter().filter(|one| !kept_from.contains(&one.plan)).cloned().collect();
            successor = sessions::successor(old, &others);
        }
        followed.extend(give_way(ctx, plan_file, successor)?);
    }
    Ok(followed)
}

fn running(plan_file: &PlanFile) -> Running {
    Running {
        plan: plan_file.plan.id,
        protocol: plan_file.compiled.key.clone(),
        session: plan_file.plan.in_course().map_or(0, |place| place.session),
        day_zero: plan_file.plan.day_zero.0,
        last_on: plan_file.enrolment().date_of(plan_file.compiled.horizon_day),
        ends_on: plan_file.stops.end.map(|end| end.on),
        gives_way: plan_file.compiled.sessions.as_ref().is_some_and(|sessions| sessions.replaces_tail_when_sooner),
    }
}

/// All that commands change of a plan, as it is stored.
fn state_of(plan_file: &PlanFile, body_area: &str) -> Result<PlanState, Error> {
    let plan = &plan_file.plan;
    Ok(PlanState {
        status: plan.status,
        day_zero: plan.day_zero.0,
        performed_at: plan.performed_at,
        body_area: body_area.to_owned(),
        parameters: plan.parameters.to()?,
        version_id: plan.version_id,
        earlier_versions: plan.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default(),
        stops: plan_file.stops.clone(),
        overrides: plan_file.overrides.clone(),
        overruled: plan.overruled.clone(),
    })
}

/// Makes a treatment a session of a course; the plans of the sessions around it follow.
pub fn add_to_course(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    id: CourseId,
    added: TreatmentId,
    overrule_interval: Option<Note>,
) -> Result<(Treatment, Link), Error> {
    let (treatment, link, plans) = courses::add_treatment(ctx, who, id, added, overrule_interval)?;
    for plan in plans {
        let_give_way(ctx, &plan)?;
    }
    Ok((treatment, link))
}
