//! The two doors to the data: `Db::read` and `Db::write`, over SQLite or PostgreSQL.
//!
//! A write is one closure is one transaction. On SQLite the closures of many requests share one commit (`writer`), and a
//! read runs on the thread that asks (`readers`). On PostgreSQL both run on blocking threads over a pool.

pub mod backup;
mod checkpoints;
mod files;
pub mod health;
pub mod measures;
pub mod migrate;
mod readers;
mod reserve;
pub mod schema;
pub mod settings;
pub mod types;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, SqliteConnection};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::time::Stopwatch;

/// One connection, to either database. Every store function takes this.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// The embedded file.
    Sqlite(SqliteConnection),
    /// The server.
    Pg(PgConnection),
}

/// Where the data is, and how much of it may be used at once.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// `sqlite:PATH`, or `postgres://...`.
    pub url: String,
    /// A replica for reads (PostgreSQL only).
    pub read_url: Option<String>,
    /// Connections in the pool (PostgreSQL), or readers (SQLite).
    pub pool_size: u32,
    /// How long a request waits for a connection before it is told to come back.
    pub wait: Duration,
    /// `true`: a commit a request instead of a commit a group (SQLite): only for the benchmark that compares the two.
    pub commit_singly: bool,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    kind: Kind,
    health: health::Health,
    measures: measures::Measures,
}

#[derive(Clone)]
enum Kind {
    Sqlite { readers: Arc<readers::Readers>, writer: writer::Writer },
    Pg { pool: PgPool, replica: Option<PgPool> },
}

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

type PgPool = r2d2::Pool<settings::PgManager>;

/// The path of a `sqlite:` address.
pub fn sqlite_path(url: &str) -> Option<&str> {
    url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).filter(|path| !path.is_empty())
}

/// Whether the address is one of PostgreSQL.
pub fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

impl Db {
    /// Opens the database and sets every connection up; says in one line what is wrong if it cannot.
    pub fn open(settings: &DbSettings) -> Result<Self, Error> {
        let (health, measures) = (health::Health::new(), measures::Measures::default());
        let kind = if let Some(path) = sqlite_path(&settings.url) {
            settings::check_sqlite_version()?;
            let writer = writer::Writer::start(path, settings.commit_singly, &health, &measures)?;
            Kind::Sqlite { readers: Arc::new(readers::Readers::new(path, settings.pool_size)), writer }
        } else if is_postgres(&settings.url) {
            let replica = settings.read_url.as_deref().map(|url| pg_pool(url, settings)).transpose()?;
            Kind::Pg { pool: pg_pool(&settings.url, settings)?, replica }
        } else {
            return Err(Error::Setting(format!(
                "database_url must start with sqlite: or postgres://, not {:?}",
                settings.url.split(':').next().unwrap_or_default()
            )));
        };
        Ok(Self { kind, health, measures })
    }

    /// How the last write ended, and whether the process must end.
    pub fn health(&self) -> &health::Health {
        &self.health
    }

    /// What was counted since the start.
    pub fn measures(&self) -> &measures::Measures {
        &self.measures
    }

    /// The pools of PostgreSQL: the name of each, connections in use, and idle ones.
    pub fn pools(&self) -> Vec<(&'static str, u32, u32)> {
        let Kind::Pg { pool, replica } = &self.kind else { return Vec::new() };
        let named = [("primary", Some(pool)), ("replica", replica.as_ref())];
        let of = |(name, pool): (&'static str, Option<&PgPool>)| {
            let state = pool?.state();
            Some((name, state.connections.saturating_sub(state.idle_connections), state.idle_connections))
        };
        named.into_iter().filter_map(of).collect()
    }

    /// `true` on SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite { .. })
    }

    /// Reads in one snapshot, from the replica if there is one. On SQLite this runs on the calling thread and must be short.
    pub async fn read<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match &self.kind {
            Kind::Sqlite { readers, .. } => readers.read(f),
            Kind::Pg { pool, replica } => self.on_pg(replica.as_ref().unwrap_or(pool), f).await.map_err(of_read),
        }
    }

    /// Reads what must not lag behind a replica: who may do what.
    pub async fn read_fresh<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match &self.kind {
            Kind::Sqlite { readers, .. } => readers.read(f),
            Kind::Pg { pool, .. } => self.on_pg(pool, f).await.map_err(of_read),
        }
    }

    /// Writes: one closure, one transaction, durable when it returns. A closure that fails leaves nothing behind.
    pub async fn write<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let mut f = Some(f);
        self.write_as(move |c| f.take().ok_or(Error::Busy)?(c), false).await
    }

    /// The same for what must be kept even if the disk is full: what a relay said to a mail that went out. It may be run twice.
    pub async fn write_at_any_price<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        self.write_as(f, true).await
    }

    async fn write_as<T, F>(&self, f: F, may_use_reserve: bool) -> Result<T, Error>
    where
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match &self.kind {
            Kind::Sqlite { writer, .. } => writer.write(f, may_use_reserve).await,
            Kind::Pg { pool, .. } => self.write_pg(pool, f).await,
        }
    }

    /// Writes what is certain to change something, to prove that writes are kept again after one was not.
    pub async fn prove<F>(&self, f: F) -> Result<(), Error>
    where
        F: FnOnce(&mut Conn) -> Result<(), Error> + Send + 'static,
    {
        self.write(f).await?;
        self.health.set_last_write(None);
        Ok(())
    }

    async fn write_pg<T, F>(&self, pool: &PgPool, mut f: F) -> Result<T, Error>
    where
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let health = self.health.clone();
        let result = self.on_pg(pool, move |c| f(c)).await;
        match &result {
            Err(why @ Error::DiskFull) => health.set_last_write(Some(why.to_string())),
            Err(Error::Db(why)) if why.to_string().contains("read-only transaction") => {
                health.set_last_write(Some(why.to_string()));
            }
            _ => {}
        }
        result
    }

    async fn on_pg<T, F>(&self, pool: &PgPool, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        on_pg(pool.clone(), self.measures.wait(), f).await
    }

    /// Gives what a write would give: its transaction is rolled back, and nothing is written.
    pub async fn rehearse<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let rolled_back = self.write::<(), _>(|c| {
            // Nobody listens any more if the request went away.
            drop(tell.send(f(c)));
            Err(Error::Busy)
        });
        match (rolled_back.await, told.await) {
            (_, Ok(result)) => result,
            (Err(why), Err(_)) => Err(why),
            (Ok(()), Err(_)) => Err(Error::internal("a rehearsal was not heard", "no result")),
        }
    }
}

/// A connection of its own, outside the pools: migrations and `doctor`.
pub fn connect(url: &str) -> Result<Conn, Error> {
    if let Some(path) = sqlite_path(url) { settings::open_sqlite(path) } else { settings::open_pg(url) }
}

fn pg_pool(url: &str, db: &DbSettings) -> Result<PgPool, Error> {
    r2d2::Pool::builder()
        .max_size(db.pool_size.max(1))
        .min_idle(Some(1))
        .connection_timeout(db.wait)
        .max_lifetime(Some(Duration::from_secs(30 * 60)))
        .test_on_check_out(true)
        .build(settings::PgManager { url: url.to_owned() })
        .map_err(|why| Error::Setting(format!("cannot reach PostgreSQL: {why}")))
}

tokio::task_local! {
    static WAITING_SINCE: Stopwatch;
}

/// Runs a request whose waits for a connection count together: who asks three times waits no longer than who asks once.
pub async fn waiting_together<F: Future>(request: F) -> F::Output {
    WAITING_SINCE.scope(Stopwatch::start(), request).await
}

/// `waiting` counts the caller until it has a connection.
async fn on_pg<T, F>(pool: PgPool, waiting: measures::Wait, f: F) -> Result<T, Error>
where
    F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    T: Send + 'static,
{
    let since = WAITING_SINCE.try_with(|since| *since).unwrap_or_else(|_| Stopwatch::start());
    // Of a server that has fallen silent the line tells nothing for long. Whoever asks is told; what was asked may still come true.
    let answer = blocking(move || {
        let patience = pool.connection_timeout().saturating_sub(since.elapsed()).max(LEAST_WAIT);
        let pooled = pool.get_timeout(patience);
        drop(waiting);
        let mut pooled = pooled.map_err(|_| Error::Busy)?;
        let waited = since.elapsed();
        let conn: &mut Conn = &mut pooled;
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
    });
    tokio::time::timeout(LONGEST_ANSWER, answer).await.unwrap_or(Err(Error::OutcomeUnknown))
}

/// For this transaction: a request that waited for its connection waits less for locks, and is told to come back within two seconds in all.
fn shorten_lock_wait(c: &mut Conn, waited: Duration) -> Result<(), Error> {
    let left = LONGEST_LOCK_WAIT.saturating_sub(waited).max(LEAST_LOCK_WAIT);
    Ok(c.batch_execute(&format!("SET LOCAL lock_timeout = {}", left.as_millis()))?)
}

/// Of a read nothing can have been kept.
fn of_read(why: Error) -> Error {
    if matches!(why, Error::OutcomeUnknown) { Error::Busy } else { why }
}

async fn blocking<T, F>(f: F) -> Result<T, Error>
where
    F: FnOnce() -> Result<T, Error> + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(f).await.map_err(|why| Error::internal("a database task stopped", why))?
}

/// Runs a query on the inner connection: diesel then knows each by its type and does not write its SQL anew at every use.
/// For the queries of the hottest requests; the expression is compiled once for each database.
macro_rules! direct {
    ($conn:expr, |$c:ident| $query:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $query,
            $crate::db::Conn::Pg($c) => $query,
        }
    };
}
pub(crate) use direct;

/// Inserts a row unless its key is taken; gives how many rows were written (0 or 1). A failed insert would end the
/// transaction on PostgreSQL, so "taken" is asked for, never caught.
macro_rules! insert_once {
    ($conn:expr, $table:expr, $row:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite(c) => {
                diesel::insert_into($table).values($row).on_conflict_do_nothing().execute(c)?
            }
            $crate::db::Conn::Pg(c) => diesel::insert_into($table).values($row).on_conflict_do_nothing().execute(c)?,
        }
    };
}
pub(crate) use insert_once;
