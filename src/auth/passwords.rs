//! Argon2id, so many at once and no more: hashing is made to be slow, and must not become a way to stop the server.
//!
//! Who waits for a turn waits in the order of how little their source has failed lately: a crowd that guesses stands behind everybody
//! who does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;

use super::guessable::is_guessable;
use crate::error::Error;

/// OWASP's smallest parameters for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Those who may wait for a turn; beyond it the one with the most failures is sent away with 503.
const QUEUE: usize = 96;

/// Hashes and verifies.
pub struct Passwords {
    turns: Arc<Turns>,
    /// A hash of nobody's password: an unknown address costs as much time as a known one.
    nobody: Arc<OnceLock<String>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// As many at once as there are cores.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { turns: Arc::new(Turns::new(cores)), nobody: Arc::default() }
    }

    /// An error at `/password` if the password is a common one, or little more than these names: for a password that is being set.
    pub async fn must_be_hard_to_guess(&self, password: &SecretString, names: Vec<String>) -> Result<(), Error> {
        let password = password.clone();
        let easy = self.in_turn(0, move || Ok(is_guessable(password.expose_secret(), &names))).await?;
        let sentence = "is too easy to guess: it is a common password, or little more than a name, an address or the clinic; \
                        write a sentence of your own";
        if easy { Err(Error::field("/password", "too_common", sentence)) } else { Ok(()) }
    }

    /// The PHC string of a new password, for somebody who has proved who they are.
    pub async fn hash(&self, password: &SecretString, salt: [u8; 16]) -> Result<String, Error> {
        let password = password.clone();
        self.in_turn(0, move || hash_with(password.expose_secret(), &salt)).await
    }

    /// Whether the password is the one; the same work when there is none. `failures` are those of the source of late.
    pub async fn verify(&self, password: &SecretString, hash: Option<String>, failures: i32) -> Result<bool, Error> {
        let (password, nobody) = (password.clone(), Arc::clone(&self.nobody));
        self.in_turn(failures, move || {
            let known = hash.is_some();
            let hash = match hash {
                Some(hash) => hash,
                None => nobodys_hash(&nobody)?,
            };
            let right = hasher()?.verify_password(password.expose_secret().as_bytes(), hash.as_str()).is_ok();
            Ok(right && known)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        failures: i32,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turns.take(failures).await.ok_or(Error::Busy)?;
        let result = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        result.await.map_err(|why| Error::internal("a password task stopped", why))?
    }
}

fn hash_with(password: &str, salt: &[u8]) -> Result<String, Error> {
    let hash: PasswordHash = hasher()?
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(|why| Error::internal("cannot hash a password", why))?;
    Ok(hash.to_string())
}

fn nobodys_hash(nobody: &OnceLock<String>) -> Result<String, Error> {
    if let Some(hash) = nobody.get() {
        return Ok(hash.clone());
    }
    let hash = hash_with("nobody has this password", b"nobody has this!")?;
    Ok(nobody.get_or_init(|| hash).clone())
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|why| Error::internal("password parameters", why))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The turns at hashing, and who waits for one: by failures, then by arrival. Where there are several, one is kept for those who have
/// not failed of late.
struct Turns(Mutex<Waiting>);

struct Waiting {
    free: usize,
    kept: usize,
    arrivals: u64,
    line: BTreeMap<(i32, u64), oneshot::Sender<Turn>>,
}

impl Turns {
    fn new(free: usize) -> Self {
        Self(Mutex::new(Waiting { free, kept: usize::from(free > 1), arrivals: 0, line: BTreeMap::new() }))
    }

    /// Waits for a turn; `None`: too many wait who have failed less.
    async fn take(self: &Arc<Self>, failures: i32) -> Option<Turn> {
        let turn = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (give, turn) = oneshot::channel();
            waiting.arrivals += 1;
            let place = (failures, waiting.arrivals);
            waiting.line.insert(place, give);
            if waiting.line.len() > QUEUE {
                // Whoever waited there hears that no turn will come.
                waiting.line.pop_last();
            }
            turn
        };
        self.call_next();
        turn.await.ok()
    }

    /// Gives the free turns to those who may have them.
    fn call_next(self: &Arc<Self>) {
        while let Some(next) = self.next() {
            // To somebody who went away: the turn comes back by being dropped, and is called out again.
            drop(next.send(Turn(Arc::clone(self))));
        }
    }

    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ((failures, _), _) = waiting.line.first_key_value()?;
        let kept = if *failures > 0 { waiting.kept } else { 0 };
        if waiting.free <= kept {
            return None;
        }
        waiting.free -= 1;
        waiting.line.pop_first().map(|(_, next)| next)
    }
}

/// A turn at hashing, which goes to the next in line when it is dropped.
struct Turn(Arc<Turns>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).free += 1;
        self.0.call_next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_failed_less_is_first_and_a_full_line_sends_the_worst_away() {
        let turns = Arc::new(Turns::new(1));
        let running = turns.take(0).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for number in 0..i32::try_from(QUEUE).unwrap() + 6 {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let turn = turns.take(100 - number).await;
                if turn.is_some() {
                    order.lock().unwrap().push(100 - number);
                }
                turn.is_some()
            }));
            tokio::task::yield_now().await;
        }
        drop(running);
        let mut refused = 0;
        for one in waiting {
            refused += usize::from(!one.await.unwrap());
        }
        let order = order.lock().unwrap().clone();
        assert_eq!((order.len(), refused), (QUEUE, 6));
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(order.last(), Some(&94), "those with the most failures were sent away");
    }
}
