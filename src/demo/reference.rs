//! The contract as the demo shows it: its examples are of the demo's own people and days, so that "Execute" works as it stands.
//!
//! The published document names ids and dates that nobody has. Here ids become those of somebody in whose state the operation makes sense, and
//! dates move with the demo's clock.

use crate::documents;
use std::collections::BTreeMap;

use diesel::prelude::*;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::MemberState;
use crate::db::schema::{
    accounts, alerts, check_ins, courses, members, outbox, patients, plan_migrations, plans, reminders, treatments,
};
use crate::error::Error;
use crate::mail::outbox::MailState;
use crate::today::{self, views};
use ground::ids::{
    AlertId, CheckInId, ClinicId, CourseId, MailId, MemberId, MigrationId, PatientId, PlanId, ReminderId, TreatmentId,
};
use ground::sql::Conn;
use ground::time::Stamp;

/// The day on which the published examples are written.
const EXAMPLE_DAY: Date = Date::constant(2026, 3, 2);
/// Whose page and answers the examples are about.
pub const PATIENT: &str = "mara@patients.example";
/// Who asks for the clinic.
const OWNER: &str = "owner@clinic.example";

/// Operations that change somebody, each with somebody of its own, so that one does not spoil the next.
const WHOM: [(&str, &str); 19] = [
    ("pause_plan", "dalia"),
    ("resume_plan", "kiri"),
    ("complete_plan", "farid"),
    ("revoke_plan", "jomo"),
    ("correct_plan", "bruno"),
    ("override_plan", "chidi"),
    ("enter_plan_in_error", "hugo"),
    ("undo_plan_revision", "liv"),
    ("start_plan", "olu"),
    ("decline_plan", "pia"),
    ("unlink_patient", "greta"),
    ("disable_patient_account", "ines"),
    ("enable_patient_account", "ines"),
    ("move_patient_account", "jomo"),
    ("change_patient", "nils"),
    ("invite_patient", "nils"),
    ("enrol_patient", "nils"),
    ("make_course", "nils"),
    ("record_treatment", "mara"),
];

/// The document for the demo of this moment.
pub fn document(c: &mut Conn, app: &App, at: Stamp) -> Result<Value, Error> {
    let mut document: Value = serde_json::from_str(crate::server::DOCUMENT)?;
    let today = at.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let later = EXAMPLE_DAY.until(today).map_err(|why| Error::internal("the demo's examples", why))?;
    move_examples(&mut document, &later);
    if let Some(about) = document.pointer_mut("/info/description") {
        let whole = about.as_str().unwrap_or_default();
        *about = json!(format!(
            "This is the demo. Press Execute signed in as `owner@clinic.example` for the clinic's operations, and as `{PATIENT}` for a \
             patient's.\n\n{whole}"
        ));
    }
    let known = Known::read(c, app, at)?;
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for operation in paths.filter_map(|(_, item)| item.as_object_mut()).flat_map(Map::values_mut) {
        known.fill(c, operation)?;
    }
    Ok(document)
}

/// Dates and instants in examples go with the demo's clock.
fn move_examples(node: &mut Value, later: &Span) {
    match node {
        Value::Object(members) => {
            for (key, value) in members {
                if key == "example" { move_dates(value, later) } else { move_examples(value, later) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_examples(item, later)),
        _ => {}
    }
}

fn move_dates(example: &mut Value, later: &Span) {
    match example {
        Value::String(text) => {
            let date = text.parse::<Date>().ok().filter(|_| text.len() == 10);
            if let Some(moved) = date.and_then(|date| date.checked_add(*later).ok()) {
                *text = moved.to_string();
            } else if let Some(moved) = text.parse::<Timestamp>().ok().and_then(|at| {
                let there = at.to_zoned(jiff::tz::TimeZone::UTC);
                there.checked_add(*later).ok()
            }) {
                *text = moved.timestamp().to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_dates(item, later)),
        Value::Object(members) => members.values_mut().for_each(|value| move_dates(value, later)),
        _ => {}
    }
}

/// What an id parameter is, for the operations that need nothing special.
struct Known {
    usual: BTreeMap<&'static str, String>,
    special: BTreeMap<(&'static str, &'static str), String>,
}

impl Known {
    fn read(c: &mut Conn, app: &App, at: Stamp) -> Result<Self, Error> {
        let mut known = Self { usual: BTreeMap::new(), special: BTreeMap::new() };
        for (name, id) in ids_of(c, PATIENT)? {
            known.usual.insert(name, id);
        }
        for (operation, name) in WHOM {
            for (parameter, id) in ids_of(c, &format!("{name}@patients.example"))? {
                known.special.insert((operation, parameter), id);
            }
        }
        known.usual.extend([("key", "mn-face".to_owned()), ("version", "1".to_owned())]);
        let courses: Vec<CourseId> = courses::table.select(courses::id).limit(1).load(c)?;
        let raised: Vec<AlertId> = alerts::table.order(alerts::id).select(alerts::id).load(c)?;
        let reminders: Vec<ReminderId> = reminders::table.select(reminders::id).limit(1).load(c)?;
        let dead: Vec<MailId> =
            outbox::table.filter(outbox::state.eq(MailState::Dead)).select(outbox::id).limit(1).load(c)?;
        let staff: Vec<(MemberId, MemberState)> =
            members::table.order(members::id).select((members::id, members::state)).load(c)?;
        known.usual.extend(courses.first().map(|id| ("course_id", id.to_string())));
        known.usual.extend(raised.first().map(|id| ("alert_id", id.to_string())));
        known.usual.extend(reminders.first().map(|id| ("reminder_id", id.to_string())));
        known.usual.extend(dead.first().map(|id| ("mail_id", id.to_string())));
        known.special.extend(raised.last().map(|id| (("resolve_alert", "alert_id"), id.to_string())));
        for (id, state) in staff {
            if state == MemberState::Invited {
                known.special.insert(("invite_member_again", "member_id"), id.to_string());
            } else {
                known.usual.insert("member_id", id.to_string());
            }
        }
        for operation in ["activate_protocol_version", "edit_protocol_document"] {
            known.special.insert((operation, "key"), super::people::DRAFT.to_owned());
        }
        known.special.insert(("write_protocol_version", "key"), super::people::DRAFT.to_owned());
        for operation in ["migrate_plans", "list_plan_migrations", "diff_protocol_versions"] {
            known.special.insert((operation, "key"), super::people::TWICE.to_owned());
        }
        known.special.insert(("diff_protocol_versions", "version"), "2".to_owned());
        let moves: Vec<MigrationId> = plan_migrations::table.select(plan_migrations::id).limit(1).load(c)?;
        known.usual.extend(moves.first().map(|id| ("migration_id", id.to_string())));
        known.special.insert(("retire_protocol_version", "key"), "mn-body".to_owned());
        known.special.insert(("redraft_protocol_version", "key"), super::people::TWICE.to_owned());
        for operation in ["write_clinic_text", "erase_clinic_text"] {
            known.special.insert((operation, "key"), super::people::OWN_TEXT.to_owned());
        }
        known.add_open_task(c, app, at)?;
        let unwanting = patients::table.filter(patients::email.eq("kiri@patients.example"));
        let (clinic, patient): (ClinicId, PatientId) =
            unwanting.select((patients::clinic_id, patients::id)).first(c)?;
        known.usual.insert("token", app.secrets.unsubscribe_token(clinic.0, patient.0));
        Ok(known)
    }

    /// A line of the patient's day that is not done yet.
    fn add_open_task(&mut self, c: &mut Conn, app: &App, at: Stamp) -> Result<(), Error> {
        let account = accounts::table.filter(accounts::email.eq(PATIENT)).select(accounts::id).first(c)?;
        let days = today::days_of(c, &app.compiled, account, None, at)?;
        let today = views::today(&days, None, None, at)?.map(serde_json::to_value).transpose()?.unwrap_or_default();
        let items = today.get("items").and_then(Value::as_array).into_iter().flatten();
        let mut open = items.filter(|item| item["state"] == "open" && item["kind"] == "task");
        if let Some(id) = open.next().and_then(|item| item["occurrence_id"].as_str()) {
            self.usual.insert("occurrence_id", id.to_owned());
        }
        Ok(())
    }

    fn id(&self, operation: &str, parameter: &str) -> Option<&String> {
        let mut special = self.special.iter().filter(|((of, name), _)| *of == operation && *name == parameter);
        special.next().map(|(_, id)| id).or_else(|| self.usual.get(parameter))
    }

    fn fill(&self, c: &mut Conn, operation: &mut Value) -> Result<(), Error> {
        let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let (place, key) = (parameter["in"].clone(), parameter["name"].as_str().unwrap_or_default().to_owned());
            let example = match key.as_str() {
                "If-Match" => Some("*"),
                // A phone makes the id of what it sends.
                "check_in_id" if name == "put_check_in" => None,
                _ if place == "path" => self.id(&name, &key).map(String::as_str),
                _ => None,
            };
            match example {
                Some(example) => parameter["example"] = json!(example),
                // Optional ones are left empty: the same key with another body is refused, and a condition is of another answer.
                None if place != "path" => forget_example(parameter),
                None => {}
            }
        }
        if let Some(body) = operation.pointer_mut("/requestBody/content/application~1json/example") {
            self.fill_body(&name, body);
            self.fill_special(c, &name, body)?;
        }
        Ok(())
    }

    fn fill_body(&self, operation: &str, body: &mut Value) {
        for (key, value) in body.as_object_mut().into_iter().flatten() {
            if value.is_string()
                && let Some(id) = self.id(operation, key).filter(|_| key.ends_with("_id"))
            {
                *value = json!(id);
            } else if key == "password" {
                *value = json!(super::PASSWORD);
            }
        }
    }

    fn fill_special(&self, c: &mut Conn, operation: &str, body: &mut Value) -> Result<(), Error> {
        match operation {
            "login" => body["email"] = json!(OWNER),
            "request_password_reset" | "request_sign_in_link" => body["email"] = json!(PATIENT),
            "put_check_in" => {
                // A check-in of one's own accord: nobody has to wait for its window.
                if let Some(body) = body.as_object_mut() {
                    body.remove("occurrence_id");
                    body.remove("answered_at");
                }
            }
            "migrate_plans" => {
                if let Some(body) = body.as_object_mut() {
                    body.remove("plan_ids");
                }
            }
            "mark_occurrence" => {
                if let Some(body) = body.as_object_mut() {
                    body.remove("noted_at");
                }
            }
            "add_course_treatment" => {
                let loose =
                    treatments::table
                        .inner_join(patients::table.on(
                            patients::clinic_id.eq(treatments::clinic_id).and(patients::id.eq(treatments::patient_id)),
                        ))
                        .filter(patients::email.eq(PATIENT))
                        .order(treatments::performed_on)
                        .select(treatments::id)
                        .limit(1);
                let loose: Vec<TreatmentId> = loose.load(c)?;
                body["treatment_id"] = json!(loose.first());
            }
            "check_protocol_document" | "write_protocol_version" | "edit_protocol_document" => {
                let own = documents::rekeyed(documents::from_library("mn-face")?, super::people::DRAFT)?;
                body["document"] = json!(own);
            }
            "preview_protocol_version" | "simulate_protocol_version" => {
                if let Some(parameters) = body.get_mut("parameters").and_then(Value::as_object_mut) {
                    parameters.insert("skin_type".to_owned(), json!("III"));
                }
            }
            "correct_plan" => body["parameters"] = json!({ "needle_depth_mm": 1.0, "skin_type": "III" }),
            _ => {}
        }
        Ok(())
    }
}

fn forget_example(parameter: &mut Value) {
    for holder in ["", "/schema"] {
        if let Some(holder) = parameter.pointer_mut(holder).and_then(Value::as_object_mut) {
            holder.remove("example");
        }
    }
}

/// Record, treatment, plan and newest answers of the patient of that address, as far as they are there.
fn ids_of(c: &mut Conn, email: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let patient: Option<PatientId> =
        patients::table.filter(patients::email.eq(email)).select(patients::id).first(c).optional()?;
    let Some(patient) = patient else { return Ok(Vec::new()) };
    let treatment: Option<TreatmentId> = treatments::table
        .filter(treatments::patient_id.eq(patient))
        .order(treatments::performed_on.desc())
        .select(treatments::id)
        .first(c)
        .optional()?;
    let plan: Option<PlanId> = plans::table
        .filter(plans::patient_id.eq(patient))
        .order(plans::id.desc())
        .select(plans::id)
        .first(c)
        .optional()?;
    let check_in: Option<CheckInId> = match plan {
        Some(plan) => check_ins::table
            .filter(check_ins::plan_id.eq(plan))
            .order(check_ins::id.desc())
            .select(check_ins::id)
            .first(c)
            .optional()?,
        None => None,
    };
    let found = [
        ("patient_id", Some(patient.to_string())),
        ("treatment_id", treatment.map(|id| id.to_string())),
        ("plan_id", plan.map(|id| id.to_string())),
        ("check_in_id", check_in.map(|id| id.to_string())),
    ];
    Ok(found.into_iter().filter_map(|(name, id)| Some((name, id?))).collect())
}
