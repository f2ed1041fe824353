//! The built-in plans: each reads, and compiles with every combination of its variants.

use std::collections::BTreeSet;

use aftercare::engine::{
    Answers, Facts, ItemKind, Known, ParameterKind, Parameters, Protocol, TriageInput, compile, parse, today, triage,
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::{at, enrolment};

fn library() -> impl Iterator<Item = &'static str> {
    aftercare::protocols::LIBRARY.iter().map(|(_, source)| *source)
}

/// Values of a parameter that reach both sides of each condition on it.
fn samples(protocol: &Protocol, index: usize) -> Vec<Value> {
    let parameter = &protocol.parameters[index];
    match parameter.kind {
        ParameterKind::Flag => vec![json!(false), json!(true)],
        ParameterKind::Choice => parameter.choices.iter().map(|choice| json!(choice)).collect(),
        ParameterKind::Decimal => [parameter.min, Some(1.0), Some(2.0), parameter.max]
            .into_iter()
            .flatten()
            .map(|number| json!(number))
            .collect(),
    }
}

/// All combinations of the parameters that variants read; the other parameters one at a time.
fn combinations(protocol: &Protocol) -> Vec<Parameters> {
    let reading: BTreeSet<&str> =
        protocol.variants.iter().flat_map(|variant| variant.when.variables()).map(String::as_str).collect();
    let plain = |index: usize| samples(protocol, index)[0].clone();
    let key = |index: usize| protocol.parameters[index].key.clone();
    let mut all: Vec<Parameters> =
        vec![Parameters((0..protocol.parameters.len()).map(|index| (key(index), plain(index))).collect())];
    let first = all[0].clone();
    for index in 0..protocol.parameters.len() {
        let base = if reading.contains(key(index).as_str()) { all.clone() } else { vec![first.clone()] };
        for (parameters, sample) in
            base.iter().flat_map(|one| samples(protocol, index).into_iter().skip(1).map(move |sample| (one, sample)))
        {
            let mut parameters = parameters.clone();
            parameters.0.insert(key(index), sample);
            all.push(parameters);
        }
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
            let plan = compile(&protocol, &parameters).unwrap();
            if !seen.insert(plan.variants.clone()) {
                continue;
            }
            for day in [0, 1, 3, 7, 28] {
                assert!(!plan.planned_on(day).is_empty(), "{} has lines on day {day}", plan.key);
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
        let plan = compile(&protocol, &combinations(&protocol)[0]).unwrap();
        for item in plan.items.iter().filter(|item| item.form.is_some()) {
            for day in item.days.iter() {
                let form = plan.form(item.form.as_deref().unwrap(), day);
                let levels =
                    form.iter().filter_map(|question| Some((question.key.clone(), plan.expected(&question.key, day)?)));
                let mut calm: Answers = Answers(levels.map(|(key, level)| (key, json!(level))).collect());
                calm.0.insert("signs".to_owned(), json!([]));
                let earlier = [(day - 1, calm.clone())];
                let found = triage(&plan, &TriageInput { day, answers: &calm, earlier: &earlier });
                assert_eq!(found.urgency, None, "{} day {day}: {found:?}", plan.key);
                let mut wild = calm.clone();
                wild.0.insert(
                    "signs".to_owned(),
                    json!(
                        form.iter().find(|question| question.key == "signs").map(|question| &question.choices[0].key)
                    ),
                );
                wild.0.insert("signs".to_owned(), json!([plan.signs[0].key]));
                let found = triage(&plan, &TriageInput { day, answers: &wild, earlier: &earlier });
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
        let plan = compile(&protocol, &combinations(&protocol)[0]).unwrap();
        let seen = today(&plan, &enrolment(), &Facts::default(), &TimeZone::UTC, at("2026-05-04T12:00:00Z"));
        assert_eq!(seen.phase, Some(0), "{}", plan.key);
    }
}

#[test]
fn a_check_in_can_still_be_answered_after_the_longest_flight_east() {
    let minutes =
        |time: aftercare::engine::LocalTime| time.days * 1440 + i32::from(time.hour) * 60 + i32::from(time.minute);
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
