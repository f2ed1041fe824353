//! When a person at the clinic looks: its opening hours and closed dates, as it says them.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Clinic;
use crate::error::{Error, FieldError};
use crate::http::text::TimeOfDay;
use engine::{Desk, Hours, HoursProblem, Office, Opening, Urgency, Weekday};
use ground::sql::Json;
use ground::time::Stamp;
use ground::values::Date;

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
        let Some(hours) = self.hours()? else { return Ok(None) };
        Ok(Some(hours.at(&self.time_zone()?, at)))
    }

    /// Until when a person must answer what is found at that instant, as staff and patient are told.
    pub fn due_at(&self, urgency: Urgency, at: Stamp) -> Result<Stamp, Error> {
        let hours = if self.monitored { self.hours()? } else { None };
        Ok(engine::due_at(urgency, Office { zone: &self.time_zone()?, hours: hours.as_ref() }, at))
    }

    /// The same, as far as it may be promised to a patient: somebody reads answers, at hours that the clinic has said.
    pub fn answers_by(&self, urgency: Urgency, at: Stamp) -> Result<Option<Stamp>, Error> {
        let is_answered = self.monitored && self.opening_hours.is_some();
        let is_awaited = matches!(urgency, Urgency::Urgent | Urgency::Soon);
        if is_answered && is_awaited { self.due_at(urgency, at).map(Some) } else { Ok(None) }
    }

    fn hours(&self) -> Result<Option<Hours>, Error> {
        if self.opening_hours.is_none() {
            return Ok(None);
        }
        checked(&self.opening_hours()?, &self.closed_on()?).map(Some)
    }

    fn time_zone(&self) -> Result<TimeZone, Error> {
        TimeZone::get(&self.zone).map_err(|why| Error::internal("a stored zone is unknown", why))
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

/// Opening hours as they are typed: `mon-fri 09:00-12:00 13:00-17:00, sat 10:00-13:00`. What is wrong is named with its place.
pub fn typed(text: &str) -> Result<Vec<OpeningHours>, String> {
    let mut lines = Vec::new();
    for entry in text.split(',').map(str::trim) {
        let mut words = entry.split_whitespace();
        let weekdays = words.next().and_then(weekdays).ok_or_else(|| {
            format!("`{entry}`: must begin with a day of the week (mon, tue, wed, thu, fri, sat, sun) or with two, like mon-fri")
        })?;
        let before = lines.len();
        for word in words {
            let (opens, closes) = times(word).ok_or_else(|| {
                format!("`{entry}`: `{word}` must be two times of day, from 00:00 to 24:00, like 09:00-17:00")
            })?;
            lines.push((entry, OpeningHours { weekdays: weekdays.clone(), opens, closes }));
        }
        if lines.len() == before {
            return Err(format!("`{entry}`: must say from when until when, like 09:00-17:00"));
        }
    }
    let (entries, hours): (Vec<&str>, Vec<OpeningHours>) = lines.into_iter().unzip();
    match checked(&hours, &[]) {
        Ok(_) => Ok(hours),
        Err(Error::Invalid(problems)) => {
            Err(problems.iter().map(|one| named(one, &entries)).collect::<Vec<_>>().join("; "))
        }
        Err(other) => Err(other.to_string()),
    }
}

/// A problem by the entry that it is in.
fn named(problem: &FieldError, entries: &[&str]) -> String {
    let line = problem.pointer.split('/').nth(2).and_then(|line| line.parse::<usize>().ok());
    match line.and_then(|line| entries.get(line)) {
        Some(entry) => format!("`{entry}`: {}", problem.detail),
        None => problem.detail.clone(),
    }
}

fn weekdays(word: &str) -> Option<Vec<Weekday>> {
    let place = |name: &str| {
        let name = name.to_ascii_lowercase();
        Weekday::ALL.iter().position(|day| name.len() >= 3 && day.as_str().starts_with(&name))
    };
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Weekday::ALL.get(place(first)?..=place(last)?).map(<[Weekday]>::to_vec).filter(|days| !days.is_empty())
}

fn times(word: &str) -> Option<(TimeOfDay, TimeOfDay)> {
    let (opens, closes) = word.split_once('-')?;
    let time = |text: &str| TimeOfDay::try_from(text.to_owned()).ok();
    Some((time(opens)?, time(closes)?))
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
