//! A patient's answers: kept whatever happens, judged at once, answered with advice.

pub mod routes;
pub mod rules;
pub mod store;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::auth;
use crate::clinics::TriageMode;
use crate::db::schema::check_ins;
use crate::db::types::{DateColumn, Json};
use crate::db::{Conn, MultiBackend};
use crate::engine::{self, Answers, Finding, ItemKind, State, Triage, TriageInput, Urgency};
use crate::error::{Error, FieldError};
use crate::ids::{CheckInId, ClinicId, OccurrenceId, PatientId, PlanId, VersionId};
use crate::mail::outbox::Post;
use crate::plans::{self, Dossier};
use crate::protocols::Compiled;
use crate::secrets::digest;
use crate::time::{Moment, Stamp};
use crate::{alerts, today};

/// One check-in, as it was sent and as it was judged.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = check_ins, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct CheckIn {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The plan that it is about.
    pub plan_id: PlanId,
    /// Ours; runs with time.
    pub entry_id: CheckInId,
    /// The phone's.
    pub id: CheckInId,
    /// Who.
    pub patient_id: PatientId,
    /// The protocol version by which it was judged.
    pub version_id: VersionId,
    /// The scheduled check-in that it answers; `None` if the patient wrote unasked.
    pub occurrence_id: Option<OccurrenceId>,
    /// The day that it is about.
    pub day: i32,
    /// The form.
    pub form: String,
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
    /// Whether it came after its window had closed.
    pub back_filled: bool,
    /// The most pressing finding.
    pub urgency: Option<String>,
    /// What the rules found, with advice and trace.
    pub findings: Json,
    /// The date that the day was counted from; none: the plan's first.
    pub counted_from: Option<DateColumn>,
}

/// A check-in to be recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewCheckIn {
    /// The plan that it is about.
    pub plan_id: PlanId,
    /// The scheduled check-in that it answers.
    pub occurrence_id: Option<OccurrenceId>,
    /// The answers, by question.
    pub answers: serde_json::Map<String, serde_json::Value>,
    /// When the patient answered; now if it is not said.
    pub answered_at: Option<Stamp>,
}

/// The form of a check-in that nobody asked for.
const AD_HOC: &str = "ad-hoc";

/// A check-in that was judged, and what it was judged by: if that has changed, it is judged again.
pub struct Judged {
    dossier: Dossier,
    check_in: CheckIn,
    /// `false`: it is the first one again, and nothing is to be written.
    is_new: bool,
    seen: Option<store::Seen>,
}

/// Finds the plan and judges the answers; writes nothing, so that it can be done beside the one writer of SQLite.
pub fn prepare(
    c: &mut Conn,
    cache: &Compiled,
    who: &auth::Patient,
    id: CheckInId,
    new: &NewCheckIn,
    m: &Moment,
) -> Result<Judged, Error> {
    let dossier = plans::ever_of_account(c, cache, who.account, new.plan_id)?
        .ok_or_else(|| Error::field("/plan_id", "unknown_value", "there is no such plan of yours"))?;
    let body_hash = digest(&serde_json::to_vec(new)?);
    if let Some(check_in) = first_again(c, &dossier, id, &body_hash)? {
        return Ok(Judged { dossier, check_in, is_new: false, seen: None });
    }
    let seen = store::seen(c, who.account, dossier.plan.id)?;
    let check_in = judge(c, &dossier, (id, body_hash), new, m)?;
    Ok(Judged { dossier, check_in, is_new: true, seen })
}

/// Records a check-in once by its id, and raises alerts. `true`: it is new; `false`: it is the first one again. What was
/// prepared is used only if all that it was judged by is as it was.
pub fn record(
    c: &mut Conn,
    cache: &Compiled,
    (who, post): (&auth::Patient, &Post),
    (id, new): (CheckInId, &NewCheckIn),
    prepared: Option<Judged>,
    m: &Moment,
) -> Result<(CheckIn, Dossier, bool), Error> {
    let judged = match prepared {
        Some(judged) if judged.seen.is_some() && judged.seen == store::seen(c, who.account, new.plan_id)? => judged,
        _ => prepare(c, cache, who, id, new, m)?,
    };
    let Judged { dossier, check_in, is_new, .. } = judged;
    if !is_new {
        return Ok((check_in, dossier, false));
    }
    if !store::insert(c, &check_in)? {
        // A twin in flight was first.
        let first = first_again(c, &dossier, id, &check_in.body_hash)?.ok_or(Error::Busy)?;
        return Ok((first, dossier, false));
    }
    let findings: Vec<Finding> = check_in.findings.to()?;
    for finding in &findings {
        alerts::raise(c, &dossier, finding, Some(&check_in), check_in.day, m)?;
    }
    if let Some(urgency) = findings.iter().map(|finding| finding.urgency).max().filter(|most| *most > Urgency::Note) {
        alerts::tell_staff(c, post, &dossier, urgency, m)?;
    }
    Ok((check_in, dossier, true))
}

/// The check-in of that id, if it is the same as this one; an error if it is another.
fn first_again(c: &mut Conn, dossier: &Dossier, id: CheckInId, body_hash: &[u8]) -> Result<Option<CheckIn>, Error> {
    match store::find(c, dossier.plan.clinic_id, id)? {
        Some(first) if first.body_hash != body_hash || first.patient_id != dossier.patient.id => {
            Err(Error::conflict("id_taken", "a check-in with this id was sent before with another body"))
        }
        first => Ok(first),
    }
}

fn judge(
    c: &mut Conn,
    dossier: &Dossier,
    (id, body_hash): (CheckInId, Vec<u8>),
    new: &NewCheckIn,
    m: &Moment,
) -> Result<CheckIn, Error> {
    let answered_at = new.answered_at.unwrap_or(m.at);
    if m.is_ahead(answered_at) {
        return Err(Error::field("/answered_at", "out_of_range", "must not be in the future"));
    }
    if answered_at < begun_at(dossier)? && dossier.plan.first_day_zero.is_none() {
        return Err(Error::field("/answered_at", "out_of_range", "must not be before the day of the treatment"));
    }
    let place = place(c, dossier, new.occurrence_id, answered_at, m.at)?;
    let answers = check_answers(dossier, place.day, &new.answers)?;
    let triage = match dossier.clinic.triage {
        TriageMode::Full => {
            let earlier = store::list_earlier(c, dossier.plan.clinic_id, dossier.plan.id, engine::LOOK_BACK)?;
            let enrolment = dossier.enrolment();
            let aged = |(day, from, answers)| (enrolment.age_of(dossier.day_now(day, from)), answers);
            let earlier: Vec<(i32, Answers)> = earlier.into_iter().map(aged).collect();
            engine::triage(&dossier.compiled, &TriageInput { day: place.age, answers: &answers, earlier: &earlier })
        }
        TriageMode::InstructionsOnly => Triage::default(),
    };
    let said = |finding: Finding| Finding { advice: dossier.written(&finding.advice), ..finding };
    let findings: Vec<Finding> = triage.findings.into_iter().map(said).collect();
    Ok(CheckIn {
        clinic_id: dossier.plan.clinic_id,
        plan_id: dossier.plan.id,
        entry_id: m.id(),
        id,
        patient_id: dossier.patient.id,
        version_id: dossier.version_on(place.day)?,
        occurrence_id: place.answers,
        day: place.day,
        form: place.form,
        answers: Json::of(&answers)?,
        body_hash,
        answered_at,
        received_at: m.at,
        zone: dossier.patient.zone.clone(),
        back_filled: place.back_filled,
        urgency: triage.urgency.map(|urgency| urgency.as_str().to_owned()),
        findings: Json::of(&findings)?,
        counted_from: dossier.counted_from(),
    })
}

/// When the date of the treatment began, at the clinic.
fn begun_at(dossier: &Dossier) -> Result<Stamp, Error> {
    let zone = plans::zone(&dossier.clinic.zone)?;
    Ok(engine::local_instant(dossier.plan.day_zero.0, engine::LocalTime::MIDNIGHT, &zone))
}

/// Where in the plan a check-in belongs.
struct Place {
    day: i32,
    /// How many days after the treatment that is.
    age: i32,
    form: String,
    back_filled: bool,
    /// The occurrence that it answers.
    answers: Option<OccurrenceId>,
}

fn place(
    c: &mut Conn,
    dossier: &Dossier,
    occurrence: Option<OccurrenceId>,
    answered_at: Stamp,
    at: Stamp,
) -> Result<Place, Error> {
    let enrolment = dossier.enrolment();
    // Where the patient is, the treatment's date at the clinic may not have begun when they write.
    let earliest = if answered_at < begun_at(dossier)? { i32::MIN } else { 0 };
    let ad_hoc = || Place {
        day: dossier.day_number(answered_at).max(earliest),
        age: enrolment.age_on(engine::local_date(&dossier.zone, answered_at)).max(earliest),
        form: AD_HOC.to_owned(),
        back_filled: false,
        answers: None,
    };
    let Some(id) = occurrence else { return Ok(ad_hoc()) };
    // A phone that was offline while the clinic changed the plan answers what it was asked: nothing of it is lost.
    let unasked = || (dossier.plan.revision > 1).then(ad_hoc);
    let unknown = || Error::field("/occurrence_id", "unknown_value", "there is no such check-in in this plan");
    let near = dossier.day_number(at);
    let Some((item, day, _)) = engine::find(&dossier.compiled, &dossier.enrolment(), id, near) else {
        return unasked().ok_or_else(unknown);
    };
    let item = dossier.compiled.items.get(item).filter(|item| item.kind == ItemKind::CheckIn).ok_or_else(unknown)?;
    let seen = today::occurrences_on(c, dossier, day, at)?;
    let Some(found) = seen.iter().find(|occurrence| occurrence.id == id) else { return unasked().ok_or_else(unknown) };
    if found.state == State::Upcoming {
        let detail = format!("this check-in opens at {}", found.opens_at);
        return unasked().ok_or_else(|| Error::field("/occurrence_id", "not_open_yet", detail));
    }
    Ok(Place {
        day,
        age: enrolment.age_of(day),
        form: item.form.clone().unwrap_or_default(),
        back_filled: at >= found.closes_at,
        answers: Some(id),
    })
}

fn check_answers(
    dossier: &Dossier,
    day: i32,
    answers: &serde_json::Map<String, serde_json::Value>,
) -> Result<Answers, Error> {
    if answers.is_empty() {
        return Err(Error::field("/answers", "too_short", "needs at least one answer"));
    }
    dossier.compiled.on(day).check_answers(answers).map_err(|problems| {
        let error = |problem: engine::AnswerProblem| FieldError {
            pointer: format!("/answers/{}", problem.question),
            code: problem.code.to_owned(),
            detail: problem.detail,
        };
        Error::Invalid(problems.into_iter().map(error).collect())
    })
}
