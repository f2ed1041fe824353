//! The outbox: a mail is a row, written in the transaction of what it is about, and sent later by a worker that claims it
//! with a lease and a fence. `docs/ARCHITECTURE.md` draws the states.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};

use super::templates::{Kind, ValidFor};
use crate::db::schema::outbox;
use crate::error::Error;
use crate::http::PageParams;
use ground::ids::{AccountId, ClinicId, MailId, PatientId};
use ground::sql::Json;
use ground::sql::{Conn, MultiBackend};
use ground::time::{Moment, Stamp};
use ground::words;

/// A claim counts so long; whoever is slower has lost it.
pub const LEASE_SECONDS: i64 = 90;
/// A mail whose fate is unknown is sent again so much later, once.
const RESEND_AFTER: i64 = 15 * 60;
/// The first pause after a "not now"; it doubles each time. Greylists want minutes.
const FIRST_PAUSE: i64 = 5 * 60;
/// The same when the relay could not be reached at all.
const FIRST_PAUSE_UNREACHED: i64 = 30;
/// No pause is longer.
const LONGEST_PAUSE: i64 = 6 * 3_600;
/// The same when the relay could not be reached: everything goes within minutes of its return.
const LONGEST_PAUSE_UNREACHED: i64 = 120;

words! {
    /// Where a mail is.
    pub enum MailState {
        /// Waits for its time.
        Pending = "pending",
        /// Claimed; nothing was sent.
        Leased = "leased",
        /// On the wire: from here a crash leaves its fate unknown.
        Sending = "sending",
        /// The relay took it.
        Sent = "sent",
        /// The relay said "not now".
        Retry = "retry",
        /// The relay said "never".
        Dead = "dead",
        /// Its time is over.
        Expired = "expired",
        /// Sent or not: nobody can know.
        Unknown = "unknown",
        /// Decided against at the last moment; `outcome` says why.
        Withdrawn = "withdrawn",
    }
}

/// One mail.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox, check_for_backend(MultiBackend))]
pub struct OutboxMail {
    /// Its id; its Message-ID is made of it.
    pub id: MailId,
    /// The clinic it comes from, if one.
    pub clinic_id: Option<ClinicId>,
    /// The patient it goes to, if one.
    pub patient_id: Option<PatientId>,
    /// What kind of mail.
    pub kind: String,
    /// The same for every copy.
    pub message_id: String,
    /// Where to.
    pub to_address: String,
    pub locale: String,
    /// What the text is made of; emptied when the mail was sent or is not wanted any more.
    pub context: Json,
    /// Where it is.
    pub state: MailState,
    /// Rises with every claim: a result with an older one is dropped.
    pub fence: i32,
    /// Tries so far.
    pub attempt: i32,
    /// Whether it was sent again after its fate was unknown.
    pub resent: bool,
    /// When it is tried next.
    pub available_at: Stamp,
    /// After this it is not sent any more.
    pub expires_at: Stamp,
    /// When it was written.
    pub created_at: Stamp,
}

/// What the text of a mail is made of, beside the clinic's own lines. No secret is among it: a link that signs in, and the one that
/// ends reminders, are made when the mail is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Context {
    /// Where the button leads; for a mail with a one-time link, where its page is.
    pub link: String,
    /// How long the link is good, in minutes, for one-time links.
    pub valid_minutes: Option<u32>,
    /// Whether it can be unsubscribed from.
    #[serde(default)]
    pub unsubscribe: bool,
    /// The account that it is about, where the address does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// A mail to be written.
pub struct NewMail {
    /// The clinic it comes from, if one.
    pub clinic_id: Option<ClinicId>,
    /// The patient it goes to, if one.
    pub patient_id: Option<PatientId>,
    /// What kind.
    pub kind: Kind,
    /// A second mail with the same key is not written.
    pub dedupe_key: String,
    /// Where to.
    pub to: String,
    pub locale: String,
    /// Where the button leads; for a mail with a one-time link, where its page is.
    pub link: String,
    /// How long the link is good, for one-time links.
    pub valid_for: Option<ValidFor>,
    /// Whether it can be unsubscribed from (it needs a clinic and a patient for that).
    pub unsubscribe: bool,
    /// The account that it is about, where the address does not say so.
    pub account: Option<AccountId>,
    /// Not before this.
    pub available_at: Stamp,
    /// After this it is not sent any more.
    pub expires_at: Stamp,
}

impl NewMail {
    /// One of that kind, to be filled in: from no clinic, to nobody yet, at once, for a day.
    pub fn of(kind: Kind, m: &Moment) -> Self {
        Self {
            clinic_id: None,
            patient_id: None,
            kind,
            dedupe_key: String::new(),
            to: String::new(),
            locale: "en".to_owned(),
            link: String::new(),
            valid_for: None,
            unsubscribe: false,
            account: None,
            available_at: m.at,
            expires_at: m.at.plus_seconds(86_400),
        }
    }
}

/// The sender's side of an envelope: what a verb needs to write a mail.
#[derive(Clone)]
pub struct Post {
    /// The domain of message ids.
    pub domain: String,
    /// Where links for people lead.
    pub links_url: String,
    /// Where the API is.
    pub base_url: String,
    /// Makes the token of an unsubscribe link.
    pub secrets: std::sync::Arc<crate::secrets::Secrets>,
}

impl Post {
    /// A link whose token stands behind `#`: it reaches no server and no log.
    pub fn link(&self, page: &str, token: &str) -> String {
        format!("{}/open/{page}#{token}", self.links_url)
    }

    /// The page of a one-time link; its token is made when the mail is sent.
    pub fn page(&self, page: &str) -> String {
        format!("{}/open/{page}", self.links_url)
    }

    /// Where the patient's reminders can be ended with one click.
    pub fn unsubscribe_url(&self, clinic: ClinicId, patient: PatientId) -> String {
        let token = self.secrets.unsubscribe_token(clinic.0, patient.0);
        format!("{}/v1/unsubscribe/{token}", self.base_url)
    }
}

/// Writes a mail into the outbox, once a `dedupe_key`; gives its id, or `None` if there was one already.
pub fn put_once(c: &mut Conn, post: &Post, new: NewMail, m: &Moment) -> Result<Option<MailId>, Error> {
    let id: MailId = m.id();
    let context = Context {
        link: new.link,
        valid_minutes: new.valid_for.map(ValidFor::minutes),
        unsubscribe: new.unsubscribe,
        account: new.account,
    };
    let row = (
        outbox::id.eq(id),
        outbox::clinic_id.eq(new.clinic_id),
        outbox::patient_id.eq(new.patient_id),
        outbox::kind.eq(new.kind.word()),
        outbox::dedupe_key.eq(new.dedupe_key),
        outbox::message_id.eq(format!("{id}@{}", post.domain)),
        outbox::to_address.eq(new.to),
        outbox::locale.eq(new.locale),
        outbox::context.eq(Json::of(&context)?),
        outbox::state.eq(MailState::Pending),
        outbox::fence.eq(0),
        outbox::attempt.eq(0),
        outbox::resent.eq(false),
        outbox::available_at.eq(new.available_at),
        outbox::expires_at.eq(new.expires_at),
        outbox::created_at.eq(m.at),
    );
    let written = crate::db::insert_once!(c, outbox::table, row);
    Ok((written == 1).then_some(id))
}

/// Writes a mail into the outbox.
pub fn put(c: &mut Conn, post: &Post, new: NewMail, m: &Moment) -> Result<(), Error> {
    put_once(c, post, new, m).map(|_| ())
}

impl MailState {
    /// Whether what is written now will still be told by it.
    pub fn still_waits(self) -> bool {
        matches!(self, Self::Pending | Self::Leased | Self::Retry)
    }

    /// Whether it was given up without the relay's word that it was taken. What it is made of is kept then: it can be sent again.
    pub fn did_not_arrive(self) -> bool {
        matches!(self, Self::Dead | Self::Expired | Self::Unknown)
    }
}

/// Where the mail of that dedupe key is, and when it was to go.
pub fn find_standing(c: &mut Conn, key: &str) -> Result<Option<(MailState, Stamp)>, Error> {
    Ok(outbox::table
        .filter(outbox::dedupe_key.eq(key))
        .select((outbox::state, outbox::available_at))
        .first(c)
        .optional()?)
}

/// The mail of that dedupe key.
pub fn find_by_key(c: &mut Conn, key: &str) -> Result<Option<MailId>, Error> {
    Ok(outbox::table.filter(outbox::dedupe_key.eq(key)).select(outbox::id).first(c).optional()?)
}

/// The kinds in the order in which they go: who waits at a screen, who watches over patients, who was asked to join, who is reminded.
const ORDER: [Kind; 8] = [
    Kind::SignInLink,
    Kind::PasswordReset,
    Kind::AddressChange,
    Kind::AlertNotice,
    Kind::AddressChanged,
    Kind::MemberInvitation,
    Kind::PatientInvitation,
    Kind::Reminder,
];

/// Which mails a worker's line carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those that somebody waits for at a screen: nothing else may be in their way.
    Links,
    /// All, in their order.
    All,
}

impl Lane {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Links => ORDER.get(..3).unwrap_or_default(),
            Self::All => &ORDER,
        }
    }
}

/// Whose turn it was last, by kind: clinics take turns, so that none waits for all of another's.
#[derive(Debug, Clone, Default)]
pub struct Turns(HashMap<&'static str, ClinicId>);

/// A mail that was claimed, or one that cannot even be read, with the reason.
pub type Claimed = Result<OutboxMail, (MailId, Error)>;

/// Who claims mails.
#[derive(Debug, Clone)]
pub struct Claimant {
    pub owner: String,
    /// What it carries.
    pub lane: Lane,
    /// So many at once.
    pub most: usize,
}

/// Claims mails that are due: raises the fence, starts the lease. Two workers never get the same one.
pub fn claim(c: &mut Conn, by: &Claimant, turns: &mut Turns, at: Stamp) -> Result<Vec<Claimed>, Error> {
    recover(c, at)?;
    let mut claimed = Vec::new();
    for kind in by.lane.kinds() {
        while claimed.len() < by.most
            && let Some(id) = next_in_turn(c, *kind, turns, at)?
        {
            claimed.push(claim_one(c, &by.owner, id, at)?);
        }
    }
    Ok(claimed)
}

fn claim_one(c: &mut Conn, owner: &str, id: MailId, at: Stamp) -> Result<Claimed, Error> {
    diesel::update(outbox::table.find(id))
        .set((
            outbox::state.eq(MailState::Leased),
            outbox::fence.eq(outbox::fence + 1),
            outbox::attempt.eq(outbox::attempt + 1),
            outbox::owner.eq(owner),
            outbox::lease_until.eq(at.plus_seconds(LEASE_SECONDS)),
        ))
        .execute(c)?;
    let read = outbox::table.find(id).select(OutboxMail::as_select()).first(c);
    match read {
        Ok(mail) => Ok(Ok(mail)),
        Err(why @ diesel::result::Error::DeserializationError(_)) => Ok(Err((id, why.into()))),
        Err(why) => Err(why.into()),
    }
}

/// The oldest due mail of that kind of the clinic whose turn it is.
fn next_in_turn(c: &mut Conn, kind: Kind, turns: &mut Turns, at: Stamp) -> Result<Option<MailId>, Error> {
    let last = turns.0.get(kind.word()).copied();
    for after in last.into_iter().map(Some).chain([None]) {
        for state in [MailState::Pending, MailState::Retry] {
            if let Some((id, clinic)) = first_due(c, kind, state, after, at)? {
                match clinic {
                    Some(clinic) => turns.0.insert(kind.word(), clinic),
                    None => turns.0.remove(kind.word()),
                };
                return Ok(Some(id));
            }
        }
    }
    Ok(None)
}

/// The first due mail of the clinics after that one, in their order; after none, those of no clinic come first.
fn first_due(
    c: &mut Conn,
    kind: Kind,
    state: MailState,
    after: Option<ClinicId>,
    at: Stamp,
) -> Result<Option<(MailId, Option<ClinicId>)>, Error> {
    macro_rules! due {
        () => {
            outbox::table
                .filter(outbox::state.eq(state).and(outbox::kind.eq(kind.word())))
                .filter(outbox::available_at.le(at).and(outbox::expires_at.gt(at)).and(outbox::held_at.is_null()))
                .order((outbox::clinic_id, outbox::available_at))
                .select((outbox::id, outbox::clinic_id))
                .limit(1)
        };
    }
    if after.is_none() {
        let of_no_clinic = due!().filter(outbox::clinic_id.is_null());
        let found = crate::db::first_unlocked!(c, of_no_clinic).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let after = after.unwrap_or(ClinicId(uuid::Uuid::nil()));
    let of_a_clinic = due!().filter(outbox::clinic_id.gt(after));
    Ok(crate::db::first_unlocked!(c, of_a_clinic).optional()?)
}

/// Whether something will still come of a mail.
pub fn is_open(c: &mut Conn, id: MailId) -> Result<bool, Error> {
    let state: Option<MailState> = outbox::table.find(id).select(outbox::state).first(c).optional()?;
    let is_open =
        |state| matches!(state, MailState::Pending | MailState::Leased | MailState::Sending | MailState::Retry);
    Ok(state.is_some_and(is_open))
}

/// Gives claims back that nothing was done with: the process stops.
pub fn hand_back(c: &mut Conn, mails: &[(MailId, i32)]) -> Result<(), Error> {
    for (id, fence) in mails {
        diesel::update(outbox::table.find(id).filter(outbox::fence.eq(fence).and(outbox::state.eq(MailState::Leased))))
            .set((
                outbox::state.eq(MailState::Pending),
                outbox::attempt.eq(outbox::attempt - 1),
                outbox::owner.eq(None::<String>),
                outbox::lease_until.eq(None::<Stamp>),
            ))
            .execute(c)?;
    }
    Ok(())
}

/// A mail that cannot be looked at now is looked at again later; whatever is wrong with its row, nothing waits for it.
/// Under the fence of the claim, where that could be read.
pub fn put_off(c: &mut Conn, id: MailId, fence: Option<i32>, until: Stamp) -> Result<(), Error> {
    let leased = outbox::table.find(id).filter(outbox::state.eq(MailState::Leased));
    let change = (
        outbox::state.eq(MailState::Retry),
        outbox::available_at.eq(until),
        outbox::outcome.eq("it could not be looked at"),
        outbox::lease_until.eq(None::<Stamp>),
    );
    match fence {
        Some(fence) => diesel::update(leased.filter(outbox::fence.eq(fence))).set(change).execute(c)?,
        None => diesel::update(leased).set(change).execute(c)?,
    };
    Ok(())
}

/// Puts right what a dead worker left: a claim is free again; a mail on the wire is unknown, and goes once more, later.
fn recover(c: &mut Conn, at: Stamp) -> Result<(), Error> {
    diesel::update(outbox::table.filter(outbox::state.eq(MailState::Leased).and(outbox::lease_until.lt(at))))
        .set((outbox::state.eq(MailState::Pending), outbox::owner.eq(None::<String>)))
        .execute(c)?;
    diesel::update(
        outbox::table
            .filter(outbox::state.eq(MailState::Sending).and(outbox::lease_until.lt(at)))
            .filter(outbox::resent.eq(false).and(outbox::kind.eq_any(RESENT_KINDS))),
    )
    .set((
        outbox::state.eq(MailState::Retry),
        outbox::resent.eq(true),
        outbox::available_at.eq(at.plus_seconds(RESEND_AFTER)),
    ))
    .execute(c)?;
    settle_all(c, MailState::Sending, at, MailState::Unknown, "the worker stopped while the mail was on the wire")?;
    for waiting in [MailState::Pending, MailState::Retry] {
        expire(c, waiting, at)?;
    }
    Ok(())
}

/// A second copy of these does no harm; a sign-in code is never sent twice.
const RESENT_KINDS: [&str; 5] =
    ["reminder", "alert_notice", "address_changed", "patient_invitation", "member_invitation"];

fn settle_all(c: &mut Conn, from: MailState, at: Stamp, to: MailState, outcome: &str) -> Result<(), Error> {
    diesel::update(outbox::table.filter(outbox::state.eq(from).and(outbox::lease_until.lt(at))))
        .set((outbox::state.eq(to), outbox::settled_at.eq(at), outbox::outcome.eq(outcome)))
        .execute(c)?;
    Ok(())
}

fn expire(c: &mut Conn, from: MailState, at: Stamp) -> Result<(), Error> {
    diesel::update(outbox::table.filter(outbox::state.eq(from).and(outbox::expires_at.le(at))))
        .set((outbox::state.eq(MailState::Expired), outbox::settled_at.eq(at), outbox::outcome.eq("not sent in time")))
        .execute(c)?;
    Ok(())
}

/// The mail goes on the wire now, to this address. `false`: the claim was lost or its time is over, and it must not be sent.
pub fn mark_sending(c: &mut Conn, mail: &OutboxMail, to: &str, at: Stamp) -> Result<bool, Error> {
    let claimed = outbox::table
        .find(mail.id)
        .filter(outbox::fence.eq(mail.fence).and(outbox::state.eq(MailState::Leased)))
        .filter(outbox::expires_at.gt(at));
    let marked = diesel::update(claimed)
        .set((
            outbox::state.eq(MailState::Sending),
            outbox::to_address.eq(to),
            outbox::lease_until.eq(at.plus_seconds(LEASE_SECONDS)),
        ))
        .execute(c)?;
    Ok(marked == 1)
}

/// The lease goes on while a slow relay is spoken to.
pub fn renew(c: &mut Conn, mail: &OutboxMail, at: Stamp) -> Result<bool, Error> {
    let renewed = diesel::update(outbox::table.find(mail.id).filter(outbox::fence.eq(mail.fence)))
        .set(outbox::lease_until.eq(at.plus_seconds(LEASE_SECONDS)))
        .execute(c)?;
    Ok(renewed == 1)
}

/// What came of a try. `false`: the claim was lost meanwhile, and the result is dropped.
pub fn settle(c: &mut Conn, mail: &OutboxMail, state: MailState, outcome: &str, at: Stamp) -> Result<bool, Error> {
    let context = if state.did_not_arrive() { mail.context.clone() } else { Json::null() };
    let settled = diesel::update(outbox::table.find(mail.id).filter(outbox::fence.eq(mail.fence)))
        .set((
            outbox::state.eq(state),
            outbox::settled_at.eq(at),
            outbox::outcome.eq(outcome),
            outbox::context.eq(context),
            outbox::lease_until.eq(None::<Stamp>),
        ))
        .execute(c)?;
    Ok(settled == 1)
}

/// Why a mail goes back into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The relay could not be reached, or broke off before the end of the mail.
    Unreached,
    /// The relay said "not now".
    NotNow,
    /// It may have been taken, or not: once more, and then never.
    Unknown,
    /// The relay refuses whatever we send: it is nothing about this mail.
    Channel,
}

/// A mail that was settled as refused goes back into the queue, with its text: the relay refused everybody.
pub fn revive(c: &mut Conn, mail: &OutboxMail, at: Stamp) -> Result<(), Error> {
    diesel::update(
        outbox::table.find(mail.id).filter(outbox::fence.eq(mail.fence).and(outbox::state.eq(MailState::Dead))),
    )
    .set((
        outbox::state.eq(MailState::Retry),
        outbox::context.eq(mail.context.clone()),
        outbox::available_at.eq(at.plus_seconds(FIRST_PAUSE_UNREACHED)),
        outbox::settled_at.eq(None::<Stamp>),
    ))
    .execute(c)?;
    Ok(())
}

/// The mail is tried again later; one whose fate is unknown for the second time is settled as that. A result that comes after its lease
/// still counts if nobody has claimed the mail since: what was taken for unknown meanwhile did not go, and gets its text back.
pub fn put_back(c: &mut Conn, mail: &OutboxMail, outcome: &str, again: Again, at: Stamp) -> Result<bool, Error> {
    let unknown = again == Again::Unknown;
    if unknown && (mail.resent || !RESENT_KINDS.contains(&mail.kind.as_str())) {
        return settle(c, mail, MailState::Unknown, outcome, at);
    }
    let wait = match again {
        Again::Unknown => RESEND_AFTER,
        Again::NotNow => pause(mail, FIRST_PAUSE, LONGEST_PAUSE),
        Again::Unreached | Again::Channel => pause(mail, FIRST_PAUSE_UNREACHED, LONGEST_PAUSE_UNREACHED),
    };
    let late = [MailState::Sending, MailState::Retry, MailState::Unknown];
    let claimed = outbox::table.find(mail.id).filter(outbox::fence.eq(mail.fence).and(outbox::state.eq_any(late)));
    let back = diesel::update(claimed)
        .set((
            outbox::state.eq(MailState::Retry),
            outbox::resent.eq(mail.resent || unknown),
            outbox::available_at.eq(at.plus_seconds(wait)),
            outbox::outcome.eq(outcome),
            outbox::context.eq(mail.context.clone()),
            outbox::lease_until.eq(None::<Stamp>),
            outbox::settled_at.eq(None::<Stamp>),
        ))
        .execute(c)?;
    Ok(back == 1)
}

/// Twice as long each time, and up to a minute more that differs from mail to mail.
fn pause(mail: &OutboxMail, first: i64, longest: i64) -> i64 {
    let doublings = u32::try_from(mail.attempt - 1).unwrap_or_default().min(10);
    let jitter = i64::from(mail.id.0.as_bytes().last().copied().unwrap_or_default()) * 60 / 255;
    (first << doublings).min(longest) + jitter
}

/// What became of a mail.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = outbox, check_for_backend(MultiBackend))]
pub struct Fate {
    /// Where it is.
    pub state: MailState,
    /// How often it was tried.
    pub attempt: i32,
    /// What came of the last try.
    pub outcome: Option<String>,
    /// When it was settled.
    pub settled_at: Option<Stamp>,
}

/// What became of the mail of that id.
pub fn fate(c: &mut Conn, id: MailId) -> Result<Option<Fate>, Error> {
    Ok(outbox::table.find(id).select(Fate::as_select()).first(c).optional()?)
}

/// A mail, with what became of it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(check_for_backend(MultiBackend))]
pub struct TrackedMail {
    #[diesel(embed)]
    pub mail: OutboxMail,
    /// What became of it.
    #[diesel(embed)]
    pub fate: Fate,
}

/// Mails that were tried in vain or given up: of a clinic, or of all and of none; newest first.
pub fn list_undelivered(c: &mut Conn, clinic: Option<ClinicId>, page: &PageParams) -> Result<Vec<TrackedMail>, Error> {
    // As words and not as values: the index is of these states only, and is used only where the query says so.
    let undelivered = diesel::dsl::sql::<Bool>("state IN ('retry', 'dead', 'expired', 'unknown')");
    let mut rows = outbox::table
        .filter(undelivered)
        .order(outbox::id.desc())
        .limit(page.fetch())
        .select(TrackedMail::as_select())
        .into_boxed();
    if let Some(clinic) = clinic {
        rows = rows.filter(outbox::clinic_id.eq(clinic));
    }
    if let Some(after) = page.after::<MailId>() {
        rows = rows.filter(outbox::id.lt(after));
    }
    Ok(rows.load(c)?)
}

/// The mail of that id: of a clinic, or of any.
pub fn find_tracked_of(c: &mut Conn, clinic: Option<ClinicId>, id: MailId) -> Result<Option<TrackedMail>, Error> {
    let found: Option<TrackedMail> = outbox::table.find(id).select(TrackedMail::as_select()).first(c).optional()?;
    Ok(found.filter(|tracked| clinic.is_none() || tracked.mail.clinic_id == clinic))
}

/// The newest mail to a patient, for the demo.
pub fn find_newest_of_patient(c: &mut Conn, patient: PatientId) -> Result<Option<OutboxMail>, Error> {
    let of_patient = outbox::table.filter(outbox::patient_id.eq(patient)).order(outbox::id.desc());
    Ok(of_patient.select(OutboxMail::as_select()).first(c).optional()?)
}

/// A mail that was given up goes into the queue as if it were new. `false`: somebody else was first.
pub fn send_again(c: &mut Conn, mail: &OutboxMail, until: Stamp, at: Stamp) -> Result<bool, Error> {
    let given_up = outbox::table.find(mail.id).filter(outbox::state.eq(mail.state).and(outbox::fence.eq(mail.fence)));
    let changed = diesel::update(given_up)
        .set((
            outbox::state.eq(MailState::Pending),
            outbox::fence.eq(mail.fence + 1),
            outbox::attempt.eq(0),
            outbox::resent.eq(false),
            outbox::available_at.eq(at),
            outbox::expires_at.eq(until),
            outbox::settled_at.eq(None::<Stamp>),
            outbox::outcome.eq(None::<String>),
            outbox::held_at.eq(None::<Stamp>),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// Mails of that kind whose keys begin so are not wanted any more: another one takes their place. One that is on the wire arrives or does not,
/// and is not tried again. By `LIKE`, which no database sorts by its own alphabet; the index knows state and kind.
pub fn withdraw_all(c: &mut Conn, kind: Kind, beginning: &str, at: Stamp) -> Result<(), Error> {
    let not_sent = [
        MailState::Pending,
        MailState::Leased,
        MailState::Sending,
        MailState::Retry,
        MailState::Dead,
        MailState::Expired,
        MailState::Unknown,
    ];
    let older = outbox::table
        .filter(outbox::state.eq_any(not_sent).and(outbox::kind.eq(kind.word())))
        .filter(outbox::dedupe_key.like(format!("{beginning}%")));
    diesel::update(older)
        .set((
            outbox::state.eq(MailState::Withdrawn),
            outbox::settled_at.eq(at),
            outbox::outcome.eq("replaced"),
            outbox::context.eq(Json::null()),
        ))
        .execute(c)?;
    Ok(())
}

/// Mails that a restore holds, oldest first.
pub fn list_held(c: &mut Conn) -> Result<Vec<OutboxMail>, Error> {
    Ok(outbox::table
        .filter(outbox::held_at.is_not_null().and(outbox::settled_at.is_null()))
        .order(outbox::id)
        .select(OutboxMail::as_select())
        .load(c)?)
}

/// Lets one of them go out, or all; gives how many.
pub fn release(c: &mut Conn, id: Option<MailId>) -> Result<usize, Error> {
    let held = outbox::table.filter(outbox::held_at.is_not_null().and(outbox::settled_at.is_null()));
    let change =
        (outbox::held_at.eq(None::<Stamp>), outbox::state.eq(MailState::Pending), outbox::outcome.eq(None::<String>));
    Ok(match id {
        Some(id) => diesel::update(held.filter(outbox::id.eq(id))).set(change).execute(c)?,
        None => diesel::update(held).set(change).execute(c)?,
    })
}

/// Mails that were settled before then, at most so many.
pub fn list_settled_before(c: &mut Conn, before: Stamp, most: i64) -> Result<Vec<MailId>, Error> {
    let settled = [MailState::Sent, MailState::Dead, MailState::Expired, MailState::Unknown, MailState::Withdrawn];
    Ok(outbox::table
        // The second condition is what the index knows.
        .filter(outbox::settled_at.lt(before).and(outbox::available_at.lt(before)))
        .filter(outbox::state.eq_any(settled))
        .select(outbox::id)
        .limit(most)
        .load(c)?)
}

/// Forgets mails that nothing refers to any more; gives how many.
pub fn forget(c: &mut Conn, mails: &[MailId]) -> Result<usize, Error> {
    Ok(diesel::delete(outbox::table.filter(outbox::id.eq_any(mails))).execute(c)?)
}

/// What is to become of a mail, by the records as they are now.
pub enum SendDecision {
    /// It goes.
    Send {
        /// Where to: the record's address of today.
        to: String,
        /// The record's language of today.
        locale: String,
        /// The one-time link that was made for it.
        link: Option<String>,
    },
    /// It does not, for this reason.
    Withdraw(&'static str),
}

impl SendDecision {
    /// It goes where it was addressed to when it was written.
    pub fn as_it_is(mail: &OutboxMail) -> Self {
        Self::Send { to: mail.to_address.clone(), locale: mail.locale.clone(), link: None }
    }
}
