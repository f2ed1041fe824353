//! Twelve at once: of edits that name one version, one is done; the others hear that it changed. Generated from the document, so that an
//! editing operation without its row here fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::contract;
use crate::support::people::{Clinic, Enrolled, Person, face_treatment};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp};

const AT_ONCE: usize = 12;

/// One kind of edit: who, how, where, under which tag, and a body that is another one each time.
struct Edit {
    who: Person,
    method: &'static str,
    path: String,
    tag: String,
    body: fn(usize) -> Value,
}

async fn fire(app: &Shared, name: &str, edit: Edit) {
    let token = edit.who.token().await;
    let sends = (0..AT_ONCE).map(|number| {
        let (edit, token) = (&edit, &token);
        async move {
            // 503 says that nothing was done, and to send it again: so does a phone.
            loop {
                let ask = app.ask(edit.method, &edit.path).bearer(token).header("if-match", &edit.tag);
                let reply = match (edit.body)(number) {
                    Value::Null => ask.send().await,
                    body => ask.json(&body).send().await,
                };
                if reply.status != 503 {
                    return reply;
                }
            }
        }
    });
    let replies = futures_util::future::join_all(sends).await;
    // The same command again is no second change, and says so.
    let did = replies.iter().filter(|reply| matches!(reply.status, 200 | 204) && !unchanged(&reply.bytes)).count();
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(did, 1, "{name}: {statuses:?} {}", replies[0].text());
    assert!(statuses.iter().all(|status| matches!(status, 200 | 204 | 409 | 412)), "{name}: {statuses:?}");
}

fn unchanged(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|body| body["changed"] == json!(false))
}

async fn tag_of(who: &Person, path: &str) -> String {
    who.get(path).await.header("etag").to_owned()
}

/// Something fresh to edit, for an operation.
async fn prepare(operation: &str, clinic: &Clinic, number: usize) -> Edit {
    let (owner, name) = (clinic.owner.clone(), format!("Person{number}"));
    match operation {
        "change_clinic" => Edit {
            tag: tag_of(&owner, "/v1/clinic").await,
            who: owner,
            method: "PATCH",
            path: "/v1/clinic".to_owned(),
            body: |number| json!({ "name": format!("Clinic {number}") }),
        },
        "change_member" => Edit {
            tag: "\"v1\"".to_owned(),
            who: owner,
            method: "PATCH",
            path: format!("/v1/clinic/members/{}", clinic.members[2]),
            body: |number| json!({ "role": if number.is_multiple_of(2) { "clinician" } else { "owner" } }),
        },
        "change_patient" => {
            let patient = clinic.add_patient(&name, "Europe/London").await;
            let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
            let body = |number| json!({ "name": format!("Name {number}") });
            Edit { tag: tag_of(&owner, &path).await, who: owner, method: "PATCH", path, body }
        }
        "change_me" => {
            let ada = clinic.enrol(&name).await;
            let zones = |number: usize| {
                let zone = ["Europe/Madrid", "Asia/Tokyo", "America/Lima"][number % 3];
                json!({ "zone": zone, "reminders": number.is_multiple_of(2) })
            };
            Edit {
                tag: tag_of(&ada.person, "/v1/me").await,
                who: ada.person,
                method: "PATCH",
                path: "/v1/me".to_owned(),
                body: zones,
            }
        }
        "change_course" => {
            let patient = clinic.add_patient(&name, "Europe/London").await;
            let course = json!({ "patient_id": patient["id"], "protocol_key": "mn-face", "body_area": "face" });
            let course = owner.post("/v1/clinic/courses", course).await.must(201);
            let path = format!("/v1/clinic/courses/{}", course["id"].as_str().unwrap());
            Edit {
                tag: "\"v1\"".to_owned(),
                who: owner,
                method: "PATCH",
                path,
                body: |number| json!({ "sessions": 3 + number % 5 }),
            }
        }
        "acknowledge_alert" | "resolve_alert" => {
            let ada = clinic.enrol(&name).await;
            let check_in = format!("/v1/me/check-ins/{}", crate::support::people::phone_id(number as u128 + 1_000));
            ada.person.put(&check_in, json!({ "plan_id": ada.plan_id, "answers": { "redness": 10 } })).await.must(201);
            let alerts = owner.get("/v1/clinic/alerts?status=open&limit=1").await.must(200);
            let verb = operation.strip_suffix("_alert").unwrap();
            Edit {
                who: owner,
                method: "POST",
                path: format!("/v1/clinic/alerts/{}/{verb}", alerts["items"][0]["id"].as_str().unwrap()),
                tag: "\"v1\"".to_owned(),
                body: if verb == "resolve" {
                    |number| json!({ "resolution": "settled", "note": format!("Note {number}.") })
                } else {
                    |_| Value::Null
                },
            }
        }
        "write_clinic_text" | "erase_clinic_text" => {
            let texts = owner.get("/v1/clinic/texts").await.must(200);
            let key = texts["items"][0]["key"].as_str().unwrap().to_owned();
            let path = format!("/v1/clinic/texts/{key}");
            if operation == "erase_clinic_text" {
                let tag = tag_of(&owner, "/v1/clinic").await;
                owner.send_if("PUT", &path, &tag, json!({ "texts": { "en": "Gel" } })).await.must(200);
            }
            let method = if operation == "write_clinic_text" { "PUT" } else { "DELETE" };
            let body: fn(usize) -> Value = if method == "PUT" {
                |number| json!({ "texts": { "en": format!("Gel {number}") } })
            } else {
                |_| Value::Null
            };
            Edit { tag: tag_of(&owner, "/v1/clinic").await, who: owner, method, path, body }
        }
        "edit_protocol_document" => {
            let key = format!("own-{number}");
            let versions = format!("/v1/clinic/protocols/{key}/versions");
            owner.post(&versions, json!({ "document": small_protocol(&key) })).await.must(201);
            let path = format!("{versions}/1/document");
            assert_eq!(key, "own-1", "the body below names it");
            let body = |number: usize| json!({ "document": format!("{}\n# {number}\n", small_protocol("own-1")) });
            Edit { tag: tag_of(&owner, &path).await, who: owner, method: "PUT", path, body }
        }
        command => prepare_command(command, clinic, &clinic.enrol(&name).await).await,
    }
}

async fn prepare_command(command: &str, clinic: &Clinic, ada: &Enrolled) -> Edit {
    let path = |verb: &str| format!("/v1/clinic/plans/{}/{verb}", ada.plan_id);
    let order = async |verb: &str, body: Value| {
        let tag = tag_of(&clinic.owner, &format!("/v1/clinic/plans/{}", ada.plan_id)).await;
        clinic.owner.send_if("POST", &path(verb), &tag, body).await.must(200)
    };
    let (verb, body): (&str, fn(usize) -> Value) = match command {
        "pause_plan" => (
            "pause",
            |n| json!({ "from_on": format!("2026-03-{:02}", 5 + n), "days": "shift", "reason": "A journey." }),
        ),
        "resume_plan" => {
            order("pause", json!({ "days": "shift", "reason": "A journey." })).await;
            ("resume", |n| json!({ "on": format!("2026-03-{:02}", 5 + n), "reason": "Back." }))
        }
        "complete_plan" => ("complete", |n| json!({ "from_on": format!("2026-03-{:02}", 5 + n), "reason": "Healed." })),
        "revoke_plan" => ("revoke", |n| json!({ "from_on": format!("2026-03-{:02}", 5 + n), "reason": "Stopped." })),
        "correct_plan" => ("correct", |n| {
            let mut treatment = face_treatment("2026-03-01");
            treatment["parameters"]["needle_depth_mm"] = json!([0.75, 1.0, 1.25][n % 3]);
            json!({ "performed_on": "2026-03-01", "parameters": treatment["parameters"], "reason": "Typed wrong." })
        }),
        "override_plan" => ("override", |n| {
            let title = json!({ "en": format!("Sunscreen {n}.") });
            let set = json!({ "key": "sunscreen", "days": [{ "from": 3, "to": 9 + n }], "slots": ["daylight"], "title": title });
            json!({ "set": set, "reason": "Seen." })
        }),
        "enter_plan_in_error" => ("entered-in-error", |_| json!({ "reason": "Another person." })),
        "undo_plan_revision" => {
            order("pause", json!({ "days": "shift", "reason": "A journey." })).await;
            ("undo", |n| json!({ "revision": 2, "reason": format!("By mistake {n}.") }))
        }
        other => panic!("{other} takes If-Match: say here how twelve of it are sent at once"),
    };
    Edit {
        tag: tag_of(&clinic.owner, &format!("/v1/clinic/plans/{}", ada.plan_id)).await,
        who: clinic.owner.clone(),
        method: "POST",
        path: path(verb),
        body,
    }
}

/// Decided by a test of their own (`waiting.rs`): they need a plan that waits.
const ELSEWHERE: [&str; 2] = ["start_plan", "decline_plan"];

#[tokio::test]
async fn t49_of_twelve_edits_at_once_one_is_done_whatever_is_edited() {
    let operations: BTreeSet<String> = contract::operations()
        .into_iter()
        .filter(|operation| operation.parameters("header").iter().any(|name| name == "If-Match"))
        .map(|operation| operation.id.clone())
        .collect();
    assert!(operations.len() > 15, "{operations:?}");
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    for (number, operation) in
        operations.iter().enumerate().filter(|(_, operation)| !ELSEWHERE.contains(&operation.as_str()))
    {
        let edit =
            prepare(operation, &clinic, if operation == "edit_protocol_document" { 1 } else { number + 10 }).await;
        fire(&app, operation, edit).await;
        app.mails().await;
    }
    app.ignore_mails();
}

#[tokio::test]
async fn a_document_is_approved_as_it_was_checked_or_not_at_all() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    for round in 0..6 {
        let key = format!("own-{round}");
        let versions = format!("/v1/clinic/protocols/{key}/versions");
        clinic.owner.post(&versions, json!({ "document": small_protocol(&key) })).await.must(201);
        let path = format!("{versions}/1/document");
        let tag = tag_of(&clinic.owner, &path).await;
        let edited = format!("{}\n# edited\n", small_protocol(&key));
        let body = json!({ "document": edited });
        let edit = clinic.owner.send_if("PUT", &path, &tag, body);
        let (activation, retirement) = (format!("{versions}/1/activate"), format!("{versions}/1/retire"));
        let activates = (0..5).map(|_| clinic.clinician.post_nothing(&activation));
        let retire = clinic.clinician.post_nothing(&retirement);
        let (edit, activates, retire) =
            futures_util::future::join3(edit, futures_util::future::join_all(activates), retire).await;
        assert!(matches!(edit.status, 200 | 409 | 412 | 503), "{}", edit.text());
        for reply in activates.iter().chain([&retire]) {
            assert!(matches!(reply.status, 200 | 409 | 503), "{}", reply.text());
        }
        let version = clinic.owner.get(&format!("{versions}/1")).await.must(200);
        if retire.status == 200 {
            assert_eq!(version["status"], "retired", "what was retired stays so");
        }
        if edit.status == 200 && version["approved_at"] != Value::Null {
            let text = clinic.owner.get(&path).await.text();
            assert!(text.contains("# edited"), "the edit came first, and the edited document was checked");
        }
    }
}

#[tokio::test]
async fn unique_things_made_at_once_are_made_once_and_never_a_500() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let new = json!({ "name": "New", "email": "new@one.example", "role": "clinician" });
    let invites = (0..AT_ONCE).map(|_| clinic.owner.post("/v1/clinic/members", new.clone()));
    let statuses: Vec<u16> = futures_util::future::join_all(invites).await.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409 | 503)), "{statuses:?}");

    let patient = clinic.add_patient("Ada", "Europe/London").await["id"].clone();
    let path = format!("/v1/clinic/patients/{}/treatments", patient.as_str().unwrap());
    let treatment = clinic.coordinator.post(&path, face_treatment("2026-03-02")).await.must(201)["id"].clone();
    let enrolment = json!({ "patient_id": patient, "treatment_id": treatment, "protocol_key": "mn-face" });
    let enrols = (0..AT_ONCE).map(|_| clinic.coordinator.post("/v1/clinic/plans", enrolment.clone()));
    let statuses: Vec<u16> = futures_util::future::join_all(enrols).await.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409 | 503)), "{statuses:?}");

    let body = json!({ "library_key": "peel-superficial" });
    let adopts = (0..AT_ONCE).map(|_| clinic.owner.post("/v1/clinic/protocols", body.clone()));
    let statuses: Vec<u16> = futures_util::future::join_all(adopts).await.iter().map(|reply| reply.status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409 | 422 | 503)), "{statuses:?}");
    app.ignore_mails();
}
