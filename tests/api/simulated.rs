//! The simulator against the server: the same script, played by both, has the same decisions, alerts and mails.

use std::collections::BTreeMap;

use aftercare::documents::simulate::{NewSimulation, simulate};
use authoring::library_document;
use engine::parse;
use serde_json::{Value, json};

use crate::support::people::phone_id;
use crate::support::{START, TestApp};

/// What is done at an instant: a journey, or something written unasked.
const EVENTS: [(&str, Event); 5] = [
    ("2026-03-04T13:30:00Z", Event::Write("pain", 8)),
    ("2026-03-05T09:00:00Z", Event::Fly("America/Los_Angeles")),
    ("2026-03-06T20:00:00Z", Event::Write("redness", 6)),
    ("2026-03-08T03:00:00Z", Event::Fly("Asia/Tokyo")),
    ("2026-03-10T12:30:00Z", Event::Write("redness", 9)),
];

#[derive(Clone, Copy)]
enum Event {
    Fly(&'static str),
    Write(&'static str, i32),
}

/// The script that says the same: instants are given as local times of the day on which they are.
fn script() -> Value {
    let mut zone = "Europe/London";
    let (mut travel, mut days): (Vec<Value>, BTreeMap<i32, Value>) = (Vec::new(), BTreeMap::new());
    for (at, event) in EVENTS {
        match event {
            Event::Fly(to) => {
                zone = to;
                travel.push(json!({ "at": at, "zone": to }));
            }
            Event::Write(question, level) => {
                let local = at.parse::<jiff::Timestamp>().unwrap().in_tz(zone).unwrap();
                let day = local.date() - jiff::civil::date(2026, 3, 2);
                let ad_hoc = json!([{ "at": local.strftime("%H:%M").to_string(), "answers": { question: level } }]);
                days.insert(day.get_days(), json!({ "day": day.get_days(), "ad_hoc": ad_hoc }));
            }
        }
    }
    json!({
        "parameters": { "needle_depth_mm": 1.5, "skin_type": "III" },
        "script": {
            "treated_on": "2026-03-02", "zone": "Europe/London", "enrolled_at": START, "answers": "silent",
            "travel": travel, "days": days.into_values().collect::<Vec<_>>(), "until_day": 11
        }
    })
}

#[tokio::test]
async fn a_scripted_patient_meets_the_same_decisions_as_a_real_one() {
    let new: NewSimulation = serde_json::from_value(script()).unwrap();
    let plan_file = simulate(&parse(library_document("mn-face").unwrap()).unwrap(), &new).unwrap();

    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let mut mails = Vec::new();
    let mut events = EVENTS.into_iter().enumerate().peekable();
    for _ in 0..(12 * 48) {
        app.pass_seconds(1_800);
        if let Some((number, (_, event))) = events.next_if(|(_, (at, _))| app.now() == crate::support::at(at)) {
            match event {
                Event::Fly(zone) => {
                    let me = ada.person.get("/v1/me").await;
                    ada.person.send_if("PATCH", "/v1/me", me.header("etag"), json!({ "zone": zone })).await.must(200);
                }
                Event::Write(question, level) => {
                    let body = json!({
                        "plan_id": ada.plan_id, "occurrence_id": null, "answers": { question: level }, "answered_at": null
                    });
                    let path = format!("/v1/me/check-ins/{}", phone_id(u128::try_from(number).unwrap()));
                    ada.person.put(&path, body).await.must(201);
                }
            }
        }
        mails.extend(app.mails().await);
    }
    assert!(events.next().is_none(), "each happened");
    let until = plan_file.days.last().unwrap().date;

    // Decisions: what, when, and why.
    let page = clinic.owner.get(&format!("/v1/clinic/plans/{}/reminders?limit=100", ada.plan_id)).await.must(200);
    let word = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let mut real: Vec<[String; 5]> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            [
                word(one, "decided_at"),
                word(one, "item_key"),
                one["day"].to_string(),
                word(one, "decision"),
                word(one, "reason"),
            ]
        })
        .collect();
    let mut simulated: Vec<[String; 5]> = plan_file
        .reminders
        .iter()
        .map(|one| {
            let (decision, reason) = (one.decision.to_string(), one.reason.to_string());
            [one.decided_at.to_string(), one.item_key.clone(), one.day.to_string(), decision, reason]
        })
        .collect();
    real.sort();
    simulated.sort();
    assert_eq!(real, simulated, "to {until}");
    assert_eq!(real.len(), 7, "{real:?}");

    // Alerts: cause, urgency, how often, when, until when.
    let page = clinic.owner.get("/v1/clinic/alerts?limit=100").await.must(200);
    let mut real: Vec<[String; 5]> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            [
                word(one, "cause"),
                word(one, "urgency"),
                one["times_seen"].to_string(),
                word(one, "raised_at"),
                word(one, "due_at"),
            ]
        })
        .collect();
    let mut simulated: Vec<[String; 5]> = plan_file
        .alerts
        .iter()
        .map(|one| {
            let (seen, raised_at) = (one.times_seen.to_string(), one.raised_at.to_string());
            [one.cause.clone(), one.urgency.to_string(), seen, raised_at, one.due_at.to_string()]
        })
        .collect();
    real.sort();
    simulated.sort();
    assert_eq!(real, simulated);
    assert!(real.iter().any(|alert| alert[0] == "R6") && real.iter().any(|alert| alert[2] == "2"), "{real:?}");

    // Mails.
    let to_patient = mails.iter().filter(|mail| mail.to == ada.email).count();
    assert_eq!(to_patient, plan_file.reminders.iter().filter(|one| one.decision.as_str() == "mailed").count());
    let to_owner = mails.iter().filter(|mail| mail.to == "owner@one.example").count();
    assert_eq!(to_owner, plan_file.staff_mails.len());
}
