//! "24 hours" is an instant where the clinic has said when the treatment was, on the whole way to the patient; and the end of a day where it
//! has not.

use serde_json::{Value, json};

use crate::support::people::{Clinic, Enrolled, Person, face_treatment};
use crate::support::{Shared, TestApp};

/// When the treatment of these tests was: half an hour before they begin.
const PERFORMED_AT: &str = "2026-03-02T09:30:00Z";
/// 24 hours later.
const A_DAY_LATER: &str = "2026-03-03T09:30:00Z";

fn treatment(performed_at: Option<&str>) -> Value {
    let mut treatment = face_treatment("2026-03-02");
    treatment["performed_at"] = json!(performed_at);
    treatment
}

struct Care {
    app: Shared,
    clinic: Clinic,
    ada: Enrolled,
}

impl Care {
    async fn treated(performed_at: Option<&str>) -> Self {
        let app = TestApp::start().await;
        app.set_clock("2026-03-02T10:00:00Z");
        let clinic = app.clinic().await;
        let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", treatment(performed_at)).await;
        app.ignore_mails();
        Self { app, clinic, ada }
    }

    async fn today_at(&self, moment: &str) -> Value {
        self.app.set_clock(moment);
        today(&self.ada.person).await
    }

    async fn order(&self, command: &str, revision: i32, body: Value) -> Value {
        let path = format!("/v1/clinic/plans/{}/{command}", self.ada.plan_id);
        self.clinic.owner.send_if("POST", &path, &format!("\"v{revision}\""), body).await.must(200)
    }
}

async fn today(of: &Person) -> Value {
    of.get("/v1/me/today").await.must(200)
}

fn lines<'t>(today: &'t Value, key: &str) -> Vec<&'t Value> {
    today["items"].as_array().unwrap().iter().filter(|item| item["key"] == key && item["state"] != "late").collect()
}

fn keys_of_restrictions(today: &Value) -> Vec<&str> {
    let items = today["items"].as_array().unwrap().iter();
    items.filter(|item| item["kind"] == "restriction").map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn at_23_hours_sunscreen_is_forbidden_and_at_25_hours_it_is_asked() {
    let care = Care::treated(Some(PERFORMED_AT)).await;
    let path = format!("/v1/clinic/patients/{}/treatments", care.ada.patient_id);
    let treatments = care.clinic.owner.get(&path).await.must(200);
    assert_eq!(treatments["items"][0]["performed_at"], PERFORMED_AT);

    let before = care.today_at("2026-03-03T08:30:00Z").await;
    let rule = lines(&before, "no-sunscreen-yet")[0];
    assert_eq!(
        (&rule["state"], &rule["until_at"], &rule["closes_at"]),
        (&json!("open"), &json!(A_DAY_LATER), &json!(A_DAY_LATER))
    );
    assert_eq!(
        rule["text"],
        "Until then, stay indoors or in the shade. After that, use broad-spectrum sunscreen, SPF 50."
    );
    let task = lines(&before, "sunscreen")[0];
    assert_eq!(
        (&task["state"], &task["opens_at"], &task["from_at"]),
        (&json!("upcoming"), &json!(A_DAY_LATER), &json!(A_DAY_LATER))
    );
    assert_eq!(before["valid_until"], A_DAY_LATER);
    let mark = format!("/v1/me/occurrences/{}/mark", task["occurrence_id"].as_str().unwrap());
    let kept = care.ada.person.put(&mark, json!({ "state": "done" })).await.must(202);
    assert_eq!(kept["why"], "not_open_yet");
    assert_eq!(lines(&today(&care.ada.person).await, "sunscreen")[0]["state"], "upcoming");

    let after = care.today_at("2026-03-03T10:30:00Z").await;
    assert_eq!(lines(&after, "no-sunscreen-yet"), Vec::<&Value>::new());
    assert_eq!(lines(&after, "gel-only"), Vec::<&Value>::new());
    assert_eq!((&after["as_of"], &lines(&after, "sunscreen")[0]["state"]), (&json!(A_DAY_LATER), &json!("open")));
    assert_eq!(lines(&after, "sunscreen")[0]["occurrence_id"], task["occurrence_id"], "the id is that of its day");
    care.ada.person.put(&mark, json!({ "state": "done" })).await.must(200);
    assert_eq!(lines(&today(&care.ada.person).await, "sunscreen")[0]["state"], "done");
    let wash = lines(&after, "first-wash-24")[0];
    assert_eq!((&wash["title"], &wash["state"]), (&json!("First wash"), &json!("open")));
}

#[tokio::test]
async fn without_the_time_everything_is_as_before() {
    let care = Care::treated(None).await;
    for moment in ["2026-03-03T08:30:00Z", "2026-03-03T10:30:00Z", "2026-03-03T23:59:00Z"] {
        let day = care.today_at(moment).await;
        let rule = lines(&day, "no-sunscreen-yet")[0];
        assert_eq!((&rule["until_at"], &rule["allowed_on"]), (&Value::Null, &json!("2026-03-04")));
        assert!(rule["text"].as_str().unwrap().ends_with("From day 2, use broad-spectrum sunscreen, SPF 50."));
        assert_eq!(lines(&day, "sunscreen"), Vec::<&Value>::new());
        assert_eq!(lines(&day, "first-wash-24")[0]["title"], "First wash: from day 2");
        assert_ne!(day["valid_until"], A_DAY_LATER);
    }
    let next = care.today_at("2026-03-04T00:00:00Z").await;
    assert_eq!(lines(&next, "no-sunscreen-yet"), Vec::<&Value>::new());
    assert_eq!(lines(&next, "sunscreen")[0]["state"], "open");
}

#[tokio::test]
async fn a_time_that_cannot_be_is_refused_by_name() {
    let care = Care::treated(None).await;
    let path = format!("/v1/clinic/patients/{}/treatments", care.ada.patient_id);
    // In London midnight of that winter's day is midnight of UTC.
    for (moment, code) in [
        ("2026-03-01T23:59:59Z", "not_on_date"),
        ("2026-03-03T00:00:00Z", "not_on_date"),
        ("2026-03-02T10:00:01Z", "out_of_range"),
        ("2026-03-02", "invalid_value"),
    ] {
        let refused = care.clinic.coordinator.post(&path, treatment(Some(moment))).await;
        refused.must_name("/performed_at", code);
    }
    for (body, pointer, code) in [
        (json!({ "performed_at": "2026-03-01T12:00:00Z" }), "/performed_at", "not_on_date"),
        (json!({ "performed_at": "2026-03-02T12:00:00Z" }), "/performed_at", "out_of_range"),
        (json!({ "performed_at": PERFORMED_AT, "time_unknown": true }), "/time_unknown", "invalid_value"),
    ] {
        let mut body = body;
        body["reason"] = json!("Typed wrong.");
        let path = format!("/v1/clinic/plans/{}/correct", care.ada.plan_id);
        care.clinic.owner.send_if("POST", &path, "\"v1\"", body).await.must_name(pointer, code);
    }
}

#[tokio::test]
async fn a_correction_gives_a_plan_its_time_and_an_undo_takes_it_back() {
    let care = Care::treated(None).await;
    let before = care.today_at("2026-03-03T10:30:00Z").await;
    let body = json!({ "performed_at": PERFORMED_AT, "reason": "The time was missing." });
    let looked = care.order("correct?dry_run=true", 1, body.clone()).await;
    assert_eq!((&looked["changed"], &looked["applied"]), (&json!(true), &json!(false)));
    let removed: Vec<&Value> =
        looked["days"][0]["removed"].as_array().unwrap().iter().map(|line| &line["key"]).collect();
    assert!(removed.contains(&&json!("no-sunscreen-yet")), "{looked}");
    assert_eq!(today(&care.ada.person).await, before);

    care.order("correct", 1, body).await;
    let after = today(&care.ada.person).await;
    assert!(!keys_of_restrictions(&after).contains(&"no-sunscreen-yet"));
    let path = format!("/v1/clinic/plans/{}/revisions", care.ada.plan_id);
    let revisions = care.clinic.owner.get(&path).await.must(200);
    let differs = &revisions["items"][0]["differences"]["performed_at"];
    assert_eq!(differs, &json!({ "before": null, "after": PERFORMED_AT }));
    // Another date, and nothing said of the time: it is not known any more.
    care.order("correct", 2, json!({ "performed_on": "2026-03-01", "reason": "A day before." })).await;
    let path = format!("/v1/clinic/patients/{}/treatments", care.ada.patient_id);
    let stored = |treatments: Value| treatments["items"][0]["performed_at"].clone();
    assert_eq!(stored(care.clinic.owner.get(&path).await.must(200)), Value::Null);
    care.order("undo", 3, json!({ "revision": 3, "reason": "It was right." })).await;
    assert_eq!(stored(care.clinic.owner.get(&path).await.must(200)), PERFORMED_AT);
    care.order("correct", 4, json!({ "time_unknown": true, "reason": "Nobody knows." })).await;
    assert_eq!(stored(care.clinic.owner.get(&path).await.must(200)), Value::Null);
    assert!(keys_of_restrictions(&today(&care.ada.person).await).contains(&"no-sunscreen-yet"));
    care.order("undo", 5, json!({ "revision": 5, "reason": "Found." })).await;
    care.order("undo", 6, json!({ "revision": 2, "reason": "It was not known." })).await;
    assert_eq!(today(&care.ada.person).await["items"], before["items"]);
}

#[tokio::test]
async fn the_hours_of_a_new_session_set_aside_what_the_last_one_asks_until_the_instant() {
    let app = TestApp::start().await;
    app.set_clock("2026-03-02T10:00:00Z");
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-02-20")).await;
    let path = format!("/v1/clinic/patients/{}/treatments", ada.patient_id);
    let second = clinic.coordinator.post(&path, treatment(Some(PERFORMED_AT))).await.must(201);
    let enrolment = json!({ "patient_id": ada.patient_id, "treatment_id": second["id"], "protocol_key": "mn-face" });
    clinic.coordinator.post("/v1/clinic/plans", enrolment).await.must(201);
    let aside = |today: &Value| -> Vec<Value> {
        let all = today["set_aside"].as_array().unwrap().iter();
        all.filter(|one| one["kind"] == "task" && one["plan_id"] == json!(ada.plan_id)).cloned().collect()
    };
    app.set_clock("2026-03-03T08:30:00Z");
    let before = today(&ada.person).await;
    assert_eq!((aside(&before).len(), &before["valid_until"]), (1, &json!(A_DAY_LATER)), "{before}");
    assert_eq!(lines(&before, "no-sunscreen-yet")[0]["until_at"], A_DAY_LATER);
    app.set_clock("2026-03-03T10:30:00Z");
    let after = today(&ada.person).await;
    assert!(aside(&after).is_empty());
    let open: Vec<&Value> = lines(&after, "sunscreen").into_iter().filter(|one| one["state"] == "open").collect();
    assert!(!open.is_empty(), "{after}");
}
