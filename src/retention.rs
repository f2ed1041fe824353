//! What is forgotten, and when: rows that only say how something was done, never what a patient was told or said.

use crate::app::App;
use crate::auth;
use crate::error::Error;
use crate::http::idempotency;
use crate::job_failures::{self, Failing, Job};
use crate::mail::outbox;
use crate::reminders;
use ground::ids::MailId;
use ground::sql::Conn;
use ground::time::Stamp;

const DAY: i64 = 86_400;
/// Mails are kept so long after they were sent or given up: their fate is, and the words of those that were given up.
const MAILS_KEPT: i64 = 90 * DAY;
/// Links and sessions are kept so long after their end, to tell "it has run out" from "there never was one".
const ENDED_KEPT: i64 = 90 * DAY;
/// Decisions to remind or not are kept so long: longer than any plan, so that each is explained while somebody may ask.
const REMINDERS_KEPT: i64 = 3 * 366 * DAY;
/// Refusals are kept so long.
const REFUSALS_KEPT: i64 = 30 * DAY;
/// Rows that are forgotten in one transaction, so that nobody waits for it.
const TOGETHER: i64 = 500;

/// Forgets what is old enough, a few rows at a time.
pub async fn forget_old_rows(app: &App) -> Result<(), Error> {
    let inner = app.clone();
    app.db
        .write(move |c| {
            let at = inner.work_moment(c)?.at;
            idempotency::forget_before(c, at.plus_seconds(-idempotency::KEPT_SECONDS))?;
            auth::store::forget_tries(c, at)?;
            forget_failures(c)?;
            auth::store::forget_refusals(c, at.plus_seconds(-REFUSALS_KEPT))
        })
        .await?;
    for forget in [forget_mails, forget_reminders, forget_links, forget_sessions] {
        while !app.draining.load(std::sync::atomic::Ordering::SeqCst) {
            let inner = app.clone();
            let forgotten = app
                .db
                .write(move |c| {
                    let at = inner.work_moment(c)?.at;
                    forget(c, at)
                })
                .await?;
            if i64::try_from(forgotten).unwrap_or(TOGETHER) < TOGETHER {
                break;
            }
        }
    }
    Ok(())
}

/// Why a mail could not be sent is of no use once nothing more comes of it.
fn forget_failures(c: &mut Conn) -> Result<(), Error> {
    for failure in job_failures::list(c)?.into_iter().filter(|failure| failure.job == Job::Mail) {
        let id = MailId(failure.subject_id.0);
        if !outbox::is_open(c, id)? {
            job_failures::clear(c, Failing::mail(id))?;
        }
    }
    Ok(())
}

fn forget_mails(c: &mut Conn, at: Stamp) -> Result<usize, Error> {
    let old = outbox::list_settled_before(c, at.plus_seconds(-MAILS_KEPT), TOGETHER)?;
    reminders::store::forget_mails(c, &old)?;
    outbox::forget(c, &old)
}

fn forget_reminders(c: &mut Conn, at: Stamp) -> Result<usize, Error> {
    reminders::store::forget_before(c, at.plus_seconds(-REMINDERS_KEPT), TOGETHER)
}

fn forget_links(c: &mut Conn, at: Stamp) -> Result<usize, Error> {
    auth::store::forget_links(c, at.plus_seconds(-ENDED_KEPT), TOGETHER)
}

fn forget_sessions(c: &mut Conn, at: Stamp) -> Result<usize, Error> {
    auth::store::forget_sessions(c, at.plus_seconds(-ENDED_KEPT), TOGETHER)
}
