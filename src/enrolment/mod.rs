//! Enrolment: a treatment gets a plan, at once or after a clinician has decided about a reason not to start.

pub mod waiting;

use crate::auth::Staff;
use crate::clinics;
use crate::courses;
use crate::documents::Compiled;
use crate::error::Error;
use crate::http::text::{Key, Note};
use crate::mail::outbox::Post;
use crate::patients;
use crate::plan_commands;
use crate::plans::{Dossier, InCourse, Plan, store};
use crate::protocols;
use crate::today;
use crate::zones::zone;
use engine::{Parameters, PlanStatus, Stops};
use ground::ids::{PatientId, TreatmentId};
use ground::sql::{Conn, Json};
use ground::time::Moment;

/// An enrolment to be made.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// The patient.
    pub patient: PatientId,
    /// What was done.
    pub treatment: TreatmentId,
    /// The protocol's key; its active version is taken.
    pub protocol: Key,
    /// Why reasons not to start are overruled; a clinician's word.
    pub overrule: Option<Note>,
    /// Reasons not to start send it to a clinician: it waits.
    pub send_to_clinician: bool,
}

/// Enrols a patient: from now on, their phone has a day. With a reason not to start, and sent to a clinician, the plan waits.
pub fn enrol(
    c: &mut Conn,
    cache: &Compiled,
    (who, post): (&Staff, &Post),
    new: NewPlan,
    m: &Moment,
) -> Result<Dossier, Error> {
    let missing =
        |pointer: &str, what: &str| Error::field(pointer, "unknown_value", format!("the clinic has no such {what}"));
    let patient =
        patients::store::find(c, who.clinic, new.patient)?.ok_or_else(|| missing("/patient_id", "patient"))?;
    courses::lock(c, who.clinic, new.treatment)?;
    let treatment = patients::store::find_treatment(c, who.clinic, new.treatment)?
        .filter(|treatment| treatment.patient_id == patient.id)
        .ok_or_else(|| missing("/treatment_id", "treatment of this patient"))?;
    if treatment.entered_in_error_at.is_some() {
        return Err(Error::field("/treatment_id", "entered_in_error", "this treatment was entered in error"));
    }
    let clinic = clinics::store::get(c, who.clinic)?;
    let version = protocols::approved(c, &clinic, new.protocol.as_str())?;
    let compiled = cache.of(&version.document, &Parameters(treatment.parameters.to()?))?;
    check_fits(&compiled, &treatment)?;
    let (zone, texts) = (zone(&patient.zone)?, clinic.own_texts()?);
    let course = courses::of_treatment(c, who.clinic, treatment.id)?;
    let plan = Plan {
        clinic_id: who.clinic,
        id: m.id(),
        patient_id: patient.id,
        treatment_id: treatment.id,
        version_id: version.id,
        status: PlanStatus::Active,
        day_zero: treatment.performed_on,
        parameters: treatment.parameters,
        enrolled_at: m.at,
        enrolled_by: who.member,
        overruled: None,
        planned_to: m.at,
        next_due_at: Some(m.at),
        revision: 1,
        earlier_versions: None,
        waits_for: Json::of(&[(); 0])?,
        started_at: None,
        declined: None,
        stops: None,
        overrides: None,
        first_day_zero: None,
        course: InCourse::kept(course)?,
        performed_at: treatment.performed_at,
    };
    let (stops, overrides) = (Stops::default(), Vec::new());
    let mut dossier = Dossier { plan, patient, clinic, texts, compiled, stops, overrides, zone };
    let reasons = dossier.exclusions();
    let waits = waiting::must_wait(&reasons, who, &new)?;
    dossier.plan.overruled = new.overrule.map(Into::into);
    if waits {
        dossier.plan = waiting::held(dossier.plan, &reasons)?;
    }
    let has_one = store::has_plan_of(c, who.clinic, treatment.id, new.protocol.as_str())?;
    if has_one || !store::insert(c, &dossier.plan)? {
        return Err(Error::conflict("already_enrolled", "this treatment has a plan of this protocol already"));
    }
    crate::audit::note(c, Some(who.clinic), Some(who.account), "enrolled", "plan", Some(dossier.plan.id.0), m)?;
    if waits {
        waiting::send(c, post, &dossier, &reasons, m)?;
    } else {
        begin(c, cache, who, &dossier, m)?;
    }
    Ok(dossier)
}

/// A plan begins: that of the session before makes way, and what was done today counts for this one too.
fn begin(c: &mut Conn, cache: &Compiled, who: &Staff, dossier: &Dossier, m: &Moment) -> Result<(), Error> {
    let followed = plan_commands::let_give_way(c, cache, who, &dossier.plan, m)?;
    today::share_marks(c, cache, (dossier, &plan_commands::gone(&followed, m.at)), m)
}

fn check_fits(compiled: &engine::Compiled, treatment: &patients::Treatment) -> Result<(), Error> {
    if treatment.procedure != compiled.procedure {
        let detail = format!("this protocol is for {}, the treatment was {}", compiled.procedure, treatment.procedure);
        return Err(Error::field("/protocol_key", "wrong_procedure", detail));
    }
    if !compiled.body_areas.contains(&treatment.body_area) {
        let detail = format!(
            "this protocol is for {}, the treatment was of {}",
            compiled.body_areas.join(", "),
            treatment.body_area
        );
        return Err(Error::field("/protocol_key", "wrong_body_area", detail));
    }
    Ok(())
}
