//! Whether an answer is wanted as a page for people or as JSON for programs.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header as _, Quality};

/// Whether `Accept` (RFC 9110) prefers HTML to JSON. Browsers say so; a program that says nothing, `*/*` or the same of both gets JSON.
pub fn prefers_page(request: &HttpRequest) -> bool {
    Accept::parse(request)
        .is_ok_and(|accepted| quality_of(&accepted, "text", "html") > quality_of(&accepted, "application", "json"))
}

/// The quality of the most specific range that fits; zero if none does.
fn quality_of(accepted: &Accept, kind: &str, subtype: &str) -> Quality {
    let fitting = accepted.iter().filter_map(|range| {
        let specificity = match (range.item.type_().as_str(), range.item.subtype().as_str()) {
            ("*", "*") => 0,
            (first, "*") if first == kind => 1,
            (first, second) if first == kind && second == subtype => 2,
            _ => return None,
        };
        Some((specificity, range.quality))
    });
    fitting.max_by_key(|(specificity, _)| *specificity).map_or(Quality::ZERO, |(_, quality)| quality)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::prefers_page;

    #[test]
    fn a_browser_gets_the_page_and_a_program_gets_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (accept, is_page) in [
            (browser, true),
            ("text/html", true),
            ("TEXT/HTML;q=0.2, application/json;q=0.1", true),
            ("text/*, application/*;q=0.5", true),
            ("application/json", false),
            ("application/json, text/html;q=0.9", false),
            ("application/json, text/html", false),
            ("text/html;q=0, */*", false),
            ("*/*", false),
            ("application/problem+json", false),
            ("image/png", false),
            ("nonsense", false),
            ("", false),
        ] {
            let request = TestRequest::default().insert_header(("Accept", accept)).to_http_request();
            assert_eq!(prefers_page(&request), is_page, "{accept}");
        }
        assert!(!prefers_page(&TestRequest::default().to_http_request()));
    }
}
