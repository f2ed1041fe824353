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
}

impl Compiled {
    /// Checks what a phone sent; nothing is required, `null` means not answered.
    pub fn check_answers(&self, sent: &Map<String, Json>) -> Result<Answers, Vec<AnswerProblem>> {
        let mut answers = BTreeMap::new();
        let mut problems = Vec::new();
        for (key, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
            match self
                .question(key)
                .ok_or(("unknown_question", "This plan does not ask that.".to_owned()))
                .and_then(|question| self.check(question, value))
            {
                Ok(value) => drop(answers.insert(key.clone(), value)),
                Err((code, detail)) => problems.push(AnswerProblem { question: key.clone(), code, detail }),
            }
        }
        if problems.is_empty() { Ok(Answers(answers)) } else { Err(problems) }
    }

    fn check(&self, question: &Question, value: &Json) -> Result<Json, (&'static str, String)> {
        let wrong_type = |wanted: &str| ("wrong_type", format!("Give {wanted}."));
        match question.kind {
            QuestionKind::Flag => value.as_bool().map(Json::from).ok_or_else(|| wrong_type("true or false")),
            QuestionKind::Level => {
                let level = whole(value).ok_or_else(|| wrong_type("a whole number from 0 to 10"))?;
                let in_range = (0..=10).contains(&level);
                in_range
                    .then(|| Json::from(level))
                    .ok_or_else(|| ("out_of_range", "Give a whole number from 0 to 10.".to_owned()))
            }
            QuestionKind::Temperature => {
                let sent = temperature(value)
                    .ok_or_else(|| wrong_type("a temperature, like 37.5 or {\"value\": 99.5, \"unit\": \"F\"}"))?;
                let problem =
                    || ("out_of_range", "Give a temperature from 30 to 45 C, or from 86 to 113 F.".to_owned());
                celsius(sent).map(Json::from).ok_or_else(problem)
            }
            QuestionKind::Choice => {
                let word = value.as_str().ok_or_else(|| wrong_type("one of the choices"))?;
                self.must_be_choice(question, word)?;
                Ok(Json::from(word))
            }
            QuestionKind::Multi => {
                let words =
                    value.as_array().and_then(|words| words.iter().map(Json::as_str).collect::<Option<Vec<_>>>());
                let mut words = words.ok_or_else(|| wrong_type("a list of choices"))?;
                words.iter().try_for_each(|word| self.must_be_choice(question, word))?;
                words.sort_unstable();
                words.dedup();
                Ok(Json::from(words))
            }
        }
    }

    fn must_be_choice(&self, question: &Question, word: &str) -> Result<(), (&'static str, String)> {
        let keys: Vec<&str> = match question.key.as_str() {
            SIGNS => self.signs.iter().map(|sign| sign.key.as_str()).collect(),
            _ => question.choices.iter().map(|choice| choice.key.as_str()).collect(),
        };
        if keys.contains(&word) {
            Ok(())
        } else {
            Err(("unknown_choice", format!("Give one of: {}.", keys.join(", "))))
        }
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
