//! Where an entry of a document stands, found again by its path.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use engine::{Defect, DefectCode, Report};

/// A document that was read, and what is found in it.
pub(super) struct Places<'s> {
    table: Spanned<DeTable<'s>>,
    report: Report<'s>,
}

impl<'s> Places<'s> {
    pub(super) fn of(source: &'s str) -> Self {
        Self { table: DeTable::parse_recoverable(source).0, report: Report::new(source) }
    }

    /// Records a defect at a path like `item[3].days`; what is not there stands where its entry begins.
    pub(super) fn add(&self, path: &str, code: DefectCode, problem: impl Into<String>, fix: impl Into<String>) {
        self.report.add(self.offset(path), path, code, problem, fix);
    }

    /// What was recorded, in the order of the document.
    pub(super) fn finish(self) -> Vec<Defect> {
        self.report.finish()
    }

    fn offset(&self, path: &str) -> usize {
        let (mut offset, mut here): (usize, Option<&DeValue>) = (0, None);
        for step in path.split(['.', '[']) {
            let next = match here {
                None => self.table.get_ref().get(step),
                Some(DeValue::Table(table)) => table.get(step),
                Some(DeValue::Array(list)) => {
                    step.trim_end_matches(']').parse().ok().and_then(|index: usize| list.get(index))
                }
                Some(_) => None,
            };
            let Some(found) = next else { break };
            offset = found.span().start;
            here = Some(found.get_ref());
        }
        offset
    }
}
