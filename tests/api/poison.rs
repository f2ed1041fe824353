//! One plan that cannot be planned, one mail that cannot be looked at, a relay that refuses everybody: nobody else waits for them, and the
//! operator is told.

use aftercare::job_failures;
use aftercare::mail::{Failure, Outcome, Phase, Reply};

use crate::support::{Shared, TestApp};

async fn failures(app: &Shared) -> Vec<job_failures::JobFailure> {
    app.app.db.read(job_failures::list).await.unwrap()
}

#[tokio::test]
async fn a_plan_that_cannot_be_planned_is_put_off_and_the_others_are_reminded() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let mut people = Vec::new();
    for number in 0..24 {
        people.push(clinic.enrol(&format!("Person{number}")).await);
    }
    let patient = |number: usize| app.database.id(&people[number].patient_id);
    let plan = |number: usize| app.database.id(&people[number].plan_id);
    app.database.run(&format!("UPDATE patients SET zone = 'Nowhere/Else' WHERE id = {}", patient(3)));
    app.database
        .run(&format!("UPDATE plans SET parameters = '{{\"needle_depth_mm\": \"deep\"}}' WHERE id = {}", plan(7)));
    app.database.run(&format!("UPDATE plans SET overrides = '{{\"not\": \"a list\"}}' WHERE id = {}", plan(11)));
    app.set_clock("2026-03-02T19:00:00Z");
    let mails = app.mails().await;
    let reminded = people.iter().filter(|person| mails.iter().any(|mail| mail.to == person.email)).count();
    assert_eq!(reminded, 21, "all but the three");
    let failed = failures(&app).await;
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert!(failed.iter().all(|failure| failure.failures == 1 && failure.retry_at > app.now()), "{failed:?}");

    // It is tried again with growing pauses, and mended it goes.
    for _ in 0..3 {
        app.pass_seconds(3_600);
        app.work().await;
    }
    let again = failures(&app).await;
    assert!(again.iter().all(|failure| failure.failures > 1), "{again:?}");
    app.database.run(&format!("UPDATE patients SET zone = 'Europe/London' WHERE id = {}", patient(3)));
    app.set_clock("2026-03-03T19:00:00Z");
    app.work().await;
    app.pass_seconds(6 * 3_600 + 60);
    app.work().await;
    assert_eq!(failures(&app).await.len(), 2, "what was mended is off the list");
    app.ignore_mails();
}

#[tokio::test]
async fn a_mail_that_cannot_be_looked_at_is_put_off_and_the_others_go() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(clinic.enrol(&format!("Person{number}")).await);
    }
    app.set_clock("2026-03-02T19:00:00Z");
    aftercare::worker::planner::plan_due(&app.app).await.unwrap();
    let poison = |number: usize, change: &str| {
        let email = &people[number].email;
        app.database.run(&format!("UPDATE outbox SET {change} WHERE to_address = '{email}' AND kind = 'reminder'"));
    };
    poison(2, "context = '{\"link\": 7}'");
    poison(5, "context = '{\"link\": \"javascript:alert(1)\", \"valid_minutes\": null, \"unsubscribe\": true}'");
    poison(8, "message_id = 'not a message id'");
    let id = app.database.id(&people[11].patient_id);
    app.database.run(&format!("UPDATE patients SET zone = 'Nowhere/Else' WHERE id = {id}"));
    let mails = app.mails().await;
    let reached = people.iter().filter(|person| mails.iter().any(|mail| mail.to == person.email)).count();
    assert!(reached >= 16, "{reached} of 20: all but those that cannot be written");
    assert!(failures(&app).await.len() >= 2, "{:?}", failures(&app).await);
    assert_eq!(app.database.count("outbox", "state = 'leased'"), 0, "none holds on to its lease");
    app.ignore_mails();
}

fn refusal(code: u16, enhanced: (u8, u16, u16)) -> Failure {
    let outcome = Outcome::Refused { permanent: code >= 500, reply: Reply { code, enhanced: Some(enhanced) } };
    Failure { phase: Phase::Recipient, outcome, detail: format!("the relay answered {code}") }
}

#[tokio::test]
async fn a_relay_that_refuses_everybody_is_a_fault_of_the_way_and_nobody_is_marked() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(clinic.enrol(&format!("Person{number}")).await);
    }
    for _ in 0..10 {
        app.memory().fail_next(refusal(550, (5, 1, 1)));
    }
    app.set_clock("2026-03-02T19:00:00Z");
    let first = app.mails().await.len();
    assert!(first < 12);
    assert_eq!(app.database.count("patients", "address_refused_at IS NOT NULL"), 0, "nobody is marked");
    assert_eq!(app.database.count("outbox", "state = 'dead'"), 0, "and nothing is given up");
    let told = failures(&app).await;
    assert!(told.iter().any(|failure| failure.job == job_failures::Job::Channel), "{told:?}");
    app.pass_seconds(300);
    assert_eq!(first + app.mails().await.len(), 12, "everything goes within minutes of its return");
    assert_eq!(failures(&app).await.len(), 0, "and the operator need not look any more");
    app.ignore_mails();
}

#[tokio::test]
async fn of_the_class_5_1_only_what_speaks_of_the_recipient_marks_the_address() {
    for (code, enhanced, marks, waits) in [
        (550, (5, 1, 1), true, false),
        (550, (5, 1, 2), true, false),
        (553, (5, 1, 3), true, false),
        (551, (5, 1, 6), true, false),
        (556, (5, 1, 10), true, false),
        (553, (5, 1, 7), false, true),
        (550, (5, 1, 8), false, true),
        (554, (5, 7, 1), false, true),
        (530, (5, 7, 0), false, true),
        (552, (5, 2, 2), false, false),
        (550, (5, 1, 0), false, false),
        (550, (5, 1, 4), false, false),
    ] {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        clinic.enrol("Ada").await;
        app.memory().fail_next(refusal(code, enhanced));
        app.set_clock("2026-03-02T19:00:00Z");
        assert_eq!(app.mails().await.len(), 0);
        let marked = app.database.count("patients", "address_refused_at IS NOT NULL") == 1;
        let waiting = app.database.count("outbox", "state = 'retry'") == 1;
        assert_eq!((marked, waiting), (marks, waits), "{code} {enhanced:?}");
        app.ignore_mails();
    }
}

#[tokio::test]
async fn a_refusal_of_an_old_address_says_nothing_about_the_new_one_and_a_delivery_clears_the_mark() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    clinic.owner.post_nothing(&format!("{path}/invitation")).await.must(201);
    let tag = clinic.owner.get(&path).await.header("etag").to_owned();
    let changed = serde_json::json!({ "email": "right@patients.example" });
    clinic.owner.send_if("PATCH", &path, &tag, changed).await.must(200);
    app.memory().fail_next(refusal(550, (5, 1, 1)));
    assert_eq!(app.mails().await.len(), 0, "the invitation to the old address is withdrawn");
    assert_eq!(app.database.count("outbox", "state = 'withdrawn' AND outcome = 'address_changed'"), 1);
    assert_eq!(app.database.count("patients", "address_refused_at IS NOT NULL"), 0);

    clinic.owner.post_nothing(&format!("{path}/invitation")).await.must(201);
    assert_eq!(app.mails().await.len(), 0, "refused");
    assert_eq!(app.database.count("patients", "address_refused_at IS NOT NULL"), 1);
    clinic.owner.post_nothing(&format!("{path}/invitation")).await.must(201);
    assert_eq!(app.mails().await.len(), 1);
    assert_eq!(app.database.count("patients", "address_refused_at IS NOT NULL"), 0, "it works after all");
}

#[tokio::test]
async fn a_waiting_reminder_goes_to_the_records_address_and_in_its_language_of_the_day() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T19:00:00Z");
    aftercare::worker::planner::plan_due(&app.app).await.unwrap();
    let id = app.database.id(&ada.patient_id);
    app.database.run(&format!("UPDATE patients SET email = 'new@patients.example', locale = 'es' WHERE id = {id}"));
    let mail = app.the_mail().await;
    assert_eq!(mail.to, "new@patients.example");
    assert!(mail.text.contains("Hola"), "{}", mail.text);
}
