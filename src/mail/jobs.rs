//! Sends what waits in the outbox: claim, look once more whether it is still wanted, commit `sending`, speak SMTP with no
//! transaction open, record what came of it under the fence.

use std::time::Duration;

use super::outbox::{self, Again, MailState, OutboxMail};
use super::templates::{ClinicLines, Context, Kind, Rendered, ValidFor};
use super::{Failure, Mail, Outcome};
use crate::app::App;
use crate::db::Conn;
use crate::error::Error;
use crate::time::Moment;

/// Mails in one claim.
const CLAIM: i64 = 20;
/// The lease is renewed this often while a relay is slow.
const RENEW: Duration = Duration::from_secs(30);

/// The last look before a mail goes: `Some(reason)` if it must not.
pub type LastLook = fn(&mut Conn, &App, &OutboxMail, &Moment) -> Result<Option<String>, Error>;
/// The clinic's own lines for its letters.
pub type Lines = fn(&mut Conn, &OutboxMail) -> Result<Option<ClinicLines>, Error>;
/// What follows from an address that the relay says does not exist.
pub type Refused = fn(&mut Conn, &OutboxMail, &Moment) -> Result<(), Error>;

/// What the features say about mails of theirs.
#[derive(Clone, Copy)]
pub struct Say {
    /// Is it still wanted?
    pub last_look: LastLook,
    /// What the clinic has typed about itself.
    pub lines: Lines,
    /// The address does not exist.
    pub refused: Refused,
}

/// Sends one claim's worth; gives how many were claimed.
pub async fn send_due(app: &App, owner: &str, say: Say) -> Result<usize, Error> {
    let (name, at) = (owner.to_owned(), app.clock.now());
    let claimed = app.db.write(move |c| outbox::claim(c, &name, CLAIM, at)).await?;
    for mail in &claimed {
        send_one(app, mail, say).await?;
    }
    Ok(claimed.len())
}

async fn send_one(app: &App, mail: &OutboxMail, say: Say) -> Result<(), Error> {
    let (row, m) = (mail.clone(), app.moment());
    let lines = app.db.read(move |c| (say.lines)(c, &row)).await?;
    let letter = match compose(app, mail, lines) {
        Ok(letter) => letter,
        Err(why) => {
            tracing::error!(outbox_id = %mail.id, %why, "a mail cannot be written");
            return record(app, mail, MailState::Dead, "it could not be written").await;
        }
    };
    let (row, now, inner) = (mail.clone(), m.clone(), app.clone());
    let goes = app
        .db
        .write(move |c| {
            if let Some(reason) = (say.last_look)(c, &inner, &row, &now)? {
                outbox::settle(c, &row, MailState::Withdrawn, &reason, now.at)?;
                return Ok(false);
            }
            outbox::mark_sending(c, &row, now.at)
        })
        .await?;
    if goes {
        speak(app, mail, &letter, say).await?;
    }
    Ok(())
}

async fn speak(app: &App, mail: &OutboxMail, letter: &Mail, say: Say) -> Result<(), Error> {
    let sending = app.mailer.send(letter);
    tokio::pin!(sending);
    let result = loop {
        tokio::select! {
            result = &mut sending => break result,
            () = tokio::time::sleep(RENEW) => {
                let (row, at) = (mail.clone(), app.clock.now());
                app.db.write(move |c| outbox::renew(c, &row, at)).await?;
            }
        }
    };
    match result {
        Ok(_) => record(app, mail, MailState::Sent, "taken by the relay").await,
        Err(failure) => fail(app, mail, &failure, say).await,
    }
}

async fn fail(app: &App, mail: &OutboxMail, failure: &Failure, say: Say) -> Result<(), Error> {
    tracing::warn!(outbox_id = %mail.id, phase = ?failure.phase, outcome = ?failure.outcome, "a mail did not go");
    let detail = failure.detail.clone();
    let again = match failure.outcome {
        Outcome::NotSent { retryable: true } => Again::Unreached,
        Outcome::Refused { permanent: false, .. } => Again::NotNow,
        Outcome::Unknown => Again::Unknown,
        Outcome::NotSent { retryable: false } => return record(app, mail, MailState::Dead, &detail).await,
        Outcome::Refused { permanent: true, .. } => {
            if failure.blames_recipient() {
                let (row, m) = (mail.clone(), app.moment());
                app.db.write(move |c| (say.refused)(c, &row, &m)).await?;
            }
            return record(app, mail, MailState::Dead, &detail).await;
        }
    };
    let (row, at) = (mail.clone(), app.clock.now());
    app.db.write(move |c| outbox::put_back(c, &row, &detail, again, at)).await.map(|_| ())
}

async fn record(app: &App, mail: &OutboxMail, state: MailState, outcome: &str) -> Result<(), Error> {
    let (row, outcome, at) = (mail.clone(), outcome.to_owned(), app.clock.now());
    app.db.write(move |c| outbox::settle(c, &row, state, &outcome, at)).await.map(|_| ())
}

fn compose(app: &App, mail: &OutboxMail, clinic: Option<ClinicLines>) -> Result<Mail, Error> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == mail.kind);
    let kind = kind.ok_or_else(|| Error::internal("an unknown kind of mail", &mail.kind))?;
    let stored: outbox::Context = mail.context.to()?;
    let context = Context {
        link: stored.link,
        valid_for: stored.valid_minutes.map(valid_for),
        clinic,
        unsubscribe_url: stored.unsubscribe_url.clone(),
    };
    let rendered: Rendered =
        app.templates.render(kind, &mail.locale, &context).map_err(|why| Error::internal("mail template", why))?;
    let sender = app.mailer.sender();
    Ok(Mail {
        message_id: mail.message_id.clone(),
        to: mail.to_address.clone(),
        from_name: sender.name.clone(),
        from_address: sender.address.clone(),
        reply_to: None,
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        list_unsubscribe: stored.unsubscribe_url,
        sent_at: app.clock.now(),
    })
}

fn valid_for(minutes: u32) -> ValidFor {
    match minutes {
        days if days % (24 * 60) == 0 => ValidFor::Days(days / (24 * 60)),
        hours if hours % 60 == 0 => ValidFor::Hours(hours / 60),
        minutes => ValidFor::Minutes(minutes),
    }
}
