//! Compressed answers: gzip, brotli or zstd, as the caller's `Accept-Encoding` prefers, with a tag of their own each.

use std::io::Write as _;

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header as _, HeaderValue};
use actix_web::middleware::Next;

use super::conditions::encoded_tag;

/// Smaller bodies gain nothing.
const SMALLEST: u64 = 1_024;
/// What we write, the best first: the caller's weights decide before this order does.
const OURS: [ContentEncoding; 3] = [ContentEncoding::Zstd, ContentEncoding::Brotli, ContentEncoding::Gzip];

/// The middleware.
pub async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let encoding = wanted(request.request());
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(match encoding {
        _ if !can_be_compressed(&response) => response,
        None => varied(response),
        Some(encoding) => varied(response.map_body(|head, body| {
            let body = match body.try_into_bytes() {
                Ok(bytes) => bytes,
                Err(body) => return body,
            };
            let Ok(smaller) = encode(&body, encoding) else { return BoxBody::new(body) };
            head.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str()));
            let tag = head.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
            if let Some(Ok(tag)) = tag.map(|tag| HeaderValue::from_str(&encoded_tag(tag, encoding.as_str()))) {
                head.headers_mut().insert(header::ETAG, tag);
            }
            BoxBody::new(smaller)
        })),
    })
}

/// `None`: as it is. A caller that says nothing of encodings gets it as it is, too.
pub fn wanted(request: &HttpRequest) -> Option<ContentEncoding> {
    if !request.headers().contains_key(header::ACCEPT_ENCODING) {
        return None;
    }
    let accepted = AcceptEncoding::parse(request).ok()?;
    let known: Vec<Encoding> = OURS.into_iter().chain([ContentEncoding::Identity]).map(Encoding::Known).collect();
    match accepted.negotiate(known.iter())? {
        Encoding::Known(ContentEncoding::Identity) | Encoding::Unknown(_) => None,
        Encoding::Known(encoding) => Some(encoding),
    }
}

fn can_be_compressed(response: &ServiceResponse<BoxBody>) -> bool {
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_text = [
        "text/",
        "application/json",
        "application/problem+json",
        "application/toml",
        "application/javascript",
        "image/svg",
    ]
    .iter()
    .any(|text| kind.starts_with(text));
    let is_long = matches!(response.response().body().size(), BodySize::Sized(length) if length >= SMALLEST);
    is_text && is_long && !headers.contains_key(header::CONTENT_ENCODING)
}

fn varied(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// The body in that encoding.
pub fn encode(body: &[u8], encoding: ContentEncoding) -> std::io::Result<Vec<u8>> {
    let room = Vec::with_capacity(body.len() / 2);
    match encoding {
        ContentEncoding::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(room, flate2::Compression::new(5));
            gzip.write_all(body)?;
            gzip.finish()
        }
        ContentEncoding::Brotli => {
            let mut brotli = brotli::CompressorWriter::new(room, 4_096, 4, 20);
            brotli.write_all(body)?;
            Ok(brotli.into_inner())
        }
        ContentEncoding::Zstd => zstd::bulk::compress(body, 3),
        _ => Ok(body.to_vec()),
    }
}
