//! The operator's commands, as processes: what they say, what they leave behind, and how they end.

use std::process::{Command, Output};

use crate::support::database::{Database, variable};

const SECRET: &str = "0123456789 abcdefghijklmnopqrstuvwxyz";

/// A command with these settings and no others.
fn command(words: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aftercare"));
    let mails = std::env::temp_dir().join("aftercare-tests");
    command
        .args(words)
        .env_clear() // the suite's own settings are none of the product's
        .env("AFTERCARE_SECRET", SECRET)
        .env("AFTERCARE_MAIL", format!("folder:{}", mails.display()))
        .envs(settings.iter().copied());
    command
}

/// Its end, and what it said on either channel. A process that a signal ended has no code.
fn ended(output: Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn run_on(database: &Database, words: &[&str]) -> (Option<i32>, String) {
    ended(command(words, &[("AFTERCARE_DATABASE_URL", &database.url)]).output().unwrap())
}

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
    assert_eq!(database.contents(), before, "nothing of it is kept");
    assert_eq!(run_on(&database, &new_clinic("olga@clinic.example", &["--again"])).0, Some(0));
    assert_eq!(
        run_on(&database, &new_clinic("otto@clinic.example", &[])).0,
        Some(0),
        "another owner is another clinic"
    );
    assert_eq!(database.count("clinics", "name = 'Invented'"), 3);
}
