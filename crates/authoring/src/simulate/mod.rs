//! The simulator: a scripted patient against a plan, the whole course at once, with the decisions the server takes.

mod calm;
mod result;
mod run;
mod script;
mod table;

pub use result::{
    SimulatedAlert, SimulatedChange, SimulatedCheckIn, SimulatedDay, SimulatedFinding, SimulatedLine,
    SimulatedReminder, SimulatedStaffMail, Simulation,
};
pub use run::simulate;
pub use script::{AdHoc, Behaviour, Script, ScriptProblem, ScriptedDay, Travel};
