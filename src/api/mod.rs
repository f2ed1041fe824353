//! The doors from HTTP, one file a resource: what is read from a request, which verb runs, what the answer shows. No verb is here, and nothing
//! below knows that there is HTTP.

pub mod alerts; // what staff must look at
pub mod auth; // who is asking
pub mod check_ins; // a patient's answers
pub mod clinic_texts; // what a clinic writes into plans
pub mod clinics; // the tenant and its members
pub mod courses; // series of treatments
pub mod events; // what happened, in order
pub mod extract; // who asks, as handler arguments
pub mod me; // the account's own records
pub mod patient_accounts; // the account behind a record: moved, disabled
pub mod patients; // records and treatments
pub mod plan_commands; // what a clinic does to a plan
pub mod plan_upgrades; // running plans to another version
pub mod plans; // enrolment
pub mod progress; // what was done and how it heals
pub mod protocols; // the plans' templates
pub mod reminders; // decisions to write
pub mod timeline; // the days ahead, for a phone without network
pub mod today; // what to do on a day
pub mod undelivered; // mails that did not arrive
pub mod unsubscribe; // no more reminders
pub mod waiting; // plans that wait for a clinician

use utoipa_actix_web::service_config::ServiceConfig;

/// Every door, in the order of the document.
pub fn routes(config: &mut ServiceConfig) {
    auth::routes(config);
    me::routes(config);
    today::routes(config);
    plans::routes(config);
    plan_upgrades::routes(config);
    check_ins::routes(config);
    clinics::routes(config);
    patients::routes(config);
    patient_accounts::routes(config);
    unsubscribe::routes(config);
    courses::routes(config);
    protocols::routes(config);
    alerts::routes(config);
    reminders::routes(config);
    undelivered::routes(config);
    events::routes(config);
}
