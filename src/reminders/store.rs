//! Reminders: the rows.

use diesel::prelude::*;

use super::{Decision, Reason, Reminder};
use crate::db::schema::{reminders, restores};
use crate::error::Error;
use crate::http::PageParams;
use ground::ids::{ClinicId, MailId, OccurrenceId, PlanId, ReminderId};
use ground::sql::Conn;
use ground::time::Stamp;

/// Whether something was decided about the occurrence in this step.
pub fn is_decided(c: &mut Conn, clinic: ClinicId, occurrence: OccurrenceId, step: i32) -> Result<bool, Error> {
    let decided: i64 = reminders::table
        .filter(reminders::clinic_id.eq(clinic).and(reminders::occurrence_id.eq(occurrence)))
        .filter(reminders::step.eq(step))
        .count()
        .get_result(c)?;
    Ok(decided > 0)
}

/// When the database was last restored from a backup, if ever.
pub fn restored_at(c: &mut Conn) -> Result<Option<Stamp>, Error> {
    Ok(restores::table.order(restores::at.desc()).select(restores::at).first(c).optional()?)
}

/// A decision, once an occurrence.
pub fn insert(c: &mut Conn, reminder: &Reminder) -> Result<(), Error> {
    crate::db::insert_once!(c, reminders::table, reminder);
    Ok(())
}

/// A reminder of the clinic.
pub fn find(c: &mut Conn, clinic: ClinicId, id: ReminderId) -> Result<Option<Reminder>, Error> {
    Ok(reminders::table.find((clinic, id)).select(Reminder::as_select()).first(c).optional()?)
}

/// The decisions of a plan, newest first.
pub fn list_of_plan(c: &mut Conn, clinic: ClinicId, plan: PlanId, page: &PageParams) -> Result<Vec<Reminder>, Error> {
    let mut rows = reminders::table
        .filter(reminders::clinic_id.eq(clinic).and(reminders::plan_id.eq(plan)))
        .order(reminders::id.desc())
        .limit(page.fetch())
        .select(Reminder::as_select())
        .into_boxed();
    if let Some(after) = page.after::<ReminderId>() {
        rows = rows.filter(reminders::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// What a mail tells of.
pub fn list_of_mail(c: &mut Conn, clinic: ClinicId, mail: MailId) -> Result<Vec<Reminder>, Error> {
    Ok(reminders::table
        .filter(reminders::outbox_id.eq(mail).and(reminders::clinic_id.eq(clinic)))
        .select(Reminder::as_select())
        .load(c)?)
}

/// Decided against at the last moment.
pub fn set_not_mailed(c: &mut Conn, clinic: ClinicId, mail: MailId, reason: Reason, at: Stamp) -> Result<(), Error> {
    diesel::update(reminders::table.filter(reminders::outbox_id.eq(mail).and(reminders::clinic_id.eq(clinic))))
        .set((reminders::decision.eq(Decision::NotMailed), reminders::reason.eq(reason), reminders::decided_at.eq(at)))
        .execute(c)?;
    Ok(())
}

/// The mails are to be forgotten: what was decided stays, the fate of its mail goes.
pub fn forget_mails(c: &mut Conn, mails: &[MailId]) -> Result<(), Error> {
    diesel::update(reminders::table.filter(reminders::outbox_id.eq_any(mails)))
        .set(reminders::outbox_id.eq(None::<MailId>))
        .execute(c)?;
    Ok(())
}

/// Forgets what was decided before then, at most so many; gives how many.
pub fn forget_before(c: &mut Conn, before: Stamp, most: i64) -> Result<usize, Error> {
    let old: Vec<(ClinicId, ReminderId)> = reminders::table
        .filter(reminders::decided_at.lt(before))
        .select((reminders::clinic_id, reminders::id))
        .limit(most)
        .load(c)?;
    for (clinic, id) in &old {
        diesel::delete(reminders::table.find((clinic, id))).execute(c)?;
    }
    Ok(old.len())
}
