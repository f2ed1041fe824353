//! What people are told by mail, looked at once more when it goes: by the records as they are then.

use crate::app::App;
use crate::error::Error;
use crate::mail::outbox::OutboxMail;
use crate::mail::outbox::SendDecision;
use crate::mail::templates::Kind;
use crate::{alerts, auth, reminders};
use ground::sql::Conn;
use ground::time::Moment;

/// Whether a mail still goes, where to, and with which link.
pub fn before_sending(c: &mut Conn, app: &App, mail: &OutboxMail, m: &Moment) -> Result<SendDecision, Error> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == mail.kind);
    match kind.ok_or_else(|| Error::internal("an unknown kind of mail", &mail.kind))? {
        Kind::SignInLink => auth::link_for(c, &app.post(), mail, auth::Purpose::SignIn, m),
        Kind::PasswordReset => auth::link_for(c, &app.post(), mail, auth::Purpose::PasswordReset, m),
        Kind::AddressChange => crate::address_changes::address_change_for(c, &app.post(), mail, m),
        Kind::PatientInvitation => crate::invitations::patient_invitation_for(c, &app.post(), mail, m),
        Kind::MemberInvitation => auth::member_invitation_for(c, &app.post(), mail, m),
        Kind::Reminder => reminders::before_sending(c, &app.compiled, mail, m),
        Kind::AddressChanged => Ok(SendDecision::as_it_is(mail)),
        Kind::AlertNotice => alerts::before_sending(c, mail),
    }
}
