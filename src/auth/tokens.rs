//! Access tokens: EdDSA JWTs that live for minutes, the keys that sign them, and the cache of those that were verified.
//!
//! Verifying costs as much as all the database work of a request, so a verified token is kept until it expires or until
//! anybody's rights change: `rights.generation` is read again every half second, and at once after a change of our own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, StoredKey};
use super::{Rights, Who};
use crate::config::Config;
use crate::db::Db;
use crate::error::Error;
use crate::secrets::{Secrets, digest};
use ground::encoding::{from_url_base64, url_base64};
use ground::ids::{AccountId, ClinicId, SessionId};
use ground::time::{Moment, Stamp, Stopwatch};

/// Clocks may differ by so many seconds.
const LEEWAY: i64 = 5;
/// Nobody's token is longer.
const LONGEST: usize = 2_048;
/// How long a process may not have seen a change of rights that another process made.
const RECHECK: Duration = Duration::from_millis(500);
/// A new key is published so long before it signs, so that every process and every reader of the JWKS has it.
const PUBLISHED_BEFORE: i64 = 60;

/// What an access token says. Every claim is there, and of this type.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
    sid: SessionId,
    /// The clinic that a member acts for; absent for a patient.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cid: Option<ClinicId>,
    /// The account's `auth_epoch`: a new password ends older tokens.
    epoch: i32,
}

/// The header that we write; any other is refused before a key is looked up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    typ: String,
    alg: String,
    kid: String,
}

/// The keys, and what was verified.
pub struct Tokens {
    db: Db,
    secrets: Arc<Secrets>,
    issuer: String,
    life: i64,
    keys: RwLock<Arc<Keyring>>,
    verified: moka::sync::Cache<[u8; 32], Arc<Verified>>,
    generation: AtomicI64,
    /// How often somebody doubted, and up to which doubt it was looked.
    doubts: AtomicU64,
    settled: AtomicU64,
    checked: Mutex<Option<Stopwatch>>,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Keyring {
    signing: Vec<SigningKey>,
    verifying: HashMap<String, DecodingKey>,
    published: Vec<Jwk>,
}

struct SigningKey {
    kid: String,
    key: EncodingKey,
    from: Stamp,
}

struct Verified {
    who: Who,
    from: i64,
    until: i64,
    generation: i64,
}

/// A public key (RFC 7517, 8037).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Jwk {
    /// `OKP`.
    #[schema(example = "OKP")]
    pub kty: String,
    /// `Ed25519`.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// The key's name: the `kid` of a token's header.
    #[schema(example = "0197f2f0-7f3c-7c1e-9a44-2f5d1c9f2b11")]
    pub kid: String,
    /// The public key, base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub x: String,
    /// `sig`.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: String,
    /// `EdDSA`.
    #[schema(example = "EdDSA")]
    pub alg: String,
}

/// The public keys with which tokens can be verified.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Jwks {
    /// All that are in force, and the next.
    pub keys: Vec<Jwk>,
}

impl Tokens {
    /// No keys yet: the first use reads them.
    pub fn new(config: &Config, db: &Db, secrets: &Arc<Secrets>) -> Self {
        Self {
            db: db.clone(),
            secrets: Arc::clone(secrets),
            issuer: config.base_url.clone(),
            life: config.access_token_seconds,
            keys: RwLock::default(),
            verified: moka::sync::Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(900)).build(),
            generation: AtomicI64::new(0),
            doubts: AtomicU64::new(1),
            settled: AtomicU64::new(0),
            checked: Mutex::new(None),
            looking: tokio::sync::Mutex::new(()),
        }
    }

    /// Seconds that a token lives.
    pub fn life(&self) -> i64 {
        self.life
    }

    /// Rights or keys changed in this process: look at the database before the next token is believed.
    pub fn invalidate(&self) {
        self.doubts.fetch_add(1, Ordering::SeqCst);
    }

    /// The public keys.
    pub async fn jwks(&self) -> Result<Jwks, Error> {
        self.refresh_if_stale().await?;
        Ok(Jwks { keys: self.ring().published.clone() })
    }

    fn ring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs a token for the account's session.
    pub async fn issue(&self, m: &Moment, session: &store::Session, epoch: i32) -> Result<String, Error> {
        self.refresh_if_stale().await?;
        let ring = self.ring();
        let newest = ring.signing.iter().filter(|key| key.from <= m.at).max_by_key(|key| key.from);
        let key =
            newest.or_else(|| ring.signing.first()).ok_or_else(|| Error::internal("no signing key", "none stored"))?;
        let now = m.at.seconds();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: session.account_id,
            iat: now,
            nbf: now,
            exp: now + self.life,
            jti: m.id(),
            sid: session.id,
            cid: session.clinic_id,
            epoch,
        };
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.key).map_err(|why| Error::internal("cannot sign a token", why))
    }

    /// Who sent this token; `SignInNeeded` for every token that is not ours, not now, or not any more.
    pub async fn verify(&self, token: &str, at: Stamp) -> Result<Who, Error> {
        self.refresh_if_stale().await?;
        let now = at.seconds();
        let generation = self.generation.load(Ordering::SeqCst);
        let name = name_of(token);
        if let Some(known) = self.verified.get(&name)
            && known.generation == generation
            && (known.from - LEEWAY..known.until + LEEWAY).contains(&now)
        {
            return Ok(known.who.clone());
        }
        let claims = self.read(token, now).ok_or(Error::SignInNeeded)?;
        let (from, until) = (claims.nbf, claims.exp);
        let who = self.db.read_fresh(move |c| rights_of(c, &claims)).await?;
        let verified = Arc::new(Verified { who: who.clone(), from, until, generation });
        self.verified.insert(name, verified);
        Ok(who)
    }

    /// The claims of a token that is ours and in time.
    fn read(&self, token: &str, now: i64) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let header: StrictHeader = serde_json::from_slice(&from_url_base64(token.split('.').next()?)?).ok()?;
        if header.alg != "EdDSA" || header.typ != "at+jwt" {
            return None;
        }
        let ring = self.ring();
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.validate_exp = false; // below, by our clock
        rules.validate_aud = false; // below: one audience, as a plain string
        rules.required_spec_claims.clear(); // `Claims` requires them all, typed
        let claims = jsonwebtoken::decode::<Claims>(token, ring.verifying.get(&header.kid)?, &rules).ok()?.claims;
        let ours = claims.iss == self.issuer && claims.aud == self.issuer;
        let begun = |from: i64| from.saturating_sub(LEEWAY) <= now;
        let in_time = begun(claims.nbf) && begun(claims.iat) && now < claims.exp.saturating_add(LEEWAY);
        let sane = claims.exp.checked_sub(claims.iat).is_some_and(|life| (0..=900).contains(&life))
            && claims.iat <= claims.nbf;
        (ours && in_time && sane).then_some(claims)
    }

    /// Looks whether rights or keys changed. In doubt everybody waits for the look; if only half a second has passed since
    /// the last one, one looks and the others go on.
    async fn refresh_if_stale(&self) -> Result<(), Error> {
        let doubts = self.doubts.load(Ordering::SeqCst);
        let in_doubt = || self.settled.load(Ordering::SeqCst) < doubts;
        let _turn = if in_doubt() {
            self.looking.lock().await
        } else if self.is_time_to_look()
            && let Ok(turn) = self.looking.try_lock()
        {
            turn
        } else {
            return Ok(());
        };
        if !in_doubt() && !self.is_time_to_look() {
            return Ok(());
        }
        let doubts = self.doubts.load(Ordering::SeqCst);
        let generation = self.db.read_fresh(store::rights_generation).await?;
        if self.generation.load(Ordering::SeqCst) != generation {
            let ring = Arc::new(keyring(&self.secrets, &self.db.read_fresh(store::list_keys).await?)?);
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = ring;
            self.generation.store(generation, Ordering::SeqCst);
        }
        self.settled.store(doubts, Ordering::SeqCst);
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stopwatch::start());
        Ok(())
    }

    fn is_time_to_look(&self) -> bool {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.as_ref().is_none_or(|since| since.elapsed() >= RECHECK)
    }
}

fn name_of(token: &str) -> [u8; 32] {
    digest(token.as_bytes()).try_into().unwrap_or([0; 32])
}

/// What the token's account may do now.
fn rights_of(c: &mut ground::sql::Conn, claims: &Claims) -> Result<Who, Error> {
    let account = store::find_account(c, claims.sub)?.ok_or(Error::SignInNeeded)?;
    if account.disabled_at.is_some() || account.auth_epoch != claims.epoch {
        return Err(Error::SignInNeeded);
    }
    let session = store::find_session(c, claims.sid)?.ok_or(Error::SignInNeeded)?;
    if session.ended_at.is_some() || session.account_id != claims.sub || session.clinic_id != claims.cid {
        return Err(Error::SignInNeeded);
    }
    let rights = match claims.cid {
        None => Rights::Patient,
        Some(clinic) => {
            let member = store::find_member_of(c, clinic, claims.sub)?.ok_or(Error::SignInNeeded)?;
            if !member.state.may_act() {
                return Err(Error::SignInNeeded);
            }
            Rights::Staff { clinic, member: member.id, role: member.role }
        }
    };
    Ok(Who { account: claims.sub, session: claims.sid, rights })
}

fn keyring(secrets: &Secrets, stored: &[StoredKey]) -> Result<Keyring, Error> {
    let mut ring = Keyring::default();
    for key in stored {
        let private = secrets.unseal(&key.sealed)?;
        let pair =
            Ed25519KeyPair::from_pkcs8(&private).map_err(|why| Error::internal("a signing key is damaged", why))?;
        let x = url_base64(pair.public_key().as_ref());
        let public =
            DecodingKey::from_ed_components(&x).map_err(|why| Error::internal("a signing key is damaged", why))?;
        ring.verifying.insert(key.kid.clone(), public);
        ring.signing.push(SigningKey {
            kid: key.kid.clone(),
            key: EncodingKey::from_ed_der(&private),
            from: key.signs_from,
        });
        ring.published.push(Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: key.kid.clone(),
            x,
            usage: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
        });
    }
    Ok(ring)
}

/// A new key, published now. It signs at once if it is the first, and a minute from now if it follows another.
pub fn new_key(secrets: &Secrets, m: &Moment, first: bool) -> Result<StoredKey, Error> {
    let pair = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new())
        .map_err(|why| Error::internal("cannot make a signing key", why))?;
    Ok(StoredKey {
        kid: url_base64(&m.secret::<12>()),
        sealed: secrets.seal(pair.as_ref())?,
        created_at: m.at,
        signs_from: if first { m.at } else { m.at.plus_seconds(PUBLISHED_BEFORE) },
        removed_at: None,
    })
}
