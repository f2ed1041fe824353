//! The mail settings: where the relay is, who signs the letters, how long to wait.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use lettre::message::Mailbox;
use secrecy::SecretString;

/// What is wrong with the mail settings, in one sentence, without the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl SettingsError {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Everything the mailer needs; it reads nothing else.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Where letters go.
    pub transport: Transport,
    /// The sender: `Clinic mail <mail@clinic.example>` or a bare address.
    pub from: String,
    /// The name in EHLO; the host's name when there is none.
    pub hello_name: Option<String>,
    /// A private certificate authority (PEM), trusted beside those of the system.
    pub extra_root_pem: Option<Vec<u8>>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl MailSettings {
    /// Settings with the usual time-outs and the system's authorities.
    pub fn new(transport: Transport, from: impl Into<String>) -> Self {
        Self { transport, from: from.into(), hello_name: None, extra_root_pem: None, timeouts: Timeouts::default() }
    }

    /// Whether mails can be sent from there: an address, and a domain that a Message-ID can end in.
    pub fn check_sender(from: &str) -> Result<(), SettingsError> {
        let domain = from.parse::<Sender>()?.domain().to_owned();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if domain.is_empty() || !domain.chars().all(is_plain) {
            return Err(SettingsError::new(
                "Its domain must be letters, digits, dots and hyphens (xn--... for others).",
            ));
        }
        Ok(())
    }
}

/// How long each kind of step may take (RFC 5321, 4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Reaching the relay.
    pub connect: Duration,
    /// One command and its answer.
    pub command: Duration,
    /// From the final dot to the answer. Short here means letters sent twice.
    pub final_dot: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(5 * 60),
            final_dot: Duration::from_secs(10 * 60),
        }
    }
}

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// `smtp://` (STARTTLS, port 587) or `smtps://` (TLS from the first byte, port 465).
    Smtp(Relay),
    /// `folder:/some/path`
    Folder(PathBuf),
    /// `memory`
    Memory,
}

impl FromStr for Transport {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        if text == "memory" {
            Ok(Self::Memory)
        } else if let Some(path) = text.strip_prefix("folder:").filter(|path| !path.is_empty()) {
            Ok(Self::Folder(path.into()))
        } else if text.starts_with("smtp://") || text.starts_with("smtps://") {
            Relay::parse(text).map(Self::Smtp)
        } else {
            Err(SettingsError::new("The mail transport must be smtps://host, smtp://host, folder:/path or memory."))
        }
    }
}

/// How the line to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, and nothing is said before it.
    StartTls,
    /// None: this machine only.
    Loopback,
}

/// The relay: host, port, protection, and who we are to it.
#[derive(Clone)]
pub struct Relay {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<(String, SecretString)>,
}

/// Without the login.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({}:{}, {:?})", self.host, self.port, self.security)
    }
}

impl Relay {
    /// Reads `smtp[s]://[user:password@]host[:port][?tls=required]`.
    fn parse(text: &str) -> Result<Self, SettingsError> {
        let unreadable = || {
            SettingsError::new("The relay must read smtps://user:password@host:port, with special characters as %XX.")
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(unreadable)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (host, port) = split_place(place.trim_end_matches('/')).ok_or_else(unreadable)?;
        let login = match login {
            Some(login) => Some(read_login(login).ok_or_else(unreadable)?),
            None => None,
        };
        let security = match (scheme, query) {
            ("smtps", "" | "tls=required") => Security::Implicit,
            ("smtp", "") if is_loopback(&host) => Security::Loopback,
            ("smtp", "" | "tls=required") => Security::StartTls,
            ("smtp", "tls=none") if is_loopback(&host) => Security::Loopback,
            (_, "tls=none" | "tls=opportunistic") => {
                return Err(SettingsError::new(format!(
                    "The relay {host} is not on this machine, so mail to it must use TLS: \
                     write smtps://{host} or smtp://{host} without tls=none."
                )));
            }
            _ => return Err(unreadable()),
        };
        let port = port.unwrap_or(match security {
            Security::Implicit => 465,
            Security::StartTls => 587,
            Security::Loopback => 25,
        });
        Ok(Self { host, port, security, login })
    }
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn split_place(place: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0)?),
        None => None,
    };
    plain.then(|| (host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn read_login(login: &str) -> Option<(String, SecretString)> {
    let (user, password) = login.split_once(':')?;
    Some((percent_decoded(user)?, SecretString::from(percent_decoded(password)?)))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

/// Who signs the letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name people see; empty for none.
    pub name: String,
    /// The address; it is also the envelope's, so bounces come back to it.
    pub address: String,
}

impl Sender {
    /// The part of the address behind the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit('@').next().unwrap_or_default()
    }
}

impl FromStr for Sender {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let wrong = || SettingsError::new("The mail sender must read like: Clinic mail <mail@clinic.example>.");
        let mailbox: Mailbox = text.parse().map_err(|_| wrong())?;
        let address = mailbox.email.to_string();
        super::compose::address(&address).ok_or_else(wrong)?;
        Ok(Self { name: mailbox.name.unwrap_or_default(), address })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn relay(text: &str) -> Relay {
        match text.parse() {
            Ok(Transport::Smtp(relay)) => relay,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_relay_elsewhere_always_gets_tls() {
        for (text, port, security) in [
            ("smtps://relay.example", 465, Security::Implicit),
            ("smtp://relay.example", 587, Security::StartTls),
            ("smtp://relay.example:2525/?tls=required", 2525, Security::StartTls),
            ("smtp://192.0.2.1", 587, Security::StartTls),
            ("smtp://localhost", 25, Security::Loopback),
            ("smtp://127.0.0.1:1025", 1025, Security::Loopback),
            ("smtp://[::1]:1025", 1025, Security::Loopback),
            ("smtp://[::1]:1025?tls=required", 1025, Security::StartTls),
        ] {
            let relay = relay(text);
            assert_eq!((relay.port, relay.security), (port, security), "{text}");
        }
    }

    #[test]
    fn plain_text_to_another_machine_is_refused_in_one_sentence() {
        let error = "smtp://clinic:geheim@relay.example?tls=none".parse::<Transport>().unwrap_err().to_string();
        assert_eq!(
            error,
            "The relay relay.example is not on this machine, so mail to it must use TLS: \
             write smtps://relay.example or smtp://relay.example without tls=none."
        );
    }

    #[test]
    fn a_login_is_decoded_and_never_shown() {
        let relay = relay("smtps://mail%40clinic.example:p%3Ass%2Fw@relay.example");
        let (user, password) = relay.login.clone().unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("mail@clinic.example", "p:ss/w"));
        assert!(!format!("{relay:?}").contains("clinic"), "{relay:?}");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "",
            "relay.example",
            "folder:",
            "smtp://",
            "smtp://a b",
            "smtp://h:0",
            "smtp://h:x",
            "smtp://user@h",
            "smtps://h?tls=maybe",
            "smtp://u:%0d%0a@h",
            "smtp://[zz]:25",
            "http://h",
        ] {
            assert!(text.parse::<Transport>().is_err(), "{text}");
        }
    }
}
