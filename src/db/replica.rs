//! A replica of PostgreSQL, read only where nobody can tell it from the primary.
//!
//! Every process asks both servers again and again, and so knows a moment: all that was committed before it, the replica has. The replica is
//! read while that moment is at most `LEASE` ago. Whoever wrote is answered when the replica has the write, or `LEASE` later: by then no
//! process reads from a replica that lacks it. So nobody misses what was acknowledged to them, through whichever process they come back.
//!
//! A process that is cut off from the replica cannot know what others read there: it waits the whole `LEASE` after each write.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use diesel::RunQueryDsl as _;
use diesel::sql_types::{Bool, Text};
use tokio::sync::watch;

use super::measures::Wait;
use super::sessions::Sessions;
use super::settings::{self, TextValue};
use super::{Conn, DbSettings};
use crate::error::Error;
use crate::time::Stopwatch;

/// So long ago the replica may last have had all that the primary had.
const LEASE: Duration = Duration::from_millis(300);
/// How often the two are compared while nobody waits for it.
const LOOK: Duration = Duration::from_millis(100);
/// How long the replica is given before it is asked again whether it has caught up: at first, and at most.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));
/// How long a server that cannot be reached is left alone.
const REST: Duration = Duration::from_secs(1);
/// A read that the replica has not answered by then is answered by the primary.
const PATIENCE: Duration = Duration::from_secs(1);

/// Cheap to clone; the comparing ends with the last clone.
#[derive(Clone)]
pub(super) struct Replica {
    sessions: Sessions,
    clock: Arc<Stopwatch>,
    /// On `clock`: what was committed before, the replica has. Zero: not known.
    seen: Arc<watch::Sender<Duration>>,
    wake: SyncSender<()>,
}

impl Replica {
    /// Starts the comparing. The replica need not be there yet.
    pub fn start(url: &str, settings: &DbSettings) -> Result<Self, Error> {
        let (wake, woken) = sync_channel(1);
        let clock = Arc::new(Stopwatch::start());
        let seen = Arc::new(watch::Sender::new(Duration::ZERO));
        let watcher = Watcher {
            primary_url: settings.url.clone(),
            replica_url: url.to_owned(),
            clock: Arc::clone(&clock),
            seen: Arc::clone(&seen),
            woken,
        };
        std::thread::Builder::new()
            .name("replica".to_owned())
            .spawn(move || watcher.run())
            .map_err(|why| Error::internal("cannot watch the replica", why))?;
        Ok(Self { sessions: Sessions::pool_that_may_be_away(url, settings), clock, seen, wake })
    }

    /// How long ago the replica was last known to have all that the primary had; `None` if that is not known.
    pub fn lag(&self) -> Option<Duration> {
        let seen = *self.seen.borrow();
        (!seen.is_zero()).then(|| self.clock.elapsed().saturating_sub(seen))
    }

    /// Whether it may be read.
    pub fn is_fresh(&self) -> bool {
        self.lag().is_some_and(|lag| lag <= LEASE)
    }

    /// Reads there. `None`: it could not be read, and is left aside until it has been compared again.
    pub async fn read<T, F>(&self, waiting: Wait, f: F) -> Option<Result<T, Error>>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let answer = tokio::time::timeout(PATIENCE, self.sessions.clone().run(waiting, f)).await;
        match answer {
            Ok(result) if !result.as_ref().is_err_and(is_of_the_server) => Some(result),
            _ => {
                self.seen.send_replace(Duration::ZERO);
                None
            }
        }
    }

    /// Waits until nobody can read from the replica without what is committed now.
    pub async fn follows(&self) {
        let committed = self.clock.elapsed();
        // One that is told already will look again.
        let _told = self.wake.try_send(());
        let mut seen = self.seen.subscribe();
        drop(tokio::time::timeout(LEASE, seen.wait_for(|seen| *seen > committed)).await);
    }

    /// Its pool.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }
}

/// Trouble of the server or the line; everything else is what the caller asked for.
fn is_of_the_server(why: &Error) -> bool {
    matches!(why, Error::Db(_) | Error::Busy | Error::OutcomeUnknown | Error::DiskFull | Error::Internal { .. })
}

struct Watcher {
    primary_url: String,
    replica_url: String,
    clock: Arc<Stopwatch>,
    seen: Arc<watch::Sender<Duration>>,
    woken: Receiver<()>,
}

impl Watcher {
    fn run(self) {
        let (mut pair, mut trouble) = (None, None);
        loop {
            let looked = self.look(&mut pair);
            let pause = if looked.is_ok() { LOOK } else { REST };
            if looked.is_err() {
                pair = None;
            }
            tell(&mut trouble, looked.err());
            if matches!(self.woken.recv_timeout(pause), Err(RecvTimeoutError::Disconnected)) {
                return;
            }
        }
    }

    /// Compares the two once. An error says why the replica is not read.
    fn look(&self, pair: &mut Option<(Conn, Conn)>) -> Result<(), String> {
        let words = |why: Error| why.to_string();
        let (primary, replica) = match pair {
            Some(pair) => pair,
            None => pair.insert((
                settings::open_pg(&self.primary_url).map_err(words)?,
                settings::open_pg(&self.replica_url).map_err(words)?,
            )),
        };
        let asked = self.clock.elapsed();
        let position = position(primary).map_err(words)?;
        let mut pause = ASK_AGAIN.0;
        while !has(replica, &position).map_err(words)? {
            if self.clock.elapsed().saturating_sub(asked) > LEASE {
                return Err(format!("it is more than {} ms behind", LEASE.as_millis()));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(ASK_AGAIN.1);
        }
        self.seen.send_replace(asked);
        Ok(())
    }
}

/// Says that the replica is left aside, and that it is read again: each once.
fn tell(last: &mut Option<String>, now: Option<String>) {
    match (&last, &now) {
        (None, Some(why)) => tracing::warn!(why, "the replica is left aside; reads go to the primary"),
        (Some(_), None) => tracing::info!("the replica is read again"),
        _ => {}
    }
    *last = now;
}

/// Where the primary's log is safe on its disk: nothing that it has acknowledged lies behind.
fn position(primary: &mut Conn) -> Result<String, Error> {
    let sql = diesel::sql_query("SELECT pg_current_wal_flush_lsn()::text AS value");
    Ok(with_pg(primary, |c| sql.get_result::<TextValue>(c))?.value)
}

#[derive(diesel::QueryableByName)]
struct Has {
    #[diesel(sql_type = Bool)]
    is_replica: bool,
    #[diesel(sql_type = Bool)]
    has: bool,
}

/// Whether the replica shows all that the primary had written at `position`.
fn has(replica: &mut Conn, position: &str) -> Result<bool, Error> {
    let sql = diesel::sql_query(
        "SELECT pg_is_in_recovery() AS is_replica, coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS has",
    );
    let found = with_pg(replica, |c| sql.bind::<Text, _>(position).get_result::<Has>(c))?;
    if !found.is_replica {
        return Err(Error::Setting("the server of database_read_url is no replica".to_owned()));
    }
    Ok(found.has)
}

fn with_pg<T>(
    conn: &mut Conn,
    ask: impl FnOnce(&mut diesel::PgConnection) -> diesel::QueryResult<T>,
) -> Result<T, Error> {
    match conn {
        Conn::Pg(conn) => Ok(ask(conn)?),
        Conn::Sqlite(_) => Err(Error::Setting("only PostgreSQL has replicas".to_owned())),
    }
}

/// Looks whether the replica follows its primary, for `PATIENCE`; says why not.
pub fn follows(primary: &mut Conn, replica: &mut Conn) -> Result<Result<String, String>, Error> {
    let (watch, position) = (Stopwatch::start(), position(primary)?);
    while !has(replica, &position)? {
        if watch.elapsed() > PATIENCE {
            let why = "it had not what the primary had a second before: it is left aside until it has caught up";
            return Ok(Err(why.to_owned()));
        }
        std::thread::sleep(ASK_AGAIN.1);
    }
    Ok(Ok(format!("has all that the primary had {} ms before", watch.elapsed().as_millis())))
}
