//! A patient who flies: ids stay, what is done stays done, what was not yet over is not lost.

use std::collections::BTreeMap;

use engine::{Enrolment, Facts, MarkFact, MarkState, State, day, today};
use ground::ids::OccurrenceId;
use ground::time::Stamp;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use crate::support::{PLAN, enrolment, mark};
use crate::zones::ZONES;

/// From the day of the treatment to the end of the plan.
const PLAN_SECONDS: std::ops::Range<i64> = 1_777_900_000..1_780_000_000;

fn moment(seconds: i64) -> Stamp {
    Stamp::from(Timestamp::from_second(seconds).unwrap())
}

fn later(at: Stamp, hours: i64) -> Stamp {
    Stamp::from(at.timestamp().checked_add(hours.hours()).unwrap())
}

/// The state of everything that can be marked, on all days.
fn states(
    enrolment: &Enrolment,
    marks: &[MarkFact],
    zone: usize,
    as_of: Stamp,
) -> BTreeMap<OccurrenceId, (State, bool)> {
    let facts = Facts { marks, check_ins: &[] };
    let mut states = BTreeMap::new();
    for number in 0..=PLAN.horizon_day {
        let seen = day(&PLAN, enrolment, &facts, &ZONES[zone].1, as_of, number);
        for one in seen.occurrences.iter().filter(|one| PLAN.items[one.item].kind.can_be_marked()) {
            let forgiving = PLAN.slots[one.slot].key == "evening"; // open for a day and a half after it closed
            assert!(states.insert(one.id, (one.state, forgiving)).is_none(), "each line once");
        }
    }
    states
}

fn expected_lines() -> usize {
    let can_be_marked = |line: &&engine::Planned| PLAN.items[line.item].kind.can_be_marked();
    (0..=PLAN.horizon_day).map(|day| PLAN.planned_on(day).iter().filter(can_be_marked).count()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wherever_the_patient_is_the_same_lines_have_the_same_ids(from in 0..ZONES.len(), to in 0..ZONES.len(), at in PLAN_SECONDS) {
        let here = states(&enrolment(), &[], from, moment(at));
        let there = states(&enrolment(), &[], to, moment(at));
        prop_assert_eq!(here.len(), expected_lines());
        prop_assert!(here.keys().eq(there.keys()));
    }

    #[test]
    fn what_is_done_is_never_asked_again_after_a_flight(from in 0..ZONES.len(), to in 0..ZONES.len(), at in PLAN_SECONDS, hours in 0..72_i64) {
        let before = today(&PLAN, &enrolment(), &Facts::default(), &ZONES[from].1, moment(at));
        let marks: Vec<MarkFact> = before.occurrences.iter().filter(|one| PLAN.items[one.item].kind.can_be_marked()).map(|one| mark(one.id, MarkState::Done)).collect();
        let facts = Facts { marks: &marks, check_ins: &[] };
        let after = today(&PLAN, &enrolment(), &facts, &ZONES[to].1, later(moment(at), hours));
        for one in after.occurrences.iter().filter(|one| marks.iter().any(|mark| mark.occurrence == one.id)) {
            prop_assert_eq!(one.state, State::Done);
        }
        let everywhere = states(&enrolment(), &marks, to, later(moment(at), hours));
        prop_assert!(marks.iter().all(|mark| everywhere[&mark.occurrence].0 == State::Done));
    }

    #[test]
    fn nothing_that_was_still_to_come_is_lost_by_a_flight(from in 0..ZONES.len(), to in 0..ZONES.len(), at in PLAN_SECONDS) {
        let enrolment = Enrolment { enrolled_at: moment(0), ..enrolment() };
        let before = states(&enrolment, &[], from, moment(at));
        let after = states(&enrolment, &[], to, moment(at));
        for (id, (state, forgiving)) in &before {
            let (there, _) = after[id];
            prop_assert!(there != State::Cancelled);
            if *forgiving && matches!(state, State::Upcoming | State::Open) {
                prop_assert!(matches!(there, State::Upcoming | State::Open | State::Late), "{state} became {there}");
            }
        }
    }

    #[test]
    fn what_can_still_be_answered_stands_in_today(zone in 0..ZONES.len(), at in PLAN_SECONDS) {
        let enrolment = Enrolment { enrolled_at: moment(0), ..enrolment() };
        let all = states(&enrolment, &[], zone, moment(at));
        let seen = today(&PLAN, &enrolment, &Facts::default(), &ZONES[zone].1, moment(at));
        for (id, (state, _)) in all.iter().filter(|(_, (state, _))| matches!(state, State::Open | State::Late)) {
            prop_assert_eq!(seen.occurrences.iter().find(|one| one.id == *id).map(|one| one.state), Some(*state));
        }
    }
}
