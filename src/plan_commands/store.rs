//! Revisions of plans: the rows.

use diesel::prelude::*;

use crate::clinics::Clinic;
use crate::db::schema::{clinics, patients, plan_revisions, plans, treatments};
use crate::error::Error;
use crate::http::PageParams;
use crate::patients::{Patient, Treatment};
use crate::plans::Plan;
use crate::plans::revisions::Revision;
use ground::ids::{ClinicId, PlanId, RevisionId, TreatmentId};
use ground::sql::Conn;

/// A page of them, newest first.
pub fn list_page(c: &mut Conn, clinic: ClinicId, plan: PlanId, page: &PageParams) -> Result<Vec<Revision>, Error> {
    let mut rows = plan_revisions::table
        .filter(plan_revisions::clinic_id.eq(clinic).and(plan_revisions::plan_id.eq(plan)))
        .order(plan_revisions::id.desc())
        .limit(page.fetch())
        .select(Revision::as_select())
        .into_boxed();
    if let Some(after) = page.after::<RevisionId>() {
        rows = rows.filter(plan_revisions::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The plans of a treatment, with all that belongs to them; those entered in error too.
pub fn list_of_treatment(
    c: &mut Conn,
    clinic: ClinicId,
    treatment: TreatmentId,
) -> Result<Vec<(Plan, Patient, Clinic)>, Error> {
    Ok(plans::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(plans::clinic_id).and(patients::id.eq(plans::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(plans::clinic_id)))
        .filter(plans::clinic_id.eq(clinic).and(plans::treatment_id.eq(treatment)))
        .order(plans::id)
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .load(c)?)
}

/// The treatment as it is known now.
pub fn set_treatment(c: &mut Conn, treatment: &Treatment) -> Result<(), Error> {
    diesel::update(treatments::table.find((treatment.clinic_id, treatment.id)))
        .set((
            treatments::performed_on.eq(treatment.performed_on),
            treatments::performed_at.eq(treatment.performed_at),
            treatments::body_area.eq(&treatment.body_area),
            treatments::parameters.eq(&treatment.parameters),
            treatments::entered_in_error_at.eq(treatment.entered_in_error_at),
            treatments::version.eq(treatment.version),
        ))
        .execute(c)?;
    Ok(())
}
