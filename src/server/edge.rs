//! What wraps every request: its trace id, the headers of every response, one line in the log, and a net for panics.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpResponse, ResponseError as _, web};
use futures_util::FutureExt as _;

use crate::api::extract::Shown;
use crate::app::App;
use crate::error::Error;
use crate::events::reads::Look;
use crate::events::{EventKind, EventSubject, Object};
use crate::http::limits::{Left, WINDOW, source_of};
use crate::trace;
use ground::ids::{AlertId, CourseId, MailId, PatientId, PlanId, ReminderId};
use ground::time::Stopwatch;
use uuid::Uuid;

/// The largest request line and headers together.
const LARGEST_HEAD: usize = 16 * 1024;
/// For everything but pages.
const CSP: &str = "default-src 'none'; frame-ancestors 'none'";
/// For the reference page, which is all our own files and needs inline styles.
const CSP_DOCS: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// The middleware. It holds no second handle on the request while that is routed: actix needs the only one.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let id = app.as_ref().map(|app| app.moment().id::<uuid::Uuid>().to_string()).unwrap_or_default();
    let (watch, method) = (Stopwatch::start(), request.method().clone());
    let is_reference = request.path().starts_with("/docs");
    let is_draining = app.as_ref().is_some_and(|app| app.draining.load(Ordering::SeqCst));
    let source = app.as_ref().and_then(|app| source_of(request.request(), app.config.trusted_proxies));
    if let Some(app) = &app {
        app.undeclared_proxy.look(request.request(), app.config.trusted_proxies);
    }
    let left = app.as_ref().and_then(|app| app.requests.count(source));
    let refused = refusal(&request, left);
    if method == Method::HEAD {
        // Routed like a GET; actix writes no body, because the request on the wire says HEAD.
        request.head_mut().method = Method::GET;
    }
    let answered = trace::within(
        id.clone(),
        crate::db::waiting_together(async {
            if let Some(refused) = refused {
                return Err(refused.error_response());
            }
            match AssertUnwindSafe(async { next.call(request).await }).catch_unwind().await {
                Ok(Ok(response)) if names_no_problem(&response) => Err(Error::NotFound.error_response()),
                Ok(Ok(response)) => note_looks(&response, app.as_ref()).await.map(|()| response.map_into_boxed_body()),
                Ok(Err(why)) => Err(why.error_response()),
                Err(_) => Err(Error::internal("a handler panicked", "see the panic message above").error_response()),
            }
        }),
    )
    .await;
    let log = |route: &str, status: u16| {
        let micros = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(trace_id = id, %method, route, status, micros, "request");
        if let Some(app) = &app {
            app.metrics.answered(route, method.as_str(), status, watch.elapsed());
        }
    };
    match answered {
        Ok(mut response) => {
            add_security_headers(response.headers_mut(), &id, is_reference);
            tell_limit(response.headers_mut(), left);
            if is_draining {
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            log(response.request().match_pattern().as_deref().unwrap_or("-"), response.status().as_u16());
            Ok(response)
        }
        Err(mut response) => {
            add_security_headers(response.headers_mut(), &id, is_reference);
            tell_limit(response.headers_mut(), left);
            response.head_mut().set_connection_type(ConnectionType::Close);
            log("-", response.status().as_u16());
            Err(InternalError::from_response("answered as a problem", response).into())
        }
    }
}

/// Keeps what staff were shown. Who cannot be written down is not shown it.
async fn note_looks(
    response: &ServiceResponse<impl MessageBody>,
    app: Option<&web::Data<App>>,
) -> Result<(), HttpResponse> {
    let (request, status) = (response.request(), response.status());
    let shown = request.extensions().get::<Shown>().and_then(Shown::take);
    let (Some(app), Some((staff, mut things))) = (app, shown) else { return Ok(()) };
    if !(status.is_success() || status == StatusCode::NOT_MODIFIED) {
        return Ok(());
    }
    if request.method() == Method::GET {
        let named = PATH_THINGS.iter().find_map(|(name, kind, object)| {
            let id = request.match_info().get(name)?.parse().ok()?;
            Some((*kind, EventSubject::in_clinic(staff.clinic, object(id))))
        });
        things.extend(named);
    }
    let at = app.clock.now();
    let looks = things.into_iter().map(|(kind, subject)| Look { actor: staff.into(), kind, subject, at });
    if app.reads.note(looks) {
        app.write_reads().await.map_err(|why| why.error_response())?;
    }
    Ok(())
}

/// A parameter of a path, what it is to look at what it names, and that.
type PathThing = (&'static str, EventKind, fn(Uuid) -> Object);

/// What a path can name of a patient.
const PATH_THINGS: [PathThing; 6] = [
    ("patient_id", EventKind::PatientRead, |id| Object::Patient(PatientId(id))),
    ("plan_id", EventKind::PlanRead, |id| Object::Plan(PlanId(id))),
    ("course_id", EventKind::CourseRead, |id| Object::Course(CourseId(id))),
    ("alert_id", EventKind::AlertRead, |id| Object::Alert(AlertId(id))),
    ("reminder_id", EventKind::ReminderRead, |id| Object::Reminder(ReminderId(id))),
    ("mail_id", EventKind::MailRead, |id| Object::Mail(MailId(id))),
];

/// Whether a library answered 404 in its own way (files of the reference): without a body, which a program cannot sort.
fn names_no_problem(response: &ServiceResponse<impl MessageBody>) -> bool {
    response.status() == StatusCode::NOT_FOUND
        && matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0))
}

/// What is left of the source's requests (draft-ietf-httpapi-ratelimit-headers).
fn tell_limit(headers: &mut HeaderMap, left: Option<Left>) {
    let Some(Left { most, remaining, seconds, .. }) = left else { return };
    let window = WINDOW.as_secs();
    for (name, value) in [
        ("ratelimit-policy", format!("\"source\";q={most};w={window}")),
        ("ratelimit", format!("\"source\";r={remaining};t={seconds}")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// What no route is asked about.
fn refusal(request: &ServiceRequest, left: Option<Left>) -> Option<Error> {
    if let Some(left) = left.filter(|left| left.exceeded) {
        return Some(Error::TooManyRequests(left.seconds));
    }
    let size: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size + request.uri().to_string().len() > LARGEST_HEAD {
        return Some(Error::HeadTooLarge(LARGEST_HEAD));
    }
    names_nothing(request.uri().path()).then_some(Error::NotFound)
}

/// Whether a path has control characters: nothing has such a name, and no database is asked.
fn names_nothing(path: &str) -> bool {
    let coded = path.split('%').skip(1).filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
    coded.into_iter().any(|byte| byte.is_ascii_control())
}

/// The headers of every response. What a handler has set stays.
fn add_security_headers(headers: &mut HeaderMap, id: &str, is_reference: bool) {
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
