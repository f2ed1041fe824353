//! A hundred thousand journeys: at any hour, in any direction, around changes of the clock; Today and the reminders are compared
//! with a reading of the plan that knows neither the engine nor its library of time zones.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    Enrolment, Facts, ItemKind, LocalTime, MarkFact, MarkState, Reader, Reason, State, due_reminders, look_from,
    occurrence_id, reason_of, today,
};
use ground::ids::OccurrenceId;
use ground::time::Stamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::dice::Dice;
use crate::oracle::{DAY, FIRST_DAY, LAST_DAY, Oracle};
use crate::support::{TIMED as PLAN, enrolment, plan_id};
use crate::zones::ZONES;

const JOURNEYS: u64 = 100_000;
const HOUR: i64 = 3_600;

type Place = (&'static str, TimeZone, &'static Oracle);

fn stamp(seconds: i64) -> Stamp {
    Stamp::from(Timestamp::from_second(seconds).unwrap())
}

fn date_of(days: i64) -> Date {
    date(1970, 1, 1).saturating_add(days.days())
}

/// A line of the plan as the oracle reads it in a place.
struct Line {
    id: OccurrenceId,
    day: i64,
    opens: i64,
    closes: i64,
    late_until: i64,
    remind: Option<i64>,
}

/// What can be marked on a day. What begins so many hours after the treatment is there from that instant on, where it is known, and so may come
/// on days before its own.
fn lines(oracle: &Oracle, (day_zero, performed_at): (i64, Option<i64>), day: i64) -> Vec<Line> {
    let number = i32::try_from(day).unwrap();
    let showing = |time: LocalTime| {
        let clock = i64::from(time.hour) * HOUR + i64::from(time.minute) * 60;
        oracle.first_showing((day_zero + day + i64::from(time.days)) * DAY + clock)
    };
    let mut lines = Vec::new();
    for item in PLAN.items.iter().filter(|item| item.kind.can_be_marked()) {
        let from_hour = item.timed.as_ref().and_then(|timed| timed.from_hour);
        let begins = performed_at.zip(from_hour).map(|(at, hours)| at + i64::from(hours) * HOUR);
        let comes_before = |hours| {
            let first = item.days.iter().next().unwrap();
            item.days.only().is_none() && number < first && number >= hours / 24
        };
        let comes_early = begins.is_some() && from_hour.is_some_and(comes_before);
        if !item.days.contains(number) && !comes_early {
            continue;
        }
        for slot in item.slots.iter().map(|slot| &PLAN.slots[*slot]) {
            let opens = begins.map_or(showing(slot.opens), |begins| begins.max(showing(slot.opens)));
            lines.push(Line {
                id: occurrence_id(plan_id(), &item.key, number, &slot.key),
                day,
                opens,
                closes: showing(slot.closes),
                late_until: showing(slot.late_until),
                remind: slot.remind.map(|at| showing(at).max(opens)),
            });
        }
    }
    lines.retain(|line| line.opens < line.closes || performed_at.is_none());
    lines
}

impl Line {
    fn state(&self, done: &BTreeSet<OccurrenceId>, enrolled_at: i64, now: i64) -> State {
        match () {
            () if done.contains(&self.id) => State::Done,
            () if self.closes <= enrolled_at => State::Cancelled,
            () if now < self.opens => State::Upcoming,
            () if now < self.closes => State::Open,
            () if now < self.late_until => State::Late,
            () => State::Missed,
        }
    }
}

struct Journey {
    enrolment: Enrolment,
    day_zero: i64,
    performed_at: Option<i64>,
    enrolled_at: i64,
    done: BTreeSet<OccurrenceId>,
    /// Each occurrence that a reminder was decided about, with what was decided.
    decided: BTreeMap<OccurrenceId, Reason>,
    planned_to: i64,
}

impl Journey {
    fn marks(&self) -> Vec<MarkFact> {
        self.done.iter().map(|id| MarkFact { occurrence: *id, state: MarkState::Done }).collect()
    }

    /// What Today must say.
    fn expected(&self, oracle: &Oracle, now: i64) -> BTreeMap<OccurrenceId, State> {
        let number = oracle.local_day(now) - self.day_zero;
        let days = (number - 3).max(0)..=number;
        let all = days.flat_map(|day| lines(oracle, (self.day_zero, self.performed_at), day));
        let seen = all.map(|line| (line.state(&self.done, self.enrolled_at, now), line));
        seen.filter(|(state, line)| line.day == number || matches!(state, State::Open | State::Late))
            .map(|(state, line)| (line.id, state))
            .collect()
    }

    fn look(&self, (name, zone, oracle): &Place, now: i64) -> BTreeMap<OccurrenceId, State> {
        let marks = self.marks();
        let seen = today(&PLAN, &self.enrolment, &Facts { marks: &marks, check_ins: &[] }, zone, stamp(now));
        assert_eq!(i64::from(seen.number), oracle.local_day(now) - self.day_zero, "{name} at {now}");
        let mut found = BTreeMap::new();
        for one in seen.occurrences.iter().filter(|one| PLAN.items[one.item].kind.can_be_marked()) {
            assert!(found.insert(one.id, one.state).is_none(), "a line stands twice: {name} at {now}");
        }
        assert_eq!(found, self.expected(oracle, now), "{name} at {now}");
        found
    }

    /// The planner's turn, as the server takes it.
    fn remind(&mut self, (name, zone, oracle): &Place, now: i64) {
        let marks = self.marks();
        let after = look_from(stamp(self.planned_to), stamp(self.enrolled_at));
        let facts = Facts { marks: &marks, check_ins: &[] };
        let due = due_reminders(&PLAN, &self.enrolment, &facts, zone, after, stamp(now));
        let earliest = (self.planned_to - 26 * HOUR).max(self.enrolled_at);
        let number = oracle.local_day(now) - self.day_zero;
        let all =
            ((number - 5).max(0)..=number + 1).flat_map(|day| lines(oracle, (self.day_zero, self.performed_at), day));
        let expected: BTreeSet<OccurrenceId> =
            all.filter(|line| line.remind.is_some_and(|at| earliest < at && at <= now)).map(|line| line.id).collect();
        let found: BTreeSet<OccurrenceId> = due.iter().map(|due| due.occurrence.id).collect();
        assert_eq!(found, expected, "{name} at {now}");
        let asked = self.look(&(name, zone.clone(), oracle), now);
        for due in due {
            let reason = reason_of(&due, Reader { accepted: true, wants: true, refused: false }, stamp(now));
            if reason == Reason::Missing && !self.decided.contains_key(&due.occurrence.id) {
                let state = asked.get(&due.occurrence.id);
                assert!(
                    matches!(state, Some(State::Open | State::Late)),
                    "a reminder of what Today does not ask: {state:?}"
                );
                assert!(!self.done.contains(&due.occurrence.id));
            }
            self.decided.entry(due.occurrence.id).or_insert(reason);
        }
        self.planned_to = now;
    }
}

#[test]
fn a_hundred_thousand_journeys_agree_with_the_oracle() {
    let (mut flights, mut marked, mut reminded) = (0, 0, 0);
    for seed in 0..JOURNEYS {
        let mut dice = Dice(seed);
        let mut place = dice.one_of(&ZONES).clone();
        // Half of them around a change of the clock.
        let changes: Vec<i64> = if dice.flip() { place.2.transitions().collect() } else { Vec::new() };
        let treated_at = match changes.as_slice() {
            [] => i64::from(dice.between(20_460, 25_900)) * DAY + i64::from(dice.between(0, 86_400)),
            changes => *dice.one_of(changes) - i64::from(dice.between(0, 4 * 86_400)),
        };
        let day_zero = place.2.local_day(treated_at).clamp(FIRST_DAY, LAST_DAY - 30);
        let begun = treated_at.max(place.2.first_showing(day_zero * DAY));
        let enrolled_at = if dice.flip() { begun } else { begun + i64::from(dice.between(0, 3 * 86_400)) };
        let performed_at = dice.flip().then_some(begun);
        let mut journey = Journey {
            enrolment: Enrolment {
                day_zero: date_of(day_zero),
                performed_at: performed_at.map(stamp),
                enrolled_at: stamp(enrolled_at),
                ..enrolment()
            },
            day_zero,
            performed_at,
            enrolled_at,
            done: BTreeSet::new(),
            decided: BTreeMap::new(),
            planned_to: enrolled_at,
        };
        let mut now = enrolled_at;
        for _ in 0..dice.between(2, 5) {
            now += i64::from(dice.between(0, 40 * 3_600));
            if dice.flip() {
                place = dice.one_of(&ZONES).clone();
                flights += 1;
            }
            let asked = journey.look(&place, now);
            let open: Vec<OccurrenceId> = asked
                .iter()
                .filter(|(_, state)| matches!(state, State::Open | State::Late))
                .map(|(id, _)| *id)
                .collect();
            if !open.is_empty() && dice.flip() {
                journey.done.insert(*dice.one_of(&open));
                marked += 1;
            }
            journey.remind(&place, now);
        }
        reminded += journey.decided.values().filter(|reason| **reason == Reason::Missing).count();
    }
    assert!(flights > 100_000 && marked > 50_000 && reminded > 50_000, "{flights} {marked} {reminded}");
    assert!(PLAN.items.iter().any(|item| item.kind == ItemKind::CheckIn), "the plan asks for check-ins");
}
