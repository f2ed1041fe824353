//! Adherence: what was expected of the patient, and what became of it.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::calendar::next_date_change;
use super::compile::Compiled;
use super::day::{Occurrence, day, today};
use super::document::Item;
use super::occurrences::{CheckInFact, Enrolment, Facts};
use super::words::{ItemKind, LateEnrolment, State};
use ground::ids::OccurrenceId;
use ground::time::Stamp;

/// What was expected, and what became of it: `done`, `partial`, `skipped` and `missed` together are `expected`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answered, or not answered until its window had closed, late answers included.
    pub expected: u32,
    /// All of it.
    pub done: u32,
    /// Of `done`, what came after its window had closed.
    pub back_filled: u32,
    /// A part of it.
    pub partial: u32,
    /// None of it, on purpose.
    pub skipped: u32,
    /// Nothing came.
    pub missed: u32,
}

/// The adherence to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adherence {
    /// Of each kind that can be marked, in their order.
    pub kinds: Vec<(ItemKind, Tally)>,
    /// When the last window closed without an answer.
    pub changed_at: Option<Stamp>,
    /// Marks on lines that the plan does not ask, because it was changed before they came: kept, and not counted.
    pub late_marks: u32,
}

/// One of a patient's plans, with what is recorded about it.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// Its protocol.
    pub compiled: &'a Compiled,
    /// Where it stands.
    pub enrolment: &'a Enrolment,
    /// What is recorded.
    pub facts: &'a Facts<'a>,
    /// Where the patient is.
    pub zone: &'a TimeZone,
    /// Where on the body.
    pub body_area: &'a str,
}

/// The adherence to a plan, seen from a moment. What the days of the plan do not ask for is not expected: what was over before the
/// patient was enrolled (caught up on or not), or lies in days on which the plan did not run; nor is what one of the `others` forbade for the
/// same area, as both stood when the task's window closed, unless it was done all the same. `back_filled` names what came late.
pub fn adherence(plan: &PlanInput, others: &[PlanInput], back_filled: &[OccurrenceId], as_of: Stamp) -> Adherence {
    let kinds = ItemKind::ALL.iter().filter(|kind| kind.can_be_marked());
    let mut seen =
        Adherence { kinds: kinds.map(|kind| (*kind, Tally::default())).collect(), changed_at: None, late_marks: 0 };
    let PlanInput { compiled, enrolment, facts, zone, .. } = *plan;
    let mut lines = BTreeSet::new();
    for number in 0..=compiled.horizon_day {
        for one in day(compiled, enrolment, facts, zone, as_of, number).occurrences {
            let Some(item) = compiled.items.get(one.item) else { continue };
            lines.insert(one.id);
            let Some((_, tally)) = seen.kinds.iter_mut().find(|(counted, _)| *counted == item.kind) else { continue };
            let is_expected = one.caught_up != Some(LateEnrolment::CatchUp);
            let is_left = matches!(one.state, State::Missed | State::Skipped);
            if !is_expected || is_left && others.iter().any(|other| other.forbade(item, &one, plan)) {
                continue;
            }
            tally.count(one.state, back_filled.contains(&one.id));
            if one.state == State::Missed {
                seen.changed_at = seen.changed_at.max(Some(one.late_until));
            }
        }
    }
    let late_marks = facts.marks.iter().filter(|mark| !lines.contains(&mark.occurrence)).count();
    seen.late_marks = u32::try_from(late_marks).unwrap_or(u32::MAX);
    seen
}

impl PlanInput<'_> {
    /// Where on the body it was at an instant.
    fn area_at(&self, at: Stamp) -> &str {
        self.enrolment.as_it_stood(at).map_or(self.body_area, |epoch| &epoch.body_area)
    }

    /// Whether this plan, as it stood when the window of another one's task closed, forbade it.
    fn forbade(&self, task: &Item, one: &Occurrence, of: &Self) -> bool {
        let forbids = |item: &Item, meaning: &String| {
            item.kind == ItemKind::Restriction && item.meaning.as_ref() == Some(meaning)
        };
        let Some(meaning) = task.meaning.as_ref().filter(|_| task.kind == ItemKind::Task) else { return false };
        let (now, zone) = (self.enrolment, self.zone);
        let epoch = now.as_it_stood(one.closes_at);
        let (compiled, enrolment) =
            epoch.map_or((self.compiled, now), |epoch| (epoch.compiled.as_ref(), &epoch.enrolment));
        let is_known = compiled.items.iter().any(|rule| forbids(rule, meaning));
        if !is_known
            || enrolment.enrolled_at >= one.closes_at
            || self.area_at(one.closes_at) != of.area_at(one.closes_at)
        {
            return false;
        }
        // What was answered stays with its date, whatever days were counted from then.
        let on_days_of_then = |fact: &CheckInFact| {
            let date = now.date_of(fact.day);
            CheckInFact { day: date.map_or(fact.day, |date| enrolment.day_on(date)), ..fact.clone() }
        };
        let is_counted_otherwise = now.day_zero != enrolment.day_zero;
        let check_ins: Vec<CheckInFact> =
            self.facts.check_ins.iter().filter(|_| is_counted_otherwise).map(on_days_of_then).collect();
        let facts = if is_counted_otherwise { Facts { check_ins: &check_ins, ..*self.facts } } else { *self.facts };
        // Of a window that reaches into the next date, on its own.
        let end = one.closes_at.min(next_date_change(zone, one.opens_at));
        let just_before = end.plus_seconds(-1).max(one.opens_at);
        let beside = today(compiled, enrolment, &facts, zone, just_before).occurrences.into_iter();
        let mut rules = beside.filter(|rule| compiled.items.get(rule.item).is_some_and(|item| forbids(item, meaning)));
        // What ends by the hour while the window is open did not forbid all of it.
        let holds = |rule: &Occurrence| rule.instants.until_at.is_none_or(|until| one.closes_at <= until);
        rules.any(|rule| holds(&rule) && rule.opens_at < one.late_until && one.opens_at < rule.closes_at)
    }
}

impl Adherence {
    /// Of all kinds together.
    pub fn total(&self) -> Tally {
        self.kinds.iter().fold(Tally::default(), |total, (_, tally)| total.plus(tally))
    }
}

impl Tally {
    fn count(&mut self, state: State, back_filled: bool) {
        let became = match state {
            State::Done => &mut self.done,
            State::Partial => &mut self.partial,
            State::Skipped => &mut self.skipped,
            State::Missed => &mut self.missed,
            State::Upcoming | State::Open | State::Late | State::Cancelled => return,
        };
        *became += 1;
        self.expected += 1;
        self.back_filled += u32::from(back_filled && state == State::Done);
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            expected: self.expected + other.expected,
            done: self.done + other.done,
            back_filled: self.back_filled + other.back_filled,
            partial: self.partial + other.partial,
            skipped: self.skipped + other.skipped,
            missed: self.missed + other.missed,
        }
    }

    /// How much of what was expected was done, a part as a half, rounded down: 100 is all of it. `None` if nothing was expected.
    pub fn percent(&self) -> Option<u32> {
        (100 * self.done + 50 * self.partial).checked_div(self.expected)
    }
}
