//! Adherence: what was expected, counted again from the windows alone.

use std::sync::Arc;

use engine::{
    Adherence, Compiled, Enrolment, Epoch, Facts, ItemKind, MarkFact, MarkState, PlanInput, PlanStatus, Tally,
    adherence, compile, day, parse,
};
use ground::ids::OccurrenceId;
use ground::time::Stamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{PLAN, SMALL, at, check_in, enrolment, id, mark, parameters_of, zone};
use crate::zones::ZONES;

/// From before the day of the treatment to long after the end of the plan.
const SECONDS: std::ops::Range<i64> = 1_777_700_000..1_782_000_000;

fn moment(seconds: i64) -> Stamp {
    Stamp::from(jiff::Timestamp::from_second(seconds).unwrap())
}

fn of(adherence: &Adherence, kind: ItemKind) -> Tally {
    adherence.kinds.iter().find(|(counted, _)| *counted == kind).unwrap().1
}

/// The adherence to the small plan, if it is the patient's only one.
fn alone(enrolment: &Enrolment, facts: &Facts, late: &[OccurrenceId], zone: &TimeZone, seen: Stamp) -> Adherence {
    adherence(&PlanInput { compiled: &PLAN, enrolment, facts, zone, body_area: "face" }, &[], late, seen)
}

/// Id, kind, and windows of everything that can be marked.
fn windows(zone: usize) -> Vec<(OccurrenceId, ItemKind, Stamp, Stamp)> {
    let before = Enrolment { enrolled_at: moment(0), ..enrolment() };
    (0..=PLAN.horizon_day)
        .flat_map(|number| day(&PLAN, &before, &Facts::default(), &ZONES[zone].1, moment(0), number).occurrences)
        .map(|one| (one.id, PLAN.items[one.item].kind, one.closes_at, one.late_until))
        .filter(|(_, kind, ..)| kind.can_be_marked())
        .collect()
}

/// A mark, or none, on each of them.
fn marks(zone: usize, chosen: &[u8]) -> Vec<MarkFact> {
    let state = |(number, (id, ..)): (usize, &(OccurrenceId, ItemKind, Stamp, Stamp))| {
        let states = [MarkState::Done, MarkState::Partial, MarkState::Skipped];
        states.get(usize::from(chosen[number % chosen.len()])).map(|state| mark(*id, *state))
    };
    windows(zone).iter().enumerate().filter_map(state).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expected_is_what_was_answered_or_has_closed_and_its_parts_are_all_of_it(
        zone in 0..ZONES.len(), enrolled in SECONDS, seen in SECONDS, chosen in proptest::collection::vec(0..6_u8, 1..40)
    ) {
        let enrolment = Enrolment { enrolled_at: moment(enrolled), ..enrolment() };
        let (marks, seen) = (marks(zone, &chosen), moment(seen));
        let facts = Facts { marks: &marks, check_ins: &[] };
        let counted = alone(&enrolment, &facts, &[], &ZONES[zone].1, seen);
        let marked = |id: OccurrenceId| marks.iter().find(|mark| mark.occurrence == id).map(|mark| mark.state);
        for (kind, tally) in &counted.kinds {
            let of_kind: Vec<_> = windows(zone).into_iter().filter(|(_, other, ..)| other == kind).collect();
            let with = |state| u32::try_from(of_kind.iter().filter(|(id, ..)| marked(*id) == Some(state)).count()).unwrap();
            let closed = of_kind.iter().filter(|(id, _, closes_at, late_until)| {
                marked(*id).is_none() && *closes_at > enrolment.enrolled_at && *late_until <= seen
            });
            let missed: Vec<Stamp> = closed.map(|(.., late_until)| *late_until).collect();
            prop_assert_eq!((tally.done, tally.partial, tally.skipped), (with(MarkState::Done), with(MarkState::Partial), with(MarkState::Skipped)));
            prop_assert_eq!(tally.missed, u32::try_from(missed.len()).unwrap());
            prop_assert_eq!(tally.expected, tally.done + tally.partial + tally.skipped + tally.missed);
            prop_assert!(missed.iter().all(|at| counted.changed_at >= Some(*at)));
        }
        let total = counted.total();
        prop_assert_eq!(total.expected, counted.kinds.iter().map(|(_, tally)| tally.expected).sum::<u32>());
        prop_assert!(counted.changed_at.is_none_or(|at| at <= seen));
        for tally in counted.kinds.iter().map(|(_, tally)| *tally).chain([total]) {
            prop_assert_eq!(tally.percent().is_none(), tally.expected == 0);
            prop_assert_eq!(tally.percent() == Some(100), tally.expected > 0 && tally.done == tally.expected);
            prop_assert!(tally.percent() <= Some(100));
        }
    }

    #[test]
    fn travel_does_not_change_it(from in 0..ZONES.len(), to in 0..ZONES.len(), chosen in proptest::collection::vec(0..6_u8, 1..40)) {
        let enrolment = Enrolment { enrolled_at: moment(0), ..enrolment() };
        let (marks, long_after) = (marks(from, &chosen), moment(SECONDS.end));
        let facts = Facts { marks: &marks, check_ins: &[] };
        let seen_in = |zone: usize| alone(&enrolment, &facts, &[], &ZONES[zone].1, long_after).kinds;
        prop_assert_eq!(seen_in(from), seen_in(to));
    }

    #[test]
    fn what_is_answered_stays_counted_wherever_the_patient_is(from in 0..ZONES.len(), to in 0..ZONES.len(), seen in SECONDS, chosen in proptest::collection::vec(0..6_u8, 1..40)) {
        let (marks, seen) = (marks(from, &chosen), moment(seen));
        let facts = Facts { marks: &marks, check_ins: &[] };
        let total = alone(&enrolment(), &facts, &[], &ZONES[to].1, seen).total();
        prop_assert_eq!(usize::try_from(total.done + total.partial + total.skipped).unwrap(), marks.len());
    }
}

#[test]
fn nothing_expected_is_none_and_not_a_number() {
    let seen = |enrolment: &Enrolment, moment: &str| {
        alone(enrolment, &Facts::default(), &[], &zone("Europe/Madrid"), at(moment))
    };
    let begun = seen(&enrolment(), "2026-05-04T10:00:00Z");
    assert_eq!((begun.total(), begun.total().percent(), begun.changed_at), (Tally::default(), None, None));
    let kinds: Vec<ItemKind> = begun.kinds.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [ItemKind::Task, ItemKind::CheckIn, ItemKind::Photo]);
    let late = Enrolment { enrolled_at: at("2027-01-01T00:00:00Z"), ..enrolment() };
    assert_eq!(seen(&late, "2027-02-01T00:00:00Z").total(), Tally::default(), "all was over before the enrolment");
    let waiting = Enrolment { status: PlanStatus::Draft, ..enrolment() };
    assert_eq!(of(&seen(&waiting, "2027-02-01T00:00:00Z"), ItemKind::CheckIn), Tally::default());
    let silent = seen(&enrolment(), "2027-02-01T00:00:00Z").total();
    assert!(silent.expected > 10 && silent.missed == silent.expected && silent.percent() == Some(0), "{silent:?}");
}

#[test]
fn a_part_is_a_half_what_came_late_is_done_and_says_so_and_percent_is_rounded_down() {
    let evening = id("check-in", 1, "evening");
    let check_ins = [check_in(Some(evening), 1, "2026-05-06T08:00:00Z", json!({}))];
    let facts = Facts { marks: &[], check_ins: &check_ins };
    let seen = |late: &[OccurrenceId]| {
        let seen = alone(&enrolment(), &facts, late, &zone("Europe/Madrid"), at("2026-05-06T09:00:00Z"));
        of(&seen, ItemKind::CheckIn)
    };
    assert_eq!((seen(&[]).done, seen(&[]).back_filled), (1, 0));
    assert_eq!((seen(&[evening]).done, seen(&[evening]).back_filled), (1, 1));
    let percent = |done, partial, expected| Tally { expected, done, partial, ..Tally::default() }.percent();
    assert_eq!([percent(1, 1, 2), percent(2, 0, 3), percent(199, 1, 200), percent(0, 0, 7)], [75, 66, 99, 0].map(Some));
}

/// The small plan, in which washing means something, or must wait for some days.
fn washing(is_forbidden: bool) -> Compiled {
    let line = "key = \"wash\"\nkind = \"task\"\n";
    assert!(SMALL.contains(line));
    let means = SMALL.replace(line, &format!("{line}meaning = \"washing\"\n"));
    let line = "key = \"gel-only\"\nkind = \"restriction\"\n";
    assert!(SMALL.contains(line));
    let forbids = SMALL.replace(line, &format!("{line}meaning = \"washing\"\n"));
    let parameters = parameters_of(json!({ "needle_depth_mm": 1.0 }));
    compile(&parse(if is_forbidden { &forbids } else { &means }).unwrap(), &parameters).unwrap()
}

#[test]
fn what_another_plan_forbade_was_not_expected_unless_it_was_done() {
    // Another treatment on the 7th, noted before noon: no washing on the 7th and 8th, which are days 3 and 4 of the first plan.
    let (asks, forbids) = (washing(false), washing(true));
    let (first, madrid) = (enrolment(), zone("Europe/Madrid"));
    let second = Enrolment { day_zero: date(2026, 5, 7), enrolled_at: at("2026-05-07T09:00:00Z"), ..enrolment() };
    let tasks = |marks: &[MarkFact], second: &[&Enrolment], moment: &str| {
        let (facts, none) = (Facts { marks, check_ins: &[] }, Facts::default());
        let input =
            |compiled, enrolment, facts| PlanInput { compiled, enrolment, facts, zone: &madrid, body_area: "face" };
        let plan = input(&asks, &first, &facts);
        let beside: Vec<PlanInput> = second.iter().map(|enrolment| input(&forbids, enrolment, &none)).collect();
        of(&adherence(&plan, &beside, &[], at(moment)), ItemKind::Task)
    };
    let after = "2026-05-20T10:00:00Z";
    let alone = tasks(&[], &[], after);
    let beside = tasks(&[], &[&second], after);
    assert_eq!((alone.missed - beside.missed, alone.expected - beside.expected), (4, 4), "two washings on two days");
    let mornings = [3, 4].map(|day| id("wash", day, "morning"));
    let with = |state| tasks(&[mark(mornings[0], state), mark(mornings[1], state)], &[&second], after);
    assert_eq!(with(MarkState::Done), Tally { expected: beside.expected + 2, done: 2, ..beside });
    assert_eq!(with(MarkState::Partial), Tally { expected: beside.expected + 2, partial: 2, ..beside });
    assert_eq!(with(MarkState::Skipped), beside, "it had to be skipped");
    // What had closed before the other plan was there was asked: both washings of the 7th.
    let late = Enrolment { enrolled_at: at("2026-05-08T05:00:00Z"), ..second.clone() };
    assert_eq!(alone.missed - tasks(&[], &[&late], after).missed, 2);
    let over = Enrolment { status: PlanStatus::EnteredInError, ..second.clone() };
    assert_eq!(tasks(&[], &[&over], after), alone);
    // It is asked as it stood when the window closed, whatever it was before and became afterwards.
    let facts = Facts::default();
    let forbids = Arc::new(forbids);
    let epoch = |until: &str, enrolment: &Enrolment, body_area: &str| Epoch {
        until: at(until),
        enrolment: enrolment.clone(),
        compiled: Arc::clone(&forbids),
        body_area: body_area.to_owned(),
    };
    let missed = |history: Vec<Epoch>, enrolment: &Enrolment| {
        let other = Enrolment { history: history.into_iter().collect(), ..enrolment.clone() };
        let input =
            |compiled, enrolment, facts| PlanInput { compiled, enrolment, facts, zone: &madrid, body_area: "face" };
        let (plan, other) = (input(&asks, &first, &facts), input(&forbids, &other, &facts));
        alone.missed - of(&adherence(&plan, &[other], &[], at(after)), ItemKind::Task).missed
    };
    let (midnight, morning) = ("2026-05-07T22:00:00Z", "2026-05-08T05:30:00Z"); // the morning of the 8th is open then
    assert_eq!(missed(vec![epoch(midnight, &second, "face")], &over), 2, "until it was entered in error");
    assert_eq!(missed(vec![epoch(midnight, &over, "face")], &second), 2, "since that was taken back");
    assert_eq!(missed(vec![epoch(morning, &over, "face")], &second), 2, "from the middle of a window on");
    assert_eq!(missed(vec![epoch(midnight, &over, "face"), epoch(morning, &second, "face")], &over), 0);
    assert_eq!(missed(vec![epoch(midnight, &second, "neck")], &second), 2, "another area until it was corrected");
}
