//! All settings, read once: defaults, then `aftercare.toml`, then `AFTERCARE_*` variables. An unsafe one refuses to start
//! with one clear line. The table in README.md lists the same fields; a test compares the two.

mod variables;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::db::{self, DbSettings};
use crate::error::Error;
use crate::http::body::BodyDeadlines;
use crate::http::limits::is_shared;

/// Every setting. The field's name is the TOML key; `AFTERCARE_` and the name in capitals is the variable.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://...`. `DATABASE_URL` works too.
    pub database_url: String,
    /// A replica for reads (PostgreSQL). `DATABASE_READ_URL` works too.
    pub database_read_url: Option<String>,
    /// Connections (PostgreSQL) or readers (SQLite).
    pub pool_size: u32,
    /// Where the API listens.
    pub listen: String,
    /// Where Prometheus reads figures, as `address:port`; empty: nowhere. Without a sign-in: only for the network that scrapes.
    pub metrics_listen: String,
    /// Where the API is seen from outside: in mailed links, as token issuer. https unless loopback.
    pub base_url: String,
    /// Where mailed links lead: the patient's app or web page. Empty: the built-in pages.
    pub app_url: String,
    /// Signs refresh tokens and unsubscribe links and seals the signing keys: 32 characters or more, random, kept.
    #[serde(serialize_with = "hidden")]
    pub secret: SecretString,
    /// `smtps://user:password@host`, `smtp://...` (STARTTLS, plain only to loopback) or `folder:PATH`.
    #[serde(serialize_with = "hidden")]
    pub mail: SecretString,
    /// The sender, as `Name <address>`.
    pub mail_from: String,
    /// Threads that answer requests; 0: one a core.
    pub threads: usize,
    /// What is logged: a level, or `target=level` pairs.
    pub log: String,
    /// `json` or `text`.
    pub log_format: String,
    /// Life of an access token, seconds (60 to 900).
    pub access_token_seconds: i64,
    /// Origins of web apps that may call the API, separated by commas.
    pub allowed_origins: String,
    /// Proxies in front of us, counted: the client's address is that many steps from the end of X-Forwarded-For.
    pub trusted_proxies: usize,
    /// Requests of one source (an address, or an IPv6 /64) in a minute at the most; 0: as many as they like.
    pub requests_per_minute: u32,
    /// PostgreSQL on another machine without TLS is taken; with `sslmode=disable` in its address only.
    pub allow_plain_database: bool,
    /// `serve` also runs the worker. Off where workers run beside it.
    pub worker_in_serve: bool,
    /// Mails that one worker sends in a minute at the most.
    pub mails_per_minute: u32,
    /// Seconds a body may stand still.
    pub body_idle_seconds: u64,
    /// Seconds a body may take in all.
    pub body_total_seconds: u64,
    /// A commit a request instead of one a group: no setting, only the benchmark that compares the two sets it.
    #[serde(skip)]
    pub commit_singly: bool,
}

fn hidden<S: serde::Serializer>(secret: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose_secret())
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: "sqlite:aftercare.db".to_owned(),
            database_read_url: None,
            pool_size: 10,
            listen: "127.0.0.1:8080".to_owned(),
            metrics_listen: String::new(),
            base_url: "http://127.0.0.1:8080".to_owned(),
            app_url: String::new(),
            secret: String::new().into(),
            mail: "folder:mail".to_owned().into(),
            mail_from: "Your clinic <no-reply@localhost.localdomain>".to_owned(),
            threads: 0,
            log: "info".to_owned(),
            log_format: "json".to_owned(),
            access_token_seconds: 300,
            allowed_origins: String::new(),
            trusted_proxies: 0,
            requests_per_minute: 6_000,
            allow_plain_database: false,
            worker_in_serve: true,
            mails_per_minute: 600,
            body_idle_seconds: 10,
            body_total_seconds: 30,
            commit_singly: false,
        }
    }
}

impl Config {
    /// Reads the settings; `file` must be there if it is named.
    pub fn read(file: Option<&Path>) -> Result<Self, Error> {
        let path = file.map_or_else(|| PathBuf::from("aftercare.toml"), Path::to_path_buf);
        if file.is_some() && !path.is_file() {
            return Err(Error::Setting(format!("there is no settings file {}", path.display())));
        }
        let defaults = Figment::from(Serialized::defaults(Self::default()));
        let with_file = if path.is_file() { defaults.merge(Toml::file_exact(&path)) } else { defaults };
        variables::lay_over(with_file)?
            .extract()
            .map_err(|why| Error::Setting(format!("settings: {}", why.to_string().replace('\n', "; "))))
    }

    /// Variables with our prefix that are not meant for us: Kubernetes tells every container of its services so. They are left aside.
    pub fn injected_variables() -> Vec<String> {
        variables::injected()
    }

    /// Whether a proxy seems to stand in front that nobody declared: https outside, and the plain port only where a proxy reaches it.
    pub fn seems_behind_a_proxy(&self) -> bool {
        let host = self.listen.rsplit_once(':').map_or(self.listen.as_str(), |(host, _)| host);
        let host = host.trim_matches(['[', ']']);
        let is_behind = host.parse().map_or(host == "localhost", |ip: IpAddr| ip.is_unspecified() || is_shared(ip));
        self.trusted_proxies == 0 && self.base_url.starts_with("https://") && is_behind
    }

    /// Refuses what is unsafe or cannot work.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |sentence: String| Err(Error::Setting(sentence));
        let secret = self.secret.expose_secret();
        let distinct = secret.chars().collect::<std::collections::BTreeSet<_>>().len();
        if secret.len() < 32 || distinct < 8 {
            return refuse(
                "secret must be 32 random characters or more; make one with: openssl rand -base64 48".to_owned(),
            );
        }
        if !self.base_url.starts_with("https://") && !is_loopback_url(&self.base_url) {
            return refuse("base_url must start with https:// unless its host is a loopback address".to_owned());
        }
        if !self.app_url.is_empty() && !self.app_url.starts_with("https://") && !is_loopback_url(&self.app_url) {
            return refuse("app_url must start with https:// unless its host is a loopback address".to_owned());
        }
        if self.base_url.ends_with('/') || self.app_url.ends_with('/') {
            return refuse("base_url and app_url must not end with a slash".to_owned());
        }
        for url in [Some(&self.database_url), self.database_read_url.as_ref()].into_iter().flatten() {
            db::check_url(url, self.allow_plain_database).or_else(refuse)?;
        }
        if self.allowed_origins.split(',').any(|origin| origin.trim().contains('*')) {
            return refuse("allowed_origins must name each origin: * would let any page call the API".to_owned());
        }
        crate::mail::MailSettings::check_sender(&self.mail_from)
            .or_else(|why| refuse(format!("mail_from must be a sender that a Message-ID can be made of: {why}")))?;
        if self.mail.expose_secret() == "memory" {
            return refuse("mail must be smtps://..., smtp://... or folder:PATH; memory is for tests".to_owned());
        }
        if !(60..=900).contains(&self.access_token_seconds) {
            return refuse("access_token_seconds must be between 60 and 900".to_owned());
        }
        if !self.metrics_listen.is_empty()
            && (self.metrics_listen == self.listen || self.metrics_listen.parse::<SocketAddr>().is_err())
        {
            return refuse("metrics_listen must be an address and a port of its own, like 127.0.0.1:9464".to_owned());
        }
        if !(1..=200).contains(&self.pool_size) {
            return refuse("pool_size must be between 1 and 200".to_owned());
        }
        if !matches!(self.log_format.as_str(), "json" | "text") {
            return refuse("log_format must be json or text".to_owned());
        }
        check_log(&self.log).or_else(refuse)?;
        if self.mails_per_minute == 0 || self.body_idle_seconds == 0 || self.body_total_seconds == 0 {
            return refuse("mails_per_minute, body_idle_seconds and body_total_seconds must be 1 or more".to_owned());
        }
        Ok(())
    }

    /// What the database needs.
    pub fn db(&self) -> DbSettings {
        DbSettings {
            url: self.database_url.clone(),
            read_url: self.database_read_url.clone(),
            pool_size: self.pool_size,
            wait: Duration::from_millis(1_200),
            commit_singly: self.commit_singly,
        }
    }

    /// How long a body may take.
    pub fn body_deadlines(&self) -> BodyDeadlines {
        BodyDeadlines {
            idle: Duration::from_secs(self.body_idle_seconds),
            total: Duration::from_secs(self.body_total_seconds),
        }
    }

    /// Where mailed links lead.
    pub fn links_url(&self) -> &str {
        if self.app_url.is_empty() { &self.base_url } else { &self.app_url }
    }

    /// Checks how much is logged; for a program that has every other setting of its own.
    ///
    /// # Errors
    /// `Error::Setting` with what it may be.
    pub fn check_log(&self) -> Result<(), Error> {
        check_log(&self.log).map_err(Error::Setting)
    }

    /// The mail domain, for message ids.
    pub fn mail_domain(&self) -> String {
        self.mail_from.parse::<crate::mail::Sender>().map(|sender| sender.domain().to_owned()).unwrap_or_default()
    }
}

/// A level, or `target=level` pairs: what is neither would silently log nothing.
fn check_log(log: &str) -> Result<(), String> {
    let is_level = |word: &str| !word.is_empty() && word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    let mut parts = log.split(',').map(|part| part.trim().split_once('=').map_or(part.trim(), |(_, level)| level));
    if parts.all(is_level) && tracing_subscriber::EnvFilter::try_new(log).is_ok() {
        return Ok(());
    }
    Err(format!("log must be a level (error, warn, info, debug, trace) or target=level pairs, and `{log}` is neither"))
}

/// Where this machine reaches a server that listens there: `0.0.0.0` and `[::]` are no address to connect to.
pub fn local_address(listen: &str) -> String {
    let Ok(mut address) = listen.parse::<SocketAddr>() else { return listen.to_owned() };
    if address.ip().is_unspecified() {
        let loopback: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address.to_string()
}

/// Whether the URL's host is this machine.
pub fn is_loopback_url(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    url.starts_with("http")
        && (host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe() -> Config {
        Config { secret: "0123456789 abcdefghij KLMNOPQRST".to_owned().into(), ..Config::default() }
    }

    fn refusal(change: impl FnOnce(&mut Config)) -> String {
        let mut config = safe();
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn t54_unsafe_settings_refuse_to_start_with_one_line() {
        safe().check().unwrap();
        for log in ["warn", "INFO", "off", "info,aftercare=debug", "aftercare::mail=trace, warn"] {
            check_log(log).unwrap();
        }
        let refusals = [
            refusal(|config| config.secret = "secret".to_owned().into()),
            refusal(|config| config.secret = "a".repeat(40).into()),
            refusal(|config| config.base_url = "http://care.example".to_owned()),
            refusal(|config| config.base_url = "https://care.example/".to_owned()),
            refusal(|config| config.app_url = "http://127.0.0.1.care.example".to_owned()),
            refusal(|config| config.database_url = "mysql://db/x".to_owned()),
            refusal(|config| config.mail = "memory".to_owned().into()),
            refusal(|config| config.access_token_seconds = 3_600),
            refusal(|config| config.metrics_listen = "9464".to_owned()),
            refusal(|config| config.metrics_listen = "127.0.0.1:8080".to_owned()),
            refusal(|config| config.pool_size = 0),
            refusal(|config| config.log_format = "xml".to_owned()),
            refusal(|config| config.log = "verbose".to_owned()),
            refusal(|config| config.log = "info,aftercare=loud".to_owned()),
            refusal(|config| config.log = String::new()),
            refusal(|config| config.allowed_origins = "*".to_owned()),
            refusal(|config| config.allowed_origins = "https://app.example, *".to_owned()),
            refusal(|config| config.mail_from = "nobody".to_owned()),
            refusal(|config| config.mail_from = "Clinic <no-reply@>".to_owned()),
            refusal(|config| config.database_url = "postgres://db.example/x".to_owned()),
            refusal(|config| config.database_url = "postgres://u:p@10.0.0.7:5432/x?sslmode=prefer".to_owned()),
            refusal(|config| config.database_url = "postgres://localhost,db.example/x".to_owned()),
            refusal(|config| config.database_url = "postgres:///x?host=db.example".to_owned()),
            refusal(|config| config.database_url = "postgres://db.example/x?sslmode=disable".to_owned()),
            refusal(|config| config.database_read_url = Some("postgres://db.example/x".to_owned())),
        ];
        for sentence in refusals {
            assert!(!sentence.contains('\n') && sentence.contains(" must "), "{sentence}");
        }
    }

    #[test]
    fn a_proxy_that_nobody_declared_is_guessed_from_the_settings() {
        let seems = |listen: &str, base_url: &str, trusted_proxies| {
            let (listen, base_url) = (listen.to_owned(), base_url.to_owned());
            Config { listen, base_url, trusted_proxies, ..safe() }.seems_behind_a_proxy()
        };
        for listen in ["127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080", "[::1]:80", "localhost:8080", "10.0.0.2:80"] {
            assert!(seems(listen, "https://care.example", 0), "{listen}");
            assert!(!seems(listen, "https://care.example", 1), "{listen}");
            assert!(!seems(listen, "http://127.0.0.1:8080", 0), "{listen}");
        }
        assert!(!seems("203.0.113.7:443", "https://care.example", 0));
    }

    #[test]
    fn postgresql_is_reached_over_tls_or_on_this_machine_or_plainly_on_purpose() {
        for url in [
            "postgres://db.example/x?sslmode=verify-full",
            "postgres://u:p@db.example:5432/x?connect_timeout=3&sslmode=require",
            "postgres://localhost/x",
            "postgres://u:p@127.0.0.1:5432/x",
            "postgres://[::1]/x",
            "postgres:///x?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/x",
        ] {
            assert_eq!(db::check_url(url, false), Ok(()), "{url}");
        }
        assert_eq!(db::check_url("postgres://db.example/x?sslmode=disable", true), Ok(()));
        assert!(db::check_url("postgres://db.example/x", true).is_err());
    }

    #[test]
    fn a_server_on_every_address_is_reached_by_the_loopback() {
        for (listen, local) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:9090", "[::1]:9090"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("[::1]:8080", "[::1]:8080"),
            ("localhost:8080", "localhost:8080"),
        ] {
            assert_eq!(local_address(listen), local);
        }
    }

    #[test]
    fn loopback_is_told_from_what_only_looks_like_it() {
        for url in ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:8080/x", "http://127.9.9.9"] {
            assert!(is_loopback_url(url), "{url}");
        }
        for url in
            ["http://127.0.0.1.example", "http://localhost.example", "http://10.0.0.1", "ftp://127.0.0.1", "http://"]
        {
            assert!(!is_loopback_url(url), "{url}");
        }
    }
}
