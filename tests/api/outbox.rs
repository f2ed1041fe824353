//! The outbox: no worker sends what another has, none sends what it cannot record, and what a relay says decides whether
//! there is a second try.

use std::collections::BTreeMap;

use aftercare::app::App;
use aftercare::mail::outbox::{self, Claimant, Lane, MailState, NewMail, OutboxMail, Turns};
use aftercare::mail::templates::{Kind, ValidFor};
use aftercare::mail::{Failure, Outcome, Phase, Reply};
use aftercare::worker;
use ground::sql::Conn;
use serde_json::{Value, json};

use crate::support::{Shared, TestApp, at, subjects, token_in};

/// Puts so many mails of a kind into the outbox, which expire in an hour.
async fn put(app: &Shared, most: usize, kind: Kind) {
    let (m, post) = (app.app.moment(), app.app.post());
    let wrote = app.app.db.write(move |c| {
        for number in 0..most {
            let mail = NewMail {
                dedupe_key: format!("{}:{number}", kind.word()),
                to: format!("person{number}@people.example"),
                link: "https://care.example/open/clinic".to_owned(),
                valid_for: Some(ValidFor::Hours(1)),
                expires_at: m.at.plus_seconds(3_600),
                ..NewMail::of(kind, &m)
            };
            outbox::put(c, &post, mail, &m)?;
        }
        Ok(())
    });
    wrote.await.unwrap();
}

async fn claim(app: &App, owner: &str) -> Vec<OutboxMail> {
    let (by, at) = (Claimant { owner: owner.to_owned(), lane: Lane::All, most: 20 }, app.clock.now());
    let claim = move |c: &mut Conn| outbox::claim(c, &by, &mut Turns::default(), at);
    app.db.write(claim).await.unwrap().into_iter().map(Result::unwrap).collect()
}

async fn mark_sending(app: &App, mail: &OutboxMail) -> bool {
    let (mail, at) = (mail.clone(), app.clock.now());
    app.db.write(move |c| outbox::mark_sending(c, &mail, &mail.to_address, at)).await.unwrap()
}

async fn settle(app: &App, mail: &OutboxMail, state: MailState) -> bool {
    let (mail, at) = (mail.clone(), app.clock.now());
    app.db.write(move |c| outbox::settle(c, &mail, state, "in a test", at)).await.unwrap()
}

fn is(app: &Shared, state: &str) -> bool {
    app.database.count("outbox", &format!("state = '{state}'")) == 1
}

fn refusal(phase: Phase, code: u16, enhanced: (u8, u16, u16)) -> Failure {
    let outcome = Outcome::Refused { permanent: code >= 500, reply: Reply { code, enhanced: Some(enhanced) } };
    Failure { phase, outcome, detail: format!("the relay answered {code}") }
}

fn no_answer() -> Failure {
    Failure { phase: Phase::Dot, outcome: Outcome::Unknown, detail: "the connection broke".to_owned() }
}

#[tokio::test]
async fn two_workers_send_every_mail_once() {
    let app = TestApp::start().await;
    let nodes = [
        TestApp::start_on(app.database.share(), |_| ()).await,
        TestApp::start_on(app.database.share(), |_| ()).await,
        TestApp::start_on(app.database.share(), |_| ()).await,
    ];
    put(&app, 150, Kind::AlertNotice).await;
    let working = nodes.iter().map(|node| {
        let inner = node.app.clone();
        std::thread::spawn(move || actix_web::rt::System::new().block_on(worker::do_due(&inner)))
    });
    let working: Vec<_> = working.collect();
    for worker in working {
        worker.join().unwrap().expect("no worker stumbled over another");
    }
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for mail in nodes.iter().flat_map(|node| node.memory().take()) {
        *copies.entry(mail.message_id).or_default() += 1;
    }
    assert_eq!(copies.len(), 150, "none is lost");
    assert!(copies.values().all(|count| *count == 1), "{copies:?}");
    assert_eq!(app.database.count("outbox", "state = 'sent' AND fence = 1 AND attempt = 1"), 150);
}

#[tokio::test]
async fn two_planners_decide_every_reminder_once() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    for number in 0..12 {
        clinic.enrol(&format!("Ada{number}")).await;
    }
    let nodes =
        [TestApp::start_on(app.database.share(), |_| ()).await, TestApp::start_on(app.database.share(), |_| ()).await];
    let working: Vec<_> = nodes
        .iter()
        .map(|node| {
            node.set_clock("2026-03-02T19:00:00Z");
            let inner = node.app.clone();
            std::thread::spawn(move || actix_web::rt::System::new().block_on(worker::do_due(&inner)))
        })
        .collect();
    for worker in working {
        worker.join().unwrap().expect("no planner stumbled over another");
    }
    let mut to: Vec<String> = nodes.iter().flat_map(|node| node.memory().take()).map(|mail| mail.to).collect();
    let all = to.len();
    to.sort();
    to.dedup();
    let failed = app.app.db.read(aftercare::job_failures::list).await.unwrap();
    let left = app.database.rows("outbox", "state <> 'sent'");
    assert_eq!((to.len(), all), (12, 12), "{failed:?} {left:?}");
}

#[tokio::test]
async fn a_result_that_comes_after_the_lease_is_dropped() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    let slow = claim(&app.app, "slow").await.remove(0);
    assert!(claim(&app.app, "quick").await.is_empty(), "nobody gets it while the lease lasts");
    app.pass_seconds(outbox::LEASE_SECONDS + 1);
    let quick = claim(&app.app, "quick").await.remove(0);
    assert_eq!((slow.fence, quick.fence, quick.id), (1, 2, slow.id));
    assert!(!mark_sending(&app.app, &slow).await, "the slow one must not send it");
    assert!(mark_sending(&app.app, &quick).await);
    assert!(settle(&app.app, &quick, MailState::Sent).await);
    assert!(!settle(&app.app, &slow, MailState::Dead).await, "and says nothing about it any more");
    assert!(is(&app, "sent"));
}

#[tokio::test]
async fn a_claim_of_a_dead_worker_is_free_again() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    let dead = claim(&app.app, "dead").await.remove(0);
    assert_eq!(subjects(&app.mails().await), []);
    app.pass_seconds(outbox::LEASE_SECONDS + 1);
    assert_eq!(app.the_mail().await.message_id, dead.message_id);
    assert_eq!(subjects(&app.mails().await), []);
}

#[tokio::test]
async fn a_mail_that_a_worker_died_over_goes_once_more_with_the_same_message_id() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    let first = claim(&app.app, "dies").await.remove(0);
    assert!(mark_sending(&app.app, &first).await);
    app.pass_seconds(outbox::LEASE_SECONDS + 1);
    assert_eq!(subjects(&app.mails().await), [], "its fate is unknown: not at once");
    app.pass_seconds(15 * 60);
    let second = claim(&app.app, "dies too").await.remove(0);
    assert_eq!(second.message_id, first.message_id);
    assert!(mark_sending(&app.app, &second).await);
    app.pass_seconds(outbox::LEASE_SECONDS + 1);
    app.work().await;
    assert!(is(&app, "unknown"), "one more try, and never a third");
}

#[tokio::test]
async fn a_sign_in_code_that_a_worker_died_over_is_never_sent_again() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::SignInLink).await;
    let first = claim(&app.app, "dies").await.remove(0);
    assert!(mark_sending(&app.app, &first).await);
    app.pass_seconds(outbox::LEASE_SECONDS + 1);
    assert_eq!(subjects(&app.mails().await), []);
    assert!(is(&app, "unknown"));
}

#[tokio::test]
async fn a_mail_is_not_sent_after_its_time() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    app.pass_seconds(3_600);
    assert_eq!(subjects(&app.mails().await), []);
    assert!(is(&app, "expired"));
    assert_eq!(app.database.count("outbox", "outcome = 'not sent in time'"), 1);
}

#[tokio::test]
async fn not_now_is_tried_again_with_growing_pauses() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    for _ in 0..3 {
        app.memory().fail_next(refusal(Phase::Recipient, 451, (4, 7, 1)));
    }
    let mut pauses = Vec::new();
    let mut seconds = 0_i64;
    for _ in 0..3 {
        let attempts = pauses.len() + 1;
        app.work().await;
        assert_eq!(app.database.count("outbox", &format!("state = 'retry' AND attempt = {attempts}")), 1);
        let mut pause = 0;
        while app.database.count("outbox", &format!("state = 'retry' AND available_at > {}", instant(&app))) == 1 {
            app.pass_seconds(15);
            pause += 15;
        }
        pauses.push(pause);
        seconds += pause;
    }
    assert!(pauses[0] >= 300 && pauses[1] >= 600 && pauses[2] >= 1_200, "{pauses:?}");
    assert!(seconds < 3_600, "{pauses:?}");
    assert_eq!(app.the_mail().await.to, "person0@people.example");
    assert!(is(&app, "sent"));
}

/// Now, as the database writes it.
fn instant(app: &Shared) -> String {
    if app.database.is_sqlite() { app.now().micros().to_string() } else { format!("'{}'::timestamptz", app.now()) }
}

#[tokio::test]
async fn a_relay_that_cannot_be_reached_is_tried_again_soon() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    let unreached = Failure {
        phase: Phase::Connect,
        outcome: Outcome::NotSent { retryable: true },
        detail: "no answer".to_owned(),
    };
    app.memory().fail_next(unreached);
    assert_eq!(subjects(&app.mails().await), []);
    app.pass_seconds(29);
    assert_eq!(subjects(&app.mails().await), []);
    app.pass_seconds(61);
    app.the_mail().await;
}

#[tokio::test]
async fn an_answer_that_never_came_means_one_more_copy_with_the_same_message_id() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    app.memory().fail_next(no_answer());
    app.memory().fail_next(no_answer());
    let first = app.the_mail().await;
    app.pass_seconds(15 * 60 - 1);
    assert_eq!(subjects(&app.mails().await), [], "not before a quarter of an hour");
    app.pass_seconds(1);
    assert_eq!(app.the_mail().await.message_id, first.message_id);
    app.pass_seconds(20 * 60);
    assert_eq!(subjects(&app.mails().await), [], "two copies at the most");
    assert!(is(&app, "unknown"));
}

#[tokio::test]
async fn a_never_is_final_and_an_address_that_does_not_exist_gets_no_more_reminders() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let (ada, bea) = (clinic.enrol("Ada").await, clinic.enrol("Bea").await);
    app.memory().fail_next(refusal(Phase::Recipient, 550, (5, 1, 1)));
    app.set_clock("2026-03-02T19:00:00Z");
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1, "the other one goes out: {:?}", subjects(&mails));
    let (refused, well) = if mails[0].to == bea.email { (&ada, &bea) } else { (&bea, &ada) };
    let record =
        async |patient_id: &str| clinic.owner.get(&format!("/v1/clinic/patients/{patient_id}")).await.must(200);
    assert_eq!(record(&refused.patient_id).await["address_refused_at"], "2026-03-02T19:00:00Z");
    assert_eq!(record(&well.patient_id).await["address_refused_at"], Value::Null);
    assert_eq!(app.database.count("outbox", "state = 'dead' AND attempt = 1"), 1);
    app.set_clock("2026-03-03T10:00:00Z");
    let mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, well.email.as_str()), "{:?}", subjects(&mails));
    let decided = clinic.owner.get(&format!("/v1/clinic/plans/{}/reminders?limit=1", refused.plan_id)).await.must(200);
    assert_eq!(decided["items"][0]["reason"], "address_refused");
}

#[tokio::test]
async fn a_mail_that_is_full_or_refused_for_its_content_says_nothing_about_the_address() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.memory().fail_next(refusal(Phase::Dot, 552, (5, 2, 2)));
    app.set_clock("2026-03-02T19:00:00Z");
    assert_eq!(subjects(&app.mails().await), []);
    assert_eq!(app.database.count("outbox", "state = 'dead' AND kind = 'reminder'"), 1);
    let record = clinic.owner.get(&format!("/v1/clinic/patients/{}", ada.patient_id)).await.must(200);
    assert_eq!(record["address_refused_at"], Value::Null);
}

#[tokio::test]
async fn a_new_address_gets_reminders_again() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let id = app.database.id(patient["id"].as_str().unwrap());
    app.database.run(&format!("UPDATE patients SET address_refused_at = created_at WHERE id = {id}"));
    let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    let changed =
        clinic.owner.send_if("PATCH", &path, "\"v1\"", json!({ "email": "ada.right@patients.example" })).await;
    assert_eq!(changed.must(200)["address_refused_at"], Value::Null);
}

#[tokio::test]
async fn no_link_that_signs_in_is_ever_stored() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    clinic
        .owner
        .post_nothing(&format!("/v1/clinic/patients/{}/invitation", patient["id"].as_str().unwrap()))
        .await
        .must(201);
    let new = json!({ "name": "New", "email": "new@one.example", "role": "clinician" });
    clinic.owner.post("/v1/clinic/members", new).await.must(201);
    for route in ["sign-in-links", "password-reset"] {
        let asked =
            app.ask("POST", &format!("/v1/auth/{route}")).json(&json!({ "email": "owner@one.example" })).send().await;
        asked.must(202);
    }
    let before = app.database.contents().join("\n");
    assert_eq!(app.database.count("links", "used_at IS NULL"), 0, "a link is made when its mail goes");
    let tokens: Vec<String> = app.mails().await.iter().map(token_in).collect();
    assert_eq!(tokens.len(), 4);
    let after = app.database.contents().join("\n");
    for token in tokens {
        assert!(!before.contains(&token) && !after.contains(&token), "only its digest is stored");
    }
}

#[tokio::test]
async fn a_mail_is_written_once_a_key() {
    let app = TestApp::start().await;
    put(&app, 1, Kind::AlertNotice).await;
    assert!(app.app.clock.set(at("2026-03-02T10:00:01Z")));
    put(&app, 2, Kind::AlertNotice).await;
    assert_eq!(app.mails().await.len(), 2);
}
