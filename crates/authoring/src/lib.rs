//! For who writes plans: the linter, the scripted patient, what changes between two documents. Pure like the engine.

mod diff;
mod library;
mod lint;
pub mod preview;
mod simulate;

pub use diff::{Change, ChangeKind, Detail, Diff, diff};
pub use library::{LIBRARY, SCHEMA, library_document};
pub use lint::{Linted, NotJudgedDays, lint, not_judged_days};
pub use simulate::{
    AdHoc, Behaviour, Script, ScriptProblem, ScriptedDay, SimulatedAlert, SimulatedChange, SimulatedCheckIn,
    SimulatedDay, SimulatedFinding, SimulatedLine, SimulatedReminder, SimulatedStaffMail, Simulation, Travel, simulate,
};
