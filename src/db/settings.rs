//! How a connection is set up, and reading each setting back: `aftercare doctor` prints what this finds.

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::R2D2Connection as _;
use diesel::sql_types::{Integer, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};

use super::Conn;
use crate::error::Error;

/// Below this, a race in the write-ahead log can lose committed data.
const OLDEST_SQLITE: i32 = 3_051_003;

/// `busy_timeout` comes first, so that the others wait rather than fail. No checkpoint but those whose failure is seen
/// (`checkpoints`).
const SQLITE_SET_UP: &str = "PRAGMA busy_timeout=5000; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL; \
    PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;";

/// SQLite does not wait for the lock that a new file needs to become one with a write-ahead log; so often it is tried again,
/// each time after so many milliseconds.
const WAL_TRIES: (u32, u64) = (500, 20);

/// Readers map the file: a page is not copied, and all of them share it.
const SQLITE_READER: &str = "PRAGMA query_only=ON; PRAGMA cache_size=-4096; PRAGMA mmap_size=2147483648;";

/// Nobody else writes, so the writer's own cache stays true from one commit to the next, and it needs no map.
const SQLITE_WRITER: &str = "PRAGMA cache_size=-32768; PRAGMA mmap_size=0;";

const PG_SET_UP: &str = "SET synchronous_commit=on; SET idle_in_transaction_session_timeout='10s'; \
    SET statement_timeout='5s'; SET lock_timeout='1200ms'; SET timezone='UTC'";

/// One setting, as it was read back.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which one.
    pub setting: &'static str,
    /// What it must be.
    pub wanted: &'static str,
    /// What it is.
    pub found: String,
    /// Whether that is right.
    pub right: bool,
}

/// Opens a file that is there.
///
/// # Errors
/// `Error::Setting` that names the path: there is no such file (nothing is made), or it cannot be used.
pub fn open_sqlite(path: &str) -> Result<Conn, Error> {
    must_be_there(path)?;
    establish_sqlite(path)
}

/// Opens the file, making it (mode 0600: `.cargo/config.toml`) and its folder if they are not there.
pub fn create_sqlite(path: &str) -> Result<Conn, Error> {
    make_folder(path).map_err(|why| cannot_open(path, why))?;
    establish_sqlite(path)
}

fn establish_sqlite(path: &str) -> Result<Conn, Error> {
    let mut conn = SqliteConnection::establish(path).map_err(|why| cannot_open(path, why))?;
    conn.batch_execute(SQLITE_SET_UP).map_err(|why| cannot_open(path, why))?;
    use_wal(&mut conn).map_err(|why| cannot_open(path, why))?;
    must_be_private(path).map_err(|why| cannot_open(path, why))?;
    Ok(Conn::Sqlite(conn))
}

/// Opens a file that is there to look at it: nothing is written, neither into it nor beside it.
///
/// A file without a log beside it is in nobody's use, and SQLite would make the log even to read; it is told that the file does not change.
pub fn open_sqlite_to_look(path: &str) -> Result<Conn, Error> {
    must_be_there(path)?;
    must_be_private(path).map_err(|why| cannot_open(path, why))?;
    let file = std::fs::canonicalize(path).map_err(|why| cannot_open(path, why))?.display().to_string();
    let mode = if is_at_rest(&file) { "immutable=1" } else { "mode=ro" };
    let escaped = file.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let mut conn =
        SqliteConnection::establish(&format!("file:{escaped}?{mode}")).map_err(|why| cannot_open(path, why))?;
    conn.batch_execute(SQLITE_SET_UP).map_err(|why| cannot_open(path, why))?;
    conn.batch_execute("PRAGMA query_only=ON")?;
    Ok(Conn::Sqlite(conn))
}

/// Whether no log is beside the file: then nobody has it open.
fn is_at_rest(path: &str) -> bool {
    !std::path::Path::new(&format!("{path}-wal")).exists()
}

/// The journal mode that a file at rest will be opened with: its 20th byte. SQLite itself names another for a file that does not change.
/// To open the file here drops no lock: nobody has it open, and a connection that was told so (`immutable`) holds none.
fn journal_at_rest(path: &str) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(20).read_to_end(&mut head)?;
    Ok(if head.last() == Some(&2) { "wal" } else { "no wal" }.to_owned())
}

fn cannot_open(path: &str, why: impl std::fmt::Display) -> Error {
    Error::Setting(format!("cannot open the SQLite file {path}: {why}"))
}

fn must_be_there(path: &str) -> Result<(), Error> {
    if std::path::Path::new(path).is_file() {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "there is no database {path}: correct database_url, or make it with `aftercare migrate --create`"
    )))
}

fn use_wal(conn: &mut SqliteConnection) -> diesel::QueryResult<()> {
    let (tries, pause) = WAL_TRIES;
    for _ in 1..tries {
        match conn.batch_execute("PRAGMA journal_mode=WAL") {
            Err(why) if why.to_string().contains("locked") => {
                std::thread::sleep(std::time::Duration::from_millis(pause));
            }
            done => return done,
        }
    }
    conn.batch_execute("PRAGMA journal_mode=WAL")
}

/// A connection that reads.
pub fn open_sqlite_reader(path: &str) -> Result<Conn, Error> {
    open_sqlite_for(path, SQLITE_READER)
}

/// The connection that writes.
pub fn open_sqlite_writer(path: &str) -> Result<Conn, Error> {
    open_sqlite_for(path, SQLITE_WRITER)
}

fn open_sqlite_for(path: &str, set_up: &str) -> Result<Conn, Error> {
    let mut conn = open_sqlite(path)?;
    conn.batch_execute(set_up)?;
    Ok(conn)
}

#[derive(QueryableByName)]
struct InstantValue {
    #[diesel(sql_type = ground::sql::Instant)]
    value: ground::time::Stamp,
}

/// What time it is by PostgreSQL's machine.
pub fn server_time(conn: &mut PgConnection) -> Result<ground::time::Stamp, Error> {
    Ok(diesel::sql_query("SELECT clock_timestamp() AS value").get_result::<InstantValue>(conn)?.value)
}

/// What is asked of the line to PostgreSQL, unless the address says otherwise: one that is dead is noticed in seconds, not in the two hours
/// of the system. Seconds; the last in milliseconds.
const PG_LINE: [(&str, u32); 5] = [
    ("connect_timeout", 5),
    ("keepalives_idle", 10),
    ("keepalives_interval", 3),
    ("keepalives_count", 3),
    ("tcp_user_timeout", 15_000),
];

fn with_line_settings(url: &str) -> String {
    let unsaid = PG_LINE.iter().filter(|(name, _)| !url.contains(&format!("{name}=")));
    unsaid.fold(url.to_owned(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}

/// Opens a session on the server.
pub fn open_pg(url: &str) -> Result<Conn, Error> {
    let failed = |why: String| Error::Setting(format!("cannot reach PostgreSQL: {why}"));
    let mut conn = PgConnection::establish(&with_line_settings(url)).map_err(|why| failed(why.to_string()))?;
    conn.batch_execute(PG_SET_UP).map_err(|why| failed(why.to_string()))?;
    Ok(Conn::Pg(conn))
}

/// Opens a session that can only read.
pub fn open_pg_to_look(url: &str) -> Result<Conn, Error> {
    let mut conn = open_pg(url)?;
    conn.batch_execute("SET default_transaction_read_only=on")?;
    Ok(conn)
}

fn make_folder(path: &str) -> std::io::Result<()> {
    match std::path::Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    }
}

/// Refuses a file that others may read. It is looked at by its name: to open it, even for a moment, would drop SQLite's locks.
fn must_be_private(path: &str) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(path)?.permissions().mode() & 0o007 != 0 {
        return Err(std::io::Error::other("everybody on this machine may read or write it; run chmod 600 on it"));
    }
    Ok(())
}

/// Refuses a SQLite that can lose data.
pub fn check_sqlite_version() -> Result<(), Error> {
    let linked = sqlite_version();
    if linked.number < OLDEST_SQLITE {
        return Err(Error::Setting(format!("SQLite {} is too old: 3.51.3 or newer is needed", linked.text)));
    }
    Ok(())
}

struct SqliteVersion {
    number: i32,
    text: String,
}

fn sqlite_version() -> SqliteVersion {
    let text = SqliteConnection::establish(":memory:")
        .ok()
        .and_then(|mut conn| read_text(&mut conn, "SELECT sqlite_version() AS value").ok())
        .unwrap_or_default();
    let mut parts = text.split('.').map(|part| part.parse::<i32>().unwrap_or_default());
    let mut next = || parts.next().unwrap_or_default();
    let number = next() * 1_000_000 + next() * 1_000 + next();
    SqliteVersion { number, text }
}

#[derive(QueryableByName)]
pub struct TextValue {
    #[diesel(sql_type = Text)]
    pub value: String,
}

#[derive(QueryableByName)]
struct IntValue {
    #[diesel(sql_type = Integer)]
    value: i32,
}

fn read_text(conn: &mut SqliteConnection, sql: &str) -> diesel::QueryResult<String> {
    diesel::sql_query(sql).get_result::<TextValue>(conn).map(|row| row.value)
}

/// Which database this is, without its password: for SQLite the file, for PostgreSQL version, database and role.
pub fn describe(conn: &mut Conn, url: &str) -> Result<String, Error> {
    let sql = "SELECT format('PostgreSQL %s, database %s, as %s', current_setting('server_version'), current_database(), \
               current_user) AS value";
    match conn {
        Conn::Sqlite(_) => Ok(format!("the SQLite file {}", super::sqlite_path(url).unwrap_or_default())),
        Conn::Pg(conn) => Ok(diesel::sql_query(sql).get_result::<TextValue>(conn)?.value),
    }
}

/// Every pinned setting of this connection to the database at `url`, read back.
pub fn read_back(conn: &mut Conn, url: &str) -> Result<Vec<Finding>, Error> {
    match conn {
        Conn::Sqlite(conn) => read_back_sqlite(conn, super::sqlite_path(url).unwrap_or_default()),
        Conn::Pg(conn) => read_back_pg(conn),
    }
}

fn read_back_sqlite(conn: &mut SqliteConnection, path: &str) -> Result<Vec<Finding>, Error> {
    let version = sqlite_version();
    let mut findings = vec![Finding {
        setting: "sqlite version",
        wanted: "3.51.3 or newer",
        right: version.number >= OLDEST_SQLITE,
        found: version.text,
    }];
    let journal = if std::fs::canonicalize(path).is_ok_and(|file| is_at_rest(&file.display().to_string())) {
        journal_at_rest(path).map_err(|why| cannot_open(path, why))?
    } else {
        read_text(conn, "SELECT journal_mode AS value FROM pragma_journal_mode")?
    };
    findings.push(Finding { setting: "journal_mode", wanted: "wal", right: journal == "wal", found: journal });
    for (setting, sql, wanted, number) in [
        ("synchronous", "SELECT synchronous AS value FROM pragma_synchronous", "2 (FULL)", 2),
        ("foreign_keys", "SELECT foreign_keys AS value FROM pragma_foreign_keys", "1", 1),
        ("busy_timeout", "SELECT timeout AS value FROM pragma_busy_timeout", "5000", 5000),
        ("trusted_schema", "SELECT trusted_schema AS value FROM pragma_trusted_schema", "0", 0),
        ("secure_delete", "SELECT secure_delete AS value FROM pragma_secure_delete", "1", 1),
    ] {
        let found = diesel::sql_query(sql).get_result::<IntValue>(conn)?.value;
        findings.push(Finding { setting, wanted, right: found == number, found: found.to_string() });
    }
    let check = read_text(conn, "SELECT quick_check AS value FROM pragma_quick_check LIMIT 1")?;
    findings.push(Finding { setting: "quick_check", wanted: "ok", right: check == "ok", found: check });
    Ok(findings)
}

fn read_back_pg(conn: &mut PgConnection) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for (setting, wanted) in [
        ("synchronous_commit", "on"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("data_sync_retry", "off"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("statement_timeout", "5s"),
        ("lock_timeout", "1200ms"),
        ("default_transaction_isolation", "read committed"),
        ("server_encoding", "UTF8"),
    ] {
        let found = diesel::sql_query(format!("SELECT current_setting('{setting}') AS value"))
            .get_result::<TextValue>(conn)?
            .value;
        findings.push(Finding { setting, wanted, right: found == wanted, found });
    }
    Ok(findings)
}

/// Opens and checks the sessions of the pool.
pub struct PgManager {
    /// Where the server is.
    pub url: String,
}

impl r2d2::ManageConnection for PgManager {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn, Error> {
        open_pg(&self.url)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Error> {
        match conn {
            Conn::Pg(conn) => Ok(conn.ping()?),
            Conn::Sqlite(_) => Ok(()),
        }
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        match conn {
            Conn::Pg(conn) => conn.is_broken(),
            Conn::Sqlite(_) => false,
        }
    }
}
