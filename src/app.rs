//! Everything that a request or a job may need, built once.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use crate::auth::passwords::Passwords;
use crate::auth::tokens::Tokens;
use crate::config::Config;
use crate::db::{Conn, Db};
use crate::error::Error;
use crate::mail::outbox::Post;
use crate::mail::templates::Templates;
use crate::mail::{MailSettings, Mailer};
use crate::protocols::Compiled;
use crate::secrets::Secrets;
use crate::time::{Clock, Entropy, Moment};

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
    /// The way out for mail.
    pub mailer: Mailer,
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
    /// Keys that are derived from the secret.
    pub secrets: Arc<Secrets>,
    /// Compiled protocols, shared by all plans that have the same one.
    pub compiled: Compiled,
    /// Whether this is the demo: its pages and its clock are there.
    pub demo: bool,
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
    /// Builds the application of the settings.
    pub fn new(config: Config, clock: Clock, entropy: Entropy) -> Result<Self, Error> {
        let transport = config.mail.expose_secret().parse().map_err(|why| Error::Setting(format!("mail: {why}")))?;
        let mailer = Mailer::new(MailSettings::new(transport, config.mail_from.clone()))
            .map_err(|why| Error::Setting(format!("mail: {why}")))?;
        let db = Db::open(&config.db())?;
        let secrets = Arc::new(Secrets::new(&config.secret));
        let tokens = Tokens::new(&config);
        let templates = Templates::new().map_err(|why| Error::internal("mail templates", why))?;
        let inner = Inner {
            demo: matches!(clock, Clock::Shifted(_)),
            paces_mail: matches!(clock, Clock::System),
            passwords: Passwords::new(),
            compiled: Compiled::new(),
            config,
            db,
            mailer,
            templates,
            clock,
            entropy,
            tokens,
            secrets,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes the key that signs tokens, if there is none yet.
    pub async fn make_first_key(&self) -> Result<(), Error> {
        let (inner, m) = (self.clone(), self.moment());
        self.db.write(move |c| crate::auth::keys::ensure(c, &inner.secrets, &m)).await?;
        self.tokens.doubt();
        Ok(())
    }

    /// Now, with the chance for new ids.
    pub fn moment(&self) -> Moment {
        Moment::new(self.clock.now(), self.entropy.clone())
    }

    /// What a verb needs to write a mail.
    pub fn post(&self) -> Post {
        Post {
            domain: self.config.mail_domain().to_owned(),
            links_url: self.config.links_url().to_owned(),
            base_url: self.config.base_url.clone(),
            secrets: Arc::clone(&self.secrets),
        }
    }

    /// A write that changes who may do what: every process forgets what it verified, this one at once.
    pub async fn change_rights<T, F>(&self, f: F) -> Result<T, Error>
    where
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let result = self
            .db
            .write(|conn| {
                let result = f(conn)?;
                crate::auth::store::raise_rights(conn)?;
                Ok(result)
            })
            .await;
        self.tokens.doubt();
        result
    }
}
