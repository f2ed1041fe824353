//! The conventions that every route keeps: a deed is done once, a lost update is refused, what did not change is not sent
//! again, lists are pages, a wrong method says which are right, and every response is dressed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::http::Reply;
use crate::support::people::{Clinic, face_treatment, phone_id};
use crate::support::samples::two_worlds;
use crate::support::{Shared, TestApp};

fn cora() -> Value {
    json!({ "name": "Cora Invented", "email": "cora@patients.example" })
}

/// The same at another address.
fn elsewhere() -> Value {
    let mut cora = cora();
    cora["email"] = json!("cora@elsewhere.example");
    cora
}

async fn add_with_key(clinic: &Clinic, key: &str, body: &Value) -> Reply {
    let ask = clinic.coordinator.app.ask("POST", "/v1/clinic/patients").bearer(&clinic.coordinator.token().await);
    ask.header("idempotency-key", key).json(body).send().await
}

async fn start() -> (Shared, Clinic) {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    (app, clinic)
}

#[tokio::test]
async fn t50_the_same_key_gives_the_first_answer_again_and_another_body_is_refused() {
    let (app, clinic) = start().await;
    let first = add_with_key(&clinic, "k-1", &cora()).await;
    app.pass_seconds(100);
    let again = add_with_key(&clinic, "k-1", &cora()).await;
    assert_eq!((first.status, first.json()), (again.status, again.json()));
    let mut other = cora();
    other["name"] = json!("Dora Invented");
    add_with_key(&clinic, "k-1", &other).await.must_name("header/Idempotency-Key", "key_reused");
    assert_eq!(app.database.count("patients", "1 = 1"), 1);
    add_with_key(&clinic, "k-2", &cora()).await.must_be_problem(409, "same_address");
    add_with_key(&clinic, "k-3", &elsewhere()).await.must(201);
    assert_eq!(app.database.count("patients", "1 = 1"), 2, "another key is another deed");
    let treatments = format!("/v1/clinic/patients/{}/treatments", first.json()["id"].as_str().unwrap());
    let ask = app.ask("POST", &treatments).bearer(&clinic.coordinator.token().await).header("idempotency-key", "k-1");
    ask.json(&face_treatment("2026-03-02")).send().await.must(201);
}

#[tokio::test]
async fn t50_a_key_belongs_to_its_account_and_its_clinic() {
    let app = TestApp::start().await;
    let (one, two) = (app.clinic_named("one").await, app.clinic_named("two").await);
    let first = add_with_key(&one, "k-1", &cora()).await.must(201);
    let second = add_with_key(&two, "k-1", &cora()).await.must(201);
    assert_ne!(first["id"], second["id"]);
    // One person who works in both clinics.
    let member = json!({ "name": "Owner Too", "email": "owner@one.example", "role": "owner" });
    two.owner.post("/v1/clinic/members", member).await.must(201);
    let id = app.database.id(&one.owner.account.to_string());
    app.database.run(&format!("UPDATE members SET state = 'confirmed' WHERE account_id = {id}"));
    app.ignore_mails();
    let mut made = BTreeSet::new();
    for clinic in [one.id, two.id] {
        let both = app.person(one.owner.account, Some(clinic)).await;
        let ask = app.ask("POST", "/v1/clinic/patients").bearer(&both.token().await).header("idempotency-key", "k-2");
        made.insert(ask.json(&elsewhere()).send().await.must(201)["id"].to_string());
    }
    assert_eq!(made.len(), 2, "the deed is done in the second clinic too");
}

#[tokio::test]
async fn t50_a_hundred_at_once_do_one_deed() {
    let (app, clinic) = start().await;
    let body = cora();
    let replies = futures_util::future::join_all((0..100).map(|_| add_with_key(&clinic, "k-1", &body))).await;
    let mut answers = BTreeSet::new();
    for reply in replies {
        match reply.status {
            201 => drop(answers.insert(reply.json().to_string())),
            status => assert_eq!(status, 503, "{}", reply.text()),
        }
    }
    assert_eq!(answers.len(), 1);
    assert_eq!(app.database.count("patients", "1 = 1"), 1);
}

#[tokio::test]
async fn a_deed_that_was_refused_may_be_tried_again_with_its_key() {
    let (_app, clinic) = start().await;
    let mut wrong = cora();
    wrong["zone"] = json!("Mars/Olympus");
    add_with_key(&clinic, "k-1", &wrong).await.must_name("/zone", "unknown_zone");
    add_with_key(&clinic, "k-1", &cora()).await.must(201);
}

#[tokio::test]
async fn old_keys_are_forgotten_and_younger_ones_are_not() {
    let (app, clinic) = start().await;
    add_with_key(&clinic, "k-1", &cora()).await.must(201);
    app.pass_seconds(3_600);
    add_with_key(&clinic, "k-2", &elsewhere()).await.must(201);
    let at = app.now().plus_seconds(-1_800);
    let forgotten = app.app.db.write(move |c| aftercare::http::idempotency::forget_before(c, at)).await.unwrap();
    assert_eq!(forgotten, 1);
    assert_eq!(app.database.count("idempotency_keys", "key = 'k-2'"), 1);
}

#[tokio::test]
async fn t49_an_edit_names_the_version_that_was_read() {
    let (app, world, _) = two_worlds().await;
    let patient = format!("/v1/clinic/patients/{}", world.ada.patient_id);
    let member = format!("/v1/clinic/members/{}", world.clinic.members[2]);
    let alert = format!("/v1/clinic/alerts/{}", world.alert_id);
    for (method, path, body) in [
        ("PATCH", patient.clone(), json!({ "name": "Ada Changed" })),
        ("PATCH", member, json!({ "role": "clinician" })),
        ("POST", format!("{alert}/acknowledge"), Value::Null),
        ("POST", format!("{alert}/resolve"), json!({ "resolution": "settled" })),
    ] {
        let token = world.clinic.owner.token().await;
        let before = app.database.contents();
        let without = app.ask(method, &path).bearer(&token).json(&body).send().await;
        without.must_be_problem(428, "if_match_needed");
        for stale in ["\"v999\"", "\"v0\"", "v0", "\"\"", "W/\"v9\"", "\"v12\""] {
            let reply = app.ask(method, &path).bearer(&token).header("if-match", stale).json(&body).send().await;
            reply.must_be_problem(412, "stale");
        }
        assert_eq!(app.database.contents(), before, "{path}");
    }
    let read = world.clinic.owner.get(&patient).await;
    let changed =
        world.clinic.owner.send_if("PATCH", &patient, read.header("etag"), json!({ "name": "Ada Changed" })).await;
    assert_eq!(changed.must(200)["name"], "Ada Changed");
    assert_ne!(changed.header("etag"), read.header("etag"));
    assert_eq!(world.clinic.owner.get(&patient).await.header("etag"), changed.header("etag"));
    let me = world.ada.person.get("/v1/me").await;
    world
        .ada
        .person
        .app
        .ask("PATCH", "/v1/me")
        .bearer(&world.ada.person.token().await)
        .json(&json!({}))
        .send()
        .await
        .must_be_problem(428, "if_match_needed");
    world
        .ada
        .person
        .send_if("PATCH", "/v1/me", "\"other\"", json!({ "locale": "es" }))
        .await
        .must_be_problem(412, "stale");
    let mine = world.ada.person.send_if("PATCH", "/v1/me", me.header("etag"), json!({ "locale": "es" })).await;
    assert_eq!(mine.must(200)["patients"][0]["locale"], "es");
    assert_eq!(world.ada.person.get("/v1/me").await.header("etag"), mine.header("etag"));
}

#[tokio::test]
async fn t49_a_hundred_edits_of_one_version_at_once_make_one() {
    let (app, clinic) = start().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    let edits = (0..100)
        .map(|number| clinic.owner.send_if("PATCH", &path, "\"v1\"", json!({ "name": format!("Ada {number}") })));
    let mut statuses: Vec<u16> = futures_util::future::join_all(edits).await.iter().map(|reply| reply.status).collect();
    statuses.retain(|status| *status != 503);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 412)), "{statuses:?}");
    assert_eq!(app.database.count("patients", "version = 2"), 1);
}

#[tokio::test]
async fn today_is_sent_once_and_again_only_when_it_has_changed() {
    let app = TestApp::start().await;
    let ada = app.clinic().await.enrol("Ada").await;
    let today = |tag: String| {
        let (app, person) = (&app, &ada.person);
        async move {
            let ask = app.ask("GET", "/v1/me/today").bearer(&person.token().await);
            if tag.is_empty() { ask.send().await } else { ask.header("if-none-match", &tag).send().await }
        }
    };
    let first = today(String::new()).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    assert_eq!(first.header("cache-control"), "private, no-cache", "a cache asks each time");
    assert!(first.header("vary").starts_with("Authorization, Accept-Language"), "{}", first.header("vary"));
    assert_eq!(first.json()["valid_until"], "2026-03-02T17:00:00Z");
    for seconds in [0, 1, 3_600] {
        app.pass_seconds(seconds);
        let again = today(tag.clone()).await;
        assert_eq!(
            (again.status, again.bytes.len(), again.header("etag")),
            (304, 0, tag.as_str()),
            "after {seconds} s"
        );
    }
    assert_eq!(today(format!("\"other\", {tag}")).await.status, 304);
    assert_eq!(today("\"other\"".to_owned()).await.status, 200);
    app.set_clock("2026-03-02T16:59:59Z");
    assert_eq!(today(tag.clone()).await.status, 304, "the last second of valid_until");
    app.set_clock("2026-03-02T17:00:00Z");
    let evening = today(tag).await;
    assert_eq!(evening.status, 200, "at valid_until it changes");
    let spanish = app
        .ask("GET", "/v1/me/today")
        .bearer(&ada.person.token().await)
        .header("accept-language", "fr, es;q=0.8, en;q=0.1");
    let spanish = spanish.send().await;
    assert_ne!(spanish.header("etag"), evening.header("etag"));
    assert!(spanish.text().contains("funda de almohada"), "in the language that was asked for");
}

#[tokio::test]
async fn a_clinic_sees_what_the_patient_sees() {
    let (_app, world, _) = two_worlds().await;
    let mine = world.ada.person.get("/v1/me/today").await.must(200);
    let theirs = world.clinic.coordinator.get(&format!("/v1/clinic/plans/{}/today", world.ada.plan_id)).await.must(200);
    assert_eq!(mine, theirs);
}

#[tokio::test]
async fn every_read_that_gives_a_tag_takes_it_back() {
    let (app, world, _) = two_worlds().await;
    let plan = &world.ada.plan_id;
    for (person, path) in [
        (&world.clinic.owner, "/v1/clinic".to_owned()),
        (&world.clinic.owner, format!("/v1/clinic/patients/{}", world.ada.patient_id)),
        (&world.clinic.owner, format!("/v1/clinic/plans/{plan}")),
        (&world.clinic.owner, format!("/v1/clinic/plans/{plan}/today")),
        (&world.clinic.owner, format!("/v1/clinic/alerts/{}", world.alert_id)),
        (&world.ada.person, "/v1/me".to_owned()),
        (&world.ada.person, "/v1/me/today".to_owned()),
        (&world.ada.person, format!("/v1/me/plans/{plan}")),
        (&world.ada.person, format!("/v1/me/plans/{plan}/timeline")),
        (&world.ada.person, "/v1/me/timeline".to_owned()),
        (&world.ada.person, format!("/v1/me/plans/{plan}/progress")),
        (&world.clinic.owner, format!("/v1/clinic/plans/{plan}/progress")),
    ] {
        let tag = person.get(&path).await.header("etag").to_owned();
        assert!(!tag.is_empty(), "{path}");
        let again = app.ask("GET", &path).bearer(&person.token().await).header("if-none-match", &tag).send().await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
    }
}

#[tokio::test]
async fn a_check_in_is_recorded_once_by_the_phones_id() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let (ada, bea) = (clinic.enrol("Ada").await, clinic.enrol("Bea").await);
    let path = format!("/v1/me/check-ins/{}", phone_id(1));
    let body = json!({ "plan_id": ada.plan_id, "answers": { "redness": 10, "worry": "very_worried" } });
    let first = ada.person.put(&path, body.clone()).await;
    let wanted = first.must(201);
    app.pass_seconds(60);
    let again = ada.person.put(&path, body.clone()).await;
    assert_eq!(again.must(200), wanted);
    assert_eq!(ada.person.get(&path).await.must(200), wanted);
    let mut other = body.clone();
    other["answers"]["redness"] = json!(9);
    ada.person.put(&path, other).await.must_be_problem(409, "id_taken");
    let mut bodys = body;
    bodys["plan_id"] = json!(bea.plan_id);
    bea.person.put(&path, bodys).await.must_be_problem(409, "id_taken");
    bea.person.get(&path).await.must_be_problem(404, "not_found");
    assert_eq!(app.database.count("check_ins", "1 = 1"), 1);
    let raised = app.database.count("alerts", "1 = 1");
    assert_eq!(app.database.count("events", "object_kind = 'alert'"), raised, "sending again raises nothing");
    app.ignore_mails();
}

#[tokio::test]
async fn a_check_in_that_is_sent_fifty_times_at_once_is_recorded_once_and_lost_by_nobody() {
    let app = TestApp::start().await;
    let ada = app.clinic().await.enrol("Ada").await;
    let path = format!("/v1/me/check-ins/{}", phone_id(1));
    let body = json!({ "plan_id": ada.plan_id, "answers": { "redness": 10 } });
    let replies = futures_util::future::join_all((0..50).map(|_| ada.person.put(&path, body.clone()))).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.retain(|status| *status != 503);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
    assert_eq!(app.database.count("check_ins", "1 = 1"), 1);
    app.ignore_mails();
}

#[tokio::test]
async fn many_check_ins_off_track_at_once_open_one_alert_a_cause() {
    let app = TestApp::start().await;
    let ada = app.clinic().await.enrol("Ada").await;
    let send = async |number: u128| {
        let body = json!({ "plan_id": ada.plan_id, "answers": { "redness": 10 } });
        ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await
    };
    let replies = futures_util::future::join_all((0..30).map(send)).await;
    let taken = replies.iter().filter(|reply| reply.status == 201).count();
    assert!(
        replies.iter().all(|reply| matches!(reply.status, 201 | 503)),
        "{:?}",
        replies.iter().map(Reply::text).collect::<Vec<_>>()
    );
    assert_eq!(app.database.count("check_ins", "1 = 1"), taken);
    assert_eq!(app.database.count("alerts", "cause = 'R1:redness'"), 1);
    assert_eq!(
        app.database.count("alerts", &format!("cause = 'R1:redness' AND times_seen = {taken}")),
        1,
        "each is counted"
    );
    app.ignore_mails();
}

#[tokio::test]
async fn t51_the_last_owner_stays_whoever_leaves_at_once() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    for round in 0..10 {
        app.database.run("UPDATE members SET role = 'owner', version = 1 WHERE role <> 'coordinator'; UPDATE rights SET generation = generation + 1");
        app.app.tokens.invalidate();
        let leave = |index: usize, who: &crate::support::people::Person| {
            let (path, who) = (format!("/v1/clinic/members/{}", clinic.members[index]), who.clone());
            async move { who.send_if("PATCH", &path, "\"v1\"", json!({ "role": "clinician" })).await }
        };
        let (one, two) = tokio::join!(leave(0, &clinic.owner), leave(1, &clinic.clinician));
        assert!(
            [one.status, two.status].iter().all(|status| matches!(status, 200 | 409 | 403 | 503)),
            "{one:?} {two:?}"
        );
        let owners = app.database.count("members", "role = 'owner' AND state = 'confirmed'");
        assert_eq!(owners, 1, "round {round}: {} {}", one.status, two.status);
    }
}

#[tokio::test]
async fn a_protocol_that_is_taken_over_twenty_times_at_once_is_one_version() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    app.database.run("DELETE FROM protocol_versions");
    let adopt = (0..20).map(|_| clinic.clinician.post("/v1/clinic/protocols", json!({ "library_key": "mn-face" })));
    let replies = futures_util::future::join_all(adopt).await;
    assert!(
        replies.iter().all(|reply| matches!(reply.status, 201 | 503)),
        "{:?}",
        replies.iter().map(Reply::text).collect::<Vec<_>>()
    );
    assert_eq!(app.database.count("protocol_versions", "1 = 1"), 1);
}

#[tokio::test]
async fn a_list_is_walked_page_by_page_and_misses_nobody() {
    let (app, clinic) = start().await;
    let mut added = Vec::new();
    for number in 0..7 {
        app.pass_seconds(1);
        added.push(clinic.add_patient(&format!("Ada{number}"), "Europe/London").await["id"].clone());
    }
    added.reverse();
    let mut seen = Vec::new();
    let mut path = "/v1/clinic/patients?limit=3".to_owned();
    let mut sizes = Vec::new();
    loop {
        let page = clinic.owner.get(&path).await.must(200);
        let items = page["items"].as_array().unwrap();
        sizes.push(items.len());
        seen.extend(items.iter().map(|item| item["id"].clone()));
        if sizes.len() == 1 {
            // Somebody who is added meanwhile neither shifts the pages nor repeats anybody.
            app.pass_seconds(1);
            clinic.add_patient("Newest", "Europe/London").await;
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/clinic/patients?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((seen, sizes), (added, vec![3, 3, 1]));
    let exact = clinic.owner.get("/v1/clinic/patients?limit=8").await.must(200);
    assert_eq!(
        (exact["items"].as_array().unwrap().len(), &exact["next_cursor"]),
        (8, &Value::Null),
        "a full last page has no next"
    );
}

#[tokio::test]
async fn t38_a_wrong_method_says_which_are_right() {
    let (app, clinic) = start().await;
    let token = clinic.owner.token().await;
    for (path, allow) in [
        ("/v1/clinic/patients", "GET, HEAD, POST"),
        ("/v1/me", "GET, HEAD, PATCH"),
        ("/v1/me/sessions", "GET, HEAD, DELETE"),
        ("/v1/auth/login", "POST"),
        ("/healthz", "GET, HEAD"),
        ("/v1/me/check-ins/0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11", "GET, HEAD, PUT"),
    ] {
        for method in ["PUT", "DELETE", "PATCH", "POST", "OPTIONS", "TRACE", "PROPFIND", "get"] {
            if allow.split(", ").any(|one| one == method) {
                continue;
            }
            let reply = app.ask(method, path).bearer(&token).send().await;
            reply.must_be_problem(405, "wrong_method");
            let said: BTreeSet<&str> = reply.header("allow").split(", ").collect();
            assert_eq!(said, allow.split(", ").collect(), "{method} {path}");
        }
    }
    for path in
        ["/v1", "/v2/me", "/v1/clinic/", "/metrics", "/debug", "/.git/config", "/swagger", "/demo/clock", "/demo/mail"]
    {
        app.ask("GET", path).bearer(&token).send().await.must_be_problem(404, "not_found");
    }
    app.ask("GET", "/docs/no-such-file.js").send().await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn t40_every_class_of_answer_is_dressed() {
    let (app, clinic) = start().await;
    let token = clinic.owner.token().await;
    let big = vec![b' '; 300 * 1024];
    let replies = [
        app.ask("GET", "/healthz").send().await,
        app.ask("GET", "/openapi.json").send().await,
        clinic.owner.post("/v1/clinic/patients", cora()).await,
        app.ask("POST", "/v1/auth/sign-in-links").json(&json!({ "email": "nobody@one.example" })).send().await,
        app.ask("POST", "/v1/auth/logout").json(&json!({ "refresh_token": "x" })).send().await,
        app.ask("GET", "/v1/clinic").bearer(&token).header("if-none-match", "*").send().await,
        app.ask("GET", "/docs").send().await,
        app.ask("POST", "/v1/clinic/patients")
            .bearer(&token)
            .header("content-type", "application/json")
            .raw("{")
            .send()
            .await,
        app.ask("GET", "/v1/clinic").send().await,
        app.ask("GET", "/v1/me/today").bearer(&token).send().await,
        app.ask("GET", "/nowhere").send().await,
        app.ask("DELETE", "/v1/clinic").send().await,
        clinic
            .owner
            .post("/v1/clinic/members", json!({ "name": "x", "email": "owner@one.example", "role": "owner" }))
            .await,
        clinic.owner.send_if("PATCH", &format!("/v1/clinic/members/{}", clinic.members[1]), "\"v9\"", json!({})).await,
        app.ask("POST", "/v1/clinic/patients")
            .bearer(&token)
            .header("content-type", "application/json")
            .raw(big)
            .send()
            .await,
        app.ask("POST", "/v1/clinic/patients")
            .bearer(&token)
            .header("content-type", "text/plain")
            .raw("x")
            .send()
            .await,
        clinic.owner.post("/v1/clinic/patients", json!({})).await,
        app.ask("PATCH", &format!("/v1/clinic/members/{}", clinic.members[1]))
            .bearer(&token)
            .json(&json!({}))
            .send()
            .await,
    ];
    let mut classes = BTreeSet::new();
    for reply in &replies {
        classes.insert(reply.status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ] {
            assert_eq!(reply.header(name), value, "{name} of a {}", reply.status);
        }
        assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "a {}", reply.status);
        assert!(!reply.header("cache-control").is_empty(), "cache-control of a {}", reply.status);
        assert_eq!(reply.header("server"), "", "no version");
        if reply.status >= 400 {
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
            assert_eq!(reply.json()["trace_id"], reply.header("trace-id"), "the problem names its request");
            assert_eq!(reply.json()["status"], reply.status);
        }
    }
    for wanted in [200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428] {
        assert!(classes.contains(&wanted), "no {wanted} among {classes:?}");
    }
    app.ignore_mails();
}

#[tokio::test]
async fn the_published_document_is_the_one_that_is_served() {
    let app = TestApp::start().await;
    let served = app.ask("GET", "/openapi.json").send().await;
    assert_eq!(served.text(), aftercare::openapi::json().unwrap());
}
