//! What came of a scripted patient.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use engine::Text;
use engine::{AlertChange, Decision, ItemKind, Reason, State, Urgency};
use ground::ids::{OccurrenceId, PlanId};
use ground::time::Stamp;

/// The whole course of a scripted patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Simulation {
    /// The protocol's key.
    #[schema(example = "mn-face")]
    pub key: String,
    /// What the plan is called.
    pub title: Text,
    /// The plan's id here: always the same for the same protocol.
    pub plan_id: PlanId,
    /// The variants that apply.
    #[schema(example = json!(["darker_skin"]))]
    pub variants: Vec<String>,
    /// The keys of the reasons not to start that apply; they are simulated as overruled.
    #[schema(example = json!([]))]
    pub exclusions: Vec<String>,
    /// The date of the treatment.
    #[schema(value_type = String, format = Date, example = "2026-05-04")]
    pub treated_on: Date,
    /// When the patient was enrolled.
    pub enrolled_at: Stamp,
    /// Each day as the patient's Today is at its end. A day that a flight skipped is not there.
    pub days: Vec<SimulatedDay>,
    /// Each decision about a reminder, in the order of time.
    pub reminders: Vec<SimulatedReminder>,
    /// Each check-in with what the rules found.
    pub check_ins: Vec<SimulatedCheckIn>,
    /// Each alert. Nobody ends one here.
    pub alerts: Vec<SimulatedAlert>,
    /// Each mail that tells the clinic's staff to look.
    pub staff_mails: Vec<SimulatedStaffMail>,
}

/// A day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedDay {
    /// Its number.
    #[schema(example = 3)]
    pub number: i32,
    /// Its date.
    #[schema(value_type = String, format = Date, example = "2026-05-07")]
    pub date: Date,
    /// Where the patient was at its end.
    #[schema(example = "Europe/London")]
    pub zone: String,
    /// The key of its phase.
    #[schema(required, example = "settling")]
    pub phase: Option<String>,
    /// What Today shows.
    pub lines: Vec<SimulatedLine>,
}

/// A line of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedLine {
    /// The occurrence.
    pub occurrence_id: OccurrenceId,
    /// The item's key.
    #[schema(example = "no-swimming-or-heat")]
    pub key: String,
    /// What kind of line.
    pub kind: ItemKind,
    /// Its slot.
    #[schema(example = "day")]
    pub slot: String,
    /// The day that it belongs to; an earlier one if it can still be answered.
    #[schema(example = 3)]
    pub day: i32,
    /// Where it stands at the end of the day.
    pub state: State,
    /// The last date of a restriction, as far as is known.
    #[schema(required, value_type = Option<String>, format = Date, example = "2026-05-11")]
    pub last_on: Option<Date>,
    /// Whether the answers keep it in force.
    #[schema(example = false)]
    pub held: bool,
}

/// A decision about a reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedReminder {
    /// The occurrence that it is about.
    pub occurrence_id: OccurrenceId,
    /// Its item.
    #[schema(example = "check-in")]
    pub item_key: String,
    /// Its slot.
    #[schema(example = "check-in")]
    pub slot: String,
    /// Its day.
    #[schema(example = 3)]
    pub day: i32,
    /// When it was due.
    pub due_at: Stamp,
    /// When it was decided.
    pub decided_at: Stamp,
    /// The same on the patient's clock.
    #[schema(example = "2026-05-07 10:00")]
    pub local: String,
    /// Mailed, told by another mail, or not.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
}

/// A check-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedCheckIn {
    /// The check-in of the plan that it answers; `null` if the patient wrote unasked.
    #[schema(required)]
    pub occurrence_id: Option<OccurrenceId>,
    /// The item of that check-in.
    #[schema(required, example = "check-in")]
    pub item_key: Option<String>,
    /// The day that it is about.
    #[schema(example = 3)]
    pub day: i32,
    /// When it was answered.
    pub answered_at: Stamp,
    /// The same on the patient's clock.
    #[schema(example = "2026-05-07 20:00")]
    pub local: String,
    /// Whether its window had closed.
    #[schema(example = false)]
    pub back_filled: bool,
    /// The answers.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"signs": [], "redness": 3}))]
    pub answers: BTreeMap<String, Json>,
    /// The most pressing finding.
    #[schema(required)]
    pub urgency: Option<Urgency>,
    /// What the rules found, the most pressing first.
    pub findings: Vec<SimulatedFinding>,
    /// The causes of the rules that could not be judged, because something was not answered.
    #[schema(example = json!(["R2:redness"]))]
    pub not_judged: Vec<String>,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedFinding {
    /// The rule, and its symptom.
    #[schema(example = "R1:redness")]
    pub cause: String,
    /// How soon a person must act.
    pub urgency: Urgency,
    /// What the patient is told.
    pub advice: Text,
    /// Why, for staff.
    pub reason: Text,
    /// The condition that held.
    #[schema(example = "level >= expected + 3")]
    pub expression: String,
    /// The condition that raised the urgency.
    #[schema(required, example = "level >= 7")]
    pub escalated_by: Option<String>,
    /// What the conditions read.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"level": 7, "expected": 2}))]
    pub values: BTreeMap<String, Json>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedAlert {
    /// The rule, and its symptom or day: one alert each.
    #[schema(example = "R1:redness")]
    pub cause: String,
    /// How soon a person must act, at the end.
    pub urgency: Urgency,
    /// The day of the newest finding.
    #[schema(example = 3)]
    pub day: i32,
    /// When it was raised.
    pub raised_at: Stamp,
    /// Until when a person must answer.
    pub due_at: Stamp,
    /// How often the cause was found.
    #[schema(example = 1)]
    pub times_seen: i32,
    /// Why, for staff.
    pub reason: Text,
    /// What happened to it.
    pub changes: Vec<SimulatedChange>,
}

/// What a finding did to an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedChange {
    /// When.
    pub at: Stamp,
    /// The same on the patient's clock.
    #[schema(example = "2026-05-07 20:00")]
    pub local: String,
    /// The day of the finding.
    #[schema(example = 3)]
    pub day: i32,
    /// What.
    pub change: AlertChange,
    /// The finding's urgency.
    pub urgency: Urgency,
}

/// A mail that tells staff to look; nothing of what it is about stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimulatedStaffMail {
    /// When.
    pub at: Stamp,
    /// The same on the patient's clock.
    #[schema(example = "2026-05-07 20:00")]
    pub local: String,
    /// The causes of the findings that it was written for.
    #[schema(example = json!(["R1:redness"]))]
    pub causes: Vec<String>,
}
