//! What answers mean.

use engine::{Age, Answers, DayOfPlan, Finding, Triage, TriageInput, Urgency, triage};
use serde_json::{Value, json};

use crate::support::{PLAN, answers};

fn judged(day: i32, given: Value, earlier: &[(i32, Value)]) -> Triage {
    let earlier: Vec<Answers> = earlier.iter().map(|(_, given)| answers(given.clone())).collect();
    triage(
        &PLAN,
        &TriageInput { day: DayOfPlan(day), age: Age(day), answers: &answers(given), earlier: &earlier, beside: &[] },
    )
}

fn causes(triage: &Triage) -> Vec<String> {
    triage.findings.iter().map(|finding| format!("{} {}", finding.cause, finding.urgency)).collect()
}

fn calm() -> Value {
    json!({ "signs": [], "redness": 1, "pain": 0, "temperature": 36.5, "worried": false })
}

fn with(key: &str, value: Value) -> Value {
    let mut given = calm();
    given[key] = value;
    given
}

#[test]
fn answers_in_line_with_the_day_find_nothing() {
    let result = judged(3, calm(), &[(2, calm())]);
    assert_eq!(
        (result.urgency, &result.findings, &result.not_judged, &result.unjudged),
        (None, &vec![], &vec![], &vec![])
    );
}

#[test]
fn r1_fires_at_three_above_the_curve_and_climbs_at_seven() {
    assert_eq!(causes(&judged(4, with("redness", json!(3)), &[(3, calm())])), ["R2:redness soon"]); // 1 is expected
    assert_eq!(causes(&judged(4, with("redness", json!(4)), &[(3, with("redness", json!(4)))])), ["R1:redness soon"]);
    let high = judged(4, with("redness", json!(7)), &[(3, with("redness", json!(7)))]);
    assert_eq!(causes(&high), ["R1:redness urgent"]);
    let Finding { trace, advice, reason, .. } = &high.findings[0];
    assert_eq!(trace.expression, "level >= expected + 3");
    assert_eq!(trace.escalated_by.as_deref(), Some("level >= 7"));
    assert_eq!(trace.values, [("expected".to_owned(), json!(1)), ("level".to_owned(), json!(7))]);
    assert_eq!(
        (advice.in_locale(&["es"]), reason.in_locale(&["fr"])),
        ("Más de lo común.", "3 or more above the curve.")
    );
}

#[test]
fn r2_compares_with_the_latest_answer_to_the_same_question_from_its_start_day() {
    let earlier = [(1, with("pain", json!(0))), (2, json!({ "redness": 1 }))];
    assert_eq!(
        causes(&judged(2, with("pain", json!(2)), &earlier)),
        Vec::<String>::new(),
        "day 2 is before the start day"
    );
    assert_eq!(causes(&judged(3, with("pain", json!(2)), &earlier)), ["R2:pain soon"]);
    let mut infected = with("pain", json!(2));
    infected["signs"] = json!(["F6"]);
    assert_eq!(causes(&judged(3, infected, &earlier)), ["F6 urgent", "R2:pain urgent"]);
}

#[test]
fn a_sign_is_never_lowered_and_never_lost() {
    let pus = with("signs", json!(["F6"]));
    assert_eq!(causes(&judged(3, pus.clone(), &[(2, calm())])), ["F6 urgent"]);
    assert_eq!(causes(&judged(12, pus.clone(), &[(2, calm())])), ["F6 urgent"], "its escalation says soon");
    assert_eq!(causes(&judged(25, pus, &[(2, calm())])), ["F6 urgent"], "not asked on day 25, but answered");
    let result = judged(3, with("signs", json!(["F16", "F1"])), &[(2, calm())]);
    assert_eq!(causes(&result), ["F1 emergency", "F16 note"]);
    assert_eq!(result.urgency, Some(Urgency::Emergency));
}

#[test]
fn the_first_escalation_that_holds_counts() {
    assert_eq!(causes(&judged(12, with("signs", json!(["F16"])), &[(2, calm())])), ["F16 soon"]);
    let mut hot = with("signs", json!(["F16"]));
    hot["temperature"] = json!(38.5);
    assert_eq!(causes(&judged(12, hot, &[(2, calm())])), ["F16 urgent", "F4 urgent"]);
    let silent = judged(12, json!({ "signs": ["F16"] }), &[]);
    assert_eq!(causes(&silent), ["F16 soon"]);
    assert_eq!(silent.findings[0].trace.not_answered, ["temperature"]);
}

#[test]
fn a_rule_that_reads_what_was_not_answered_does_not_fire_and_says_so() {
    let result = judged(8, json!({ "pain": 5 }), &[]);
    assert_eq!(causes(&result), ["R3 urgent", "R1:pain soon"]);
    let unknown: Vec<_> =
        result.not_judged.iter().map(|one| (one.cause.as_str(), one.not_answered.join(","))).collect();
    let expected = [
        ("R1:redness", "level"),
        ("R2:redness", "level,previous"),
        ("R2:pain", "previous"),
        ("R5", "worried"),
        ("F4", "temperature"),
    ];
    assert_eq!(unknown, expected.map(|(cause, missing)| (cause, missing.to_owned())));
}

#[test]
fn fever_and_worry_are_found() {
    assert_eq!(causes(&judged(3, with("temperature", json!(38.0)), &[(2, calm())])), ["F4 urgent"]);
    assert_eq!(
        causes(&judged(3, with("temperature", json!(38)), &[(2, calm())])),
        ["F4 urgent"],
        "a whole number is a temperature too"
    );
    assert_eq!(causes(&judged(3, with("temperature", json!(37.9)), &[(2, calm())])), Vec::<String>::new());
    assert_eq!(
        causes(&judged(22, with("temperature", json!(39.0)), &[(2, calm())])),
        Vec::<String>::new(),
        "the rule ends on day 21"
    );
    assert_eq!(causes(&judged(3, with("worried", json!(true)), &[(2, calm())])), ["R5 soon"]);
}
