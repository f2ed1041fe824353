//! What support does by API: mails that did not arrive, accounts of patients, invitations of staff.

use aftercare::events::Actor;
use serde_json::{Value, json};

use crate::support::people::Clinic;
use crate::support::{Shared, TestApp, subjects, token_in};

const PASSWORD: &str = "a sentence that only I know";
const UNDELIVERED: &str = "/v1/clinic/undelivered-mails";

async fn start() -> (Shared, Clinic) {
    let app = TestApp::start().await;
    let clinic = app.clinic_named("one").await;
    (app, clinic)
}

/// As if the relay had refused it, or its time had run out.
fn give_up(app: &Shared, kind: &str, state: &str) {
    app.database.run(&format!(
        "UPDATE outbox SET state = '{state}', attempt = 3, outcome = '550 5.7.1 not today', settled_at = created_at \
         WHERE kind = '{kind}' AND state = 'pending'"
    ));
}

async fn the_undelivered(clinic: &Clinic) -> Value {
    let page = clinic.coordinator.get(UNDELIVERED).await.must(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    page["items"][0].clone()
}

#[tokio::test]
async fn an_invitation_that_was_given_up_is_seen_and_sent_again_while_its_address_is_the_records() {
    let (app, clinic) = start().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    for state in ["dead", "expired", "unknown"] {
        clinic.coordinator.post_nothing(&format!("{path}/invitation")).await.must(201);
        give_up(&app, "patient_invitation", state);
        let seen = the_undelivered(&clinic).await;
        let wanted = json!({
            "id": seen["id"], "kind": "patient_invitation", "patient_id": patient["id"], "to": patient["email"],
            "state": state, "attempts": 3, "outcome": "550 5.7.1 not today", "created_at": "2026-03-02T10:00:00Z",
            "settled_at": "2026-03-02T10:00:00Z", "expires_at": "2026-03-09T10:00:00Z", "can_be_sent_again": true,
        });
        assert_eq!(seen, wanted);
        let mail = format!("/v1/clinic/mails/{}", seen["id"].as_str().unwrap());
        let read = clinic.coordinator.get(&mail).await.must(200);
        assert_eq!((&read["mail"], &read["subject"]), (&wanted, &json!("Please open your secure page")));
        let text = read["text"].as_str().unwrap();
        assert!(text.contains("https://care.example/open/invitation") && !text.contains('#'), "{text}");

        let again = clinic.coordinator.post_nothing(&format!("{mail}/send-again")).await.must(200);
        assert_eq!(
            (&again["state"], &again["attempts"], &again["outcome"]),
            (&json!("pending"), &json!(0), &Value::Null)
        );
        clinic.coordinator.post_nothing(&format!("{mail}/send-again")).await.must_be_problem(409, "mail_on_its_way");
        let letter = app.the_mail().await;
        assert_eq!(letter.to, patient["email"].as_str().unwrap());
        assert!(!token_in(&letter).is_empty());
        let read = clinic.coordinator.get(&mail).await.must(200);
        assert_eq!(read["mail"]["state"], "sent");
        assert_eq!((&read["subject"], &read["text"]), (&Value::Null, &Value::Null), "what was sent is not kept");
        assert_eq!(clinic.coordinator.get(UNDELIVERED).await.must(200)["items"], json!([]));
    }
    assert_eq!(app.database.count("events", "kind = 'mail.sent_again'"), 3);

    // After the address was corrected, the old letter is not wanted any more, and a new invitation is.
    clinic.coordinator.post_nothing(&format!("{path}/invitation")).await.must(201);
    give_up(&app, "patient_invitation", "dead");
    let id = the_undelivered(&clinic).await["id"].as_str().unwrap().to_owned();
    let new = json!({ "email": "ada.new@patients.example" });
    clinic.coordinator.send_if("PATCH", &path, "\"v1\"", new).await.must(200);
    let again = format!("/v1/clinic/mails/{id}/send-again");
    clinic.coordinator.post_nothing(&again).await.must_be_problem(409, "mail_not_wanted");
    assert_eq!(the_undelivered(&clinic).await["can_be_sent_again"], false);
    assert_eq!(app.mails().await.len(), 0);
}

#[tokio::test]
async fn what_is_too_late_or_was_for_the_moment_is_not_sent_again() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    app.set_clock("2026-03-02T19:00:00Z");
    let in_vain = r#"state = 'dead', settled_at = created_at, context = '{"link":"https://care.example/open/today","unsubscribe":true}'"#;
    let of_kind = async |kind: &str| {
        let page = clinic.coordinator.get(UNDELIVERED).await.must(200);
        page["items"].as_array().unwrap().iter().find(|mail| mail["kind"] == kind).cloned()
    };
    assert_eq!(app.mails().await.len(), 1);
    app.database.run(&format!("UPDATE outbox SET {in_vain} WHERE kind = 'reminder'"));
    let reminder = of_kind("reminder").await.unwrap();
    assert_eq!(reminder["can_be_sent_again"], true);
    let again = format!("/v1/clinic/mails/{}/send-again", reminder["id"].as_str().unwrap());
    clinic.coordinator.post_nothing(&again).await.must(200);
    assert_eq!(app.the_mail().await.to, ada.email);
    app.database.run(&format!("UPDATE outbox SET {in_vain} WHERE kind = 'reminder'"));
    app.set_clock("2026-03-03T10:00:00Z");
    clinic.coordinator.post_nothing(&again).await.must_be_problem(409, "mail_too_late");
    assert_eq!(of_kind("reminder").await.unwrap()["can_be_sent_again"], false);
    // Links have no clinic: the clinic sees none of them, and the operator cannot send one again either.
    let link = json!({ "email": ada.email });
    app.ask("POST", "/v1/auth/sign-in-links").json(&link).send().await.must(202);
    give_up(&app, "sign_in_link", "expired");
    assert_eq!(of_kind("sign_in_link").await, None);
    let refused = app.app.act(Actor::Operator, move |ctx| {
        let page = aftercare::http::PageParams::whole();
        let all = aftercare::mail::outbox::list_undelivered(ctx.c, None, &page)?;
        let link = all.into_iter().find(|one| one.mail.kind == "sign_in_link").unwrap();
        let why = aftercare::undelivered::send_again(ctx, None, link.mail.id, Some("Asked for.")).err();
        Ok(why.map(|why| why.to_string()).unwrap_or_default())
    });
    assert!(refused.await.unwrap().contains("asks for a new one"));
}

#[tokio::test]
async fn a_member_whose_invitation_was_lost_is_invited_again_and_the_older_link_ends() {
    let (app, clinic) = start().await;
    let new = json!({ "name": "Mia Invented", "email": "mia@clinic.example", "role": "coordinator" });
    let mia = clinic.owner.post("/v1/clinic/members", new).await.must(201);
    let lost = token_in(&app.the_mail().await);
    let path = format!("/v1/clinic/members/{}/invitation", mia["id"].as_str().unwrap());
    // One that still waits for the relay must not arrive beside the new one; and to send one again is the owners' right.
    clinic.owner.post_nothing(&path).await.must(201);
    give_up(&app, "member_invitation", "dead");
    let given_up = the_undelivered(&clinic).await["id"].as_str().unwrap().to_owned();
    let send = format!("/v1/clinic/mails/{given_up}/send-again");
    clinic.coordinator.post_nothing(&send).await.must_be_problem(403, "not_allowed");
    clinic.coordinator.post_nothing(&path).await.must_be_problem(403, "not_allowed");
    let again = clinic.owner.post_nothing(&path).await.must(201);
    assert_eq!(again, json!({ "member_id": mia["id"], "expires_at": "2026-03-09T10:00:00Z" }));
    let found = token_in(&app.the_mail().await);
    let accept = |token: &str| {
        let body = json!({ "token": token, "password": PASSWORD });
        let app = app.clone();
        async move { app.ask("POST", "/v1/auth/invitations/accept").json(&body).send().await }
    };
    accept(&lost).await.must_be_problem(400, "link_used_up");
    accept(&found).await.must(200);
    clinic.owner.post_nothing(&path).await.must_be_problem(409, "already_accepted");
    assert_eq!(app.mails().await.len(), 0);
}

#[tokio::test]
async fn a_patient_who_lost_their_mailbox_is_moved_and_both_addresses_know() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let account = format!("/v1/clinic/patients/{}/account", ada.patient_id);
    let seen = clinic.coordinator.get(&account).await.must(200);
    let wanted = json!({
        "patient_id": ada.patient_id, "email": ada.email, "created_at": seen["created_at"], "disabled_at": null,
        "open_sessions": seen["open_sessions"],
    });
    assert_eq!(seen, wanted);
    assert!(seen["open_sessions"].as_u64().unwrap() >= 1);
    app.ask("POST", "/v1/auth/sign-in-links").json(&json!({ "email": ada.email })).send().await.must(202);
    let old_link = token_in(&app.the_mail().await);

    let to = json!({ "email": "ada.new@patients.example", "reason": "Called; her mailbox is gone." });
    let link = clinic.coordinator.post(&format!("{account}/move"), to).await.must(201);
    assert_eq!(link, json!({ "patient_id": ada.patient_id, "expires_at": "2026-03-03T10:00:00Z" }));
    assert_eq!(clinic.coordinator.get(&account).await.must(200)["email"], ada.email.as_str(), "nothing changed yet");
    app.pass_seconds(20 * 3_600);
    let letter = app.the_mail().await;
    assert_eq!(
        (letter.to.as_str(), letter.subject.as_str()),
        ("ada.new@patients.example", "Please confirm your address")
    );
    let confirm = json!({ "token": token_in(&letter) });
    app.ask("POST", "/v1/auth/email-change/confirm").json(&confirm).send().await.must(204);
    assert_eq!(clinic.coordinator.get(&account).await.must(200)["email"], "ada.new@patients.example");
    assert_eq!(subjects(&app.mails().await), [(ada.email.as_str(), "Your address was changed")]);
    let record = clinic.owner.get(&format!("/v1/clinic/patients/{}", ada.patient_id)).await.must(200);
    assert_eq!(record["email"], "ada.new@patients.example");
    let exchange = json!({ "token": old_link });
    app.ask("POST", "/v1/auth/sign-in-links/exchange")
        .json(&exchange)
        .send()
        .await
        .must_be_problem(400, "link_used_up");
    app.ask("POST", "/v1/auth/sign-in-links")
        .json(&json!({ "email": "ada.new@patients.example" }))
        .send()
        .await
        .must(202);
    assert_eq!(app.the_mail().await.to, "ada.new@patients.example");
    let asked = "kind = 'account.address_change_requested' AND reason = 'Called; her mailbox is gone.'";
    assert_eq!(app.database.count("events", asked), 1);
    app.work().await;
    let happened = clinic.owner.get(&format!("/v1/clinic/events?patient_id={}&limit=100", ada.patient_id)).await;
    let kinds: Vec<Value> =
        happened.must(200)["items"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    for kind in ["account.address_change_requested", "account.address_changed"] {
        assert_eq!(kinds.iter().filter(|one| **one == kind).count(), 1, "{kind}: {kinds:?}");
    }

    // Whether somebody has the address is told only to who can read its mail.
    let bea = clinic.enrol("Bea").await;
    let taken = json!({ "email": bea.email, "reason": "By mistake." });
    clinic.coordinator.post(&format!("{account}/move"), taken.clone()).await.must(201);
    let confirm = json!({ "token": token_in(&app.the_mail().await) });
    app.ask("POST", "/v1/auth/email-change/confirm").json(&confirm).send().await.must_be_problem(409, "address_taken");

    let cora = clinic.add_patient("Cora", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}/account", cora["id"].as_str().unwrap());
    clinic.coordinator.get(&path).await.must_be_problem(409, "not_accepted");
    for command in ["move", "disable", "enable"] {
        let body = if command == "move" { taken.clone() } else { json!({ "reason": "By mistake." }) };
        clinic.coordinator.post(&format!("{path}/{command}"), body).await.must_be_problem(409, "not_accepted");
    }
}

#[tokio::test]
async fn only_the_newest_asking_moves_an_account_and_only_while_it_is_the_clinics_alone() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let ask = async |to: &str| {
        let body = json!({ "email": to, "reason": "Called." });
        let path = format!("/v1/clinic/patients/{}/account/move", ada.patient_id);
        clinic.coordinator.post(&path, body).await.must(201);
    };
    let confirm = async |token: &str| {
        app.ask("POST", "/v1/auth/email-change/confirm").json(&json!({ "token": token })).send().await
    };
    // One that was typed wrongly was sent before it was seen, and one more waits for its relay.
    ask("aad.new@patients.example").await;
    let wrong = token_in(&app.the_mail().await);
    // Whatever the relay will say to one that is on the wire, it is not tried again.
    for state in ["retry", "leased", "sending"] {
        ask("daa.new@patients.example").await;
        app.database.run(&format!(
            "UPDATE outbox SET state = '{state}', available_at = expires_at WHERE kind = 'address_change' AND state = 'pending'"
        ));
    }
    ask("ada.new@patients.example").await;
    let right = app.the_mail().await;
    assert_eq!(right.to, "ada.new@patients.example");
    confirm(&wrong).await.must_be_problem(400, "link_used_up");
    let waited = "to_address = 'daa.new@patients.example' AND state = 'withdrawn' AND outcome = 'replaced'";
    assert_eq!(app.database.count("outbox", waited), 3);

    // Meanwhile she accepts at another clinic: it is hers to move now.
    let other = app.clinic_named("two").await;
    let (_, token) = other.invite_too(&ada).await;
    ada.person.post("/v1/auth/invitations/accept", json!({ "token": token })).await.must(200);
    confirm(&token_in(&right)).await.must_be_problem(400, "link_used_up");
    assert_eq!(ada.person.get("/v1/me").await.must(200)["email"], ada.email.as_str());
}

#[tokio::test]
async fn a_lost_phone_is_shut_out_at_once_until_the_account_is_opened_again() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let account = format!("/v1/clinic/patients/{}/account", ada.patient_id);
    let token = ada.person.token().await;
    let reason = json!({ "reason": "Her phone was stolen." });
    let shut = clinic.coordinator.post(&format!("{account}/disable"), reason.clone()).await.must(200);
    assert_eq!((&shut["disabled_at"], &shut["open_sessions"]), (&json!("2026-03-02T10:00:00Z"), &json!(0)));
    app.ask("GET", "/v1/me/today").bearer(&token).send().await.must_be_problem(401, "sign_in_needed");
    app.ask("POST", "/v1/auth/sign-in-links").json(&json!({ "email": ada.email })).send().await.must(202);
    assert_eq!(app.mails().await.len(), 0, "no link to an account that is shut");
    let open = clinic.coordinator.post(&format!("{account}/enable"), reason).await.must(200);
    assert_eq!(open["disabled_at"], Value::Null);
    app.person(ada.person.account, None).await.get("/v1/me/today").await.must(200);
    let by = app.database.id(&clinic.coordinator.account.to_string());
    let noted = format!(
        "kind IN ('account.disabled', 'account.enabled') AND reason = 'Her phone was stolen.' AND account_id = {by}"
    );
    assert_eq!(app.database.count("events", &noted), 4, "each time the server's, and the clinic's about its patient");
}

#[tokio::test]
async fn what_the_operator_shut_no_clinic_opens() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let account = format!("/v1/clinic/patients/{}/account", ada.patient_id);
    let email = ada.email.clone();
    let shut = app.app.act(Actor::Operator, move |ctx| {
        let account = aftercare::auth::account_named(ctx.c, &email)?;
        aftercare::auth::set_disabled(ctx, &account, true, None).map(|_| ())
    });
    shut.await.unwrap();
    let reason = json!({ "reason": "She asked." });
    let enable = format!("{account}/enable");
    clinic.owner.post(&enable, reason.clone()).await.must_be_problem(409, "shut_by_operator");
    // Nor what a clinic had shut before.
    let bea = clinic.enrol("Bea").await;
    let of_bea = format!("/v1/clinic/patients/{}/account", bea.patient_id);
    clinic.owner.post(&format!("{of_bea}/disable"), reason.clone()).await.must(200);
    let email = bea.email.clone();
    let shut = app.app.act(Actor::Operator, move |ctx| {
        let account = aftercare::auth::account_named(ctx.c, &email)?;
        aftercare::auth::set_disabled(ctx, &account, true, None).map(|_| ())
    });
    shut.await.unwrap();
    clinic.owner.post(&format!("{of_bea}/enable"), reason.clone()).await.must_be_problem(409, "shut_by_operator");
    // A link to an account that is shut would go nowhere.
    let to = json!({ "email": "bea.new@patients.example", "reason": "She asked." });
    clinic.owner.post(&format!("{of_bea}/move"), to).await.must_be_problem(409, "account_disabled");
    // To shut it once more does not make it the clinic's.
    clinic.owner.post(&format!("{account}/disable"), reason.clone()).await.must(200);
    clinic.owner.post(&enable, reason).await.must_be_problem(409, "shut_by_operator");
}

#[tokio::test]
async fn an_account_that_is_used_elsewhere_too_is_not_a_clinics_to_change() {
    let (app, clinic) = start().await;
    let ada = clinic.enrol("Ada").await;
    let other = app.clinic_named("two").await;
    let (record, token) = other.invite_too(&ada).await;
    ada.person.post("/v1/auth/invitations/accept", json!({ "token": token })).await.must(200);
    let reason = json!({ "reason": "We were called." });
    let to = json!({ "email": "ada.new@patients.example", "reason": "We were called." });
    for (at, patient) in [(&clinic, ada.patient_id.as_str()), (&other, record.as_str())] {
        let account = format!("/v1/clinic/patients/{patient}/account");
        at.coordinator.get(&account).await.must(200);
        for (command, body) in [("move", &to), ("disable", &reason), ("enable", &reason)] {
            let asked = at.owner.post(&format!("{account}/{command}"), body.clone()).await;
            asked.must_be_problem(409, "account_elsewhere");
        }
    }
    // A member of staff who is a patient of the same clinic keeps their own account too.
    let staff = json!({ "name": "Olga Invented", "email": "owner@one.example", "zone": "Europe/London" });
    let record = clinic.coordinator.post("/v1/clinic/patients", staff).await.must(201);
    let id = record["id"].as_str().unwrap().to_owned();
    app.database.run(&format!(
        "UPDATE patients SET account_id = {} WHERE id = {}",
        app.database.id(&clinic.owner.account.to_string()),
        app.database.id(&id)
    ));
    let path = format!("/v1/clinic/patients/{id}/account/disable");
    clinic.coordinator.post(&path, reason).await.must_be_problem(409, "account_elsewhere");
}
