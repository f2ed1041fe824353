//! Compiling for one treatment: parameters, variants, curves, forms, answers.

use engine::{Age, Compiled, DayOfPlan, QuestionKind, compile};
use serde_json::{Value, json};

use crate::support::{PLAN, PROTOCOL, compiled, parameters_of};

fn assert_send_sync<T: Send + Sync + 'static>() {}

fn keys(plan: &Compiled, day: i32) -> Vec<String> {
    plan.form("daily", day).iter().map(|question| question.key.clone()).collect()
}

fn refusals(parameters: Value) -> Vec<(String, &'static str)> {
    compile(&PROTOCOL, &parameters_of(parameters)).unwrap_err().into_iter().map(|one| (one.key, one.code)).collect()
}

fn checked(sent: Value) -> Result<Value, Vec<(String, &'static str)>> {
    let sent = sent.as_object().unwrap().clone();
    PLAN.check_answers(&sent)
        .map(|answers| json!(answers))
        .map_err(|problems| problems.into_iter().map(|one| (one.question, one.code)).collect())
}

#[test]
fn a_compiled_plan_can_be_shared_between_threads() {
    assert_send_sync::<Compiled>();
}

#[test]
fn parameters_are_checked() {
    assert_eq!(refusals(json!({})), [("needle_depth_mm".to_owned(), "required")]);
    assert_eq!(
        refusals(json!({ "needle_depth_mm": 3, "skin_type": "VII", "cold_sore_history": "no", "colour": 1 })),
        [
            ("colour".to_owned(), "unknown_parameter"),
            ("needle_depth_mm".to_owned(), "out_of_range"),
            ("skin_type".to_owned(), "unknown_choice"),
            ("cold_sore_history".to_owned(), "wrong_type"),
        ]
    );
}

#[test]
fn variants_choose_the_lines_and_change_the_curves() {
    let shallow = compiled(json!({ "needle_depth_mm": 0.5, "skin_type": "V" }));
    assert_eq!(shallow.variants, ["shallow", "darker_skin"]);
    assert!(shallow.items.iter().all(|item| item.key != "pillow"));
    assert!(PLAN.items.iter().any(|item| item.key == "pillow"));
    let levels = |plan: &Compiled| {
        (0..8).map(|day| plan.expected("redness", DayOfPlan(day), Age(day)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(levels(&PLAN), [6, 5, 3, 2, 1, 0, 0, 0]);
    assert_eq!(levels(&shallow), [6, 3, 1, 0, 0, 0, 0, 0]);
    assert_eq!(shallow.expected("pain", DayOfPlan(1), Age(1)), Some(2));
    assert_eq!(shallow.expected("itch", DayOfPlan(1), Age(1)), None);
}

#[test]
fn a_whole_number_is_a_decimal_too() {
    assert_eq!(compiled(json!({ "needle_depth_mm": 1 })).variants, Vec::<String>::new());
}

#[test]
fn reasons_not_to_start_are_those_that_apply() {
    assert!(PLAN.exclusions.is_empty());
    let infected = compiled(json!({ "needle_depth_mm": 1.0, "active_infection": true }));
    assert_eq!(infected.exclusions.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["active-infection"]);
}

#[test]
fn the_first_phase_that_matches_is_the_header() {
    let phases: Vec<_> = [0, 1, 2, 31]
        .iter()
        .map(|day| PLAN.phase_on(DayOfPlan(*day), Age(*day)).map(|phase| phase.key.as_str()))
        .collect();
    assert_eq!(phases, [Some("first"), Some("first"), Some("later"), None]);
}

#[test]
fn a_form_asks_what_belongs_to_the_day_and_the_patient() {
    assert_eq!(keys(&PLAN, 0), ["signs", "redness", "pain", "temperature", "areas", "worried"]);
    let with_cold_sores = compiled(json!({ "needle_depth_mm": 1.0, "cold_sore_history": true }));
    assert_eq!(
        keys(&with_cold_sores, 1),
        ["signs", "redness", "pain", "lips", "trend", "temperature", "areas", "worried"]
    );
    assert!(PLAN.form("weekly", 1).is_empty());
}

#[test]
fn the_choices_of_signs_are_those_of_the_day() {
    let signs = |day| PLAN.form("daily", day)[0].choices.iter().map(|choice| choice.key.clone()).collect::<Vec<_>>();
    assert_eq!(signs(0), ["F1", "F16"]);
    assert_eq!(signs(1), ["F1", "F6", "F16"]);
    assert_eq!(PLAN.form("daily", 1)[0].kind, QuestionKind::Multi);
    assert_eq!(PLAN.form("daily", 1)[0].choices[1].label.in_locale(&["es-MX"]), "Pus");
}

#[test]
fn answers_are_checked_and_made_canonical() {
    let sent = json!({ "redness": 3, "pain": 4.0, "temperature": 100.4, "trend": "worse", "areas": ["chin", "cheek", "chin"], "worried": false, "signs": ["F6"] });
    let stored = json!({ "redness": 3, "pain": 4, "temperature": 38.0, "trend": "worse", "areas": ["cheek", "chin"], "worried": false, "signs": ["F6"] });
    assert_eq!(checked(sent), Ok(stored.clone()));
    assert_eq!(checked(stored.clone()), Ok(stored));
    assert_eq!(checked(json!({ "temperature": null, "redness": 0 })), Ok(json!({ "redness": 0 })));
}

#[test]
fn answers_that_cannot_be_are_named_one_by_one() {
    let problems = checked(
        json!({ "areas": ["nose"], "itch": 2, "pain": 11, "redness": 2.5, "signs": "F6", "temperature": 70, "trend": "same", "worried": 1 }),
    );
    let expected = [
        ("areas", "unknown_choice"),
        ("itch", "unknown_question"),
        ("pain", "out_of_range"),
        ("redness", "wrong_type"),
        ("signs", "wrong_type"),
        ("temperature", "out_of_range"),
        ("trend", "unknown_choice"),
        ("worried", "wrong_type"),
    ];
    assert_eq!(problems.unwrap_err(), expected.map(|(question, code)| (question.to_owned(), code)));
    assert_eq!(checked(json!({ "lips": true })), Err(vec![("lips".to_owned(), "unknown_question")]));
}
