//! How full the outbox is.

use diesel::prelude::*;

use super::outbox::MailState;
use super::templates::Kind;
use crate::db::schema::outbox;
use crate::error::Error;
use ground::sql::Conn;
use ground::time::Stamp;

/// The mails of one kind that are not settled.
#[derive(Debug)]
pub struct QueueLength {
    /// The word of the kind.
    pub kind: &'static str,
    /// Those that wait for their time, their turn or the relay; what a restore holds is not among them.
    pub mails: i64,
    /// Seconds for which the oldest of them has been due; zero if none is due.
    pub oldest_due_for: i64,
}

/// One length for every kind, also for an empty queue.
pub fn lengths(c: &mut Conn, now: Stamp) -> Result<Vec<QueueLength>, Error> {
    Kind::ALL.into_iter().map(|kind| length(c, kind, now)).collect()
}

fn length(c: &mut Conn, kind: Kind, now: Stamp) -> Result<QueueLength, Error> {
    let open = [MailState::Pending, MailState::Leased, MailState::Sending, MailState::Retry];
    let waiting = || {
        let of_kind = outbox::table.filter(outbox::kind.eq(kind.word())).filter(outbox::held_at.is_null());
        of_kind.filter(outbox::state.eq_any(open))
    };
    let mails = waiting().count().get_result(c)?;
    let oldest = waiting().order(outbox::available_at).select(outbox::available_at).first::<Stamp>(c).optional()?;
    let oldest_due_for = oldest.map_or(0, |since| now.seconds_since(since).max(0));
    Ok(QueueLength { kind: kind.word(), mails, oldest_due_for })
}
