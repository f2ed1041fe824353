//! What is known of the database's health: how the last write ended, and whether the process must end because what it writes
//! may not be kept.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Shared by the writer, the checkpoints, readiness and the process's end. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    fallen: watch::Sender<Option<String>>,
    last_write: Mutex<Option<String>>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { fallen: watch::Sender::new(None), last_write: Mutex::new(None) }))
    }

    /// Nothing that is written from here on can be trusted to be kept: the process has to end. The first reason stays.
    pub(super) fn fall(&self, why: &str) {
        let is_first = self.0.fallen.send_if_modified(|fallen| {
            let is_first = fallen.is_none();
            if is_first {
                *fallen = Some(why.to_owned());
            }
            is_first
        });
        if is_first {
            tracing::error!(
                why,
                "the database can no longer be trusted; nothing is acknowledged any more, the process ends"
            );
        }
    }

    /// Why the process must end, if it must.
    pub fn fallen(&self) -> Option<String> {
        self.0.fallen.borrow().clone()
    }

    /// Waits until the process must end, and gives the reason.
    pub async fn wait_for_fall(&self) -> String {
        let mut fallen = self.0.fallen.subscribe();
        match fallen.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await, // never: this value holds the sender
        }
    }

    pub(super) fn set_last_write(&self, failure: Option<String>) {
        *self.0.last_write.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Why the last write was not kept; `None` if it was.
    pub fn last_write_failed(&self) -> Option<String> {
        self.0.last_write.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
