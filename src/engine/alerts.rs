//! Alerts: by when a person must answer, and what another finding of the same cause changes.

use jiff::ToSpan as _;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::words::{AlertChange, Trigger, Urgency};
use crate::time::Stamp;

/// An urgent alert must be answered within so many hours (fact sheet 1.2, assumption A4).
const URGENT_HOURS: i64 = 2;
/// A note is read at the next review: within a week (assumption; the sheet says "at the next review").
const NOTE_DAYS: i64 = 7;

/// The deadline of an alert that is raised at `at` in a clinic in `zone`: emergency now, urgent in two hours, soon within
/// one working day (Monday to Friday), note within a week (fact sheet 1.2).
pub fn due_at(urgency: Urgency, zone: &TimeZone, at: Stamp) -> Stamp {
    match urgency {
        Urgency::Emergency => at,
        Urgency::Urgent => at.plus_seconds(URGENT_HOURS * 3_600),
        Urgency::Soon => next_working_day(zone, at),
        Urgency::Note => at.plus_seconds(NOTE_DAYS * 86_400),
    }
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
    /// Raised now, at a clinic in `zone`.
    pub fn raised(urgency: Urgency, zone: &TimeZone, at: Stamp) -> Self {
        Self { urgency, due_at: due_at(urgency, zone, at), times_seen: 1 }
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
/// open (it goes on, and is no news), a day once.
pub fn is_news(on: Trigger, open: bool, ever: bool) -> bool {
    match on {
        Trigger::Answers => true,
        Trigger::Silence => !open,
        Trigger::Day => !ever,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(urgency: Urgency, at: &str) -> String {
        let at: jiff::Timestamp = at.parse().unwrap();
        due_at(urgency, &TimeZone::get("Europe/London").unwrap(), at.into()).to_string()
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
        let monday = Standing::raised(Urgency::Soon, &TimeZone::UTC, at("2026-03-02T10:00:00Z"));
        let worse = Standing::raised(Urgency::Urgent, &TimeZone::UTC, at("2026-03-02T20:00:00Z"));
        let (merged, change) = monday.again(worse);
        assert_eq!(change, AlertChange::Worsened);
        assert_eq!((merged.urgency, merged.due_at, merged.times_seen), (Urgency::Urgent, worse.due_at, 2));
        let (merged, change) = merged.again(monday);
        assert_eq!((change, merged.urgency, merged.due_at), (AlertChange::SeenAgain, Urgency::Urgent, worse.due_at));
    }
}
