//! Mail: one letter, one recipient, and a plain word about how far it came. The outbox decides what is sent and when.

mod channel;
mod compose;
mod failure;
mod folder;
mod memory;
mod numbers;
pub mod outbox;
pub mod queue;
mod settings;
mod smtp;
pub mod templates;

use std::fmt;
use std::time::Duration;

pub use channel::{Channel, ChannelNews};
pub use failure::{Accepted, Failure, Outcome, Phase, Reply};
pub use folder::Folder;
pub use memory::Memory;
pub use settings::{MailSettings, Relay, Sender, SettingsError, Timeouts, Transport};
pub use smtp::Smtp;

use ground::time::Stamp;

/// One letter to one person. The caller fixes the message id, so that a second try is the same letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// `<outbox id@mail domain>`, with or without the angle brackets.
    pub message_id: String,
    /// The one recipient's address.
    pub to: String,
    /// The name in `From:`; empty for none.
    pub from_name: String,
    /// The address in `From:`. The envelope always carries the sender of the settings.
    pub from_address: String,
    /// Where an answer goes, when that is not the sender.
    pub reply_to: Option<String>,
    /// Neutral by the house rules; see `templates`.
    pub subject: String,
    /// The plain text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
    /// The address that takes the one-click unsubscribe POST (RFC 8058).
    pub list_unsubscribe: Option<String>,
    /// The moment in `Date:`.
    pub sent_at: Stamp,
}

/// Shows the message id only: addresses, subjects and links do not belong in a log.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// The way out: a relay, a folder of `.eml` files, or the memory of a test.
#[derive(Debug, Clone)]
pub enum Mailer {
    /// Speaks SMTP to the clinic's relay.
    Smtp(Smtp),
    /// Writes each letter into a folder.
    Folder(Folder),
    /// Keeps each letter for a test to read.
    Memory(Memory),
}

impl Mailer {
    /// Builds the way out, or says in one sentence what is wrong with the settings.
    pub fn new(settings: MailSettings) -> Result<Self, SettingsError> {
        let sender = settings.from.parse::<Sender>()?;
        Ok(match settings.transport.clone() {
            Transport::Smtp(relay) => Self::Smtp(Smtp::new(relay, sender, &settings)?),
            Transport::Folder(path) => Self::Folder(Folder::open(path, sender)?),
            Transport::Memory => Self::Memory(Memory::new(sender)),
        })
    }

    /// The sender of the settings, for the letters that have no other.
    pub fn sender(&self) -> &Sender {
        match self {
            Self::Smtp(smtp) => smtp.sender(),
            Self::Folder(folder) => folder.sender(),
            Self::Memory(memory) => memory.sender(),
        }
    }

    /// Sends one letter and says how far it came. It never tries twice by itself once the recipient has been named, and gives up
    /// when the time that is left for it is over before the final dot.
    pub async fn send(&self, mail: &Mail, time_left: Duration) -> Result<Accepted, Failure> {
        match self {
            Self::Smtp(smtp) => smtp.send(mail, time_left).await,
            Self::Folder(folder) => folder.send(mail).await,
            Self::Memory(memory) => memory.send(mail),
        }
    }
}
