//! SQLite's checkpoints, beside the writer: a thread of its own copies pages from the log into the file while the writer
//! goes on. The writer's own (`wal_autocheckpoint`) then finds little left to do, and starts the log anew.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use diesel::connection::SimpleConnection as _;

use super::{Conn, settings};
use crate::error::Error;

/// Closures between two checkpoints: about 2,000 pages, half of what the writer lets the log hold.
const EVERY: usize = 250;

/// The way to the checkpoints' thread; it ends with this.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    since: usize,
}

impl Checkpoints {
    /// Starts the thread with a connection of its own.
    pub fn start(path: &str) -> Result<Self, Error> {
        let (wake, woken) = sync_channel(1);
        let conn = settings::open_sqlite(path)?;
        std::thread::Builder::new()
            .name("sqlite-checkpoints".to_owned())
            .spawn(move || checkpoint_when_woken(conn, &woken))
            .map_err(|why| Error::internal("cannot start the checkpoints' thread", why))?;
        Ok(Self { wake, since: 0 })
    }

    /// So many closures were committed.
    pub fn committed(&mut self, closures: usize) {
        self.since += closures;
        if self.since >= EVERY {
            self.since = 0;
            // Full: one is running or about to, which will see these commits too.
            let _ = self.wake.try_send(());
        }
    }
}

fn checkpoint_when_woken(mut conn: Conn, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        if let Err(why) = conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
            tracing::warn!(%why, "a checkpoint beside the writer failed; the writer does the next one");
        }
    }
}
