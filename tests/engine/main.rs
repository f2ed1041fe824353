//! The engine from outside: examples, and properties over every zone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod compiling;
mod days;
mod library;
mod oracle;
mod parsing;
mod reminders;
mod robust;
mod silence;
mod support;
mod travel;
mod triage;
mod waiting;
mod zones;
