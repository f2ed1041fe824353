//! What a patient says in a record that never had a plan that was right: danger signs, judged by the built-in document.

use diesel::prelude::*;

use super::rules::{self, Accepted, JudgedBy, NotedAt};
use super::{CheckIn, NewCheckIn, Received, some, store};
use crate::clinics::{Clinic, TriageMode};
use crate::db::schema::record_check_ins;
use crate::documents::general;
use crate::error::Error;
use crate::patients::Patient;
use engine::Enrolment;
use ground::ids::{CheckInId, ClinicId, OccurrenceId, PatientId, PlanId};
use ground::sql::Json;
use ground::sql::{Conn, MultiBackend};
use ground::time::{Moment, Stamp};

/// One check-in of a record without a plan, as it was sent and as it was judged.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = record_check_ins, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct RecordCheckIn {
    pub clinic_id: ClinicId,
    pub patient_id: PatientId,
    /// Ours; runs with time, with those of check-ins of plans.
    pub entry_id: CheckInId,
    /// The phone's.
    pub id: CheckInId,
    /// The built-in document by which it was judged.
    pub content_hash: String,
    /// The answers, in canonical form.
    pub answers: Json,
    /// SHA-256 of what was sent.
    pub body_hash: Vec<u8>,
    /// When the patient answered.
    pub answered_at: Stamp,
    /// When it reached us.
    pub received_at: Stamp,
    /// Where the patient was.
    pub zone: String,
    /// The most pressing finding.
    pub urgency: Option<String>,
    /// What the rules found, with advice and trace.
    pub findings: Json,
    /// The whole body as it was sent (`NewCheckIn`).
    pub sent: String,
    /// What the phone said of the time, if ours was taken instead.
    pub claimed_at: Option<String>,
    /// What could not be used (`NotUsed`s); none: all of it was.
    pub not_used: Option<Json>,
    /// The rules whose conditions have no result; none: all were judged.
    pub not_judged: Option<Json>,
}

/// A check-in as everybody reads it: of a plan, or of a record without one.
#[derive(Debug, Clone)]
pub struct Entry {
    pub clinic_id: ClinicId,
    /// The plan, if there is one.
    pub plan_id: Option<PlanId>,
    pub patient_id: PatientId,
    /// Ours; runs with time.
    pub entry_id: CheckInId,
    /// The phone's.
    pub id: CheckInId,
    /// The scheduled check-in that it answers.
    pub occurrence_id: Option<OccurrenceId>,
    /// The day that it is about; 0 without a plan.
    pub day: i32,
    /// The answers, in canonical form.
    pub answers: Json,
    /// SHA-256 of what was sent.
    pub body_hash: Vec<u8>,
    /// When the patient answered.
    pub answered_at: Stamp,
    /// When it reached us.
    pub received_at: Stamp,
    /// Whether it came after its window had closed.
    pub back_filled: bool,
    /// What the rules found, with advice and trace.
    pub findings: Json,
    /// What the phone said of the time, if ours was taken instead.
    pub claimed_at: Option<String>,
    /// What could not be used.
    pub not_used: Option<Json>,
    /// The rules whose conditions have no result.
    pub not_judged: Option<Json>,
}

impl From<CheckIn> for Entry {
    fn from(row: CheckIn) -> Self {
        Self {
            clinic_id: row.clinic_id,
            plan_id: Some(row.plan_id),
            patient_id: row.patient_id,
            entry_id: row.entry_id,
            id: row.id,
            occurrence_id: row.occurrence_id,
            day: row.day,
            answers: row.answers,
            body_hash: row.body_hash,
            answered_at: row.answered_at,
            received_at: row.received_at,
            back_filled: row.back_filled,
            findings: row.findings,
            claimed_at: row.claimed_at,
            not_used: row.not_used,
            not_judged: row.not_judged,
        }
    }
}

impl From<RecordCheckIn> for Entry {
    fn from(row: RecordCheckIn) -> Self {
        Self {
            clinic_id: row.clinic_id,
            plan_id: None,
            patient_id: row.patient_id,
            entry_id: row.entry_id,
            id: row.id,
            occurrence_id: None,
            day: 0,
            answers: row.answers,
            body_hash: row.body_hash,
            answered_at: row.answered_at,
            received_at: row.received_at,
            back_filled: false,
            findings: row.findings,
            claimed_at: row.claimed_at,
            not_used: row.not_used,
            not_judged: row.not_judged,
        }
    }
}

/// Judges what was sent by the built-in document: the same rules as for a plan, of a plan that begins on the day of the answers.
pub fn accept(
    c: &mut Conn,
    patient: &Patient,
    clinic: &Clinic,
    new: &NewCheckIn,
    at: Stamp,
) -> Result<Accepted, Error> {
    let (zone, earliest) = (crate::zones::zone(&patient.zone)?, patient.created_at);
    let answered_at = NotedAt::of(new.answered_at.as_ref(), earliest, at).at;
    let day_zero = engine::local_date(&zone, answered_at);
    let enrolment = Enrolment::running(PlanId(uuid::Uuid::nil()), day_zero, earliest);
    let by = JudgedBy {
        compiled: &general::danger_signs()?.compiled,
        enrolment: &enrolment,
        zone: &zone,
        day_zero_at: engine::local_instant(day_zero, engine::LocalTime::MIDNIGHT, &zone),
        earliest,
        others: &[],
        once: None,
        earlier: &store::list_earlier_of_record(c, clinic.id, patient.id, engine::LOOK_BACK)?,
        beside: &[],
        is_triaged: clinic.triage == TriageMode::Full,
    };
    Ok(rules::accept(&by, new, at))
}

/// The row of what was judged.
pub(super) fn row(
    patient: &Patient,
    clinic: &Clinic,
    received: Received<'_>,
    accepted: Accepted,
    m: &Moment,
) -> Result<RecordCheckIn, Error> {
    let Received { id, body_hash, new } = received;
    Ok(RecordCheckIn {
        clinic_id: clinic.id,
        patient_id: patient.id,
        entry_id: m.id(),
        id,
        content_hash: general::danger_signs()?.content_hash.clone(),
        urgency: accepted.urgency().map(|urgency| urgency.as_str().to_owned()),
        answers: Json::of(&accepted.answers)?,
        body_hash,
        answered_at: accepted.answered_at,
        received_at: m.at,
        zone: patient.zone.clone(),
        findings: Json::of(&accepted.findings)?,
        sent: serde_json::to_string(new)?,
        claimed_at: accepted.claimed_at,
        not_used: some(&accepted.not_used)?,
        not_judged: some(&accepted.not_judged)?,
    })
}
