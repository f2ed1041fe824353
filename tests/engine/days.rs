//! What a patient sees at one moment.

use engine::{Enrolment, Facts, ItemKind, MarkState, PlanStatus, State, day, day_number, find, today};
use jiff::civil::date;
use serde_json::json;

use crate::support::{PLAN, answered, at, check_in, enrolment, id, lines, mark, marked, state, zone};

const NOBODY: Facts<'static> = Facts { marks: &[], check_ins: &[] };

#[test]
fn the_day_counts_local_dates_of_the_patient() {
    let (madrid, tijuana) = (zone("Europe/Madrid"), zone("America/Tijuana"));
    let moment = at("2026-05-05T03:00:00Z");
    assert_eq!(day_number(date(2026, 5, 4), &madrid, moment), 1);
    assert_eq!(day_number(date(2026, 5, 4), &tijuana, moment), 0);
    assert_eq!(day_number(date(2026, 5, 6), &tijuana, moment), -2);
}

#[test]
fn today_shows_the_windows_of_the_day() {
    let today = today(&PLAN, &enrolment(), &NOBODY, &zone("Europe/Madrid"), at("2026-05-04T16:00:00Z"));
    assert_eq!((today.number, today.date, today.phase), (0, date(2026, 5, 4), Some(0)));
    assert_eq!(
        lines(&PLAN, &today),
        [
            "gel-only/0/day open",
            "no-acids/0/day open",
            "no-sauna/0/day open",
            "pillow/0/overnight upcoming",
            "wash/0/morning cancelled",
            "wash/0/evening open",
            "check-in/0/evening open",
            "photo/0/day open",
        ]
    );
    assert_eq!(today.valid_until, at("2026-05-04T19:00:00Z")); // 21:00 in Madrid: the pillow
}

#[test]
fn what_was_not_done_is_late_then_gone_from_today_and_missed_on_its_day() {
    let madrid = zone("Europe/Madrid");
    let evening = id("check-in", 0, "evening");
    let on_day_two = today(&PLAN, &enrolment(), &NOBODY, &madrid, at("2026-05-06T09:59:00Z"));
    assert_eq!(state(&on_day_two, evening), Some(State::Late));
    assert_eq!(on_day_two.occurrences[0].day, 0, "what is late stands first");
    let after_noon = today(&PLAN, &enrolment(), &NOBODY, &madrid, at("2026-05-06T10:00:00Z"));
    assert_eq!(state(&after_noon, evening), None);
    let day_zero = day(&PLAN, &enrolment(), &NOBODY, &madrid, at("2026-05-06T10:00:00Z"), 0);
    assert_eq!(state(&day_zero, evening), Some(State::Missed));
}

#[test]
fn an_open_window_of_yesterday_is_still_there_after_midnight() {
    let night = today(&PLAN, &enrolment(), &NOBODY, &zone("Europe/Madrid"), at("2026-05-05T03:00:00Z"));
    assert_eq!(state(&night, id("pillow", 0, "overnight")), Some(State::Open));
    let morning = today(&PLAN, &enrolment(), &NOBODY, &zone("Europe/Madrid"), at("2026-05-05T05:00:00Z"));
    assert_eq!(state(&morning, id("pillow", 0, "overnight")), None);
}

#[test]
fn marks_and_check_ins_are_what_they_say() {
    let marks =
        [mark(id("wash", 0, "evening"), MarkState::Skipped), mark(id("wash", 0, "evening"), MarkState::Partial)];
    let check_ins = [check_in(Some(id("check-in", 0, "evening")), 0, "2026-05-04T18:00:00Z", json!({ "pain": 1 }))];
    let facts = Facts { marks: &marks, check_ins: &check_ins };
    let today = today(&PLAN, &enrolment(), &facts, &zone("Europe/Madrid"), at("2026-05-04T19:30:00Z"));
    assert_eq!(state(&today, id("wash", 0, "evening")), Some(State::Partial), "the last mark counts");
    assert_eq!(state(&today, id("check-in", 0, "evening")), Some(State::Done));
}

#[test]
fn late_enrolment_never_raises_missed_and_still_shows_restrictions() {
    let late = Enrolment { enrolled_at: at("2026-05-07T10:00:00Z"), ..enrolment() };
    let madrid = zone("Europe/Madrid");
    for number in 0..=2 {
        let seen = day(&PLAN, &late, &NOBODY, &madrid, at("2026-05-20T10:00:00Z"), number);
        assert!(!seen.occurrences.is_empty());
        assert!(seen.occurrences.iter().all(|one| one.state == State::Cancelled), "{:?}", lines(&PLAN, &seen));
    }
    let first_day = today(&PLAN, &late, &NOBODY, &madrid, at("2026-05-07T11:00:00Z"));
    assert_eq!(state(&first_day, id("no-acids", 3, "day")), Some(State::Open));
    assert!(
        first_day.occurrences.iter().all(|one| one.day == 3),
        "nothing of before is late: {:?}",
        lines(&PLAN, &first_day)
    );
    let mut done = today(
        &PLAN,
        &late,
        &marked(&[mark(id("wash", 2, "evening"), MarkState::Done)]),
        &madrid,
        at("2026-05-07T11:00:00Z"),
    );
    done.occurrences.retain(|one| one.day == 2);
    assert!(done.occurrences.is_empty());
}

#[test]
fn a_plan_that_does_not_run_asks_nothing() {
    let runs = |status: &&PlanStatus| !matches!(status, PlanStatus::Active | PlanStatus::OnHold);
    for status in PlanStatus::ALL.iter().filter(runs) {
        let paused = Enrolment { status: *status, ..enrolment() };
        let seen = today(&PLAN, &paused, &NOBODY, &zone("Europe/Madrid"), at("2026-05-05T10:00:00Z"));
        assert!(seen.occurrences.is_empty());
        assert_eq!(seen.valid_until, at("2026-05-05T22:00:00Z"), "the next local midnight");
    }
}

#[test]
fn before_and_after_the_plan_there_is_nothing() {
    let madrid = zone("Europe/Madrid");
    for moment in ["2026-05-01T10:00:00Z", "2026-07-01T10:00:00Z"] {
        let seen = today(&PLAN, &enrolment(), &NOBODY, &madrid, at(moment));
        assert!(seen.occurrences.is_empty() && seen.phase.is_none());
    }
}

#[test]
fn a_restriction_says_its_last_day() {
    let seen = day(&PLAN, &enrolment(), &NOBODY, &zone("Europe/Madrid"), at("2026-05-04T10:00:00Z"), 1);
    let last =
        |key: &str| seen.occurrences.iter().find(|one| PLAN.items[one.item].key == key).and_then(|one| one.last_day);
    assert_eq!((last("gel-only"), last("no-acids"), last("wash")), (Some(1), Some(7), None));
}

/// Whether a held restriction is there on a day, and its last day.
fn held(item: &str, facts: &Facts, number: i32) -> Option<(bool, Option<i32>)> {
    let seen = day(&PLAN, &enrolment(), facts, &zone("Europe/Madrid"), at("2026-05-04T10:00:00Z"), number);
    seen.occurrences.iter().find(|one| one.id == id(item, number, "day")).map(|one| (one.held, one.last_day))
}

#[test]
fn a_hold_keeps_a_restriction_in_force_by_the_latest_answers_since_its_last_day() {
    let early = [check_in(None, 6, "2026-05-10T18:00:00Z", json!({ "redness": 4 }))];
    assert_eq!(held("no-acids", &answered(&early), 8), None, "day 6 is before the last day: not answered since");
    let red = [check_in(None, 7, "2026-05-11T18:00:00Z", json!({ "redness": 1 }))];
    assert_eq!(held("no-acids", &answered(&red), 7), Some((false, Some(7))), "its own day is not a held one");
    assert_eq!(held("no-acids", &answered(&red), 8), Some((true, Some(20))));
    assert_eq!(held("no-acids", &answered(&red), 20), Some((true, Some(20))));
    assert_eq!(held("no-acids", &answered(&red), 21), None);
    let faded = [
        red[0].clone(),
        check_in(None, 9, "2026-05-13T18:00:00Z", json!({ "redness": 0 })),
        check_in(None, 9, "2026-05-13T19:00:00Z", json!({ "pain": 2 })),
    ];
    assert_eq!(held("no-acids", &answered(&faded), 8), Some((true, Some(20))), "day 8 does not know of day 9");
    assert_eq!(held("no-acids", &answered(&faded), 10), None, "each question by its own latest answer");
}

#[test]
fn a_hold_can_assume_the_worst_and_end_by_itself() {
    assert_eq!(held("no-sauna", &NOBODY, 8), Some((true, Some(20))), "nothing was answered");
    let sore = [check_in(None, 8, "2026-05-12T18:00:00Z", json!({ "pain": 3 }))];
    assert_eq!(held("no-sauna", &answered(&sore), 8), Some((true, Some(11))), "the condition itself ends on day 12");
    assert_eq!(held("no-sauna", &answered(&sore), 12), None);
    let well = [check_in(None, 8, "2026-05-12T18:00:00Z", json!({ "pain": 0 }))];
    assert_eq!(held("no-sauna", &answered(&well), 8), None);
}

#[test]
fn an_occurrence_is_found_by_its_id_wherever_one_looks_from() {
    for near in [-5, 0, 3, 14, 99] {
        let (item, number, slot) = find(&PLAN, &enrolment(), id("wash", 3, "evening"), near).unwrap();
        assert_eq!((PLAN.items[item].key.as_str(), number, PLAN.slots[slot].key.as_str()), ("wash", 3, "evening"));
    }
    assert!(find(&PLAN, &enrolment(), id("no-acids", 12, "day"), 0).is_some(), "held days are found");
    assert_eq!(find(&PLAN, &enrolment(), id("wash", 31, "evening"), 30), None);
    assert_eq!(find(&PLAN, &enrolment(), id("check-in", 6, "evening"), 6), None);
}

#[test]
fn an_id_stays_what_it_is_for_ever() {
    assert_eq!(id("wash", 3, "evening").to_string(), "2649524a-7384-52c9-a915-d51aa89e4b26");
}

#[test]
fn only_what_can_be_marked_is_ever_late_or_missed() {
    for number in 0..=30 {
        let seen = day(&PLAN, &enrolment(), &NOBODY, &zone("Europe/Madrid"), at("2026-05-20T10:00:00Z"), number);
        let informs = seen.occurrences.iter().filter(|one| !PLAN.items[one.item].kind.can_be_marked());
        assert!(informs.map(|one| one.state).all(|state| matches!(state, State::Open | State::Upcoming)));
    }
    assert!(ItemKind::Photo.can_be_marked() && !ItemKind::Restriction.can_be_marked());
}

#[test]
fn a_treatment_on_a_leap_day_at_ten_to_midnight_is_day_0_for_ten_minutes() {
    // Ten to midnight in London; where the patient lives it is the afternoon of 1 March.
    let begun = at("2028-02-29T23:50:00Z");
    let enrolment = Enrolment { day_zero: date(2028, 2, 29), enrolled_at: begun, ..enrolment() };
    let (london, kiritimati) = (zone("Europe/London"), zone("Pacific/Kiritimati"));
    let seen = |zone, moment| today(&PLAN, &enrolment, &Facts::default(), zone, moment);
    let evening = id("wash", 0, "evening");
    let first = seen(&london, begun);
    assert_eq!(
        (first.number, first.valid_until, state(&first, evening)),
        (0, at("2028-03-01T00:00:00Z"), Some(State::Open))
    );
    let second = seen(&london, first.valid_until);
    assert_eq!((second.number, state(&second, evening)), (1, Some(State::Late)), "it can still be answered");
    assert_eq!(seen(&kiritimati, begun).number, 1);
    let on_its_day = |zone| day(&PLAN, &enrolment, &Facts::default(), zone, at("2028-03-10T00:00:00Z"), 0);
    assert_eq!(
        state(&on_its_day(&london), evening),
        Some(State::Missed),
        "it was asked for ten minutes, and then late"
    );
    assert_eq!(state(&on_its_day(&kiritimati), evening), Some(State::Cancelled), "it was over at home");
    assert_eq!(enrolment.day_at(&london, at("2029-02-28T12:00:00Z")), 365);
}
