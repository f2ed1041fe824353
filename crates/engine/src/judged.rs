//! Whether an answer was judged: whether some rule of its day compares it with a value. What no rule looks at is no reason to say that
//! all is as usual.

use super::calendar::Age;
use super::compile::Compiled;
use super::conditions::{Condition, Known, Verdict};
use super::document::{Question, Rule};
use super::words::{QuestionKind, Trigger};

/// The rules that apply, and what else they read.
pub struct Rules<'a, F> {
    /// The rules over answers whose days have come.
    pub rules: Vec<&'a Rule>,
    /// What every variable is but the answer that is asked about.
    pub other: F,
}

/// The rules over answers of a day.
pub fn on_day<'r>(rules: impl IntoIterator<Item = &'r Rule>, day: i32) -> Vec<&'r Rule> {
    rules.into_iter().filter(|rule| rule.on == Trigger::Answers && rule.days.contains(day)).collect()
}

impl<F: Fn(&str) -> Option<Known>> Rules<'_, F> {
    /// Whether a rule compares this answer with a value. Of choices also: whether one fires for it, or it is a usual one. Answers that
    /// say nothing about the skin (`purpose`, `scale`) are for nobody to judge.
    pub fn judge(&self, question: &Question, value: &Known) -> bool {
        let looking: Vec<&Rule> = self.rules.iter().copied().filter(|rule| looks_at(rule, question)).collect();
        let values = || candidates(question);
        let fires_for = |value: &Known| looking.iter().any(|rule| self.fires(rule, question, value));
        let differs = |rule: &Rule, most: usize| {
            let mut verdicts = values().take(most).map(|value| self.fires(rule, question, &value));
            let first = verdicts.next();
            verdicts.any(|fires| Some(fires) != first)
        };
        // The first two values tell nearly all rules apart; a temperature has seventy others.
        let is_compared = || [2, usize::MAX].iter().any(|most| looking.iter().any(|rule| differs(rule, *most)));
        match question.kind {
            QuestionKind::Level | QuestionKind::Temperature | QuestionKind::Flag => is_compared() || fires_for(value),
            QuestionKind::Choice | QuestionKind::Multi => {
                let is_usual = |member: &Known| {
                    if question.usual.is_empty() {
                        // The one choice for which nothing fires is the usual one; of two, who can say?
                        values().filter(|other| other != member).all(|other| fires_for(&other))
                    } else {
                        question.usual.iter().any(|usual| is_word(member, usual))
                    }
                };
                fires_for(value)
                    || (is_compared() && members(value).iter().all(|member| fires_for(member) || is_usual(member)))
            }
        }
    }

    fn fires(&self, rule: &Rule, question: &Question, value: &Known) -> bool {
        let is_symptom = rule.for_each.contains(&question.key);
        let known = |name: &str| match name {
            "level" if is_symptom => Some(value.clone()),
            "symptom" if is_symptom => Some(Known::Word(question.key.clone())),
            "expected" if is_symptom => (self.other)(&format!("{}_expected", question.key)),
            _ if name == question.key => Some(value.clone()),
            _ => (self.other)(name),
        };
        rule.when.judge(known) == Verdict::True
    }
}

/// Whether the rule reads the answer itself, and not only how it has changed.
fn looks_at(rule: &Rule, question: &Question) -> bool {
    let reads = |name: &str| rule.when.variables().iter().any(|variable| variable == name);
    let of_symptom = rule.for_each.contains(&question.key) && reads("level");
    let by_name = rule.for_each.is_empty() && reads(&question.key);
    (of_symptom || by_name) && !reads_earlier(&rule.when)
}

/// Whether each answer to a question is judged on a day, also if it is the only one. It tries them all: keep what it says.
pub fn is_judged_alone(compiled: &Compiled, question: &Question, day: i32) -> bool {
    let other = |name: &str| match name {
        "day" => Some(Known::Whole(day)),
        _ => compiled.known(name).or_else(|| compiled.unanswered(name)),
    };
    let rules = Rules { rules: on_day(&compiled.rules, compiled.judged_as(Age(day))), other };
    candidates(question).all(|value| rules.judge(question, &value))
}

fn reads_earlier(when: &Condition) -> bool {
    when.variables().iter().any(|name| name.starts_with("previous") || name.ends_with("_previous"))
}

/// Each choice of an answer by itself.
fn members(value: &Known) -> Vec<Known> {
    match value {
        Known::Words(words) => words.iter().map(|word| Known::Words(vec![word.clone()])).collect(),
        one => vec![one.clone()],
    }
}

fn is_word(value: &Known, word: &str) -> bool {
    match value {
        Known::Word(one) => one == word,
        Known::Words(words) => words.iter().all(|one| one == word),
        _ => false,
    }
}

/// Values that a question can have, those that tell most first.
fn candidates(question: &Question) -> Box<dyn Iterator<Item = Known> + '_> {
    let words = question.choices.iter().map(|choice| choice.key.clone());
    match question.kind {
        QuestionKind::Level => Box::new([10, 0].into_iter().chain(1..10).map(Known::Whole)),
        QuestionKind::Temperature => {
            let between = (350..=420).map(|tenths| f64::from(tenths) / 10.0);
            Box::new([45.0, 30.0].into_iter().chain(between).map(Known::Decimal))
        }
        QuestionKind::Flag => Box::new([true, false].into_iter().map(Known::Flag)),
        QuestionKind::Choice => Box::new(words.map(Known::Word)),
        QuestionKind::Multi => Box::new(words.map(|word| Known::Words(vec![word]))),
    }
}

/// Every answer that a question can be given, for who wants to prove something about all of them.
pub fn every_answer(question: &Question) -> Vec<Known> {
    let empty = (question.kind == QuestionKind::Multi).then(|| Known::Words(Vec::new()));
    candidates(question).chain(empty).collect()
}

/// Whether an answer that is for no rule says that something is not as it should be: a choice that is not among the `usual` ones.
pub fn is_unusual(question: &Question, value: &Known) -> bool {
    !question.usual.is_empty() && !question.usual.iter().any(|usual| is_word(value, usual))
}

/// Whether the answer is about the skin at all: what was done, wanted or thought of the result is kept, and is not for rules.
pub fn is_for_rules(question: &Question) -> bool {
    question.purpose.is_none() && question.scale.is_none()
}
