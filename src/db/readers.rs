//! SQLite's read connections. A read runs on the thread that asks for it: one hop less than the blocking pool, and a
//! sync closure cannot hold a connection across an await, so there are never more in use than threads.

use std::sync::{Condvar, Mutex, PoisonError};

use diesel::Connection as _;

use super::{Conn, settings};
use crate::error::Error;

/// The connections that are not in use, and how many may still be opened.
pub(super) struct Readers {
    path: String,
    idle: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    conns: Vec<Conn>,
    may_open: u32,
}

impl Readers {
    /// Opens none yet: the first read of a thread does.
    pub fn new(path: &str, most: u32) -> Self {
        let idle = Idle { conns: Vec::new(), may_open: most.max(1) };
        Self { path: path.to_owned(), idle: Mutex::new(idle), returned: Condvar::new() }
    }

    /// Runs the closure in one read transaction: one snapshot, and one lock for all its statements.
    pub fn read<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
        let mut lent = Lent { home: self, conn: Some(self.take()?) };
        match lent.conn.as_mut() {
            Some(conn) => conn.transaction(f),
            None => Err(Error::Busy),
        }
    }

    fn take(&self) -> Result<Conn, Error> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(conn) = idle.conns.pop() {
                return Ok(conn);
            }
            if idle.may_open > 0 {
                idle.may_open -= 1;
                drop(idle);
                return settings::open_sqlite_reader(&self.path).inspect_err(|_| self.forget());
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, conn: Conn) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).conns.push(conn);
        self.returned.notify_one();
    }

    fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).may_open += 1;
        self.returned.notify_one();
    }
}

/// A connection on loan: it goes home even when the closure panics, and a broken one is not lent again.
struct Lent<'a> {
    home: &'a Readers,
    conn: Option<Conn>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        match self.conn.take() {
            Some(conn) if !std::thread::panicking() => self.home.give_back(conn),
            _ => self.home.forget(),
        }
    }
}
