//! The two doors to the data: `Db::read` and `Db::write`, over SQLite or PostgreSQL.
//!
//! A write is one closure is one transaction. On SQLite the closures of many requests share one commit (`writer`), and a
//! read runs on the thread that asks (`readers`). On PostgreSQL both run on blocking threads (`sessions`).

mod address;
pub mod backup;
mod checkpoints;
mod files;
pub mod health;
pub mod measures;
pub mod migrate;
mod readers;
pub mod replica;
mod reserve;
pub mod schema;
mod sessions;
pub mod settings;
mod writer;

use std::sync::Arc;
use std::time::Duration;

pub use address::{check as check_url, replica_of};
use address::{is_postgres, sqlite_path};
use ground::sql::Conn;
use sessions::Sessions;
pub use sessions::waiting_together;
use tokio::sync::oneshot;

use crate::error::Error;

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
    Pg { sessions: Sessions, replica: Option<replica::Replica> },
}

impl Db {
    /// Opens the database for a server and sets every connection up; says in one line what is wrong if it cannot.
    pub fn open(settings: &DbSettings) -> Result<Self, Error> {
        Self::open_with(settings, || {
            let replica = settings.read_url.as_deref().map(|url| replica::Replica::start(url, settings));
            Ok(Kind::Pg { sessions: Sessions::pool(&settings.url, settings)?, replica: replica.transpose()? })
        })
    }

    /// Opens it for a command that ends by itself: with PostgreSQL one session, no pool and no replica.
    pub fn open_for_command(settings: &DbSettings) -> Result<Self, Error> {
        Self::open_with(settings, || Ok(Kind::Pg { sessions: Sessions::single(&settings.url)?, replica: None }))
    }

    fn open_with(settings: &DbSettings, open_pg: impl FnOnce() -> Result<Kind, Error>) -> Result<Self, Error> {
        let (health, measures) = (health::Health::new(), measures::Measures::default());
        let kind = if let Some(path) = sqlite_path(&settings.url) {
            settings::check_sqlite_version()?;
            let writer = writer::Writer::start(path, settings.commit_singly, &health, &measures)?;
            Kind::Sqlite { readers: Arc::new(readers::Readers::new(path, settings.pool_size)), writer }
        } else if is_postgres(&settings.url) {
            open_pg()?
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

    /// Registers the figures that this kind of database has.
    pub fn register(&self, to: &mut prometheus_client::registry::Registry) {
        match &self.kind {
            Kind::Sqlite { .. } => self.measures.register_writer(to),
            Kind::Pg { .. } => self.measures.register_pool(to),
        }
    }

    /// Judges beside the writer and then writes: `judge` only reads, and `write` is given what it found, which may be out of date by then.
    /// Where there are many writers (PostgreSQL) nothing is gained by that: `write` is given nothing, and one transaction does all.
    pub async fn judged_write<J, T, R, W>(&self, judge: R, write: W) -> Result<T, Error>
    where
        R: FnOnce(&mut Conn) -> Result<J, Error> + Clone + Send + 'static,
        W: FnOnce(&mut Conn, Option<J>) -> Result<T, Error> + Send + 'static,
        J: Send + 'static,
        T: Send + 'static,
    {
        let judged = match &self.kind {
            Kind::Sqlite { .. } => Some(self.read(judge).await?),
            Kind::Pg { .. } => None,
        };
        self.write(move |c| write(c, judged)).await
    }

    /// The pools of PostgreSQL: the name of each, connections in use, and idle ones.
    pub fn pools(&self) -> Vec<(&'static str, u32, u32)> {
        let Kind::Pg { sessions, replica } = &self.kind else { return Vec::new() };
        let named = [("primary", Some(sessions)), ("replica", replica.as_ref().map(replica::Replica::sessions))];
        let of = |(name, sessions): (&'static str, Option<&Sessions>)| {
            let (in_use, idle) = sessions?.counts()?;
            Some((name, in_use, idle))
        };
        named.into_iter().filter_map(of).collect()
    }

    /// `true` on SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite { .. })
    }

    /// How long ago the replica was last known to have all that the primary had. `None` inside: that is not known, and it is not read.
    pub fn replica_lag(&self) -> Option<Option<Duration>> {
        let Kind::Pg { replica: Some(replica), .. } = &self.kind else { return None };
        Some(replica.lag())
    }

    /// Reads in one snapshot, from the replica if there is one that keeps up. On SQLite this runs on the calling thread and must be short.
    ///
    /// Whoever was told that a write of theirs is kept finds it here, through whichever process they come. What somebody else has written
    /// may be missing for a third of a second.
    pub async fn read<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Clone + Send + 'static,
        T: Send + 'static,
    {
        if let Kind::Pg { replica: Some(replica), .. } = &self.kind
            && replica.is_fresh()
            && let Some(result) = replica.read(self.measures.wait(), f.clone()).await
        {
            self.measures.replica_reads.inc();
            return result;
        }
        self.read_fresh(f).await
    }

    /// Reads from where it is written, what may not lag at all: who may do what.
    pub async fn read_fresh<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        match &self.kind {
            Kind::Sqlite { readers, .. } => readers.read(f),
            Kind::Pg { sessions, .. } => sessions.clone().run(self.measures.wait(), f).await.map_err(of_read),
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
            Kind::Pg { sessions, .. } => self.write_pg(sessions, f).await,
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

    async fn write_pg<T, F>(&self, sessions: &Sessions, mut f: F) -> Result<T, Error>
    where
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let health = self.health.clone();
        let result = sessions.clone().run(self.measures.wait(), move |c| f(c)).await;
        match &result {
            Err(why @ Error::DiskFull) => health.set_last_write(Some(why.to_string())),
            Err(Error::Db(why)) if why.to_string().contains("read-only transaction") => {
                health.set_last_write(Some(why.to_string()));
            }
            _ => {}
        }
        if let (Ok(_), true, Kind::Pg { replica: Some(replica), .. }) = (&result, sessions::is_request(), &self.kind) {
            replica.follows().await;
        }
        result
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

/// A connection of its own to a database that is there. A SQLite file that is not there is refused by name, and not made.
pub fn connect(url: &str) -> Result<Conn, Error> {
    sqlite_path(url).map_or_else(|| settings::open_pg(url), settings::open_sqlite)
}

/// The same, but a SQLite file that is not there is made, empty. A database of PostgreSQL is made by its own tools only.
pub fn create(url: &str) -> Result<Conn, Error> {
    sqlite_path(url).map_or_else(|| settings::open_pg(url), settings::create_sqlite)
}

/// A connection that writes nothing: no row, no file, no log beside it.
pub fn look(url: &str) -> Result<Conn, Error> {
    sqlite_path(url).map_or_else(|| settings::open_pg_to_look(url), settings::open_sqlite_to_look)
}

/// Of a read nothing can have been kept.
fn of_read(why: Error) -> Error {
    if matches!(why, Error::OutcomeUnknown) { Error::Busy } else { why }
}

/// What time it is by the database's own machine; none where that is this one (SQLite).
pub fn server_time(c: &mut Conn) -> Result<Option<ground::time::Stamp>, Error> {
    match c {
        Conn::Sqlite(_) => Ok(None),
        Conn::Pg(c) => settings::server_time(c).map(Some),
    }
}

/// Locks the rows of a query until the transaction ends, so that of two transactions the second sees what the first has done. SQLite has one
/// writer and needs none.
macro_rules! lock {
    ($conn:expr, $query:expr, $key:ty) => {
        if let ground::sql::Conn::Pg(c) = $conn {
            $query.for_no_key_update().load::<$key>(c)?;
        }
    };
}
pub(crate) use lock;

/// The first row of a query, locked until the transaction ends.
macro_rules! first_locked {
    ($conn:expr, $query:expr) => {
        match $conn {
            ground::sql::Conn::Sqlite(c) => $query.first(c),
            ground::sql::Conn::Pg(c) => $query.for_update().first(c),
        }
    };
}
pub(crate) use first_locked;

/// The first row of a query that no other transaction has locked, for this one alone.
macro_rules! first_unlocked {
    ($conn:expr, $query:expr) => {
        match $conn {
            ground::sql::Conn::Sqlite(c) => $query.first(c),
            ground::sql::Conn::Pg(c) => $query.for_update().skip_locked().first(c),
        }
    };
}
pub(crate) use first_unlocked;

/// Runs a query on the inner connection: diesel then knows each by its type and does not write its SQL anew at every use.
/// For the queries of the hottest requests; the expression is compiled once for each database.
macro_rules! direct {
    ($conn:expr, |$c:ident| $query:expr) => {
        match $conn {
            ground::sql::Conn::Sqlite($c) => $query,
            ground::sql::Conn::Pg($c) => $query,
        }
    };
}
pub(crate) use direct;

/// Inserts a row unless its key is taken; gives how many rows were written (0 or 1). A failed insert would end the
/// transaction on PostgreSQL, so "taken" is asked for, never caught.
macro_rules! insert_once {
    ($conn:expr, $table:expr, $row:expr) => {
        match $conn {
            ground::sql::Conn::Sqlite(c) => {
                diesel::insert_into($table).values($row).on_conflict_do_nothing().execute(c)?
            }
            ground::sql::Conn::Pg(c) => diesel::insert_into($table).values($row).on_conflict_do_nothing().execute(c)?,
        }
    };
}
pub(crate) use insert_once;
