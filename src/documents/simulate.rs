//! A scripted patient against any version of a protocol.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refused;
use crate::error::{Error, FieldError};
use authoring::{Script, ScriptProblem, Simulation};
use engine::{Parameters, Protocol};

/// A treatment and a scripted patient.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSimulation {
    /// The treatment's parameters, as the protocol asks for them.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, example = json!({"needle_depth_mm": 1.5, "skin_type": "III"}))]
    pub parameters: Parameters,
    /// What the patient does; one who heals as expected, if it is not said.
    #[serde(default)]
    pub script: Script,
}

/// Plays a script: every Today, reminder, alert and mail of the whole course. Reasons not to start are overruled.
pub fn simulate(protocol: &Protocol, new: &NewSimulation) -> Result<Simulation, Error> {
    let compiled = engine::compile(protocol, &new.parameters).map_err(refused)?;
    authoring::simulate(&compiled, &new.script).map_err(cannot_be_played)
}

fn cannot_be_played(problems: Vec<ScriptProblem>) -> Error {
    let field = |problem: ScriptProblem| FieldError {
        pointer: format!("/script{}", problem.pointer),
        code: problem.code.to_owned(),
        detail: problem.detail,
    };
    Error::Invalid(problems.into_iter().map(field).collect())
}
