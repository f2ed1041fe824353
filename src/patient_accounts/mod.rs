//! The account that a patient signs in with, as far as their clinic may help with it. An account that is used elsewhere too is its holder's
//! own: the clinic can take it off its record (`unlink`), and the operator can do the rest.

use crate::address_changes::{self, MoveAsked};
use crate::audit::{self, Deed};
use crate::auth::{self, Account, Staff};
use crate::error::Error;
use crate::http::text::{Email, Note};
use crate::mail::outbox::Post;
use crate::patients::{Patient, store};
use ground::ids::PatientId;
use ground::sql::Conn;
use ground::time::{Moment, Stamp};

/// A record with its account.
pub struct Held {
    /// The record.
    pub patient: Patient,
    /// Its account.
    pub account: Account,
    /// The sessions that are open now.
    pub open_sessions: usize,
}

/// The record's account.
///
/// # Errors
/// `not_accepted` if the record has none.
pub fn find(c: &mut Conn, who: &Staff, id: PatientId, at: Stamp) -> Result<Held, Error> {
    let patient = store::find(c, who.clinic, id)?.ok_or(Error::NotFound)?;
    let account = patient.account_id.map(|account| auth::account(c, account)).transpose()?.flatten();
    let account = account.ok_or_else(|| {
        let detail = "nobody has accepted an invitation to this record: it has no account yet";
        Error::conflict("not_accepted", detail)
    })?;
    let open_sessions = auth::count_sessions(c, account.id, at)?;
    Ok(Held { patient, account, open_sessions })
}

/// The same, if the account is used for nothing but this clinic's records.
fn find_own(c: &mut Conn, who: &Staff, id: PatientId, at: Stamp) -> Result<Held, Error> {
    let held = find(c, who, id, at)?;
    if !address_changes::is_alone_of(c, held.account.id, who.clinic)? {
        let detail = "this account is used in another clinic or by a member of staff too: its holder changes it, or the operator; \
                      unlink it if it should not see this record";
        return Err(Error::conflict("account_elsewhere", detail));
    }
    Ok(held)
}

/// Mails a link to the address that somebody has named on the telephone who cannot read their old mail any more. Whoever opens it there moves
/// the account; until then nothing changes, and nobody learns whether the address has an account. Gives until when the link is good.
pub fn ask_to_move(
    c: &mut Conn,
    post: &Post,
    who: &Staff,
    (id, email, reason): (PatientId, &Email, &Note),
    m: &Moment,
) -> Result<Stamp, Error> {
    let held = find_own(c, who, id, m.at)?;
    auth::tries::Tries::invitation(who.clinic, email.as_str()).begin(c, m.at)?;
    let until = address_changes::mail_address_change(
        c,
        post,
        &held.account,
        email.as_str(),
        MoveAsked::ByClinic(who.clinic),
        m,
    )?;
    let deed = Deed { action: "address_change_asked", object_kind: "patient", object: id.0 };
    audit::note_why(c, (Some(who.clinic), Some(who.account)), deed, reason.as_str(), m)?;
    Ok(until)
}

/// Shuts the account, as after a phone was stolen, or opens it again. Shut, all its sessions and links have ended, and nobody signs in with it.
pub fn set_disabled(
    c: &mut Conn,
    who: &Staff,
    id: PatientId,
    (disabled, reason): (bool, &Note),
    m: &Moment,
) -> Result<Held, Error> {
    let held = find_own(c, who, id, m.at)?;
    if !disabled && held.account.disabled_at.is_some() && held.account.disabled_by != Some(who.clinic) {
        let detail = "the operator of the server has shut this account: only the operator opens it again";
        return Err(Error::conflict("shut_by_operator", detail));
    }
    auth::set_disabled(c, &held.account, disabled, (Some(who.clinic), Some(who.account)), reason.as_str(), m)?;
    find(c, who, id, m.at)
}
