//! Which session a treatment is, whether the next one may come, how each session healed, and whose plan ends for it.
//!
//! "Calm" is an assumption of ours, made from the plan's own data (fact sheet, P4: "redness 1 or less, pain 0-1, no open or weeping
//! points" is said of the scalp alone). It informs; the clinic decides.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words;
use engine::month_names;
use engine::{Age, CheckInFact, Compiled, DayOfPlan, Enrolment, QuestionKind, SIGNS, Sessions, Successor};
use ground::ids::{AlertId, PlanId, TreatmentId};

/// Answers tell of the skin for so many days (an assumption).
pub const FRESH_DAYS: i32 = Sessions::FRESH_DAYS;
/// A symptom is at rest at this level or below.
pub const AT_REST: i64 = 1;

/// A treatment of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What was done.
    pub treatment: TreatmentId,
    /// Which session it is.
    pub session: i32,
    pub on: Date,
    /// The treatment that it was done again for.
    pub replaces: Option<TreatmentId>,
    /// It never was: all its plans were entered in error.
    pub voided: bool,
}

/// What a course asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How many sessions.
    pub sessions: i32,
    /// The fewest days from one to the next.
    pub min_interval_days: i32,
}

/// The sessions that stand, in order: a treatment that was done again counts no more, and one that never was does not either.
pub fn effective(done: &[Done]) -> Vec<Done> {
    let mut effective: Vec<Done> = not_replaced(done).filter(|one| !one.voided).cloned().collect();
    effective.sort_by_key(|one| one.session);
    effective
}

fn not_replaced(done: &[Done]) -> impl Iterator<Item = &Done> {
    done.iter().filter(|one| !done.iter().any(|other| other.replaces == Some(one.treatment)))
}

/// Where a new treatment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its session.
    pub session: i32,
    /// The treatment whose place it takes.
    pub replaces: Option<TreatmentId>,
    /// Days to the nearest other session, if they are fewer than the course asks for.
    pub too_soon: Option<i32>,
}

/// Why a treatment is no session of the course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// All sessions have been.
    Complete,
    /// It lies before the session before it, or after the one after it.
    OutOfOrder,
    /// What it replaces is no session of the course.
    NotOfCourse,
    /// What it replaces was replaced already.
    ReplacedAlready,
}

/// The session of a treatment on that day: the next one (in the place of one that never was), or the one that is done again. The
/// treatment that is replaced keeps no distance to the one that takes its place.
pub fn place(done: &[Done], terms: Terms, on: Date, replaces: Option<TreatmentId>) -> Result<Place, Misplaced> {
    let effective = effective(done);
    let session = match replaces {
        Some(id) => match not_replaced(done).find(|one| one.treatment == id) {
            Some(replaced) => replaced.session,
            None if done.iter().any(|one| one.treatment == id) => return Err(Misplaced::ReplacedAlready),
            None => return Err(Misplaced::NotOfCourse),
        },
        None => effective.last().map_or(1, |last| last.session + 1),
    };
    if replaces.is_none() && session > terms.sessions {
        return Err(Misplaced::Complete);
    }
    let replaces = replaces
        .or_else(|| not_replaced(done).find(|one| one.voided && one.session == session).map(|one| one.treatment));
    let before = effective.iter().rev().find(|one| one.session < session).map(|one| days(one.on, on));
    let after = effective.iter().find(|one| one.session > session).map(|one| days(on, one.on));
    let nearest = before.into_iter().chain(after).min();
    match nearest {
        Some(days) if days <= 0 => Err(Misplaced::OutOfOrder),
        nearest => Ok(Place { session, replaces, too_soon: nearest.filter(|days| *days < terms.min_interval_days) }),
    }
}

fn days(from: Date, to: Date) -> i32 {
    from.until((jiff::Unit::Day, to)).map_or(0, |span| span.get_days())
}

/// A day so many days later.
pub fn later(date: Date, days: i32) -> Date {
    date.saturating_add(jiff::Span::new().days(days))
}

/// What kind of reason speaks against the next session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessCode {
    /// All sessions have been.
    CourseComplete,
    /// The last session is too near.
    Interval,
    /// An alert of one of its plans has not ended.
    OpenAlert,
    /// A plan of a session waits for a clinician.
    WaitsForClinician,
    /// By the latest answers the skin is not calm.
    NotCalm,
    /// There is no answer, or none of these days.
    NotAnswered,
}

/// A reason against the next session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// All sessions have been.
    CourseComplete {
        /// So many.
        sessions: i32,
    },
    /// The last session is too near.
    Interval {
        /// The last session.
        session: i32,
        /// When it was.
        on: Date,
        /// The fewest days.
        min_interval_days: i32,
        /// The first day on which the next may be.
        earliest_on: Date,
    },
    /// These alerts have not ended.
    OpenAlert(Vec<AlertId>),
    /// A plan of a session waits for a clinician.
    WaitsForClinician,
    /// These answers say that the skin is not calm.
    NotCalm(Unrest),
    /// These questions have no answer of these days; all of them, if there is none.
    NotAnswered(Vec<String>),
}

/// What of the answers says that the skin is not calm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unrest {
    /// Symptoms, with their level and the highest calm one.
    pub levels: Vec<(String, i64, i64)>,
    /// Danger signs.
    pub signs: Vec<String>,
    /// Restrictions that go on past their last day because of the answers.
    pub held: Vec<String>,
}

/// What the latest answers say of the skin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skin {
    /// What is not calm.
    pub unrest: Unrest,
    /// What was not answered.
    pub not_answered: Vec<String>,
}

/// What is known on a day.
#[derive(Debug, Clone)]
pub struct Known {
    /// The sessions that stand.
    pub effective: Vec<Done>,
    /// The day at the clinic.
    pub today: Date,
    /// The alerts that have not ended.
    pub alerts: Vec<AlertId>,
    /// Whether a plan of a session waits for a clinician.
    pub waits: bool,
    /// What the answers say; `None` if the last session has no plan that could ask.
    pub skin: Option<Skin>,
}

/// Whether the next session may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The next session; `None` after the last.
    pub session: Option<i32>,
    /// The first day on which it may be; `None` if there was none before, or no next.
    pub earliest_on: Option<Date>,
    /// What speaks against it. Nothing: it may come.
    pub reasons: Vec<Reason>,
}

/// Whether the next session may come, and what speaks against it.
pub fn readiness(terms: Terms, known: Known) -> Readiness {
    let last = match known.effective.last() {
        None => return Readiness { session: Some(1), earliest_on: None, reasons: Vec::new() },
        Some(last) if last.session >= terms.sessions => {
            let reasons = vec![Reason::CourseComplete { sessions: terms.sessions }];
            return Readiness { session: None, earliest_on: None, reasons };
        }
        Some(last) => last,
    };
    let Terms { min_interval_days, .. } = terms;
    let earliest_on = later(last.on, min_interval_days);
    let interval = Reason::Interval { session: last.session, on: last.on, min_interval_days, earliest_on };
    let skin = known.skin.unwrap_or_else(|| Skin { not_answered: vec![SIGNS.to_owned()], ..Skin::default() });
    let is_calm = skin.unrest == Unrest::default();
    let all = [
        (known.today < earliest_on).then_some(interval),
        (!known.alerts.is_empty()).then_some(Reason::OpenAlert(known.alerts)),
        known.waits.then_some(Reason::WaitsForClinician),
        (!is_calm).then_some(Reason::NotCalm(skin.unrest)),
        (!skin.not_answered.is_empty()).then_some(Reason::NotAnswered(skin.not_answered)),
    ];
    Readiness {
        session: Some(last.session + 1),
        earliest_on: Some(earliest_on),
        reasons: all.into_iter().flatten().collect(),
    }
}

/// What the newest answers of the last days say, each question by itself: every symptom with an expected curve that is still asked
/// for is at 1 or less, or where its curve ends; no danger sign; no restriction held by the answers. What was not answered is
/// not calm: it is not known.
pub fn skin(compiled: &Compiled, check_ins: &[CheckInFact], today: i32, held: Vec<String>) -> Skin {
    let of = compiled.on(DayOfPlan(today));
    let mut recent: Vec<&CheckInFact> = check_ins.iter().filter(|one| today - one.day <= FRESH_DAYS).collect();
    recent.sort_by_key(|one| (one.day, one.answered_at));
    let newest = |key: &str| recent.iter().rev().find_map(|one| one.answers.0.get(key));
    let mut skin = Skin { unrest: Unrest { held, ..Unrest::default() }, ..Skin::default() };
    for question in of.telling_of_calm(today) {
        let key = question.key.as_str();
        match newest(key) {
            None => skin.not_answered.push(key.to_owned()),
            Some(signs) if key == SIGNS => {
                let yes = signs.as_array().into_iter().flatten().filter_map(|sign| sign.as_str());
                skin.unrest.signs.extend(yes.map(str::to_owned));
            }
            Some(level) => {
                let (level, most) = (level.as_i64().unwrap_or_default(), calm_level(of, key));
                if level > most {
                    skin.unrest.levels.push((key.to_owned(), level, most));
                }
            }
        }
    }
    skin
}

/// The highest level that is calm: 1, or where the symptom's curve ends if that is higher.
fn calm_level(compiled: &Compiled, symptom: &str) -> i64 {
    let last = compiled.horizon_day;
    compiled.expected(symptom, DayOfPlan(last), Age(last)).map_or(AT_REST, |level| AT_REST.max(i64::from(level)))
}

impl Reason {
    /// Its kind.
    pub fn code(&self) -> ReadinessCode {
        match self {
            Self::CourseComplete { .. } => ReadinessCode::CourseComplete,
            Self::Interval { .. } => ReadinessCode::Interval,
            Self::OpenAlert(_) => ReadinessCode::OpenAlert,
            Self::WaitsForClinician => ReadinessCode::WaitsForClinician,
            Self::NotCalm(_) => ReadinessCode::NotCalm,
            Self::NotAnswered(_) => ReadinessCode::NotAnswered,
        }
    }

    /// The last day on which it stands, if that is known.
    pub fn until_on(&self) -> Option<Date> {
        match self {
            Self::Interval { earliest_on, .. } => Some(later(*earliest_on, -1)),
            _ => None,
        }
    }

    /// A sentence for the clinic.
    pub fn detail(&self) -> String {
        match self {
            Self::CourseComplete { sessions: 1 } => "The one session has been done.".to_owned(),
            Self::CourseComplete { sessions } => format!("All {sessions} sessions have been done."),
            Self::Interval { session, on, min_interval_days, earliest_on } => format!(
                "Session {session} was on {on}; the next one is at least {min_interval_days} days later, on {earliest_on} or after."
            ),
            Self::OpenAlert(alerts) if alerts.len() == 1 => "1 alert of this course has not ended.".to_owned(),
            Self::OpenAlert(alerts) => format!("{} alerts of this course have not ended.", alerts.len()),
            Self::WaitsForClinician => "A plan of this course waits for a clinician's decision.".to_owned(),
            Self::NotCalm(unrest) => unrest.detail(),
            Self::NotAnswered(questions) => format!(
                "Not answered for the last {FRESH_DAYS} days: {}. The patient can send a check-in at any time.",
                questions.join(", ")
            ),
        }
    }

    /// A sentence for the patient.
    pub fn told(&self, locale: &str) -> String {
        let say = |key| words::say(locale, key, &[]);
        match self {
            Self::CourseComplete { .. } => say("readiness-course-complete"),
            Self::Interval { earliest_on, .. } => {
                words::say(locale, "readiness-interval", &[("date", &said(*earliest_on, locale))])
            }
            Self::OpenAlert(_) => say("readiness-open-alert"),
            Self::WaitsForClinician => say("readiness-waits"),
            Self::NotCalm(_) => say("readiness-not-calm"),
            Self::NotAnswered(_) => say("readiness-not-answered"),
        }
    }
}

impl Unrest {
    fn detail(&self) -> String {
        let level =
            |(symptom, level, most): &(String, i64, i64)| format!("{symptom} is {level} (calm: {most} or less)");
        let mut parts: Vec<String> = self.levels.iter().map(level).collect();
        if !self.signs.is_empty() {
            parts.push(format!("signs that were answered yes: {}", self.signs.join(", ")));
        }
        if !self.held.is_empty() {
            parts.push(format!("restrictions that the answers still hold: {}", self.held.join(", ")));
        }
        format!("By the latest answers the skin is not calm: {}.", parts.join("; "))
    }
}

/// What stands over the patient's reasons; the clinic decides in any case.
pub fn told(readiness: &Readiness, locale: &str) -> String {
    let is_complete = readiness.reasons.iter().any(|reason| matches!(reason, Reason::CourseComplete { .. }));
    let key = match readiness.reasons.is_empty() {
        _ if is_complete => "readiness-no-more",
        true => "readiness-may-come",
        false => "readiness-has-to-wait",
    };
    words::say(locale, key, &[])
}

/// A date as people say it.
fn said(date: Date, locale: &str) -> String {
    let months = month_names::of(locale);
    let month = usize::from(date.month().unsigned_abs()).checked_sub(1).and_then(|index| months.get(index));
    let (day, year) = (date.day().to_string(), date.year().to_string());
    words::say(locale, "date", &[("day", &day), ("month", month.unwrap_or(&"")), ("year", &year)])
}

/// How one symptom went in one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healing {
    /// The symptom.
    pub symptom: String,
    /// The level of each day that was answered, with the expected one; the newest answer of a day.
    pub points: Vec<Point>,
    /// The first answered day from which on it stayed at rest.
    pub at_rest_from: Option<i32>,
}

/// The level of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The day of the session's plan.
    pub day: i32,
    /// What was answered.
    pub level: i64,
    /// What is common.
    pub expected: Option<u8>,
}

/// How each symptom with an expected curve went, by the check-ins of one session's plan.
pub fn healing<'a>(
    compiled: &Compiled,
    enrolment: &Enrolment,
    check_ins: impl Iterator<Item = &'a CheckInFact>,
) -> Vec<Healing> {
    let mut in_order: Vec<&CheckInFact> = check_ins.collect();
    in_order.sort_by_key(|one| (one.day, one.answered_at));
    let of_symptom = |symptom: &String| {
        let mut points: Vec<Point> = Vec::new();
        for one in &in_order {
            let Some(level) = one.answers.0.get(symptom).and_then(serde_json::Value::as_i64) else { continue };
            points.retain(|point| point.day != one.day);
            let day = DayOfPlan(one.day);
            let expected = compiled.expected(symptom, day, enrolment.age_of(day));
            points.push(Point { day: one.day, level, expected });
        }
        let unrest = points.iter().rposition(|point| point.level > AT_REST);
        let at_rest_from = points.get(unrest.map_or(0, |last| last + 1)).map(|point| point.day);
        Healing { symptom: symptom.clone(), points, at_rest_from }
    };
    let is_level = |symptom: &&String| compiled.question(symptom).is_some_and(|one| one.kind == QuestionKind::Level);
    compiled.curves.keys().filter(is_level).map(of_symptom).collect()
}

/// A plan of a session that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub plan: PlanId,
    pub protocol: String,
    /// Its session.
    pub session: i32,
    /// Day 0.
    pub day_zero: Date,
    /// The date of its last day, if no pause that nobody has ended keeps it away.
    pub last_on: Option<Date>,
    /// The first date on which the clinic has ended it.
    pub ends_on: Option<Date>,
    /// Whether its protocol says that a next session that comes before its end replaces the rest of it.
    pub is_superseded_sooner: bool,
}

/// The plan that takes the place of the rest of another one: of a later session (or of the treatment that was done again), in the same
/// protocol, begun later, before the other one is over, and if that one's protocol says so; of several the first.
pub fn successor(old: &Running, all: &[Running]) -> Option<Successor> {
    let is_over = |on: Date| old.last_on.is_some_and(|last| last < on) || old.ends_on.is_some_and(|end| end <= on);
    let was_begun = |new: &Running| new.ends_on.is_none_or(|end| end > new.day_zero);
    let takes_its_place = |new: &&Running| {
        old.is_superseded_sooner
            && old.plan != new.plan
            && old.protocol == new.protocol
            && old.session <= new.session
            && old.day_zero < new.day_zero
            && !is_over(new.day_zero)
            && was_begun(new)
    };
    all.iter().filter(takes_its_place).map(|new| Successor { day_zero: new.day_zero, plan: new.plan }).min()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use engine::{Answers, Parameters, PlanStatus, Stops, compile, parse};
    use ground::time::Stamp;

    fn enrolment() -> Enrolment {
        Enrolment {
            plan: PlanId(Uuid::nil()),
            day_zero: date(2026, 3, 2),
            performed_at: None,
            enrolled_at: Stamp::from_micros(0).unwrap(),
            status: PlanStatus::Active,
            stops: Stops::default(),
            counted_later: 0,
            history: Default::default(),
        }
    }

    fn treatment(number: u128) -> TreatmentId {
        TreatmentId(Uuid::from_u128(number))
    }

    fn done(number: u128, session: i32, day: i8, replaces: Option<u128>) -> Done {
        Done {
            treatment: treatment(number),
            session,
            on: date(2026, 3, day),
            replaces: replaces.map(treatment),
            voided: false,
        }
    }

    const WEEKLY: Terms = Terms { sessions: 3, min_interval_days: 7 };

    fn placed(all: &[Done], day: i8, replaces: Option<u128>) -> Result<(i32, Option<i32>), Misplaced> {
        let place = place(all, WEEKLY, date(2026, 3, day), replaces.map(treatment));
        place.map(|place| (place.session, place.too_soon))
    }

    #[test]
    fn a_treatment_is_the_next_session_and_keeps_its_distance() {
        assert_eq!(placed(&[], 1, None), Ok((1, None)));
        let two = [done(1, 1, 1, None), done(2, 2, 10, None)];
        assert_eq!(placed(&two, 17, None), Ok((3, None)));
        assert_eq!(placed(&two, 16, None), Ok((3, Some(6))));
        assert_eq!(placed(&two, 10, None), Err(Misplaced::OutOfOrder));
        assert_eq!(placed(&[two.as_slice(), &[done(3, 3, 20, None)]].concat(), 28, None), Err(Misplaced::Complete));
    }

    #[test]
    fn a_redo_stands_for_what_it_replaces_between_its_neighbours() {
        let all = [done(1, 1, 1, None), done(2, 2, 9, None), done(3, 3, 20, None)];
        assert_eq!(placed(&all, 10, Some(2)), Ok((2, None)));
        assert_eq!(placed(&all, 7, Some(2)), Ok((2, Some(6))));
        assert_eq!(placed(&all, 14, Some(2)), Ok((2, Some(6))));
        assert_eq!(placed(&all, 20, Some(2)), Err(Misplaced::OutOfOrder));
        assert_eq!(placed(&all, 21, Some(3)), Ok((3, None)), "the last one too, though the course is complete");
        assert_eq!(placed(&all, 10, Some(9)), Err(Misplaced::NotOfCourse));
        let redone = [all.as_slice(), &[done(4, 2, 10, Some(2))]].concat();
        assert_eq!(placed(&redone, 11, Some(2)), Err(Misplaced::ReplacedAlready));
        let effective: Vec<u128> = effective(&redone).iter().map(|one| one.treatment.0.as_u128()).collect();
        assert_eq!(effective, [1, 4, 3]);
    }

    #[test]
    fn a_session_that_never_was_leaves_its_place_to_the_next() {
        let error = |one: Done| Done { voided: true, ..one };
        let all = [done(1, 1, 1, None), error(done(2, 2, 9, None))];
        assert_eq!(effective(&all).len(), 1);
        let next = |all: &[Done], day| place(all, WEEKLY, date(2026, 3, day), None).unwrap();
        assert_eq!(next(&all, 10), Place { session: 2, replaces: Some(treatment(2)), too_soon: None });
        let again = [all.as_slice(), &[error(done(3, 2, 10, Some(2)))]].concat();
        assert_eq!(next(&again, 7), Place { session: 2, replaces: Some(treatment(3)), too_soon: Some(6) });
        let third = [again.as_slice(), &[done(4, 2, 11, Some(3))]].concat();
        assert_eq!(next(&third, 18), Place { session: 3, replaces: None, too_soon: None });
    }

    fn running(number: u128, session: i32, day: i8) -> Running {
        Running {
            plan: PlanId(Uuid::from_u128(number)),
            protocol: "mn-scalp".to_owned(),
            session,
            day_zero: date(2026, 3, day),
            last_on: Some(later(date(2026, 3, day), 14)),
            ends_on: None,
            is_superseded_sooner: true,
        }
    }

    #[test]
    fn only_a_running_plan_of_the_same_protocol_that_is_superseded_sooner_is_replaced() {
        let new = running(9, 3, 15);
        let by = |old: &Running, new: &Running| successor(old, &[old.clone(), new.clone()]).is_some();
        let replaced = |old: Running| by(&old, &new);
        assert!(replaced(running(1, 2, 8)));
        assert!(replaced(running(1, 3, 8)), "of the treatment that is done again");
        assert!(replaced(running(1, 2, 1)), "on its last day");
        let over_on = |day: i8| Running { last_on: Some(date(2026, 3, day)), ..running(1, 2, 1) };
        assert!(!replaced(over_on(14)), "it is over");
        assert!(replaced(over_on(15)) && replaced(over_on(31)), "pauses made it longer");
        assert!(replaced(Running { last_on: None, ..running(1, 2, 1) }), "it waits in a pause");
        assert!(!replaced(Running { ends_on: Some(date(2026, 3, 15)), ..running(1, 2, 8) }), "the clinic ended it");
        assert!(replaced(Running { ends_on: Some(date(2026, 3, 16)), ..running(1, 2, 8) }));
        assert!(!replaced(Running { is_superseded_sooner: false, ..running(1, 2, 8) }));
        assert!(!replaced(Running { protocol: "mn-face".to_owned(), ..running(1, 2, 8) }));
        assert!(!replaced(running(1, 4, 8)), "a later session");
        assert!(!replaced(running(1, 2, 15)), "begun on the same day");
        assert!(!replaced(running(1, 2, 20)), "begun later");
        let never = Running { ends_on: Some(date(2026, 3, 15)), ..new.clone() };
        assert!(!by(&running(1, 2, 8), &never), "that was ended on its day 0");
        let all = [running(1, 1, 8), running(3, 3, 20), running(2, 2, 16)];
        assert_eq!(successor(&all[0], &all).map(|next| next.day_zero), Some(date(2026, 3, 16)), "the first of several");
    }

    fn check_in(day: i32, hour: i64, answers: Value) -> CheckInFact {
        let answered_at: Stamp = "2026-03-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        let answered_at = answered_at.plus_seconds(hour * 3_600);
        let answers: BTreeMap<String, Value> = serde_json::from_value(answers).unwrap();
        CheckInFact { occurrence: None, day, answered_at, answers: Answers(answers) }
    }

    fn scalp() -> Compiled {
        let protocol = parse(include_str!("../../protocols/mn-scalp.toml")).unwrap();
        let parameters = json!({ "needle_depth_mm": 1.0, "skin_type": "II" });
        compile(&protocol, &Parameters(serde_json::from_value(parameters).unwrap())).unwrap()
    }

    #[test]
    fn skin_is_calm_by_the_newest_answer_to_each_question() {
        let compiled = scalp();
        let calm = json!({ "signs": [], "redness": 1, "pain": 0, "shedding": 1 });
        let look = |facts: &[CheckInFact], today: i32| skin(&compiled, facts, today, Vec::new());
        assert_eq!(look(&[check_in(30, 1, calm.clone())], 30), Skin::default());
        assert_eq!(look(&[check_in(30, 1, calm.clone())], 37), Skin::default());
        assert_eq!(look(&[check_in(30, 1, calm.clone())], 38).not_answered, ["signs", "redness", "pain", "shedding"]);
        let redder = check_in(30, 2, json!({ "redness": 2 }));
        let unrest = look(&[redder.clone(), check_in(30, 1, calm.clone())], 30).unrest;
        assert_eq!(unrest.levels, [("redness".to_owned(), 2, 1)], "whichever is listed first");
        let back = [check_in(31, 3, calm.clone()), check_in(30, 9, json!({ "redness": 5 }))];
        assert_eq!(look(&back, 31), Skin::default(), "a late answer about an earlier day is no newer one");
        let sign = check_in(31, 4, json!({ "signs": ["F10"] }));
        assert_eq!(look(&[check_in(30, 1, calm.clone()), sign], 31).unrest.signs, ["F10"]);
        let held = skin(&compiled, &[check_in(30, 1, calm.clone())], 30, vec!["no-minoxidil".to_owned()]);
        assert_eq!(held.unrest.held, ["no-minoxidil"]);
        assert_eq!(
            look(&[check_in(200, 1, calm)], 200),
            Skin::default(),
            "after its end, what is asked on its last day"
        );
    }

    /// A year after a peel its plan asks once more, so that whoever answers can be ready on the first day that allows it.
    #[test]
    fn after_a_yearly_peel_the_plan_asks_in_time_for_the_next() {
        let protocol = parse(include_str!("../../protocols/peel-medium.toml")).unwrap();
        let parameters = json!({ "skin_type": "II", "treated_area": "face", "tca_percent": 30 });
        let compiled = compile(&protocol, &Parameters(serde_json::from_value(parameters).unwrap())).unwrap();
        let asked = compiled.items.iter().find(|item| item.key == "check-in-next-session").unwrap();
        let day = asked.days.only().unwrap();
        let form = compiled.form(asked.form.as_deref().unwrap(), day);
        let answer = |key: &str| match key {
            SIGNS => json!([]),
            symptom => json!(compiled.expected(symptom, DayOfPlan(day), Age(day))),
        };
        let told = compiled.telling_of_calm(365).into_iter().map(|question| question.key.as_str());
        let answers = told.map(|key| (key.to_owned(), answer(key))).collect::<BTreeMap<String, Value>>();
        assert!(answers.keys().all(|key| form.iter().any(|question| question.key == *key)), "{answers:?}");
        let known = |check_ins: &[CheckInFact]| Known {
            effective: vec![done(1, 1, 1, None)],
            today: later(date(2026, 3, 1), 365),
            alerts: Vec::new(),
            waits: false,
            skin: Some(skin(&compiled, check_ins, 365, Vec::new())),
        };
        let terms = Terms { sessions: 2, min_interval_days: 365 };
        assert!(!readiness(terms, known(&[])).reasons.is_empty(), "nobody knows how the skin is");
        assert_eq!(readiness(terms, known(&[check_in(day, 1, json!(answers))])).reasons, []);
    }

    #[test]
    fn the_level_where_a_curve_ends_is_calm_too() {
        let mut compiled = scalp();
        compiled.curves.insert("shedding".to_owned(), vec![5, 3]);
        let facts =
            |shedding: i32| [check_in(30, 1, json!({ "signs": [], "redness": 0, "pain": 0, "shedding": shedding }))];
        assert_eq!(skin(&compiled, &facts(3), 30, Vec::new()), Skin::default());
        let above = skin(&compiled, &facts(4), 30, Vec::new()).unrest;
        assert_eq!(above.levels, [("shedding".to_owned(), 4, 3)]);
    }

    #[test]
    fn a_symptom_is_at_rest_from_the_day_after_which_it_never_rose_again() {
        let compiled = scalp();
        let levels = |all: &[(i32, i64)]| {
            let facts: Vec<CheckInFact> =
                all.iter().map(|(day, level)| check_in(*day, i64::from(*day), json!({ "redness": level }))).collect();
            let all = healing(&compiled, &enrolment(), facts.iter());
            all.into_iter().find(|one| one.symptom == "redness").unwrap().at_rest_from
        };
        assert_eq!(levels(&[(1, 5), (3, 1), (5, 2), (7, 1), (14, 0)]), Some(7));
        assert_eq!(levels(&[(1, 0), (3, 1)]), Some(1));
        assert_eq!(levels(&[(1, 0), (3, 2)]), None);
        assert_eq!(levels(&[]), None);
    }

    #[test]
    fn a_date_is_said_in_words() {
        assert_eq!(said(date(2026, 1, 2), "en-GB"), "2 January 2026");
        assert_eq!(said(date(2026, 12, 31), "es"), "31 de diciembre de 2026");
        assert_eq!(said(date(2026, 3, 1), "de-AT"), "1. März 2026");
    }
}
