//! Sessions: a refresh token works once, a lost answer does not lock a phone out, and a stolen one ends the family.

use ground::ids::AccountId;
use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::{Shared, TestApp};

async fn sign_in(app: &Shared) -> Value {
    let clinic = app.clinic().await;
    app.set_password(clinic.owner.account, "a sentence that only I know").await;
    let login = json!({ "email": "owner@one.example", "password": "a sentence that only I know" });
    app.ask("POST", "/v1/auth/login").json(&login).send().await.must(200)
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.ask("POST", "/v1/auth/refresh").json(&json!({ "refresh_token": token })).send().await
}

fn refresh_token(pair: &Value) -> String {
    pair["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn t11_fifty_refreshes_at_once_give_one_live_descendant() {
    let app = TestApp::start().await;
    let mut parent = refresh_token(&sign_in(&app).await);
    for round in 0..20 {
        let at_once = (0..50).map(|_| refresh(&app, &parent));
        let replies = futures_util::future::join_all(at_once).await;
        let mut children: Vec<String> = Vec::new();
        for reply in replies {
            match reply.status {
                200 => children.push(refresh_token(&reply.json())),
                status => assert_eq!(status, 503, "round {round}: {}", reply.text()),
            }
        }
        children.dedup();
        assert_eq!(children.len(), 1, "round {round}: the lost answer is given again, and no other");
        parent = children.remove(0);
    }
    assert_eq!(app.database.count("sessions", "ended_at IS NULL AND generation = 20"), 1);
    refresh(&app, &parent).await.must(200);
}

#[tokio::test]
async fn t11_a_grandparent_ends_the_whole_family() {
    let app = TestApp::start().await;
    let first = sign_in(&app).await;
    let second = refresh(&app, &refresh_token(&first)).await.must(200);
    let third = refresh(&app, &refresh_token(&second)).await.must(200);
    let access = third["access_token"].as_str().unwrap();
    app.ask("GET", "/v1/me").bearer(access).send().await.must(200);
    let stolen = refresh(&app, &refresh_token(&first)).await;
    stolen.must_be_problem(401, "sign_in_needed");
    for pair in [&first, &second, &third] {
        refresh(&app, &refresh_token(pair)).await.must_be_problem(401, "sign_in_needed");
        let access = pair["access_token"].as_str().unwrap();
        app.ask("GET", "/v1/me").bearer(access).send().await.must_be_problem(401, "sign_in_needed");
    }
    assert_eq!(app.database.count("events", "kind = 'session.token_reused'"), 1);
    assert_eq!(app.database.count("sessions", "end_reason = 'refresh_token_reused'"), 1);
}

#[tokio::test]
async fn t11_a_parent_gives_its_child_again_for_ten_seconds_and_then_ends_the_family() {
    let app = TestApp::start().await;
    let first = sign_in(&app).await;
    let second = refresh(&app, &refresh_token(&first)).await.must(200);
    app.pass_seconds(10);
    let again = refresh(&app, &refresh_token(&first)).await.must(200);
    assert_eq!(refresh_token(&again), refresh_token(&second));
    app.pass_seconds(1);
    refresh(&app, &refresh_token(&first)).await.must_be_problem(401, "sign_in_needed");
    refresh(&app, &refresh_token(&second)).await.must_be_problem(401, "sign_in_needed");
}

#[tokio::test]
async fn a_forged_refresh_token_changes_nothing() {
    let app = TestApp::start().await;
    let first = sign_in(&app).await;
    let before = app.database.contents();
    let token = refresh_token(&first);
    let mut bytes = ground::encoding::from_url_base64(&token).unwrap();
    bytes[19] ^= 1;
    for forged in [ground::encoding::url_base64(&bytes), token[1..].to_owned(), String::new(), "x".repeat(512)] {
        refresh(&app, &forged).await.must_be_problem(401, "sign_in_needed");
    }
    assert_eq!(app.database.contents(), before);
    refresh(&app, &token).await.must(200);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_signs_out() {
    let app = TestApp::start().await;
    let first = sign_in(&app).await;
    let account = AccountId(first["account_id"].as_str().unwrap().parse().unwrap());
    let second = refresh(&app, &refresh_token(&first)).await.must(200);
    let sign_out = json!({ "refresh_token": second["refresh_token"] });
    for _ in 0..2 {
        app.ask("POST", "/v1/auth/logout").json(&sign_out).send().await.must(204);
    }
    refresh(&app, &refresh_token(&second)).await.must_be_problem(401, "sign_in_needed");
    app.ask("GET", "/v1/me")
        .bearer(second["access_token"].as_str().unwrap())
        .send()
        .await
        .must_be_problem(401, "sign_in_needed");
    let idle = app.person(account, None).await;
    let token = app.app.secrets.refresh_token(idle.session.id.0, 0);
    app.pass_seconds(12 * 3_600 + 1);
    refresh(&app, &token).await.must_be_problem(401, "sign_in_needed");
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_them_all() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let other = app.person(clinic.owner.account, None).await;
    let sessions = clinic.owner.get("/v1/me/sessions").await.must(200);
    let current: Vec<bool> =
        sessions["items"].as_array().unwrap().iter().map(|one| one["current"].as_bool().unwrap()).collect();
    assert_eq!(current.iter().filter(|current| **current).count(), 1, "{sessions}");
    assert_eq!(current.len(), 2);
    other.delete("/v1/me/sessions").await.must(204);
    clinic.owner.get("/v1/me").await.must_be_problem(401, "sign_in_needed");
    clinic.clinician.get("/v1/me").await.must(200);
}
