//! SMTP, step by step, so that a failure knows in which phase it happened.

use std::{
    future::Future,
    iter,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    commands::{Data, Mail as MailFrom, Rcpt},
    extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    response::Response,
};
use secrecy::ExposeSecret;
use tokio::{net::TcpStream, time::timeout};

use super::{
    Accepted, Failure, Mail, MailSettings, Outcome, Phase, Relay, Reply, Sender, SettingsError, Timeouts,
    compose::{self, Letter},
    failure::enhanced,
    settings::Security,
};
use ground::time::Stopwatch;

/// So many letters go over one connection before it is closed.
const LETTERS_PER_LINE: u32 = 100;
/// So many open connections are kept for the next letter.
const IDLE_LINES: usize = 4;
const CHUNK: usize = 16 * 1024;
const GOODBYE: Duration = Duration::from_secs(2);

/// The line to one relay. Clones share its open connections.
#[derive(Clone)]
pub struct Smtp(Arc<Shared>);

struct Shared {
    relay: Relay,
    sender: Sender,
    tls: Option<TlsParameters>,
    hello: ClientId,
    timeouts: Timeouts,
    idle: Mutex<Vec<Line>>,
}

/// An open, greeted, protected and signed-in connection.
struct Line {
    connection: AsyncSmtpConnection,
    carried: u32,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Smtp").field(&self.0.relay).finish()
    }
}

impl Smtp {
    pub(super) fn new(relay: Relay, sender: Sender, settings: &MailSettings) -> Result<Self, SettingsError> {
        let tls = match relay.security {
            Security::Loopback => None,
            Security::Implicit | Security::StartTls => Some(tls_to(&relay.host, settings.extra_root_pem.as_deref())?),
        };
        let hello = match &settings.hello_name {
            Some(name) if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) => {
                ClientId::Domain(name.clone())
            }
            Some(_) => return Err(SettingsError::new("The mail hello name must be a host name.")),
            None => ClientId::default(),
        };
        let (timeouts, idle) = (settings.timeouts, Mutex::default());
        Ok(Self(Arc::new(Shared { relay, sender, tls, hello, timeouts, idle })))
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.0.sender
    }

    pub(super) async fn send(&self, mail: &Mail, time_left: Duration) -> Result<Accepted, Failure> {
        let letter = compose::letter(mail, &self.0.sender)?;
        let clock = Stopwatch::start();
        let begun = timeout(time_left, self.0.begin(&letter)).await;
        let mut line = begun.map_err(|_| Failure::too_late(Phase::Mail))??;
        match self.0.deliver(&mut line.connection, &letter, || time_left.saturating_sub(clock.elapsed())).await {
            Ok(accepted) => {
                line.carried += 1;
                self.0.keep(line);
                Ok(accepted)
            }
            Err(failure) => {
                if let Outcome::Refused { .. } = failure.outcome {
                    let _ = timeout(GOODBYE, line.connection.abort()).await;
                }
                Err(failure)
            }
        }
    }
}

fn tls_to(host: &str, extra_root_pem: Option<&[u8]>) -> Result<TlsParameters, SettingsError> {
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(pem) = extra_root_pem {
        let root = Certificate::from_pem(pem)
            .map_err(|_| SettingsError::new("The mail certificate authority is not a PEM file."))?;
        tls = tls.add_root_certificate(root);
    }
    tls.build().map_err(|error| SettingsError::new(format!("TLS for mail cannot be set up: {error}.")))
}

impl Shared {
    /// A line on which the relay has said yes to MAIL FROM. A kept line may have died since: nothing was sent on it,
    /// so a fresh one takes its place.
    async fn begin(&self, letter: &Letter) -> Result<Line, Failure> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut line) = kept
            && self.mail_from(&mut line.connection, letter, self.timeouts.connect).await.is_ok()
        {
            return Ok(line);
        }
        let mut connection = self.connect().await?;
        self.mail_from(&mut connection, letter, self.timeouts.command).await?;
        Ok(Line { connection, carried: 0 })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = match self.relay.security {
            Security::Implicit => self.connect_with_tls().await?,
            Security::StartTls | Security::Loopback => self.connect_plain().await?,
        };
        if self.relay.security == Security::StartTls {
            self.upgrade(&mut connection).await?;
        }
        if let Some((user, password)) = &self.relay.login {
            let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let signing_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &login);
            step(Phase::Auth, self.timeouts.command, "", signing_in).await?;
        }
        Ok(connection)
    }

    /// TLS from the first byte: lettre connects, shakes hands and greets in one call.
    async fn connect_with_tls(&self) -> Result<AsyncSmtpConnection, Failure> {
        let place = (self.relay.host.as_str(), self.relay.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            place,
            Some(self.timeouts.connect),
            &self.hello,
            self.tls.clone(),
            None,
        );
        step(Phase::Connect, self.timeouts.connect + self.timeouts.command, "", connecting).await
    }

    async fn connect_plain(&self) -> Result<AsyncSmtpConnection, Failure> {
        let unreachable = |detail: String| Failure::broken(Phase::Connect, detail);
        let place = (self.relay.host.as_str(), self.relay.port);
        let stream = timeout(self.timeouts.connect, TcpStream::connect(place))
            .await
            .map_err(|_| unreachable("the relay did not answer in time".into()))?
            .map_err(|error| unreachable(format!("the relay cannot be reached: {}", error.kind())))?;
        // The dot goes out in a packet of its own; without this it waits for the relay's acknowledgement of the message.
        let _ = stream.set_nodelay(true);
        let here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        if self.relay.security == Security::Loopback && !here {
            return Err(unreachable("the relay is not on this machine and TLS is off".into()));
        }
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello);
        step(Phase::Greeting, self.timeouts.command, "", greeting).await
    }

    async fn upgrade(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Failure> {
        let tls = match &self.tls {
            Some(tls) if connection.can_starttls() => tls.clone(),
            _ => return Err(Failure::broken(Phase::Tls, "the relay offers no STARTTLS, so nothing was said to it")),
        };
        step(Phase::Tls, self.timeouts.command, "", connection.starttls(tls, &self.hello)).await
    }

    async fn mail_from(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
        limit: Duration,
    ) -> Result<(), Failure> {
        let mut parameters = Vec::new();
        let (from, to): (&str, &str) = (letter.from.as_ref(), letter.to.as_ref());
        if !from.is_ascii() || !to.is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                // A sender of ours that it cannot take is no fault of the recipient's.
                return Err(Failure {
                    phase: if from.is_ascii() { Phase::Recipient } else { Phase::Mail },
                    outcome: Outcome::NotSent { retryable: false },
                    detail: "the relay takes no address with letters beyond ASCII".into(),
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !letter.bytes.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let command = connection.command(MailFrom::new(Some(letter.from.clone()), parameters));
        step(Phase::Mail, limit, to, command).await.map(drop)
    }

    /// From RCPT TO to the relay's last word. Up to the final dot it is given up when its time is over.
    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
        left: impl Fn() -> Duration,
    ) -> Result<Accepted, Failure> {
        let (to, limit) = (letter.to.as_ref(), || self.timeouts.command.min(left()));
        let recipient = connection.command(Rcpt::new(letter.to.clone(), Vec::new()));
        step(Phase::Recipient, limit(), to, recipient).await?;
        let go_ahead = step(Phase::Data, limit(), to, connection.command(Data)).await?;
        if !go_ahead.has_code(354) {
            return Err(Failure::broken(Phase::Data, "the relay did not say 354 to DATA"));
        }
        if left().is_zero() {
            return Err(Failure::too_late(Phase::Data));
        }
        let said = self.hand_over(connection, letter, limit()).await?;
        if said.has_code(354) {
            return Err(Failure::broken(Phase::Dot, "the relay did not say whether it took the letter"));
        }
        let enhanced = said.first_line().and_then(enhanced);
        Ok(Accepted { reply: Some(Reply { code: u16::from(said.code()), enhanced }) })
    }

    /// The message and the final dot. The last, empty piece marks the moment just before the dot is written: a break
    /// before it means that the relay must throw the letter away, a break after it that nobody knows.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
        limit: Duration,
    ) -> Result<Response, Failure> {
        let dotted = AtomicBool::new(false);
        let pieces = letter.bytes.chunks(CHUNK).chain(iter::once_with(|| {
            dotted.store(true, Ordering::SeqCst);
            <&[u8]>::default()
        }));
        let mut sending = pin!(connection.message_iter(pieces));
        let mut answer = timeout(limit, &mut sending).await;
        if answer.is_err() && dotted.load(Ordering::SeqCst) {
            answer = timeout(self.timeouts.final_dot, &mut sending).await;
        }
        let phase = if dotted.load(Ordering::SeqCst) { Phase::Dot } else { Phase::Body };
        answered(phase, answer, letter.to.as_ref())
    }

    fn keep(&self, line: Line) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if line.carried < LETTERS_PER_LINE && idle.len() < IDLE_LINES {
            idle.push(line);
        } else {
            // In the background: the outbox must hear of the 250 at once.
            let mut connection = line.connection;
            tokio::spawn(async move { timeout(GOODBYE, connection.abort()).await });
        }
    }
}

/// One step under its time limit.
async fn step<T>(
    phase: Phase,
    limit: Duration,
    recipient: &str,
    work: impl Future<Output = Result<T, SmtpError>>,
) -> Result<T, Failure> {
    answered(phase, timeout(limit, work).await, recipient)
}

fn answered<T, Late>(phase: Phase, answer: Result<Result<T, SmtpError>, Late>, recipient: &str) -> Result<T, Failure> {
    match answer {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => Err(Failure::smtp(phase, &error, recipient)),
        Err(_) => Err(Failure::broken(phase, "the relay did not answer in time")),
    }
}
