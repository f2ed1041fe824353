//! Sessions of PostgreSQL: a pool for a server, a single one for a command. Both run on blocking threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;

use super::measures::Wait;
use super::{Conn, DbSettings, settings};
use crate::error::Error;
use ground::time::Stopwatch;

/// So long a request waits for PostgreSQL in all; a statement ends after five seconds there.
const LONGEST_ANSWER: Duration = Duration::from_secs(9);
/// Even a request that has waited long looks whether a connection is free.
const LEAST_WAIT: Duration = Duration::from_millis(50);
/// A wait for a connection and one for a lock count together: a lock is waited for as long as is left of this. It is the `lock_timeout` of a
/// session (`settings`), and it leaves time to say so within the two seconds that a client is promised.
const LONGEST_LOCK_WAIT: Duration = Duration::from_millis(1_200);
/// A lock is waited for at least this long, however long the request has waited for its connection.
const LEAST_LOCK_WAIT: Duration = Duration::from_millis(200);
/// Whoever had a connection within this keeps the session's `lock_timeout`: setting it costs a round trip.
const SHORT_WAIT: Duration = Duration::from_millis(100);

/// Where a transaction gets its session. Cheap to clone.
#[derive(Clone)]
pub(super) enum Sessions {
    /// Of a server: up to `pool_size`, opened and closed by threads of the pool.
    Pool(r2d2::Pool<settings::PgManager>),
    /// Of a command: closed with the last clone. A pool's threads may still open or close a session while the process exits, and OpenSSL,
    /// which frees itself at that moment, then crashes them.
    Single(Arc<Mutex<Conn>>),
}

impl Sessions {
    /// A pool; waits until its first session is open.
    pub fn pool(url: &str, db: &DbSettings) -> Result<Self, Error> {
        pool_of(db)
            .build(settings::PgManager { url: url.to_owned() })
            .map(Self::Pool)
            .map_err(|why| Error::Setting(format!("cannot reach PostgreSQL: {why}")))
    }

    /// A pool of a server that need not be there yet: nothing is opened before it is asked for.
    pub fn pool_that_may_be_away(url: &str, db: &DbSettings) -> Self {
        Self::Pool(pool_of(db).min_idle(Some(0)).build_unchecked(settings::PgManager { url: url.to_owned() }))
    }

    /// A single session, open when this returns.
    pub fn single(url: &str) -> Result<Self, Error> {
        Ok(Self::Single(Arc::new(Mutex::new(settings::open_pg(url)?))))
    }

    /// Connections of a pool that are in use, and idle ones.
    pub fn counts(&self) -> Option<(u32, u32)> {
        let Self::Pool(pool) = self else { return None };
        let state = pool.state();
        Some((state.connections.saturating_sub(state.idle_connections), state.idle_connections))
    }

    /// Runs the closure in one transaction; `waiting` counts the caller until it has a session.
    pub async fn run<T, F>(self, waiting: Wait, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let since = WAITING_SINCE.try_with(|since| *since).unwrap_or_else(|_| Stopwatch::start());
        // Of a server that has fallen silent the line tells nothing for long. Whoever asks is told; what was asked may still come true.
        let answer = blocking(move || match self {
            Self::Pool(pool) => {
                let patience = pool.connection_timeout().saturating_sub(since.elapsed()).max(LEAST_WAIT);
                let pooled = pool.get_timeout(patience);
                drop(waiting);
                let mut pooled = pooled.map_err(|_| Error::Busy)?;
                transaction(&mut pooled, since.elapsed(), f)
            }
            Self::Single(conn) => {
                transaction(&mut conn.lock().unwrap_or_else(PoisonError::into_inner), Duration::ZERO, f)
            }
        });
        tokio::time::timeout(LONGEST_ANSWER, answer).await.unwrap_or(Err(Error::OutcomeUnknown))
    }
}

tokio::task_local! {
    static WAITING_SINCE: Stopwatch;
}

/// Whether somebody waits for this at the other end of a line; recurring work has nobody who does.
pub(super) fn is_request() -> bool {
    WAITING_SINCE.try_with(|_| ()).is_ok()
}

/// Runs a request whose waits for a connection count together: who asks three times waits no longer than who asks once.
pub async fn waiting_together<F: Future>(request: F) -> F::Output {
    WAITING_SINCE.scope(Stopwatch::start(), request).await
}

fn pool_of(db: &DbSettings) -> r2d2::Builder<settings::PgManager> {
    r2d2::Pool::builder()
        .max_size(db.pool_size.max(1))
        .min_idle(Some(1))
        .connection_timeout(db.wait)
        .max_lifetime(Some(Duration::from_secs(30 * 60)))
        .test_on_check_out(true)
}

fn transaction<T>(
    conn: &mut Conn,
    waited: Duration,
    f: impl FnOnce(&mut Conn) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut is_through = false;
    let result = conn.transaction(|c| {
        if waited > SHORT_WAIT {
            shorten_lock_wait(c, waited)?;
        }
        let value = f(c)?;
        is_through = true;
        Ok(value)
    });
    // The closure went through and the commit did not come back: it may have been the answer that was lost.
    result.map_err(|why| if is_through && matches!(why, Error::Busy) { Error::OutcomeUnknown } else { why })
}

/// For this transaction: a request that waited for its connection waits less for locks, and is told to come back within two seconds in all.
fn shorten_lock_wait(c: &mut Conn, waited: Duration) -> Result<(), Error> {
    let left = LONGEST_LOCK_WAIT.saturating_sub(waited).max(LEAST_LOCK_WAIT);
    Ok(c.batch_execute(&format!("SET LOCAL lock_timeout = {}", left.as_millis()))?)
}

async fn blocking<T, F>(f: F) -> Result<T, Error>
where
    F: FnOnce() -> Result<T, Error> + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(f).await.map_err(|why| Error::internal("a database task stopped", why))?
}
