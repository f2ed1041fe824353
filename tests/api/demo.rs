//! The demo starts whatever time it is.

use crate::support::TestApp;

/// Its first session, 30 dates ago, may lie on the other side of a change of the clocks, and now be close to midnight.
async fn starts_at(now: &str) {
    let app = TestApp::start().await;
    app.ignore_mails();
    app.set_clock(now);
    aftercare::demo::people::move_in(&app.app).await.unwrap();
    assert_eq!(app.database.count("patients", "1 = 1"), 13, "{now}");
}

#[actix_web::test]
async fn the_demo_starts_in_the_night_after_the_clocks_went_back() {
    starts_at("2026-11-23T01:30:00Z").await;
}

#[actix_web::test]
async fn the_demo_starts_in_the_night_after_the_clocks_went_forward() {
    starts_at("2027-04-20T00:45:00Z").await;
}
