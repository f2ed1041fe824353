//! Processes that go on: signals, their health from outside, secrets in files, and the demo's address and time.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::database::Database;
use crate::support::process::{Folder, Running, SECRET, command, ended, free_port, run, wait_until_up};

/// Long enough for a signal to have done what it does.
const A_MOMENT: Duration = Duration::from_millis(700);

#[test]
fn a_hangup_ends_neither_the_server_nor_the_worker() {
    let database = Database::create();
    let listen = format!("127.0.0.1:{}", free_port());
    let settings = [("AFTERCARE_DATABASE_URL", database.url.as_str()), ("AFTERCARE_LISTEN", &listen)];
    let mut server = Running::start(command(&["serve"], &settings));
    wait_until_up(&settings);
    let mut worker = Running::start(command(&["worker"], &settings));
    assert!(worker.goes_on(A_MOMENT), "it has begun to work");
    for process in [&mut server, &mut worker] {
        process.signal(Signal::HUP);
        assert!(process.goes_on(A_MOMENT));
        process.signal(Signal::TERM);
    }
    assert_eq!((server.end(), worker.end()), (Some(0), Some(0)));
}

#[test]
fn health_asks_the_address_that_the_server_listens_on() {
    let database = Database::create();
    for (host, local) in [("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]"), ("127.0.0.2", "127.0.0.2")] {
        let port = free_port();
        let listen = format!("{host}:{port}");
        let settings = [("AFTERCARE_DATABASE_URL", database.url.as_str()), ("AFTERCARE_LISTEN", &listen)];
        let (code, said) = run(&["health"], &settings);
        assert!(code == Some(1) && said.contains(&format!("the server at {local}:{port} does not answer")), "{said}");
        let _server = Running::start(command(&["serve"], &settings));
        wait_until_up(&settings);
    }
}

#[test]
fn health_waits_until_requests_are_answered_or_the_time_is_over() {
    let database = Database::create();
    let listen = format!("127.0.0.1:{}", free_port());
    let settings = [("AFTERCARE_DATABASE_URL", database.url.as_str()), ("AFTERCARE_LISTEN", &listen)];
    let (code, said) = run(&["health", "--wait", "1"], &settings);
    assert!(code == Some(1) && said.contains(&format!("the server at {listen} does not answer")), "{said}");
    let _server = Running::start(command(&["serve"], &settings));
    assert_eq!(run(&["health", "--wait", "30"], &settings), (Some(0), "up\n".to_owned()));
}

#[test]
fn every_secret_may_come_from_a_file() {
    let (database, folder) = (Database::create(), Folder::create());
    let [secret, url, empty, missing] = ["secret", "url", "empty", "missing"].map(|name| folder.path(name));
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    std::fs::write(&url, &database.url).unwrap();
    std::fs::write(&empty, "\n").unwrap();
    let with = |settings: &[(&str, &str)]| {
        let mut command = command(&["keys", "list"], settings);
        let usual = [("AFTERCARE_SECRET", "AFTERCARE_SECRET_FILE"), ("AFTERCARE_MAIL", "AFTERCARE_MAIL_FILE")];
        for (value, _) in usual.iter().filter(|(_, file)| settings.iter().any(|(name, _)| name == file)) {
            command.env_remove(value);
        }
        ended(command)
    };
    let mail = folder.path("mail");
    std::fs::write(&mail, format!("folder:{}\r\n", folder.path("mails"))).unwrap();
    let files = [
        ("AFTERCARE_SECRET_FILE", secret.as_str()),
        ("AFTERCARE_DATABASE_URL_FILE", &url),
        ("AFTERCARE_MAIL_FILE", &mail),
    ];
    let (code, said) = with(&files);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = with(&[files[0], ("DATABASE_URL_FILE", &url)]);
    assert_eq!(code, Some(0), "{said}");
    // The key was sealed with the file's secret, without the line's end: the variable opens it.
    assert_eq!(with(&[("AFTERCARE_DATABASE_URL", &database.url)]).0, Some(0));
    for (settings, why) in [
        (&[("AFTERCARE_SECRET_FILE", missing.as_str())][..], "it cannot be read"),
        (&[("AFTERCARE_SECRET_FILE", empty.as_str())], "it is empty"),
        (&[("DATABASE_URL", "sqlite:x"), ("DATABASE_URL_FILE", &url)], "are both set: unset one of them"),
        (&[("AFTERCARE_LISTEN_FILE", &url)], "there is no setting for the variable AFTERCARE_LISTEN_FILE"),
    ] {
        let (code, said) = with(settings);
        assert!(code == Some(1) && said.contains(why) && said.contains(settings[0].0), "{said}");
    }
}

#[test]
fn the_demo_listens_where_the_settings_say_and_does_not_go_back_in_time() {
    let folder = Folder::create();
    let data = folder.path("demo");
    let listen = format!("0.0.0.0:{}", free_port());
    let settings = [("AFTERCARE_LISTEN", listen.as_str())];
    let demo = |more: &[&str]| command(&[&["demo", "--data", &data], more].concat(), &settings);
    let begun = Running::start(demo(&["--at", "2026-06-10T09:00:00Z"]));
    wait_until_up(&settings);
    begun.signal(Signal::KILL);
    assert_eq!(begun.end(), None);
    let address = listen.replace("0.0.0.0", "127.0.0.1");
    let described = std::fs::read_to_string(folder.path("demo/demo.json")).unwrap();
    assert!(described.contains(&format!("\"api\": \"http://{address}\"")), "{described}");
    let database = Database::at(&folder.0.join("demo/aftercare.db"));
    let kept = database.contents();
    let (code, said) = ended(demo(&["--at", "2026-06-10T08:00:00Z"]));
    let is_told = said.contains("is before the time of the demo's data") && said.contains("or give --fresh");
    assert!(code == Some(1) && is_told, "{said}");
    assert!(database.contents() == kept, "nothing changed");
    let (code, said) = run(&["demo", "--data", &data], &[("AFTERCARE_LISTEN", "192.0.2.1:80")]);
    assert!(code == Some(1) && said.contains("the demo listens on this machine"), "{said}");
}
