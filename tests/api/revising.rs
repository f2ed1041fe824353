//! Commands on running plans over the API: looked at first, done once, seen by the patient, taken back.

use serde_json::{Value, json};

use crate::support::contract::{Operation, operations};
use crate::support::http::Reply;
use crate::support::people::{Clinic, Enrolled, face_treatment, phone_id};
use crate::support::samples::{fill, small_protocol};
use crate::support::{Shared, TestApp};

struct Care {
    app: Shared,
    clinic: Clinic,
    ada: Enrolled,
}

impl Care {
    /// A patient on the morning of day 2.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        let ada = clinic.enrol("Ada").await;
        app.ignore_mails();
        app.set_clock("2026-03-04T10:00:00Z");
        app.work().await;
        Self { app, clinic, ada }
    }

    async fn order(&self, command: &str, revision: i32, body: Value) -> Reply {
        let path = format!("/v1/clinic/plans/{}/{command}", self.ada.plan_id);
        self.clinic.owner.send_if("POST", &path, &format!("\"v{revision}\""), body).await
    }

    async fn today(&self) -> Reply {
        self.ada.person.get("/v1/me/today").await
    }

    async fn kinds(&self) -> Vec<String> {
        let today = self.today().await.must(200);
        let items = today["items"].as_array().unwrap().iter();
        let mut kinds: Vec<String> = items.map(|item| item["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    fn reminders(&self, condition: &str) -> usize {
        self.app.database.count("reminders", condition)
    }
}

#[tokio::test]
async fn a_pause_asks_nothing_and_resuming_goes_on_where_it_stopped() {
    let care = Care::new().await;
    let before = care.today().await.text();
    let pause = json!({ "days": "shift", "reason": "A journey." });
    let path = format!("pause?dry_run={}", true);
    let looked = care.order(&path, 1, pause.clone()).await.must(200);
    assert_eq!((&looked["applied"], &looked["changed"]), (&json!(false), &json!(true)));
    assert_eq!(care.today().await.text(), before, "a dry run changes nothing");
    assert_eq!(care.app.database.count("plan_revisions", "1 = 1"), 0);

    let done = care.order("pause", 1, pause.clone()).await;
    assert_eq!(done.header("etag"), "\"v2\"");
    let done = done.must(200);
    assert_eq!(done["days"], looked["days"], "it does what it said");
    assert_eq!(done["plan"]["pauses"], json!([{ "from_on": "2026-03-04", "until_on": null, "days": "shift" }]));
    assert_eq!(care.kinds().await, ["education", "instruction", "restriction"], "what is safe in any case stays");
    let again = care.order("pause", 2, pause).await.must(200);
    assert_eq!((&again["changed"], &again["plan"]["revision"]), (&json!(false), &json!(2)));

    // Two evenings go by without a reminder.
    let sent = care.reminders("decision <> 'not_mailed'");
    for evening in ["2026-03-04T21:00:00Z", "2026-03-05T21:00:00Z"] {
        care.app.set_clock(evening);
        care.app.work().await;
    }
    care.app.set_clock("2026-03-06T20:00:00Z");
    care.order("resume", 2, json!({ "reason": "Back again." })).await.must(200);
    care.app.work().await;
    assert_eq!(care.reminders("decision <> 'not_mailed'"), sent, "no backlog");
    let today = care.today().await.must(200);
    assert_eq!((&today["plans"][0]["day"], &today["plans"][0]["status"]), (&json!(2), &json!("active")));
    care.app.set_clock("2026-03-07T20:00:00Z");
    care.app.work().await;
    assert!(care.reminders("decision <> 'not_mailed'") > sent, "and then reminders go on");
    assert_eq!(care.app.database.count("alerts", "1 = 1"), 0, "silence is not counted across a pause");
    let changes = care.ada.person.get(&format!("/v1/me/plans/{}/changes", care.ada.plan_id)).await.must(200);
    insta::assert_json_snapshot!("revising_changes_of_a_pause", changes);
    let revisions = care.clinic.coordinator.get(&format!("/v1/clinic/plans/{}/revisions", care.ada.plan_id)).await;
    insta::assert_json_snapshot!("revising_revisions_of_a_pause", revisions.must(200));
}

#[tokio::test]
async fn of_commands_at_once_exactly_one_wins() {
    let care = Care::new().await;
    let tries = (0..12).map(|n| {
        care.order(
            "pause",
            1,
            json!({ "days": "pass", "reason": format!("Try {n}."), "until_on": format!("2026-03-{}", 10 + n) }),
        )
    });
    let replies = futures_util::future::join_all(tries).await;
    let won: Vec<u16> = replies.iter().map(|reply| reply.status).filter(|status| *status == 200).collect();
    let lost = replies.iter().filter(|reply| matches!(reply.status, 412 | 503)).count();
    assert_eq!((won.len(), lost), (1, 11), "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    assert_eq!(care.app.database.count("plan_revisions", "1 = 1"), 1);
}

#[tokio::test]
async fn a_command_whose_answer_was_lost_can_be_sent_again() {
    let care = Care::new().await;
    let body = json!({ "days": "pass", "reason": "A journey." });
    let first = care.order("pause", 1, body.clone()).await.must(200);
    let second = care.order("pause", 1, body).await.must(200);
    assert_eq!((&second["changed"], &second["plan"]), (&json!(false), &first["plan"]));
    care.order("pause", 1, json!({ "days": "shift", "reason": "Another." })).await.must_be_problem(412, "stale");
}

#[tokio::test]
async fn a_corrected_date_keeps_every_answer_counts_days_again_and_can_be_undone() {
    let care = Care::new().await;
    let today = care.today().await.must(200);
    let item = |key: &str| {
        let items = today["items"].as_array().unwrap();
        items.iter().find(|item| item["key"] == key && item["day"] == 2).unwrap()["occurrence_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    care.app.set_clock("2026-03-04T19:30:00Z");
    let answer = json!({ "plan_id": care.ada.plan_id, "occurrence_id": item("check-in"), "answers": { "redness": 9 } });
    care.ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(1)), answer).await.must(201);
    care.app.work().await;
    let sent = care.reminders("1 = 1");
    let before = care.today().await;
    let alerts = care.clinic.owner.get("/v1/clinic/alerts").await.must(200);
    assert_eq!(alerts["items"][0]["annotations"], json!([]));

    let body = json!({ "performed_on": "2026-03-03", "reason": "Typed wrong." });
    let done = care.order("correct", 1, body).await.must(200);
    assert_eq!((&done["changed"], &done["plan"]["day_zero"]), (&json!(true), &json!("2026-03-03")));
    let after = care.today().await.must(200);
    assert_eq!(after["plans"][0]["day"], 1);
    let answered = |item: &&Value| item["key"] == "check-in" && item["day"] == 1;
    let check_in = after["items"].as_array().unwrap().iter().find(answered).unwrap();
    assert_eq!(check_in["state"], "done", "that day was answered, whatever its number is");
    let alerts = care.clinic.owner.get("/v1/clinic/alerts").await.must(200);
    assert_eq!(alerts["items"][0]["annotations"][0]["code"], "treatment_corrected");
    assert_eq!(alerts["items"][0]["status"], "open");
    assert_eq!(care.reminders("1 = 1"), sent, "what was decided stays");
    let treatments = format!("/v1/clinic/patients/{}/treatments", care.ada.patient_id);
    assert_eq!(care.clinic.owner.get(&treatments).await.must(200)["items"][0]["performed_on"], "2026-03-03");
    // What is still to come is reminded of on its new days.
    care.app.set_clock("2026-03-05T20:00:00Z");
    care.app.work().await;
    assert!(care.reminders("1 = 1") > sent);

    care.app.set_clock("2026-03-04T19:30:00Z");
    care.order("undo", 2, json!({ "revision": 2, "reason": "It was right." })).await.must(200);
    let undone = care.today().await;
    assert_eq!((undone.text(), undone.header("etag")), (before.text(), before.header("etag")));
    let again = care.order("undo", 3, json!({ "revision": 2, "reason": "It was right." })).await.must(200);
    assert_eq!((&again["changed"], &again["plan"]["revision"]), (&json!(false), &json!(3)));
}

#[tokio::test]
async fn corrected_parameters_are_compiled_again_and_refused_if_they_do_not_fit() {
    let care = Care::new().await;
    let wrong = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "IX" }, "reason": "Seen." });
    care.order("correct", 1, wrong).await.must_name("/parameters/skin_type", "unknown_choice");
    let infected = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "III", "active_infection": true }, "reason": "Seen." });
    care.order("correct", 1, infected).await.must_name("/parameters", "excluded.active-infection");
    care.order("correct", 1, json!({ "body_area": "scalp", "reason": "Seen." }))
        .await
        .must_name("/body_area", "wrong_body_area");
    care.order("correct", 1, json!({ "performed_on": "2026-03-05", "reason": "Seen." }))
        .await
        .must_name("/performed_on", "out_of_range");
    let darker = json!({ "parameters": { "needle_depth_mm": 1.5, "skin_type": "V" }, "reason": "Seen." });
    let done = care.order("correct", 1, darker).await.must(200);
    assert_eq!(done["plan"]["revision"], 2);
    assert!(done["plan"]["variants"].as_array().unwrap().iter().any(|variant| variant == "darker_skin"));
}

#[tokio::test]
async fn a_line_is_different_for_one_patient_and_the_patient_sees_why() {
    let care = Care::new().await;
    let before = care.today().await;
    let today = before.must(200);
    let restriction =
        today["items"].as_array().unwrap().iter().find(|item| item["kind"] == "restriction").unwrap().clone();
    let key = restriction["key"].as_str().unwrap();
    let change = json!({
        "set": { "key": key, "days": [{ "from": 0, "to": 30 }], "title": { "en": "Not before we have seen you." } },
        "reason": "Your skin needs more time."
    });
    let done = care.order("override", 1, change).await.must(200);
    let changed: Vec<&Value> = done["days"].as_array().unwrap().iter().collect();
    assert!(changed.len() > 20, "every day of it: {}", changed.len());
    let after = care.today().await.must(200);
    let line = after["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap().clone();
    assert_eq!((&line["title"], &line["last_on"]), (&json!("Not before we have seen you."), &json!("2026-04-01")));
    assert_eq!(line["because"], "Your skin needs more time.", "the line says so itself");
    let changes = care.ada.person.get(&format!("/v1/me/plans/{}/changes", care.ada.plan_id)).await.must(200);
    assert_eq!(changes["items"][0]["reason"], "Your skin needs more time.");
    assert_eq!(changes["items"][0]["line"], "Not before we have seen you.");
    let add = json!({
        "add": { "key": "own-cool-pack", "kind": "task", "days": [{ "from": 2, "to": 5 }], "slots": [line["slot"]], "title": { "en": "Cool pack." } },
        "reason": "It is warm."
    });
    care.order("override", 2, add).await.must(200);
    let after = care.today().await.must(200);
    let own = after["items"].as_array().unwrap().iter().find(|item| item["key"] == "own-cool-pack").unwrap().clone();
    let path = format!("/v1/me/occurrences/{}/mark", own["occurrence_id"].as_str().unwrap());
    care.ada.person.put(&path, json!({ "state": "done" })).await.must(200);
    // Done today, so it is gone from tomorrow on.
    care.order("override", 3, json!({ "remove": "own-cool-pack", "reason": "Enough." })).await.must(200);
    let has = |day: &Value| day["items"].as_array().unwrap().iter().any(|item| item["key"] == "own-cool-pack");
    assert!(has(&care.today().await.must(200)));
    assert!(!has(&care.ada.person.get("/v1/me/today?date=2026-03-05").await.must(200)));
    for revision in [4, 3, 2] {
        let number = 4 + (4 - revision);
        care.order("undo", number, json!({ "revision": revision, "reason": "As before." })).await.must(200);
    }
    assert_eq!(care.today().await.text(), before.text());
}

#[tokio::test]
async fn an_override_that_does_not_fit_is_named() {
    let care = Care::new().await;
    let refused = [
        (json!({ "reason": "Why." }), "", "required"),
        (json!({ "remove": "no-such-line", "reason": "Why." }), "/remove", "unknown_value"),
        (json!({ "set": { "key": "sunscreen" }, "reason": "Why." }), "/set/days", "required"),
        (
            json!({ "set": { "key": "sunscreen", "slots": ["noon-tea"] }, "reason": "Why." }),
            "/set/slots",
            "unknown_value",
        ),
        (
            json!({ "set": { "key": "sunscreen", "days": [{ "from": 5, "to": 3 }] }, "reason": "Why." }),
            "/set/days",
            "out_of_range",
        ),
        (
            json!({ "set": { "key": "sunscreen", "title": { "es": "No." } }, "reason": "Why." }),
            "/set/title",
            "invalid_value",
        ),
        (
            json!({ "threshold": { "symptom": "joy", "add": 1 }, "reason": "Why." }),
            "/threshold/symptom",
            "unknown_value",
        ),
        (
            json!({ "threshold": { "symptom": "redness", "add": 9 }, "reason": "Why." }),
            "/threshold/add",
            "out_of_range",
        ),
    ];
    for (body, pointer, code) in refused {
        care.order("override", 1, body.clone()).await.must_name(pointer, code);
    }
    assert_eq!(care.app.database.count("plan_revisions", "1 = 1"), 0);
}

#[tokio::test]
async fn a_treatment_that_never_happened_is_gone_from_the_patient_and_stays_with_the_clinic() {
    let care = Care::new().await;
    let before = care.today().await.text();
    care.order("entered-in-error", 1, json!({ "reason": "Another person." })).await.must(200);
    let today = care.today().await.must(200);
    care.ada.person.must_only_have_help().await;
    assert_eq!(today["forms"][0]["plan_id"], json!(null), "nothing of the plan is left");
    let mine = care.ada.person.get("/v1/me/plans").await.must(200);
    assert_eq!(mine["items"], json!([]));
    let plan = care.clinic.owner.get(&format!("/v1/clinic/plans/{}", care.ada.plan_id)).await.must(200);
    assert_eq!(plan["status"], "entered_in_error");
    assert_eq!(care.app.database.count("treatments", "entered_in_error_at IS NOT NULL"), 1);
    care.order("pause", 2, json!({ "days": "pass", "reason": "Why." })).await.must_be_problem(409, "entered_in_error");
    care.order("undo", 2, json!({ "revision": 2, "reason": "It was this one." })).await.must(200);
    assert_eq!(care.today().await.text(), before);
}

#[tokio::test]
async fn a_plan_that_was_entered_in_error_tells_the_patient_nothing_more_and_loses_nothing_they_said() {
    let care = Care::new().await;
    let (patient, plan) = (&care.ada.person, &care.ada.plan_id);
    let check_in = async |number: u128, answers: Value| {
        let body = json!({ "plan_id": plan, "answers": answers });
        patient.put(&format!("/v1/me/check-ins/{}", phone_id(number)), body).await
    };
    let in_line = check_in(1, json!({ "redness": 3 })).await.must(201);
    assert!(in_line.to_string().contains("in line"), "{in_line}");
    check_in(2, json!({ "signs": ["F6"] })).await.must(201);
    let read = async |number: u128| patient.get(&format!("/v1/me/check-ins/{}", phone_id(number))).await.must(200);
    let said = [read(1).await, read(2).await];
    let of_patient = format!("/v1/clinic/patients/{}/check-ins", care.ada.patient_id);
    let seen_by_staff = care.clinic.owner.get(&of_patient).await.must(200);
    let named =
        || operations().into_iter().filter(|one| one.path.starts_with("/v1/me/") && one.path.contains("{plan_id}"));
    assert!(named().count() >= 4, "plan, timeline, progress, changes");
    let ask = async |operation: &Operation| {
        let path = fill(operation, |parameter| {
            assert_eq!(parameter, "plan_id", "{}", operation.id);
            plan.clone()
        });
        care.app.ask(&operation.method, &path).bearer(&patient.token().await).send().await
    };
    for operation in named() {
        ask(&operation).await.must(200);
    }

    care.order("entered-in-error", 1, json!({ "reason": "Another person." })).await.must(200);
    for operation in named() {
        ask(&operation).await.must_be_problem(404, "not_found");
    }
    for path in ["/v1/me/plans", "/v1/me/today", "/v1/me/timeline", "/v1/me"] {
        let reply = patient.get(path).await;
        assert!(!reply.text().contains(plan.as_str()), "{path}: {}", reply.text());
    }
    // What was said stays theirs. What the plan made of it is gone, but for what cannot wait.
    for (number, before) in [1, 2].into_iter().zip(&said) {
        let now = read(number).await;
        for field in ["id", "plan_id", "answers", "answered_at", "received_at", "not_used"] {
            assert_eq!(now[field], before[field], "{field}");
        }
    }
    let (calm, danger) = (read(1).await, read(2).await);
    assert_eq!((&calm["urgency"], &calm["advice"]["reasons"]), (&Value::Null, &json!([])), "{calm}");
    assert!(!calm.to_string().contains("in line"), "{calm}");
    assert_eq!((&danger["urgency"], &danger["advice"]), (&said[1]["urgency"], &said[1]["advice"]));
    let listed = patient.get("/v1/me/check-ins").await.must(200);
    assert_eq!(listed["items"], json!([danger, calm]));
    assert_eq!(care.clinic.owner.get(&of_patient).await.must(200), seen_by_staff, "staff see what was said");

    // Nothing is lost: the same again is known, and what comes now is kept, with nothing in it that the plan would say.
    assert_eq!(check_in(1, json!({ "redness": 3 })).await.must(200), calm);
    let kept = check_in(3, json!({ "redness": 1 })).await.must(201);
    assert_eq!((&kept["urgency"], &kept["advice"]), (&Value::Null, &calm["advice"]));
    assert_eq!(check_in(4, json!({ "signs": ["F6"] })).await.must(201)["urgency"], danger["urgency"]);

    care.order("undo", 2, json!({ "revision": 2, "reason": "It was this one." })).await.must(200);
    assert_eq!([read(1).await, read(2).await], said);
    for operation in named() {
        ask(&operation).await.must(200);
    }
}

#[tokio::test]
async fn a_plan_ends_on_a_date_to_come() {
    let care = Care::new().await;
    let body = json!({ "from_on": "2026-03-06", "reason": "The patient moves away." });
    let done = care.order("revoke", 1, body).await.must(200);
    assert_eq!((&done["plan"]["status"], &done["plan"]["ends_on"]), (&json!("active"), &json!("2026-03-06")));
    care.app.set_clock("2026-03-05T10:00:00Z");
    care.today().await.must(200);
    care.app.set_clock("2026-03-06T10:00:00Z");
    care.ada.person.must_only_have_help().await;
    let plan = care.ada.person.get(&format!("/v1/me/plans/{}", care.ada.plan_id)).await.must(200);
    assert_eq!(plan["status"], "revoked");
    // What the phone kept and sends late is kept.
    let late = json!({ "plan_id": care.ada.plan_id, "answers": { "worry": "worried" }, "answered_at": "2026-03-06T09:00:00Z" });
    care.ada.person.put(&format!("/v1/me/check-ins/{}", phone_id(7)), late).await.must(201);
}

#[tokio::test]
async fn a_correction_is_of_every_plan_of_the_treatment_and_staff_without_the_right_are_refused() {
    let care = Care::new().await;
    let path = format!("/v1/clinic/plans/{}/correct", care.ada.plan_id);
    let body = json!({ "performed_on": "2026-03-01", "reason": "Typed wrong." });
    let refused = care.clinic.coordinator.send_if("POST", &path, "\"v1\"", body.clone()).await;
    refused.must_be_problem(403, "not_allowed");
    let missing = care.clinic.owner.post(&path, body.clone()).await;
    missing.must_be_problem(428, "if_match_needed");
    care.app.mails().await;
    let other = care.clinic.enrol_as(("Bea", "Europe/London"), "mn-face", face_treatment("2026-03-02")).await;
    care.order("correct", 1, body).await.must(200);
    let theirs = care.clinic.owner.get(&format!("/v1/clinic/plans/{}", other.plan_id)).await.must(200);
    assert_eq!(theirs["day_zero"], "2026-03-02", "of this treatment only");
}

/// Of each line of these days that can be marked: its day, key, slot and state.
async fn states(of: &Enrolled, days: std::ops::Range<i32>) -> Vec<[String; 4]> {
    let path = format!("/v1/me/plans/{}/timeline?from_day={}&limit={}", of.plan_id, days.start, days.len());
    let seen = of.person.get(&path).await.must(200);
    let lines = seen["items"].as_array().unwrap().iter().flat_map(|day| day["items"].as_array().unwrap());
    let marked = lines.filter(|line| ["task", "check_in", "photo"].contains(&line["kind"].as_str().unwrap()));
    let said = |line: &Value| {
        let word = |field: &str| line[field].as_str().unwrap().to_owned();
        [line["day"].to_string(), word("key"), word("slot"), word("state")]
    };
    marked.map(said).collect()
}

#[tokio::test]
async fn days_on_which_a_plan_asked_nothing_are_never_missed_after_an_undo() {
    for (days, command) in
        [(Some("shift"), "pause"), (Some("pass"), "pause"), (None, "revoke"), (None, "entered-in-error")]
    {
        let care = Care::new().await;
        care.app.mails().await;
        let bea = care.clinic.enrol_as(("Bea", "Europe/London"), "mn-face", face_treatment("2026-03-02")).await;
        let mut body = json!({ "reason": "A journey." });
        days.iter().for_each(|days| body["days"] = json!(days));
        care.order(command, 1, body).await.must(200);
        // Three nights later it is taken back.
        care.app.set_clock("2026-03-07T10:00:00Z");
        care.app.work().await;
        let mailed = care.reminders("decision <> 'not_mailed'");
        let ada = format!("decision <> 'not_mailed' AND plan_id = {}", care.app.database.id(&care.ada.plan_id));
        let hers = care.reminders(&ada);
        care.order("undo", 2, json!({ "revision": 2, "reason": "It was a mistake." })).await.must(200);
        if days == Some("shift") {
            let revisions = format!("/v1/clinic/plans/{}/revisions", care.ada.plan_id);
            let listed = care.clinic.coordinator.get(&revisions).await.must(200);
            insta::assert_json_snapshot!("revising_revisions_of_an_undo_after_days", listed);
        }
        let undone = states(&care.ada, 3..12).await;
        let never = states(&bea, 3..12).await;
        let mut silent = 0;
        for (hers, theirs) in undone.iter().zip(&never) {
            let [day, _, _, state] = theirs;
            assert_eq!(hers[..3], theirs[..3]);
            let was_silent = ["3", "4", "5"].contains(&day.as_str());
            let is_cancelled = was_silent && state == "missed" && hers[3] == "cancelled";
            assert!(hers[3] == *state || is_cancelled, "{command}: {hers:?}, not {state}");
            assert!(!was_silent || hers[3] != "missed", "{command}: {hers:?}");
            silent += u32::from(is_cancelled);
        }
        assert!(silent > 3, "{command}: {silent}");
        // Nobody is reminded of what was not asked; what is asked is reminded of.
        care.app.work().await;
        assert_eq!(care.reminders("decision <> 'not_mailed'"), mailed, "{command}");
        let silence = format!("status = 'open' AND plan_id = {}", care.app.database.id(&care.ada.plan_id));
        assert_eq!(care.app.database.count("alerts", &silence), 0, "{command}: it was not asked");
        for evening in ["2026-03-07T20:30:00Z", "2026-03-08T20:30:00Z", "2026-03-09T20:30:00Z"] {
            care.app.set_clock(evening);
            care.app.work().await;
        }
        assert!(care.reminders(&ada) > hers, "{command}: {hers}");
        // In the end the silent days are not expected, and all others are.
        care.app.set_clock("2026-06-01T10:00:00Z");
        let (undone, never) = (states(&care.ada, 0..100).await, states(&bea, 0..100).await);
        let missed = |lines: &[[String; 4]], day: &dyn Fn(i32) -> bool| {
            lines.iter().filter(|line| line[3] == "missed" && day(line[0].parse().unwrap())).count()
        };
        assert_eq!(missed(&undone, &|day| (3..5).contains(&day)), 0, "{command}");
        assert!(
            undone.iter().any(|line| line[0] == "2" && line[3] == "cancelled"),
            "{command}: what closed later that day"
        );
        assert_eq!(missed(&undone, &|day| day > 5), missed(&never, &|day| day > 5), "{command}");
        let expected = missed(&undone, &|_| true);
        assert_eq!(total(&care.clinic, &care.ada).await, json!([expected, expected]));
        assert_eq!(total(&care.clinic, &bea).await, json!([missed(&never, &|_| true), missed(&never, &|_| true)]));
    }
}

/// What was expected of a patient, and missed.
async fn total(clinic: &Clinic, of: &Enrolled) -> Value {
    let progress = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/progress", of.plan_id)).await.must(200);
    json!([progress["total"]["expected"], progress["total"]["missed"]])
}

impl Care {
    async fn enrol_in_second(&self) -> Value {
        let body = json!({
            "patient_id": self.ada.patient_id, "treatment_id": self.ada.treatment_id, "protocol_key": "second"
        });
        self.clinic.coordinator.post("/v1/clinic/plans", body).await.must(201)
    }

    async fn plan(&self, id: &Value) -> Value {
        self.clinic.owner.get(&format!("/v1/clinic/plans/{}", id.as_str().unwrap())).await.must(200)
    }
}

#[tokio::test]
async fn a_dry_run_tells_of_the_other_plan_of_the_treatment_and_leaves_no_trace() {
    let care = Care::new().await;
    care.clinic.approve("second", &small_protocol("second")).await;
    let second = care.enrol_in_second().await;
    let before = care.app.database.contents();
    let correction = json!({ "performed_on": "2026-03-01", "reason": "Typed wrong." });
    let looked = care.order("correct?dry_run=true", 1, correction.clone()).await.must(200);
    assert_eq!(care.app.database.contents(), before);
    let other = &looked["others"][0];
    assert_eq!(looked["others"].as_array().unwrap().len(), 1);
    assert_eq!([&other["plan"]["id"], &other["plan"]["day_zero"]], [&second["id"], &json!("2026-03-01")]);
    assert_eq!([&other["days"][0]["day_before"], &other["days"][0]["day_after"]], [2, 3]);
    let done = care.order("correct", 1, correction).await.must(200);
    assert_eq!([&done["days"], &done["others"]], [&looked["days"], &looked["others"]]);
    assert_eq!(care.plan(&second["id"]).await, other["plan"]);
}

#[tokio::test]
async fn an_undone_correction_is_undone_for_plans_that_were_made_or_changed_since() {
    let care = Care::new().await;
    care.clinic.approve("second", &small_protocol("second")).await;
    care.order("correct", 1, json!({ "performed_on": "2026-03-01", "reason": "Typed wrong." })).await.must(200);
    let later = care.enrol_in_second().await;
    assert_eq!(later["day_zero"], "2026-03-01");
    care.order("undo", 2, json!({ "revision": 2, "reason": "It was right." })).await.must(200);
    assert_eq!(care.plan(&later["id"]).await["day_zero"], "2026-03-02", "made since");

    care.order("correct", 3, json!({ "performed_on": "2026-03-03", "reason": "Typed wrong." })).await.must(200);
    let path = format!("/v1/clinic/plans/{}/pause", later["id"].as_str().unwrap());
    let pause = json!({ "from_on": "2026-03-10", "until_on": "2026-03-12", "days": "pass", "reason": "A journey." });
    care.clinic.owner.send_if("POST", &path, "\"v3\"", pause).await.must(200);
    care.order("undo", 4, json!({ "revision": 4, "reason": "It was right." })).await.must(200);
    let plan = care.plan(&later["id"]).await;
    assert_eq!(plan["day_zero"], "2026-03-02", "changed since");
    assert_eq!(plan["pauses"].as_array().unwrap().len(), 1, "and what was changed stays");

    // Of a treatment that never happened, no plan is made; all of them come back together.
    care.order("entered-in-error", 5, json!({ "reason": "Another person." })).await.must(200);
    let third = json!({
        "patient_id": care.ada.patient_id, "treatment_id": care.ada.treatment_id, "protocol_key": "mn-scalp"
    });
    care.clinic.coordinator.post("/v1/clinic/plans", third).await.must_name("/treatment_id", "entered_in_error");
    care.order("undo", 6, json!({ "revision": 6, "reason": "It was this one." })).await.must(200);
    assert_eq!(care.plan(&later["id"]).await["status"], "active");
    assert_eq!(care.app.database.count("treatments", "entered_in_error_at IS NOT NULL"), 0);
}

#[tokio::test]
async fn an_undone_correction_takes_back_what_it_overruled() {
    let care = Care::new().await;
    let infected = json!({
        "parameters": { "needle_depth_mm": 1.5, "skin_type": "III", "active_infection": true },
        "overrule": "Seen: it is dry.", "reason": "Seen."
    });
    care.order("correct", 1, infected.clone()).await.must(200);
    assert_eq!(care.app.database.count("plans", "overruled = 'Seen: it is dry.'"), 1);
    let revisions = care.clinic.owner.get(&format!("/v1/clinic/plans/{}/revisions", care.ada.plan_id)).await.must(200);
    let overruled = &revisions["items"][0]["differences"]["overruled"];
    assert_eq!(overruled, &json!({ "before": null, "after": "Seen: it is dry." }));
    care.order("undo", 2, json!({ "revision": 2, "reason": "Another person." })).await.must(200);
    assert_eq!(care.app.database.count("plans", "overruled IS NULL"), 1);

    // A revision from before this was kept in it is undone as it always was.
    care.order("correct", 3, infected).await.must(200);
    if care.app.database.is_sqlite() {
        care.app.database.run(
            "UPDATE plan_revisions SET before_state = json_remove(before_state, '$.overruled'), \
             after_state = json_remove(after_state, '$.overruled')",
        );
    } else {
        care.app.database.run(
            "UPDATE plan_revisions SET before_state = before_state - 'overruled', after_state = after_state - 'overruled'",
        );
    }
    let undone = care.order("undo", 4, json!({ "revision": 4, "reason": "Another person." })).await.must(200);
    assert_eq!(undone["changed"], true);
}

#[tokio::test]
async fn an_enrolment_beside_a_correction_ends_on_the_treatments_date() {
    let care = Care::new().await;
    care.clinic.approve("second", &small_protocol("second")).await;
    let (clinic, patient) = (&care.clinic, &care.ada.patient_id);
    for number in 0..40 {
        let treatments = format!("/v1/clinic/patients/{patient}/treatments");
        let treatment = clinic.coordinator.post(&treatments, face_treatment("2026-03-02")).await.must(201);
        let wish = |protocol: &str| json!({ "patient_id": patient, "treatment_id": treatment["id"], "protocol_key": protocol });
        let first = clinic.coordinator.post("/v1/clinic/plans", wish("mn-face")).await.must(201);
        let command = |command: &str| format!("/v1/clinic/plans/{}/{command}", first["id"].as_str().unwrap());
        let is_error = number % 4 == 3;
        let (word, body) = match is_error {
            true => ("entered-in-error", json!({ "reason": "Wrong." })),
            false => ("correct", json!({ "performed_on": "2026-03-01", "reason": "Typed wrong." })),
        };
        let path = command(word);
        let order = clinic.owner.send_if("POST", &path, "\"v1\"", body);
        // Each time a little later, so that one of them falls between the command's reading and its end.
        let enrolment = async {
            tokio::time::sleep(std::time::Duration::from_millis(number * 3)).await;
            clinic.coordinator.post("/v1/clinic/plans", wish("second")).await
        };
        let (ordered, enrolled) = futures_util::future::join(order, enrolment).await;
        ordered.must(200);
        let database = &care.app.database;
        let of = format!("treatment_id = {}", database.id(treatment["id"].as_str().unwrap()));
        let plans = 1 + usize::from(enrolled.status == 201);
        assert_eq!(database.count("plans", &of), plans);
        if is_error {
            assert_eq!(database.count("plans", &format!("{of} AND status = 'entered_in_error'")), plans, "{number}");
        } else {
            enrolled.must(201);
            assert_eq!(database.count("plans", &format!("{of} AND day_zero = '2026-03-01'")), 2, "{number}");
        }
    }
}
