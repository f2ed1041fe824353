//! Marks on lines that are not asked any more: a phone was without network while the clinic changed the plan. They are kept with
//! their occurrence, and count as soon as the line is there again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NewMark, Noted, at_the_latest, write};
use crate::db::Conn;
use crate::engine::{self, ItemKind, MarkState, OverrideChange, PlanState};
use crate::error::Error;
use crate::ids::{AccountId, OccurrenceId, PlanId};
use crate::plans::{self, Dossier, revising, store};
use crate::protocols::{self, Compiled};
use crate::time::{Moment, Stamp};

/// A mark on a line that is not asked any more. It counts if the line comes back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeptMark {
    /// The occurrence that was marked.
    pub occurrence_id: OccurrenceId,
    /// Its plan.
    pub plan_id: PlanId,
    /// What was recorded; `null`: a mark was taken back.
    #[schema(required)]
    pub state: Option<MarkState>,
    /// When it was noted.
    pub noted_at: Stamp,
    /// When it reached us.
    pub received_at: Stamp,
}

/// A line that a plan may have had on some day, in one of its windows.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    item: String,
    slot: String,
}

/// What one of an account's plans asked once, before it was changed.
pub struct Once {
    plan: PlanId,
    noted: Noted,
    /// The windows that had this key.
    slots: Vec<engine::Slot>,
}

/// Finds what one of the account's plans asked before it was changed; `None` if no plan of the account ever had such an occurrence.
/// An id cannot be turned back: all names that a plan ever had are tried.
pub fn find(c: &mut Conn, cache: &Compiled, account: AccountId, id: OccurrenceId) -> Result<Option<Once>, Error> {
    // A plan that was never changed asks what it ever asked.
    let changed = store::list_ever_of_account(c, account)?.into_iter().filter(|(plan, ..)| plan.revision > 1);
    for rows in changed {
        let dossier = Dossier::new(c, cache, rows)?;
        let enrolment = dossier.enrolment();
        let (protocols, names) = names(c, &dossier)?;
        let found = names.into_iter().find_map(|name| {
            let day = enrolment.day_of_id(&name.item, &name.slot, id)?;
            Some((name, day))
        });
        let Some((Name { item, slot }, day)) = found else { continue };
        let slots = protocols.into_iter().flat_map(|protocol| protocol.slots).filter(|one| one.key == slot).collect();
        return Ok(Some(Once { plan: dossier.plan.id, noted: Noted { occurrence: id, day, item, slot }, slots }));
    }
    Ok(None)
}

/// Keeps a mark on it.
pub fn keep(
    c: &mut Conn,
    cache: &Compiled,
    account: AccountId,
    once: Once,
    new: &NewMark,
    m: &Moment,
) -> Result<KeptMark, Error> {
    let noted_at = new.noted_at(m)?;
    let Once { plan, noted, slots } = once;
    let dossier = plans::ever_of_account(c, cache, account, plan)?.ok_or(Error::NotFound)?;
    let (enrolment, by) = (dossier.enrolment(), at_the_latest(noted_at, m.at));
    if !slots.iter().any(|slot| enrolment.may_have_asked(slot, noted.day, &dossier.zone, by)) {
        return Err(Error::conflict("not_open_yet", "it had not been asked when this was noted"));
    }
    let marks = dossier.known_all(c)?.marks;
    let state = marks.iter().rev().find(|mark| mark.occurrence == noted.occurrence).map(|mark| mark.state);
    let occurrence_id = noted.occurrence;
    if state != new.state || new.reason.is_some() {
        write(c, account, &dossier, noted, new, (noted_at, m))?;
    }
    Ok(KeptMark { occurrence_id, plan_id: plan, state: new.state, noted_at, received_at: m.at })
}

/// What could ever be marked in a plan, and the protocols that it was of: its own, and those from before its changes.
fn names(c: &mut Conn, dossier: &Dossier) -> Result<(Vec<engine::Protocol>, BTreeSet<Name>), Error> {
    let clinic = dossier.plan.clinic_id;
    let mut overrides = dossier.overrides.clone();
    let mut versions = BTreeSet::from([dossier.plan.version_id]);
    for revision in revising::store::list(c, clinic, dossier.plan.id)? {
        for state in [&revision.before_state, &revision.after_state] {
            let state: PlanState = state.to()?;
            versions.insert(state.version_id);
            versions.extend(state.earlier_versions.iter().map(|stretch| stretch.version_id));
            overrides.extend(state.overrides);
        }
    }
    let mut protocols = Vec::with_capacity(versions.len());
    for version in versions {
        protocols.push(protocols::of_version(c, clinic, version)?);
    }
    let can_be_marked = |kind: ItemKind| kind.can_be_marked() && kind != ItemKind::CheckIn;
    let mut names = BTreeSet::new();
    for protocol in &protocols {
        for item in protocol.items.iter().filter(|item| can_be_marked(item.kind)) {
            let slots = item.slots.iter().filter_map(|slot| protocol.slots.get(*slot));
            names.extend(slots.map(|slot| Name { item: item.key.clone(), slot: slot.key.clone() }));
        }
    }
    for one in overrides {
        let (item, slots) = match one.change {
            OverrideChange::Add(added) if can_be_marked(added.kind) => (added.key, added.slots),
            OverrideChange::Set(set) => (set.key, set.slots.unwrap_or_default()),
            _ => continue,
        };
        names.extend(slots.into_iter().map(|slot| Name { item: item.clone(), slot: slot.0 }));
    }
    Ok((protocols, names))
}
