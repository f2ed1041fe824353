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
    let worlds = (World::live(one, ada, 1).await, World::live(two, bea, 2).await);
    app.mails().await;
    (app, worlds.0, worlds.1)
}

impl World {
    async fn live(clinic: Clinic, ada: Enrolled, number: u128) -> Self {
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

    /// A right body for an operation that takes one.
    pub fn body(&self, operation: &Operation) -> Option<Value> {
        let token = "0m3l2Qb2Wm1xkq3v1uJc0m8p7tVb1wAk2n7l4m5Xc1b";
        let password = "a sentence that only I know";
        let body = match operation.id.as_str() {
            "login" => json!({ "email": self.ada.email, "password": password }),
            "refresh_session" | "end_session" => json!({ "refresh_token": token }),
            "request_password_reset" | "request_sign_in_link" => json!({ "email": self.ada.email }),
            "confirm_password_reset" | "accept_invitation" => json!({ "token": token, "password": password }),
            "exchange_sign_in_link" | "confirm_address_change" => json!({ "token": token }),
            "request_address_change" => json!({ "email": "other@patients.example", "password": password }),
            "unlink_patient" => json!({ "reason": "The wrong person accepted." }),
            "move_patient_account" => {
                json!({ "email": "ada.new@patients.example", "reason": "The old mailbox is gone." })
            }
            "disable_patient_account" | "enable_patient_account" => json!({ "reason": "The phone was lost." }),
            "invite_member" => json!({ "name": "Mia Invented", "email": "mia@clinic.example", "role": "coordinator" }),
            "change_member" => json!({ "role": "clinician", "state": "confirmed" }),
            "add_patient" => {
                json!({ "name": "Cora Invented", "email": "cora@patients.example", "zone": "Europe/Madrid", "locale": "es" })
            }
            "change_patient" => {
                json!({ "name": "Cora Invented", "email": "cora@patients.example", "zone": "Europe/Madrid", "locale": "es", "reminders": false })
            }
            "record_treatment" => {
                let mut session = face_treatment("2026-03-01");
                session["course_id"] = json!(self.course_id);
                session["overrule_interval"] = json!("Seen, and fine.");
                session
            }
            "make_course" => json!({
                "patient_id": self.ada.patient_id, "protocol_key": "mn-face", "body_area": "face", "sessions": 4,
                "min_interval_days": 42, "interval_days": 49
            }),
            "add_course_treatment" => {
                json!({ "treatment_id": self.ada.treatment_id, "overrule_interval": "Seen, and fine." })
            }
            "change_course" => json!({ "sessions": 5, "min_interval_days": 43, "interval_days": 50 }),
            "enrol_patient" => json!({
                "patient_id": self.ada.patient_id,
                "treatment_id": self.ada.treatment_id,
                "protocol_key": "mn-face",
                "overrule": "Seen, and fine.",
                "send_to_clinician": false
            }),
            "write_clinic_text" => json!({ "texts": { "en": "Invented Gel" } }),
            "pause_plan" => json!({
                "from_on": "2026-03-04", "until_on": "2026-03-06", "days": "shift", "reason": "A journey."
            }),
            "resume_plan" => json!({ "on": "2026-03-05", "reason": "Back again." }),
            "complete_plan" | "revoke_plan" => json!({ "from_on": "2026-03-05", "reason": "Seen, and done." }),
            "correct_plan" => json!({
                "performed_on": "2026-03-01", "body_area": "face",
                "parameters": { "needle_depth_mm": 1.5, "skin_type": "III" }, "overrule": "Seen, and fine.",
                "reason": "Typed wrong."
            }),
            "override_plan" => json!({
                "set": {
                    "key": "sunscreen", "days": [{ "from": 3, "to": 9 }], "slots": ["morning"],
                    "title": { "en": "Sunscreen from day 3." }, "text": { "en": "Ask us if it burns." }
                },
                "reason": "Seen, and decided."
            }),
            "enter_plan_in_error" => json!({ "reason": "Another person." }),
            "undo_plan_revision" => json!({ "revision": 2, "reason": "By mistake." }),
            "start_plan" | "decline_plan" => json!({ "reason": "Seen, and decided." }),
            "change_clinic" => json!({
                "name": "Invented Clinic", "locale": "es", "phone": "+44 20 7946 0001", "emergency_number": "112",
                "out_of_hours": "NHS 111", "reply_hours": "Mon-Sat", "monitored": false, "triage": "full",
                "opening_hours": [{ "weekdays": ["monday", "saturday"], "opens": "09:00", "closes": "24:00" }],
                "closed_on": [{ "from_on": "2026-12-24", "to_on": "2027-01-01" }]
            }),
            "adopt_protocol" => json!({ "library_key": "mn-face" }),
            "check_protocol_document" | "write_protocol_version" | "edit_protocol_document" => {
                json!({ "document": small_protocol(&self.protocol_key) })
            }
            "preview_protocol_version" => {
                json!({ "treated_on": "2026-03-02", "parameters": { "needle_depth_mm": 1.5 }, "locale": "es" })
            }
            "simulate_protocol_version" => {
                json!({ "parameters": { "needle_depth_mm": 1.5 }, "script": { "treated_on": "2026-03-02", "zone": "Europe/London" } })
            }
            "migrate_plans" => json!({ "from_version": 1, "to_version": 2, "plan_ids": [] }),
            "resolve_alert" => json!({ "resolution": "advised", "note": "Called." }),
            "change_me" => json!({ "zone": "Europe/Madrid", "locale": "es", "reminders": false }),
            "put_check_in" => json!({
                "plan_id": self.ada.plan_id,
                "occurrence_id": self.evening_id,
                "answers": { "redness": 5 },
                "answered_at": "2026-03-02T18:30:00Z"
            }),
            "mark_occurrence" => {
                json!({ "state": "skipped", "reason": "No time.", "noted_at": "2026-03-02T18:30:00Z" })
            }
            other if operation.has_body() => panic!("{other} takes a body: say here what is a right one"),
            _ => return None,
        };
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
