//! The judge itself: a test client that lets everything pass would make every other test green.

use aftercare::auth::{MemberState, Role};
use serde_json::{Value, json};

use crate::support::contract::{document, judge, operations};
use crate::support::samples::two_worlds;
use crate::support::{TestApp, subjects};

fn schema(name: &str) -> &'static Value {
    &document()["components"]["schemas"][name]
}

#[test]
fn t07_the_judge_refuses_what_the_document_does_not_say() {
    let right = json!({ "pointer": "/name", "code": "too_short", "detail": "needs at least 1 character" });
    judge(schema("FieldError"), &right, "").unwrap();
    let mut more = right.clone();
    more["password_hash"] = json!("x");
    assert!(judge(schema("FieldError"), &more, "").unwrap_err().contains("password_hash"));
    let mut less = right.clone();
    less.as_object_mut().unwrap().remove("code");
    assert!(judge(schema("FieldError"), &less, "").is_err());
    let mut other = right;
    other["detail"] = json!(5);
    assert!(judge(schema("FieldError"), &other, "").is_err());
    assert!(judge(schema("Role"), &json!("king"), "").is_err());
    assert!(judge(schema("PatientId"), &json!("7"), "").is_err());
    assert!(judge(schema("Stamp"), &json!("yesterday"), "").is_err());
}

#[test]
fn t07_no_schema_of_a_response_has_a_place_for_a_secret() {
    let all = document()["components"]["schemas"].as_object().unwrap();
    for (name, schema) in all {
        for field in schema["properties"].as_object().into_iter().flatten().map(|(field, _)| field) {
            let secret = ["hash", "secret", "sealed", "epoch"].iter().any(|word| field.contains(word));
            assert!(!secret || field == "content_hash", "{name} has {field}");
            let request = ["New", "Invitation"].iter().any(|start| name.starts_with(start));
            assert!(!field.contains("password") || request, "{name} has {field}");
        }
    }
}

#[test]
fn every_operation_has_an_id_a_summary_and_its_problems() {
    for operation in operations() {
        let (id, value) = (&operation.id, operation.value);
        assert!(value["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{id}");
        assert!(value["responses"].get("500").is_some(), "{id}");
        assert!(operation.is_public() || value["responses"].get("401").is_some(), "{id}");
    }
}

#[tokio::test]
#[should_panic(expected = "mails that nobody has sent")]
async fn a_mail_that_nobody_reads_fails_its_test() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap());
    clinic.coordinator.post_nothing(&path).await.must(201);
}

#[tokio::test]
async fn t16_a_crowd_at_the_door_does_not_stop_the_house() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.set_password(clinic.owner.account, "a sentence that only I know").await;
    let knock = |number: usize| {
        let body = json!({ "email": format!("nobody{number}@one.example"), "password": "not the password at all" });
        let app = &app;
        async move { app.ask("POST", "/v1/auth/login").json(&body).send().await.status }
    };
    let crowd = futures_util::future::join_all((0..300).map(knock));
    let health = async {
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            app.ask("GET", "/healthz").send().await.must(200);
        }
    };
    let (statuses, ()) = tokio::join!(crowd, tokio::time::timeout(std::time::Duration::from_secs(10), health).map_ok());
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
    assert!(statuses.contains(&503), "the queue is bounded: {statuses:?}");
    let body = json!({ "email": "owner@one.example", "password": "a sentence that only I know" });
    app.ask("POST", "/v1/auth/login").json(&body).send().await.must(200);
}

/// Waiting that must not run out.
trait MapOk {
    async fn map_ok(self);
}

impl<F: Future<Output = Result<(), tokio::time::error::Elapsed>>> MapOk for F {
    async fn map_ok(self) {
        self.await.expect("health was answered in time");
    }
}

#[tokio::test]
async fn a_new_member_is_invited_by_mail_and_may_act_once_they_have_accepted() {
    let (app, world, _) = two_worlds().await;
    let new = json!({ "name": "Mia Invented", "email": "mia@clinic.example", "role": "coordinator" });
    let member = world.clinic.owner.post("/v1/clinic/members", new).await.must(201);
    assert_eq!((&member["state"], &member["role"]), (&json!(MemberState::Invited), &json!(Role::Coordinator)));
    let mail = app.the_mail().await;
    assert_eq!(subjects(std::slice::from_ref(&mail))[0].0, "mia@clinic.example");
    let accept = json!({ "token": crate::support::token_in(&mail), "password": "a sentence that only I know" });
    let accepted = app.ask("POST", "/v1/auth/invitations/accept").json(&accept).send().await.must(200);
    let me = app.ask("GET", "/v1/me").bearer(accepted["access_token"].as_str().unwrap()).send().await.must(200);
    assert_eq!(me["memberships"][0]["role"], "coordinator");
    let again = json!({ "name": "Mia Invented", "email": "mia@clinic.example", "role": "owner" });
    world.clinic.owner.post("/v1/clinic/members", again).await.must_be_problem(409, "member_exists");
}
