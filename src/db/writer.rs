//! SQLite's one writer. It takes what is waiting, runs each closure in a savepoint of its own inside one
//! `BEGIN IMMEDIATE`, commits once (one fsync), and only then answers them all. `docs/ARCHITECTURE.md` has the figures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::{Connection as _, SqliteConnection};
use tokio::sync::oneshot;

use super::checkpoints::Checkpoints;
use super::{Conn, settings};
use crate::error::Error;

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
    fn run(&mut self, conn: &mut Conn);
    /// Answers, once the group is durable (`Ok`) or is known not to be.
    fn answer(self: Box<Self>, committed: Result<(), &diesel::result::Error>);
}

struct Waiting<T, F> {
    closure: Option<F>,
    result: Option<Result<T, Error>>,
    asker: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Job for Waiting<T, F>
where
    F: FnOnce(&mut Conn) -> Result<T, Error> + Send,
    T: Send,
{
    fn run(&mut self, conn: &mut Conn) {
        if let Some(closure) = self.closure.take() {
            self.result = Some(in_savepoint(conn, closure));
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), &diesel::result::Error>) {
        let result = match (self.result, committed) {
            (Some(Err(why)), _) => Err(why),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(why)) => Err(Error::commit_failed(why)),
            (None, Ok(())) => Err(Error::Busy),
        };
        // An asker that went away does not want to know; its work is committed all the same.
        drop(self.asker.send(result));
    }
}

/// A closure that panics must not take the others of its group with it.
fn in_savepoint<T>(conn: &mut Conn, closure: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
    let caught = |conn: &mut Conn| match catch_unwind(AssertUnwindSafe(|| closure(conn))) {
        Ok(result) => result,
        Err(_) => Err(Error::internal("a write panicked", "see the panic message above")),
    };
    conn.transaction(caught)
}

impl Writer {
    /// Starts the thread that owns the connection.
    pub fn start(path: &str, commit_singly: bool) -> Result<Self, Error> {
        let conn = settings::open_sqlite_writer(path)?;
        let checkpoints = Checkpoints::start(path)?;
        let (queue, waiting) = sync_channel(QUEUE);
        let most = if commit_singly { 1 } else { GROUP };
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_groups(conn, checkpoints, &waiting, most))
            .map_err(|why| Error::internal("cannot start the writer's thread", why))?;
        Ok(Self { queue })
    }

    /// Waits for the closure's turn and for the commit.
    pub async fn write<T, F>(&self, closure: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (asker, answer) = oneshot::channel();
        let job = Box::new(Waiting { closure: Some(closure), result: None, asker });
        match self.queue.try_send(job) {
            Ok(()) => answer.await.map_err(|_| Error::internal("the writer stopped", "no answer"))?,
            Err(TrySendError::Full(_)) => Err(Error::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Error::internal("the writer stopped", "no queue")),
        }
    }
}

fn write_groups(mut conn: Conn, mut checkpoints: Checkpoints, waiting: &Receiver<Box<dyn Job>>, most: usize) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(most - 1));
        let (committed, closures) = (commit_group(&mut conn, &mut group), group.len());
        for job in group {
            job.answer(committed.as_ref().copied());
        }
        match committed {
            Ok(()) => checkpoints.committed(closures),
            Err(_) => roll_back(&mut conn),
        }
    }
}

fn commit_group(conn: &mut Conn, group: &mut [Box<dyn Job>]) -> diesel::QueryResult<()> {
    AnsiTransactionManager::begin_transaction_sql(sqlite(conn)?, "BEGIN IMMEDIATE")?;
    for job in group.iter_mut() {
        job.run(conn);
    }
    AnsiTransactionManager::commit_transaction(sqlite(conn)?)
}

fn roll_back(conn: &mut Conn) {
    let rolled_back = sqlite(conn).and_then(|conn| {
        let level = AnsiTransactionManager::transaction_manager_status_mut(conn).transaction_depth();
        match level {
            Ok(None) => Ok(()),
            _ => AnsiTransactionManager::rollback_transaction(conn),
        }
    });
    if let Err(why) = rolled_back {
        tracing::error!(%why, "the writer could not roll back; every write fails until the server is restarted");
        drop(conn.batch_execute("ROLLBACK"));
    }
}

fn sqlite(conn: &mut Conn) -> diesel::QueryResult<&mut SqliteConnection> {
    match conn {
        Conn::Sqlite(conn) => Ok(conn),
        Conn::Pg(_) => Err(diesel::result::Error::BrokenTransactionManager),
    }
}
