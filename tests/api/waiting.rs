//! An enrolment with a reason not to start: the patient gets the safe basics and the danger signs at once, a clinician decides,
//! and nothing that lay before the start is held against the patient.

use engine::occurrence_id;
use ground::ids::PlanId;
use serde_json::{Value, json};

use crate::support::people::{Clinic, Person, face_treatment, phone_id};
use crate::support::{Shared, TestApp};
use crate::texts::face_plan_with_texts;

/// The face plan, in which cold packs and the evening wash are safe whatever the reason is.
fn face_plan() -> String {
    let mut document = face_plan_with_texts().replace("even_when_excluded = true\n", "");
    for key in SAFE {
        let line = format!("[[item]]\nkey = \"{key}\"\n");
        assert!(document.contains(&line), "{key}");
        document = document.replacen(&line, &format!("{line}even_when_excluded = true\n"), 1);
    }
    document
}

struct Waiting {
    app: Shared,
    clinic: Clinic,
    patient_id: String,
    treatment_id: String,
    plan: Value,
    ada: Person,
}

impl Waiting {
    /// Ada, whose skin was infected, sent to a clinician by the coordinator.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let clinic = app.clinic().await;
        let version = clinic.draft("mn-face", face_plan()).await;
        clinic.activate("mn-face", version).await.must(200);
        let patient = clinic.add_patient("Ada", "Europe/London").await;
        let patient_id = patient["id"].as_str().unwrap().to_owned();
        let ada = clinic.accept(&patient_id).await;
        let treatment_id =
            treat(&clinic, &patient_id, json!({ "active_infection": true, "blood_thinners": true })).await;
        let body = enrolment(&patient_id, &treatment_id, json!({ "send_to_clinician": true }));
        let plan = clinic.coordinator.post("/v1/clinic/plans", body).await.must(201);
        assert_eq!(app.the_mail_to_each(2).await, ["clinician@one.example", "owner@one.example"]);
        let ada = app.person(ada, None).await;
        Self { app, clinic, patient_id, treatment_id, plan, ada }
    }

    fn path(&self, end: &str) -> String {
        format!("/v1/clinic/plans/{}{end}", self.plan["id"].as_str().unwrap())
    }

    async fn today(&self) -> Value {
        self.ada.get("/v1/me/today").await.must(200)
    }
}

async fn treat(clinic: &Clinic, patient_id: &str, screening: Value) -> String {
    let mut treatment = face_treatment("2026-03-02");
    for (key, value) in screening.as_object().unwrap() {
        treatment["parameters"][key] = value.clone();
    }
    let path = format!("/v1/clinic/patients/{patient_id}/treatments");
    clinic.coordinator.post(&path, treatment).await.must(201)["id"].as_str().unwrap().to_owned()
}

fn enrolment(patient_id: &str, treatment_id: &str, more: Value) -> Value {
    let mut body = json!({ "patient_id": patient_id, "treatment_id": treatment_id, "protocol_key": "mn-face" });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// The lines that the plan of these tests flags.
const SAFE: [&str; 3] = ["gel-only", "no-direct-sun", "clean-pillowcase"];

fn keys(lines: &Value) -> Vec<&str> {
    lines["items"].as_array().unwrap().iter().map(|line| line["key"].as_str().unwrap()).collect()
}

fn occurrence(plan: &Value, key: &str, day: i32, slot: &str) -> String {
    let plan: PlanId = plan["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap().into();
    occurrence_id(plan, key, day, slot).to_string()
}

#[tokio::test]
async fn while_it_waits_the_patient_sees_what_is_safe_and_is_heard() {
    let world = Waiting::new().await;
    let (app, plan) = (&world.app, &world.plan);
    assert_eq!(
        *plan,
        json!({
            "id": plan["id"], "clinic_id": plan["clinic_id"], "patient_id": world.patient_id,
            "treatment_id": world.treatment_id, "protocol_version_id": plan["protocol_version_id"],
            "protocol_key": "mn-face", "title": "Face micro-needling with the gel from the clinic", "status": "draft",
            "pauses": [], "ends_on": null,
            "waits_for": [
                { "key": "active-infection", "text": "No the gel from the clinic: the skin in the area is infected, open, burned or sore. A clinician decides first." },
                { "key": "bleeding", "text": "More bruising is expected. A clinician must sign off. Do not stop any prescribed medicine." }
            ],
            "day_zero": "2026-03-02", "last_day": 168, "variants": ["more_bruising"], "course": null,
            "enrolled_at": "2026-03-02T10:00:00Z", "revision": 1
        })
    );

    // The clinic has one alert, with the reasons.
    let alerts = world.clinic.coordinator.get("/v1/clinic/alerts").await.must(200);
    let alert = &alerts["items"][0];
    assert_eq!((alerts["items"].as_array().unwrap().len(), alert["cause"].as_str()), (1, Some("excluded")));
    assert_eq!((alert["urgency"].as_str(), alert["status"].as_str()), (Some("soon"), Some("open")));
    assert_eq!(alert["due_at"], "2026-03-03T10:00:00Z");
    let together = plan["waits_for"].as_array().unwrap().iter().map(|reason| reason["text"].as_str().unwrap());
    assert_eq!(alert["reason"], together.collect::<Vec<_>>().join(" "));
    assert_eq!(
        alert["trace"],
        json!({
            "expression": "(active_infection) || (blood_thinners || bleeding_disorder)", "escalated_by": null,
            "values": [["active_infection", true], ["bleeding_disorder", false], ["blood_thinners", true]],
            "not_answered": []
        })
    );

    // Today: the lines with the flag, no phase, and a form that asks for the signs.
    let today = world.today().await;
    assert_eq!(keys(&today), SAFE);
    let header = &today["plans"][0];
    assert_eq!((header["status"].as_str(), &header["phase"]), (Some("draft"), &Value::Null));
    assert_eq!(
        (today["forms"][0]["key"].as_str(), today["forms"].as_array().unwrap().len()),
        (Some("danger-signs"), 1)
    );
    assert_eq!(today["forms"][0]["questions"][0]["key"], "signs");
    assert_eq!(world.clinic.coordinator.get(&world.path("/today")).await.must(200), today);
    let timeline = format!("/v1/me/plans/{}/timeline?from_day=0&limit=100", plan["id"].as_str().unwrap());
    for day in world.ada.get(&timeline).await.must(200)["items"].as_array().unwrap() {
        assert!(keys(day).iter().all(|key| SAFE.contains(key)), "{:?}", keys(day));
    }
    let mine = world.ada.get("/v1/me/plans").await.must(200);
    assert_eq!(mine["items"], json!([plan]));

    // What is shown can be marked; what is not shown is not there.
    app.set_clock("2026-03-02T18:00:00Z");
    let mark =
        async |id: String| world.ada.put(&format!("/v1/me/occurrences/{id}/mark"), json!({ "state": "done" })).await;
    mark(occurrence(plan, "clean-pillowcase", 0, "bedtime")).await.must(200);
    mark(occurrence(plan, "check-in-evening", 0, "evening")).await.must_be_problem(404, "not_found");
    let scheduled = json!({
        "plan_id": plan["id"], "occurrence_id": occurrence(plan, "check-in-evening", 0, "evening"),
        "answers": { "pain": 1 }
    });
    let scheduled = world.ada.put(&format!("/v1/me/check-ins/{}", phone_id(1)), scheduled).await;
    let scheduled = scheduled.must(201);
    assert_eq!(
        (&scheduled["occurrence_id"], &scheduled["not_used"][0]["why"]),
        (&Value::Null, &json!("unknown_value"))
    );

    // A danger sign is judged.
    let sign = json!({ "plan_id": plan["id"], "answers": { "signs": ["F1"] } });
    let heard = world.ada.put(&format!("/v1/me/check-ins/{}", phone_id(2)), sign).await.must(201);
    assert_eq!(heard["urgency"], "emergency");
    assert_eq!(app.database.count("alerts", "cause = 'F1' AND urgency = 'emergency'"), 1);
    assert_eq!(app.the_mail_to_each(2).await.len(), 2);

    // Nobody is reminded, and silence is none.
    for day in 3..9 {
        app.set_clock(&format!("2026-03-0{day}T20:00:00Z"));
        assert_eq!(app.mails().await.len(), 0);
    }
    assert_eq!((app.database.count("reminders", "1 = 1"), app.database.count("alerts", "1 = 1")), (0, 3));
    assert_eq!(keys(&world.today().await), ["no-direct-sun"]);
}

#[tokio::test]
async fn a_clinician_starts_it_and_nothing_before_is_missed() {
    let world = Waiting::new().await;
    let (app, clinic, plan) = (&world.app, &world.clinic, &world.plan);
    app.set_clock("2026-03-04T12:30:00Z");
    let (start, decline) = (world.path("/start"), world.path("/decline"));
    let why = json!({ "reason": "Seen today: it has healed." });
    clinic.coordinator.send_if("POST", &start, "\"v1\"", why.clone()).await.must_be_problem(403, "not_allowed");
    clinic.clinician.post(&start, why.clone()).await.must_be_problem(428, "if_match_needed");
    clinic.clinician.send_if("POST", &start, "\"v9\"", why.clone()).await.must_be_problem(412, "stale");
    let tag = clinic.clinician.get(&world.path("")).await.header("etag").to_owned();
    let started = clinic.clinician.send_if("POST", &start, &tag, why.clone()).await;
    let mut wanted = plan.clone();
    (wanted["status"], wanted["revision"]) = (json!("active"), json!(2));
    assert_eq!((started.must(200), started.version_tag()), (wanted.clone(), "\"v2\"".to_owned()));
    let again = clinic.clinician.send_if("POST", &start, &tag, why.clone()).await;
    assert_eq!(again.must(200), wanted, "its answer was lost: the same again");
    clinic.clinician.send_if("POST", &decline, "\"v2\"", why).await.must_be_problem(409, "not_waiting");
    assert_eq!(clinic.coordinator.get(&world.path("")).await.must(200), wanted);
    assert_eq!(app.database.count("events", "kind = 'plan.started'"), 1);
    assert_eq!(
        app.database.count("plans", "overruled = 'Seen today: it has healed.' AND enrolled_at <> started_at"),
        1
    );

    // All lines are there, none of them late, and what was over before is neither late nor missed.
    let today = world.today().await;
    assert!(
        keys(&today).contains(&"no-swimming-or-heat") && today["plans"][0]["phase"] != Value::Null,
        "{:?}",
        keys(&today)
    );
    let timeline = format!("/v1/me/plans/{}/timeline?from_day=0&limit=3", plan["id"].as_str().unwrap());
    let before = world.ada.get(&timeline).await.must(200);
    let states =
        |day: &Value| day["items"].as_array().unwrap().iter().map(|line| line["state"].to_string()).collect::<Vec<_>>();
    let all: Vec<String> = before["items"].as_array().unwrap().iter().flat_map(states).collect();
    assert!(all.iter().any(|state| state == "\"cancelled\""), "{all:?}");
    assert!(!all.iter().any(|state| state == "\"missed\"" || state == "\"late\""), "{all:?}");

    // From now on it reminds; what was due before the start is not made up for.
    assert_eq!(app.mails().await.len(), 0);
    app.set_clock("2026-03-05T10:00:00Z");
    assert_eq!(app.the_mail().await.to, "ada@patients.example");
    assert_eq!(app.database.count("reminders", "day < 2"), 0);

    // The alert is the clinic's to resolve.
    let alert = clinic.clinician.get("/v1/clinic/alerts?status=open").await.must(200)["items"][0].clone();
    let path = format!("/v1/clinic/alerts/{}/resolve", alert["id"].as_str().unwrap());
    clinic.clinician.send_if("POST", &path, "\"v1\"", json!({ "resolution": "seen" })).await.must(200);
}

#[tokio::test]
async fn a_clinician_declines_it_and_it_is_over() {
    let world = Waiting::new().await;
    let (app, clinic) = (&world.app, &world.clinic);
    let other = app.clinic_named("two").await;
    let (start, decline) = (world.path("/start"), world.path("/decline"));
    let why = json!({ "reason": "Not now." });
    for path in [&start, &decline] {
        other.owner.send_if("POST", path, "\"v1\"", why.clone()).await.must_be_problem(404, "not_found");
        clinic.coordinator.send_if("POST", path, "\"v1\"", why.clone()).await.must_be_problem(403, "not_allowed");
        for (body, code) in [
            (json!({}), "missing_field"),
            (json!({ "reason": " " }), "too_short"),
            (json!({ "reason": "x".repeat(2_001) }), "too_long"),
        ] {
            clinic.owner.send_if("POST", path, "\"v1\"", body).await.must_name("/reason", code);
        }
    }
    let declined = clinic.owner.send_if("POST", &decline, "\"v1\"", why.clone()).await;
    assert_eq!((declined.must(200)["status"].as_str(), declined.version_tag()), (Some("revoked"), "\"v2\"".to_owned()));
    assert_eq!(clinic.owner.send_if("POST", &decline, "\"v1\"", why.clone()).await.must(200), declined.json());
    clinic.owner.send_if("POST", &start, "\"v2\"", why).await.must_be_problem(409, "not_waiting");
    world.ada.must_only_have_help().await;
    assert_eq!(app.database.count("events", "kind = 'plan.declined'"), 1);
    assert_eq!(app.database.count("alerts", "status = 'open'"), 1);
    app.set_clock("2026-03-05T20:00:00Z");
    assert_eq!(app.mails().await.len(), 0);
}

#[tokio::test]
async fn only_a_reason_not_to_start_makes_an_enrolment_wait() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let patient_id = patient["id"].as_str().unwrap();
    let enrol = async |person: &Person, screening: Value, more: Value| {
        let treatment_id = treat(&clinic, patient_id, screening).await;
        person.post("/v1/clinic/plans", enrolment(patient_id, &treatment_id, more)).await
    };
    let infected = json!({ "active_infection": true });
    let refused = enrol(&clinic.coordinator, infected.clone(), json!({ "send_to_clinician": false })).await;
    refused.must_name("/treatment_id", "excluded.active-infection");
    let both = json!({ "send_to_clinician": true, "overrule": "Seen." });
    enrol(&clinic.clinician, infected.clone(), both).await.must_name("/overrule", "not_wanted");
    let overruled = enrol(&clinic.coordinator, infected.clone(), json!({ "overrule": "Seen." })).await;
    overruled.must_be_problem(403, "not_allowed");
    assert_eq!((app.database.count("plans", "1 = 1"), app.database.count("alerts", "1 = 1")), (0, 0));
    let well = enrol(&clinic.coordinator, json!({}), json!({ "send_to_clinician": true })).await.must(201);
    assert_eq!((well["status"].as_str(), &well["waits_for"]), (Some("active"), &json!([])));
    let overruled = enrol(&clinic.clinician, infected, json!({ "overrule": "Seen." })).await.must(201);
    assert_eq!((overruled["status"].as_str(), &overruled["waits_for"]), (Some("active"), &json!([])));
    assert_eq!(app.database.count("alerts", "1 = 1"), 0);
}

#[tokio::test]
async fn nobody_is_enrolled_in_a_plan_that_no_clinician_has_approved_but_in_a_demo() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let patient_id = patient["id"].as_str().unwrap();
    let treatment_id = treat(&clinic, patient_id, json!({})).await;
    app.database.run("UPDATE protocol_versions SET approved_by = NULL");
    let body = enrolment(patient_id, &treatment_id, json!({}));
    clinic.owner.post("/v1/clinic/plans", body.clone()).await.must_name("/protocol_key", "not_approved");
    assert_eq!(app.database.count("plans", "1 = 1"), 0);
    let yes = if app.database.is_sqlite() { "1" } else { "true" };
    app.database.run(&format!("UPDATE clinics SET demo = {yes}"));
    clinic.owner.post("/v1/clinic/plans", body).await.must(201);
}
