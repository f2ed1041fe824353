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

/// So many defects are named; whoever has mended them is told the next.
const MOST_DEFECTS: usize = 100;
/// So many candidates are named where a word is not known.
const MOST_CANDIDATES: usize = 10;
/// A longer word is not compared with the known ones, and no more of them are looked at.
const LONGEST_WORD: usize = 64;
const MOST_COMPARED: usize = 200;

/// Collects defects and knows where in the source a byte is.
pub struct Report<'s> {
    source: &'s str,
    /// Where each line begins.
    lines: Vec<usize>,
    defects: std::cell::RefCell<Vec<Defect>>,
}

impl<'s> Report<'s> {
    pub fn new(source: &'s str) -> Self {
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { source, lines: std::iter::once(0).chain(breaks).collect(), defects: std::cell::RefCell::default() }
    }

    pub fn add(&self, at: usize, path: &str, code: DefectCode, problem: impl Into<String>, fix: impl Into<String>) {
        let severity = code.severity();
        let mut defects = self.defects.borrow_mut();
        if defects.len() >= MOST_DEFECTS {
            // An error takes the place of a warning: the document is refused for it.
            let is_error = severity == Severity::Error;
            let warning = defects.iter().rposition(|defect| is_error && defect.severity != Severity::Error);
            let Some(warning) = warning else { return };
            defects.remove(warning);
        }
        let (line, column) = self.position(at);
        let (path, problem, fix) = (path.to_owned(), problem.into(), fix.into());
        defects.push(Defect { code, severity, line, column, path, problem, fix });
    }

    /// The source between two bytes, as it is written there.
    pub(super) fn written(&self, span: &Range<usize>) -> &'s str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// The defects found so far, in the order of the document.
    pub fn finish(self) -> Vec<Defect> {
        let mut defects = self.defects.into_inner();
        defects.sort_by_key(|defect| (defect.line, defect.column));
        defects
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let in_line = self.source.get(start..at).or_else(|| self.source.get(start..)).unwrap_or_default();
        (line, in_line.chars().count() + 1)
    }
}

/// The candidate that was most likely meant, if one is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    candidates
        .into_iter()
        .take(MOST_COMPARED)
        .filter(|candidate| candidate.len() <= LONGEST_WORD)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The first candidates, and how many more there are.
pub fn listed<'a>(candidates: impl IntoIterator<Item = &'a str>) -> String {
    let mut candidates = candidates.into_iter();
    let named: Vec<&str> = candidates.by_ref().take(MOST_CANDIDATES).collect();
    match candidates.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
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
