//! `aftercare restore`: a backup in the place of the database, with a guard that lets no mail from before the restore go out again.

use std::path::Path;

use diesel::Connection as _;
use diesel::RunQueryDsl as _;

use crate::db::backup::{self, Restored, Restoring, Tell};
use crate::db::schema::{outbox, plans, restores};
use crate::error::Error;
use crate::mail::outbox::MailState;
use ground::ids::RestoreId;
use ground::sql::Conn;
use ground::time::Moment;

/// Restores behind the guard.
pub fn restore(url: &str, from: &Path, replace: bool, m: &Moment, tell: Tell<'_>) -> Result<Restored, Error> {
    backup::restore(&Restoring { url, from, replace, guard }, m, tell)
}

/// Lets nothing from before this moment go out: mails that wait are held, and reminders that were due are not planned again. It was
/// all sent in the time that the backup does not know, or it is too late for it.
pub fn guard(conn: &mut Conn, m: &Moment) -> Result<usize, Error> {
    use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};
    conn.transaction(|c| {
        let waiting = vec![MailState::Pending, MailState::Leased, MailState::Sending, MailState::Retry];
        let held = diesel::update(outbox::table.filter(outbox::state.eq_any(waiting).and(outbox::held_at.is_null())))
            .set((outbox::held_at.eq(m.at), outbox::outcome.eq("held: the database was restored from a backup")))
            .execute(c)?;
        diesel::update(plans::table.filter(plans::planned_to.lt(m.at))).set(plans::planned_to.eq(m.at)).execute(c)?;
        diesel::insert_into(restores::table)
            .values((restores::id.eq(m.id::<RestoreId>()), restores::at.eq(m.at)))
            .execute(c)?;
        Ok(held)
    })
}
