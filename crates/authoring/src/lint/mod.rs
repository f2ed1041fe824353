//! The linter: what is wrong with a protocol document that can be read.

mod budget;
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

use budget::{Budget, JUDGED};
use contexts::{Context, Contexts};
pub use judged::NotJudgedDays;
use places::Places;

use engine::Condition;
use engine::{Defect, DefectCode, Protocol, Severity, parse};

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
    let budget = Budget::new();
    let contexts = Contexts::of(&protocol, &budget);
    let defects = Linter { places: Places::of(source), contexts, protocol: &protocol, budget: &budget }.run();
    if defects.iter().any(|defect| defect.severity == Severity::Error) {
        return Err(defects);
    }
    Ok(Linted { protocol, warnings: defects })
}

/// On which days an answer would be kept for the clinic and not judged, question by question.
pub fn not_judged_days(protocol: &Protocol) -> Vec<NotJudgedDays> {
    let budget = Budget::new();
    judged::not_judged(protocol, &Contexts::of(protocol, &budget), &budget)
}

/// The one defect of a document that makes more work than one may make: what else was found says nothing then.
fn too_complex() -> Defect {
    let problem = "this plan makes too much work for the checks: it tells too many kinds of patients, check-ins and answers apart";
    let fix = "let fewer parameters be read together, ask on fewer days, read fewer answers in a condition, or split the plan in two";
    Defect {
        code: DefectCode::TooComplex,
        severity: DefectCode::TooComplex.severity(),
        line: 1,
        column: 1,
        path: String::new(),
        problem: problem.to_owned(),
        fix: fix.to_owned(),
    }
}

/// What every check needs.
struct Linter<'s, 'p> {
    places: Places<'s>,
    protocol: &'p Protocol,
    contexts: Contexts,
    budget: &'p Budget,
}

impl Linter<'_, '_> {
    /// Every kind of patient, until the budget is spent.
    fn patients(&self) -> impl Iterator<Item = &Context> {
        self.contexts.all.iter().take_while(|_| self.budget.work(1))
    }

    /// Whether a kind of patient is there for whom all of these conditions hold.
    fn holds_together(&self, conditions: &[Option<&Condition>]) -> bool {
        self.patients().any(|context| {
            self.budget.work(JUDGED * conditions.len()) && conditions.iter().all(|when| Contexts::holds(context, *when))
        })
    }

    fn run(self) -> Vec<Defect> {
        let checks: [fn(&Self); 9] = [
            Self::days,
            Self::played,
            Self::sessions,
            Self::reach,
            Self::questions,
            Self::triggers,
            Self::answers_are_judged,
            Self::texts,
            Self::sources,
        ];
        for check in checks {
            if self.budget.is_spent() {
                break;
            }
            check(&self);
        }
        if self.budget.is_spent() { vec![too_complex()] } else { self.places.finish() }
    }
}
