//! A database for each test: a SQLite file, or, with `AFTERCARE_TEST_DATABASE_URL=postgres://...`, a database of that
//! server. Both are copies of one that was migrated once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aftercare::db::{self, migrate};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};
use ground::sql::Conn;

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "the test run is told by its environment which database to use")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The PostgreSQL server to use, if one is named.
pub fn postgres_url() -> Option<String> {
    variable("AFTERCARE_TEST_DATABASE_URL")
}

/// One test's database; gone when it is dropped, unless it is shared.
pub struct Database {
    /// As the product takes it.
    pub url: String,
    cleanup: Cleanup,
    everything: OnceLock<String>,
}

enum Cleanup {
    File(PathBuf),
    Postgres { server: String, name: String },
    Nothing,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Truth {
    #[diesel(sql_type = Bool)]
    value: bool,
}

impl Database {
    /// A new one of the kind that the environment asks for.
    pub fn create() -> Self {
        postgres_url().map_or_else(Self::sqlite, |server| Self::postgres(&server))
    }

    /// A SQLite file that is there, and stays when this is dropped.
    pub fn at(path: &Path) -> Self {
        Self { url: format!("sqlite:{}", path.display()), cleanup: Cleanup::Nothing, everything: OnceLock::new() }
    }

    /// A new SQLite file.
    pub fn sqlite() -> Self {
        let path = folder().join(format!("{}.db", new_name()));
        std::fs::copy(sqlite_template(), &path).unwrap();
        Self { url: format!("sqlite:{}", path.display()), cleanup: Cleanup::File(path), everything: OnceLock::new() }
    }

    /// A new database of the server.
    pub fn postgres(server: &str) -> Self {
        let (template, name) = (postgres_template(server), new_name());
        let mut admin = PgConnection::establish(server).unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
        Self {
            url: on_server(server, &name),
            cleanup: Cleanup::Postgres { server: server.to_owned(), name },
            everything: OnceLock::new(),
        }
    }

    /// The same database for a second node; the first one cleans up.
    pub fn share(&self) -> Self {
        Self { url: self.url.clone(), cleanup: Cleanup::Nothing, everything: OnceLock::new() }
    }

    /// A connection past the product.
    pub fn connect(&self) -> Conn {
        db::connect(&self.url).unwrap()
    }

    /// Runs SQL past the product; `Err` holds the database's words.
    pub fn try_run(&self, sql: &str) -> Result<(), String> {
        match self.connect() {
            Conn::Sqlite(mut c) => c.batch_execute(sql),
            Conn::Pg(mut c) => c.batch_execute(sql),
        }
        .map_err(|why| why.to_string())
    }

    /// Runs SQL past the product.
    pub fn run(&self, sql: &str) {
        self.try_run(sql).unwrap();
    }

    /// Lines of a query with one text column called `value`.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let lines: Vec<Line> = match self.connect() {
            Conn::Sqlite(mut c) => diesel::sql_query(sql).load(&mut c).unwrap(),
            Conn::Pg(mut c) => diesel::sql_query(sql).load(&mut c).unwrap(),
        };
        lines.into_iter().map(|line| line.value).collect()
    }

    /// `true` on SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// An id as the database writes it.
    pub fn id(&self, id: &str) -> String {
        if self.is_sqlite() { format!("x'{}'", id.replace('-', "")) } else { format!("'{id}'::uuid") }
    }

    /// The tables of the product.
    pub fn tables(&self) -> Vec<String> {
        let sql = if self.is_sqlite() {
            "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' \
             AND name NOT LIKE 'sqlite%' ORDER BY 1"
        } else {
            "SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public' \
             AND table_type = 'BASE TABLE' AND table_name NOT LIKE '\\_\\_%' ORDER BY 1"
        };
        self.lines(sql)
    }

    /// The columns of a table.
    pub fn columns(&self, table: &str) -> Vec<String> {
        self.lines(&if self.is_sqlite() {
            format!("SELECT name AS value FROM pragma_table_info('{table}')")
        } else {
            format!(
                "SELECT column_name::text AS value FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
            )
        })
    }

    /// Every row of the table that the condition holds for, as text.
    pub fn rows(&self, table: &str, condition: &str) -> Vec<String> {
        self.lines(&format!("SELECT {} AS value FROM {table} WHERE {condition} ORDER BY 1", self.row_of(table)))
    }

    /// A row as one text.
    fn row_of(&self, table: &str) -> String {
        if self.is_sqlite() {
            let quoted: Vec<String> = self.columns(table).iter().map(|column| format!("quote({column})")).collect();
            quoted.join("||'|'||")
        } else {
            format!("{table}::text")
        }
    }

    /// How many rows.
    pub fn count(&self, table: &str, condition: &str) -> usize {
        self.rows(table, condition).len()
    }

    /// Everything that is stored, a line a row.
    pub fn contents(&self) -> Vec<String> {
        let of_table = |table: &String| Some((table.clone(), "1 = 1".to_owned()));
        self.all_rows(&self.everything, of_table)
    }

    /// Everything that is stored of a clinic.
    pub fn contents_of(&self, clinic: &str) -> Vec<String> {
        let condition = format!("clinic_id = {}", self.id(clinic));
        let of_clinic = |table: &String| {
            let names_clinic = self.columns(table).iter().any(|column| column == "clinic_id");
            names_clinic.then(|| (table.clone(), condition.clone()))
        };
        self.all_rows(&OnceLock::new(), of_clinic)
    }

    /// One query for all tables: a test asks this after each request.
    fn all_rows(&self, known: &OnceLock<String>, wanted: impl Fn(&String) -> Option<(String, String)>) -> Vec<String> {
        let sql = known.get_or_init(|| {
            let tables: Vec<String> = self.tables();
            let of_table = |(table, condition): (String, String)| {
                format!("SELECT '{table}: '||({}) AS value FROM {table} WHERE {condition}", self.row_of(&table))
            };
            let parts: Vec<String> = tables.iter().filter_map(&wanted).map(of_table).collect();
            format!("{} ORDER BY 1", parts.join(" UNION ALL "))
        });
        self.lines(sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.cleanup {
            Cleanup::File(path) => {
                for ending in ["", "-wal", "-shm", "-reserve"] {
                    drop(std::fs::remove_file(format!("{}{ending}", path.display())));
                }
            }
            Cleanup::Postgres { server, name } => {
                if let Ok(mut admin) = PgConnection::establish(server) {
                    drop(admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
                }
            }
            Cleanup::Nothing => {}
        }
    }
}

/// Random: a process id comes back, and may find what a killed test left behind.
fn new_name() -> String {
    let number = u64::from_be_bytes(ground::time::Entropy::System.bytes());
    format!("aftercare_test_{number:016x}")
}

fn on_server(server: &str, database: &str) -> String {
    let (server, parameters) =
        server.split_once('?').map_or((server, String::new()), |(url, rest)| (url, format!("?{rest}")));
    let (server, _) = server.rsplit_once('/').expect("the URL names a database");
    format!("{server}/{database}{parameters}")
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join("aftercare-tests");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Names the schema by its migrations, so that no test runs on an old one.
fn schema_name(kind: &str) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind), &mut files);
    files.sort();
    let mut hasher = std::hash::DefaultHasher::new();
    files.iter().for_each(|path| std::fs::read(path).unwrap().hash(&mut hasher));
    format!("aftercare_template_{:016x}", hasher.finish())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

fn sqlite_template() -> PathBuf {
    let path = folder().join(format!("{}.db", schema_name("sqlite")));
    if !path.exists() {
        let made = folder().join(format!("{}.db", new_name()));
        migrate::run(&mut db::create(&format!("sqlite:{}", made.display())).unwrap()).unwrap();
        std::fs::rename(&made, &path).unwrap();
    }
    path
}

/// Made by the first test that comes, while the others wait.
fn postgres_template(server: &str) -> String {
    const LOCK: i64 = 0x7465_7374;
    let name = schema_name("postgres");
    let mut admin = PgConnection::establish(server).unwrap();
    diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(LOCK).execute(&mut admin).unwrap();
    let there = diesel::sql_query("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1) AS value")
        .bind::<Text, _>(&name)
        .get_result::<Truth>(&mut admin)
        .unwrap();
    if !there.value {
        let half_made = format!("{name}_half_made");
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {half_made}")).unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {half_made}")).unwrap();
        migrate::run(&mut db::connect(&on_server(server, &half_made)).unwrap()).unwrap();
        admin.batch_execute(&format!("ALTER DATABASE {half_made} RENAME TO {name}")).unwrap();
    }
    diesel::sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(LOCK).execute(&mut admin).unwrap();
    name
}
