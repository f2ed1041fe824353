//! A protocol document: what a clinic writes in TOML, read strictly into types.

mod codes;
mod defect;
mod lines;
mod parts;
mod read;
mod reader;
mod timed;
mod triggers;

use super::clock::{Days, LocalTime};
use super::conditions::{Condition, Known};
use super::text::Text;
use super::words::{
    ItemKind, LateEnrolment, ParameterKind, Procedure, Purpose, QuestionKind, Trigger, UnknownWord, Urgency,
};

pub use codes::{DefectCode, Severity};
pub use defect::{Defect, Report, listed, nearest};
pub use lines::SIGNS;
pub use read::{CLINIC_WORDS, parse};

/// A protocol, read and checked.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// The stable key.
    pub key: String,
    /// What is performed.
    pub procedure: Procedure,
    /// The allowed body areas of the treatment.
    pub body_areas: Vec<String>,
    /// The last day of the plan.
    pub horizon_day: i32,
    /// The day from which a rise counts (rule R2).
    pub r2_start_day: i32,
    /// The keys of the sources that are used.
    pub sources: Vec<String>,
    /// The keys of the assumptions that are used.
    pub assumptions: Vec<String>,
    /// Sources that are not in the library, by their author.
    pub own_sources: Vec<OwnGround>,
    /// Assumptions that are not in the library, by their author.
    pub own_assumptions: Vec<OwnGround>,
    /// The series of treatments.
    pub sessions: Option<Sessions>,
    /// The name of the plan.
    pub title: Text,
    /// What a clinician must approve, for staff.
    pub approval: Text,
    /// The parameters of the treatment.
    pub parameters: Vec<Parameter>,
    /// Texts that the clinic may set.
    pub clinic_texts: Vec<ClinicText>,
    /// Named conditions over the parameters.
    pub variants: Vec<Variant>,
    /// Reasons not to start.
    pub exclusions: Vec<Exclusion>,
    /// The windows of a day.
    pub slots: Vec<Slot>,
    /// The stretches of the recovery.
    pub phases: Vec<Phase>,
    /// What is normal, per symptom.
    pub curves: Vec<Curve>,
    /// How variants change the curves.
    pub adjusts: Vec<Adjust>,
    /// The lines of the plan.
    pub items: Vec<Item>,
    /// The forms of the check-ins.
    pub forms: Vec<Form>,
    /// The questions of the forms.
    pub questions: Vec<Question>,
    /// The signs that are asked as yes or no.
    pub signs: Vec<Sign>,
    /// The rules over answers and silence.
    pub rules: Vec<Rule>,
}

/// Where a statement comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grounds {
    /// Keys of sources.
    pub sources: Vec<String>,
    /// Keys of assumptions.
    pub assumptions: Vec<String>,
}

/// A source or an assumption that the author of the document declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnGround {
    pub key: String,
    /// The title of the source, or what is assumed; for staff.
    pub words: String,
}

/// The series of treatments this plan is usually a part of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// How many there usually are.
    pub default: Option<i32>,
    /// The usual days from one to the next.
    pub interval_days: i32,
    /// The fewest days from one to the next.
    pub min_interval_days: i32,
    /// Whether the plan of a next session that comes sooner replaces the rest of this one.
    pub replaces_tail_when_sooner: bool,
    /// What the sources said, for staff.
    pub range: Option<String>,
    /// Where it comes from.
    pub grounds: Grounds,
}

impl Sessions {
    /// Answers tell of the skin for so many days (an assumption): a check-in of those days says whether a next session may come.
    pub const FRESH_DAYS: i32 = 7;
}

/// A parameter of the treatment or an answer of the screening.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its key, which is the variable's name.
    pub key: String,
    /// Its type.
    pub kind: ParameterKind,
    /// The least value of a decimal.
    pub min: Option<f64>,
    /// The greatest value of a decimal.
    pub max: Option<f64>,
    /// The values of a choice.
    pub choices: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// The value when it is not given.
    pub default: Option<Known>,
    /// Its name for people.
    pub label: Text,
}

/// A text that the clinic may set; `{key}` stands for it in every text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicText {
    pub key: String,
    /// Whether the plan can be used only once the clinic has written it.
    pub required: bool,
    /// What it is, for staff.
    pub label: Text,
    /// What stands there until the clinic has written it; there unless it is required.
    pub fallback: Option<Text>,
}

/// A named condition over parameters.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Its key, which is a variable of every other condition.
    pub key: String,
    /// When it applies.
    pub when: Condition,
    /// Its name for people.
    pub label: Text,
}

/// A reason not to start the plan.
#[derive(Debug, Clone)]
pub struct Exclusion {
    pub key: String,
    /// When it applies.
    pub when: Condition,
    /// The reason, for people.
    pub text: Text,
    /// Where it comes from.
    pub grounds: Grounds,
}

/// A window of a day in the patient's local time.
#[derive(Debug, Clone)]
pub struct Slot {
    pub key: String,
    /// When it opens, on the day itself.
    pub opens: LocalTime,
    /// When a reminder is due if nothing is there.
    pub remind: Option<LocalTime>,
    /// When it closes.
    pub closes: LocalTime,
    /// Until when an answer is still accepted.
    pub late_until: LocalTime,
}

/// A stretch of the recovery.
#[derive(Debug, Clone)]
pub struct Phase {
    pub key: String,
    /// Its days.
    pub days: Days,
    /// When it applies.
    pub when: Option<Condition>,
    pub title: Text,
    /// What is normal.
    pub common: Text,
    /// What to do.
    pub advice: Text,
    /// Where it comes from.
    pub grounds: Grounds,
}

/// The level of a symptom that is normal on each day.
#[derive(Debug, Clone)]
pub struct Curve {
    /// The symptom, which is also the key of the question that asks for it.
    pub symptom: String,
    /// Levels from day 0 on; the last one holds ever after.
    pub levels: Vec<u8>,
    /// Where it comes from.
    pub grounds: Grounds,
}

/// A change of curves in a variant.
#[derive(Debug, Clone)]
pub struct Adjust {
    /// When it applies.
    pub when: Option<Condition>,
    /// The symptoms it changes; none means all.
    pub symptoms: Vec<String>,
    /// The first day it changes.
    pub from_day: i32,
    /// What is added to each level.
    pub add: i32,
    /// Where it comes from.
    pub grounds: Grounds,
}

/// One line of the plan.
#[derive(Debug, Clone)]
pub struct Item {
    /// The stable key.
    pub key: String,
    /// What kind of line it is.
    pub kind: ItemKind,
    /// Its days.
    pub days: Days,
    /// Its windows on each of these days, as indexes into the slots.
    pub slots: Vec<usize>,
    /// The hours after the treatment at which it begins or ends, where the time of treatment is known; otherwise its days count.
    pub timed: Option<Timed>,
    /// When it belongs to the plan.
    pub when: Option<Condition>,
    /// The short line.
    pub title: Text,
    /// The detail.
    pub text: Option<Text>,
    /// The form of a check-in.
    pub form: Option<String>,
    /// The views of a photo.
    pub views: Vec<String>,
    /// What it means, so that several plans can be merged.
    pub meaning: Option<String>,
    /// What keeps a restriction in force after its last day.
    pub hold: Option<Hold>,
    /// The phase that a restriction protects from; it may not end before that begins.
    pub protects_from: Option<String>,
    /// What becomes of it if it was over when the patient was enrolled; `caught_up` knows whether that matters to it.
    pub late_enrolment: LateEnrolment,
    /// Whether it is shown while the plan waits for a clinician because of a reason not to start (fact sheet 2.2).
    pub even_when_excluded: bool,
    /// Where it comes from.
    pub grounds: Grounds,
    /// What the sources said, for staff.
    pub range: Option<String>,
}

/// Hours after the treatment, of which a line has at least one, and what it says if the time of treatment is known: nobody must count then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timed {
    /// After so many hours it begins, instead of with its first day.
    pub from_hour: Option<i32>,
    /// After so many hours it ends, instead of with its last day.
    pub until_hour: Option<i32>,
    /// The short line, if it is another one then.
    pub title: Option<Text>,
    /// The detail, if it is another one then.
    pub text: Option<Text>,
}

/// What keeps a restriction in force after its last day.
#[derive(Debug, Clone)]
pub struct Hold {
    /// It holds while this is true of the latest answers.
    pub when: Condition,
    /// Whether it holds while nothing was answered since the last day.
    pub if_unknown: bool,
    /// The last day it may reach.
    pub to_day: i32,
}

/// The questions of a check-in, in order.
#[derive(Debug, Clone)]
pub struct Form {
    pub key: String,
    /// The keys of its questions.
    pub questions: Vec<String>,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its key, which is the variable's name in rules.
    pub key: String,
    /// The type of the answer.
    pub kind: QuestionKind,
    /// The days it is asked on.
    pub days: Days,
    /// When it is asked.
    pub when: Option<Condition>,
    /// What it asks about, in a word or two, where answers are named; otherwise the question is.
    pub name: Option<Text>,
    /// The question.
    pub text: Text,
    /// Help with the answer.
    pub hint: Option<Text>,
    /// What can be answered.
    pub choices: Vec<Choice>,
    /// Choices that are no reason to act. If none is named, the one for which no rule fires is.
    pub usual: Vec<String>,
    /// The choice that rules read where there is no answer.
    pub unanswered: Option<String>,
    /// Why it is asked if no rule reads it.
    pub purpose: Option<Purpose>,
    /// The published scale it is, with its version, like `GAIS, as in the SkinPen study`.
    pub scale: Option<String>,
}

/// One possible answer of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub key: String,
    /// Its text.
    pub label: Text,
    /// How soon a person must act on it, if it is a sign.
    pub urgency: Option<Urgency>,
}

/// A sign that is asked as yes or no.
#[derive(Debug, Clone)]
pub struct Sign {
    pub key: String,
    /// The days it is asked on.
    pub days: Days,
    /// When it is asked.
    pub when: Option<Condition>,
    /// The question in plain words.
    pub text: Text,
    /// How soon a person must act on a yes.
    pub urgency: Urgency,
    /// What raises the urgency.
    pub escalate: Vec<Escalation>,
    /// What the patient is told at once.
    pub advice: Text,
    /// Where it comes from.
    pub grounds: Grounds,
}

/// A condition that raises an urgency.
#[derive(Debug, Clone)]
pub struct Escalation {
    /// When it applies.
    pub when: Condition,
    /// To what it raises; it never lowers.
    pub urgency: Urgency,
    /// What the patient is told then; otherwise what is told without it.
    pub advice: Option<Text>,
}

/// A rule over answers, over silence, or for a day.
#[derive(Debug, Clone)]
pub struct Rule {
    pub key: String,
    /// What sets it off.
    pub on: Trigger,
    /// The symptoms it is judged for, one by one; none means once.
    pub for_each: Vec<String>,
    /// Its days.
    pub days: Days,
    /// When it fires.
    pub when: Condition,
    /// How soon a person must act.
    pub urgency: Urgency,
    /// What raises the urgency.
    pub escalate: Vec<Escalation>,
    /// What the patient is told.
    pub advice: Text,
    /// Why it fired, for staff.
    pub reason: Text,
    /// Where it comes from.
    pub grounds: Grounds,
}
