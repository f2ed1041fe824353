//! How far a letter came: the phase in which it broke decides whether a second try is safe.

use std::fmt;

use lettre::transport::smtp::Error as SmtpError;

/// The relay (or the folder) has taken the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The relay's reply; none from a folder or a test's memory.
    pub reply: Option<Reply>,
}

/// What the relay answered: `550 5.1.1` is code 550, enhanced (5, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The three digits of RFC 5321.
    pub code: u16,
    /// The three numbers of RFC 3463, if the relay gave them.
    pub enhanced: Option<(u8, u16, u16)>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        match self.enhanced {
            Some((class, subject, detail)) => write!(f, " {class}.{subject}.{detail}"),
            None => Ok(()),
        }
    }
}

/// The steps of a letter, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Making the message from its parts.
    Compose,
    /// Reaching the relay.
    Connect,
    /// The relay's banner and its answer to EHLO.
    Greeting,
    /// STARTTLS and the handshake.
    Tls,
    /// Signing in to the relay.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Recipient,
    /// DATA, up to the relay's go-ahead.
    Data,
    /// The message itself, before the final dot.
    Body,
    /// From the final dot to the relay's last word.
    Dot,
    /// Writing into the folder.
    Store,
}

impl Phase {
    /// The word for a log or a column.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Recipient => "recipient",
            Self::Data => "data",
            Self::Body => "body",
            Self::Dot => "dot",
            Self::Store => "store",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known about a letter that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody has it. A second try cannot make a copy.
    NotSent {
        /// False only when the letter itself can never be sent.
        retryable: bool,
    },
    /// The relay said no to this letter. `permanent` is a 5xx; a 4xx may be tried again later.
    Refused {
        /// A 5xx: do not try again.
        permanent: bool,
        /// The relay's answer.
        reply: Reply,
    },
    /// The final dot was sent and no answer came. The recipient may have it.
    Unknown,
}

/// Why a letter was not accepted. The detail names no person and no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{phase}: {detail}")]
pub struct Failure {
    /// The step in which it broke.
    pub phase: Phase,
    /// What that means for the letter.
    pub outcome: Outcome,
    /// One line for the person who runs the server.
    pub detail: String,
}

impl Failure {
    /// The letter can never be sent as it is.
    pub(super) fn unsendable(detail: impl Into<String>) -> Self {
        Self { phase: Phase::Compose, outcome: Outcome::NotSent { retryable: false }, detail: detail.into() }
    }

    /// The same, because of the address that it is for.
    pub(super) fn of_recipient(self) -> Self {
        Self { phase: Phase::Recipient, ..self }
    }

    /// Its time was over before the relay had all of it.
    pub(super) fn too_late(phase: Phase) -> Self {
        Self {
            phase,
            outcome: Outcome::NotSent { retryable: true },
            detail: "its time was over before it was sent".into(),
        }
    }

    /// It broke in this phase and no reply explains it.
    pub(super) fn broken(phase: Phase, detail: impl Into<String>) -> Self {
        Self { phase, outcome: meaning(phase, None), detail: detail.into() }
    }

    /// What lettre reported in this phase, with the recipient's address taken out of the relay's words.
    pub(super) fn smtp(phase: Phase, error: &SmtpError, recipient: &str) -> Self {
        let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let reply = error.status().map(|code| Reply { code: u16::from(code), enhanced: enhanced(&said) });
        let words = without_address(&said, recipient);
        let detail = match reply {
            Some(reply) => format!("the relay answered {}: {words}", reply.code),
            None if words.is_empty() => "the connection broke".into(),
            None => words,
        };
        Self { phase, outcome: meaning(phase, reply), detail }
    }

    /// True when the relay says that this mailbox does not exist, or no relay can be asked for such an address: nothing more goes there, the
    /// clinic is told, and nowhere else is it held against anybody.
    /// Of class 5.1 these are the members that speak of the recipient (RFC 3463, RFC 7505); 5.1.7 and 5.1.8 speak of the sender.
    pub fn blames_recipient(&self) -> bool {
        match self.outcome {
            Outcome::Refused { permanent: true, reply: Reply { enhanced: Some((5, 1, detail)), .. } } => {
                self.phase >= Phase::Recipient && matches!(detail, 1 | 2 | 3 | 6 | 10)
            }
            Outcome::NotSent { retryable: false } => self.phase == Phase::Recipient,
            _ => false,
        }
    }

    /// True when the trouble is with us or with the relay, whoever the mail is for: the sender's address, our rights, its rules.
    pub fn blames_channel(&self) -> bool {
        let Outcome::Refused { permanent: true, reply } = self.outcome else { return false };
        reply.code == 530 || reply.code == 535 || matches!(reply.enhanced, Some((5, 1, 7 | 8) | (5, 3 | 7, _)))
    }
}

/// The phase table: what a break in this phase says about the letter.
fn meaning(phase: Phase, reply: Option<Reply>) -> Outcome {
    match (phase, reply) {
        (Phase::Compose, _) => Outcome::NotSent { retryable: false },
        (Phase::Recipient | Phase::Data | Phase::Dot, Some(reply)) => {
            Outcome::Refused { permanent: reply.code >= 500, reply }
        }
        (Phase::Dot, None) => Outcome::Unknown,
        _ => Outcome::NotSent { retryable: true },
    }
}

/// Reads `5.1.1` from the start of a reply's text.
pub(super) fn enhanced(text: &str) -> Option<(u8, u16, u16)> {
    let mut numbers = text.split_whitespace().next()?.split('.');
    let (class, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let class: u8 = class.parse().ok().filter(|class| matches!(class, 2 | 4 | 5))?;
    match numbers.next() {
        None => Some((class, subject.parse().ok()?, detail.parse().ok()?)),
        Some(_) => None,
    }
}

/// Relays repeat the address, or its parts, in their answers and in the links of their answers: those words go.
fn without_address(text: &str, recipient: &str) -> String {
    let recipient = recipient.to_lowercase();
    let (local, domain) = recipient.rsplit_once('@').unwrap_or((recipient.as_str(), ""));
    let tells = |word: &str| {
        let word = word.to_lowercase();
        word.contains('@') || [local, domain].iter().any(|part| !part.is_empty() && word.contains(part))
    };
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = clean.split_whitespace().map(|word| if tells(word) { "[...]" } else { word }).collect();
    words.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relays_words_lose_every_trace_of_the_address() {
        let said = "5.1.1 <Ana.Ruiz@mail.example>: user ana.ruiz unknown, see https://relay.example/?u=ana.ruiz%40mail.example\r\nbye";
        let clean = without_address(said, "ana.ruiz@mail.example");
        assert_eq!(clean, "5.1.1 [...] user [...] unknown, see [...] bye");
    }

    #[test]
    fn an_enhanced_code_is_read_only_from_the_start() {
        assert_eq!(enhanced("5.1.1 no such user"), Some((5, 1, 1)));
        assert_eq!(enhanced("192.0.2.1 is listed"), None);
        assert_eq!(enhanced("no 5.1.1"), None);
        assert_eq!(enhanced("5.1 x"), None);
    }
}
