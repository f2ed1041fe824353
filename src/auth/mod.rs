//! Who is asking: accounts, sign-in, sessions, one-time links, and what an account may do.

pub mod guessable;
pub mod keys;
pub mod passwords;
pub mod store;
pub mod tokens;
pub mod tries;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ctx::Ctx;
use crate::db::schema::{accounts, members};
use crate::error::Error;
use crate::events::{Actor, EventKind, EventSubject, Object};
use crate::mail::outbox::SendDecision;
use crate::mail::outbox::{self, NewMail, OutboxMail};
use crate::mail::templates::{Kind, ValidFor};
use crate::secrets::{OneTime, digest};
use ground::ids::{AccountId, ClinicId, MemberId, SessionId};
use ground::sql::{Conn, MultiBackend};
use ground::time::{Moment, Stamp};
use ground::words;

/// An account that acts for itself.
#[derive(Debug, Clone, Copy)]
pub struct Patient {
    /// The account; its records may be in several clinics.
    pub account: AccountId,
}

/// A member that acts for its clinic.
#[derive(Debug, Clone, Copy)]
pub struct Staff {
    /// The clinic: the tenant of everything that the request may see.
    pub clinic: ClinicId,
    pub member: MemberId,
    pub account: AccountId,
    pub role: Role,
}

impl From<Staff> for Actor {
    fn from(who: Staff) -> Self {
        Self::Staff { member: who.member, account: who.account }
    }
}

impl From<Patient> for Actor {
    fn from(who: Patient) -> Self {
        Self::Account(who.account)
    }
}

impl Staff {
    /// `NotAllowed` unless an owner asks.
    pub fn must_own(&self) -> Result<(), Error> {
        match self.role {
            Role::Owner => Ok(()),
            _ => Err(Error::NotAllowed("Only an owner of the clinic may do this.")),
        }
    }

    /// `NotAllowed` unless a clinician or an owner asks.
    pub fn must_be_clinical(&self) -> Result<(), Error> {
        match self.role {
            Role::Owner | Role::Clinician => Ok(()),
            Role::Coordinator => Err(Error::NotAllowed("Only a clinician or an owner of the clinic may do this.")),
        }
    }
}

words! {
    /// What a member may do. An owner may do all; a clinician also approves protocols and settles alerts.
    pub enum Role {
        /// Runs the clinic's account: members and everything else.
        Owner = "owner",
        /// Treats: approves protocols, settles alerts, and what a coordinator may.
        Clinician = "clinician",
        /// Keeps the records: patients, treatments, plans.
        Coordinator = "coordinator",
    }
}

words! {
    /// How far a membership is. Only `confirmed` may act.
    pub enum MemberState {
        /// Mailed, not answered.
        Invited = "invited",
        /// Answered, and an owner has yet to confirm.
        Accepted = "accepted",
        /// May act.
        Confirmed = "confirmed",
        /// May not act for now.
        Suspended = "suspended",
        /// Gone.
        Removed = "removed",
    }
}

impl MemberState {
    /// Whether the member may do anything at all.
    pub fn may_act(self) -> bool {
        self == Self::Confirmed
    }

    /// Whether an owner may change it so. Nobody is confirmed who has not accepted; who was removed comes back by a new invitation.
    pub fn may_become(self, to: Self) -> bool {
        use MemberState::{Accepted, Confirmed, Invited, Removed, Suspended};
        self == to
            || matches!(
                (self, to),
                (Invited, Removed)
                    | (Accepted, Confirmed | Removed)
                    | (Confirmed, Suspended | Removed)
                    | (Suspended, Confirmed | Removed)
            )
    }
}

words! {
    /// What a one-time link is good for.
    pub enum Purpose {
        /// Links a patient record to an account.
        PatientInvitation = "patient_invitation",
        /// Makes a member of an account.
        MemberInvitation = "member_invitation",
        /// Signs in without a password.
        SignIn = "sign_in",
        /// Sets a new password.
        PasswordReset = "password_reset",
        /// Moves an account to another address.
        AddressChange = "address_change",
    }
}

/// One login.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Account {
    pub id: AccountId,
    /// The address, in lower case.
    pub email: String,
    /// The PHC string; `None` for one who signs in by link only.
    pub password_hash: Option<String>,
    /// Rises when older tokens must end.
    pub auth_epoch: i32,
    /// The language of its mails.
    pub locale: String,
    pub created_at: Stamp,
    /// When it was shut.
    pub disabled_at: Option<Stamp>,
    /// The clinic that shut it; `None` for the operator.
    pub disabled_by: Option<ClinicId>,
}

impl Account {
    /// Whether it was not disabled: nobody is signed in to one that was, and it is sent no link.
    pub fn is_open(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// An account's role in a clinic.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Member {
    pub clinic_id: ClinicId,
    pub id: MemberId,
    pub account_id: AccountId,
    /// The name that colleagues see.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may.
    pub state: MemberState,
    pub created_at: Stamp,
    /// Rises with every change.
    pub version: i32,
}

impl From<&Member> for EventSubject {
    fn from(member: &Member) -> Self {
        Self::in_clinic(member.clinic_id, Object::Member(member.id))
    }
}

/// Who sent a request, verified.
#[derive(Debug, Clone)]
pub struct Who {
    pub account: AccountId,
    /// The session of its token.
    pub session: SessionId,
    /// For whom it acts.
    pub rights: Rights,
}

/// For whom an account acts.
#[derive(Debug, Clone, Copy)]
pub enum Rights {
    /// For itself.
    Patient,
    /// For one clinic.
    Staff {
        /// The clinic.
        clinic: ClinicId,
        /// As this member.
        member: MemberId,
        /// In this role.
        role: Role,
    },
}

/// A patient's session ends after so many seconds without a refresh, and at the latest after so many.
const PATIENT_SESSION: (i64, i64) = (30 * 86_400, 180 * 86_400);
/// The same for staff.
const STAFF_SESSION: (i64, i64) = (12 * 3_600, 30 * 86_400);
/// A lost response must not lock a phone out: so many seconds the parent still gives the same child.
const GRACE: i64 = 10;
/// Life of a link that signs in or sets a password, minutes.
pub const LINK_MINUTES: u32 = 10;
/// Life of an invitation, days.
pub const INVITATION_DAYS: u32 = 7;
/// Somebody was told on the telephone that a link would come to the new address.
pub const MOVE_DAYS: u32 = 1;
/// A session that begins or goes on, with the refresh token that continues it.
pub struct SignedIn {
    pub session: store::Session,
    /// Its account's epoch, for the access token.
    pub epoch: i32,
    /// The role, for staff.
    pub role: Option<Role>,
    /// The refresh token.
    pub refresh_token: String,
}

/// Begins a session for an account that has proved itself.
pub fn sign_in(ctx: &mut Ctx<'_>, account: &Account, clinic: Option<ClinicId>) -> Result<SignedIn, Error> {
    // Whoever changes the password or shuts the account meanwhile waits for this, and ends the session; or was first.
    let now = store::lock_account(ctx.c, account.id)?.ok_or(Error::SignInNeeded)?;
    if now.auth_epoch != account.auth_epoch || now.disabled_at.is_some() {
        return Err(Error::SignInNeeded);
    }
    let acting = choose_rights(ctx.c, account.id, clinic)?;
    let (idle, whole) = if acting.is_some() { STAFF_SESSION } else { PATIENT_SESSION };
    let session = store::Session {
        id: ctx.m.id(),
        account_id: account.id,
        clinic_id: acting.as_ref().map(|member| member.clinic_id),
        generation: 0,
        created_at: ctx.m.at,
        rotated_at: ctx.m.at,
        idle_until: ctx.m.at.plus_seconds(idle),
        ends_at: ctx.m.at.plus_seconds(whole),
        ended_at: None,
        end_reason: None,
    };
    store::insert_session(ctx.c, &session)?;
    ctx.actor = Actor::Account(account.id);
    ctx.happened(EventKind::SessionStarted, &session)?;
    Ok(SignedIn {
        refresh_token: ctx.post.secrets.refresh_token(session.id.0, 0),
        epoch: account.auth_epoch,
        role: acting.map(|member| member.role),
        session,
    })
}

/// The membership to act in; `None` is the patient. Asks for the clinic when there is more than one answer.
fn choose_rights(c: &mut Conn, account: AccountId, clinic: Option<ClinicId>) -> Result<Option<Member>, Error> {
    let mut memberships = store::list_memberships(c, account)?;
    memberships.retain(|member| member.state.may_act());
    if let Some(clinic) = clinic {
        let member = memberships.into_iter().find(|member| member.clinic_id == clinic);
        return member.map(Some).ok_or(Error::SignInNeeded);
    }
    if store::is_patient(c, account)? {
        return Ok(None);
    }
    match memberships.len() {
        0 => Err(Error::NotAllowed("This account is not linked to a clinic yet, or an owner has yet to confirm it.")),
        1 => Ok(memberships.pop()),
        _ => {
            let names: Result<Vec<String>, Error> = memberships
                .iter()
                .map(|member| Ok(format!("{} ({})", member.clinic_id, store::clinic_name(c, member.clinic_id)?)))
                .collect();
            let detail = format!("this account acts for more than one clinic; name one of: {}", names?.join(", "));
            Err(Error::field("/clinic_id", "clinic_needed", detail))
        }
    }
}

/// Rotates a refresh token: `None` means that it does not count, and its family has ended if it was used before.
pub fn refresh(ctx: &mut Ctx<'_>, token: &str) -> Result<Option<SignedIn>, Error> {
    let Some((session, generation)) = ctx.post.secrets.read_refresh_token(token) else { return Ok(None) };
    let id = SessionId(session);
    let Some(before) = store::find_session(ctx.c, id)? else { return Ok(None) };
    let Some(account) = store::find_account(ctx.c, before.account_id)?.filter(Account::is_open) else {
        return Ok(None);
    };
    let role = match before.clinic_id {
        None => None,
        Some(clinic) => match store::find_member_of(ctx.c, clinic, account.id)?.filter(|member| member.state.may_act())
        {
            Some(member) => Some(member.role),
            None => return Ok(None),
        },
    };
    let (idle, _) = if before.clinic_id.is_some() { STAFF_SESSION } else { PATIENT_SESSION };
    if !store::rotate_session(ctx.c, id, generation, ctx.m.at.plus_seconds(idle), ctx.m.at)? {
        let Some(now) = store::find_session(ctx.c, id)?.filter(|now| now.ended_at.is_none()) else { return Ok(None) };
        let in_grace = now.generation == generation + 1 && ctx.m.at.seconds_since(now.rotated_at) <= GRACE;
        if !in_grace {
            if generation < now.generation {
                store::end_session(ctx.c, id, ctx.m.at, "refresh_token_reused")?;
                ctx.happened(EventKind::SessionTokenReused, &now)?;
            }
            return Ok(None);
        }
    }
    let session = store::find_session(ctx.c, id)?.ok_or(Error::SignInNeeded)?;
    ctx.actor = Actor::Account(account.id);
    ctx.happened(EventKind::SessionRefreshed, &session)?;
    Ok(Some(SignedIn {
        refresh_token: ctx.post.secrets.refresh_token(id.0, generation + 1),
        epoch: account.auth_epoch,
        role,
        session,
    }))
}

/// Ends the session of a refresh token; one that does not count changes nothing.
pub fn sign_out(ctx: &mut Ctx<'_>, token: &str) -> Result<(), Error> {
    let Some((session, _)) = ctx.post.secrets.read_refresh_token(token) else { return Ok(()) };
    let Some(session) = store::find_session(ctx.c, SessionId(session))?.filter(|session| session.ended_at.is_none())
    else {
        return Ok(());
    };
    store::end_session(ctx.c, session.id, ctx.m.at, "signed_out")?;
    ctx.actor = Actor::Account(session.account_id);
    ctx.happened(EventKind::SessionEnded, &session)
}

/// Ends all sessions of an account, and whatever was mailed to it.
pub fn end_sessions(ctx: &mut Ctx<'_>, account: AccountId) -> Result<(), Error> {
    store::end_sessions(ctx.c, account, ctx.m.at, "ended_by_owner")?;
    store::end_account_links(ctx.c, account, ctx.m.at)?;
    ctx.happened(EventKind::SessionsEnded, EventSubject::of(Object::Account(account)))
}

/// The open account of a mailed link, which is spent.
fn spend(ctx: &mut Ctx<'_>, token: &str, purpose: Purpose) -> Result<Account, Error> {
    let link = store::spend_link(ctx.c, &digest(token.as_bytes()), &[purpose], ctx.m.at)?;
    let account = link.and_then(|link| link.account_id).ok_or_else(used_up)?;
    store::find_account(ctx.c, account)?.filter(Account::is_open).ok_or_else(used_up)
}

/// Begins a session for whoever has the mailed link.
pub fn sign_in_by_link(ctx: &mut Ctx<'_>, token: &str, clinic: Option<ClinicId>) -> Result<SignedIn, Error> {
    let account = spend(ctx, token, Purpose::SignIn)?;
    sign_in(ctx, &account, clinic)
}

/// Sets the password of whoever has the mailed link; every session ends, and every other link.
pub fn reset_password(ctx: &mut Ctx<'_>, token: &str, hash: &str) -> Result<(), Error> {
    let account = spend(ctx, token, Purpose::PasswordReset)?.id;
    store::set_password(ctx.c, account, hash)?;
    store::end_sessions(ctx.c, account, ctx.m.at, "password_changed")?;
    store::end_account_links(ctx.c, account, ctx.m.at)?;
    ctx.actor = Actor::Account(account);
    ctx.happened(EventKind::PasswordChanged, EventSubject::of(Object::Account(account)))
}

/// Asks for a mail with a link that signs in or resets the password. Whether anybody has the address is looked up when it is sent: the
/// caller cannot tell, not even by how long this takes.
pub fn mail_link(ctx: &mut Ctx<'_>, email: &str, purpose: Purpose) -> Result<(), Error> {
    let (kind, asked) = match purpose {
        Purpose::PasswordReset => (Kind::PasswordReset, EventKind::PasswordResetRequested),
        _ => (Kind::SignInLink, EventKind::SignInLinkRequested),
    };
    let mail = NewMail {
        dedupe_key: format!("link:{}", ctx.m.id::<uuid::Uuid>()),
        to: email.to_owned(),
        link: ctx.post.page(page_of(purpose)),
        valid_for: Some(ValidFor::Minutes(LINK_MINUTES)),
        expires_at: link_until(ctx.m),
        ..NewMail::of(kind, ctx.m)
    };
    outbox::put(ctx.c, ctx.post, mail, ctx.m)?;
    ctx.happened(asked, EventSubject::SERVER)
}

fn page_of(purpose: Purpose) -> &'static str {
    if purpose == Purpose::PasswordReset { "password" } else { "sign-in" }
}

/// The link of such a mail, made now; an address that nobody has gets nothing.
pub fn link_for(ctx: &mut Ctx<'_>, mail: &OutboxMail, purpose: Purpose) -> Result<SendDecision, Error> {
    let account = store::find_account_by_email(ctx.c, &mail.to_address)?.filter(Account::is_open);
    let Some(account) = account else { return Ok(SendDecision::Withdraw("no_account")) };
    let token = make_link(ctx, NewLink { account_id: Some(account.id), ..NewLink::new(purpose, link_until(ctx.m)) })?;
    Ok(SendDecision::Send {
        to: account.email,
        locale: account.locale,
        link: Some(ctx.post.link(page_of(purpose), &token)),
    })
}

fn link_until(m: &Moment) -> Stamp {
    m.at.plus_seconds(i64::from(LINK_MINUTES) * 60)
}

pub fn invited_until(m: &Moment) -> Stamp {
    m.at.plus_seconds(i64::from(INVITATION_DAYS) * 86_400)
}

/// Ends what was sent to a member who has not accepted, and what still waits to be sent.
pub fn end_member_invitations(ctx: &mut Ctx<'_>, member: &Member) -> Result<(), Error> {
    outbox::withdraw_all(ctx.c, Kind::MemberInvitation, &format!("member:{}:", member.id), ctx.m.at)?;
    store::end_member_links(ctx.c, member.clinic_id, member.id, ctx.m.at)
}

/// Invites a member by mail; gives until when the link will be good.
pub fn invite_member(ctx: &mut Ctx<'_>, member: &Member, email: &str, locale: &str) -> Result<Stamp, Error> {
    let mail = NewMail {
        clinic_id: Some(member.clinic_id),
        dedupe_key: format!("member:{}:{}", member.id, ctx.m.id::<uuid::Uuid>()),
        to: email.to_owned(),
        locale: locale.to_owned(),
        link: ctx.post.page("invitation"),
        valid_for: Some(ValidFor::Days(INVITATION_DAYS)),
        expires_at: invited_until(ctx.m),
        ..NewMail::of(Kind::MemberInvitation, ctx.m)
    };
    let until = mail.expires_at;
    outbox::put(ctx.c, ctx.post, mail, ctx.m)?;
    Ok(until)
}

/// An invitation's link for whoever sits at the server's own machine; it is not mailed.
pub fn member_link(ctx: &mut Ctx<'_>, member: &Member) -> Result<String, Error> {
    let token = make_link(ctx, NewLink::of_member(member, invited_until(ctx.m)))?;
    Ok(ctx.post.link("invitation", &token))
}

/// The link of a member's invitation, made now; none if it was accepted or withdrawn meanwhile.
pub fn member_invitation_for(ctx: &mut Ctx<'_>, mail: &OutboxMail) -> Result<SendDecision, Error> {
    let Some(clinic) = mail.clinic_id else { return Ok(SendDecision::Withdraw("no_clinic")) };
    let Some(account) = store::find_account_by_email(ctx.c, &mail.to_address)? else {
        return Ok(SendDecision::Withdraw("no_account"));
    };
    match store::find_member_of(ctx.c, clinic, account.id)? {
        Some(member) if member.state == MemberState::Invited => {
            let token = make_link(ctx, NewLink::of_member(&member, mail.expires_at))?;
            let link = Some(ctx.post.link("invitation", &token));
            Ok(SendDecision::Send { to: account.email, locale: mail.locale.clone(), link })
        }
        _ => Ok(SendDecision::Withdraw("not_invited")),
    }
}

/// A one-time link to be made.
pub struct NewLink {
    pub purpose: Purpose,
    pub account_id: Option<AccountId>,
    pub clinic_id: Option<ClinicId>,
    pub member_id: Option<MemberId>,
    pub patient_id: Option<ground::ids::PatientId>,
    pub new_email: Option<String>,
    pub until: Stamp,
}

impl NewLink {
    /// For that purpose, good until then, for nobody yet.
    pub fn new(purpose: Purpose, until: Stamp) -> Self {
        Self { purpose, account_id: None, clinic_id: None, member_id: None, patient_id: None, new_email: None, until }
    }

    fn of_member(member: &Member, until: Stamp) -> Self {
        Self {
            clinic_id: Some(member.clinic_id),
            member_id: Some(member.id),
            account_id: Some(member.account_id),
            ..Self::new(Purpose::MemberInvitation, until)
        }
    }
}

/// Stores the digest of a new one-time token, and gives the token.
pub fn make_link(ctx: &mut Ctx<'_>, new: NewLink) -> Result<String, Error> {
    let one_time = OneTime::new(ctx.m);
    store::insert_link(
        ctx.c,
        &store::Link {
            id: ctx.m.id(),
            purpose: new.purpose,
            token_hash: one_time.hash,
            account_id: new.account_id,
            clinic_id: new.clinic_id,
            member_id: new.member_id,
            patient_id: new.patient_id,
            created_at: ctx.m.at,
            expires_at: new.until,
            used_at: None,
            new_email: new.new_email,
        },
    )?;
    Ok(one_time.token)
}

/// A link that was used, has run out, or is for something else: they look the same.
pub fn used_up() -> Error {
    Error::Unreadable {
        code: "link_used_up",
        detail: "this link was used, has run out, or is not for this; ask for a new one".to_owned(),
    }
}

/// Shuts an account, or opens it again: its sessions and links end, and none of its tokens counts. `clinic`: which one did it; none: the
/// operator. `false`: it was so already.
pub fn set_disabled(
    ctx: &mut Ctx<'_>,
    account: &Account,
    disabled: bool,
    clinic: Option<ClinicId>,
) -> Result<bool, Error> {
    if !store::set_disabled(ctx.c, account.id, disabled.then_some((ctx.m.at, clinic)))? {
        return Ok(false);
    }
    if disabled {
        store::end_sessions(ctx.c, account.id, ctx.m.at, "account_disabled")?;
        store::end_account_links(ctx.c, account.id, ctx.m.at)?;
    }
    Ok(true)
}

/// The account of that id.
pub fn account(c: &mut Conn, id: AccountId) -> Result<Option<Account>, Error> {
    store::find_account(c, id)
}

/// How many sessions of the account go on.
pub fn count_sessions(c: &mut Conn, id: AccountId, at: Stamp) -> Result<usize, Error> {
    Ok(store::list_sessions(c, id, at)?.len())
}

/// Whether the account acts, or has acted, for any clinic.
pub fn is_of_staff(c: &mut Conn, id: AccountId) -> Result<bool, Error> {
    Ok(!store::list_memberships(c, id)?.is_empty())
}

/// The account of that address, for the operator's commands.
pub fn account_named(c: &mut Conn, email: &str) -> Result<Account, Error> {
    let found = store::find_account_by_email(c, email)?;
    found.ok_or_else(|| Error::Setting("there is no account of that address".to_owned()))
}

/// The language of whoever has the account.
pub fn locale_of(c: &mut Conn, account: AccountId) -> Result<Option<String>, Error> {
    Ok(store::find_account(c, account)?.map(|account| account.locale))
}

/// The account of the address; a new one if there is none. A password that is there is never replaced here.
pub fn account_for(
    ctx: &mut Ctx<'_>,
    email: &str,
    locale: &str,
    password_hash: Option<&str>,
) -> Result<Account, Error> {
    if let Some(account) = store::find_account_by_email(ctx.c, email)? {
        return Ok(account);
    }
    let account = Account {
        id: ctx.m.id(),
        email: email.to_owned(),
        password_hash: password_hash.map(str::to_owned),
        auth_epoch: 0,
        locale: locale.to_owned(),
        created_at: ctx.m.at,
        disabled_at: None,
        disabled_by: None,
    };
    if store::insert_account(ctx.c, &account)? {
        return Ok(account);
    }
    // Somebody else made it in this moment.
    store::find_account_by_email(ctx.c, email)?.ok_or(Error::Busy)
}

/// How a session acts, as callers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActsAs {
    /// For itself, as a patient.
    Patient,
    /// For one clinic, as a member.
    Staff,
}

/// The member of that address who may act for the clinic.
pub fn staff_of(c: &mut Conn, clinic: ClinicId, email: &crate::http::text::Email) -> Result<Option<Staff>, Error> {
    let Some(account) = store::find_account_by_email(c, email.as_str())?.filter(Account::is_open) else {
        return Ok(None);
    };
    let member = store::find_member_of(c, clinic, account.id)?.filter(|member| member.state.may_act());
    Ok(member.map(|member| Staff { clinic, member: member.id, account: account.id, role: member.role }))
}
