//! The port of Prometheus: which figures are there, that they count, and what is never on it.

use std::net::TcpListener;

use crate::support::{Shared, TestApp};

/// Every figure of a process on SQLite; `docs/OPERATIONS.md` lists the same.
const ON_SQLITE: [&str; 8] = [
    "aftercare_mails",
    "aftercare_outbox_mails",
    "aftercare_outbox_oldest_age_seconds",
    "aftercare_planner_lateness_seconds",
    "aftercare_request_duration_seconds",
    "aftercare_worker_heartbeat_age_seconds",
    "aftercare_writer_group_size",
    "aftercare_writer_wait_seconds",
];
/// And those of PostgreSQL instead of the writer's.
const ON_POSTGRES: [&str; 2] = ["aftercare_pool_connections", "aftercare_pool_waiting"];

/// Opens the port beside the API, as `serve` does, and gives its address.
fn serve_metrics(app: &Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let inner = app.app.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            aftercare::server::metrics::serve(inner, listener).unwrap().await.unwrap();
        });
    });
    address
}

async fn read(address: &str) -> String {
    let reply = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    assert!(reply.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    reply.text().await.unwrap()
}

/// The value of the line that begins so.
#[track_caller]
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {line} in {text}")).parse().unwrap()
}

fn names(text: &str) -> Vec<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut names: Vec<&str> = types.map(|rest| rest.split(' ').next().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn the_port_tells_how_the_server_is_and_nothing_of_a_patient_or_a_clinic() {
    let app = TestApp::start_with(|config| config.metrics_listen = "127.0.0.1:9464".to_owned()).await;
    let address = serve_metrics(&app);
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.ignore_mails();
    for _ in 0..3 {
        ada.person.get("/v1/me/today").await.must(200);
    }
    clinic.owner.get("/v1/clinic/plans/7").await.must(404);
    app.set_clock("2026-03-02T19:05:00Z");
    assert!(value(&read(&address).await, "aftercare_planner_lateness_seconds") > 0.0, "a reminder is due");
    app.work().await;
    let text = read(&address).await;
    let today = "route=\"/v1/me/today\",method=\"GET\",status=\"2xx\"";
    assert_eq!(value(&text, &format!("aftercare_request_duration_seconds_count{{{today}}}")), 3.0);
    assert_eq!(value(&text, &format!("aftercare_request_duration_seconds_bucket{{le=\"+Inf\",{today}}}")), 3.0);
    let refused = "route=\"/v1/clinic/plans/{plan_id}\",method=\"GET\",status=\"4xx\"";
    assert_eq!(value(&text, &format!("aftercare_request_duration_seconds_count{{{refused}}}")), 1.0);
    assert!(value(&text, "aftercare_mails_total{outcome=\"sent\"}") >= 1.0);
    assert_eq!(value(&text, "aftercare_outbox_mails{kind=\"reminder\"}"), 0.0);
    assert_eq!(value(&text, "aftercare_outbox_oldest_age_seconds{kind=\"reminder\"}"), 0.0);
    assert_eq!(value(&text, "aftercare_planner_lateness_seconds"), 0.0);
    assert!(value(&text, "aftercare_worker_heartbeat_age_seconds{job=\"plan_reminders\"}") < 60.0);
    let wanted: Vec<&str> = if app.app.db.is_sqlite() {
        assert!(value(&text, "aftercare_writer_group_size_count") >= 1.0);
        assert!(
            value(&text, "aftercare_writer_wait_seconds_count") >= value(&text, "aftercare_writer_group_size_count")
        );
        ON_SQLITE.to_vec()
    } else {
        assert_eq!(value(&text, "aftercare_pool_waiting"), 0.0);
        let mut all: Vec<&str> =
            ON_SQLITE.into_iter().filter(|name| !name.contains("writer")).chain(ON_POSTGRES).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(names(&text), wanted);
    for private in [&ada.patient_id, &ada.plan_id, &ada.email, &clinic.id.to_string(), "Ada", "Invented"] {
        assert!(!text.contains(private), "{private} is in {text}");
    }
    app.ask_unchecked("GET", "/metrics").send().await.must_be_problem(404, "not_found");
    let other = reqwest::get(format!("http://{address}/v1/me/today")).await.unwrap();
    assert_eq!(other.status().as_u16(), 404, "the port has nothing else");
}

#[tokio::test]
async fn a_mail_that_waits_is_counted_with_its_age() {
    let app = TestApp::start_with(|config| config.metrics_listen = "127.0.0.1:9464".to_owned()).await;
    let address = serve_metrics(&app);
    let clinic = app.clinic().await;
    let ada = clinic.enrol("Ada").await;
    app.ignore_mails();
    app.work().await;
    let body = serde_json::json!({ "email": ada.email });
    app.ask("POST", "/v1/auth/sign-in-links").json(&body).send().await.must(202);
    app.pass_seconds(90);
    let text = read(&address).await;
    assert_eq!(value(&text, "aftercare_outbox_mails{kind=\"sign_in_link\"}"), 1.0);
    assert_eq!(value(&text, "aftercare_outbox_oldest_age_seconds{kind=\"sign_in_link\"}"), 90.0);
}

#[test]
fn every_figure_is_in_the_operators_manual() {
    let manual = include_str!("../../docs/OPERATIONS.md");
    for name in ON_SQLITE.iter().chain(&ON_POSTGRES) {
        assert!(manual.contains(&format!("`{name}")), "docs/OPERATIONS.md does not say what {name} is");
    }
}
