//! Everything that a request or a job may need, built once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::ExposeSecret as _;

use crate::auth::passwords::Passwords;
use crate::auth::tokens::Tokens;
use crate::auth::tries::Refusals;
use crate::config::Config;
use crate::db::{Db, DbSettings};
use crate::documents::Compiled;
use crate::documents::desk::Documents;
use crate::error::Error;
use crate::events::reads::{self, Reads};
use crate::http::limits::{Requests, UndeclaredProxy};
use crate::mail::outbox::Post;
use crate::mail::templates::Templates;
use crate::mail::{Channel, MailSettings, Mailer};
use crate::metrics::Metrics;
use crate::secrets::Secrets;
use ground::sql::Conn;
use ground::time::{CLOCK_TOLERANCE, Clock, Entropy, Moment};

/// The application. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

/// The parts.
pub struct Inner {
    /// All settings.
    pub config: Config,
    /// The data.
    pub db: Db,
    /// What is counted, for Prometheus.
    pub metrics: Metrics,
    /// The way out for mail.
    pub mailer: Mailer,
    /// How the way for mail is.
    pub channel: Channel,
    /// The texts of mails.
    pub templates: Templates,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub entropy: Entropy,
    /// Access tokens: the keys, and what was verified.
    pub tokens: Tokens,
    /// Password hashing, so many at once.
    pub passwords: Passwords,
    /// Refused sign-ins and tokens, counted.
    pub refusals: Refusals,
    /// The bound on the requests of one source.
    pub requests: Requests,
    /// Whether a proxy stands in front that nobody declared.
    pub undeclared_proxy: UndeclaredProxy,
    /// Keys that are derived from the secret.
    pub secrets: Arc<Secrets>,
    /// What staff have looked at, until it is written.
    pub reads: Reads,
    /// Turns at protocol documents, by clinic.
    pub documents: Documents,
    /// Compiled protocols, shared by all plans that have the same one.
    pub compiled: Compiled,
    /// Whether this is the demo: its pages and its clock are there.
    pub demo: bool,
    /// Whether this process was told to stop: it answers, and asks callers to go elsewhere.
    pub draining: AtomicBool,
    /// Whether mails are sent no faster than the settings allow; a clock that is moved by hand does not wait.
    pub paces_mail: bool,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl App {
    /// Builds the application of the settings, for a server.
    pub fn new(config: Config, clock: Clock, entropy: Entropy) -> Result<Self, Error> {
        Self::build(config, Db::open, clock, entropy)
    }

    /// Builds it for a command that ends by itself: one session of PostgreSQL, which is closed when the last clone is dropped.
    pub fn for_command(config: Config) -> Result<Self, Error> {
        Self::build(config, Db::open_for_command, Clock::System, Entropy::System)
    }

    fn build(
        config: Config,
        open: fn(&DbSettings) -> Result<Db, Error>,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, Error> {
        let transport = config.mail.expose_secret().parse().map_err(|why| Error::Setting(format!("mail: {why}")))?;
        let mailer = Mailer::new(MailSettings::new(transport, config.mail_from.clone()))
            .map_err(|why| Error::Setting(format!("mail: {why}")))?;
        let db = open(&config.db())?;
        let metrics = Metrics::new(!config.metrics_listen.is_empty(), &db);
        let secrets = Arc::new(Secrets::new(&config.secret));
        let tokens = Tokens::new(&config, &db, &secrets);
        let templates = Templates::new().map_err(|why| Error::internal("mail templates", why))?;
        let inner = Inner {
            draining: AtomicBool::new(false),
            demo: matches!(clock, Clock::Shifted(_)),
            paces_mail: matches!(clock, Clock::System),
            passwords: Passwords::new(),
            refusals: Refusals::default(),
            requests: Requests::new(config.requests_per_minute),
            undeclared_proxy: UndeclaredProxy::default(),
            reads: Reads::default(),
            documents: Documents::default(),
            compiled: Compiled::new(),
            config,
            db,
            metrics,
            mailer,
            channel: Channel::default(),
            templates,
            clock,
            entropy,
            tokens,
            secrets,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Now, with the chance for new ids.
    pub fn moment(&self) -> Moment {
        Moment::new(self.clock.now(), self.entropy.clone())
    }

    /// The moment in which the recurring work runs, by the database's clock (PostgreSQL) or by this machine's (SQLite). Refused while
    /// this machine's clock is off: nothing is sent early, and nothing expires, because one node is wrong.
    pub fn work_moment(&self, c: &mut Conn) -> Result<Moment, Error> {
        let now = self.moment();
        if !matches!(self.clock, Clock::System) {
            return Ok(now);
        }
        let server = crate::db::server_time(c)?;
        let (off, at) = match server {
            Some(at) => (now.at.seconds_since(at), at),
            None => (ground::time::clock_was_set_by(), now.at),
        };
        if off.abs() > CLOCK_TOLERANCE {
            return Err(Error::NotReady(clock_is_off(server.is_none(), off)));
        }
        Ok(Moment::new(at, self.entropy.clone()))
    }

    /// Writes down what staff have looked at; what cannot be written waits on.
    pub async fn write_reads(&self) -> Result<(), Error> {
        let looks = self.reads.take();
        if looks.is_empty() {
            return Ok(());
        }
        let kept = looks.clone();
        let written = self.db.write(move |c| reads::write(c, &kept)).await;
        if written.is_err() {
            self.reads.give_back(looks);
        }
        written
    }

    /// What a verb needs to write a mail.
    pub fn post(&self) -> Post {
        Post {
            domain: self.config.mail_domain(),
            links_url: self.config.links_url().to_owned(),
            base_url: self.config.base_url.clone(),
            secrets: Arc::clone(&self.secrets),
        }
    }
}

fn clock_is_off(is_own: bool, seconds: i64) -> String {
    let (against, cure) = if is_own {
        ("since this server started", "set it right, or restart the server if it is right now")
    } else {
        ("against the database's", "set it right")
    };
    format!("this machine's clock is off by {seconds} seconds {against}: {cure}; no recurring work is done until then")
}
