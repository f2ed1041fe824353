//! `aftercare keys`: the keys that sign access tokens.

use clap::Subcommand;

use super::{open, say};
use crate::auth;
use crate::config::Config;
use crate::error::Error;
use crate::events::Actor;

/// What can be done with keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// List the keys in force.
    List,
    /// Publish the next key; it signs a minute from now.
    Rotate,
    /// Remove a key; tokens that it signed count no more.
    Remove {
        /// Its name.
        kid: String,
    },
}

/// Does it.
pub async fn run(config: Config, command: KeysCommand) -> Result<(), Error> {
    let app = open(config).await?;
    match command {
        KeysCommand::List => {
            for key in app.db.read(auth::store::list_keys).await? {
                say(&format!("{}  made {}  signs from {}", key.kid, key.created_at, key.signs_from));
            }
        }
        KeysCommand::Rotate => {
            let kid = app.act(Actor::Operator, auth::keys::rotate).await?;
            say(&format!(
                "published {kid}; it signs a minute from now. Remove the old key when its tokens have run out."
            ));
        }
        KeysCommand::Remove { kid } => {
            app.act(Actor::Operator, move |ctx| auth::keys::remove(ctx, &kid)).await?;
            say("removed");
        }
    }
    Ok(())
}
