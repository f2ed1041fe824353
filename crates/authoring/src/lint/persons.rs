//! The persons for whom a plan is played, and the part of it that is played.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use uuid::Uuid;

use super::contexts::{Context, next};
use super::search::CALM_CELSIUS;
use engine::Answers;
use engine::Compiled;
use engine::LocalTime;
use engine::QuestionKind;
use engine::judged::every_answer;
use engine::{Age, add_days, local_instant};
use engine::{CheckInFact, Enrolment, Facts};
use engine::{Condition, Known};
use engine::{Day, today};
use engine::{Item, Question};
use ground::ids::PlanId;
use ground::time::Stamp;

/// The first day of every plan that is played; no clock of the zone changes.
const DAY_ZERO: Date = date(2024, 1, 1);
/// So many sets of other answers are played for each person.
const MOST_SETS: usize = 16;
/// How many levels above the curve the skin of a patient is who is not ready.
const NOT_READY: u8 = 3;

/// One person, with what is answered at each check-in, in order.
pub(super) struct Person {
    /// Who it is, for people: `who ...`.
    pub(super) who: String,
    /// Whether every level is on its curve.
    pub(super) heals: bool,
    said: Vec<CheckInFact>,
}

impl Person {
    /// What was said before a day.
    pub(super) fn said_before(&self, day: i32) -> &[CheckInFact] {
        let end = self.said.partition_point(|check_in| check_in.day < day);
        self.said.get(..end).unwrap_or_default()
    }
}

/// Who says nothing, who heals exactly as the curve, and who is not ready: the latter two with each set of answers that the holds
/// tell apart and that no curve gives.
pub(super) fn persons(context: &Context, holds: &[&Condition]) -> Vec<Person> {
    let names: BTreeSet<&str> = holds.iter().flat_map(|when| when.variables()).map(String::as_str).collect();
    let names = names.into_iter().map(|name| name.strip_suffix("_previous").unwrap_or(name));
    let read: BTreeMap<&str, &Question> =
        names.filter_map(|name| Some((name, context.compiled.question(name)?))).collect();
    // Where no answer is read, all say the same.
    let mut persons = vec![Person { who: "who answers nothing".to_owned(), heals: read.is_empty(), said: Vec::new() }];
    if read.is_empty() {
        return persons;
    }
    let free: Vec<(&str, Vec<Known>)> = read
        .iter()
        .filter(|(key, _)| !context.compiled.curves.contains_key(**key))
        .map(|(key, question)| (*key, extremes(question)))
        .collect();
    let sizes: Vec<usize> = free.iter().map(|(_, values)| values.len()).collect();
    let mut chosen = vec![0; sizes.len()];
    for _ in 0..MOST_SETS {
        let given: BTreeMap<&str, &Known> =
            free.iter().zip(&chosen).filter_map(|((key, values), index)| Some((*key, values.get(*index)?))).collect();
        persons.push(person(context, &read, &given, true));
        persons.push(person(context, &read, &given, false));
        if !next(&mut chosen, &sizes) {
            break;
        }
    }
    persons
}

fn person(context: &Context, read: &BTreeMap<&str, &Question>, given: &BTreeMap<&str, &Known>, heals: bool) -> Person {
    let level = |key: &str, day: i32| {
        let normal = context.compiled.normal(key, Age(day))?;
        Some(Json::from(if heals { normal } else { (normal + NOT_READY).min(10) }))
    };
    let said = context.check_ins.iter().map(|check_in| {
        let asked = read.keys().filter(|key| check_in.asked.contains(**key));
        let answers = asked.filter_map(|key| {
            let answer = given.get(key).map(|known| known.to_json()).or_else(|| level(key, check_in.day))?;
            Some(((*key).to_owned(), answer))
        });
        CheckInFact {
            occurrence: None,
            day: check_in.day,
            answered_at: midnight(check_in.day + 1),
            answers: Answers(answers.collect()),
        }
    });
    let healing = if heals { "who heals exactly as the curve" } else { "whose skin is not ready" };
    let others: Vec<String> = given.iter().map(|(key, known)| format!("`{key}` {}", known.to_json())).collect();
    let who =
        if others.is_empty() { healing.to_owned() } else { format!("{healing} and answers {}", others.join(", ")) };
    Person { who, heals, said: said.collect() }
}

/// Answers at both ends of what can be answered.
fn extremes(question: &Question) -> Vec<Known> {
    match question.kind {
        QuestionKind::Level => [0, 10].map(Known::Whole).into(),
        QuestionKind::Temperature => [CALM_CELSIUS, 40.0].map(Known::Decimal).into(),
        QuestionKind::Flag | QuestionKind::Choice | QuestionKind::Multi => every_answer(question),
    }
}

fn midnight(day: i32) -> Stamp {
    local_instant(add_days(DAY_ZERO, day), LocalTime::MIDNIGHT, &TimeZone::UTC)
}

/// The lines of a plan that are played.
pub(super) struct Part {
    pub(super) plan: Compiled,
    /// The last day on which one of them can be there.
    pub(super) last_day: i32,
}

impl Part {
    pub(super) fn of(context: &Context, keys: &BTreeSet<&str>) -> Self {
        let mut plan = context.compiled.clone();
        plan.items.retain(|item| keys.contains(item.key.as_str()));
        plan.phases.clear();
        plan.lay_out();
        let ends = plan.items.iter().filter_map(super::days::last_day).max().unwrap_or_default();
        Self { last_day: ends + plan.reach(), plan }
    }

    /// A day as Today shows it when it begins, to somebody enrolled on the day of the treatment or later.
    pub(super) fn day(&self, number: i32, enrolled: Option<i32>, check_ins: &[CheckInFact]) -> Day {
        // Lines with hours are told apart pair by pair (`meets_by_the_hour`): no time of treatment is played.
        let enrolled_at = midnight(enrolled.unwrap_or_default());
        let enrolment = Enrolment::running(PlanId(Uuid::nil()), DAY_ZERO, enrolled_at);
        today(&self.plan, &enrolment, &Facts { marks: &[], check_ins }, &TimeZone::UTC, midnight(number))
    }

    /// Whether a hold can keep a line that says what to do from being shown.
    pub(super) fn may_be_held_off(&self, line: &Item) -> bool {
        let mut items = self.plan.items.iter();
        line.kind.tells_to_do() && items.any(|item| item.hold.is_some() && item.meaning == line.meaning)
    }

    /// How many lines one day looks at, about.
    pub(super) fn cost(&self) -> usize {
        let windows: usize = self.plan.items.iter().map(|item| item.slots.len()).sum();
        1 + windows
    }
}
