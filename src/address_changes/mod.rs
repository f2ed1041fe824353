//! An account moves to another address by a mailed link: only who reads mail there can open it.

use crate::auth::{Account, LINK_MINUTES, MOVE_DAYS, NewLink, Purpose, is_of_staff, make_link, store, used_up};
use crate::clinics;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{Actor, EventKind};
use crate::mail::outbox::{self, NewMail, OutboxMail, SendDecision};
use crate::mail::templates::{Kind, ValidFor};
use crate::patients;
use crate::secrets::digest;
use ground::ids::{AccountId, ClinicId};
use ground::sql::Conn;
use ground::time::Stamp;

/// Who asks that an account moves, and how long the mailed link is good.
#[derive(Debug, Clone, Copy)]
pub enum MoveAsked {
    /// Its holder, who waits at a screen.
    ByHolder,
    /// The clinic that alone uses it.
    ByClinic(ClinicId),
    /// The operator.
    ByOperator,
}

/// Asks for a mail to a new address, with a link that moves the account there: only who reads mail there can open it. Gives until when it is good.
pub fn mail_address_change(
    ctx: &mut Ctx<'_>,
    account: &Account,
    email: &str,
    asked: MoveAsked,
) -> Result<Stamp, Error> {
    let valid_for = match asked {
        MoveAsked::ByHolder => ValidFor::Minutes(LINK_MINUTES),
        MoveAsked::ByClinic(_) | MoveAsked::ByOperator => ValidFor::Days(MOVE_DAYS),
    };
    if !account.is_open() {
        return Err(Error::conflict("account_disabled", "this account is shut: open it first"));
    }
    // The newest asking counts: a word that was typed wrongly before must not move it after all. Mails first: the link of one that is sent in
    // this moment is there then, and ends too.
    let moves = format!("address:{}:", account.id);
    outbox::withdraw_all(ctx.c, Kind::AddressChange, &moves, ctx.m.at)?;
    store::end_address_changes(ctx.c, account.id, ctx.m.at)?;
    let mail = NewMail {
        clinic_id: if let MoveAsked::ByClinic(clinic) = asked { Some(clinic) } else { None },
        dedupe_key: format!("{moves}{}", ctx.m.id::<uuid::Uuid>()),
        to: email.to_owned(),
        locale: account.locale.clone(),
        link: ctx.post.page("address"),
        valid_for: Some(valid_for),
        account: Some(account.id),
        expires_at: ctx.m.at.plus_seconds(i64::from(valid_for.minutes()) * 60),
        ..NewMail::of(Kind::AddressChange, ctx.m)
    };
    let until = mail.expires_at;
    outbox::put(ctx.c, ctx.post, mail, ctx.m)?;
    // Whoever asks for somebody else says why, and keeps that with it.
    if matches!(asked, MoveAsked::ByHolder) {
        clinics::happened_to_account(ctx, EventKind::AddressChangeRequested, account.id, None)?;
    }
    Ok(until)
}

/// Whether the account is used for nothing but that clinic's records: then the clinic may help with it.
pub fn is_alone_of(c: &mut Conn, account: AccountId, clinic: ClinicId) -> Result<bool, Error> {
    Ok(patients::are_all_of(c, account, clinic)? && !is_of_staff(c, account)?)
}

/// The same of the clinic that asks, if one does.
fn may_move(c: &mut Conn, account: AccountId, asking: Option<ClinicId>) -> Result<bool, Error> {
    asking.map_or(Ok(true), |clinic| is_alone_of(c, account, clinic))
}

/// The link of such a mail, made now; none if it is not the asking clinic's alone any more.
pub fn address_change_for(ctx: &mut Ctx<'_>, mail: &OutboxMail) -> Result<SendDecision, Error> {
    let about: outbox::Context = mail.context.to()?;
    let account = about.account.map(|id| store::find_account(ctx.c, id)).transpose()?.flatten();
    let Some(account) = account.filter(Account::is_open) else {
        return Ok(SendDecision::Withdraw("no_account"));
    };
    if !may_move(ctx.c, account.id, mail.clinic_id)? {
        return Ok(SendDecision::Withdraw("account_elsewhere"));
    }
    let new = NewLink {
        account_id: Some(account.id),
        clinic_id: mail.clinic_id,
        new_email: Some(mail.to_address.clone()),
        ..NewLink::new(Purpose::AddressChange, mail.expires_at)
    };
    let token = make_link(ctx, new)?;
    let link = Some(ctx.post.link("address", &token));
    Ok(SendDecision::Send { to: mail.to_address.clone(), locale: account.locale, link })
}

/// Moves the account to the address that the link was mailed to.
pub fn confirm_address(ctx: &mut Ctx<'_>, token: &str) -> Result<(), Error> {
    let link = store::spend_link(ctx.c, &digest(token.as_bytes()), &[Purpose::AddressChange], ctx.m.at)?
        .ok_or_else(used_up)?;
    let (id, email) = link.account_id.zip(link.new_email).ok_or_else(used_up)?;
    let account = store::find_account(ctx.c, id)?.filter(Account::is_open).ok_or_else(used_up)?;
    if !may_move(ctx.c, id, link.clinic_id)? {
        return Err(used_up());
    }
    move_account(ctx, &account, &email)?;
    ctx.actor = Actor::Account(id);
    clinics::happened_to_account(ctx, EventKind::AddressChanged, id, None)
}

/// Moves the account, and its records in every clinic, to an address whose mail was read. Every open link ends, and the old address is told.
fn move_account(ctx: &mut Ctx<'_>, account: &Account, email: &str) -> Result<(), Error> {
    if store::find_account_by_email(ctx.c, email)?.is_some_and(|other| other.id != account.id) {
        return Err(Error::conflict("address_taken", "another account has this address"));
    }
    if patients::is_address_of_another(ctx.c, account.id, email)? {
        return Err(Error::conflict("address_taken", "another person of your clinic has this address"));
    }
    if email == account.email {
        return Ok(());
    }
    store::set_email(ctx.c, account.id, email)?;
    patients::store::set_email_of_account(ctx.c, account.id, email)?;
    store::end_account_links(ctx.c, account.id, ctx.m.at)?;
    tell_old_address(ctx, account)
}

/// So that nobody's account is taken away unseen. It names the clinic to call, if there is one only.
fn tell_old_address(ctx: &mut Ctx<'_>, account: &Account) -> Result<(), Error> {
    let records = clinics::store::list_records_of(ctx.c, account.id)?;
    let first = records.first().map(|(clinic, _)| *clinic);
    let mail = NewMail {
        clinic_id: first.filter(|first| records.iter().all(|(clinic, _)| clinic == first)),
        dedupe_key: format!("moved:{}", ctx.m.id::<uuid::Uuid>()),
        to: account.email.clone(),
        locale: account.locale.clone(),
        link: ctx.post.page("today"),
        account: Some(account.id),
        ..NewMail::of(Kind::AddressChanged, ctx.m)
    };
    outbox::put(ctx.c, ctx.post, mail, ctx.m)
}
