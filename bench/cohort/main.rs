//! `cargo run --example cohort`: sends synthetic people through the plans and prints whom the rules alert. `bench/README.md` says more.
#![expect(clippy::print_stdout, reason = "a command prints its result")]

#[path = "cohort.rs"]
mod cohort;
mod write;

use std::path::Path;
use std::process::ExitCode;

use authoring::lint;
use clap::Parser;

use cohort::people::Part;
use cohort::{NOISE_AT_ENDS, Plan, Settings, run, shapes, table};

/// Synthetic recoveries with known truth, judged by the rules of the plans.
#[derive(Debug, Parser)]
struct Arguments {
    /// So many healthy people, and so many with a complication, of each plan.
    #[arg(long, default_value_t = 678)]
    people: usize,
    /// Another seed is other people.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// `tune` for who changes rules, `held-out` for who measures them, or `all`.
    #[arg(long, default_value = "tune")]
    part: String,
    /// How much of its noise an answer keeps at 0 and at 10; with 1, nothing is answered as badly as a 5.
    #[arg(long, default_value_t = NOISE_AT_ENDS)]
    noise_at_ends: f64,
    /// Writes the truth and the answers of everybody here, one JSON object a line.
    #[arg(long)]
    write: Option<std::path::PathBuf>,
    /// Reads the plans of this folder instead of those built in.
    #[arg(long)]
    plans: Option<std::path::PathBuf>,
    /// Only says what is wrong with the plans.
    #[arg(long)]
    lint: bool,
    /// Only prints how healthy skin recovers, and which sources say so.
    #[arg(long)]
    shapes: bool,
}

fn main() -> ExitCode {
    match work(&Arguments::parse()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &Arguments) -> Result<String, String> {
    let documents = documents(arguments.plans.as_deref())?;
    if arguments.shapes {
        return Ok(shapes::listed(documents.iter().filter_map(|(_, text)| Some(Plan::read(text).ok()?.key))));
    }
    if arguments.lint {
        return defects(&documents);
    }
    let part = match arguments.part.as_str() {
        "tune" => Some(Part::Tune),
        "held-out" => Some(Part::HeldOut),
        "all" => None,
        other => return Err(format!("--part is tune, held-out or all, not {other}")),
    };
    let plans = documents.iter().map(|(_, text)| Plan::read(text)).collect::<Result<Vec<Plan>, String>>()?;
    let Arguments { people, seed, noise_at_ends, .. } = *arguments;
    let results = run(&plans, Settings { people, seed, part, noise_at_ends });
    if let Some(path) = &arguments.write {
        write::write(path, &results).map_err(|error| error.to_string())?;
    }
    Ok(table::report(&results))
}

/// The plans with their file names.
fn documents(folder: Option<&Path>) -> Result<Vec<(String, String)>, String> {
    let Some(folder) = folder else {
        let built_in = authoring::LIBRARY.iter();
        return Ok(built_in.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect());
    };
    let mut documents = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|kind| kind == "toml") {
            let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
            documents.push((path.display().to_string(), text));
        }
    }
    documents.sort();
    Ok(documents)
}

/// What the linter says of each plan; an error if it refuses one.
fn defects(documents: &[(String, String)]) -> Result<String, String> {
    let mut text = String::new();
    let mut refused = false;
    for (name, document) in documents {
        let found = lint(document).map(|linted| linted.warnings);
        refused |= found.is_err();
        let found = found.unwrap_or_else(|defects| defects);
        text.push_str(&format!("{name}: {} defects\n", found.len()));
        found.iter().for_each(|defect| text.push_str(&format!("  {defect}\n")));
    }
    if refused { Err(text) } else { Ok(text) }
}
