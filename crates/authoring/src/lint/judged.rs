//! Every answer is judged: for each question, each day, each kind of patient and each possible answer, a rule of that day looks at it.

use std::collections::{BTreeMap, BTreeSet};

use super::Linter;
use super::budget::{Budget, JUDGED};
use super::contexts::{Context, Contexts, read_names};
use super::days::days;
use engine::Age;
use engine::Known;
use engine::judged::{Rules, every_answer, is_for_rules, on_day};
use engine::{DefectCode, Protocol, Question, Rule, SIGNS, listed};

/// A question on days on which an answer to it is kept for the clinic and not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJudgedDays {
    /// The question.
    pub question: String,
    /// The first of the days.
    pub first: i32,
    /// The last.
    pub last: i32,
    /// Whether the plan asks on one of these days.
    pub asked: bool,
    /// An answer that no rule looks at.
    pub answer: String,
}

impl Linter<'_, '_> {
    /// Names what nobody judges though it is asked.
    pub(super) fn answers_are_judged(&self) {
        // What nothing reads at all is told as that.
        let read = read_names(self.protocol);
        let found = not_judged(self.protocol, &self.contexts, self.budget);
        let questions = self.protocol.questions.iter().enumerate();
        for (index, question) in questions.filter(|(_, question)| read.contains(question.key.as_str())) {
            let asked: Vec<&NotJudgedDays> =
                found.iter().filter(|found| found.asked && found.question == question.key).collect();
            let Some(first) = asked.first() else { continue };
            let when: Vec<String> = asked.iter().map(|found| days(found.first, found.last)).collect();
            let problem = format!(
                "on {} no rule looks at the answer `{}` to `{}`",
                listed(when.iter().map(String::as_str)),
                first.answer,
                question.key
            );
            let fix = "add a rule for these days, name the choice in `usual`, say what it is for with `purpose`, or do not ask then";
            self.places.add(&format!("question[{index}]"), DefectCode::AnswerNotJudged, problem, fix);
        }
    }
}

/// On which days of the plan an answer to a question would not be judged.
pub(super) fn not_judged(protocol: &Protocol, contexts: &Contexts, budget: &Budget) -> Vec<NotJudgedDays> {
    let mut found = Vec::new();
    let questions = protocol.questions.iter().filter(|question| question.key != SIGNS && is_for_rules(question));
    for question in questions {
        let reading: Vec<&Rule> = protocol.rules.iter().filter(|rule| reads(rule, question)).collect();
        let names: Vec<_> = reading.iter().map(|rule| &rule.when).collect();
        let tries = every_answer(question).len() * reading.len();
        let mut by_day: BTreeMap<i32, (String, bool)> = BTreeMap::new();
        for context in contexts.told_apart_by(&names, std::slice::from_ref(&question.key), budget) {
            if !budget.work(JUDGED) || !Contexts::holds(context, question.when.as_ref()) {
                continue;
            }
            let asked: BTreeSet<i32> =
                context.check_ins.iter().filter(|one| one.asked.contains(&question.key)).map(|one| one.day).collect();
            // Days on which the same rules read the same values are judged once.
            let mut known: BTreeMap<Vec<usize>, Option<String>> = BTreeMap::new();
            let in_time = (0..=protocol.horizon_day).take_while(|_| budget.work(1 + reading.len()));
            for day in in_time {
                let missed = known.entry(signature(context, question, &reading, day)).or_insert_with(|| {
                    let in_time = budget.work(tries);
                    in_time.then(|| first_missed(context, question, &reading, day)).flatten()
                });
                let missed = missed.clone();
                if let Some(answer) = missed {
                    let entry = by_day.entry(day).or_insert((answer, false));
                    entry.1 |= asked.contains(&day);
                }
            }
        }
        found.extend(runs(&question.key, by_day));
    }
    found
}

fn reads(rule: &Rule, question: &Question) -> bool {
    rule.for_each.contains(&question.key) || rule.when.variables().contains(&question.key)
}

/// What of a day the rules can tell apart: which of them apply, what is expected, and the day itself if one reads it.
fn signature(context: &Context, question: &Question, reading: &[&Rule], day: i32) -> Vec<usize> {
    let applies = reading.iter().enumerate().filter(|(_, rule)| rule.days.contains(day)).map(|(index, _)| index);
    let reads_day = reading.iter().any(|rule| rule.when.variables().iter().any(|name| name == "day"));
    let expected = context.compiled.normal(&question.key, Age(day)).map_or(0, |level| usize::from(level) + 1);
    let own = if reads_day { usize::try_from(day).unwrap_or_default() + 1 } else { 0 };
    [expected, own].into_iter().chain(applies).collect()
}

/// An answer that no rule looks at on that day, if there is one.
fn first_missed(context: &Context, question: &Question, reading: &[&Rule], day: i32) -> Option<String> {
    let compiled = &context.compiled;
    let other = |name: &str| match name {
        "day" => Some(Known::Whole(day)),
        _ => name
            .strip_suffix("_expected")
            .and_then(|symptom| compiled.normal(symptom, Age(day)))
            .map(|level| Known::Whole(i32::from(level)))
            .or_else(|| compiled.known(name))
            .or_else(|| compiled.unanswered(name)),
    };
    let rules = Rules { rules: on_day(reading.iter().copied(), day), other };
    let missed = every_answer(question).into_iter().find(|answer| !rules.judge(question, answer));
    missed.map(|answer| answer.to_json().to_string().replace('"', ""))
}

fn runs(question: &str, by_day: BTreeMap<i32, (String, bool)>) -> Vec<NotJudgedDays> {
    let mut runs: Vec<NotJudgedDays> = Vec::new();
    for (day, (answer, asked)) in by_day {
        match runs.last_mut() {
            Some(run) if run.last + 1 == day && run.asked == asked => run.last = day,
            _ => runs.push(NotJudgedDays { question: question.to_owned(), first: day, last: day, asked, answer }),
        }
    }
    runs
}
