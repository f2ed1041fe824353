//! Alerts and what happened to them: the rows.

use diesel::prelude::*;

use super::{Alert, AlertStatus};
use crate::auth::{MemberState, Role};
use crate::db::schema::{accounts, alerts, members};
use crate::error::Error;
use crate::http::PageParams;
use ground::ids::{AlertId, ClinicId, PatientId, PlanId};
use ground::sql::Conn;
use ground::time::Stamp;

/// A new alert; `false` if one of that cause is open: somebody else was first.
pub fn insert(c: &mut Conn, alert: &Alert) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, alerts::table, alert) == 1)
}

/// An alert of the clinic.
pub fn find(c: &mut Conn, clinic: ClinicId, id: AlertId) -> Result<Option<Alert>, Error> {
    Ok(alerts::table.find((clinic, id)).select(Alert::as_select()).first(c).optional()?)
}

/// The alert of a cause that has not ended, of those that `$whose` says, for this transaction alone: two check-ins at once are both counted.
macro_rules! find_open {
    ($c:expr, $clinic:expr, $cause:expr, $whose:expr) => {{
        let open = alerts::table
            .filter(alerts::clinic_id.eq($clinic).and($whose))
            .filter(alerts::cause.eq($cause).and(alerts::status.ne(AlertStatus::Resolved)))
            .limit(1)
            .select(alerts::id);
        let id: Option<AlertId> = crate::db::first_locked!($c, open).optional()?;
        id.map_or(Ok(None), |id| find($c, $clinic, id))
    }};
}

/// The plan's alert of that cause that has not ended.
pub fn find_open(c: &mut Conn, clinic: ClinicId, plan: PlanId, cause: &str) -> Result<Option<Alert>, Error> {
    find_open!(c, clinic, cause, alerts::plan_id.eq(plan))
}

/// The same of a record without a plan.
pub fn find_open_of_record(
    c: &mut Conn,
    clinic: ClinicId,
    patient: PatientId,
    cause: &str,
) -> Result<Option<Alert>, Error> {
    find_open!(c, clinic, cause, alerts::patient_id.eq(patient).and(alerts::plan_id.is_null()))
}

/// The alert that has not ended and that a new one would be the same as.
pub fn find_open_like(c: &mut Conn, new: &Alert) -> Result<Option<Alert>, Error> {
    match new.plan_id {
        Some(plan) => find_open(c, new.clinic_id, plan, &new.cause),
        None => find_open_of_record(c, new.clinic_id, new.patient_id, &new.cause),
    }
}

/// Whether there ever was an alert of that cause, ended or not.
pub fn was_ever(c: &mut Conn, clinic: ClinicId, plan: PlanId, cause: &str) -> Result<bool, Error> {
    let found: Option<AlertId> = alerts::table
        .filter(alerts::clinic_id.eq(clinic).and(alerts::plan_id.eq(plan)).and(alerts::cause.eq(cause)))
        .select(alerts::id)
        .first(c)
        .optional()?;
    Ok(found.is_some())
}

/// The clinic's alerts, the most pressing first, then the one that is due first; of one status, if one is asked for.
pub fn list(
    c: &mut Conn,
    clinic: ClinicId,
    status: Option<AlertStatus>,
    page: &PageParams,
) -> Result<Vec<Alert>, Error> {
    let mut rows = alerts::table
        .filter(alerts::clinic_id.eq(clinic))
        .order((alerts::pressing, alerts::due_at, alerts::id))
        .limit(page.fetch())
        .select(Alert::as_select())
        .into_boxed();
    if let Some(status) = status {
        rows = rows.filter(alerts::status.eq(status));
    }
    if let Some(after) = page.after::<AlertId>() {
        // Where that alert stands now: if it became more pressing meanwhile, some are listed twice, and none is left out.
        let last = alerts::table.find((clinic, after)).select((alerts::pressing, alerts::due_at));
        let Some((pressing, due_at)) = last.first::<(i32, Stamp)>(c).optional()? else { return Ok(Vec::new()) };
        let later = alerts::due_at.gt(due_at).or(alerts::due_at.eq(due_at).and(alerts::id.gt(after)));
        rows = rows.filter(alerts::pressing.gt(pressing).or(alerts::pressing.eq(pressing).and(later)));
    }
    Ok(rows.load(c)?)
}

/// The changed alert, if the version is still the one that was read.
pub fn set(c: &mut Conn, alert: &Alert, version: i32) -> Result<bool, Error> {
    let changed = diesel::update(alerts::table.find((alert.clinic_id, alert.id)).filter(alerts::version.eq(version)))
        .set((
            (
                alerts::check_in_id.eq(alert.check_in_id),
                alerts::record_check_in_id.eq(alert.record_check_in_id),
                alerts::day.eq(alert.day),
                alerts::reason.eq(&alert.reason),
                alerts::trace.eq(&alert.trace),
                alerts::times_seen.eq(alert.times_seen),
                alerts::last_seen_at.eq(alert.last_seen_at),
                alerts::urgency.eq(alert.urgency),
                alerts::status.eq(alert.status),
                alerts::due_at.eq(alert.due_at),
            ),
            (
                alerts::acknowledged_by.eq(alert.acknowledged_by),
                alerts::acknowledged_at.eq(alert.acknowledged_at),
                alerts::resolved_by.eq(alert.resolved_by),
                alerts::resolved_at.eq(alert.resolved_at),
                alerts::resolution.eq(alert.resolution),
                alerts::note.eq(&alert.note),
                alerts::version.eq(alert.version),
            ),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// Something about a plan's alerts reads otherwise now: their tags change.
pub fn touch_of_plan(c: &mut Conn, clinic: ClinicId, plan: PlanId) -> Result<(), Error> {
    diesel::update(alerts::table.filter(alerts::clinic_id.eq(clinic).and(alerts::plan_id.eq(plan))))
        .set(alerts::version.eq(alerts::version + 1))
        .execute(c)?;
    Ok(())
}

/// Where the clinic's owners and clinicians get mail, and in which language.
pub fn list_clinical_addresses(c: &mut Conn, clinic: ClinicId) -> Result<Vec<(String, String)>, Error> {
    Ok(members::table
        .inner_join(accounts::table.on(accounts::id.eq(members::account_id)))
        .filter(members::clinic_id.eq(clinic).and(members::state.eq(MemberState::Confirmed)))
        .filter(members::role.eq_any(vec![Role::Owner, Role::Clinician]))
        .order(members::id)
        .select((accounts::email, accounts::locale))
        .load(c)?)
}
