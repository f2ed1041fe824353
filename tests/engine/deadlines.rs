//! Hours and deadlines: what staff are told ("answer until"), and what the patient is told ("a person reads next", "within 1 working
//! day"), are both true, for any opening hours, closed dates, urgency and moment, in zones with and without changes of the clock.

use engine::{Desk, Hours, LocalTime, Office, Opening, Urgency, Weekday, due_at, local_date};
use ground::time::Stamp;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::dice::Dice;
use crate::support::zone;

const CASES: u64 = 20_000;
const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];
const ZONES: [&str; 6] = [
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Santiago",
    "Pacific/Auckland",
];

fn opening(dice: &mut Dice, day: Weekday) -> Vec<Opening> {
    let half_hours = |dice: &mut Dice, from, to| LocalTime {
        days: 0,
        hour: i8::try_from(dice.between(from, to)).unwrap(),
        minute: 30,
    };
    let line = |opens, closes| Opening { weekdays: vec![day], opens, closes };
    match dice.between(0, 5) {
        0 => Vec::new(),
        1 => {
            let (opens, noon) = (half_hours(dice, 0, 8), half_hours(dice, 9, 11));
            vec![line(opens, noon), line(half_hours(dice, 12, 14), half_hours(dice, 15, 22))]
        }
        2 => vec![line(LocalTime { days: 0, hour: 0, minute: 0 }, LocalTime { days: 1, hour: 0, minute: 0 })],
        _ => vec![line(half_hours(dice, 0, 11), half_hours(dice, 12, 22))],
    }
}

struct Clinic {
    hours: Hours,
    closed: Vec<std::ops::RangeInclusive<Date>>,
    week: Vec<Opening>,
    zone: TimeZone,
}

impl Clinic {
    fn any(dice: &mut Dice) -> Self {
        let week: Vec<Opening> = WEEK.iter().flat_map(|day| opening(dice, *day)).collect();
        let first = date(2026, 3, 1).saturating_add(dice.between(0, 60).days());
        let closed = vec![first..=first.saturating_add(dice.between(0, 12).days())];
        let zone = zone(dice.one_of::<&str>(&ZONES));
        Self { hours: Hours::new(week.clone(), closed.clone()).unwrap(), closed, week, zone }
    }

    fn desk(&self, at: Stamp) -> Desk {
        self.hours.at(&self.zone, at)
    }

    /// Whether somebody is there at an instant, or left just then.
    fn is_attended(&self, at: Stamp) -> bool {
        self.desk(at).open || self.desk(at.plus_seconds(-1)).open
    }

    /// Whether a date is a working day, by a reading of its own.
    fn works_on(&self, on: Date) -> bool {
        let weekday = WEEK[usize::try_from(on.weekday().to_monday_zero_offset()).unwrap()];
        let is_closed = self.closed.iter().any(|dates| dates.contains(&on));
        !is_closed && self.week.iter().any(|line| line.weekdays.contains(&weekday))
    }

    fn due(&self, urgency: Urgency, at: Stamp) -> Stamp {
        due_at(urgency, Office { zone: &self.zone, hours: Some(&self.hours) }, at)
    }
}

#[test]
fn a_deadline_and_what_the_patient_is_told_of_hours_are_both_true() {
    let (mut closed_then, mut near_a_change) = (0, 0);
    for seed in 0..CASES {
        let mut dice = Dice(seed);
        let clinic = Clinic::any(&mut dice);
        if clinic.week.is_empty() {
            continue;
        }
        let minutes = i64::from(dice.between(0, 75 * 24 * 60));
        let at = crate::support::at("2026-02-25T00:00:00Z").plus_seconds(minutes * 60);
        let desk = clinic.desk(at);
        let said = format!("seed {seed} at {at}: {desk:?}");
        assert_eq!(clinic.due(Urgency::Emergency, at), at, "{said}");
        closed_then += u64::from(!desk.open);
        let offset = |at: Stamp| clinic.zone.to_offset(at.timestamp());
        near_a_change += u64::from(offset(at) != offset(at.plus_seconds(3 * 86_400)));
        for urgency in [Urgency::Urgent, Urgency::Soon, Urgency::Note] {
            let due = clinic.due(urgency, at);
            assert!(due > at, "{said}: {urgency:?} until {due}");
            // "Answer until 18:00" is no deadline where nobody is there at 18:00.
            assert!(clinic.is_attended(due), "{said}: {urgency:?} until {due}, nobody is there");
            // "A person reads next on Monday" is no answer before Monday.
            if !desk.open {
                assert!(desk.changes_at.unwrap() < due, "{said}: {urgency:?} until {due}, before anybody reads");
            }
        }
        let urgent = clinic.due(Urgency::Urgent, at);
        let reads_from = if desk.open { at } else { desk.changes_at.unwrap() };
        assert!(urgent.seconds_since(reads_from) <= 2 * 3_600, "{said}: two hours of somebody who is there, {urgent}");
        // "Within 1 working day": no whole working day of the clinic lies between.
        let soon = clinic.due(Urgency::Soon, at);
        let (today, answered_on) = (local_date(&clinic.zone, at), local_date(&clinic.zone, soon.plus_seconds(-1)));
        let between = today.tomorrow().unwrap().series(1.day()).take_while(|on| *on < answered_on);
        let whole: Vec<Date> = between.filter(|on| clinic.works_on(*on)).collect();
        assert!(whole.is_empty(), "{said}: {whole:?} pass until {soon}");
        let week = at.plus_seconds(7 * 86_400);
        let is_away = !desk.open && desk.changes_at.unwrap() >= week;
        assert!(clinic.due(Urgency::Note, at) <= week || is_away, "{said}");
        // What comes later is not due sooner.
        let later = at.plus_seconds(i64::from(dice.between(0, 600)) * 60);
        assert!(clinic.due(Urgency::Urgent, later) >= urgent, "{said}");
    }
    assert!(closed_then > CASES / 4 && near_a_change > CASES / 50, "{closed_then} {near_a_change}");
}

#[test]
fn friday_evening_is_answered_on_monday_and_a_holiday_is_no_working_day() {
    let office = |hour| LocalTime { days: 0, hour, minute: 0 };
    let week = vec![Opening { weekdays: WEEK[..5].to_vec(), opens: office(9), closes: office(17) }];
    // Good Friday to Easter Monday; the clocks of London went forward on 29 March.
    let hours = Hours::new(week, vec![date(2026, 4, 3)..=date(2026, 4, 6)]).unwrap();
    let london = zone("Europe/London");
    let due = |urgency, moment: &str| {
        due_at(urgency, Office { zone: &london, hours: Some(&hours) }, crate::support::at(moment)).to_string()
    };
    assert_eq!(due(Urgency::Urgent, "2026-03-02T10:00:00Z"), "2026-03-02T12:00:00Z");
    assert_eq!(due(Urgency::Urgent, "2026-03-02T16:30:00Z"), "2026-03-02T17:00:00Z", "they leave at five");
    assert_eq!(
        due(Urgency::Urgent, "2026-03-06T19:00:00Z"),
        "2026-03-09T11:00:00Z",
        "Friday evening: two hours of Monday"
    );
    assert_eq!(due(Urgency::Urgent, "2026-03-28T12:00:00Z"), "2026-03-30T10:00:00Z", "by London's summer clock");
    assert_eq!(due(Urgency::Soon, "2026-03-02T10:00:00Z"), "2026-03-03T10:00:00Z");
    assert_eq!(due(Urgency::Soon, "2026-04-02T10:00:00Z"), "2026-04-07T10:00:00Z", "the Tuesday after Easter");
    assert_eq!(due(Urgency::Soon, "2026-04-04T10:00:00Z"), "2026-04-07T16:00:00Z", "by the end of it");
    assert_eq!(due(Urgency::Note, "2026-03-27T10:00:00Z"), "2026-04-02T16:00:00Z", "before Easter");
}
