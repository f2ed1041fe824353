//! The demo starts whatever time it is, and its reference works.

use aftercare::demo::{people, reference};
use serde_json::{Value, json};

use crate::events::KEPT_ELSEWHERE;
use crate::support::TestApp;

/// Its first session, 30 dates ago, may lie on the other side of a change of the clocks, and now be close to midnight.
async fn starts_at(now: &str) {
    let app = TestApp::start().await;
    app.ignore_mails();
    app.set_clock(now);
    people::seed(&app.app).await.unwrap();
    assert_eq!(app.database.count("patients", "1 = 1"), 16, "{now}");
}

#[actix_web::test]
async fn the_demo_starts_in_the_night_after_the_clocks_went_back() {
    starts_at("2026-11-23T01:30:00Z").await;
}

#[actix_web::test]
async fn the_demo_starts_in_the_night_after_the_clocks_went_forward() {
    starts_at("2027-04-20T00:45:00Z").await;
}

/// Not to be had by pressing a button: the word says what is needed first.
const NOT_AS_IT_STANDS: [(&str, u16); 6] = [
    // A token that was mailed, or that the sign-in before gave.
    ("accept_invitation", 400),
    ("confirm_address_change", 400),
    ("confirm_password_reset", 400),
    ("exchange_sign_in_link", 400),
    ("refresh_session", 401),
    ("end_session", 204),
];

/// How many events there are, but for those of looking, and all that is stored beside them; counts of tries are no event of anybody.
fn written(app: &TestApp) -> (usize, Vec<String>) {
    const APART: [&str; 6] = ["events", "event_chains", "idempotency_keys", "sign_in_tries", "refusals", "rights"];
    let is_apart = |row: &String| APART.iter().any(|table| row.starts_with(&format!("{table}: ")));
    let stored = app.database.contents().into_iter().filter(|row| !is_apart(row)).collect();
    (app.database.count("events", "kind NOT LIKE '%.read'"), stored)
}

/// Reading first, and what ends something last: what comes before needs it.
fn rank(operation: &Value) -> usize {
    let id = operation["operationId"].as_str().unwrap();
    let late = [
        "activate_protocol_version",
        "retire_protocol_version",
        "redraft_protocol_version",
        "change_me",
        "request_address_change",
        "end_sessions",
    ];
    late.iter()
        .position(|late| *late == id)
        .map_or(usize::from(!id.starts_with("get_") && !id.starts_with("list_")), |at| at + 2)
}

#[actix_web::test]
async fn every_example_of_the_demos_reference_works_as_it_stands() {
    let app = TestApp::start().await;
    app.ignore_mails();
    app.set_clock("2026-06-10T09:00:00Z");
    people::seed(&app.app).await.unwrap();
    app.set_clock("2026-06-11T06:00:00Z");
    app.work().await;
    let (inner, at) = (app.app.clone(), app.now());
    let document = app.app.db.read(move |c| reference::document(c, &inner, at)).await.unwrap();
    let login = async |email: &str| {
        let body = json!({ "email": email, "password": aftercare::demo::PASSWORD });
        app.ask("POST", "/v1/auth/login").json(&body).send().await.must(200)["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (owner, patient) = (login("owner@clinic.example").await, login(reference::PATIENT).await);
    let mut operations: Vec<(String, String, Value)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations.sort_by_key(|(_, _, operation)| rank(operation));
    let mut wrong = Vec::new();
    for (method, path, operation) in operations {
        let id = operation["operationId"].as_str().unwrap();
        let mut path = path;
        let mut query = Vec::new();
        let mut headers = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let example =
                [&parameter["example"], &parameter["schema"]["example"]].into_iter().find(|value| !value.is_null());
            let Some(example) = example.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            else {
                continue;
            };
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &example),
                "query" => query.push(format!("{name}={example}")),
                _ => headers.push((name.to_owned(), example)),
            }
        }
        let wanted = NOT_AS_IT_STANDS.iter().find(|(known, _)| *known == id).map(|(_, status)| *status);
        let nobody = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11";
        path = path.replace("{check_in_id}", nobody);
        if path.contains('{') {
            wrong.push(format!("{id}: {path} has no example"));
            continue;
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let mut ask = app.ask(&method, &path);
        if operation.get("security").is_none() {
            let is_of_patient = path.starts_with("/v1/me");
            ask = ask.bearer(if is_of_patient { &patient } else { &owner });
        }
        for (name, value) in &headers {
            ask = ask.header(name, value);
        }
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        if !body.is_null() {
            ask = ask.json(body);
        }
        if id == "migrate_plans" {
            app.work().await; // the way back of the move before it, which the demo's worker does within a second
        }
        let before = (method != "GET").then(|| written(&app));
        let answer = ask.send().await;
        if let Some(before) = before {
            let after = written(&app);
            if before.0 == after.0 && before.1 != after.1 {
                wrong.push(format!("{id}: it has written something, and no event says so"));
            }
            if before.0 == after.0 && !KEPT_ELSEWHERE.contains(&id) {
                wrong.push(format!("{id}: no event, and events.rs does not look for one either"));
            }
        }
        let is_right = wanted.map_or(answer.status < 300, |wanted| answer.status == wanted);
        if !is_right {
            wrong.push(format!(
                "{id}: {method} {path}: {} {}",
                answer.status,
                answer.text().chars().take(400).collect::<String>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
