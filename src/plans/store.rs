//! Plans, marks, and the facts of their days: the rows.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::revisions::Revision;
use super::{Plan, PlanFile};
use crate::clinics::Clinic;
use crate::db::direct;
use crate::db::schema::{
    check_in_judgements, check_ins, clinics, kept_marks, marks, patients, plan_revisions, plans, protocol_versions,
    treatments,
};
use crate::error::Error;
use crate::http::PageParams;
use crate::patients::Patient;
use engine::{Answers, CheckInFact, MarkFact, MarkState, PlanStatus};
use ground::ids::{AccountId, CheckInId, ClinicId, MarkId, OccurrenceId, PatientId, PlanId, TreatmentId};
use ground::sql::{Conn, MultiBackend};
use ground::sql::{DateColumn, Json};
use ground::time::Stamp;

/// A new plan; `false` if the treatment has one of this protocol version already.
pub fn insert(c: &mut Conn, plan: &Plan) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, plans::table, plan) == 1)
}

/// Whether a treatment has a plan of a protocol, of whatever version, that was not entered in error.
pub fn has_plan_of(c: &mut Conn, clinic: ClinicId, treatment: TreatmentId, key: &str) -> Result<bool, Error> {
    let found: Option<PlanId> = plans::table
        .inner_join(
            protocol_versions::table
                .on(protocol_versions::clinic_id.eq(plans::clinic_id).and(protocol_versions::id.eq(plans::version_id))),
        )
        .filter(plans::clinic_id.eq(clinic).and(plans::treatment_id.eq(treatment)))
        .filter(protocol_versions::key.eq(key).and(plans::status.ne(PlanStatus::EnteredInError)))
        .select(plans::id)
        .first(c)
        .optional()?;
    Ok(found.is_some())
}

type Rows = (Plan, Patient, Clinic);

/// The account's plans in every clinic that run or wait for a person, oldest first.
pub fn list_shown_of_account(c: &mut Conn, account: AccountId) -> Result<Vec<Rows>, Error> {
    let records = list_records_of_account(c, account)?;
    Ok(records.into_iter().filter_map(|(plan, patient, clinic)| Some((plan?, patient, clinic))).collect())
}

/// A record of the account: with its plan that runs or waits, one row for each; without one, once.
pub type Record = (Option<Plan>, Patient, Clinic);

/// The account's records in every clinic, with the plans that run or wait for a person, oldest first. They are few, and sorted here: asked
/// to sort, SQLite would walk over a clinic's plans in order of id.
pub fn list_records_of_account(c: &mut Conn, account: AccountId) -> Result<Vec<Record>, Error> {
    let is_shown = plans::status.eq(PlanStatus::Active).or(plans::status.eq(PlanStatus::Draft));
    let of_record = plans::clinic_id.eq(patients::clinic_id).and(plans::patient_id.eq(patients::id));
    let mut rows: Vec<Record> = direct!(c, |c| patients::table
        .inner_join(clinics::table.on(clinics::id.eq(patients::clinic_id)))
        .left_join(plans::table.on(of_record.and(is_shown)))
        .filter(patients::account_id.eq(account))
        .select((Option::<Plan>::as_select(), Patient::as_select(), Clinic::as_select()))
        .load(c))?;
    rows.sort_by_key(|(plan, patient, _)| (plan.as_ref().map(|plan| plan.id), patient.id));
    Ok(rows)
}

/// The newest plan of a record; none if it never had one that was right: one that was entered in error was somebody else's.
pub fn find_last_of_patient(c: &mut Conn, clinic: ClinicId, patient: PatientId) -> Result<Option<Plan>, Error> {
    Ok(plans::table
        .filter(plans::clinic_id.eq(clinic).and(plans::patient_id.eq(patient)))
        .filter(plans::status.ne(PlanStatus::EnteredInError))
        .order(plans::id.desc())
        .select(Plan::as_select())
        .first(c)
        .optional()?)
}

/// All of the account's plans in every clinic, also those that were entered in error, oldest first.
pub fn list_ever_of_account(c: &mut Conn, account: AccountId) -> Result<Vec<Rows>, Error> {
    let mut rows: Vec<Rows> = patients::table
        .inner_join(plans::table.on(plans::clinic_id.eq(patients::clinic_id).and(plans::patient_id.eq(patients::id))))
        .inner_join(clinics::table.on(clinics::id.eq(patients::clinic_id)))
        .filter(patients::account_id.eq(account))
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .load(c)?;
    rows.sort_by_key(|(plan, ..)| plan.id);
    Ok(rows)
}

/// What was treated, for each of the account's plans.
pub fn list_areas_of_account(c: &mut Conn, account: AccountId) -> Result<Vec<(PlanId, String)>, Error> {
    Ok(direct!(c, |c| patients::table
        .inner_join(plans::table.on(plans::clinic_id.eq(patients::clinic_id).and(plans::patient_id.eq(patients::id))))
        .inner_join(
            treatments::table
                .on(treatments::clinic_id.eq(plans::clinic_id).and(treatments::id.eq(plans::treatment_id)))
        )
        .filter(patients::account_id.eq(account))
        .select((plans::id, treatments::body_area))
        .load(c))?)
}

/// The account's plans in every clinic, newest first.
pub fn list_of_account(c: &mut Conn, account: AccountId, page: &PageParams) -> Result<Vec<Rows>, Error> {
    let mut rows = patients::table
        .inner_join(plans::table.on(plans::clinic_id.eq(patients::clinic_id).and(plans::patient_id.eq(patients::id))))
        .inner_join(clinics::table.on(clinics::id.eq(patients::clinic_id)))
        .filter(patients::account_id.eq(account).and(plans::status.ne(PlanStatus::EnteredInError)))
        .order(plans::id.desc())
        .limit(page.fetch())
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .into_boxed();
    if let Some(after) = page.after::<PlanId>() {
        rows = rows.filter(plans::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The account's plan of that id.
pub fn find_of_account(c: &mut Conn, account: AccountId, id: PlanId) -> Result<Option<Rows>, Error> {
    let rows = find_ever_of_account(c, account, id)?;
    Ok(rows.filter(|(plan, ..)| plan.status != PlanStatus::EnteredInError))
}

/// The same, also one that was entered in error.
pub fn find_ever_of_account(c: &mut Conn, account: AccountId, id: PlanId) -> Result<Option<Rows>, Error> {
    Ok(direct!(c, |c| patients::table
        .inner_join(plans::table.on(plans::clinic_id.eq(patients::clinic_id).and(plans::patient_id.eq(patients::id))))
        .inner_join(clinics::table.on(clinics::id.eq(patients::clinic_id)))
        .filter(patients::account_id.eq(account).and(plans::id.eq(id)))
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .first(c))
    .optional()?)
}

/// The clinic's plan of that id.
pub fn find_of_clinic(c: &mut Conn, clinic: ClinicId, id: PlanId) -> Result<Option<Rows>, Error> {
    Ok(plans::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(plans::clinic_id).and(patients::id.eq(plans::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(plans::clinic_id)))
        .filter(plans::clinic_id.eq(clinic).and(plans::id.eq(id)))
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .first(c)
        .optional()?)
}

/// The status of the clinic's plan of that id, as it was written: pauses and ends come on top.
pub fn find_status(c: &mut Conn, clinic: ClinicId, id: PlanId) -> Result<Option<PlanStatus>, Error> {
    Ok(plans::table.find((clinic, id)).select(plans::status).first(c).optional()?)
}

/// What was done, of the clinic's plan of that id.
pub fn find_treatment_of(c: &mut Conn, clinic: ClinicId, id: PlanId) -> Result<Option<TreatmentId>, Error> {
    Ok(plans::table.find((clinic, id)).select(plans::treatment_id).first(c).optional()?)
}

/// The clinic's plans, or those of one patient, newest first.
pub fn list_of_clinic(
    c: &mut Conn,
    clinic: ClinicId,
    patient: Option<PatientId>,
    page: &PageParams,
) -> Result<Vec<Rows>, Error> {
    let mut rows = plans::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(plans::clinic_id).and(patients::id.eq(plans::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(plans::clinic_id)))
        .filter(plans::clinic_id.eq(clinic))
        .order(plans::id.desc())
        .limit(page.fetch())
        .select((Plan::as_select(), Patient::as_select(), Clinic::as_select()))
        .into_boxed();
    if let Some(patient) = patient {
        rows = rows.filter(plans::patient_id.eq(patient));
    }
    if let Some(after) = page.after::<PlanId>() {
        rows = rows.filter(plans::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The plan as it is now, if the revision is still the one that was read. Only `revisions::save` calls it.
pub(super) fn update(c: &mut Conn, plan: &Plan, revision: i32) -> Result<bool, Error> {
    let changed = direct!(c, |c| diesel::update(
        plans::table.find((plan.clinic_id, plan.id)).filter(plans::revision.eq(revision))
    )
    .set((
        plans::status.eq(plan.status),
        plans::version_id.eq(plan.version_id),
        plans::earlier_versions.eq(&plan.earlier_versions),
        plans::day_zero.eq(plan.day_zero),
        plans::performed_at.eq(plan.performed_at),
        plans::parameters.eq(&plan.parameters),
        plans::overruled.eq(&plan.overruled),
        plans::started_at.eq(plan.started_at),
        plans::declined.eq(&plan.declined),
        plans::stops.eq(&plan.stops),
        plans::overrides.eq(&plan.overrides),
        plans::first_day_zero.eq(plan.first_day_zero),
        plans::course.eq(&plan.course),
        plans::next_due_at.eq(plan.next_due_at),
        plans::revision.eq(plan.revision),
    ))
    .execute(c))?;
    Ok(changed == 1)
}

/// A revision; never changed.
pub(super) fn insert_revision(c: &mut Conn, revision: &Revision) -> Result<(), Error> {
    direct!(c, |c| diesel::insert_into(plan_revisions::table).values(revision).execute(c))?;
    Ok(())
}

/// The planner looks at the patient's active plans with its next turn.
pub fn wake_all(c: &mut Conn, clinic: ClinicId, patient: PatientId, at: Stamp) -> Result<(), Error> {
    diesel::update(
        plans::table
            .filter(plans::clinic_id.eq(clinic).and(plans::patient_id.eq(patient)))
            .filter(plans::status.eq(PlanStatus::Active)),
    )
    .set(plans::next_due_at.eq(at))
    .execute(c)?;
    Ok(())
}

/// Plans whose moment has come, the earliest first.
pub fn list_due(c: &mut Conn, at: Stamp, most: i64) -> Result<Vec<(ClinicId, PlanId)>, Error> {
    Ok(plans::table
        .filter(plans::next_due_at.le(at))
        .order(plans::next_due_at)
        .limit(most)
        .select((plans::clinic_id, plans::id))
        .load(c)?)
}

/// Takes one for this transaction; `false` if another worker has it, or it is due no more.
pub fn lock_due(c: &mut Conn, clinic: ClinicId, id: PlanId, at: Stamp) -> Result<bool, Error> {
    let due = plans::table.find((clinic, id)).filter(plans::next_due_at.le(at)).select(plans::id);
    let found: Option<PlanId> = crate::db::first_unlocked!(c, due).optional()?;
    Ok(found.is_some())
}

/// It could not be planned: the planner comes back then.
pub fn put_off(c: &mut Conn, clinic: ClinicId, id: PlanId, until: Stamp) -> Result<(), Error> {
    diesel::update(plans::table.find((clinic, id))).set(plans::next_due_at.eq(until)).execute(c)?;
    Ok(())
}

/// Reminders were decided up to `planned_to`; the planner comes back at `next_due_at`.
pub fn set_planned(c: &mut Conn, plan: &Plan, planned_to: Stamp, next_due_at: Option<Stamp>) -> Result<(), Error> {
    diesel::update(plans::table.find((plan.clinic_id, plan.id)))
        .set((plans::planned_to.eq(planned_to), plans::next_due_at.eq(next_due_at)))
        .execute(c)?;
    Ok(())
}

/// The marks that count now, of these days: the newest of each occurrence, unless it was withdrawn. The newest is the one that was noted
/// last, however late it came.
pub fn list_marks(c: &mut Conn, clinic: ClinicId, plan: PlanId, from: i32, to: i32) -> Result<Vec<MarkFact>, Error> {
    let mut rows: Vec<(Stamp, MarkId, OccurrenceId, String)> = direct!(c, |c| marks::table
        .filter(marks::clinic_id.eq(clinic).and(marks::plan_id.eq(plan)))
        .filter(marks::day.between(from, to))
        .select((marks::noted_at, marks::id, marks::occurrence_id, marks::state))
        .load(c))?;
    rows.sort_unstable_by_key(|(noted_at, id, ..)| (*noted_at, *id));
    Ok(newest(rows.into_iter().map(|(_, _, occurrence, state)| (occurrence, state))))
}

/// Of several marks on one occurrence the last counts; one that was withdrawn does not.
fn newest(rows: impl Iterator<Item = (OccurrenceId, String)>) -> Vec<MarkFact> {
    let mut newest: Vec<(OccurrenceId, Option<MarkState>)> = Vec::with_capacity(rows.size_hint().0);
    for (occurrence, word) in rows {
        newest.retain(|(other, _)| *other != occurrence);
        newest.push((occurrence, word.parse().ok()));
    }
    newest.into_iter().filter_map(|(occurrence, state)| state.map(|state| MarkFact { occurrence, state })).collect()
}

/// A mark to be written. The one before stays, and counts no more.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = marks, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct NewMark {
    pub clinic_id: ClinicId,
    pub plan_id: PlanId,
    pub day: i32,
    pub id: MarkId,
    /// Of which occurrence.
    pub occurrence_id: OccurrenceId,
    /// Of which item.
    pub item_key: String,
    /// In which slot.
    pub slot_key: String,
    /// `done`, `partial`, `skipped` or `withdrawn`.
    pub state: String,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// When the patient noted it.
    pub noted_at: Stamp,
    /// When it reached us.
    pub received_at: Stamp,
    pub made_by: AccountId,
    /// The date that the day was counted from; none: the plan's first.
    pub counted_from: Option<DateColumn>,
    /// What the phone said of the time, if ours was taken instead.
    pub claimed_at: Option<String>,
}

/// Writes a mark.
pub fn insert_mark(c: &mut Conn, mark: &NewMark) -> Result<(), Error> {
    diesel::insert_into(marks::table).values(mark).execute(c)?;
    Ok(())
}

/// The marks on an occurrence, as they were written; the newest, which is the one that was noted last, comes last.
pub fn list_marks_on(
    c: &mut Conn,
    clinic: ClinicId,
    plan: PlanId,
    occurrence: OccurrenceId,
) -> Result<Vec<NewMark>, Error> {
    let of_plan = marks::clinic_id.eq(clinic).and(marks::plan_id.eq(plan));
    let mut rows: Vec<NewMark> =
        marks::table.filter(of_plan.and(marks::occurrence_id.eq(occurrence))).select(NewMark::as_select()).load(c)?;
    rows.sort_unstable_by_key(|mark| (mark.noted_at, mark.id));
    Ok(rows)
}

/// The newest mark on an occurrence, as it was written.
pub fn find_mark(
    c: &mut Conn,
    clinic: ClinicId,
    plan: PlanId,
    occurrence: OccurrenceId,
) -> Result<Option<NewMark>, Error> {
    Ok(list_marks_on(c, clinic, plan, occurrence)?.pop())
}

/// How many marks of a plan are kept and do not count.
pub fn count_kept_marks(c: &mut Conn, clinic: ClinicId, plan: PlanId) -> Result<u32, Error> {
    let of_plan = kept_marks::clinic_id.eq(clinic).and(kept_marks::plan_id.eq(plan));
    let count: i64 = kept_marks::table.filter(of_plan).count().get_result(c)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A mark that does not count, and why. It is kept all the same.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = kept_marks, treat_none_as_default_value = false)]
pub struct UncountedMark {
    pub clinic_id: ClinicId,
    pub plan_id: PlanId,
    pub id: MarkId,
    pub day: i32,
    /// Of which occurrence.
    pub occurrence_id: OccurrenceId,
    /// Of which item.
    pub item_key: String,
    /// In which slot.
    pub slot_key: String,
    /// `done`, `partial`, `skipped` or `withdrawn`.
    pub state: String,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// Stable word: why it does not count.
    pub why: String,
    /// When the patient noted it.
    pub noted_at: Stamp,
    /// What the phone said of the time, if ours was taken instead.
    pub claimed_at: Option<String>,
    /// When it reached us.
    pub received_at: Stamp,
    pub made_by: AccountId,
}

/// Keeps a mark that does not count, once: one that was sent again is there already.
pub fn keep_mark(c: &mut Conn, mark: &UncountedMark) -> Result<(), Error> {
    let same: Option<MarkId> = kept_marks::table
        .filter(kept_marks::clinic_id.eq(mark.clinic_id).and(kept_marks::plan_id.eq(mark.plan_id)))
        .filter(kept_marks::occurrence_id.eq(mark.occurrence_id).and(kept_marks::state.eq(&mark.state)))
        .filter(kept_marks::noted_at.eq(mark.noted_at))
        .select(kept_marks::id)
        .first(c)
        .optional()?;
    if same.is_none() {
        diesel::insert_into(kept_marks::table).values(mark).execute(c)?;
    }
    Ok(())
}

/// The check-ins of a plan whose treatment's date was corrected: what was recorded stays with its date, so its day is another one.
pub fn list_recounted(c: &mut Conn, plan_file: &PlanFile) -> Result<Vec<CheckInFact>, Error> {
    let plan = &plan_file.plan;
    type Answered = (CheckInId, Option<OccurrenceId>, i32, Option<DateColumn>, Stamp, Json);
    let rows: Vec<Answered> = direct!(c, |c| check_ins::table
        .filter(check_ins::clinic_id.eq(plan.clinic_id).and(check_ins::plan_id.eq(plan.id)))
        .order(check_ins::entry_id)
        .select((
            check_ins::id,
            check_ins::occurrence_id,
            check_ins::day,
            check_ins::counted_from,
            check_ins::answered_at,
            check_ins::answers,
        ))
        .load(c))?;
    let repaired = repaired(c, plan.clinic_id, plan.id)?;
    let fact = |(id, occurrence, day, counted_from, answered_at, answers): Answered| {
        let day = plan_file.day_now(day, counted_from);
        let answers = repaired.get(&id).unwrap_or(&answers);
        Ok(CheckInFact { occurrence, day, answered_at, answers: Answers(answers.to()?) })
    };
    rows.into_iter().map(fact).collect()
}

/// The check-ins from this day on, oldest first, without their answers: nothing is in force that depends on these.
pub fn list_answered(c: &mut Conn, clinic: ClinicId, plan: PlanId, from_day: i32) -> Result<Vec<CheckInFact>, Error> {
    let rows: Vec<(Option<OccurrenceId>, i32, Stamp)> = direct!(c, |c| check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::plan_id.eq(plan)))
        .filter(check_ins::day.ge(from_day))
        .order(check_ins::entry_id)
        .select((check_ins::occurrence_id, check_ins::day, check_ins::answered_at))
        .load(c))?;
    let fact =
        |(occurrence, day, answered_at)| CheckInFact { occurrence, day, answered_at, answers: Answers::default() };
    Ok(rows.into_iter().map(fact).collect())
}

/// The check-ins from this day on, oldest first.
pub fn list_check_ins(c: &mut Conn, clinic: ClinicId, plan: PlanId, from_day: i32) -> Result<Vec<CheckInFact>, Error> {
    type Answered = (CheckInId, Option<OccurrenceId>, i32, Stamp, Json);
    let rows: Vec<Answered> = direct!(c, |c| check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::plan_id.eq(plan)))
        .filter(check_ins::day.ge(from_day))
        .order(check_ins::entry_id)
        .select((check_ins::id, check_ins::occurrence_id, check_ins::day, check_ins::answered_at, check_ins::answers,))
        .load(c))?;
    let repaired = repaired(c, clinic, plan)?;
    let fact = |(id, occurrence, day, answered_at, answers): Answered| {
        let answers = repaired.get(&id).unwrap_or(&answers);
        Ok(CheckInFact { occurrence, day, answered_at, answers: Answers(answers.to()?) })
    };
    rows.into_iter().map(fact).collect()
}

/// The scheduled check-ins of the plan whose answers all came after their windows had closed.
pub fn list_back_filled(c: &mut Conn, clinic: ClinicId, plan: PlanId) -> Result<Vec<OccurrenceId>, Error> {
    let rows: Vec<(Option<OccurrenceId>, bool)> = check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::plan_id.eq(plan)))
        .select((check_ins::occurrence_id, check_ins::back_filled))
        .load(c)?;
    let in_time: Vec<OccurrenceId> = rows.iter().filter(|(_, late)| !late).filter_map(|(id, _)| *id).collect();
    Ok(rows.into_iter().filter_map(|(id, _)| id).filter(|id| !in_time.contains(id)).collect())
}

/// The revisions of some plans, oldest first.
pub fn list_revisions_of(c: &mut Conn, clinic: ClinicId, plans: &[PlanId]) -> Result<Vec<Revision>, Error> {
    Ok(plan_revisions::table
        .filter(plan_revisions::clinic_id.eq(clinic).and(plan_revisions::plan_id.eq_any(plans.to_vec())))
        .order((plan_revisions::plan_id, plan_revisions::revision))
        .select(Revision::as_select())
        .load(c)?)
}

/// Every revision of a plan, oldest first.
pub fn list_revisions(c: &mut Conn, clinic: ClinicId, plan: PlanId) -> Result<Vec<Revision>, Error> {
    Ok(plan_revisions::table
        .filter(plan_revisions::clinic_id.eq(clinic).and(plan_revisions::plan_id.eq(plan)))
        .order(plan_revisions::revision)
        .select(Revision::as_select())
        .load(c)?)
}

/// The answers of the plan's check-ins that were judged again, as they were understood last.
pub fn repaired(c: &mut Conn, clinic: ClinicId, plan: PlanId) -> Result<BTreeMap<CheckInId, Json>, Error> {
    let rows: Vec<(CheckInId, Json)> = direct!(c, |c| check_in_judgements::table
        .filter(check_in_judgements::clinic_id.eq(clinic).and(check_in_judgements::plan_id.eq(plan)))
        .order(check_in_judgements::id)
        .select((check_in_judgements::check_in_id, check_in_judgements::answers))
        .load(c))?;
    Ok(rows.into_iter().collect())
}
