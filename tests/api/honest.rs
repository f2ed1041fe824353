//! Today keeps its word: until `valid_until` it stays as it is, to the byte, and then it changes; and it says who is watching.

use serde_json::{Value, json};

use crate::offline::two_plans;
use crate::support::TestApp;
use crate::support::http::Reply;
use crate::support::people::{Clinic, Enrolled, Person};

/// Closed over lunch, on Sundays, and on one day in spring.
fn hours() -> Value {
    json!({
        "opening_hours": [
            { "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"], "opens": "09:00", "closes": "13:00" },
            { "weekdays": ["monday", "tuesday", "thursday"], "opens": "14:30", "closes": "17:00" },
            { "weekdays": ["saturday"], "opens": "10:00", "closes": "12:15" }
        ],
        "closed_on": [{ "from_on": "2026-03-31", "to_on": "2026-04-01" }]
    })
}

impl Clinic {
    async fn change(&self, change: Value) -> Reply {
        let tag = self.owner.get("/v1/clinic").await.header("etag").to_owned();
        self.owner.send_if("PATCH", "/v1/clinic", &tag, change).await
    }
}

/// What is said, apart from how long it holds.
fn said(today: &Value) -> Value {
    let mut today = today.clone();
    let fields = today.as_object_mut().unwrap();
    assert!(fields.remove("as_of").is_some() && fields.remove("valid_until").is_some());
    today
}

async fn ask(person: &Person, tag: &str) -> Reply {
    let token = person.token().await;
    person.app.ask("GET", "/v1/me/today").bearer(&token).header("if-none-match", tag).send().await
}

/// Asks Today again and again until a moment, each time a second before `valid_until` and at it, and does a task now and then.
async fn walk(ada: &Enrolled, until: &str) -> Vec<Value> {
    let (app, person) = (&ada.person.app, &ada.person);
    let mut seen = vec![person.get("/v1/me/today").await.must(200)];
    while seen.last().unwrap()["valid_until"].as_str().unwrap() < until {
        if seen.len() % 5 == 0 {
            mark_one(person, seen.last().unwrap()).await;
        }
        let reply = person.get("/v1/me/today").await;
        let (today, tag) = (reply.must(200), reply.header("etag").to_owned());
        let end = crate::support::at(today["valid_until"].as_str().unwrap());
        assert!(end > app.now(), "{today}");
        assert!(crate::support::at(today["as_of"].as_str().unwrap()) <= app.now(), "{today}");
        assert!(app.app.clock.set(end.plus_seconds(-1)));
        let last = person.get("/v1/me/today").await;
        assert!(last.bytes == reply.bytes, "a second before {end} it is another");
        assert_eq!(last.header("etag"), tag);
        assert_eq!(ask(person, &tag).await.status, 304);
        assert!(app.app.clock.set(end));
        let next = ask(person, &tag).await;
        assert_ne!(next.header("etag"), tag, "at {end}");
        let next = next.must(200);
        assert_ne!(said(&next), said(&today), "nothing changes at {end}");
        assert_eq!(next["as_of"], today["valid_until"], "it says that it changed then");
        seen.push(next);
    }
    seen
}

async fn mark_one(person: &Person, today: &Value) {
    let can_be_done = |item: &&Value| {
        ["task", "photo"].contains(&item["kind"].as_str().unwrap())
            && ["open", "late"].contains(&item["state"].as_str().unwrap())
    };
    let Some(item) = today["items"].as_array().unwrap().iter().find(can_be_done) else { return };
    let path = format!("/v1/me/occurrences/{}/mark", item["occurrence_id"].as_str().unwrap());
    person.put(&path, json!({ "state": "done" })).await.must(200);
}

#[tokio::test]
async fn today_holds_until_valid_until_and_no_longer_through_a_week_in_every_kind_of_zone() {
    let mut changes = 0;
    for (start, zone) in [
        ("2026-03-05T15:30:00Z", "America/New_York"), // summer time begins on the 8th
        ("2026-03-26T10:00:00Z", "Europe/London"),    // and here on the 29th; the clinic is closed on the 31st
        ("2026-03-31T22:00:00Z", "Australia/Lord_Howe"), // half an hour back on 5 April
        ("2026-04-09T12:00:00Z", "Asia/Kathmandu"),   // a quarter of an hour off
    ] {
        let app = TestApp::start().await;
        app.set_clock(start);
        let clinic = app.clinic().await;
        clinic.change(hours()).await.must(200);
        let person = clinic.enrol_in("Ada", zone).await;
        let end = app.now().plus_seconds(8 * 86_400).to_string();
        let seen = walk(&person, &end).await;
        let desk = |today: &Value| today["clinics"][0]["staffed_now"].as_bool().unwrap();
        assert!(seen.iter().any(desk) && !seen.iter().all(desk), "{zone}");
        let dates: std::collections::BTreeSet<&str> =
            seen.iter().map(|today| today["date"].as_str().unwrap()).collect();
        assert!(dates.len() >= 8, "{zone}: {dates:?}");
        changes += seen.len();
        app.ignore_mails();
    }
    assert!(changes > 150, "{changes}");
}

#[tokio::test]
async fn today_of_two_plans_that_overlap_keeps_its_word_too() {
    let app = TestApp::start().await;
    let (clinic, ada) = two_plans(&app, "Europe/London").await;
    clinic.change(hours()).await.must(200);
    let seen = walk(&ada, "2026-03-10T12:00:00Z").await;
    assert!(seen.len() > 40, "{}", seen.len());
}

#[tokio::test]
async fn the_clinic_says_when_a_person_looks() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let desk = async || {
        let today = ada.person.get("/v1/me/today").await.must(200);
        let clinic = &today["clinics"][0];
        json!([clinic["monitored"], clinic["staffed_now"], clinic["next_staffed_at"], clinic["until"]])
    };
    assert_eq!(desk().await, json!([true, null, null, null]), "it has not said");
    let changed = clinic.change(hours()).await;
    let wanted = hours();
    assert_eq!(changed.must(200)["opening_hours"], wanted["opening_hours"]);
    assert_eq!(clinic.owner.get("/v1/clinic").await.must(200), changed.json());
    assert_eq!(desk().await, json!([true, true, null, "2026-03-02T13:00:00Z"]), "Monday, 10:00");
    app.set_clock("2026-03-02T13:00:00Z");
    assert_eq!(desk().await, json!([true, false, "2026-03-02T14:30:00Z", null]), "lunch");
    app.set_clock("2026-03-07T12:15:00Z");
    assert_eq!(desk().await, json!([true, false, "2026-03-09T09:00:00Z", null]), "the weekend");
    app.set_clock("2026-03-30T20:00:00Z");
    assert_eq!(desk().await, json!([true, false, "2026-04-02T08:00:00Z", null]), "a holiday, in summer time");
    clinic.change(json!({ "monitored": false })).await.must(200);
    assert_eq!(desk().await, json!([false, false, null, null]), "nobody ever does");
    let today = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(today["clinics"][0]["emergency_number"], "999");
    let silent = clinic.change(json!({ "monitored": true, "opening_hours": [] })).await.must(200);
    assert_eq!((&silent["opening_hours"], &silent["closed_on"]), (&json!([]), &wanted["closed_on"]));
    assert_eq!(desk().await, json!([true, null, null, null]));
    app.ignore_mails();
}

#[tokio::test]
async fn a_check_in_says_who_was_watching_when_it_came_however_often_it_is_sent() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    clinic.change(hours()).await.must(200);
    let ada = clinic.enrol("Ada").await;
    let path = format!("/v1/me/check-ins/{}", crate::support::people::phone_id(1));
    let body = json!({ "plan_id": ada.plan_id, "answers": { "redness": 2 } });
    let first = ada.person.put(&path, body.clone()).await.must(201);
    assert_eq!(first["contact"]["staffed_now"], true);
    app.set_clock("2026-03-02T22:00:00Z");
    assert_eq!(ada.person.put(&path, body).await.must(200), first);
    assert_eq!(ada.person.get(&path).await.must(200), first);
    app.ignore_mails();
}

#[tokio::test]
async fn hours_that_mean_nothing_are_named() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let before = app.database.contents();
    let line =
        |weekdays: Value, opens: &str, closes: &str| json!({ "weekdays": weekdays, "opens": opens, "closes": closes });
    let monday = || json!(["monday"]);
    for (lines, pointer, code) in [
        (vec![line(json!([]), "09:00", "17:00")], "/opening_hours/0/weekdays", "too_short"),
        (vec![line(json!(["moonday"]), "09:00", "17:00")], "/opening_hours/0/weekdays/0", "unknown_value"),
        (vec![line(monday(), "17:00", "09:00")], "/opening_hours/0/closes", "closes_before_opens"),
        (vec![line(monday(), "09:00", "09:00")], "/opening_hours/0/closes", "closes_before_opens"),
        (vec![line(monday(), "9:00", "17:00")], "/opening_hours/0/opens", "impossible_time"),
        (vec![line(monday(), "09:00", "24:01")], "/opening_hours/0/closes", "impossible_time"),
        (vec![line(monday(), "09:00", "+1 06:00")], "/opening_hours/0/closes", "impossible_time"),
        (vec![line(monday(), "09:00", "12:00"), line(monday(), "11:59", "17:00")], "/opening_hours/1", "overlap"),
        (vec![line(json!(["monday", "monday"]), "09:00", "12:00")], "/opening_hours/0", "overlap"),
        ((0..22).map(|_| line(monday(), "09:00", "12:00")).collect(), "/opening_hours", "too_many"),
    ] {
        clinic.change(json!({ "opening_hours": lines })).await.must_name(pointer, code);
    }
    let dates = |from: &str, to: &str| json!({ "from_on": from, "to_on": to });
    for (lines, pointer, code) in [
        (vec![dates("2026-12-26", "2026-12-25")], "/closed_on/0/to_on", "ends_before_start"),
        (vec![dates("2026-02-30", "2026-03-01")], "/closed_on/0/from_on", "impossible_date"),
        ((0..101).map(|_| dates("2026-12-25", "2026-12-25")).collect(), "/closed_on", "too_many"),
    ] {
        clinic.change(json!({ "closed_on": lines })).await.must_name(pointer, code);
    }
    assert_eq!(app.database.contents(), before, "nothing of it is kept");
}

/// What the command line says of new opening hours.
fn create(hours: &str) -> (bool, String, crate::support::database::Database) {
    let database = crate::support::database::Database::create();
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_aftercare"))
        .args(["clinic", "create", "--name", "Invented", "--zone", "Europe/London", "--phone", "+44 20 7946 0000"])
        .args(["--emergency-number", "999", "--out-of-hours", "NHS 111", "--reply-hours", "On weekdays"])
        .args(["--owner-name", "Olga Invented", "--owner-email", "olga@clinic.example", "--hours", hours])
        .env_clear() // the suite's own settings are none of the product's
        .env("AFTERCARE_DATABASE_URL", &database.url)
        .env("AFTERCARE_SECRET", "0123456789 abcdefghijklmnopqrstuvwxyz")
        .env("AFTERCARE_MAIL", format!("folder:{}", std::env::temp_dir().join("aftercare-tests").display()))
        .output()
        .unwrap();
    (made.status.success(), String::from_utf8(made.stderr).unwrap(), database)
}

#[test]
fn a_clinic_is_made_with_its_opening_hours() {
    let (made, said, database) =
        create("mon-thu 09:00-12:30 13:30-17:00, Friday 09:00-13:00,sat 22:00-24:00, sun 00:00-02:00");
    assert!(made, "{said}");
    let kept = database.lines("SELECT CAST(opening_hours AS TEXT) AS value FROM clinics");
    let kept: Value = serde_json::from_str(&kept[0]).unwrap();
    let week = json!(["monday", "tuesday", "wednesday", "thursday"]);
    assert_eq!(
        kept,
        json!([
            { "weekdays": week, "opens": "09:00", "closes": "12:30" },
            { "weekdays": week, "opens": "13:30", "closes": "17:00" },
            { "weekdays": ["friday"], "opens": "09:00", "closes": "13:00" },
            { "weekdays": ["saturday"], "opens": "22:00", "closes": "24:00" },
            { "weekdays": ["sunday"], "opens": "00:00", "closes": "02:00" }
        ])
    );
}

#[test]
fn opening_hours_that_mean_nothing_are_named() {
    for (hours, wrong) in [
        ("", "--hours: ``: must begin with a day of the week"),
        ("09:00-17:00", "`09:00-17:00`: must begin with a day of the week"),
        ("mo 09:00-17:00", "`mo 09:00-17:00`: must begin with a day of the week"),
        ("fri-mon 09:00-17:00", "`fri-mon 09:00-17:00`: must begin with a day of the week"),
        ("mon-fri", "`mon-fri`: must say from when until when"),
        ("mon 9-17", "`mon 9-17`: `9-17` must be two times of day"),
        ("mon 09:00-25:00", "`09:00-25:00` must be two times of day"),
        ("mon 09:00-17:00, sat 13:00-10:00", "`sat 13:00-10:00`: must be later than `opens`"),
        ("mon-fri 09:00-17:00, wed 16:00-18:00", "`wed 16:00-18:00`: it is open then already"),
    ] {
        let said = aftercare::clinics::hours::typed(hours).map_err(|why| format!("--hours: {why}"));
        assert!(said.as_ref().is_err_and(|why| why.contains(wrong)), "{hours}: {said:?}");
    }
    let (made, said, database) = create("mon 09:00-08:00");
    assert!(!made && said.contains("aftercare: --hours: `mon 09:00-08:00`: must be later"), "{said}");
    assert_eq!(database.count("clinics", "1 = 1"), 0);
}

/// What a command says, with these settings alone.
fn command(name: &str, settings: &[(&str, &str)]) -> (bool, String) {
    let database = crate::support::database::Database::create();
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_aftercare"))
        .arg(name)
        .env_clear()
        .env("AFTERCARE_DATABASE_URL", &database.url)
        .env("AFTERCARE_SECRET", "0123456789 abcdefghijklmnopqrstuvwxyz")
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn doctor_remarks_on_a_proxy_that_is_not_declared_and_on_variables_of_kubernetes() {
    let behind = [("AFTERCARE_BASE_URL", "https://care.example"), ("AFTERCARE_LISTEN", "0.0.0.0:8080")];
    let (_, said) = command("doctor", &behind);
    assert!(said.contains("note   proxy: a proxy seems to stand in front: set trusted_proxies"), "{said}");
    let wrong = said.lines().filter(|line| line.starts_with("WRONG")).count();
    let (_, declared) = command("doctor", &[behind[0], behind[1], ("AFTERCARE_TRUSTED_PROXIES", "1")]);
    assert!(!declared.contains("proxy:"), "{declared}");
    assert_eq!(declared.lines().filter(|line| line.starts_with("WRONG")).count(), wrong, "a remark is nothing wrong");
    let (_, said) = command("doctor", &[("AFTERCARE_PORT", "tcp://10.0.0.1:8080")]);
    assert!(said.contains("note   AFTERCARE_PORT: a variable of Kubernetes"), "{said}");
}

#[test]
fn a_variable_that_is_no_setting_is_refused_and_one_that_kubernetes_made_is_not() {
    let kubernetes = [
        ("AFTERCARE_PORT", "tcp://10.0.0.1:8080"),
        ("AFTERCARE_SERVICE_HOST", "10.0.0.1"),
        ("AFTERCARE_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ];
    let (done, said) = command("migrate", &kubernetes);
    assert!(done, "{said}");
    for (name, _) in kubernetes {
        assert!(said.lines().any(|line| line.contains("WARN") && line.contains(name)), "{name}: {said}");
    }
    for (name, value) in [("AFTERCARE_PORT", "8080"), ("AFTERCARE_TRUSTED_PROXY", "1")] {
        let (done, said) = command("migrate", &[(name, value)]);
        assert!(!done && said.contains(&format!("there is no setting for the variable {name}")), "{said}");
    }
    let (done, said) = command("migrate", &[("AFTERCARE_LOG", "verbose")]);
    assert!(!done && said.contains("log must be a level") && said.contains("`verbose`"), "{said}");
}
