//! The port of their own on which the figures are read.

use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::{HttpResponse, HttpServer, web};

use crate::app::App;
use crate::error::Error;

/// Opens the port of `metrics_listen`, if it is set, and answers there as long as the process runs. Without a sign-in: only the network that
/// scrapes may reach it.
pub fn start(app: &App) -> Result<(), Error> {
    let address = &app.config.metrics_listen;
    if !address.is_empty() {
        let failed = |why: std::io::Error| Error::Setting(format!("cannot listen on metrics_listen {address}: {why}"));
        actix_web::rt::spawn(serve(app.clone(), TcpListener::bind(address).map_err(failed)?)?);
    }
    Ok(())
}

/// Answers `GET /metrics` on the listener, and nothing else.
pub fn serve(app: App, listener: TcpListener) -> Result<Server, Error> {
    let routes = move || {
        actix_web::App::new().app_data(web::Data::new(app.clone())).route("/metrics", web::get().to(get_metrics))
    };
    let server = HttpServer::new(routes).workers(1).disable_signals().shutdown_timeout(1).listen(listener);
    Ok(server.map_err(|why| Error::Setting(format!("cannot serve metrics: {why}")))?.run())
}

async fn get_metrics(app: web::Data<App>) -> Result<HttpResponse, Error> {
    let text = app.metrics.text(&app.db, app.clock.now()).await?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}
