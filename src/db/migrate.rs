//! Brings a database to this release's schema: one applier at a time, each migration whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use diesel::backend::Backend;
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::Conn;
use super::settings::TextValue;
use crate::error::Error;

/// The migrations for SQLite.
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// The migrations for PostgreSQL.
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// The advisory lock of whoever migrates PostgreSQL.
const LOCK: i64 = 0x4146_5445_5243_4152;

/// How the schema of a database compares with this release's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaState {
    /// Names of the migrations that this release brings and the database lacks, oldest first.
    pub pending: Vec<String>,
    /// Versions (the digits of a migration's date) that the database has and this release does not know.
    pub unknown: Vec<String>,
}

impl SchemaState {
    /// Refuses every schema but this release's.
    ///
    /// # Errors
    /// `Error::Setting`: it is newer and names the migration, or migrations are pending.
    pub fn check(&self) -> Result<(), Error> {
        self.check_known()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        Err(Error::Setting(format!("{} migrations are pending: run `aftercare migrate` first", self.pending.len())))
    }

    /// Refuses a schema that a newer release has made.
    ///
    /// # Errors
    /// `Error::Setting`: it names the migration.
    pub fn check_known(&self) -> Result<(), Error> {
        let Some(newest) = self.unknown.last() else { return Ok(()) };
        Err(Error::Setting(format!(
            "the schema is newer than this release: it has migration {newest}, which this release does not know; \
             start the release that applied it"
        )))
    }
}

/// Compares the schema. It writes nothing and needs no right but to read.
pub fn state(conn: &mut Conn) -> Result<SchemaState, Error> {
    let applied = applied(conn)?;
    let unreadable = |why| Error::internal("cannot read this release's migrations", why);
    let known = match conn {
        Conn::Sqlite(_) => MigrationSource::<Sqlite>::migrations(&SQLITE).map(|list| named(&list)),
        Conn::Pg(_) => MigrationSource::<Pg>::migrations(&POSTGRES).map(|list| named(&list)),
    }
    .map_err(unreadable)?;
    Ok(SchemaState {
        unknown: applied.iter().filter(|version| !known.contains_key(*version)).cloned().collect(),
        pending: known.into_iter().filter(|(version, _)| !applied.contains(version)).map(|(_, name)| name).collect(),
    })
}

/// By version.
fn named<DB: Backend>(list: &[Box<dyn Migration<DB>>]) -> BTreeMap<String, String> {
    list.iter().map(|migration| (migration.name().version().to_string(), migration.name().to_string())).collect()
}

/// The versions that were applied. Diesel's own question would make the table that it asks.
fn applied(conn: &mut Conn) -> Result<BTreeSet<String>, Error> {
    const VERSIONS: &str = "SELECT version AS value FROM __diesel_schema_migrations";
    let tables = match conn {
        Conn::Sqlite(_) => "SELECT name AS value FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
        Conn::Pg(_) => "SELECT t::text AS value FROM to_regclass('__diesel_schema_migrations') t WHERE t IS NOT NULL",
    };
    if texts(conn, tables)?.is_empty() { Ok(BTreeSet::new()) } else { texts(conn, VERSIONS) }
}

fn texts(conn: &mut Conn, sql: &str) -> Result<BTreeSet<String>, Error> {
    let rows: Vec<TextValue> = match conn {
        Conn::Sqlite(conn) => diesel::sql_query(sql).load(conn)?,
        Conn::Pg(conn) => diesel::sql_query(sql).load(conn)?,
    };
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// Applies what is pending and gives the names of what was applied. Where nothing is pending, no right but to read is needed.
///
/// # Errors
/// `Error::Setting` if the schema is newer than this release.
pub fn run(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let state = state(conn)?;
    state.check_known()?;
    if state.pending.is_empty() {
        return Ok(Vec::new());
    }
    match conn {
        Conn::Sqlite(conn) => run_sqlite(conn),
        Conn::Pg(conn) => run_pg(conn),
    }
}

/// Everything pending in one `BEGIN EXCLUSIVE`: a process that starts at the same time waits, then finds nothing to do.
fn run_sqlite(conn: &mut SqliteConnection) -> Result<Vec<String>, Error> {
    conn.batch_execute("PRAGMA busy_timeout=30000")?;
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN EXCLUSIVE")?;
    let applied = conn.run_pending_migrations(SQLITE).map(|list| list.iter().map(ToString::to_string).collect());
    match applied {
        Ok(applied) => {
            AnsiTransactionManager::commit_transaction(conn)?;
            conn.batch_execute("PRAGMA busy_timeout=5000")?;
            Ok(applied)
        }
        Err(why) => {
            AnsiTransactionManager::rollback_transaction(conn)?;
            Err(Error::internal("a migration failed; nothing was changed", why))
        }
    }
}

/// The same under an advisory lock that ends with the transaction.
fn run_pg(conn: &mut PgConnection) -> Result<Vec<String>, Error> {
    conn.transaction(|conn| {
        conn.batch_execute("SET LOCAL lock_timeout='60s'; SET LOCAL statement_timeout='10min'")?;
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(LOCK).execute(conn)?;
        let applied = conn
            .run_pending_migrations(POSTGRES)
            .map_err(|why| Error::internal("a migration failed; nothing was changed", why))?;
        Ok(applied.iter().map(ToString::to_string).collect())
    })
}
