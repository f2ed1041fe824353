//! `aftercare clinic create` and `aftercare clinic list`.

use clap::Args;

use super::{open, say, wanted};
use crate::auth::{self, MemberState, Role};
use crate::clinics::{self, NewClinic, NewMember, TriageMode};
use crate::config::Config;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Actor;
use crate::http::text::{Email, Name};
use ground::sql::Conn;

const SAME_KIND: &str = "A link of the same kind is mailed. Whichever is used first, for seven days, ends the other.";

/// What makes a clinic and its owner.
#[derive(Args)]
pub struct NewClinicArgs {
    /// Its name.
    #[arg(long)]
    name: String,
    /// Its IANA zone: day 0 of a plan is a date there.
    #[arg(long)]
    zone: String,
    /// Its language.
    #[arg(long, default_value = "en")]
    locale: String,
    /// Its telephone number.
    #[arg(long)]
    phone: String,
    /// The emergency number where it is.
    #[arg(long)]
    emergency_number: String,
    /// Whom to call when it is closed.
    #[arg(long)]
    out_of_hours: String,
    /// When answers are read, in the clinic's words.
    #[arg(long)]
    reply_hours: String,
    /// When a person looks at answers, by its local time: "mon-fri 09:00-12:00 13:00-17:00, sat 10:00-13:00".
    #[arg(long)]
    hours: Option<String>,
    /// Nobody reads the answers.
    #[arg(long)]
    unmonitored: bool,
    /// Answers are kept, no rule is judged.
    #[arg(long)]
    instructions_only: bool,
    /// The owner's name.
    #[arg(long)]
    owner_name: String,
    /// The owner's address.
    #[arg(long)]
    owner_email: String,
    /// Make it although one of this name with this owner is there.
    #[arg(long)]
    again: bool,
}

/// The owner of a new clinic.
struct NewOwner {
    name: Name,
    email: Email,
}

/// Makes a clinic and invites its owner.
///
/// # Errors
/// `Error::Setting` if an option is wrong, or a clinic of this name with this owner is there and `--again` was not given.
pub async fn create(config: Config, args: NewClinicArgs) -> Result<(), Error> {
    let is_again = args.again;
    let (new, owner) = typed(args)?;
    let app = open(config).await?;
    let made = app.act(Actor::Operator, move |ctx| {
        if !is_again {
            refuse_namesake(ctx.c, &new, &owner)?;
        }
        make(ctx, new, owner)
    });
    let (id, link) = made.await?;
    say(&format!("clinic_id: {id}"));
    say(&format!("invitation: {link}"));
    say(SAME_KIND);
    Ok(())
}

fn typed(args: NewClinicArgs) -> Result<(NewClinic, NewOwner), Error> {
    let new = NewClinic {
        name: wanted("--name", args.name)?,
        zone: wanted("--zone", args.zone)?,
        locale: wanted("--locale", args.locale)?,
        phone: wanted("--phone", args.phone)?,
        emergency_number: wanted("--emergency-number", args.emergency_number)?,
        out_of_hours: wanted("--out-of-hours", args.out_of_hours)?,
        reply_hours: wanted("--reply-hours", args.reply_hours)?,
        monitored: !args.unmonitored,
        triage: if args.instructions_only { TriageMode::InstructionsOnly } else { TriageMode::Full },
        demo: false,
        opening_hours: args.hours.map_or_else(|| Ok(Vec::new()), |hours| typed_hours(&hours))?,
    };
    let owner =
        NewOwner { name: wanted("--owner-name", args.owner_name)?, email: wanted("--owner-email", args.owner_email)? };
    Ok((new, owner))
}

fn typed_hours(text: &str) -> Result<Vec<clinics::OpeningHours>, Error> {
    clinics::hours::typed(text).map_err(|why| Error::Setting(format!("--hours: {why}")))
}

/// A command that is typed again after its terminal was lost must not make a second clinic. Two at once wait for each other.
fn refuse_namesake(c: &mut Conn, new: &NewClinic, owner: &NewOwner) -> Result<(), Error> {
    auth::store::lock_rights(c)?;
    let Some(there) = clinics::find_owned(c, new.name.as_str(), owner.email.as_str())? else { return Ok(()) };
    Err(Error::Setting(format!(
        "a clinic of this name with this owner is there already ({}), and nothing was made; \
         give --again to make a second one of the same name",
        there.id
    )))
}

fn make(ctx: &mut Ctx<'_>, new: NewClinic, owner: NewOwner) -> Result<(ground::ids::ClinicId, String), Error> {
    let clinic = clinics::create(ctx, new)?;
    let email = owner.email.clone();
    let new = NewMember { name: owner.name, email: owner.email, role: Role::Owner };
    let member = clinics::add_member(ctx, &clinic, new, MemberState::Invited)?;
    auth::invite_member(ctx, &member, email.as_str(), &clinic.locale)?;
    Ok((clinic.id, auth::member_link(ctx, &member)?))
}

/// Which member of which clinic.
#[derive(Args)]
pub struct InviteArgs {
    /// The clinic's id, or its name if no other has it.
    #[arg(long)]
    clinic: String,
    /// The member's address.
    email: String,
}

/// Mails a member who has not accepted another invitation, and prints a link of the same kind.
pub async fn invite(config: Config, args: InviteArgs) -> Result<(), Error> {
    let email: Email = wanted("EMAIL", args.email)?;
    let app = open(config).await?;
    let invited = app.act(Actor::Operator, move |ctx| {
        let clinic = clinics::find_named(ctx.c, &args.clinic)?;
        let account = auth::account_named(ctx.c, email.as_str())?;
        let member = auth::store::find_member_of(ctx.c, clinic.id, account.id)?.ok_or_else(|| {
            Error::Setting("that address is no member of this clinic, and was not invited".to_owned())
        })?;
        let (member, _) = clinics::invite_again(ctx, clinic.id, member.id)?;
        auth::member_link(ctx, &member)
    });
    say(&format!("invitation: {}", invited.await?));
    say(SAME_KIND);
    Ok(())
}

/// Prints a line a clinic: id, zone, name.
pub async fn list(config: Config) -> Result<(), Error> {
    let app = open(config).await?;
    for clinic in app.db.read(clinics::store::list).await? {
        say(&format!("{}  {}  {}", clinic.id, clinic.zone, clinic.name));
    }
    Ok(())
}
