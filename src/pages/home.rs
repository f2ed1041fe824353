//! `GET /`: what this server is, and where to go. A page for people, JSON for programs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::plain;
use crate::app::App;
use crate::http::media::prefers_page;
use crate::words;

const NAME: &str = "Aftercare";

/// The route.
pub fn routes(config: &mut ServiceConfig) {
    config.service(home);
}

/// What this server is, and where things are.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceIndex {
    /// The product.
    #[schema(example = "Aftercare")]
    name: &'static str,
    /// The product's version; the contract's is in the document.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Paths on this server.
    links: ServiceLinks,
}

/// Paths on this server. More may be added.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceLinks {
    /// The contract as an OpenAPI document.
    #[schema(example = "/openapi.json")]
    document: &'static str,
    /// The contract to read and try out, in a browser.
    #[schema(example = "/docs/")]
    reference: &'static str,
    /// Whether requests can be answered.
    #[schema(example = "/readyz")]
    readiness: &'static str,
    /// The built-in page of a patient.
    #[schema(example = "/open/today")]
    patient_page: &'static str,
    /// The built-in page of a clinic's staff.
    #[schema(example = "/open/clinic")]
    clinic_page: &'static str,
    /// The mails of the demo; only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/demo/mail")]
    demo_mails: Option<&'static str>,
}

impl ServiceLinks {
    fn of(is_demo: bool) -> Self {
        Self {
            document: "/openapi.json",
            reference: "/docs/",
            readiness: "/readyz",
            patient_page: "/open/today",
            clinic_page: "/open/clinic",
            demo_mails: is_demo.then_some("/demo/mail"),
        }
    }
}

/// What this server is, and where to go from here.
///
/// HTML if `Accept` prefers it to JSON, as browsers do; the page is in the language of `Accept-Language`.
#[utoipa::path(tag = "service", operation_id = "get_service_index", security(()),
    responses((status = 200, description = "The server and its links.",
        content((ServiceIndex = "application/json"), (String = "text/html")))))]
#[get("/")]
async fn home(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let links = ServiceLinks::of(app.demo);
    if prefers_page(&request) {
        let language = plain::language(&request);
        return plain::page(StatusCode::OK, language, NAME, &body(language, &links));
    }
    let index = ServiceIndex { name: NAME, version: env!("CARGO_PKG_VERSION"), links };
    HttpResponse::Ok().insert_header(("vary", plain::VARY)).json(index)
}

/// The number to call comes first, as on every page that a patient may see.
fn body(language: &str, links: &ServiceLinks) -> String {
    let say = |key: &str| words::say(language, key, &[]);
    let mut body = format!(
        "<p class=\"emergency\">{}</p>\n<h1>{NAME}</h1>\n<p>{}</p>\n",
        say("home-emergency"),
        say("home-about")
    );
    let parts = [
        ("patients", Some(links.patient_page)),
        ("clinic", Some(links.clinic_page)),
        ("demo", links.demo_mails),
        ("developers", Some(links.reference)),
    ];
    for (part, to) in parts {
        let Some(to) = to else { continue };
        let [heading, text, link] = ["heading", "text", "link"].map(|line| say(&format!("home-{part}-{line}")));
        body += &format!(
            "<section>\n<h2>{heading}</h2>\n<p>{text}</p>\n<a class=\"button main\" href=\"{to}\">{link}</a>\n</section>\n"
        );
    }
    body
}

#[cfg(test)]
mod tests {
    use super::{ServiceLinks, body};

    #[test]
    fn each_language_has_the_number_first_and_the_mails_only_in_the_demo() {
        for language in ["en", "es", "de"] {
            let (plain, demo) = (body(language, &ServiceLinks::of(false)), body(language, &ServiceLinks::of(true)));
            assert!(!plain.contains("home-"), "{plain}");
            assert!(plain.starts_with("<p class=\"emergency\">") && plain.contains("112"), "{plain}");
            for link in ["/open/today", "/open/clinic", "/docs/"] {
                assert_eq!(plain.matches(&format!("href=\"{link}\"")).count(), 1, "{link}");
            }
            assert!(!plain.contains("/demo/mail") && demo.contains("href=\"/demo/mail\""), "{demo}");
        }
    }
}
