//! How a plan stood before it was changed, and what it ever asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::documents::Compiled;
use crate::error::Error;
use crate::patients;
use crate::plans::{self, PlanFile, store};
use crate::protocols;
use engine::{Enrolment, ItemKind, LocalTime, OverrideChange, Parameters, PlanState, Protocol, Slot};
use ground::ids::OccurrenceId;
use ground::sql::Conn;
use ground::sql::Json;
use ground::time::Stamp;

/// A plan as it stood for a time.
pub struct Epoch {
    /// The plan as it stood.
    pub plan_file: PlanFile,
    /// Where on the body.
    pub body_area: String,
    /// The instant at which it came to stand so; since the enrolment if `None`.
    pub from: Option<Stamp>,
    /// The instant at which it was changed; it stands so if `None`.
    pub until: Option<Stamp>,
}

/// A plan as it stood from its enrolment on, oldest first.
pub fn history(c: &mut Conn, cache: &Compiled, now: PlanFile) -> Result<Vec<Epoch>, Error> {
    let treatment = patients::treatment(c, now.plan.clinic_id, now.plan.treatment_id)?
        .ok_or_else(|| Error::internal("a plan without a treatment", now.plan.id))?;
    let (mut epochs, mut from) = (Vec::new(), None);
    let rows =
        if now.plan.revision > 1 { store::list_revisions(c, now.plan.clinic_id, now.plan.id)? } else { Vec::new() };
    for row in rows {
        let until = Some(row.made_at);
        if from != until {
            let state: PlanState = row.before_state.to()?;
            let plan = now.plan.with_state(&state)?;
            let plan_file = PlanFile::new(c, cache, (plan, now.patient.clone(), now.clinic.clone()))?;
            epochs.push(Epoch { plan_file, body_area: state.body_area, from, until });
        }
        from = until;
    }
    epochs.push(Epoch { plan_file: now, body_area: treatment.body_area, from, until: None });
    Ok(epochs)
}

/// The states that a plan ever had, oldest first; none if it was never changed.
fn states(c: &mut Conn, plan_file: &PlanFile) -> Result<Vec<PlanState>, Error> {
    let mut states = Vec::new();
    for revision in store::list_revisions(c, plan_file.plan.clinic_id, plan_file.plan.id)? {
        states.extend([revision.before_state.to()?, revision.after_state.to()?]);
    }
    Ok(states)
}

/// The beginning of the earliest date that ever was the plan's day 0, at the clinic: nobody can have answered before it.
pub fn begun_at(c: &mut Conn, plan_file: &PlanFile) -> Result<Stamp, Error> {
    let mut earliest = plan_file.plan.day_zero.0;
    if let Some(first) = plan_file.plan.first_day_zero {
        let states = states(c, plan_file)?;
        earliest = states.iter().map(|state| state.day_zero).fold(earliest.min(first.0), jiff::civil::Date::min);
    }
    let zone = crate::zones::zone(&plan_file.clinic.zone)?;
    Ok(engine::local_instant(earliest, LocalTime::MIDNIGHT, &zone))
}

/// Every version that a phone of this patient may hold the form of: those that the plan was ever on, the newest first, and then all
/// that the protocol ever had. One that does not fit the treatment is left out.
pub fn versions(c: &mut Conn, cache: &Compiled, plan_file: &PlanFile) -> Result<Vec<Arc<engine::Compiled>>, Error> {
    let mut versions: Vec<Arc<engine::Compiled>> = Vec::new();
    for state in states(c, plan_file)?.iter().rev() {
        versions.push(plans::compiled(c, cache, &plan_file.plan.with_state(state)?)?);
    }
    let parameters = Parameters(plan_file.plan.parameters.to()?);
    for document in protocols::ever_approved(c, plan_file.plan.clinic_id, &plan_file.compiled.key)? {
        versions.extend(cache.of(&document, &parameters).ok());
    }
    let mut seen = BTreeSet::new();
    versions.retain(|version| seen.insert(Arc::as_ptr(version)));
    Ok(versions)
}

/// What a plan asked once.
#[derive(Debug, Clone)]
pub struct EverAsked {
    /// The key of the line.
    pub item: String,
    /// The key of the window.
    pub slot: String,
    /// The day, as days are counted now.
    pub day: i32,
    /// What kinds of line ever had this key.
    pub kinds: BTreeSet<ItemKind>,
    /// The form of the newest of them.
    pub form: Option<String>,
    /// The windows that ever had this key.
    pub slots: Vec<Slot>,
}

/// What this plan asked at any time under an id; `None` if it never had such an occurrence.
///
/// An id cannot be turned back, so all names are tried that the plan ever had, on every day, as its days were ever counted. A plan that
/// was never changed asks what it ever asked.
pub fn ever_asked(c: &mut Conn, plan_file: &PlanFile, id: OccurrenceId) -> Result<Option<EverAsked>, Error> {
    let compiled = &plan_file.compiled;
    let now = engine::find(compiled, &plan_file.enrolment(), id, 0)
        .and_then(|(item, day, slot)| Some((compiled.items.get(item)?, compiled.slots.get(slot)?, day)));
    let states = states(c, plan_file)?;
    if states.is_empty() && plan_file.plan.earlier_versions.is_none() {
        return Ok(now.map(|(item, slot, day)| EverAsked {
            item: item.key.clone(),
            slot: slot.key.clone(),
            day,
            kinds: BTreeSet::from([item.kind]),
            form: item.form.clone(),
            slots: vec![slot.clone()],
        }));
    }
    let (protocols, names) = names(c, plan_file, &states)?;
    let counted = counted(plan_file, &states);
    let search = || {
        names.into_iter().find_map(|(item, slot)| {
            let day =
                counted.iter().find_map(|then| Some(day_now(plan_file, then, then.day_of_id(&item, &slot, id)?)))?;
            Some((item, slot, day))
        })
    };
    let found = now.map(|(item, slot, day)| (item.key.clone(), slot.key.clone(), day)).or_else(search);
    Ok(found.map(|(item, slot, day)| describe(&protocols, &states, item, slot, day)))
}

/// What is known of a name: from every version and every line that was added.
fn describe(protocols: &[Protocol], states: &[PlanState], item: String, slot: String, day: i32) -> EverAsked {
    let items = protocols.iter().flat_map(|protocol| &protocol.items).filter(|one| one.key == item);
    let added = states.iter().flat_map(|state| &state.overrides).filter_map(|one| match &one.change {
        OverrideChange::Add(added) if added.key == item => Some(added.kind),
        _ => None,
    });
    let slots = protocols.iter().flat_map(|protocol| &protocol.slots).filter(|one| one.key == slot);
    EverAsked {
        day,
        kinds: items.clone().map(|item| item.kind).chain(added).collect(),
        form: items.filter_map(|item| item.form.clone()).next_back(),
        slots: slots.cloned().collect(),
        item,
        slot,
    }
}

/// The ways in which the plan's days were ever counted for ids: it depends on the corrections of the treatment's date and, where there
/// was one, on the pauses.
fn counted(plan_file: &PlanFile, states: &[PlanState]) -> Vec<Enrolment> {
    let now = plan_file.enrolment();
    let first = plan_file.plan.first_day_zero.map_or(plan_file.plan.day_zero.0, |first| first.0);
    let mut counted = vec![now.clone()];
    for state in states {
        let counted_later = engine::days_between(first, state.day_zero);
        let stops = state.stops.clone();
        let then = Enrolment { day_zero: state.day_zero, stops, counted_later, ..now.clone() };
        let is_counted = |other: &Enrolment| {
            other.counted_later == counted_later && (counted_later == 0 || other.stops.pauses == then.stops.pauses)
        };
        if !counted.iter().any(is_counted) {
            counted.push(then);
        }
    }
    counted
}

/// A day that was counted otherwise once, as it is counted now: it stays with its date.
fn day_now(plan_file: &PlanFile, then: &Enrolment, day: i32) -> i32 {
    let now = plan_file.enrolment();
    if now.day_zero == then.day_zero {
        return day;
    }
    then.date_of(day).map_or(day, |date| now.day_on(date))
}

/// Keys of lines, each with that of one of its windows.
type Names = BTreeSet<(String, String)>;

/// The protocols that the plan was ever of, and the names of all that it ever had.
fn names(c: &mut Conn, plan_file: &PlanFile, states: &[PlanState]) -> Result<(Vec<Protocol>, Names), Error> {
    let stretches: Vec<engine::Stretch> =
        plan_file.plan.earlier_versions.as_ref().map(Json::to).transpose()?.unwrap_or_default();
    let mut versions = BTreeSet::from([plan_file.plan.version_id]);
    versions.extend(stretches.iter().map(|stretch| stretch.version_id));
    for state in states {
        versions.insert(state.version_id);
        versions.extend(state.earlier_versions.iter().map(|stretch| stretch.version_id));
    }
    let mut protocols = Vec::with_capacity(versions.len());
    for version in versions {
        protocols.push(protocols::of_version(c, plan_file.plan.clinic_id, version)?);
    }
    let mut names = Names::new();
    for protocol in &protocols {
        for item in &protocol.items {
            let slots = item.slots.iter().filter_map(|slot| protocol.slots.get(*slot));
            names.extend(slots.map(|slot| (item.key.clone(), slot.key.clone())));
        }
    }
    let overrides = states.iter().flat_map(|state| &state.overrides).chain(&plan_file.overrides);
    for one in overrides {
        let (item, slots) = match &one.change {
            OverrideChange::Add(added) => (&added.key, added.slots.clone()),
            OverrideChange::Set(set) => (&set.key, set.slots.clone().unwrap_or_default()),
            _ => continue,
        };
        names.extend(slots.into_iter().map(|slot| (item.clone(), slot.0)));
    }
    Ok((protocols, names))
}
