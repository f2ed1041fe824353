//! The core: protocol documents, the day of a patient, and triage. Pure: no clock, no database, no network.

mod answers;
mod calendar;
mod clock;
mod compile;
mod conditions;
mod day;
mod document;
mod effect;
mod lint;
mod occurrences;
mod parameters;
mod reminders;
mod silence;
mod text;
mod triage;
mod words;

pub use answers::{AnswerProblem, Answers};
pub use calendar::{day_number, local_instant};
pub use clock::{Days, LocalTime};
pub use compile::{Compiled, Planned, compile};
pub use conditions::{Condition, Known, Verdict};
pub use day::{Day, Occurrence, day, today};
pub use document::{
    Adjust, Choice, ClinicText, Curve, Defect, DefectCode, Escalation, Exclusion, Form, Grounds, Hold, Item, OwnGround,
    Parameter, Phase, Protocol, Question, Rule, Sessions, Severity, Sign, Slot, Variant, parse,
};
pub use effect::{Effect, MovedItem, PlannedItem, Schedule, effect};
pub use lint::{Linted, lint};
pub use occurrences::{CheckInFact, Enrolment, Facts, MarkFact, find, occurrence_id};
pub use parameters::{ParameterProblem, Parameters};
pub use reminders::{Due, due_reminders, next_due};
pub use silence::silence;
pub use text::{Text, fill};
pub use triage::{Finding, NotJudged, Trace, Triage, TriageInput, triage};
pub use words::{
    ItemKind, MarkState, ParameterKind, PlanStatus, Procedure, Purpose, QuestionKind, State, Trigger, UnknownWord,
    Urgency,
};
