//! The core: protocol documents, the day of a patient, and triage. Pure: no clock, no database, no network.

mod adherence;
mod alerts;
mod answers;
mod because;
mod calendar;
mod clinic_texts;
mod clock;
mod commands;
mod compile;
mod conditions;
mod day;
mod day_rules;
mod document;
mod effect;
mod history;
mod hours;
pub mod judged; // which answers a rule judges
mod late_enrolment;
mod merge;
pub mod month_names;
mod occurrences;
mod overrides;
mod parameters;
mod reminders;
mod silence;
mod stops;
mod text;
mod timed;
mod triage;
mod words;

pub use adherence::{Adherence, PlanInput, Tally, adherence};
pub use alerts::{Office, Standing, due_at, should_raise};
pub use answers::{AnswerProblem, Answers, Taken, is_answer};
pub use calendar::{
    Age, DayOfPlan, add_days, date_of, day_number, days_between, local_date, local_instant, next_date_change,
};
pub use clinic_texts::ClinicTexts;
pub use clock::{Days, LocalTime};
pub use commands::{
    Command, Now, PlanState, Refusal, Revision, Stretch, Successor, UndoRefusal, answered_from, apply, undo,
};
pub use compile::{Compiled, Planned, compile};
pub use conditions::{Comparison, Condition, Expression, Known, Literals, Operation, Verdict};
pub use day::{Day, Occurrence, Seen, Windows, ahead, day, on_date, today};
pub use day_rules::{DayFinding, day_rules};
pub use document::{
    Adjust, CLINIC_WORDS, Choice, ClinicText, Curve, Defect, DefectCode, Escalation, Exclusion, Form, Grounds, Hold,
    Item, OwnGround, Parameter, Phase, Protocol, Question, Report, Rule, SIGNS, Sessions, Severity, Sign, Slot, Timed,
    Variant, listed, nearest, parse,
};
pub use effect::{Effect, MovedItem, PlannedItem, Schedule, effect};
pub use history::{Epoch, History};
pub use hours::{Desk, Hours, HoursProblem, Opening};
pub use merge::{Ends, Line, SetAside, Source, forbidden_until, merge, set_aside};
pub use occurrences::{Changes, CheckInFact, Enrolment, Facts, MarkFact, at_the_latest, find, line_of, occurrence_id};
pub use overrides::{
    AddedLine, DayRange, Override, OverrideChange, OverrideProblem, SetLine, SlotKey, Threshold, behind,
    check_override, check_shape,
};
pub use parameters::{ParameterProblem, Parameters};
pub use reminders::{Due, Reader, batch_key, due_reminders, look_from, next_due, reason_of};
pub use silence::silence;
pub use stops::{End, Pause, PausedDays, Stops, Superseded};
pub use text::{Text, fill, has_controls, language};
pub use timed::Instants;
pub use triage::{Acting, Finding, LOOK_BACK, NotJudged, Trace, Triage, TriageInput, triage, triage_by};
pub use words::{
    AlertChange, Decision, ItemKind, LateEnrolment, MarkState, ParameterKind, PlanStatus, Procedure, Purpose,
    QuestionKind, Reason, State, Trigger, UnknownWord, Urgency, Weekday,
};
