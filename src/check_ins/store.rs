//! Check-ins: the rows.

use diesel::prelude::*;

use super::records::{Entry, RecordCheckIn};
use super::{CheckIn, Judgement};
use crate::db::direct;
use crate::db::schema::{check_in_judgements, check_ins, patients, record_check_ins};
use crate::error::Error;
use crate::http::PageParams;
use engine::Answers;
use ground::ids::{AccountId, CheckInId, ClinicId, PatientId, PlanId};
use ground::sql::Conn;
use ground::sql::Json;

/// A new check-in; `false` if the id is taken.
pub fn insert(c: &mut Conn, check_in: &CheckIn) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, check_ins::table, check_in) == 1)
}

/// The check-in of that id in the clinic.
pub fn find(c: &mut Conn, clinic: ClinicId, id: CheckInId) -> Result<Option<CheckIn>, Error> {
    Ok(direct!(c, |c| check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::id.eq(id)))
        .select(CheckIn::as_select())
        .first(c))
    .optional()?)
}

/// A new check-in of a record without a plan; `false` if the id is taken.
pub fn insert_of_record(c: &mut Conn, check_in: &RecordCheckIn) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, record_check_ins::table, check_in) == 1)
}

/// The check-in of that id of a record without a plan.
pub fn find_of_record(c: &mut Conn, clinic: ClinicId, id: CheckInId) -> Result<Option<RecordCheckIn>, Error> {
    Ok(direct!(c, |c| record_check_ins::table
        .filter(record_check_ins::clinic_id.eq(clinic).and(record_check_ins::id.eq(id)))
        .select(RecordCheckIn::as_select())
        .first(c))
    .optional()?)
}

/// The check-in of that id, with a plan or without.
pub fn find_entry(c: &mut Conn, clinic: ClinicId, id: CheckInId) -> Result<Option<Entry>, Error> {
    if let Some(of_plan) = find(c, clinic, id)? {
        return Ok(Some(of_plan.into()));
    }
    Ok(find_of_record(c, clinic, id)?.map(Entry::from))
}

/// The account's check-in of that id, in any clinic.
pub fn find_of_account(c: &mut Conn, account: AccountId, id: CheckInId) -> Result<Option<Entry>, Error> {
    let of_plan: Option<CheckIn> = patients::table
        .inner_join(
            check_ins::table
                .on(check_ins::clinic_id.eq(patients::clinic_id).and(check_ins::patient_id.eq(patients::id))),
        )
        .filter(patients::account_id.eq(account).and(check_ins::id.eq(id)))
        .select(CheckIn::as_select())
        .first(c)
        .optional()?;
    if let Some(of_plan) = of_plan {
        return Ok(Some(of_plan.into()));
    }
    let of_record: Option<RecordCheckIn> =
        patients::table
            .inner_join(record_check_ins::table.on(
                record_check_ins::clinic_id.eq(patients::clinic_id).and(record_check_ins::patient_id.eq(patients::id)),
            ))
            .filter(patients::account_id.eq(account).and(record_check_ins::id.eq(id)))
            .select(RecordCheckIn::as_select())
            .first(c)
            .optional()?;
    Ok(of_record.map(Entry::from))
}

/// The account's check-ins in every clinic, newest first.
pub fn list_of_account(c: &mut Conn, account: AccountId, page: &PageParams) -> Result<Vec<Entry>, Error> {
    let mut of_plans = patients::table
        .inner_join(
            check_ins::table
                .on(check_ins::clinic_id.eq(patients::clinic_id).and(check_ins::patient_id.eq(patients::id))),
        )
        .filter(patients::account_id.eq(account))
        .order(check_ins::entry_id.desc())
        .limit(page.fetch())
        .select(CheckIn::as_select())
        .into_boxed();
    let mut of_records =
        patients::table
            .inner_join(record_check_ins::table.on(
                record_check_ins::clinic_id.eq(patients::clinic_id).and(record_check_ins::patient_id.eq(patients::id)),
            ))
            .filter(patients::account_id.eq(account))
            .order(record_check_ins::entry_id.desc())
            .limit(page.fetch())
            .select(RecordCheckIn::as_select())
            .into_boxed();
    if let Some(after) = page.after::<CheckInId>() {
        of_plans = of_plans.filter(check_ins::entry_id.lt(after));
        of_records = of_records.filter(record_check_ins::entry_id.lt(after));
    }
    Ok(newest(of_plans.load(c)?, of_records.load(c)?, page))
}

/// A patient's check-ins, newest first.
pub fn list_of_patient(
    c: &mut Conn,
    clinic: ClinicId,
    patient: PatientId,
    page: &PageParams,
) -> Result<Vec<Entry>, Error> {
    let mut of_plans = check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::patient_id.eq(patient)))
        .order(check_ins::entry_id.desc())
        .limit(page.fetch())
        .select(CheckIn::as_select())
        .into_boxed();
    let mut of_record = record_check_ins::table
        .filter(record_check_ins::clinic_id.eq(clinic).and(record_check_ins::patient_id.eq(patient)))
        .order(record_check_ins::entry_id.desc())
        .limit(page.fetch())
        .select(RecordCheckIn::as_select())
        .into_boxed();
    if let Some(after) = page.after::<CheckInId>() {
        of_plans = of_plans.filter(check_ins::entry_id.lt(after));
        of_record = of_record.filter(record_check_ins::entry_id.lt(after));
    }
    Ok(newest(of_plans.load(c)?, of_record.load(c)?, page))
}

/// The newest of both, as many as were fetched of each: the entries' ids run with time in both tables.
fn newest(of_plans: Vec<CheckIn>, of_records: Vec<RecordCheckIn>, page: &PageParams) -> Vec<Entry> {
    let mut all: Vec<Entry> = of_plans.into_iter().map(Entry::from).collect();
    all.extend(of_records.into_iter().map(Entry::from));
    all.sort_by_key(|entry| std::cmp::Reverse(entry.entry_id));
    all.truncate(usize::try_from(page.fetch()).unwrap_or_default());
    all
}

/// What was answered before in a record without a plan, oldest first.
pub fn list_earlier_of_record(
    c: &mut Conn,
    clinic: ClinicId,
    patient: PatientId,
    most: usize,
) -> Result<Vec<Answers>, Error> {
    let rows: Vec<Json> = direct!(c, |c| record_check_ins::table
        .filter(record_check_ins::clinic_id.eq(clinic).and(record_check_ins::patient_id.eq(patient)))
        .order(record_check_ins::entry_id.desc())
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .select(record_check_ins::answers)
        .load(c))?;
    rows.into_iter().rev().map(|answers| Ok(Answers(answers.to()?))).collect()
}

/// What was answered before in the plan, oldest first: what trends are judged by. Before that check-in, if one is given.
pub fn list_earlier(
    c: &mut Conn,
    clinic: ClinicId,
    plan: PlanId,
    before: Option<CheckInId>,
    most: usize,
) -> Result<Vec<Answers>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let before = before.unwrap_or(CheckInId(uuid::Uuid::max()));
    let rows: Vec<(CheckInId, Json)> = direct!(c, |c| check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::plan_id.eq(plan)))
        .filter(check_ins::entry_id.lt(before))
        .order(check_ins::entry_id.desc())
        .limit(most)
        .select((check_ins::id, check_ins::answers))
        .load(c))?;
    let repaired = crate::plans::store::repaired(c, clinic, plan)?;
    let counts = |(id, answers): (CheckInId, Json)| Ok(Answers(repaired.get(&id).unwrap_or(&answers).to()?));
    rows.into_iter().rev().map(counts).collect()
}

/// A judgement; never changed.
pub fn insert_judgement(c: &mut Conn, judgement: &Judgement) -> Result<(), Error> {
    diesel::insert_into(check_in_judgements::table).values(judgement).execute(c)?;
    Ok(())
}

/// The judgements of a check-in after the first, oldest first.
pub fn list_judgements(c: &mut Conn, clinic: ClinicId, id: CheckInId) -> Result<Vec<Judgement>, Error> {
    Ok(check_in_judgements::table
        .filter(check_in_judgements::clinic_id.eq(clinic).and(check_in_judgements::check_in_id.eq(id)))
        .order(check_in_judgements::id)
        .select(Judgement::as_select())
        .load(c)?)
}

/// What a check-in is judged by, in four numbers: the versions of plan, patient and clinic, and the newest check-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    versions: (i32, i32, i32),
    newest: Option<CheckInId>,
}

/// That of the account's plan; `None` if it has no such plan.
pub fn seen(c: &mut Conn, account: AccountId, plan: PlanId) -> Result<Option<Seen>, Error> {
    use crate::db::schema::{clinics, plans};
    let found: Option<((i32, i32, i32), ClinicId)> = direct!(c, |c| plans::table
        .inner_join(
            patients::table.on(patients::clinic_id.eq(plans::clinic_id).and(patients::id.eq(plans::patient_id))),
        )
        .inner_join(clinics::table.on(clinics::id.eq(plans::clinic_id)))
        .filter(plans::id.eq(plan).and(patients::account_id.eq(account)))
        .select(((plans::revision, patients::version, clinics::version), plans::clinic_id))
        .first(c))
    .optional()?;
    let Some((versions, clinic)) = found else { return Ok(None) };
    let newest = direct!(c, |c| check_ins::table
        .filter(check_ins::clinic_id.eq(clinic).and(check_ins::plan_id.eq(plan)))
        .order(check_ins::entry_id.desc())
        .select(check_ins::entry_id)
        .first(c))
    .optional()?;
    Ok(Some(Seen { versions, newest }))
}
