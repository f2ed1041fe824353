//! What exists only in the demo: the mail page, the clock, and examples that work.

use std::path::PathBuf;

use actix_web::{HttpResponse, web};
use mail_parser::{Message, MessageParser};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::error::Error;
use crate::http::{Body, Path};
use crate::worker;
use ground::time::Stamp;

/// The demo's routes; not part of the contract.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/demo/mail", web::get().to(list_mails))
        .route("/demo/mail/{file}", web::get().to(show_mail))
        .route("/demo/mail/{file}/html", web::get().to(show_html))
        .route("/demo/mails.json", web::get().to(mails_json))
        .route("/demo/openapi.json", web::get().to(show_document))
        .route("/demo/clock", web::get().to(read_clock))
        .route("/demo/clock", web::post().to(move_clock));
}

/// Pages of the demo show mails in a frame.
const CSP: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'";

fn folder(app: &App) -> Result<PathBuf, Error> {
    app.config.mail.expose_secret().strip_prefix("folder:").map(PathBuf::from).ok_or(Error::NotFound)
}

fn files(app: &App) -> Result<Vec<String>, Error> {
    let read = std::fs::read_dir(folder(app)?).map_err(|why| Error::internal("the mail folder", why))?;
    let mut files: Vec<String> = read
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".eml"))
        .collect();
    files.sort();
    files.reverse();
    Ok(files)
}

fn read_mail(app: &App, file: &str) -> Result<Vec<u8>, Error> {
    if !files(app)?.iter().any(|known| known == file) {
        return Err(Error::NotFound);
    }
    std::fs::read(folder(app)?.join(file)).map_err(|_| Error::NotFound)
}

fn parse(bytes: &[u8]) -> Result<Message<'_>, Error> {
    MessageParser::default().parse(bytes).ok_or(Error::NotFound)
}

fn address(message: &Message<'_>) -> String {
    let to = message.to().and_then(|to| to.first()).and_then(|to| to.address());
    to.unwrap_or_default().to_owned()
}

fn date(message: &Message<'_>) -> String {
    message.date().map(|date| date.to_rfc3339()).unwrap_or_default()
}

fn html(body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("content-security-policy", CSP))
        .content_type("text/html; charset=utf-8")
        .body(body)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
    <style>body{font:16px system-ui;margin:1rem auto;max-width:60rem;padding:0 1rem}td{padding:.3rem .8rem .3rem 0}\
    iframe{border:1px solid #999;border-radius:12px;width:390px;height:760px}pre{white-space:pre-wrap}</style>";

async fn list_mails(app: web::Data<App>) -> Result<HttpResponse, Error> {
    let mut rows = String::new();
    for file in files(&app)?.iter().take(500) {
        let bytes = read_mail(&app, file)?;
        let message = parse(&bytes)?;
        rows += &format!(
            "<tr><td>{}<td>{}<td><a href=\"/demo/mail/{}\">{}</a>",
            escape(&date(&message)),
            escape(&address(&message)),
            escape(file),
            escape(message.subject().unwrap_or_default())
        );
    }
    let now = app.clock.now();
    Ok(html(format!(
        "{HEAD}<title>Mail</title><h1>Mail of the demo</h1><p>Newest first. It is {now} in the demo.</p><table>{rows}</table>"
    )))
}

async fn show_mail(app: web::Data<App>, file: Path<String>) -> Result<HttpResponse, Error> {
    let bytes = read_mail(&app, &file)?;
    let message = parse(&bytes)?;
    let name = escape(&file);
    Ok(html(format!(
        "{HEAD}<title>Mail</title><p><a href=\"/demo/mail\">All mail</a><h1>{}</h1><p>To {} on {}</p>\
         <iframe sandbox=\"allow-top-navigation-by-user-activation allow-popups\" src=\"/demo/mail/{name}/html\"></iframe><h2>As plain text</h2><pre>{}</pre>",
        escape(message.subject().unwrap_or_default()),
        escape(&address(&message)),
        escape(&date(&message)),
        escape(&message.body_text(0).unwrap_or_default())
    )))
}

async fn show_html(app: web::Data<App>, file: Path<String>) -> Result<HttpResponse, Error> {
    let bytes = read_mail(&app, &file)?;
    let message = parse(&bytes)?;
    Ok(html(message.body_html(0).unwrap_or_default().into_owned()))
}

async fn mails_json(app: web::Data<App>) -> Result<HttpResponse, Error> {
    let mut mails = Vec::new();
    for file in files(&app)?.iter().take(500) {
        let bytes = read_mail(&app, file)?;
        let message = parse(&bytes)?;
        mails.push(json!({
            "file": file,
            "date": date(&message),
            "to": address(&message),
            "subject": message.subject().unwrap_or_default(),
            "text": message.body_text(0).unwrap_or_default(),
        }));
    }
    Ok(HttpResponse::Ok().json(json!({ "items": mails })))
}

/// The contract with examples of the demo's own people and days; the published one is at `/openapi.json`.
async fn show_document(app: web::Data<App>) -> Result<HttpResponse, Error> {
    let (inner, at) = (app.clone(), app.clock.now());
    let document = app.db.read(move |c| super::reference::document(c, &inner, at)).await?;
    Ok(HttpResponse::Ok().json(document))
}

async fn read_clock(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "now": app.clock.now() }))
}

/// How to move the clock: to an instant, or on by so much.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    to: Option<Stamp>,
    #[serde(default)]
    days: i64,
    #[serde(default)]
    hours: i64,
    #[serde(default)]
    minutes: i64,
}

/// The farthest that one call may go.
const FARTHEST_DAYS: i64 = 60;
/// The clock goes from one due instant to the next, in steps no longer than this.
const STEP_SECONDS: i64 = 15 * 60;

async fn move_clock(app: web::Data<App>, Body(by): Body<Move>) -> Result<HttpResponse, Error> {
    let now = app.clock.now();
    let far = |field: &str| {
        Error::field(field, "out_of_range", format!("the clock goes forward only, {FARTHEST_DAYS} days at the most"))
    };
    let seconds = [(by.days, 86_400), (by.hours, 3_600), (by.minutes, 60)]
        .into_iter()
        .try_fold(0_i64, |sum, (count, unit)| count.checked_mul(unit).and_then(|part| sum.checked_add(part)))
        .ok_or_else(|| far("/days"))?;
    let target = by.to.unwrap_or_else(|| now.plus_seconds(seconds));
    if target < now || target > now.plus_seconds(FARTHEST_DAYS * 86_400) {
        return Err(far(if by.to.is_some() { "/to" } else { "/days" }));
    }
    let before = files(&app)?.len();
    loop {
        worker::do_due(&app).await?;
        let here = app.clock.now();
        if here >= target {
            break;
        }
        let due = app.db.read(crate::metrics::find_next_due).await?.filter(|due| *due > here);
        let step = here.plus_seconds(STEP_SECONDS);
        app.clock.set(due.map_or(step, |due| due.min(step)).min(target));
    }
    let mails = files(&app)?.len().saturating_sub(before);
    Ok(HttpResponse::Ok().json(json!({ "was": now, "now": app.clock.now(), "mails": mails })))
}
