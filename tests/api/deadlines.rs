//! What staff are told ("answer until") and what the patient is told ("we answer by", "a person reads next") are one and the same time.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::people::phone_id;

#[tokio::test]
async fn what_is_found_while_the_clinic_is_closed_is_answered_when_a_person_is_there() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.ignore_mails();
    let weekdays = json!(["monday", "tuesday", "wednesday", "thursday", "friday"]);
    let change = async |body: Value| {
        let tag = clinic.owner.get("/v1/clinic").await.version_tag();
        clinic.owner.send_if("PATCH", "/v1/clinic", &tag, body).await.must(200);
    };
    change(json!({
        "opening_hours": [{ "weekdays": weekdays, "opens": "09:00", "closes": "17:00" }],
        "closed_on": [{ "from_on": "2026-03-09", "to_on": "2026-03-09" }]
    }))
    .await;
    // Friday evening; Monday is a holiday of the clinic.
    app.set_clock("2026-03-06T19:00:00Z");
    let answer = async |number: u128, answers: Value| {
        let body = json!({ "plan_id": ada.plan_id, "answers": answers });
        ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await.must(201)
    };
    let alerts = async || clinic.owner.get("/v1/clinic/alerts?status=open").await.must(200)["items"].clone();
    let urgent = answer(1, json!({ "signs": ["F6"] })).await;
    assert_eq!(urgent["advice"]["urgency"], "urgent", "{urgent}");
    assert_eq!(
        (&urgent["contact"]["staffed_now"], &urgent["contact"]["next_staffed_at"], &urgent["contact"]["out_of_hours"]),
        (&json!(false), &json!("2026-03-10T09:00:00Z"), &json!("NHS 111"))
    );
    assert!(urgent["advice"]["text"].as_str().unwrap().contains("NHS 111"), "it says whom to call until then");
    assert_eq!(urgent["advice"]["answer_by"], "2026-03-10T11:00:00Z");
    let due: Vec<Value> = alerts().await.as_array().unwrap().iter().map(|one| one["due_at"].clone()).collect();
    assert!(!due.is_empty() && due.iter().all(|due| *due == urgent["advice"]["answer_by"]), "{due:?}");

    let soon = answer(2, json!({ "worry": "worried" })).await;
    assert_eq!(
        (&soon["advice"]["urgency"], &soon["advice"]["answer_by"]),
        (&json!("soon"), &json!("2026-03-10T17:00:00Z"))
    );
    let note = answer(3, json!({ "temperature": { "value": 36.6, "unit": "C" } })).await;
    assert_eq!((&note["advice"]["urgency"], &note["advice"]["answer_by"]), (&json!("note"), &Value::Null));
    // Where nobody reads, nobody promises an answer.
    change(json!({ "monitored": false })).await;
    let unread = answer(4, json!({ "signs": ["F6"] })).await;
    assert_eq!((&unread["advice"]["urgency"], &unread["advice"]["answer_by"]), (&json!("urgent"), &Value::Null));
}
