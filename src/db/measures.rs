//! What the database layer counts of itself, for `metrics`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Clones share their figures.
#[derive(Debug, Clone)]
pub struct Measures {
    /// Closures in one commit of SQLite's writer.
    pub group_size: Histogram,
    /// Seconds from asking for a write until its turn (SQLite).
    pub write_wait: Histogram,
    /// Who waits for a connection of a pool (PostgreSQL).
    pub waiting: Gauge,
    /// Reads that the replica answered (PostgreSQL).
    pub replica_reads: Counter,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            group_size: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            write_wait: Histogram::new([0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0]),
            waiting: Gauge::default(),
            replica_reads: Counter::default(),
        }
    }
}

impl Measures {
    /// SQLite's one writer.
    pub(super) fn register_writer(&self, to: &mut Registry) {
        to.register("writer_group_size", "Writes in one commit", self.group_size.clone());
        let help = "Time a write waits for its turn";
        to.register_with_unit("writer_wait", help, Unit::Seconds, self.write_wait.clone());
    }

    /// PostgreSQL's pool.
    pub(super) fn register_pool(&self, to: &mut Registry) {
        to.register("pool_waiting", "Requests and jobs that wait for a connection", self.waiting.clone());
    }

    /// Counts somebody as waiting until the guard is dropped.
    pub fn wait(&self) -> Wait {
        self.waiting.inc();
        Wait(self.waiting.clone())
    }
}

/// Somebody who waits.
pub struct Wait(Gauge);

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.dec();
    }
}
