//! The engine from outside: examples, and properties over every zone.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod adherence;
mod cohort;
mod commanding;
mod compiling;
mod day_rules;
mod days;
mod dice;
mod diffing;
mod facts;
mod hours;
mod journeys;
mod late_enrolment;
mod library;
mod linting;
mod merging;
mod moving;
mod oracle;
mod parsing;
mod previewing;
mod printing;
mod queues;
mod reassuring;
mod reminders;
mod robust;
mod schema;
mod silence;
mod simulating;
mod support;
mod timed;
mod travel;
mod triage;
mod views;
mod waiting;
mod words;
mod zones;
