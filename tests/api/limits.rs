//! How much one may ask: tries to sign in, mailed links, requests of one source; and what is written down of those who are refused.

use aftercare::mail::outbox::{self, NewMail};
use aftercare::mail::templates::Kind;
use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::{Shared, TestApp};

const PASSWORD: &str = "a sentence that only I know";
const WRONG: &str = "not the password at all";

async fn start() -> Shared {
    let app = TestApp::start_with(|config| config.trusted_proxies = 1).await;
    let clinic = app.clinic().await;
    app.set_password(clinic.owner.account, PASSWORD).await;
    app
}

async fn login(app: &TestApp, email: &str, password: &str, from: &str) -> Reply {
    let body = json!({ "email": email, "password": password });
    app.ask("POST", "/v1/auth/login").header("x-forwarded-for", from).json(&body).send().await
}

#[tokio::test]
async fn t14_guesses_at_once_do_not_slip_past_the_limit() {
    let app = start().await;
    let guesses = (0..40).map(|_| login(&app, "owner@one.example", WRONG, "203.0.113.7"));
    let statuses: Vec<u16> = futures_util::future::join_all(guesses).await.iter().map(|reply| reply.status).collect();
    let judged = statuses.iter().filter(|status| **status == 401).count();
    assert!(judged <= 10, "{judged} of 40 were judged: {statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
}

#[tokio::test]
async fn only_what_was_judged_wrong_counts() {
    let app = start().await;
    for _ in 0..25 {
        login(&app, "owner@one.example", PASSWORD, "203.0.113.7").await.must(200);
    }
    for _ in 0..9 {
        login(&app, "owner@one.example", WRONG, "203.0.113.7").await.must(401);
    }
    login(&app, "owner@one.example", PASSWORD, "203.0.113.7").await.must(200);
    login(&app, "owner@one.example", WRONG, "203.0.113.7").await.must(401);
    login(&app, "owner@one.example", PASSWORD, "203.0.113.7").await.must_be_problem(429, "too_many_tries");
}

#[tokio::test]
async fn a_source_is_known_however_the_proxy_writes_it() {
    let app = start().await;
    for from in ["2001:db8:1:2::7", "[2001:db8:1:2::8]:4711", "2001:db8:1:2:ffff::1", "203.0.113.9, 2001:db8:1:2::9"] {
        for _ in 0..3 {
            let reply = login(&app, "owner@one.example", WRONG, from).await;
            assert!(matches!(reply.status, 401 | 429), "{from}: {}", reply.status);
        }
    }
    login(&app, "owner@one.example", PASSWORD, "2001:db8:1:2:3:4:5:6").await.must_be_problem(429, "too_many_tries");
    login(&app, "owner@one.example", PASSWORD, "2001:db8:1:3::1").await.must(200);
    for from in ["198.51.100.4:1", "198.51.100.4:2", "198.51.100.4"] {
        for _ in 0..4 {
            login(&app, "owner@one.example", WRONG, from).await;
        }
    }
    login(&app, "owner@one.example", PASSWORD, "198.51.100.4:99").await.must_be_problem(429, "too_many_tries");
}

#[tokio::test]
async fn a_crowd_that_guesses_neither_locks_anybody_out_nor_stops_them() {
    let app = start().await;
    let crowd = (0..80).map(|number| {
        let app = &app;
        async move {
            for round in 0..3 {
                let email = format!("invented{number}.{round}@nowhere.example");
                login(app, &email, WRONG, &format!("203.0.{}.{number}", 100 + number % 3)).await;
            }
        }
    });
    let owner = async {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(login(&app, "owner@one.example", PASSWORD, "198.51.100.4").await.status);
        }
        statuses
    };
    let (_, statuses) = futures_util::future::join(futures_util::future::join_all(crowd), owner).await;
    assert_eq!(statuses, [200; 8]);
    // The account itself is guessed at from everywhere: it becomes slower, and stays open.
    for number in 0..30 {
        login(&app, "owner@one.example", WRONG, &format!("192.0.2.{number}")).await.must(401);
    }
    login(&app, "owner@one.example", PASSWORD, "198.51.100.4").await.must(200);
}

#[tokio::test]
async fn one_source_may_ask_so_much_and_every_answer_says_how_much_is_left() {
    let app = TestApp::start_with(|config| (config.requests_per_minute, config.trusted_proxies) = (5, 1)).await;
    let healthz = || app.ask("GET", "/healthz").header("x-forwarded-for", "203.0.113.7").send();
    let statuses = async || {
        let mut told = Vec::new();
        for _ in 0..7 {
            let reply = healthz().await;
            assert_eq!(reply.header("ratelimit-policy"), "\"source\";q=5;w=60");
            let left = reply.header("ratelimit").split([';', '=']).nth(2).unwrap().to_owned();
            told.push((reply.status, left));
        }
        told
    };
    let told = statuses().await;
    let wanted = [(200, "4"), (200, "3"), (200, "2"), (200, "1"), (200, "0"), (429, "0"), (429, "0")];
    assert_eq!(told, wanted.map(|(status, left)| (status, left.to_owned())));
    let refused = app.ask("GET", "/v1/me/today").header("x-forwarded-for", "203.0.113.7").send().await;
    refused.must_be_problem(429, "too_many_requests");
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    app.ask("GET", "/healthz").header("x-forwarded-for", "203.0.113.8").send().await.must(200);
    let shared = app.ask("GET", "/healthz").header("x-forwarded-for", "10.0.0.7").send().await;
    assert_eq!(shared.header("ratelimit-policy"), "\"source\";q=5000;w=60", "who knows how many stand behind it");
}

#[tokio::test]
async fn who_is_refused_is_written_down_by_reason_and_neighbourhood_and_nothing_else() {
    let app = start().await;
    login(&app, "owner@one.example", WRONG, "203.0.113.7").await.must(401);
    login(&app, "nobody@one.example", WRONG, "203.0.113.99").await.must(401);
    login(&app, "owner@one.example", WRONG, "2001:db8:1:2::7").await.must(401);
    for _ in 0..3 {
        let ask = app.ask("GET", "/v1/me/today").bearer("a.forged.token").header("x-forwarded-for", "198.51.100.4");
        ask.send().await.must(401);
    }
    let ask = app.ask("POST", "/v1/auth/refresh").header("x-forwarded-for", "198.51.100.4");
    ask.json(&json!({ "refresh_token": "stolen" })).send().await.must(401);
    let ask = app.ask("POST", "/v1/auth/sign-in-links/exchange").header("x-forwarded-for", "198.51.100.4");
    ask.json(&json!({ "token": "guessed" })).send().await.must(400);
    app.work().await;
    let written = app
        .database
        .lines("SELECT reason || ' ' || source || ' ' || CAST(times AS TEXT) AS value FROM refusals ORDER BY 1");
    assert_eq!(
        written,
        [
            "access_token 198.51.100.0/24 3",
            "mailed_link 198.51.100.0/24 1",
            "refresh_token 198.51.100.0/24 1",
            "wrong_password 2001:db8:1::/48 1",
            "wrong_password 203.0.113.0/24 2",
        ]
    );
}

#[tokio::test]
async fn one_address_is_mailed_so_many_links_an_hour_and_one_clinic_so_many_invitations() {
    let app = start().await;
    let ask = async |email: &str, number: usize| {
        let ask = app.ask("POST", "/v1/auth/sign-in-links").header("x-forwarded-for", &format!("203.0.113.{number}"));
        ask.json(&json!({ "email": email })).send().await.status
    };
    for email in ["owner@one.example", "nobody@one.example"] {
        let mut statuses = Vec::new();
        for number in 0..22 {
            statuses.push(ask(email, number).await);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 20, "{email}: {statuses:?}");
        assert_eq!(statuses.last(), Some(&429), "known or not");
    }
    app.ignore_mails();
}

#[tokio::test]
async fn who_waits_at_a_screen_is_mailed_first_and_clinics_take_turns() {
    let app = TestApp::start().await;
    let (one, two) = (app.clinic_named("one").await, app.clinic_named("two").await);
    let (m, post, ids) = (app.app.moment(), app.app.post(), [one.id, two.id]);
    let wrote = app.app.db.write(move |c| {
        for number in 0..60 {
            let clinic = if number < 57 { ids[0] } else { ids[1] };
            let to = if number < 57 { "owner@one.example" } else { "owner@two.example" };
            let mail = NewMail {
                clinic_id: Some(clinic),
                dedupe_key: format!("notice:{number}"),
                to: to.to_owned(),
                link: "https://care.example/open/clinic".to_owned(),
                ..NewMail::of(Kind::AlertNotice, &m)
            };
            outbox::put(c, &post, mail, &m)?;
        }
        Ok(())
    });
    wrote.await.unwrap();
    app.pass_seconds(1);
    app.ask("POST", "/v1/auth/sign-in-links").json(&json!({ "email": "owner@two.example" })).send().await.must(202);
    let mails = app.mails().await;
    assert_eq!(mails.len(), 61);
    assert_eq!(mails[0].subject, "Your sign-in link");
    let of_two: Vec<usize> = (1..61).filter(|place| mails[*place].to == "owner@two.example").collect();
    assert_eq!(of_two, [2, 4, 6], "one after the other, as long as both have something");
}

#[tokio::test]
async fn of_one_patient_a_member_gets_one_mail_in_ten_minutes_and_an_emergency_does_not_wait() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let (ada, bea) = (clinic.enrol("Ada").await, clinic.enrol("Bea").await);
    let mut number = 0;
    let mut check_in = async |of: &crate::support::people::Enrolled, signs: Value| {
        number += 1;
        let path = format!("/v1/me/check-ins/{}", crate::support::people::phone_id(number));
        let body = json!({ "plan_id": of.plan_id, "answers": { "signs": signs, "redness": 9 } });
        of.person.put(&path, body).await.must(201)
    };
    for _ in 0..20 {
        check_in(&ada, json!(["F6"])).await;
    }
    check_in(&bea, json!(["F6"])).await;
    let mails = app.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.to == "owner@one.example").count(), 2, "one for each patient");
    check_in(&ada, json!(["F6"])).await;
    assert_eq!(app.mails().await.len(), 0, "it waits for the ten minutes to be over");
    let urgency = check_in(&ada, json!(["F2"])).await["urgency"].clone();
    assert_eq!(urgency, "emergency");
    assert_eq!(app.mails().await.iter().filter(|mail| mail.to == "owner@one.example").count(), 1, "at once");
    app.pass_seconds(600);
    assert_eq!(
        app.mails().await.iter().filter(|mail| mail.to == "owner@one.example").count(),
        1,
        "what came meanwhile"
    );
    app.pass_seconds(1_200);
    assert_eq!(app.mails().await.len(), 0, "and nothing more");
    app.ignore_mails();
}
