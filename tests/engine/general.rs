//! The built-in danger signs of a record without a plan: the words and levels of the plans, and no sign of an emergency missing.

use aftercare::documents::general::{DANGER_SIGNS, danger_signs};
use authoring::lint;
use authoring::{LIBRARY, library_document};
use engine::{
    Age, Answers, DayOfPlan, Grounds, Parameters, Protocol, Rule, Sign, Text, TriageInput, Urgency, compile, parse,
    triage,
};
use serde_json::{Value, json};

fn general() -> Protocol {
    parse(DANGER_SIGNS).unwrap()
}

fn library() -> impl Iterator<Item = Protocol> {
    LIBRARY.iter().map(|(_, source)| parse(source).unwrap())
}

/// What a sign says, without its days.
fn said(sign: &Sign) -> (&Text, Urgency, &Text, &Grounds) {
    (&sign.text, sign.urgency, &sign.advice, &sign.grounds)
}

fn found(answers: &Value, earlier: &[Answers]) -> Vec<(String, Urgency)> {
    let compiled = &danger_signs().unwrap().compiled;
    let answers = Answers(serde_json::from_value(answers.clone()).unwrap());
    let input = TriageInput { day: DayOfPlan(0), age: Age(0), answers: &answers, earlier, beside: &[] };
    triage(compiled, &input).findings.into_iter().map(|finding| (finding.cause, finding.urgency)).collect()
}

#[test]
fn the_linter_accepts_it_and_it_is_outside_the_library() {
    let linted = lint(DANGER_SIGNS).unwrap_or_else(|defects| panic!("{defects:?}"));
    let warnings: Vec<String> = linted.warnings.iter().map(|one| one.code.to_string()).collect();
    assert_eq!(warnings, ["day_without_phase"], "nothing is common where nothing is known");
    assert_eq!(library_document("danger-signs"), None);
    assert!(compile(&general(), &Parameters::default()).is_ok());
}

#[test]
fn its_words_and_levels_are_those_of_the_face_plan() {
    let (general, face) = (general(), parse(library_document("mn-face").unwrap()).unwrap());
    for sign in &general.signs {
        let of_face = face.signs.iter().find(|other| other.key == sign.key).unwrap();
        assert_eq!(said(sign), said(of_face), "{}", sign.key);
        assert!(sign.when.is_none() && sign.escalate.is_empty(), "{}: nothing is known of the patient", sign.key);
    }
    for rule in &general.rules {
        let of = |rule: &Rule| {
            (
                rule.when.source().to_owned(),
                rule.urgency,
                rule.advice.clone(),
                rule.reason.clone(),
                rule.grounds.clone(),
            )
        };
        let of_face = face.rules.iter().find(|other| other.key == rule.key).unwrap();
        assert_eq!(of(rule), of(of_face), "{}", rule.key);
        assert!(rule.for_each.is_empty() && rule.escalate.is_empty(), "{}", rule.key);
    }
    for question in &general.questions {
        let of_face = face.questions.iter().find(|other| other.key == question.key).unwrap();
        assert_eq!((&question.text, &question.hint, &question.name), (&of_face.text, &of_face.hint, &of_face.name));
        assert_eq!((question.kind, &question.choices), (of_face.kind, &of_face.choices), "{}", question.key);
    }
}

#[test]
fn every_plan_knows_its_signs_as_just_as_urgent() {
    let general = general();
    for plan in library() {
        for sign in &general.signs {
            let of_plan = plan.signs.iter().find(|other| other.key == sign.key);
            assert_eq!(of_plan.map(|other| other.urgency), Some(sign.urgency), "{}: {}", plan.key, sign.key);
        }
    }
}

#[test]
fn no_sign_that_is_an_emergency_for_everybody_is_missing() {
    let general = general();
    for plan in library() {
        let for_everybody = plan.signs.iter().filter(|sign| sign.urgency == Urgency::Emergency && sign.when.is_none());
        for sign in for_everybody {
            assert!(general.signs.iter().any(|own| own.key == sign.key), "{}: {}", plan.key, sign.key);
        }
    }
    let urgencies: Vec<Urgency> = general.signs.iter().map(|sign| sign.urgency).collect();
    assert!(urgencies.is_sorted_by(|one, other| one >= other), "the most pressing first");
}

#[test]
fn the_form_asks_the_signs_a_temperature_worry_and_a_call() {
    let form = danger_signs().unwrap().compiled.danger_form(0);
    let keys: Vec<&str> = form.iter().map(|question| question.key.as_str()).collect();
    assert_eq!(keys, ["signs", "temperature", "worry", "wants_call"]);
    let signs: Vec<&str> = form[0].choices.iter().map(|choice| choice.key.as_str()).collect();
    assert_eq!(signs, ["F1", "F2", "F3", "F5", "F23", "F4", "F6", "F7", "F9", "F12", "F15"]);
}

#[test]
fn each_answer_is_judged() {
    let one = |cause: &str, urgency| vec![(cause.to_owned(), urgency)];
    for sign in &general().signs {
        assert_eq!(found(&json!({ "signs": [sign.key] }), &[]), one(&sign.key, sign.urgency));
    }
    assert_eq!(found(&json!({ "temperature": 38.0 }), &[]), one("F4-temperature", Urgency::Urgent));
    assert_eq!(found(&json!({ "temperature": 37.9 }), &[]), []);
    let spreading = found(&json!({ "temperature": 38.0, "signs": ["F7"] }), &[]);
    assert_eq!(spreading[0], ("F3-spreading".to_owned(), Urgency::Emergency));
    assert_eq!(found(&json!({ "wants_call": true }), &[]), one("R5-call", Urgency::Soon));
    let worried = json!({ "worry": "very_worried" });
    assert_eq!(found(&worried, &[]), one("R5-worried", Urgency::Soon));
    let before = [Answers(serde_json::from_value(worried.clone()).unwrap())];
    assert!(found(&worried, &before).contains(&("F24".to_owned(), Urgency::Soon)));
}
