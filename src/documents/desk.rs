//! Where documents are read, checked, compared and simulated: beside the writer, and one at a time for each clinic, so that a document that
//! takes long holds up nobody but those who sent it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::error::Error;
use ground::ids::ClinicId;

/// Turns at documents, by clinic.
#[derive(Default)]
pub struct Documents(Mutex<HashMap<ClinicId, Weak<Semaphore>>>);

impl Documents {
    /// Works for a clinic on a thread that may take its time, after what the clinic asked for before.
    pub async fn of<T: Send + 'static>(
        &self,
        clinic: ClinicId,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turns = self.turns(clinic);
        let turn = turns.acquire_owned().await.map_err(|why| Error::internal("turns at documents", why))?;
        let result = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        result.await.map_err(|why| Error::internal("a computation stopped", why))?
    }

    fn turns(&self, clinic: ClinicId) -> Arc<Semaphore> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = all.get(&clinic).and_then(Weak::upgrade) {
            return turns;
        }
        all.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(1));
        all.insert(clinic, Arc::downgrade(&turns));
        turns
    }
}
