//! All recurring work in one table, and the loop that does it.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::error::Error;
use crate::http::idempotency;
use crate::mail::jobs::{self, Say};
use crate::{clinics, patients, plans, reminders};

/// A kind of recurring work.
#[derive(Debug, Clone, Copy)]
enum Job {
    PlanReminders,
    MigratePlans,
    SendMail,
    ForgetOldKeys,
}

/// What is done, and how often.
const JOBS: [(Job, Duration); 4] = [
    (Job::PlanReminders, Duration::from_secs(1)),
    (Job::MigratePlans, Duration::from_secs(1)),
    (Job::SendMail, Duration::from_secs(1)),
    (Job::ForgetOldKeys, Duration::from_secs(3_600)),
];

/// What the features say about mails of theirs.
const SAY: Say = Say {
    last_look: |c, app, mail, m| {
        Ok(reminders::last_look(c, &app.compiled, mail, m)?.map(|reason| reason.as_str().to_owned()))
    },
    lines: clinics::lines,
    refused: |c, mail, m| match (mail.clinic_id, mail.patient_id) {
        (Some(clinic), Some(patient)) => patients::store::set_address_refused(c, clinic, patient, m.at),
        _ => Ok(()),
    },
};

/// Works until it is told to stop.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let name = format!("worker-{}", app.moment().id::<uuid::Uuid>());
    let loops = JOBS.map(|(job, every)| repeat(app.clone(), name.clone(), job, every, stop.clone()));
    futures_util::future::join_all(loops).await;
}

async fn repeat(app: App, name: String, job: Job, every: Duration, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(why) = work(&app, &name, job).await {
            tracing::error!(?job, %why, "recurring work failed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn work(app: &App, name: &str, job: Job) -> Result<(), Error> {
    match job {
        Job::PlanReminders => reminders::jobs::plan_due(app).await.map(|_| ()),
        Job::MigratePlans => plans::migration::jobs::go_on(app).await.map(|_| ()),
        Job::SendMail => send_all(app, name).await,
        Job::ForgetOldKeys => {
            let before = app.clock.now().plus_seconds(-idempotency::KEPT_SECONDS);
            app.db.write(move |c| idempotency::forget_before(c, before)).await.map(|_| ())
        }
    }
}

/// Sends what waits, no faster than the settings allow.
async fn send_all(app: &App, name: &str) -> Result<(), Error> {
    loop {
        let sent = jobs::send_due(app, name, SAY).await?;
        if sent == 0 {
            return Ok(());
        }
        let pause = Duration::from_secs(60) * u32::try_from(sent).unwrap_or(u32::MAX) / app.config.mails_per_minute;
        if app.paces_mail {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Does everything that is due, once: the demo's clock and the tests move time by hand.
pub async fn do_due(app: &App) -> Result<(), Error> {
    work(app, "by-hand", Job::MigratePlans).await?;
    work(app, "by-hand", Job::PlanReminders).await?;
    work(app, "by-hand", Job::SendMail).await
}
