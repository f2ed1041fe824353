//! Silence: check-ins that were expected and did not come.

use jiff::tz::TimeZone;

use super::calendar::{DayOfPlan, local_date};
use super::compile::Compiled;
use super::conditions::{Known, Verdict};
use super::occurrences::{Enrolment, Facts, Window, line_of};
use super::triage::{Finding, finding};
use super::words::{ItemKind, PlanStatus, Trigger};
use ground::time::Stamp;

/// What the rules about silence find at a moment.
///
/// `day` is the age of the skin on the day of the latest check-in whose window has closed: a rule for days 1-7 still fires on the morning of day 8.
pub fn silence(
    compiled: &Compiled,
    enrolment: &Enrolment,
    facts: &Facts,
    zone: &TimeZone,
    as_of: Stamp,
) -> Vec<Finding> {
    if enrolment.status_at(zone, as_of) != PlanStatus::Active {
        return Vec::new();
    }
    let Some((day, missed_in_a_row)) = missed_in_a_row(compiled, enrolment, facts, zone, as_of) else {
        return Vec::new();
    };
    let (compiled, age) = (compiled.on(DayOfPlan(day)), enrolment.age_of(DayOfPlan(day)));
    let known = |name: &str| match name {
        "day" => Some(Known::Whole(age.0)),
        "missed_in_a_row" => Some(Known::Whole(missed_in_a_row)),
        "answered_any" => Some(Known::Flag(!facts.check_ins.is_empty())),
        _ => compiled.known(name),
    };
    let rules = compiled.rules.iter().filter(|rule| rule.on == Trigger::Silence && rule.days.contains(age.0));
    let fired = rules.filter(|rule| rule.when.judge(known) == Verdict::True);
    fired.map(|rule| finding(rule, None, known, known)).collect()
}

/// The day of the latest check-in whose window has closed, and how many were missed in a row up to it.
///
/// A row starts anew whenever something comes from the patient, asked or unasked.
fn missed_in_a_row(
    compiled: &Compiled,
    enrolment: &Enrolment,
    facts: &Facts,
    zone: &TimeZone,
    as_of: Stamp,
) -> Option<(i32, i32)> {
    let heard_at = facts.check_ins.iter().map(|check_in| check_in.answered_at).filter(|at| *at <= as_of).max();
    let mut closed: Vec<(Stamp, i32, bool)> = Vec::new();
    // A row that a pause broke does not count.
    let today = local_date(zone, as_of);
    let before_today = enrolment.day_zero.series(jiff::Span::new().days(1)).take_while(|date| *date < today);
    let last_paused = before_today.filter(|date| !enrolment.ran_on(*date, zone)).last();
    for day in 1..=enrolment.day_at(zone, as_of).min(compiled.horizon_day) {
        let counts = |date: &jiff::civil::Date| last_paused.is_none_or(|paused| paused < *date);
        let Some(date) = enrolment.date_of(day).filter(counts) else { continue };
        for line in compiled.planned_on(day) {
            let Some((item, slot)) = line_of(compiled, *line).filter(|(item, _)| item.kind == ItemKind::CheckIn) else {
                continue;
            };
            let Some(window) = Window::on(compiled, enrolment, *line, day, zone) else { continue };
            if window.closes_at > as_of || window.closes_at <= enrolment.enrolled_at {
                continue;
            }
            let id = enrolment.occurrence_id(&item.key, day, &slot.key);
            if !enrolment.asked_then(id, date, window.closes_at, zone) {
                continue;
            }
            let answered = facts.about(id).is_some();
            closed.push((window.closes_at, day, answered || heard_at.is_some_and(|heard| heard >= window.closes_at)));
        }
    }
    closed.sort_unstable();
    let (_, day, _) = closed.last().copied()?;
    let missed = closed.iter().rev().take_while(|(_, _, answered)| !answered).count();
    Some((day, i32::try_from(missed).unwrap_or(i32::MAX)))
}
