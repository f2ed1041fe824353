//! Who is asking: accounts, sign-in, sessions, one-time links, and what an account may do.

pub mod extract;
pub mod keys;
pub mod passwords;
pub mod routes;
pub mod store;
pub mod tokens;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use extract::{Patient, Staff};

use crate::db::schema::{accounts, members};
use crate::db::types::words;
use crate::db::{Conn, MultiBackend};
use crate::error::Error;
use crate::ids::{AccountId, ClinicId, MemberId, SessionId};
use crate::mail::outbox::{self, NewMail, Post};
use crate::mail::templates::{Kind, ValidFor};
use crate::secrets::{OneTime, Secrets, digest};
use crate::time::{Moment, Stamp};
use crate::{audit, clinics, patients};

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
    }
}

/// One login.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The address, in lower case.
    pub email: String,
    /// The PHC string; `None` for one who signs in by link only.
    pub password_hash: Option<String>,
    /// Rises when older tokens must end.
    pub auth_epoch: i32,
    /// The language of its mails.
    pub locale: String,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was shut.
    pub disabled_at: Option<Stamp>,
}

/// An account's role in a clinic.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Member {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// Its id.
    pub id: MemberId,
    /// The account.
    pub account_id: AccountId,
    /// The name that colleagues see.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may.
    pub state: MemberState,
    /// When it was made.
    pub created_at: Stamp,
    /// Rises with every change.
    pub version: i32,
}

/// Who sent a request, verified.
#[derive(Debug, Clone)]
pub struct Who {
    /// The account.
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
const LINK_MINUTES: u32 = 10;
/// Life of an invitation, days.
const INVITATION_DAYS: u32 = 7;
/// Tries of one account from one address in a window, and the window's seconds.
pub const TRIES: (i32, i64) = (10, 60);

/// A session that begins or goes on, with the refresh token that continues it.
pub struct SignedIn {
    /// The session.
    pub session: store::Session,
    /// Its account's epoch, for the access token.
    pub epoch: i32,
    /// The role, for staff.
    pub role: Option<Role>,
    /// The refresh token.
    pub refresh_token: String,
}

/// Begins a session for an account that has proved itself.
pub fn sign_in(
    c: &mut Conn,
    secrets: &Secrets,
    account: &Account,
    clinic: Option<ClinicId>,
    m: &Moment,
) -> Result<SignedIn, Error> {
    let acting = choose_rights(c, account.id, clinic)?;
    let (idle, whole) = if acting.is_some() { STAFF_SESSION } else { PATIENT_SESSION };
    let session = store::Session {
        id: m.id(),
        account_id: account.id,
        clinic_id: acting.as_ref().map(|member| member.clinic_id),
        generation: 0,
        created_at: m.at,
        rotated_at: m.at,
        idle_until: m.at.plus_seconds(idle),
        ends_at: m.at.plus_seconds(whole),
        ended_at: None,
        end_reason: None,
    };
    store::insert_session(c, &session)?;
    audit::note(c, session.clinic_id, Some(account.id), "signed_in", "session", Some(session.id.0), m)?;
    Ok(SignedIn {
        refresh_token: secrets.refresh_token(session.id.0, 0),
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
                .map(|member| Ok(format!("{} ({})", member.clinic_id, clinics::store::get(c, member.clinic_id)?.name)))
                .collect();
            let detail = format!("this account acts for more than one clinic; name one of: {}", names?.join(", "));
            Err(Error::field("/clinic_id", "clinic_needed", detail))
        }
    }
}

/// Rotates a refresh token: `None` means that it does not count, and its family has ended if it was used before.
pub fn refresh(c: &mut Conn, secrets: &Secrets, token: &str, m: &Moment) -> Result<Option<SignedIn>, Error> {
    let Some((session, generation)) = secrets.read_refresh_token(token) else { return Ok(None) };
    let id = SessionId(session);
    let Some(before) = store::find_session(c, id)? else { return Ok(None) };
    let Some(account) = store::find_account(c, before.account_id)?.filter(|account| account.disabled_at.is_none())
    else {
        return Ok(None);
    };
    let role = match before.clinic_id {
        None => None,
        Some(clinic) => match store::find_member_of(c, clinic, account.id)?.filter(|member| member.state.may_act()) {
            Some(member) => Some(member.role),
            None => return Ok(None),
        },
    };
    let (idle, _) = if before.clinic_id.is_some() { STAFF_SESSION } else { PATIENT_SESSION };
    if !store::rotate_session(c, id, generation, m.at.plus_seconds(idle), m.at)? {
        let Some(now) = store::find_session(c, id)?.filter(|now| now.ended_at.is_none()) else { return Ok(None) };
        let in_grace = now.generation == generation + 1 && m.at.seconds_since(now.rotated_at) <= GRACE;
        if !in_grace {
            if generation < now.generation {
                store::end_session(c, id, m.at, "refresh_token_reused")?;
                store::raise_rights(c)?;
                audit::note(c, now.clinic_id, Some(account.id), "refresh_token_reused", "session", Some(id.0), m)?;
            }
            return Ok(None);
        }
    }
    let session = store::find_session(c, id)?.ok_or(Error::SignInNeeded)?;
    Ok(Some(SignedIn {
        refresh_token: secrets.refresh_token(id.0, generation + 1),
        epoch: account.auth_epoch,
        role,
        session,
    }))
}

/// Mails a link that signs in or resets the password. An address that nobody has gets nothing, and the caller cannot tell.
pub fn mail_link(c: &mut Conn, post: &Post, email: &str, purpose: Purpose, m: &Moment) -> Result<(), Error> {
    let Some(account) = store::find_account_by_email(c, email)?.filter(|account| account.disabled_at.is_none()) else {
        return Ok(());
    };
    let (kind, page) = match purpose {
        Purpose::PasswordReset => (Kind::PasswordReset, "password"),
        _ => (Kind::SignInLink, "sign-in"),
    };
    let link = NewLink { account_id: Some(account.id), minutes: LINK_MINUTES, ..NewLink::new(purpose) };
    let (token, expires_at) = make_link(c, &link, m)?;
    outbox::put(
        c,
        post,
        NewMail {
            clinic_id: None,
            patient_id: None,
            kind,
            dedupe_key: format!("link:{}", m.id::<uuid::Uuid>()),
            to: account.email,
            locale: account.locale,
            link: post.link(page, &token),
            valid_for: Some(ValidFor::Minutes(LINK_MINUTES)),
            unsubscribe: false,
            expires_at,
        },
        m,
    )
}

/// Invites a patient: the newest link counts, older ones end.
pub fn invite_patient(c: &mut Conn, post: &Post, patient: &patients::Patient, m: &Moment) -> Result<Stamp, Error> {
    store::end_patient_links(c, patient.clinic_id, patient.id, m.at)?;
    let link = NewLink {
        clinic_id: Some(patient.clinic_id),
        patient_id: Some(patient.id),
        minutes: INVITATION_DAYS * 24 * 60,
        ..NewLink::new(Purpose::PatientInvitation)
    };
    let (token, expires_at) = make_link(c, &link, m)?;
    outbox::put(
        c,
        post,
        NewMail {
            clinic_id: Some(patient.clinic_id),
            patient_id: Some(patient.id),
            kind: Kind::PatientInvitation,
            dedupe_key: format!("invitation:{}:{}", patient.id, m.at.micros()),
            to: patient.email.clone(),
            locale: patient.locale.clone(),
            link: post.link("invitation", &token),
            valid_for: Some(ValidFor::Days(INVITATION_DAYS)),
            unsubscribe: false,
            expires_at,
        },
        m,
    )?;
    Ok(expires_at)
}

/// Ends the invitations that are on their way to a patient: they went to an address that is no longer the patient's.
pub fn end_invitations(c: &mut Conn, patient: &patients::Patient, m: &Moment) -> Result<(), Error> {
    store::end_patient_links(c, patient.clinic_id, patient.id, m.at)
}

/// Invites a member; gives the link that is mailed.
pub fn invite_member(
    c: &mut Conn,
    post: &Post,
    member: &Member,
    email: &str,
    locale: &str,
    m: &Moment,
) -> Result<String, Error> {
    let link = NewLink {
        clinic_id: Some(member.clinic_id),
        member_id: Some(member.id),
        account_id: Some(member.account_id),
        minutes: INVITATION_DAYS * 24 * 60,
        ..NewLink::new(Purpose::MemberInvitation)
    };
    let (token, expires_at) = make_link(c, &link, m)?;
    let link = post.link("invitation", &token);
    outbox::put(
        c,
        post,
        NewMail {
            clinic_id: Some(member.clinic_id),
            patient_id: None,
            kind: Kind::MemberInvitation,
            dedupe_key: format!("member:{}:{}", member.id, m.at.micros()),
            to: email.to_owned(),
            locale: locale.to_owned(),
            link: link.clone(),
            valid_for: Some(ValidFor::Days(INVITATION_DAYS)),
            unsubscribe: false,
            expires_at,
        },
        m,
    )?;
    Ok(link)
}

struct NewLink {
    purpose: Purpose,
    account_id: Option<AccountId>,
    clinic_id: Option<ClinicId>,
    member_id: Option<MemberId>,
    patient_id: Option<crate::ids::PatientId>,
    minutes: u32,
}

impl NewLink {
    fn new(purpose: Purpose) -> Self {
        Self { purpose, account_id: None, clinic_id: None, member_id: None, patient_id: None, minutes: LINK_MINUTES }
    }
}

fn make_link(c: &mut Conn, new: &NewLink, m: &Moment) -> Result<(String, Stamp), Error> {
    let one_time = OneTime::new(m);
    let expires_at = m.at.plus_seconds(i64::from(new.minutes) * 60);
    store::insert_link(
        c,
        &store::Link {
            id: m.id(),
            purpose: new.purpose,
            token_hash: one_time.hash,
            account_id: new.account_id,
            clinic_id: new.clinic_id,
            member_id: new.member_id,
            patient_id: new.patient_id,
            created_at: m.at,
            expires_at,
            used_at: None,
        },
    )?;
    Ok((one_time.token, expires_at))
}

/// The account that an invitation is for, before it is spent: its password decides whether one must be given.
pub fn invited_account(c: &mut Conn, token: &str, at: Stamp) -> Result<Option<Account>, Error> {
    let hash = digest(token.as_bytes());
    let Some(link) = store::find_link(c, &hash)?.filter(|link| link.used_at.is_none() && link.expires_at > at) else {
        return Err(used_up());
    };
    match (link.purpose, link.account_id, link.clinic_id, link.patient_id) {
        (Purpose::MemberInvitation, Some(account), _, _) => store::find_account(c, account),
        (Purpose::PatientInvitation, _, Some(clinic), Some(patient)) => {
            let patient = patients::store::find(c, clinic, patient)?.ok_or(Error::NotFound)?;
            store::find_account_by_email(c, &patient.email)
        }
        _ => Err(used_up()),
    }
}

/// A link that was used, has run out, or is for something else: they look the same.
pub fn used_up() -> Error {
    Error::Unreadable {
        code: "link_used_up",
        detail: "this link was used, has run out, or is not for this; ask for a new one".to_owned(),
    }
}

/// Accepts an invitation: links the record or the membership to the account of the invited address, and signs in.
pub fn accept(
    c: &mut Conn,
    secrets: &Secrets,
    token: &str,
    password_hash: Option<&str>,
    m: &Moment,
) -> Result<SignedIn, Error> {
    let purposes = [Purpose::PatientInvitation, Purpose::MemberInvitation];
    let link = store::spend_link(c, &digest(token.as_bytes()), &purposes, m.at)?.ok_or_else(used_up)?;
    let clinic = link.clinic_id.ok_or_else(used_up)?;
    if let (Some(patient), Purpose::PatientInvitation) = (link.patient_id, link.purpose) {
        let patient = patients::store::find(c, clinic, patient)?.ok_or_else(used_up)?;
        let account = account_for(c, &patient.email, &patient.locale, password_hash, m)?;
        patients::store::set_account(c, clinic, patient.id, account.id)?;
        audit::note(c, Some(clinic), Some(account.id), "invitation_accepted", "patient", Some(patient.id.0), m)?;
        return sign_in(c, secrets, &account, None, m);
    }
    let member = link.member_id.ok_or_else(used_up)?;
    let account = store::find_account(c, link.account_id.ok_or_else(used_up)?)?.ok_or_else(used_up)?;
    if let (None, Some(hash)) = (&account.password_hash, password_hash) {
        store::set_password(c, account.id, hash)?;
    }
    clinics::store::set_member_state(c, clinic, member, MemberState::Invited, MemberState::Confirmed)?;
    audit::note(c, Some(clinic), Some(account.id), "invitation_accepted", "member", Some(member.0), m)?;
    let account = store::find_account(c, account.id)?.ok_or_else(used_up)?;
    sign_in(c, secrets, &account, Some(clinic), m)
}

/// The account of the address; a new one if there is none. A password that is there is never replaced here.
pub fn account_for(
    c: &mut Conn,
    email: &str,
    locale: &str,
    password_hash: Option<&str>,
    m: &Moment,
) -> Result<Account, Error> {
    if let Some(account) = store::find_account_by_email(c, email)? {
        if let (None, Some(hash)) = (&account.password_hash, password_hash) {
            store::set_password(c, account.id, hash)?;
        }
        return store::find_account(c, account.id)?.ok_or(Error::NotFound);
    }
    let account = Account {
        id: m.id(),
        email: email.to_owned(),
        password_hash: password_hash.map(str::to_owned),
        auth_epoch: 0,
        locale: locale.to_owned(),
        created_at: m.at,
        disabled_at: None,
    };
    store::insert_account(c, &account)?;
    Ok(account)
}

/// The name under which tries are counted: a digest, so that no address is kept here.
pub fn try_name(email: &str, from: &str) -> Vec<u8> {
    digest(format!("{email}\n{from}").as_bytes())
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
    let Some(account) =
        store::find_account_by_email(c, email.as_str())?.filter(|account| account.disabled_at.is_none())
    else {
        return Ok(None);
    };
    let member = store::find_member_of(c, clinic, account.id)?.filter(|member| member.state.may_act());
    Ok(member.map(|member| Staff { clinic, member: member.id, account: account.id, role: member.role }))
}
