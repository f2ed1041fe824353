//! `aftercare audit verify`: whether what was kept of what happened is what was kept.

use clap::Subcommand;

use super::say;
use crate::config::Config;
use crate::db::{self, migrate};
use crate::error::Error;
use crate::events::seal::{self, Broken, Whole};
use crate::events::store;
use ground::encoding::hex;
use ground::ids::ClinicId;

/// What is done with it.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Compute every chain of events again, from the first to the last, and name the first event that was changed, taken out or put in. It
    /// prints each chain's length and last hash: note them elsewhere, and give one with --ends-with to see that no end was cut off.
    Verify {
        /// One clinic's chain only.
        #[arg(long)]
        clinic: Option<uuid::Uuid>,
        /// A hash that was the last one once: it must still be in the chain of --clinic.
        #[arg(long, requires = "clinic")]
        ends_with: Option<String>,
    },
}

/// A line of progress after so many events.
const TELL_EVERY: i64 = 100_000;

/// Does it.
///
/// # Errors
/// `Error::Setting` that names the first event which is not as it was sealed.
pub fn run(config: &Config, command: &AuditCommand) -> Result<(), Error> {
    let AuditCommand::Verify { clinic, ends_with } = command;
    let mut c = db::look(&config.database_url)?;
    migrate::state(&mut c)?.check()?;
    let chains = store::list_chains(&mut c)?;
    let wanted = chains.iter().map(|(chain, ..)| *chain).filter(|chain| clinic.is_none_or(|id| id == chain.0));
    let wanted: Vec<ClinicId> = wanted.collect();
    if let (Some(clinic), true) = (clinic, wanted.is_empty()) {
        return Err(Error::Setting(format!("there is no event of a clinic {clinic}")));
    }
    let mut broken = None;
    for chain in wanted {
        let name = name_of(chain);
        let mut told = 0;
        let mut progress = |number: i64| {
            if number - told >= TELL_EVERY {
                told = number;
                say(&format!("{name}: {number} events so far"));
            }
        };
        match seal::verify(&mut c, chain, ends_with.as_deref(), &mut progress)? {
            Ok(Whole { events, hash }) => {
                say(&format!("{name}: {events} events, whole, the last hash is {}", hex(&hash)))
            }
            Err(Broken { number, why }) => {
                let line = format!("{name}: event {number}: {why}");
                say(&line);
                broken = broken.or(Some(line));
            }
        }
    }
    broken.map_or(Ok(()), |line| Err(Error::Setting(format!("what was kept was changed: {line}"))))
}

fn name_of(chain: ClinicId) -> String {
    if chain == store::SERVER_CHAIN { "the server itself".to_owned() } else { format!("clinic {chain}") }
}
