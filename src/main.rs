//! The commands.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aftercare::app::App;
use aftercare::cli::{self, doctor, open, say};
use aftercare::config::Config;
use aftercare::db::backup;
use aftercare::db::{self, migrate};
use aftercare::error::Error;
use aftercare::server::metrics;
use aftercare::{clinics, demo, openapi, server, worker};
use clap::{Args, Parser, Subcommand};
use ground::time::{Clock, Entropy, Moment};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The server behind a clinic's patient-aftercare app.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// The settings file; `aftercare.toml` here, if it is there.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests (and do the recurring work, unless worker_in_serve is false).
    Serve,
    /// Do the recurring work: plan reminders, send mail.
    Worker,
    /// The whole product with a demo clinic and invented patients, on a file of its own.
    Demo(demo::Options),
    /// Bring the database to this release's schema.
    Migrate {
        /// Make the SQLite file if it is not there; without this, a path that was typed wrongly is refused.
        #[arg(long)]
        create: bool,
    },
    /// Copy the SQLite database into a file, checked, while the server runs.
    Backup {
        /// The new file; its folder must be there.
        file: PathBuf,
    },
    /// Put a backup in the database's place. The server must not run. Mails that waited in it are held, not sent.
    Restore(RestoreArgs),
    /// Mails that a restore holds, and mails that did not arrive.
    #[command(subcommand)]
    Mails(cli::mails::MailsCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Clinics.
    #[command(subcommand)]
    Clinic(ClinicCommand),
    /// Accounts.
    #[command(subcommand)]
    Account(cli::accounts::AccountCommand),
    /// The keys that sign access tokens.
    #[command(subcommand)]
    Keys(cli::keys::KeysCommand),
    /// What happened, as it was kept.
    #[command(subcommand)]
    Audit(cli::audit::AuditCommand),
    /// Protocol documents.
    #[command(subcommand)]
    Protocol(cli::protocol::Command),
    /// Read every pinned setting back and say what is wrong.
    Doctor,
    /// Ask the server on this machine whether it is up: for a container's health check.
    Health {
        /// Ask for so many seconds, until requests are answered (readyz): for a script that restarts one node after another.
        #[arg(long)]
        wait: Option<u64>,
    },
}

#[derive(Subcommand)]
enum ClinicCommand {
    /// Make a clinic and invite its owner: the invitation is mailed, and its link printed.
    Create(Box<cli::clinics::NewClinicArgs>),
    /// Invite a member again whose invitation was lost or has run out: it is mailed, and its link printed.
    Invite(cli::clinics::InviteArgs),
    /// List the clinics.
    List,
    /// The protocols of a clinic: list, export, import, activate, retire.
    #[command(subcommand)]
    Protocol(cli::clinic_protocol::Command),
}

#[derive(Args)]
struct RestoreArgs {
    /// The backup.
    #[arg(required_unless_present = "guard")]
    file: Option<PathBuf>,
    /// Put it in the place of a database that is there; that one is kept beside it.
    #[arg(long)]
    replace: bool,
    /// Restore nothing, hold the mails only: for a database that was restored by another tool (PostgreSQL).
    #[arg(long, conflicts_with_all = ["file", "replace"])]
    guard: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(why) => {
            say_wrong(&why.to_string());
            ExitCode::FAILURE
        }
    }
}

fn say_wrong(line: &str) {
    drop(writeln!(std::io::stderr(), "aftercare: {line}"));
}

fn run(cli: Cli) -> Result<ExitCode, Error> {
    aftercare::install_crypto();
    match cli.command {
        Command::Openapi => {
            drop(write!(std::io::stdout(), "{}", openapi::json()?));
            Ok(ExitCode::SUCCESS)
        }
        Command::Protocol(command) if command.clinic().is_none() => cli::protocol::run(command, None),
        Command::Demo(options) => {
            let settings = Config::read(cli.config.as_deref())?;
            settings.check_log()?;
            start_logs("warn", "text")?;
            block_on(demo::run(options, settings.listen))
        }
        command => {
            let config = Config::read(cli.config.as_deref())?;
            run_configured(config, command)
        }
    }
}

fn run_configured(config: Config, command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Doctor => return tell_doctor(&config),
        Command::Health { wait } => return health(&config, wait),
        _ => {}
    }
    config.check()?;
    start_logs(&config.log, &config.log_format)?;
    for name in Config::injected_variables() {
        tracing::warn!(name, "a variable of Kubernetes with our prefix is left aside: it is no setting");
    }
    match command {
        Command::Migrate { create } => migrate_now(&config, create),
        Command::Backup { file } => back_up(&config, &file),
        Command::Restore(args) => restore(&config, &args),
        Command::Mails(command) => block_on(done(cli::mails::run(config, command))),
        Command::Serve => block_on(serve(config)),
        Command::Worker => block_on(work(config)),
        Command::Clinic(ClinicCommand::Create(args)) => block_on(done(cli::clinics::create(config, *args))),
        Command::Clinic(ClinicCommand::Invite(args)) => block_on(done(cli::clinics::invite(config, args))),
        Command::Clinic(ClinicCommand::List) => block_on(done(cli::clinics::list(config))),
        Command::Clinic(ClinicCommand::Protocol(command)) => block_on(async {
            cli::clinic_protocol::run(&open(config).await?, command).await?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Account(command) => block_on(done(cli::accounts::run(config, command))),
        Command::Keys(command) => block_on(done(cli::keys::run(config, command))),
        Command::Audit(command) => cli::audit::run(&config, &command).map(|()| ExitCode::SUCCESS),
        Command::Protocol(command) => block_on(async {
            let (app, named) = (open(config).await?, command.clinic().unwrap_or_default().to_owned());
            let clinic = app.db.read(move |c| clinics::find_named(c, &named)).await?;
            cli::protocol::run(command, Some(&clinic))
        }),
        Command::Demo(_) | Command::Openapi | Command::Doctor | Command::Health { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn start_logs(filter: &str, format: &str) -> Result<(), Error> {
    // What a caller sends that is no HTTP is answered 400, and is no fault of this server: anybody could fill the log with it.
    let filter = format!("actix_http::h1::dispatcher=off,{filter}");
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|why| Error::Setting(format!("log: {why}")))?;
    let logs =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    if format == "json" {
        logs.json().flatten_event(true).init();
    } else {
        logs.init();
    }
    Ok(())
}

async fn done(command: impl Future<Output = Result<(), Error>>) -> Result<ExitCode, Error> {
    command.await.map(|()| ExitCode::SUCCESS)
}

fn block_on(task: impl Future<Output = Result<ExitCode, Error>>) -> Result<ExitCode, Error> {
    let system = actix_web::rt::System::new();
    system.block_on(task)
}

fn migrate_now(config: &Config, create: bool) -> Result<ExitCode, Error> {
    let open = if create { db::create } else { db::connect };
    let applied = migrate::run(&mut open(&config.database_url)?)?;
    for name in &applied {
        say(&format!("applied {name}"));
    }
    say(&format!("{} migrations applied; the schema is this release's", applied.len()));
    Ok(ExitCode::SUCCESS)
}

fn back_up(config: &Config, file: &std::path::Path) -> Result<ExitCode, Error> {
    let bytes = backup::back_up(&config.database_url, file, &say)?;
    say(&format!("{}: {bytes} bytes, checked", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn restore(config: &Config, args: &RestoreArgs) -> Result<ExitCode, Error> {
    let m = Moment::new(Clock::System.now(), Entropy::System);
    let held = match &args.file {
        None => {
            let mut conn = db::connect(&config.database_url)?;
            migrate::state(&mut conn)?.check_known()?;
            cli::restore::guard(&mut conn, &m)?
        }
        Some(file) => {
            let restored = cli::restore::restore(&config.database_url, file, args.replace, &m, &say)?;
            for name in &restored.migrated {
                say(&format!("applied {name}"));
            }
            if let Some(before) = &restored.before {
                say(&format!("the database that was there is kept as {}", before.display()));
            }
            say("restored and checked");
            restored.held
        }
    };
    say(&format!("{held} mails are held; see them with: aftercare mails held"));
    say("reminders that were due before now are not sent");
    Ok(ExitCode::SUCCESS)
}

/// The application for a process that goes on until it is told to stop.
async fn open_for_server(config: Config) -> Result<App, Error> {
    cli::check_schema(&config)?;
    let app = App::new(config, Clock::System, Entropy::System)?;
    app.make_first_key().await?;
    Ok(app)
}

async fn serve(config: Config) -> Result<ExitCode, Error> {
    server::outlive_hangups()?;
    let listener = TcpListener::bind(&config.listen)
        .map_err(|why| Error::Setting(format!("cannot listen on {}: {why}", config.listen)))?;
    let app = open_for_server(config).await?;
    tracing::info!(listen = app.config.listen, "answering");
    let worker_here = app.config.worker_in_serve;
    server::run(app, listener, worker_here, demo::routes::routes).await?;
    Ok(ExitCode::SUCCESS)
}

async fn work(config: Config) -> Result<ExitCode, Error> {
    server::outlive_hangups()?;
    let app = open_for_server(config).await?;
    metrics::start(&app)?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let working = actix_web::rt::spawn(worker::run(app.clone(), stopped));
    tracing::info!("working");
    server::until_told(&app).await?;
    app.draining.store(true, Ordering::SeqCst);
    stop.send_replace(true);
    tokio::select! {
        ended = server::finish_work(working) => ended?,
        told = server::until_told(&app) => told?,
    }
    Ok(ExitCode::SUCCESS)
}

fn health(config: &Config, wait: Option<u64>) -> Result<ExitCode, Error> {
    let is_up = match wait {
        Some(seconds) => cli::health::becomes_ready(config, Duration::from_secs(seconds))?,
        None => cli::health::is_up(config)?,
    };
    say(if is_up { "up" } else { "not up" });
    Ok(if is_up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell_doctor(config: &Config) -> Result<ExitCode, Error> {
    let findings = doctor::look(config)?;
    for finding in &findings {
        let word = match (finding.right, finding.remark) {
            (false, _) => "WRONG",
            (true, true) => "note ",
            (true, false) => "ok   ",
        };
        say(&format!("{word}  {}: {}", finding.about, finding.found));
    }
    let wrong = findings.iter().filter(|finding| !finding.right).count();
    say(&if wrong == 0 { "everything is right".to_owned() } else { format!("{wrong} things are wrong") });
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
