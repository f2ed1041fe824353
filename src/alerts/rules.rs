//! By when a person must answer.

use jiff::ToSpan as _;
use jiff::civil::Weekday;

use crate::engine::Urgency;
use crate::error::Error;
use crate::time::Stamp;

/// An urgent alert must be answered within so many hours (fact sheet 1.2, assumption A4).
const URGENT_HOURS: i64 = 2;
/// A note is read at the next review: within a week (assumption; the sheet says "at the next review").
const NOTE_DAYS: i64 = 7;

/// The deadline of an alert that is raised at `at` in a clinic in `zone`: emergency now, urgent in two hours, soon within
/// one working day (Monday to Friday), note within a week (fact sheet 1.2).
pub fn due_at(urgency: Urgency, zone: &str, at: Stamp) -> Result<Stamp, Error> {
    match urgency {
        Urgency::Emergency => Ok(at),
        Urgency::Urgent => Ok(at.plus_seconds(URGENT_HOURS * 3_600)),
        Urgency::Soon => next_working_day(zone, at),
        Urgency::Note => Ok(at.plus_seconds(NOTE_DAYS * 86_400)),
    }
}

/// The same local time on the next day that is not a Saturday or a Sunday.
fn next_working_day(zone: &str, at: Stamp) -> Result<Stamp, Error> {
    let local = at.timestamp().to_zoned(crate::plans::zone(zone)?);
    let days = match local.weekday() {
        Weekday::Friday => 3,
        Weekday::Saturday => 2,
        _ => 1,
    };
    let due = local.checked_add(days.days()).map_err(|why| Error::internal("a deadline", why))?;
    Ok(due.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(urgency: Urgency, at: &str) -> String {
        let at: jiff::Timestamp = at.parse().unwrap();
        due_at(urgency, "Europe/London", at.into()).unwrap().to_string()
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
}
