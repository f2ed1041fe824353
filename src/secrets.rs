//! Keys derived from the one secret, each for one purpose; and one-time tokens, of which only the digest is stored.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;
use ground::encoding::{from_url_base64, url_base64};
use ground::time::Moment;

/// The keys.
pub struct Secrets {
    refresh: hmac::Key,
    unsubscribe: hmac::Key,
    sealing: [u8; 32],
}

impl Secrets {
    /// Derives the keys.
    pub fn new(secret: &SecretString) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let derive = |purpose: &str| hmac::sign(&root, purpose.as_bytes());
        let mut sealing = [0; 32];
        for (to, from) in sealing.iter_mut().zip(derive("aftercare: sealing of signing keys").as_ref()) {
            *to = *from;
        }
        Self {
            refresh: hmac::Key::new(hmac::HMAC_SHA256, derive("aftercare: refresh tokens").as_ref()),
            unsubscribe: hmac::Key::new(hmac::HMAC_SHA256, derive("aftercare: unsubscribe links").as_ref()),
            sealing,
        }
    }

    /// The refresh token of a session's generation: its id, the generation, and a MAC of both.
    pub fn refresh_token(&self, session: uuid::Uuid, generation: i32) -> String {
        url_base64(&signed(&self.refresh, session, &generation.to_be_bytes()))
    }

    /// The session and generation of a refresh token that we made.
    pub fn read_refresh_token(&self, token: &str) -> Option<(uuid::Uuid, i32)> {
        let (session, rest) = verified(&self.refresh, token, 4)?;
        Some((session, i32::from_be_bytes(rest.try_into().ok()?)))
    }

    /// The token of a patient's unsubscribe link. It stays good: mails live long.
    pub fn unsubscribe_token(&self, clinic: uuid::Uuid, patient: uuid::Uuid) -> String {
        url_base64(&signed(&self.unsubscribe, clinic, patient.as_bytes()))
    }

    /// The clinic and patient of an unsubscribe link that we made.
    pub fn read_unsubscribe_token(&self, token: &str) -> Option<(uuid::Uuid, uuid::Uuid)> {
        let (clinic, rest) = verified(&self.unsubscribe, token, 16)?;
        Some((clinic, uuid::Uuid::from_slice(&rest).ok()?))
    }

    /// Encrypts a private key for the database.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut body = plain.to_vec();
        let nonce = self
            .sealing_key()?
            .seal_in_place_append_tag(Aad::empty(), &mut body)
            .map_err(|why| Error::internal("cannot seal a key", why))?;
        Ok([nonce.as_ref(), body.as_slice()].concat())
    }

    /// Decrypts it; fails if the secret is not the one that sealed it.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let wrong = || Error::Setting("secret is not the one that this database was made with".to_owned());
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut body = body.to_vec();
        let plain = self.sealing_key()?.open_in_place(nonce, Aad::empty(), &mut body).map_err(|_| wrong())?;
        Ok(plain.to_vec())
    }

    fn sealing_key(&self) -> Result<RandomizedNonceKey, Error> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.sealing).map_err(|why| Error::internal("sealing key", why))
    }
}

fn signed(key: &hmac::Key, id: uuid::Uuid, rest: &[u8]) -> Vec<u8> {
    let message = [id.as_bytes().as_slice(), rest].concat();
    let tag = hmac::sign(key, &message);
    [message.as_slice(), tag.as_ref()].concat()
}

fn verified(key: &hmac::Key, token: &str, rest_length: usize) -> Option<(uuid::Uuid, Vec<u8>)> {
    let bytes = from_url_base64(token).filter(|bytes| bytes.len() == 16 + rest_length + 32)?;
    let (message, tag) = bytes.split_at_checked(16 + rest_length)?;
    hmac::verify(key, message, tag).ok()?;
    let (id, rest) = message.split_at_checked(16)?;
    Some((uuid::Uuid::from_slice(id).ok()?, rest.to_vec()))
}

/// A one-time token: what is mailed, and what is stored of it.
pub struct OneTime {
    /// For the mail; never stored.
    pub token: String,
    /// For the database.
    pub hash: Vec<u8>,
}

impl OneTime {
    /// 32 random bytes.
    pub fn new(moment: &Moment) -> Self {
        let token = url_base64(&moment.secret::<32>());
        Self { hash: digest(token.as_bytes()), token }
    }
}

/// SHA-256.
pub fn digest(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}
