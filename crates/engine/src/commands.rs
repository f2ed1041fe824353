//! What a clinic can do to a running plan: each command is a pure function from a plan's state to the next one.
//!
//! The same command twice changes nothing; an undo gives back the state from before. What was recorded is no part of the state, so no
//! command can lose it; nor is what was asked meanwhile (`history`).

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::calendar::add_days;
use super::compile::Compiled;
use super::occurrences::{Enrolment, Facts, line_of};
use super::overrides::{Override, OverrideChange, in_force};
use super::parameters::Parameters;
use super::stops::{End, Pause, PausedDays, Stops, Superseded};
use super::words::PlanStatus;
use ground::ids::{PlanId, VersionId};
use ground::time::Stamp;

/// Days of a plan that belong to another version than its later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first day that does not belong to it.
    pub until_day: i32,
    pub version_id: VersionId,
}

/// All that commands change of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanState {
    /// Pauses and ends aside.
    pub status: PlanStatus,
    /// The treatment's local date at the clinic.
    pub day_zero: Date,
    /// The instant of the treatment, if it is known.
    #[serde(default)]
    pub performed_at: Option<Stamp>,
    /// Where on the body.
    pub body_area: String,
    /// The treatment's parameters.
    pub parameters: Parameters,
    /// The protocol version.
    pub version_id: VersionId,
    /// The versions of its earlier days, if it was moved.
    pub earlier_versions: Vec<Stretch>,
    /// Its pauses and its end.
    pub stops: Stops,
    /// What is different for this patient, oldest first.
    pub overrides: Vec<Override>,
    /// Why reasons not to start were overruled.
    #[serde(default)]
    pub overruled: Option<String>,
}

/// One thing to do to a plan. Dates are local dates of the patient, but for the date of the treatment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Asks nothing from a date on.
    Pause {
        /// The first date.
        from_on: Date,
        /// The first date after it, if that is known.
        until_on: Option<Date>,
        /// What becomes of the days.
        days: PausedDays,
    },
    /// Goes on.
    Resume {
        /// The first date that is not paused.
        on: Date,
    },
    /// Is over before its last day.
    End {
        /// The first date on which it is over.
        on: Date,
        /// `completed` or `revoked`.
        status: PlanStatus,
    },
    /// Never should have been.
    EnterInError,
    /// The treatment was another one than was recorded.
    Correct {
        /// Its date.
        performed_on: Option<Date>,
        /// The instant at which it was. Left out, it stays, unless the date is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        performed_at: Option<Stamp>,
        /// It is not known at which instant it was.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        time_unknown: bool,
        /// Where on the body.
        body_area: Option<String>,
        /// Its parameters, all of them.
        parameters: Option<Parameters>,
        /// Why reasons not to start that they bring are overruled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overruled: Option<String>,
    },
    /// Something is different for this patient.
    Override {
        /// What.
        change: OverrideChange,
        /// Why.
        reason: String,
    },
    /// Is over for the plan of a later session, from its day 0 on; or goes on, if there is none.
    #[serde(rename = "give_way")]
    Supersede(Option<Successor>),
}

/// The plan of a later session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// Its day 0.
    pub day_zero: Date,
    pub plan: PlanId,
}

/// When a command is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// The instant.
    pub at: Stamp,
    /// The patient's local date.
    pub today: Date,
    /// The plan's day.
    pub day: i32,
    /// Lines that were answered or marked for today, or for a later day before a flight west, each with the last such day: up to
    /// it they stay as they are.
    pub answered: BTreeMap<String, i32>,
}

/// Why a command does not fit a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The date has begun already.
    #[error("must be today or later, where the patient is")]
    InThePast,
    /// The end is not after the beginning.
    #[error("must be after `from_on`")]
    EndsBeforeItBegins,
    /// There is a pause on one of the dates.
    #[error("the plan is paused on one of these dates already: resume it first")]
    AlreadyPaused,
    /// It is not paused.
    #[error("the plan is not paused on that date; to call off a pause that has not begun, undo it")]
    NotPaused,
    /// It waits for a clinician, or it is over.
    #[error("the plan does not run then")]
    NotRunning,
    /// It was entered in error.
    #[error("the plan was entered in error: nothing can be done to it but to undo that")]
    EnteredInError,
    /// So many pauses or overrides make no plan.
    #[error("the plan has too many of them: 50 at the most")]
    TooMany,
}

impl Refusal {
    /// A stable word, and the field that it is about.
    pub fn code(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::InThePast => ("out_of_range", Some("on")),
            Self::EndsBeforeItBegins => ("out_of_range", Some("until_on")),
            Self::AlreadyPaused => ("already_paused", None),
            Self::NotPaused => ("not_paused", None),
            Self::NotRunning => ("not_running", None),
            Self::EnteredInError => ("entered_in_error", None),
            Self::TooMany => ("too_many", None),
        }
    }
}

/// So many days may lie between two places on earth.
const FARTHEST_AHEAD: i32 = 2;

/// The lines that were answered or marked for a day or a later one, each with the last such day; also while it is not known when
/// that day comes.
pub fn answered_from(compiled: &Compiled, enrolment: &Enrolment, facts: &Facts, day: i32) -> BTreeMap<String, i32> {
    let mut answered = BTreeMap::new();
    for number in day..=day + FARTHEST_AHEAD {
        for (item, slot) in compiled.lines_on(enrolment, number).filter_map(|line| line_of(compiled, line)) {
            if facts.about(enrolment.occurrence_id(&item.key, number, &slot.key)).is_some() {
                answered.insert(item.key.clone(), number);
            }
        }
    }
    answered
}

const MOST: usize = 50;

/// The state after a command; the same state if the command changes nothing.
pub fn apply(state: &PlanState, command: &Command, now: &Now) -> Result<PlanState, Refusal> {
    if state.status == PlanStatus::EnteredInError && *command != Command::EnterInError {
        return Err(Refusal::EnteredInError);
    }
    let mut after = state.clone();
    match command {
        Command::Pause { from_on, until_on, days } => {
            let day_one = add_days(state.day_zero, 1);
            let waits_from = (*days == PausedDays::Shift && *from_on < day_one).then_some(day_one);
            let (from_on, until_on, days) = (*from_on, *until_on, *days);
            let wanted = Pause { from_on, until_on, days, waits_from };
            pause(&mut after, wanted, now)?;
        }
        Command::Resume { on } => resume(&mut after.stops, *on, now)?,
        Command::End { on, status } => end(&mut after, End { on: *on, status: *status }, now)?,
        Command::EnterInError => after.status = PlanStatus::EnteredInError,
        Command::Correct { performed_on, performed_at, time_unknown, body_area, parameters, overruled } => {
            if parameters.as_ref().is_some_and(|parameters| *parameters != state.parameters) && overruled.is_some() {
                after.overruled.clone_from(overruled);
            }
            performed_on.iter().for_each(|date| after.count_from(*date));
            body_area.iter().for_each(|area| after.body_area.clone_from(area));
            parameters.iter().for_each(|parameters| after.parameters.clone_from(parameters));
            let is_lost = *time_unknown || after.day_zero != state.day_zero;
            after.performed_at = performed_at.or(state.performed_at.filter(|_| !is_lost));
        }
        Command::Override { change, reason } => override_line(&mut after, change, reason, now)?,
        Command::Supersede(successor) => supersede(&mut after.stops, *successor, now),
    }
    Ok(after)
}

impl PlanState {
    fn is_running_on(&self, date: Date) -> bool {
        self.status == PlanStatus::Active && self.stops.over_from().is_none_or(|over| date < over)
    }

    /// Counts the days from another date: what belongs to a date stays with it, so its day is another one.
    fn count_from(&mut self, date: Date) {
        let (stops, before) = (&self.stops, self.day_zero);
        let recounted = |day: i32| stops.recounted(day, before, date);
        self.earlier_versions.iter_mut().for_each(|stretch| stretch.until_day = recounted(stretch.until_day));
        self.earlier_versions.retain(|stretch| stretch.until_day > 0);
        self.overrides.iter_mut().for_each(|one| one.from_day = recounted(one.from_day).max(0));
        self.day_zero = date;
    }
}

fn pause(state: &mut PlanState, wanted: Pause, now: &Now) -> Result<(), Refusal> {
    let is_wanted = |one: &Pause| Pause { waits_from: wanted.waits_from, ..one.clone() } == wanted;
    if state.stops.pauses.iter().any(is_wanted) {
        return Ok(());
    }
    if wanted.from_on < now.today {
        return Err(Refusal::InThePast);
    }
    if wanted.until_on.is_some_and(|until| until <= wanted.from_on) {
        return Err(Refusal::EndsBeforeItBegins);
    }
    if !state.is_running_on(wanted.from_on) {
        return Err(Refusal::NotRunning);
    }
    let pauses = &mut state.stops.pauses;
    let ends_before = |one: &Pause, other: &Pause| one.until_on.is_some_and(|until| until <= other.from_on);
    if pauses.iter().any(|other| !ends_before(other, &wanted) && !ends_before(&wanted, other)) {
        return Err(Refusal::AlreadyPaused);
    }
    if pauses.len() >= MOST {
        return Err(Refusal::TooMany);
    }
    pauses.push(wanted);
    pauses.sort_by_key(|pause| (pause.from_on, pause.until_on.unwrap_or(Date::MAX)));
    Ok(())
}

fn resume(stops: &mut Stops, on: Date, now: &Now) -> Result<(), Refusal> {
    let is_paused = stops.pauses.iter().any(|pause| pause.holds_on(on));
    if !is_paused && stops.pauses.iter().any(|pause| pause.until_on == Some(on)) {
        return Ok(());
    }
    if on < now.today {
        return Err(Refusal::InThePast);
    }
    let pause = stops.pauses.iter_mut().find(|pause| pause.holds_on(on)).ok_or(Refusal::NotPaused)?;
    pause.until_on = Some(on);
    Ok(())
}

fn end(state: &mut PlanState, wanted: End, now: &Now) -> Result<(), Refusal> {
    match state.stops.end {
        Some(end) if end == wanted || (end.status == wanted.status && end.on <= now.today && end.on <= wanted.on) => {
            return Ok(());
        }
        Some(end) if end.on <= now.today => return Err(Refusal::NotRunning),
        _ => {}
    }
    if wanted.on < now.today {
        return Err(Refusal::InThePast);
    }
    let is_superseded = state.stops.superseded.is_some_and(|one| one.from_on <= now.today);
    if state.status != PlanStatus::Active || is_superseded {
        return Err(Refusal::NotRunning);
    }
    state.stops.end = Some(wanted);
    Ok(())
}

/// What is over already stays over from the same date on; what goes on does so from today on, because nobody asked for more until now.
fn supersede(stops: &mut Stops, successor: Option<Successor>, now: &Now) {
    let over_from = stops.superseded.map(|before| before.from_on).filter(|over_from| *over_from <= now.today);
    stops.superseded = successor.map(|successor| {
        let from_on = over_from.filter(|_| successor.day_zero <= now.today);
        Superseded { by: successor.plan, from_on: from_on.unwrap_or(successor.day_zero.max(now.today)) }
    });
}

fn override_line(state: &mut PlanState, change: &OverrideChange, reason: &str, now: &Now) -> Result<(), Refusal> {
    let everything = in_force(&state.overrides, i32::MAX);
    let is_so = match change {
        OverrideChange::Restore(key) => {
            !everything.iter().any(|held| held.about() == key && !matches!(held, OverrideChange::Threshold(_)))
        }
        OverrideChange::Threshold(wanted) if wanted.add == 0 => {
            let is_of = |held: &&OverrideChange| matches!(held, OverrideChange::Threshold(one) if one.symptom == wanted.symptom && one.add != 0);
            !everything.iter().any(|held| is_of(&held))
        }
        _ => change.is_so(&everything),
    };
    if is_so {
        return Ok(());
    }
    if !state.is_running_on(now.today) {
        return Err(Refusal::NotRunning);
    }
    if state.overrides.len() >= MOST {
        return Err(Refusal::TooMany);
    }
    // What was answered today stays as it was answered; later overrides begin no earlier than the ones before.
    let from_day = now.answered.get(change.about()).map_or(now.day, |day| now.day.max(day + 1));
    let from_day = state.overrides.iter().map(|one| one.from_day).fold(from_day.max(0), i32::max);
    state.overrides.push(Override { from_day, change: change.clone(), reason: reason.to_owned() });
    Ok(())
}

/// One revision of a plan, as an undo needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its number.
    pub number: i32,
    /// The number of the revision that it takes back.
    pub undoes: Option<i32>,
    /// The state that it found.
    pub before: PlanState,
    /// The state that it left.
    pub after: PlanState,
}

/// Why a revision cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndoRefusal {
    /// There is no such revision, or it was an undo.
    #[error("the plan has no revision of that number that could be undone")]
    Unknown,
    /// Something came after it.
    #[error("something was changed after it: undo that first")]
    NotNewest,
}

impl PlanState {
    /// The state, superseded as another one: that follows later sessions, whatever else is done to the plan.
    fn superseded_as(&self, other: &Self) -> Self {
        let stops = Stops { superseded: other.stops.superseded, ..self.stops.clone() };
        Self { stops, ..self.clone() }
    }

    fn is_but_for_sessions(&self, other: &Self) -> bool {
        self.superseded_as(other) == *other
    }
}

impl Revision {
    /// Whether it is about a later session, and about nothing else.
    fn supersedes(&self) -> bool {
        self.before != self.after && self.before.is_but_for_sessions(&self.after)
    }
}

/// The state from before a revision; the state as it is if that revision was taken back already. Whether a later session supersedes the
/// plan is taken back by itself.
pub fn undo(state: &PlanState, revisions: &[Revision], number: i32) -> Result<PlanState, UndoRefusal> {
    let is_undone = |number: i32| revisions.iter().any(|one| one.undoes == Some(number));
    let wanted = revisions.iter().find(|one| one.number == number && one.undoes.is_none());
    let wanted = wanted.ok_or(UndoRefusal::Unknown)?;
    if is_undone(number) {
        return Ok(state.clone());
    }
    let effective = revisions.iter().filter(|one| one.undoes.is_none() && !is_undone(one.number));
    let of_its_kind = effective.filter(|one| one.supersedes() == wanted.supersedes());
    let (is_as_left, restored) = if wanted.supersedes() {
        (wanted.after.stops.superseded == state.stops.superseded, state.superseded_as(&wanted.before))
    } else {
        (wanted.after.is_but_for_sessions(state), wanted.before.superseded_as(state))
    };
    let is_newest = of_its_kind.map(|one| one.number).max() == Some(number);
    if is_newest && is_as_left { Ok(restored) } else { Err(UndoRefusal::NotNewest) }
}
