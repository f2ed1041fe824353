//! The pages without a script, as a browser and as a program ask for them.

use serde_json::json;

use crate::support::TestApp;
use crate::support::http::Reply;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A page that loads nothing but our own style, in that language.
#[track_caller]
fn must_be_page(reply: &Reply, status: u16, language: &str) -> String {
    let html = reply.text();
    assert_eq!((reply.status, reply.header("content-type")), (status, "text/html; charset=utf-8"), "{html}");
    assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
    assert!(!html.contains("://") && !html.contains("<script") && !html.contains("style="), "{html}");
    assert!(html.contains("width=device-width") && html.contains("content=\"light dark\""), "{html}");
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(reply.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("Accept-Language")));
    html
}

#[tokio::test]
async fn the_root_is_a_page_for_people_and_json_for_programs() {
    let app = TestApp::start().await;
    for accept in [None, Some("*/*"), Some("application/json"), Some("application/json, text/html;q=0.5")] {
        let ask = app.ask("GET", "/");
        let ask = if let Some(accept) = accept { ask.header("accept", accept) } else { ask };
        let index = ask.send().await.must(200);
        let links = json!({
            "document": "/openapi.json", "reference": "/docs/", "readiness": "/readyz",
            "patient_page": "/open/today", "clinic_page": "/open/clinic"
        });
        let wanted = json!({ "name": "Aftercare", "version": env!("CARGO_PKG_VERSION"), "links": links });
        assert_eq!(index, wanted, "{accept:?}");
        for path in links.as_object().unwrap().values() {
            assert_eq!(app.ask_unchecked("GET", path.as_str().unwrap()).send().await.status, 200, "{path}");
        }
    }
    for (asked, language, said) in [
        ("en", "en", "For patients"),
        ("es-MX", "es", "Para pacientes"),
        ("fr, de-AT;q=0.5", "de", "Für Patientinnen und Patienten"),
        ("fr", "en", "For patients"),
    ] {
        let ask = app.ask("GET", "/").header("accept", BROWSER).header("accept-language", asked);
        let html = must_be_page(&ask.send().await, 200, language);
        assert!(html.contains(said) && html.contains("class=\"emergency\""), "{html}");
    }
    app.ask("POST", "/").send().await.must_be_problem(405, "wrong_method");
}

#[tokio::test]
async fn a_dead_unsubscribe_link_is_a_page_for_people_and_a_problem_for_programs() {
    let app = TestApp::start().await;
    app.ignore_mails();
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    let id = |text: &str| text.parse::<uuid::Uuid>().unwrap();
    let (known, gone) = (id(&ada.patient_id), id("0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11"));
    let path = |patient| app.app.post().unsubscribe_url(clinic.id, patient).replace(crate::support::BASE_URL, "");
    let (good, of_nobody) = (path(known.into()), path(gone.into()));
    let dead = [of_nobody, good[..good.len() - 1].to_owned(), "/v1/unsubscribe/%20".to_owned()];
    for link in &dead {
        for method in ["GET", "POST"] {
            for (asked, language, said) in [
                ("en-GB", "en", "does not work any more"),
                ("es", "es", "ya no sirve"),
                ("de-CH", "de", "funktioniert nicht mehr"),
            ] {
                let ask = app.ask_unchecked(method, link).header("accept", BROWSER).header("accept-language", asked);
                let html = must_be_page(&ask.send().await, 404, language);
                assert!(html.contains(said) && html.contains("href=\"/open/today\""), "{html}");
            }
            app.ask(method, link).send().await.must_be_problem(404, "not_found");
        }
        let click = app.ask("POST", link).header("content-type", "application/x-www-form-urlencoded");
        click.raw("List-Unsubscribe=One-Click").send().await.must_be_problem(404, "not_found");
    }
    let html = must_be_page(&app.ask("GET", &good).header("accept", BROWSER).send().await, 200, "en");
    assert!(html.contains("<form method=\"post\">"), "{html}");
    assert_eq!(app.database.count("events", "kind = 'patient.unsubscribed'"), 0, "opening a page changes nothing");
}
