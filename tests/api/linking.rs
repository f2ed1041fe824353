//! Who a record belongs to, and cutting off the wrong person: unlinking, another address, accounts that are shut, members who leave.

use aftercare::events::Actor;
use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::people::Clinic;
use crate::support::{Shared, TestApp, token_in};

const PASSWORD: &str = "a sentence that only I know";

async fn post(app: &TestApp, path: &str, body: Value) -> Reply {
    app.ask("POST", path).json(&body).send().await
}

async fn start() -> (Shared, Clinic) {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    (app, clinic)
}

#[tokio::test]
async fn an_account_is_taken_off_a_record_at_once_and_the_record_goes_to_the_right_person() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let path = format!("/v1/clinic/patients/{}", ada.patient_id);
    ada.person.get("/v1/me/today").await.must(200);
    clinic.coordinator.post(&format!("{path}/unlink"), json!({})).await.must_name("/reason", "missing_field");
    let reason = json!({ "reason": "The wrong person accepted the invitation." });
    let unlinked = clinic.coordinator.post(&format!("{path}/unlink"), reason.clone()).await.must(200);
    assert_eq!(unlinked["accepted"], false);
    for (path, status) in [
        ("/v1/me/today", 404),
        ("/v1/me/timeline", 404),
        (&format!("/v1/me/plans/{}", ada.plan_id), 404),
        (&format!("/v1/me/plans/{}/progress", ada.plan_id), 404),
    ] {
        assert_eq!(ada.person.get(path).await.status, status, "{path}");
    }
    assert_eq!(ada.person.get("/v1/me/check-ins").await.must(200)["items"], json!([]));
    assert_eq!(ada.person.get("/v1/me").await.must(200)["patients"], json!([]));
    let answers = json!({ "plan_id": ada.plan_id, "answers": { "redness": 1 } });
    let check_in = format!("/v1/me/check-ins/{}", crate::support::people::phone_id(1));
    ada.person.put(&check_in, answers).await.must_name("/plan_id", "unknown_value");
    let said = app.database.lines("SELECT reason AS value FROM events WHERE kind = 'patient.unlinked'");
    assert_eq!(said, ["The wrong person accepted the invitation."]);
    clinic.coordinator.post(&format!("{path}/unlink"), reason).await.must(200);
    assert_eq!(app.database.count("events", "kind = 'patient.unlinked'"), 1, "twice is once");

    let tag = clinic.coordinator.get(&path).await.header("etag").to_owned();
    clinic.coordinator.send_if("PATCH", &path, &tag, json!({ "email": "right@patients.example" })).await.must(200);
    let account = clinic.accept(&ada.patient_id).await;
    assert_ne!(account, ada.person.account);
    let right = app.person(account, None).await;
    assert_eq!(right.get("/v1/me/today").await.must(200)["plans"][0]["plan_id"], ada.plan_id.as_str());
    assert_eq!(ada.person.get("/v1/me/today").await.status, 404);
}

#[tokio::test]
async fn an_invitation_never_signs_anybody_in_to_an_account_that_exists() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let other = app.clinic_named("two").await;
    let (_, token) = other.invite_too(&ada).await;
    let accept = "/v1/auth/invitations/accept";
    for body in [json!({ "token": token }), json!({ "token": token, "password": "a password of somebody else" })] {
        post(&app, accept, body).await.must_be_problem(409, "account_exists");
    }
    // Signed in as somebody else it is not theirs to accept.
    let stranger = clinic.enrol("Bea").await.person;
    stranger.post(accept, json!({ "token": token })).await.must_be_problem(403, "not_allowed");
    let accepted = ada.person.post(accept, json!({ "token": token })).await.must(200);
    assert_eq!(accepted["account_id"], ada.person.account.to_string());
    let me = ada.person.get("/v1/me").await.must(200);
    assert_eq!(me["patients"].as_array().unwrap().len(), 2);
    ada.person.post(accept, json!({ "token": token })).await.must_be_problem(400, "link_used_up");
}

#[tokio::test]
async fn a_patient_moves_to_another_address_by_a_mail_that_they_can_read_there() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    app.set_password(ada.person.account, PASSWORD).await;
    let ada_now = app.person(ada.person.account, None).await;
    let new = "ada.new@patients.example";
    let change = "/v1/me/email-change";
    ada_now.post(change, json!({ "email": new })).await.must_name("/password", "wrong_password");
    ada_now
        .post(change, json!({ "email": new, "password": "not the one at all" }))
        .await
        .must_name("/password", "wrong_password");
    post(&app, "/v1/auth/sign-in-links", json!({ "email": ada.email })).await.must(202);
    let sign_in = token_in(&app.the_mail().await);
    ada_now.post(change, json!({ "email": new, "password": PASSWORD })).await.must(202);
    let mail = app.the_mail().await;
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), (new, "Please confirm your address"));
    assert_eq!(ada_now.get("/v1/me").await.must(200)["email"], ada.email.as_str(), "nothing changed yet");
    let token = token_in(&mail);
    let confirm = "/v1/auth/email-change/confirm";
    post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": token })).await.must_be_problem(400, "link_used_up");
    post(&app, confirm, json!({ "token": token })).await.must(204);
    post(&app, confirm, json!({ "token": token })).await.must_be_problem(400, "link_used_up");
    let told = app.the_mail().await;
    assert_eq!((told.to.as_str(), told.subject.as_str()), (ada.email.as_str(), "Your address was changed"));
    assert_eq!(ada_now.get("/v1/me").await.must(200)["email"], new);
    let record = clinic.owner.get(&format!("/v1/clinic/patients/{}", ada.patient_id)).await.must(200);
    assert_eq!(record["email"], new, "the clinic's record follows");
    post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": sign_in }))
        .await
        .must_be_problem(400, "link_used_up");
    post(&app, "/v1/auth/login", json!({ "email": ada.email, "password": PASSWORD }))
        .await
        .must_be_problem(401, "sign_in_needed");
    post(&app, "/v1/auth/login", json!({ "email": new, "password": PASSWORD })).await.must(200);

    // An address that another account has is told only to who can read its mail.
    let bea = clinic.enrol("Bea").await;
    bea.person.post(change, json!({ "email": new })).await.must(202);
    let token = token_in(&app.the_mail().await);
    post(&app, confirm, json!({ "token": token })).await.must_be_problem(409, "address_taken");
}

#[tokio::test]
async fn what_lets_somebody_in_ends_with_a_new_password_and_with_all_sessions() {
    let (app, clinic) = start().await;
    let email = "owner@one.example";
    let link = async |route: &str| {
        post(&app, route, json!({ "email": email })).await.must(202);
        token_in(&app.the_mail().await)
    };
    let exchange =
        async |token: &str| post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": token })).await.status;
    let (first, second) = (link("/v1/auth/sign-in-links").await, link("/v1/auth/password-reset").await);
    let third = link("/v1/auth/password-reset").await;
    let confirm = "/v1/auth/password-reset/confirm";
    post(&app, confirm, json!({ "token": third, "password": PASSWORD })).await.must(204);
    assert_eq!(exchange(&first).await, 400);
    post(&app, confirm, json!({ "token": second, "password": "another sentence altogether" }))
        .await
        .must_be_problem(400, "link_used_up");
    let owner = app.person(clinic.owner.account, Some(clinic.id)).await;
    let fourth = link("/v1/auth/sign-in-links").await;
    owner.delete("/v1/me/sessions").await.must(204);
    assert_eq!(exchange(&fourth).await, 400);
    assert_eq!(exchange(&link("/v1/auth/sign-in-links").await).await, 200, "a new one works");
}

#[tokio::test]
async fn a_sign_in_that_is_under_way_does_not_survive_a_reset() {
    let (app, clinic) = start().await;
    let email = "owner@one.example";
    let passwords = ["the first sentence that I know", "the second sentence that I know"];
    app.set_password(clinic.owner.account, passwords[0]).await;
    for round in 0..6 {
        app.pass_seconds(3_600);
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        post(&app, "/v1/auth/password-reset", json!({ "email": email })).await.must(202);
        let token = token_in(&app.the_mail().await);
        let logins = (0..4).map(|_| post(&app, "/v1/auth/login", json!({ "email": email, "password": old })));
        let reset = post(&app, "/v1/auth/password-reset/confirm", json!({ "token": token, "password": new }));
        let (logins, reset) = futures_util::future::join(futures_util::future::join_all(logins), reset).await;
        reset.must(204);
        for login in logins.iter().filter(|login| login.status == 200) {
            let body = login.json();
            let refresh = json!({ "refresh_token": body["refresh_token"] });
            post(&app, "/v1/auth/refresh", refresh).await.must_be_problem(401, "sign_in_needed");
            let me = app.ask("GET", "/v1/me").bearer(body["access_token"].as_str().unwrap()).send().await;
            me.must_be_problem(401, "sign_in_needed");
        }
    }
}

#[tokio::test]
async fn an_account_that_is_shut_is_out_at_once_and_stays_out() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let token = ada.person.token().await;
    post(&app, "/v1/auth/sign-in-links", json!({ "email": ada.email })).await.must(202);
    let link = token_in(&app.the_mail().await);
    let disable = async |disabled: bool| {
        let email = ada.email.clone();
        let done = app.app.act(Actor::Operator, move |ctx| {
            let account = aftercare::auth::account_named(ctx.c, &email)?;
            aftercare::auth::set_disabled(ctx, &account, disabled, None).map(|_| ())
        });
        done.await.unwrap();
    };
    disable(true).await;
    app.ask("GET", "/v1/me/today").bearer(&token).send().await.must_be_problem(401, "sign_in_needed");
    post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": link })).await.must_be_problem(400, "link_used_up");
    post(&app, "/v1/auth/sign-in-links", json!({ "email": ada.email })).await.must(202);
    assert_eq!(app.mails().await.len(), 0);
    disable(false).await;
    app.ask("GET", "/v1/me/today").bearer(&token).send().await.must_be_problem(401, "sign_in_needed");
    app.person(ada.person.account, None).await.get("/v1/me/today").await.must(200);
}

#[tokio::test]
async fn a_members_state_changes_as_the_table_says_and_nobody_is_confirmed_who_has_not_accepted() {
    let (app, clinic) = start().await;
    let states = ["invited", "accepted", "confirmed", "suspended", "removed"];
    let may = |from: &str, to: &str| {
        from == to
            || matches!(
                (from, to),
                ("invited", "removed")
                    | ("accepted", "confirmed" | "removed")
                    | ("confirmed", "suspended" | "removed")
                    | ("suspended", "confirmed" | "removed")
            )
    };
    let member = clinic.members[2].to_string();
    let (path, id) = (format!("/v1/clinic/members/{member}"), app.database.id(&member));
    for from in states {
        for to in states {
            app.database.run(&format!("UPDATE members SET state = '{from}', version = 1 WHERE id = {id}"));
            let changed = clinic.owner.send_if("PATCH", &path, "\"v1\"", json!({ "state": to })).await;
            if may(from, to) {
                assert_eq!(changed.must(200)["state"], to, "{from} -> {to}");
            } else {
                changed.must_be_problem(409, "state_not_possible");
            }
        }
    }
}

#[tokio::test]
async fn suspending_a_member_ends_their_sessions_for_good_and_who_left_is_invited_anew() {
    let (app, clinic) = start().await;
    let (member, token) = (clinic.members[2], clinic.coordinator.token().await);
    let path = format!("/v1/clinic/members/{member}");
    let change = async |state: &str| {
        let version = app.database.lines(&format!(
            "SELECT CAST(version AS TEXT) AS value FROM members WHERE id = {}",
            app.database.id(&member.to_string())
        ));
        clinic.owner.send_if("PATCH", &path, &format!("\"v{}\"", version[0]), json!({ "state": state })).await.must(200)
    };
    change("suspended").await;
    app.ask("GET", "/v1/clinic").bearer(&token).send().await.must_be_problem(401, "sign_in_needed");
    change("confirmed").await;
    app.ask("GET", "/v1/clinic").bearer(&token).send().await.must_be_problem(401, "sign_in_needed");
    app.person(clinic.coordinator.account, Some(clinic.id)).await.get("/v1/clinic").await.must(200);
    change("removed").await;
    let again = json!({ "name": "Nia Again", "email": "coordinator@one.example", "role": "clinician" });
    let invited = clinic.owner.post("/v1/clinic/members", again.clone()).await.must(201);
    assert_eq!(
        (&invited["id"], &invited["state"], &invited["role"]),
        (&json!(member), &json!("invited"), &json!("clinician"))
    );
    assert_eq!(invited["account_id"], Value::Null, "nothing is told of an account before its owner has answered");
    clinic.owner.post("/v1/clinic/members", again).await.must_be_problem(409, "member_exists");
    app.the_mail().await;
}

#[tokio::test]
async fn an_invitation_tells_the_clinic_nothing_of_accounts_elsewhere() {
    let (app, clinic) = start().await;
    let other = app.clinic_named("two").await;
    let invite = async |email: &str| {
        let new = json!({ "name": "New", "email": email, "role": "coordinator" });
        let mut told = clinic.owner.post("/v1/clinic/members", new).await.must(201);
        for own in ["id", "email"] {
            told.as_object_mut().unwrap().remove(own);
        }
        told
    };
    assert_eq!(invite("owner@two.example").await, invite("nobody@nowhere.example").await);
    assert_eq!(app.mails().await.len(), 2);
    drop(other);
}

#[tokio::test]
async fn a_letter_to_somebody_of_two_clinics_names_both_and_no_number() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let other = app.clinic_named("two").await;
    other.enrol_as(("Ada", "Europe/London"), "mn-face", crate::support::people::face_treatment("2026-03-02")).await;
    app.mails().await;
    post(&app, "/v1/auth/sign-in-links", json!({ "email": ada.email })).await.must(202);
    let letter = app.the_mail().await;
    assert!(letter.from_name.contains(", ") && letter.from_name.contains("two"), "{}", letter.from_name);
    assert!(letter.text.contains(&letter.from_name) && !letter.html.contains("tel:"), "{}", letter.text);
}
