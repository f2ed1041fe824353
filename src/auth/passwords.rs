//! Argon2id, so many at once and no more: hashing is made to be slow, and must not become a way to stop the server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::error::Error;

/// OWASP's smallest parameters for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Those who may wait for a turn; beyond it, 503.
const QUEUE: usize = 64;

/// Hashes and verifies.
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
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
        Self { turns: Arc::new(Semaphore::new(cores)), waiting: AtomicUsize::new(0), nobody: Arc::default() }
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: &SecretString, salt: [u8; 16]) -> Result<String, Error> {
        let password = password.clone();
        self.in_turn(move || hash_with(password.expose_secret(), &salt)).await
    }

    /// Whether the password is the one; the same work when there is none.
    pub async fn verify(&self, password: &SecretString, hash: Option<String>) -> Result<bool, Error> {
        let (password, nobody) = (password.clone(), Arc::clone(&self.nobody));
        self.in_turn(move || {
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
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Place::take(&self.waiting).ok_or(Error::Busy)?;
        let turn =
            Arc::clone(&self.turns).acquire_owned().await.map_err(|why| Error::internal("password turns", why))?;
        drop(place);
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

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::SeqCst);
        let place = Self(waiting);
        (before < QUEUE).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
