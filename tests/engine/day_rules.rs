//! Rules for a day: staff act for every patient when it has come.

use authoring::{Script, simulate};
use engine::{Compiled, Enrolment, PlanStatus, compile, day_rules, next_due, parse};
use serde_json::json;

use crate::support::{SMALL, at, enrolment, parameters_of, zone};

const CALLS: &str = r#"
[[rule]]
key = "call"
on = "day"
days = ["1", "7"]
when = "true"
urgency = "soon"
advice = { en = "Our team will call you today.", es = "Hoy le llamaremos." }
reason = { en = "Call every patient.", es = "Llamar a cada paciente." }
assumptions = ["A1"]

[[rule]]
key = "visit"
on = "day"
days = ["7"]
when = "darker_skin"
urgency = "note"
advice = { en = "Come and see us.", es = "Venga a vernos." }
reason = { en = "See the patient by day 7.", es = "Ver a la persona antes del día 7." }
assumptions = ["A1"]
"#;

fn plan(skin_type: &str) -> Compiled {
    let parameters = parameters_of(json!({ "needle_depth_mm": 1.0, "skin_type": skin_type }));
    compile(&parse(&format!("{SMALL}{CALLS}")).unwrap(), &parameters).unwrap()
}

fn found_for(enrolment: &Enrolment, plan: &Compiled, moment: &str) -> Vec<String> {
    let found = day_rules(plan, enrolment, &zone("Europe/Madrid"), at(moment));
    found.into_iter().map(|one| format!("{} {}", one.finding.cause, one.day)).collect()
}

fn found(moment: &str) -> Vec<String> {
    found_for(&enrolment(), &plan("II"), moment)
}

#[test]
fn a_day_is_found_from_eight_in_the_morning_and_for_one_day_more() {
    assert!(found("2026-05-05T05:59:59Z").is_empty());
    assert_eq!(found("2026-05-05T06:00:00Z"), ["call:day-1 1"]);
    assert_eq!(found("2026-05-06T21:59:59Z"), ["call:day-1 1"], "the planner comes a day late");
    assert!(found("2026-05-06T22:00:00Z").is_empty());
    assert_eq!(found("2026-05-11T12:00:00Z"), ["call:day-7 7"]);
}

#[test]
fn a_rule_is_for_whom_its_condition_holds() {
    let found = found_for(&enrolment(), &plan("V"), "2026-05-11T12:00:00Z");
    assert_eq!(found, ["call:day-7 7", "visit:day-7 7"]);
}

#[test]
fn days_before_the_enrolment_have_none_and_its_own_day_is_found_at_once() {
    let on_day = |enrolled_at: &str| Enrolment { enrolled_at: at(enrolled_at), ..enrolment() };
    let plan = plan("II");
    assert!(found_for(&on_day("2026-05-06T07:00:00Z"), &plan, "2026-05-06T08:00:00Z").is_empty());
    assert_eq!(found_for(&on_day("2026-05-05T19:00:00Z"), &plan, "2026-05-05T19:00:00Z"), ["call:day-1 1"]);
    let paused = Enrolment { status: PlanStatus::OnHold, ..enrolment() };
    assert!(found_for(&paused, &plan, "2026-05-05T12:00:00Z").is_empty());
}

#[test]
fn the_planner_is_told_to_come_at_eight_where_the_patient_is() {
    for (name, morning) in [("Europe/Madrid", "2026-05-05T06:00:00Z"), ("Asia/Tokyo", "2026-05-04T23:00:00Z")] {
        let (mut moment, zone) = (enrolment().enrolled_at, zone(name));
        let mut stops = Vec::new();
        while let Some(next) = next_due(&plan("II"), &enrolment(), &zone, moment) {
            stops.push(next);
            moment = next;
        }
        assert!(stops.contains(&at(morning)), "{name}");
    }
    let late =
        Enrolment { enrolled_at: at("2026-05-05T04:00:00Z"), day_zero: jiff::civil::date(2026, 5, 3), ..enrolment() };
    assert_ne!(
        next_due(&plan("II"), &late, &zone("Europe/Madrid"), late.enrolled_at),
        Some(at("2026-05-04T06:00:00Z")),
        "day 1 was before the enrolment"
    );
}

#[test]
fn a_simulated_course_has_each_day_once() {
    let script: Script =
        serde_json::from_value(json!({ "treated_on": "2026-05-04", "zone": "Europe/Madrid" })).unwrap();
    let course = simulate(&plan("V"), &script).unwrap();
    let raised: Vec<String> = course
        .alerts
        .iter()
        .map(|alert| format!("{} {} x{}", alert.cause, alert.raised_at, alert.times_seen))
        .collect();
    assert_eq!(
        raised,
        [
            "call:day-1 2026-05-05T06:00:00Z x1",
            "call:day-7 2026-05-11T06:00:00Z x1",
            "visit:day-7 2026-05-11T06:00:00Z x1"
        ]
    );
    assert_eq!(course.staff_mails.len(), 3);
}
