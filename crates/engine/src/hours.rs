//! When a person is there to look: opening hours and closed dates of a clinic, resolved to instants in its zone.

use std::ops::{Range, RangeInclusive};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::{add_days, days_between, local_date, local_instant};
use super::clock::LocalTime;
use super::words::Weekday;
use ground::time::Stamp;

/// Open on these days of the week, from one local time to another of the same day; `24:00` is its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The days of the week.
    pub weekdays: Vec<Weekday>,
    /// From when.
    pub opens: LocalTime,
    /// Until when.
    pub closes: LocalTime,
}

/// The week of a clinic, and the dates on which it is closed all day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    week: Vec<Opening>,
    closed: Vec<RangeInclusive<Date>>,
}

/// What is wrong with hours, and where (by index).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoursProblem {
    /// No day of the week is named.
    NoWeekday(usize),
    /// It closes before it opens, or as it opens.
    ClosesBeforeOpens(usize),
    /// It is open already, by an earlier line.
    Overlap(usize),
    /// The closed dates end before they begin.
    EndsBeforeStart(usize),
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Desk {
    /// Somebody is there now.
    pub open: bool,
    /// The last change until now, if it was in the last days.
    pub changed_at: Option<Stamp>,
    /// The next change; `None` if it stays so for good.
    pub changes_at: Option<Stamp>,
}

/// So far back the last change is looked for: farther than any local midnight that is still today's.
const DAYS_BACK: i32 = 3;
/// So many days ahead a date on which somebody is there is looked for.
const MOST_DAYS_AHEAD: i32 = 731;
/// Open without a break for so long, only a closed date can end it.
const ROUND_THE_CLOCK: i32 = 9;

impl Hours {
    /// Hours that mean something, or everything that is wrong with them.
    pub fn new(week: Vec<Opening>, closed: Vec<RangeInclusive<Date>>) -> Result<Self, Vec<HoursProblem>> {
        let mut problems = Vec::new();
        for (index, line) in week.iter().enumerate() {
            if line.weekdays.is_empty() {
                problems.push(HoursProblem::NoWeekday(index));
            }
            if line.closes <= line.opens {
                problems.push(HoursProblem::ClosesBeforeOpens(index));
            } else if line.names_a_day_twice() || week.iter().take(index).any(|earlier| earlier.overlaps(line)) {
                problems.push(HoursProblem::Overlap(index));
            }
        }
        let backwards = closed.iter().enumerate().filter(|(_, dates)| dates.end() < dates.start());
        problems.extend(backwards.map(|(index, _)| HoursProblem::EndsBeforeStart(index)));
        if problems.is_empty() { Ok(Self { week, closed }) } else { Err(problems) }
    }

    /// Whether somebody is there at an instant, since when and until when.
    pub fn at(&self, zone: &TimeZone, at: Stamp) -> Desk {
        let stretches = self.stretches(zone, at);
        let is_known = |end: &Stamp| end.timestamp() != jiff::Timestamp::MAX;
        let edges = || stretches.iter().flat_map(|open| [open.start, open.end]).filter(is_known);
        let long_ago = local_instant(add_days(local_date(zone, at), -DAYS_BACK), LocalTime::MIDNIGHT, zone);
        Desk {
            open: stretches.iter().any(|open| open.contains(&at)),
            changed_at: edges().filter(|edge| *edge <= at && *edge > long_ago).max(),
            changes_at: edges().filter(|edge| *edge > at).min(),
        }
    }

    /// The unbroken stretches of being open, in order: from some days before an instant to the first that begins after it.
    fn stretches(&self, zone: &TimeZone, at: Stamp) -> Vec<Range<Stamp>> {
        let today = local_date(zone, at);
        let mut date = add_days(today, -DAYS_BACK);
        let mut stretches: Vec<Range<Stamp>> = Vec::new();
        while stretches.last().is_none_or(|last| last.start <= at) && (!self.week.is_empty()) && date.year() < 9999 {
            if let Some(closed) = self.closed.iter().find(|dates| dates.contains(&date)) {
                date = add_days(*closed.end(), 1);
                continue;
            }
            for (opens, closes) in self.times_on(date) {
                let (start, end) = (local_instant(date, opens, zone), local_instant(date, closes, zone));
                match stretches.last_mut() {
                    Some(last) if start <= last.end => last.end = last.end.max(end),
                    _ if start < end => stretches.push(start..end),
                    _ => {} // within an hour that the clocks leave out
                }
            }
            date = add_days(date, 1);
            if date > add_days(today, ROUND_THE_CLOCK)
                && let Some(last) =
                    stretches.last_mut().filter(|last| last.end >= local_instant(date, LocalTime::MIDNIGHT, zone))
            {
                let next_closed = self.closed.iter().map(|dates| *dates.start()).filter(|from| *from >= date).min();
                let Some(next_closed) = next_closed else {
                    last.end = Stamp::from(jiff::Timestamp::MAX);
                    break;
                };
                last.end = local_instant(next_closed, LocalTime::MIDNIGHT, zone);
                date = next_closed;
            }
        }
        stretches
    }

    /// From the first opening of a date to its last closing; `None` if nobody is there on it.
    pub(super) fn day_on(&self, zone: &TimeZone, date: Date) -> Option<Range<Stamp>> {
        let open = self.open_on(zone, date);
        Some(open.iter().map(|open| open.start).min()?..open.iter().map(|open| open.end).max()?)
    }

    /// The first date after one on which somebody is there, if one comes within two years.
    pub(super) fn next_day(&self, zone: &TimeZone, after: Date) -> Option<Range<Stamp>> {
        (1..=MOST_DAYS_AHEAD).find_map(|days| self.day_on(zone, add_days(after, days)))
    }

    /// The last instant after one and until another at which somebody is there, or just left.
    pub(super) fn last_attended(&self, zone: &TimeZone, after: Stamp, until: Stamp) -> Option<Stamp> {
        let (first, last) = (local_date(zone, after), local_date(zone, until));
        let dates = (0..=days_between(first, last)).map(|days| add_days(last, -days));
        let open = dates.flat_map(|date| self.open_on(zone, date).into_iter().rev());
        open.filter(|open| open.start < until).map(|open| open.end.min(until)).find(|end| *end > after)
    }

    /// When somebody is there on a date, in order.
    fn open_on(&self, zone: &TimeZone, date: Date) -> Vec<Range<Stamp>> {
        if self.closed.iter().any(|dates| dates.contains(&date)) {
            return Vec::new();
        }
        let times = self.times_on(date).into_iter();
        let open = times.map(|(opens, closes)| local_instant(date, opens, zone)..local_instant(date, closes, zone));
        open.filter(|open| open.start < open.end).collect()
    }

    /// The times of a date, in order.
    fn times_on(&self, date: Date) -> Vec<(LocalTime, LocalTime)> {
        let weekday = weekday_of(date);
        let lines = self.week.iter().filter(|line| line.weekdays.contains(&weekday));
        let mut times: Vec<_> = lines.map(|line| (line.opens, line.closes)).collect();
        times.sort();
        times
    }
}

impl Opening {
    fn names_a_day_twice(&self) -> bool {
        self.weekdays.iter().enumerate().any(|(index, day)| self.weekdays.iter().take(index).any(|other| other == day))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let same_day = self.weekdays.iter().any(|day| other.weekdays.contains(day));
        same_day && self.opens < other.closes && other.opens < self.closes
    }
}

fn weekday_of(date: Date) -> Weekday {
    match date.weekday() {
        jiff::civil::Weekday::Monday => Weekday::Monday,
        jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
        jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
        jiff::civil::Weekday::Thursday => Weekday::Thursday,
        jiff::civil::Weekday::Friday => Weekday::Friday,
        jiff::civil::Weekday::Saturday => Weekday::Saturday,
        jiff::civil::Weekday::Sunday => Weekday::Sunday,
    }
}
