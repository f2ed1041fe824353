//! Check-ins that did not come.

use engine::{CheckInFact, Enrolment, Facts, PlanStatus, silence};
use serde_json::json;

use crate::support::{PLAN, answered, at, check_in, enrolment, id, zone};

/// The missed check-ins in a row that the rule saw when it fired.
fn fired(check_ins: &[CheckInFact], moment: &str) -> Option<i64> {
    fired_for(&enrolment(), check_ins, moment)
}

fn fired_for(enrolment: &Enrolment, check_ins: &[CheckInFact], moment: &str) -> Option<i64> {
    let findings = silence(&PLAN, enrolment, &answered(check_ins), &zone("Europe/Madrid"), at(moment));
    assert!(findings.len() <= 1);
    let values = &findings.first()?.trace.values;
    values.iter().find(|(name, _)| name == "missed_in_a_row").and_then(|(_, value)| value.as_i64())
}

#[test]
fn two_in_a_row_call_for_staff_as_soon_as_the_second_window_closes() {
    assert_eq!(fired(&[], "2026-05-06T21:59:59Z"), None, "day 0 does not count, day 2 is still open");
    assert_eq!(fired(&[], "2026-05-06T22:00:00Z"), Some(2));
    assert_eq!(fired(&[], "2026-05-07T22:00:00Z"), Some(3));
}

#[test]
fn any_message_ends_the_row() {
    let on_day_one = [check_in(Some(id("check-in", 1, "evening")), 1, "2026-05-05T18:00:00Z", json!({}))];
    assert_eq!(fired(&on_day_one, "2026-05-06T22:00:00Z"), None);
    assert_eq!(fired(&on_day_one, "2026-05-07T22:00:00Z"), Some(2));
    let unasked = [check_in(None, 2, "2026-05-07T08:00:00Z", json!({}))];
    assert_eq!(fired(&unasked, "2026-05-07T09:00:00Z"), None);
    assert_eq!(fired(&unasked, "2026-05-08T22:00:00Z"), Some(2));
}

#[test]
fn the_rule_holds_for_the_day_of_the_check_in_not_for_the_day_one_looks() {
    assert_eq!(fired(&[], "2026-05-13T12:00:00Z"), Some(6), "day 9, but the latest check-in was that of day 7");
    assert_eq!(fired(&[], "2026-05-14T22:00:00Z"), None, "now the latest is that of day 10");
}

#[test]
fn nothing_before_enrolment_is_silence() {
    let late = Enrolment { enrolled_at: at("2026-05-07T10:00:00Z"), ..enrolment() };
    assert_eq!(fired_for(&late, &[], "2026-05-07T23:00:00Z"), None, "only day 3 counts");
    assert_eq!(fired_for(&late, &[], "2026-05-08T23:00:00Z"), Some(2));
}

#[test]
fn a_paused_plan_hears_no_silence() {
    let paused = Enrolment { status: PlanStatus::OnHold, ..enrolment() };
    assert!(silence(&PLAN, &paused, &Facts::default(), &zone("Europe/Madrid"), at("2026-05-08T22:00:00Z")).is_empty());
}
