//! The parameters of one treatment, checked against a protocol.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::conditions::Known;
use super::document::{Parameter, Protocol};
use super::words::ParameterKind;

/// What was recorded about the treatment and the screening.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(pub BTreeMap<String, Json>);

/// One parameter that does not fit the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{key}: {detail}")]
pub struct ParameterProblem {
    /// The parameter.
    pub key: String,
    /// `unknown_parameter`, `required`, `wrong_type`, `out_of_range` or `unknown_choice`.
    pub code: &'static str,
    /// One sentence for people.
    pub detail: String,
}

/// The values of the protocol's parameters, defaults filled in.
pub(super) fn check(protocol: &Protocol, given: &Parameters) -> Result<BTreeMap<String, Known>, Vec<ParameterProblem>> {
    let mut problems = Vec::new();
    for key in given.0.keys().filter(|key| !protocol.parameters.iter().any(|parameter| parameter.key == **key)) {
        problems.push(problem(key, "unknown_parameter", "This plan has no such parameter.".to_owned()));
    }
    let mut known = BTreeMap::new();
    for parameter in &protocol.parameters {
        let value = match given.0.get(&parameter.key).filter(|value| !value.is_null()) {
            Some(value) => read(parameter, value).map(Some),
            None if parameter.required => {
                Err(problem(&parameter.key, "required", "This parameter is required.".to_owned()))
            }
            None => Ok(parameter.default.clone()),
        };
        match value {
            Ok(Some(value)) => drop(known.insert(parameter.key.clone(), value)),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(known) } else { Err(problems) }
}

fn read(parameter: &Parameter, value: &Json) -> Result<Known, ParameterProblem> {
    let wrong_type = |wanted: &str| problem(&parameter.key, "wrong_type", format!("Give {wanted}."));
    match parameter.kind {
        ParameterKind::Flag => value.as_bool().map(Known::Flag).ok_or_else(|| wrong_type("true or false")),
        ParameterKind::Decimal => {
            let number = value.as_f64().ok_or_else(|| wrong_type("a number"))?;
            let (min, max) = (parameter.min.unwrap_or(f64::MIN), parameter.max.unwrap_or(f64::MAX));
            if (min..=max).contains(&number) {
                return Ok(Known::Decimal(number));
            }
            Err(problem(&parameter.key, "out_of_range", format!("Give a number from {min} to {max}.")))
        }
        ParameterKind::Choice => {
            let word = value.as_str().ok_or_else(|| wrong_type("one of the choices"))?;
            if parameter.choices.iter().any(|choice| choice == word) {
                return Ok(Known::Word(word.to_owned()));
            }
            Err(problem(&parameter.key, "unknown_choice", format!("Give one of: {}.", parameter.choices.join(", "))))
        }
    }
}

fn problem(key: &str, code: &'static str, detail: String) -> ParameterProblem {
    ParameterProblem { key: key.to_owned(), code, detail }
}
