//! The forms of a day: those of its check-ins, and on every day that for danger signs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::documents::general;
use crate::error::Error;
use crate::plans::PlanFile;
use crate::plans::author::Subject;
use engine::{PlanStatus, QuestionKind, Text, Urgency};
use ground::ids::{ClinicId, PatientId, PlanId};

/// A form, with the questions of the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Form {
    /// The plan: what is sent names it. `null` for the danger signs of a record without a plan: what is sent names the record
    /// (`patient_id`).
    #[schema(required)]
    pub plan_id: Option<PlanId>,
    /// The record.
    pub patient_id: PatientId,
    /// The clinic that it goes to.
    pub clinic_id: ClinicId,
    /// The day number that it is about; 0 without a plan.
    #[schema(example = 3)]
    pub day: i32,
    /// Its key.
    #[schema(example = "daily")]
    pub key: String,
    /// The questions, in the order in which to ask them.
    pub questions: Vec<Question>,
}

/// A question of a check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// Its key in `answers`.
    #[schema(example = "redness")]
    pub key: String,
    /// What kind of answer: `level` is 0 to 10, `temperature` is `{"value": 37.2, "unit": "C"}` (or `"F"`),
    /// or the number alone.
    pub kind: QuestionKind,
    /// The question.
    #[schema(example = "How red, pink or darker than usual is the area now?")]
    pub text: String,
    /// A hint.
    #[schema(required, example = "0 is none, 10 is the most that you can think of.")]
    pub hint: Option<String>,
    /// The answers to choose from.
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// Its key in `answers`.
    #[schema(example = "better")]
    pub key: String,
    /// What it says.
    #[schema(example = "Better")]
    pub label: String,
    /// Of a danger sign, how soon a person must act: show the number of an `emergency` at once, with or without network. `null` for every
    /// other choice.
    #[schema(required)]
    pub urgency: Option<Urgency>,
}

/// The form in which danger signs can be said on any day.
const DANGER_FORM: &str = "danger-signs";

/// What can be said on any day: the danger signs of the plan, also after its end. Without a plan, or if it knows none, those that mean the
/// same whatever was treated.
pub fn danger_form(subject: Subject, day: i32, asked: Option<&str>) -> Result<Form, Error> {
    let of_plan = subject.plan().map(|plan_file| plan_file.compiled.danger_form(day)).filter(|form| !form.is_empty());
    if let Some(questions) = of_plan {
        return Ok(form_of(subject, DANGER_FORM, day, questions, asked));
    }
    let record = Subject::Record(subject.patient(), subject.clinic());
    Ok(form_of(record, DANGER_FORM, 0, general::danger_signs()?.compiled.danger_form(0), asked))
}

/// A form of the plan on a day.
pub fn form_view(plan_file: &PlanFile, form: &str, day: i32, asked: Option<&str>) -> Form {
    form_of(Subject::Plan(plan_file), form, day, plan_file.compiled.form(form, day), asked)
}

/// The check-in that may be answered once more on a day on which the plan has none; the danger signs have their own form.
pub fn form_again(plan_file: &PlanFile, day: &engine::Day, asked: Option<&str>) -> Option<Form> {
    let key = plan_file.compiled.form_again(day.number).filter(|_| day.status == PlanStatus::Active)?;
    let mut questions = plan_file.compiled.form(key, day.number);
    questions.retain(|question| question.key != engine::SIGNS);
    (!questions.is_empty()).then(|| form_of(Subject::Plan(plan_file), key, day.number, questions, asked))
}

fn form_of(
    subject: Subject,
    key: &str,
    day: i32,
    questions: Vec<Cow<'_, engine::Question>>,
    asked: Option<&str>,
) -> Form {
    let locales = subject.locales(asked);
    let say = |text: &Text| engine::fill(text.in_locale(&locales), |name| subject.word(name, &locales)).into_owned();
    Form {
        plan_id: subject.plan_id(),
        patient_id: subject.patient().id,
        clinic_id: subject.clinic().id,
        day,
        key: key.to_owned(),
        questions: questions
            .into_iter()
            .map(|question| Question {
                key: question.key.clone(),
                kind: question.kind,
                text: say(&question.text),
                hint: question.hint.as_ref().map(say),
                choices: question
                    .choices
                    .iter()
                    .map(|choice| Choice {
                        key: choice.key.clone(),
                        label: say(&choice.label),
                        urgency: choice.urgency,
                    })
                    .collect(),
            })
            .collect(),
    }
}
