//! `aftercare demo`: the whole product on a file of its own, with an invented clinic and invented patients.

pub mod people;
pub mod reference;
pub mod routes;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use secrecy::SecretString;
use serde_json::json;

use crate::app::App;
use crate::config::{Config, is_loopback_url, local_address};
use crate::db::{self, migrate};
use crate::error::Error;
use crate::server;
use ground::encoding::url_base64;
use ground::time::{Clock, Entropy, Stamp};

/// How the demo is started.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Where its data is kept.
    #[arg(long, default_value = "demo-data")]
    pub data: PathBuf,
    /// Where it listens; as the settings say (`listen`), if left out.
    #[arg(long)]
    pub listen: Option<String>,
    /// Forget the data of the last time.
    #[arg(long)]
    pub fresh: bool,
    /// What time it is in the demo, as 2026-03-04T17:00:00Z, and not before what its data knows; now, or where the last demo stood, if left
    /// out.
    #[arg(long)]
    pub at: Option<String>,
}

/// Everybody's password in the demo.
pub const PASSWORD: &str = "aftercare demo password";

/// Starts the demo, and keeps it until it is interrupted. `listen` is the setting, for when the options name no address.
///
/// # Errors
/// `Error::Setting`: the address is taken or is another machine's to reach, the folder cannot be used, or `--at` is before the data's time.
pub async fn run(options: Options, listen: String) -> Result<ExitCode, Error> {
    server::outlive_hangups()?;
    let listen = options.listen.clone().unwrap_or(listen);
    let base_url = base_url(&listen)?;
    let asked = options.at.as_deref().map(parse_instant).transpose()?;
    prepare_folder(&options)?;
    let listener = TcpListener::bind(&listen)
        .map_err(|why| Error::Setting(format!("cannot listen on {listen}: {why}; try --listen 127.0.0.1:8081")))?;
    let config = Config { listen, base_url, ..config(&options)? };
    config.check()?;
    let clock = Clock::starting(begin(&config, &options.data, asked)?);
    let app = App::new(config, clock, Entropy::System)?;
    app.make_first_key().await?;
    if app.db.read(crate::clinics::store::list).await?.is_empty() {
        say("making an invented clinic with its patients ...");
        people::seed(&app).await?;
    }
    announce(&app, &options).await?;
    keep_time(&app, &options.data);
    let (inner, data) = (app.clone(), options.data.clone());
    server::run(app, listener, true, routes::routes).await?;
    keep_time(&inner, &data);
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn parse_instant(text: &str) -> Result<Stamp, Error> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed.map(Stamp::from).map_err(|_| Error::Setting("--at must be an instant like 2026-03-04T17:00:00Z".to_owned()))
}

fn prepare_folder(options: &Options) -> Result<(), Error> {
    let failed =
        |why: std::io::Error| Error::Setting(format!("cannot use the folder {}: {why}", options.data.display()));
    if options.fresh && options.data.exists() {
        let ours = options.data.join("aftercare.db").exists() || options.data.join("demo.json").exists();
        if !ours && std::fs::read_dir(&options.data).map_err(failed)?.next().is_some() {
            return Err(Error::Setting(format!(
                "{} is not a demo's folder; nothing was removed",
                options.data.display()
            )));
        }
        std::fs::remove_dir_all(&options.data).map_err(failed)?;
    }
    std::fs::create_dir_all(options.data.join("mail")).map_err(failed)
}

fn config(options: &Options) -> Result<Config, Error> {
    Ok(Config {
        database_url: format!("sqlite:{}", options.data.join("aftercare.db").display()),
        secret: secret(&options.data.join("secret"))?,
        mail: format!("folder:{}", options.data.join("mail").display()).into(),
        mail_from: "Demo clinic <no-reply@demo.example>".to_owned(),
        requests_per_minute: 0,
        ..Config::default()
    })
}

/// The demo's secret, made once, so that sign-ins survive a restart.
fn secret(path: &Path) -> Result<SecretString, Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Ok(kept) = std::fs::read_to_string(path) {
        return Ok(kept.into());
    }
    let made = url_base64(&Entropy::System.bytes::<48>());
    let file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(made.as_bytes()));
    written.map_err(|why| Error::Setting(format!("cannot write {}: {why}", path.display())))?;
    Ok(made.into())
}

fn clock_file(data: &Path) -> PathBuf {
    data.join("clock")
}

/// What time it is when the demo starts: what was asked for; or now, or the time of its data if that is later. The data is made ready.
fn begin(config: &Config, data: &Path, asked: Option<Stamp>) -> Result<Stamp, Error> {
    let mut conn = db::create(&config.database_url)?;
    migrate::run(&mut conn)?;
    let known = last_time(data).max(crate::events::store::newest(&mut conn)?);
    match (asked, known) {
        (Some(asked), Some(known)) if asked < known => Err(Error::Setting(format!(
            "--at {asked} is before the time of the demo's data, {known}: leave --at out to go on from there, or give --fresh to start over"
        ))),
        (Some(asked), _) => Ok(asked),
        (None, known) => Ok(known.map_or_else(|| Clock::System.now(), |known| known.max(Clock::System.now()))),
    }
}

/// Where the demo's clock stood when it ended; when it began, if it was killed.
fn last_time(data: &Path) -> Option<Stamp> {
    parse_instant(std::fs::read_to_string(clock_file(data)).ok()?.trim()).ok()
}

/// Where the demo is seen. Everybody knows its passwords, so it is for this machine; a container listens on every address and is published.
fn base_url(listen: &str) -> Result<String, Error> {
    let url = format!("http://{}", local_address(listen));
    if is_loopback_url(&url) {
        return Ok(url);
    }
    Err(Error::Setting(format!(
        "the demo listens on this machine (127.0.0.1, localhost or [::1]), or on 0.0.0.0 or [::] in a container, not on {listen}: \
         give --listen 127.0.0.1:8080"
    )))
}

/// Keeps the demo's time for the next start.
pub fn keep_time(app: &App, data: &Path) {
    if let Err(why) = std::fs::write(clock_file(data), app.clock.now().to_string()) {
        tracing::warn!(%why, "the demo's time could not be kept");
    }
}

async fn announce(app: &App, options: &Options) -> Result<(), Error> {
    let at = app.clock.now();
    let people = app.db.read(move |c| people::list(c, at)).await?;
    let base = &app.config.base_url;
    let description = json!({
        "api": base,
        "reference": format!("{base}/docs/"),
        "openapi": format!("{base}/openapi.json"),
        "mail": format!("{base}/demo/mail"),
        "patient_page": format!("{base}/open/today"),
        "clock": format!("{base}/demo/clock"),
        "password": PASSWORD,
        "staff": people.staff,
        "patients": people.patients,
    });
    let text = serde_json::to_string_pretty(&description)? + "\n";
    let path = options.data.join("demo.json");
    std::fs::write(&path, text).map_err(|why| Error::Setting(format!("cannot write {}: {why}", path.display())))?;
    say(&format!("API          {base}"));
    say(&format!("Reference    {base}/docs/"));
    say(&format!("Mail         {base}/demo/mail"));
    say(&format!("Patient page {base}/open/today"));
    say(&format!(
        "Clock        {}, moved by: curl -X POST {base}/demo/clock -H 'content-type: application/json' -d '{{\"days\":1}}'",
        app.clock.now()
    ));
    say(&format!("Password     {PASSWORD}   (everybody's)"));
    for person in &people.staff {
        say(&format!("  {:12} {}", person.role, person.email));
    }
    for person in &people.patients {
        say(&format!(
            "  {:12} {:34} {} day {:3}  {}",
            "patient", person.email, person.protocol, person.day, person.zone
        ));
    }
    say(&format!(
        "The same is in {}. Stop with Ctrl-C; start again to go on, or with --fresh to start over.",
        path.display()
    ));
    Ok(())
}
