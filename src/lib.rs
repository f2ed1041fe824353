//! Aftercare: the server behind a clinic's patient-aftercare app. The map, one line a module:

pub mod app; // everything that a request or a job may need, built once
pub mod config; // all settings, read once
pub mod error; // the one Error, and the problem that a caller sees of it
pub mod ids; // newtype ids
pub mod month_names; // January in each language
pub mod secrets; // keys derived from the one secret; one-time tokens
pub mod time; // Clock, Entropy, Moment: the only source of time and chance

pub mod doctor; // what an operator may want to know
pub mod job_failures; // what the recurring work could not do
pub mod operator; // the commands of whoever runs the server

pub mod metrics; // figures for Prometheus, on a port of their own
pub mod openapi; // the published contract
pub mod server; // the HTTP server: lists the features
pub mod worker; // recurring work: lists the jobs

pub mod db; // Db::read and Db::write, SQLite or PostgreSQL
pub mod engine; // THE CORE, pure: protocol documents, the day, triage
pub mod http; // what every route shares
pub mod mail; // letters, relay, outbox

pub mod alerts; // what a person must look at
pub mod audit; // who did what, when
pub mod auth; // who is asking
pub mod check_ins; // a patient's answers
pub mod clinics; // the tenant and its members
pub mod courses; // series of treatments
pub mod demo; // the whole product with invented people
pub mod notices; // the last look at a mail before it goes
pub mod pages; // the pages behind mailed links
pub mod patients; // records and treatments
pub mod plans; // enrolments
pub mod protocols; // the plans' templates
pub mod reminders; // decisions to write
pub mod retention; // what is forgotten, and when
pub mod today; // what to do on a day

/// One crypto provider for tokens and TLS, chosen before anything uses one. Doing it twice is doing it once.
pub fn install_crypto() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
pub mod undelivered; // mails that did not arrive
