//! The way out of reminder mails: one click of a mail program, or a page with a button. The token of the mail is the proof.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::App;
use crate::error::{Error, Problem};
use crate::events::Actor;
use crate::http::Path;
use crate::http::media::prefers_page;
use crate::pages::plain;
use crate::patients::{self, store};
use crate::words;
use ground::ids::{ClinicId, PatientId};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(unsubscribe).service(unsubscribe_page);
}

/// Stop reminder mails with one click (RFC 8058).
///
/// What a mail program posts when its owner presses "unsubscribe". No sign-in: the token is the proof. Idempotent. A token that is not
/// good any more is a 404: a page if `Accept` prefers HTML, otherwise a problem.
#[utoipa::path(tag = "mail", operation_id = "unsubscribe", security(()),
    params(("token" = String, Path, description = "From the mail's List-Unsubscribe header.")),
    responses((status = 200, description = "No more reminders are mailed to this patient.", content_type = "text/html", body = String),
        (status = 404, description = "The link is not good any more.", content((Problem = "application/problem+json"), (String = "text/html")))))]
#[post("/v1/unsubscribe/{token}")]
async fn unsubscribe(app: web::Data<App>, token: Path<String>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let Some((clinic, patient)) = record_of(&app, &token) else { return dead_link(&request) };
    match app.act(Actor::Anonymous, move |ctx| patients::unsubscribe(ctx, clinic, patient)).await {
        Ok(()) => Ok(page(
            "<h1>Done</h1><p>No more reminders will be mailed to you. You can turn them on again in your app.</p>\
             <p lang=\"es\">Listo. No le enviaremos más recordatorios. Puede activarlos de nuevo en su aplicación.</p>\
             <p lang=\"de\">Erledigt. Wir schicken Ihnen keine Erinnerungen mehr. Sie können sie in Ihrer App wieder einschalten.</p>",
        )),
        Err(Error::NotFound) => dead_link(&request),
        Err(why) => Err(why),
    }
}

/// A page with the button that stops reminder mails; opening it changes nothing.
///
/// Mail programs and their scanners open links by themselves: only the button, a POST, unsubscribes. A token that is not good any more is a
/// 404: a page that says what to do if `Accept` prefers HTML, otherwise a problem.
#[utoipa::path(tag = "mail", operation_id = "get_unsubscribe_page", security(()),
    params(("token" = String, Path, description = "From the mail.")),
    responses((status = 200, description = "The page.", content_type = "text/html", body = String),
        (status = 404, description = "The link is not good any more.", content((Problem = "application/problem+json"), (String = "text/html")))))]
#[get("/v1/unsubscribe/{token}")]
async fn unsubscribe_page(
    app: web::Data<App>,
    token: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let Some((clinic, patient)) = record_of(&app, &token) else { return dead_link(&request) };
    if app.db.read(move |c| store::find(c, clinic, patient)).await?.is_none() {
        return dead_link(&request);
    }
    Ok(page(
        "<h1>Stop reminders?</h1><p>You will get no more reminder mails. Your plan goes on.</p>\
             <p lang=\"es\">¿Dejar de recibir recordatorios? Su plan continúa.</p>\
             <p lang=\"de\">Keine Erinnerungen mehr bekommen? Ihr Plan läuft weiter.</p>\
             <form method=\"post\"><button>Stop reminders · No más recordatorios · Keine Erinnerungen mehr</button></form>",
    ))
}

fn record_of(app: &App, token: &str) -> Option<(ClinicId, PatientId)> {
    let (clinic, patient) = app.secrets.read_unsubscribe_token(token)?;
    Some((ClinicId(clinic), PatientId(patient)))
}

fn page(body: &str) -> HttpResponse {
    plain::page(StatusCode::OK, "en", "Reminders", body)
}

/// The link names no record: its token is cut off, of another server, or its record is gone. The three look the same.
fn dead_link(request: &HttpRequest) -> Result<HttpResponse, Error> {
    if !prefers_page(request) {
        return Err(Error::NotFound);
    }
    let language = plain::language(request);
    let say = |key| words::say(language, key, &[]);
    let (title, text) = (say("unsubscribe-dead-title"), say("unsubscribe-dead-text"));
    let link = say("unsubscribe-dead-link");
    let body =
        format!("<h1>{title}</h1>\n<p>{text}</p>\n<p><a class=\"button main\" href=\"/open/today\">{link}</a></p>");
    Ok(plain::page(StatusCode::NOT_FOUND, language, &title, &body))
}
