//! The commands about protocol documents: check, preview, simulate, diff, schema.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::preview::Preview;
use crate::clinics::Clinic;
use crate::documents::simulate::{NewSimulation, simulate};
use crate::error::Error;
use authoring::{LIBRARY, SCHEMA, library_document};
use engine::{Parameter, ParameterKind, Parameters, Protocol};

/// What can be done with protocol documents.
#[derive(Subcommand)]
pub enum Command {
    /// Read a document and name every error with its file, line and fix.
    Check {
        /// The key of a library plan, or a document.
        plan: String,
    },
    /// Show a plan before anybody is enrolled in it: every day, or a calendar and a sheet to approve as a page to print.
    Preview(Box<Preview>),
    /// Play a scripted patient: every Today, reminder, alert and mail of the whole course.
    Simulate {
        /// The key of a library plan, or a document.
        plan: String,
        /// The script, TOML or JSON: `parameters` and `script`, as the API takes them.
        #[arg(long)]
        script: Option<PathBuf>,
        #[command(flatten)]
        treatment: Treatment,
        /// The language of the table.
        #[arg(long, default_value = "en")]
        locale: String,
        /// Print JSON, as the API gives it.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the documents.
    Schema,
    /// Say what is different between two documents: 0 if nothing is, 1 if something is, 2 if they cannot be read.
    Diff {
        /// The key of a library plan, or a document.
        before: String,
        /// The key of a library plan, or a document.
        after: String,
        /// Print JSON, as the API gives it.
        #[arg(long)]
        json: bool,
    },
}

/// The treatment's parameters.
#[derive(Args)]
pub struct Treatment {
    /// Short for `--param needle_depth_mm=...`.
    #[arg(long, value_name = "MM")]
    needle_depth: Option<String>,
    /// Short for `--param skin_type=...`.
    #[arg(long, value_name = "I-VI")]
    skin_type: Option<String>,
    /// Any parameter of the plan; may be given several times.
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
}

impl Command {
    /// The clinic that the command is about, by its id or name, if it is about one: it is to be looked up first.
    pub fn clinic(&self) -> Option<&str> {
        match self {
            Self::Preview(preview) => preview.clinic(),
            _ => None,
        }
    }
}

/// Runs a command, with the clinic that it is about.
pub fn run(command: Command, clinic: Option<&Clinic>) -> Result<ExitCode, Error> {
    match command {
        Command::Check { plan } => check(&plan),
        Command::Preview(preview) => preview.run(clinic),
        Command::Simulate { plan, script, treatment, locale, json } => {
            show_simulation(&plan, script.as_deref(), &treatment, &locale, json)
        }
        Command::Schema => {
            drop(std::io::stdout().write_all(SCHEMA.as_bytes()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Diff { before, after, json } => show_diff(&before, &after, json).or_else(|why| {
            drop(writeln!(std::io::stderr(), "aftercare: {why}"));
            Ok(ExitCode::from(2))
        }),
    }
}

pub(super) fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn check(plan: &str) -> Result<ExitCode, Error> {
    let list = |defects: &[engine::Defect]| {
        for defect in defects {
            let grave = if defect.severity == engine::Severity::Error { "error" } else { "warning" };
            say(&format!("{plan}:{}:{}: {grave}: {defect}", defect.line, defect.column));
        }
    };
    match authoring::lint(&document_of(plan)?) {
        Ok(authoring::Linted { protocol, warnings }) => {
            list(&warnings);
            let (key, items, rules) = (&protocol.key, protocol.items.len(), protocol.rules.len());
            let found = if warnings.is_empty() { String::new() } else { format!("; {} warnings", warnings.len()) };
            say(&format!("{plan}: {key} is right: {items} items, {rules} rules{found}"));
            Ok(ExitCode::SUCCESS)
        }
        Err(defects) => {
            list(&defects);
            let errors = defects.iter().filter(|defect| defect.severity == engine::Severity::Error).count();
            say(&format!("{errors} errors, {} warnings", defects.len() - errors));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn show_simulation(
    plan: &str,
    script: Option<&Path>,
    treatment: &Treatment,
    locale: &str,
    json: bool,
) -> Result<ExitCode, Error> {
    let protocol = find(plan)?;
    let mut new: NewSimulation = script.map(read_script).transpose()?.unwrap_or_default();
    new.parameters = treatment.parameters(&protocol, new.parameters)?;
    let simulation = simulate(&protocol, &new).map_err(|error| match (error, script) {
        (Error::Invalid(fields), Some(file)) => {
            let all: Vec<String> =
                fields.iter().map(|field| format!("{}: {}: {}", file.display(), field.pointer, field.detail)).collect();
            wrong(all.join("\n"))
        }
        (error, _) => error,
    })?;
    say(&if json { serde_json::to_string_pretty(&simulation)? } else { simulation.table(&[locale]) });
    Ok(ExitCode::SUCCESS)
}

fn show_diff(before: &str, after: &str, json: bool) -> Result<ExitCode, Error> {
    let diff = authoring::diff(&find(before)?, &find(after)?);
    if json {
        say(&serde_json::to_string_pretty(&diff)?);
    } else if diff.changes.is_empty() {
        say("No difference in what the plan says or does.");
    } else {
        say(diff.to_string().trim_end());
    }
    Ok(if diff.changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn wrong(sentence: String) -> Error {
    Error::Setting(sentence)
}

fn read_file(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|why| wrong(format!("cannot read {}: {why}", file.display())))
}

/// A plan of the library by its key, or a document by its file.
fn find(plan: &str) -> Result<Protocol, Error> {
    protocol_of(plan, &document_of(plan)?)
}

/// The text of a library plan by its key, or of a file.
pub(super) fn document_of(plan: &str) -> Result<String, Error> {
    match library_document(plan) {
        Some(document) => Ok(document.to_owned()),
        None if Path::new(plan).exists() => read_file(Path::new(plan)),
        None => {
            let keys: Vec<&str> = LIBRARY.iter().filter_map(|(file, _)| file.strip_suffix(".toml")).collect();
            let keys = keys.join(", ");
            Err(wrong(format!(
                "there is no file `{plan}`, and no plan of that key in the library; give a file, or one of: {keys}"
            )))
        }
    }
}

/// Reads the text of a plan that was given as `plan`; the first defect is named.
pub(super) fn protocol_of(plan: &str, document: &str) -> Result<Protocol, Error> {
    engine::parse(document).map_err(|defects| {
        let first = defects.first().map(ToString::to_string).unwrap_or_default();
        let more = defects.len().saturating_sub(1);
        wrong(format!("{plan}: {first} ({more} more; `aftercare protocol check {plan}` names all)"))
    })
}

/// TOML or JSON by the file's name; each error names its place.
fn read_script<T: DeserializeOwned>(file: &Path) -> Result<T, Error> {
    let (text, name) = (read_file(file)?, file.display());
    let value: Json = if file.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).map_err(|why| wrong(format!("{name}: {why}")))?
    } else {
        let table: toml::Table =
            toml::from_str(&text).map_err(|why| wrong(format!("{name}: {}", why.to_string().trim_end())))?;
        plain(toml::Value::Table(table))
    };
    serde_path_to_error::deserialize(value).map_err(|why| wrong(format!("{name}: {}: {}", why.path(), why.inner())))
}

/// TOML's dates and times are texts in JSON.
fn plain(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::from(text),
        toml::Value::Integer(number) => Json::from(number),
        toml::Value::Float(number) => Json::from(number),
        toml::Value::Boolean(flag) => Json::from(flag),
        toml::Value::Datetime(when) => Json::from(when.to_string()),
        toml::Value::Array(values) => values.into_iter().map(plain).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
    }
}

impl Treatment {
    /// The parameters of the flags over those that are there; what is wrong is named with the flag that mends it.
    pub(super) fn parameters(&self, protocol: &Protocol, mut parameters: Parameters) -> Result<Parameters, Error> {
        let short = [("needle_depth_mm", &self.needle_depth), ("skin_type", &self.skin_type)];
        for (key, value) in short {
            if let Some(value) = value {
                parameters.0.insert(key.to_owned(), self.value(protocol, key, value)?);
            }
        }
        for pair in &self.params {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| wrong(format!("--param {pair}: write it like key=value")))?;
            parameters.0.insert(key.to_owned(), self.value(protocol, key, value)?);
        }
        match engine::compile(protocol, &parameters) {
            Ok(_) => Ok(parameters),
            Err(problems) => {
                let all: Vec<String> = problems
                    .iter()
                    .map(|problem| match protocol.parameters.iter().find(|one| one.key == problem.key) {
                        Some(parameter) => told(parameter, problem.detail.as_str()),
                        None => unknown(protocol, &problem.key).to_string(),
                    })
                    .collect();
                Err(wrong(all.join("\n")))
            }
        }
    }

    fn value(&self, protocol: &Protocol, key: &str, value: &str) -> Result<Json, Error> {
        let parameter = protocol.parameters.iter().find(|one| one.key == key).ok_or_else(|| unknown(protocol, key))?;
        let read = match parameter.kind {
            ParameterKind::Choice => Some(Json::from(value)),
            ParameterKind::Decimal => value.parse::<f64>().ok().filter(|number| number.is_finite()).map(Json::from),
            ParameterKind::Flag => match value {
                "true" | "yes" => Some(Json::from(true)),
                "false" | "no" => Some(Json::from(false)),
                _ => None,
            },
        };
        read.ok_or_else(|| wrong(told(parameter, &format!("`{value}` is not a value of it."))))
    }
}

fn unknown(protocol: &Protocol, key: &str) -> Error {
    let keys: Vec<&str> = protocol.parameters.iter().map(|one| one.key.as_str()).collect();
    wrong(format!("{} has no parameter `{key}`; it has: {}", protocol.key, keys.join(", ")))
}

/// What is wrong with a parameter, and the flag to write.
fn told(parameter: &Parameter, what: &str) -> String {
    let example = match parameter.kind {
        ParameterKind::Flag => "true or false".to_owned(),
        ParameterKind::Choice => parameter.choices.join(", "),
        ParameterKind::Decimal => {
            let bound = |bound: Option<f64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
            format!("a number from {} to {}", bound(parameter.min), bound(parameter.max))
        }
    };
    let flag = match parameter.key.as_str() {
        "needle_depth_mm" => "--needle-depth VALUE".to_owned(),
        "skin_type" => "--skin-type VALUE".to_owned(),
        key => format!("--param {key}=VALUE"),
    };
    format!("{} ({}): {what} Add {flag}: {example}", parameter.key, parameter.label.in_locale(&["en"]))
}
