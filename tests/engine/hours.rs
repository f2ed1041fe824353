//! When a person looks: opening hours against a plain reading of the clock, minute by minute.

use engine::{Desk, Hours, HoursProblem, LocalTime, Opening, Weekday};
use ground::time::Stamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::support::{at, zone};

use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};

const WEEK: [Weekday; 7] = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];

fn time(text: &str) -> LocalTime {
    text.parse().unwrap()
}

fn opening(weekdays: &[Weekday], opens: &str, closes: &str) -> Opening {
    Opening { weekdays: weekdays.to_vec(), opens: time(opens), closes: time(closes) }
}

/// Two stretches a day, an evening that goes on past midnight, and holidays.
fn week() -> (Vec<Opening>, Vec<std::ops::RangeInclusive<Date>>) {
    let week = vec![
        opening(&[Monday, Tuesday, Wednesday, Thursday, Friday], "09:00", "13:00"),
        opening(&[Monday, Tuesday, Thursday], "14:30", "17:00"),
        opening(&[Friday], "20:00", "24:00"),
        opening(&[Saturday], "00:00", "00:45"),
    ];
    (week, vec![date(2026, 3, 10)..=date(2026, 3, 10), date(2026, 4, 3)..=date(2026, 4, 6)])
}

fn hours() -> Hours {
    let (week, closed) = week();
    Hours::new(week, closed).unwrap()
}

/// Whether the clinic's clock shows a time at which it is open.
fn is_open(at: Stamp, zone: &TimeZone) -> bool {
    let (week, closed) = week();
    let local = zone.to_datetime(at.timestamp());
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let of = |time: LocalTime| time.days * 1440 + i32::from(time.hour) * 60 + i32::from(time.minute);
    let weekday = WEEK[usize::try_from(local.date().weekday().to_monday_zero_offset()).unwrap()];
    let is_closed = closed.iter().any(|dates| dates.contains(&local.date()));
    let covers =
        |line: &Opening| line.weekdays.contains(&weekday) && (of(line.opens)..of(line.closes)).contains(&minute);
    !is_closed && week.iter().any(covers)
}

#[test]
fn the_desk_agrees_with_the_clock_on_the_wall_minute_by_minute() {
    let hours = hours();
    for (name, from) in [
        ("Europe/London", "2026-03-24T00:00:00Z"), // summer time begins on the 29th, Easter follows
        ("America/New_York", "2026-03-03T00:00:00Z"), // summer time begins on the 8th
        ("Australia/Lord_Howe", "2026-03-30T00:00:00Z"), // half an hour back on 5 April
        ("Africa/Cairo", "2026-04-20T00:00:00Z"),  // the hour after midnight of Friday 24 April is left out
        ("Asia/Kathmandu", "2026-03-05T00:00:00Z"),
    ] {
        let (zone, from) = (zone(name), at(from));
        let minutes: Vec<Stamp> = (0..15 * 1440).map(|minute| from.plus_seconds(minute * 60)).collect();
        let open: Vec<bool> = minutes.iter().map(|at| is_open(*at, &zone)).collect();
        let flips: Vec<Stamp> =
            open.windows(2).zip(&minutes[1..]).filter(|(pair, _)| pair[0] != pair[1]).map(|(_, at)| *at).collect();
        assert!(flips.len() > 20, "{name}: {flips:?}");
        let last = *flips.last().unwrap();
        for (at, open) in
            minutes.iter().zip(&open).step_by(7).chain(minutes.iter().zip(&open).filter(|(at, _)| flips.contains(at)))
        {
            if *at >= last {
                continue;
            }
            let desk = hours.at(&zone, *at);
            assert_eq!(desk.open, *open, "{name} at {at}");
            assert_eq!(desk.changes_at, flips.iter().find(|flip| *flip > at).copied(), "{name} at {at}");
            let before =
                flips.iter().rev().find(|flip| *flip <= at).filter(|flip| at.seconds_since(**flip) < 3 * 86_400);
            assert!(before.is_none_or(|before| desk.changed_at == Some(*before)), "{name} at {at}: {desk:?}");
        }
    }
}

#[test]
fn an_hour_that_the_clocks_leave_out_opens_after_it_and_one_that_comes_twice_counts_once() {
    let nightly = Hours::new(vec![opening(&WEEK, "01:15", "01:45")], Vec::new()).unwrap();
    let london = zone("Europe/London");
    let spring = nightly.at(&london, at("2026-03-29T00:59:00Z")); // 01:00 to 02:00 is not there
    assert_eq!(spring.changes_at, Some(at("2026-03-30T00:15:00Z")), "no minute of it is left");
    let autumn = nightly.at(&london, at("2026-10-25T00:20:00Z")); // 01:20, for the first time
    assert_eq!((autumn.open, autumn.changes_at), (true, Some(at("2026-10-25T00:45:00Z"))));
    let again = nightly.at(&london, at("2026-10-25T01:20:00Z")); // 01:20, for the second time
    assert_eq!((again.open, again.changes_at), (false, Some(at("2026-10-26T01:15:00Z"))));
    let through = Hours::new(vec![opening(&WEEK, "01:30", "03:00")], Vec::new()).unwrap();
    let into = through.at(&london, at("2026-03-29T00:30:00Z"));
    assert_eq!(into.changes_at, Some(at("2026-03-29T01:00:00Z")), "it opens when the gap ends");
}

#[test]
fn round_the_clock_ends_only_with_a_closed_date_and_a_long_holiday_has_an_end() {
    let london = zone("Europe/London");
    let always = |closed| Hours::new(vec![opening(&WEEK, "00:00", "24:00")], closed).unwrap();
    let now = at("2026-03-02T10:00:00Z");
    assert_eq!(always(vec![]).at(&london, now), Desk { open: true, changed_at: None, changes_at: None });
    let closed = vec![date(2027, 12, 25)..=date(2027, 12, 26), date(2026, 2, 28)..=date(2026, 3, 1)];
    let desk = always(closed).at(&london, now);
    assert_eq!((desk.open, desk.changed_at), (true, Some(at("2026-03-02T00:00:00Z"))));
    assert_eq!(desk.changes_at, Some(at("2027-12-25T00:00:00Z")));
    let away =
        Hours::new(vec![opening(&[Monday], "09:00", "17:00")], vec![date(2026, 3, 3)..=date(2030, 1, 1)]).unwrap();
    assert_eq!(away.at(&london, now).changes_at, Some(at("2026-03-02T17:00:00Z")));
    let desk = away.at(&london, at("2026-03-02T17:00:00Z"));
    assert_eq!((desk.open, desk.changes_at), (false, Some(at("2030-01-07T09:00:00Z"))));
    let never = Hours::new(Vec::new(), Vec::new()).unwrap();
    assert_eq!(never.at(&london, now), Desk { open: false, changed_at: None, changes_at: None });
}

#[test]
fn stretches_that_touch_are_one() {
    let hours =
        Hours::new(vec![opening(&WEEK, "12:00", "17:00"), opening(&WEEK, "09:00", "12:00")], Vec::new()).unwrap();
    let desk = hours.at(&zone("Europe/London"), at("2026-03-02T11:00:00Z"));
    assert_eq!(
        (desk.changed_at, desk.changes_at),
        (Some(at("2026-03-02T09:00:00Z")), Some(at("2026-03-02T17:00:00Z")))
    );
}

#[test]
fn everything_that_is_wrong_is_named() {
    let week = vec![
        opening(&[Monday], "09:00", "12:00"),
        opening(&[], "09:00", "12:00"),
        opening(&[Sunday], "17:00", "09:00"),
        opening(&[Sunday, Monday], "11:59", "13:00"),
        opening(&[Saturday, Saturday], "09:00", "10:00"),
        opening(&[Monday], "13:00", "14:00"),
        opening(&[Friday], "10:00", "10:00"),
    ];
    let problems = Hours::new(week, vec![date(2026, 1, 2)..=date(2026, 1, 1)]).unwrap_err();
    let wanted = [
        HoursProblem::NoWeekday(1),
        HoursProblem::ClosesBeforeOpens(2),
        HoursProblem::Overlap(3),
        HoursProblem::Overlap(4),
        HoursProblem::ClosesBeforeOpens(6),
        HoursProblem::EndsBeforeStart(0),
    ];
    assert_eq!(problems, wanted);
}
