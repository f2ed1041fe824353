//! Web apps of other origins: who may call, and a refused preflight as a problem.

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, VARY};
use actix_web::middleware::Next;
use actix_web::{ResponseError as _, http::Method};

use crate::error::Error;

/// On what a preflight's answer depends: no cache may give one origin the answer of another.
const VARY_PREFLIGHT: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// Browsers may call from these origins (separated by commas), and from no other; tokens travel in a header, so no credentials are allowed.
pub fn cors(origins: &str) -> Cors {
    let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let headers = ["authorization", "content-type", "accept-language", "if-match", "if-none-match", "idempotency-key"];
    origins
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
        .allowed_headers(headers)
        .expose_headers(["etag", "trace-id", "retry-after", "ratelimit", "ratelimit-policy"])
        .max_age(3_600)
}

/// The middleware around [`cors`]: actix-cors refuses in plain text, which a program cannot sort.
pub async fn name_refusal(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let is_preflight = request.method() == Method::OPTIONS;
    let answered = next.call(request).await?;
    let refused = answered.response().error().and_then(|error| error.as_error::<CorsError>()).map(sentence);
    let Some(detail) = refused.filter(|_| is_preflight) else { return Ok(answered.map_into_boxed_body()) };
    let mut response = Error::CrossOrigin(detail).error_response();
    response.headers_mut().insert(VARY, HeaderValue::from_static(VARY_PREFLIGHT));
    Ok(answered.into_response(response))
}

/// What was refused, and what would be taken.
fn sentence(refused: &CorsError) -> &'static str {
    match refused {
        CorsError::OriginNotAllowed => {
            "pages of this origin may not call: the setting `allowed_origins` does not name it"
        }
        CorsError::MethodNotAllowed => "other origins may send GET, HEAD, PUT, POST, PATCH and DELETE only",
        CorsError::HeadersNotAllowed => {
            "other origins may send Authorization, Content-Type, Accept-Language, If-Match, If-None-Match and Idempotency-Key only"
        }
        CorsError::MissingOrigin => "a preflight needs an Origin header",
        CorsError::MissingRequestMethod | CorsError::BadRequestMethod => {
            "Access-Control-Request-Method must name one HTTP method"
        }
        CorsError::BadRequestHeaders => "Access-Control-Request-Headers must be a list of header names",
        _ => "this request from another origin is not allowed",
    }
}
