//! What people are told by mail, looked at once more when it goes: by the records as they are then.

use crate::ctx::Ctx;
use crate::error::Error;
use crate::mail::outbox::OutboxMail;
use crate::mail::outbox::SendDecision;
use crate::mail::templates::Kind;
use crate::{address_changes, alerts, auth, invitations, reminders};

/// Whether a mail still goes, where to, and with which link.
pub fn before_sending(ctx: &mut Ctx<'_>, mail: &OutboxMail) -> Result<SendDecision, Error> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == mail.kind);
    match kind.ok_or_else(|| Error::internal("an unknown kind of mail", &mail.kind))? {
        Kind::SignInLink => auth::link_for(ctx, mail, auth::Purpose::SignIn),
        Kind::PasswordReset => auth::link_for(ctx, mail, auth::Purpose::PasswordReset),
        Kind::AddressChange => address_changes::address_change_for(ctx, mail),
        Kind::PatientInvitation => invitations::patient_invitation_for(ctx, mail),
        Kind::MemberInvitation => auth::member_invitation_for(ctx, mail),
        Kind::Reminder => reminders::before_sending(ctx, mail),
        Kind::AddressChanged => Ok(SendDecision::as_it_is(mail)),
        Kind::AlertNotice => alerts::before_sending(ctx.c, mail),
    }
}
