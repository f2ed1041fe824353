//! Calendar days and local times, resolved to instants in a zone.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Span, Timestamp};

use super::clock::LocalTime;
use ground::time::Stamp;

/// A day as the plan counts it: it says which lines, forms and protocol version a day has. It waits while the plan waits. Treated on
/// 2 March, paused from 4 to 11 March with `days: shift`: 11 March is day 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayOfPlan(pub i32);

/// Days since the treatment, by the calendar: skin does not wait while a plan does. It says what level is normal, which phase it is and
/// which rules apply. In the example above 11 March is age 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Age(pub i32);

/// The first instant at which the local clock shows this time of this day, or a later one.
///
/// A gap moves to the first instant after it, a fold takes the first of the two.
pub fn local_instant(date: Date, time: LocalTime, zone: &TimeZone) -> Stamp {
    let local = add_days(date, time.days).to_datetime(Time::constant(time.hour, time.minute, 0, 0));
    let at = |offset: Offset| offset.to_timestamp(local).unwrap_or(Timestamp::MAX);
    let instant = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, .. } => at(before),
        AmbiguousOffset::Gap { before, .. } => end_of_gap(at(before), zone),
    };
    Stamp::from(instant)
}

/// The transition at or just before an instant that was resolved with the offset from before the gap.
fn end_of_gap(inside: Timestamp, zone: &TimeZone) -> Timestamp {
    let just_after = inside.checked_add(Span::new().nanoseconds(1)).unwrap_or(inside);
    zone.preceding(just_after).next().map_or(inside, |transition| transition.timestamp())
}

/// The day of a plan that is now: the local date minus the date of the treatment.
pub fn day_number(day_zero: Date, zone: &TimeZone, as_of: Stamp) -> i32 {
    days_between(day_zero, local_date(zone, as_of))
}

/// The date of a day of a plan.
pub fn date_of(day_zero: Date, day: i32) -> Date {
    add_days(day_zero, day)
}

/// The local date at an instant.
pub fn local_date(zone: &TimeZone, at: Stamp) -> Date {
    zone.to_datetime(at.timestamp()).date()
}

/// The next instant at which the local date is another one.
pub fn next_date_change(zone: &TimeZone, as_of: Stamp) -> Stamp {
    let today = local_date(zone, as_of);
    let midnight = add_days(today, 1).to_datetime(Time::midnight());
    let mut from = as_of.timestamp();
    loop {
        let offset = zone.to_offset(from);
        let candidate = offset.to_timestamp(midnight).unwrap_or(Timestamp::MAX);
        match zone.following(from).next().map(|transition| transition.timestamp()) {
            Some(transition) if transition <= candidate => {
                if zone.to_datetime(transition).date() != today {
                    return Stamp::from(transition);
                }
                from = transition;
            }
            _ => return Stamp::from(candidate),
        }
    }
}

pub fn add_days(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}

/// How many days the one date is before the other.
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
