//! Caches and proxies between a phone and us: what they keep, what they weaken, what they compress.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::json;

use crate::support::TestApp;
use crate::support::http::Reply;
use crate::support::people::Person;

/// A private cache as RFC 9111 has it: keeps what may be kept, gives it again while it is fresh, and asks before it gives anything else.
#[derive(Default)]
struct Browser {
    kept: BTreeMap<String, Vec<Kept>>,
    given_without_asking: usize,
    asked_and_unchanged: usize,
}

struct Kept {
    /// The names in `Vary`, with what the request said.
    varies: Vec<(String, String)>,
    reply: Reply,
}

impl Browser {
    async fn get(&mut self, app: &TestApp, path: &str, headers: &[(&str, String)]) -> String {
        let says = |name: &str| {
            headers
                .iter()
                .find(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        let fits = |kept: &Kept| kept.varies.iter().all(|(name, value)| says(name) == *value);
        let stored = self.kept.entry(path.to_owned()).or_default();
        let known = stored.iter().position(&fits);
        let mut ask = app.ask("GET", path);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        if let Some(known) = known {
            let reply = &stored[known].reply;
            if reply.header("cache-control").contains("max-age") {
                self.given_without_asking += 1;
                return reply.text();
            }
            ask = ask.header("if-none-match", reply.header("etag"));
        }
        let reply = ask.send().await;
        if reply.status == 304 {
            self.asked_and_unchanged += 1;
            return stored[known.unwrap()].reply.text();
        }
        let text = reply.text();
        stored.retain(|kept| !fits(kept));
        if !reply.header("cache-control").contains("no-store") && !reply.header("etag").is_empty() {
            let names = reply.header("vary").split(", ").map(str::to_owned);
            let varies = names.map(|name| (name.clone(), says(&name))).collect();
            stored.push(Kept { varies, reply });
        }
        text
    }
}

async fn fresh(app: &TestApp, path: &str, headers: &[(&str, String)]) -> String {
    let mut ask = app.ask("GET", path);
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.send().await.text()
}

#[tokio::test]
async fn a_browser_never_shows_another_persons_day_nor_an_old_one() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let (ada, bea) = (clinic.enrol("Ada").await, clinic.enrol("Bea").await);
    app.set_clock("2026-03-02T17:30:00Z");
    let mut browser = Browser::default();
    let today = ada.person.get("/v1/me/today").await.must(200);
    let task = today["items"].as_array().unwrap().iter().find(|item| item["kind"] == "task" && item["state"] == "open");
    let mark = format!("/v1/me/occurrences/{}/mark", task.unwrap()["occurrence_id"].as_str().unwrap());
    let plan = format!("/v1/me/plans/{}", ada.plan_id);
    for round in 0..12 {
        for person in [&ada.person, &bea.person] {
            for language in ["en", "es", ""] {
                let mut headers = vec![("authorization", format!("Bearer {}", person.token().await))];
                if !language.is_empty() {
                    headers.push(("accept-language", language.to_owned()));
                }
                for path in ["/v1/me/today", "/v1/me/timeline", "/v1/me", &plan, "/v1/me/check-ins"] {
                    let seen = browser.get(&app, path, &headers).await;
                    let true_now = fresh(&app, path, &headers).await;
                    assert_eq!(without_trace(&seen), without_trace(&true_now), "round {round}: {path} {language}");
                }
            }
        }
        match round {
            1 => drop(ada.person.put(&mark, json!({ "state": "done" })).await.must(200)),
            3 => drop(ada.person.delete(&mark).await.must(200)),
            5 => app.pass_seconds(3 * 3_600),
            7 => {
                let revoke = format!("/v1/clinic/plans/{}/revoke", ada.plan_id);
                clinic.clinician.send_if("POST", &revoke, "\"v1\"", json!({ "reason": "Moved away." })).await.must(200);
            }
            9 => {
                let tag = bea.person.get("/v1/me").await.header("etag").to_owned();
                bea.person.send_if("PATCH", "/v1/me", &tag, json!({ "zone": "Asia/Tokyo" })).await.must(200);
            }
            _ => {}
        }
    }
    assert_eq!(browser.given_without_asking, 0);
    assert!(browser.asked_and_unchanged > 100, "{}", browser.asked_and_unchanged);
    app.ignore_mails();
}

fn without_trace(text: &str) -> String {
    text.split("\"trace_id\"").next().unwrap().to_owned()
}

fn decoded(reply: &Reply) -> Vec<u8> {
    let mut plain = Vec::new();
    match reply.header("content-encoding") {
        "gzip" => drop(flate2::read::GzDecoder::new(reply.bytes.as_slice()).read_to_end(&mut plain).unwrap()),
        "br" => drop(brotli::Decompressor::new(reply.bytes.as_slice(), 4_096).read_to_end(&mut plain).unwrap()),
        "zstd" => plain = zstd::stream::decode_all(reply.bytes.as_slice()).unwrap(),
        _ => plain.clone_from(&reply.bytes),
    }
    plain
}

async fn ask(person: &Person, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut ask = person.app.ask_unchecked("GET", path).bearer(&person.token().await);
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.send().await
}

#[tokio::test]
async fn long_answers_are_compressed_as_the_caller_likes_with_a_tag_for_each_encoding() {
    let app = TestApp::start().await;
    let ada = app.clinic().await.enrol("Ada").await.person;
    let plain = ask(&ada, "/v1/me/today", &[]).await;
    assert!(plain.bytes.len() > 1_024 && plain.header("content-encoding").is_empty());
    let mut tags = vec![plain.header("etag").to_owned()];
    for (accepts, encoding) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip", "gzip"),
    ] {
        let reply = ask(&ada, "/v1/me/today", &[("accept-encoding", accepts)]).await;
        assert_eq!(reply.header("content-encoding"), encoding, "{accepts}");
        assert_eq!(decoded(&reply), plain.bytes, "{accepts}");
        assert!(reply.bytes.len() < plain.bytes.len() / 2, "{accepts}: {}", reply.bytes.len());
        let varies: Vec<&str> = reply.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(varies.join(", ").contains("Accept-Encoding"), "{varies:?}");
        tags.push(reply.header("etag").to_owned());
        // Whatever it has, in whatever encoding, and however a proxy has weakened it: unchanged is unchanged.
        for tag in [
            reply.header("etag").to_owned(),
            format!("W/{}", plain.header("etag")),
            format!("\"x\", W/{}", reply.header("etag")),
        ] {
            let again = ask(&ada, "/v1/me/today", &[("accept-encoding", accepts), ("if-none-match", &tag)]).await;
            assert_eq!((again.status, again.bytes.len()), (304, 0), "{accepts} {tag}");
        }
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "one for each encoding: {tags:?}");
    for accepts in ["identity", "deflate", "x", "gzip;q=0", ""] {
        let reply = ask(&ada, "/v1/me/today", &[("accept-encoding", accepts)]).await;
        assert_eq!((reply.header("content-encoding"), &reply.bytes), ("", &plain.bytes), "{accepts}");
    }
    let document = ask(&ada, "/openapi.json", &[]).await;
    for encoding in ["gzip", "br", "zstd"] {
        let reply = ask(&ada, "/openapi.json", &[("accept-encoding", encoding)]).await;
        assert_eq!((reply.header("content-encoding"), decoded(&reply)), (encoding, document.bytes.clone()));
        let again = ask(&ada, "/openapi.json", &[("if-none-match", reply.header("etag"))]).await;
        assert_eq!(again.status, 304);
    }
    let short = ask(&ada, "/v1/me/sessions", &[("accept-encoding", "gzip")]).await;
    assert_eq!((short.status, short.header("content-encoding")), (200, ""), "a short answer gains nothing");
}

#[tokio::test]
async fn an_edit_goes_through_a_proxy_that_weakens_tags_or_splits_lists() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let patient = clinic.add_patient("Ada", "Europe/London").await;
    let path = format!("/v1/clinic/patients/{}", patient["id"].as_str().unwrap());
    for round in 0..6 {
        let read = clinic.owner.get(&path).await;
        let tag = read.header("etag").to_owned();
        let version = read.json()["version"].clone();
        let sent = match round {
            0 => tag.clone(),
            1 => format!("W/{tag}"),
            2 => format!("W/{}+gzip\"", tag.trim_end_matches('"')),
            3 => format!("\"other\", W/{tag}"),
            4 => format!("\"v{version}\""),
            _ => format!("W/\"v{version}\""),
        };
        let changed = clinic.owner.send_if("PATCH", &path, &sent, json!({ "name": format!("Ada {round}") })).await;
        assert_eq!(changed.status, 200, "{sent}: {}", changed.text());
        let stale = clinic.owner.send_if("PATCH", &path, &sent, json!({ "name": "Late" })).await;
        stale.must_be_problem(412, "stale");
    }
    let token = clinic.owner.token().await;
    let now = clinic.owner.get(&path).await.header("etag").to_owned();
    let in_two_lines = app.ask("PATCH", &path).bearer(&token).header("if-match", "\"v1\"").header("if-match", &now);
    in_two_lines.json(&json!({ "name": "Ada" })).send().await.must(200);
}

#[tokio::test]
async fn head_is_a_get_without_the_body() {
    let app = TestApp::start().await;
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    for (token, path) in [
        (ada.person.token().await, "/v1/me/today".to_owned()),
        (ada.person.token().await, "/v1/me".to_owned()),
        (ada.person.token().await, format!("/v1/me/plans/{}", ada.plan_id)),
        (clinic.owner.token().await, "/v1/clinic/patients".to_owned()),
        (clinic.owner.token().await, "/v1/me/today".to_owned()),
        (String::new(), "/healthz".to_owned()),
        (String::new(), "/readyz".to_owned()),
        (String::new(), "/openapi.json".to_owned()),
        (String::new(), "/docs/".to_owned()),
        (String::new(), "/open/today".to_owned()),
        (String::new(), "/v1/me/today".to_owned()),
        (String::new(), "/nowhere".to_owned()),
    ] {
        let get = app.ask_unchecked("GET", &path).bearer(&token).send().await;
        let head = app.ask_unchecked("HEAD", &path).bearer(&token).send().await;
        let dressed = |reply: &Reply| {
            ["etag", "content-type", "cache-control", "content-security-policy"]
                .map(|name| reply.header(name).to_owned())
        };
        assert_eq!((head.status, head.bytes.len()), (get.status, 0), "{path}");
        assert_eq!(dressed(&head), dressed(&get), "{path}");
    }
    app.ask_unchecked("HEAD", "/v1/auth/login").send().await;
    assert_eq!(app.ask_unchecked("HEAD", "/v1/auth/login").send().await.status, 405);
}

#[tokio::test]
async fn a_head_that_is_too_large_and_a_body_that_is_encoded_are_refused_by_name() {
    let app = TestApp::start().await;
    let owner = app.clinic().await.owner;
    let token = owner.token().await;
    let large = app.ask("GET", "/v1/me").bearer(&token).header("x-large", &"x".repeat(16 * 1024)).send().await;
    large.must_be_problem(431, "head_too_large");
    let many = (0..60).fold(app.ask("GET", "/v1/me").bearer(&token), |ask, number| {
        ask.header(&format!("x-{number}"), &"x".repeat(300))
    });
    many.send().await.must_be_problem(431, "head_too_large");
    app.ask("GET", "/v1/me").bearer(&token).header("x-large", &"x".repeat(14 * 1024)).send().await.must(200);
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let ask = app.ask("POST", "/v1/clinic/patients").bearer(&token).header("content-type", "application/json");
        let encoded = ask.header("content-encoding", encoding).raw("{}").send().await;
        encoded.must_be_problem(415, "encoded_body");
        assert_eq!(encoded.header("accept-encoding"), "identity");
    }
    let plain = app.ask("POST", "/v1/clinic/patients").bearer(&token).header("content-encoding", "Identity");
    plain.json(&json!({})).send().await.must_be_problem(422, "invalid");
}

#[tokio::test]
async fn t39_no_other_origin_may_call() {
    let app = TestApp::start_with(|config| config.allowed_origins = "https://app.clinic.example".to_owned()).await;
    let from = async |origin: &str| {
        let asked = app.ask_unchecked("GET", "/healthz").header("origin", origin).send().await;
        asked.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(from("https://app.clinic.example").await, "https://app.clinic.example");
    for origin in [
        "https://evil.example",
        "null",
        "https://app.clinic.example.evil.example",
        "https://evilapp.clinic.example",
        "http://app.clinic.example",
        "https://app.clinic.example:8443",
    ] {
        assert_eq!(from(origin).await, "", "{origin}");
    }
    let own = app.ask_unchecked("GET", "/healthz").header("origin", "https://app.clinic.example").send().await;
    assert_eq!(own.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a_refused_preflight_is_a_problem_that_says_what_may_be() {
    let app = TestApp::start_with(|config| config.allowed_origins = "https://app.clinic.example".to_owned()).await;
    let preflight = async |origin: &str, method: &str, headers: &str| {
        let ask = app.ask_unchecked("OPTIONS", "/v1/me/today").header("origin", origin);
        let ask = ask.header("access-control-request-method", method);
        ask.header("access-control-request-headers", headers).send().await
    };
    let allowed = preflight("https://app.clinic.example", "PUT", "authorization, if-match").await;
    assert_eq!((allowed.status, allowed.bytes.len()), (200, 0));
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.clinic.example");
    for (origin, method, headers, said) in [
        ("https://evil.example", "GET", "authorization", "allowed_origins"),
        ("null", "GET", "authorization", "allowed_origins"),
        ("https://app.clinic.example", "TRACE", "authorization", "GET, HEAD, PUT, POST, PATCH and DELETE"),
        ("https://app.clinic.example", "GET", "x-token", "If-Match"),
    ] {
        let refused = preflight(origin, method, headers).await;
        let problem = refused.must_be_problem(403, "cross_origin_refused");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
        assert_eq!(problem["trace_id"], refused.header("trace-id"));
        assert_eq!(refused.header("access-control-allow-origin"), "", "{origin} {method} {headers}");
        assert!(refused.header("vary").contains("Origin"), "{}", refused.header("vary"));
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    let no_preflight = app.ask_unchecked("OPTIONS", "/v1/me/today").header("origin", "https://evil.example");
    no_preflight.send().await.must_be_problem(405, "wrong_method");
}

#[tokio::test]
async fn t53_nothing_of_the_inside_is_served() {
    let app = TestApp::start().await;
    for path in [
        "/metrics",
        "/debug",
        "/debug/pprof",
        "/.git/config",
        "/swagger",
        "/.env",
        "/server-status",
        "/aftercare.db",
        "/open/../src",
    ] {
        let reply = app.ask_unchecked("GET", path).send().await;
        reply.must_be_problem(404, "not_found");
        assert_eq!(reply.header("server"), "");
    }
}
