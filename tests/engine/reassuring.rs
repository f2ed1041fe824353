//! "In line with what is common" is said only of answers that were judged.

use std::collections::{BTreeMap, BTreeSet};

use authoring::not_judged_days;
use engine::{
    Age, Answers, Compiled, DayOfPlan, Question, QuestionKind, SIGNS, Triage, TriageInput, Urgency, compile, parse,
    triage,
};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::facts;
use crate::support::answers;

fn judged(plan: &Compiled, day: i32, given: Value) -> Triage {
    let earlier: &[Answers] = &[];
    triage(plan, &TriageInput { day: DayOfPlan(day), age: Age(day), answers: &answers(given), earlier, beside: &[] })
}

/// Every plan of the library, for each of its named sets of parameters.
fn plans() -> Vec<Compiled> {
    let mut plans = Vec::new();
    for (_, source) in authoring::LIBRARY {
        let protocol = parse(source).unwrap();
        plans.extend(facts::combos(&protocol.key).into_iter().map(|(_, one)| compile(&protocol, &one).unwrap()));
    }
    plans
}

/// Answers that nobody may be reassured about, whatever the rules of the plan say: by what they mean, not by what a rule reads.
fn alarming(plan: &Compiled, question: &Question, day: i32) -> Vec<Value> {
    let expected = plan.expected(&question.key, DayOfPlan(day), Age(day)).unwrap_or_default();
    match (question.key.as_str(), question.kind) {
        (SIGNS, _) => plan.signs.iter().map(|sign| json!([sign.key])).collect(),
        (_, QuestionKind::Temperature) => vec![json!(38.0), json!(39.5)],
        (_, QuestionKind::Level) => (expected + 3..=10).map(|level| json!(level)).collect(),
        (_, QuestionKind::Flag) => vec![json!(true)],
        _ => {
            let usual = |key: &str| ["none", "no", "better", "same"].contains(&key);
            question.choices.iter().filter(|choice| !usual(&choice.key)).map(|choice| json!(choice.key)).collect()
        }
    }
}

/// Ordinary and extreme levels of the early weeks, with what was said two days before.
fn random_answers(plan: &Compiled, day: i32, dice: &mut Dice) -> (Value, Answers) {
    let levels = |dice: &mut Dice| {
        let asked = plan.questions.iter().filter(|one| one.kind == QuestionKind::Level && one.days.contains(day));
        asked.map(|one| (one.key.clone(), json!(dice.between(0, 11)))).collect::<serde_json::Map<String, Value>>()
    };
    let (given, before) = (levels(dice), levels(dice));
    (Value::Object(given), answers(Value::Object(before)))
}

#[test]
fn who_says_better_is_told_one_step_less_and_who_does_not_say_nothing_less() {
    let mut dice = Dice(11);
    let (mut cases, mut lowered) = (0, 0);
    for plan in plans() {
        for _ in 0..40 {
            let day = dice.between(0, 30);
            let (given, before) = random_answers(&plan, day, &mut dice);
            let earlier = if dice.between(0, 3) == 0 { vec![] } else { vec![before] };
            let told = |compared: Option<&str>| {
                let mut given = given.clone();
                if let Some(compared) = compared {
                    given["compared"] = json!(compared);
                }
                let (day, age) = (DayOfPlan(day), Age(day));
                triage(&plan, &TriageInput { day, age, answers: &answers(given), earlier: &earlier, beside: &[] })
            };
            let (absent, same, better) = (told(None), told(Some("same")), told(Some("better")));
            let causes =
                |one: &Triage| one.findings.iter().map(|one| (one.cause.clone(), one.urgency)).collect::<Vec<_>>();
            let at = format!("{} day {day}: {given} after {earlier:?}", plan.key);
            assert_eq!(causes(&absent), causes(&same), "{at}");
            let least = match same.urgency {
                Some(Urgency::Emergency) => Some(Urgency::Emergency),
                Some(Urgency::Urgent) => Some(Urgency::Soon),
                Some(Urgency::Soon | Urgency::Note) => Some(Urgency::Note),
                None => None,
            };
            assert!(better.urgency >= least, "{at}: {:?} and {:?}", causes(&same), causes(&better));
            // What nobody said is not told as if somebody had.
            let said = |(name, _): &(String, Value)| name == "compared";
            assert!(!absent.findings.iter().any(|one| one.trace.values.iter().any(said)), "{at}");
            (cases, lowered) = (cases + 1, lowered + usize::from(better.urgency < same.urgency));
        }
    }
    assert!(cases > 1_000 && lowered > cases / 20, "{lowered} of {cases}: the answer changes nothing");
}

#[test]
fn no_alarming_answer_is_in_line_on_any_day_of_any_plan() {
    let mut known = BTreeSet::new();
    for (index, plan) in plans().into_iter().enumerate() {
        let calm = json!({ "redness": 0, "pain": 0 });
        assert!(judged(&plan, plan.horizon_day, calm.clone()).is_in_line(), "{}", plan.key);
        // Every day of the first month, where plans change from day to day, and one day in eight after it; of kinds of patients that share
        // their plan with others, every third of these days, each kind others.
        let days: Vec<i32> = (0..=30).chain((31..=plan.horizon_day).step_by(8)).collect();
        let is_first = known.insert(plan.key.clone());
        let (from, step) = if is_first { (0, 1) } else { (index % 3, 3) };
        for day in days.into_iter().skip(from).step_by(step) {
            for question in plan.questions.iter().filter(|one| one.purpose.is_none() && one.scale.is_none()) {
                for answer in alarming(&plan, question, day) {
                    let mut given = calm.clone();
                    given[&question.key] = answer.clone();
                    let result = judged(&plan, day, given);
                    assert!(!result.is_in_line(), "{} day {day}: {} = {answer}", plan.key, question.key);
                    let alone = judged(&plan, day, json!({ question.key.as_str(): answer }));
                    assert!(!alone.is_in_line(), "{} day {day}: {} = {answer} alone", plan.key, question.key);
                }
            }
        }
    }
}

#[test]
fn what_says_nothing_of_the_skin_is_no_reason_to_call_it_common() {
    for plan in plans() {
        for given in [
            json!({ "wants_call": false }),
            json!({ "worry": "none" }),
            json!({ "compared": "better" }),
            json!({ "compared": "worse" }),
            json!({ "sun_rule": "yes" }),
            json!({ "satisfaction": "very_happy" }),
            json!({ "gais_skinpen": "improved" }),
            json!({ "signs": [] }),
            json!({ "temperature": 36.6 }),
            json!({ "worry": "none", "wants_call": false, "sun_rule": "yes", "signs": [] }),
        ] {
            assert!(!judged(&plan, 5, given.clone()).is_in_line(), "{}: {given}", plan.key);
        }
    }
}

#[test]
fn the_cases_that_a_nurse_found_have_their_right_value() {
    let library = |key: &str| plans().into_iter().find(|plan| plan.key == key).unwrap();
    let found = |plan: &str, day: i32, given: Value| {
        let result = judged(&library(plan), day, given);
        (result.urgency.map(|urgency| urgency.to_string()).unwrap_or_default(), result.unjudged)
    };
    let nothing: Vec<String> = Vec::new();
    assert_eq!(found("mn-face", 15, json!({ "temperature": 39.5 })), ("urgent".to_owned(), nothing.clone()));
    assert_eq!(found("mn-face", 22, json!({ "temperature": 39.5 })), (String::new(), vec!["temperature".to_owned()]));
    assert_eq!(found("mn-face", 15, json!({ "pimples": "many" })), (String::new(), vec!["pimples".to_owned()]));
    assert_eq!(found("laser-afl", 28, json!({ "open_skin": true })), ("urgent".to_owned(), nothing.clone()));
    assert_eq!(found("laser-afl", 29, json!({ "open_skin": true })), (String::new(), vec!["open_skin".to_owned()]));
    assert_eq!(found("mn-scalp", 3, json!({ "open_points": true })), ("urgent".to_owned(), nothing.clone()));
    assert_eq!(found("mn-scalp", 29, json!({ "open_points": true })), (String::new(), vec!["open_points".to_owned()]));
    assert_eq!(found("mn-face", 5, json!({ "compared": "worse" })), ("note".to_owned(), nothing.clone()));
    assert_eq!(found("mn-face", 100, json!({ "signs": ["F18"] })).0, "soon");
    assert_eq!(found("mn-face", 200, json!({ "signs": ["F6"] })).0, "urgent");
}

/// What the plans do not judge, so that it is seen when it changes: question, first and last day, in every plan that has it.
#[test]
fn the_days_on_which_nothing_is_judged_are_these() {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, source) in authoring::LIBRARY {
        let protocol = parse(source).unwrap();
        for found in not_judged_days(&protocol) {
            assert!(!found.asked, "{}: {found:?}", protocol.key);
            let days = format!("{} {}-{}", protocol.key, found.first, found.last);
            named.entry(found.question).or_default().push(days);
        }
    }
    insta::assert_json_snapshot!("not_judged", named);
}

#[test]
fn what_the_danger_sign_form_asks_is_judged_on_that_day() {
    for plan in plans() {
        for day in 0..=plan.horizon_day + 10 {
            for question in plan.danger_form(day).iter().filter(|question| question.key != SIGNS) {
                let healthy = match question.kind {
                    QuestionKind::Temperature => vec![json!(36.6), json!(39.5)],
                    QuestionKind::Flag => vec![json!(true), json!(false)],
                    _ => question.choices.iter().map(|choice| json!(choice.key)).collect(),
                };
                for answer in healthy {
                    let result = judged(&plan, day, json!({ question.key.as_str(): answer }));
                    let none: [String; 0] = [];
                    assert_eq!(result.unjudged, none, "{} day {day}: {} = {answer}", plan.key, question.key);
                }
            }
        }
    }
}

#[test]
fn a_bad_result_is_never_in_line() {
    for (key, bad) in [("gais_skinpen", "worse"), ("satisfaction", "very_unhappy"), ("sun_rule", "no")] {
        for plan in plans().iter().filter(|plan| plan.question(key).is_some()) {
            let day = 84.min(plan.horizon_day);
            let result = judged(plan, day, json!({ "redness": 0, "pain": 0, key: bad }));
            assert!(!result.is_in_line() && result.unjudged == [key], "{}: {key} = {bad}", plan.key);
            let good = plan.question(key).unwrap().usual[0].clone();
            assert!(
                judged(plan, day, json!({ "redness": 0, "pain": 0, key: good })).is_in_line(),
                "{}: {key}",
                plan.key
            );
        }
    }
}

#[test]
fn who_is_told_to_answer_again_tomorrow_can() {
    for plan in plans() {
        let asks = |day: i32| plan.items.iter().any(|item| item.form.is_some() && item.days.contains(day));
        for day in (0..plan.horizon_day).filter(|day| asks(*day)) {
            let form = plan.form_again(day + 1);
            assert_ne!(
                asks(day + 1),
                form.is_some(),
                "{} day {}: a check-in, or the form once more",
                plan.key,
                day + 1
            );
            let Some(form) = form else { continue };
            let levels = plan.form(form, day + 1).iter().filter(|one| one.kind == QuestionKind::Level).count();
            assert!(levels > 0, "{} day {}", plan.key, day + 1);
        }
    }
}
