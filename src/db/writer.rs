//! SQLite's one writer. It takes what is waiting, runs each closure in a savepoint of its own inside one
//! `BEGIN IMMEDIATE`, commits once (one fsync), and only then answers them all. `docs/ARCHITECTURE.md` has the figures.
//!
//! A commit counts only if it went into the files that everybody else will read. The first one that fails for another reason
//! than a full disk or a busy file is the last one: whether it was kept nobody knows, and after a failed sync nobody ever will.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::{Connection as _, SqliteConnection};
use tokio::sync::oneshot;

use super::checkpoints::Checkpoints;
use super::files::Files;
use super::health::Health;
use super::measures::Measures;
use super::reserve::Reserve;
use super::{Conn, settings};
use crate::error::{Error, is_storage_failure};
use ground::time::Stopwatch;

/// Closures that may wait; beyond it, a request is told to come back.
const QUEUE: usize = 4_096;
/// Closures in one commit.
const GROUP: usize = 256;

/// The way to the writer's thread. Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub(super) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
}

/// A closure that waits for its turn.
trait Job: Send {
    /// Runs it in its savepoint and keeps its result.
    fn run(&mut self, conn: &mut Conn) -> Ran;
    /// Whether it is written even if the disk is full, into the space that is kept for it.
    fn may_use_reserve(&self) -> bool;
    /// How long ago it was asked for.
    fn waited(&self) -> Duration;
    /// Answers, once the group is durable (`Ok`) or is known not to be.
    fn answer(self: Box<Self>, committed: Result<(), &NotKept>);
}

/// What a closure's end says about the machine.
enum Ran {
    /// It was carried out, or refused: the others go on.
    Through,
    /// The disk is full. SQLite may have rolled the whole transaction back by itself.
    Full,
    /// The database cannot be read or written.
    Broken(String),
}

/// Why a group was not kept.
enum NotKept {
    /// It was rolled back: nothing of it is there.
    RolledBack(Error),
    /// Nobody can know.
    Unknown,
}

struct Waiting<T, F> {
    closure: F,
    result: Option<Result<T, Error>>,
    asker: oneshot::Sender<Result<T, Error>>,
    may_use_reserve: bool,
    since: Stopwatch,
}

impl<T, F> Job for Waiting<T, F>
where
    F: FnMut(&mut Conn) -> Result<T, Error> + Send,
    T: Send,
{
    fn run(&mut self, conn: &mut Conn) -> Ran {
        let result = in_savepoint(conn, &mut self.closure);
        let ran = match &result {
            Err(Error::DiskFull) => Ran::Full,
            Err(Error::Db(why)) if is_storage_failure(&why.to_string()) => Ran::Broken(why.to_string()),
            _ => Ran::Through,
        };
        self.result = Some(result);
        ran
    }

    fn may_use_reserve(&self) -> bool {
        self.may_use_reserve
    }

    fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    fn answer(self: Box<Self>, committed: Result<(), &NotKept>) {
        let result = match (self.result, committed) {
            (Some(Err(why)), _) => Err(why),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(NotKept::RolledBack(why))) => Err(why.again()),
            (_, Err(NotKept::Unknown)) => Err(Error::OutcomeUnknown),
            (None, Ok(())) => Err(Error::Busy),
        };
        // An asker that went away does not want to know; its work is committed all the same.
        drop(self.asker.send(result));
    }
}

/// A closure that panics must not take the others of its group with it.
fn in_savepoint<T>(conn: &mut Conn, closure: &mut impl FnMut(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
    let caught = |conn: &mut Conn| match catch_unwind(AssertUnwindSafe(|| closure(conn))) {
        Ok(result) => result,
        Err(_) => Err(Error::internal("a write panicked", "see the panic message above")),
    };
    conn.transaction(caught)
}

impl Writer {
    /// Starts the thread that owns the connection.
    pub fn start(path: &str, commit_singly: bool, health: &Health, measures: &Measures) -> Result<Self, Error> {
        let conn = settings::open_sqlite_writer(path)?;
        let files = Files::of(path).map_err(|why| Error::internal("cannot look at the database's files", why))?;
        let writing = Writing {
            conn,
            checkpoints: Checkpoints::start(path, files.clone(), health.clone())?,
            reserve: Reserve::beside(path),
            files,
            health: health.clone(),
            measures: measures.clone(),
        };
        let (queue, waiting) = sync_channel(QUEUE);
        let most = if commit_singly { 1 } else { GROUP };
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writing.run(&waiting, most))
            .map_err(|why| Error::internal("cannot start the writer's thread", why))?;
        Ok(Self { queue })
    }

    /// Waits for the closure's turn and for the commit. With `may_use_reserve` it is written even if the disk is full.
    pub async fn write<T, F>(&self, closure: F, may_use_reserve: bool) -> Result<T, Error>
    where
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (asker, answer) = oneshot::channel();
        let job = Box::new(Waiting { closure, result: None, asker, may_use_reserve, since: Stopwatch::start() });
        match self.queue.try_send(job) {
            Ok(()) => answer.await.map_err(|_| Error::OutcomeUnknown)?,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Error::Busy),
        }
    }
}

struct Writing {
    conn: Conn,
    checkpoints: Checkpoints,
    reserve: Reserve,
    files: Files,
    health: Health,
    measures: Measures,
}

impl Writing {
    fn run(mut self, waiting: &Receiver<Box<dyn Job>>, most: usize) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter().take(most - 1));
            self.measure(&group);
            self.write(group);
        }
    }

    fn measure(&self, group: &[Box<dyn Job>]) {
        self.measures.group_size.observe(u32::try_from(group.len()).map_or(f64::MAX, f64::from));
        group.iter().for_each(|job| self.measures.write_wait.observe(job.waited().as_secs_f64()));
    }

    fn write(&mut self, mut group: Vec<Box<dyn Job>>) {
        if self.health.fallen().is_some() {
            return answer_all(group, Err(&NotKept::RolledBack(Error::Busy)));
        }
        let committed = self.commit(&mut group);
        if let Err(NotKept::RolledBack(Error::DiskFull)) = committed
            && group.iter().any(|job| job.may_use_reserve())
        {
            return self.write_with_reserve(group);
        }
        self.finish(group, committed);
    }

    fn finish(&mut self, group: Vec<Box<dyn Job>>, committed: Result<(), NotKept>) {
        let closures = group.len();
        answer_all(group, committed.as_ref().copied());
        if committed.is_ok()
            && let Err(why) = self.checkpoints.committed(&mut self.conn, closures)
        {
            self.health.fall(&format!("a checkpoint failed: {why}"));
        }
    }

    /// What must be written goes first, alone, into the space that was kept for it; the others hear that the disk is full.
    fn write_with_reserve(&mut self, group: Vec<Box<dyn Job>>) {
        let (mut first, others): (Vec<_>, Vec<_>) = group.into_iter().partition(|job| job.may_use_reserve());
        self.reserve.give_up();
        let committed = self.commit(&mut first);
        self.finish(first, committed);
        self.reserve.keep();
        answer_all(others, Err(&NotKept::RolledBack(Error::DiskFull)));
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), NotKept> {
        let committed = self.try_commit(group).and_then(|()| self.files.look().map_err(|why| self.fall(&why)));
        // A commit without a page proves nothing: only a write that is meant to prove it clears a failure (`Db::prove`).
        if let Err(NotKept::RolledBack(why)) = &committed
            && !matches!(why, Error::Busy)
        {
            self.health.set_last_write(Some(why.to_string()));
        }
        committed
    }

    fn try_commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), NotKept> {
        let begun =
            sqlite(&mut self.conn).and_then(|c| AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"));
        begun.map_err(|why| self.failed(&why.to_string(), "a transaction could not begin"))?;
        for job in group.iter_mut() {
            match job.run(&mut self.conn) {
                Ran::Through => {}
                Ran::Full => return Err(self.failed("database or disk is full", "a write failed")),
                Ran::Broken(why) => return Err(self.failed(&why, "a write failed")),
            }
        }
        let committed = sqlite(&mut self.conn).and_then(AnsiTransactionManager::commit_transaction);
        committed.map_err(|why| self.failed(&why.to_string(), "a commit failed"))
    }

    /// Rolls back what a full disk or a busy file kept from being written; anything else is the end.
    fn failed(&mut self, why: &str, what: &str) -> NotKept {
        match crate::error::from_database(why) {
            Some(error) if roll_back(&mut self.conn) => NotKept::RolledBack(error),
            _ => self.fall(&format!("{what}: {why}")),
        }
    }

    fn fall(&self, why: &str) -> NotKept {
        self.health.fall(why);
        NotKept::Unknown
    }
}

fn answer_all(group: Vec<Box<dyn Job>>, committed: Result<(), &NotKept>) {
    for job in group {
        job.answer(committed);
    }
}

/// SQLite has rolled back by itself if the disk was full: then there is nothing left to do. `false`: it cannot be done.
fn roll_back(conn: &mut Conn) -> bool {
    let Ok(conn) = sqlite(conn) else { return false };
    let depth = AnsiTransactionManager::transaction_manager_status_mut(conn).transaction_depth();
    if !matches!(depth, Ok(None)) {
        drop(AnsiTransactionManager::rollback_transaction(conn));
        let status = AnsiTransactionManager::transaction_manager_status_mut(conn);
        if !matches!(status.transaction_depth(), Ok(None)) {
            *status = diesel::connection::TransactionManagerStatus::default();
        }
    }
    // Refused where no transaction is open any more, which is what is wanted.
    drop(conn.batch_execute("ROLLBACK"));
    conn.batch_execute("SELECT 1").is_ok()
}

fn sqlite(conn: &mut Conn) -> diesel::QueryResult<&mut SqliteConnection> {
    match conn {
        Conn::Sqlite(conn) => Ok(conn),
        Conn::Pg(_) => Err(diesel::result::Error::BrokenTransactionManager),
    }
}
