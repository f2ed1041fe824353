//! Conditional requests (RFC 9110): `ETag` and 304 on reads, `If-Match` on edits.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use twox_hash::XxHash3_128;

use crate::error::Error;

/// Bytes that hold a day of several plans, so that its body is not moved while it grows.
const USUAL_BODY: usize = 16 * 1024;

/// A strong tag of these bytes: 128 bits that are the same on every machine. It names what was sent and keeps nothing secret.
pub fn etag_of(bytes: &[u8]) -> String {
    format!("\"{}\"", crate::http::text::url_base64(&XxHash3_128::oneshot(bytes).to_be_bytes()))
}

/// The tag of a version number.
pub fn etag_of_version(version: i32) -> String {
    format!("\"v{version}\"")
}

/// 200 with the body and its tag, or 304 if the caller has it already.
pub fn answer<T: Serialize>(
    request: &HttpRequest,
    body: &T,
    cache_control: Option<String>,
) -> Result<HttpResponse, Error> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut bytes, body)?;
    let tag = etag_of(&bytes);
    let has_it = named(request, header::IF_NONE_MATCH, &tag);
    let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, tag));
    if let Some(cache_control) = cache_control {
        response.insert_header((header::CACHE_CONTROL, cache_control));
    }
    Ok(if has_it { response.finish() } else { response.content_type("application/json").body(bytes) })
}

/// 200 with a versioned object and its tag, or 304.
pub fn answer_version<T: Serialize>(request: &HttpRequest, body: &T, version: i32) -> HttpResponse {
    answer_tagged(request, body, etag_of_version(version))
}

/// The same with a tag of any kind.
pub fn answer_tagged<T: Serialize>(request: &HttpRequest, body: &T, tag: String) -> HttpResponse {
    if named(request, header::IF_NONE_MATCH, &tag) {
        return HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish();
    }
    HttpResponse::Ok().insert_header((header::ETAG, tag)).json(body)
}

/// `Ok` if `If-Match` names this version; 428 if it is missing, 412 if it names another.
pub fn check_version(if_match: Option<&str>, version: i32) -> Result<(), Error> {
    match if_match {
        None => Err(Error::VersionNeeded),
        Some(tags) if listed(tags, &etag_of_version(version)) => Ok(()),
        Some(_) => Err(Error::Stale),
    }
}

/// The `If-Match` header as it was sent.
pub fn if_match(request: &HttpRequest) -> Option<String> {
    request.headers().get(header::IF_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn named(request: &HttpRequest, name: header::HeaderName, tag: &str) -> bool {
    request.headers().get(name).map(HeaderValue::to_str).is_some_and(|tags| tags.is_ok_and(|tags| listed(tags, tag)))
}

/// Whether a header's list of tags names this one.
pub fn listed(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|one| one == "*" || one == tag)
}
