//! How often somebody may try: a sign-in, a mailed link. Counted before any hashing, in the transaction that asks, so that guesses at once
//! do not slip past; a try that was right, or was never judged, is given back. Nobody can lock another one out: what is counted for an
//! account, wherever the tries come from, makes it slower and never closes it.

use std::net::IpAddr;
use std::time::Duration;

use super::store;
use crate::error::Error;
use crate::http::limits::{is_shared, neighbourhood};
use crate::http::text::Email;
use crate::secrets::digest;
use ground::ids::ClinicId;
use ground::sql::Conn;
use ground::time::Stamp;

/// Failed tries, and the seconds in which they count.
#[derive(Debug, Clone, Copy)]
struct Bound {
    most: i32,
    window: i64,
}

/// Of one account from one source.
const OF_ACCOUNT_AND_SOURCE: Bound = Bound { most: 10, window: 60 };
/// Of one source, whatever it tries.
const OF_SOURCE: Bound = Bound { most: 60, window: 60 };
/// Of one account from anywhere, and of one clinic: beyond these it becomes slower.
const OF_ACCOUNT: Bound = Bound { most: 20, window: 3_600 };
const OF_CLINIC: Bound = Bound { most: 100, window: 60 };
/// Links that one address may be mailed, whoever asks.
const OF_RECIPIENT: Bound = Bound { most: 20, window: 3_600 };
/// Invitations that one clinic may mail, and one person may get.
const INVITATIONS_OF_CLINIC: Bound = Bound { most: 3_000, window: 3_600 };
const INVITATIONS_OF_RECIPIENT: Bound = Bound { most: 10, window: 3_600 };

/// The first delay and the longest; it doubles with every ten tries beyond the bound.
const DELAYS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What one try counts for.
#[derive(Debug, Clone)]
pub struct Tries {
    /// Under a digest each, so that no address is kept; the second part says whether it refuses or only slows down.
    counted: Vec<(Vec<u8>, Bound, bool)>,
    source: Vec<u8>,
}

/// What the counters said before this try.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before {
    /// Failed tries of the source.
    pub of_source: i32,
    /// How long to wait before the try is judged.
    pub delay: Duration,
}

impl Tries {
    /// A try to sign in as somebody.
    pub fn sign_in(email: &Email, source: Option<IpAddr>, clinic: Option<ClinicId>) -> Self {
        let (email, from) = (email.as_str(), from(source));
        let mut counted = vec![
            (digest(format!("sign-in {email}\n{from}").as_bytes()), OF_ACCOUNT_AND_SOURCE, true),
            (digest(format!("source {from}").as_bytes()), OF_SOURCE, is_of_one(source)),
            (digest(format!("account {email}").as_bytes()), OF_ACCOUNT, false),
        ];
        counted.extend(clinic.map(|id| (digest(format!("clinic {id}").as_bytes()), OF_CLINIC, false)));
        Self::of(counted, &from)
    }

    /// A request for a mailed link, which always counts.
    pub fn link(email: &Email, source: Option<IpAddr>) -> Self {
        let (email, from) = (email.as_str(), from(source));
        let counted = vec![
            (digest(format!("link {email}\n{from}").as_bytes()), OF_ACCOUNT_AND_SOURCE, true),
            (digest(format!("links {from}").as_bytes()), OF_SOURCE, is_of_one(source)),
            (digest(format!("mailed {email}").as_bytes()), OF_RECIPIENT, true),
        ];
        Self::of(counted, &from)
    }

    /// An invitation that a clinic mails.
    pub fn invitation(clinic: ClinicId, email: &str) -> Self {
        let counted = vec![
            (digest(format!("invites {clinic}").as_bytes()), INVITATIONS_OF_CLINIC, true),
            (digest(format!("invited {email}").as_bytes()), INVITATIONS_OF_RECIPIENT, true),
        ];
        Self::of(counted, "")
    }

    fn of(mut counted: Vec<(Vec<u8>, Bound, bool)>, from: &str) -> Self {
        // Always in one order, so that two transactions never wait for each other.
        counted.sort_by(|one, other| one.0.cmp(&other.0));
        Self { counted, source: digest(format!("source {from}").as_bytes()) }
    }

    /// Counts the try, unless one of the bounds refuses it: then nothing is counted.
    pub fn begin(&self, c: &mut Conn, at: Stamp) -> Result<Before, Error> {
        let mut before = Before::default();
        let mut known = Vec::with_capacity(self.counted.len());
        for (name, bound, refuses) in &self.counted {
            let (since, tries) = store::tries(c, name, bound.window, at)?;
            if *refuses && tries >= bound.most {
                let seconds = bound.window - at.seconds_since(since);
                return Err(Error::TooMany(u64::try_from(seconds).unwrap_or(1).max(1)));
            }
            if !refuses {
                before.delay = before.delay.max(delay(tries - bound.most));
            }
            if *name == self.source {
                before.of_source = tries;
            }
            known.push((name, since, tries));
        }
        for (name, since, tries) in known {
            store::set_tries(c, name, since, tries + 1)?;
        }
        Ok(before)
    }

    /// It was right, or was never judged.
    pub fn give_back(&self, c: &mut Conn, at: Stamp) -> Result<(), Error> {
        for (name, bound, _) in &self.counted {
            let (since, tries) = store::tries(c, name, bound.window, at)?;
            store::set_tries(c, name, since, (tries - 1).max(0))?;
        }
        Ok(())
    }
}

/// Behind a proxy that nobody declared all have one address: that makes them slower, and never refuses one for another.
fn is_of_one(source: Option<IpAddr>) -> bool {
    source.is_some_and(|source| !is_shared(source))
}

fn from(source: Option<IpAddr>) -> String {
    source.map(|source| source.to_string()).unwrap_or_default()
}

fn delay(beyond: i32) -> Duration {
    let (first, longest) = DELAYS;
    match u32::try_from(beyond / 10) {
        Ok(tens) if beyond >= 0 => (first * 2_u32.saturating_pow(tens.min(10))).min(longest),
        _ => Duration::ZERO,
    }
}

/// Why a sign-in or a token was refused, where from and how often: counted here, and written down by `flush` every few seconds, so that
/// nobody can make the database write by knocking.
#[derive(Default)]
pub struct Refusals(std::sync::Mutex<std::collections::HashMap<(&'static str, String), i32>>);

/// So many different places and reasons are told apart between two writes; what comes from more is counted together.
const TOLD_APART: usize = 1_000;

impl Refusals {
    /// Counts one. Of the source only its neighbourhood is kept (/24, /48), of the secret that was shown nothing.
    pub fn note(&self, reason: &'static str, source: Option<IpAddr>) {
        let mut counted = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = if counted.len() < TOLD_APART { neighbourhood(source) } else { "others".to_owned() };
        *counted.entry((reason, place)).or_default() += 1;
    }

    /// What was counted since the last time.
    pub fn take(&self) -> Vec<(&'static str, String, i32)> {
        let counted = std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        counted.into_iter().map(|((reason, place), times)| (reason, place, times)).collect()
    }
}

/// Writes down what was counted.
pub fn flush(c: &mut Conn, counted: &[(&'static str, String, i32)], at: Stamp) -> Result<(), Error> {
    for (reason, place, times) in counted {
        store::add_refusals(c, reason, place, *times, at)?;
    }
    Ok(())
}
