//! SQLite's checkpoints, each an explicit one whose failure is seen: a thread beside the writer copies pages from the log into
//! the file while the writer goes on. A log that it cannot empty so is left to the writer, between two commits.
//!
//! `wal_autocheckpoint` is off everywhere: SQLite hides what becomes of those, and a failed sync of the file that nobody hears
//! of loses acknowledged writes when the log is started anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl as _};

use super::files::Files;
use super::health::Health;
use super::{Conn, settings};
use crate::error::Error;

/// Closures between two checkpoints: about 2,000 pages.
const EVERY: usize = 250;
/// A log of so many pages is emptied by the writer, which thereby starts it anew.
const MOST_PAGES: i32 = 4_000;
/// How often the files are looked at while nobody writes.
const LOOK: Duration = Duration::from_millis(250);

/// The way to the checkpoints' thread; it ends with this.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    since: usize,
    log_is_long: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Starts the thread with a connection of its own.
    pub fn start(path: &str, files: Files, health: Health) -> Result<Self, Error> {
        let (wake, woken) = sync_channel(1);
        let log_is_long = Arc::new(AtomicBool::new(false));
        let thread =
            Checkpointer { conn: settings::open_sqlite(path)?, files, health, log_is_long: Arc::clone(&log_is_long) };
        std::thread::Builder::new()
            .name("sqlite-checkpoints".to_owned())
            .spawn(move || thread.run(&woken))
            .map_err(|why| Error::internal("cannot start the checkpoints' thread", why))?;
        Ok(Self { wake, since: 0, log_is_long })
    }

    /// So many closures were committed on this connection, which is in no transaction now.
    pub fn committed(&mut self, conn: &mut Conn, closures: usize) -> Result<(), Error> {
        self.since += closures;
        if self.log_is_long.swap(false, Ordering::SeqCst) {
            checkpoint(conn)?;
        }
        if self.since >= EVERY {
            self.since = 0;
            // Full: one is running or about to, which will see these commits too.
            let _ = self.wake.try_send(());
        }
        Ok(())
    }
}

struct Checkpointer {
    conn: Conn,
    files: Files,
    health: Health,
    log_is_long: Arc<AtomicBool>,
}

impl Checkpointer {
    fn run(mut self, woken: &Receiver<()>) {
        loop {
            use std::sync::mpsc::RecvTimeoutError;
            let done = match woken.recv_timeout(LOOK) {
                Ok(()) => self.checkpoint(),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(why) = done.and_then(|()| self.files.look()) {
                self.health.fall(&why);
                return;
            }
        }
    }

    fn checkpoint(&mut self) -> Result<(), String> {
        let pages = checkpoint(&mut self.conn).map_err(|why| format!("a checkpoint failed: {why}"))?;
        self.log_is_long.store(pages > MOST_PAGES, Ordering::SeqCst);
        Ok(())
    }
}

#[derive(QueryableByName)]
struct LogPages {
    #[diesel(sql_type = Integer)]
    log: i32,
}

/// Copies what can be copied without waiting for anybody; gives how many pages the log has. A log that somebody else is
/// copying just now is no failure, nor is a full disk: the pages stay in the log.
fn checkpoint(conn: &mut Conn) -> Result<i32, Error> {
    let result = diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result::<LogPages>(conn);
    match result.map(|found| found.log).map_err(Error::from) {
        Err(Error::Busy | Error::DiskFull) => Ok(0),
        result => result,
    }
}
