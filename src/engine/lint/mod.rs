//! The linter: what is wrong with a protocol document that can be read.

mod contexts;
mod days;
mod judged;
mod persons;
mod places;
mod played;
mod questions;
mod reach;
mod search;
mod sessions;
mod sources;
mod texts;
mod triggers;

use contexts::Contexts;
pub use judged::NotJudgedDays;
use places::Places;

use super::document::{Defect, Protocol, Severity, parse};

/// A document that can be used.
#[derive(Debug, Clone)]
pub struct Linted {
    /// What it says.
    pub protocol: Protocol,
    /// What is worth a look.
    pub warnings: Vec<Defect>,
}

/// Reads a document and looks for defects; the document is refused if one of them is an error.
///
/// The defects of a refusal are all that were found, warnings too, in the order of the document.
pub fn lint(source: &str) -> Result<Linted, Vec<Defect>> {
    let protocol = parse(source)?;
    let defects = Linter { places: Places::of(source), contexts: Contexts::of(&protocol), protocol: &protocol }.run();
    if defects.iter().any(|defect| defect.severity == Severity::Error) {
        return Err(defects);
    }
    Ok(Linted { protocol, warnings: defects })
}

/// On which days an answer would be kept for the clinic and not judged, question by question.
pub fn not_judged_days(protocol: &Protocol) -> Vec<NotJudgedDays> {
    judged::not_judged(protocol, &Contexts::of(protocol))
}

/// What every check needs.
struct Linter<'s, 'p> {
    places: Places<'s>,
    protocol: &'p Protocol,
    contexts: Contexts,
}

impl Linter<'_, '_> {
    fn run(self) -> Vec<Defect> {
        self.days();
        self.played();
        self.sessions();
        self.reach();
        self.questions();
        self.triggers();
        self.answers_are_judged();
        self.texts();
        self.sources();
        self.places.finish()
    }
}
