//! What a change of a plan does to each of its days that are still to come.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::plans::revisions::RecordedCommand;
use crate::plans::{Known, PlanFile};
use crate::words;
use engine::{Command, Compiled, Enrolment, Facts, Occurrence, State};
use ground::time::Stamp;
use jiff::tz::TimeZone;

/// A plan as it is, or as it would be.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    compiled: &'a Compiled,
    enrolment: &'a Enrolment,
    known: &'a Known,
}

impl<'a> Side<'a> {
    /// Of a plan and what is recorded of it.
    pub fn new(plan_file: &'a PlanFile, known: &'a Known) -> Self {
        Self { compiled: &plan_file.compiled, enrolment: plan_file.enrolment(), known }
    }
}

/// A date on which something is different.
pub struct ChangedDay {
    pub date: Date,
    /// The day as it was.
    pub before: engine::Day,
    /// The day as it is to be.
    pub after: engine::Day,
    /// Indexes into `after` of lines that only it has.
    pub added: Vec<usize>,
    /// Indexes into `before` of lines that only it has.
    pub removed: Vec<usize>,
    /// Indexes into both of lines with other words or other hours, or another last day.
    pub changed: Vec<(usize, usize)>,
}

/// The maximum number of dates that are considered: two years of a plan and its pauses.
const MOST_DATES: i32 = 1_100;

/// The dates from today on that are different; lines are matched by key and slot.
pub fn changed_days(before: Side<'_>, after: Side<'_>, zone: &TimeZone, at: Stamp) -> Vec<ChangedDay> {
    let today = engine::local_date(zone, at);
    let ends = |side: Side<'_>| side.enrolment.date_of(side.compiled.horizon_day);
    let last = [ends(before), ends(after)].into_iter().flatten().max().unwrap_or(today);
    let dates = today.series(jiff::Span::new().days(1)).take_while(|date| *date <= last);
    dates
        .take(usize::try_from(MOST_DATES).unwrap_or_default())
        .filter_map(|date| changed_day(before, after, zone, at, date))
        .collect()
}

fn changed_day(before: Side<'_>, after: Side<'_>, zone: &TimeZone, at: Stamp, date: Date) -> Option<ChangedDay> {
    let seen = |side: Side<'_>| {
        let facts: Facts = side.known.facts();
        engine::on_date(side.compiled, side.enrolment, &facts, zone, at, date)
    };
    let (old, new) = (seen(before), seen(after));
    let (old_lines, new_lines) = (lines(before, &old), lines(after, &new));
    let added = new_lines.iter().filter(|(key, _)| !old_lines.contains_key(*key)).map(|(_, index)| *index).collect();
    let removed = old_lines.iter().filter(|(key, _)| !new_lines.contains_key(*key)).map(|(_, index)| *index).collect();
    let both = old_lines.iter().filter_map(|(key, index)| Some((*index, *new_lines.get(key)?)));
    let differs = |(one, other): &(usize, usize)| {
        let (Some(one), Some(other)) = (old.occurrences.get(*one), new.occurrences.get(*other)) else { return false };
        said(before, one) != said(after, other)
    };
    let changed = both.filter(differs).collect();
    let day = ChangedDay { date, added, removed, changed, before: old, after: new };
    let is_changed = !day.added.is_empty()
        || !day.removed.is_empty()
        || !day.changed.is_empty()
        || day.before.status != day.after.status
        || day.before.number != day.after.number;
    is_changed.then_some(day)
}

type LineKey<'a> = (&'a str, &'a str);

/// The lines of a day that are asked or told, by item and slot.
fn lines<'a>(side: Side<'a>, day: &engine::Day) -> BTreeMap<LineKey<'a>, usize> {
    let asked = day.occurrences.iter().enumerate().filter(|(_, occurrence)| occurrence.state != State::Cancelled);
    asked.filter_map(|(index, occurrence)| Some((line_key(side.compiled, occurrence)?, index))).collect()
}

fn line_key<'a>(compiled: &'a Compiled, occurrence: &Occurrence) -> Option<LineKey<'a>> {
    let (item, slot) = (compiled.items.get(occurrence.item)?, compiled.slots.get(occurrence.slot)?);
    Some((item.key.as_str(), slot.key.as_str()))
}

type Words<'a> = (&'a engine::Text, Option<&'a engine::Text>);
type Said<'a> = (Option<Words<'a>>, Stamp, Stamp, (Option<Date>, Option<Stamp>), bool);

fn said<'a>(side: Side<'a>, occurrence: &Occurrence) -> Said<'a> {
    let words = side.compiled.items.get(occurrence.item).map(|item| {
        let is_timed = occurrence.instants.are_known();
        (item.title_if(is_timed), item.text_if(is_timed))
    });
    let (opens_at, closes_at, until_at) = (occurrence.opens_at, occurrence.closes_at, occurrence.instants.until_at);
    (words, opens_at, closes_at, (occurrence.last_on, until_at), occurrence.held)
}

/// What a patient reads of a change that followed by itself, or was of all plans at once; of every other somebody wrote why.
pub fn own_words(recorded: &RecordedCommand, locale: &str) -> Option<String> {
    let key = match recorded {
        RecordedCommand::Command(Command::Supersede(Some(_))) => "plan-superseded",
        RecordedCommand::Command(Command::Supersede(None)) => "plan-reinstated",
        RecordedCommand::Moved(_) | RecordedCommand::MovedBack(_) => "plan-moved",
        _ => return None,
    };
    Some(words::say(locale, key, &[]))
}
