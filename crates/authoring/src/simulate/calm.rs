//! Answers of a patient who heals as expected.

use serde_json::{Value as Json, json};

use engine::Answers;
use engine::Compiled;
use engine::Question;
use engine::QuestionKind;
use engine::{Age, DayOfPlan};
use engine::{TriageInput, triage};

/// The answers to a form that find as little as can be: levels on the curve, no sign, and of each choice the first that
/// no rule minds. A temperature is not taken.
pub(super) fn answers(compiled: &Compiled, form: &str, day: i32, earlier: &[Answers]) -> Answers {
    let questions = compiled.form(form, day);
    let mut answers =
        Answers(questions.iter().filter_map(|one| Some((one.key.clone(), expected(compiled, one, day)?))).collect());
    let findings = |answers: &Answers| {
        triage(compiled, &TriageInput { day: DayOfPlan(day), age: Age(day), answers, earlier, beside: &[] })
            .findings
            .len()
    };
    let mut fewest = findings(&answers);
    for question in questions.iter().filter(|question| question.kind == QuestionKind::Choice) {
        for choice in &question.choices {
            if fewest == 0 {
                return answers;
            }
            let mut other = answers.clone();
            other.0.insert(question.key.clone(), json!(choice.key));
            let found = findings(&other);
            if found < fewest {
                (answers, fewest) = (other, found);
            }
        }
    }
    answers
}

fn expected(compiled: &Compiled, question: &Question, day: i32) -> Option<Json> {
    match question.kind {
        QuestionKind::Level => Some(json!(compiled.normal(&question.key, Age(day)).unwrap_or_default())),
        QuestionKind::Choice => question.choices.first().map(|choice| json!(choice.key)),
        QuestionKind::Multi => Some(json!([])),
        QuestionKind::Flag => Some(json!(false)),
        QuestionKind::Temperature => None,
    }
}
