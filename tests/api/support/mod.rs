//! `TestApp`: the product on a database of its own, with a clock that stands still, chance that repeats itself, and mail
//! that stays in memory.

pub mod contract;
pub mod database;
pub mod http;
pub mod people;
pub mod process;
pub mod samples;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aftercare::app::App;
use aftercare::config::Config;
use aftercare::mail::{Mail, Mailer, Memory};
use aftercare::{demo, server, worker};
use database::Database;
use ground::time::{Clock, Entropy, Stamp};

/// Monday morning, in winter, at the clinic in London: day 0 of every plan that a test does not say otherwise about.
pub const START: &str = "2026-03-02T10:00:00Z";
/// Where the product believes to be seen: links lead there, whatever a request says.
pub const BASE_URL: &str = "https://care.example";

/// An instant.
pub fn at(text: &str) -> Stamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// A running product. Fails its test when it is dropped with mails that nobody has read.
pub struct TestApp {
    /// The application, for seeds and for looking behind the scene.
    pub app: App,
    /// Where its server listens.
    pub address: SocketAddr,
    /// Its database.
    pub database: Database,
    client: reqwest::Client,
    memory: Option<Memory>,
    mails_do_not_matter: AtomicBool,
    server: actix_web::dev::ServerHandle,
}

/// Shared with the people of the test.
pub type Shared = Arc<TestApp>;

impl TestApp {
    /// Starts one.
    pub async fn start() -> Shared {
        Self::start_with(|_| ()).await
    }

    /// Starts one with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Shared {
        Self::start_by(Entropy::seeded(1), Database::create(), change).await
    }

    /// Starts one on a database that is there already: a second node, or the same one after a restart.
    pub async fn start_on(database: Database, change: impl FnOnce(&mut Config)) -> Shared {
        static NODES: AtomicU64 = AtomicU64::new(2);
        // Two nodes that draw the same chance would make the same ids.
        Self::start_by(Entropy::seeded(NODES.fetch_add(1, Ordering::SeqCst)), database, change).await
    }

    /// Starts one with the ids that a real server makes.
    pub async fn start_by_chance() -> Shared {
        Self::start_by(Entropy::System, Database::create(), |_| ()).await
    }

    async fn start_by(entropy: Entropy, database: Database, change: impl FnOnce(&mut Config)) -> Shared {
        aftercare::install_crypto();
        let mut config = Config {
            database_url: database.url.clone(),
            pool_size: pool_size(),
            base_url: BASE_URL.to_owned(),
            secret: "0123456789 abcdefghijklmnopqrstuvwxyz".to_owned().into(),
            mail: "memory".to_owned().into(),
            mail_from: "Your clinic <no-reply@care.example>".to_owned(),
            threads: 2,
            requests_per_minute: 0,
            ..Config::default()
        };
        change(&mut config);
        let app = App::new(config, Clock::fixed(at(START)), entropy).unwrap();
        app.make_first_key().await.unwrap();
        let memory = match &app.mailer {
            Mailer::Memory(memory) => Some(memory.clone()),
            _ => None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = serve(app.clone(), listener);
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Arc::new(Self { app, address, database, client, memory, mails_do_not_matter: AtomicBool::new(false), server })
    }

    /// What time it is.
    pub fn now(&self) -> Stamp {
        self.app.clock.now()
    }

    /// Moves the clock.
    pub fn set_clock(&self, text: &str) {
        assert!(self.app.clock.set(at(text)));
    }

    /// Moves the clock on.
    pub fn pass_seconds(&self, seconds: i64) {
        assert!(self.app.clock.set(self.now().plus_seconds(seconds)));
    }

    /// Does what is due, once.
    pub async fn work(&self) {
        worker::do_due(&self.app).await.unwrap();
    }

    /// Does what is due, and takes the mails that were sent since the last look.
    pub async fn mails(&self) -> Vec<Mail> {
        self.work().await;
        self.memory().take()
    }

    /// The one mail that was sent since the last look.
    pub async fn the_mail(&self) -> Mail {
        let mut mails = self.mails().await;
        assert_eq!(mails.len(), 1, "one mail, not {:?}", subjects(&mails));
        mails.remove(0)
    }

    /// To whom the so many mails went that were sent since the last look, in order.
    pub async fn the_mail_to_each(&self, many: usize) -> Vec<String> {
        let mut to: Vec<String> = self.mails().await.into_iter().map(|mail| mail.to).collect();
        assert_eq!(to.len(), many, "{to:?}");
        to.sort();
        to
    }

    /// The relay.
    pub fn memory(&self) -> &Memory {
        self.memory.as_ref().expect("this app mails for real")
    }

    /// This test is not about mail.
    pub fn ignore_mails(&self) {
        self.mails_do_not_matter.store(true, Ordering::SeqCst);
    }
}

/// What mails say on the outside.
pub fn subjects(mails: &[Mail]) -> Vec<(&str, &str)> {
    mails.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect()
}

/// The token behind `#` in a mailed link.
pub fn token_in(mail: &Mail) -> String {
    let (_, rest) = mail.text.split_once('#').expect("a link with a token");
    rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')).collect()
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if std::thread::panicking() || self.mails_do_not_matter.load(Ordering::SeqCst) {
            return;
        }
        let unread = self.memory.as_ref().map(Memory::sent).unwrap_or_default();
        assert!(unread.is_empty(), "mails that nobody has read: {:?}", subjects(&unread));
        let waiting = self.database.rows("outbox", "state IN ('pending', 'leased', 'sending', 'retry')");
        assert!(waiting.is_empty(), "mails that nobody has sent: {waiting:?}");
    }
}

/// A real server, on a thread of its own: tests bring another kind of runtime.
fn serve(app: App, listener: TcpListener) -> actix_web::dev::ServerHandle {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = server::start(app, listener, demo::routes::routes).unwrap();
            tell.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    told.recv().unwrap()
}

fn pool_size() -> u32 {
    database::variable("AFTERCARE_TEST_POOL_SIZE").map_or(4, |size| size.parse().unwrap())
}
