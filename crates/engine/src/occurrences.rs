//! Occurrences: their ids, the facts about them, and what their state is.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use uuid::Uuid;

use super::answers::{Answers, known_answer};
use super::calendar::{Age, DayOfPlan, add_days, local_instant};
use super::compile::{Compiled, Planned};
use super::conditions::{Known, Verdict};
use super::document::{Item, SIGNS, Slot};
use super::history::History;
use super::stops::Stops;
use super::words::{ItemKind, MarkState, PlanStatus, State};
use ground::ids::{OccurrenceId, PlanId};
use ground::time::Stamp;

/// A plan as the engine needs it.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub plan: PlanId,
    /// The treatment's local date at the clinic.
    pub day_zero: Date,
    /// When the treatment was, if that is known.
    pub performed_at: Option<Stamp>,
    /// When the patient was enrolled, or the plan was started after waiting: what was over by then is not expected.
    pub enrolled_at: Stamp,
    /// Where the plan stands, pauses and ends aside: `status_on` knows those.
    pub status: PlanStatus,
    /// Its pauses and its end.
    pub stops: Stops,
    /// How many days later than at first its days are counted from, because the treatment's date was corrected: occurrences keep
    /// the ids of their dates.
    pub counted_later: i32,
    /// How it stood before its changes.
    pub history: History,
}

impl Enrolment {
    /// Whether a line is there for the patient: while the plan waits for a person, only what is safe whatever the reason is, and
    /// no check-in at set hours.
    pub(super) fn shows(&self, item: &Item) -> bool {
        self.status != PlanStatus::Draft || (item.even_when_excluded && item.kind != ItemKind::CheckIn)
    }
}

/// What is recorded about a plan; of several marks on one occurrence the last counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The marks that stand.
    pub marks: &'a [MarkFact],
    /// The check-ins that stand.
    pub check_ins: &'a [CheckInFact],
}

/// One mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkFact {
    /// On what.
    pub occurrence: OccurrenceId,
    /// What was recorded.
    pub state: MarkState,
}

/// One check-in.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckInFact {
    /// The scheduled check-in it answers; none if the patient wrote unasked.
    pub occurrence: Option<OccurrenceId>,
    /// The day it is about.
    pub day: i32,
    /// When it was answered.
    pub answered_at: Stamp,
    pub answers: Answers,
}

impl Enrolment {
    /// A plan that runs without a break from its first day on.
    pub fn running(plan: PlanId, day_zero: Date, enrolled_at: Stamp) -> Self {
        Self {
            plan,
            day_zero,
            performed_at: None,
            enrolled_at,
            status: PlanStatus::Active,
            stops: Stops::default(),
            counted_later: 0,
            history: History::default(),
        }
    }

    /// The id of an occurrence on a day of the plan: that of its date, whatever the treatment's date was corrected to.
    pub fn occurrence_id(&self, item_key: &str, day: i32, slot_key: &str) -> OccurrenceId {
        occurrence_id(self.plan, item_key, self.first_counted(day), slot_key)
    }

    /// Whether a phone may have asked for it by then, before it heard of the clinic's changes: its window, as it would be without any
    /// pause, had opened, and was not over before the enrolment.
    pub fn may_have_asked(&self, slot: &Slot, day: i32, zone: &TimeZone, at: Stamp) -> bool {
        let window = Window::of(slot, add_days(self.day_zero, day), zone);
        window.opens_at <= at && window.closes_at > self.enrolled_at
    }

    /// Whether the window of a line on a day has opened by then, as it would be without any pause.
    pub fn has_opened(&self, slot: &Slot, day: i32, zone: &TimeZone, at: Stamp) -> bool {
        Window::of(slot, add_days(self.day_zero, day), zone).opens_at <= at
    }

    /// Whether the window of a line on a day has closed by then; as it would be without a pause that nobody has ended.
    pub fn has_closed(&self, slot: &Slot, day: i32, zone: &TimeZone, at: Stamp) -> bool {
        let date = self.date_of(day).unwrap_or_else(|| add_days(self.day_zero, day));
        Window::of(slot, date, zone).closes_at <= at
    }
}

/// What was noted so long before it came was noted without network: the patient may have flown since, by so much at the most.
const OFFLINE_SECONDS: i64 = 600;
const FLOWN_SECONDS: i64 = 26 * 3_600;

/// What the clocks where the patient was may have shown when something was noted, by the clocks where the patient is now.
pub fn at_the_latest(noted_at: Stamp, at: Stamp) -> Stamp {
    if at.seconds_since(noted_at) > OFFLINE_SECONDS { noted_at.plus_seconds(FLOWN_SECONDS) } else { noted_at }
}

/// The id of an occurrence: it depends on the plan, the item, the day (as it was first counted) and the slot, never on the zone or the version.
pub fn occurrence_id(plan: PlanId, item_key: &str, day: i32, slot_key: &str) -> OccurrenceId {
    let name = format!("{item_key}\n{day}\n{slot_key}"); // keys hold no line break, so two names are never the same
    OccurrenceId::from(Uuid::new_v5(&plan.0, name.as_bytes()))
}

/// The line, day and slot of an occurrence id, searched outward from a day.
pub fn find(
    compiled: &Compiled,
    enrolment: &Enrolment,
    id: OccurrenceId,
    near_day: i32,
) -> Option<(usize, i32, usize)> {
    let near = near_day.clamp(0, compiled.horizon_day);
    let outward = (0..=compiled.horizon_day).flat_map(|far| [near + far, near - far]);
    let on_day =
        |day| compiled.lines_on(enrolment, day).chain(compiled.perhaps_held_on(day)).map(move |line| (line, day));
    let is_it = |(line, day): &(Planned, i32)| {
        line_of(compiled, *line).is_some_and(|(item, slot)| {
            enrolment.shows(item) && enrolment.occurrence_id(&item.key, *day, &slot.key) == id
        })
    };
    outward.flat_map(on_day).find(is_it).map(|(line, day)| (line.item, day, line.slot))
}

pub fn line_of(compiled: &Compiled, line: Planned) -> Option<(&Item, &Slot)> {
    compiled.items.get(line.item).zip(compiled.slots.get(line.slot))
}

/// The instants of a slot on a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) opens_at: Stamp,
    pub(super) closes_at: Stamp,
    pub(super) late_until: Stamp,
    pub(super) remind_at: Option<Stamp>,
}

impl Window {
    pub(super) fn of(slot: &Slot, date: Date, zone: &TimeZone) -> Self {
        let closes_at = local_instant(date, slot.closes, zone);
        Self {
            opens_at: local_instant(date, slot.opens, zone),
            late_until: if slot.late_until == slot.closes {
                closes_at
            } else {
                local_instant(date, slot.late_until, zone)
            },
            remind_at: slot.remind.map(|time| local_instant(date, time, zone)),
            closes_at,
        }
    }

    pub(super) fn on(
        compiled: &Compiled,
        enrolment: &Enrolment,
        line: Planned,
        day: i32,
        zone: &TimeZone,
    ) -> Option<Self> {
        let slot = compiled.slots.get(line.slot)?;
        Some(Self::of(slot, enrolment.date_of(day)?, zone))
    }

    /// The state at an instant; `None` once a line that only informs is over. When it changes by itself goes into `changes`.
    pub(super) fn state(
        &self,
        kind: ItemKind,
        recorded: Option<State>,
        enrolled_at: Stamp,
        changes: &mut Changes,
    ) -> Option<State> {
        if recorded.is_some() {
            return recorded;
        }
        let marked = kind.can_be_marked();
        if self.closes_at <= enrolled_at {
            return marked.then_some(State::Cancelled);
        }
        let ends = [self.opens_at, self.closes_at, self.late_until];
        ends.into_iter().take(if marked { 3 } else { 2 }).for_each(|end| changes.note(end));
        if changes.as_of < self.opens_at {
            Some(State::Upcoming)
        } else if changes.as_of < self.closes_at {
            Some(State::Open)
        } else if !marked {
            None
        } else if changes.as_of < self.late_until {
            Some(State::Late)
        } else {
            Some(State::Missed)
        }
    }
}

/// When what is seen at a moment changes by itself: the last time until then, and the next time after it.
#[derive(Debug, Clone, Copy)]
pub struct Changes {
    pub(super) as_of: Stamp,
    pub(super) last: Option<Stamp>,
    pub(super) next: Option<Stamp>,
}

impl Changes {
    pub fn seen_at(as_of: Stamp) -> Self {
        Self { as_of, last: None, next: None }
    }

    /// Something changes then.
    pub(super) fn note(&mut self, at: Stamp) {
        if at <= self.as_of {
            self.last = self.last.max(Some(at));
        } else {
            self.next = self.next.into_iter().chain([at]).min();
        }
    }
}

impl Facts<'_> {
    /// What is recorded about an occurrence.
    pub(super) fn about(&self, id: OccurrenceId) -> Option<State> {
        let mark = self.marks.iter().rev().find(|mark| mark.occurrence == id).map(|mark| State::from(mark.state));
        mark.or_else(|| self.check_ins.iter().any(|check_in| check_in.occurrence == Some(id)).then_some(State::Done))
    }

    /// Whether a restriction is in force on a day after its last one, by the answers given since.
    pub(super) fn hold(&self, compiled: &Compiled, item: &Item, day: DayOfPlan, age: Age) -> bool {
        let (Some(hold), Some(last)) = (&item.hold, item.days.last()) else { return false };
        let mut since: Vec<&CheckInFact> =
            self.check_ins.iter().filter(|check_in| (last..=day.0).contains(&check_in.day)).collect();
        since.sort_by_key(|check_in| (check_in.day, check_in.answered_at));
        let newest_first: Vec<&Answers> = since.into_iter().rev().map(|check_in| &check_in.answers).collect();
        match hold.when.judge(|name| answered(compiled.on(day), &newest_first, age, name)) {
            Verdict::True => true,
            Verdict::False => false,
            Verdict::Unknown | Verdict::Failed => hold.if_unknown,
        }
    }
}

/// A variable as the latest answers have it, each question by itself.
fn answered(compiled: &Compiled, newest_first: &[&Answers], age: Age, name: &str) -> Option<Known> {
    let nth = |key: &str, n: usize| {
        let question = compiled.question(key)?;
        let value: &Json = newest_first.iter().filter_map(|answers| answers.0.get(key)).nth(n)?;
        known_answer(question.kind, value)
    };
    if name == "day" {
        return Some(Known::Whole(age.0));
    }
    if name == "previous_signs" {
        return nth(SIGNS, 1);
    }
    let expected = || compiled.normal(name.strip_suffix("_expected")?, age).map(|level| Known::Whole(i32::from(level)));
    let previous = || nth(name.strip_suffix("_previous")?, 1);
    compiled.known(name).or_else(|| nth(name, 0)).or_else(previous).or_else(expected)
}
