//! A phone that was without network while the clinic changed the plan: what it marked is kept, and counts if the line comes back.

use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::people::{Clinic, Enrolled, face_treatment, phone_id};
use crate::support::{Shared, TestApp};

const NOTED: &str = "2026-03-04T10:30:00Z";

struct Care {
    app: Shared,
    clinic: Clinic,
    ada: Enrolled,
}

impl Care {
    /// A patient on the morning of day 2.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        let ada = clinic.enrol("Ada").await;
        app.ignore_mails();
        app.set_clock("2026-03-04T10:30:00Z");
        Self { app, clinic, ada }
    }

    async fn order(&self, command: &str, tag: &str, body: Value) -> Value {
        let path = format!("/v1/clinic/plans/{}/{command}", self.ada.plan_id);
        self.clinic.owner.send_if("POST", &path, tag, body).await.must(200)
    }

    async fn mark(&self, id: &str, state: &str) -> Reply {
        let body = json!({ "state": state, "noted_at": NOTED });
        self.ada.person.put(&format!("/v1/me/occurrences/{id}/mark"), body).await
    }

    /// The line of a date.
    async fn line(&self, key: &str, date: &str) -> Option<Value> {
        let today = self.ada.person.get(&format!("/v1/me/today?date={date}")).await.must(200);
        today["items"].as_array().unwrap().iter().find(|item| item["key"] == key).cloned()
    }

    async fn id(&self, key: &str, date: &str) -> String {
        self.line(key, date).await.unwrap()["occurrence_id"].as_str().unwrap().to_owned()
    }

    async fn unasked(&self) -> Value {
        let path = format!("/v1/clinic/plans/{}/progress", self.ada.plan_id);
        self.clinic.coordinator.get(&path).await.must(200)["late_marks"].clone()
    }

    fn marks(&self) -> usize {
        self.app.database.count("marks", "1 = 1")
    }

    fn kept(&self, id: &str, state: Value, noted_at: &str, received_at: &str) -> Value {
        json!({
            "occurrence_id": id, "plan_id": self.ada.plan_id, "state": state,
            "noted_at": noted_at, "received_at": received_at, "claimed_at": null, "why": null
        })
    }
}

#[tokio::test]
async fn a_mark_on_a_line_that_was_removed_meanwhile_is_kept_and_counts_when_the_line_is_back() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    care.order("override", "\"v1\"", json!({ "remove": "sunscreen", "reason": "Another one first." })).await;
    assert!(care.line("sunscreen", "2026-03-04").await.is_none());
    let (noted, received) = ("2026-03-04T10:30:00Z", "2026-03-04T10:31:00Z");
    care.app.pass_seconds(60);
    let done = care.kept(&id, json!("done"), noted, received);
    assert_eq!(care.mark(&id, "done").await.must(202), done);
    assert_eq!(care.mark(&id, "done").await.must(202), done, "again");
    assert_eq!(care.marks(), 1);
    assert_eq!(care.unasked().await, 1, "the clinic sees that there is something");
    care.order("undo", "\"v2\"", json!({ "revision": 2, "reason": "It does no harm." })).await;
    assert_eq!(care.line("sunscreen", "2026-03-04").await.unwrap()["state"], "done");
    assert_eq!(care.unasked().await, 0);
    assert_eq!(care.mark(&id, "done").await.must(200)["state"], "done");
}

#[tokio::test]
async fn a_mark_that_was_kept_can_be_taken_back() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    care.order("override", "\"v1\"", json!({ "remove": "sunscreen", "reason": "Another one first." })).await;
    care.mark(&id, "done").await.must(202);
    care.app.pass_seconds(60);
    let path = format!("/v1/me/occurrences/{id}/mark");
    let now = "2026-03-04T10:31:00Z";
    assert_eq!(care.ada.person.delete(&path).await.must(202), care.kept(&id, Value::Null, now, now));
    care.order("undo", "\"v2\"", json!({ "revision": 2, "reason": "It does no harm." })).await;
    assert_eq!(care.line("sunscreen", "2026-03-04").await.unwrap()["state"], "open");
}

#[tokio::test]
async fn what_was_marked_in_a_pause_was_done() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    let pause = json!({ "days": "pass", "reason": "A journey." });
    care.order("pause", "\"v1\"", pause).await;
    assert_eq!(care.mark(&id, "done").await.must(200)["state"], "done");
}

#[tokio::test]
async fn what_was_marked_while_its_day_waits_is_not_asked_again() {
    let care = Care::new().await;
    let (id, tomorrow) = (care.id("sunscreen", "2026-03-04").await, care.id("sunscreen", "2026-03-05").await);
    let pause = json!({ "days": "shift", "reason": "A journey." });
    care.order("pause", "\"v1\"", pause).await;
    care.mark(&id, "done").await.must(202);
    let early = care.mark(&tomorrow, "done").await.must(202);
    assert_eq!(early["why"], "not_open_yet", "kept, and it does not count");
    assert_eq!(care.unasked().await, 2);
    care.app.set_clock("2026-03-09T10:00:00Z");
    care.order("resume", "\"v2.on_hold\"", json!({ "reason": "Back again." })).await;
    let line = care.line("sunscreen", "2026-03-09").await.unwrap();
    assert_eq!((&line["occurrence_id"], &line["state"], &line["day"]), (&json!(id), &json!("done"), &json!(2)));
    assert_eq!(care.line("sunscreen", "2026-03-10").await.unwrap()["state"], "upcoming");
}

#[tokio::test]
async fn what_was_done_without_network_before_a_flight_west_is_not_lost() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.ignore_mails();
    let ada = clinic.enrol_in("Ada", "Asia/Tokyo").await;
    // Half past seven in the morning of day 2 in Tokyo.
    app.set_clock("2026-03-03T22:30:00Z");
    let today = ada.person.get("/v1/me/today").await.must(200);
    let line = today["items"].as_array().unwrap().iter().find(|item| item["key"] == "sunscreen").unwrap().clone();
    assert_eq!(line["state"], "open");
    let tag = ada.person.get("/v1/me").await.header("etag").to_owned();
    app.set_clock("2026-03-04T07:00:00Z");
    ada.person.send_if("PATCH", "/v1/me", &tag, json!({ "zone": "America/Los_Angeles" })).await.must(200);
    let path = format!("/v1/me/occurrences/{}/mark", line["occurrence_id"].as_str().unwrap());
    let now = json!({ "state": "done" });
    assert_eq!(ada.person.put(&path, now).await.must(202)["why"], "not_open_yet");
    let noted = json!({ "state": "done", "noted_at": "2026-03-03T22:31:00Z" });
    assert_eq!(ada.person.put(&path, noted).await.must(200)["state"], "done");
}

#[tokio::test]
async fn an_answer_from_where_the_day_of_the_treatment_has_not_begun_is_one_of_day_0() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.ignore_mails();
    // Treated on 2 March in London, where it is ten in the morning; at home it is the evening of the first.
    let ada = clinic.enrol_in("Ada", "Pacific/Pago_Pago").await;
    let body = |at: &str| json!({ "plan_id": ada.plan_id, "answers": { "redness": 9 }, "answered_at": at });
    let path = |id| format!("/v1/me/check-ins/{}", phone_id(id));
    assert_eq!(ada.person.put(&path(1), body("2026-03-02T09:30:00Z")).await.must(201)["day"], 0);
    let earlier = ada.person.put(&path(2), body("2026-03-01T23:00:00Z")).await.must(201);
    assert_eq!((&earlier["clock"], &earlier["answered_at"]), (&json!("adjusted"), &json!("2026-03-02T10:00:00Z")));
    assert_eq!((&earlier["claimed_at"], &earlier["day"]), (&json!("2026-03-01T23:00:00Z"), &json!(0)));
}

#[tokio::test]
async fn of_a_plan_that_never_should_have_been_it_is_kept_too() {
    let care = Care::new().await;
    let id = care.id("sunscreen", "2026-03-04").await;
    care.order("entered-in-error", "\"v1\"", json!({ "reason": "Another patient's." })).await;
    care.mark(&id, "done").await.must(202);
    assert_eq!(care.marks(), 1);
}

#[tokio::test]
async fn what_no_plan_of_the_patient_ever_asked_is_not_found() {
    let care = Care::new().await;
    care.app.mails().await;
    let other = care.clinic.enrol("Ben").await;
    let id = care.id("sunscreen", "2026-03-04").await;
    care.order("override", "\"v1\"", json!({ "remove": "sunscreen", "reason": "Another one first." })).await;
    let body = json!({ "state": "done" });
    let path = |id: &str| format!("/v1/me/occurrences/{id}/mark");
    other.person.put(&path(&id), body.clone()).await.must_be_problem(404, "not_found");
    care.ada.person.put(&path(&phone_id(9)), body).await.must_be_problem(404, "not_found");
    assert_eq!(care.marks(), 0);
}

#[tokio::test]
async fn a_patient_enrolled_late_catches_up_on_what_comes_once() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.ignore_mails();
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-10")).await;
    let today = ada.person.get("/v1/me/today").await.must(200);
    let items = today["items"].as_array().unwrap();
    let back: Vec<Value> = items.iter().filter(|item| !item["late_enrolment"].is_null()).cloned().collect();
    insta::assert_json_snapshot!("late_enrolment_catch_up", back);
    assert!(items.iter().all(|item| item["key"] != "clean-pillowcase"), "it was for the first night");
    let task = back.iter().find(|item| item["kind"] == "task").unwrap();
    let path = format!("/v1/me/occurrences/{}/mark", task["occurrence_id"].as_str().unwrap());
    assert_eq!(ada.person.put(&path, json!({ "state": "done" })).await.must(200)["state"], "done");
    let progress = ada.person.get(&format!("/v1/me/plans/{}/progress", ada.plan_id)).await.must(200);
    assert_eq!(progress["total"]["expected"], 0, "nobody expects it");
    let left = ada.person.get("/v1/me/today").await.must(200);
    assert!(left["items"].as_array().unwrap().iter().all(|item| item["occurrence_id"] != task["occurrence_id"]));
}
