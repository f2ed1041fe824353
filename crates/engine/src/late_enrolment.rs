//! Late enrolment: what comes once and was over when the patient was enrolled, if the protocol wants it to come after all.

use jiff::Span;
use jiff::civil::Date;

use super::calendar::{local_date, local_instant};
use super::clock::LocalTime;
use super::day::Seen;
use super::document::Item;
use super::occurrences::Window;
use super::words::{ItemKind, LateEnrolment, PlanStatus, State};

/// What is caught up on is there from the enrolment until the end of the next date: a day at least.
const DATES: i32 = 2;

impl Item {
    /// Whether the line is there after all if it was over when the patient was enrolled: only what comes once and does not ask
    /// how the skin is on its day.
    pub fn caught_up(&self) -> Option<LateEnrolment> {
        let is_of_its_day = !matches!(self.kind, ItemKind::Task | ItemKind::Photo | ItemKind::Education);
        let is_wanted = self.late_enrolment != LateEnrolment::Skip;
        (is_wanted && !is_of_its_day && self.days.only().is_some()).then_some(self.late_enrolment)
    }
}

impl LateEnrolment {
    /// What nobody expects was not missed.
    pub(super) fn state(self, state: State) -> State {
        if self == Self::CatchUp && state == State::Missed { State::Cancelled } else { state }
    }
}

impl Seen<'_> {
    /// Whether lines of days before the enrolment can be there on a date.
    pub(super) fn catches_up_on(&self, date: Date) -> bool {
        let enrolled_on = local_date(self.zone, self.enrolment.enrolled_at);
        (enrolled_on..=last_date(enrolled_on)).contains(&date)
    }

    /// The window of a line that was over before the enrolment and is there after all; not while the plan is paused or over.
    pub(super) fn caught_up(&self, item: &Item, slot: usize, window: &Window) -> Option<(LateEnrolment, Window)> {
        let enrolled_at = self.enrolment.enrolled_at;
        if window.closes_at > enrolled_at || item.slots.last() != Some(&slot) {
            return None; // of several windows of one date the last is enough
        }
        let how = item.caught_up()?;
        let enrolled_on = local_date(self.zone, enrolled_at);
        let runs = |date| self.enrolment.status_on(date) == PlanStatus::Active;
        if !runs(enrolled_on) || !runs(last_date(enrolled_on)) {
            return None;
        }
        let midnight = LocalTime { days: DATES, hour: 0, minute: 0 };
        let closes_at = local_instant(enrolled_on, midnight, self.zone);
        Some((how, Window { opens_at: enrolled_at, closes_at, late_until: closes_at, remind_at: None }))
    }
}

fn last_date(enrolled_on: Date) -> Date {
    enrolled_on.saturating_add(Span::new().days(DATES - 1))
}
