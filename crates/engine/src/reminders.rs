//! When a reminder is due, whether to write it, and when to look again.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::DayOfPlan;
use super::compile::{Compiled, Planned};
use super::day::{Occurrence, Seen, Windows};
use super::day_rules;
use super::occurrences::{Changes, Enrolment, Facts};
use super::words::{ItemKind, PlanStatus, Reason, State, Trigger};
use ground::ids::PatientId;
use ground::time::Stamp;

/// A reminder that is due; also for what is done already: the caller decides, and records why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// About what, with its state at the end of the asked stretch.
    pub occurrence: Occurrence,
    /// The date of its day.
    pub date: Date,
    /// When it is due.
    pub due_at: Stamp,
    /// From when on it is of no use.
    pub expires_at: Stamp,
}

/// Whether the patient can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Has accepted the invitation, and so shown that the address is theirs.
    pub accepted: bool,
    /// Wants reminders.
    pub wants: bool,
    /// A relay said that the address does not exist.
    pub refused: bool,
}

impl Reader {
    /// Why nothing is written to this patient at all; `None` if it may be.
    pub fn reason(self) -> Option<Reason> {
        if !self.accepted {
            Some(Reason::NotAccepted)
        } else if !self.wants {
            Some(Reason::Unsubscribed)
        } else {
            self.refused.then_some(Reason::AddressRefused)
        }
    }
}

/// A patient who flies east may pass a reminder's hour: the planner looks so far behind where it was.
const LOOK_BEHIND: i64 = 26 * 3_600;

/// From when on to look for reminders, if they were decided up to a moment; what is decided already stays decided.
pub fn look_from(planned_to: Stamp, enrolled_at: Stamp) -> Stamp {
    planned_to.plus_seconds(-LOOK_BEHIND).max(enrolled_at)
}

/// Whether to write about what is due, with the reason: only `missing` is written about.
pub fn reason_of(due: &Due, reader: Reader, at: Stamp) -> Reason {
    if matches!(due.occurrence.state, State::Done | State::Partial | State::Skipped) {
        Reason::Done
    } else if due.occurrence.state == State::Cancelled {
        Reason::PlanNotActive
    } else if let Some(reason) = reader.reason() {
        reason
    } else if due.expires_at <= at {
        Reason::TooLate
    } else {
        Reason::Missing
    }
}

/// The one mail of a patient, date and slot: what is due with it joins it.
pub fn batch_key(patient: PatientId, date: Date, slot: &str) -> String {
    format!("reminder:{patient}:{date}:{slot}")
}

/// The reminders that come due after one moment and until another, in order.
pub fn due_reminders(
    compiled: &Compiled,
    enrolment: &Enrolment,
    facts: &Facts,
    zone: &TimeZone,
    after: Stamp,
    until: Stamp,
) -> Vec<Due> {
    let mut due = Vec::new();
    if enrolment.status != PlanStatus::Active {
        return due;
    }
    let seen = Seen { compiled, enrolment, facts, zone };
    for day in first_day(compiled, enrolment, zone, after)..=enrolment.day_at(zone, until) {
        let Some(date) = enrolment.date_of(day) else { break };
        let mut windows = Windows::new(&seen, date);
        for line in reminded_on(compiled, enrolment, day) {
            let Some(window) = seen.window(&mut windows, line, day) else { continue };
            let Some(due_at) = window.remind_at else { continue };
            if due_at <= after || due_at > until || due_at <= enrolment.enrolled_at {
                continue;
            }
            let mut changes = Changes::seen_at(until);
            let Some(occurrence) = seen.occurrence(&mut windows, line, day, false, &mut changes) else { continue };
            // What was not asked when it was due, or when it closed, is not made up for.
            let asked_at = |at| enrolment.asked_then(occurrence.id, date, at, zone);
            if !asked_at(due_at) || !asked_at(window.closes_at) {
                continue;
            }
            let expires_at = if due_at < occurrence.closes_at { occurrence.closes_at } else { occurrence.late_until };
            due.push(Due { occurrence, date, due_at, expires_at });
        }
    }
    due.sort_by_key(|due| due.due_at);
    due
}

/// The next instant at which a reminder, or a rule about silence or for a day, could come due, whatever is recorded.
pub fn next_due(compiled: &Compiled, enrolment: &Enrolment, zone: &TimeZone, after: Stamp) -> Option<Stamp> {
    if enrolment.status != PlanStatus::Active {
        return None;
    }
    let after = after.max(enrolment.enrolled_at);
    let listens = |day| compiled.on(DayOfPlan(day)).rules.iter().any(|rule| rule.on == Trigger::Silence);
    let facts = Facts::default();
    let seen = Seen { compiled, enrolment, facts: &facts, zone };
    let mut next: Option<Stamp> = None;
    for day in first_day(compiled, enrolment, zone, after)..=compiled.horizon_day {
        let Some(date) = enrolment.date_of(day) else { break };
        if enrolment.status_on(date) != PlanStatus::Active {
            continue;
        }
        let mut windows = Windows::new(&seen, date);
        if next.is_some_and(|next| windows.start() > next) {
            break;
        }
        for line in reminded_on(compiled, enrolment, day) {
            let Some(window) = seen.window(&mut windows, line, day) else { continue };
            let is_check_in = compiled.items.get(line.item).is_some_and(|item| item.kind == ItemKind::CheckIn);
            let silence = (is_check_in && day >= 1 && listens(day)).then_some(window.closes_at);
            let candidates = window.remind_at.into_iter().chain(silence);
            next = candidates.filter(|at| *at > after).chain(next).min();
        }
        next = day_rules::due_at(compiled, enrolment, day, zone).filter(|at| *at > after).into_iter().chain(next).min();
    }
    next
}

/// The first day whose windows can still reach beyond an instant.
fn first_day(compiled: &Compiled, enrolment: &Enrolment, zone: &TimeZone, after: Stamp) -> i32 {
    (enrolment.day_at(zone, after) - compiled.reach()).max(0)
}

fn reminded_on(compiled: &Compiled, enrolment: &Enrolment, day: i32) -> impl Iterator<Item = Planned> {
    let can_be_marked = |line: &Planned| compiled.items.get(line.item).is_some_and(|item| item.kind.can_be_marked());
    compiled.lines_on(enrolment, day).filter(can_be_marked)
}
