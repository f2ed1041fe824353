//! Sends people through a plan: each answers the forms of the plan in time order, and the engine's triage judges them as it would a patient's.

use std::collections::BTreeMap;

use engine::{Age, Answers, Compiled, DayOfPlan, ItemKind, SIGNS, TriageInput, Urgency, triage};
use serde_json::Value;

use super::answers::answer;
use super::people::Person;

/// What came of one check-in.
#[derive(Debug, Clone)]
pub struct CheckIn {
    pub day: i32,
    pub answers: Answers,
    /// What the rules found, by their keys; nothing for check-ins before a complication, which nobody counts.
    pub found: Vec<(String, Urgency)>,
    /// What the flat rule says: any level of 6 or more, or any sign.
    pub flat: bool,
}

impl CheckIn {
    /// The most pressing finding.
    pub fn urgency(&self) -> Option<Urgency> {
        self.found.iter().map(|(_, urgency)| *urgency).max()
    }

    /// The most pressing finding about the skin: not that somebody worries or wants a call.
    pub fn urgency_of_skin(&self) -> Option<Urgency> {
        let of_skin = self.found.iter().filter(|(rule, _)| !REQUESTS.contains(&rule.as_str()));
        of_skin.map(|(_, urgency)| *urgency).max()
    }

    /// Whether staff must act.
    pub fn alerts(&self) -> bool {
        self.urgency() >= Some(Urgency::Soon)
    }
}

/// One person and what came of their check-ins. Of who has a complication: the first two from its onset on.
#[derive(Debug, Clone)]
pub struct Course {
    pub person: Person,
    /// The answers from before a complication; they are what the first judged ones are compared with.
    pub before: Vec<(i32, Answers)>,
    pub check_ins: Vec<CheckIn>,
    /// Whether two check-ins in a row were missed on days 1 to 7, so that staff call (R6): nobody's answers say so.
    pub silent: bool,
}

/// Rules that give what was asked for; no answer about the skin sets them off.
pub const REQUESTS: [&str; 3] = ["R5-worried", "R5-call", "F24"];

/// The level from which the flat rule alerts.
const FLAT: i64 = 6;

/// How many of those who are asked to answer again tomorrow do so.
const ANSWERS_AGAIN: f64 = 0.8;

/// The form of each planned check-in.
fn agenda(plan: &Compiled) -> BTreeMap<i32, String> {
    let check_in = |day: i32| {
        let lines = plan.planned_on(day).iter().filter_map(|line| plan.items.get(line.item));
        lines.filter(|item| item.kind == ItemKind::CheckIn).find_map(|item| item.form.clone())
    };
    (0..=plan.horizon_day).filter_map(|day| Some((day, check_in(day)?))).collect()
}

/// Sends one person through a plan.
pub fn follow(plan: &Compiled, person: Person) -> Course {
    let planned = agenda(plan);
    let full_form = plan.forms.first().map(|form| form.key.clone()).unwrap_or_default();
    let mut to_come = planned.clone();
    let onset = person.trouble.as_ref().map(|trouble| (trouble.onset, trouble.at_once));
    if let Some((day, true)) = onset {
        to_come.entry(day).or_insert_with(|| full_form.clone());
    }
    let mut course = Course { person, before: Vec::new(), check_ins: Vec::new(), silent: false };
    let (mut earlier, mut before, mut missed): (Vec<Answers>, Option<f64>, usize) = (Vec::new(), None, 0);
    while let Some((day, form)) = to_come.pop_first() {
        let is_planned = planned.contains_key(&day);
        let at_once = onset == Some((day, true));
        if is_planned && !at_once && course.person.is_silent_on(day) {
            missed += usize::from((1..=7).contains(&day));
            course.silent |= missed >= 2;
            continue;
        }
        missed = 0;
        let given = answer(plan, &form, &course.person, day, before);
        before = Some(course.person.age_on(day));
        if before < onset.map(|(day, _)| f64::from(day)) {
            course.before.push((day, given.clone()));
            earlier.push(given);
            continue;
        }
        let (check_in, again) = judge(plan, day, &given, &earlier);
        course.check_ins.push(check_in);
        if onset.is_some() && course.check_ins.len() == 2 {
            break;
        }
        if again && day < plan.horizon_day && course.person.chances(day, "again").chance(ANSWERS_AGAIN) {
            to_come.entry(day + 1).or_insert_with(|| full_form.clone());
        }
        earlier.push(given);
    }
    course
}

/// What the rules and the flat rule say of one check-in, and whether the person is asked to answer again tomorrow.
fn judge(plan: &Compiled, day: i32, given: &Answers, earlier: &[Answers]) -> (CheckIn, bool) {
    let result =
        triage(plan, &TriageInput { day: DayOfPlan(day), age: Age(day), answers: given, earlier, beside: &[] });
    let again = result.findings.iter().any(|finding| finding.advice.in_locale(&["en"]).contains("again tomorrow"));
    let found = result.findings.into_iter().map(|finding| (finding.rule, finding.urgency)).collect();
    (CheckIn { day, answers: given.clone(), found, flat: is_flat_alert(plan, given) }, again)
}

fn is_flat_alert(plan: &Compiled, given: &Answers) -> bool {
    let has_sign = given.0.get(SIGNS).and_then(Value::as_array).is_some_and(|signs| !signs.is_empty());
    let is_level = |key: &str| plan.curves.contains_key(key);
    has_sign || given.0.iter().any(|(key, value)| is_level(key) && value.as_i64() >= Some(FLAT))
}
