//! The published contract, made from the routes that are served. `openapi/aftercare.json` is written from here, never by hand.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_actix_web::AppExt as _;

use crate::error::{Error, FieldError, Problem};
use crate::http::PathKey;

/// What the routes do not say themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Aftercare",
        description = "The server behind a clinic's patient-aftercare app: what to do today, check-ins with advice at once, \
            reminders on time, alerts for the clinic.\n\n\
            Instants are RFC 3339, dates ISO 8601, zones IANA, locales BCP 47. Every 4xx and 5xx is `application/problem+json` \
            (RFC 9457) with a stable `code`. Bodies refuse unknown fields. Lists are keyset pages. A phone makes the ids of what \
            it sends, so that sending again is harmless; other POSTs take `Idempotency-Key`. Edits take `If-Match`. \
            Enumerations may grow: read an unknown word as something to show, not as an error.\n\n\
            It informs, it does not diagnose.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(name = "Aftercare", url = "https://aftercare.example"),
    ),
    servers((url = "/", description = "This server.")),
    tags(
        (name = "sign-in", description = "Sessions: passwords, mailed links, refresh."),
        (name = "me", description = "The signed-in account."),
        (name = "today", description = "What to do on a day, and marks."),
        (name = "check-ins", description = "Answers, judged at once."),
        (name = "clinic", description = "The clinic and its members."),
        (name = "patients", description = "Patients and their treatments."),
        (name = "courses", description = "Series of treatments."),
        (name = "protocols", description = "The plans' templates."),
        (name = "plans", description = "Enrolments."),
        (name = "alerts", description = "What a person must look at."),
        (name = "reminders", description = "Why a mail went out, or did not."),
        (name = "mail", description = "What mails link to."),
        (name = "service", description = "Health, keys, this document."),
    ),
    components(schemas(Problem, FieldError, PathKey)),
    security(("bearer" = [])),
)]
struct Base;

/// The document as it is published: pretty, with a newline at its end.
pub fn json() -> Result<String, Error> {
    let (_, collected) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(crate::server::api)
        .split_for_parts();
    let mut document = serde_json::to_value(&collected)?;
    complete(&mut document);
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// What is the same for many operations is written here, once: the token, the problems, the headers.
fn complete(document: &mut Value) {
    rename_schemas(document);
    intern_schemas(document);
    say_more(document);
    put(document, "/info", "version", json!(env!("CARGO_PKG_VERSION")));
    put(
        document,
        "/components",
        "securitySchemes",
        json!({
            "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An access token of `POST /v1/auth/login` or `/v1/auth/refresh`. It acts for a patient, or for one clinic."
            }
        }),
    );
    put(document, "/components", "responses", problem_responses());
    put(document, "/components", "headers", headers());
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            add_etag(operation);
            add_example(operation);
            add_problems(path, method, operation);
        }
    }
}

/// Puts a member into the object at the pointer.
fn put(node: &mut Value, pointer: &str, key: &str, value: Value) {
    if let Some(members) = node.pointer_mut(pointer).and_then(Value::as_object_mut) {
        members.insert(key.to_owned(), value);
    }
}

const SCHEMAS: &str = "#/components/schemas/";

/// Names that the libraries or languages of phones have already, and ours instead.
const TAKEN_NAMES: &[(&str, &str)] = &[
    ("Form", "CheckInForm"),
    ("Key", "ProtocolKey"),
    ("Library", "ProtocolLibrary"),
    ("Locale", "LanguageTag"),
    ("State", "OccurrenceState"),
];

/// A schema's name for generated clients: `Page<Patient>`, to utoipa `Page_Patient`, is a `PatientPage`.
fn public_name(name: &str) -> String {
    match name.strip_prefix("Page_") {
        Some(item) => public_name(item) + "Page",
        None => TAKEN_NAMES.iter().find(|(taken, _)| *taken == name).map_or(name, |(_, ours)| ours).to_owned(),
    }
}

fn rename_schemas(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        *schemas = std::mem::take(schemas).into_iter().map(|(name, schema)| (public_name(&name), schema)).collect();
    }
    for_each_child(document, &mut |node| {
        let name = node.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(SCHEMAS));
        if let Some(name) = name.map(public_name) {
            put(node, "", "$ref", json!(format!("{SCHEMAS}{name}")));
        }
    });
}

/// utoipa writes the argument of a generic type out where it is used: name it instead, so that a client has one type of it.
fn intern_schemas(document: &mut Value) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    let is_object = |schema: &Value| schema.get("properties").is_some();
    let named =
        schemas.iter().filter(|(_, schema)| is_object(schema)).map(|(name, schema)| (schema.to_string(), name.clone()));
    let named: HashMap<String, String> = named.collect();
    for schema in schemas.values_mut() {
        for_each_child(schema, &mut |child| {
            if let Some(name) = is_object(child).then(|| named.get(&child.to_string())).flatten() {
                *child = json!({ "$ref": format!("{SCHEMAS}{name}") });
            }
        });
    }
}

/// What utoipa does not say: an example of each date and word, that a free object is free, that a header is never `null`.
fn say_more(document: &mut Value) {
    for_each_child(document, &mut |node| {
        let Some(node) = node.as_object_mut() else { return };
        if node.get("format").is_some_and(|format| format == "date") {
            node.entry("example").or_insert(json!("2026-03-04"));
        }
        if node.get("type").is_some_and(|kind| kind == "object") && !node.contains_key("properties") {
            node.entry("additionalProperties").or_insert(json!(true));
        }
        if let Some(first) = node.get("enum").and_then(|words| words.get(0)).cloned() {
            node.entry("example").or_insert(first);
        }
        if node.contains_key("in")
            && let Some(schema) = node.get_mut("schema")
            && let Some(kind) = schema.pointer("/type/0").cloned()
        {
            put(schema, "", "type", kind);
        }
    });
}

/// Everything below a node, from the top down.
fn for_each_child(node: &mut Value, change: &mut impl FnMut(&mut Value)) {
    let children: Vec<&mut Value> = match node {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => return,
    };
    for child in children {
        change(child);
        for_each_child(child, change);
    }
}

fn headers() -> Value {
    json!({
        "ETag": {
            "description": "Names what was answered: send it as `If-None-Match` to read again, as `If-Match` to change.",
            "schema": { "type": "string", "example": "\"v1\"" }
        },
        "RateLimit": {
            "description": "What is left of the requests of your address: `r` of them, for `t` seconds. On every answer.",
            "schema": { "type": "string", "example": "\"source\";r=5999;t=60" }
        },
        "RateLimit-Policy": {
            "description": "How many requests one address may send: `q` in `w` seconds. On every answer.",
            "schema": { "type": "string", "example": "\"source\";q=6000;w=60" }
        },
        "Retry-After": {
            "description": "Seconds to wait.",
            "schema": { "type": "integer", "minimum": 0, "example": 1 }
        },
        "WWW-Authenticate": {
            "description": "The scheme to sign in with.",
            "schema": { "type": "string", "example": "Bearer" }
        }
    })
}

fn refer_to_headers(names: &[&str]) -> Value {
    let header = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(header).collect())
}

/// What can be read or changed by its ETag says so in its answer.
fn add_etag(operation: &mut Value) {
    if !takes(operation, "name", "If-None-Match") && !takes(operation, "name", "If-Match") {
        return;
    }
    for (status, response) in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
        if matches!(status.as_str(), "200" | "304") {
            put(response, "", "headers", refer_to_headers(&["ETag"]));
        }
    }
}

/// A right body for every operation that takes one. The tests send these, with the ids of what is there; so does the demo's reference.
const EXAMPLES: &str = include_str!("../openapi/examples.json");
static BODIES: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(EXAMPLES).unwrap_or_default());

fn add_example(operation: &mut Value) {
    let example = operation.get("operationId").and_then(Value::as_str).and_then(|id| BODIES.get(id));
    if let Some(example) = example.cloned() {
        put(operation, "/requestBody/content/application~1json", "example", example);
    }
}

/// Name, status, sentence, and the headers of each problem.
const PROBLEMS: &[(&str, u16, &str, &[&str])] = &[
    ("Unreadable", 400, "The request cannot be read.", &[]),
    ("SignInNeeded", 401, "No access token, or one that does not count.", &["WWW-Authenticate"]),
    ("NotAllowed", 403, "The token does not allow this.", &[]),
    ("NotFound", 404, "No such object, or it is somebody else's.", &[]),
    ("TooSlow", 408, "The body did not arrive in time.", &[]),
    ("Stale", 412, "The object changed since it was read.", &[]),
    ("TooLarge", 413, "The body is larger than 256 KiB.", &[]),
    ("WrongMediaType", 415, "The body is not labelled `application/json`, or is encoded.", &[]),
    ("Invalid", 422, "Fields are wrong; `errors` names each with its rule.", &[]),
    ("VersionNeeded", 428, "`If-Match` is missing.", &[]),
    (
        "TooMany",
        429,
        "Too many requests of one source, or too many tries; `Retry-After` says when to come back.",
        &["Retry-After", "RateLimit", "RateLimit-Policy"],
    ),
    ("HeadTooLarge", 431, "The request line and headers are larger than 16 KiB.", &[]),
    ("Internal", 500, "A defect of the server; nothing was written.", &[]),
    (
        "Busy",
        503,
        "All connections are in use, or the database was lost at the last moment (`outcome_unknown`: send the same again); come back after `Retry-After`.",
        &["Retry-After"],
    ),
    ("DiskFull", 507, "The disk is full; nothing was written.", &["Retry-After"]),
];

fn problem_response(description: &str, headers: &[&str]) -> Value {
    let mut response = json!({
        "description": description,
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    });
    if !headers.is_empty() {
        put(&mut response, "", "headers", refer_to_headers(headers));
    }
    response
}

fn problem_responses() -> Value {
    let named = |(name, _, description, headers): &(&str, u16, &str, &[&str])| {
        ((*name).to_owned(), problem_response(description, headers))
    };
    Value::Object(PROBLEMS.iter().map(named).collect())
}

/// What can clash, by operation: the `code`s of its 409.
const CONFLICTS: &[(&str, &[&str])] = &[
    ("acknowledge_alert", &["resolved"]),
    ("add_patient", &["same_address"]),
    ("activate_protocol_version", &["retired", "edited"]),
    ("accept_invitation", &["account_exists"]),
    ("change_member", &["last_owner", "state_not_possible"]),
    ("confirm_address_change", &["address_taken"]),
    ("complete_plan", &["not_running", "entered_in_error"]),
    ("correct_plan", &["entered_in_error"]),
    ("override_plan", &["not_running", "too_many", "entered_in_error"]),
    ("pause_plan", &["already_paused", "not_running", "too_many", "entered_in_error"]),
    ("resume_plan", &["not_paused", "entered_in_error"]),
    ("revoke_plan", &["not_running", "entered_in_error"]),
    ("undo_plan_revision", &["not_newest", "moved", "follows_session"]),
    ("change_patient", &["account_linked", "same_address"]),
    ("decline_plan", &["not_waiting"]),
    ("enrol_patient", &["already_enrolled"]),
    ("erase_clinic_text", &["text_required"]),
    ("disable_patient_account", &["not_accepted", "account_elsewhere"]),
    ("enable_patient_account", &["not_accepted", "account_elsewhere", "shut_by_operator"]),
    ("get_patient_account", &["not_accepted"]),
    ("invite_member", &["member_exists"]),
    ("invite_member_again", &["already_accepted"]),
    ("invite_patient", &["already_accepted"]),
    ("mark_occurrence", &["cannot_be_marked"]),
    ("move_patient_account", &["not_accepted", "account_elsewhere", "account_disabled"]),
    ("put_check_in", &["id_taken"]),
    ("reconsider_check_in", &["without_plan"]),
    ("redraft_protocol_version", &["not_retired"]),
    ("resolve_alert", &["resolved"]),
    ("send_mail_again", &["mail_not_wanted", "mail_on_its_way", "mail_of_the_moment", "mail_too_late"]),
    ("start_plan", &["not_waiting"]),
    ("unmark_occurrence", &["cannot_be_marked"]),
];

/// Whether the operation takes a parameter whose `key` is the word.
fn takes(operation: &Value, key: &str, word: &str) -> bool {
    let mut parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    parameters.any(|parameter| parameter.get(key).is_some_and(|value| value == word))
}

fn add_problems(path: &str, method: &str, operation: &mut Value) {
    let is_public = operation.get("security").is_some();
    let has_body = operation.get("requestBody").is_some();
    let writes = method != "get";
    let of_anybody = ["/v1/me", "/v1/me/sessions", "/v1/me/email-change"].contains(&path) && method != "patch";
    let mut wanted = vec![429, 431, 500];
    if path.starts_with("/v1/") || path == "/readyz" || path.starts_with("/.well-known/") {
        wanted.push(503);
    }
    if !is_public {
        wanted.push(401);
    }
    if !is_public && !of_anybody {
        wanted.push(403);
    }
    wanted.extend_from_slice(match path {
        "/v1/auth/login" => &[401, 403],
        "/v1/auth/refresh" => &[401],
        "/v1/auth/sign-in-links/exchange" => &[401, 403],
        "/v1/auth/invitations/accept" => &[401, 403, 404],

        "/v1/me/today" | "/v1/me/timeline" => &[404],
        _ => &[],
    });
    if takes(operation, "in", "path") {
        wanted.push(404);
    }
    if has_body {
        wanted.extend([400, 408, 413, 415, 422]);
    }
    if takes(operation, "in", "query") {
        wanted.push(422);
    }
    if takes(operation, "name", "Idempotency-Key") {
        wanted.extend([400, 422]);
    }
    if takes(operation, "name", "If-Match") {
        wanted.extend([412, 428]);
    }
    if writes && path.starts_with("/v1/") {
        wanted.push(507);
    }
    let conflict = CONFLICTS.iter().find(|(id, _)| operation.get("operationId").is_some_and(|known| known == id));
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (name, status, ..) in PROBLEMS.iter().filter(|(_, status, ..)| wanted.contains(status)) {
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status.to_string()).or_insert(reference);
    }
    if let Some((_, codes)) = conflict {
        let description = format!("It clashes with what is there: `{}`.", codes.join("`, `"));
        responses.insert("409".to_owned(), problem_response(&description, &[]));
    }
    if !responses.keys().any(|status| status.starts_with('4')) {
        let description = "The request is not HTTP as it should be; answered before any route, without a body.";
        responses.insert("400".to_owned(), json!({ "description": description }));
    }
    sort(responses);
}

fn sort(responses: &mut Map<String, Value>) {
    let mut all: Vec<(String, Value)> = std::mem::take(responses).into_iter().collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    responses.extend(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_every_conflict_names_an_operation() {
        let mut document: Value = serde_json::from_str(&json().unwrap()).unwrap();
        let whole = document.clone();
        let (mut lost, mut ids) = (Vec::new(), Vec::new());
        for_each_child(&mut document, &mut |node| {
            let reference = node.get("$ref").and_then(Value::as_str).unwrap_or_default().to_owned();
            if whole.pointer(reference.trim_start_matches('#')).is_none() {
                lost.push(reference);
            }
            ids.extend(node.get("operationId").and_then(Value::as_str).map(str::to_owned));
        });
        assert_eq!(lost, Vec::<String>::new());
        for (id, _) in CONFLICTS {
            assert!(ids.iter().any(|known| known == id), "{id} is no operation");
        }
    }

    #[test]
    fn a_page_refers_to_what_it_holds() {
        let document: Value = serde_json::from_str(&json().unwrap()).unwrap();
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object).unwrap();
        let pages: Vec<_> =
            schemas.iter().filter_map(|(name, page)| Some((name.strip_suffix("Page")?, page))).collect();
        assert!(pages.len() > 5, "{pages:?}");
        for (item, page) in pages {
            let held = page.pointer("/properties/items/items/$ref").and_then(Value::as_str);
            assert_eq!(held, Some(format!("#/components/schemas/{item}").as_str()));
        }
    }
}
