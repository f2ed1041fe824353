//! Aftercare: the server behind a clinic's patient-aftercare app.
//!
//! This list is the map and the order: a file imports only what stands above its own (`tests/api/order.rs` reads it here). Below all of it
//! stand three crates: `ground`, `engine`, `authoring`.

// Ground: imports nothing of ours.
pub mod trace; // the id that names a request in its response and in the log
pub mod error; // the one Error, and the problem that a caller sees of it
pub mod zones; // time zones as records have them
pub mod secrets; // keys derived from the one secret; one-time tokens

// Platform: sockets, disks, languages.
pub mod db; // Db::read and Db::write, SQLite or PostgreSQL
pub mod job_failures; // what the recurring work could not do
pub mod http; // what every door shares
pub mod words; // what is said to people, one file a language
pub mod mail; // letters, relay, outbox
pub mod metrics; // figures for Prometheus
pub mod config; // all settings, read once
pub mod events; // what happened: who did what, when, in which order
pub mod documents; // protocol documents without a database: the library, what was written, compiled forms
pub mod ctx; // what a verb is given: one transaction, its moment, who acts
pub mod auth; // who is asking: accounts, sessions, one-time links, tokens
pub mod app; // everything that a request or a job may need, built once
pub mod pages; // the pages behind mailed links

// Records: rows, queries, and what is true of one record.
pub mod clinics; // the tenant and its members
pub mod protocols; // a clinic's versions of documents
pub mod clinic_texts; // what a clinic writes into its protocols
pub mod patients; // records and treatments
pub mod address_changes; // an account moves to another address
pub mod invitations; // a record or a membership joins an account
pub mod patient_accounts; // the account behind a record, as far as its clinic may help with it
pub mod plans; // enrolments, how they stood, and what was recorded about them
pub mod patient_commands; // what changes of a record, with what follows

// What happens, and what is shown of it.
pub mod alerts; // what a person must look at
pub mod check_ins; // a patient's answers
pub mod today; // what to do on a day
pub mod courses; // series of treatments

// Care: verbs over several records.
pub mod plan_commands; // what a clinic does to a plan that exists
pub mod enrolment; // a treatment gets a plan
pub mod plan_upgrades; // running plans move to another version
pub mod reminders; // decisions to write
pub mod undelivered; // mails that did not arrive
pub mod notices; // the last look at a mail before it goes
pub mod retention; // what is forgotten, and when
pub mod reactions; // what follows from what happened, and the one way in which anything is done
pub mod mailing; // sends what waits in the outbox

// The outside: the only files that know all.
pub mod api; // the doors from HTTP, one file a resource
pub mod worker; // recurring work: lists the jobs
pub mod server; // the HTTP server
pub mod openapi; // the published contract
pub mod demo; // the whole product with invented people
pub mod cli; // the commands of whoever runs the server

/// One crypto provider for tokens and TLS, chosen before anything uses one. Idempotent.
pub fn install_crypto() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
