//! The HTTP server: the list of features, what wraps them, and how it starts and stops.

mod edge;
pub mod metrics;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::body::BodyStream;
use actix_web::dev::{AppConfig, Extensions, Server};
use actix_web::http::header::ContentEncoding;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config as DocsConfig, SwaggerUi};

use crate::app::App;
use crate::error::Error;
use crate::http::compress::{compress, encode, wanted};
use crate::http::conditions::{encoded_tag, listed};
use crate::http::connections::{Connections, make_room, turn_away};
use crate::http::cors::{cors, name_refusal};
use crate::http::line_ends::WatchedStream;
use crate::{api as doors, auth, pages};
use edge::edge;

/// The API: what is served, and what the document is made from.
pub fn api(config: &mut ServiceConfig) {
    doors::routes(config);
    pages::home::routes(config);
    config.service(healthz).service(readyz).service(get_openapi);
}

/// How long callers are asked to go elsewhere before no new ones are taken: each answer closes its connection.
const DRAIN: Duration = Duration::from_millis(1_500);
/// How long connections that have reached the listener may take until a thread has them, once no new ones reach it.
const TAKE_WAITING: Duration = Duration::from_millis(150);
/// How long requests and mails that are under way may take after that.
const FINISH: Duration = Duration::from_secs(7);

/// Pages that only a demo has.
pub type DemoPages = fn(&mut web::ServiceConfig);

/// Starts to answer on the listener. The caller awaits the server; its handle stops it.
pub fn start(app: App, listener: TcpListener, demo_pages: DemoPages) -> Result<Server, Error> {
    let deadlines = web::Data::new(app.config.body_deadlines());
    let threads = match app.config.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let most = make_room();
    let connections = Connections::new(most, app.config.trusted_proxies > 0);
    let application = move || {
        let (api, _) = actix_web::App::new()
            .app_data(web::Data::new(app.clone()))
            .app_data(deadlines.clone())
            .wrap(cors(&app.config.allowed_origins))
            .wrap(from_fn(name_refusal))
            .wrap(from_fn(compress))
            .wrap(from_fn(edge))
            .into_utoipa_app()
            .configure(api)
            .split_for_parts();
        let api = api
            .service(web::redirect("/docs", "/docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(docs_config(app.demo)))
            .configure(pages::routes)
            .default_service(web::to(no_such_route));
        if app.demo { api.configure(demo_pages) } else { api }
    };
    let builder = Server::build()
        .workers(threads)
        .max_concurrent_connections(most.div_ceil(threads.max(1)))
        .shutdown_timeout(FINISH.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    // Put together by hand, where actix would do it, so that the stream can be watched (see `line_ends`).
    let served = move || {
        let stopping = stopping.clone();
        let connections = connections.clone();
        let http = HttpService::build()
            .client_request_timeout(Duration::from_secs(5))
            .client_disconnect_timeout(Duration::from_secs(1))
            .h1_allow_half_closed(true)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(move |io: &WatchedStream, data: &mut Extensions| connections.opened(io.stream(), data))
            .finish(map_config(application(), |()| AppConfig::default()));
        fn_service(|stream: TcpStream| async {
            let peer = stream.peer_addr().ok();
            Ok::<_, DispatchError>((WatchedStream::new(stream), Protocol::Http1, peer))
        })
        .and_then(http)
    };
    let server =
        builder.listen("api", listener, served).map_err(|why| Error::Setting(format!("cannot listen: {why}")))?;
    Ok(server.run())
}

fn docs_config(is_demo: bool) -> DocsConfig<'static> {
    DocsConfig::from(if is_demo { "/demo/openapi.json" } else { "/openapi.json" })
        .validator_url("none")
        .persist_authorization(false)
        .use_base_layout()
}

/// The published document as it is committed (a test keeps it equal to what the routes say), so that nobody waits for it
/// to be made at start.
pub(crate) const DOCUMENT: &str = include_str!("../../openapi/aftercare.json");
/// Bytes of the document in one piece of an answer.
const DOCUMENT_PIECE: usize = 16 * 1024;
static DOCUMENT_TAG: LazyLock<String> = LazyLock::new(|| crate::http::conditions::etag_of(DOCUMENT.as_bytes()));
/// Which methods each path knows; the path in its parts.
static PATHS: LazyLock<Vec<(Vec<String>, Vec<&'static str>)>> = LazyLock::new(|| {
    let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
    let paths = document.get("paths").and_then(serde_json::Value::as_object).into_iter().flatten();
    let methods = |item: &serde_json::Value| {
        let known = [("get", "GET"), ("put", "PUT"), ("post", "POST"), ("patch", "PATCH"), ("delete", "DELETE")];
        known.into_iter().filter(|(name, _)| item.get(name).is_some()).map(|(_, method)| method).collect()
    };
    paths.map(|(path, item)| (path.split('/').map(str::to_owned).collect(), methods(item))).collect()
});

/// The methods of the path, as `Allow` lists them; `None` if there is no such path.
fn allowed(path: &str) -> Option<String> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |known: &[String]| {
        known.len() == asked.len()
            && known
                .iter()
                .zip(&asked)
                .all(|(known, asked)| known == asked || (known.starts_with('{') && !asked.is_empty()))
    };
    let with_head = |method: &&'static str| if *method == "GET" { vec!["GET", "HEAD"] } else { vec![*method] };
    let known = PATHS.iter().filter(|(known, _)| fits(known)).flat_map(|(_, methods)| methods);
    let methods: Vec<&str> = known.flat_map(with_head).collect();
    (!methods.is_empty()).then(|| methods.join(", "))
}

async fn no_such_route(request: HttpRequest) -> Result<HttpResponse, Error> {
    Err(allowed(request.path()).map_or(Error::NotFound, Error::WrongMethod))
}

/// Whether something works.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: String,
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned() })
}

/// Whether the process is up.
///
/// For a load balancer or a container: it asks nothing of the database.
#[utoipa::path(tag = "service", operation_id = "get_health", security(()),
    responses((status = 200, description = "It is up.", body = Health)))]
#[get("/healthz")]
async fn healthz() -> HttpResponse {
    ok()
}

/// Whether requests can be answered: the database answers and keeps what is written, and the clock is right.
///
/// 503 while that is not so, or while this node stops: send requests to another node until this is 200 again.
#[utoipa::path(tag = "service", operation_id = "get_readiness", security(()),
    responses((status = 200, description = "Requests can be answered.", body = Health)))]
#[get("/readyz")]
async fn readyz(app: web::Data<App>) -> Result<HttpResponse, Error> {
    if app.draining.load(Ordering::SeqCst) {
        return Err(Error::NotReady("this node is stopping".to_owned()));
    }
    if let Some(why) = app.db.health().fallen() {
        return Err(Error::NotReady(why));
    }
    if app.db.health().last_write_failed().is_some() {
        // A change that hurts nobody: tokens are looked at anew.
        let proof = app.db.prove(auth::store::raise_rights).await;
        proof.map_err(|why| Error::NotReady(format!("the last write was not kept: {why}")))?;
    }
    let inner = app.clone();
    app.db.read_fresh(move |c| inner.work_moment(c).map(|_| ())).await?;
    Ok(ok())
}

/// This document.
///
/// OpenAPI 3.1, made from the routes that are served. The reference at `/docs/` shows it.
#[utoipa::path(tag = "service", operation_id = "get_openapi", security(()),
    responses((status = 200, description = "The OpenAPI document.", body = Object, example = json!({"openapi": "3.1.0"}))))]
#[get("/openapi.json")]
async fn get_openapi(request: HttpRequest) -> HttpResponse {
    let encoding = wanted(&request);
    let (body, tag) = encoding.and_then(encoded_document).unwrap_or((DOCUMENT.as_bytes(), &DOCUMENT_TAG));
    let mut known = request.headers().get_all("if-none-match").filter_map(|tags| tags.to_str().ok());
    if known.any(|tags| listed(tags, tag)) {
        return HttpResponse::NotModified()
            .insert_header(("etag", tag))
            .insert_header(("vary", "Accept-Encoding"))
            .finish();
    }
    let mut response = HttpResponse::Ok();
    response.insert_header(("etag", tag)).insert_header(("vary", "Accept-Encoding")).content_type("application/json");
    if let Some(encoding) = encoding {
        response.insert_header(("content-encoding", encoding.as_str()));
    }
    // In pieces: whoever does not read must not fill the memory with whole copies.
    let pieces = body.chunks(DOCUMENT_PIECE).map(|piece| Ok::<_, Error>(web::Bytes::from_static(piece)));
    response.body(BodyStream::new(futures_util::stream::iter(pieces)))
}

/// A body and its tag.
type Tagged = (&'static [u8], &'static str);

/// The document in an encoding, made once, with its tag.
fn encoded_document(encoding: ContentEncoding) -> Option<Tagged> {
    static MADE: LazyLock<Mutex<HashMap<&'static str, Tagged>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.get(encoding.as_str()) {
        return Some(*known);
    }
    // Three of these are made in the life of a process, and kept.
    let body: &'static [u8] = encode(DOCUMENT.as_bytes(), encoding).ok()?.leak();
    let tag: &'static str = encoded_tag(&DOCUMENT_TAG, encoding.as_str()).leak();
    made.insert(encoding.as_str(), (body, tag));
    Some((body, tag))
}

/// Answers until a signal comes; does the recurring work beside it, if that is wanted. Then callers are sent elsewhere, and what is
/// under way may end. A second signal ends at once; so does a database that cannot be trusted any more.
pub async fn run(app: App, listener: TcpListener, with_worker: bool, demo_pages: DemoPages) -> Result<(), Error> {
    let closing = listener.try_clone().map_err(|why| Error::Setting(format!("cannot listen: {why}")))?;
    metrics::start(&app)?;
    let server = start(app.clone(), listener, demo_pages)?;
    let handle = server.handle();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let working = if with_worker {
        actix_web::rt::spawn(crate::worker::run(app.clone(), stopped))
    } else {
        actix_web::rt::spawn(crate::worker::write_down(app.clone(), stopped))
    };
    let answering = actix_web::rt::spawn(server);
    until_told(&app).await?;
    stop.send_replace(true);
    app.draining.store(true, Ordering::SeqCst);
    let finish = async {
        tokio::time::sleep(DRAIN).await;
        if let Err(why) = turn_away(&closing) {
            tracing::warn!(%why, "connections that come while the listener closes may be reset");
        }
        tokio::time::sleep(TAKE_WAITING).await;
        drop(closing);
        handle.stop(true).await;
        finish_work(working).await?;
        // What was shown while this node drained.
        app.write_reads().await?;
        let ended = answering.await.map_err(|why| Error::internal("the server stopped", why))?;
        ended.map_err(|why| Error::internal("the server stopped", why))
    };
    tokio::select! {
        ended = finish => ended,
        told = until_told(&app) => told,
    }
}

/// Waits for the worker's mail on the wire, but not for a relay that hangs: its lease runs out, and the mail is looked at again.
pub async fn finish_work(working: actix_web::rt::task::JoinHandle<()>) -> Result<(), Error> {
    match tokio::time::timeout(FINISH, working).await {
        Ok(ended) => ended.map_err(|why| Error::internal("the worker stopped", why)),
        Err(_) => {
            tracing::warn!("a mail is still on the wire; it is left to its lease");
            Ok(())
        }
    }
}

/// Waits for a signal; an error if the database cannot be trusted any more.
pub async fn until_told(app: &App) -> Result<(), Error> {
    tokio::select! {
        () = wait_for_signal() => Ok(()),
        why = app.db.health().wait_for_fall() => Err(Error::internal("stopped at once, nothing more is acknowledged", why)),
    }
}

/// From now on SIGHUP ends this process no more: a terminal or a session that closes takes no server with it. Settings are read at start only.
pub fn outlive_hangups() -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = signal(SignalKind::hangup()).map_err(|why| Error::internal("cannot watch for signals", why))?;
    actix_web::rt::spawn(async move {
        while hangups.recv().await.is_some() {
            tracing::info!("SIGHUP changes nothing: restart to read the settings again");
        }
    });
    Ok(())
}

/// SIGINT or SIGTERM.
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
