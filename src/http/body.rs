//! Reading what a caller sends: bounded in size, depth and time, strict in shape, and precise about what is wrong.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError};
use engine::has_controls;

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

/// A JSON body of the type, or a problem that names the field and the rule. No text in it, and no name, has control characters but the end
/// of a line and the tab: a database, a mail or a screen would each do something else with them.
pub struct Body<T>(pub T);

/// The same with its texts as they were sent: for what is kept whatever it says, is compared only, or names its own defects.
pub struct AsSent<T>(pub T);

/// What a body is read into, when it is there.
type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Error;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = json_bytes(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            let body = parse(&bytes)?;
            refuse_controls(&bytes)?;
            Ok(Self(body))
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for AsSent<T> {
    type Error = Error;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = json_bytes(request, payload);
        Box::pin(async move { parse(&bytes.await?).map(Self) })
    }
}

fn json_bytes(request: &HttpRequest, payload: &mut Payload) -> Reading<Bytes> {
    let (is_json, is_encoded) = (is_json(request), is_encoded(request));
    let deadlines = request.app_data::<web::Data<BodyDeadlines>>().map(|found| ***found);
    let payload = payload.take();
    Box::pin(async move {
        if is_encoded {
            return Err(Error::Encoded);
        }
        if !is_json {
            return Err(Error::WrongMediaType);
        }
        read_all(payload, deadlines.ok_or(Error::Busy)?).await
    })
}

/// Names every text of a JSON body that has control characters, but for the ends of lines and tabs.
fn refuse_controls(bytes: &[u8]) -> Result<(), Error> {
    let escaped = bytes.windows(2).any(|pair| matches!(pair, b"\\u" | b"\\b" | b"\\f"));
    let written = bytes.contains(&0x7f) || bytes.windows(2).any(|pair| matches!(pair, [0xc2, 0x80..=0x9f]));
    if !escaped && !written {
        return Ok(());
    }
    let mut found = Vec::new();
    find_controls(&serde_json::from_slice(bytes).map_err(|why| malformed(&why))?, String::new(), &mut found);
    if found.is_empty() { Ok(()) } else { Err(Error::Invalid(found)) }
}

fn find_controls(value: &serde_json::Value, pointer: String, found: &mut Vec<FieldError>) {
    match value {
        serde_json::Value::String(text) if has_controls(text) => found.push(control_character(pointer)),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| find_controls(item, format!("{pointer}/{at}"), found));
        }
        serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| {
            if has_controls(name) {
                found.push(control_character(pointer.clone()));
            }
            find_controls(value, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => {}
    }
}

fn control_character(pointer: String) -> FieldError {
    FieldError { pointer, code: "control_character".to_owned(), detail: "may not hold control characters".to_owned() }
}

fn is_json(request: &HttpRequest) -> bool {
    let label = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    label.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn is_encoded(request: &HttpRequest) -> bool {
    let encodings = request.headers().get_all(CONTENT_ENCODING);
    encodings.into_iter().any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
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
        return Err(Error::Unreadable {
            code: "too_deep",
            detail: format!("the JSON is nested deeper than {DEEPEST}"),
        });
    }
    // serde would take a list for an object, by the order of its fields.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|why| malformed(&why))?;
        return Err(Error::field("", "wrong_type", "the body must be an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|why| describe(why, bytes))?;
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

/// A list for a choice of words, or 1e999, is a syntax error to serde though the body is JSON: then the field is wrong.
fn describe(error: serde_path_to_error::Error<serde_json::Error>, bytes: &[u8]) -> Error {
    if error.inner().is_data() {
        return Error::Invalid(vec![wrong_field(error)]);
    }
    if error.inner().to_string().starts_with("number out of range") {
        return Error::field(pointer(error.path()), "out_of_range", "this number is too large");
    }
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(_) => Error::field(pointer(error.path()), "wrong_type", "this is not of the type that is asked for"),
        Err(_) => malformed(error.inner()),
    }
}

fn wrong_field(error: serde_path_to_error::Error<serde_json::Error>) -> FieldError {
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
    FieldError { pointer, code, detail }
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

/// A field of what a phone sends that is no reason to drop the rest if it is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Said<T> {
    /// What it should be.
    Right(T),
    /// Something else, as it was sent.
    Odd(serde_json::Value),
}

impl<T> Said<T> {
    /// What it should be, if it is.
    pub fn right(&self) -> Option<&T> {
        match self {
            Self::Right(right) => Some(right),
            Self::Odd(_) => None,
        }
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Said<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Right(right) => right.fmt(f),
            Self::Odd(serde_json::Value::String(text)) => f.write_str(text),
            Self::Odd(other) => other.fmt(f),
        }
    }
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
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|why| Error::Unreadable { code: "malformed_query", detail: why.to_string() })?;
    let mut values = serde_json::Map::new();
    for (name, value) in pairs.into_inner() {
        if has_controls(&name) || has_controls(&value) {
            return Err(Error::Invalid(vec![control_character(format!("query/{name}"))]));
        }
        if values.contains_key(&name) {
            return Err(Error::field(format!("query/{name}"), "duplicate_field", "may be given once"));
        }
        values.insert(name, value.into());
    }
    serde_path_to_error::deserialize(serde_json::Value::Object(values)).map_err(|why| {
        let wrong = wrong_field(why);
        Error::Invalid(vec![FieldError { pointer: format!("query{}", wrong.pointer), ..wrong }])
    })
}

/// A free map (answers, parameters) in which each name comes once: serde would keep the last of two and say nothing.
pub fn each_once<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let map = from.deserialize_map(EachOnce)?;
    serde_json::from_value(serde_json::Value::Object(map)).map_err(de::Error::custom)
}

struct EachOnce;

impl<'de> de::Visitor<'de> for EachOnce {
    type Value = serde_json::Map<String, serde_json::Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = serde_json::Map::new();
        while let Some((name, value)) = entries.next_entry::<String, serde_json::Value>()? {
            if map.contains_key(&name) {
                return Err(de::Error::custom(format!("duplicate field `{name}`")));
            }
            map.insert(name, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        tea: Option<u8>,
        milk: Option<bool>,
    }

    fn refused(body: &str) -> (u16, String, String) {
        let problem = parse::<Order>(body.as_bytes()).unwrap_err().problem();
        let (pointer, code) = problem.errors.first().map(|e| (e.pointer.clone(), e.code.clone())).unwrap_or_default();
        (problem.status, pointer, if code.is_empty() { problem.code } else { code })
    }

    #[test]
    fn an_object_is_taken_and_a_list_of_its_values_is_not() {
        let order: Order = parse(br#" {"tea": 2, "milk": null} "#).unwrap();
        assert_eq!((order.tea, order.milk), (Some(2), None));
        assert_eq!(refused("[2, null]"), (422, String::new(), "wrong_type".to_owned()));
        assert_eq!(refused("[2, null"), (400, String::new(), "malformed_json".to_owned()));
    }

    #[test]
    fn every_text_with_a_control_character_is_named_however_it_is_written() {
        for text in ["a\\u0000b", "a\\b", "a\\u001fb", "a\u{7f}", "\\u0085", "\u{9f}"] {
            let body = format!(r#"{{"a": "fine\\n\\t\\u00e9", "b": [{{"c/d": "{text}"}}], "{text}": 1}}"#);
            let Err(Error::Invalid(found)) = refuse_controls(body.as_bytes()) else { panic!("{body}") };
            let mut pointers: Vec<&str> = found.iter().map(|error| error.pointer.as_str()).collect();
            pointers.sort_unstable();
            assert_eq!(pointers, ["", "/b/0/c~1d"], "{body}");
        }
        refuse_controls("{\"a\": \"Gr\u{fc}\u{df}e\\r\\n\\ud83d\\ude00\"}".as_bytes()).unwrap();
        let refused = parse_query::<Order>("tea=a%00").unwrap_err().problem();
        assert_eq!(refused.errors.first().map(|error| error.pointer.as_str()), Some("query/tea"));
    }

    #[test]
    fn a_refusal_names_the_field_and_the_rule() {
        assert_eq!(refused(r#"{"tea": 300}"#), (422, "/tea".to_owned(), "invalid_value".to_owned()));
        assert_eq!(refused(r#"{"milk": 1}"#), (422, "/milk".to_owned(), "wrong_type".to_owned()));
        assert_eq!(refused(r#"{"sugar": 1}"#), (422, "/sugar".to_owned(), "unknown_field".to_owned()));
        assert_eq!(refused(r#"{"tea": 1} x"#), (400, String::new(), "malformed_json".to_owned()));
        assert_eq!(refused(&"[".repeat(100_000)), (400, String::new(), "too_deep".to_owned()));
    }
}
