//! Events: the rows.

use diesel::prelude::*;

use super::{Actor, Event, KindPattern, StoredEvent};
use crate::db::schema::{event_chains, events};
use crate::error::Error;
use ground::ids::{ClinicId, MemberId, PatientId};
use ground::sql::Conn;
use ground::time::Stamp;

/// The chain of what concerns no clinic.
pub const SERVER_CHAIN: ClinicId = ClinicId(uuid::Uuid::nil());

/// Writes an event.
pub fn insert(c: &mut Conn, actor: Actor, event: &Event, reason: Option<&str>, at: Stamp) -> Result<(), Error> {
    let subject = event.subject;
    let row = (
        events::chain.eq(subject.clinic.unwrap_or(SERVER_CHAIN)),
        events::at.eq(at),
        events::kind.eq(event.kind.as_str()),
        events::actor_kind.eq(actor.kind().as_str()),
        events::account_id.eq(actor.account()),
        events::member_id.eq(actor.member()),
        events::patient_id.eq(subject.patient),
        events::plan_id.eq(subject.plan),
        events::object_kind.eq(subject.object.map(|object| object.kind().as_str())),
        events::object_id.eq(subject.object.map(super::Object::id)),
        events::reason.eq(reason),
    );
    crate::db::direct!(c, |c| diesel::insert_into(events::table).values(row).execute(c))?;
    Ok(())
}

/// When the newest event was written.
pub fn newest(c: &mut Conn) -> Result<Option<Stamp>, Error> {
    Ok(events::table.order(events::seq.desc()).select(events::at).first(c).optional()?)
}

/// Events that have no place yet, in the order of writing.
pub fn list_unsealed(c: &mut Conn, most: usize) -> Result<Vec<StoredEvent>, Error> {
    Ok(events::table
        .filter(events::number.is_null())
        .order(events::seq)
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .select(StoredEvent::as_select())
        .load(c)?)
}

/// Whether there is an event that could get its place now.
pub fn has_unsealed(c: &mut Conn) -> Result<bool, Error> {
    Ok(!list_unsealed(c, 1)?.is_empty())
}

/// Nobody else seals before this transaction has ended.
pub fn lock_chains(c: &mut Conn) -> Result<(), Error> {
    crate::db::insert_once!(
        c,
        event_chains::table,
        (event_chains::chain.eq(SERVER_CHAIN), event_chains::number.eq(0_i64), event_chains::hash.eq(vec![0_u8; 32]),)
    );
    crate::db::lock!(c, event_chains::table.find(SERVER_CHAIN).select(event_chains::number), i64);
    Ok(())
}

/// The last number and hash of a chain; 0 and zeros of one that has none.
pub fn head(c: &mut Conn, chain: ClinicId) -> Result<(i64, Vec<u8>), Error> {
    let head =
        event_chains::table.find(chain).select((event_chains::number, event_chains::hash)).first(c).optional()?;
    Ok(head.unwrap_or_else(|| (0, vec![0; 32])))
}

/// Gives an event its place.
pub fn seal(c: &mut Conn, seq: i64, number: i64, hash: &[u8]) -> Result<(), Error> {
    let place = (events::number.eq(number), events::hash.eq(hash));
    crate::db::direct!(c, |c| diesel::update(events::table.find(seq)).set(place).execute(c))?;
    Ok(())
}

/// Keeps the end of a chain.
pub fn set_head(c: &mut Conn, chain: ClinicId, number: i64, hash: &[u8]) -> Result<(), Error> {
    let end = (event_chains::number.eq(number), event_chains::hash.eq(hash));
    if diesel::update(event_chains::table.find(chain)).set(end).execute(c)? == 0 {
        diesel::insert_into(event_chains::table).values((event_chains::chain.eq(chain), end)).execute(c)?;
    }
    Ok(())
}

/// All chains, with their ends.
pub fn list_chains(c: &mut Conn) -> Result<Vec<(ClinicId, i64, Vec<u8>)>, Error> {
    Ok(event_chains::table.order(event_chains::chain).load(c)?)
}

/// Events of a chain behind a place, in order.
pub fn list_sealed(c: &mut Conn, chain: ClinicId, after: i64, most: usize) -> Result<Vec<StoredEvent>, Error> {
    Ok(events::table
        .filter(events::chain.eq(chain))
        .filter(events::number.gt(after))
        .order(events::number)
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .select(StoredEvent::as_select())
        .load(c)?)
}

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Of this chain.
    pub chain: ClinicId,
    /// Behind this number.
    pub after: i64,
    /// So many at the most.
    pub limit: i64,
    /// About this record.
    pub patient: Option<PatientId>,
    /// By this member.
    pub member: Option<MemberId>,
    /// Of these kinds.
    pub kind: Option<KindPattern>,
    /// Not before this instant.
    pub since: Option<Stamp>,
    /// Before this instant.
    pub until: Option<Stamp>,
}

/// Numbers that one page looks through at the most, so that a filter which fits little never walks through years.
const LOOKED_THROUGH: i64 = 20_000;

/// Events that have their place, in order, and the number to go on from: behind it nothing that is wanted was passed over.
pub fn list(c: &mut Conn, wanted: &Wanted) -> Result<(Vec<StoredEvent>, i64), Error> {
    let (newest, _) = head(c, wanted.chain)?;
    // Those of a record have an index of their own.
    let furthest = if wanted.patient.is_some() { i64::MAX } else { wanted.after.saturating_add(LOOKED_THROUGH) };
    let last = newest.min(furthest).max(wanted.after);
    let numbers = events::number.gt(wanted.after).and(events::number.le(last));
    let mut query = events::table.filter(events::chain.eq(wanted.chain)).filter(numbers).into_boxed();
    if let Some(patient) = wanted.patient {
        query = query.filter(events::patient_id.eq(patient));
    }
    if let Some(member) = wanted.member {
        query = query.filter(events::member_id.eq(member));
    }
    if let Some(kind) = &wanted.kind {
        query = query.filter(events::kind.like(kind.like()).escape('\\'));
    }
    if let Some(since) = wanted.since {
        query = query.filter(events::at.ge(since));
    }
    if let Some(until) = wanted.until {
        query = query.filter(events::at.lt(until));
    }
    let rows: Vec<StoredEvent> =
        query.order(events::number).limit(wanted.limit).select(StoredEvent::as_select()).load(c)?;
    let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= wanted.limit;
    let next = rows.last().and_then(|row| row.number).filter(|_| is_full).unwrap_or(last);
    Ok((rows, next))
}
