//! A replica of PostgreSQL, read only where nobody can tell it from the primary.
//!
//! Every process asks both servers again and again, and so knows a moment: all that was committed before it, the replica has. The replica is
//! read while that moment is at most `LEASE` ago. Whoever wrote is answered when the replica has the write, or `LEASE` later: by then no
//! process reads from a replica that lacks it. So nobody misses what was acknowledged to them, through whichever process they come back.
//!
//! A process that is cut off from the replica cannot know what others read there: it waits the whole `LEASE` after each write.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::RunQueryDsl as _;
use diesel::sql_types::{Bool, Text};
use tokio::sync::watch;

use super::measures::Wait;
use super::sessions::Sessions;
use super::settings::{self, TextValue};
use super::{Conn, DbSettings};
use crate::error::Error;
use ground::time::Stopwatch;

/// So long ago the replica may last have had all that the primary had.
const LEASE: Duration = Duration::from_millis(300);
/// How often the two are compared while nobody waits for it.
const LOOK: Duration = Duration::from_millis(100);
/// How long the replica is given before it is asked again whether it has caught up: at first, and at most.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));
/// How long a server that cannot be reached is left alone, and a replica of which a read has failed.
const REST: Duration = Duration::from_secs(1);
/// A read that the replica has not answered by then is answered by the primary.
const PATIENCE: Duration = Duration::from_secs(1);
/// After so many of those in a row it rests.
const SO_MANY_SLOW: u32 = 3;

/// Cheap to clone; the comparing ends with the last clone.
#[derive(Clone)]
pub(super) struct Replica {
    sessions: Sessions,
    known: Arc<Known>,
    wake: SyncSender<()>,
}

/// What is known of the replica.
struct Known {
    clock: Stopwatch,
    /// On `clock`: what was committed before, the replica has. Zero: it never had.
    seen: watch::Sender<Duration>,
    /// On `clock`: a read has failed, and it is not read before then.
    rests_until: Mutex<Duration>,
    /// Reads in a row that it did not answer in time.
    too_slow: AtomicU32,
    /// Why it is left aside, as it was said last.
    told: Mutex<Option<String>>,
}

impl Known {
    fn let_rest(&self, why: String) {
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.elapsed() + REST;
        self.tell(Some(why));
    }

    fn rests(&self) -> bool {
        self.clock.elapsed() < *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the replica is left aside, and that it is read again: each once.
    fn tell(&self, why: Option<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*told, &why) {
            (None, Some(why)) => tracing::warn!(why, "the replica is left aside; reads go to the primary"),
            (Some(_), None) => tracing::info!("the replica is read again"),
            _ => {}
        }
        *told = why;
    }
}

impl Replica {
    /// Starts the comparing. The replica need not be there yet.
    pub fn start(url: &str, settings: &DbSettings) -> Result<Self, Error> {
        let (wake, woken) = sync_channel(1);
        let known = Arc::new(Known {
            clock: Stopwatch::start(),
            seen: watch::Sender::new(Duration::ZERO),
            rests_until: Mutex::default(),
            too_slow: AtomicU32::default(),
            told: Mutex::default(),
        });
        let watcher = Watcher {
            urls: (settings.url.clone(), url.to_owned()),
            lines: (None, None),
            known: Arc::clone(&known),
            woken,
        };
        std::thread::Builder::new()
            .name("replica".to_owned())
            .spawn(move || watcher.run())
            .map_err(|why| Error::internal("cannot watch the replica", why))?;
        Ok(Self { sessions: Sessions::pool_that_may_be_away(url, settings), known, wake })
    }

    /// How long ago the replica was last known to have all that the primary had; `None` if it never was.
    pub fn lag(&self) -> Option<Duration> {
        let seen = *self.known.seen.borrow();
        (!seen.is_zero()).then(|| self.known.clock.elapsed().saturating_sub(seen))
    }

    /// Whether it may be read.
    pub fn is_fresh(&self) -> bool {
        self.lag().is_some_and(|lag| lag <= LEASE) && !self.known.rests()
    }

    /// Reads there. `None`: it was not answered there.
    pub async fn read<T, F>(&self, waiting: Wait, f: F) -> Option<Result<T, Error>>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match tokio::time::timeout(PATIENCE, self.sessions.clone().run(waiting, f)).await {
            Ok(Err(why)) if is_of_the_server(&why) => {
                self.known.let_rest(format!("a read failed there: {why}"));
                None
            }
            Ok(result) => {
                self.known.too_slow.store(0, Ordering::Relaxed);
                Some(result)
            }
            // One that is slow says nothing about the next; several do.
            Err(_) => {
                if self.known.too_slow.fetch_add(1, Ordering::Relaxed) + 1 >= SO_MANY_SLOW {
                    self.known.let_rest("it answers too slowly, or has no connection left".to_owned());
                }
                None
            }
        }
    }

    /// Waits until nobody can read from the replica without what is committed now.
    pub async fn follows(&self) {
        let committed = self.known.clock.elapsed();
        // One that is told already will look again.
        let _told = self.wake.try_send(());
        let mut seen = self.known.seen.subscribe();
        let caught_up = tokio::time::timeout(LEASE, seen.wait_for(|seen| *seen > committed)).await.is_ok();
        if !caught_up && !self.is_fresh() {
            self.known.tell(Some(behind()));
        }
    }

    /// Its pool.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }
}

fn behind() -> String {
    format!("it has not had what the primary has for {} ms", LEASE.as_millis())
}

/// Trouble of the server or the line; everything else is what the caller asked for.
fn is_of_the_server(why: &Error) -> bool {
    matches!(why, Error::Db(_) | Error::Busy | Error::OutcomeUnknown | Error::DiskFull)
}

struct Watcher {
    /// Of the primary and of the replica.
    urls: (String, String),
    lines: (Option<Conn>, Option<Conn>),
    known: Arc<Known>,
    woken: Receiver<()>,
}

impl Watcher {
    fn run(mut self) {
        loop {
            let goes_on = match self.look() {
                Ok(true) => {
                    if !self.known.rests() {
                        self.known.tell(None);
                    }
                    self.wait_or_woken(LOOK)
                }
                Ok(false) => {
                    self.known.tell(Some(behind()));
                    self.wait_or_woken(LOOK)
                }
                Err(why) => {
                    self.known.tell(Some(why.to_string()));
                    self.rest()
                }
            };
            if !goes_on {
                // The process may be ending: to close a line that speaks TLS meanwhile can crash it (`Sessions::Single`).
                std::mem::forget(self.lines);
                return;
            }
        }
    }

    /// `false`: nobody is there any more.
    fn wait_or_woken(&self, pause: Duration) -> bool {
        !matches!(self.woken.recv_timeout(pause), Err(RecvTimeoutError::Disconnected))
    }

    /// The whole pause, however many writes come meanwhile.
    fn rest(&self) -> bool {
        let watch = Stopwatch::start();
        loop {
            let left = REST.saturating_sub(watch.elapsed());
            if left.is_zero() {
                return true;
            }
            if !self.wait_or_woken(left) {
                return false;
            }
        }
    }

    /// Compares the two once; `false` if the replica has not caught up in time. Only the line that has failed is opened anew.
    fn look(&mut self) -> Result<bool, Error> {
        if self.lines.0.is_none() {
            self.lines.0 = Some(settings::open_pg(&self.urls.0)?);
            self.lines.1 = None;
        }
        let Some(primary) = self.lines.0.as_mut() else { return Ok(false) };
        let asked = self.known.clock.elapsed();
        let position = match position(primary) {
            Ok(position) => position,
            Err(why) => {
                self.lines.0 = None;
                return Err(why);
            }
        };
        if self.lines.1.is_none() {
            let mut replica = settings::open_pg(&self.urls.1)?;
            must_be_of_one_system(primary, &mut replica)?;
            self.lines.1 = Some(replica);
        }
        let Some(replica) = self.lines.1.as_mut() else { return Ok(false) };
        let mut pause = ASK_AGAIN.0;
        loop {
            match has(replica, &position) {
                Ok(true) => break,
                Ok(false) if self.known.clock.elapsed().saturating_sub(asked) > LEASE => return Ok(false),
                Ok(false) => std::thread::sleep(pause),
                Err(why) => {
                    self.lines.1 = None;
                    return Err(why);
                }
            }
            pause = (pause * 2).min(ASK_AGAIN.1);
        }
        self.known.seen.send_replace(asked);
        Ok(true)
    }
}

/// Refuses a server that follows somebody else: its positions say nothing.
fn must_be_of_one_system(primary: &mut Conn, replica: &mut Conn) -> Result<(), Error> {
    let system = |conn: &mut Conn| {
        let sql = diesel::sql_query("SELECT system_identifier::text AS value FROM pg_control_system()");
        with_pg(conn, |c| sql.get_result::<TextValue>(c)).map(|row| row.value)
    };
    if system(primary)? == system(replica)? {
        return Ok(());
    }
    Err(Error::Setting("the server of database_read_url is no replica of this database's".to_owned()))
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

/// Whether the replica shows all that the primary had written at `position`. One that is not connected to a primary does not follow it: after a
/// failover its position may lie beyond a fork.
fn has(replica: &mut Conn, position: &str) -> Result<bool, Error> {
    let sql = diesel::sql_query(
        "SELECT pg_is_in_recovery() AS is_replica, EXISTS (SELECT FROM pg_stat_wal_receiver) \
         AND coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS has",
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
    must_be_of_one_system(primary, replica)?;
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
