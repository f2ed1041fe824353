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
use crate::plan_commands;
use crate::plans::{self, InCourse, Plan, PlanFile, store};
use crate::protocols;
use crate::today;
use crate::zones::zone;
use engine::{Parameters, PlanStatus, Stops};
use ground::ids::{ClinicId, PatientId, PlanId, TreatmentId};
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
    let (zone, texts) = (zone(&patient.zone)?, clinic.own_texts()?);
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
    let (stops, overrides) = (Stops::default(), Vec::new());
    let mut plan_file = PlanFile { plan, patient, clinic, texts, compiled, stops, overrides, zone };
    let reasons = plan_file.exclusions();
    let waits = waiting::must_wait(&reasons, who, &new)?;
    plan_file.plan.overruled = new.overrule.map(Into::into);
    if waits {
        plan_file.plan = waiting::held(plan_file.plan, &reasons)?;
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

/// A plan begins, unless it waits: that of the session before makes way, and what was done today counts for this one too.
pub fn begin(ctx: &mut Ctx<'_>, clinic: ClinicId, id: PlanId) -> Result<(), Error> {
    let plan_file = plans::of_clinic(ctx.c, ctx.cache, clinic, id)?.ok_or(Error::NotFound)?;
    if plan_file.plan.status != PlanStatus::Active {
        return Ok(());
    }
    let followed = plan_commands::let_give_way(ctx, &plan_file.plan)?;
    today::share_marks(ctx, &plan_file, &plan_commands::gone(&followed, ctx.m.at))
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
