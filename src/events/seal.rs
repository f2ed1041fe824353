//! The place of an event: a number in its chain without gaps, and a hash over the one before it.
//!
//! A number that is given when an event is written says nothing to a reader with a cursor: another writer's event with a lower one may be
//! committed later, behind the cursor. So numbers are given afterwards, from one hand (a lock), to what is committed: the next event gets the
//! next number, whoever wrote it and whenever. What was committed before another began comes before it.

use std::collections::BTreeMap;

use super::{StoredEvent, store};
use crate::error::Error;
use crate::secrets::digest;
use ground::encoding::hex;
use ground::ids::ClinicId;
use ground::sql::Conn;

/// Events that are sealed in one transaction, so that no request waits for long.
const TOGETHER: usize = 500;

/// Gives the oldest events without a place their place; says how many.
pub fn seal(c: &mut Conn) -> Result<usize, Error> {
    store::lock_chains(c)?;
    let waiting = store::list_unsealed(c, TOGETHER)?;
    let mut heads: BTreeMap<ClinicId, (i64, Vec<u8>)> = BTreeMap::new();
    for event in &waiting {
        let (last, before) = match heads.remove(&event.chain) {
            Some(head) => head,
            None => store::head(c, event.chain)?,
        };
        let number = last + 1;
        let hash = hash_of(&before, number, event);
        store::seal(c, event.seq, number, &hash)?;
        heads.insert(event.chain, (number, hash));
    }
    for (chain, (number, hash)) in heads {
        store::set_head(c, chain, number, &hash)?;
    }
    Ok(waiting.len())
}

/// SHA-256 over the hash before, the number, and every field with its length, so that no two events are one text.
fn hash_of(before: &[u8], number: i64, event: &StoredEvent) -> Vec<u8> {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.as_bytes().to_vec());
    let word = |word: Option<&String>| word.map(|word| word.as_bytes().to_vec());
    let fields = [
        Some(event.chain.0.as_bytes().to_vec()),
        Some(event.at.micros().to_be_bytes().to_vec()),
        Some(event.kind.as_bytes().to_vec()),
        Some(event.actor_kind.as_bytes().to_vec()),
        id(event.account_id.map(|id| id.0)),
        id(event.member_id.map(|id| id.0)),
        id(event.patient_id.map(|id| id.0)),
        id(event.plan_id.map(|id| id.0)),
        word(event.object_kind.as_ref()),
        id(event.object_id.map(|id| id.0)),
        word(event.reason.as_ref()),
    ];
    let mut text = before.to_vec();
    text.extend(number.to_be_bytes());
    for field in fields {
        // Nothing, and an empty text, are two.
        let length = field.as_ref().map_or(u64::MAX, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        text.extend(length.to_be_bytes());
        text.extend(field.unwrap_or_default());
    }
    digest(&text)
}

/// What is wrong with a chain.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number of the first event that is not as it was sealed.
    pub number: i64,
    /// In a sentence.
    pub why: &'static str,
}

/// A chain that is whole: its length and the hash of its last event.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    /// How many events.
    pub events: i64,
    /// The last hash: who has noted it elsewhere can tell later whether the end was cut off.
    pub hash: Vec<u8>,
}

/// Computes a chain again from its first event; names the first that was changed, taken out or put in. `once_last`: a hash that was the last
/// once, in hexadecimal; it must be there.
pub fn verify(
    c: &mut Conn,
    chain: ClinicId,
    once_last: Option<&str>,
    progress: &mut dyn FnMut(i64),
) -> Result<Result<Whole, Broken>, Error> {
    let (mut length, mut end) = store::head(c, chain)?;
    let (mut last, mut hash) = (0, vec![0; 32]);
    let mut is_found = once_last.is_none();
    let broken = |number, why| Ok(Err(Broken { number, why }));
    loop {
        let events = store::list_sealed(c, chain, last, TOGETHER)?;
        if events.is_empty() {
            break;
        }
        for event in events {
            let number = event.number.unwrap_or_default();
            if number != last + 1 {
                return broken(last + 1, "it is not there");
            }
            if last == length {
                // Behind the end that was read stands what was sealed since; and what was written there by nobody who seals.
                if hash != end {
                    return broken(last, "the chain does not end as it did");
                }
                (length, end) = store::head(c, chain)?;
            }
            hash = hash_of(&hash, number, &event);
            if event.hash.as_ref() != Some(&hash) {
                return broken(number, "it, or its hash, is not what was sealed");
            }
            last = number;
            is_found = is_found || once_last.is_some_and(|wanted| hex(&hash).eq_ignore_ascii_case(wanted));
        }
        progress(last);
    }
    match () {
        () if last < length => broken(last + 1, "it is not there"),
        () if last > length || hash != end => broken(last, "the chain does not end as it did"),
        () if !is_found => {
            broken(last, "the hash that was noted is not in the chain: its end was cut off, or all of it was made anew")
        }
        () => Ok(Ok(Whole { events: last, hash })),
    }
}
