//! Backups and restores of the SQLite file, and files that vanish under a running server. PostgreSQL has tools of its own.

use std::path::PathBuf;
use std::time::Duration;

use aftercare::cli::restore::restore;
use aftercare::db::backup;
use aftercare::db::{connect, create};
use aftercare::error::Error;
use ground::time::{Entropy, Moment};
use serde_json::json;

use crate::support::database::Database;
use crate::support::people::phone_id;
use crate::support::{Shared, TestApp, at};

/// A database of its own on SQLite, and where its file is.
async fn start() -> (Shared, PathBuf) {
    let database = Database::sqlite();
    let path = PathBuf::from(database.url.strip_prefix("sqlite:").unwrap());
    (TestApp::start_on(database, |_| ()).await, path)
}

fn beside(path: &std::path::Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

fn quiet(_: &str) {}

/// A file that goes with its test.
struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm", "-reserve"] {
            drop(std::fs::remove_file(beside(&self.0, ending)));
        }
    }
}

#[tokio::test]
async fn a_backup_beside_a_writing_server_holds_all_that_was_acknowledged_and_hinders_nobody() {
    let (app, path) = start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let to = Gone(beside(&path, ".backup"));
    let mut acknowledged = 0;
    for round in 0..3_u128 {
        drop(std::fs::remove_file(&to.0));
        let (url, target) = (app.database.url.clone(), to.0.clone());
        let backing = std::thread::spawn(move || backup::back_up(&url, &target, &quiet));
        let before = acknowledged;
        for number in 0..40 {
            let path = format!("/v1/me/check-ins/{}", phone_id(round * 100 + number));
            ada.person.put(&path, json!({ "plan_id": ada.plan_id, "answers": { "redness": 1 } })).await.must(201);
            acknowledged += 1;
        }
        let bytes = backing.join().unwrap().unwrap();
        assert_eq!(bytes, std::fs::metadata(&to.0).unwrap().len());
        let copy = Database::at(&to.0);
        assert!(copy.count("check_ins", "1 = 1") >= before, "all that was acknowledged before it began");
    }
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&to.0).unwrap().permissions().mode() & 0o777, 0o600);
    // Nothing that was written meanwhile or afterwards is lost: another process opens the same file and finds it.
    let again = TestApp::start_on(app.database.share(), |_| ()).await;
    assert_eq!(again.database.count("check_ins", "1 = 1"), acknowledged);
    let refused = backup::back_up(&app.database.url, &to.0, &quiet).unwrap_err().to_string();
    assert!(refused.contains("never written over"), "{refused}");
    app.ignore_mails();
}

#[tokio::test]
async fn a_restored_database_sends_nothing_old_and_everything_new() {
    let (app, path) = start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let invited = clinic.add_patient("Bea", "Europe/London").await["id"].clone();
    clinic.owner.post_nothing(&format!("/v1/clinic/patients/{}/invitation", invited.as_str().unwrap())).await.must(201);
    let (kept, restored) = (Gone(beside(&path, ".backup")), Gone(beside(&path, ".restored")));
    backup::back_up(&app.database.url, &kept.0, &quiet).unwrap();
    // The evening's reminder and the invitation go out in the time that the backup does not know.
    app.set_clock("2026-03-02T19:30:00Z");
    assert_eq!(app.mails().await.len(), 2);

    let url = format!("sqlite:{}", restored.0.display());
    let m = Moment::new(at("2026-03-02T20:00:00Z"), Entropy::seeded(7));
    let done = restore(&url, &kept.0, false, &m, &quiet).unwrap();
    assert_eq!((done.held, done.before, done.migrated), (1, None, Vec::<String>::new()));
    let after = TestApp::start_on(Database::at(&restored.0), |_| ()).await;
    after.set_clock("2026-03-02T20:05:00Z");
    assert_eq!(after.mails().await.len(), 0, "nothing of what was due before");
    assert_eq!(after.database.count("reminders", "reason = 'restored' AND decision = 'not_mailed'"), 1);
    after.set_clock("2026-03-03T19:30:00Z");
    let mails = after.mails().await;
    assert!(mails.iter().any(|mail| mail.to == ada.email), "and what comes due afterwards goes out");
    let held = after.app.db.read(aftercare::mail::outbox::list_held).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(after.app.db.write(|c| aftercare::mail::outbox::release(c, None)).await.unwrap(), 1);
    assert_eq!(after.mails().await.len(), 1, "what somebody has looked at goes");
    after.ignore_mails();
}

#[tokio::test]
async fn a_restore_refuses_what_is_in_use_in_the_way_or_damaged_and_keeps_what_was_there() {
    let (app, path) = start().await;
    app.clinic().await;
    let (kept, other) = (Gone(beside(&path, ".backup")), Gone(beside(&path, ".other")));
    backup::back_up(&app.database.url, &kept.0, &quiet).unwrap();
    let m = Moment::new(at("2026-03-02T20:00:00Z"), Entropy::seeded(7));
    let says = |url: &str, from: &std::path::Path, replace: bool| match restore(url, from, replace, &m, &quiet) {
        Err(why) => why.to_string(),
        Ok(_) => "restored".to_owned(),
    };
    assert!(says(&app.database.url, &kept.0, false).contains("is there already"));
    assert!(says(&app.database.url, &kept.0, true).contains("is in use"));
    let url = format!("sqlite:{}", other.0.display());
    assert!(says(&url, &beside(&path, ".nothing"), false).contains("there is no backup"));
    let mut bytes = std::fs::read(&kept.0).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0x5a);
    let damaged = Gone(beside(&path, ".damaged"));
    std::fs::write(&damaged.0, bytes).unwrap();
    assert!(says(&url, &damaged.0, false).contains("damaged"), "{}", says(&url, &damaged.0, false));
    assert!(!other.0.exists() && !beside(&other.0, ".restoring").exists(), "nothing half done is left");
    std::fs::copy(&kept.0, &other.0).unwrap();
    assert_eq!(says(&url, &kept.0, true), "restored");
    let before = Gone(beside(&other.0, &format!(".before-restore-{}", m.at.seconds())));
    assert!(before.0.exists(), "what was there is kept");
    let says = backup::back_up("postgres://localhost/x", &kept.0, &quiet).unwrap_err().to_string();
    assert!(says.contains("pg_dump"), "{says}");
}

/// Waits until the database is known to be lost; a server looks four times a second.
async fn falls(app: &TestApp) -> Option<String> {
    tokio::time::timeout(Duration::from_secs(30), app.app.db.health().wait_for_fall()).await.ok()
}

#[tokio::test]
async fn a_server_whose_files_vanish_stops_acknowledging() {
    for (what, harm) in [("-wal", "gone"), ("-wal", "replaced"), ("", "gone"), ("", "replaced"), ("", "read-only")] {
        let (app, path) = start().await;
        app.clinic().await;
        let file = beside(&path, what);
        match harm {
            "gone" => std::fs::remove_file(&file).unwrap(),
            "replaced" => {
                let copy = beside(&path, ".copy");
                std::fs::copy(&file, &copy).unwrap();
                std::fs::rename(&copy, &file).unwrap();
            }
            _ => {
                let mut permissions = std::fs::metadata(&file).unwrap().permissions();
                permissions.set_readonly(true);
                std::fs::set_permissions(&file, permissions).unwrap();
            }
        }
        let written = app.app.db.write(aftercare::auth::store::raise_rights).await;
        assert!(matches!(written, Err(Error::OutcomeUnknown | Error::Busy)), "{what} {harm}: {written:?}");
        let why = falls(&app).await.expect("it is noticed without a write, too");
        assert!(why.contains(harm), "{why}");
        app.ask("GET", "/readyz").send().await.must_be_problem(503, "not_ready");
        app.ignore_mails();
    }
}

#[tokio::test]
async fn a_server_whose_files_vanish_while_nobody_writes_notices_it_by_itself() {
    let (app, path) = start().await;
    app.ask("GET", "/readyz").send().await.must(200);
    std::fs::remove_file(beside(&path, "-wal")).unwrap();
    assert!(falls(&app).await.unwrap().contains("gone"));
}

#[tokio::test]
async fn what_stands_beside_the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (app, path) = start().await;
    for ending in ["", "-wal", "-reserve"] {
        let mode = std::fs::metadata(beside(&path, ending)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{ending}");
    }
    app.ignore_mails();
}

#[test]
fn a_new_file_is_for_its_owner_only_and_one_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let path = Gone(std::env::temp_dir().join(format!("aftercare-private-{}.db", std::process::id())));
    let url = format!("sqlite:{}", path.0.display());
    drop(create(&url).unwrap());
    assert_eq!(std::fs::metadata(&path.0).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path.0, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = connect(&url).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
}
