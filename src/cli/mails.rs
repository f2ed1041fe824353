//! `aftercare mails`: what a restore holds, and what did not arrive.

use clap::Subcommand;

use super::{open, say, wanted};
use crate::app::App;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Actor;
use crate::http::PageParams;
use crate::http::text::Note;
use crate::mail::outbox::{self, TrackedMail};
use crate::mailing;
use crate::undelivered;
use ground::ids::MailId;

/// What can be done with mails.
#[derive(Subcommand)]
pub enum MailsCommand {
    /// List what a restore holds: id, kind, when it was written, when it expires.
    Held,
    /// Let one that is held go out, or all of them.
    Release {
        /// Its id.
        #[arg(required_unless_present = "all")]
        id: Option<uuid::Uuid>,
        /// All that are held.
        #[arg(long)]
        all: bool,
    },
    /// List what did not arrive, newest first: id, state, kind, tries, when it was written, what the relay said.
    Undelivered,
    /// Show one mail as it would be written today.
    Show {
        /// Its id.
        id: uuid::Uuid,
    },
    /// Send a mail again that was given up.
    SendAgain {
        /// Its id.
        id: uuid::Uuid,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
    },
}

/// Does it.
pub async fn run(config: Config, command: MailsCommand) -> Result<(), Error> {
    let app = open(config).await?;
    match command {
        MailsCommand::Held => list_held(&app).await,
        MailsCommand::Release { id, .. } => {
            let released = app.db.write(move |c| outbox::release(c, id.map(MailId))).await?;
            say(&format!("{released} mails go out with the next turn"));
            Ok(())
        }
        MailsCommand::Undelivered => list_undelivered(&app).await,
        MailsCommand::Show { id } => show(&app, MailId(id)).await,
        MailsCommand::SendAgain { id, reason } => {
            let reason: Note = wanted("--reason", reason)?;
            let again = move |ctx: &mut Ctx<'_>| undelivered::send_again(ctx, None, MailId(id), Some(reason.as_str()));
            let found = app.act(Actor::Operator, again).await.map_err(|why| named(why, MailId(id)))?;
            say(&format!("it goes out with the next turn, and is tried until {}", found.tracked.mail.expires_at));
            Ok(())
        }
    }
}

fn named(why: Error, id: MailId) -> Error {
    match why {
        Error::NotFound => Error::Setting(format!("there is no mail {id}: see `aftercare mails undelivered`")),
        other => other,
    }
}

async fn list_held(app: &App) -> Result<(), Error> {
    for mail in app.db.read(outbox::list_held).await? {
        say(&format!("{}  {}  written {}  good until {}", mail.id, mail.kind, mail.created_at, mail.expires_at));
    }
    Ok(())
}

async fn list_undelivered(app: &App) -> Result<(), Error> {
    let mut page = PageParams::whole();
    loop {
        let wanted = page.clone();
        let rows = app.db.read(move |c| outbox::list_undelivered(c, None, &wanted)).await?;
        for TrackedMail { mail, fate } in &rows {
            say(&format!(
                "{}  {}  {}  tried {} times  written {}  {}",
                mail.id,
                fate.state.as_str(),
                mail.kind,
                fate.attempt,
                mail.created_at,
                fate.outcome.as_deref().unwrap_or("-")
            ));
        }
        match page.next(&rows, |row| row.mail.id.0) {
            Some(next) => page = next,
            None => return Ok(()),
        }
    }
}

async fn show(app: &App, id: MailId) -> Result<(), Error> {
    let found = app.db.read(move |c| undelivered::find(c, None, id)).await.map_err(|why| named(why, id))?;
    let TrackedMail { mail, fate } = &found.tracked;
    say(&format!("to:       {}", mail.to_address));
    say(&format!("state:    {}, tried {} times", fate.state.as_str(), fate.attempt));
    say(&format!("outcome:  {}", fate.outcome.as_deref().unwrap_or("-")));
    say(&format!("written:  {}; not tried after {}", mail.created_at, mail.expires_at));
    match mailing::preview(app, &found.tracked.mail, found.lines.clone()) {
        Some(letter) => {
            say(&format!("subject:  {}\n\n{}", letter.subject, letter.text));
            say("(a one-time link is made only when the mail goes)");
        }
        None => say("its words are not kept: it was sent, or was not wanted any more"),
    }
    Ok(())
}
