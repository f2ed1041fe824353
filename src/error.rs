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
    /// A web page of another origin asked before calling (a CORS preflight), and may not; what may be, in a sentence.
    #[error("{0}")]
    CrossOrigin(&'static str),
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
    /// The request line and the headers are larger than a request may have.
    #[error("the request line and headers are larger than {0} bytes")]
    HeadTooLarge(usize),
    /// The body is compressed; none is taken.
    #[error("the body must not be encoded; send it without Content-Encoding")]
    Encoded,
    /// The Content-Type is not application/json.
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
    /// Too many requests of one source; come back after so many seconds.
    #[error("too many requests")]
    TooManyRequests(u64),
    /// All connections are in use; come back. Nothing was written.
    #[error("the server is busy")]
    Busy,
    /// The connection to the database was lost while a write was committed: nobody knows whether it was kept.
    #[error("it is not known whether this was kept")]
    OutcomeUnknown,
    /// This node must not be sent requests now, or must not do the recurring work.
    #[error("{0}")]
    NotReady(String),
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

    /// The same error for another request of the same group.
    pub fn again(&self) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::DiskFull => Self::DiskFull,
            Self::OutcomeUnknown => Self::OutcomeUnknown,
            other => Self::internal("a write of the same group failed", other),
        }
    }

    /// Of what follows by itself from somebody's act: they have read no revision that could be stale, so they try again.
    pub fn busy_if_stale(self) -> Self {
        if matches!(self, Self::Stale) { Self::Busy } else { self }
    }

    /// Whether the same may succeed later without anybody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy | Self::DiskFull | Self::OutcomeUnknown | Self::NotReady(_))
    }

    /// The stable word for the kind of error; for one of ours, what was being done. Never what a record says.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Internal { what, .. } => what,
            other => other.code_and_title().0,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) | Self::CrossOrigin(_) => StatusCode::FORBIDDEN,
            Self::Unreadable { .. } => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::VersionNeeded => StatusCode::PRECONDITION_REQUIRED,
            Self::Stale => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::WrongMediaType | Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMany(_) | Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::OutcomeUnknown | Self::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::CrossOrigin(_) => ("cross_origin_refused", "Another origin may not do this"),
            Self::Unreadable { code, .. } => (code, "The request cannot be read"),
            Self::Invalid(_) => ("invalid", "Some fields are wrong"),
            Self::Conflict { code, .. } => (code, "It clashes with what is there"),
            Self::VersionNeeded => ("if_match_needed", "If-Match is missing"),
            Self::Stale => ("stale", "The object changed since it was read"),
            Self::TooLarge(_) => ("too_large", "The body is too large"),
            Self::HeadTooLarge(_) => ("head_too_large", "The headers are too large"),
            Self::Encoded => ("encoded_body", "The body is encoded"),
            Self::WrongMediaType => ("wrong_media_type", "Wrong media type"),
            Self::TooSlow => ("too_slow", "The body did not arrive in time"),
            Self::WrongMethod(_) => ("wrong_method", "Wrong method"),
            Self::TooMany(_) => ("too_many_tries", "Too many tries"),
            Self::TooManyRequests(_) => ("too_many_requests", "Too many requests"),
            Self::Busy => ("busy", "The server is busy"),
            Self::OutcomeUnknown => ("outcome_unknown", "It is not known whether this was kept"),
            Self::NotReady(_) => ("not_ready", "This node is not ready"),
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
            Self::TooMany(seconds) | Self::TooManyRequests(seconds) => format!("Try again in {seconds} seconds."),
            Self::Busy => "Try again in a second. Nothing was written.".to_owned(),
            Self::OutcomeUnknown => {
                "The database was lost at the last moment. Send the same again: it is kept once.".to_owned()
            }
            Self::DiskFull => "Nothing was written. Try again later.".to_owned(),
            Self::Setting(_) | Self::Db(_) | Self::Internal { .. } => {
                "It is not your fault, and nothing was written. Tell the clinic's support the trace_id.".to_owned()
            }
            Self::Unreadable { .. }
            | Self::CrossOrigin(_)
            | Self::Conflict { .. }
            | Self::TooLarge(_)
            | Self::HeadTooLarge(_)
            | Self::Encoded
            | Self::WrongMediaType
            | Self::TooSlow
            | Self::NotReady(_)
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
            trace_id: crate::trace::current(),
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
            Self::Encoded => response.insert_header((header::ACCEPT_ENCODING, "identity")),
            Self::WrongMethod(allow) => response.insert_header((header::ALLOW, allow.as_str())),
            Self::TooMany(seconds) | Self::TooManyRequests(seconds) => {
                response.insert_header((header::RETRY_AFTER, seconds.to_string()))
            }
            Self::Busy | Self::OutcomeUnknown | Self::NotReady(_) | Self::DiskFull => {
                response.insert_header((header::RETRY_AFTER, "1"))
            }
            _ => &mut response,
        };
        response.insert_header((header::CONTENT_TYPE, "application/problem+json")).json(problem)
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error as Diesel};
        match &error {
            Diesel::DatabaseError(
                Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::SerializationFailure,
                _,
            )
            | Diesel::BrokenTransactionManager
            | Diesel::AlreadyInTransaction
            | Diesel::NotInTransaction => Self::Busy,
            _ => from_database(&error.to_string()).unwrap_or(Self::Db(error)),
        }
    }
}

/// What the databases say when they are out of reach, going down or coming up, or when somebody else holds a lock.
const BUSY_WORDS: [&str; 18] = [
    "database is locked",
    "lock timeout",
    "deadlock detected",
    "terminating connection",
    "the database system is",
    "not yet accepting connections",
    "could not connect",
    "connection to server",
    "Connection refused",
    "Connection reset",
    "server closed the connection",
    "no connection to the server",
    "lost synchronization",
    "could not receive data",
    "could not send data",
    "SSL SYSCALL error",
    "connection pointer is NULL",
    "canceling statement due to",
];

/// What a caller can do something about. SQLite gives no code for these, only text; this is the one place that reads it.
pub(crate) fn from_database(text: &str) -> Option<Error> {
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if any(&["database or disk is full", "No space left on device"]) {
        Some(Error::DiskFull)
    } else if any(&BUSY_WORDS) {
        Some(Error::Busy)
    } else {
        None
    }
}

/// Whether SQLite says that it cannot read or write its files any more.
pub(crate) fn is_storage_failure(text: &str) -> bool {
    [
        "disk I/O error",
        "database disk image is malformed",
        "file is not a database",
        "attempt to write a readonly database",
        "unable to open database file",
    ]
    .iter()
    .any(|word| text.contains(word))
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal("cannot read or write a stored document", error)
    }
}
