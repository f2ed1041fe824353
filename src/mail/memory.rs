//! A mailer for tests: it keeps what was sent, and fails when it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Accepted, Failure, Mail, Outcome, Sender, compose};

/// The letters of one test. Clones share them.
#[derive(Debug, Clone)]
pub struct Memory {
    sender: Sender,
    sent: Arc<Mutex<Vec<Mail>>>,
    failures: Arc<Mutex<VecDeque<Failure>>>,
}

impl Memory {
    pub(super) fn new(sender: Sender) -> Self {
        Self { sender, sent: Arc::default(), failures: Arc::default() }
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// As strict as the wire: what no relay would be given is refused here too.
    pub(super) fn send(&self, mail: &Mail) -> Result<Accepted, Failure> {
        compose::letter(mail, &self.sender)?;
        let failure = open(&self.failures).pop_front();
        if failure.as_ref().is_none_or(|failure| failure.outcome == Outcome::Unknown) {
            open(&self.sent).push(mail.clone());
        }
        failure.map_or(Ok(Accepted { reply: None }), Err)
    }

    /// What was sent so far, oldest first.
    pub fn sent(&self) -> Vec<Mail> {
        open(&self.sent).clone()
    }

    /// What was sent so far, and forgets it.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *open(&self.sent))
    }

    /// The next send that has no failure waiting before it fails so. With `Outcome::Unknown` the letter is kept all
    /// the same: that is what a relay may do.
    pub fn fail_next(&self, failure: Failure) {
        open(&self.failures).push_back(failure);
    }
}

fn open<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
