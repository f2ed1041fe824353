//! The pages behind mailed links, for people without the app: accept an invitation, sign in, set a password, see today.
//! They are plain files that talk to the API like any other client; a link's token stands behind `#` and reaches no log.

pub mod home;
pub mod plain;

use actix_web::{HttpResponse, web};

use crate::error::Error;
use crate::http::Path;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const DATES: &str = include_str!("dates.js");
const NUMBERS: &str = include_str!("numbers.js");
const STYLE: &str = include_str!("page.css");
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'";

/// The routes of the pages.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/open/page.js", web::get().to(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/open/dates.js", web::get().to(async || file("text/javascript; charset=utf-8", DATES)))
        .route("/open/numbers.js", web::get().to(async || file("text/javascript; charset=utf-8", NUMBERS)))
        .route("/open/page.css", web::get().to(async || file("text/css; charset=utf-8", STYLE)))
        .route("/open/{page}", web::get().to(page));
}

async fn page(name: Path<String>) -> Result<HttpResponse, Error> {
    match name.as_str() {
        "invitation" | "sign-in" | "password" | "address" | "today" | "clinic" => {
            Ok(file("text/html; charset=utf-8", PAGE))
        }
        _ => Err(Error::NotFound),
    }
}

fn file(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("content-security-policy", CSP))
        .insert_header(("cache-control", "no-cache"))
        .content_type(kind)
        .body(text)
}
