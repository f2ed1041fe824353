//! What is wrong in a protocol document, where, and how to mend it.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::codes::{DefectCode, Severity};

/// One defect of a protocol document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ProtocolDefect)]
pub struct Defect {
    /// What kind of defect it is; stable. `docs/PROTOCOLS.md` lists them, and what to do.
    #[schema(value_type = String, example = "day_without_instruction")]
    pub code: DefectCode,
    /// Whether the document is refused because of it; the code decides.
    pub severity: Severity,
    /// Line, from 1.
    #[schema(example = 120)]
    pub line: usize,
    /// Column in characters, from 1.
    #[schema(example = 1)]
    pub column: usize,
    /// The place in the document, like `item[3].days`.
    #[schema(example = "item[3].days")]
    pub path: String,
    /// What is wrong.
    #[schema(example = "day 5 has neither a line nor a phase")]
    pub problem: String,
    /// How to mend it.
    #[schema(example = "lengthen a line or a phase")]
    pub fix: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, path, problem, fix, code, .. } = self;
        write!(f, "line {line}, column {column}: {problem}")?;
        if !path.is_empty() {
            write!(f, " (in {path})")?;
        }
        write!(f, ". Fix: {fix}. [{code}]")
    }
}

impl std::error::Error for Defect {}

/// Collects defects and knows where in the source a byte is.
pub(in crate::engine) struct Report<'s> {
    source: &'s str,
    defects: std::cell::RefCell<Vec<Defect>>,
}

impl<'s> Report<'s> {
    pub(in crate::engine) fn new(source: &'s str) -> Self {
        Self { source, defects: std::cell::RefCell::default() }
    }

    pub(in crate::engine) fn add(
        &self,
        at: usize,
        path: &str,
        code: DefectCode,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let (line, column) = self.position(at);
        let (path, problem, fix, severity) = (path.to_owned(), problem.into(), fix.into(), code.severity());
        self.defects.borrow_mut().push(Defect { code, severity, line, column, path, problem, fix });
    }

    /// The source between two bytes, as it is written there.
    pub(super) fn written(&self, span: &Range<usize>) -> &'s str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// The defects found so far, in the order of the document.
    pub(in crate::engine) fn finish(self) -> Vec<Defect> {
        let mut defects = self.defects.into_inner();
        defects.sort_by_key(|defect| (defect.line, defect.column));
        defects
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.source.get(..at).unwrap_or(self.source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        (before.matches('\n').count() + 1, in_line.chars().count() + 1)
    }
}

/// The candidate that was most likely meant, if one is near.
pub(in crate::engine) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((j, to), pair) in b.chars().enumerate().zip(row.windows(2)) {
            let (above_left, above) = match pair {
                [left, right] => (*left, *right),
                _ => (j, j),
            };
            let left = next.last().copied().unwrap_or(i);
            next.push((above_left + usize::from(from != to)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
