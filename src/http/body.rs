//! Reading what a caller sends: bounded in size, depth and time, strict in shape, and precise about what is wrong.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use crate::error::{Error, FieldError};

/// The largest body.
pub const LARGEST: usize = 256 * 1024;
/// The deepest nesting.
const DEEPEST: usize = 64;

/// How long a body may take. Part of the configuration, so that a test need not wait.
#[derive(Debug, Clone, Copy)]
pub struct BodyDeadlines {
    /// Between two pieces.
    pub idle: Duration,
    /// For the whole.
    pub total: Duration,
}

/// A JSON body of the type, or a problem that names the field and the rule.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let deadlines = request.app_data::<web::Data<BodyDeadlines>>().map(|found| ***found);
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(Error::WrongMediaType);
            }
            let bytes = read_all(payload, deadlines.ok_or(Error::Busy)?).await?;
            parse(&bytes).map(Self)
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let label = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    label.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The whole body, within the limits.
pub async fn read_all(mut payload: Payload, deadlines: BodyDeadlines) -> Result<Bytes, Error> {
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(piece) =
            tokio::time::timeout(deadlines.idle, payload.next()).await.map_err(|_| Error::TooSlow)?
        {
            let piece = piece.map_err(|why| Error::Unreadable { code: "broken_body", detail: why.to_string() })?;
            if body.len() + piece.len() > LARGEST {
                return Err(Error::TooLarge(LARGEST));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(deadlines.total, whole).await.map_err(|_| Error::TooSlow)?
}

/// Parses strictly: 400 for what is no JSON, 422 with a pointer for JSON of another shape.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    if nesting(bytes) > DEEPEST {
        return Err(Error::Unreadable { code: "too_deep", detail: format!("the JSON is nested deeper than {DEEPEST}") });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(describe)?;
    reader.end().map_err(|why| malformed(&why))?;
    Ok(value)
}

/// How deep brackets nest, strings aside. Cheap, and done before any parser recurses.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn malformed(why: &serde_json::Error) -> Error {
    Error::Unreadable { code: "malformed_json", detail: format!("this is not JSON: {why}") }
}

fn describe(error: serde_path_to_error::Error<serde_json::Error>) -> Error {
    if !error.inner().is_data() {
        return malformed(error.inner());
    }
    let mut pointer = pointer(error.path());
    let message = error.into_inner().to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
    let (code, detail) = classify(message);
    if matches!(code.as_str(), "missing_field" | "unknown_field" | "duplicate_field")
        && let Some(name) = message.split('`').nth(1)
        && !pointer.ends_with(&format!("/{name}"))
    {
        pointer = format!("{pointer}/{name}");
    }
    Error::Invalid(vec![FieldError { pointer, code, detail }])
}

/// Our own types speak as `code: sentence`; serde's messages are sorted by their first words.
fn classify(message: &str) -> (String, String) {
    if let Some((code, detail)) = message.split_once(": ")
        && crate::http::text::CODES.contains(&code)
    {
        return (code.to_owned(), detail.to_owned());
    }
    let code = match message {
        text if text.starts_with("missing field") => "missing_field",
        text if text.starts_with("unknown field") => "unknown_field",
        text if text.starts_with("duplicate field") => "duplicate_field",
        text if text.starts_with("unknown variant") => "unknown_value",
        text if text.starts_with("invalid type") => "wrong_type",
        _ => "invalid_value",
    };
    (code.to_owned(), message.to_owned())
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// The query string as the type, or a problem that names the parameter and the rule.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(parse_query(request.query_string()).map(Self))
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Error> {
    web::Query::<T>::from_query(query).map(web::Query::into_inner).map_err(|why| {
        let message = match why {
            actix_web::error::QueryPayloadError::Deserialize(why) => why.to_string(),
            other => other.to_string(),
        };
        let (code, detail) = classify(&message);
        let name = message.split('`').nth(1).unwrap_or_default();
        Error::field(format!("query/{name}"), code, detail)
    })
}
