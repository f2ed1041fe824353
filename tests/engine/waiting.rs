//! A plan that waits for a person: whatever is flagged, whenever and wherever one looks, only flagged lines are there.

use engine::{
    Compiled, Enrolment, Facts, ItemKind, Occurrence, PlanStatus, State, compile, day, due_reminders, find, next_due,
    occurrence_id, parse, silence, today,
};
use ground::time::Stamp;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{PLAN, SMALL, at, enrolment, parameters_of, plan_id, zone};
use crate::zones::ZONES;

const NOBODY: Facts<'static> = Facts { marks: &[], check_ins: &[] };

/// The small plan, in which the items of these numbers are safe in any case.
fn flagged(bits: u32) -> Compiled {
    let mut parts = SMALL.split("[[item]]\n");
    let mut document = parts.next().unwrap().to_owned();
    for (number, part) in parts.enumerate() {
        let flag = if bits & (1 << number) == 0 { "" } else { "even_when_excluded = true\n" };
        document += &format!("[[item]]\n{flag}{part}");
    }
    compile(&parse(&document).unwrap(), &parameters_of(json!({ "needle_depth_mm": 1.0 }))).unwrap()
}

fn waiting() -> Enrolment {
    Enrolment { status: PlanStatus::Draft, ..enrolment() }
}

fn moment(seconds: i64) -> Stamp {
    Stamp::from(Timestamp::from_second(seconds).unwrap())
}

/// Two weeks before the treatment to a month after the plan.
const SECONDS: std::ops::Range<i64> = 1_776_600_000..1_783_000_000;

#[test]
fn the_flag_is_what_the_document_says() {
    let shown = |bits: u32| -> Vec<String> {
        let plan = flagged(bits);
        let day = today(&plan, &waiting(), &NOBODY, &zone("Europe/Madrid"), at("2026-05-04T16:00:00Z"));
        day.occurrences.iter().map(|one| plan.items[one.item].key.clone()).collect()
    };
    assert_eq!(shown(0), Vec::<String>::new());
    assert_eq!(shown(u32::MAX), ["gel-only", "no-acids", "no-sauna", "pillow", "wash", "wash", "photo"], "no check-in");
    assert_eq!(shown(0b10_0010), ["no-acids", "wash", "wash"]);
}

#[test]
fn what_was_over_before_the_start_is_cancelled_and_not_missed() {
    let started_at = at("2026-05-07T10:00:00Z");
    let started = Enrolment { enrolled_at: started_at, ..enrolment() };
    let madrid = zone("Europe/Madrid");
    for number in 0..3 {
        let before = day(&PLAN, &started, &NOBODY, &madrid, at("2026-05-20T10:00:00Z"), number);
        assert!(!before.occurrences.is_empty());
        assert!(before.occurrences.iter().all(|one| one.state == State::Cancelled), "{:?}", before.occurrences);
    }
    let first =
        due_reminders(&PLAN, &started, &NOBODY, &madrid, at("2026-05-04T00:00:00Z"), at("2026-05-09T00:00:00Z"));
    assert!(!first.is_empty() && first.iter().all(|due| due.due_at > started_at));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_waiting_plan_never_shows_a_line_without_the_flag(bits in 0_u32..256, to in 0..ZONES.len(), seconds in SECONDS, number in -3..35_i32) {
        let (plan, zone, now) = (flagged(bits), &ZONES[to].1, moment(seconds));
        let may_be_shown = |one: &Occurrence| {
            let item = &plan.items[one.item];
            item.even_when_excluded && item.kind != ItemKind::CheckIn
        };
        let current = today(&plan, &waiting(), &NOBODY, zone, now);
        let other = day(&plan, &waiting(), &NOBODY, zone, now, number);
        for seen in [&current, &other] {
            prop_assert!(seen.occurrences.iter().all(may_be_shown), "{:?}", seen.occurrences);
            prop_assert_eq!(seen.phase, None);
        }
        // And never one less than the same plan shows when it runs.
        let running = day(&plan, &enrolment(), &NOBODY, zone, now, number);
        let safe: Vec<Occurrence> = running.occurrences.into_iter().filter(may_be_shown).collect();
        prop_assert_eq!(&other.occurrences, &safe);
        for item in &plan.items {
            for slot in &plan.slots {
                let id = occurrence_id(plan_id(), &item.key, number, &slot.key);
                let is_there = find(&plan, &waiting(), id, number).is_some();
                prop_assert!(!is_there || item.even_when_excluded && item.kind != ItemKind::CheckIn);
            }
        }
        prop_assert_eq!(due_reminders(&plan, &waiting(), &NOBODY, zone, moment(SECONDS.start), now), vec![]);
        prop_assert_eq!(next_due(&plan, &waiting(), zone, now), None);
        prop_assert_eq!(silence(&plan, &waiting(), &NOBODY, zone, now), vec![]);
    }
}
