//! What wraps every request: its trace id, the headers of every response, one line in the log, and a net for panics.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, ResponseError as _, web};
use futures_util::FutureExt as _;

use super::trace;
use crate::app::App;
use crate::error::Error;
use crate::time::Stopwatch;

/// For everything but pages.
const CSP: &str = "default-src 'none'; frame-ancestors 'none'";
/// For the reference page, which is all our own files and needs inline styles.
const CSP_DOCS: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// The middleware. It holds no second handle on the request while that is routed: actix needs the only one.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let id = app.map(|app| app.moment().id::<uuid::Uuid>().to_string()).unwrap_or_default();
    let (watch, method) = (Stopwatch::start(), request.method().clone());
    let is_reference = request.path().starts_with("/docs");
    let answered = trace::within(id.clone(), async {
        match AssertUnwindSafe(async { next.call(request).await }).catch_unwind().await {
            Ok(Ok(response)) => Ok(response.map_into_boxed_body()),
            Ok(Err(why)) => Err(why.error_response()),
            Err(_) => Err(Error::internal("a handler panicked", "see the panic message above").error_response()),
        }
    })
    .await;
    let log = |route: &str, status: u16| {
        let micros = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(trace_id = id, %method, route, status, micros, "request");
    };
    match answered {
        Ok(mut response) => {
            dress(response.headers_mut(), &id, is_reference);
            log(response.request().match_pattern().as_deref().unwrap_or("-"), response.status().as_u16());
            Ok(response)
        }
        Err(mut response) => {
            dress(response.headers_mut(), &id, is_reference);
            log("-", response.status().as_u16());
            Err(InternalError::from_response("answered as a problem", response).into())
        }
    }
}

/// The headers of every response. What a handler has set stays.
fn dress(headers: &mut HeaderMap, id: &str, is_reference: bool) {
    let csp = if is_reference { CSP_DOCS } else { CSP };
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, csp),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("trace-id"), id);
    }
}

/// Where a request comes from: that many proxies from the end of `X-Forwarded-For`, or the connection's peer.
pub fn client_address(request: &HttpRequest, trusted_proxies: usize) -> String {
    let peer = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    if trusted_proxies == 0 {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    hops.len().checked_sub(trusted_proxies).and_then(|index| hops.get(index)).map_or(peer, |hop| (*hop).to_owned())
}
