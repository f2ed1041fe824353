//! When a person at the clinic looks: its opening hours and closed dates, as it says them.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Clinic;
use crate::db::types::Json;
use crate::engine::{Desk, Hours, HoursProblem, Opening, Weekday};
use crate::error::{Error, FieldError};
use crate::http::text::{Date, TimeOfDay};
use crate::time::Stamp;

/// Open on these days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningHours {
    /// The days of the week.
    pub weekdays: Vec<Weekday>,
    /// From when.
    pub opens: TimeOfDay,
    /// Until when.
    pub closes: TimeOfDay,
}

/// Closed all day, from one date to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedDates {
    /// The first date.
    pub from_on: Date,
    /// The last.
    pub to_on: Date,
}

/// So many lines of opening hours: three a day.
const MOST_HOURS: usize = 21;
/// So many stretches of closed dates.
const MOST_CLOSED: usize = 100;

impl Clinic {
    /// When a person looks, as it says; empty if it has not said.
    pub fn opening_hours(&self) -> Result<Vec<OpeningHours>, Error> {
        Ok(self.opening_hours.as_ref().map(Json::to).transpose()?.unwrap_or_default())
    }

    /// The dates on which nobody does.
    pub fn closed_on(&self) -> Result<Vec<ClosedDates>, Error> {
        Ok(self.closed_on.as_ref().map(Json::to).transpose()?.unwrap_or_default())
    }

    /// Whether somebody is there at that instant; `None` if it has not said its hours.
    pub fn desk(&self, at: Stamp) -> Result<Option<Desk>, Error> {
        if self.opening_hours.is_none() {
            return Ok(None);
        }
        let zone = TimeZone::get(&self.zone).map_err(|why| Error::internal("a stored zone is unknown", why))?;
        Ok(Some(checked(&self.opening_hours()?, &self.closed_on()?)?.at(&zone, at)))
    }
}

/// Whether what is to be changed can be so in any clinic.
pub fn check(hours: Option<&[OpeningHours]>, closed: Option<&[ClosedDates]>) -> Result<(), Error> {
    checked(hours.unwrap_or_default(), closed.unwrap_or_default()).map(drop)
}

/// What is to be stored after a change that was checked; `None` of a change stays, an empty list is nothing said.
pub fn changed(
    before: &Clinic,
    hours: Option<Vec<OpeningHours>>,
    closed: Option<Vec<ClosedDates>>,
) -> Result<(Option<Json>, Option<Json>), Error> {
    let hours = hours.map_or_else(|| before.opening_hours(), Ok)?;
    let closed = closed.map_or_else(|| before.closed_on(), Ok)?;
    Ok((stored(&hours)?, stored(&closed)?))
}

/// As it is stored.
pub fn stored<T: Serialize>(said: &[T]) -> Result<Option<Json>, Error> {
    Ok(if said.is_empty() { None } else { Some(Json::of(&said)?) })
}

fn checked(hours: &[OpeningHours], closed: &[ClosedDates]) -> Result<Hours, Error> {
    let too_many = |list: &str, most: usize| {
        Error::field(format!("/{list}"), "too_many", format!("may have at most {most} lines"))
    };
    if hours.len() > MOST_HOURS {
        return Err(too_many("opening_hours", MOST_HOURS));
    }
    if closed.len() > MOST_CLOSED {
        return Err(too_many("closed_on", MOST_CLOSED));
    }
    let opening =
        |line: &OpeningHours| Opening { weekdays: line.weekdays.clone(), opens: line.opens.0, closes: line.closes.0 };
    let week = hours.iter().map(opening).collect();
    let dates = closed.iter().map(|dates| dates.from_on.0..=dates.to_on.0).collect();
    Hours::new(week, dates).map_err(|problems| Error::Invalid(problems.into_iter().map(wrong).collect()))
}

fn wrong(problem: HoursProblem) -> FieldError {
    let (pointer, code, detail) = match problem {
        HoursProblem::NoWeekday(line) => {
            (format!("/opening_hours/{line}/weekdays"), "too_short", "needs at least one day of the week")
        }
        HoursProblem::ClosesBeforeOpens(line) => (
            format!("/opening_hours/{line}/closes"),
            "closes_before_opens",
            "must be later than `opens`; hours past midnight are two lines, the first until 24:00",
        ),
        HoursProblem::Overlap(line) => {
            (format!("/opening_hours/{line}"), "overlap", "it is open then already, by this line or an earlier one")
        }
        HoursProblem::EndsBeforeStart(line) => {
            (format!("/closed_on/{line}/to_on"), "ends_before_start", "must not be earlier than `from_on`")
        }
    };
    FieldError { pointer, code: code.to_owned(), detail: detail.to_owned() }
}
