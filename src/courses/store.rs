//! Courses, and what treatments belong to: the rows.

use diesel::prelude::*;

use super::rules::Done;
use super::{Course, Link};
use crate::alerts::AlertStatus;
use crate::clinics::Clinic;
use crate::db::schema::{alerts, clinics, courses, patients, plans, treatment_links, treatments};
use crate::error::Error;
use crate::http::PageParams;
use crate::patients::Patient;
use crate::plans::Plan;
use ground::ids::{AccountId, AlertId, ClinicId, CourseId, PatientId, PlanId, TreatmentId};
use ground::sql::Conn;
use ground::sql::DateColumn;

/// A course with its patient and clinic.
pub type Rows = (Course, Patient, Clinic);

/// A new course.
pub fn insert(c: &mut Conn, course: &Course) -> Result<(), Error> {
    diesel::insert_into(courses::table).values(course).execute(c)?;
    Ok(())
}

/// A patient of the clinic, with the clinic.
pub fn find_patient(c: &mut Conn, clinic: ClinicId, id: PatientId) -> Result<Option<(Patient, Clinic)>, Error> {
    Ok(patients::table
        .inner_join(clinics::table.on(clinics::id.eq(patients::clinic_id)))
        .filter(patients::clinic_id.eq(clinic).and(patients::id.eq(id)))
        .select((Patient::as_select(), Clinic::as_select()))
        .first(c)
        .optional()?)
}

/// A course of the clinic.
pub fn find(c: &mut Conn, clinic: ClinicId, id: CourseId) -> Result<Option<Course>, Error> {
    Ok(courses::table.find((clinic, id)).select(Course::as_select()).first(c).optional()?)
}

/// The same with its patient and the clinic.
pub fn find_whole(c: &mut Conn, clinic: ClinicId, id: CourseId) -> Result<Option<Rows>, Error> {
    Ok(courses::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(courses::clinic_id).and(patients::id.eq(courses::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(courses::clinic_id)))
        .filter(courses::clinic_id.eq(clinic).and(courses::id.eq(id)))
        .select((Course::as_select(), Patient::as_select(), Clinic::as_select()))
        .first(c)
        .optional()?)
}

/// The account's course of that id, in any clinic.
pub fn find_of_account(c: &mut Conn, account: AccountId, id: CourseId) -> Result<Option<Rows>, Error> {
    Ok(courses::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(courses::clinic_id).and(patients::id.eq(courses::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(courses::clinic_id)))
        .filter(patients::account_id.eq(account).and(courses::id.eq(id)))
        .select((Course::as_select(), Patient::as_select(), Clinic::as_select()))
        .first(c)
        .optional()?)
}

/// The clinic's courses, or those of one patient, newest first.
pub fn list(
    c: &mut Conn,
    clinic: ClinicId,
    patient: Option<PatientId>,
    page: &PageParams,
) -> Result<Vec<Course>, Error> {
    let mut rows = courses::table
        .filter(courses::clinic_id.eq(clinic))
        .order(courses::id.desc())
        .limit(page.fetch())
        .select(Course::as_select())
        .into_boxed();
    if let Some(patient) = patient {
        rows = rows.filter(courses::patient_id.eq(patient));
    }
    if let Some(after) = page.after::<CourseId>() {
        rows = rows.filter(courses::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The changed course, if the version is still the one that was read.
pub fn set(c: &mut Conn, course: &Course, version: i32) -> Result<bool, Error> {
    let changed =
        diesel::update(courses::table.find((course.clinic_id, course.id)).filter(courses::version.eq(version)))
            .set((
                courses::sessions.eq(course.sessions),
                courses::min_interval_days.eq(course.min_interval_days),
                courses::interval_days.eq(course.interval_days),
                courses::done.eq(course.done),
                courses::version.eq(course.version),
            ))
            .execute(c)?;
    Ok(changed == 1)
}

/// Nobody else changes the course before this transaction has ended.
pub fn lock(c: &mut Conn, clinic: ClinicId, id: CourseId) -> Result<(), Error> {
    crate::db::lock!(c, courses::table.find((clinic, id)).select(courses::id), CourseId);
    Ok(())
}

/// A treatment that was done again for another one becomes a session of a course; `false` if somebody else was first.
pub fn set_link(c: &mut Conn, link: &Link) -> Result<bool, Error> {
    let of = treatment_links::table.find((link.clinic_id, link.treatment_id));
    let changed = diesel::update(of.filter(treatment_links::course_id.is_null()))
        .set((
            treatment_links::course_id.eq(link.course_id),
            treatment_links::session.eq(link.session),
            treatment_links::replaces.eq(link.replaces),
            treatment_links::interval_overruled.eq(&link.interval_overruled),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// What a treatment belongs to; `false` if its session, or what it replaces, is taken: somebody else was first.
pub fn insert_link(c: &mut Conn, link: &Link) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, treatment_links::table, link) == 1)
}

/// What a treatment belongs to.
pub fn find_link(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId) -> Result<Option<Link>, Error> {
    Ok(treatment_links::table.find((clinic, treatment)).select(Link::as_select()).first(c).optional()?)
}

/// Whether a treatment was replaced by another.
pub fn is_replaced(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId) -> Result<bool, Error> {
    let by: Option<TreatmentId> = treatment_links::table
        .filter(treatment_links::clinic_id.eq(clinic).and(treatment_links::replaces.eq(treatment)))
        .select(treatment_links::treatment_id)
        .first(c)
        .optional()?;
    Ok(by.is_some())
}

/// What the treatments of a patient belong to.
pub fn list_links(c: &mut Conn, clinic: ClinicId, patient: PatientId) -> Result<Vec<Link>, Error> {
    Ok(treatments::table
        .inner_join(treatment_links::table.on(
            treatment_links::clinic_id.eq(treatments::clinic_id).and(treatment_links::treatment_id.eq(treatments::id)),
        ))
        .filter(treatments::clinic_id.eq(clinic).and(treatments::patient_id.eq(patient)))
        .select(Link::as_select())
        .load(c)?)
}

/// Whose treatment it is.
pub fn find_patient_of(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId) -> Result<Option<PatientId>, Error> {
    Ok(treatments::table.find((clinic, treatment)).select(treatments::patient_id).first(c).optional()?)
}

/// The treatments of a course, those that were replaced too, oldest first.
pub fn list_done(c: &mut Conn, clinic: ClinicId, course: CourseId) -> Result<Vec<Done>, Error> {
    type Row = (TreatmentId, Option<i32>, DateColumn, Option<TreatmentId>);
    let rows: Vec<Row> = treatment_links::table
        .inner_join(treatments::table.on(
            treatments::clinic_id.eq(treatment_links::clinic_id).and(treatments::id.eq(treatment_links::treatment_id)),
        ))
        .filter(treatment_links::clinic_id.eq(clinic).and(treatment_links::course_id.eq(course)))
        .order(treatments::id)
        .select((
            treatment_links::treatment_id,
            treatment_links::session,
            treatments::performed_on,
            treatment_links::replaces,
        ))
        .load(c)?;
    let done = |(treatment, session, on, replaces): Row| {
        session.map(|session| Done { treatment, session, on: on.0, replaces, voided: false })
    };
    Ok(rows.into_iter().filter_map(done).collect())
}

/// The plans of a course's sessions, those that were entered in error too, oldest first. They are few, and sorted here: asked to sort, or not
/// told the patient, SQLite would walk over a clinic's plans.
pub fn list_plans(c: &mut Conn, course: &Course) -> Result<Vec<Plan>, Error> {
    let mut rows: Vec<Plan> = plans::table
        .inner_join(treatment_links::table.on(
            treatment_links::clinic_id.eq(plans::clinic_id).and(treatment_links::treatment_id.eq(plans::treatment_id)),
        ))
        .filter(plans::clinic_id.eq(course.clinic_id).and(plans::patient_id.eq(course.patient_id)))
        .filter(treatment_links::course_id.eq(course.id))
        .select(Plan::as_select())
        .load(c)?;
    rows.sort_by_key(|plan| plan.id);
    Ok(rows)
}

/// The alerts of these plans that have not ended, oldest first; sorted here for the same reason.
pub fn list_open_alerts(c: &mut Conn, clinic: ClinicId, of: &[PlanId]) -> Result<Vec<AlertId>, Error> {
    let mut rows: Vec<AlertId> = alerts::table
        .filter(alerts::clinic_id.eq(clinic).and(alerts::plan_id.eq_any(of.to_vec())))
        .filter(alerts::status.ne(AlertStatus::Resolved))
        .select(alerts::id)
        .load(c)?;
    rows.sort();
    Ok(rows)
}
