//! Pages without a script, in the reader's language: text and links in the style of the others.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::language::asked_language;

/// On what of a request a page depends that is JSON for programs.
pub const VARY: &str = "Accept, Accept-Language";
const CSP: &str = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'";

/// The language of a page: the first of `Accept-Language` that the texts are written in, otherwise English.
pub fn language(request: &HttpRequest) -> &'static str {
    let asked = asked_language(request).unwrap_or_default();
    ["es", "de"].into_iter().find(|known| engine::language(&asked) == *known).unwrap_or("en")
}

/// A whole page. `title` and `body` are HTML: escape what comes from outside.
pub fn page(status: StatusCode, language: &str, title: &str, body: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/open/page.css\">\n</head>\n\
         <body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    );
    HttpResponse::build(status)
        .insert_header(("content-security-policy", CSP))
        .insert_header(("vary", VARY))
        .content_type("text/html; charset=utf-8")
        .body(html)
}
