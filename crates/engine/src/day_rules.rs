//! Rules for a day: something that staff do for every patient when a day of the plan has come.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::{DayOfPlan, local_instant};
use super::clock::LocalTime;
use super::compile::Compiled;
use super::conditions::{Known, Verdict};
use super::document::Rule;
use super::occurrences::Enrolment;
use super::triage::{Finding, finding};
use super::words::{PlanStatus, Trigger};
use ground::time::Stamp;

/// The patient's local time at which a day's rules come due: not at midnight, because a person is to act on it.
const MORNING: LocalTime = LocalTime { days: 0, hour: 8, minute: 0 };

/// What a rule says of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayFinding {
    pub day: i32,
    /// What is to be done; its cause names rule and day, like `R6-call:day-1`.
    pub finding: Finding,
}

/// What the rules for a day find at a moment: those of today and, if nobody looked then, of yesterday.
///
/// Days before the patient's enrolment have none. The same finding is given again until the days are over; it is to be
/// raised once.
pub fn day_rules(compiled: &Compiled, enrolment: &Enrolment, zone: &TimeZone, as_of: Stamp) -> Vec<DayFinding> {
    if enrolment.status_at(zone, as_of) != PlanStatus::Active {
        return Vec::new();
    }
    let today = enrolment.day_at(zone, as_of);
    let due = [today - 1, today]
        .into_iter()
        .filter(|day| due_at(compiled, enrolment, *day, zone).is_some_and(|due_at| due_at <= as_of));
    due.flat_map(|day| rules_on(compiled, day).filter_map(move |rule| found(compiled, rule, day))).collect()
}

/// When the rules of a day come due for the patient; `None` if there are none.
pub(super) fn due_at(compiled: &Compiled, enrolment: &Enrolment, day: i32, zone: &TimeZone) -> Option<Stamp> {
    rules_on(compiled, day).next()?;
    let before_enrolment = day < enrolment.day_at(zone, enrolment.enrolled_at);
    let runs = |date: &Date| enrolment.status_on(*date) == PlanStatus::Active && enrolment.ran_on(*date, zone);
    let date = enrolment.date_of(day).filter(runs)?;
    (!before_enrolment).then(|| local_instant(date, MORNING, zone))
}

fn rules_on(compiled: &Compiled, day: i32) -> impl Iterator<Item = &Rule> {
    compiled.on(DayOfPlan(day)).rules.iter().filter(move |rule| rule.on == Trigger::Day && rule.days.contains(day))
}

fn found(compiled: &Compiled, rule: &Rule, day: i32) -> Option<DayFinding> {
    let known = |name: &str| if name == "day" { Some(Known::Whole(day)) } else { compiled.known(name) };
    let fires = rule.when.judge(known) == Verdict::True;
    fires.then(|| {
        let cause = format!("{}:day-{day}", rule.key);
        DayFinding { day, finding: Finding { cause, ..finding(rule, None, known, known) } }
    })
}
