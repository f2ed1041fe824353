//! Enrolment: a treatment gets a plan, at once or after a clinician has decided about a reason not to start.

pub mod waiting;

use crate::auth::Staff;
use crate::clinics;
use crate::courses;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::EventKind;
use crate::http::text::{Key, Note};
use crate::patients;
use crate::plans::{InCourse, Plan, PlanFile, store};
use crate::protocols;
use engine::{Parameters, PlanStatus};
use ground::ids::{PatientId, TreatmentId};
use ground::sql::Json;

/// An enrolment to be made.
#[derive(Debug, Clone)]
pub struct NewPlan {
    pub patient: PatientId,
    /// What was done.
    pub treatment: TreatmentId,
    /// The protocol's key; its active version is taken.
    pub protocol: Key,
    /// Why reasons not to start are overruled; a clinician's approval.
    pub overrule: Option<Note>,
    /// Reasons not to start send it to a clinician: it waits.
    pub send_to_clinician: bool,
}

/// Enrols a patient: from now on, their phone has a day. With a reason not to start, and sent to a clinician, the plan waits.
pub fn enrol(ctx: &mut Ctx<'_>, who: &Staff, new: NewPlan) -> Result<PlanFile, Error> {
    let missing =
        |pointer: &str, what: &str| Error::field(pointer, "unknown_value", format!("the clinic has no such {what}"));
    let patient =
        patients::store::find(ctx.c, who.clinic, new.patient)?.ok_or_else(|| missing("/patient_id", "patient"))?;
    courses::lock(ctx.c, who.clinic, new.treatment)?;
    let treatment = patients::store::find_treatment(ctx.c, who.clinic, new.treatment)?
        .filter(|treatment| treatment.patient_id == patient.id)
        .ok_or_else(|| missing("/treatment_id", "treatment of this patient"))?;
    if treatment.entered_in_error_at.is_some() {
        return Err(Error::field("/treatment_id", "entered_in_error", "this treatment was entered in error"));
    }
    let clinic = clinics::store::get(ctx.c, who.clinic)?;
    let version = protocols::approved(ctx.c, &clinic, new.protocol.as_str())?;
    let compiled = ctx.cache.of(&version.document, &Parameters(treatment.parameters.to()?))?;
    check_fits(&compiled, &treatment)?;
    let course = courses::of_treatment(ctx.c, who.clinic, treatment.id)?;
    let plan = Plan {
        clinic_id: who.clinic,
        id: ctx.m.id(),
        patient_id: patient.id,
        treatment_id: treatment.id,
        version_id: version.id,
        status: PlanStatus::Active,
        day_zero: treatment.performed_on,
        parameters: treatment.parameters,
        enrolled_at: ctx.m.at,
        enrolled_by: who.member,
        overruled: None,
        planned_to: ctx.m.at,
        next_due_at: Some(ctx.m.at),
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
    let mut plan_file = PlanFile::new(ctx.c, ctx.cache, (plan, patient, clinic))?;
    let reasons = plan_file.exclusions();
    let waits = waiting::must_wait(&reasons, who, &new)?;
    plan_file.plan.overruled = new.overrule.map(Into::into);
    if waits {
        let PlanFile { plan, patient, clinic, .. } = plan_file;
        plan_file = PlanFile::new(ctx.c, ctx.cache, (waiting::held(plan, &reasons)?, patient, clinic))?;
    }
    let has_one = store::has_plan_of(ctx.c, who.clinic, treatment.id, new.protocol.as_str())?;
    if has_one || !store::insert(ctx.c, &plan_file.plan)? {
        return Err(Error::conflict("already_enrolled", "this treatment has a plan of this protocol already"));
    }
    ctx.happened(EventKind::PlanEnrolled, &plan_file.plan)?;
    if waits {
        waiting::send(ctx, &plan_file, &reasons)?;
    }
    Ok(plan_file)
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
