//! Mails that did not arrive: what they say, why they did not go, and once more.

use std::collections::BTreeMap;

use crate::auth::Staff;
use crate::clinics;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{EventKind, EventSubject, Object};
use crate::mail::outbox::{self, TrackedMail};
use crate::mail::templates::{ClinicLines, Kind};
use crate::patients::{self, Addressed};
use ground::ids::{ClinicId, MailId};
use ground::sql::Conn;
use ground::time::Stamp;

/// How long somebody may still be told of what has happened.
const NOTICE_SECONDS: i64 = 86_400;

/// A mail, with the lines of its clinic.
pub struct Found {
    /// The mail and what became of it.
    pub tracked: TrackedMail,
    /// The patient whom it invites, if one, by the records of today.
    pub record: Option<Addressed>,
    /// What the clinic has typed about itself, for the letter.
    pub lines: Option<ClinicLines>,
}

/// A mail of the clinic, or of any for the operator.
pub fn find(c: &mut Conn, clinic: Option<ClinicId>, id: MailId) -> Result<Found, Error> {
    let tracked = outbox::find_tracked_of(c, clinic, id)?.ok_or(Error::NotFound)?;
    let lines = clinics::lines(c, &tracked.mail)?;
    let record = records_of(c, std::slice::from_ref(&tracked))?.remove(&tracked.mail.id);
    Ok(Found { tracked, record, lines })
}

/// The patients whose invitations are among the mails, by the records of today.
pub fn records_of(c: &mut Conn, mails: &[TrackedMail]) -> Result<BTreeMap<MailId, Addressed>, Error> {
    let mut records = BTreeMap::new();
    let invitations = mails.iter().map(|tracked| &tracked.mail);
    for mail in invitations.filter(|mail| mail.kind == Kind::PatientInvitation.word()) {
        if let Some((clinic, patient)) = mail.clinic_id.zip(mail.patient_id)
            && let Some(record) = patients::addressed(c, clinic, patient)?
        {
            records.insert(mail.id, record);
        }
    }
    Ok(records)
}

/// Whether it could be sent again now, and until when it would be tried. `record`: the patient whom it invites, by the records of today.
///
/// # Errors
/// A conflict that says why not: `mail_on_its_way`, `mail_of_the_moment`, `mail_not_wanted` or `mail_too_late`.
pub fn sendable_until(tracked: &TrackedMail, record: Option<&Addressed>, at: Stamp) -> Result<Stamp, Error> {
    let (mail, state) = (&tracked.mail, tracked.fate.state);
    if !state.did_not_arrive() {
        let detail = format!("only a mail that was given up is sent again; this one is {}", state.as_str());
        return Err(Error::conflict("mail_on_its_way", detail));
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == mail.kind);
    let stored: Option<outbox::Context> = mail.context.to().ok();
    match (kind, stored) {
        (Some(Kind::PatientInvitation), _)
            if record.is_none_or(|record| record.accepted || record.email != mail.to_address) =>
        {
            let detail =
                "the record has another address now, or was accepted: invite the patient anew if that is still wanted";
            Err(Error::conflict("mail_not_wanted", detail))
        }
        (Some(Kind::PatientInvitation | Kind::MemberInvitation), Some(stored)) => {
            Ok(at.plus_seconds(i64::from(stored.valid_minutes.unwrap_or_default()) * 60))
        }
        (Some(Kind::AlertNotice | Kind::AddressChanged), Some(_)) => Ok(at.plus_seconds(NOTICE_SECONDS)),
        (Some(Kind::Reminder), Some(_)) if mail.expires_at > at => Ok(mail.expires_at),
        (Some(Kind::SignInLink | Kind::PasswordReset | Kind::AddressChange), _) => {
            let detail = "somebody waited for this link at a screen: whoever still wants it asks for a new one";
            Err(Error::conflict("mail_of_the_moment", detail))
        }
        _ => {
            Err(Error::conflict("mail_too_late", "the day that this mail was about is over, or its words are not kept"))
        }
    }
}

/// Puts a mail that was given up into the queue once more; whether it is still wanted is looked at when it goes. `who`: `None` is the operator.
pub fn send_again(ctx: &mut Ctx<'_>, who: Option<&Staff>, id: MailId, why: Option<&str>) -> Result<Found, Error> {
    let clinic = who.map(|who| who.clinic);
    let Found { tracked: before, record, .. } = find(ctx.c, clinic, id)?;
    // To invite somebody to the team is the owners' right.
    if let Some(who) = who.filter(|_| before.mail.kind == Kind::MemberInvitation.word()) {
        who.must_own()?;
    }
    let until = sendable_until(&before, record.as_ref(), ctx.m.at)?;
    if !outbox::send_again(ctx.c, &before.mail, until, ctx.m.at)? {
        return Err(Error::conflict("mail_on_its_way", "somebody else has sent it again in this moment"));
    }
    let mail = &before.mail;
    let subject =
        EventSubject { clinic: mail.clinic_id, patient: mail.patient_id, ..EventSubject::of(Object::Mail(id)) };
    ctx.happened_because(EventKind::MailSentAgain, subject, why)?;
    find(ctx.c, clinic, id)
}
