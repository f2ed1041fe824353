//! One address, one record in a clinic; and where two records of one clinic are in one account, they are two persons.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::people::face_treatment;

#[tokio::test]
async fn a_second_record_with_the_same_address_in_one_clinic_is_refused_and_the_other_is_named() {
    let app = TestApp::start().await;
    let (clinic, other) = (app.clinic().await, app.clinic_named("two").await);
    let record = |name: &str, email: &str| json!({ "name": name, "email": email, "zone": "Europe/London" });
    let mother =
        clinic.coordinator.post("/v1/clinic/patients", record("Ada Invented", "ada@home.example")).await.must(201);
    let before = app.database.contents();
    for email in ["ada@home.example", "ADA@Home.Example", " ada@home.example "] {
        let refused = clinic.coordinator.post("/v1/clinic/patients", record("Cyd Invented", email)).await;
        refused.must_be_problem(409, "same_address");
        assert!(refused.text().contains(mother["id"].as_str().unwrap()), "{}", refused.text());
        assert!(!refused.text().contains("Ada Invented"), "{}", refused.text());
    }
    assert_eq!(app.database.contents(), before);
    other.coordinator.post("/v1/clinic/patients", record("Ada Invented", "ada@home.example")).await.must(201);
    let child =
        clinic.coordinator.post("/v1/clinic/patients", record("Cyd Invented", "cyd@home.example")).await.must(201);
    let path = format!("/v1/clinic/patients/{}", child["id"].as_str().unwrap());
    let moved = clinic.coordinator.send_if("PATCH", &path, "\"v1\"", json!({ "email": "ada@home.example" })).await;
    moved.must_be_problem(409, "same_address");
    clinic.coordinator.send_if("PATCH", &path, "\"v1\"", json!({ "email": "cyd@home.example" })).await.must(200);
}

#[tokio::test]
async fn of_records_made_at_once_with_one_address_one_is_there() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let record = json!({ "name": "Ada Invented", "email": "ada@home.example", "zone": "Europe/London" });
    let asks = (0..12).map(|_| clinic.coordinator.post("/v1/clinic/patients", record.clone()));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(asks).await.into_iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 11][..]));
    assert_eq!(app.database.count("patients", "email = 'ada@home.example'"), 1);
}

/// As releases before made them: two records of one clinic in one account.
#[tokio::test]
async fn two_persons_of_one_account_are_never_taken_for_one() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let cyd = clinic.enrol_as(("Cyd", "Europe/London"), "mn-face", face_treatment("2026-03-02")).await;
    let alone = |today: &Value| today["items"].as_array().unwrap().len();
    let hers = alone(&ada.person.get("/v1/me/today").await.must(200));
    let theirs = alone(&cyd.person.get("/v1/me/today").await.must(200));
    app.database.run(
        "UPDATE patients SET account_id = (SELECT a.account_id FROM patients a WHERE a.name = 'Ada Invented') WHERE name = 'Cyd Invented'",
    );
    let both = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(alone(&both), hers + theirs, "no line is shared");
    let items = both["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["plan_ids"].as_array().unwrap().len() == 1), "{both}");
    assert_eq!(both["set_aside"], json!([]));
    let task = |plan: &str| {
        let mine = |item: &&Value| item["plan_ids"] == json!([plan]) && item["key"] == "clean-pillowcase";
        items.iter().find(mine).unwrap().clone()
    };
    app.set_clock("2026-03-02T19:00:00Z");
    let path = format!("/v1/me/occurrences/{}/mark", task(&ada.plan_id)["occurrence_id"].as_str().unwrap());
    assert_eq!(ada.person.put(&path, json!({ "state": "done" })).await.must(200)["state"], "done");
    let after = ada.person.get("/v1/me/today").await.must(200);
    let state = |plan: &str| {
        let mine = |item: &&Value| item["plan_ids"] == json!([plan]) && item["key"] == "clean-pillowcase";
        after["items"].as_array().unwrap().iter().find(mine).unwrap()["state"].clone()
    };
    assert_eq!((state(&ada.plan_id), state(&cyd.plan_id)), (json!("done"), json!("open")));
}
