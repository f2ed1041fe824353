//! `aftercare account`: what a clinic cannot do for somebody whose account is used in several.

use clap::{Args, Subcommand};

use super::{open, say, wanted};
use crate::address_changes;
use crate::auth;
use crate::clinics;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{Actor, EventKind};
use crate::http::text::{Email, Note};

/// What can be done with accounts.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Shut an account: its sessions and links end at once, and it cannot be signed in to.
    Disable(AccountArgs),
    /// Open it again.
    Enable(AccountArgs),
    /// Mail a link to another address; whoever opens it there moves the account, and its records in every clinic. The old address is told then.
    Move {
        /// The new address.
        #[arg(long)]
        to: String,
        #[command(flatten)]
        account: AccountArgs,
    },
}

/// Which account, and why.
#[derive(Args)]
pub struct AccountArgs {
    /// Its address.
    email: String,
    /// Why, for the audit.
    #[arg(long)]
    reason: String,
}

/// Does it.
pub async fn run(config: Config, command: AccountCommand) -> Result<(), Error> {
    match command {
        AccountCommand::Disable(args) => set_disabled(config, args, true).await,
        AccountCommand::Enable(args) => set_disabled(config, args, false).await,
        AccountCommand::Move { to, account } => move_to(config, account, to).await,
    }
}

async fn set_disabled(config: Config, args: AccountArgs, disabled: bool) -> Result<(), Error> {
    let (email, reason): (Email, Note) = (wanted("EMAIL", args.email)?, wanted("--reason", args.reason)?);
    let app = open(config).await?;
    app.act(Actor::Operator, move |ctx| {
        let account = auth::account_named(ctx.c, email.as_str())?;
        if auth::set_disabled(ctx, &account, disabled, None)? {
            let kind = if disabled { EventKind::AccountDisabled } else { EventKind::AccountEnabled };
            clinics::happened_to_account(ctx, kind, account.id, Some(reason.as_str()))?;
        }
        Ok(())
    })
    .await?;
    say(if disabled { "disabled; its sessions and links have ended" } else { "enabled" });
    Ok(())
}

async fn move_to(config: Config, args: AccountArgs, to: String) -> Result<(), Error> {
    let (from, to): (Email, Email) = (wanted("EMAIL", args.email)?, wanted("--to", to)?);
    let reason: Note = wanted("--reason", args.reason)?;
    let app = open(config).await?;
    let ask = move |ctx: &mut Ctx<'_>| {
        let account = auth::account_named(ctx.c, from.as_str())?;
        if account.email == to.as_str() {
            return Err(Error::Setting("--to: this is the account's address already".to_owned()));
        }
        address_changes::mail_address_change(ctx, &account, to.as_str(), address_changes::MoveAsked::ByOperator)?;
        clinics::happened_to_account(ctx, EventKind::AddressChangeRequested, account.id, Some(reason.as_str()))
    };
    app.act(Actor::Operator, ask).await?;
    say("a link is on its way to the new address, good for a day; the account moves when it is opened there");
    Ok(())
}
