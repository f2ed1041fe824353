//! The built-in plans: each reads, and compiles with every combination of its variants.

use std::collections::BTreeSet;

use engine::{
    Age, Answers, Condition, DayOfPlan, Facts, ItemKind, Known, ParameterKind, Parameters, Protocol, TriageInput,
    compile, parse, today, triage,
};
use jiff::tz::TimeZone;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use regex::Regex;
use serde_json::{Value, json};

use crate::facts;
use crate::support::{at, enrolment};

const RANDOM_COMBINATIONS: usize = 40;

fn library() -> impl Iterator<Item = &'static str> {
    authoring::LIBRARY.iter().map(|(_, source)| *source)
}

/// The conditions of a plan that can read parameters alone, and those of its rules.
fn conditions(protocol: &Protocol) -> impl Iterator<Item = &Condition> {
    let variants = protocol.variants.iter().map(|variant| &variant.when);
    let exclusions = protocol.exclusions.iter().map(|exclusion| &exclusion.when);
    let phases = protocol.phases.iter().filter_map(|phase| phase.when.as_ref());
    let adjusts = protocol.adjusts.iter().filter_map(|adjust| adjust.when.as_ref());
    let items = protocol.items.iter().filter_map(|item| item.when.as_ref());
    let questions = protocol.questions.iter().filter_map(|question| question.when.as_ref());
    let signs = protocol.signs.iter().filter_map(|sign| sign.when.as_ref());
    let rules = protocol.rules.iter().map(|rule| &rule.when);
    variants.chain(exclusions).chain(phases).chain(adjusts).chain(items).chain(questions).chain(signs).chain(rules)
}

/// The numbers that the conditions on a parameter compare with, and a little less and more than each.
fn around_the_numbers(protocol: &Protocol, key: &str) -> Vec<f64> {
    let number = Regex::new(r"\b\d+(\.\d+)?\b").unwrap();
    let reading = conditions(protocol).filter(|condition| condition.variables().iter().any(|name| name == key));
    let numbers = reading.flat_map(|condition| number.find_iter(condition.source()).map(|found| found.as_str()));
    numbers.map(|text| text.parse().unwrap()).flat_map(|at: f64| [at - 0.1, at, at + 0.1]).collect()
}

/// Values of a parameter that reach both sides of each condition on it.
fn samples(protocol: &Protocol, index: usize) -> Vec<Value> {
    let parameter = &protocol.parameters[index];
    match parameter.kind {
        ParameterKind::Flag => vec![json!(false), json!(true)],
        ParameterKind::Choice => parameter.choices.iter().map(|choice| json!(choice)).collect(),
        ParameterKind::Decimal => {
            let (min, max) = (parameter.min.unwrap_or(0.0), parameter.max.unwrap_or(100.0));
            let inner = around_the_numbers(protocol, &parameter.key).into_iter().filter(|at| (min..=max).contains(at));
            [min, max].into_iter().chain(inner).map(|number| json!(number)).collect()
        }
    }
}

/// The first sample of each parameter.
fn plain(protocol: &Protocol) -> Parameters {
    let of = |index: usize| (protocol.parameters[index].key.clone(), samples(protocol, index)[0].clone());
    Parameters((0..protocol.parameters.len()).map(of).collect())
}

/// The named sets of `facts/combos.csv`, the plain one with each parameter changed alone, and as many at random
/// (with the same seed every time) as reach nearly every pair of values.
fn combinations(protocol: &Protocol) -> Vec<Parameters> {
    let plain = plain(protocol);
    let mut all: Vec<Parameters> = facts::combos(&protocol.key).into_iter().map(|(_, parameters)| parameters).collect();
    let every: Vec<(&str, Vec<Value>)> = protocol
        .parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| (parameter.key.as_str(), samples(protocol, index)))
        .collect();
    for (key, value) in every.iter().flat_map(|(key, samples)| samples.iter().map(move |value| (*key, value))) {
        let mut parameters = plain.clone();
        parameters.0.insert(key.to_owned(), value.clone());
        all.push(parameters);
    }
    let mut seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for _ in 0..RANDOM_COMBINATIONS {
        let mut pick = |samples: &[Value]| samples[seed.random_range(0..samples.len())].clone();
        all.push(Parameters(every.iter().map(|(key, samples)| ((*key).to_owned(), pick(samples))).collect()));
    }
    all
}

#[test]
fn every_plan_reads() {
    for source in library() {
        if let Err(defects) = parse(source) {
            panic!("{}", defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        }
    }
}

#[test]
fn every_plan_compiles_with_every_combination_of_its_variants() {
    for source in library() {
        let protocol = parse(source).unwrap();
        let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
        for parameters in combinations(&protocol) {
            let plan =
                compile(&protocol, &parameters).unwrap_or_else(|problems| panic!("{}: {problems:?}", protocol.key));
            if !seen.insert(plan.variants.clone()) {
                continue;
            }
            for day in (0..=14).chain([28]) {
                assert!(!plan.planned_on(day).is_empty(), "{} has no lines on day {day}", plan.key);
            }
            for day in 0..=28 {
                assert!(plan.phase_on(DayOfPlan(day), Age(day)).is_some(), "{} has no phase on day {day}", plan.key);
            }
            for item in plan.items.iter().filter(|item| item.form.is_some()) {
                for day in item.days.iter() {
                    assert!(
                        !plan.form(item.form.as_deref().unwrap(), day).is_empty(),
                        "{} asks nothing on day {day}",
                        item.key
                    );
                }
            }
        }
        for variant in &protocol.variants {
            assert!(
                seen.iter().any(|keys| keys.contains(&variant.key)),
                "{}: {} never applies",
                protocol.key,
                variant.key
            );
            assert!(
                seen.iter().any(|keys| !keys.contains(&variant.key)),
                "{}: {} always applies",
                protocol.key,
                variant.key
            );
        }
    }
}

#[test]
fn calm_answers_find_nothing_and_wild_ones_do_on_every_day_of_every_form() {
    for source in library() {
        let protocol = parse(source).unwrap();
        let plan = compile(&protocol, &plain(&protocol)).unwrap();
        for item in plan.items.iter().filter(|item| item.form.is_some()) {
            for day in item.days.iter() {
                let form = plan.form(item.form.as_deref().unwrap(), day);
                let expected = |key: &str| plan.expected(key, DayOfPlan(day), Age(day));
                let levels = form.iter().filter_map(|question| Some((question.key.clone(), expected(&question.key)?)));
                let mut calm: Answers = Answers(levels.map(|(key, level)| (key, json!(level))).collect());
                calm.0.insert("signs".to_owned(), json!([]));
                let earlier = [calm.clone()];
                let (day_of_plan, age) = (DayOfPlan(day), Age(day));
                let found = triage(
                    &plan,
                    &TriageInput { day: day_of_plan, age, answers: &calm, earlier: &earlier, beside: &[] },
                );
                assert_eq!(found.urgency, None, "{} day {day}: {found:?}", plan.key);
                let mut wild = calm.clone();
                wild.0.insert(
                    "signs".to_owned(),
                    json!(
                        form.iter().find(|question| question.key == "signs").map(|question| &question.choices[0].key)
                    ),
                );
                wild.0.insert("signs".to_owned(), json!([plan.signs[0].key]));
                let found = triage(
                    &plan,
                    &TriageInput { day: day_of_plan, age, answers: &wild, earlier: &earlier, beside: &[] },
                );
                assert!(found.urgency.is_some(), "{} day {day}", plan.key);
            }
        }
    }
}

#[test]
fn defaults_are_plain() {
    for source in library() {
        let protocol = parse(source).unwrap();
        let flags =
            protocol.parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Flag && !parameter.required);
        assert!(flags.into_iter().all(|flag| flag.default == Some(Known::Flag(false))));
        let plan = compile(&protocol, &plain(&protocol)).unwrap();
        let seen = today(&plan, &enrolment(), &Facts::default(), &TimeZone::UTC, at("2026-05-04T12:00:00Z"));
        assert_eq!(seen.phase, Some(0), "{}", plan.key);
    }
}

#[test]
fn a_check_in_can_still_be_answered_after_the_longest_flight_east() {
    let minutes = |time: engine::LocalTime| time.days * 1440 + i32::from(time.hour) * 60 + i32::from(time.minute);
    for source in library() {
        let protocol = parse(source).unwrap();
        for item in protocol.items.iter().filter(|item| item.kind == ItemKind::CheckIn) {
            for slot in item.slots.iter().map(|slot| &protocol.slots[*slot]) {
                let late = minutes(slot.late_until) - minutes(slot.closes);
                assert!(
                    late >= 26 * 60,
                    "{}: {} is lost in {} between the zones that are farthest apart",
                    protocol.key,
                    item.key,
                    slot.key
                );
            }
        }
    }
}
