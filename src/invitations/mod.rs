//! Invitations: a link by mail that joins a record or a membership to the account of whoever reads mail there.

use crate::auth::tries::Tries;
use crate::auth::{
    Account, INVITATION_DAYS, MemberState, NewLink, Purpose, SignedIn, Staff, account_for, invited_until, make_link,
    sign_in, store, used_up,
};
use crate::clinics;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{Actor, EventKind, EventSubject, Object};
use crate::mail::outbox::{self, NewMail, OutboxMail, SendDecision};
use crate::mail::templates::{Kind, ValidFor};
use crate::patients::{self, Patient};
use crate::secrets::digest;
use ground::ids::{AccountId, ClinicId, PatientId};
use ground::sql::Conn;
use ground::time::Stamp;

/// Mails the patient an invitation; the newest one counts. Gives until when it is good.
pub fn invite(ctx: &mut Ctx<'_>, who: &Staff, id: PatientId) -> Result<Stamp, Error> {
    let patient = patients::store::find(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    if patient.account_id.is_some() {
        return Err(Error::conflict("already_accepted", "the patient has accepted an invitation already"));
    }
    Tries::invitation(who.clinic, &patient.email).begin(ctx.c, ctx.m.at)?;
    let until = mail_invitation(ctx, &patient)?;
    ctx.happened(EventKind::PatientInvited, &patient)?;
    Ok(until)
}

/// Writes the mail: the newest link counts, older ones end. Gives until when it is good.
fn mail_invitation(ctx: &mut Ctx<'_>, patient: &Patient) -> Result<Stamp, Error> {
    store::end_patient_links(ctx.c, patient.clinic_id, patient.id, ctx.m.at)?;
    let mail = NewMail {
        clinic_id: Some(patient.clinic_id),
        patient_id: Some(patient.id),
        dedupe_key: format!("invitation:{}:{}", patient.id, ctx.m.id::<uuid::Uuid>()),
        to: patient.email.clone(),
        locale: patient.locale.clone(),
        link: ctx.post.page("invitation"),
        valid_for: Some(ValidFor::Days(INVITATION_DAYS)),
        expires_at: invited_until(ctx.m),
        ..NewMail::of(Kind::PatientInvitation, ctx.m)
    };
    let until = mail.expires_at;
    outbox::put(ctx.c, ctx.post, mail, ctx.m)?;
    Ok(until)
}

/// The link of a patient's invitation, made now; none if it was accepted, or the address corrected, meanwhile.
pub fn patient_invitation_for(ctx: &mut Ctx<'_>, mail: &OutboxMail) -> Result<SendDecision, Error> {
    let (Some(clinic), Some(id)) = (mail.clinic_id, mail.patient_id) else {
        return Ok(SendDecision::Withdraw("no_patient"));
    };
    let Some(patient) = patients::store::find(ctx.c, clinic, id)? else {
        return Ok(SendDecision::Withdraw("no_patient"));
    };
    if patient.account_id.is_some() {
        return Ok(SendDecision::Withdraw("already_accepted"));
    }
    if patient.email != mail.to_address {
        return Ok(SendDecision::Withdraw("address_changed"));
    }
    store::end_patient_links(ctx.c, clinic, id, ctx.m.at)?;
    let new = NewLink {
        clinic_id: Some(clinic),
        patient_id: Some(id),
        ..NewLink::new(Purpose::PatientInvitation, mail.expires_at)
    };
    let token = make_link(ctx, new)?;
    Ok(SendDecision::Send {
        to: patient.email,
        locale: patient.locale,
        link: Some(ctx.post.link("invitation", &token)),
    })
}

/// The account that an invitation is for, if somebody has it already: then it must be signed in to before the invitation is spent.
pub fn invited_account(c: &mut Conn, token: &str, at: Stamp) -> Result<Option<Account>, Error> {
    let hash = digest(token.as_bytes());
    let Some(link) = store::find_link(c, &hash)?.filter(|link| link.used_at.is_none() && link.expires_at > at) else {
        return Err(used_up());
    };
    let account = match (link.purpose, link.account_id, link.clinic_id, link.patient_id) {
        (Purpose::MemberInvitation, Some(account), _, _) => store::find_account(c, account)?,
        (Purpose::PatientInvitation, _, Some(clinic), Some(patient)) => {
            let patient = patients::store::find(c, clinic, patient)?.ok_or(Error::NotFound)?;
            store::find_account_by_email(c, &patient.email)?
        }
        _ => return Err(used_up()),
    };
    match account {
        Some(account) if store::is_claimed(c, &account)? => Ok(Some(account)),
        _ => Ok(None),
    }
}

/// What somebody who tries passwords for the holder of this link would try first: the address, and the names of the person and of the
/// clinics. A link that does not count says nothing about anybody.
pub fn names_around(c: &mut Conn, token: &str, purposes: &[Purpose], at: Stamp) -> Result<Vec<String>, Error> {
    let link = store::find_link(c, &digest(token.as_bytes()))?.ok_or_else(used_up)?;
    if link.used_at.is_some() || link.expires_at <= at || !purposes.contains(&link.purpose) {
        return Err(used_up());
    }
    let mut names = Vec::new();
    let mut clinics: Vec<ClinicId> = link.clinic_id.into_iter().collect();
    if let Some((clinic, patient)) = link.clinic_id.zip(link.patient_id) {
        let patient = patients::store::find(c, clinic, patient)?.ok_or_else(used_up)?;
        names.extend([patient.email, patient.name]);
    }
    if let Some(account) = link.account_id {
        names.extend(store::find_account(c, account)?.map(|account| account.email));
        for (clinic, name) in store::list_names(c, account)? {
            clinics.push(clinic);
            names.push(name);
        }
    }
    for clinic in clinics {
        names.push(clinics::store::get(c, clinic)?.name);
    }
    Ok(names)
}

/// How somebody who accepts an invitation has shown who they are.
#[derive(Debug, Clone)]
pub enum Accepting {
    /// As this account, signed in or by its password.
    As(AccountId),
    /// As nobody yet: the invitation makes the account, with this password or none.
    New(Option<String>),
}

/// Accepts an invitation: links the record or the membership to the account of the invited address, and signs in. An account that
/// somebody has already is never signed in to by an invitation alone.
pub fn accept(ctx: &mut Ctx<'_>, token: &str, accepting: &Accepting) -> Result<SignedIn, Error> {
    let purposes = [Purpose::PatientInvitation, Purpose::MemberInvitation];
    let link = store::spend_link(ctx.c, &digest(token.as_bytes()), &purposes, ctx.m.at)?.ok_or_else(used_up)?;
    let clinic = link.clinic_id.ok_or_else(used_up)?;
    if let (Some(patient), Purpose::PatientInvitation) = (link.patient_id, link.purpose) {
        let patient = patients::store::find(ctx.c, clinic, patient)?.ok_or_else(used_up)?;
        let account = account_for(ctx, &patient.email, &patient.locale, None)?;
        let account = proven(ctx.c, account, accepting)?;
        patients::store::set_account(ctx.c, clinic, patient.id, account.id)?;
        store::end_patient_links(ctx.c, clinic, patient.id, ctx.m.at)?;
        ctx.actor = Actor::Account(account.id);
        ctx.happened(EventKind::PatientAccepted, &patient)?;
        return sign_in(ctx, &account, None);
    }
    let member = link.member_id.ok_or_else(used_up)?;
    let account = store::find_account(ctx.c, link.account_id.ok_or_else(used_up)?)?.ok_or_else(used_up)?;
    let account = proven(ctx.c, account, accepting)?;
    if !clinics::store::set_member_state(ctx.c, clinic, member, MemberState::Invited, MemberState::Confirmed)? {
        return Err(used_up());
    }
    store::end_member_links(ctx.c, clinic, member, ctx.m.at)?;
    ctx.actor = Actor::Account(account.id);
    ctx.happened(EventKind::MemberAccepted, EventSubject::in_clinic(clinic, Object::Member(member)))?;
    sign_in(ctx, &account, Some(clinic))
}

/// The account, if whoever accepts may act as it; a new one gets its password here. Looked at where it counts: meanwhile somebody
/// else may have claimed it.
fn proven(c: &mut Conn, account: Account, accepting: &Accepting) -> Result<Account, Error> {
    if account.disabled_at.is_some() {
        return Err(used_up());
    }
    match accepting {
        Accepting::As(id) if *id == account.id => Ok(account),
        Accepting::As(_) => Err(Error::NotAllowed("This invitation is for another address than the one signed in.")),
        Accepting::New(_) if store::is_claimed(c, &account)? => Err(account_exists()),
        Accepting::New(password_hash) => {
            if let Some(hash) = password_hash {
                store::set_password(c, account.id, hash)?;
            }
            store::find_account(c, account.id)?.ok_or_else(used_up)
        }
    }
}

/// Somebody has the account of the invited address already.
pub fn account_exists() -> Error {
    Error::conflict(
        "account_exists",
        "this address has an account: sign in, and send the invitation again with the access token; nothing was changed",
    )
}
