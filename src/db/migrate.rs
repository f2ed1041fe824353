//! Brings a database to this release's schema: one applier at a time, each migration whole or not at all.

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::sql_types::BigInt;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::Conn;
use crate::error::Error;

/// The migrations for SQLite.
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// The migrations for PostgreSQL.
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// The advisory lock of whoever migrates PostgreSQL.
const LOCK: i64 = 0x4146_5445_5243_4152;

/// Applies what is pending and gives the names of what was applied.
pub fn run(conn: &mut Conn) -> Result<Vec<String>, Error> {
    match conn {
        Conn::Sqlite(conn) => run_sqlite(conn),
        Conn::Pg(conn) => run_pg(conn),
    }
}

/// The names of the migrations that were not applied yet.
pub fn pending(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let pending = match conn {
        Conn::Sqlite(conn) => conn.pending_migrations(SQLITE).map(names),
        Conn::Pg(conn) => conn.pending_migrations(POSTGRES).map(names),
    };
    pending.map_err(|why| Error::internal("cannot read which migrations were applied", why))
}

fn names<DB: diesel::backend::Backend>(list: Vec<Box<dyn diesel::migration::Migration<DB>>>) -> Vec<String> {
    list.iter().map(|migration| migration.name().to_string()).collect()
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
