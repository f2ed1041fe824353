//! Alerts: by when a person must answer, and what another finding of the same cause changes.

use jiff::ToSpan as _;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::calendar::{days_between, local_date};
use super::hours::Hours;
use super::words::{AlertChange, Trigger, Urgency};
use ground::time::Stamp;

/// An urgent alert must be answered within so many hours (fact sheet 1.2, assumption A4).
const URGENT_HOURS: i64 = 2;
/// A note is read at the next review: within a week (assumption; the sheet says "at the next review").
const NOTE_DAYS: i64 = 7;

/// When somebody at a clinic is there to answer.
#[derive(Debug, Clone, Copy)]
pub struct Office<'a> {
    /// The clinic's zone.
    pub zone: &'a TimeZone,
    /// Its opening hours and closed dates, if it has said them and reads answers at all.
    pub hours: Option<&'a Hours>,
}

/// The deadline of an alert that is raised at `at`: emergency now, urgent in two hours, soon within one working day, note within a
/// week (fact sheet 1.2).
///
/// The patient is told when a person looks (`Desk`), so a deadline never falls into a time in which nobody is there, and what is raised
/// while nobody is there counts from when the next one looks: until then the advice names whom to call instead. A working day is a date on
/// which somebody is there; for a clinic that has not said its hours, Monday to Friday at any hour.
pub fn due_at(urgency: Urgency, office: Office, at: Stamp) -> Stamp {
    let attended = match (urgency, office.hours) {
        (Urgency::Urgent, Some(hours)) => urgent(hours, office.zone, at),
        (Urgency::Soon, Some(hours)) => soon(hours, office.zone, at),
        (Urgency::Note, Some(hours)) => note(hours, office.zone, at),
        _ => None,
    };
    attended.unwrap_or_else(|| match urgency {
        Urgency::Emergency => at,
        Urgency::Urgent => at.plus_seconds(URGENT_HOURS * 3_600),
        Urgency::Soon => next_working_day(office.zone, at),
        Urgency::Note => at.plus_seconds(NOTE_DAYS * 86_400),
    })
}

/// Two hours from when somebody is there, or when they leave; `None` if nobody ever is.
fn urgent(hours: &Hours, zone: &TimeZone, at: Stamp) -> Option<Stamp> {
    let desk = hours.at(zone, at);
    let start = if desk.open { at } else { desk.changes_at? };
    let leaves_at = hours.at(zone, start).changes_at;
    let due_at = start.plus_seconds(URGENT_HOURS * 3_600);
    Some(leaves_at.map_or(due_at, |leaves_at| leaves_at.min(due_at)))
}

/// On a working day that has begun: the same time on the next one. Otherwise the end of the working day that begins next.
fn soon(hours: &Hours, zone: &TimeZone, at: Stamp) -> Option<Stamp> {
    let local = at.timestamp().to_zoned(zone.clone());
    let next = || hours.next_day(zone, local.date());
    match hours.day_on(zone, local.date()) {
        Some(today) if at < today.start => Some(today.end),
        Some(today) if at < today.end => {
            let next = next()?;
            let days = days_between(local.date(), local_date(zone, next.start));
            let same_time = local.saturating_add(days.days()).timestamp().into();
            Some(hours.last_attended(zone, at, same_time).unwrap_or(next.end))
        }
        _ => Some(next()?.end),
    }
}

/// A week; longer only if nobody is there all week.
fn note(hours: &Hours, zone: &TimeZone, at: Stamp) -> Option<Stamp> {
    let week = at.plus_seconds(NOTE_DAYS * 86_400);
    hours.last_attended(zone, at, week).or_else(|| Some(hours.next_day(zone, local_date(zone, at))?.end))
}

/// The same local time on the next day that is not a Saturday or a Sunday.
fn next_working_day(zone: &TimeZone, at: Stamp) -> Stamp {
    let local = at.timestamp().to_zoned(zone.clone());
    let days = match local.weekday() {
        Weekday::Friday => 3,
        Weekday::Saturday => 2,
        _ => 1,
    };
    local.saturating_add(days.days()).timestamp().into()
}

/// An alert, as far as findings change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How soon a person must act.
    pub urgency: Urgency,
    /// Until when.
    pub due_at: Stamp,
    /// How often the cause was found.
    pub times_seen: i32,
}

impl Standing {
    /// Raised now.
    pub fn raised(urgency: Urgency, office: Office, at: Stamp) -> Self {
        Self { urgency, due_at: due_at(urgency, office, at), times_seen: 1 }
    }

    /// The same cause was found again: the more pressing urgency and the earlier deadline stay.
    pub fn again(self, found: Self) -> (Self, AlertChange) {
        let change = if found.urgency > self.urgency { AlertChange::Worsened } else { AlertChange::SeenAgain };
        let merged = Self {
            urgency: self.urgency.max(found.urgency),
            due_at: self.due_at.min(found.due_at),
            times_seen: self.times_seen + 1,
        };
        (merged, change)
    }
}

/// Whether a finding says anything, if an alert of its cause is open, or ever was: answers always, silence while none is
/// open (it goes on: that was told), a day once.
pub fn should_raise(on: Trigger, open: bool, ever: bool) -> bool {
    match on {
        Trigger::Answers => true,
        Trigger::Silence => !open,
        Trigger::Day => !ever,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTC: Office = Office { zone: &TimeZone::UTC, hours: None };

    fn due(urgency: Urgency, at: &str) -> String {
        let at: jiff::Timestamp = at.parse().unwrap();
        due_at(urgency, Office { zone: &TimeZone::get("Europe/London").unwrap(), hours: None }, at.into()).to_string()
    }

    #[test]
    fn the_deadline_follows_the_urgency() {
        let monday = "2026-03-02T10:00:00Z";
        assert_eq!(due(Urgency::Emergency, monday), monday);
        assert_eq!(due(Urgency::Urgent, monday), "2026-03-02T12:00:00Z");
        assert_eq!(due(Urgency::Soon, monday), "2026-03-03T10:00:00Z");
        assert_eq!(due(Urgency::Note, monday), "2026-03-09T10:00:00Z");
    }

    #[test]
    fn a_working_day_skips_the_weekend_and_keeps_the_local_time_over_a_change_of_clocks() {
        assert_eq!(due(Urgency::Soon, "2026-03-27T10:00:00Z"), "2026-03-30T09:00:00Z");
        assert_eq!(due(Urgency::Soon, "2026-03-28T10:00:00Z"), "2026-03-30T09:00:00Z");
        assert_eq!(due(Urgency::Soon, "2026-03-29T10:00:00Z"), "2026-03-30T10:00:00Z");
    }

    #[test]
    fn what_is_found_again_keeps_the_worse_urgency_and_the_earlier_deadline() {
        let at = |text: &str| Stamp::from(text.parse::<jiff::Timestamp>().unwrap());
        let monday = Standing::raised(Urgency::Soon, UTC, at("2026-03-02T10:00:00Z"));
        let worse = Standing::raised(Urgency::Urgent, UTC, at("2026-03-02T20:00:00Z"));
        let (merged, change) = monday.again(worse);
        assert_eq!(change, AlertChange::Worsened);
        assert_eq!((merged.urgency, merged.due_at, merged.times_seen), (Urgency::Urgent, worse.due_at, 2));
        let (merged, change) = merged.again(monday);
        assert_eq!((change, merged.urgency, merged.due_at), (AlertChange::SeenAgain, Urgency::Urgent, worse.due_at));
    }
}
