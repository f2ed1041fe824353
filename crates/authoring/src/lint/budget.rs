//! How much work one document may make. Whoever writes documents must not keep the server busy: the same document makes the same
//! work on every machine, so that it is taken or refused everywhere.

use std::cell::Cell;

use engine::Condition;

/// Units of 15 to 25 nanoseconds in a release: a line or a check-in looked at. All of it takes a second; the library's longest plan makes two
/// thirds of it.
const MOST_WORK: usize = 40_000_000;
/// Units of about 64 bytes that the kinds of patients may take, all together.
const MOST_KEPT: usize = 700_000;

/// What it costs to judge a condition over parameters.
pub(super) const JUDGED: usize = 8;

/// What it costs to judge conditions once: it grows with what they read.
pub(super) fn cost(conditions: &[&Condition]) -> usize {
    conditions.iter().map(|when| JUDGED * (1 + when.variables().len())).sum()
}

/// What is left of it.
pub(super) struct Budget {
    work: Cell<usize>,
    kept: Cell<usize>,
}

impl Budget {
    /// For one document.
    pub(super) fn new() -> Self {
        Self { work: Cell::new(MOST_WORK), kept: Cell::new(MOST_KEPT) }
    }

    /// Takes so much work; `false` if there was not so much left: then nothing more is to be done.
    pub(super) fn work(&self, units: usize) -> bool {
        take(&self.work, units)
    }

    /// Takes so much memory; `false` if there was not so much left.
    pub(super) fn keep(&self, units: usize) -> bool {
        take(&self.kept, units)
    }

    /// Whether the work was broken off: what was found then, or not found, says nothing.
    pub(super) fn is_spent(&self) -> bool {
        self.work.get() == 0 || self.kept.get() == 0
    }
}

fn take(left: &Cell<usize>, units: usize) -> bool {
    let rest = left.get().saturating_sub(units);
    left.set(rest);
    rest > 0
}
