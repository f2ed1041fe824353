//! All recurring work in one table, and the loop that does it.

pub mod planner;
pub mod upgrades;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::error::Error;
use crate::events::{self, seal};
use crate::mail::outbox::{Claimant, Lane};
use crate::mailing::Line;
use crate::{auth, retention};
use ground::time::Stopwatch;

/// A kind of recurring work.
#[derive(Debug, Clone, Copy)]
enum Job {
    PlanReminders,
    SealEvents,
    MigratePlans,
    NoteRefusals,
    WriteReads,
    ForgetOldRows,
}

impl Job {
    /// As a label of a figure.
    fn word(self) -> &'static str {
        match self {
            Self::PlanReminders => "plan_reminders",
            Self::SealEvents => "seal_events",
            Self::MigratePlans => "migrate_plans",
            Self::NoteRefusals => "note_refusals",
            Self::WriteReads => "write_reads",
            Self::ForgetOldRows => "forget_old_rows",
        }
    }
}

/// How often refusals are written down, by whichever process counted them.
const NOTE_REFUSALS: Duration = Duration::from_secs(5);
/// How often it is written down what staff have looked at, by whichever process answered them.
const WRITE_READS: Duration = Duration::from_millis(500);
/// What is done, and how often.
const JOBS: [(Job, Duration); 6] = [
    (Job::WriteReads, WRITE_READS),
    (Job::SealEvents, Duration::from_millis(500)),
    (Job::PlanReminders, Duration::from_secs(1)),
    (Job::MigratePlans, Duration::from_secs(1)),
    (Job::NoteRefusals, NOTE_REFUSALS),
    (Job::ForgetOldRows, Duration::from_secs(3_600)),
];

/// The lines to the relay: one only for those who wait at a screen, so that a slow conversation about something else is never before
/// them; three for all.
const LINES: [Lane; 4] = [Lane::Links, Lane::All, Lane::All, Lane::All];
/// How often a line with nothing to do looks again.
const LOOK: Duration = Duration::from_millis(500);
/// The same trouble is told again after so many rounds.
const TELL_AGAIN: u32 = 60;

/// Works until it is told to stop.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let name = format!("worker-{}", app.moment().id::<uuid::Uuid>());
    let jobs = JOBS.map(|(job, every)| repeat(app.clone(), job, every, stop.clone()));
    let pacer = Pacer::new(app.config.mails_per_minute);
    let lines = LINES.map(|lane| carry(&app, &pacer, line(&app, &name, lane), stop.clone()));
    futures_util::future::join(futures_util::future::join_all(jobs), futures_util::future::join_all(lines)).await;
}

/// Writes down what a process without a worker counted and showed, until it is told to stop.
pub async fn write_down(app: App, stop: watch::Receiver<bool>) {
    let refusals = repeat(app.clone(), Job::NoteRefusals, NOTE_REFUSALS, stop.clone());
    let reads = repeat(app, Job::WriteReads, WRITE_READS, stop);
    futures_util::future::join(refusals, reads).await;
}

/// A second's worth in one claim, so that what is more pressing comes next.
fn line(app: &App, name: &str, lane: Lane) -> Line {
    let most = usize::try_from(app.config.mails_per_minute / 600).unwrap_or(1).clamp(1, 20);
    Line::new(Claimant { owner: name.to_owned(), lane, most })
}

async fn repeat(app: App, job: Job, every: Duration, mut stop: watch::Receiver<bool>) {
    let mut trouble = Trouble::default();
    while !*stop.borrow() {
        trouble.tell(&format!("{job:?}"), work(&app, job).await.err());
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn carry(app: &App, pacer: &Pacer, mut line: Line, mut stop: watch::Receiver<bool>) {
    let mut trouble = Trouble::default();
    while !*stop.borrow() {
        let sent = line.send_due(app, &stop, || pacer.turn(app.paces_mail)).await;
        if sent.is_ok() {
            app.metrics.beat("send_mail");
        }
        let is_idle = !matches!(sent, Ok(count) if count > 0);
        trouble.tell("SendMail", sent.err());
        if is_idle {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.changed() => {}
            }
        }
    }
}

/// Says what went wrong when it begins, and now and then while it goes on.
#[derive(Default)]
struct Trouble {
    last: Option<String>,
    rounds: u32,
}

impl Trouble {
    fn tell(&mut self, job: &str, failed: Option<Error>) {
        let failed = failed.map(|why| why.to_string());
        self.rounds = if failed == self.last { self.rounds + 1 } else { 0 };
        if let Some(why) = &failed
            && self.rounds.is_multiple_of(TELL_AGAIN)
        {
            tracing::error!(job, why, "recurring work failed; it is tried again");
        }
        self.last = failed;
    }
}

/// No more mails a minute than the settings allow, over all lines of this process.
struct Pacer {
    every: Duration,
    clock: Stopwatch,
    next: Mutex<Duration>,
}

impl Pacer {
    fn new(mails_per_minute: u32) -> Self {
        let every = Duration::from_secs(60) / mails_per_minute.max(1);
        Self { every, clock: Stopwatch::start(), next: Mutex::default() }
    }

    async fn turn(&self, waits: bool) {
        if waits {
            tokio::time::sleep(self.take()).await;
        }
    }

    /// Takes the next turn; gives how long it is until then.
    fn take(&self) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.elapsed();
        let turn = (*next).max(now);
        *next = turn + self.every;
        turn - now
    }
}

async fn work(app: &App, job: Job) -> Result<(), Error> {
    do_job(app, job).await?;
    app.metrics.beat(job.word());
    Ok(())
}

async fn do_job(app: &App, job: Job) -> Result<(), Error> {
    match job {
        Job::PlanReminders => planner::plan_due(app).await.map(|_| ()),
        Job::MigratePlans => upgrades::go_on(app).await.map(|_| ()),
        Job::SealEvents => seal_events(app).await,
        Job::WriteReads => app.write_reads().await,
        Job::NoteRefusals => {
            let (counted, at) = (app.refusals.take(), app.clock.now());
            if counted.is_empty() {
                return Ok(());
            }
            app.db.write(move |c| auth::tries::flush(c, &counted, at)).await
        }
        Job::ForgetOldRows => retention::forget_old_rows(app).await,
    }
}

/// Gives all events that wait their place.
pub async fn seal_events(app: &App) -> Result<(), Error> {
    // Nobody waits for a writer that has nothing to do.
    while app.db.read_fresh(events::store::has_unsealed).await? {
        app.db.write(seal::seal).await?;
    }
    Ok(())
}

/// Does everything that is due, once: the demo's clock and the tests move time by hand.
pub async fn do_due(app: &App) -> Result<(), Error> {
    let (_stop, stopped) = watch::channel(false);
    work(app, Job::MigratePlans).await?;
    work(app, Job::PlanReminders).await?;
    work(app, Job::NoteRefusals).await?;
    app.channel.forget();
    let mut line = Line::new(Claimant { owner: "by-hand".to_owned(), lane: Lane::All, most: 20 });
    while line.send_due(app, &stopped, || std::future::ready(())).await? > 0 {}
    work(app, Job::WriteReads).await?;
    work(app, Job::SealEvents).await
}
