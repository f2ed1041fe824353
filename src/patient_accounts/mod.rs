//! The account that a patient signs in with, as far as their clinic may help with it. An account that is used elsewhere too is its holder's
//! own: the clinic can take it off its record (`unlink`), and the operator can do the rest.

use crate::address_changes::{self, MoveAsked};
use crate::auth::{self, Account, Staff};
use crate::clinics;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::text::{Email, Note};
use crate::patients::{Patient, store};
use ground::ids::PatientId;
use ground::sql::Conn;
use ground::time::Stamp;

/// A record with its account.
pub struct Held {
    pub patient: Patient,
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
    ctx: &mut Ctx<'_>,
    who: &Staff,
    id: PatientId,
    email: &Email,
    reason: &Note,
) -> Result<Stamp, Error> {
    let held = find_own(ctx.c, who, id, ctx.m.at)?;
    auth::tries::Tries::invitation(who.clinic, email.as_str()).begin(ctx.c, ctx.m.at)?;
    let until =
        address_changes::mail_address_change(ctx, &held.account, email.as_str(), MoveAsked::ByClinic(who.clinic))?;
    let patient = EventSubject::in_clinic(who.clinic, Object::Account(held.account.id)).of_patient(id);
    ctx.happened_because(EventKind::AddressChangeRequested, patient, reason.as_str())?;
    Ok(until)
}

/// Shuts the account, as after a phone was stolen, or opens it again. Shut, all its sessions and links have ended, and nobody signs in with it.
pub fn set_disabled(
    ctx: &mut Ctx<'_>,
    who: &Staff,
    id: PatientId,
    disabled: bool,
    reason: &Note,
) -> Result<Held, Error> {
    let held = find_own(ctx.c, who, id, ctx.m.at)?;
    if !disabled && held.account.disabled_at.is_some() && held.account.disabled_by != Some(who.clinic) {
        let detail = "the operator of the server has shut this account: only the operator opens it again";
        return Err(Error::conflict("shut_by_operator", detail));
    }
    if auth::set_disabled(ctx, &held.account, disabled, Some(who.clinic))? {
        let kind = if disabled { EventKind::AccountDisabled } else { EventKind::AccountEnabled };
        clinics::happened_to_account(ctx, kind, held.account.id, Some(reason.as_str()))?;
    }
    find(ctx.c, who, id, ctx.m.at)
}
