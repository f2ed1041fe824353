//! The engine from outside: examples, and properties over every zone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod compiling;
mod days;
mod library;
mod linting;
mod oracle;
mod parsing;
mod reminders;
mod robust;
mod schema;
mod silence;
mod support;
mod travel;
mod triage;
mod zones;
