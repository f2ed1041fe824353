//! The tenant and its members.

pub mod hours;
pub mod store;
mod texts;

use diesel::prelude::*;

pub use hours::{ClosedDates, OpeningHours};
pub use texts::{missing_texts, must_be_written};

use crate::auth::{self, Member, MemberState, Role};
use crate::ctx::Ctx;
use crate::db::schema::clinics;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::text::{Email, Line, Locale, Name, Phone, Zone};
use crate::mail::outbox::{self, OutboxMail};
use crate::mail::templates::ClinicLines;
use engine::ClinicTexts;
use ground::ids::{AccountId, ClinicId, MemberId};
use ground::sql::Json;
use ground::sql::{Conn, MultiBackend};
use ground::time::Stamp;
use ground::words;

words! {
    /// Whether answers are judged.
    pub enum TriageMode {
        /// Rules are judged, advice is given, alerts are raised.
        Full = "full",
        /// Answers are kept; no rule is judged.
        InstructionsOnly = "instructions_only",
    }
}

/// The tenant.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = clinics, treat_none_as_default_value = false, check_for_backend(MultiBackend))]
pub struct Clinic {
    pub id: ClinicId,
    pub name: String,
    /// Its IANA zone: day 0 is a date there.
    pub zone: String,
    pub locale: String,
    pub phone: String,
    /// The emergency number where it is.
    pub emergency_number: String,
    /// Whom to call when it is closed.
    pub out_of_hours: String,
    /// When answers are read, in its own words.
    pub reply_hours: String,
    /// Whether anybody reads answers at all.
    pub monitored: bool,
    /// Whether answers are judged.
    pub triage: TriageMode,
    /// A demo clinic: its clock can be moved, and its plans need no approval.
    pub demo: bool,
    pub created_at: Stamp,
    /// Rises with every change.
    pub version: i32,
    /// What it has written for the texts that protocols leave to it: key -> language -> text.
    pub texts: Json,
    /// When a person looks; `None` if it has not said (`hours::OpeningHours`).
    pub opening_hours: Option<Json>,
    /// The dates on which nobody does (`hours::ClosedDates`).
    pub closed_on: Option<Json>,
}

impl From<&Clinic> for EventSubject {
    fn from(clinic: &Clinic) -> Self {
        Self::in_clinic(clinic.id, Object::Clinic(clinic.id))
    }
}

/// What makes a clinic.
#[derive(Debug, Clone)]
pub struct NewClinic {
    pub name: Name,
    /// Its IANA zone.
    pub zone: Zone,
    pub locale: Locale,
    pub phone: Phone,
    /// The emergency number where it is.
    pub emergency_number: Phone,
    /// Whom to call when it is closed.
    pub out_of_hours: Line,
    /// When answers are read.
    pub reply_hours: Line,
    /// Whether anybody reads answers.
    pub monitored: bool,
    /// Whether answers are judged.
    pub triage: TriageMode,
    /// A demo clinic.
    pub demo: bool,
    /// When a person looks; empty: it has not said.
    pub opening_hours: Vec<OpeningHours>,
}

/// The clinic of that id or name, for whoever runs the server. A name that two clinics have finds neither.
pub fn find_named(c: &mut Conn, named: &str) -> Result<Clinic, Error> {
    let all = store::list(c)?;
    let is_it = |clinic: &&Clinic| clinic.id.to_string() == named || clinic.name == named;
    let mut found = all.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(clinic), None) => Ok(clinic.clone()),
        (None, _) => Err(Error::Setting(format!("there is no clinic `{named}`: see `aftercare clinic list`"))),
        (Some(_), Some(_)) => Err(Error::Setting(format!("more than one clinic is called `{named}`: give its id"))),
    }
}

/// The oldest clinic of this name, whatever its capitals, that the account of the address owns, or is invited to own.
pub fn find_owned(c: &mut Conn, name: &str, owner_email: &str) -> Result<Option<Clinic>, Error> {
    let Some(account) = auth::store::find_account_by_email(c, owner_email)? else { return Ok(None) };
    let is_named = |clinic: &Clinic| clinic.name.to_lowercase() == name.to_lowercase();
    for clinic in store::list(c)?.into_iter().filter(is_named) {
        let member = auth::store::find_member_of(c, clinic.id, account.id)?;
        if member.is_some_and(|member| member.role == Role::Owner && member.state != MemberState::Removed) {
            return Ok(Some(clinic));
        }
    }
    Ok(None)
}

/// Makes a clinic with nobody in it.
pub fn create(ctx: &mut Ctx<'_>, new: NewClinic) -> Result<Clinic, Error> {
    let clinic = Clinic {
        id: ctx.m.id(),
        name: new.name.into(),
        zone: new.zone.as_str().to_owned(),
        locale: new.locale.as_str().to_owned(),
        phone: new.phone.into(),
        emergency_number: new.emergency_number.into(),
        out_of_hours: new.out_of_hours.into(),
        reply_hours: new.reply_hours.into(),
        monitored: new.monitored,
        triage: new.triage,
        demo: new.demo,
        created_at: ctx.m.at,
        version: 1,
        texts: Json::of(&ClinicTexts::default())?,
        opening_hours: hours::stored(&new.opening_hours)?,
        closed_on: None,
    };
    store::insert(ctx.c, &clinic)?;
    ctx.happened(EventKind::ClinicCreated, &clinic)?;
    Ok(clinic)
}

/// What is to change of a clinic; `None` stays.
#[derive(Debug, Default)]
pub struct ClinicChange {
    pub name: Option<Name>,
    pub locale: Option<Locale>,
    pub phone: Option<Phone>,
    /// The emergency number where it is.
    pub emergency_number: Option<Phone>,
    /// Whom to call when it is closed.
    pub out_of_hours: Option<Line>,
    /// When answers are read.
    pub reply_hours: Option<Line>,
    /// Whether anybody reads answers.
    pub monitored: Option<bool>,
    /// Whether answers are judged.
    pub triage: Option<TriageMode>,
    /// When a person looks; empty: it says nothing about that.
    pub opening_hours: Option<Vec<OpeningHours>>,
    /// The dates on which nobody does.
    pub closed_on: Option<Vec<ClosedDates>>,
}

/// Changes the clinic; patients read it at once. Owners only.
pub fn change(
    ctx: &mut Ctx<'_>,
    who: &crate::auth::Staff,
    new: ClinicChange,
    if_match: Option<&str>,
) -> Result<Clinic, Error> {
    let before = store::get(ctx.c, who.clinic)?;
    if if_match.is_some() {
        hours::check(new.opening_hours.as_deref(), new.closed_on.as_deref())?; // wrong hours are named before a stale tag
    }
    crate::http::conditions::check_version(if_match, before.version)?;
    let version = before.version;
    let (opening_hours, closed_on) = hours::changed(&before, new.opening_hours, new.closed_on)?;
    let clinic = Clinic {
        name: new.name.map_or(before.name, Into::into),
        locale: new.locale.map_or(before.locale, |locale| locale.as_str().to_owned()),
        phone: new.phone.map_or(before.phone, Into::into),
        emergency_number: new.emergency_number.map_or(before.emergency_number, Into::into),
        out_of_hours: new.out_of_hours.map_or(before.out_of_hours, Into::into),
        reply_hours: new.reply_hours.map_or(before.reply_hours, Into::into),
        monitored: new.monitored.unwrap_or(before.monitored),
        triage: new.triage.unwrap_or(before.triage),
        opening_hours,
        closed_on,
        version: version + 1,
        ..before
    };
    if !store::set(ctx.c, &clinic, version)? {
        return Err(Error::Stale);
    }
    ctx.happened(EventKind::ClinicChanged, &clinic)?;
    Ok(clinic)
}

/// Somebody who is to act for a clinic.
#[derive(Debug, Clone)]
pub struct NewMember {
    pub name: Name,
    pub email: Email,
    /// What they may do.
    pub role: Role,
}

/// Makes a member of the account of that address (a new account if there is none), in the given state.
pub fn add_member(ctx: &mut Ctx<'_>, clinic: &Clinic, new: NewMember, state: MemberState) -> Result<Member, Error> {
    let NewMember { name, email, role } = new;
    let account = auth::account_for(ctx, email.as_str(), &clinic.locale, None)?;
    if let Some(before) = auth::store::find_member_of(ctx.c, clinic.id, account.id)? {
        if before.state != MemberState::Removed {
            return Err(member_exists());
        }
        // Somebody who had left is asked to come back.
        let version = before.version;
        let again = Member { name: name.into(), role, state, version: version + 1, ..before };
        if !store::set_member(ctx.c, &again, version)? {
            return Err(Error::Stale);
        }
        return Ok(again);
    }
    let member = Member {
        clinic_id: clinic.id,
        id: ctx.m.id(),
        account_id: account.id,
        name: name.into(),
        role,
        state,
        created_at: ctx.m.at,
        version: 1,
    };
    if !store::insert_member(ctx.c, &member)? {
        return Err(member_exists());
    }
    Ok(member)
}

fn member_exists() -> Error {
    Error::conflict("member_exists", "this address is a member of the clinic already")
}

/// Invites a member by mail.
pub fn invite_member(ctx: &mut Ctx<'_>, who: &auth::Staff, new: NewMember) -> Result<Member, Error> {
    let email = new.email.clone();
    auth::tries::Tries::invitation(who.clinic, email.as_str()).begin(ctx.c, ctx.m.at)?;
    let clinic = store::get(ctx.c, who.clinic)?;
    let member = add_member(ctx, &clinic, new, MemberState::Invited)?;
    auth::invite_member(ctx, &member, email.as_str(), &clinic.locale)?;
    ctx.happened(EventKind::MemberInvited, &member)?;
    Ok(member)
}

/// Mails a member who has not accepted another invitation; the older ones end. Gives until when it is good.
pub fn invite_again(ctx: &mut Ctx<'_>, clinic: ClinicId, id: MemberId) -> Result<(Member, Stamp), Error> {
    let member = store::find_member(ctx.c, clinic, id)?.ok_or(Error::NotFound)?;
    if member.state != MemberState::Invited {
        let detail = format!(
            "only somebody who was invited and has not accepted is invited again; this member is {}",
            member.state.as_str()
        );
        return Err(Error::conflict("already_accepted", detail));
    }
    let account = auth::store::find_account(ctx.c, member.account_id)?.ok_or(Error::NotFound)?;
    auth::tries::Tries::invitation(clinic, &account.email).begin(ctx.c, ctx.m.at)?;
    auth::end_member_invitations(ctx, &member)?;
    let locale = store::get(ctx.c, clinic)?.locale;
    let until = auth::invite_member(ctx, &member, &account.email, &locale)?;
    ctx.happened(EventKind::MemberInvited, &member)?;
    Ok((member, until))
}

/// A change of a member's rights.
#[derive(Debug, Clone, Copy)]
pub struct MemberChange {
    /// The new role.
    pub role: Option<Role>,
    /// The new state.
    pub state: Option<MemberState>,
}

/// Changes a member's rights; the clinic keeps at least one owner who may act.
pub fn change_member(
    ctx: &mut Ctx<'_>,
    who: &auth::Staff,
    id: MemberId,
    change: MemberChange,
    if_match: Option<&str>,
) -> Result<Member, Error> {
    store::lock_owners(ctx.c, who.clinic)?;
    let before = store::find_member(ctx.c, who.clinic, id)?.ok_or(Error::NotFound)?;
    crate::http::conditions::check_version(if_match, before.version)?;
    if let Some(to) = change.state.filter(|to| !before.state.may_become(*to)) {
        let detail = format!("a member who is {} cannot become {}", before.state.as_str(), to.as_str());
        return Err(Error::conflict("state_not_possible", detail));
    }
    let after = Member {
        role: change.role.unwrap_or(before.role),
        state: change.state.unwrap_or(before.state),
        version: before.version + 1,
        ..before.clone()
    };
    if !store::set_member(ctx.c, &after, before.version)? {
        return Err(Error::Stale);
    }
    if before.state.may_act() && !after.state.may_act() {
        auth::store::end_sessions_for(ctx.c, after.account_id, who.clinic, ctx.m.at)?;
    }
    if matches!(after.state, MemberState::Removed | MemberState::Suspended) {
        auth::store::end_member_links(ctx.c, who.clinic, id, ctx.m.at)?;
    }
    if store::count_acting_owners(ctx.c, who.clinic)? == 0 {
        return Err(Error::conflict("last_owner", "the clinic needs at least one confirmed owner"));
    }
    ctx.happened(EventKind::MemberChanged, &after)?;
    Ok(after)
}

/// Something happened to an account: the server keeps it, and each clinic in which the account has a record or a membership, because who reads
/// a clinic's events asks what became of its patient.
pub fn happened_to_account(
    ctx: &mut Ctx<'_>,
    kind: EventKind,
    account: AccountId,
    reason: Option<&str>,
) -> Result<(), Error> {
    let object = Object::Account(account);
    ctx.happened_because(kind, EventSubject::of(object), reason)?;
    let records = store::list_records_of(ctx.c, account)?;
    for clinic in store::list_clinics_of(ctx.c, account)? {
        let subject = EventSubject::in_clinic(clinic, object);
        let of_clinic = records.iter().filter(|(of, _)| *of == clinic).map(|(_, patient)| subject.of_patient(*patient));
        let subjects: Vec<EventSubject> = of_clinic.collect();
        for subject in if subjects.is_empty() { vec![subject] } else { subjects } {
            ctx.happened_because(kind, subject, reason)?;
        }
    }
    Ok(())
}

/// What the clinic has typed about itself, for its letters. A mail that no clinic asked for, as a link to sign in, has the lines of the one
/// that its reader is with; of several their names alone, because none of their numbers is the one to call.
pub fn lines(c: &mut Conn, mail: &OutboxMail) -> Result<Option<ClinicLines>, Error> {
    let ids = match mail.clinic_id {
        Some(id) => vec![id],
        // One to a new address is about the account that has another yet.
        None => match mail.context.to::<outbox::Context>()?.account {
            Some(account) => store::list_clinics_of(c, account)?,
            None => store::list_clinics_of_address(c, &mail.to_address)?,
        },
    };
    let mut clinics = ids.into_iter().map(|id| store::get(c, id)).collect::<Result<Vec<Clinic>, Error>>()?;
    Ok(match clinics.len() {
        0 | 1 => clinics.pop().map(|Clinic { name, phone, emergency_number, reply_hours, .. }| ClinicLines {
            name: Some(name),
            phone,
            emergency_number,
            reply_hours,
        }),
        _ => {
            let mut names: Vec<String> = clinics.into_iter().map(|clinic| clinic.name).collect();
            names.sort_unstable();
            Some(ClinicLines::of_names(names.join(", ")))
        }
    })
}
