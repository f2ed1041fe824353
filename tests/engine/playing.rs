//! The linter plays a document: for nobody may one day say two things. The examples are those that were found in the library.

use authoring::lint;
use engine::{Age, Answers, CheckInFact, Compiled, DayOfPlan, Facts, State, compile, parse, today};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::{at, enrolment, parameters_of};

fn source_of(key: &str) -> &'static str {
    authoring::library_document(key).unwrap()
}

/// The document with a change in one line of the plan.
fn changed(source: &str, entry: &str, from: &str, to: &str) -> String {
    let start = source.find(&format!("[[item]]\nkey = \"{entry}\"\n")).unwrap();
    let (before, after) = source.split_at(start);
    let found = after.find(from).unwrap();
    assert!(!after[1..found].contains("[["), "{entry} has no `{from}`");
    format!("{before}{}", after.replacen(from, to, 1))
}

/// What a document is refused for: code and sentence of each error.
fn refused_for(source: &str) -> Vec<(String, String)> {
    let Err(defects) = lint(source) else { return Vec::new() };
    defects.into_iter().map(|defect| (defect.code.to_string(), defect.problem)).collect()
}

fn names(refused: &[(String, String)], code: &str, words: &[&str]) -> bool {
    refused.iter().any(|(of, problem)| of == code && words.iter().all(|word| problem.contains(word)))
}

fn plan_of(key: &str, parameters: &Value) -> Compiled {
    compile(&parse(source_of(key)).unwrap(), &parameters_of(parameters.clone())).unwrap()
}

/// The keys of the lines that stand on a day of a library plan at noon, with these answers to the check-ins before it.
fn lines(key: &str, parameters: &Value, number: i32, said: &[(i32, Value)]) -> Vec<String> {
    let plan = plan_of(key, parameters);
    let facts: Vec<CheckInFact> = said
        .iter()
        .map(|(day, answers)| CheckInFact {
            occurrence: None,
            day: *day,
            answered_at: at("2026-05-04T12:00:00Z"),
            answers: Answers(serde_json::from_value(answers.clone()).unwrap()),
        })
        .collect();
    let facts = Facts { marks: &[], check_ins: &facts };
    let noon = at("2026-05-04T12:00:00Z").plus_seconds(i64::from(number) * 86_400);
    let day = today(&plan, &enrolment(), &facts, &TimeZone::UTC, noon);
    let standing = day.occurrences.iter().filter(|one| matches!(one.state, State::Upcoming | State::Open));
    standing.map(|one| plan.items[one.item].key.clone()).collect()
}

#[test]
fn products_are_not_brought_back_while_strong_products_are_held() {
    let parameters = json!({ "needle_depth_mm": 1.0, "skin_type": "II" });
    let plan = plan_of("mn-face", &parameters);
    let as_expected = json!({ "dry_peel": plan.expected("dry_peel", DayOfPlan(7), Age(7)) });
    assert_eq!(as_expected, json!({ "dry_peel": 1 }), "who heals exactly as expected still flakes a little on day 7");
    for number in [8, 9] {
        let standing = lines("mn-face", &parameters, number, &[(7, as_expected.clone())]);
        assert!(standing.contains(&"no-strong-products".to_owned()), "day {number}: {standing:?}");
        assert!(!standing.contains(&"products-back".to_owned()), "day {number}: {standing:?}");
    }
    let unsaid = changed(source_of("mn-face"), "products-back", "meaning = \"strong-products\"\n", "");
    let refused = refused_for(&unsaid);
    assert!(
        names(&refused, "hold_without_meaning", &["`products-back`", "day 8", "`no-strong-products`", "not ready"]),
        "{refused:?}"
    );
}

#[test]
fn nobody_with_open_skin_is_told_to_put_on_sunscreen() {
    let laser = json!({ "skin_type": "II", "treated_area": "face", "laser_depth": "light" });
    let open = [(7, json!({ "open_skin": true }))];
    let standing = lines("laser-afl", &laser, 9, &open);
    assert!(standing.contains(&"no-sunscreen-yet".to_owned()), "{standing:?}");
    assert!(!standing.contains(&"sunscreen".to_owned()), "{standing:?}");
    let closed = [(8, json!({ "open_skin": false }))];
    let standing = lines("laser-afl", &laser, 9, &closed);
    assert!(standing.contains(&"sunscreen".to_owned()) && !standing.contains(&"no-sunscreen-yet".to_owned()));
    let unsaid = changed(source_of("laser-afl"), "sunscreen", "meaning = \"sunscreen-wait\"\n", "");
    let refused = refused_for(&unsaid);
    assert!(names(&refused, "hold_without_meaning", &["`sunscreen`", "`no-sunscreen-yet`"]), "{refused:?}");
}

#[test]
fn sunscreen_does_not_start_on_a_day_without_sunscreen() {
    let early = changed(source_of("mn-face"), "sunscreen", "days = [\"2-28\"]", "days = [\"1-28\"]");
    let refused = refused_for(&early);
    assert!(names(&refused, "contradiction", &["day 1", "`no-sunscreen-yet`", "`sunscreen`"]), "{refused:?}");
}

#[test]
fn a_defect_of_the_play_names_the_lines_the_day_and_the_patient() {
    let night = "\n[[slot]]\nkey = \"night\"\nopens = \"21:00\"\ncloses = \"+1 08:00\"\n";
    let source = changed(source_of("mn-face"), "no-sunscreen-yet", "slot = \"day\"", "slot = \"night\"") + night;
    let refused = refused_for(&source);
    assert!(
        names(
            &refused,
            "day_says_two_things",
            &["on day 2", "a patient who answers nothing", "`sunscreen` asks", "`no-sunscreen-yet` forbids"]
        ),
        "{refused:?}"
    );
}

/// As large as a document may be, with as many lines about one thing as fit and all of them held: the play ends where its bound is.
#[test]
fn a_hostile_document_does_not_play_for_ever() {
    let mut source = include_str!("fixtures/lint/base.toml").replace("horizon_day = 28", "horizon_day = 731");
    let mut count = 0;
    while source.len() < 199_000 {
        let (kind, hold) = match count % 2 {
            0 => ("restriction", "hold = \"redness > 0 || pain > 0\"\nhold_if_unknown = true\nhold_to_day = 731\n"),
            _ => ("task", ""),
        };
        let days = if count % 2 == 0 { "[0]" } else { "[\"1-731\"]" };
        source.push_str(&format!(
            "\n[[item]]\nkey = \"x{count}\"\nkind = \"{kind}\"\ndays = {days}\nslots = [\"day\", \"evening\"]\n{hold}meaning = \"m\"\ntitle = {{ en = \"x{count}\", es = \"x{count}\" }}\nsources = [\"CW\"]\n"
        ));
        count += 1;
    }
    let began = ground::time::Stopwatch::start();
    drop(lint(&source));
    assert!(began.elapsed().as_secs() < 60, "{:?} without optimisation", began.elapsed());
}
