//! Lines that begin and end by the hour: an instant where the time of treatment is known, the days where it is not.

use engine::{
    Adherence, Day, Enrolment, Facts, ItemKind, MarkState, Occurrence, PlanInput, State, adherence, due_reminders,
    find, on_date, today,
};
use jiff::civil::date;

use crate::support::{TIMED, at, enrolment, id, mark, zone};

/// Treated on Monday 4 May 2026 at 15:30 in London, which is 14:30 UTC; enrolled then.
fn treated() -> Enrolment {
    let performed_at = at("2026-05-04T14:30:00Z");
    Enrolment { performed_at: Some(performed_at), enrolled_at: performed_at, ..enrolment() }
}

fn seen(plan: &Enrolment, place: &str, moment: &str) -> Day {
    today(&TIMED, plan, &Facts::default(), &zone(place), at(moment))
}

fn line<'d>(day: &'d Day, key: &str) -> Vec<&'d Occurrence> {
    day.occurrences.iter().filter(|one| TIMED.items[one.item].key == key).collect()
}

fn states(day: &Day, key: &str) -> Vec<State> {
    line(day, key).iter().map(|one| one.state).collect()
}

#[test]
fn a_restriction_ends_and_a_task_opens_at_the_instant() {
    let day = seen(&treated(), "Europe/London", "2026-05-05T14:29:59Z");
    let rule = line(&day, "gel-only")[0];
    assert_eq!(
        (rule.instants.until_at, rule.closes_at),
        (Some(at("2026-05-05T14:30:00Z")), at("2026-05-05T14:30:00Z"))
    );
    assert_eq!((rule.last_day, rule.last_on), (Some(1), Some(date(2026, 5, 5))));
    assert_eq!(states(&day, "sunscreen"), [State::Upcoming], "of the morning nothing is left");
    assert_eq!(line(&day, "sunscreen")[0].id, id("sunscreen", 1, "evening"));
    assert_eq!(day.valid_until, at("2026-05-05T14:30:00Z"));
    let day = seen(&treated(), "Europe/London", "2026-05-05T14:30:00Z");
    assert!(line(&day, "gel-only").is_empty());
    assert_eq!((day.changed_at, states(&day, "first-wash")), (at("2026-05-05T14:30:00Z"), vec![State::Open]));
    assert_eq!(states(&seen(&treated(), "Europe/London", "2026-05-05T16:00:00Z"), "sunscreen"), [State::Open]);
}

#[test]
fn without_the_time_the_days_count() {
    let plan = enrolment();
    let day = seen(&plan, "Europe/London", "2026-05-05T22:59:00Z");
    assert_eq!(line(&day, "gel-only")[0].closes_at, at("2026-05-05T23:00:00Z"));
    assert_eq!(line(&day, "gel-only")[0].instants, engine::Instants::default());
    assert!(line(&day, "sunscreen").is_empty(), "its first day is day 2");
    assert_eq!(states(&day, "first-wash"), [State::Open], "announced, as the days have it");
    assert_eq!(states(&seen(&plan, "Europe/London", "2026-05-06T08:00:00Z"), "sunscreen").len(), 2);
    let first_wash = TIMED.items.iter().find(|item| item.key == "first-wash").unwrap();
    assert_eq!(first_wash.title_if(plan.instants(first_wash).are_known()).0["en"], "First wash: after 24 hours");
    assert_eq!(first_wash.title_if(treated().instants(first_wash).are_known()).0["en"], "First wash");
    assert_eq!(first_wash.text_if(true).unwrap().0["en"], "Use lukewarm water.");
}

#[test]
fn what_begins_later_is_announced_if_it_only_informs() {
    let day = seen(&treated(), "Europe/London", "2026-05-04T18:00:00Z");
    let wash = line(&day, "first-wash")[0];
    assert_eq!((wash.state, wash.opens_at), (State::Upcoming, at("2026-05-05T14:30:00Z")));
    assert!(line(&day, "sunscreen").is_empty() && line(&day, "cream").is_empty());
    assert_eq!(line(&day, "gel-only")[0].instants.until_at, Some(at("2026-05-05T14:30:00Z")));
}

#[test]
fn an_instant_is_the_same_wherever_the_patient_flies() {
    // In Auckland the 24 hours end at 02:30 on day 2: the restriction goes on until then, and nothing is asked before.
    let before = seen(&treated(), "Pacific/Auckland", "2026-05-05T14:29:00Z");
    assert_eq!((before.number, states(&before, "gel-only").len()), (2, 1));
    assert_eq!(states(&before, "sunscreen"), [State::Upcoming, State::Upcoming]);
    let after = seen(&treated(), "Pacific/Auckland", "2026-05-05T20:00:00Z");
    assert!(line(&after, "gel-only").is_empty());
    assert_eq!(states(&after, "sunscreen"), [State::Open, State::Upcoming]);
    // In Honolulu they end at 04:30 on day 1; the ids are those of the day.
    let west = seen(&treated(), "Pacific/Honolulu", "2026-05-05T17:00:00Z");
    assert_eq!((west.number, states(&west, "sunscreen")), (1, vec![State::Open, State::Upcoming]));
    assert_eq!(line(&west, "sunscreen")[1].id, id("sunscreen", 1, "evening"));
    assert_eq!(find(&TIMED, &treated(), id("sunscreen", 1, "evening"), 1).map(|found| found.1), Some(1));
    assert_eq!(find(&TIMED, &enrolment(), id("sunscreen", 1, "evening"), 1), None);
}

#[test]
fn twenty_four_hours_are_an_instant_also_where_the_clock_changes() {
    // The clocks of London went forward on Sunday 29 March 2026 at 01:00.
    let performed_at = at("2026-03-28T15:30:00Z");
    let plan = Enrolment {
        day_zero: date(2026, 3, 28),
        performed_at: Some(performed_at),
        enrolled_at: performed_at,
        ..enrolment()
    };
    let day = seen(&plan, "Europe/London", "2026-03-29T15:29:00Z");
    assert_eq!(day.valid_until, at("2026-03-29T15:30:00Z"), "16:30 by the clock");
    assert!(line(&seen(&plan, "Europe/London", "2026-03-29T15:30:00Z"), "gel-only").is_empty());
}

#[test]
fn a_task_of_one_day_comes_on_its_day_or_not_at_all_and_a_reminder_not_before_it() {
    // 20 hours after 04:30 UTC are 01:30 in London on day 1: the evening of that day is as always.
    let early = Enrolment { performed_at: Some(at("2026-05-04T04:30:00Z")), ..enrolment() };
    let day = seen(&early, "Europe/London", "2026-05-05T18:30:00Z");
    assert_eq!(
        (states(&day, "cream"), line(&day, "cream")[0].remind_at),
        (vec![State::Open], Some(at("2026-05-05T18:00:00Z")))
    );
    // 20 hours after 23:30 in London are 19:30 on day 1: half an hour after the reminder of the evening.
    let late = Enrolment { performed_at: Some(at("2026-05-04T22:30:00Z")), ..enrolment() };
    let day = seen(&late, "Europe/London", "2026-05-05T18:29:00Z");
    assert_eq!((states(&day, "cream"), day.valid_until), (vec![State::Upcoming], at("2026-05-05T18:30:00Z")));
    let due = due_reminders(
        &TIMED,
        &late,
        &Facts::default(),
        &zone("Europe/London"),
        at("2026-05-05T12:00:00Z"),
        at("2026-05-05T23:00:00Z"),
    );
    let cream = due.iter().find(|due| due.occurrence.id == id("cream", 1, "evening")).unwrap();
    assert_eq!(cream.due_at, at("2026-05-05T18:30:00Z"));
    // For a patient in Auckland its evening is over before the hours are: it is not asked, and not missed.
    let seen = |day| {
        let moment = at("2026-05-30T12:00:00Z");
        on_date(&TIMED, &late, &Facts::default(), &zone("Pacific/Auckland"), moment, date(2026, 5, day))
    };
    assert!(line(&seen(5), "cream").is_empty() && line(&seen(6), "cream").is_empty());
}

fn tally(plan: &Enrolment, beside: &Enrolment, done: bool) -> Adherence {
    let london = zone("Europe/London");
    let marks = [mark(id("sunscreen", 2, "evening"), MarkState::Done)];
    let facts = Facts { marks: if done { &marks } else { &[] }, check_ins: &[] };
    let asking = |enrolment| PlanInput { compiled: &TIMED, enrolment, facts: &facts, zone: &london, body_area: "face" };
    let beside = asking(beside);
    adherence(&asking(plan), &[beside], &[], at("2026-05-09T12:00:00Z"))
}

#[test]
fn a_restriction_that_ended_inside_the_window_forbade_only_a_part_of_it() {
    // Another session's first 24 hours end on 6 May: at 15:30 if that is known, or with the date.
    let missed =
        |adherence: &Adherence| adherence.kinds.iter().find(|(kind, _)| *kind == ItemKind::Task).unwrap().1.missed;
    let plan = |moment: Option<&str>| Enrolment {
        plan: ground::ids::PlanId::from(uuid::Uuid::from_u128(7)),
        day_zero: date(2026, 5, 5),
        performed_at: moment.map(at),
        enrolled_at: at("2026-05-05T14:30:00Z"),
        ..enrolment()
    };
    let whole = missed(&tally(&treated(), &plan(None), false));
    let by_the_hour = missed(&tally(&treated(), &plan(Some("2026-05-05T17:30:00Z")), false));
    assert_eq!(by_the_hour, whole + 1, "the evening of 6 May was asked from 18:30 on, and missed");
}
