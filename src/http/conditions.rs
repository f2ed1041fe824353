//! Conditional requests (RFC 9110): `ETag` and 304 on reads, `If-Match` on edits.
//!
//! The tag of a body is a digest of its bytes. That of something that can be edited begins with its version: `"v3.DIGEST"`; an
//! edit looks at the version alone, so that a tag of another language, or of yesterday's wording, edits what it means. A proxy that
//! compresses weakens a tag (`W/`), and so do we mark a compressed body (`+gzip`): both name the same thing.

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use twox_hash::XxHash3_128;

use crate::error::Error;

/// Bytes that hold a day of several plans, so that its body is not moved while it grows.
const USUAL_BODY: usize = 16 * 1024;
/// Between a tag and the name of the encoding; no digest and no version has it.
const ENCODED: char = '+';

fn digest_of(bytes: &[u8]) -> String {
    ground::encoding::url_base64(&XxHash3_128::oneshot(bytes).to_be_bytes())
}

/// A strong tag of these bytes: 128 bits that are the same on every machine. It names what was sent and keeps nothing secret.
pub fn etag_of(bytes: &[u8]) -> String {
    format!("\"{}\"", digest_of(bytes))
}

/// The tag of a version number: for edits.
pub fn etag_of_version(version: i32) -> String {
    format!("\"v{version}\"")
}

/// The tag of something that can be edited, as these bytes say it.
fn etag_of_edition(version: i32, bytes: &[u8]) -> String {
    format!("\"v{version}.{}\"", digest_of(bytes))
}

/// The tag of an encoded body.
pub fn encoded_tag(tag: &str, encoding: &str) -> String {
    match tag.strip_suffix('"') {
        Some(open) => format!("{open}{ENCODED}{encoding}\""),
        None => tag.to_owned(),
    }
}

/// 200 with the body and its tag, or 304 if the caller has it already.
pub fn answer<T: Serialize>(request: &HttpRequest, body: &T) -> Result<HttpResponse, Error> {
    answer_bytes(request, body, etag_of)
}

/// The same for an object that can be edited: its tag is good for `If-Match`.
pub fn answer_version<T: Serialize>(request: &HttpRequest, body: &T, version: i32) -> Result<HttpResponse, Error> {
    answer_bytes(request, body, |bytes| etag_of_edition(version, bytes))
}

fn answer_bytes<T: Serialize>(
    request: &HttpRequest,
    body: &T,
    tag: impl FnOnce(&[u8]) -> String,
) -> Result<HttpResponse, Error> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut bytes, body)?;
    let tag = tag(&bytes);
    let known = lines(request, &header::IF_NONE_MATCH).and_then(|tags| naming(&tags, &tag).map(str::to_owned));
    let mut response = if known.is_some() { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // A cache must ask each time, and never gives one person's answer to another.
    response
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::VARY, "Authorization, Accept-Language"));
    Ok(match known {
        Some(known) => response.insert_header((header::ETAG, known)).finish(),
        None => response.insert_header((header::ETAG, tag)).content_type("application/json").body(bytes),
    })
}

/// 200 with an object as an edit has made it, under the tag that reading it gives.
pub fn edited<T: Serialize>(body: &T, version: i32) -> Result<HttpResponse, Error> {
    let bytes = serde_json::to_vec(body)?;
    let tag = etag_of_edition(version, &bytes);
    Ok(HttpResponse::Ok().insert_header((header::ETAG, tag)).content_type("application/json").body(bytes))
}

/// `Ok` if `If-Match` names this version; 428 if it is missing, 412 if it names another.
pub fn check_version(if_match: Option<&str>, version: i32) -> Result<(), Error> {
    let wanted = format!("v{version}");
    let names_it =
        |tag: &str| tag == "*" || opaque(tag).split_once('.').map_or(opaque(tag), |(version, _)| version) == wanted;
    match if_match {
        None => Err(Error::VersionNeeded),
        Some(tags) if tags.split(',').map(str::trim).any(names_it) => Ok(()),
        Some(_) => Err(Error::Stale),
    }
}

/// The `If-Match` header as it was sent.
pub fn if_match(request: &HttpRequest) -> Option<String> {
    lines(request, &header::IF_MATCH)
}

/// All lines of a header that is a list, as one; `None` if there is none that can be read.
fn lines(request: &HttpRequest, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = request.headers().get_all(name).filter_map(|line| line.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Whether a header's list of tags names this one, compared weakly (RFC 9110, 13.1.2).
pub fn listed(tags: &str, tag: &str) -> bool {
    naming(tags, tag).is_some()
}

/// The member of the list that names this tag, without its weakness.
fn naming<'a>(tags: &'a str, tag: &'a str) -> Option<&'a str> {
    let found = tags.split(',').map(str::trim).find(|one| *one == "*" || opaque(one) == opaque(tag))?;
    Some(if found == "*" { tag } else { found.strip_prefix("W/").unwrap_or(found) })
}

/// What stands between the quotes, without the name of an encoding.
fn opaque(tag: &str) -> &str {
    let inner = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    inner.split_once(ENCODED).map_or(inner, |(plain, _)| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_however_it_went_through_a_proxy() {
        for list in ["\"a\"", "W/\"a\"", "\"x\", W/\"a\"", "\"x\",\"a+gzip\"", "*"] {
            assert!(listed(list, "\"a\""), "{list}");
        }
        for list in ["", "\"b\"", "a b", "\"aa\"", "W/\"\""] {
            assert!(!listed(list, "\"a\""), "{list}");
        }
        assert_eq!(naming("W/\"a+br\"", "\"a\""), Some("\"a+br\""));
    }

    #[test]
    fn an_edit_looks_at_the_version_alone() {
        for tag in ["\"v12\"", "W/\"v12\"", "\"v12.digest\"", "W/\"v12.digest+zstd\"", "\"v1\", \"v12.on_hold\"", "*"] {
            assert!(check_version(Some(tag), 12).is_ok(), "{tag}");
        }
        for tag in ["\"v1\"", "\"v123\"", "\"12\"", "v", "\"v1.2\"", ""] {
            assert!(matches!(check_version(Some(tag), 12), Err(Error::Stale)), "{tag}");
        }
        assert!(matches!(check_version(None, 12), Err(Error::VersionNeeded)));
    }
}
