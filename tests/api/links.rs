//! Mailed links and passwords: one use, one purpose, ten minutes; nobody learns whose address is known; nobody is locked out.

use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::people::Clinic;
use crate::support::{BASE_URL, Shared, TestApp, at, subjects, token_in};

const PASSWORD: &str = "a sentence that only I know";

async fn post(app: &TestApp, path: &str, body: Value) -> Reply {
    app.ask("POST", path).json(&body).send().await
}

/// The token of a freshly mailed link for the clinic's owner.
async fn mailed(app: &Shared, route: &str) -> String {
    post(app, route, json!({ "email": "owner@one.example" })).await.must(202);
    token_in(&app.the_mail().await)
}

async fn start() -> (Shared, Clinic) {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    (app, clinic)
}

#[tokio::test]
async fn t17_fifty_uses_of_a_link_at_once_sign_in_one() {
    let (app, _) = start().await;
    let token = mailed(&app, "/v1/auth/sign-in-links").await;
    let at_once = (0..50).map(|_| post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": token })));
    let replies = futures_util::future::join_all(at_once).await;
    let signed_in = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(signed_in, 1);
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 400 | 503)));
}

#[tokio::test]
async fn t17_a_scanner_that_opens_the_link_changes_nothing() {
    let (app, _) = start().await;
    let token = mailed(&app, "/v1/auth/sign-in-links").await;
    let before = app.database.contents();
    for _ in 0..20 {
        for method in ["GET", "HEAD"] {
            let client = reqwest::Client::new();
            let url = format!("http://{}/open/sign-in#{token}", app.address);
            let response = client.request(method.parse().unwrap(), url).send().await.unwrap();
            assert!(method == "HEAD" || response.status() == 200);
            assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        }
    }
    assert_eq!(app.database.contents(), before);
    post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": token })).await.must(200);
}

#[tokio::test]
async fn t17_a_link_is_good_for_its_own_purpose_only() {
    let (app, clinic) = start().await;
    let sign_in = mailed(&app, "/v1/auth/sign-in-links").await;
    let reset = mailed(&app, "/v1/auth/password-reset").await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let invite = format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap());
    clinic.coordinator.post_nothing(&invite).await.must(201);
    let invitation = token_in(&app.the_mail().await);
    let before = app.database.contents();
    for (path, body) in [
        ("/v1/auth/password-reset/confirm", json!({ "token": sign_in, "password": PASSWORD })),
        ("/v1/auth/password-reset/confirm", json!({ "token": invitation, "password": PASSWORD })),
        ("/v1/auth/invitations/accept", json!({ "token": sign_in, "password": PASSWORD })),
        ("/v1/auth/invitations/accept", json!({ "token": reset, "password": PASSWORD })),
        ("/v1/auth/sign-in-links/exchange", json!({ "token": reset })),
        ("/v1/auth/sign-in-links/exchange", json!({ "token": invitation })),
        ("/v1/auth/sign-in-links/exchange", json!({ "token": "" })),
    ] {
        post(&app, path, body).await.must_be_problem(400, "link_used_up");
    }
    assert_eq!(app.database.contents(), before);
}

#[tokio::test]
async fn t17_a_link_is_good_for_ten_minutes() {
    let (app, _) = start().await;
    let in_time = mailed(&app, "/v1/auth/sign-in-links").await;
    app.pass_seconds(599);
    post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": in_time })).await.must(200);
    let late = mailed(&app, "/v1/auth/password-reset").await;
    app.pass_seconds(601);
    let body = json!({ "token": late, "password": PASSWORD });
    post(&app, "/v1/auth/password-reset/confirm", body).await.must_be_problem(400, "link_used_up");
}

#[tokio::test]
async fn t17_only_the_digest_of_a_token_is_stored() {
    let (app, _) = start().await;
    let token = mailed(&app, "/v1/auth/sign-in-links").await;
    let stored = app.database.contents().join("\n");
    assert!(!stored.contains(&token), "the token stands in the database");
    let reply = post(&app, "/v1/auth/sign-in-links/exchange", json!({ "token": token })).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    let refresh = reply.must(200)["refresh_token"].as_str().unwrap().to_owned();
    assert!(!app.database.contents().join("\n").contains(&refresh));
}

#[tokio::test]
async fn t17_a_new_password_ends_every_session_and_the_old_password() {
    let (app, clinic) = start().await;
    app.set_password(clinic.owner.account, "the sentence that was before").await;
    let token = mailed(&app, "/v1/auth/password-reset").await;
    post(&app, "/v1/auth/password-reset/confirm", json!({ "token": token, "password": PASSWORD })).await.must(204);
    clinic.owner.get("/v1/me").await.must_be_problem(401, "sign_in_needed");
    let login =
        |password: &str| post(&app, "/v1/auth/login", json!({ "email": "owner@one.example", "password": password }));
    login("the sentence that was before").await.must_be_problem(401, "sign_in_needed");
    login("a sentence that only I knoW").await.must_be_problem(401, "sign_in_needed");
    login(PASSWORD).await.must(200);
}

#[tokio::test]
async fn t17_a_newer_invitation_ends_the_older_one() {
    let (app, clinic) = start().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let invite = format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap());
    clinic.coordinator.post_nothing(&invite).await.must(201);
    let older = token_in(&app.the_mail().await);
    app.pass_seconds(1);
    clinic.coordinator.post_nothing(&invite).await.must(201);
    let newer = token_in(&app.the_mail().await);
    post(&app, "/v1/auth/invitations/accept", json!({ "token": older })).await.must_be_problem(400, "link_used_up");
    post(&app, "/v1/auth/invitations/accept", json!({ "token": newer })).await.must(200);
    clinic.coordinator.post_nothing(&invite).await.must_be_problem(409, "already_accepted");
}

#[tokio::test]
async fn t52_an_invitation_that_went_to_a_wrong_address_dies_with_the_address() {
    let (app, clinic) = start().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    clinic.coordinator.post_nothing(&format!("{path}/invitation")).await.must(201);
    let strangers = token_in(&app.the_mail().await);
    clinic
        .coordinator
        .send_if("PATCH", &path, "\"v1\"", json!({ "email": "ada.right@patients.example" }))
        .await
        .must(200);
    let body = json!({ "token": strangers, "password": PASSWORD });
    post(&app, "/v1/auth/invitations/accept", body).await.must_be_problem(400, "link_used_up");
    assert_eq!(app.database.count("accounts", "email LIKE '%patients.example'"), 0);
}

#[tokio::test]
async fn t52_an_invitation_never_replaces_the_password_of_an_account() {
    let (app, clinic) = start().await;
    app.set_password(clinic.clinician.account, PASSWORD).await;
    let body = json!({ "name": "Clinician as a patient", "email": "clinician@one.example" });
    let patient = clinic.coordinator.post("/v1/clinic/patients", body).await.must(201);
    clinic
        .coordinator
        .post_nothing(&format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap()))
        .await
        .must(201);
    let token = token_in(&app.the_mail().await);
    let accept =
        |password: Value| post(&app, "/v1/auth/invitations/accept", json!({ "token": token, "password": password }));
    accept(Value::Null).await.must_name("/password", "missing_field");
    accept(json!("another sentence altogether")).await.must_name("/password", "wrong_password");
    accept(json!(PASSWORD)).await.must(200);
    let login = json!({ "email": "clinician@one.example", "password": "another sentence altogether" });
    post(&app, "/v1/auth/login", login).await.must_be_problem(401, "sign_in_needed");
}

#[tokio::test]
async fn t18_a_link_leads_to_our_own_address_whatever_a_request_says() {
    let (app, _) = start().await;
    for header in ["host", "x-forwarded-host", "forwarded", "x-original-host", "origin", "referer"] {
        app.pass_seconds(61);
        let value = if header == "forwarded" { "host=evil.example;proto=https" } else { "evil.example" };
        let ask = app.ask("POST", "/v1/auth/sign-in-links").header(header, value);
        ask.json(&json!({ "email": "owner@one.example" })).send().await.must(202);
        let mail = app.the_mail().await;
        assert!(mail.text.contains(&format!("{BASE_URL}/open/sign-in#")), "{}", mail.text);
        assert!(!format!("{}{}{:?}", mail.text, mail.html, mail.list_unsubscribe).contains("evil"), "{header}");
    }
}

#[tokio::test]
async fn t13_an_unknown_address_and_a_known_one_get_the_same_answer() {
    let (app, clinic) = start().await;
    app.set_password(clinic.owner.account, PASSWORD).await;
    let answers = async |email: &str| {
        let mut answers = Vec::new();
        for (path, body) in [
            ("/v1/auth/login", json!({ "email": email, "password": "not the password at all" })),
            ("/v1/auth/password-reset", json!({ "email": email })),
            ("/v1/auth/sign-in-links", json!({ "email": email })),
        ] {
            let reply = post(&app, path, body).await;
            let names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
            let body = if reply.bytes.is_empty() { String::new() } else { reply.without_trace() };
            answers.push((reply.status, names, body));
        }
        answers
    };
    assert_eq!(answers("owner@one.example").await, answers("nobody@one.example").await);
    let mails = app.mails().await;
    assert!(mails.iter().all(|mail| mail.to == "owner@one.example"), "{:?}", subjects(&mails));
    assert_eq!(mails.len(), 2);
}

#[tokio::test]
async fn t14_guessing_is_slowed_down_where_it_comes_from_and_nobody_else_is_locked_out() {
    let app = TestApp::start_with(|config| config.trusted_proxies = 1).await;
    let clinic = app.clinic().await;
    app.set_password(clinic.owner.account, PASSWORD).await;
    let login = async |password: &str, from: &str| {
        let body = json!({ "email": "owner@one.example", "password": password });
        app.ask("POST", "/v1/auth/login").header("x-forwarded-for", from).json(&body).send().await
    };
    for _ in 0..10 {
        login("not the password at all", "203.0.113.7").await.must_be_problem(401, "sign_in_needed");
    }
    let slowed = login(PASSWORD, "203.0.113.7").await;
    slowed.must_be_problem(429, "too_many_tries");
    assert!((1..=60).contains(&slowed.header("retry-after").parse::<i32>().unwrap()));
    login(PASSWORD, "198.51.100.1, 203.0.113.7").await.must_be_problem(429, "too_many_tries");
    login(PASSWORD, "203.0.113.8").await.must(200);
    let restarted = TestApp::start_on(app.database.share(), |config| config.trusted_proxies = 1).await;
    let body = json!({ "email": "owner@one.example", "password": PASSWORD });
    let ask = restarted.ask("POST", "/v1/auth/login").header("x-forwarded-for", "203.0.113.7").json(&body);
    ask.send().await.must_be_problem(429, "too_many_tries");
    app.pass_seconds(60);
    login(PASSWORD, "203.0.113.7").await.must(200);
}

#[tokio::test]
async fn t15_passwords_are_kept_as_argon2id_and_whole() {
    let (app, clinic) = start().await;
    let long = "ö sentence of 🙂 and spaces ".repeat(4).chars().take(100).collect::<String>();
    let token = mailed(&app, "/v1/auth/password-reset").await;
    post(&app, "/v1/auth/password-reset/confirm", json!({ "token": token, "password": long })).await.must(204);
    let id = app.database.id(&clinic.owner.account.to_string());
    let stored = app.database.lines(&format!("SELECT password_hash AS value FROM accounts WHERE id = {id}"));
    assert!(stored[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored[0]);
    let login =
        |password: String| post(&app, "/v1/auth/login", json!({ "email": "owner@one.example", "password": password }));
    let shorter: String = long.chars().take(99).collect();
    login(shorter).await.must_be_problem(401, "sign_in_needed");
    login(long.replace('ö', "o\u{308}")).await.must(200);
}

#[tokio::test]
async fn an_invitation_lives_for_a_week_and_its_mail_as_long() {
    let (app, clinic) = start().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap());
    let invited = clinic.coordinator.post_nothing(&path).await.must(201);
    assert_eq!(invited["expires_at"], "2026-03-09T10:00:00Z");
    let token = token_in(&app.the_mail().await);
    assert!(app.app.clock.set(at("2026-03-09T10:00:00Z")));
    post(&app, "/v1/auth/invitations/accept", json!({ "token": token })).await.must_be_problem(400, "link_used_up");
    clinic.coordinator.post_nothing(&path).await.must(201);
    assert!(app.app.clock.set(at("2026-03-16T10:00:00Z")));
    assert_eq!(subjects(&app.mails().await), [], "a mail whose link has run out is not sent");
}

/// Welch's t of two populations.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let variance = |of: &[f64]| {
        let mean = mean(of);
        of.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (of.len() as f64 - 1.0)
    };
    let spread = variance(one) / one.len() as f64 + variance(other) / other.len() as f64;
    (mean(one) - mean(other)) / spread.sqrt()
}

#[tokio::test]
async fn t13_how_long_an_answer_takes_tells_nothing_of_an_address() {
    let (app, _) = start().await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let mut times = [Vec::new(), Vec::new()];
        for pair in 0..2_000 {
            if pair % 8 == 0 {
                app.pass_seconds(3_600);
            }
            // Which one is first changes from pair to pair.
            for place in [pair % 2, 1 - pair % 2] {
                let email = ["owner@one.example", "nobody@one.example"][place];
                let clock = ground::time::Stopwatch::start();
                post(&app, "/v1/auth/sign-in-links", json!({ "email": email })).await.must(202);
                times[place].push(clock.elapsed().as_secs_f64());
            }
        }
        // The slowest hundredth is the machine's, not ours.
        for of in &mut times {
            of.sort_by(f64::total_cmp);
            of.truncate(of.len() * 99 / 100);
        }
        let t = welch(&times[0], &times[1]).abs();
        seen.push(t);
        if t < 4.0 {
            app.ignore_mails();
            return;
        }
    }
    panic!("known and unknown addresses differ: |t| = {seen:?}");
}

/// What anybody knows of the holder of the link, and what everybody tries first.
const GUESSABLE: [&str; 6] = [
    "PasswordPassword2026",
    "Owner.Invented.1990",
    "owner@one.example",
    "InventedClinicOne1",
    "0wn3r 1nv3nt3d cl1n1c",
    "a long sentence that only you know",
];

#[tokio::test]
async fn t15_a_password_that_is_common_or_about_the_person_is_refused_and_the_link_stays_good() {
    let (app, _) = start().await;
    let token = mailed(&app, "/v1/auth/password-reset").await;
    let before = app.database.contents();
    let confirm = async |token: &str, password: &str| {
        post(&app, "/v1/auth/password-reset/confirm", json!({ "token": token, "password": password })).await
    };
    for password in GUESSABLE {
        let refused = confirm(&token, password).await;
        refused.must_name("/password", "too_common");
        assert!(!refused.text().contains(password), "{}", refused.text());
    }
    // An unknown link is told nothing, neither of the password nor of anybody.
    for password in GUESSABLE.into_iter().chain([PASSWORD]) {
        confirm("0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b", password).await.must_be_problem(400, "link_used_up");
    }
    assert_eq!(app.database.contents(), before);
    confirm(&token, PASSWORD).await.must(204);
}

#[tokio::test]
async fn t15_who_accepts_an_invitation_does_not_take_a_password_about_the_person() {
    let (app, clinic) = start().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let (name, email) = (patient["name"].as_str().unwrap(), patient["email"].as_str().unwrap());
    clinic
        .coordinator
        .post_nothing(&format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap()))
        .await
        .must(201);
    let ours = token_in(&app.the_mail().await);
    let member = json!({ "name": "Mia Musterfrau", "email": "mia@clinic.example", "role": "coordinator" });
    clinic.owner.post("/v1/clinic/members", member).await.must(201);
    let theirs = token_in(&app.the_mail().await);
    let accept = async |token: &str, password: &str| {
        post(&app, "/v1/auth/invitations/accept", json!({ "token": token, "password": password })).await
    };
    for password in [&format!("{name} {name} 1990"), &format!("{email}{email}"), "Invented-Clinic-one"] {
        accept(&ours, password).await.must_name("/password", "too_common");
    }
    for password in ["mia.musterfrau.1990", "MiaMusterfrau19Musterfrau", "letmeinletmein123"] {
        accept(&theirs, password).await.must_name("/password", "too_common");
    }
    accept(&ours, "mia musterfrau knows it").await.must(200);
    accept(&theirs, PASSWORD).await.must(200);
}
