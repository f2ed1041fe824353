//! The operator's commands, as processes: what they say, what they leave behind, and how they end.

use crate::support::database::{Database, postgres_url, variable};
use crate::support::process::{Folder, run, run_on};
use crate::support::{Shared, TestApp};
use diesel::Connection as _;

const NEW_CLINIC: [&str; 14] = [
    "clinic",
    "create",
    "--name",
    "Invented",
    "--zone",
    "Europe/London",
    "--phone",
    "+44 20 7946 0000",
    "--emergency-number",
    "999",
    "--out-of-hours",
    "NHS 111",
    "--reply-hours",
    "On weekdays",
];

fn new_clinic<'a>(owner: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&NEW_CLINIC, ["--owner-name", "Olga Invented", "--owner-email", owner].as_slice(), more].concat()
}

/// `AFTERCARE_TEST_COMMAND_RUNS` raises the number. What a pool did here showed with TLS only, and in one of twenty runs.
#[test]
fn a_command_ends_with_zero_every_time() {
    let runs = variable("AFTERCARE_TEST_COMMAND_RUNS").map_or(10, |runs| runs.parse().unwrap());
    let database = Database::create();
    for run in 0..runs {
        let (code, said) = run_on(&database, &["clinic", "list"]);
        assert_eq!((code, said.as_str()), (Some(0), ""), "run {run}");
    }
    let (code, said) = run_on(&database, &new_clinic("olga@clinic.example", &[]));
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run_on(&database, &["clinic", "list"]);
    assert!(code == Some(0) && said.ends_with("  Europe/London  Invented\n"), "{said}");
}

#[test]
fn the_same_clinic_is_not_made_twice_by_mistake() {
    let database = Database::create();
    assert_eq!(run_on(&database, &new_clinic("olga@clinic.example", &[])).0, Some(0));
    let before = database.contents();
    let (code, said) = run_on(&database, &new_clinic("Olga@clinic.example", &[]));
    assert!(code == Some(1) && said.contains("is there already") && said.contains("give --again"), "{said}");
    let shouted: Vec<&str> = new_clinic("olga@clinic.example", &[])
        .into_iter()
        .map(|word| if word == "Invented" { "INVENTED" } else { word })
        .collect();
    let (code, said) = run_on(&database, &shouted);
    assert!(code == Some(1) && said.contains("is there already"), "{said}");
    assert_eq!(database.contents(), before, "nothing of it is kept");
    assert_eq!(run_on(&database, &new_clinic("olga@clinic.example", &["--again"])).0, Some(0));
    assert_eq!(
        run_on(&database, &new_clinic("otto@clinic.example", &[])).0,
        Some(0),
        "another owner is another clinic"
    );
    assert_eq!(database.count("clinics", "name = 'Invented'"), 3);
}

#[test]
fn support_sees_and_repeats_what_did_not_arrive_and_moves_an_account() {
    let database = Database::create();
    let must = |words: &[&str], part: &str| {
        let (code, said) = run_on(&database, words);
        assert!(code == Some(0) && said.contains(part), "{words:?}: {said}");
        said
    };
    must(&new_clinic("olga@clinic.example", &[]), "invitation: ");
    must(&["mails", "undelivered"], "");
    database.run("UPDATE outbox SET state = 'dead', attempt = 2, outcome = '550 5.7.1 no', settled_at = created_at");
    let line = must(&["mails", "undelivered"], "  dead  member_invitation  tried 2 times  written ");
    assert!(line.ends_with("  550 5.7.1 no\n"), "{line}");
    let id = line.split(' ').next().unwrap();
    let shown = must(&["mails", "show", id], "to:       olga@clinic.example\n");
    assert!(shown.contains("subject:  You are invited to a team") && !shown.contains("invitation#"), "{shown}");
    must(&["mails", "send-again", id, "--reason", "The relay was mended."], "it goes out with the next turn");
    let (code, said) = run_on(&database, &["mails", "send-again", id, "--reason", "Twice."]);
    assert!(
        code == Some(1) && said.contains("only a mail that was given up is sent again; this one is pending"),
        "{said}"
    );
    let nobody = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11";
    for words in [["mails", "show", nobody].as_slice(), &["mails", "send-again", nobody, "--reason", "Lost."]] {
        let (code, said) = run_on(&database, words);
        assert!(code == Some(1) && said.contains("there is no mail 0197f2f0"), "{said}");
    }
    assert_eq!(database.count("events", "kind = 'mail.sent_again' AND reason = 'The relay was mended.'"), 1);

    must(&["clinic", "invite", "--clinic", "Invented", "olga@clinic.example"], "invitation: ");
    let (code, said) = run_on(&database, &["clinic", "invite", "--clinic", "Invented", "otto@clinic.example"]);
    assert!(code == Some(1) && said.contains("there is no account of that address"), "{said}");

    must(
        &["account", "move", "olga@clinic.example", "--to", "Olga.New@clinic.example", "--reason", "Married."],
        "a link is on its way",
    );
    assert_eq!(database.count("outbox", "kind = 'address_change' AND to_address = 'olga.new@clinic.example'"), 1);
    assert_eq!(database.count("events", "kind = 'account.address_change_requested' AND reason = 'Married.'"), 2);
    must(&["account", "disable", "olga@clinic.example", "--reason", "Left."], "disabled");
    let (code, said) =
        run_on(&database, &["account", "move", "olga@clinic.example", "--to", "nowhere", "--reason", "Typed."]);
    assert!(code == Some(1) && said.contains("--to: "), "{said}");
}

#[test]
fn the_audit_is_verified_by_a_command_that_names_what_was_changed() {
    let database = Database::create();
    assert_eq!(run_on(&database, &new_clinic("olga@clinic.example", &[])).0, Some(0));
    let mut c = database.connect();
    c.transaction(aftercare::events::seal::seal).unwrap();
    let (code, said) = run_on(&database, &["audit", "verify"]);
    assert!(code == Some(0) && said.contains(" events, whole, the last hash is "), "{said}");
    let line = said.lines().find(|line| line.starts_with("clinic ")).unwrap();
    let (clinic, hash) = (&line["clinic ".len()..][..36], line.rsplit(' ').next().unwrap());
    let noted = ["audit", "verify", "--clinic", clinic, "--ends-with", hash];
    let (code, said) = run_on(&database, &noted);
    assert_eq!(code, Some(0), "{said}");
    database.run("UPDATE events SET kind = 'clinic.changed' WHERE kind = 'clinic.created'");
    let (code, said) = run_on(&database, &["audit", "verify"]);
    assert!(code == Some(1) && said.contains(&format!("clinic {clinic}: event 1: it, or its hash,")), "{said}");
    database.run("UPDATE events SET kind = 'clinic.created' WHERE kind = 'clinic.changed'");
    let (code, said) = run_on(&database, &["audit", "verify", "--clinic", clinic, "--ends-with", "00"]);
    assert!(code == Some(1) && said.contains("the hash that was noted is not in the chain"), "{said}");
    let nobody = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11";
    let (code, said) = run_on(&database, &["audit", "verify", "--clinic", nobody]);
    assert!(code == Some(1) && said.contains("there is no event of a clinic"), "{said}");
}

#[test]
fn no_command_makes_a_database_at_a_mistyped_path() {
    let folder = Folder::create();
    let path = folder.path("mistyped/aftercare.db");
    let url = format!("sqlite:{path}");
    let settings = [("AFTERCARE_DATABASE_URL", url.as_str()), ("AFTERCARE_LISTEN", "127.0.0.1:0")];
    let copy = folder.path("copy.db");
    let commands: [&[&str]; 11] = [
        &["migrate"],
        &["doctor"],
        &["serve"],
        &["worker"],
        &["clinic", "list"],
        &new_clinic("olga@clinic.example", &[]),
        &["keys", "rotate"],
        &["mails", "held"],
        &["account", "disable", "olga@clinic.example", "--reason", "gone"],
        &["restore", "--guard"],
        &["backup", &copy],
    ];
    for words in commands {
        let (code, said) = run(words, &settings);
        assert!(code == Some(1) && said.contains(&format!("there is no database {path}")), "{words:?}: {said}");
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "{words:?} leaves something behind");
    }
    assert_eq!(run(&["migrate", "--create"], &settings).0, Some(0));
    for words in [["migrate", "--create"].as_slice(), &["migrate"], &["clinic", "list"]] {
        let (code, said) = run(words, &settings);
        assert_eq!(code, Some(0), "{words:?}: {said}");
    }
}

/// Every file of the folder, whole, but for SQLite's shared memory, in which readers say where they are.
fn files(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| !path.to_string_lossy().ends_with("-shm")).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// `doctor` leaves every file as it is, and its lines are given.
fn diagnose(folder: &Folder, secret: &str) -> String {
    let url = format!("sqlite:{}", folder.path("50% #1?.db"));
    let before = files(&folder.0);
    let (_, said) = run(&["doctor"], &[("AFTERCARE_DATABASE_URL", &url), ("AFTERCARE_SECRET", secret)]);
    assert!(files(&folder.0) == before, "doctor wrote something: {said}");
    said
}

#[test]
fn doctor_says_what_it_found_and_writes_nothing() {
    const OTHER: &str = "another secret: 0123456789 abcdefghijkl";
    let folder = Folder::create();
    let url = format!("sqlite:{}", folder.path("50% #1?.db"));
    let settings = [("AFTERCARE_DATABASE_URL", url.as_str())];
    assert_eq!(run(&["migrate", "--create"], &settings).0, Some(0));
    let said = diagnose(&folder, OTHER);
    assert_eq!(files(&folder.0).len(), 1, "the file alone: no log was made to read it");
    assert!(said.contains("ok     journal_mode: wal"), "{said}");
    assert!(said.contains("secret: nothing to prove it on"), "{said}");
    assert_eq!(run(&["keys", "rotate"], &settings).0, Some(0));
    let at_rest = diagnose(&folder, crate::support::process::SECRET);
    // The same while somebody has it open and has written what is not in the file yet.
    let database = Database::at(std::path::Path::new(&folder.path("50% #1?.db")));
    let mut open = database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut open, "CREATE TABLE invented (id INTEGER)").unwrap();
    let in_use = diagnose(&folder, crate::support::process::SECRET);
    for said in [at_rest, in_use] {
        for line in ["database: the SQLite file ", "journal_mode: wal", "quick_check: ok", "schema: this release's"] {
            assert!(said.contains(&format!("ok     {line}")), "{line}: {said}");
        }
        assert!(said.contains("ok     secret: opens all 2 signing keys"), "{said}");
        assert!(said.contains("everything is right"), "{said}");
    }
    let said = diagnose(&folder, OTHER);
    assert!(said.contains("WRONG  secret: secret is not the one that this database was made with"), "{said}");
}

#[test]
fn a_schema_that_a_newer_release_made_is_refused_by_name() {
    let database = Database::create();
    database.run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')");
    let before = database.contents();
    for words in [["migrate"].as_slice(), &["serve"], &["worker"], &["clinic", "list"], &["doctor"]] {
        let settings = [("AFTERCARE_DATABASE_URL", database.url.as_str()), ("AFTERCARE_LISTEN", "127.0.0.1:0")];
        let (code, said) = run(words, &settings);
        let is_refused = said.contains("the schema is newer than this release: it has migration 20990101000000");
        assert!(code == Some(1) && is_refused, "{words:?}: {said}");
    }
    assert_eq!(database.contents(), before);
}

/// The statements of the manual, for this database and its schema.
fn grants(role: &str) -> String {
    let manual = include_str!("../../docs/OPERATIONS.md");
    let (_, rest) = manual.split_once("```sql\n").unwrap();
    let (sql, _) = rest.split_once("```").unwrap();
    assert!(sql.contains("aftercare_server"));
    sql.replace("CREATE ROLE aftercare_server LOGIN PASSWORD '...';", "").replace("aftercare_server", role)
}

#[tokio::test]
async fn a_role_without_the_right_to_change_the_schema_runs_the_server() {
    let Some(server) = postgres_url() else { return }; // SQLite has no roles
    let database = Database::postgres(&server);
    let role = database.url.rsplit('/').next().unwrap().replace("aftercare_test", "aftercare_role");
    database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'invented'"));
    database.run(&grants(&role));
    let (_, address) = database.url.rsplit_once('@').unwrap();
    let limited = format!("postgres://{role}:invented@{address}");
    let run_limited = |words: &[&str]| run(words, &[("AFTERCARE_DATABASE_URL", &limited)]);
    let refused = diesel::Connection::establish(&limited).map(|mut conn: diesel::PgConnection| {
        diesel::connection::SimpleConnection::batch_execute(&mut conn, "CREATE TABLE invented (id INT)")
    });
    assert!(refused.unwrap().unwrap_err().to_string().contains("permission denied"));
    let lines = [["migrate"].as_slice(), &new_clinic("olga@clinic.example", &[]), &["keys", "rotate"], &["doctor"]];
    for words in lines {
        let (code, said) = run_limited(words);
        assert!(code == Some(0) || words == ["doctor"], "{words:?}: {said}");
        assert!(!said.contains("permission denied"), "{words:?}: {said}");
    }
    let app: Shared = TestApp::start_on(database.share(), |config| config.database_url = limited.clone()).await;
    app.ask("GET", "/readyz").send().await.must(200);
    let ada = app.clinic().await.enrol("Ada").await;
    ada.person.get("/v1/me/today").await.must(200);
    app.work().await;
    app.ignore_mails();
    drop(app);
    database.run(&format!("DROP OWNED BY {role}"));
    database.run(&format!("DROP ROLE {role}"));
}
