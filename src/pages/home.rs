//! `GET /`: what this server is, and where to go. A page for people, JSON for programs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::plain;
use crate::app::App;
use crate::http::media::prefers_page;

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
        let words = Words::of(plain::language(&request));
        return plain::page(StatusCode::OK, words.language, words.title, &words.body(&links));
    }
    let index = ServiceIndex { name: "Aftercare", version: env!("CARGO_PKG_VERSION"), links };
    HttpResponse::Ok().insert_header(("vary", plain::VARY)).json(index)
}

/// A part of the page: its heading, a sentence, and the words of its link.
struct Part {
    heading: &'static str,
    text: &'static str,
    link: &'static str,
}

impl Part {
    fn html(&self, to: &str) -> String {
        let Self { heading, text, link } = self;
        format!(
            "<section>\n<h2>{heading}</h2>\n<p>{text}</p>\n<a class=\"button main\" href=\"{to}\">{link}</a>\n</section>\n"
        )
    }
}

/// The page in one language.
struct Words {
    language: &'static str,
    title: &'static str,
    emergency: &'static str,
    about: &'static str,
    patients: Part,
    clinic: Part,
    developers: Part,
    demo: Part,
}

impl Words {
    fn of(language: &str) -> &'static Self {
        match language {
            "es" => &SPANISH,
            "de" => &GERMAN,
            _ => &ENGLISH,
        }
    }

    /// The number to call comes first, as on every page that a patient may see.
    fn body(&self, links: &ServiceLinks) -> String {
        let mut body =
            format!("<p class=\"emergency\">{}</p>\n<h1>{}</h1>\n<p>{}</p>\n", self.emergency, self.title, self.about);
        body += &self.patients.html(links.patient_page);
        body += &self.clinic.html(links.clinic_page);
        body.extend(links.demo_mails.map(|mails| self.demo.html(mails)));
        body + &self.developers.html(links.reference)
    }
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Aftercare",
    emergency: "In an emergency call 112, 999 or 911, or your local number.",
    about: "After a skin treatment, this server tells patients what to do today. It asks how the skin is, and tells the clinic.",
    patients: Part { heading: "For patients", text: "See what to do today.", link: "Open my day" },
    clinic: Part { heading: "For the clinic", text: "See who needs a call.", link: "Open alerts" },
    developers: Part { heading: "For developers", text: "Read and try the API.", link: "API reference" },
    demo: Part {
        heading: "This is a demo",
        text: "All people here are invented. See the mails they got.",
        link: "Mails of the demo",
    },
};

const SPANISH: Words = Words {
    language: "es",
    title: "Aftercare",
    emergency: "En una emergencia llame al 112, al 999 o al 911, o a su número local.",
    about: "Después de un tratamiento de la piel, este servidor dice qué hacer hoy. Pregunta cómo está la piel y avisa a la clínica.",
    patients: Part { heading: "Para pacientes", text: "Vea qué hacer hoy.", link: "Abrir mi día" },
    clinic: Part { heading: "Para la clínica", text: "Vea a quién hay que llamar.", link: "Avisos abiertos" },
    developers: Part { heading: "Para desarrolladores", text: "Lea y pruebe la API.", link: "Referencia de la API" },
    demo: Part {
        heading: "Esto es una demostración",
        text: "Todas las personas son inventadas. Vea los correos que recibieron.",
        link: "Correos de la demostración",
    },
};

const GERMAN: Words = Words {
    language: "de",
    title: "Aftercare",
    emergency: "Im Notfall rufen Sie 112, 999 oder 911 an, oder die Notrufnummer bei Ihnen.",
    about: "Nach einer Hautbehandlung sagt dieser Server, was heute zu tun ist. Er fragt, wie es der Haut geht, und meldet es der Praxis.",
    patients: Part {
        heading: "Für Patientinnen und Patienten",
        text: "Sehen Sie, was heute zu tun ist.",
        link: "Mein Tag",
    },
    clinic: Part { heading: "Für die Praxis", text: "Sehen Sie, wen Sie anrufen sollten.", link: "Offene Warnungen" },
    developers: Part {
        heading: "Für Entwicklerinnen und Entwickler",
        text: "Lesen und testen Sie die API.",
        link: "API-Referenz",
    },
    demo: Part {
        heading: "Das ist eine Demo",
        text: "Alle Personen sind erfunden. Sehen Sie die E-Mails, die sie bekamen.",
        link: "E-Mails der Demo",
    },
};

#[cfg(test)]
mod tests {
    use super::{ServiceLinks, Words};

    #[test]
    fn each_language_has_the_number_first_and_the_mails_only_in_the_demo() {
        for language in ["en", "es", "de"] {
            let words = Words::of(language);
            assert_eq!(words.language, language);
            let (plain, demo) = (words.body(&ServiceLinks::of(false)), words.body(&ServiceLinks::of(true)));
            assert!(plain.starts_with("<p class=\"emergency\">") && plain.contains("112"), "{plain}");
            for link in ["/open/today", "/open/clinic", "/docs/"] {
                assert_eq!(plain.matches(&format!("href=\"{link}\"")).count(), 1, "{link}");
            }
            assert!(!plain.contains("/demo/mail") && demo.contains("href=\"/demo/mail\""), "{demo}");
        }
    }
}
