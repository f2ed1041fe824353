//! Answers of a check-in, checked against the questions of the plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::compile::Compiled;
use super::conditions::Known;
use super::document::{Question, SIGNS};
use super::words::QuestionKind;

/// Checked answers, question key to value: temperatures are in Celsius, what was left empty is not there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(pub BTreeMap<String, Json>);

/// One answer that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{question}: {detail}")]
pub struct AnswerProblem {
    /// The question.
    pub question: String,
    /// `unknown_question`, `wrong_type`, `out_of_range` or `unknown_choice`.
    pub code: &'static str,
    /// One sentence for people.
    pub detail: String,
    /// The choice of a list that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

/// What of the sent answers a version can use, and what it cannot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// What can be used.
    pub answers: Answers,
    /// What cannot: one entry for each answer, and for each choice of a list.
    pub problems: Vec<AnswerProblem>,
}

/// What is wrong: the code, the sentence, and the choice that it is about.
struct Problem(&'static str, String, Option<String>);

/// Whether something was answered at all: `null`, a blank text and an empty object are no answers, an empty list is one ("none of these").
pub fn is_answer(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::String(text) => !text.trim().is_empty(),
        Json::Object(fields) => fields.values().any(is_answer),
        _ => true,
    }
}

impl Compiled {
    /// Checks what was sent; nothing is required, and what is no answer is left out. An error names all that cannot be taken.
    pub fn check_answers(&self, sent: &Map<String, Json>) -> Result<Answers, Vec<AnswerProblem>> {
        let Taken { answers, problems } = self.take_answers(sent);
        if problems.is_empty() { Ok(answers) } else { Err(problems) }
    }

    /// Takes of what was sent what this version can use. One wrong answer is no reason to drop the others.
    pub fn take_answers(&self, sent: &Map<String, Json>) -> Taken {
        let mut taken = Taken::default();
        for (key, value) in sent.iter().filter(|(_, value)| is_answer(value)) {
            let (value, problems) = match self.question(key) {
                Some(question) => self.take(question, value),
                None => (None, vec![Problem("unknown_question", "This plan does not ask that.".to_owned(), None)]),
            };
            taken.answers.0.extend(value.map(|value| (key.clone(), value)));
            let named = |Problem(code, detail, choice)| AnswerProblem { question: key.clone(), code, detail, choice };
            taken.problems.extend(problems.into_iter().map(named));
        }
        taken
    }

    fn take(&self, question: &Question, value: &Json) -> (Option<Json>, Vec<Problem>) {
        if question.kind == QuestionKind::Multi {
            return self.take_choices(question, value);
        }
        match self.check(question, value) {
            Ok(value) => (Some(value), Vec::new()),
            Err(problem) => (None, vec![problem]),
        }
    }

    fn check(&self, question: &Question, value: &Json) -> Result<Json, Problem> {
        let wrong_type = |wanted: &str| Problem("wrong_type", format!("Give {wanted}."), None);
        match question.kind {
            QuestionKind::Flag => value.as_bool().map(Json::from).ok_or_else(|| wrong_type("true or false")),
            QuestionKind::Level => {
                let level = whole(value).ok_or_else(|| wrong_type("a whole number from 0 to 10"))?;
                let in_range = (0..=10).contains(&level);
                in_range
                    .then(|| Json::from(level))
                    .ok_or_else(|| Problem("out_of_range", "Give a whole number from 0 to 10.".to_owned(), None))
            }
            QuestionKind::Temperature => {
                let sent = temperature(value)
                    .ok_or_else(|| wrong_type("a temperature, like 37.5 or {\"value\": 99.5, \"unit\": \"F\"}"))?;
                let range = "Give a temperature from 30 to 45 C, or from 86 to 113 F.";
                celsius(sent).map(Json::from).ok_or_else(|| Problem("out_of_range", range.to_owned(), None))
            }
            QuestionKind::Choice | QuestionKind::Multi => {
                let word = value.as_str().ok_or_else(|| wrong_type("one of the choices"))?;
                let Problem(code, detail, _) = match self.choice(question, word) {
                    Ok(word) => return Ok(Json::from(word)),
                    Err(problem) => problem,
                };
                Err(Problem(code, detail, None))
            }
        }
    }

    /// The choices of a list that are known. If none of them is, the question was not answered: only an empty list says "none of these".
    fn take_choices(&self, question: &Question, value: &Json) -> (Option<Json>, Vec<Problem>) {
        let wrong_type = |member: Option<String>| Problem("wrong_type", "Give a list of choices.".to_owned(), member);
        let mut problems = Vec::new();
        let members = match value.as_array() {
            Some(members) => members.clone(),
            None => {
                problems.push(wrong_type(None));
                named_in(value)
            }
        };
        let mut words: Vec<&str> = Vec::new();
        for member in &members {
            match member.as_str().map(|word| self.choice(question, word)) {
                Some(Ok(word)) => words.push(word),
                Some(Err(problem)) => problems.push(problem),
                None => problems.push(wrong_type(Some(member.to_string()))),
            }
        }
        words.sort_unstable();
        words.dedup();
        let said = !words.is_empty() || problems.is_empty();
        (said.then(|| Json::from(words)), problems)
    }

    /// The choice that a word means.
    fn choice<'a>(&'a self, question: &'a Question, word: &str) -> Result<&'a str, Problem> {
        let keys: Vec<&str> = match question.key.as_str() {
            SIGNS => self.signs.iter().map(|sign| sign.key.as_str()).collect(),
            _ => question.choices.iter().map(|choice| choice.key.as_str()).collect(),
        };
        let unknown = || Problem("unknown_choice", format!("Give one of: {}.", keys.join(", ")), Some(word.to_owned()));
        keys.iter().copied().find(|key| *key == word.trim()).ok_or_else(unknown)
    }
}

/// The words that are meant by what should have been a list of them: one word alone, or an object that says of each whether it holds.
fn named_in(value: &Json) -> Vec<Json> {
    match value {
        Json::String(_) => vec![value.clone()],
        Json::Object(fields) => {
            let held = fields.iter().filter(|(_, held)| held.as_bool() == Some(true));
            held.map(|(word, _)| Json::from(word.as_str())).collect()
        }
        _ => Vec::new(),
    }
}

/// A whole number, also when it was written like `3.0`.
fn whole(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| {
        value.as_f64().filter(|number| number.fract() == 0.0).and_then(|number| format!("{number:.0}").parse().ok())
    })
}

/// The unit that a temperature was sent in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Celsius,
    Fahrenheit,
    /// A bare number: the two scales do not overlap on people.
    NotSaid,
}

/// `{"value": 37.5, "unit": "C"}`, or a bare number.
fn temperature(value: &Json) -> Option<(f64, Unit)> {
    let Some(fields) = value.as_object() else { return value.as_f64().map(|degrees| (degrees, Unit::NotSaid)) };
    let unit = match fields.get("unit")?.as_str()? {
        "C" => Unit::Celsius,
        "F" => Unit::Fahrenheit,
        _ => return None,
    };
    if fields.len() == 2 { fields.get("value")?.as_f64().map(|degrees| (degrees, unit)) } else { None }
}

/// Celsius, rounded to hundredths so that 100.4 F is exactly 38.0 C.
fn celsius((degrees, unit): (f64, Unit)) -> Option<f64> {
    match degrees {
        30.0..=45.0 if unit != Unit::Fahrenheit => Some(degrees),
        86.0..=113.0 if unit != Unit::Celsius => Some(((degrees - 32.0) * 500.0 / 9.0).round() / 100.0),
        _ => None,
    }
}

/// A stored answer as a variable of conditions.
pub(super) fn known_answer(kind: QuestionKind, value: &Json) -> Option<Known> {
    match kind {
        QuestionKind::Level => i32::try_from(whole(value)?).ok().map(Known::Whole),
        QuestionKind::Temperature => value.as_f64().map(Known::Decimal),
        QuestionKind::Flag => value.as_bool().map(Known::Flag),
        QuestionKind::Choice => value.as_str().map(|word| Known::Word(word.to_owned())),
        QuestionKind::Multi => {
            let words = value.as_array()?.iter().filter_map(Json::as_str);
            Some(Known::Words(words.map(str::to_owned).collect()))
        }
    }
}
