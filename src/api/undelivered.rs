//! Mails that did not arrive, for staff.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::extract::Shown;
use crate::app::App;
use crate::auth::Staff;
use crate::error::Error;
use crate::events::EventKind;
use crate::http::idempotency::{self, Key};
use crate::http::{Page, PageParams, Path, Query};
use crate::mail::outbox::{self, MailState, TrackedMail};
use crate::mailing;
use crate::patients::Addressed;
use crate::undelivered::{self, Found};
use ground::ids::{MailId, PatientId};
use ground::sql::Conn;
use ground::time::Stamp;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list_undelivered_mails).service(get_mail).service(send_mail_again);
}

/// A mail of the clinic, and what became of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClinicMail {
    /// Its id.
    id: MailId,
    /// What it is about, as a word.
    #[schema(example = "patient_invitation")]
    kind: String,
    /// The patient's record that it is about; `null` if it goes to staff, or is about an account.
    #[schema(required)]
    patient_id: Option<PatientId>,
    /// Where it went, or was to go.
    #[schema(example = "ada@patients.example")]
    to: String,
    /// Where it is.
    state: MailState,
    /// How often it was tried.
    #[schema(example = 3)]
    attempts: i32,
    /// What came of the last try: the relay's words or ours, in English.
    #[schema(required, example = "550 5.1.1 no such user")]
    outcome: Option<String>,
    /// When it was written.
    created_at: Stamp,
    /// When it was given up or sent; `null` while it waits.
    #[schema(required)]
    settled_at: Option<Stamp>,
    /// Not tried after this.
    expires_at: Stamp,
    /// Whether it can be sent again.
    #[schema(example = true)]
    can_be_sent_again: bool,
}

fn view(tracked: TrackedMail, record: Option<&Addressed>, at: Stamp) -> ClinicMail {
    ClinicMail {
        can_be_sent_again: undelivered::sendable_until(&tracked, record, at).is_ok(),
        id: tracked.mail.id,
        kind: tracked.mail.kind,
        patient_id: tracked.mail.patient_id,
        to: tracked.mail.to_address,
        state: tracked.fate.state,
        attempts: tracked.fate.attempt,
        outcome: tracked.fate.outcome,
        created_at: tracked.mail.created_at,
        settled_at: tracked.fate.settled_at,
        expires_at: tracked.mail.expires_at,
    }
}

/// List mails that did not arrive, newest first.
///
/// Those that are tried again (`retry`) and those that were given up (`dead`, `expired`, `unknown`). They are kept for 90 days.
#[utoipa::path(tag = "clinic", operation_id = "list_undelivered_mails", params(PageParams),
    responses((status = 200, description = "A page of mails.", body = Page<ClinicMail>)))]
#[get("/v1/clinic/undelivered-mails")]
async fn list_undelivered_mails(
    app: web::Data<App>,
    who: Staff,
    Query(page): Query<PageParams>,
    shown: Shown,
) -> Result<HttpResponse, Error> {
    let (wanted, at) = (page.clone(), app.clock.now());
    let read = move |c: &mut Conn| {
        let rows = outbox::list_undelivered(c, Some(who.clinic), &wanted)?;
        Ok((undelivered::records_of(c, &rows)?, rows))
    };
    let (records, rows) = app.db.read(read).await?;
    let view = |row: TrackedMail| {
        let record = records.get(&row.mail.id);
        if let Some(patient) = row.mail.patient_id {
            shown.note(EventKind::MailRead, patient);
        }
        view(row, record, at)
    };
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.mail.id.0, view)?))
}

/// A mail with its words.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClinicMailText {
    /// The mail.
    mail: ClinicMail,
    /// Its subject; `null` if it was sent or is not wanted any more: the words are not kept then.
    #[schema(required, example = "Your clinic has invited you")]
    subject: Option<String>,
    /// Its text as it would be written today. A one-time link is made only when it goes, and is not shown here.
    #[schema(required, example = "Hello, ..")]
    text: Option<String>,
}

/// Get a mail of the clinic with its words.
///
/// Nothing in it is about anybody's health: what a mail links to is read after signing in.
#[utoipa::path(tag = "clinic", operation_id = "get_mail",
    params(("mail_id" = MailId, Path, description = "The mail.")),
    responses((status = 200, description = "The mail.", body = ClinicMailText)))]
#[get("/v1/clinic/mails/{mail_id}")]
async fn get_mail(app: web::Data<App>, who: Staff, id: Path<MailId>) -> Result<HttpResponse, Error> {
    let found: Found = app.db.read(move |c| undelivered::find(c, Some(who.clinic), *id)).await?;
    let letter = mailing::preview(&app, &found.tracked.mail, found.lines.clone());
    let (subject, text) = letter.map(|letter| (letter.subject, letter.text)).unzip();
    Ok(HttpResponse::Ok().json(ClinicMailText {
        mail: view(found.tracked, found.record.as_ref(), app.clock.now()),
        subject,
        text,
    }))
}

/// Send a mail again that was given up.
///
/// A reminder goes to the record's address of today, until the end of its day (`mail_too_late` after that), if it is still wanted. An invitation
/// is good for seven days from now; after its address was corrected it is not sent again (`mail_not_wanted`): invite anew. A member's invitation
/// is the owners' to send. A link to sign in is not sent again (`mail_of_the_moment`): whoever waits for it asks anew.
#[utoipa::path(tag = "clinic", operation_id = "send_mail_again",
    params(Key, ("mail_id" = MailId, Path, description = "The mail.")),
    responses((status = 200, description = "It waits to be sent.", body = ClinicMail)))]
#[post("/v1/clinic/mails/{mail_id}/send-again")]
async fn send_mail_again(app: web::Data<App>, who: Staff, key: Key, id: Path<MailId>) -> Result<HttpResponse, Error> {
    let once = key.once(who.clinic, who.account, "send_mail_again", &*id)?;
    app.act(who, move |ctx| {
        ctx.once(once, |ctx| {
            let found = undelivered::send_again(ctx, Some(&who), *id, None)?;
            Ok(view(found.tracked, found.record.as_ref(), ctx.m.at))
        })
    })
    .await
    .map(idempotency::Answer::ok)
}
