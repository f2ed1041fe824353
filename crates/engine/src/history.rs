//! A plan as it stood: what its clinic changed afterwards does not decide what was asked before.
//!
//! An occurrence is missed if and only if the plan, as it stood when its window closed, asked for it, and asks for it now; adherence asks the
//! same of the patient's other plans, because one of them may have forbidden it (`adherence`).
//! E.g. a plan that was paused on 6 May at noon and, by an undo, never was: the evening of the 6th and the whole 7th were not asked,
//! though the plan of today knows of no pause, and so they cannot have been missed.

use std::ops::Deref;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::{add_days, local_instant};
use super::clock::LocalTime;
use super::compile::Compiled;
use super::day::{Seen, Windows};
use super::occurrences::{Changes, Enrolment, Facts};
use super::words::{PlanStatus, State};
use ground::ids::OccurrenceId;
use ground::time::Stamp;

/// A plan as it stood until it was changed.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// The instant of the change; the plan still stood so at it.
    pub until: Stamp,
    /// Without a history of its own.
    pub enrolment: Enrolment,
    pub compiled: Arc<Compiled>,
    /// Where on the body.
    pub body_area: String,
}

/// How a plan stood before each of its changes, oldest first; empty if it was never changed.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<[Epoch]>);

impl FromIterator<Epoch> for History {
    fn from_iter<I: IntoIterator<Item = Epoch>>(epochs: I) -> Self {
        Self(epochs.into_iter().collect())
    }
}

impl Deref for History {
    type Target = [Epoch];

    fn deref(&self) -> &[Epoch] {
        &self.0
    }
}

impl Epoch {
    /// Whether the plan asked, at an instant, for this occurrence on this date.
    fn asked(&self, id: OccurrenceId, date: Date, at: Stamp, zone: &TimeZone) -> bool {
        let Self { enrolment, compiled, .. } = self;
        let day = enrolment.day_on(date);
        if enrolment.date_of(day) != Some(date) {
            return false; // the plan's days waited on this date
        }
        let seen = Seen { compiled, enrolment, facts: &Facts::default(), zone };
        let (mut windows, mut changes) = (Windows::new(&seen, date), Changes::seen_at(at));
        let mut lines = compiled.lines_on(enrolment, day).filter_map(|line| {
            let (item, slot) = super::occurrences::line_of(compiled, line)?;
            let is_it = enrolment.occurrence_id(&item.key, day, &slot.key) == id;
            is_it.then(|| seen.occurrence(&mut windows, line, day, false, &mut changes))?
        });
        lines.next().is_some_and(|one| one.state != State::Cancelled)
    }
}

impl Enrolment {
    /// The plan as it stood at an instant; `None`: as it stands now.
    pub fn as_it_stood(&self, at: Stamp) -> Option<&Epoch> {
        self.history.iter().find(|epoch| at <= epoch.until)
    }

    /// Whether the plan, as it stood at an instant, asked for an occurrence of this date, which it asks for now.
    pub(super) fn asked_then(&self, id: OccurrenceId, date: Date, at: Stamp, zone: &TimeZone) -> bool {
        self.as_it_stood(at).is_none_or(|epoch| epoch.asked(id, date, at, zone))
    }

    /// Whether the plan ran on a date, as it stood at the date's end.
    pub(super) fn ran_on(&self, date: Date, zone: &TimeZone) -> bool {
        let end = local_instant(add_days(date, 1), LocalTime::MIDNIGHT, zone);
        let stood = self.as_it_stood(end).map_or(self, |epoch| &epoch.enrolment);
        stood.status_on(date) == PlanStatus::Active
    }
}
