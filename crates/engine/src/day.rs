//! One day of a patient, as it is at one moment.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::calendar::{DayOfPlan, local_date, local_instant, next_date_change};
use super::clock::LocalTime;
use super::compile::{Compiled, Planned};
use super::document::Item;
use super::occurrences::{Changes, Enrolment, Facts, Window, line_of};
use super::timed::Instants;
use super::words::{ItemKind, LateEnrolment, PlanStatus, State};
use ground::ids::OccurrenceId;
use ground::time::Stamp;

/// One day of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day of the plan; before the treatment it is negative.
    pub number: i32,
    pub date: Date,
    /// Where the plan stands on it.
    pub status: PlanStatus,
    /// Index of its phase in the compiled plan.
    pub phase: Option<usize>,
    /// Its occurrences, and for today those of earlier days that can still be answered (these first).
    pub occurrences: Vec<Occurrence>,
    /// The last instant until now at which this became different though nothing was recorded.
    pub changed_at: Stamp,
    /// The next instant at which this is different if nothing is recorded.
    pub valid_until: Stamp,
}

/// One line of a plan in one window of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    pub id: OccurrenceId,
    /// Index of its item in the compiled plan.
    pub item: usize,
    /// The day it belongs to.
    pub day: i32,
    /// Index of its slot in the compiled plan.
    pub slot: usize,
    /// What it is now.
    pub state: State,
    /// When its window opens.
    pub opens_at: Stamp,
    /// When its window closes.
    pub closes_at: Stamp,
    /// Until when it can still be answered.
    pub late_until: Stamp,
    /// When a reminder is due if nothing is there.
    pub remind_at: Option<Stamp>,
    /// The last day a restriction is in force, as far as is known.
    pub last_day: Option<i32>,
    /// Its date; `None` while a pause that nobody has ended keeps it away.
    pub last_on: Option<Date>,
    /// When the line begins and ends by the hour.
    pub instants: Instants,
    /// Whether it is in force beyond its planned days because of the answers.
    pub held: bool,
    /// Of what was over before the enrolment and is there after all: whether anybody expects it.
    pub caught_up: Option<LateEnrolment>,
}

/// The patient's current day, with what can still be answered of earlier days.
pub fn today(compiled: &Compiled, enrolment: &Enrolment, facts: &Facts, zone: &TimeZone, as_of: Stamp) -> Day {
    let date = local_date(zone, as_of);
    let number = enrolment.day_on(date);
    let seen = Seen { compiled, enrolment, facts, zone };
    let mut view = View::new(zone, as_of);
    match enrolment.status_on(date) {
        PlanStatus::Active | PlanStatus::Draft => {
            seen.add_caught_up(&mut view, number, date);
            for earlier in number - compiled.reach()..number {
                seen.add_still_answerable(&mut view, earlier);
            }
            seen.add_all(&mut view, number, date);
        }
        PlanStatus::OnHold => {
            seen.add_all(&mut view, number, date);
            view.occurrences.retain(|occurrence| occurrence.state != State::Cancelled);
        }
        _ => {}
    }
    view.day(compiled, enrolment, number, date)
}

/// The day of the plan that is a date, seen from a moment; lines that only inform are gone once their window closed.
pub fn on_date(
    compiled: &Compiled,
    enrolment: &Enrolment,
    facts: &Facts,
    zone: &TimeZone,
    as_of: Stamp,
    date: Date,
) -> Day {
    let seen = Seen { compiled, enrolment, facts, zone };
    let mut view = View::new(zone, as_of);
    let day = enrolment.day_on(date);
    if enrolment.status.is_shown() {
        seen.add_all(&mut view, day, date);
    }
    view.day(compiled, enrolment, day, date)
}

/// A date to come, as Today will have it if nothing is recorded until then: with what is caught up on.
pub fn ahead(
    compiled: &Compiled,
    enrolment: &Enrolment,
    facts: &Facts,
    zone: &TimeZone,
    as_of: Stamp,
    date: Date,
) -> Day {
    let own = on_date(compiled, enrolment, facts, zone, as_of, date);
    let mut view = View::new(zone, as_of);
    if own.status == PlanStatus::Active && date > local_date(zone, as_of) {
        Seen { compiled, enrolment, facts, zone }.add_caught_up(&mut view, own.number, date);
    }
    view.occurrences.extend(own.occurrences);
    view.changes.note(own.changed_at);
    view.changes.note(own.valid_until);
    view.day(compiled, enrolment, own.number, date)
}

/// Any day of the plan, in the same way. While it is not known when it comes, because the plan's days wait (`date_of` gives
/// none), it is empty and stands at the end of time.
pub fn day(compiled: &Compiled, enrolment: &Enrolment, facts: &Facts, zone: &TimeZone, as_of: Stamp, day: i32) -> Day {
    match enrolment.date_of(day) {
        Some(date) => on_date(compiled, enrolment, facts, zone, as_of, date),
        None => View::new(zone, as_of).day(compiled, enrolment, day, Date::MAX),
    }
}

/// What is shown, since when and until when.
struct View {
    occurrences: Vec<Occurrence>,
    changes: Changes,
    /// When the date began, and when the next one does.
    date: (Stamp, Stamp),
}

impl View {
    fn new(zone: &TimeZone, as_of: Stamp) -> Self {
        let midnight = local_instant(local_date(zone, as_of), LocalTime::MIDNIGHT, zone);
        Self {
            occurrences: Vec::new(),
            changes: Changes::seen_at(as_of),
            date: (midnight.min(as_of), next_date_change(zone, as_of)),
        }
    }

    fn day(self, compiled: &Compiled, enrolment: &Enrolment, number: i32, date: Date) -> Day {
        // A plan ends by itself after its last day, and is there as long as something of that day can still be answered.
        let status = match enrolment.status_on(date) {
            PlanStatus::Active if self.occurrences.is_empty() => compiled.status_after(number, PlanStatus::Active),
            status => status,
        };
        // What is common on a day is not told to one for whom the plan may not be right.
        let is_told = enrolment.status != PlanStatus::Draft;
        Day {
            number,
            date,
            status,
            phase: if is_told { compiled.phase_index_on(DayOfPlan(number), enrolment.age_on(date)) } else { None },
            occurrences: self.occurrences,
            changed_at: self.changes.last.map_or(self.date.0, |last| last.max(self.date.0)),
            valid_until: self.changes.next.map_or(self.date.1, |next| next.min(self.date.1)),
        }
    }
}

/// From where a day is looked at.
pub struct Seen<'a> {
    pub compiled: &'a Compiled,
    pub enrolment: &'a Enrolment,
    pub facts: &'a Facts<'a>,
    pub zone: &'a TimeZone,
}

impl Seen<'_> {
    fn add_all(&self, view: &mut View, day: i32, date: Date) {
        let mut windows = Windows::new(self, date);
        for line in self.compiled.lines_on(self.enrolment, day) {
            view.occurrences.extend(self.occurrence(&mut windows, line, day, false, &mut view.changes));
        }
        let mut held: Vec<&str> = Vec::new();
        for line in self.compiled.perhaps_held_on(day) {
            let Some(item) = self.compiled.items.get(line.item).filter(|item| self.is_held(item, DayOfPlan(day)))
            else {
                continue;
            };
            held.extend(item.meaning.as_deref());
            view.occurrences.extend(self.occurrence(&mut windows, line, day, true, &mut view.changes));
        }
        if !held.is_empty() {
            view.occurrences.retain(|one| one.day != day || !self.is_forbidden(one, &held));
        }
    }

    /// Whether a restriction that the answers keep in force forbids what a line asks for: "not yet" and "do it" never stand on one day.
    fn is_forbidden(&self, one: &Occurrence, held: &[&str]) -> bool {
        let asks = matches!(one.state, State::Upcoming | State::Open | State::Late);
        let item = self.compiled.items.get(one.item).filter(|item| item.kind.tells_to_do());
        asks && item.and_then(|item| item.meaning.as_deref()).is_some_and(|meaning| held.contains(&meaning))
    }

    /// Of days before the enrolment, what is there after all on a date.
    fn add_caught_up(&self, view: &mut View, number: i32, date: Date) {
        let days = if self.catches_up_on(date) { 0..number } else { 0..0 };
        for day in days {
            let Some(date) = self.enrolment.date_of(day) else { return };
            let mut windows = Windows::new(self, date);
            for line in self.compiled.planned_on(day) {
                if windows.of(line.slot).is_none_or(|window| window.closes_at > self.enrolment.enrolled_at) {
                    continue;
                }
                let occurrence = self.occurrence(&mut windows, *line, day, false, &mut view.changes);
                view.occurrences.extend(occurrence.filter(|one| one.caught_up.is_some() && one.state == State::Open));
            }
        }
    }

    /// Of an earlier day, what is open (a window can reach into the next day) or late.
    fn add_still_answerable(&self, view: &mut View, day: i32) {
        let Some(date) = self.enrolment.date_of(day) else { return };
        let mut windows = Windows::new(self, date);
        for line in self.compiled.lines_on(self.enrolment, day) {
            // What was over before this date began changes nothing any more.
            if windows.of(line.slot).is_none_or(|window| window.late_until <= view.date.0) {
                continue;
            }
            let occurrence = self.occurrence(&mut windows, line, day, false, &mut view.changes);
            let is_left = |one: &Occurrence| matches!(one.state, State::Open | State::Late) && one.caught_up.is_none();
            view.occurrences.extend(occurrence.filter(is_left));
        }
    }

    pub fn occurrence(
        &self,
        windows: &mut Windows,
        line: Planned,
        day: i32,
        held: bool,
        changes: &mut Changes,
    ) -> Option<Occurrence> {
        let (item, slot) = line_of(self.compiled, line).filter(|(item, _)| self.enrolment.shows(item))?;
        let instants = self.enrolment.instants(item);
        let (own, is_own_day) = (windows.of(line.slot)?, item.days.contains(day));
        let own = instants.within(own, item, is_own_day)?;
        let (caught_up, window) = self.caught_up(item, line.slot, &own).unzip();
        let window = instants.within(window.unwrap_or(own), item, is_own_day)?;
        let id = self.enrolment.occurrence_id(&item.key, day, &slot.key);
        let recorded = if item.kind.can_be_marked() { self.facts.about(id) } else { None };
        let enrolled_at = self.enrolment.enrolled_at;
        let state = match windows.status {
            PlanStatus::Active | PlanStatus::Draft => window.state(item.kind, recorded, enrolled_at, changes)?,
            // A pause keeps what is forbidden, and what is safe whatever the reason is.
            PlanStatus::OnHold
                if item.kind == ItemKind::Restriction || (item.even_when_excluded && !item.kind.can_be_marked()) =>
            {
                window.state(item.kind, None, enrolled_at, changes)?
            }
            _ if item.kind.can_be_marked() && !windows.waits => recorded.unwrap_or(State::Cancelled),
            _ => return None,
        };
        let state = caught_up.map_or(state, |how: LateEnrolment| how.state(state));
        let asked = || self.enrolment.asked_then(id, windows.date, window.closes_at, self.zone);
        let state = if state == State::Missed && !asked() { State::Cancelled } else { state };
        let Window { opens_at, closes_at, late_until, remind_at } = window;
        let (last_day, last_on) = self.last(item, day, instants.until_at);
        Some(Occurrence {
            id,
            item: line.item,
            day,
            slot: line.slot,
            state,
            opens_at,
            closes_at,
            late_until,
            remind_at,
            last_day,
            last_on,
            instants,
            held,
            caught_up,
        })
    }

    /// The window of a line, as far as its hours reach.
    pub(super) fn window(&self, windows: &mut Windows, line: Planned, day: i32) -> Option<Window> {
        let item = self.compiled.items.get(line.item)?;
        self.enrolment.instants(item).within(windows.of(line.slot)?, item, item.days.contains(day))
    }

    fn is_held(&self, item: &Item, day: DayOfPlan) -> bool {
        self.facts.hold(self.compiled, item, day, self.enrolment.age_of(day))
    }

    /// The last day and date of a restriction: by the hour, or by its days.
    fn last(&self, item: &Item, day: i32, until_at: Option<Stamp>) -> (Option<i32>, Option<Date>) {
        if item.kind != ItemKind::Restriction {
            return (None, None);
        }
        if let Some(until_at) = until_at {
            let date = self.last_date(until_at);
            return (Some(self.enrolment.day_on(date)), Some(date));
        }
        let last_day = self.last_day(item, day);
        (last_day, last_day.and_then(|day| self.enrolment.date_of(day)))
    }

    /// The end of the planned run; beyond the planned days, as far as the hold reaches with the answers there are.
    fn last_day(&self, item: &Item, day: i32) -> Option<i32> {
        if let Some(end) = item.days.end_of_run(day) {
            return Some(end);
        }
        let hold = item.hold.as_ref()?;
        if !hold.when.variables().iter().any(|name| name == "day" || name.ends_with("_expected")) {
            return Some(hold.to_day);
        }
        let lifted = (day..=hold.to_day).find(|later| !self.is_held(item, DayOfPlan(*later)));
        Some(lifted.map_or(hold.to_day, |first_free| first_free - 1))
    }
}

/// The windows of a day, each resolved once.
pub struct Windows<'a> {
    slots: &'a [super::document::Slot],
    date: Date,
    /// Where the plan stands on the date.
    status: PlanStatus,
    /// Whether the plan's days wait on the date: what can be marked comes later.
    waits: bool,
    zone: &'a TimeZone,
    resolved: Vec<Option<Window>>,
}

impl<'a> Windows<'a> {
    pub fn new(seen: &Seen<'a>, date: Date) -> Self {
        let slots = seen.compiled.slots.as_slice();
        Self {
            slots,
            date,
            status: seen.enrolment.status_on(date),
            waits: seen.enrolment.waits_on(date),
            zone: seen.zone,
            resolved: vec![None; slots.len()],
        }
    }

    pub(super) fn of(&mut self, slot: usize) -> Option<Window> {
        let resolved = self.resolved.get_mut(slot)?;
        if resolved.is_none() {
            *resolved = Some(Window::of(self.slots.get(slot)?, self.date, self.zone));
        }
        *resolved
    }

    /// When the day begins.
    pub(super) fn start(&self) -> Stamp {
        local_instant(self.date, LocalTime::MIDNIGHT, self.zone)
    }
}
