//! The commands about a clinic's own protocols: the same verbs as the API, for the person who runs the server.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app::App;
use crate::auth;
use crate::documents;
use crate::error::Error;
use crate::http::PageParams;
use crate::http::page::Cursor;
use crate::http::text::Email;
use crate::protocols::{self, Version, store};
use ground::ids::ClinicId;

/// What can be done with a clinic's protocols.
#[derive(Subcommand)]
pub enum Command {
    /// List the versions, newest first.
    List {
        /// The clinic, as `aftercare clinic list` names it.
        #[arg(long)]
        clinic: uuid::Uuid,
    },
    /// Print a version's document, byte for byte.
    Export(Which),
    /// Take a document in as a draft: a file, or a key of the library (then `--as` may give it a key of the clinic's own).
    Import {
        /// The file, or the key in the library.
        document: String,
        /// The clinic's own key for a protocol of the library.
        #[arg(long = "as", value_name = "KEY")]
        own_key: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Approve a draft: an error that the linter finds refuses it.
    Activate {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        by: Approver,
    },
    /// Put a version away: nobody is enrolled in it any more, running plans go on.
    Retire {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        by: Approver,
    },
}

/// A version.
#[derive(Args, Clone)]
pub struct Which {
    /// The protocol's key.
    key: String,
    /// The version's number.
    version: i32,
    /// The clinic, as `aftercare clinic list` names it.
    #[arg(long)]
    clinic: uuid::Uuid,
}

/// Who does it, and where.
#[derive(Args, Clone)]
pub struct By {
    /// The clinic, as `aftercare clinic list` names it.
    #[arg(long)]
    clinic: uuid::Uuid,
    /// The address of the owner or clinician who does it: the audit names them.
    #[arg(long)]
    by: String,
}

/// Who does it.
#[derive(Args, Clone)]
pub struct Approver {
    /// The address of the owner or clinician who does it: the audit names them.
    #[arg(long)]
    by: String,
}

fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn line(version: &Version) -> String {
    format!("{} {} {} {}", version.key, version.version, version.status.as_str(), version.content_hash)
}

/// Runs a command on the clinic's data.
pub async fn run(app: &App, command: Command) -> Result<(), Error> {
    match command {
        Command::List { clinic } => list(app, ClinicId(clinic)).await,
        Command::Export(Which { key, version, clinic }) => {
            let found = find(app, ClinicId(clinic), key, version).await?;
            drop(std::io::stdout().write_all(found.document.as_bytes()));
            Ok(())
        }
        Command::Import { document, own_key, by } => {
            let text = document_of(&document, own_key.as_deref())?;
            let key = documents::read_authored(&text)?.key;
            let new = documents::read_as(&key, text)?;
            let who = staff(app, by.clinic, &by.by).await?;
            say(&line(&app.act(who, move |ctx| protocols::write(ctx, &who, &new)).await?));
            Ok(())
        }
        Command::Activate { which: Which { key, version, clinic }, by } => {
            let who = staff(app, clinic, &by.by).await?;
            let checked = documents::check(&find(app, who.clinic, key.clone(), version).await?.document)?;
            let done = app.act(who, move |ctx| protocols::activate(ctx, &who, &key, version, &checked)).await?;
            say(&line(&done));
            Ok(())
        }
        Command::Retire { which: Which { key, version, clinic }, by } => {
            let who = staff(app, clinic, &by.by).await?;
            find(app, who.clinic, key.clone(), version).await?;
            say(&line(&app.act(who, move |ctx| protocols::retire(ctx, &who, &key, version)).await?));
            Ok(())
        }
    }
}

async fn list(app: &App, clinic: ClinicId) -> Result<(), Error> {
    let mut page = PageParams::whole();
    loop {
        let wanted = page.clone();
        let rows = app.db.read(move |c| store::list(c, clinic, &wanted)).await?;
        let cut = page.cut(rows, |row| row.id.0, |row| line(&row))?;
        for version in &cut.items {
            say(version);
        }
        match cut.next_cursor {
            Some(next) => page.cursor = Some(Cursor::try_from(next).map_err(|why| Error::internal("a cursor", why))?),
            None => return Ok(()),
        }
    }
}

async fn find(app: &App, clinic: ClinicId, key: String, number: i32) -> Result<Version, Error> {
    let asked = key.clone();
    app.db.read(move |c| protocols::version(c, clinic, &asked, number)).await.map_err(|why| match why {
        Error::NotFound => {
            Error::Setting(format!("the clinic has no version {number} of {key}: see `clinic protocol list`"))
        }
        other => other,
    })
}

fn document_of(named: &str, own_key: Option<&str>) -> Result<String, Error> {
    let text = match authoring::library_document(named) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(PathBuf::from(named)).map_err(|why| {
            Error::Setting(format!("{named} is no protocol of the library, and cannot be read as a file: {why}"))
        })?,
    };
    own_key.map_or_else(|| Ok(text.clone()), |key| documents::rekeyed(&text, key))
}

/// The owner or clinician of that address.
async fn staff(app: &App, clinic: uuid::Uuid, address: &str) -> Result<auth::Staff, Error> {
    let email = Email::try_from(address.to_owned()).map_err(|why| Error::Setting(format!("--by {address}: {why}")))?;
    let found = app.db.read(move |c| auth::staff_of(c, ClinicId(clinic), &email)).await?;
    let who = found.ok_or_else(|| {
        Error::Setting(format!("--by {address}: the clinic has no member of that address who may act"))
    })?;
    who.must_be_clinical()?;
    Ok(who)
}
