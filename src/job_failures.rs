//! What the recurring work could not do: each thing for itself, put off with growing pauses, so that nothing waits behind it.
//! `aftercare doctor` lists them. A row holds ids and words, never what a record says.

use diesel::prelude::*;

use crate::db::schema::job_failures;
use crate::error::Error;
use ground::ids::{ClinicId, MailId, PlanId, SubjectId};
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;
use ground::words;

words! {
    /// Which work.
    pub enum Job {
        /// Planning a plan's reminders.
        Plan = "plan",
        /// Sending a mail.
        Mail = "mail",
        /// Moving plans to another version.
        Migration = "migration",
        /// The way to the relay as a whole.
        Channel = "channel",
    }
}

/// The one subject of `Job::Channel`.
pub const CHANNEL: Failing = Failing { job: Job::Channel, subject: SubjectId(uuid::Uuid::nil()) };

/// Some work on something.
#[derive(Debug, Clone, Copy)]
pub struct Failing {
    /// Which work.
    pub job: Job,
    /// On what.
    pub subject: SubjectId,
}

impl Failing {
    /// The planning of a plan.
    pub fn plan(id: PlanId) -> Self {
        Self { job: Job::Plan, subject: SubjectId(id.0) }
    }

    /// The sending of a mail.
    pub fn mail(id: MailId) -> Self {
        Self { job: Job::Mail, subject: SubjectId(id.0) }
    }
}

/// The first pause; it doubles each time.
const FIRST_PAUSE: i64 = 30;
/// No pause is longer.
const LONGEST_PAUSE: i64 = 6 * 3_600;

/// One thing that could not be done.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = job_failures, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct JobFailure {
    /// Which work.
    pub job: Job,
    /// On what: a plan, a mail, a migration.
    pub subject_id: SubjectId,
    /// Of which clinic, if one.
    pub clinic_id: Option<ClinicId>,
    /// How often in a row.
    pub failures: i32,
    /// When it failed first.
    pub first_at: Stamp,
    /// When it failed last.
    pub last_at: Stamp,
    /// It is not tried before this.
    pub retry_at: Stamp,
    /// The kind of error, as a word.
    pub why: String,
}

/// Notes that something failed; gives when it is to be tried again.
pub fn note(c: &mut Conn, what: Failing, clinic: Option<ClinicId>, why: &str, at: Stamp) -> Result<Stamp, Error> {
    let Failing { job, subject: subject_id } = what;
    let before = find(c, what)?;
    let failures = before.as_ref().map_or(1, |before| before.failures.saturating_add(1));
    let doublings = u32::try_from(failures - 1).unwrap_or_default().min(20);
    let retry_at = at.plus_seconds((FIRST_PAUSE << doublings).min(LONGEST_PAUSE));
    let first_at = before.map_or(at, |before| before.first_at);
    diesel::delete(job_failures::table.find((job, subject_id))).execute(c)?;
    let row = JobFailure {
        job,
        subject_id,
        clinic_id: clinic,
        failures,
        first_at,
        last_at: at,
        retry_at,
        why: why.to_owned(),
    };
    crate::db::insert_once!(c, job_failures::table, row.clone());
    Ok(retry_at)
}

/// It was done after all.
pub fn clear(c: &mut Conn, what: Failing) -> Result<(), Error> {
    diesel::delete(job_failures::table.find((what.job, what.subject))).execute(c)?;
    Ok(())
}

/// The failure of that subject.
pub fn find(c: &mut Conn, what: Failing) -> Result<Option<JobFailure>, Error> {
    Ok(job_failures::table.find((what.job, what.subject)).select(JobFailure::as_select()).first(c).optional()?)
}

/// All of them, the oldest first.
pub fn list(c: &mut Conn) -> Result<Vec<JobFailure>, Error> {
    Ok(job_failures::table.order(job_failures::first_at).select(JobFailure::as_select()).load(c)?)
}
