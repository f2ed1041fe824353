//! The one `Error` of the product, and the problem (RFC 9457) that a caller sees of it.

use std::fmt::Display;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Everything that can go wrong. `code()` is part of the contract.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such object, or somebody else's: the two look the same.
    #[error("not found")]
    NotFound,
    /// No token, or one that does not count.
    #[error("sign-in needed")]
    SignInNeeded,
    /// Known, but not allowed to do this.
    #[error("not allowed: {0}")]
    NotAllowed(&'static str),
    /// The request cannot be read at all.
    #[error("{detail}")]
    Unreadable {
        /// Stable word.
        code: &'static str,
        /// What is wrong, in a sentence.
        detail: String,
    },
    /// The request can be read, and fields of it are wrong.
    #[error("{}", listed(.0))]
    Invalid(Vec<FieldError>),
    /// It clashes with what is there.
    #[error("{detail}")]
    Conflict {
        /// Stable word.
        code: &'static str,
        /// What it clashes with, in a sentence.
        detail: String,
    },
    /// `If-Match` is missing.
    #[error("If-Match is missing")]
    VersionNeeded,
    /// `If-Match` names an older version.
    #[error("the object changed since it was read")]
    Stale,
    /// The body is larger than a request may be.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not JSON by its label.
    #[error("the body must be application/json")]
    WrongMediaType,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The path is known, with other methods.
    #[error("this path knows {0}")]
    WrongMethod(String),
    /// Too many tries; come back after so many seconds.
    #[error("too many tries")]
    TooMany(u64),
    /// All connections are in use; come back.
    #[error("the server is busy")]
    Busy,
    /// The disk is full: reads go on, writes do not.
    #[error("the disk is full")]
    DiskFull,
    /// A setting is wrong: start-up says so and stops.
    #[error("{0}")]
    Setting(String),
    /// The database refused or failed.
    #[error("database: {0}")]
    Db(diesel::result::Error),
    /// A defect of ours, or of the machine.
    #[error("{what}: {why}")]
    Internal {
        /// What was being done.
        what: &'static str,
        /// What came of it; for the log only.
        why: String,
    },
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, or `query/NAME`, `header/NAME`.
    #[schema(example = "/parameters/needle_depth_mm")]
    pub pointer: String,
    /// Stable word for the rule that is broken.
    #[schema(example = "out_of_range")]
    pub code: String,
    /// The rule, in a sentence.
    #[schema(example = "must be between 0.5 and 2.5")]
    pub detail: String,
}

/// What a caller sees of every 4xx and 5xx: `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI for the kind of problem; made from `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:aftercare:problem:invalid")]
    pub kind: String,
    /// The kind of problem, in a few words.
    #[schema(example = "Some fields are wrong")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable word for programs. New ones may be added.
    #[schema(example = "invalid")]
    pub code: String,
    /// What is wrong, in a sentence for people.
    #[schema(example = "1 field is wrong: see errors.")]
    pub detail: String,
    /// Names this request in the server's log.
    #[schema(example = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11")]
    pub trace_id: String,
    /// The fields that are wrong; empty unless `code` is `invalid`.
    pub errors: Vec<FieldError>,
}

impl Error {
    /// A defect of ours or of the machine; `why` goes to the log only.
    pub fn internal(what: &'static str, why: impl Display) -> Self {
        Self::Internal { what, why: why.to_string() }
    }

    /// One field is wrong.
    pub fn field(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
    }

    /// It clashes with what is there.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// The group's commit failed: nothing of it was kept.
    pub fn commit_failed(why: &diesel::result::Error) -> Self {
        from_database(&why.to_string()).unwrap_or_else(|| Self::internal("a commit failed", why))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Unreadable { .. } => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::VersionNeeded => StatusCode::PRECONDITION_REQUIRED,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Setting(_) | Self::Db(_) | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable word and the title.
    fn code_and_title(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("not_found", "No such object"),
            Self::SignInNeeded => ("sign_in_needed", "Sign-in needed"),
            Self::NotAllowed(_) => ("not_allowed", "Not allowed"),
            Self::Unreadable { code, .. } => (code, "The request cannot be read"),
            Self::Invalid(_) => ("invalid", "Some fields are wrong"),
            Self::Conflict { code, .. } => (code, "It clashes with what is there"),
            Self::VersionNeeded => ("if_match_needed", "If-Match is missing"),
            Self::Stale => ("stale", "The object changed since it was read"),
            Self::TooLarge(_) => ("too_large", "The body is too large"),
            Self::WrongMediaType => ("wrong_media_type", "Wrong media type"),
            Self::TooSlow => ("too_slow", "The body did not arrive in time"),
            Self::WrongMethod(_) => ("wrong_method", "Wrong method"),
            Self::TooMany(_) => ("too_many_tries", "Too many tries"),
            Self::Busy => ("busy", "The server is busy"),
            Self::DiskFull => ("disk_full", "The disk is full"),
            Self::Setting(_) | Self::Db(_) | Self::Internal { .. } => ("internal", "Something went wrong here"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotFound => "There is no such object, or it is not yours to see.".to_owned(),
            Self::SignInNeeded => "Send a valid access token as `Authorization: Bearer ...`.".to_owned(),
            Self::NotAllowed(why) => (*why).to_owned(),
            Self::Invalid(errors) if errors.len() == 1 => "1 field is wrong: see errors.".to_owned(),
            Self::Invalid(errors) => format!("{} fields are wrong: see errors.", errors.len()),
            Self::VersionNeeded => "Send the ETag that you read as `If-Match`.".to_owned(),
            Self::Stale => "Read the object again, and decide again.".to_owned(),
            Self::TooMany(seconds) => format!("Try again in {seconds} seconds."),
            Self::Busy => "Try again in a second. Nothing was written.".to_owned(),
            Self::DiskFull => "Nothing was written. Try again later.".to_owned(),
            Self::Setting(_) | Self::Db(_) | Self::Internal { .. } => {
                "It is not your fault, and nothing was written. Tell the clinic's support the trace_id.".to_owned()
            }
            Self::Unreadable { .. }
            | Self::Conflict { .. }
            | Self::TooLarge(_)
            | Self::WrongMediaType
            | Self::TooSlow
            | Self::WrongMethod(_) => format!("{}.", capitalised(&self.to_string())),
        }
    }

    /// The problem as a caller sees it.
    pub fn problem(&self) -> Problem {
        let (code, title) = self.code_and_title();
        Problem {
            kind: format!("urn:aftercare:problem:{code}"),
            title: title.to_owned(),
            status: self.status().as_u16(),
            code: code.to_owned(),
            detail: self.detail(),
            trace_id: crate::http::trace::current(),
            errors: match self {
                Self::Invalid(errors) => errors.clone(),
                _ => Vec::new(),
            },
        }
    }
}

fn listed(errors: &[FieldError]) -> String {
    let all: Vec<String> = errors.iter().map(|error| format!("{} {}", error.pointer, error.detail)).collect();
    all.join("; ")
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let problem = self.problem();
        if self.status().is_server_error() {
            tracing::error!(trace_id = problem.trace_id, code = problem.code, why = %self, "request failed");
        }
        let mut response = HttpResponseBuilder::new(self.status());
        match self {
            Self::SignInNeeded => response.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
            Self::WrongMethod(allow) => response.insert_header((header::ALLOW, allow.as_str())),
            Self::TooMany(seconds) => response.insert_header((header::RETRY_AFTER, seconds.to_string())),
            Self::Busy | Self::DiskFull => response.insert_header((header::RETRY_AFTER, "1")),
            _ => &mut response,
        };
        response.insert_header((header::CONTENT_TYPE, "application/problem+json")).json(problem)
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        from_database(&error.to_string()).unwrap_or(Self::Db(error))
    }
}

/// What a caller can do something about. SQLite gives no code for these, only text; this is the one place that reads it.
fn from_database(text: &str) -> Option<Error> {
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if any(&["database or disk is full", "No space left on device"]) {
        Some(Error::DiskFull)
    } else if any(&[
        "database is locked",
        "lock timeout",
        "deadlock detected",
        "terminating connection",
        "could not connect",
        "server closed the connection",
        "connection pointer is NULL",
    ]) {
        Some(Error::Busy)
    } else {
        None
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal("cannot read or write a stored document", error)
    }
}
