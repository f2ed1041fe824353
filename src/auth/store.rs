//! Accounts, members' rights, sessions, links, keys: the rows.

use diesel::prelude::*;

use super::{Account, Member};
use crate::db::schema::{
    accounts, clinics, links, members, patients, refusals, rights, sessions, sign_in_tries, signing_keys,
};
use crate::error::Error;
use crate::events::{EventSubject, Object};
use ground::ids::{AccountId, ClinicId, LinkId, MemberId, PatientId, SessionId};
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;

/// A sign-in on one device.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Session {
    pub id: SessionId,
    /// Whose.
    pub account_id: AccountId,
    /// The clinic that a member acts for; `None` for a patient.
    pub clinic_id: Option<ClinicId>,
    /// How often the refresh token was rotated.
    pub generation: i32,
    /// When it began.
    pub created_at: Stamp,
    /// When the refresh token was rotated last.
    pub rotated_at: Stamp,
    /// It ends if it is not refreshed by then.
    pub idle_until: Stamp,
    /// It ends then in any case.
    pub ends_at: Stamp,
    /// When it was ended before its time.
    pub ended_at: Option<Stamp>,
    pub end_reason: Option<String>,
}

impl From<&Session> for EventSubject {
    fn from(session: &Session) -> Self {
        Self { clinic: session.clinic_id, ..Self::of(Object::Session(session.id)) }
    }
}

/// A one-time link, of which only the token's digest is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = links, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Link {
    pub id: LinkId,
    /// What it is good for.
    pub purpose: super::Purpose,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    /// Whose sign-in or reset it is.
    pub account_id: Option<AccountId>,
    /// The clinic that invites.
    pub clinic_id: Option<ClinicId>,
    /// The member that is invited.
    pub member_id: Option<MemberId>,
    /// The patient that is invited.
    pub patient_id: Option<PatientId>,
    pub created_at: Stamp,
    /// Until when it is good.
    pub expires_at: Stamp,
    /// When it was spent.
    pub used_at: Option<Stamp>,
    /// The address that an account is moved to.
    pub new_email: Option<String>,
}

/// A signing key, sealed.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct StoredKey {
    pub kid: String,
    /// The private key, encrypted.
    pub sealed: Vec<u8>,
    /// When it was made and published.
    pub created_at: Stamp,
    /// From when it signs.
    pub signs_from: Stamp,
    /// From when it counts no more.
    pub removed_at: Option<Stamp>,
}

/// The account of that id.
pub fn find_account(c: &mut Conn, id: AccountId) -> Result<Option<Account>, Error> {
    Ok(accounts::table.find(id).select(Account::as_select()).first(c).optional()?)
}

/// The account of that id, which nobody else changes before this transaction has ended.
pub fn lock_account(c: &mut Conn, id: AccountId) -> Result<Option<Account>, Error> {
    crate::db::lock!(c, accounts::table.find(id).select(accounts::id), AccountId);
    find_account(c, id)
}

/// The account of that address.
pub fn find_account_by_email(c: &mut Conn, email: &str) -> Result<Option<Account>, Error> {
    Ok(accounts::table.filter(accounts::email.eq(email)).select(Account::as_select()).first(c).optional()?)
}

/// A new account; `false` if the address has one.
pub fn insert_account(c: &mut Conn, account: &Account) -> Result<bool, Error> {
    Ok(crate::db::insert_once!(c, accounts::table, account) == 1)
}

/// Another address.
pub fn set_email(c: &mut Conn, id: AccountId, email: &str) -> Result<(), Error> {
    diesel::update(accounts::table.find(id)).set(accounts::email.eq(email)).execute(c)?;
    Ok(())
}

/// A new password; tokens made before it end.
pub fn set_password(c: &mut Conn, id: AccountId, hash: &str) -> Result<(), Error> {
    diesel::update(accounts::table.find(id))
        .set((accounts::password_hash.eq(hash), accounts::auth_epoch.eq(accounts::auth_epoch + 1)))
        .execute(c)?;
    Ok(())
}

/// The account's membership in the clinic.
pub fn find_member_of(c: &mut Conn, clinic: ClinicId, account: AccountId) -> Result<Option<Member>, Error> {
    Ok(members::table
        .filter(members::clinic_id.eq(clinic).and(members::account_id.eq(account)))
        .select(Member::as_select())
        .first(c)
        .optional()?)
}

/// All memberships of the account.
pub fn list_memberships(c: &mut Conn, account: AccountId) -> Result<Vec<Member>, Error> {
    Ok(members::table
        .filter(members::account_id.eq(account))
        .order((members::created_at, members::clinic_id))
        .select(Member::as_select())
        .load(c)?)
}

/// Whether the account is linked to a patient record anywhere.
pub fn is_patient(c: &mut Conn, account: AccountId) -> Result<bool, Error> {
    Ok(patients::table.filter(patients::account_id.eq(account)).count().get_result::<i64>(c)? > 0)
}

/// A new session.
pub fn insert_session(c: &mut Conn, session: &Session) -> Result<(), Error> {
    diesel::insert_into(sessions::table).values(session).execute(c)?;
    Ok(())
}

/// The session of that id.
pub fn find_session(c: &mut Conn, id: SessionId) -> Result<Option<Session>, Error> {
    Ok(sessions::table.find(id).select(Session::as_select()).first(c).optional()?)
}

/// The account's sessions that go on.
pub fn list_sessions(c: &mut Conn, account: AccountId, at: Stamp) -> Result<Vec<Session>, Error> {
    Ok(sessions::table
        .filter(sessions::account_id.eq(account).and(sessions::ended_at.is_null()))
        .filter(sessions::idle_until.gt(at).and(sessions::ends_at.gt(at)))
        .order(sessions::id)
        .select(Session::as_select())
        .load(c)?)
}

/// The one atomic claim of a refresh token: of many at once, one gets `true`.
pub fn rotate_session(
    c: &mut Conn,
    id: SessionId,
    generation: i32,
    idle_until: Stamp,
    at: Stamp,
) -> Result<bool, Error> {
    let claimed = diesel::update(
        sessions::table
            .find(id)
            .filter(sessions::generation.eq(generation).and(sessions::ended_at.is_null()))
            .filter(sessions::idle_until.gt(at).and(sessions::ends_at.gt(at))),
    )
    .set((sessions::generation.eq(generation + 1), sessions::rotated_at.eq(at), sessions::idle_until.eq(idle_until)))
    .execute(c)?;
    Ok(claimed == 1)
}

/// Ends a session; one that has ended stays as it is.
pub fn end_session(c: &mut Conn, id: SessionId, at: Stamp, reason: &str) -> Result<bool, Error> {
    let ended = diesel::update(sessions::table.find(id).filter(sessions::ended_at.is_null()))
        .set((sessions::ended_at.eq(at), sessions::end_reason.eq(reason)))
        .execute(c)?;
    Ok(ended == 1)
}

/// Ends all sessions of the account.
pub fn end_sessions(c: &mut Conn, account: AccountId, at: Stamp, reason: &str) -> Result<(), Error> {
    diesel::update(sessions::table.filter(sessions::account_id.eq(account).and(sessions::ended_at.is_null())))
        .set((sessions::ended_at.eq(at), sessions::end_reason.eq(reason)))
        .execute(c)?;
    Ok(())
}

/// Ends the account's sessions for one clinic.
pub fn end_sessions_for(c: &mut Conn, account: AccountId, clinic: ClinicId, at: Stamp) -> Result<(), Error> {
    let open = sessions::table.filter(sessions::account_id.eq(account).and(sessions::ended_at.is_null()));
    diesel::update(open.filter(sessions::clinic_id.eq(clinic)))
        .set((sessions::ended_at.eq(at), sessions::end_reason.eq("membership_ended")))
        .execute(c)?;
    Ok(())
}

/// Ends every link of the account that was not used: whoever holds one was let in by what is not so any more.
pub fn end_account_links(c: &mut Conn, account: AccountId, at: Stamp) -> Result<(), Error> {
    diesel::update(links::table.filter(links::account_id.eq(account).and(links::used_at.is_null())))
        .set(links::used_at.eq(at))
        .execute(c)?;
    Ok(())
}

/// Whether somebody has this account already: it has a password, was signed in to, or holds a record. One that was only invited has not.
pub fn is_claimed(c: &mut Conn, account: &Account) -> Result<bool, Error> {
    if account.password_hash.is_some() || is_patient(c, account.id)? {
        return Ok(true);
    }
    Ok(sessions::table.filter(sessions::account_id.eq(account.id)).count().get_result::<i64>(c)? > 0)
}

/// Ends the links that would move the account.
pub fn end_address_changes(c: &mut Conn, account: AccountId, at: Stamp) -> Result<(), Error> {
    let open = links::table.filter(links::account_id.eq(account).and(links::used_at.is_null()));
    diesel::update(open.filter(links::purpose.eq(super::Purpose::AddressChange)))
        .set(links::used_at.eq(at))
        .execute(c)?;
    Ok(())
}

/// Shuts the account, at that moment and by that clinic (`None`: the operator), or opens it again; `false` if there is nothing to change. The
/// operator's word stands above a clinic's: what a clinic shut becomes the operator's.
pub fn set_disabled(c: &mut Conn, id: AccountId, shut: Option<(Stamp, Option<ClinicId>)>) -> Result<bool, Error> {
    let account = accounts::table.find(id);
    let Some((at, by)) = shut else {
        let opened = diesel::update(account.filter(accounts::disabled_at.is_not_null()))
            .set((accounts::disabled_at.eq(None::<Stamp>), accounts::disabled_by.eq(None::<ClinicId>)))
            .execute(c)?;
        return Ok(opened == 1);
    };
    let change =
        (accounts::disabled_at.eq(at), accounts::disabled_by.eq(by), accounts::auth_epoch.eq(accounts::auth_epoch + 1));
    let is_open = accounts::disabled_at.is_null();
    let changed = match by {
        Some(_) => diesel::update(account.filter(is_open)).set(change).execute(c)?,
        None => {
            diesel::update(account.filter(is_open.or(accounts::disabled_by.is_not_null()))).set(change).execute(c)?
        }
    };
    Ok(changed == 1)
}

/// A new link.
pub fn insert_link(c: &mut Conn, link: &Link) -> Result<(), Error> {
    diesel::insert_into(links::table).values(link).execute(c)?;
    Ok(())
}

/// Spends a link: of many at once, one gets it. The purpose is part of the question, so that no link does another's work.
pub fn spend_link(c: &mut Conn, hash: &[u8], purposes: &[super::Purpose], at: Stamp) -> Result<Option<Link>, Error> {
    let spent = diesel::update(
        links::table
            .filter(links::token_hash.eq(hash).and(links::used_at.is_null()))
            .filter(links::expires_at.gt(at).and(links::purpose.eq_any(purposes.to_vec()))),
    )
    .set(links::used_at.eq(at))
    .execute(c)?;
    if spent == 0 {
        return Ok(None);
    }
    Ok(links::table.filter(links::token_hash.eq(hash)).select(Link::as_select()).first(c).optional()?)
}

/// Ends what was mailed to the member before.
pub fn end_member_links(c: &mut Conn, clinic: ClinicId, member: MemberId, at: Stamp) -> Result<(), Error> {
    diesel::update(
        links::table.filter(links::clinic_id.eq(clinic).and(links::member_id.eq(member)).and(links::used_at.is_null())),
    )
    .set(links::used_at.eq(at))
    .execute(c)?;
    Ok(())
}

/// Ends what was mailed to the patient before: the newest invitation counts.
pub fn end_patient_links(c: &mut Conn, clinic: ClinicId, patient: PatientId, at: Stamp) -> Result<(), Error> {
    diesel::update(
        links::table
            .filter(links::clinic_id.eq(clinic).and(links::patient_id.eq(patient)).and(links::used_at.is_null())),
    )
    .set(links::used_at.eq(at))
    .execute(c)?;
    Ok(())
}

/// How many tries of that name there were in the window that runs, and when it began; for this transaction alone.
pub fn tries(c: &mut Conn, who: &[u8], window: i64, at: Stamp) -> Result<(Stamp, i32), Error> {
    let row = (sign_in_tries::who.eq(who), sign_in_tries::since.eq(at), sign_in_tries::tries.eq(0));
    crate::db::insert_once!(c, sign_in_tries::table, row);
    let found = sign_in_tries::table.find(who).select((sign_in_tries::since, sign_in_tries::tries));
    let (since, tries): (Stamp, i32) = crate::db::first_locked!(c, found)?;
    Ok(if (0..window).contains(&at.seconds_since(since)) { (since, tries) } else { (at, 0) })
}

/// The new count.
pub fn set_tries(c: &mut Conn, who: &[u8], since: Stamp, tries: i32) -> Result<(), Error> {
    diesel::update(sign_in_tries::table.find(who))
        .set((sign_in_tries::since.eq(since), sign_in_tries::tries.eq(tries)))
        .execute(c)?;
    Ok(())
}

/// Adds to what was refused in this minute, for that reason, from that place.
pub fn add_refusals(c: &mut Conn, reason: &str, source: &str, times: i32, at: Stamp) -> Result<(), Error> {
    let minute = at.plus_seconds(-(at.seconds().rem_euclid(60)));
    let minute = Stamp::from_micros(minute.seconds() * 1_000_000).unwrap_or(minute);
    let row =
        (refusals::minute.eq(minute), refusals::reason.eq(reason), refusals::source.eq(source), refusals::times.eq(0));
    crate::db::insert_once!(c, refusals::table, row);
    diesel::update(refusals::table.find((minute, reason, source)))
        .set(refusals::times.eq(refusals::times + times))
        .execute(c)?;
    Ok(())
}

/// What was refused since then: reason, source, how often.
pub fn list_refusals(c: &mut Conn, since: Stamp) -> Result<Vec<(String, String, i32)>, Error> {
    Ok(refusals::table
        .filter(refusals::minute.ge(since))
        .order((refusals::minute, refusals::reason, refusals::source))
        .select((refusals::reason, refusals::source, refusals::times))
        .load(c)?)
}

/// Forgets refusals from before then.
pub fn forget_refusals(c: &mut Conn, before: Stamp) -> Result<(), Error> {
    diesel::delete(refusals::table.filter(refusals::minute.lt(before))).execute(c)?;
    Ok(())
}

/// Forgets links that ran out before then, at most so many; gives how many.
pub fn forget_links(c: &mut Conn, before: Stamp, most: i64) -> Result<usize, Error> {
    let old: Vec<LinkId> = links::table.filter(links::expires_at.lt(before)).select(links::id).limit(most).load(c)?;
    if old.is_empty() {
        return Ok(0); // a list of none would be looked for in every row
    }
    Ok(diesel::delete(links::table.filter(links::id.eq_any(old))).execute(c)?)
}

/// Forgets sessions that ended, or could no longer be used, before then, at most so many; gives how many.
pub fn forget_sessions(c: &mut Conn, before: Stamp, most: i64) -> Result<usize, Error> {
    let is_old = sessions::ended_at.lt(before).or(sessions::ends_at.lt(before).nullable());
    let old: Vec<SessionId> = sessions::table.filter(is_old).select(sessions::id).limit(most).load(c)?;
    if old.is_empty() {
        return Ok(0); // a list of none would be looked for in every row
    }
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(old))).execute(c)?)
}

/// Forgets tries whose windows are long over.
pub fn forget_tries(c: &mut Conn, at: Stamp) -> Result<(), Error> {
    diesel::delete(sign_in_tries::table.filter(sign_in_tries::since.lt(at.plus_seconds(-86_400)))).execute(c)?;
    Ok(())
}

/// The number that rises with every change of rights or keys.
pub fn rights_generation(c: &mut Conn) -> Result<i64, Error> {
    Ok(rights::table.find(1).select(rights::generation).first(c)?)
}

/// Nobody else changes rights or keys before this transaction has ended.
pub fn lock_rights(c: &mut Conn) -> Result<(), Error> {
    crate::db::lock!(c, rights::table.find(1).select(rights::generation), i64);
    Ok(())
}

/// Raises it.
pub fn raise_rights(c: &mut Conn) -> Result<(), Error> {
    diesel::update(rights::table.find(1)).set(rights::generation.eq(rights::generation + 1)).execute(c)?;
    Ok(())
}

/// The keys that were not removed, oldest first.
pub fn list_keys(c: &mut Conn) -> Result<Vec<StoredKey>, Error> {
    Ok(signing_keys::table
        .filter(signing_keys::removed_at.is_null())
        .order(signing_keys::signs_from)
        .select(StoredKey::as_select())
        .load(c)?)
}

/// A new key.
pub fn insert_key(c: &mut Conn, key: &StoredKey) -> Result<(), Error> {
    diesel::insert_into(signing_keys::table).values(key).execute(c)?;
    Ok(())
}

/// Removes a key; tokens that it signed count no more.
pub fn remove_key(c: &mut Conn, kid: &str, at: Stamp) -> Result<bool, Error> {
    let removed = diesel::update(signing_keys::table.find(kid).filter(signing_keys::removed_at.is_null()))
        .set(signing_keys::removed_at.eq(at))
        .execute(c)?;
    Ok(removed == 1)
}

/// The link of that token's digest.
pub fn find_link(c: &mut Conn, hash: &[u8]) -> Result<Option<Link>, Error> {
    Ok(links::table.filter(links::token_hash.eq(hash)).select(Link::as_select()).first(c).optional()?)
}

/// The names under which clinics know an account, as a member or as a patient.
pub fn list_names(c: &mut Conn, account: AccountId) -> Result<Vec<(ClinicId, String)>, Error> {
    let mut names: Vec<(ClinicId, String)> =
        members::table.filter(members::account_id.eq(account)).select((members::clinic_id, members::name)).load(c)?;
    let records = patients::table.filter(patients::account_id.eq(account));
    names.extend(records.select((patients::clinic_id, patients::name)).load::<(ClinicId, String)>(c)?);
    Ok(names)
}

/// What a clinic is called.
pub fn clinic_name(c: &mut Conn, id: ClinicId) -> Result<String, Error> {
    Ok(clinics::table.find(id).select(clinics::name).first(c)?)
}
