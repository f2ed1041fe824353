//! The published contract, made from the routes that are served. `openapi/aftercare.json` is written from here, never by hand.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_actix_web::AppExt as _;

use crate::error::{Error, FieldError, Problem};

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
        (name = "protocols", description = "The plans' templates."),
        (name = "plans", description = "Enrolments."),
        (name = "alerts", description = "What a person must look at."),
        (name = "reminders", description = "Why a mail went out, or did not."),
        (name = "mail", description = "What mails link to."),
        (name = "service", description = "Health, keys, this document."),
    ),
    components(schemas(Problem, FieldError)),
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

/// What is the same for many operations is written here, once: the token, the problems.
fn complete(document: &mut Value) {
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document["components"]["securitySchemes"] = json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token of `POST /v1/auth/login` or `/v1/auth/refresh`. It acts for a patient, or for one clinic."
        }
    });
    document["components"]["responses"] = problem_responses();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            add_problems(path, method, operation);
        }
    }
}

/// Name, status and sentence of each problem.
const PROBLEMS: &[(&str, u16, &str)] = &[
    ("Unreadable", 400, "The request cannot be read."),
    ("SignInNeeded", 401, "No access token, or one that does not count."),
    ("NotAllowed", 403, "The token does not allow this."),
    ("NotFound", 404, "No such object, or it is somebody else's."),
    ("TooSlow", 408, "The body did not arrive in time."),
    ("Conflict", 409, "It clashes with what is there; `code` says how."),
    ("Stale", 412, "The object changed since it was read."),
    ("TooLarge", 413, "The body is larger than 256 KiB."),
    ("WrongMediaType", 415, "The body is not labelled `application/json`."),
    ("Invalid", 422, "Fields are wrong; `errors` names each with its rule."),
    ("VersionNeeded", 428, "`If-Match` is missing."),
    ("TooMany", 429, "Too many tries; `Retry-After` says when to come back."),
    ("Internal", 500, "A defect of the server; nothing was written."),
    ("Busy", 503, "All connections are in use; come back after `Retry-After`."),
    ("DiskFull", 507, "The disk is full; nothing was written."),
];

fn problem_responses() -> Value {
    let response = |description: &str| {
        json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
        })
    };
    Value::Object(PROBLEMS.iter().map(|(name, _, description)| ((*name).to_owned(), response(description))).collect())
}

fn add_problems(path: &str, method: &str, operation: &mut Value) {
    let is_public = operation.get("security").is_some();
    let has_body = operation.get("requestBody").is_some();
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let takes = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
    let takes_header = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let writes = method != "get";
    let is_sign_in = path.starts_with("/v1/auth/");
    let mut wanted = vec![500];
    if path.starts_with("/v1/") || path == "/readyz" || path.starts_with("/.well-known/") {
        wanted.push(503);
    }
    if !is_public {
        wanted.extend([401, 403]);
    }
    if is_sign_in && has_body {
        wanted.extend([401, 403, 429]);
    }
    if takes("path") || path == "/v1/me/today" {
        wanted.push(404);
    }
    if has_body {
        wanted.extend([400, 408, 413, 415, 422]);
    }
    if takes("query") {
        wanted.push(422);
    }
    if takes_header("Idempotency-Key") {
        wanted.extend([400, 409, 422]);
    }
    if takes_header("If-Match") {
        wanted.extend([409, 412, 428]);
    }
    if writes && !is_sign_in && path.starts_with("/v1/me/") {
        wanted.push(409);
    }
    if writes && path.starts_with("/v1/") {
        wanted.push(507);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (name, status, _) in PROBLEMS.iter().filter(|(_, status, _)| wanted.contains(status)) {
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status.to_string()).or_insert(reference);
    }
    sort(responses);
}

fn sort(responses: &mut Map<String, Value>) {
    let mut all: Vec<(String, Value)> = std::mem::take(responses).into_iter().collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    responses.extend(all);
}
