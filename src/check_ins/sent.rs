//! A check-in as a phone sends it, and what of it could not be used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;
use crate::http::body::Said;
use crate::http::canonical::{Digests, canonical_object};
use ground::ids::{OccurrenceId, PatientId, PlanId};
use ground::time::Stamp;

/// A check-in to be recorded, as it was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewCheckIn {
    /// What it is about: `plan_id` or `patient_id`.
    #[serde(flatten)]
    pub about: About,
    /// The scheduled check-in that it answers.
    pub occurrence_id: Option<Said<OccurrenceId>>,
    /// The answers, by question.
    pub answers: serde_json::Map<String, serde_json::Value>,
    /// When the patient answered; now if it is not said.
    pub answered_at: Option<Said<Stamp>>,
}

/// What a check-in is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// A plan.
    #[serde(rename = "plan_id")]
    Plan(PlanId),
    /// A record: its phone knew no plan of it.
    #[serde(rename = "patient_id")]
    Record(PatientId),
}

impl About {
    /// By what of the two was sent; an error unless it is exactly one.
    pub fn of(plan: Option<PlanId>, record: Option<PatientId>) -> Result<Self, Error> {
        match (plan, record) {
            (Some(plan), None) => Ok(Self::Plan(plan)),
            (None, Some(record)) => Ok(Self::Record(record)),
            (None, None) => Err(Error::field(
                "/plan_id",
                "missing_field",
                "say `plan_id`, or `patient_id` for a form without a plan",
            )),
            (Some(_), Some(_)) => {
                Err(Error::field("/patient_id", "not_both", "say either `plan_id` or `patient_id`, as the form does"))
            }
        }
    }
}

impl NewCheckIn {
    /// Answers of now.
    pub fn now(
        plan: PlanId,
        occurrence: Option<OccurrenceId>,
        answers: serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        Self { about: About::Plan(plan), occurrence_id: occurrence.map(Said::Right), answers, answered_at: None }
    }

    /// The same without what says nothing: `"answered_at": ""` is not there.
    pub fn meant(self) -> Self {
        Self {
            occurrence_id: self.occurrence_id.filter(says_something),
            answered_at: self.answered_at.filter(says_something),
            ..self
        }
    }

    /// A retry is the same if it means the same: order of keys and of choices, 3 and 3.0, absent and empty make no difference.
    pub fn digests(&self) -> Result<Digests, Error> {
        let mut meaning = self.clone().meant();
        meaning.answers = canonical_object(meaning.answers);
        Digests::of_both(&meaning, self)
    }
}

fn says_something<T>(said: &Said<T>) -> bool {
    match said {
        Said::Right(_) => true,
        Said::Odd(value) => engine::is_answer(value),
    }
}

/// A part of a check-in that could not be used. It is kept as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotUsed {
    /// The question; `occurrence_id` or `answered_at` if it is that field.
    #[schema(example = "redness")]
    pub question: String,
    /// Stable word: `unknown_question`, `unknown_choice`, `wrong_type`, `out_of_range`, `unknown_value`, `not_open_yet` or
    /// `invalid_value`; there may be more.
    #[schema(example = "out_of_range")]
    pub why: String,
    /// In a sentence.
    #[schema(example = "Give a whole number from 0 to 10.")]
    pub detail: String,
}

impl NotUsed {
    /// One part, and why. Names that a phone made up are cut to what can be shown.
    pub fn new(question: &str, why: &str, detail: &str) -> Self {
        Self { question: plain(question), why: why.to_owned(), detail: detail.to_owned() }
    }
}

/// The most characters of a word of a phone that is shown to people.
const LONGEST_WORD: usize = 60;

/// A word of a phone that can be shown and stored: no control characters, and not too long.
pub fn plain(word: &str) -> String {
    word.chars()
        .take(LONGEST_WORD)
        .map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one })
        .collect()
}
