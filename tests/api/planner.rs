//! The planner: the right local hour wherever the patient is, nobody twice, nobody forgotten, and no work for those who
//! are not due.

use aftercare::documents;
use std::collections::BTreeSet;

use aftercare::{auth, protocols};
use serde_json::{Value, json};

use crate::authoring::changed;
use crate::merged::another;
use crate::support::people::{Clinic, Enrolled, face_treatment, phone_id};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp, subjects};

async fn fly(ada: &Enrolled, zone: &str) {
    let me = ada.person.get("/v1/me").await;
    ada.person.send_if("PATCH", "/v1/me", me.header("etag"), json!({ "zone": zone })).await.must(200);
}

/// The decisions about the plan: item, day, decision; oldest first.
async fn decisions(clinic: &Clinic, ada: &Enrolled) -> Vec<(String, i64, String)> {
    let page = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/reminders?limit=100", ada.plan_id)).await.must(200);
    let read = |item: &Value| {
        let word = |name: &str| item[name].as_str().unwrap().to_owned();
        (word("item_key"), item["day"].as_i64().unwrap(), word("decision"))
    };
    page["items"].as_array().unwrap().iter().rev().map(read).collect()
}

fn mailed(item: &str, day: i64) -> (String, i64, String) {
    (item.to_owned(), day, "mailed".to_owned())
}

async fn looked_at(app: &Shared) -> usize {
    aftercare::worker::planner::plan_due(&app.app).await.unwrap()
}

#[tokio::test]
async fn a_reminder_comes_at_seven_where_the_patient_is() {
    for (zone, due) in [
        ("Europe/London", "2026-03-02T19:00:00Z"),
        ("Europe/Madrid", "2026-03-02T18:00:00Z"),
        ("America/New_York", "2026-03-03T00:00:00Z"),
        ("Asia/Kathmandu", "2026-03-02T13:15:00Z"),
    ] {
        let app = TestApp::start().await;
        app.clinic().await.enrol_in("Ada", zone).await;
        app.set_clock(due);
        app.pass_seconds(-1);
        assert_eq!(subjects(&app.mails().await), [], "{zone}");
        app.pass_seconds(1);
        app.the_mail().await;
    }
}

#[tokio::test]
async fn a_patient_who_flies_west_is_not_reminded_twice() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T19:00:00Z");
    app.the_mail().await;
    fly(&ada, "America/Los_Angeles").await;
    for hour in 20..24 {
        app.set_clock(&format!("2026-03-02T{hour}:00:00Z"));
        assert_eq!(subjects(&app.mails().await), []);
    }
    for hour in 0..18 {
        app.set_clock(&format!("2026-03-03T{hour:02}:00:00Z"));
        assert_eq!(
            subjects(&app.mails().await),
            [],
            "it is {hour}:00 in London, and the evening of day 0 again in Los Angeles"
        );
    }
    app.set_clock("2026-03-03T18:00:00Z");
    app.the_mail().await;
    assert_eq!(decisions(&clinic, &ada).await, [mailed("check-in-evening", 0), mailed("check-in", 1)]);
}

#[tokio::test]
async fn a_patient_who_flies_east_over_the_hour_is_still_reminded() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol_in("Ada", "America/Los_Angeles").await;
    app.set_clock("2026-03-03T02:00:00Z");
    assert_eq!(subjects(&app.mails().await), [], "18:00 on day 0 in Los Angeles");
    fly(&ada, "Asia/Tokyo").await;
    let mails = app.mails().await;
    let told = decisions(&clinic, &ada).await;
    assert!(
        told.contains(&mailed("check-in", 1)),
        "11:00 on day 1 in Tokyo, and its reminder was due at 10:00: {told:?}"
    );
    assert!(!mails.is_empty());
    app.set_clock("2026-03-04T01:00:00Z");
    app.the_mail().await;
    let told = decisions(&clinic, &ada).await;
    for day in 1..=2 {
        assert_eq!(told.iter().filter(|(_, other, _)| *other == day).count(), 1, "{told:?}");
    }
}

#[tokio::test]
async fn a_week_of_a_silent_patient_has_one_decision_for_each_check_in() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let mut mails = Vec::new();
    for _ in 0..(8 * 24 * 2) {
        app.pass_seconds(1_800);
        mails.extend(app.mails().await);
    }
    let reminders = mails.iter().filter(|mail| mail.to == ada.email).count();
    let told = decisions(&clinic, &ada).await;
    let days: Vec<i64> = told.iter().map(|(_, day, _)| *day).collect();
    assert_eq!(days, [0, 1, 2, 3, 5, 7]);
    assert_eq!(reminders, 6);
    let alerts = clinic.owner.get("/v1/clinic/alerts").await.must(200);
    let silent: Vec<&Value> = alerts["items"].as_array().unwrap().iter().collect();
    assert_eq!(silent.len(), 1, "silence is one cause: {alerts}");
    assert_eq!(silent[0]["check_in_id"], Value::Null);
}

#[tokio::test]
async fn the_planner_looks_only_at_plans_that_are_due() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    for number in 0..5 {
        clinic.enrol(&format!("London{number}")).await;
    }
    for number in 0..3 {
        clinic.enrol_in(&format!("Madrid{number}"), "Europe/Madrid").await;
    }
    looked_at(&app).await;
    assert_eq!(looked_at(&app).await, 0, "nothing is due at once again");
    app.set_clock("2026-03-02T17:59:59Z");
    assert_eq!(looked_at(&app).await, 0);
    app.set_clock("2026-03-02T18:00:00Z");
    assert_eq!(looked_at(&app).await, 3, "seven in Madrid");
    app.set_clock("2026-03-02T19:00:00Z");
    assert_eq!(looked_at(&app).await, 5, "seven in London");
    assert_eq!(looked_at(&app).await, 0);
    assert_eq!(app.mails().await.len(), 8);
}

#[tokio::test]
async fn a_plan_that_stopped_between_planning_and_sending_is_not_reminded_of() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T19:00:00Z");
    looked_at(&app).await;
    app.database.run("UPDATE plans SET status = 'on_hold'");
    assert_eq!(subjects(&app.mails().await), []);
    let page = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/reminders", ada.plan_id)).await.must(200);
    assert_eq!(page["items"][0]["reason"], "plan_not_active");
}

#[tokio::test]
async fn a_reminder_is_looked_up_by_its_date_after_the_treatments_was_corrected() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-04T09:00:00Z");
    app.mails().await;
    app.set_clock("2026-03-04T10:00:00Z");
    looked_at(&app).await;
    let correct = async |revision: i32, on: &str| {
        let path = format!("/v1/clinic/plans/{}/correct", ada.plan_id);
        let body = json!({ "performed_on": on, "reason": "Typed wrong." });
        clinic.owner.send_if("POST", &path, &format!("\"v{revision}\""), body).await.must(200);
    };
    // The check-in of day 2 is that of day 1 now: it is asked all the same.
    correct(1, "2026-03-03").await;
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1, "the mail about today goes out");
    let reasons = async || {
        let page = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/reminders", ada.plan_id)).await.must(200);
        let of = |one: &Value| (one["due_at"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned());
        page["items"].as_array().unwrap().iter().map(of).collect::<BTreeSet<_>>()
    };
    let reason = |due_at: &str, reason: &str| (due_at.to_owned(), reason.to_owned());
    assert!(reasons().await.contains(&reason("2026-03-04T10:00:00Z", "missing")));

    // Answered: what was decided about that date is not written, whatever number its day has.
    app.set_clock("2026-03-05T10:00:00Z");
    looked_at(&app).await;
    correct(2, "2026-03-02").await;
    let today = ada.person.get("/v1/me/today").await.must(200);
    let is_todays = |item: &&Value| item["key"] == "check-in" && item["day"] == 3;
    let check_in = today["items"].as_array().unwrap().iter().find(is_todays).unwrap();
    let answer =
        json!({ "plan_id": ada.plan_id, "occurrence_id": check_in["occurrence_id"], "answers": { "redness": 1 } });
    ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(1)), answer).await.must(201);
    assert_eq!(subjects(&app.mails().await), []);
    assert!(reasons().await.contains(&reason("2026-03-05T10:00:00Z", "done")));
}

#[tokio::test]
async fn a_worker_that_slept_through_the_evening_sends_nothing_late_and_says_why() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-03T08:00:00Z");
    assert_eq!(subjects(&app.mails().await), []);
    let page = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/reminders", ada.plan_id)).await.must(200);
    assert_eq!(
        (&page["items"][0]["decision"], &page["items"][0]["reason"]),
        (&json!("not_mailed"), &json!("too_late"))
    );
}

#[tokio::test]
async fn a_late_enrolment_is_not_reminded_of_what_lies_behind() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}/treatments", patient["id"].as_str().unwrap());
    let treatment = clinic.owner.post(&path, crate::support::people::face_treatment("2026-02-28")).await.must(201);
    let enrolment = json!({ "patient_id": patient["id"], "treatment_id": treatment["id"], "protocol_key": "mn-face" });
    let plan = clinic.owner.post("/v1/clinic/plans", enrolment).await.must(201);
    app.set_clock("2026-03-03T10:00:00Z");
    assert!(app.mails().await.is_empty(), "who has not accepted has not shown that the address is theirs");
    let page =
        clinic.owner.get(&format!("/v1/clinic/plans/{}/reminders", plan["id"].as_str().unwrap())).await.must(200);
    let days: Vec<i64> = page["items"].as_array().unwrap().iter().map(|item| item["day"].as_i64().unwrap()).collect();
    assert_eq!(days, [3], "day 2 at 10:00 was before the enrolment");
    assert_eq!(
        (&page["items"][0]["decision"], &page["items"][0]["reason"]),
        (&json!("not_mailed"), &json!("not_accepted"))
    );
    assert_eq!(
        clinic.owner.get("/v1/clinic/alerts").await.must(200)["items"],
        json!([]),
        "and silence before it is none"
    );
}

#[tokio::test]
async fn a_patient_with_two_plans_gets_one_mail_an_evening() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let path = format!("/v1/clinic/patients/{}/treatments", ada.patient_id);
    let scalp = json!({
        "procedure": "microneedling", "performed_on": "2026-03-02", "body_area": "scalp",
        "parameters": { "needle_depth_mm": 1.0, "skin_type": "II" }
    });
    let treatment = clinic.owner.post(&path, scalp).await.must(201);
    let enrolment =
        json!({ "patient_id": ada.patient_id, "treatment_id": treatment["id"], "protocol_key": "mn-scalp" });
    let second = clinic.owner.post("/v1/clinic/plans", enrolment).await.must(201);
    app.set_clock("2026-03-02T19:00:00Z");
    app.the_mail().await;
    let page = format!("/v1/clinic/plans/{}/reminders", second["id"].as_str().unwrap());
    let other = clinic.owner.get(&page).await.must(200);
    let mut words =
        vec![decisions(&clinic, &ada).await[0].2.clone(), other["items"][0]["decision"].as_str().unwrap().to_owned()];
    words.sort();
    assert_eq!(words, ["joined", "mailed"]);
    let today = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!(today["plans"].as_array().unwrap().len(), 2);
}

/// The face plan with a call for everybody on day 1, as the active version of the clinic.
async fn approve_with_a_call(app: &Shared, clinic: &Clinic) {
    const CALL: &str = r#"
[[rule]]
key = "call"
on = "day"
days = ["1"]
when = "true"
urgency = "soon"
advice.en = "Our team will call you today."
advice.es = "Hoy le llamaremos."
reason.en = "Call every patient on day 1."
reason.es = "Llamar a cada paciente el día 1."
assumptions = ["A1"]
"#;
    let (clinic, member, account) = (clinic.id, clinic.members[1], clinic.clinician.account);
    let who = auth::Staff { clinic, member, account, role: auth::Role::Clinician };
    let made = app.app.act(who, move |ctx| {
        let active = protocols::store::find_active(ctx.c, who.clinic, "mn-face")?.unwrap();
        let with_call = protocols::Version {
            id: ctx.m.id(),
            version: active.version + 1,
            status: protocols::VersionStatus::Draft,
            content_hash: documents::hash(&format!("{}{CALL}", active.document)),
            document: format!("{}{CALL}", active.document),
            approved_by: None,
            approved_at: None,
            ..active
        };
        assert!(protocols::store::insert(ctx.c, &with_call)?);
        protocols::activate(ctx, &who, "mn-face", with_call.version, &documents::check(&with_call.document)?)
    });
    made.await.unwrap();
}

async fn alerts(clinic: &Clinic) -> Vec<(String, i64)> {
    let page = clinic.owner.get("/v1/clinic/alerts").await.must(200);
    let read = |alert: &Value| (alert["cause"].as_str().unwrap().to_owned(), alert["times_seen"].as_i64().unwrap());
    page["items"].as_array().unwrap().iter().map(read).collect()
}

#[tokio::test]
async fn a_call_for_everybody_on_day_1_is_one_alert_ever_and_tells_the_staff() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    approve_with_a_call(&app, &clinic).await;
    clinic.enrol("Ada").await;
    app.set_clock("2026-03-03T07:59:59Z");
    app.mails().await;
    assert_eq!(alerts(&clinic).await, []);
    app.set_clock("2026-03-03T08:00:00Z");
    let mails = app.mails().await;
    let to: BTreeSet<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, BTreeSet::from(["owner@one.example", "clinician@one.example"]));
    assert_eq!(alerts(&clinic).await, [("call:day-1".to_owned(), 1)]);
    let page = clinic.owner.get("/v1/clinic/alerts").await.must(200);
    assert_eq!(page["items"][0]["reason"], "Call every patient on day 1.");
    let path = format!("/v1/clinic/alerts/{}/resolve", page["items"][0]["id"].as_str().unwrap());
    clinic.clinician.send_if("POST", &path, "\"v1\"", json!({ "resolution": "advised", "note": null })).await.must(200);
    for hour in 9..24 {
        app.set_clock(&format!("2026-03-03T{hour:02}:00:00Z"));
        app.mails().await;
    }
    assert_eq!(alerts(&clinic).await, [("call:day-1".to_owned(), 1)], "it has ended, and does not come again");
}

/// The small plan, in which the moisturiser, forbidden on the first two days, is reminded of in the evening.
fn evening_moisturiser() -> String {
    let line = "days = [\"2-7\"]\nslot = \"day\"\nmeaning = \"products\"";
    changed(&small_protocol("evening"), &[(line, &line.replace("\"day\"", "\"evening\""))])
}

#[tokio::test]
async fn what_today_set_aside_is_not_reminded_of() {
    let app = TestApp::start().await;
    let (one, two) = (app.clinic().await, app.clinic_named("two").await);
    one.approve("evening", &evening_moisturiser()).await;
    two.approve("evening", &evening_moisturiser()).await;
    let enrol = async |clinic: &Clinic, name: &str, treated_on: &str| {
        clinic.enrol_as((name, "Europe/London"), "evening", face_treatment(treated_on)).await
    };
    let mut on_day_six = Vec::new();
    for name in ["Ada", "Bea", "Cleo"] {
        on_day_six.push(enrol(&one, name, "2026-02-24").await);
    }
    let [ada, bea, cleo] = on_day_six.as_slice() else { panic!("three") };
    enrol(&two, "Ada", "2026-03-02").await;
    let elsewhere = enrol(&two, "Bea", "2026-02-10").await;
    app.mails().await;
    app.set_clock("2026-03-02T19:00:00Z");
    looked_at(&app).await;
    // It is decided already; then, before the relay is free, the other clinic says that it has treated Bea too.
    another(&two, &elsewhere.patient_id, "evening", face_treatment("2026-03-02")).await;
    app.mails().await;
    let decided = async |of: &Enrolled| {
        let page = one.coordinator.get(&format!("/v1/clinic/plans/{}/reminders", of.plan_id)).await.must(200);
        let line = page["items"].as_array().unwrap().iter().find(|line| line["day"] == 6).unwrap();
        json!([line["item_key"], line["decision"], line["reason"]])
    };
    assert_eq!(decided(ada).await, json!(["moisturise", "not_mailed", "not_asked"]), "at once");
    assert_eq!(decided(bea).await, json!(["moisturise", "not_mailed", "not_asked"]), "at the last look");
    assert_eq!(decided(cleo).await, json!(["moisturise", "mailed", "missing"]), "nothing forbids it");
}
