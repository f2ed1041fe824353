//! What is forgotten, and what is not.

use aftercare::retention::forget_old_rows;
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn a_mails_row_goes_after_three_months_and_what_was_decided_stays() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T19:00:00Z");
    app.the_mail().await;
    app.ignore_mails();
    let reminders = format!("/v1/clinic/plans/{}/reminders", ada.plan_id);
    let before = clinic.owner.get(&reminders).await.must(200);
    let id = before["items"][0]["id"].as_str().unwrap().to_owned();
    let why = async || clinic.owner.get(&format!("/v1/clinic/reminders/{id}/why")).await.must(200);

    app.set_clock("2026-05-30T19:00:00Z");
    forget_old_rows(&app.app).await.unwrap();
    let kept = why().await;
    assert_eq!((&kept["mail"]["state"], &kept["reminder"]["decision"]), (&json!("sent"), &json!("mailed")));

    app.set_clock("2026-06-01T19:00:00Z");
    forget_old_rows(&app.app).await.unwrap();
    forget_old_rows(&app.app).await.unwrap();
    let gone = why().await;
    assert_eq!((&gone["mail"], &gone["reminder"]["decision"]), (&Value::Null, &json!("mailed")));

    // Nothing is decided, and so nothing written, a second time.
    app.work().await;
    let day_zero = |page: &Value| {
        let items = page["items"].as_array().unwrap().clone();
        items.into_iter().filter(|one| one["day"] == 0).collect::<Vec<_>>()
    };
    assert_eq!(day_zero(&clinic.owner.get(&reminders).await.must(200)), day_zero(&before));
}

#[tokio::test]
async fn an_old_session_is_forgotten_and_is_refused_as_before() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    clinic.owner.get("/v1/clinic/patients").await.must(200);
    app.set_clock("2027-06-01T12:00:00Z");
    forget_old_rows(&app.app).await.unwrap();
    let refused = clinic.owner.get("/v1/clinic/patients").await;
    assert_eq!(refused.status, 401);
}
