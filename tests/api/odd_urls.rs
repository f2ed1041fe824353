//! Odd bytes in URLs: every path and query parameter of the document takes each of them, from staff, a patient and a stranger.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::support::TestApp;
use crate::support::contract::{self, Operation, operations};
use crate::support::http::Reply;
use crate::support::samples::{World, fill, two_worlds};

/// The codes that an odd URL may meet. What refuses rights and bodies is tested elsewhere.
const CODES: [&str; 5] = ["not_found", "sign_in_needed", "not_allowed", "invalid", "if_match_needed"];

/// What is no id, no key, no number, no date and no cursor, percent-encoded as a URL carries it.
fn odd_values() -> Vec<String> {
    let written = [
        "%00",
        "%ff",
        "%2e%2e",
        "..%2F..%2Fetc",
        "%F0%9F%98%80",
        "'",
        "%27%20OR%201=1--",
        "%20",
        "%20%20mn-face%20",
        "%E2%80%8F",
        "%E2%80%AEmn-face",
        "%C2%85",
        "%2500",
        "%zz",
        "-1",
        "99999999999999999999",
        "{0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11}",
    ];
    written.map(str::to_owned).into_iter().chain(["x".repeat(5_000)]).collect()
}

/// Sends the path byte by byte as it is written: clients of today would normalise it first.
fn send_raw(app: &TestApp, operation: &Operation, path: &str, ask: (Option<&str>, Option<&str>)) -> Reply {
    let (token, body) = ask;
    let mut head = format!(
        "{} {path} HTTP/1.1\r\nhost: care.example\r\nconnection: close\r\nif-match: \"v999\"\r\n",
        operation.method
    );
    if let Some(token) = token {
        head += &format!("authorization: Bearer {token}\r\n");
    }
    let body = body.unwrap_or_default();
    head += &format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(app.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    read_reply(&answer).unwrap_or_else(|| panic!("{} {path}: {}", operation.id, String::from_utf8_lossy(&answer)))
}

fn read_reply(answer: &[u8]) -> Option<Reply> {
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..split]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?);
    }
    Some(Reply { status, headers, bytes: answer[split + 4..].to_vec() })
}

/// The paths of an operation with one parameter after the other odd.
fn odd_paths(operation: &Operation, world: &World, odd: &str) -> Vec<String> {
    let right = world.path(operation);
    let in_path = operation
        .parameters("path")
        .into_iter()
        .map(|name| fill(operation, |parameter| if parameter == name { odd.to_owned() } else { world.id(parameter) }));
    let in_query = operation.parameters("query").into_iter().map(|name| format!("{right}?{name}={odd}"));
    in_path.chain(in_query).collect()
}

/// An answer that the document describes, and no defect of ours.
fn must_be_described(operation: &Operation, path: &str, reply: &Reply) {
    let what = format!("{} {} gave {}: {}", operation.id, path, reply.status, reply.text());
    assert!(reply.status < 500, "{what}");
    contract::check(&operation.method, path, reply);
    if reply.status >= 400 {
        assert_eq!(reply.header("content-type"), "application/problem+json", "{what}");
        let problem = reply.json();
        assert!(CODES.contains(&problem["code"].as_str().unwrap()), "{what}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn no_byte_in_a_url_is_a_defect_of_ours() {
    let (app, world, _) = two_worlds().await;
    app.ignore_mails();
    let owner = world.clinic.owner.token().await;
    let patient = world.ada.person.token().await;
    let mut asked = 0;
    for operation in operations() {
        let body = world.body(&operation).map(|body| body.to_string());
        for odd in odd_values() {
            for path in odd_paths(&operation, &world, &odd) {
                for token in [Some(owner.as_str()), Some(patient.as_str()), None] {
                    let reply = send_raw(&app, &operation, &path, (token, body.as_deref()));
                    must_be_described(&operation, &path, &reply);
                    assert!(reply.status >= 400 || path.contains('?'), "{} took {path}", operation.id);
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 4_000, "{asked}");
}

#[tokio::test]
async fn an_id_has_one_form_in_a_path_and_in_a_body() {
    let (app, world, _) = two_worlds().await;
    app.ignore_mails();
    let owner = &world.clinic.owner;
    let id = &world.ada.plan_id;
    let right = owner.get(&format!("/v1/clinic/plans/{id}")).await.must(200);
    assert_eq!(owner.get(&format!("/v1/clinic/plans/{}", id.to_uppercase())).await.must(200), right);
    let odd_forms =
        [format!("%7B{id}%7D"), format!("urn:uuid:{id}"), id.replace('-', ""), format!("%20{id}"), format!("{id}%00")];
    for odd in odd_forms {
        owner.get(&format!("/v1/clinic/plans/{odd}")).await.must_be_problem(404, "not_found");
        owner.get(&format!("/v1/clinic/plans?patient_id={odd}")).await.must_be_problem(422, "invalid");
    }
    for odd in [format!("{{{id}}}"), format!("urn:uuid:{id}"), id.replace('-', "")] {
        let treatment = &world.ada.treatment_id;
        let body = json!({ "patient_id": odd, "treatment_id": treatment, "protocol_key": "mn-face" });
        owner.post("/v1/clinic/plans", body).await.must_name("/patient_id", "invalid_value");
    }
    owner.get("/v1/clinic/protocols/mn-face/versions").await.must(200);
    for odd in ["%20mn-face", "mn-face%20", "MN-FACE", "mn%2Dface%E2%80%8F"] {
        owner.get(&format!("/v1/clinic/protocols/{odd}/versions")).await.must_be_problem(404, "not_found");
    }
}
