//! The server from outside: every test has its own database and a real server, speaks HTTP, and refuses a response that
//! the OpenAPI document does not describe.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test may fail loudly"
)]

mod authoring;
mod backups;
mod bad_input;
mod caching;
mod commands;
mod conventions;
mod courses;
mod deadlines;
mod demo;
mod events;
mod helping;
mod honest;
mod judge;
mod kept;
mod limits;
mod linking;
mod links;
mod merged;
mod metrics;
mod moving;
mod odd_urls;
mod offline;
mod order;
mod outbox;
mod pages;
mod persons;
mod planner;
mod poison;
mod processes;
mod progress;
mod query_plans;
mod races;
mod relay;
mod retention;
mod revising;
mod rights;
mod schema;
mod sessions;
mod simulated;
mod story;
mod support;
mod tenancy;
mod texts;
mod timed;
mod tokens;
mod unasked;
mod waiting;
mod walls;
mod without_plan;
