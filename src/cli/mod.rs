//! The commands of the person who runs the server. Each opens the data, does one thing, and ends.

pub mod accounts;
pub mod audit;
pub mod clinic_protocol;
pub mod clinics;
pub mod doctor;
pub mod health;
pub mod keys;
pub mod mails;
pub mod preview;
pub mod protocol;
pub mod restore;

use std::io::Write as _;

use crate::app::App;
use crate::config::Config;
use crate::db::{self, migrate};
use crate::error::Error;

/// Prints a line to the standard output; a reader that went away does not matter.
pub fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// The application for a command: refused on another release's schema, with the first signing key made if there is none.
pub async fn open(config: Config) -> Result<App, Error> {
    check_schema(&config)?;
    let app = App::for_command(config)?;
    app.make_first_key().await?;
    Ok(app)
}

/// Refuses another release's schema, and a SQLite file that is not there.
pub fn check_schema(config: &Config) -> Result<(), Error> {
    migrate::state(&mut db::connect(&config.database_url)?)?.check()
}

/// Reads a value of the command line as the API would; the error names the option.
///
/// # Errors
/// `Error::Setting` with the option and the rule that is broken.
pub fn wanted<T: TryFrom<String, Error = String>>(option: &str, text: String) -> Result<T, Error> {
    T::try_from(text).map_err(|why| {
        Error::Setting(format!("{option}: {}", why.split_once(": ").map_or(why.as_str(), |(_, rest)| rest)))
    })
}
