//! Late enrolment: nothing from before it is ever missed, what is in force is shown, and what comes once is skipped, caught up
//! on, or started now, as the protocol says.

use std::sync::LazyLock;

use engine::{
    Compiled, Day, Enrolment, Facts, ItemKind, LateEnrolment, MarkState, Occurrence, Pause, PausedDays, PlanInput,
    State, Stops, adherence, compile, day, parse, today,
};
use ground::time::Stamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{SMALL, at, enrolment, id, lines, mark, marked, parameters_of, state, zone};
use crate::zones::ZONES;

const ONCE: &str = r#"
[[item]]
key = "read"
kind = "education"
days = [0]
slot = "day"
title = { en = "Who reads this", es = "Quién lee esto" }
sources = ["CW"]

[[item]]
key = "pillowcase"
kind = "task"
days = [1]
slots = ["morning", "evening"]
title = { en = "A clean pillowcase", es = "Una funda limpia" }
sources = ["CW"]

[[item]]
key = "visit"
kind = "task"
days = [14]
slot = "day"
title = { en = "Visit us", es = "Visítenos" }
sources = ["CW"]

[[item]]
key = "photo-before"
kind = "photo"
days = [0]
slot = "day"
views = ["front"]
late_enrolment = "skip"
title = { en = "Before", es = "Antes" }
assumptions = ["A1"]
"#;

fn with(how: &str) -> Compiled {
    let source = SMALL.replacen("r2_start_day", &format!("late_enrolment = \"{how}\"\nr2_start_day"), 1) + ONCE;
    compile(&parse(&source).unwrap(), &parameters_of(json!({ "needle_depth_mm": 1.0 }))).unwrap()
}

static PLANS: LazyLock<[(LateEnrolment, Compiled); 3]> = LazyLock::new(|| {
    [LateEnrolment::Skip, LateEnrolment::CatchUp, LateEnrolment::StartNow].map(|how| (how, with(how.as_str())))
});

fn plan(how: LateEnrolment) -> &'static Compiled {
    &PLANS.iter().find(|(known, _)| *known == how).unwrap().1
}

/// Treated on 4 May, enrolled on 12 May at 15:00 in London.
fn late() -> Enrolment {
    Enrolment { enrolled_at: at("2026-05-12T14:00:00Z"), ..enrolment() }
}

fn london() -> TimeZone {
    zone("Europe/London")
}

fn asking<'a>(
    compiled: &'a Compiled,
    enrolment: &'a Enrolment,
    facts: &'a Facts<'a>,
    zone: &'a TimeZone,
) -> PlanInput<'a> {
    PlanInput { compiled, enrolment, facts, zone, body_area: "face" }
}

fn caught_up(how: LateEnrolment, as_of: &str) -> Vec<String> {
    let plan = plan(how);
    let mut day = today(plan, &late(), &Facts::default(), &london(), at(as_of));
    day.occurrences.retain(|one| one.caught_up.is_some());
    assert!(day.occurrences.iter().all(|one| one.caught_up == Some(how) && one.remind_at.is_none()));
    lines(plan, &day)
}

#[test]
fn what_comes_once_is_there_from_the_enrolment_until_the_end_of_the_next_date() {
    for how in [LateEnrolment::CatchUp, LateEnrolment::StartNow] {
        let both = ["read/0/day open", "pillowcase/1/evening open"];
        assert_eq!(caught_up(how, "2026-05-12T14:00:00Z"), both);
        assert_eq!(caught_up(how, "2026-05-13T22:59:59Z"), both);
        assert!(caught_up(how, "2026-05-13T23:00:00Z").is_empty());
    }
    assert!(caught_up(LateEnrolment::Skip, "2026-05-12T14:00:00Z").is_empty());
}

#[test]
fn what_was_over_is_skipped_and_restrictions_in_force_are_shown() {
    let day = today(plan(LateEnrolment::Skip), &late(), &Facts::default(), &london(), late().enrolled_at);
    let told = ["no-sauna/8/day open", "wash/8/morning cancelled", "wash/8/evening upcoming"];
    let shown = lines(plan(LateEnrolment::Skip), &day);
    assert!(told.iter().all(|line| shown.contains(&(*line).to_owned())), "{shown:?}");
}

#[test]
fn nobody_expects_what_is_caught_up_on_and_what_is_started_now_counts() {
    let after = at("2026-05-14T09:00:00Z");
    let pillowcase = id("pillowcase", 1, "evening");
    let seen = |how, marks: &[_]| {
        let facts = marked(marks);
        let on_its_day = day(plan(how), &late(), &facts, &london(), after, 1);
        let tasks = adherence(&asking(plan(how), &late(), &facts, &london()), &[], &[], after);
        let tasks = tasks.kinds.iter().find(|(kind, _)| *kind == ItemKind::Task).unwrap().1;
        (state(&on_its_day, pillowcase).unwrap(), tasks.done, tasks.missed)
    };
    let (skip, catch_up, start_now) = (LateEnrolment::Skip, LateEnrolment::CatchUp, LateEnrolment::StartNow);
    let (_, _, washes) = seen(skip, &[]);
    assert_eq!(seen(skip, &[]), (State::Cancelled, 0, washes));
    assert_eq!(seen(catch_up, &[]), (State::Cancelled, 0, washes));
    assert_eq!(seen(start_now, &[]), (State::Missed, 0, washes + 1));
    let done = [mark(pillowcase, MarkState::Done)];
    assert_eq!(seen(catch_up, &done), (State::Done, 0, washes));
    assert_eq!(seen(start_now, &done), (State::Done, 1, washes));
}

#[test]
fn what_was_done_is_not_asked_again() {
    let done = [mark(id("pillowcase", 1, "evening"), MarkState::Done)];
    let day = today(plan(LateEnrolment::StartNow), &late(), &marked(&done), &london(), at("2026-05-12T16:00:00Z"));
    let left: Vec<String> = lines(plan(LateEnrolment::StartNow), &day);
    assert!(left.contains(&"read/0/day open".to_owned()) && !left.iter().any(|line| line.contains("pillowcase")));
}

#[test]
fn a_plan_that_is_paused_at_once_asks_nothing_of_it() {
    let from_on = date(2026, 5, 13);
    let pause = Pause { from_on, until_on: None, days: PausedDays::Shift, waits_from: None };
    let paused = Enrolment { stops: Stops { pauses: vec![pause], ..Stops::default() }, ..late() };
    let day = day(plan(LateEnrolment::StartNow), &paused, &Facts::default(), &london(), at("2026-05-14T09:00:00Z"), 1);
    assert_eq!(state(&day, id("pillowcase", 1, "evening")), Some(State::Cancelled));
}

#[test]
fn a_line_of_the_day_of_the_enrolment_comes_back_too() {
    let noon = Enrolment { enrolled_at: at("2026-05-06T23:30:00Z"), day_zero: date(2026, 5, 5), ..enrolment() };
    let plan = plan(LateEnrolment::CatchUp);
    let day = today(plan, &noon, &Facts::default(), &london(), at("2026-05-07T08:00:00Z"));
    assert!(lines(plan, &day).contains(&"read/0/day open".to_owned()));
    let ids: std::collections::BTreeSet<_> = day.occurrences.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), day.occurrences.len());
}

/// Without what the engine says of the instant itself.
fn seen(day: &Day) -> (i32, Vec<Occurrence>) {
    (day.number, day.occurrences.clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    /// In every zone, enrolled at any instant of the plan, looked at from any instant after it.
    #[test]
    fn only_what_comes_once_is_different_and_today_keeps_its_word(
        zone in 0..ZONES.len(), enrolled in 0_i64..2_700_000, later in 0_i64..260_000, how in 0..3_usize,
    ) {
        let (zone, (how, plan)) = (&ZONES[zone].1, &PLANS[how]);
        let enrolled_at = at("2026-05-04T00:00:00Z").plus_seconds(enrolled);
        let as_of: Stamp = enrolled_at.plus_seconds(later);
        let enrolment = Enrolment { enrolled_at, ..enrolment() };
        let none = Facts::default();
        let whole = today(plan, &enrolment, &none, zone, as_of);
        let skipped = today(&PLANS[0].1, &enrolment, &none, zone, as_of);
        let usual: Vec<&Occurrence> = whole.occurrences.iter().filter(|one| one.caught_up.is_none()).collect();
        let back: Vec<&Occurrence> = whole.occurrences.iter().filter(|one| one.caught_up.is_some()).collect();
        prop_assert!(back.iter().all(|one| one.caught_up == Some(*how) && plan.items[one.item].days.only() == Some(one.day)));
        prop_assert!(back.iter().all(|one| one.opens_at == enrolled_at && one.opens_at <= as_of));
        // Nothing else is different; what was cancelled in sight is what came back.
        let rest = skipped.occurrences.iter().filter(|one| back.iter().all(|other| other.id != one.id));
        prop_assert_eq!(usual, rest.collect::<Vec<_>>());
        let ids: std::collections::BTreeSet<_> = whole.occurrences.iter().map(|one| one.id).collect();
        prop_assert_eq!(ids.len(), whole.occurrences.len());
        prop_assert!(whole.valid_until > as_of);
        let just_before = today(plan, &enrolment, &none, zone, whole.valid_until.plus_seconds(-1).max(as_of));
        prop_assert_eq!(seen(&just_before), seen(&whole));
        let counted = adherence(&asking(plan, &enrolment, &none, zone), &[], &[], as_of).total();
        let without = adherence(&asking(&PLANS[0].1, &enrolment, &none, zone), &[], &[], as_of).total();
        prop_assert!(counted == without || *how == LateEnrolment::StartNow);
    }
}
