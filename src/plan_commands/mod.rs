//! What a clinic does to a plan that exists: each change is a revision with author, reason and diff, and can be undone.

pub mod rules;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
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
use crate::http::conditions::check_version;
use crate::http::text::Note;
use crate::patients::{self, Treatment};
use crate::plans::revisions::{self, NewRevision, RecordedCommand, Revision};
use crate::plans::{self, Known, Plan, PlanFile};
use engine::{Command, Now, OverrideChange, PausedDays, PlanState, PlanStatus, Successor};
use ground::ids::{ClinicId, CourseId, MemberId, PlanId, TreatmentId};
use ground::sql::Conn;
use ground::sql::Json;
use ground::time::Stamp;

/// What is to be done; a date that is not said is today, where the patient is.
#[derive(Debug, Clone)]
pub enum PlanCommand {
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
    /// Is superseded by the plan of a later session, or reinstated.
    Supersede(Option<Successor>),
    /// Takes the revision of this number back.
    Undo(i32),
}

/// A command as it is given.
#[derive(Debug, Clone)]
pub struct NewCommand {
    pub command: PlanCommand,
    /// Why; the patient reads it.
    pub reason: Note,
    /// Why reasons not to start that a correction brings are overruled.
    pub overrule: Option<Note>,
    /// The revision of the plan that was read.
    pub if_match: Option<String>,
}

/// What a command does, or would do.
pub struct ChangedPlans {
    /// The plan that it is about.
    pub plan: ChangedPlan,
    /// The plans that follow: those of the same treatment, and those of the course that are superseded by another session, or reinstated.
    pub others: Vec<ChangedPlan>,
}

/// A plan before a command and after it; the same if nothing changes.
pub struct ChangedPlan {
    pub before: PlanFile,
    pub after: PlanFile,
    /// What is recorded, as days were counted before and are afterwards.
    known: Option<(Known, Known)>,
}

impl ChangedPlan {
    fn new(before: PlanFile, after: PlanFile) -> Self {
        Self { before, after, known: None }
    }

    /// Whether anything is different.
    pub fn is_change(&self) -> bool {
        self.before.plan.revision != self.after.plan.revision
    }

    /// The dates from the day of `at` on that are different.
    pub fn days(&self, at: Stamp) -> Vec<ChangedDay> {
        let days = |(before, after): &(Known, Known)| {
            let (before, after) = (Side::new(&self.before, before), Side::new(&self.after, after));
            rules::changed_days(before, after, &self.before.zone, at)
        };
        self.known.as_ref().map(days).unwrap_or_default()
    }

    fn with_known(self, c: &mut Conn) -> Result<Self, Error> {
        let known = if self.is_change() { Some((self.before.known_all(c)?, self.after.known_all(c)?)) } else { None };
        Ok(Self { known, ..self })
    }
}

/// What a command makes of one plan.
struct Step {
    before: PlanFile,
    recorded: RecordedCommand,
    states: States,
    /// The plan afterwards.
    after: Plan,
}

impl Step {
    /// Saves it; what changes nothing leaves no revision.
    fn save(self, ctx: &mut Ctx<'_>, new: &NewCommand, made_by: MemberId) -> Result<ChangedPlan, Error> {
        if self.states.before == self.states.after {
            return Ok(ChangedPlan::new(self.before.clone(), self.before));
        }
        let Self { before, recorded, states, after } = self;
        let body_area = Some(states.after.body_area.as_str());
        let revision =
            NewRevision { before: &before, after, body_area, command: recorded, reason: new.reason.as_str(), made_by };
        let after = revisions::save(ctx, revision)?;
        Ok(ChangedPlan::new(before, after))
    }
}

/// Who makes what follows from a change of a plan: the member who acts; in recurring work, whoever the newest revision is of.
fn made_by(ctx: &mut Ctx<'_>, plan: &Plan) -> Result<MemberId, Error> {
    if let Some(member) = ctx.actor.member() {
        return Ok(member);
    }
    let rows = plans::store::list_revisions(ctx.c, plan.clinic_id, plan.id)?;
    Ok(rows.last().map_or(plan.enrolled_by, |last| last.made_by))
}

/// Looks what a command would make of a plan.
fn step(ctx: &mut Ctx<'_>, before: PlanFile, new: &NewCommand) -> Result<Step, Error> {
    let state = before.plan.state(&before.body_area(ctx.c)?)?;
    if let PlanCommand::Correct { performed_on, performed_at, .. } = &new.command {
        let date = performed_on.unwrap_or(before.plan.day_zero.0).into();
        patients::check_date(&before.clinic.zone, date, ctx.m.at)?;
        patients::check_time(&before.clinic.zone, *performed_at, date, ctx.m.at)?;
    }
    let now = now(&before, &before.known_all(ctx.c)?, ctx.m.at);
    let recorded = recorded(new, &now);
    let wanted = match &recorded {
        RecordedCommand::Undo(number) => undone(ctx.c, &state, &before, *number)?,
        RecordedCommand::Command(command) => {
            engine::apply(&state, command, &now).map_err(|why| refused(&new.command, why))?
        }
        _ => state.clone(), // nothing else is a command that somebody gives
    };
    if wanted == state {
        return Ok(Step {
            after: before.plan.clone(),
            before,
            recorded,
            states: States { before: state, after: wanted },
        });
    }
    if let RecordedCommand::Command(Command::Override { change, .. }) = &recorded {
        check_change(ctx.c, ctx.cache, &before, change)?;
    }
    let after = before.plan.with_state(&wanted)?;
    check_fits(ctx, &before, &after, &wanted, new)?;
    Ok(Step { before, recorded, states: States { before: state, after: wanted }, after })
}

fn undone(c: &mut Conn, state: &PlanState, plan_file: &PlanFile, number: i32) -> Result<PlanState, Error> {
    let mut revisions = Vec::new();
    for row in plans::store::list_revisions(c, plan_file.plan.clinic_id, plan_file.plan.id)? {
        let recorded: RecordedCommand = row.command.to()?;
        match &recorded {
            RecordedCommand::Moved(way) | RecordedCommand::MovedBack(way) if row.revision == number => {
                let detail = format!(
                    "this was a move to another version, with other plans: it is taken back by the rollback of plan migration {}",
                    way.migration
                );
                return Err(Error::conflict("moved", detail));
            }
            RecordedCommand::Command(Command::Supersede(None)) if row.revision == number => {
                let detail =
                    "there is no session in whose favour it could end again: complete the plan, if that is meant";
                return Err(Error::conflict("follows_session", detail));
            }
            _ => {}
        }
        if recorded.is_command() {
            let (before, after) =
                (row.state(&row.before_state, &plan_file.plan)?, row.state(&row.after_state, &plan_file.plan)?);
            revisions.push(engine::Revision { number: row.revision, undoes: row.undoes, before, after });
        }
    }
    engine::undo(state, &revisions, number).map_err(not_undone)
}

/// Does it, on every plan of the treatment if it is about the treatment, and lets plans of earlier sessions follow. What changes nothing
/// leaves no revision.
pub fn carry_out(ctx: &mut Ctx<'_>, who: &Staff, id: PlanId, new: &NewCommand) -> Result<ChangedPlans, Error> {
    courses::lock_plan(ctx.c, who.clinic, id)?;
    let before = plans::of_clinic(ctx.c, ctx.cache, who.clinic, id)?.ok_or(Error::NotFound)?;
    if !is_repeated(ctx.c, who, &before, new, ctx.m.at)? {
        check_version(new.if_match.as_deref(), before.plan.revision)?;
    }
    let step = step(ctx, before, new)?;
    let states = step.states.clone();
    let changed = step.save(ctx, new, who.member)?;
    let followed = if changed.is_change() { follow(ctx, &changed, &states, new)? } else { Vec::new() };
    let mut changed = vec![changed];
    followed.into_iter().for_each(|one| add(&mut changed, one));
    let changed: Result<Vec<ChangedPlan>, Error> = changed.into_iter().map(|one| one.with_known(ctx.c)).collect();
    let mut changed = changed?.into_iter();
    let plan = changed.next().ok_or_else(|| Error::internal("a command on no plan", id))?;
    Ok(ChangedPlans { plan, others: changed.collect() })
}

/// A plan's state before a command and after it.
#[derive(Clone)]
struct States {
    before: PlanState,
    after: PlanState,
}

impl States {
    /// Whether the change is about the treatment, and so about every plan of it.
    fn correct_treatment(&self) -> bool {
        let of_treatment = |state: &PlanState| {
            let when = (state.day_zero, state.performed_at);
            (when, state.body_area.clone(), state.parameters.clone(), state.status == PlanStatus::EnteredInError)
        };
        of_treatment(&self.before) != of_treatment(&self.after)
    }
}

/// What a command on one plan does to others: those of the same treatment, and those of the course.
fn follow(
    ctx: &mut Ctx<'_>,
    changed: &ChangedPlan,
    states: &States,
    new: &NewCommand,
) -> Result<Vec<ChangedPlan>, Error> {
    let plan = &changed.after.plan;
    let mut followed = Vec::new();
    if states.correct_treatment() {
        for twin in twins(ctx.c, ctx.cache, &changed.after)? {
            let (new, step) = same_for_twin(ctx, &changed.before, &states.after, twin, new)?;
            let made_by = ctx.member()?;
            followed.extend(Some(step.save(ctx, &new, made_by)?).filter(ChangedPlan::is_change));
        }
        correct_treatment(ctx, plan, &states.after)?;
        courses::recount(ctx.c, plan.clinic_id, plan.treatment_id)?;
    }
    if states.correct_treatment() || states.before.stops != states.after.stops {
        followed.extend(supersede_in_course(ctx, plan)?);
    }
    Ok(followed)
}

/// A plan may follow a second time, also the one that a command is about: it may be superseded itself then.
fn add(all: &mut Vec<ChangedPlan>, changed: ChangedPlan) {
    match all.iter_mut().find(|known| known.after.plan.id == changed.after.plan.id) {
        Some(known) => known.after = changed.after,
        None => all.push(changed),
    }
}

/// Lets a plan be superseded by the next session's, or reinstated: as the sessions are now. Gives what is different.
fn supersede(
    ctx: &mut Ctx<'_>,
    before: PlanFile,
    successor: Option<Successor>,
    made_by: MemberId,
) -> Result<Option<ChangedPlan>, Error> {
    let reason = match (before.enrolment().stops.superseded, successor) {
        (None, None) => return Ok(None),
        (None, Some(_)) => "The plan of the next session takes its place.",
        (Some(old), Some(next)) if old.by == next.plan => "The date of the next session was corrected.",
        (Some(_), Some(_)) => "The plan of another session takes its place.",
        (Some(_), None) => "The plan of the next session does not take its place after all.",
    };
    let new = NewCommand {
        command: PlanCommand::Supersede(successor),
        reason: Note::try_from(reason.to_owned()).map_err(|why| Error::internal("a reason", why))?,
        overrule: None,
        if_match: None,
    };
    let saved = step(ctx, before, &new)?.save(ctx, &new, made_by);
    let changed = saved.map_err(Error::busy_if_stale)?;
    Ok(Some(changed).filter(ChangedPlan::is_change))
}

/// The plans that somebody did not want to take this one's place.
pub fn kept_from(c: &mut Conn, plan: &Plan) -> Result<Vec<PlanId>, Error> {
    let rows = plans::store::list_revisions(c, plan.clinic_id, plan.id)?;
    let undone = rows.iter().filter(|row| rows.iter().any(|other| other.undoes == Some(row.revision)));
    let mut kept = Vec::new();
    for row in undone {
        if let RecordedCommand::Command(Command::Supersede(Some(successor))) = row.command.to()? {
            kept.push(successor.plan);
        }
    }
    Ok(kept)
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
    let answered = engine::answered_from(&plan_file.compiled, enrolment, &known.facts(), day);
    Now { at, today, day, answered }
}

fn recorded(new: &NewCommand, now: &Now) -> RecordedCommand {
    let today = |date: &Option<Date>| date.unwrap_or(now.today);
    RecordedCommand::Command(match &new.command {
        PlanCommand::Undo(number) => return RecordedCommand::Undo(*number),
        PlanCommand::Pause { from_on, until_on, days } => {
            Command::Pause { from_on: today(from_on), until_on: *until_on, days: *days }
        }
        PlanCommand::Resume(on) => Command::Resume { on: today(on) },
        PlanCommand::End(on, status) => Command::End { on: today(on), status: *status },
        PlanCommand::EnterInError => Command::EnterInError,
        PlanCommand::Correct { performed_on, performed_at, time_unknown, body_area, parameters } => Command::Correct {
            performed_on: *performed_on,
            performed_at: *performed_at,
            time_unknown: *time_unknown,
            body_area: body_area.clone(),
            parameters: parameters.clone(),
            overruled: new.overrule.as_ref().map(|why| why.as_str().to_owned()),
        },
        PlanCommand::Supersede(successor) => Command::Supersede(*successor),
        PlanCommand::Override(change) => {
            Command::Override { change: change.clone(), reason: new.reason.as_str().to_owned() }
        }
    })
}

/// Whether the plan with another state still fits what was treated.
fn check_fits(
    ctx: &mut Ctx<'_>,
    before: &PlanFile,
    after: &Plan,
    wanted: &PlanState,
    new: &NewCommand,
) -> Result<(), Error> {
    let compiled = plans::compiled(ctx.c, ctx.cache, after)?;
    if !compiled.body_areas.contains(&wanted.body_area) {
        let areas = compiled.body_areas.join(", ");
        let detail = format!("this protocol is for {areas}: revoke the plan, and enrol the patient in another one");
        return Err(Error::field("/body_area", "wrong_body_area", detail));
    }
    let is_undo = matches!(new.command, PlanCommand::Undo(_));
    let has_other_parameters = before.plan.parameters.to::<engine::Parameters>()? != wanted.parameters;
    if has_other_parameters && new.overrule.is_none() && !is_undo {
        check_exclusions(before, &compiled)?;
    }
    Ok(())
}

fn check_exclusions(before: &PlanFile, after: &engine::Compiled) -> Result<(), Error> {
    let known: BTreeSet<&str> = before.compiled.exclusions.iter().map(|one| one.key.as_str()).collect();
    let new = after.exclusions.iter().filter(|one| !known.contains(one.key.as_str()));
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

fn refused(command: &PlanCommand, why: engine::Refusal) -> Error {
    let (code, field) = why.code();
    let pointer = match (field, command) {
        (Some("on"), PlanCommand::Pause { .. } | PlanCommand::End(..)) => Some("/from_on"),
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

/// Whether this is the newest command once more, sent again because its answer was lost. What followed from it by itself does not count.
fn is_repeated(c: &mut Conn, who: &Staff, plan_file: &PlanFile, new: &NewCommand, at: Stamp) -> Result<bool, Error> {
    let plan = &plan_file.plan;
    let mut rows = plans::store::list_revisions(c, plan.clinic_id, plan.id)?;
    if rows.last().is_none_or(|last| last.revision != plan.revision) {
        return Ok(false);
    }
    let follows = |recorded: &RecordedCommand| matches!(recorded, RecordedCommand::Command(Command::Supersede(_)));
    while let Some(row) = rows.last()
        && follows(&row.command.to()?)
    {
        rows.pop();
    }
    let Some(newest) = rows.pop().filter(|newest| check_version(new.if_match.as_deref(), newest.revision - 1).is_ok())
    else {
        return Ok(false);
    };
    let known = Known::default();
    let again = Json::of(&recorded(new, &now(plan_file, &known, at)))?;
    let is_same = again.to::<RecordedCommand>()? == newest.command.to::<RecordedCommand>()?;
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
fn same_for_twin(
    ctx: &mut Ctx<'_>,
    first: &PlanFile,
    treated: &PlanState,
    twin: PlanFile,
    new: &NewCommand,
) -> Result<(NewCommand, Step), Error> {
    let with = |command: PlanCommand| NewCommand { command, if_match: None, ..new.clone() };
    let PlanCommand::Undo(number) = new.command else {
        let new = with(new.command.clone());
        let step = step(ctx, twin, &new)?;
        return Ok((new, step));
    };
    let own = plans::store::list_revisions(ctx.c, first.plan.clinic_id, first.plan.id)?;
    let theirs = plans::store::list_revisions(ctx.c, twin.plan.clinic_id, twin.plan.id)?;
    let what = |row: &Revision| Ok::<_, Error>((row.made_at, row.command.to::<RecordedCommand>()?));
    let undone = own.iter().find(|one| one.revision == number).map(what).transpose()?;
    let is_undone = |one: &Revision| theirs.iter().any(|other| other.undoes == Some(one.revision));
    let mut together = None;
    for one in theirs.iter().filter(|one| !is_undone(one)) {
        if Some(what(one)?) == undone {
            together = Some(one);
        }
    }
    if let Some(together) = together {
        let new = with(PlanCommand::Undo(together.revision));
        match step(ctx, twin.clone(), &new) {
            Err(Error::Conflict { code: "not_newest", .. }) => {}
            done => return Ok((new, done?)),
        }
    }
    let PlanState { day_zero, performed_at, body_area, parameters, .. } = treated.clone();
    let new = with(PlanCommand::Correct {
        performed_on: Some(day_zero),
        performed_at,
        time_unknown: performed_at.is_none(),
        body_area: Some(body_area),
        parameters: Some(parameters),
    });
    let step = step(ctx, twin, &new)?;
    Ok((new, step))
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

/// Lets the plans of a course be superseded by those of later sessions, as the sessions are now: one that was superseded by a session that
/// was voided, or that was on another date, follows. Where somebody took that back, it stays so.
pub fn supersede_in_course(ctx: &mut Ctx<'_>, plan: &Plan) -> Result<Vec<ChangedPlan>, Error> {
    if plan.status == PlanStatus::Draft {
        return Ok(Vec::new()); // it takes nobody's place while it waits
    }
    let Some(place) = plan.in_course() else { return Ok(Vec::new()) };
    let Some(course) = courses::store::find_whole(ctx.c, plan.clinic_id, place.course_id)? else {
        return Ok(Vec::new());
    };
    let mut plan_files = courses::plan_files(ctx.c, ctx.cache, &course)?;
    plan_files.retain(|plan_file| plan_file.plan.status == PlanStatus::Active);
    let all: Vec<Running> = plan_files.iter().map(running).collect();
    let made_by = made_by(ctx, plan)?;
    let mut followed = Vec::new();
    for (plan_file, old) in plan_files.into_iter().zip(&all) {
        let mut successor = sessions::successor(old, &all);
        if successor.is_some() {
            let kept_from = kept_from(ctx.c, &plan_file.plan)?;
            let others: Vec<Running> = all.iter().filter(|one| !kept_from.contains(&one.plan)).cloned().collect();
            successor = sessions::successor(old, &others);
        }
        followed.extend(supersede(ctx, plan_file, successor, made_by)?);
    }
    Ok(followed)
}

/// The same for the plan of that id.
pub fn follow_sessions(ctx: &mut Ctx<'_>, clinic: ClinicId, id: PlanId) -> Result<(), Error> {
    let Some(plan_file) = plans::of_clinic(ctx.c, ctx.cache, clinic, id)? else { return Ok(()) };
    supersede_in_course(ctx, &plan_file.plan).map(|_| ())
}

fn running(plan_file: &PlanFile) -> Running {
    Running {
        plan: plan_file.plan.id,
        protocol: plan_file.compiled.key.clone(),
        session: plan_file.plan.in_course().map_or(0, |place| place.session),
        day_zero: plan_file.plan.day_zero.0,
        last_on: plan_file.enrolment().date_of(plan_file.compiled.horizon_day),
        ends_on: plan_file.enrolment().stops.end.map(|end| end.on),
        is_superseded_sooner: plan_file
            .compiled
            .sessions
            .as_ref()
            .is_some_and(|sessions| sessions.replaces_tail_when_sooner),
    }
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
        supersede_in_course(ctx, &plan)?;
    }
    Ok((treatment, link))
}
