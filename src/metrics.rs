//! Figures for Prometheus. No label names a patient, a clinic, an address or a path with an id:
//! routes are patterns, everything else is a word of ours. `docs/OPERATIONS.md` says what each figure means.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::db::Db;
use crate::db::schema::plans;
use crate::error::Error;
use crate::mail::{Failure, Outcome, queue};
use ground::sql::Conn;
use ground::time::{Stamp, Stopwatch};

/// A number of seconds that goes up and down.
type Seconds = Gauge<f64, AtomicU64>;

/// Upper bounds of the latency buckets, in seconds.
const LATENCY: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    /// The pattern of the route, `-` where none fits.
    route: String,
    method: &'static str,
    /// `2xx` and so on.
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MailResult {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MailKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobName {
    job: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolConnections {
    pool: &'static str,
    state: &'static str,
}

/// All figures of a process. Requests are counted only while `metrics_listen` is set.
pub struct Metrics {
    is_on: bool,
    registry: Registry,
    requests: Family<Request, Histogram, fn() -> Histogram>,
    mails: Family<MailResult, Counter>,
    queued: Family<MailKind, Gauge>,
    queue_age: Family<MailKind, Seconds>,
    heartbeat_age: Family<JobName, Seconds>,
    planner_late: Seconds,
    pool: Family<PoolConnections, Gauge>,
    replica_lag: Seconds,
    heartbeats: Mutex<BTreeMap<&'static str, Stopwatch>>,
}

impl Metrics {
    /// None counted yet. The database's own figures are read through `db`.
    pub fn new(is_on: bool, db: &Db) -> Self {
        let new_latency: fn() -> Histogram = || Histogram::new(LATENCY);
        let mut figures = Self {
            is_on,
            registry: Registry::with_prefix("aftercare"),
            requests: Family::new_with_constructor(new_latency),
            mails: Family::default(),
            queued: Family::default(),
            queue_age: Family::default(),
            heartbeat_age: Family::default(),
            planner_late: Seconds::default(),
            pool: Family::default(),
            replica_lag: Seconds::default(),
            heartbeats: Mutex::default(),
        };
        figures.register(db);
        figures
    }

    fn register(&mut self, db: &Db) {
        let to = &mut self.registry;
        let seconds = || Unit::Seconds;
        to.register_with_unit("request_duration", "Time to an answer, by route", seconds(), self.requests.clone());
        to.register("mails", "Mails that were offered to the relay, by what it said", self.mails.clone());
        to.register("outbox_mails", "Mails that wait or are on their way, by kind", self.queued.clone());
        to.register_with_unit(
            "outbox_oldest_age",
            "How long the oldest has been due",
            seconds(),
            self.queue_age.clone(),
        );
        let help = "Time since the recurring work last ended well in this process";
        to.register_with_unit("worker_heartbeat_age", help, seconds(), self.heartbeat_age.clone());
        let help = "How late the plan is that the planner looks at next";
        to.register_with_unit("planner_lateness", help, seconds(), self.planner_late.clone());
        db.register(to);
        if !db.pools().is_empty() {
            to.register("pool_connections", "Connections to PostgreSQL", self.pool.clone());
        }
        if db.replica_lag().is_some() {
            let help = "Time since the replica was last known to have all that the primary had; NaN if it never had";
            to.register_with_unit("replica_lag", help, seconds(), self.replica_lag.clone());
            to.register("replica_reads", "Reads that the replica answered", db.measures().replica_reads.clone());
        }
    }

    /// Counts an answered request. `route` is the pattern, never the path.
    pub fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        if self.is_on {
            let request = Request { route: route.to_owned(), method: known_method(method), status: class(status) };
            self.requests.get_or_create(&request).observe(took.as_secs_f64());
        }
    }

    /// Counts what became of a mail that was offered to the relay.
    pub fn offered(&self, failure: Option<&Failure>) {
        let outcome = match failure.map(|failure| &failure.outcome) {
            None => "sent",
            Some(Outcome::NotSent { .. }) => "not_sent",
            Some(Outcome::Refused { permanent: false, .. }) => "refused_for_now",
            Some(Outcome::Refused { permanent: true, .. }) => "refused",
            Some(Outcome::Unknown) => "unknown",
        };
        self.mails.get_or_create(&MailResult { outcome }).inc();
    }

    /// Notes that a round of recurring work has ended well.
    pub fn beat(&self, job: &'static str) {
        self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner).insert(job, Stopwatch::start());
    }

    /// All figures as they are now, in OpenMetrics' text.
    pub async fn text(&self, db: &Db, now: Stamp) -> Result<String, Error> {
        self.look(db);
        self.ask_database(db, now).await;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .map_err(|why| Error::internal("metrics cannot be written", why))?;
        Ok(text)
    }

    fn look(&self, db: &Db) {
        for (job, since) in self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.heartbeat_age.get_or_create(&JobName { job }).set(since.elapsed().as_secs_f64());
        }
        if let Some(lag) = db.replica_lag() {
            self.replica_lag.set(lag.map_or(f64::NAN, |lag| lag.as_secs_f64()));
        }
        for (pool, in_use, idle) in db.pools() {
            self.pool.get_or_create(&PoolConnections { pool, state: "in_use" }).set(i64::from(in_use));
            self.pool.get_or_create(&PoolConnections { pool, state: "idle" }).set(i64::from(idle));
        }
    }

    /// What only the database knows. Without it the figures are left out, so that nothing old is taken for new.
    async fn ask_database(&self, db: &Db, now: Stamp) {
        let read = db.read(move |c| Ok((queue::lengths(c, now)?, find_next_due(c)?))).await;
        self.queued.clear();
        self.queue_age.clear();
        match read {
            Ok((lengths, next_due)) => {
                for length in lengths {
                    let kind = MailKind { kind: length.kind };
                    self.queued.get_or_create(&kind).set(length.mails);
                    self.queue_age.get_or_create(&kind).set(seconds(length.oldest_due_for));
                }
                self.planner_late.set(seconds(next_due.map_or(0, |due| now.seconds_since(due).max(0))));
            }
            Err(why) => {
                self.planner_late.set(f64::NAN);
                tracing::warn!(%why, "the figures of the database cannot be read");
            }
        }
    }
}

fn seconds(whole: i64) -> f64 {
    Duration::from_secs(u64::try_from(whole).unwrap_or_default()).as_secs_f64()
}

/// A word of ours: what a stranger sends as a method is no label.
fn known_method(method: &str) -> &'static str {
    let known = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method).unwrap_or("other")
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// The next instant at which any plan is due.
pub fn find_next_due(c: &mut Conn) -> Result<Option<Stamp>, Error> {
    let next: Option<Option<Stamp>> = plans::table
        .filter(plans::next_due_at.is_not_null())
        .order(plans::next_due_at)
        .select(plans::next_due_at)
        .first(c)
        .optional()?;
    Ok(next.flatten())
}
