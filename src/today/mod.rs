//! What to do today, and every other day of a plan: the engine's days, put into words for one reader.

pub mod progress;
pub mod routes;
pub mod timeline;
pub mod views;

use crate::auth;
use crate::db::Conn;
use crate::engine::{self, State};
use crate::error::Error;
use crate::http::text::{Date, Note};
use crate::ids::{AccountId, MarkId, OccurrenceId};
use crate::plans::{self, Dossier, store};
use crate::protocols::Compiled;
use crate::time::{Moment, Stamp};

/// A plan's day, with what it was computed from.
pub struct PlanDay {
    /// The plan.
    pub dossier: Dossier,
    /// Its day.
    pub day: engine::Day,
}

/// The day of every plan of the account that runs or waits for a person, seen from `at`; of the date, if one is asked for.
pub fn days_of(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    date: Option<Date>,
    at: Stamp,
) -> Result<Vec<PlanDay>, Error> {
    let rows = store::list_shown_of_account(c, account)?;
    rows.into_iter()
        .map(|rows| {
            let dossier = Dossier::new(c, cache, rows)?;
            let day = day_of(c, &dossier, date, at)?;
            Ok(PlanDay { dossier, day })
        })
        .collect()
}

/// The plan's day, seen from `at`; of the date, if one is asked for.
pub fn day_of(c: &mut Conn, dossier: &Dossier, date: Option<Date>, at: Stamp) -> Result<engine::Day, Error> {
    let number = date.map_or_else(|| Ok(dossier.day_number(at)), |date| day_number_of(dossier, date))?;
    Ok(seen(dossier, &dossier.known(c, number)?, number, at))
}

/// A numbered day of the plan, seen from `at`: today with what can still be done of earlier days.
fn seen(dossier: &Dossier, known: &plans::Known, number: i32, at: Stamp) -> engine::Day {
    let (compiled, enrolment, facts) = (&dossier.compiled, dossier.enrolment(), known.facts());
    if number == dossier.day_number(at) {
        engine::today(compiled, &enrolment, &facts, &dossier.zone, at)
    } else {
        engine::day(compiled, &enrolment, &facts, &dossier.zone, at, number)
    }
}

fn day_number_of(dossier: &Dossier, date: Date) -> Result<i32, Error> {
    let span = dossier.plan.day_zero.0.until((jiff::Unit::Day, date.0));
    span.map(|span| span.get_days()).map_err(|why| Error::internal("days between two dates", why))
}

/// What a patient says of an occurrence.
#[derive(Debug, Clone)]
pub struct NewMark {
    /// Done, in part, or skipped; `None` takes the mark back.
    pub state: Option<engine::MarkState>,
    /// Why it was skipped.
    pub reason: Option<Note>,
    /// When the patient noted it; now if it is not said.
    pub noted_at: Option<Stamp>,
}

/// A phone's clock may be ahead by so much.
const AHEAD_SECONDS: i64 = 300;

/// Marks an occurrence of one of the account's plans. A mark that says what the newest one says changes nothing.
pub fn mark(
    c: &mut Conn,
    cache: &Compiled,
    who: &auth::Patient,
    id: OccurrenceId,
    new: NewMark,
    m: &Moment,
) -> Result<(Dossier, engine::Occurrence), Error> {
    let noted_at = new.noted_at.unwrap_or(m.at);
    if noted_at > m.at.plus_seconds(AHEAD_SECONDS) {
        return Err(Error::field("/noted_at", "out_of_range", "must not be in the future"));
    }
    let (dossier, occurrence) = find(c, cache, who.account, id, m.at)?.ok_or(Error::NotFound)?;
    if dossier.day_number(noted_at) < 0 {
        return Err(Error::field("/noted_at", "out_of_range", "must not be before the day of the treatment"));
    }
    let item = item_of(&dossier, &occurrence)?;
    if !item.kind.can_be_marked() || item.kind == engine::ItemKind::CheckIn {
        return Err(Error::conflict(
            "cannot_be_marked",
            "only a task or a photo can be marked; a check-in is answered",
        ));
    }
    if occurrence.state == State::Upcoming {
        return Err(Error::conflict("not_open_yet", format!("it opens at {}", occurrence.opens_at)));
    }
    if occurrence.state == State::Cancelled {
        return Err(Error::conflict("cancelled", "it was over before the plan began"));
    }
    let before = mark_state(occurrence.state);
    if before != new.state || new.reason.is_some() {
        let (item_key, slot_key) = (item.key.clone(), slot_of(&dossier, &occurrence)?.key.clone());
        store::insert_mark(
            c,
            &store::NewMark {
                clinic_id: dossier.plan.clinic_id,
                plan_id: dossier.plan.id,
                day: occurrence.day,
                id: m.id::<MarkId>(),
                occurrence_id: id,
                item_key,
                slot_key,
                state: new.state.map_or("withdrawn", engine::MarkState::as_str).to_owned(),
                reason: new.reason.map(Into::into),
                noted_at,
                received_at: m.at,
                made_by: who.account,
            },
        )?;
    }
    let day = day_at(c, &dossier, occurrence.day, m.at)?;
    let after = day.occurrences.into_iter().find(|other| other.id == id).ok_or(Error::NotFound)?;
    Ok((dossier, after))
}

fn mark_state(state: State) -> Option<engine::MarkState> {
    match state {
        State::Done => Some(engine::MarkState::Done),
        State::Partial => Some(engine::MarkState::Partial),
        State::Skipped => Some(engine::MarkState::Skipped),
        _ => None,
    }
}

/// The occurrence of that id in one of the account's plans that are shown, as it is at `at`.
pub fn find(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    id: OccurrenceId,
    at: Stamp,
) -> Result<Option<(Dossier, engine::Occurrence)>, Error> {
    for rows in store::list_shown_of_account(c, account)? {
        let dossier = Dossier::new(c, cache, rows)?;
        let near = dossier.day_number(at);
        if let Some((_, number, _)) = engine::find(&dossier.compiled, &dossier.enrolment(), id, near) {
            let day = day_at(c, &dossier, number, at)?;
            let found = day.occurrences.into_iter().find(|occurrence| occurrence.id == id);
            return Ok(found.map(|occurrence| (dossier, occurrence)));
        }
    }
    Ok(None)
}

/// A numbered day of the plan, as it is at `at`.
pub fn day_at(c: &mut Conn, dossier: &Dossier, number: i32, at: Stamp) -> Result<engine::Day, Error> {
    let known = dossier.known(c, number)?;
    Ok(engine::day(&dossier.compiled, &dossier.enrolment(), &known.facts(), &dossier.zone, at, number))
}

/// The item of an occurrence.
pub fn item_of<'a>(dossier: &'a plans::Dossier, occurrence: &engine::Occurrence) -> Result<&'a engine::Item, Error> {
    dossier
        .compiled
        .items
        .get(occurrence.item)
        .ok_or_else(|| Error::internal("an occurrence without an item", occurrence.id))
}

/// The slot of an occurrence.
pub fn slot_of<'a>(dossier: &'a plans::Dossier, occurrence: &engine::Occurrence) -> Result<&'a engine::Slot, Error> {
    dossier
        .compiled
        .slots
        .get(occurrence.slot)
        .ok_or_else(|| Error::internal("an occurrence without a slot", occurrence.id))
}
