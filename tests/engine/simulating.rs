//! Scripted patients: the whole course, and each of its decisions.

use std::collections::BTreeSet;
use std::time::Duration;

use authoring::{LIBRARY, library_document};
use authoring::{Script, SimulatedAlert, Simulation, simulate};
use engine::{AlertChange, Compiled, Decision, Parameters, Reason, State, Urgency, compile, parse};
use serde_json::{Value, json};

use crate::facts;
use crate::support::parameters_of;

const GOLDEN: &str = include_str!("fixtures/script.toml");

fn plan(key: &str, parameters: Parameters) -> Compiled {
    compile(&parse(library_document(key).unwrap()).unwrap(), &parameters).unwrap()
}

fn face() -> Compiled {
    plan("mn-face", parameters_of(json!({ "needle_depth_mm": 1.0, "skin_type": "II" })))
}

fn script(given: Value) -> Script {
    serde_json::from_value(given).unwrap()
}

fn course(given: Value) -> Simulation {
    simulate(&face(), &script(given)).unwrap()
}

fn problems(given: Value) -> Vec<String> {
    let problems = simulate(&face(), &script(given)).unwrap_err();
    problems.iter().map(|problem| format!("{} {}", problem.pointer, problem.code)).collect()
}

/// The plans of the built-in library.
fn library() -> impl Iterator<Item = &'static str> {
    LIBRARY.iter().filter_map(|(file, _)| file.strip_suffix(".toml"))
}

/// The named sets of parameters of every plan of the library: plan, name, parameters.
fn combos() -> impl Iterator<Item = (&'static str, String, Parameters)> {
    library().flat_map(|key| facts::combos(key).into_iter().map(move |(name, parameters)| (key, name, parameters)))
}

fn alert<'a>(simulation: &'a Simulation, cause: &str) -> &'a SimulatedAlert {
    simulation.alerts.iter().find(|alert| alert.cause == cause).unwrap()
}

#[test]
fn the_parameter_sets_reach_every_variant_of_every_plan() {
    for key in library() {
        let protocol = parse(library_document(key).unwrap()).unwrap();
        let sets = combos().filter(|(plan, ..)| *plan == key);
        let reached: BTreeSet<String> = sets.flat_map(|(_, _, parameters)| plan(key, parameters).variants).collect();
        let all: BTreeSet<String> = protocol.variants.iter().map(|variant| variant.key.clone()).collect();
        assert_eq!(reached, all, "{key}: a variant without a parameter set has no golden course");
    }
}

#[test]
fn every_plan_and_parameter_set_has_its_golden_course() {
    let script: Script = toml::from_str(GOLDEN).unwrap();
    for (key, name, parameters) in combos() {
        let course = simulate(&plan(key, parameters), &script).unwrap();
        insta::assert_snapshot!(format!("{key}-{name}"), course.table(&["en"]));
    }
}

#[test]
fn a_patient_who_heals_as_expected_raises_nothing_in_any_plan() {
    for (key, name, parameters) in combos() {
        let plan = plan(key, parameters);
        let course = simulate(&plan, &Script::default()).unwrap();
        let for_all = |alert: &&SimulatedAlert| alert.cause.contains(":day-"); // a call for every patient
        let alerts: Vec<&SimulatedAlert> = course.alerts.iter().filter(|alert| !for_all(alert)).collect();
        assert!(alerts.is_empty(), "{key} {name}: {alerts:?}");
        assert_eq!(course.days.len(), usize::try_from(plan.horizon_day).unwrap() + 1, "{key} {name}");
        let open = course.days.iter().flat_map(|day| &day.lines).filter(|line| line.kind.as_str() == "check_in");
        assert!(open.into_iter().all(|line| line.state == State::Done), "{key} {name}");
        for check_in in &course.check_ins {
            let reminder = course.reminders.iter().find(|one| Some(one.occurrence_id) == check_in.occurrence_id);
            let told = reminder.is_some_and(|one| one.decision != Decision::NotMailed);
            assert!(told, "{key} {name} day {}: 20:00 is after every reminder", check_in.day);
        }
    }
}

#[test]
fn it_is_the_same_again_and_goes_through_json_and_back() {
    let first = course(json!({ "until_day": 20, "answers": "silent" }));
    assert_eq!(first, course(json!({ "until_day": 20, "answers": "silent" })));
    let json = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Simulation>(&json).unwrap(), first);
}

#[test]
fn a_silent_patient_is_one_alert_from_the_second_missed_check_in_on() {
    let course = course(json!({ "answers": "silent" }));
    let causes: Vec<&str> = course.alerts.iter().map(|alert| alert.cause.as_str()).collect();
    assert_eq!(causes, ["R6"]);
    let silence = alert(&course, "R6");
    assert_eq!(silence.raised_at.to_string(), "2026-05-06T23:00:00Z", "the check-in of day 2 closes at midnight");
    assert_eq!((silence.times_seen, silence.due_at.to_string().as_str()), (1, "2026-05-07T23:00:00Z"));
    assert_eq!(course.staff_mails.len(), 1);
    assert!(course.reminders.iter().all(|one| one.decision == Decision::Mailed));
}

#[test]
fn without_triage_nothing_is_judged_but_reminders_go_out() {
    let course = course(json!({ "answers": "silent", "triage": false }));
    assert_eq!((course.alerts.len(), course.staff_mails.len()), (0, 0));
    assert!(!course.reminders.is_empty());
}

#[test]
fn who_answers_before_the_hour_gets_no_mail_and_who_wants_none_gets_none() {
    let early = course(json!({ "answers_at": "08:00", "until_day": 5 }));
    let decisions: Vec<(i32, Decision, Reason)> =
        early.reminders.iter().map(|one| (one.day, one.decision, one.reason)).collect();
    assert_eq!(
        decisions[0],
        (0, Decision::NotMailed, Reason::Done),
        "the evening opens at 17:00, the mail is at 19:00"
    );
    assert!(decisions.iter().all(|(_, decision, reason)| (decision, reason) == (&Decision::NotMailed, &Reason::Done)));
    let unsubscribed = course(json!({ "wants_reminders": false, "until_day": 5 }));
    assert!(unsubscribed.reminders.iter().all(|one| one.reason == Reason::Unsubscribed));
}

#[test]
fn the_same_cause_is_one_alert_that_grows_worse() {
    let course = course(json!({ "until_day": 10, "days": [
        { "day": 1, "answers": { "redness": 10 } },
        { "day": 2, "answers": { "redness": 10 } },
        { "day": 3, "answers": { "redness": 9 } },
        { "day": 5, "answers": { "redness": 8 } },
        { "day": 7, "answers": { "redness": 10 } },
        { "day": 10, "answers": { "redness": 7 } },
    ] }));
    let redness = alert(&course, "R1-far:redness");
    let changes: Vec<(i32, AlertChange)> = redness.changes.iter().map(|change| (change.day, change.change)).collect();
    let again = AlertChange::SeenAgain; // less pressing, or as pressing
    let worsened = AlertChange::Worsened; // on day 7 it rose by 2
    assert_eq!(changes, [(2, AlertChange::Raised), (3, again), (5, again), (7, worsened), (10, again)]);
    assert_eq!((redness.urgency, redness.times_seen), (Urgency::Urgent, 5));
    assert_eq!(redness.raised_at.to_string(), "2026-05-06T19:00:00Z");
}

#[test]
fn a_late_enrolment_is_not_asked_of_what_lies_behind() {
    let course = course(json!({ "enrolled_at": "2026-05-07T11:00:00Z", "answers": "silent", "until_day": 10 }));
    assert_eq!(course.days.first().unwrap().number, 3);
    assert_eq!(course.reminders.iter().map(|one| one.day).collect::<Vec<_>>(), [5, 7, 10]);
    assert_eq!(alert(&course, "R6").day, 6, "days 3 and 5 were missed");
    let late = course.days[0].lines.iter().find(|line| line.day == 2 && line.key == "check-in");
    assert_eq!(late, None, "and Today does not show what was over before");
}

/// No occurrence is decided twice.
fn decided_once(course: &Simulation) {
    let occurrences: BTreeSet<_> = course.reminders.iter().map(|one| one.occurrence_id).collect();
    assert_eq!(occurrences.len(), course.reminders.len());
}

#[test]
fn a_flight_east_past_the_hour_is_reminded_on_landing() {
    let east = course(json!({
        "zone": "America/Los_Angeles", "until_day": 6, "answers": "silent",
        "travel": [{ "at": "2026-05-07T08:00:00Z", "zone": "Pacific/Kiritimati" }]
    }));
    let day_3 = east.reminders.iter().find(|one| one.day == 3).unwrap();
    assert_eq!(day_3.decided_at.to_string(), "2026-05-07T08:00:00Z", "01:00 in Los Angeles is 22:00 in Kiritimati");
    assert_eq!((day_3.decision, day_3.local.as_str()), (Decision::Mailed, "2026-05-07 22:00"));
    assert_eq!(east.days[3].zone, "Pacific/Kiritimati");
    decided_once(&east);
}

#[test]
fn a_flight_over_the_dateline_skips_a_day_eastward_and_gives_one_again_westward() {
    let west = "Pacific/Midway";
    let east = "Pacific/Kiritimati";
    let skipped = course(json!({
        "zone": west, "until_day": 6, "answers": "silent",
        "travel": [{ "at": "2026-05-07T10:30:00Z", "zone": east }]
    }));
    let numbers = |course: &Simulation| course.days.iter().map(|day| day.number).collect::<Vec<_>>();
    assert_eq!(numbers(&skipped), [0, 1, 2, 4, 5, 6], "from 23:30 on day 2 to 00:30 on day 4");
    let day_3 = skipped.reminders.iter().find(|one| one.day == 3).unwrap();
    assert_eq!((day_3.decision, day_3.reason), (Decision::NotMailed, Reason::TooLate));
    decided_once(&skipped);
    let again = course(json!({
        "zone": east, "until_day": 6, "answers": "silent",
        "travel": [{ "at": "2026-05-06T11:00:00Z", "zone": west }]
    }));
    assert_eq!(numbers(&again), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(again.days[2].zone, west, "day 2 came again, and its later end counts");
    decided_once(&again);
}

#[test]
fn marks_and_late_answers_are_what_the_patient_sees() {
    let course = course(json!({ "until_day": 5, "days": [
        { "day": 2, "at": "+1 08:00", "done": ["moisturise"], "skipped": ["sunscreen"] },
    ] }));
    let seen = |number: usize, key: &str, day: i32| {
        course.days[number].lines.iter().find(|line| line.key == key && line.day == day).map(|line| line.state)
    };
    assert_eq!(seen(2, "check-in", 2), Some(State::Open), "not answered on its own day");
    assert_eq!(seen(3, "check-in", 2), None, "answered the next morning");
    let check_in = course.check_ins.iter().find(|one| one.day == 2).unwrap();
    assert_eq!((check_in.back_filled, check_in.local.as_str()), (true, "2026-05-07 08:00"));
}

#[test]
fn what_cannot_be_played_is_named_with_its_place() {
    assert_eq!(problems(json!({ "zone": "Mars/Olympus" })), ["/zone unknown_zone"]);
    assert_eq!(problems(json!({ "until_day": 400 })), ["/until_day out_of_range"]);
    assert_eq!(problems(json!({ "enrolled_at": "2027-05-04T10:00:00Z" })), ["/enrolled_at out_of_range"]);
    assert_eq!(problems(json!({ "treated_on": "1999-05-04" }))[0], "/treated_on out_of_range");
    let days = json!({ "days": [
        { "day": 3, "answers": { "redness": 11, "mood": 1 } },
        { "day": 4, "skip": true },
        { "day": 3, "done": ["moisturize"] },
        { "day": 999 },
    ] });
    assert_eq!(
        problems(days.clone()),
        [
            "/days/0/answers/mood unknown_question",
            "/days/0/answers/redness out_of_range",
            "/days/1/answers unknown_value",
            "/days/2/day unknown_value",
            "/days/2/done unknown_value",
            "/days/3/day out_of_range",
        ]
    );
    let told = simulate(&face(), &script(days)).unwrap_err();
    assert!(told[4].detail.contains("did you mean `moisturise`?"), "{}", told[4]);
    let typo = serde_json::from_value::<Script>(json!({ "traveling": [] })).unwrap_err();
    assert!(typo.to_string().contains("unknown field `traveling`"));
}

#[test]
fn a_whole_course_takes_milliseconds() {
    let (plan, script) = (face(), Script::default());
    let watch = ground::time::Stopwatch::start();
    simulate(&plan, &script).unwrap();
    // Unoptimised, on a busy machine; benches/engine.rs measures it.
    assert!(watch.elapsed() < Duration::from_millis(1_000), "{:?}", watch.elapsed());
}
