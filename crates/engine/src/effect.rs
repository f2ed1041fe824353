//! What another version of a protocol changes in the days of a plan that are still to come.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::clock::Days;
use super::compile::Compiled;
use super::document::{Item, Slot};
use super::words::ItemKind;

/// The changes, item by item; matched by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Effect {
    /// Lines that only the new version has.
    pub added: Vec<PlannedItem>,
    /// Lines that only the old version has.
    pub removed: Vec<PlannedItem>,
    /// Lines on other days, or in other slots of a day.
    pub moved: Vec<MovedItem>,
    /// Keys of lines that are on the same days and say something else, or hold for another reason. What changes in questions, curves
    /// and rules is in the comparison of the versions.
    #[schema(example = json!(["no-make-up"]))]
    pub reworded: Vec<String>,
}

/// A line with its days.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlannedItem {
    /// Its key.
    #[schema(example = "no-make-up")]
    pub key: String,
    /// What kind of line.
    pub kind: ItemKind,
    /// Its days and slots.
    pub when: Schedule,
}

/// A line that moves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MovedItem {
    /// Its key.
    #[schema(example = "no-make-up")]
    pub key: String,
    /// What kind of line.
    pub kind: ItemKind,
    /// Its days and slots in the old version.
    pub from: Schedule,
    /// Its days and slots in the new version.
    pub to: Schedule,
}

/// Days and slots of a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Schedule {
    /// The days, like `3, 5-7`.
    #[schema(example = "3, 5-7")]
    pub days: String,
    /// The slots of each day, with their hours.
    #[schema(example = json!(["evening 17:00-24:00, reminder 19:00"]))]
    pub slots: Vec<String>,
}

/// What changes from a day on if a plan goes over from one version to another.
pub fn effect(old: &Compiled, new: &Compiled, from_day: i32) -> Effect {
    let (before, after) = (lines_of(old, from_day), lines_of(new, from_day));
    let mut effect = Effect::default();
    for (key, (item, when)) in &before {
        let Some((other, later)) = after.get(key) else {
            effect.removed.push(PlannedItem { key: (*key).to_owned(), kind: item.kind, when: when.clone() });
            continue;
        };
        if when != later {
            let (from, to) = (when.clone(), later.clone());
            effect.moved.push(MovedItem { key: (*key).to_owned(), kind: other.kind, from, to });
        } else if !says_the_same(item, other) {
            effect.reworded.push((*key).to_owned());
        }
    }
    for (key, (item, when)) in &after {
        if !before.contains_key(key) {
            effect.added.push(PlannedItem { key: (*key).to_owned(), kind: item.kind, when: when.clone() });
        }
    }
    effect
}

fn says_the_same(one: &Item, other: &Item) -> bool {
    let hold =
        |item: &Item| item.hold.as_ref().map(|hold| (hold.when.source().to_owned(), hold.if_unknown, hold.to_day));
    (one.kind, &one.title, &one.text, &one.timed, &one.form, &one.views, hold(one))
        == (other.kind, &other.title, &other.text, &other.timed, &other.form, &other.views, hold(other))
}

fn hours(slot: &Slot) -> String {
    let reminder = slot.remind.map(|remind| format!(", reminder {remind}")).unwrap_or_default();
    format!("{} {}-{}{reminder}", slot.key, slot.opens, slot.closes)
}

/// The lines that a plan has from a day on.
fn lines_of(compiled: &Compiled, from_day: i32) -> BTreeMap<&str, (&Item, Schedule)> {
    let mut found: BTreeMap<&str, (&Item, BTreeSet<i32>, BTreeSet<String>)> = BTreeMap::new();
    for day in from_day.max(0)..=compiled.horizon_day {
        for line in compiled.planned_on(day) {
            let (Some(item), Some(slot)) = (compiled.items.get(line.item), compiled.slots.get(line.slot)) else {
                continue;
            };
            let (_, days, slots) = found.entry(&item.key).or_insert_with(|| (item, BTreeSet::new(), BTreeSet::new()));
            days.insert(day);
            slots.insert(hours(slot));
        }
    }
    let schedule = |days: BTreeSet<i32>, slots: BTreeSet<String>| Schedule {
        days: Days::new(days.into_iter().map(|day| day..=day).collect()).to_string(),
        slots: slots.into_iter().collect(),
    };
    found.into_iter().map(|(key, (item, days, slots))| (key, (item, schedule(days, slots)))).collect()
}
