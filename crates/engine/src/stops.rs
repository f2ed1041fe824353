//! Where a plan stands on a date: running, paused, or over; and which day of it a date is.
//!
//! Everything is said in local dates of the patient, so that nothing has to be written because time passed.

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::calendar::{Age, DayOfPlan, add_days, days_between, local_date};
use super::occurrences::Enrolment;
use super::words::PlanStatus;
use ground::ids::PlanId;
use ground::time::Stamp;

/// What the clinic decided about a plan's time. Empty: day `n` is `n` days after day 0, until the last day of the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stops {
    /// Pauses, in order; no two share a date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// When it is over before its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// The later session's plan that takes its place. Stored as a list, because releases before kept those that were over, too.
    #[serde(default, rename = "gave_way", skip_serializing_if = "Option::is_none", with = "stored_superseded")]
    pub superseded: Option<Superseded>,
}

/// A plan that is over because a later session's plan takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Superseded {
    /// The plan that takes its place.
    #[serde(rename = "to")]
    pub by: PlanId,
    /// The first date on which this one is over.
    pub from_on: Date,
}

mod stored_superseded {
    use super::{Date, Deserialize, Serialize, Superseded};

    #[derive(Deserialize)]
    struct Stored {
        #[serde(flatten)]
        superseded: Superseded,
        until_on: Option<Date>,
    }

    pub(super) fn serialize<S: serde::Serializer>(this: &Option<Superseded>, to: S) -> Result<S::Ok, S::Error> {
        this.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Superseded>, D::Error> {
        let last = Vec::<Stored>::deserialize(from)?.pop();
        Ok(last.filter(|last| last.until_on.is_none()).map(|last| last.superseded))
    }
}

/// Dates on which a plan asks nothing. Restrictions stand all the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pause {
    /// The first date.
    pub from_on: Date,
    /// The first date after it; `None` until somebody resumes the plan.
    pub until_on: Option<Date>,
    /// What becomes of the days meanwhile.
    pub days: PausedDays,
    /// The first date on which days wait, if that is not its first one: day 0 does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_from: Option<Date>,
}

/// What becomes of a plan's days while it is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PausedDays {
    /// They wait: the plan goes on afterwards where it stopped, and ends later.
    Shift,
    /// They pass in silence: what they would have asked is cancelled.
    Pass,
}

/// A plan that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The first date on which it is over.
    pub on: Date,
    /// `completed` or `revoked`.
    pub status: PlanStatus,
}

impl Pause {
    /// Whether the date is one of the pause.
    pub fn holds_on(&self, date: Date) -> bool {
        self.from_on <= date && self.until_on.is_none_or(|until| date < until)
    }

    fn shifts(&self) -> bool {
        self.days == PausedDays::Shift
    }
}

impl Stops {
    /// The first date on which the plan is over before its last day.
    pub fn over_from(&self) -> Option<Date> {
        let superseded_from = self.superseded.map(|superseded| superseded.from_on);
        self.end.map(|end| end.on).into_iter().chain(superseded_from).min()
    }

    /// Where a plan of that status stands on a date.
    pub(super) fn status_on(&self, status: PlanStatus, date: Date) -> PlanStatus {
        match (status, self.end) {
            (PlanStatus::Active, Some(end)) if end.on <= date => end.status,
            (PlanStatus::Active, _) if self.superseded.is_some_and(|one| one.from_on <= date) => PlanStatus::Completed,
            (PlanStatus::Active, _) if self.pauses.iter().any(|pause| pause.holds_on(date)) => PlanStatus::OnHold,
            (status, _) => status,
        }
    }

    /// How many days the days of a plan have waited until a date.
    pub(super) fn waited_by(&self, day_zero: Date, date: Date) -> i32 {
        let before = self.shifts(day_zero).filter(|(from, _)| *from < date);
        before.map(|(from, until)| days_between(from, until.map_or(date, |until| until.min(date)))).sum()
    }

    /// The day that a date is if days are counted from `day_zero`.
    fn day_on(&self, day_zero: Date, date: Date) -> i32 {
        days_between(day_zero, date) - self.waited_by(day_zero, date)
    }

    fn date_of(&self, day_zero: Date, day: i32) -> Option<Date> {
        self.date_after(day_zero, day, |from, until| Some(days_between(from, until?)))
    }

    fn date_after(&self, day_zero: Date, day: i32, waits: impl Fn(Date, Option<Date>) -> Option<i32>) -> Option<Date> {
        let mut date = add_days(day_zero, day);
        for (from, until) in self.shifts(day_zero).filter(|_| day > 0) {
            if date >= from {
                date = date.saturating_add(Span::new().days(waits(from, until)?));
            }
        }
        Some(date)
    }

    /// The date of a day, as if a pause that nobody has ended did not keep it away.
    fn date_at_least(&self, day_zero: Date, day: i32) -> Date {
        let known = |from, until: Option<Date>| Some(until.map_or(0, |until| days_between(from, until)));
        self.date_after(day_zero, day, known).unwrap_or(day_zero)
    }

    /// The day of something that was recorded when days were counted from another date: it stays with its date.
    pub fn recounted(&self, day: i32, counted_from: Date, day_zero: Date) -> i32 {
        if counted_from == day_zero {
            return day;
        }
        if self.date_of(counted_from, day).is_some() {
            return self.day_on(day_zero, self.date_at_least(counted_from, day));
        }
        day - days_between(counted_from, day_zero)
    }

    /// Pauses that shift days, from the day after the treatment on: day 0 is the treatment's date whatever happens.
    fn shifts(&self, day_zero: Date) -> impl Iterator<Item = (Date, Option<Date>)> {
        let day_one = add_days(day_zero, 1);
        self.waits().map(move |(from, until)| (from.max(day_one), until)).filter(is_some_time)
    }

    /// Pauses that shift days, whatever day 0 is.
    fn waits(&self) -> impl Iterator<Item = (Date, Option<Date>)> {
        let shifting = self.pauses.iter().filter(|pause| pause.shifts());
        shifting.map(|pause| (pause.waits_from.unwrap_or(pause.from_on), pause.until_on)).filter(is_some_time)
    }
}

fn is_some_time((from, until): &(Date, Option<Date>)) -> bool {
    until.is_none_or(|until| *from < until)
}

/// Stands for a date that is day 0 by the corrected date, and on which days waited as they were first counted. No such day is counted.
const WAITED_AT_FIRST: i32 = -1_000_000;

impl Enrolment {
    /// Where the plan stands on a local date of the patient.
    pub fn status_on(&self, date: Date) -> PlanStatus {
        self.stops.status_on(self.status, date)
    }

    /// Where the plan stands at an instant.
    pub fn status_at(&self, zone: &TimeZone, at: Stamp) -> PlanStatus {
        self.status_on(local_date(zone, at))
    }

    /// The day of the plan that a date is; on the dates of a pause that shifts days, the day that waits.
    pub fn day_on(&self, date: Date) -> i32 {
        self.stops.day_on(self.day_zero, date)
    }

    /// The day of the plan at an instant.
    pub fn day_at(&self, zone: &TimeZone, at: Stamp) -> i32 {
        self.day_on(local_date(zone, at))
    }

    /// The date of a day; `None` while a pause that nobody has ended keeps it away.
    pub fn date_of(&self, day: i32) -> Option<Date> {
        self.stops.date_of(self.day_zero, day)
    }

    /// The day as it was first counted, of which ids are made: a corrected date changes neither. Pauses that came before the corrected
    /// day 0, and wait no more, still count in it.
    pub(super) fn first_counted(&self, day: i32) -> i32 {
        if self.counted_later == 0 {
            return day;
        }
        let (first, date) =
            (add_days(self.day_zero, -self.counted_later), self.stops.date_at_least(self.day_zero, day));
        let mut counted = days_between(first, date);
        for (from, until) in self.stops.waits().filter(|(from, _)| *from <= date) {
            match until {
                Some(until) if until <= date => counted -= days_between(from, until),
                _ if date <= self.day_zero => return WAITED_AT_FIRST + days_between(first, date),
                _ => {}
            }
        }
        counted
    }

    /// Whether the days of the plan wait on this date.
    pub fn waits_on(&self, date: Date) -> bool {
        self.shifts().any(|(from, until)| from <= date && until.is_none_or(|until| date < until))
    }

    /// How many days after the treatment a date is. Skin does not wait while a plan does: what is normal, and what rules judge, goes by it.
    pub fn age_on(&self, date: Date) -> Age {
        Age(days_between(self.day_zero, date))
    }

    /// The age of the skin on a day of the plan.
    pub fn age_of(&self, day: DayOfPlan) -> Age {
        self.date_of(day.0).map_or(Age(day.0), |date| self.age_on(date))
    }

    /// Which time a day comes: a pause that begins on it, or before it, lets it come again on another date.
    pub fn repetition(&self, day: i32) -> i32 {
        let Some(date) = self.date_of(day) else { return 1 };
        let waited = self.shifts().filter(|(from, _)| *from < date).count();
        1 + i32::try_from(waited).unwrap_or_default()
    }

    fn shifts(&self) -> impl Iterator<Item = (Date, Option<Date>)> {
        self.stops.shifts(self.day_zero)
    }
}
