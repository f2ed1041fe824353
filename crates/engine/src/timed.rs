//! Lines that begin or end a number of hours after the treatment: an instant, where the time of treatment is known.
//!
//! Then the instant counts and not the first or the last day, wherever the patient is: a day does not end there when 24 hours do. Where
//! the time is not known the days of the line count, which are the safe reading.

use jiff::civil::Date;
use serde::Serialize;

use super::calendar::{add_days, local_date, local_instant};
use super::clock::LocalTime;
use super::compile::{Compiled, Planned};
use super::day::Seen;
use super::document::Item;
use super::occurrences::{Enrolment, Window};
use super::text::Text;
use ground::time::Stamp;

const SECONDS_OF_HOUR: i64 = 3_600;
const HOURS_OF_DAY: i32 = 24;
/// So many days after its last one a line can still be in force: a day by the clock, and one by a flight east.
const FARTHEST_BEHIND: i32 = 2;

/// The instants of a line, where the time of treatment is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Instants {
    /// It begins then.
    pub from_at: Option<Stamp>,
    /// It ends then.
    pub until_at: Option<Stamp>,
}

impl Enrolment {
    /// When a line begins and ends by the hour; nothing of it is known for a line without hours, or without the time of treatment.
    pub fn instants(&self, item: &Item) -> Instants {
        let Some((timed, performed_at)) = item.timed.as_ref().zip(self.performed_at) else {
            return Instants::default();
        };
        let after = |hours: i32| performed_at.plus_seconds(i64::from(hours) * SECONDS_OF_HOUR);
        Instants { from_at: timed.from_hour.map(after), until_at: timed.until_hour.map(after) }
    }
}

impl Item {
    /// The short line, for a plan whose time of treatment is known or not.
    pub fn title_if(&self, is_timed: bool) -> &Text {
        self.timed.as_ref().filter(|_| is_timed).and_then(|timed| timed.title.as_ref()).unwrap_or(&self.title)
    }

    /// The detail, for a plan whose time of treatment is known or not.
    pub fn text_if(&self, is_timed: bool) -> Option<&Text> {
        self.timed.as_ref().filter(|_| is_timed).and_then(|timed| timed.text.as_ref()).or(self.text.as_ref())
    }

    /// Whether it can stand on a day that is none of its own, because its hours lie there.
    pub(super) fn may_be_timed_on(&self, day: i32) -> bool {
        let Some(timed) = &self.timed else { return false };
        let begins_before = |hour: i32| {
            let is_repeated = self.days.only().is_none(); // what comes once comes on its day
            let first = self.days.iter().next();
            is_repeated && hour / HOURS_OF_DAY <= day && first.is_some_and(|first| day < first)
        };
        let ends_after = |_| self.days.last().is_some_and(|last| last < day && day <= last + FARTHEST_BEHIND);
        timed.from_hour.is_some_and(begins_before) || timed.until_hour.is_some_and(ends_after)
    }

    /// Whether two lines can stand at one moment because of their hours, also after a flight, though they may share no day. What ends by
    /// the hour is over when what begins by it begins.
    pub fn meets_by_the_hour(&self, other: &Self) -> bool {
        let of = |item: &Self| item.timed.clone().unwrap_or_default();
        let (own, others) = (of(self), of(other));
        let is_after =
            |from: Option<i32>, until: Option<i32>| from.zip(until).is_some_and(|(from, until)| until <= from);
        if is_after(own.from_hour, others.until_hour) || is_after(others.from_hour, own.until_hour) {
            return false;
        }
        let may_stand = |item: &Self, day: i32| item.days.contains(day) || item.may_be_timed_on(day);
        let last = self.days.last().max(other.days.last()).unwrap_or_default() + FARTHEST_BEHIND;
        let is_timed = self.timed.is_some() || other.timed.is_some();
        is_timed && (0..=last).any(|day| may_stand(self, day) && may_stand(other, day))
    }
}

impl Instants {
    /// Whether the line begins or ends by the hour: then it has the words for a known time.
    pub fn are_known(&self) -> bool {
        *self != Self::default()
    }

    /// A window of the line on one of its own days, or on another one: as much of it as lies between the instants. `None` if nothing does,
    /// but a line that only informs, and begins later, is announced on its days.
    pub(super) fn within(&self, window: Window, item: &Item, is_own_day: bool) -> Option<Window> {
        let Self { from_at, until_at } = *self;
        let opens_at = from_at.map_or(window.opens_at, |from| window.opens_at.max(from));
        let earlier = |end: Stamp| until_at.map_or(end, |until| end.min(until));
        let (closes_at, late_until) = (earlier(window.closes_at), earlier(window.late_until));
        let remind_at = window.remind_at.map(|at| at.max(opens_at));
        if opens_at < closes_at || !self.are_known() {
            return Some(Window { opens_at, closes_at, late_until, remind_at });
        }
        let is_announced = is_own_day && !item.kind.can_be_marked() && from_at.is_some_and(|at| at >= window.closes_at);
        is_announced.then_some(Window { opens_at, closes_at: opens_at, late_until: opens_at, remind_at: None })
    }
}

impl Compiled {
    /// The lines that a plan can have on a day, holds aside.
    pub fn lines_on<'a>(&'a self, enrolment: &Enrolment, day: i32) -> impl Iterator<Item = Planned> + use<'a> {
        let timed = enrolment.performed_at.map(|_| self.perhaps_timed_on(day));
        self.planned_on(day).iter().copied().chain(timed.into_iter().flatten())
    }
}

impl Seen<'_> {
    /// The last date of a line that ends by the hour.
    pub(super) fn last_date(&self, until_at: Stamp) -> Date {
        let date = local_date(self.zone, until_at);
        if local_instant(date, LocalTime::MIDNIGHT, self.zone) < until_at { date } else { add_days(date, -1) }
    }
}
