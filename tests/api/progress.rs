//! Adherence over the API: what was expected, and what became of it.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::people::{Enrolled, phone_id};

async fn progress(of: &Enrolled) -> Value {
    of.person.get(&format!("/v1/me/plans/{}/progress", of.plan_id)).await.must(200)
}

fn counted(progress: &Value, kind: &str) -> Value {
    let kinds = progress["kinds"].as_array().unwrap();
    let of = if kind == "total" { &progress["total"] } else { kinds.iter().find(|one| one["kind"] == kind).unwrap() };
    json!(["expected", "done", "back_filled", "partial", "skipped", "missed", "percent"].map(|field| &of[field]))
}

async fn occurrence(of: &Enrolled, date: &str, key: &str) -> String {
    let day = of.person.get(&format!("/v1/me/today?date={date}")).await.must(200);
    let items = day["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["key"] == key).unwrap_or_else(|| panic!("no {key} on {date}"));
    found["occurrence_id"].as_str().unwrap().to_owned()
}

async fn mark(of: &Enrolled, id: &str, state: &str) {
    of.person.put(&format!("/v1/me/occurrences/{id}/mark"), json!({ "state": state })).await.must(200);
}

async fn answer(of: &Enrolled, number: u128, id: &str) {
    let body = json!({ "plan_id": of.plan_id, "occurrence_id": id, "answers": { "redness": 2 } });
    let said = of.person.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await;
    assert!(matches!(said.status, 200 | 201), "{}", said.text());
}

#[tokio::test]
async fn a_line_counts_once_it_is_answered_or_cannot_be_answered_any_more() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.ignore_mails();
    let none = json!([0, 0, 0, 0, 0, 0, null]);
    let begun = progress(&ada).await;
    for kind in ["task", "check_in", "photo", "total"] {
        assert_eq!(counted(&begun, kind), none, "{kind}: nothing was expected yet");
    }
    assert_eq!(begun["as_of"], "2026-03-02T10:00:00Z", "the enrolment");
    app.set_clock("2026-03-02T21:00:00Z");
    answer(&ada, 1, &occurrence(&ada, "2026-03-02", "check-in-evening").await).await;
    let pillowcase = occurrence(&ada, "2026-03-02", "clean-pillowcase").await;
    mark(&ada, &pillowcase, "done").await;
    assert_eq!(counted(&progress(&ada).await, "task"), json!([1, 1, 0, 0, 0, 0, 100]));
    mark(&ada, &pillowcase, "partial").await;
    let evening = progress(&ada).await;
    assert_eq!(counted(&evening, "check_in"), json!([1, 1, 0, 0, 0, 0, 100]));
    assert_eq!(counted(&evening, "task"), json!([1, 0, 0, 1, 0, 0, 50]));
    // The next evening's check-in is answered the morning after: late, and done.
    app.set_clock("2026-03-04T08:00:00Z");
    let late = ada.person.get("/v1/me/today").await.must(200);
    let is_late = |item: &&Value| item["kind"] == "check_in" && item["state"] == "late";
    let late = late["items"].as_array().unwrap().iter().find(is_late).unwrap()["occurrence_id"].clone();
    answer(&ada, 2, late.as_str().unwrap()).await;
    assert_eq!(counted(&progress(&ada).await, "check_in"), json!([2, 2, 1, 0, 0, 0, 100]));
    // A fortnight of silence: what was not answered is missed, and nothing that is still to come is.
    app.set_clock("2026-03-18T12:00:00Z");
    let silent = progress(&ada).await;
    insta::assert_json_snapshot!("progress_after_silence", silent);
    let parts = |kind: &str| counted(&silent, kind).as_array().unwrap().clone();
    for kind in ["task", "check_in", "photo", "total"] {
        let sum: u64 = parts(kind)
            .iter()
            .skip(1)
            .filter_map(Value::as_u64)
            .zip([1, 0, 1, 1, 1, 0])
            .map(|(n, counts)| n * counts)
            .sum();
        assert_eq!(parts(kind)[0], sum, "{kind}");
    }
    let days = ada.person.get(&format!("/v1/me/plans/{}/timeline?from_day=0&limit=100", ada.plan_id)).await.must(200);
    let lines = days["items"].as_array().unwrap().iter().flat_map(|day| day["items"].as_array().unwrap());
    let missed = lines.filter(|item| item["state"] == "missed").count();
    assert_eq!(parts("total")[5], missed, "as many as the timeline shows");
    let theirs = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/progress", ada.plan_id)).await.must(200);
    assert_eq!(theirs, silent, "the clinic sees the same");
}

#[tokio::test]
async fn days_before_the_enrolment_are_not_held_against_anybody() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.ignore_mails();
    let treatment = crate::support::people::face_treatment("2026-02-20");
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", treatment).await;
    assert_eq!(counted(&progress(&ada).await, "total"), json!([0, 0, 0, 0, 0, 0, null]));
    app.set_clock("2026-04-15T12:00:00Z");
    let later = progress(&ada).await;
    let days = ada.person.get(&format!("/v1/me/plans/{}/timeline?from_day=0&limit=100", ada.plan_id)).await.must(200);
    let states: Vec<&Value> = days["items"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|day| day["items"].as_array().unwrap())
        .map(|item| &item["state"])
        .collect();
    let count = |state: &str| states.iter().filter(|one| **one == state).count();
    assert!(count("cancelled") > 10 && count("missed") > 0);
    assert_eq!(counted(&later, "total"), json!([count("missed"), 0, 0, 0, 0, count("missed"), 0]));
}
