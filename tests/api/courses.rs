//! A course of treatments: each session has its own plan and its own count of days, one Today shows them all, curves do not mix, and
//! "ready for the next session?" is answered with the reasons.

use aftercare::courses;
use serde_json::{Value, json};

use crate::authoring::changed;
use crate::support::http::Reply;
use crate::support::people::{Clinic, Person, face_treatment, phone_id};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp};

/// Ada's course, with the verbs of these tests.
struct Series {
    app: Shared,
    clinic: Clinic,
    patient_id: String,
    ada: Person,
    course: Value,
    protocol: String,
}

impl Series {
    /// Three sessions of the face, four weeks apart: a clinician's approval, the protocol says six.
    async fn of_the_face() -> Self {
        let wish = json!({ "protocol_key": "mn-face", "body_area": "face", "min_interval_days": 28 });
        Self::new(wish).await
    }

    async fn new(wish: Value) -> Self {
        Self::with(wish, None).await
    }

    /// The same, of the clinic's own protocol.
    async fn with(mut wish: Value, document: Option<&str>) -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        if let Some(document) = document {
            clinic.approve(wish["protocol_key"].as_str().unwrap(), document).await;
        }
        let patient = clinic.add_patient("Ada", "Europe/London").await;
        let patient_id = patient["id"].as_str().unwrap().to_owned();
        let ada = clinic.accept(&patient_id).await;
        let ada = app.person(ada, None).await;
        wish["patient_id"] = json!(patient_id);
        let protocol = wish["protocol_key"].as_str().unwrap().to_owned();
        let course = clinic.clinician.post("/v1/clinic/courses", wish).await.must(201);
        app.ignore_mails();
        Self { app, clinic, patient_id, ada, course, protocol }
    }

    fn id(&self) -> &str {
        self.course["id"].as_str().unwrap()
    }

    fn path(&self, end: &str) -> String {
        format!("/v1/clinic/courses/{}{end}", self.id())
    }

    fn treatment(&self, on: &str, more: Value) -> Value {
        let mut body = face_treatment(on);
        body["body_area"] = self.course["body_area"].clone();
        body["course_id"] = json!(self.id());
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    }

    /// Records a treatment as a session of the course.
    async fn record(&self, who: &Person, on: &str, more: Value) -> Reply {
        let path = format!("/v1/clinic/patients/{}/treatments", self.patient_id);
        who.post(&path, self.treatment(on, more)).await
    }

    async fn enrol(&self, treatment: &Value, more: Value) -> Value {
        let mut body = json!({
            "patient_id": self.patient_id, "treatment_id": treatment["id"], "protocol_key": self.protocol
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.clinic.coordinator.post("/v1/clinic/plans", body).await.must(201)
    }

    /// At ten on that day: a session, and its plan.
    async fn session(&self, on: &str) -> (Value, Value) {
        self.app.set_clock(&format!("{on}T10:00:00Z"));
        let treatment = self.record(&self.clinic.coordinator, on, json!({})).await.must(201);
        let plan = self.enrol(&treatment, json!({})).await;
        (treatment, plan)
    }

    /// At noon on that day: Ada answers unasked.
    async fn answer(&self, number: u128, on: &str, plan: &Value, answers: Value) -> Value {
        self.app.set_clock(&format!("{on}T12:00:00Z"));
        let body = json!({ "plan_id": plan["id"], "answers": answers });
        self.ada.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await.must(201)
    }

    async fn readiness(&self) -> Value {
        self.clinic.coordinator.get(&self.path("/readiness")).await.must(200)
    }

    async fn codes(&self) -> Vec<String> {
        let reasons = self.readiness().await["reasons"].clone();
        reasons.as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
    }

    /// A clinician ends every alert.
    async fn resolve_all(&self) {
        let open = self.clinic.owner.get("/v1/clinic/alerts?status=open").await.must(200);
        for alert in open["items"].as_array().unwrap() {
            let path = format!("/v1/clinic/alerts/{}/resolve", alert["id"].as_str().unwrap());
            self.clinic.clinician.send_if("POST", &path, "*", json!({ "resolution": "seen" })).await.must(200);
        }
    }

    async fn healing(&self) -> Value {
        self.clinic.coordinator.get(&self.path("/healing")).await.must(200)
    }
}

/// What a calm face answers from day 8 on.
fn calm() -> Value {
    json!({ "signs": [], "redness": 1, "pain": 0, "itch": 0, "dry_peel": 0, "pigment": 1, "swelling": 0 })
}

/// The points of one symptom in one session, as (day, level, expected).
fn points(healing: &Value, session: usize, symptom: &str) -> Vec<(i64, i64, i64)> {
    let symptoms = healing["sessions"][session]["symptoms"].as_array().unwrap();
    let found = symptoms.iter().find(|one| one["key"] == symptom).unwrap();
    let number = |point: &Value, key: &str| point[key].as_i64().unwrap();
    let points = found["points"].as_array().unwrap().iter();
    points.map(|point| (number(point, "day"), number(point, "level"), number(point, "expected"))).collect()
}

#[tokio::test]
async fn day_30_of_session_2_is_day_2_of_session_3_in_one_today() {
    let series = Series::of_the_face().await;
    assert_eq!(
        series.course,
        json!({
            "id": series.course["id"], "patient_id": series.patient_id, "protocol_key": "mn-face",
            "procedure": "microneedling", "body_area": "face", "sessions": 3, "sessions_done": 0,
            "min_interval_days": 28, "interval_days": 42, "created_by": series.clinic.members[1].to_string(),
            "created_at": "2026-03-02T10:00:00Z", "version": 1
        })
    );
    let (first, one) = series.session("2026-03-02").await;
    assert_eq!(
        first,
        json!({
            "id": first["id"], "patient_id": series.patient_id, "procedure": "microneedling",
            "performed_on": "2026-03-02", "performed_at": null, "body_area": "face",
            "parameters": { "needle_depth_mm": 1.5, "skin_type": "III" },
            "course_id": series.id(), "session": 1, "replaces": null, "interval_overruled": null,
            "recorded_by": series.clinic.members[2].to_string(), "created_at": "2026-03-02T10:00:00Z", "version": 1
        })
    );
    series.answer(1, "2026-03-04", &one, json!({ "redness": 6 })).await;
    let (_, two) = series.session("2026-03-30").await;
    let (_, three) = series.session("2026-04-27").await;
    for (number, plan, redness) in [(2, &one, 0), (3, &two, 1), (4, &three, 3)] {
        series.answer(number, "2026-04-29", plan, json!({ "redness": redness })).await;
    }

    // One Today: three plans, each with its own day and its session.
    let today = series.ada.get("/v1/me/today").await.must(200);
    let plans: Vec<(Value, i64, Value)> = today["plans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| (plan["plan_id"].clone(), plan["day"].as_i64().unwrap(), plan["course"].clone()))
        .collect();
    let place = |session: i32| json!({ "course_id": series.id(), "session": session, "of": 3 });
    let wanted =
        [(one["id"].clone(), 58, place(1)), (two["id"].clone(), 30, place(2)), (three["id"].clone(), 2, place(3))];
    assert_eq!(plans, wanted);
    let lines = today["items"].as_array().unwrap();
    let of_three = |line: &&Value| line["plan_ids"].as_array().unwrap().contains(&three["id"]);
    assert!(lines.iter().filter(of_three).any(|line| line["day"] == 2 && line["kind"] == "check_in"), "{today}");

    // Each check-in belongs to its own session.
    let mine = series.ada.get("/v1/me/check-ins").await.must(200);
    let days: Vec<(&Value, i64)> =
        mine["items"].as_array().unwrap().iter().map(|one| (&one["plan_id"], one["day"].as_i64().unwrap())).collect();
    assert_eq!(days, [(&three["id"], 2), (&two["id"], 30), (&one["id"], 58), (&one["id"], 2)]);
    let healing = series.healing().await;
    // From the next session on, the skin heals from that one.
    assert_eq!(points(&healing, 0, "redness"), [(2, 6, 3)]);
    assert_eq!(points(&healing, 1, "redness"), []);
    assert_eq!(points(&healing, 2, "redness"), [(2, 3, 3)]);

    // The plans say it too, and the list of treatments.
    let mut wanted = three.clone();
    wanted["course"] = place(3);
    assert_eq!(three, wanted);
    let path = format!("/v1/me/plans/{}", three["id"].as_str().unwrap());
    assert_eq!(series.ada.get(&path).await.must(200), three);
    let path = format!("/v1/clinic/patients/{}/treatments", series.patient_id);
    let listed = series.clinic.owner.get(&path).await.must(200);
    let sessions: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|one| &one["session"]).collect();
    assert_eq!(sessions, [3, 2, 1]);
    let fourth = series.record(&series.clinic.coordinator, "2026-04-28", json!({})).await;
    fourth.must_name("/course_id", "course_complete");
}

#[tokio::test]
async fn a_course_takes_what_is_left_out_from_the_protocol() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let wish = |more: Value| {
        let mut body = json!({ "patient_id": patient["id"], "protocol_key": "mn-face", "body_area": "face" });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let make = async |who: &Person, more: Value| who.post("/v1/clinic/courses", wish(more)).await;
    let course = make(&clinic.coordinator, json!({})).await.must(201);
    let asks = |course: &Value| ["sessions", "min_interval_days", "interval_days"].map(|key| course[key].clone());
    assert_eq!(asks(&course), [3, 42, 42]);
    let scalp = json!({ "protocol_key": "mn-scalp", "body_area": "scalp" });
    make(&clinic.coordinator, scalp).await.must_name("/sessions", "missing_field");
    let scalp = json!({ "protocol_key": "mn-scalp", "body_area": "scalp", "sessions": 12 });
    assert_eq!(asks(&make(&clinic.coordinator, scalp).await.must(201)), [12, 7, 28]);
    let longer = make(&clinic.coordinator, json!({ "min_interval_days": 50 })).await.must(201);
    assert_eq!(asks(&longer), [3, 50, 50]);

    let refused = [
        (json!({ "protocol_key": "no-such" }), "/protocol_key", "not_approved"),
        (json!({ "body_area": "scalp" }), "/body_area", "wrong_body_area"),
        (json!({ "sessions": 0 }), "/sessions", "out_of_range"),
        (json!({ "sessions": 101 }), "/sessions", "out_of_range"),
        (json!({ "min_interval_days": 732 }), "/min_interval_days", "out_of_range"),
        (json!({ "interval_days": 41 }), "/interval_days", "out_of_range"),
    ];
    for (more, pointer, code) in refused {
        make(&clinic.coordinator, more).await.must_name(pointer, code);
    }
    let shorter = json!({ "min_interval_days": 28 });
    make(&clinic.coordinator, shorter.clone()).await.must_be_problem(403, "not_allowed");
    assert_eq!(asks(&make(&clinic.clinician, shorter.clone()).await.must(201)), [3, 28, 42]);

    // A change, by the version that was read.
    let path = format!("/v1/clinic/courses/{}", course["id"].as_str().unwrap());
    let patch = async |who: &Person, tag: &str, body: Value| who.send_if("PATCH", &path, tag, body).await;
    assert!(clinic.coordinator.get(&path).await.header("etag").starts_with("\"v1."));
    patch(&clinic.coordinator, "\"v9\"", json!({ "sessions": 4 })).await.must_be_problem(412, "stale");
    patch(&clinic.coordinator, "\"v1\"", shorter.clone()).await.must_be_problem(403, "not_allowed");
    let changed = patch(&clinic.coordinator, "\"v1\"", json!({ "sessions": 4, "interval_days": 49 })).await;
    assert_eq!(
        (asks(&changed.must(200)), changed.version_tag()),
        ([json!(4), json!(42), json!(49)], "\"v2\"".to_owned())
    );
    let changed = patch(&clinic.clinician, "\"v2\"", shorter).await.must(200);
    assert_eq!(asks(&changed), [4, 28, 49]);
    let listed = clinic.owner.get(&format!("/v1/clinic/courses?patient_id={}", patient["id"].as_str().unwrap())).await;
    assert_eq!(listed.must(200)["items"].as_array().unwrap().len(), 4);
    assert_eq!(app.database.count("events", "kind IN ('course.made', 'course.changed')"), 6);
}

#[tokio::test]
async fn more_sessions_are_told_to_the_plans_that_run() {
    let series = Series::of_the_face().await;
    let (_, plan) = series.session("2026-03-02").await;
    let path = series.path("");
    let tag = series.clinic.owner.get(&path).await.header("etag").to_owned();
    assert!(tag.starts_with("\"v2."), "a session is a change of the course: {tag}");
    let patch = async |tag: &str, body: Value| series.clinic.owner.send_if("PATCH", &path, tag, body).await;
    patch("\"v9\"", json!({ "sessions": 0 })).await.must_name("/sessions", "out_of_range");
    patch(&tag, json!({ "min_interval_days": 43 })).await.must_name("/interval_days", "out_of_range");
    patch(&tag, json!({ "sessions": 5 })).await.must(200);
    let told = series.ada.get(&format!("/v1/me/plans/{}", plan["id"].as_str().unwrap())).await;
    assert_eq!(told.must(200)["course"], json!({ "course_id": series.id(), "session": 1, "of": 5 }));
    assert!(told.header("etag").starts_with("\"v2."), "{}", told.header("etag"));
}

#[tokio::test]
async fn a_session_that_does_not_fit_is_refused_and_named() {
    let series = Series::of_the_face().await;
    series.session("2026-03-02").await;
    series.app.set_clock("2026-03-29T10:00:00Z");
    let before = series.app.database.contents();
    let (coordinator, clinician) = (&series.clinic.coordinator, &series.clinic.clinician);
    let refused = [
        ("2026-03-29", json!({ "procedure": "laser" }), "/procedure", "wrong_procedure"),
        ("2026-03-29", json!({ "body_area": "scalp" }), "/body_area", "wrong_body_area"),
        ("2026-03-29", json!({ "course_id": phone_id(1) }), "/course_id", "unknown_value"),
        ("2026-03-29", json!({ "replaces": phone_id(1) }), "/replaces", "unknown_value"),
        ("2026-03-29", json!({ "replaces": 7 }), "/replaces", "wrong_type"),
        ("2026-03-29", json!({}), "/performed_on", "too_soon"),
        ("2026-03-02", json!({}), "/performed_on", "out_of_order"),
        ("2026-03-01", json!({ "overrule_interval": "Seen." }), "/performed_on", "out_of_order"),
        ("2026-03-29", json!({ "course_id": null, "overrule_interval": "Seen." }), "/overrule_interval", "not_wanted"),
    ];
    for (on, more, pointer, code) in refused {
        series.record(clinician, on, more).await.must_name(pointer, code);
    }
    let seen = json!({ "overrule_interval": "Seen today: it is calm." });
    series.record(coordinator, "2026-03-29", seen.clone()).await.must_be_problem(403, "not_allowed");
    assert_eq!(series.app.database.contents(), before);
    let early = series.record(clinician, "2026-03-29", seen).await.must(201);
    assert_eq!(
        (early["session"].as_i64(), early["interval_overruled"].as_str()),
        (Some(2), Some("Seen today: it is calm."))
    );

    // In time, a reason is not needed, and not kept.
    series.app.set_clock("2026-04-26T10:00:00Z");
    let seen = json!({ "overrule_interval": "Seen." });
    let third = series.record(coordinator, "2026-04-26", seen).await.must(201);
    assert_eq!((third["session"].as_i64(), &third["interval_overruled"]), (Some(3), &Value::Null));
    let fewer = coordinator.send_if("PATCH", &series.path(""), "*", json!({ "sessions": 2 })).await;
    fewer.must_name("/sessions", "out_of_range");
}

#[tokio::test]
async fn a_redo_takes_the_place_of_what_it_replaces() {
    let series = Series::of_the_face().await;
    let (first, old) = series.session("2026-03-02").await;
    series.answer(1, "2026-03-03", &old, json!({ "redness": 5 })).await;
    series.app.set_clock("2026-03-04T10:00:00Z");
    let coordinator = &series.clinic.coordinator;
    let again = json!({ "replaces": first["id"], "course_id": null });
    let redo = series.record(coordinator, "2026-03-04", again.clone()).await.must(201);
    assert_eq!(
        [&redo["course_id"], &redo["session"], &redo["replaces"], &redo["interval_overruled"]],
        [&json!(series.id()), &json!(1), &first["id"], &Value::Null]
    );
    series.record(coordinator, "2026-03-04", again).await.must_name("/replaces", "replaced_already");
    let new = series.enrol(&redo, json!({})).await;
    assert_eq!(new["course"], json!({ "course_id": series.id(), "session": 1, "of": 3 }));
    let course = coordinator.get(&series.path("")).await.must(200);
    assert_eq!((course["sessions_done"].as_i64(), course["version"].as_i64()), (Some(1), Some(3)));

    // The interval counts from the redo, and the curve is its own.
    assert_eq!(series.readiness().await["earliest_on"], "2026-04-01");
    let healing = series.healing().await;
    assert_eq!(healing["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(healing["sessions"][0]["plan_id"], new["id"]);
    assert_eq!(points(&healing, 0, "redness"), []);

    // Between two sessions a redo keeps its distance from both.
    series.session("2026-04-01").await;
    let late = json!({ "replaces": redo["id"] });
    series.record(coordinator, "2026-03-05", late.clone()).await.must_name("/performed_on", "too_soon");
    series.record(coordinator, "2026-04-01", late).await.must_name("/performed_on", "out_of_order");

    // Outside of a course a treatment can be done again as well.
    let path = format!("/v1/clinic/patients/{}/treatments", series.patient_id);
    let alone = coordinator.post(&path, face_treatment("2026-03-20")).await.must(201);
    let mut again = face_treatment("2026-03-21");
    again["replaces"] = alone["id"].clone();
    let again = coordinator.post(&path, again).await.must(201);
    assert_eq!([&again["course_id"], &again["replaces"]], [&Value::Null, &alone["id"]]);
    let mut wrong = series.treatment("2026-03-21", json!({}));
    wrong["replaces"] = again["id"].clone();
    coordinator.post(&path, wrong).await.must_name("/replaces", "wrong_course");
}

/// What a healthy face says on the day of a needling, and two days after it.
fn fresh(level: i32) -> Value {
    json!({ "signs": [], "redness": level, "pain": 4, "swelling": 3, "worry": "none", "wants_call": false })
}

#[tokio::test]
async fn what_is_common_is_what_the_newest_treatment_of_the_area_makes_common() {
    let series = Series::of_the_face().await;
    let (_, one) = series.session("2026-03-02").await;
    series.answer(1, "2026-03-02", &one, fresh(6)).await;
    series.answer(2, "2026-03-09", &one, calm()).await;
    let (_, two) = series.session("2026-04-13").await;
    let (_, three) = series.session("2026-05-25").await;
    // Session 1 is at day 84, where redness 6 and pain 4 would be a reason to call.
    for (number, plan) in (3..).zip([&one, &two, &three]) {
        let told = series.answer(number, "2026-05-25", plan, fresh(6)).await;
        assert_eq!((&told["urgency"], &told["advice"]["reasons"]), (&Value::Null, &json!([])), "{told}");
    }
    assert_eq!(series.app.database.count("alerts", "1 = 1"), 0, "who heals as expected raises nothing");
    // What is too much for the newest one is too much, in whichever plan it is said; and a sign is a sign.
    let high = series.answer(6, "2026-05-25", &one, fresh(9)).await;
    assert_eq!(high["advice"]["reasons"][0]["rule"], "R1");
    assert_eq!(high["advice"]["reasons"][0]["text"], "Redness or change in colour 9 on day 0; usual 6");
    let pus = series.answer(7, "2026-05-26", &one, json!({ "signs": ["F6"], "redness": 5 })).await;
    assert_eq!((&pus["urgency"], &pus["advice"]["reasons"][0]["rule"]), (&json!("urgent"), &json!("F6")));
    // How session 1 healed is not moved by session 3.
    let healing = series.healing().await;
    assert_eq!(points(&healing, 0, "redness").iter().map(|point| point.0).collect::<Vec<i64>>(), [0, 7]);
}

#[tokio::test]
async fn another_area_or_another_clinic_changes_what_is_common_only_where_it_was_treated() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let (clinic, other) = (app.clinic().await, app.clinic_named("two").await);
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-04-20T10:00:00Z");
    let elsewhere = other.enrol_as(("Ada", "Europe/London"), "mn-face", face_treatment("2026-04-20")).await;
    assert_eq!(ada.person.account, elsewhere.person.account);
    let answer = async |number: u128, plan: &str| {
        let body = json!({ "plan_id": plan, "answers": fresh(6) });
        ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await.must(201)
    };
    app.set_clock("2026-04-20T12:00:00Z");
    assert_eq!(answer(1, &ada.plan_id).await["urgency"], Value::Null, "the other clinic treated the same face today");
    app.set_clock("2026-06-20T12:00:00Z");
    assert_eq!(answer(2, &ada.plan_id).await["urgency"], "urgent", "two months later it does not");
}

#[tokio::test]
async fn readiness_is_answered_with_every_reason() {
    let series = Series::of_the_face().await;
    let nothing = |session: Value, ready: bool| {
        json!({
            "course_id": series.id(), "session": session, "of": 3, "ready": ready, "as_of": "2026-03-02T10:00:00Z",
            "valid_until": "2026-03-03T00:00:00Z", "earliest_on": null, "reasons": []
        })
    };
    assert_eq!(series.readiness().await, nothing(json!(1), true), "nothing was before the first");

    // On the day of the first session: too soon, and nobody knows.
    let (_, one) = series.session("2026-03-02").await;
    assert_eq!(
        series.readiness().await,
        json!({
            "course_id": series.id(), "session": 2, "of": 3, "ready": false, "as_of": "2026-03-02T10:00:00Z",
            "valid_until": "2026-03-03T00:00:00Z", "earliest_on": "2026-03-30",
            "reasons": [
                {
                    "code": "interval", "until_on": "2026-03-29", "alert_ids": [],
                    "detail": "Session 1 was on 2026-03-02; the next one is at least 28 days later, on 2026-03-30 or after."
                },
                {
                    "code": "not_answered", "until_on": null, "alert_ids": [],
                    "detail": "Not answered for the last 7 days: signs, redness, swelling, pain, pigment. The patient can send a check-in at any time."
                }
            ]
        })
    );

    // A sign and a level, with the alerts that they raise.
    let mut red = calm();
    (red["redness"], red["signs"]) = (json!(4), json!(["F6"]));
    series.answer(1, "2026-03-31", &one, red).await;
    let readiness = series.readiness().await;
    let open = series.clinic.owner.get("/v1/clinic/alerts?status=open").await.must(200);
    let mut alerts: Vec<&Value> = open["items"].as_array().unwrap().iter().map(|alert| &alert["id"]).collect();
    alerts.sort_by_key(|id| id.to_string());
    assert!(alerts.len() >= 2, "{open}");
    assert_eq!(
        readiness["reasons"],
        json!([
            {
                "code": "open_alert", "until_on": null, "alert_ids": alerts,
                "detail": format!("{} alerts of this course have not ended.", alerts.len())
            },
            {
                "code": "not_calm", "until_on": null, "alert_ids": [],
                "detail": "By the latest answers the skin is not calm: redness is 4 (calm: 1 or less); signs that were answered yes: F6."
            }
        ])
    );

    // Somebody ends the alerts, and the skin comes to rest: ready.
    series.resolve_all().await;
    assert_eq!(series.codes().await, ["not_calm"]);
    series.answer(2, "2026-04-01", &one, calm()).await;
    let ready = series.readiness().await;
    assert_eq!(
        (ready["ready"].as_bool(), &ready["reasons"], &ready["earliest_on"]),
        (Some(true), &json!([]), &json!("2026-03-30"))
    );

    // A newer answer counts for its own question only, and all of them grow old.
    series.answer(3, "2026-04-03", &one, json!({ "pain": 2 })).await;
    assert_eq!(series.codes().await, ["open_alert", "not_calm"]);
    series.resolve_all().await;
    series.answer(4, "2026-04-04", &one, json!({ "pain": 1 })).await;
    assert_eq!(series.codes().await, Vec::<String>::new());
    series.app.set_clock("2026-04-08T22:59:59Z");
    assert_eq!(series.readiness().await["valid_until"], "2026-04-08T23:00:00Z");
    assert_eq!(series.codes().await, Vec::<String>::new(), "seven days old");
    series.app.set_clock("2026-04-08T23:00:00Z");
    assert_eq!(series.codes().await, ["not_answered"], "and older: it is the ninth in London");

    // The next session waits for a clinician.
    series.app.set_clock("2026-04-09T10:00:00Z");
    let infected = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "III", "active_infection": true } });
    let second = series.record(&series.clinic.coordinator, "2026-04-09", infected).await.must(201);
    let plan = series.enrol(&second, json!({ "send_to_clinician": true })).await;
    assert_eq!(series.codes().await, ["interval", "open_alert", "waits_for_clinician", "not_answered"]);
    let start = format!("/v1/clinic/plans/{}/start", plan["id"].as_str().unwrap());
    series.clinic.clinician.send_if("POST", &start, "\"v1\"", json!({ "reason": "It has healed." })).await.must(200);
    assert_eq!(series.codes().await, ["interval", "open_alert", "not_answered"]);

    // After the last one there is no next.
    series.session("2026-05-07").await;
    let mut over = nothing(Value::Null, false);
    over["reasons"] = json!([{
        "code": "course_complete", "detail": "All 3 sessions have been done.", "until_on": null, "alert_ids": []
    }]);
    (over["as_of"], over["valid_until"]) = (json!("2026-05-06T23:00:00Z"), json!("2026-05-07T23:00:00Z"));
    assert_eq!(series.readiness().await, over);
}

#[tokio::test]
async fn readiness_and_healing_are_told_once_and_again_when_they_are_different() {
    let series = Series::of_the_face().await;
    let (_, one) = series.session("2026-03-02").await;
    let mine = format!("/v1/me/courses/{}/readiness", series.id());
    let theirs = [series.path("/readiness"), series.path("/healing")];
    let paths =
        [(&series.ada, &mine), (&series.clinic.coordinator, &theirs[0]), (&series.clinic.coordinator, &theirs[1])];
    let mut tags = Vec::new();
    for (person, path) in paths {
        let reply = person.get(path).await;
        reply.must(200);
        tags.push(reply.header("etag").to_owned());
    }
    let known = |tags: Vec<String>| async move {
        let mut statuses = Vec::new();
        for ((person, path), tag) in paths.into_iter().zip(&tags) {
            let token = person.token().await;
            statuses.push(person.app.ask("GET", path).bearer(&token).header("if-none-match", tag).send().await.status);
        }
        statuses
    };
    assert_eq!(known(tags.clone()).await, [304, 304, 304]);
    series.app.pass_seconds(7);
    assert_eq!(known(tags.clone()).await, [304, 304, 304], "later the same day they say the same");
    series.answer(1, "2026-03-02", &one, calm()).await;
    assert_eq!(known(tags).await, [200, 200, 200], "an answer came");
}

#[tokio::test]
async fn the_patient_is_told_in_plain_words() {
    let series = Series::of_the_face().await;
    let (_, one) = series.session("2026-03-02").await;
    let mut red = calm();
    red["redness"] = json!(9);
    series.answer(1, "2026-03-12", &one, red).await;
    let path = format!("/v1/me/courses/{}/readiness", series.id());
    assert_eq!(
        series.ada.get(&path).await.must(200),
        json!({
            "course_id": series.id(), "session": 2, "of": 3, "ready": false, "as_of": "2026-03-12T00:00:00Z",
            "valid_until": "2026-03-13T00:00:00Z", "earliest_on": "2026-03-30",
            "text": "Your next session has to wait for now. Your clinic decides.",
            "reasons": [
                { "code": "interval", "text": "Your skin needs time: the next session can be on 30 March 2026 or later." },
                { "code": "open_alert", "text": "Your clinic is still looking at something in your plan." },
                { "code": "not_calm", "text": "By your latest answers, your skin is not calm yet." }
            ]
        })
    );
    let token = series.ada.token().await;
    let spanish = series.app.ask("GET", &path).bearer(&token).header("accept-language", "es-MX").send().await.must(200);
    assert_eq!(spanish["text"], "De momento, su próxima sesión tiene que esperar. Decide su clínica.");
    assert_eq!(
        spanish["reasons"][0]["text"],
        "La piel necesita tiempo: la próxima sesión puede ser a partir del 30 de marzo de 2026."
    );
    series.app.mails().await;
    let bea = series.clinic.add_patient("Bea", "Europe/London").await;
    let bea = series.clinic.accept(bea["id"].as_str().unwrap()).await;
    let bea = series.app.person(bea, None).await;
    bea.get(&path).await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn healing_compares_the_sessions() {
    let series = Series::of_the_face().await;
    let (first, one) = series.session("2026-03-02").await;
    let levels = [("2026-03-03", 6), ("2026-03-05", 1), ("2026-03-07", 2), ("2026-03-09", 1), ("2026-03-12", 0)];
    for (number, (on, redness)) in (1..).zip(levels) {
        series.answer(number, on, &one, json!({ "redness": redness })).await;
    }
    let (second, two) = series.session("2026-03-30").await;
    series.answer(11, "2026-03-31", &two, json!({ "redness": 3, "pain": 1 })).await;
    series.app.set_clock("2026-03-31T18:00:00Z");
    let again = json!({ "plan_id": two["id"], "answers": { "redness": 2 } });
    series.ada.put(&format!("/v1/me/check-ins/{}", phone_id(12)), again).await.must(201);
    let healing = series.healing().await;
    assert_eq!(healing["course_id"], series.course["id"]);
    let head = |session: usize| {
        let mut head = healing["sessions"][session].clone();
        let symptoms = head["symptoms"].take();
        let keys: Vec<Value> = symptoms.as_array().unwrap().iter().map(|symptom| symptom["key"].clone()).collect();
        assert_eq!(keys, ["dry_peel", "itch", "pain", "pigment", "redness", "swelling"]);
        head
    };
    let session = |number: i32, treatment: &Value, plan: &Value, day_zero: &str| {
        json!({
            "session": number, "treatment_id": treatment["id"], "plan_id": plan["id"], "status": "active",
            "day_zero": day_zero, "symptoms": null
        })
    };
    assert_eq!(head(0), session(1, &first, &one, "2026-03-02"));
    assert_eq!(head(1), session(2, &second, &two, "2026-03-30"));
    assert_eq!(points(&healing, 0, "redness"), [(1, 6, 5), (3, 1, 2), (5, 2, 1), (7, 1, 0), (10, 0, 0)]);
    assert_eq!(points(&healing, 1, "redness"), [(1, 2, 5)], "the newest answer of a day");
    let rest =
        |session: usize, symptom: usize| healing["sessions"][session]["symptoms"][symptom]["at_rest_from_day"].clone();
    assert_eq!([rest(0, 4), rest(1, 4), rest(1, 2), rest(0, 2)], [json!(7), Value::Null, json!(1), Value::Null]);
}

#[tokio::test]
async fn a_session_that_never_was_leaves_no_curve_and_its_place_to_the_next() {
    let series = Series::of_the_face().await;
    let (_, one) = series.session("2026-03-02").await;
    series.answer(1, "2026-03-12", &one, calm()).await;
    let (error, two) = series.session("2026-03-30").await;
    series.answer(2, "2026-03-31", &two, json!({ "redness": 9 })).await;
    assert_eq!(series.readiness().await["session"], 3);
    let id = series.app.database.id(two["id"].as_str().unwrap());
    series.app.database.run(&format!("UPDATE plans SET status = 'entered_in_error' WHERE id = {id}"));
    let (clinic, treatment) = (series.clinic.id, error["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap());
    let recount =
        async || series.app.app.db.write(move |c| courses::recount(c, clinic, treatment.into())).await.unwrap();
    recount().await;
    let course = series.clinic.owner.get(&series.path("")).await.must(200);
    assert_eq!((course["sessions_done"].as_i64(), course["version"].as_i64()), (Some(1), Some(4)));
    recount().await;
    assert_eq!(series.clinic.owner.get(&series.path("")).await.must(200), course, "twice is once");

    let healing = series.healing().await;
    let sessions = healing["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), &sessions[0]["plan_id"]), (1, &one["id"]));
    let readiness = series.readiness().await;
    assert_eq!((readiness["session"].as_i64(), &readiness["earliest_on"]), (Some(2), &json!("2026-03-30")));
    assert_eq!(series.codes().await, ["not_answered"], "its alerts are no reason either");
    let (second, plan) = series.session("2026-04-01").await;
    assert_eq!((second["session"].as_i64(), &second["replaces"]), (Some(2), &error["id"]));
    assert_eq!(plan["course"]["session"], 2);
}

#[tokio::test]
async fn of_many_at_once_one_is_the_next_session() {
    let series = Series::of_the_face().await;
    let (first, _) = series.session("2026-03-02").await;
    series.app.set_clock("2026-03-30T10:00:00Z");
    let coordinator = &series.clinic.coordinator;
    let count = async |more: Value| {
        let asks = (0..6).map(|_| series.record(coordinator, "2026-03-30", more.clone()));
        let replies = futures_util::future::join_all(asks).await;
        let refused = |reply: &&Reply| [422, 503].contains(&reply.status);
        assert_eq!(
            replies.iter().filter(refused).count(),
            5,
            "{:?}",
            replies.iter().map(|one| one.status).collect::<Vec<_>>()
        );
    };
    count(json!({})).await;
    assert_eq!(series.app.database.count("treatment_links", "session = 2"), 1);
    count(json!({ "replaces": first["id"], "performed_on": "2026-03-01" })).await;
    assert_eq!(series.app.database.count("treatment_links", "session = 1"), 2);
    assert_eq!(series.app.database.count("treatments", "1 = 1"), 3, "what was refused left nothing");
}

#[tokio::test]
async fn a_weekly_scalp_plan_replaces_the_rest_of_the_one_before() {
    let series = Series::new(json!({ "protocol_key": "mn-scalp", "body_area": "scalp", "sessions": 12 })).await;
    let (_, one) = series.session("2026-03-02").await;
    let (_, two) = series.session("2026-03-09").await;
    let today = series.ada.get("/v1/me/today").await.must(200);
    assert_eq!(today["plans"].as_array().unwrap().len(), 1);
    assert_eq!((&today["plans"][0]["plan_id"], today["plans"][0]["day"].as_i64()), (&two["id"], Some(0)));
    let old = series.ada.get(&format!("/v1/me/plans/{}", one["id"].as_str().unwrap())).await.must(200);
    assert_eq!((old["status"].as_str(), old["revision"].as_i64()), (Some("completed"), Some(2)));
    assert_eq!(old["ends_on"], "2026-03-09");
    assert_eq!(series.app.database.count("plan_revisions", "revision = 2"), 1);

    // One that waits replaces nothing until a clinician starts it.
    series.app.set_clock("2026-03-16T10:00:00Z");
    let infected = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "III", "active_infection": true } });
    let third = series.record(&series.clinic.coordinator, "2026-03-16", infected).await.must(201);
    let three = series.enrol(&third, json!({ "send_to_clinician": true })).await;
    let path = format!("/v1/clinic/plans/{}", two["id"].as_str().unwrap());
    assert_eq!(series.clinic.owner.get(&path).await.must(200)["status"], "active");
    let start = format!("/v1/clinic/plans/{}/start", three["id"].as_str().unwrap());
    series.clinic.clinician.send_if("POST", &start, "\"v1\"", json!({ "reason": "It has healed." })).await.must(200);
    assert_eq!(series.clinic.owner.get(&path).await.must(200)["status"], "completed");
    assert_eq!(
        series.clinic.owner.get(&series.path("/healing")).await.must(200)["sessions"].as_array().unwrap().len(),
        3
    );
}

impl Series {
    async fn scalp() -> Self {
        Self::new(json!({ "protocol_key": "mn-scalp", "body_area": "scalp", "sessions": 12 })).await
    }

    async fn plan(&self, plan: &Value) -> Value {
        self.clinic.owner.get(&format!("/v1/clinic/plans/{}", plan["id"].as_str().unwrap())).await.must(200)
    }

    async fn order(&self, plan: &Value, command: &str, body: Value) -> Value {
        let path = format!("/v1/clinic/plans/{}", plan["id"].as_str().unwrap());
        let tag = self.clinic.owner.get(&path).await.header("etag").to_owned();
        self.clinic.owner.send_if("POST", &format!("{path}/{command}"), &tag, body).await.must(200)
    }

    /// What was done to a plan, newest first.
    async fn kinds(&self, plan: &Value) -> Vec<String> {
        let path = format!("/v1/clinic/plans/{}/revisions", plan["id"].as_str().unwrap());
        let revisions = self.clinic.owner.get(&path).await.must(200);
        let items = revisions["items"].as_array().unwrap().iter();
        items.map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Where the plan is, and from when on it is over.
    async fn stands(&self, plan: &Value) -> (String, Value) {
        let plan = self.plan(plan).await;
        (plan["status"].as_str().unwrap().to_owned(), plan["ends_on"].clone())
    }
}

fn over(on: &str) -> (String, Value) {
    ("completed".to_owned(), json!(on))
}

fn runs() -> (String, Value) {
    ("active".to_owned(), Value::Null)
}

#[tokio::test]
async fn a_plan_that_made_way_for_a_session_that_never_was_stands_again() {
    let series = Series::scalp().await;
    let (_, one) = series.session("2026-03-02").await;
    let (_, two) = series.session("2026-03-09").await;
    assert_eq!(
        (series.stands(&one).await, series.kinds(&one).await),
        (over("2026-03-09"), vec!["superseded".to_owned()])
    );

    series.app.set_clock("2026-03-12T10:00:00Z");
    series.app.work().await;
    let number = series.plan(&two).await["revision"].as_i64().unwrap() + 1;
    let looked = series.order(&two, "entered-in-error?dry_run=true", json!({ "reason": "Another person." })).await;
    assert_eq!((looked["applied"].as_bool(), series.stands(&one).await), (Some(false), over("2026-03-09")));
    let done = series.order(&two, "entered-in-error", json!({ "reason": "Another person." })).await;
    assert_eq!(series.stands(&one).await, runs());
    assert_eq!(series.kinds(&one).await, ["reinstated", "superseded"]);
    let others = done["others"].as_array().unwrap();
    assert_eq!((others.len(), &others[0]["plan"]), (1, &series.plan(&one).await), "what followed is told");
    let first = &others[0]["days"][0];
    let fields = ["date", "day_before", "day_after", "status_before", "status_after"].map(|field| &first[field]);
    assert_eq!(json!(fields), json!(["2026-03-12", 10, 10, "completed", "active"]));
    assert!(!first["added"].as_array().unwrap().is_empty());
    assert_eq!(json!({ "applied": true }), differing(&looked, &done), "as the dry run had told");
    let today = series.ada.get("/v1/me/today").await.must(200);
    assert_eq!((&today["plans"][0]["plan_id"], today["plans"][0]["day"].as_i64()), (&one["id"], Some(10)));
    let path = format!("/v1/me/plans/{}", one["id"].as_str().unwrap());
    let days = series.ada.get(&format!("{path}/timeline?from_day=6&limit=5")).await.must(200);
    for day in &days["items"].as_array().unwrap()[1..4] {
        let items = day["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["state"] == "cancelled"), "nothing was asked: {day}");
    }
    let told = series.ada.get(&format!("{path}/changes")).await.must(200);
    let goes_on = "The plan of your next session does not take the place of this one after all. This one goes on.";
    assert_eq!(told["items"][0]["reason"], goes_on);
    let stood = json!({ "revision": 3, "reason": "Not that one." });
    let path = format!("/v1/clinic/plans/{}", one["id"].as_str().unwrap());
    let tag = series.clinic.owner.get(&path).await.header("etag").to_owned();
    let refused = series.clinic.owner.send_if("POST", &format!("{path}/undo"), &tag, stood).await;
    refused.must_be_problem(409, "follows_session");
    assert_eq!(told["items"][0]["from_on"], "2026-03-12");
    let alerts = series.app.database.count("alerts", "1 = 1");
    series.app.work().await;
    assert_eq!(series.app.database.count("alerts", "1 = 1"), alerts, "nobody was silent");

    // It was this one after all.
    let undo = json!({ "revision": number, "reason": "It was this one." });
    series.order(&two, "undo", undo.clone()).await;
    assert_eq!((series.stands(&one).await, series.stands(&two).await), (over("2026-03-12"), runs()));
    assert_eq!(series.kinds(&one).await, ["superseded", "reinstated", "superseded"]);
    assert!(!series.order(&two, "undo", undo).await["changed"].as_bool().unwrap(), "twice is once");
    assert_eq!(series.kinds(&one).await.len(), 3);
}

#[tokio::test]
async fn a_plan_that_made_way_follows_the_next_session() {
    let series = Series::scalp().await;
    let (_, one) = series.session("2026-03-02").await;
    // It is the ninth at the clinic, and the eighth where Ada is.
    series
        .ada
        .send_if("PATCH", "/v1/me", &me_tag(&series).await, json!({ "zone": "America/Los_Angeles" }))
        .await
        .must(200);
    series.app.set_clock("2026-03-09T04:00:00Z");
    let treatment = series.record(&series.clinic.coordinator, "2026-03-09", json!({})).await.must(201);
    let two = series.enrol(&treatment, json!({})).await;
    let ahead = || ("active".to_owned(), json!("2026-03-09"));
    assert_eq!(series.stands(&one).await, ahead());
    let correct = async |on: &str| {
        series.order(&two, "correct", json!({ "performed_on": on, "reason": "Typed wrong." })).await;
    };
    correct("2026-03-08").await;
    assert_eq!(series.stands(&one).await, over("2026-03-08"));
    correct("2026-03-07").await;
    assert_eq!(series.stands(&one).await, over("2026-03-08"), "never in the past");
    correct("2026-03-01").await;
    assert_eq!(series.stands(&one).await, runs(), "it was before this one");
    correct("2026-03-09").await;
    assert_eq!(series.stands(&one).await, ahead());
    let number = series.plan(&two).await["revision"].clone();
    series.order(&two, "undo", json!({ "revision": number, "reason": "As before." })).await;
    assert_eq!(series.stands(&one).await, runs());
    correct("2026-03-09").await;

    // Revoked before it began, it takes nobody's place; and what the clinic does to the first plan stays the clinic's.
    series.order(&two, "revoke", json!({ "from_on": "2026-03-09", "reason": "Not begun." })).await;
    assert_eq!(series.stands(&one).await, runs());
    let number = series.plan(&two).await["revision"].clone();
    series.order(&two, "undo", json!({ "revision": number, "reason": "It was begun." })).await;
    assert_eq!(series.stands(&one).await, ahead());
    series.order(&one, "revoke", json!({ "reason": "Moved away." })).await;
    series.order(&two, "entered-in-error", json!({ "reason": "Another person." })).await;
    assert_eq!(series.stands(&one).await, ("revoked".to_owned(), json!("2026-03-08")));
}

/// The fields of the second object that are not as in the first one.
fn differing(one: &Value, other: &Value) -> Value {
    let fields = other.as_object().unwrap().iter().filter(|(key, value)| one.get(key.as_str()) != Some(value));
    Value::Object(fields.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// A weekly plan whose next session takes its place, with sunscreen on every day.
async fn weekly() -> Series {
    let sessions = "interval_days = 42\nmin_interval_days = 28";
    let sooner = "interval_days = 7\nmin_interval_days = 7\nreplaces_tail_when_sooner = true";
    let document =
        changed(&small_protocol("weekly"), &[(sessions, sooner), ("days = [\"2-14\"]", "days = [\"0-14\"]")]);
    let wish = json!({ "protocol_key": "weekly", "body_area": "face", "sessions": 3 });
    Series::with(wish, Some(&document)).await
}

impl Series {
    /// The sunscreen of Today: its day of the plan, which is the only one, and its state.
    async fn sunscreen(&self, plan: &Value) -> Value {
        let line = self.sunscreen_line().await;
        assert_eq!(line["plan_ids"], json!([plan["id"]]));
        json!([line["day"], line["state"]])
    }

    async fn sunscreen_line(&self) -> Value {
        let today = self.ada.get("/v1/me/today").await.must(200);
        let found = today["items"].as_array().unwrap().iter().find(|item| item["key"] == "sunscreen").cloned();
        found.unwrap()
    }

    async fn put_on_sunscreen(&self) {
        let line = self.sunscreen_line().await;
        assert_eq!(line["state"], "open");
        let path = format!("/v1/me/occurrences/{}/mark", line["occurrence_id"].as_str().unwrap());
        self.ada.put(&path, json!({ "state": "done" })).await.must(200);
    }
}

#[tokio::test]
async fn what_was_done_is_done_for_the_plan_that_takes_another_ones_place() {
    let series = weekly().await;
    let (_, one) = series.session("2026-03-02").await;
    series.app.set_clock("2026-03-09T09:00:00Z");
    series.put_on_sunscreen().await;
    let (_, two) = series.session("2026-03-09").await;
    assert_eq!(series.sunscreen(&two).await, json!([0, "done"]), "by the next session's");

    // For a session that never was, by that before it; and back.
    let order = async |command: &str, body: Value| series.order(&two, command, body).await;
    series.app.set_clock("2026-03-12T10:00:00Z");
    series.put_on_sunscreen().await;
    let contents = || series.app.database.contents();
    let before = contents();
    order("entered-in-error?dry_run=true", json!({ "reason": "Another person." })).await;
    assert_eq!(contents(), before, "a dry run writes nothing");
    order("entered-in-error", json!({ "reason": "Another person." })).await;
    assert_eq!(series.sunscreen(&one).await, json!([10, "done"]));
    series.app.set_clock("2026-03-13T10:00:00Z");
    series.put_on_sunscreen().await;
    let number = series.plan(&two).await["revision"].clone();
    order("undo", json!({ "revision": number, "reason": "It was this one." })).await;
    assert_eq!(series.sunscreen(&two).await, json!([4, "done"]));
}

#[tokio::test]
async fn what_was_done_for_a_session_that_was_revoked_on_its_day_is_done_for_the_one_before() {
    let series = weekly().await;
    let (_, one) = series.session("2026-03-02").await;
    let (_, two) = series.session("2026-03-09").await;
    assert_eq!(series.sunscreen(&two).await, json!([0, "open"]));
    series.put_on_sunscreen().await;
    series.order(&two, "revoke", json!({ "reason": "Not begun." })).await;
    assert_eq!(series.sunscreen(&one).await, json!([7, "done"]));
}

async fn me_tag(series: &Series) -> String {
    series.ada.get("/v1/me").await.header("etag").to_owned()
}

#[tokio::test]
async fn somebody_can_let_the_earlier_plan_go_on_and_it_stays_so() {
    let series = Series::scalp().await;
    let (_, one) = series.session("2026-03-02").await;
    let pause = json!({ "from_on": "2026-03-20", "until_on": "2026-03-21", "days": "pass", "reason": "A journey." });
    series.order(&one, "pause", pause).await;
    let (_, two) = series.session("2026-03-09").await;
    series.order(&one, "undo", json!({ "revision": 2, "reason": "No journey." })).await;
    assert_eq!(series.stands(&one).await, over("2026-03-09"), "another change is undone apart from it");
    series.order(&one, "undo", json!({ "revision": 3, "reason": "Both are wanted." })).await;
    assert_eq!(series.stands(&one).await, runs());
    series.order(&two, "correct", json!({ "performed_on": "2026-03-08", "reason": "Typed wrong." })).await;
    assert_eq!(series.stands(&one).await, runs(), "it was not wanted");
    series.session("2026-03-16").await;
    assert_eq!(series.stands(&one).await, over("2026-03-16"), "another session is another matter");
}

#[tokio::test]
async fn an_answer_tells_of_the_plan_as_it_is_once_another_has_taken_its_place() {
    let series = Series::scalp().await;
    let (_, one) = series.session("2026-03-02").await;
    series.order(&one, "complete", json!({ "reason": "Healed." })).await;
    series.app.set_clock("2026-03-09T10:00:00Z");
    series.session("2026-03-09").await;
    let path = format!("/v1/clinic/plans/{}", one["id"].as_str().unwrap());
    let owner = &series.clinic.owner;
    let tag = owner.get(&path).await.header("etag").to_owned();
    let undo = json!({ "revision": 2, "reason": "Not healed." });
    let undone = owner.send_if("POST", &format!("{path}/undo"), &tag, undo.clone()).await;
    let now = owner.get(&path).await;
    assert!(now.header("etag").starts_with(undone.header("etag").trim_end_matches('"')), "{}", now.header("etag"));
    assert_eq!(undone.must(200)["plan"], now.must(200));
    assert_eq!(series.kinds(&one).await, ["superseded", "undone", "completed"]);
    let again = owner.send_if("POST", &format!("{path}/undo"), &tag, undo).await;
    assert_eq!((again.header("etag"), &again.must(200)["changed"]), (undone.header("etag"), &json!(false)));
}

#[tokio::test]
async fn a_plan_that_makes_way_at_the_patients_midnight_has_another_tag_then() {
    let series = Series::scalp().await;
    let (_, one) = series.session("2026-03-02").await;
    let zone = json!({ "zone": "America/Los_Angeles" });
    series.ada.send_if("PATCH", "/v1/me", &me_tag(&series).await, zone).await.must(200);
    series.app.set_clock("2026-03-09T04:00:00Z");
    let treatment = series.record(&series.clinic.coordinator, "2026-03-09", json!({})).await.must(201);
    series.enrol(&treatment, json!({})).await;
    let path = format!("/v1/clinic/plans/{}", one["id"].as_str().unwrap());
    let before = series.clinic.owner.get(&path).await;
    series.app.set_clock("2026-03-09T07:00:00Z");
    let after = series.clinic.owner.get(&path).await;
    assert_eq!((&before.must(200)["status"], &after.must(200)["status"]), (&json!("active"), &json!("completed")));
    assert_ne!(before.header("etag"), after.header("etag"));
}

#[tokio::test]
async fn a_plan_that_pauses_made_longer_still_makes_way() {
    let series = Series::scalp().await;
    let (_, one) = series.session("2026-03-02").await;
    let last = one["last_day"].as_i64().unwrap();
    let date = |days: i64| (jiff::civil::date(2026, 3, 2) + jiff::Span::new().days(days)).to_string();
    let pause = json!({ "from_on": "2026-03-05", "until_on": "2026-03-15", "days": "shift", "reason": "A journey." });
    series.app.set_clock("2026-03-05T10:00:00Z");
    series.order(&one, "pause", pause).await;
    series.session(&date(last + 5)).await;
    assert_eq!(series.stands(&one).await, over(&date(last + 5)));
}

#[tokio::test]
async fn treatments_that_were_recorded_before_can_be_added_to_a_course() {
    let series = Series::scalp().await;
    series.app.set_clock("2026-03-23T10:00:00Z");
    let coordinator = &series.clinic.coordinator;
    let before = async |on: &str| {
        let treatment = series.record(coordinator, on, json!({ "course_id": null })).await.must(201);
        let plan = series.enrol(&treatment, json!({})).await;
        (treatment, plan)
    };
    let (first, one) = before("2026-03-02").await;
    let (second, two) = before("2026-03-20").await;
    let (third, _) = before("2026-03-22").await;
    let add = async |who: &Person, treatment: &Value, more: Value| {
        let mut body = json!({ "treatment_id": treatment["id"] });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        who.post(&series.path("/treatments"), body).await
    };
    let added = add(coordinator, &first, json!({})).await.must(201);
    let mut wanted = first.clone();
    (wanted["course_id"], wanted["session"]) = (json!(series.id()), json!(1));
    assert_eq!(added, wanted);
    assert_eq!(series.plan(&one).await["course"], json!({ "course_id": series.id(), "session": 1, "of": 12 }));
    assert_eq!(add(coordinator, &first, json!({})).await.must(201), wanted, "twice is once");
    add(coordinator, &second, json!({})).await.must(201);
    assert_eq!(series.plan(&two).await["course"]["session"], 2);
    assert_eq!(series.stands(&one).await, over("2026-03-23"), "it makes way as if it had been recorded so");
    let course = series.clinic.owner.get(&series.path("")).await.must(200);
    assert_eq!((course["sessions_done"].as_i64(), course["version"].as_i64()), (Some(2), Some(3)));

    // What does not fit is named.
    add(coordinator, &third, json!({})).await.must_name("/treatment_id", "too_soon");
    let seen = json!({ "overrule_interval": "Seen: it was calm." });
    add(coordinator, &third, seen.clone()).await.must_be_problem(403, "not_allowed");
    assert_eq!(add(&series.clinic.clinician, &third, seen).await.must(201)["session"], 3);
    let (earlier, _) = before("2026-02-20").await;
    add(coordinator, &earlier, json!({})).await.must_name("/treatment_id", "out_of_order");
    let face = coordinator
        .post(&format!("/v1/clinic/patients/{}/treatments", series.patient_id), face_treatment("2026-03-23"))
        .await
        .must(201);
    add(coordinator, &face, json!({})).await.must_name("/treatment_id", "wrong_body_area");
    let other = json!({
        "patient_id": series.patient_id, "protocol_key": "mn-scalp", "body_area": "scalp", "sessions": 2
    });
    let other = series.clinic.owner.post("/v1/clinic/courses", other).await.must(201);
    let path = format!("/v1/clinic/courses/{}/treatments", other["id"].as_str().unwrap());
    let taken = coordinator.post(&path, json!({ "treatment_id": first["id"] })).await;
    taken.must_name("/treatment_id", "of_another_course");
    let unknown = coordinator.post(&path, json!({ "treatment_id": phone_id(1) })).await;
    unknown.must_name("/treatment_id", "unknown_value");
}
