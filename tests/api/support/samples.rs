//! Two clinics in which something of everything is there, and a right request for every operation.

use serde_json::{Value, json};

use super::contract::Operation;
use super::people::{Clinic, Enrolled, face_treatment, phone_id};
use super::{Shared, TestApp};

/// A clinic on the evening of a treatment day: a patient with a check-in off track, an alert, a mark and a reminder.
pub struct World {
    /// Its clinic.
    pub clinic: Clinic,
    /// Its patient.
    pub ada: Enrolled,
    /// An alert that nobody has taken.
    pub alert_id: String,
    /// A reminder that was mailed.
    pub reminder_id: String,
    /// A check-in.
    pub check_in_id: String,
    /// The evening's check-in, not answered.
    pub evening_id: String,
    /// A task of today.
    pub task_id: String,
    /// A protocol of its own: version 1 is retired, version 2 is active.
    pub protocol_key: String,
    /// The move of its one plan from 1 to 2.
    pub migration_id: String,
    /// A course of the patient, after its first session.
    pub course_id: String,
    /// An invitation that its relay refused.
    pub mail_id: String,
}

/// A small plan without a defect, under another key.
pub fn small_protocol(key: &str) -> String {
    include_str!("../../engine/fixtures/lint/base.toml").replacen("key = \"sound\"", &format!("key = \"{key}\""), 1)
}

/// Two of them, and the product that they are in. Their mails are read.
pub async fn two_worlds() -> (Shared, World, World) {
    let app = TestApp::start().await;
    let (one, two) = (app.clinic_named("one").await, app.clinic_named("two").await);
    let (ada, bea) = (one.enrol("Ada").await, two.enrol("Bea").await);
    // And in each a patient without a plan, who wants a call.
    let unplanned = [(one.invited("Dora").await, 11), (two.invited("Edda").await, 12)];
    for ((patient_id, person), number) in unplanned {
        let call = json!({ "patient_id": patient_id, "answers": { "wants_call": true } });
        person.put(&format!("/v1/me/check-ins/{}", phone_id(number)), call).await.must(201);
    }
    app.set_clock("2026-03-02T19:00:00Z");
    app.work().await;
    let worlds = (World::simulate_history(one, ada, 1).await, World::simulate_history(two, bea, 2).await);
    app.mails().await;
    (app, worlds.0, worlds.1)
}

impl World {
    async fn simulate_history(clinic: Clinic, ada: Enrolled, number: u128) -> Self {
        let today = ada.person.get("/v1/me/today").await.must(200);
        let find = |fits: &dyn Fn(&Value) -> bool| {
            let items = today["items"].as_array().unwrap();
            items.iter().find(|item| fits(item)).unwrap()["occurrence_id"].as_str().unwrap().to_owned()
        };
        let evening_id = find(&|item| item["key"] == "check-in-evening");
        let task_id = find(&|item| item["kind"] == "task" && item["state"] == "open");
        ada.person.put(&format!("/v1/me/occurrences/{task_id}/mark"), json!({ "state": "done" })).await.must(200);
        let check_in_id = phone_id(number);
        let off_track = json!({ "plan_id": ada.plan_id, "answers": { "redness": 10 } });
        ada.person.put(&format!("/v1/me/check-ins/{check_in_id}"), off_track).await.must(201);
        clinic.clinician.post_nothing(&format!("/v1/clinic/check-ins/{check_in_id}/reconsider")).await.must(201);
        let to_come = ada.person.get("/v1/me/today?date=2026-03-04").await.must(200);
        let early = to_come["items"].as_array().unwrap().iter().find(|item| item["kind"] == "task").unwrap();
        let path = format!("/v1/me/occurrences/{}/mark", early["occurrence_id"].as_str().unwrap());
        ada.person.put(&path, json!({ "state": "done" })).await.must(202);
        let alerts = clinic.owner.get("/v1/clinic/alerts").await.must(200);
        let protocol_key = format!("only-{number}");
        let versions = format!("/v1/clinic/protocols/{protocol_key}/versions");
        let cleo = clinic.add_patient("Cleo", "Europe/London").await["id"].clone();
        let path = format!("/v1/clinic/patients/{}/treatments", cleo.as_str().unwrap());
        let treatment = clinic.coordinator.post(&path, face_treatment("2026-03-02")).await.must(201)["id"].clone();
        for (version, document) in [(1, small_protocol(&protocol_key)), (2, small_protocol(&protocol_key) + "\n# 2\n")]
        {
            clinic.owner.post(&versions, json!({ "document": document })).await.must(201);
            clinic.owner.post_nothing(&format!("{versions}/{version}/activate")).await.must(200);
            if version == 1 {
                let enrolment = json!({ "patient_id": cleo, "treatment_id": treatment, "protocol_key": protocol_key });
                let plan = clinic.coordinator.post("/v1/clinic/plans", enrolment).await.must(201);
                let path = format!("/v1/clinic/plans/{}/pause", plan["id"].as_str().unwrap());
                let pause = json!({ "days": "pass", "reason": "A journey." });
                clinic.coordinator.send_if("POST", &path, "\"v1\"", pause).await.must(200);
            }
        }
        let wish = json!({ "from_version": 1, "to_version": 2 });
        let migration =
            clinic.owner.post(&format!("/v1/clinic/protocols/{protocol_key}/migrations"), wish).await.must(201);
        let course = json!({ "patient_id": ada.patient_id, "protocol_key": "mn-face", "body_area": "face" });
        let course_id = clinic.coordinator.post("/v1/clinic/courses", course).await.must(201)["id"].clone();
        let mut session = face_treatment("2026-01-05");
        session["course_id"] = course_id.clone();
        let path = format!("/v1/clinic/patients/{}/treatments", ada.patient_id);
        clinic.coordinator.post(&path, session).await.must(201);
        let decided = clinic.owner.get(&format!("/v1/clinic/plans/{}/reminders", ada.plan_id)).await.must(200);
        let path = format!("/v1/clinic/patients/{}/invitation", cleo.as_str().unwrap());
        clinic.coordinator.post_nothing(&path).await.must(201);
        let app = &clinic.coordinator.app;
        app.database.run("UPDATE outbox SET state = 'dead', settled_at = created_at WHERE kind = 'patient_invitation' AND state = 'pending'");
        let undelivered = clinic.coordinator.get("/v1/clinic/undelivered-mails").await.must(200);
        Self {
            mail_id: undelivered["items"][0]["id"].as_str().unwrap().to_owned(),
            alert_id: alerts["items"][0]["id"].as_str().unwrap().to_owned(),
            reminder_id: decided["items"][0]["id"].as_str().unwrap().to_owned(),
            clinic,
            ada,
            check_in_id,
            evening_id,
            task_id,
            protocol_key,
            migration_id: migration["id"].as_str().unwrap().to_owned(),
            course_id: course_id.as_str().unwrap().to_owned(),
        }
    }

    /// The id that a path parameter wants.
    pub fn id(&self, parameter: &str) -> String {
        match parameter {
            "patient_id" => self.ada.patient_id.clone(),
            "treatment_id" => self.ada.treatment_id.clone(),
            "plan_id" => self.ada.plan_id.clone(),
            "alert_id" => self.alert_id.clone(),
            "reminder_id" => self.reminder_id.clone(),
            "check_in_id" => self.check_in_id.clone(),
            "occurrence_id" => self.task_id.clone(),
            "member_id" => self.clinic.members[2].to_string(),
            "clinic_id" => self.clinic.id.to_string(),
            "key" => self.protocol_key.clone(),
            "migration_id" => self.migration_id.clone(),
            "course_id" => self.course_id.clone(),
            "mail_id" => self.mail_id.clone(),
            "version" => "1".to_owned(),
            "token" => "not-a-token".to_owned(),
            other => panic!("the path parameter {other} is new: say here what it wants"),
        }
    }

    /// The path of an operation, with what is there.
    pub fn path(&self, operation: &Operation) -> String {
        fill(operation, |parameter| self.id(parameter))
    }

    /// The document's example of a right body for an operation that takes one, with the ids of what is there.
    pub fn body(&self, operation: &Operation) -> Option<Value> {
        if !operation.has_body() {
            return None;
        }
        let example = &operation.value["requestBody"]["content"]["application/json"]["example"];
        assert!(!example.is_null(), "{} takes a body: put a right one into openapi/examples.json", operation.id);
        let mut body = example.clone();
        for (key, value) in body.as_object_mut().unwrap() {
            match key.as_str() {
                "occurrence_id" => *value = json!(self.evening_id),
                "document" => *value = json!(small_protocol(&self.protocol_key)),
                "patient_id" | "treatment_id" | "course_id" | "plan_id" => *value = json!(self.id(key)),
                "email" if *value == "ada@patients.example" => *value = json!(self.ada.email),
                _ => {}
            }
        }
        Some(body)
    }
}

/// The path of an operation with these parameters.
pub fn fill(operation: &Operation, value: impl Fn(&str) -> String) -> String {
    let parts =
        operation.path.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(parameter) => value(parameter),
            None => part.to_owned(),
        });
    parts.collect::<Vec<_>>().join("/")
}
