//! Who did what, when: one line a deed, written in the deed's own transaction, never changed.

use diesel::prelude::*;

use crate::db::schema::audit_events;
use crate::error::Error;
use ground::ids::{AccountId, AuditId, ClinicId};
use ground::sql::{Conn, MultiBackend};
use ground::time::{Moment, Stamp};

/// One line.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditId,
    /// The clinic that it concerns, if one.
    pub clinic_id: Option<ClinicId>,
    /// When.
    pub at: Stamp,
    /// Who; `None` for the server itself.
    pub actor_id: Option<AccountId>,
    /// What was done, as a word.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which.
    pub object_id: Option<AuditId>,
    /// Why, where a person had to say it.
    pub note: Option<String>,
}

/// What was done to what, as words, and the id of the latter.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// What was done.
    pub action: &'a str,
    /// To what kind of thing.
    pub object_kind: &'a str,
    /// To which.
    pub object: uuid::Uuid,
}

/// The same with the reason that a person gave.
pub fn note_why(
    c: &mut Conn,
    by: (Option<ClinicId>, Option<AccountId>),
    deed: Deed<'_>,
    why: &str,
    m: &Moment,
) -> Result<(), Error> {
    note_perhaps_why(c, by, deed, Some(why), m)
}

/// The same where a reason need not be given.
pub fn note_perhaps_why(
    c: &mut Conn,
    by: (Option<ClinicId>, Option<AccountId>),
    deed: Deed<'_>,
    why: Option<&str>,
    m: &Moment,
) -> Result<(), Error> {
    write(c, by, (deed.action, deed.object_kind, Some(deed.object)), why, m)
}

/// Writes a line. It holds ids and words only, never what a patient said.
pub fn note(
    c: &mut Conn,
    clinic: Option<ClinicId>,
    actor: Option<AccountId>,
    action: &str,
    object_kind: &str,
    object: Option<uuid::Uuid>,
    m: &Moment,
) -> Result<(), Error> {
    write(c, (clinic, actor), (action, object_kind, object), None, m)
}

fn write(
    c: &mut Conn,
    (clinic, actor): (Option<ClinicId>, Option<AccountId>),
    (action, object_kind, object): (&str, &str, Option<uuid::Uuid>),
    why: Option<&str>,
    m: &Moment,
) -> Result<(), Error> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(m.id::<AuditId>()),
            audit_events::clinic_id.eq(clinic),
            audit_events::at.eq(m.at),
            audit_events::actor_id.eq(actor),
            audit_events::action.eq(action),
            audit_events::object_kind.eq(object_kind),
            audit_events::object_id.eq(object.map(AuditId)),
            audit_events::note.eq(why),
        ))
        .execute(c)?;
    Ok(())
}

/// When the newest line was written. Its id begins with that time, so that no other index is needed.
pub fn newest(c: &mut Conn) -> Result<Option<Stamp>, Error> {
    Ok(audit_events::table.order(audit_events::id.desc()).select(audit_events::at).first(c).optional()?)
}
