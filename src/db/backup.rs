//! `aftercare backup` and `aftercare restore`: a whole copy of the SQLite database while the server goes on, and its way back,
//! with a guard that lets no mail from before the restore go out again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};

use super::{is_postgres, migrate, settings, sqlite_path};
use crate::error::Error;
use ground::sql::Conn;
use ground::time::Moment;

/// What a long command tells of its progress, a line each time.
pub type Tell<'a> = &'a dyn Fn(&str);

/// How often a line is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T, Error> {
    Err(Error::Setting(sentence.into()))
}

/// Copies the database as it is now into `to`, checks the copy, and gives its size in bytes. The server may run and write
/// meanwhile. `to` is there whole, or not at all.
pub fn back_up(url: &str, to: &Path, tell: Tell<'_>) -> Result<u64, Error> {
    if is_postgres(url) {
        return refuse(
            "this database is PostgreSQL: back it up with pg_dump --format=custom, or continuously with pg_basebackup and archived WAL",
        );
    }
    let path = sqlite_path(url).unwrap_or_default();
    if !Path::new(path).is_file() {
        return refuse(format!("there is no database {path}"));
    }
    if to.exists() {
        return refuse(format!("{} is there already; a backup is never written over another", to.display()));
    }
    let partial = beside(to, ".partial");
    remove(&partial)?;
    let done = copy_into(path, &partial, tell).and_then(|()| {
        check(&partial)?;
        publish(&partial, to)
    });
    if done.is_err() {
        remove(&partial)?;
    }
    done?;
    Ok(std::fs::metadata(to).map_err(|why| cannot("look at", to, &why))?.len())
}

/// `VACUUM INTO` reads in one snapshot and hinders nobody; a thread beside it tells how far it is.
fn copy_into(path: &str, to: &Path, tell: Tell<'_>) -> Result<(), Error> {
    let mut conn = settings::open_sqlite(path)?;
    let pages = diesel::sql_query("SELECT page_count * page_size AS value FROM pragma_page_count, pragma_page_size")
        .get_result::<Count>(sqlite(&mut conn)?)?
        .value;
    let (done, ended) = std::sync::mpsc::sync_channel(1);
    let target = to.to_path_buf();
    let copying = std::thread::spawn(move || {
        let name = target.display().to_string().replace('\'', "''");
        let result = sqlite(&mut conn).and_then(|c| Ok(c.batch_execute(&format!("VACUUM INTO '{name}'"))?));
        let _ = done.send(());
        result
    });
    while ended.recv_timeout(TELL_EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        let size = std::fs::metadata(to).map_or(0, |found| found.len());
        tell(&format!("copied {} of at most {} MB", size / 1_000_000, pages / 1_000_000));
    }
    copying.join().map_err(|_| Error::internal("the backup stopped", "see the panic message above"))?
}

/// Puts a checked copy where it belongs, on the disk for good; nothing that is there is written over.
fn publish(partial: &Path, to: &Path) -> Result<(), Error> {
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    sync(partial).map_err(|why| cannot("write", partial, &why))?;
    std::fs::hard_link(partial, to).map_err(|why| cannot("write", to, &why))?;
    remove(partial)?;
    sync(folder_of(to)).map_err(|why| cannot("write", to, &why))
}

/// Reads every page and every foreign key of a copy that nobody uses.
fn check(path: &Path) -> Result<(), Error> {
    let mut conn = SqliteConnection::establish(&path.display().to_string())
        .map_err(|why| Error::Setting(format!("{} is no SQLite database: {why}", path.display())))?;
    let damage: String = diesel::sql_query("SELECT integrity_check AS value FROM pragma_integrity_check LIMIT 1")
        .get_result::<settings::TextValue>(&mut conn)
        .map_err(|why| Error::Setting(format!("{} is no SQLite database: {why}", path.display())))?
        .value;
    if damage != "ok" {
        return refuse(format!("{} is damaged: {damage}", path.display()));
    }
    let lost = diesel::sql_query("SELECT count(*) AS value FROM pragma_foreign_key_check")
        .get_result::<Count>(&mut conn)?
        .value;
    if lost > 0 {
        return refuse(format!("{} is damaged: {lost} rows refer to rows that are not there", path.display()));
    }
    Ok(())
}

/// What a restore did.
pub struct Restored {
    /// Mails of the backup that wait no more: they are held until somebody looks.
    pub held: usize,
    /// Where the database that was there before is now.
    pub before: Option<PathBuf>,
    /// Migrations that this release adds to the backup's schema.
    pub migrated: Vec<String>,
}

/// Lets nothing from before a restore go out; gives how many mails it holds.
pub type Guard = fn(&mut Conn, &Moment) -> Result<usize, Error>;

/// A restore that is asked for.
pub struct Restoring<'a> {
    /// The database's address.
    pub url: &'a str,
    /// The backup.
    pub from: &'a Path,
    /// Whether a database that is there is put aside; without it, it is refused.
    pub replace: bool,
    /// What is done to the copy before anybody uses it.
    pub guard: Guard,
}

/// Puts a backup in the place of the database. The server must not run. With `replace`, the database that is there is kept
/// beside it under another name; without, it is refused.
pub fn restore(asked: &Restoring, m: &Moment, tell: Tell<'_>) -> Result<Restored, Error> {
    let Restoring { url, from, replace, .. } = *asked;
    if is_postgres(url) {
        return refuse("this database is PostgreSQL: restore it with pg_restore, then run aftercare restore --guard");
    }
    let path = PathBuf::from(sqlite_path(url).unwrap_or_default());
    if !from.is_file() {
        return refuse(format!("there is no backup {}", from.display()));
    }
    let is_there = path.exists();
    if is_there && !replace {
        return refuse(format!(
            "{} is there already; stop the server and give --replace: it is kept beside the restored one",
            path.display()
        ));
    }
    if is_there {
        must_be_idle(&path)?;
    }
    let partial = beside(&path, ".restoring");
    let done = make_ready(asked, &partial, m, tell);
    if done.is_err() {
        for ending in ["", "-wal", "-shm"] {
            remove(&beside(&partial, ending))?;
        }
    }
    let (migrated, held) = done?;
    let before = is_there.then(|| beside(&path, &format!(".before-restore-{}", m.at.seconds())));
    if let Some(before) = &before {
        std::fs::rename(&path, before).map_err(|why| cannot("move", &path, &why))?;
    }
    publish(&partial, &path)?;
    Ok(Restored { held, before, migrated })
}

/// A checked copy of the backup, as it will stand in the database's place.
fn make_ready(asked: &Restoring, partial: &Path, m: &Moment, tell: Tell<'_>) -> Result<(Vec<String>, usize), Error> {
    remove(partial)?;
    tell("copying the backup");
    copy_privately(asked.from, partial)?;
    tell("checking the copy");
    check(partial)?;
    prepare(partial, asked.guard, m)
}

/// Brings the copy to this release's schema and sets the guard, all in a file that nobody else knows yet.
fn prepare(partial: &Path, guard: Guard, m: &Moment) -> Result<(Vec<String>, usize), Error> {
    let mut conn = settings::open_sqlite(&partial.display().to_string())?;
    let migrated = migrate::run(&mut conn)?;
    let held = guard(&mut conn, m)?;
    // Out of the log and into the one file that is moved.
    leave_wal(sqlite(&mut conn)?)?;
    Ok((migrated, held))
}

/// Only a database that nobody else has open can leave its write-ahead log.
fn must_be_idle(path: &Path) -> Result<(), Error> {
    let mut conn = SqliteConnection::establish(&path.display().to_string())
        .map_err(|why| Error::Setting(format!("cannot open {}: {why}", path.display())))?;
    if leave_wal(&mut conn).is_err() {
        return refuse(format!("{} is in use: stop the server and the workers first", path.display()));
    }
    Ok(())
}

fn leave_wal(conn: &mut SqliteConnection) -> Result<(), Error> {
    Ok(conn.batch_execute("PRAGMA busy_timeout=2000; PRAGMA journal_mode=DELETE")?)
}

fn copy_privately(from: &Path, to: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut source = File::open(from).map_err(|why| cannot("read", from, &why))?;
    let mut target = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(to)
        .map_err(|why| cannot("write", to, &why))?;
    std::io::copy(&mut source, &mut target).map_err(|why| cannot("write", to, &why))?;
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(cannot("remove", path, &why)),
        _ => Ok(()),
    }
}

fn cannot(what: &str, path: &Path, why: &std::io::Error) -> Error {
    Error::Setting(format!("cannot {what} {}: {why}", path.display()))
}

fn sqlite(conn: &mut Conn) -> Result<&mut SqliteConnection, Error> {
    match conn {
        Conn::Sqlite(conn) => Ok(conn),
        Conn::Pg(_) => refuse("this is for SQLite"),
    }
}
