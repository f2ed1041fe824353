//! Moving running plans to another version of their protocol: what is said before, what happens, and the way back.

use aftercare::events::Actor;
use std::collections::BTreeSet;

use aftercare::auth::{Role, Staff};
use aftercare::enrolment::NewPlan;
use aftercare::patients::{self, NewPatient, NewTreatment};
use aftercare::plan_upgrades;
use serde_json::{Value, json};

use crate::authoring::changed;
use crate::support::database::Database;
use crate::support::http::Reply;
use crate::support::people::{Clinic, Enrolled, Person, face_treatment, phone_id, text};
use crate::support::samples::small_protocol;
use crate::support::{Shared, TestApp};

const KEY: &str = "moved";
const MIGRATIONS: &str = "/v1/clinic/protocols/moved/migrations";

/// Version 1.
fn first() -> String {
    small_protocol(KEY)
}

/// Version 2: lines added, removed, moved and reworded, another form with another rule, another hour of the reminder, and two
/// reasons for a plan to stay.
fn second() -> String {
    changed(
        &first(),
        &[
            ("en = \"Sound plan\"", "en = \"Sounder plan\""),
            ("max = 3.0", "max = 2.0"),
            (
                "[[slot]]\nkey = \"day\"",
                "[[exclusion]]\nkey = \"too-deep\"\nwhen = \"needle_depth_mm > 1.8\"\ntext = { en = \"Too deep for this plan.\", es = \"Demasiado profundo.\" }\nsources = [\"CW\"]\n\n[[slot]]\nkey = \"day\"",
            ),
            ("remind = \"19:00\"", "remind = \"20:00\""),
            ("en = \"Dry skin is common.\"", "en = \"Flakes are common.\""),
            ("title = { en = \"Use {moisturiser}\"", "title = { en = \"Use {moisturiser} often\""),
            (
                "days = [\"2-14\"]\nslot = \"day\"\ntitle = { en = \"Put on",
                "days = [\"4-20\"]\nslot = \"day\"\ntitle = { en = \"Put on",
            ),
            ("days = [\"0-5\", 7, 10, 14, 28]", "days = [\"0-4\", 6, 10, 14, 28]"),
            (
                "key = \"photo\"\nkind = \"photo\"\ndays = [0, 3]\nslot = \"day\"\nviews = [\"front\"]\ntitle = { en = \"Photo\", es = \"Foto\" }\nassumptions = [\"A1\"]",
                "key = \"wash\"\nkind = \"task\"\ndays = [\"3-10\"]\nslot = \"day\"\ntitle = { en = \"Wash\", es = \"Lave\" }\nsources = [\"DSG\"]",
            ),
            ("\"result\", \"worried\"]", "\"result\", \"tight\"]"),
            (
                "key = \"worried\"\ntype = \"flag\"\ntext = { en = \"Are you worried?\", es = \"¿Siente preocupación?\" }",
                "key = \"tight\"\ntype = \"flag\"\ntext = { en = \"Is it tight?\", es = \"¿Está tirante?\" }",
            ),
            ("key = \"R5\"\non = \"answers\"\nwhen = \"worried\"", "key = \"T1\"\non = \"answers\"\nwhen = \"tight\""),
        ],
    )
}

fn third() -> String {
    changed(
        &second(),
        &[("en = \"Sounder plan\"", "en = \"Soundest plan\""), ("days = [\"4-20\"]", "days = [\"6-24\"]")],
    )
}

/// Writes a version, approves it, and gives its id.
async fn approve(clinic: &Clinic, document: &str) -> String {
    clinic.approve(KEY, document).await["id"].as_str().unwrap().to_owned()
}

/// A clinic with version 1, and its id.
async fn begin() -> (Shared, Clinic, String) {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let id = approve(&clinic, &first()).await;
    (app, clinic, id)
}

fn treated(needle_depth_mm: f64) -> Value {
    let mut treatment = face_treatment("2026-03-02");
    treatment["parameters"]["needle_depth_mm"] = json!(needle_depth_mm);
    treatment
}

async fn enrol(clinic: &Clinic, name: &str) -> Enrolled {
    clinic.enrol_as((name, "Europe/London"), KEY, treated(1.5)).await
}

fn wish(from: i64, to: i64) -> Value {
    json!({ "from_version": from, "to_version": to })
}

fn only(from: i64, to: i64, plans: &[&Enrolled]) -> Value {
    let ids: Vec<&str> = plans.iter().map(|plan| plan.plan_id.as_str()).collect();
    json!({ "from_version": from, "to_version": to, "plan_ids": ids })
}

async fn work(app: &Shared) -> usize {
    aftercare::worker::upgrades::go_on(&app.app).await.unwrap()
}

async fn get(clinic: &Clinic, id: &Value) -> Value {
    clinic.coordinator.get(&format!("/v1/clinic/plan-migrations/{}", id.as_str().unwrap())).await.must(200)
}

/// Begins a migration, lets the worker do all of it, and gives what became of it.
async fn migrate(app: &Shared, clinic: &Clinic, wish: Value) -> Value {
    let begun = clinic.clinician.post(MIGRATIONS, wish).await.must(201);
    assert_eq!((&begun["state"], &begun["moved"]), (&json!("running"), &json!(0)));
    work(app).await;
    let done = get(clinic, &begun["id"]).await;
    assert_eq!(done["state"], "done");
    done
}

async fn preview(clinic: &Clinic, wish: Value) -> Value {
    clinic.owner.post(&format!("{MIGRATIONS}?dry_run=true"), wish).await.must(200)
}

async fn ask_back(clinic: &Clinic, migration: &Value) -> Reply {
    clinic
        .clinician
        .post_nothing(&format!("/v1/clinic/plan-migrations/{}/rollback", migration["id"].as_str().unwrap()))
        .await
}

async fn roll_back(app: &Shared, clinic: &Clinic, migration: &Value) -> Value {
    assert_eq!(ask_back(clinic, migration).await.must(200)["state"], "rolling_back");
    work(app).await;
    let done = get(clinic, &migration["id"]).await;
    assert_eq!(done["state"], "rolled_back");
    done
}

/// What became of the plans: plan, outcome, first day, reason.
async fn moves(clinic: &Clinic, migration: &Value) -> Vec<(String, String, i64, String)> {
    let path = format!("/v1/clinic/plan-migrations/{}/plans?limit=100", migration["id"].as_str().unwrap());
    let page = clinic.coordinator.get(&path).await.must(200);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let read = |one: &Value| {
        (word(&one["plan_id"]), word(&one["outcome"]), one["from_day"].as_i64().unwrap(), word(&one["reason"]))
    };
    page["items"].as_array().unwrap().iter().map(read).collect()
}

async fn version_of(clinic: &Clinic, plan: &str) -> String {
    let plan = clinic.coordinator.get(&format!("/v1/clinic/plans/{plan}")).await.must(200);
    plan["protocol_version_id"].as_str().unwrap().to_owned()
}

async fn timeline_reply(of: &Enrolled) -> Reply {
    of.person.get(&format!("/v1/me/plans/{}/timeline?from_day=0&limit=100", of.plan_id)).await
}

/// Every day of the plan, without what belongs to the plan as a whole.
async fn timeline(of: &Enrolled) -> Vec<Value> {
    let mut body = timeline_reply(of).await.must(200);
    let days = body["items"].as_array_mut().unwrap();
    for day in days.iter_mut() {
        let plan = day["plan"].as_object_mut().unwrap();
        plan.remove("title").unwrap();
        plan.remove("last_day").unwrap();
    }
    days.clone()
}

/// The same days of another patient look the same, but for the ids.
fn without_ids(days: &[Value]) -> Vec<Value> {
    let mut days = days.to_vec();
    for day in &mut days {
        day["plan"].as_object_mut().unwrap().remove("plan_id").unwrap();
        for item in day["items"].as_array_mut().unwrap() {
            let item = item.as_object_mut().unwrap();
            item.remove("occurrence_id").unwrap();
            item.remove("plan_ids").unwrap();
        }
    }
    days
}

fn keys(day: &Value) -> BTreeSet<&str> {
    day["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

fn line<'a>(day: &'a Value, key: &str) -> &'a Value {
    let found = day["items"].as_array().unwrap().iter().find(|item| item["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} among {:?}", keys(day)))
}

fn id_of<'a>(day: &'a Value, key: &str) -> &'a str {
    line(day, key)["occurrence_id"].as_str().unwrap()
}

async fn mark(of: &Enrolled, occurrence: &str, state: &str) {
    of.person.put(&format!("/v1/me/occurrences/{occurrence}/mark"), json!({ "state": state })).await.must(200);
}

async fn answer(of: &Enrolled, occurrence: &str, id: u128, answers: Value) -> Reply {
    let body = json!({ "plan_id": of.plan_id, "occurrence_id": occurrence, "answers": answers });
    of.person.put(&format!("/v1/me/check-ins/{}", phone_id(id)), body).await
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_what_would_be() {
    let (app, clinic, _) = begin().await;
    let (ada, bea) = (enrol(&clinic, "Ada").await, enrol(&clinic, "Bea").await);
    let far = clinic.enrol_as(("Far", "Pacific/Auckland"), KEY, treated(1.5)).await;
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T12:00:00Z");
    app.mails().await;
    let before = app.database.contents();
    let found = preview(&clinic, wish(1, 2)).await;
    assert_eq!(app.database.contents(), before);
    assert_eq!(work(&app).await, 0);
    assert_eq!((&found["total"], &found["would_move"], &found["conflicts"]), (&json!(3), &json!(3), &json!(0)));

    // Each plan from its patient's own tomorrow; those with the same changes share them.
    let of = |plan: &Enrolled| {
        let plans = found["plans"].as_array().unwrap();
        plans.iter().find(|one| one["plan_id"] == plan.plan_id).unwrap().clone()
    };
    assert_eq!(
        (&of(&ada)["from_day"], &of(&bea)["from_day"], &of(&far)["from_day"]),
        (&json!(3), &json!(3), &json!(4))
    );
    assert_eq!(of(&ada)["effect"], of(&bea)["effect"]);
    assert_ne!(of(&ada)["effect"], of(&far)["effect"]);
    let effect = |plan: &Enrolled| found["effects"][of(plan)["effect"].as_u64().unwrap() as usize].clone();
    let whole_day = |days: &str| json!({ "days": days, "slots": ["day 00:00-24:00"] });
    let evening = |days: &str, remind: &str| json!({ "days": days, "slots": [format!("evening 17:00-24:00, reminder {remind}")] });
    assert_eq!(
        effect(&ada),
        json!({
            "added": [{ "key": "wash", "kind": "task", "when": whole_day("3-10") }],
            "removed": [{ "key": "photo", "kind": "photo", "when": whole_day("3") }],
            "moved": [
                { "key": "check-in", "kind": "check_in", "from": evening("3-5, 7, 10, 14, 28", "19:00"), "to": evening("3-4, 6, 10, 14, 28", "20:00") },
                { "key": "sunscreen", "kind": "task", "from": whole_day("3-14"), "to": whole_day("4-20") }
            ],
            "reworded": ["moisturise"]
        })
    );
    assert_eq!(
        effect(&far),
        json!({
            "added": [{ "key": "wash", "kind": "task", "when": whole_day("4-10") }],
            "removed": [],
            "moved": [
                { "key": "check-in", "kind": "check_in", "from": evening("4-5, 7, 10, 14, 28", "19:00"), "to": evening("4, 6, 10, 14, 28", "20:00") },
                { "key": "sunscreen", "kind": "task", "from": whole_day("4-14"), "to": whole_day("4-20") }
            ],
            "reworded": ["moisturise"]
        }),
        "the photo of day 3 is hers today"
    );

    // Chosen plans only; and what was said is what happens.
    assert_eq!(preview(&clinic, only(1, 2, &[&bea])).await["total"], 1);
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    let mut said: Vec<(String, i64)> = found["plans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["plan_id"].as_str().unwrap().to_owned(), one["from_day"].as_i64().unwrap()))
        .collect();
    said.sort();
    let happened: Vec<(String, i64)> = moves(&clinic, &done).await.into_iter().map(|one| (one.0, one.2)).collect();
    assert_eq!(happened, said);
    assert_eq!(preview(&clinic, wish(1, 2)).await["total"], 0);
}

#[tokio::test]
async fn a_plan_stays_for_a_reason_that_is_named() {
    let (app, clinic, v1) = begin().await;
    let moves_well = enrol(&clinic, "Ada").await;
    let refused = clinic.enrol_as(("Bea", "Europe/London"), KEY, treated(2.5)).await;
    let excluded = clinic.enrol_as(("Cleo", "Europe/London"), KEY, treated(1.9)).await;
    let twice = enrol(&clinic, "Dora").await;
    let v2 = approve(&clinic, &second()).await;
    // Two plans of one treatment: an earlier release allowed it after a new version was activated.
    let again = json!({ "patient_id": twice.patient_id, "treatment_id": twice.treatment_id, "protocol_key": KEY });
    let id = app.database.id(&twice.plan_id);
    clinic.coordinator.post("/v1/clinic/plans", again.clone()).await.must_be_problem(409, "already_enrolled");
    app.database.run(&format!("UPDATE plans SET status = 'entered_in_error' WHERE id = {id}"));
    clinic.coordinator.post("/v1/clinic/plans", again).await.must(201);
    app.database.run(&format!("UPDATE plans SET status = 'active' WHERE id = {id}"));

    let found = preview(&clinic, wish(1, 2)).await;
    assert_eq!((&found["total"], &found["would_move"], &found["conflicts"]), (&json!(4), &json!(1), &json!(3)));
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&done["total"], &done["moved"], &done["conflicts"]), (&json!(4), &json!(1), &json!(3)));
    assert_eq!(version_of(&clinic, &moves_well.plan_id).await, v2);
    let moves = moves(&clinic, &done).await;
    for (plan, code, part) in [
        (&refused, "parameters", "needle_depth_mm"),
        (&excluded, "excluded", "Too deep for this plan."),
        (&twice, "already_there", "another plan"),
    ] {
        let said = found["plans"].as_array().unwrap().iter().find(|one| one["plan_id"] == plan.plan_id).unwrap();
        assert_eq!((&said["effect"], &said["conflict"]["code"]), (&Value::Null, &json!(code)));
        let detail = said["conflict"]["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{detail}");
        let (_, outcome, _, reason) = moves.iter().find(|one| one.0 == plan.plan_id).unwrap();
        assert_eq!((outcome.as_str(), reason.as_str()), ("conflict", format!("{code}: {detail}").as_str()));
        assert_eq!(version_of(&clinic, &plan.plan_id).await, v1, "it stays, and goes on");
        let day = plan.person.get("/v1/me/today").await.must(200);
        assert!(keys(&day).contains("photo"), "{:?}", keys(&day));
    }

    // Tried again, the same stay for the same reasons.
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&done["total"], &done["moved"], &done["conflicts"]), (&json!(3), &json!(0), &json!(3)));
    // Nothing of theirs is taken back.
    assert_eq!(roll_back(&app, &clinic, &done).await["returned"], 0);
    assert_eq!(version_of(&clinic, &moves_well.plan_id).await, v2);
}

/// The rows of a plan and of its changes.
fn rows_of(app: &Shared, plan: &Enrolled) -> Vec<String> {
    let id = app.database.id(&plan.plan_id);
    let mut rows = app.database.rows("plans", &format!("id = {id}"));
    rows.extend(app.database.rows("plan_revisions", &format!("plan_id = {id}")));
    rows
}

#[tokio::test]
async fn a_plan_that_has_ended_stays_as_it_was_lived_and_says_so() {
    let (app, clinic, v1) = begin().await;
    app.ignore_mails();
    let order = async |plan: &Enrolled, command: &str, tag: &str, body: Value| {
        clinic.owner.send_if("POST", &format!("/v1/clinic/plans/{}/{command}", plan.plan_id), tag, body).await.must(200)
    };
    let past = clinic.enrol_as(("Pia", "Europe/London"), KEY, face_treatment("2026-01-20")).await;
    let (runs, done, revoked) =
        (enrol(&clinic, "Ada").await, enrol(&clinic, "Bea").await, enrol(&clinic, "Cleo").await);
    let (wrong, soon) = (enrol(&clinic, "Dora").await, enrol(&clinic, "Eva").await);
    app.set_clock("2026-03-04T10:00:00Z");
    order(&done, "complete", "\"v1\"", json!({ "reason": "Healed." })).await;
    order(&revoked, "revoke", "\"v1\"", json!({ "reason": "She moves away." })).await;
    order(&wrong, "entered-in-error", "\"v1\"", json!({ "reason": "Another person." })).await;
    order(&soon, "complete", "\"v1\"", json!({ "from_on": "2026-03-05", "reason": "Healed." })).await;
    let v2 = approve(&clinic, &second()).await;
    let ended = [&past, &done, &revoked, &wrong, &soon];
    let before: Vec<Vec<String>> = ended.iter().map(|plan| rows_of(&app, plan)).collect();

    let found = preview(&clinic, wish(1, 2)).await;
    assert_eq!((&found["total"], &found["would_move"], &found["conflicts"]), (&json!(6), &json!(1), &json!(5)));
    let migration = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&migration["total"], &migration["moved"], &migration["conflicts"]), (&json!(6), &json!(1), &json!(5)));
    let moved = moves(&clinic, &migration).await;
    for (plan, before) in ended.iter().zip(&before) {
        let said = found["plans"].as_array().unwrap().iter().find(|one| one["plan_id"] == plan.plan_id).unwrap();
        assert_eq!((&said["effect"], &said["conflict"]["code"]), (&Value::Null, &json!("ended")));
        let (_, outcome, _, reason) = moved.iter().find(|one| one.0 == plan.plan_id).unwrap();
        assert!(outcome == "conflict" && reason.starts_with("ended: "), "{outcome} {reason}");
        assert_eq!(version_of(&clinic, &plan.plan_id).await, v1);
        assert_eq!(&rows_of(&app, plan), before);
    }
    assert_eq!(version_of(&clinic, &runs.plan_id).await, v2);

    // What ended after the move is not taken back with the others.
    app.set_clock("2026-03-06T10:00:00Z");
    let tag = clinic.owner.get(&format!("/v1/clinic/plans/{}", runs.plan_id)).await.header("etag").to_owned();
    order(&runs, "complete", &tag, json!({ "reason": "Healed." })).await;
    let lived = rows_of(&app, &runs);
    assert_eq!(roll_back(&app, &clinic, &migration).await["returned"], 0);
    assert_eq!(rows_of(&app, &runs), lived);
    for (plan, before) in ended.iter().zip(&before) {
        assert_eq!(&rows_of(&app, plan), before);
    }
}

#[tokio::test]
async fn what_a_clinician_has_overruled_is_no_new_reason() {
    let (app, clinic, _) = begin().await;
    let mut infected = treated(1.5);
    infected["parameters"]["active_infection"] = json!(true);
    let patient = clinic.add_patient("Ada", "Europe/London").await["id"].clone();
    let path = format!("/v1/clinic/patients/{}/treatments", patient.as_str().unwrap());
    let treatment = clinic.owner.post(&path, infected).await.must(201)["id"].clone();
    let enrolment =
        json!({ "patient_id": patient, "treatment_id": treatment, "protocol_key": KEY, "overrule": "Seen." });
    clinic.clinician.post("/v1/clinic/plans", enrolment).await.must(201);
    approve(&clinic, &second()).await;
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&done["moved"], &done["conflicts"]), (&json!(1), &json!(0)));
    assert_eq!(roll_back(&app, &clinic, &done).await["returned"], 1);
}

#[tokio::test]
async fn a_version_for_another_treatment_takes_nobody_over() {
    let (app, clinic, v1) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    approve(&clinic, &changed(&first(), &[("body_areas = [\"face\"]", "body_areas = [\"scalp\"]")])).await;
    let found = preview(&clinic, wish(1, 2)).await;
    assert_eq!(found["plans"][0]["conflict"]["code"], "wrong_treatment");
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&done["moved"], &done["conflicts"]), (&json!(0), &json!(1)));
    assert_eq!(version_of(&clinic, &ada.plan_id).await, v1);
    // For more body areas is no other treatment.
    approve(&clinic, &changed(&first(), &[("body_areas = [\"face\"]", "body_areas = [\"scalp\", \"face\"]")])).await;
    assert_eq!(migrate(&app, &clinic, wish(1, 3)).await["moved"], 1);
}

/// Running plans, made with the verbs: nobody has a phone.
async fn many(app: &Shared, clinic: &Clinic, count: usize) {
    let who = Staff {
        clinic: clinic.id,
        member: clinic.members[1],
        account: clinic.clinician.account,
        role: Role::Clinician,
    };
    let made = app.app.act(who, move |ctx| {
        for number in 0..count {
            let new = NewPatient {
                name: text(&format!("Number {number}")),
                email: text(&format!("number{number}@patients.example")),
                zone: None,
                locale: None,
            };
            let patient = patients::add(ctx, &who, new)?;
            let new = NewTreatment {
                procedure: engine::Procedure::Microneedling,
                performed_on: text("2026-03-02"),
                performed_at: None,
                body_area: text("face"),
                parameters: serde_json::from_value(json!({ "needle_depth_mm": 1.5 }))?,
            };
            let treatment = patients::record_treatment(ctx, &who, patient.id, new)?;
            let new = NewPlan {
                patient: patient.id,
                treatment: treatment.id,
                protocol: text(KEY),
                overrule: None,
                send_to_clinician: false,
            };
            aftercare::enrolment::enrol(ctx, &who, new)?;
        }
        Ok(())
    });
    made.await.unwrap();
}

/// The worker's next transaction, and then the process dies.
async fn one_batch(app: &Shared, most: i64) -> usize {
    let batch = app.app.act(Actor::Server, move |ctx| {
        let found = plan_upgrades::store::claim(ctx.c)?.expect("something to do");
        plan_upgrades::go_on(ctx, found, most)
    });
    batch.await.unwrap()
}

async fn all_moves(clinic: &Clinic, migration: &Value) -> Vec<(String, String)> {
    let path = format!("/v1/clinic/plan-migrations/{}/plans", migration["id"].as_str().unwrap());
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = clinic.coordinator.get(&format!("{path}?limit=100{cursor}")).await.must(200);
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        found
            .extend(page["items"].as_array().unwrap().iter().map(|one| (word(&one["plan_id"]), word(&one["outcome"]))));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// How many plans are on a version with that revision.
fn plans_on(database: &Database, version: &str, revision: i32) -> usize {
    database.count("plans", &format!("version_id = {} AND revision = {revision}", database.id(version)))
}

#[tokio::test]
async fn plans_move_in_batches_and_go_on_where_a_crash_left_them() {
    let (app, clinic, v1) = begin().await;
    many(&app, &clinic, 230).await;
    let v2 = approve(&clinic, &second()).await;
    let begun = clinic.clinician.post(MIGRATIONS, wish(1, 2)).await.must(201);
    assert_eq!((&begun["total"], &begun["moved"]), (&json!(230), &json!(0)));
    assert_eq!(plans_on(&app.database, &v1, 1), 230, "the request moves nothing itself");
    assert_eq!(one_batch(&app, 100).await, 100);
    let half = get(&clinic, &begun["id"]).await;
    assert_eq!((&half["state"], &half["moved"], &half["finished_at"]), (&json!("running"), &json!(100), &Value::Null));
    assert_eq!((plans_on(&app.database, &v2, 2), plans_on(&app.database, &v1, 1)), (100, 130));

    // Another process finds the database as it is, and does the rest; no plan twice.
    let next = TestApp::start_on(app.database.share(), |_| ()).await;
    next.ignore_mails();
    assert_eq!(aftercare::worker::upgrades::go_on(&next.app).await.unwrap(), 130);
    let done = get(&clinic, &begun["id"]).await;
    assert_eq!(
        (&done["state"], &done["total"], &done["moved"], &done["conflicts"], &done["finished_at"]),
        (&json!("done"), &json!(230), &json!(230), &json!(0), &json!("2026-03-02T10:00:00Z"))
    );
    assert_eq!(plans_on(&app.database, &v2, 2), 230, "each once");
    assert_eq!((work(&app).await, work(&next).await), (0, 0));
    let told = all_moves(&clinic, &done).await;
    assert_eq!(told.iter().map(|one| &one.0).collect::<BTreeSet<_>>().len(), 230);
    assert!(told.is_sorted() && told.iter().all(|one| one.1 == "moved"));

    // A second run finds nobody.
    app.pass_seconds(1); // ids run with time, and lists with ids
    let again = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&again["total"], &again["moved"]), (&json!(0), &json!(0)));

    // The way back, with a crash on it.
    assert_eq!(ask_back(&clinic, &done).await.must(200)["state"], "rolling_back");
    assert_eq!(one_batch(&next, 100).await, 100);
    let half = get(&clinic, &begun["id"]).await;
    assert_eq!((&half["state"], &half["returned"]), (&json!("rolling_back"), &json!(100)));
    assert_eq!(work(&app).await, 130);
    let back = get(&clinic, &begun["id"]).await;
    assert_eq!((&back["state"], &back["moved"], &back["returned"]), (&json!("rolled_back"), &json!(230), &json!(230)));
    assert_eq!(plans_on(&app.database, &v1, 3), 230);
    assert_eq!(app.database.count("plans", "earlier_versions IS NOT NULL"), 0, "on the same day it leaves no trace");
    assert!(all_moves(&clinic, &done).await.iter().all(|one| one.1 == "returned"));

    // All migrations, newest first.
    let page = clinic.coordinator.get(MIGRATIONS).await.must(200);
    let ids: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&again["id"], &done["id"]]);
}

#[tokio::test]
async fn only_chosen_plans_move_and_only_the_clinics_own() {
    let (app, clinic, v1) = begin().await;
    let (ada, bea, ended) = (enrol(&clinic, "Ada").await, enrol(&clinic, "Bea").await, enrol(&clinic, "Eva").await);
    let held = enrol(&clinic, "Hope").await;
    let v2 = approve(&clinic, &second()).await;
    for (plan, status) in [(&ended, "completed"), (&held, "on_hold")] {
        let id = app.database.id(&plan.plan_id);
        app.database.run(&format!("UPDATE plans SET status = '{status}' WHERE id = {id}"));
    }
    let other = app.clinic_named("two").await;
    approve(&other, &first()).await;
    let theirs = enrol(&other, "Zoe").await;
    approve(&other, &second()).await;
    let before = app.database.contents_of(&other.id.to_string());

    let none = migrate(&app, &clinic, only(1, 2, &[])).await;
    assert_eq!((&none["total"], &none["moved"]), (&json!(0), &json!(0)));
    let unknown = json!({ "from_version": 1, "to_version": 2, "plan_ids": ["0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"] });
    assert_eq!(migrate(&app, &clinic, unknown).await["total"], 0);
    let chosen = only(1, 2, &[&ada, &theirs, &ended, &ada]);
    let found = preview(&clinic, chosen.clone()).await;
    assert_eq!((&found["total"], &found["plans"][0]["plan_id"]), (&json!(2), &json!(ada.plan_id)));
    let done = migrate(&app, &clinic, chosen).await;
    assert_eq!((&done["total"], &done["moved"], &done["conflicts"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(moves(&clinic, &done).await.len(), 2);
    assert_eq!(version_of(&clinic, &ada.plan_id).await, v2);
    for plan in [&bea, &ended, &held] {
        assert_eq!(version_of(&clinic, &plan.plan_id).await, v1);
    }
    assert_eq!(app.database.contents_of(&other.id.to_string()), before, "the other clinic is as it was");

    // The other clinic cannot see or undo it.
    let path = format!("/v1/clinic/plan-migrations/{}", done["id"].as_str().unwrap());
    other.owner.get(&path).await.must_be_problem(404, "not_found");
    other.owner.get(&format!("{path}/plans")).await.must_be_problem(404, "not_found");
    other.owner.post_nothing(&format!("{path}/rollback")).await.must_be_problem(404, "not_found");
    assert_eq!(other.owner.get(MIGRATIONS).await.must(200)["items"], json!([]));

    // The rest: what runs, what is held, and nothing that has ended.
    let rest = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!((&rest["total"], &rest["moved"], &rest["conflicts"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(version_of(&clinic, &ended.plan_id).await, v1);
}

#[tokio::test]
async fn a_wish_that_cannot_be_is_refused() {
    let (app, clinic, _) = begin().await;
    approve(&clinic, &second()).await;
    let draft = json!({ "document": third() });
    clinic.owner.post(&format!("/v1/clinic/protocols/{KEY}/versions"), draft).await.must(201);
    let before = app.database.contents();
    for path in [MIGRATIONS.to_owned(), format!("{MIGRATIONS}?dry_run=true")] {
        clinic.owner.post(&path, wish(2, 2)).await.must_name("/to_version", "same_version");
        clinic.owner.post(&path, wish(2, 1)).await.must_name("/to_version", "not_approved");
        clinic.owner.post(&path, wish(2, 3)).await.must_name("/to_version", "not_approved");
        clinic.owner.post(&path, wish(1, 4)).await.must_be_problem(404, "not_found");
        clinic.owner.post(&path, wish(-1, 2)).await.must_be_problem(404, "not_found");
        let ids: Vec<String> = (0..5_001).map(phone_id).collect();
        let many = json!({ "from_version": 1, "to_version": 2, "plan_ids": ids });
        clinic.owner.post(&path, many).await.must_name("/plan_ids", "too_long");
        clinic.coordinator.post(&path, wish(1, 2)).await.must_be_problem(403, "not_allowed");
    }
    let maybe = clinic.owner.post(&format!("{MIGRATIONS}?dry_run=maybe"), wish(1, 2)).await;
    maybe.must_name("query/dry_run", "invalid_value");
    let ids: Vec<String> = (0..5_000).map(phone_id).collect();
    let most = json!({ "from_version": 1, "to_version": 2, "plan_ids": ids });
    assert_eq!(preview(&clinic, most).await["total"], 0);
    assert_eq!(app.database.contents(), before);
    clinic.owner.get("/v1/clinic/protocols/nobody/migrations").await.must_be_problem(404, "not_found");
    let random = "/v1/clinic/plan-migrations/0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11";
    clinic.owner.get(random).await.must_be_problem(404, "not_found");
    clinic.owner.post_nothing(&format!("{random}/rollback")).await.must_be_problem(404, "not_found");
}

#[tokio::test]
async fn a_protocol_has_one_migration_at_a_time() {
    let (app, clinic, v1) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    approve(&clinic, &second()).await;
    let post = || clinic.clinician.post(MIGRATIONS, wish(1, 2));
    let mut told: Vec<u16> =
        futures_util::future::join_all((0..6).map(|_| post())).await.iter().map(|reply| reply.status).collect();
    told.sort_unstable();
    assert_eq!(told, [201, 409, 409, 409, 409, 409], "of many at once, one");
    post().await.must_be_problem(409, "under_way");
    let page = clinic.owner.get(MIGRATIONS).await.must(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let running = page["items"][0].clone();
    ask_back(&clinic, &running).await.must_be_problem(409, "under_way");
    // Another protocol's plans are another matter.
    let other = json!({ "document": small_protocol("other") });
    for document in [other.clone(), json!({ "document": small_protocol("other") + "\n" })] {
        let written = clinic.owner.post("/v1/clinic/protocols/other/versions", document).await.must(201);
        let path = format!("/v1/clinic/protocols/other/versions/{}/activate", written["version"]);
        clinic.owner.post_nothing(&path).await.must(200);
    }
    clinic.owner.post("/v1/clinic/protocols/other/migrations", wish(1, 2)).await.must(201);
    assert_eq!(work(&app).await, 1);

    // The same while it goes back; and of many that ask, each gets the same answer.
    let second_one = migrate(&app, &clinic, wish(1, 2)).await;
    let back = futures_util::future::join_all((0..4).map(|_| ask_back(&clinic, &running))).await;
    assert!(back.iter().all(|reply| reply.status == 200 && reply.bytes == back[0].bytes), "{back:?}");
    post().await.must_be_problem(409, "under_way");
    ask_back(&clinic, &second_one).await.must_be_problem(409, "under_way");
    work(&app).await;
    assert_eq!(version_of(&clinic, &ada.plan_id).await, v1);
    let done = get(&clinic, &running["id"]).await;
    let before = app.database.contents();
    assert_eq!(ask_back(&clinic, &done).await.must(200), done, "twice is once");
    assert_eq!(work(&app).await, 0);
    assert_eq!(app.database.contents(), before);
    assert_eq!(app.database.count("events", "kind = 'plan_migration.rolled_back'"), 1);
}

#[tokio::test]
async fn a_move_is_a_revision_with_author_reason_and_diff_and_so_is_its_way_back() {
    let (app, clinic, v1) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    let v2 = approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T10:00:00Z");
    app.ignore_mails();
    let path = |end: &str| format!("/v1/clinic/plans/{}/{end}", ada.plan_id);
    let pause = json!({ "from_on": "2026-03-20", "until_on": "2026-03-21", "days": "pass", "reason": "A journey." });
    clinic.owner.send_if("POST", &path("pause"), "\"v1\"", pause).await.must(200);
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    let revisions = async || clinic.coordinator.get(&path("revisions")).await.must(200)["items"].clone();
    let moved = revisions().await[0].clone();
    assert_eq!(
        moved,
        json!({
            "revision": 3, "kind": "moved", "undoes": null, "reason": "The plan was moved to version 2 of its protocol.",
            "made_by": clinic.members[1].to_string(), "made_at": "2026-03-04T10:00:00Z",
            "differences": {
                "version_id": { "before": v1, "after": v2 },
                "earlier_versions": { "before": [], "after": [{ "until_day": 3, "version_id": v1 }] }
            }
        })
    );
    let changes = async || {
        let changes = ada.person.get(&format!("/v1/me/plans/{}/changes", ada.plan_id)).await.must(200);
        let word = |one: &Value| (one["kind"].clone(), one["undone"].clone(), one["from_on"].clone());
        changes["items"].as_array().unwrap().iter().map(word).collect::<Vec<_>>()
    };
    let paused = (json!("paused"), json!(false), json!("2026-03-20"));
    assert_eq!(changes().await, [(json!("moved"), json!(false), json!("2026-03-05")), paused.clone()]);

    // It is taken back by its own way, and by no other.
    let undo = async |number: i32, revision: i32| {
        let body = json!({ "revision": revision, "reason": "As before." });
        clinic.owner.send_if("POST", &path("undo"), &format!("\"v{number}.active\""), body).await
    };
    let refused = undo(3, 3).await;
    refused.must_be_problem(409, "moved");
    assert!(refused.text().contains(done["id"].as_str().unwrap()), "it says which migration");
    undo(3, 2).await.must_be_problem(409, "not_newest");
    let back = format!("/v1/clinic/plan-migrations/{}/rollback", done["id"].as_str().unwrap());
    clinic.owner.post_nothing(&back).await.must(200);
    work(&app).await;
    let returned = revisions().await[0].clone();
    let head = |key: &str| returned[key].clone();
    assert_eq!(
        [head("revision"), head("kind"), head("undoes"), head("made_by"), head("reason")],
        [
            json!(4),
            json!("moved_back"),
            json!(3),
            json!(clinic.members[0].to_string()),
            json!("The plan was moved back to version 1 of its protocol.")
        ]
    );
    assert_eq!(returned["differences"]["version_id"], json!({ "before": v2, "after": v1 }));
    undo(4, 4).await.must_be_problem(409, "moved");
    assert_eq!(
        changes().await,
        [
            (json!("moved_back"), json!(false), json!("2026-03-05")),
            (json!("moved"), json!(true), json!("2026-03-05")),
            paused
        ]
    );
    undo(4, 2).await.must(200);
    assert_eq!(app.database.count("plan_revisions", "1 = 1"), 4);
}

#[tokio::test]
async fn a_plan_that_is_changed_while_plans_move_keeps_both_changes() {
    let (app, clinic, _) = begin().await;
    let mut plans = Vec::new();
    for number in 0..12 {
        plans.push(enrol(&clinic, &format!("Ada{number}")).await);
    }
    let v2 = approve(&clinic, &second()).await;
    app.ignore_mails();
    clinic.clinician.post(MIGRATIONS, wish(1, 2)).await.must(201);
    let pause = async |of: &Enrolled| {
        let body = json!({ "from_on": "2026-03-20", "until_on": "2026-03-21", "days": "pass", "reason": "A journey." });
        clinic.owner.send_if("POST", &format!("/v1/clinic/plans/{}/pause", of.plan_id), "\"v1\"", body).await.status
    };
    let pauses = futures_util::future::join_all(plans.iter().map(pause));
    let (_, statuses) = futures_util::future::join(work(&app), pauses).await;
    work(&app).await;
    for (plan, status) in plans.iter().zip(statuses) {
        assert!([200, 412, 503].contains(&status), "{status}");
        let now = clinic.owner.get(&format!("/v1/clinic/plans/{}", plan.plan_id)).await.must(200);
        let paused = usize::from(status == 200);
        assert_eq!(now["protocol_version_id"].as_str(), Some(v2.as_str()));
        assert_eq!(now["pauses"].as_array().unwrap().len(), paused, "a pause that was taken is there");
        assert_eq!(now["revision"].as_u64(), Some(2 + paused as u64));
    }
    let moved = plans_on(&app.database, &v2, 2) + plans_on(&app.database, &v2, 3);
    assert_eq!((moved, app.database.count("plan_revisions", "reason LIKE 'The plan was moved%'")), (12, 12));
}

#[tokio::test]
async fn a_move_that_is_taken_back_on_the_same_day_was_never_there() {
    let (app, clinic, v1) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T18:00:00Z");
    app.mails().await;
    let today = ada.person.get("/v1/me/today").await;
    mark(&ada, id_of(&today.json(), "sunscreen"), "done").await;
    let late = line(&today.json(), "check-in")["occurrence_id"].as_str().unwrap().to_owned();
    answer(&ada, &late, 1, json!({ "redness": 2, "worried": false })).await.must(201);

    let (today, days) = (ada.person.get("/v1/me/today").await, timeline_reply(&ada).await);
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    let moved = timeline_reply(&ada).await;
    assert_ne!(moved.bytes, days.bytes);
    assert_ne!(moved.header("etag"), days.header("etag"));
    assert_ne!(moved.json()["items"][3]["items"], days.json()["items"][3]["items"]);
    let same = [ada.person.get("/v1/me/today").await.json()["items"].clone(), today.json()["items"].clone()];
    assert_eq!(same[0], same[1], "what is shown today stays until tonight");

    roll_back(&app, &clinic, &done).await;
    assert_eq!(version_of(&clinic, &ada.plan_id).await, v1);
    let (today_again, days_again) = (ada.person.get("/v1/me/today").await, timeline_reply(&ada).await);
    assert_eq!((today_again.text(), today_again.header("etag")), (today.text(), today.header("etag")));
    assert_eq!((days_again.text(), days_again.header("etag")), (days.text(), days.header("etag")));
    let token = ada.person.token().await;
    let known = app.ask("GET", "/v1/me/today").bearer(&token).header("if-none-match", today.header("etag"));
    assert_eq!(known.send().await.status, 304, "the phone's copy is good");

    app.set_clock("2026-03-06T18:00:00Z");
    app.mails().await;
    let later = timeline(&ada).await;
    assert!(keys(&later[5]).contains("check-in") && !keys(&later[6]).contains("check-in"), "version 1's check-ins");
}

#[tokio::test]
async fn no_answered_occurrence_is_lost() {
    let (app, clinic, _) = begin().await;
    let (ada, silent) = (enrol(&clinic, "Ada").await, enrol(&clinic, "Sil").await);
    let mut done_ids: BTreeSet<String> = BTreeSet::new();
    let mut number = 0;
    for day in 0..=3 {
        app.set_clock(&format!("2026-03-0{}T18:30:00Z", 2 + day));
        app.mails().await;
        let today = ada.person.get("/v1/me/today").await.must(200);
        for item in
            today["items"].as_array().unwrap().iter().filter(|item| item["day"] == day && item["state"] == "open")
        {
            let id = item["occurrence_id"].as_str().unwrap().to_owned();
            match item["kind"].as_str().unwrap() {
                "task" | "photo" => mark(&ada, &id, "done").await,
                "check_in" => {
                    number += 1;
                    answer(&ada, &id, number, json!({ "redness": 1, "worried": false })).await.must(201);
                }
                _ => continue,
            }
            done_ids.insert(id);
        }
    }
    assert_eq!(done_ids.len(), 4 + 2 + 2 * 2, "four check-ins, two photos, two tasks on two days");
    app.mails().await;
    let (before, silent_before) = (timeline(&ada).await, timeline(&silent).await);
    let today = ada.person.get("/v1/me/today").await.must(200);
    approve(&clinic, &second()).await;
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!(done["moved"], 2);

    // Days that have begun are as they were, whoever answered and whoever did not.
    let (after, silent_after) = (timeline(&ada).await, timeline(&silent).await);
    assert_eq!((&after[..4], &silent_after[..4]), (&before[..4], &silent_before[..4]));
    let new = enrol(&clinic, "New").await;
    assert_eq!(without_ids(&after[4..]), without_ids(&timeline(&new).await[4..]), "and those to come are the new ones");
    let today_after = ada.person.get("/v1/me/today").await.must(200);
    assert_eq!((&today_after["items"], &today_after["forms"]), (&today["items"], &today["forms"]));
    assert_eq!(today_after["plans"][0]["phase"], today["plans"][0]["phase"]);

    // Nothing done is lost, and nothing before the move is missed because of it, however late one looks.
    for (moment, at) in ["2026-03-06T09:00:00Z", "2026-03-08T12:00:00Z", "2026-03-29T12:00:00Z"].iter().enumerate() {
        app.set_clock(at);
        app.mails().await;
        let days = timeline(&ada).await;
        let shown: BTreeSet<String> = days
            .iter()
            .flat_map(|day| day["items"].as_array().unwrap().clone())
            .filter(|item| item["state"] == "done")
            .map(|item| item["occurrence_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(shown, done_ids, "at {at}");
        let missed =
            days[..4].iter().flat_map(|day| day["items"].as_array().unwrap()).any(|item| item["state"] == "missed");
        assert!(!missed, "at {at}");
        for day in 0..4 {
            let path = format!("/v1/me/today?date=2026-03-0{}", 2 + day);
            let seen = ada.person.get(&path).await.must(200);
            assert!(line(&seen, "check-in")["state"] == "done", "day {day} at moment {moment}");
        }
    }
}

/// The decisions about a plan: day, and when it was due; oldest first.
async fn reminders(clinic: &Clinic, of: &Enrolled) -> Vec<(i64, String)> {
    let page = clinic.coordinator.get(&format!("/v1/clinic/plans/{}/reminders?limit=100", of.plan_id)).await.must(200);
    let mut found: Vec<(i64, String)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["decision"] == "mailed")
        .map(|one| (one["day"].as_i64().unwrap(), one["decided_at"].as_str().unwrap().to_owned()))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn reminders_follow_the_new_version_from_tomorrow_on() {
    let (app, clinic, _) = begin().await;
    let (early, late) = (enrol(&clinic, "Ada").await, enrol(&clinic, "Bea").await);
    approve(&clinic, &second()).await;
    for _ in 0..(8 * 48) {
        app.pass_seconds(1_800);
        if app.now() == crate::support::at("2026-03-05T18:00:00Z") {
            migrate(&app, &clinic, only(1, 2, &[&early])).await;
        }
        if app.now() == crate::support::at("2026-03-05T19:30:00Z") {
            migrate(&app, &clinic, only(1, 2, &[&late])).await;
        }
        app.mails().await;
    }
    let evening = |day: i64, hour: &str| (day, format!("2026-03-0{}T{hour}:00Z", 2 + day));
    let expected = [
        evening(0, "19:00"),
        evening(1, "19:00"),
        evening(2, "19:00"),
        evening(3, "19:00"), // the day of the move, by the old version, and not again at 20:00
        evening(4, "20:00"),
        evening(6, "20:00"), // not on 5 and 7 any more
    ];
    assert_eq!(reminders(&clinic, &early).await, expected);
    assert_eq!(reminders(&clinic, &late).await, expected);
}

#[tokio::test]
async fn a_late_answer_is_judged_by_the_version_of_its_day() {
    let (app, clinic, _) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T20:00:00Z");
    app.mails().await;
    let days = timeline(&ada).await;
    let (two, three) = (id_of(&days[2], "check-in").to_owned(), id_of(&days[3], "check-in").to_owned());
    migrate(&app, &clinic, wish(1, 2)).await;
    app.set_clock("2026-03-05T18:00:00Z");
    app.mails().await;

    // Today has both: the late one with the old form, the open one with the new.
    let today = ada.person.get("/v1/me/today").await.must(200);
    let asked = |day: i64| -> Vec<String> {
        let forms = today["forms"].as_array().unwrap();
        let form = forms.iter().find(|form| form["day"] == day).unwrap();
        let questions = form["questions"].as_array().unwrap();
        questions.iter().map(|question| question["key"].as_str().unwrap().to_owned()).collect()
    };
    assert!(asked(2).contains(&"worried".to_owned()) && !asked(2).contains(&"tight".to_owned()), "{:?}", asked(2));
    assert!(asked(3).contains(&"tight".to_owned()) && !asked(3).contains(&"worried".to_owned()), "{:?}", asked(3));

    let late = answer(&ada, &two, 1, json!({ "worried": true })).await.must(201);
    assert_eq!((&late["day"], &late["urgency"], &late["back_filled"]), (&json!(2), &json!("soon"), &json!(true)));
    assert_eq!(late["advice"]["reasons"][0]["rule"], "R5");
    let open = answer(&ada, &three, 2, json!({ "tight": true })).await.must(201);
    assert_eq!((&open["day"], &open["advice"]["reasons"][0]["rule"]), (&json!(3), &json!("T1")));
    // What the version of the day does not ask is judged by the one that does.
    for (id, line, question, rule) in [(3, &two, "tight", "T1"), (4, &three, "worried", "R5")] {
        let other = answer(&ada, line, id, json!({ question: true })).await.must(201);
        assert_eq!((&other["advice"]["reasons"][0]["rule"], &other["not_used"]), (&json!(rule), &json!([])));
        assert_eq!(other["answers"], json!({ question: true }));
    }
    let causes: BTreeSet<String> = clinic.owner.get("/v1/clinic/alerts").await.must(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["cause"].as_str().unwrap().to_owned())
        .filter(|cause| cause != "R6")
        .collect();
    assert_eq!(causes, BTreeSet::from(["R5".to_owned(), "T1".to_owned()]));
    app.mails().await;
    let days = timeline(&ada).await;
    assert_eq!(
        (&line(&days[2], "check-in")["state"], &line(&days[3], "check-in")["state"]),
        (&json!("done"), &json!("done"))
    );

    // Sent again, it is the first answer again.
    answer(&ada, &two, 1, json!({ "worried": true })).await.must(200);
    app.ignore_mails(); // the second notice within ten minutes waits
}

#[tokio::test]
async fn a_late_answer_is_recorded_with_the_version_that_judged_it() {
    let (app, clinic, v1) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-02T20:00:00Z");
    app.mails().await;
    let zero = id_of(&timeline(&ada).await[0], "check-in").to_owned();
    migrate(&app, &clinic, wish(1, 2)).await;
    app.set_clock("2026-03-03T09:00:00Z");
    answer(&ada, &zero, 1, json!({ "worried": true })).await.must(201);
    app.mails().await;
    let condition = format!("version_id = {}", app.database.id(&v1));
    assert_eq!((app.database.count("check_ins", &condition), app.database.count("alerts", &condition)), (1, 1));
}

#[tokio::test]
async fn each_patient_goes_over_on_their_own_tomorrow() {
    let (app, clinic, _) = begin().await;
    let mut patients = Vec::new();
    for (name, zone, from_day) in
        [("Lon", "Europe/London", 3), ("Auk", "Pacific/Auckland", 4), ("Los", "America/Los_Angeles", 3)]
    {
        patients.push((clinic.enrol_as((name, zone), KEY, treated(1.5)).await, from_day));
    }
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T12:00:00Z");
    app.mails().await;
    let mut before = Vec::new();
    for (patient, _) in &patients {
        before.push(timeline(patient).await);
    }
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    let told = moves(&clinic, &done).await;
    for ((patient, from_day), before) in patients.iter().zip(&before) {
        let (_, _, told_day, _) = told.iter().find(|one| one.0 == patient.plan_id).unwrap();
        assert_eq!(told_day, from_day);
        let after = timeline(patient).await;
        let first_new = usize::try_from(*from_day).unwrap();
        assert_eq!(after[..first_new], before[..first_new]);
        assert_eq!(keys(&after[3]).contains("photo"), *from_day == 4);
        assert_eq!(keys(&after[3]).contains("wash"), *from_day == 3);
        assert!(keys(&after[4]).contains("wash"));
    }

    // Who flies meanwhile keeps the day of the move: it is a number.
    let (los, _) = &patients[2];
    let me = los.person.get("/v1/me").await;
    los.person.send_if("PATCH", "/v1/me", me.header("etag"), json!({ "zone": "Pacific/Auckland" })).await.must(200);
    let today = los.person.get("/v1/me/today").await.must(200);
    assert_eq!(today["plans"][0]["day"], 3);
    assert!(keys(&today).contains("wash") && !keys(&today).contains("photo"), "{:?}", keys(&today));
    app.mails().await;
}

#[tokio::test]
async fn a_plan_whose_treatment_is_to_come_goes_over_whole() {
    let (app, clinic, v1) = begin().await;
    let (eve, ahead) = (
        clinic.enrol_as(("Eve", "Pacific/Honolulu"), KEY, treated(1.5)).await,
        clinic.enrol_as(("Bea", "Europe/London"), KEY, treated(1.5)).await,
    );
    for (plan, day_zero) in [(&eve, "2026-03-03"), (&ahead, "2026-03-20")] {
        let id = app.database.id(&plan.plan_id);
        app.database.run(&format!("UPDATE plans SET day_zero = '{day_zero}' WHERE id = {id}"));
    }
    let old = timeline(&ahead).await;
    let v2 = approve(&clinic, &second()).await;
    let found = preview(&clinic, wish(1, 2)).await;
    assert!(found["plans"].as_array().unwrap().iter().all(|plan| plan["from_day"] == 0), "{found}");
    let done = migrate(&app, &clinic, wish(1, 2)).await;
    assert_eq!(done["moved"], 2);
    assert_eq!(app.database.count("plans", "earlier_versions IS NOT NULL"), 0, "no day of the old version is left");
    for plan in [&eve, &ahead] {
        assert_eq!(version_of(&clinic, &plan.plan_id).await, v2);
        let days = timeline(plan).await;
        assert!(!keys(&days[0]).contains("photo"), "{:?}", keys(&days[0]));
    }
    roll_back(&app, &clinic, &done).await;
    assert_eq!(version_of(&clinic, &ahead.plan_id).await, v1);
    assert_eq!(timeline(&ahead).await, old);
    app.mails().await;
}

#[tokio::test]
async fn taken_back_on_a_later_day_it_leaves_the_days_that_were_lived() {
    let (app, clinic, v1) = begin().await;
    let (ada, stays) = (enrol(&clinic, "Ada").await, enrol(&clinic, "Bea").await);
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T12:00:00Z"); // day 2
    app.mails().await;
    let done = migrate(&app, &clinic, only(1, 2, &[&ada])).await;

    app.set_clock("2026-03-05T18:00:00Z"); // day 3, by version 2
    app.mails().await;
    let today = ada.person.get("/v1/me/today").await.must(200);
    let wash = id_of(&today, "wash").to_owned();
    mark(&ada, &wash, "done").await;
    let check_in = today["items"].as_array().unwrap().iter().find(|one| one["key"] == "check-in" && one["day"] == 3);
    let check_in = check_in.unwrap()["occurrence_id"].as_str().unwrap().to_owned();
    answer(&ada, &check_in, 1, json!({ "tight": false, "redness": 1 })).await.must(201);

    app.set_clock("2026-03-06T12:00:00Z"); // day 4
    app.mails().await;
    let before = timeline(&ada).await;
    let before_bytes = timeline_reply(&ada).await.bytes;
    let back = roll_back(&app, &clinic, &done).await;
    assert_eq!((&back["moved"], &back["returned"]), (&json!(1), &json!(1)));
    let told = moves(&clinic, &back).await;
    assert_eq!(told, [(ada.plan_id.clone(), "returned".to_owned(), 5, String::new())]);
    assert_eq!(version_of(&clinic, &ada.plan_id).await, v1);
    let (after, never) = (timeline(&ada).await, timeline(&stays).await);
    assert_eq!(after[..5], before[..5], "the lived days are as they were");
    assert_eq!(without_ids(&after[5..]), without_ids(&never[5..]), "the later ones are as if nothing had been");
    assert_eq!(
        (&line(&after[3], "wash")["state"], &line(&after[3], "check-in")["state"]),
        (&json!("done"), &json!("done"))
    );
    assert!(keys(&after[4]).contains("wash") && !keys(&after[5]).contains("wash"));
    let asked = clinic.coordinator.get(&format!("/v1/clinic/patients/{}/check-ins", ada.patient_id)).await.must(200);
    assert_eq!(asked["items"][0]["answers"], json!({ "redness": 1, "tight": false }));

    // Moved once more on the same day, it is as it was before the way back, byte for byte.
    migrate(&app, &clinic, only(1, 2, &[&ada])).await;
    assert_eq!(timeline_reply(&ada).await.bytes, before_bytes);
    app.set_clock("2026-03-07T18:00:00Z");
    app.mails().await;
    assert!(keys(&ada.person.get("/v1/me/today").await.must(200)).contains("wash"));
}

#[tokio::test]
async fn a_plan_that_was_moved_on_stays_where_it_is() {
    let (app, clinic, v1) = begin().await;
    let (ada, bea) = (enrol(&clinic, "Ada").await, enrol(&clinic, "Bea").await);
    let v2 = approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T12:00:00Z");
    app.mails().await;
    let one = migrate(&app, &clinic, wish(1, 2)).await;
    app.set_clock("2026-03-05T12:00:00Z");
    app.mails().await;
    let v3 = approve(&clinic, &third()).await;
    let two = migrate(&app, &clinic, only(2, 3, &[&ada])).await;
    let on_three = timeline(&ada).await;

    let back = roll_back(&app, &clinic, &one).await;
    assert_eq!((&back["moved"], &back["returned"]), (&json!(2), &json!(1)), "only the one that nobody moved on");
    assert_eq!((version_of(&clinic, &ada.plan_id).await, version_of(&clinic, &bea.plan_id).await), (v3, v1));
    assert_eq!(timeline(&ada).await, on_three);
    let outcomes: BTreeSet<(String, String)> = all_moves(&clinic, &one).await.into_iter().collect();
    assert!(outcomes.contains(&(ada.plan_id.clone(), "moved".to_owned())), "{outcomes:?}");
    assert!(outcomes.contains(&(bea.plan_id.clone(), "returned".to_owned())), "{outcomes:?}");

    // The second move can be taken back to its own beginning, though that version is retired.
    roll_back(&app, &clinic, &two).await;
    assert_eq!(version_of(&clinic, &ada.plan_id).await, v2);

    // Three versions one after another: each day by the version that it was lived under.
    migrate(&app, &clinic, only(2, 3, &[&ada])).await;
    let days = timeline(&ada).await;
    let has = |key: &str| -> Vec<i64> {
        (0..29).filter(|day| keys(&days[*day]).contains(key)).map(|day| day as i64).collect()
    };
    assert_eq!(has("photo"), [0], "day 0 by version 1; by version 2 none on day 3");
    assert_eq!(
        has("sunscreen"),
        [2].into_iter().chain(6..=24).collect::<Vec<_>>(),
        "2 by version 1, none on 3, from 6 by version 3"
    );
    assert_eq!(has("wash"), (3..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_clinic_sees_the_same_days_as_the_patient() {
    let (app, clinic, _) = begin().await;
    let ada = enrol(&clinic, "Ada").await;
    approve(&clinic, &second()).await;
    app.set_clock("2026-03-04T12:00:00Z");
    app.mails().await;
    migrate(&app, &clinic, wish(1, 2)).await;
    let seen = async |who: &Person, path: String| who.get(&path).await.must(200)["items"].clone();
    for date in ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-08"] {
        let clinics = seen(&clinic.coordinator, format!("/v1/clinic/plans/{}/today?date={date}", ada.plan_id)).await;
        assert_eq!(clinics, seen(&ada.person, format!("/v1/me/today?date={date}")).await);
    }
}
