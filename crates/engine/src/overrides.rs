//! Overrides: what a clinic changes of a protocol for one patient, from a day on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clock::Days;
use super::compile::Compiled;
use super::document::{Grounds, Item};
use super::text::Text;
use super::words::{ItemKind, LateEnrolment};

/// A change for one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The first day it holds on; days before stay as they were.
    pub from_day: i32,
    /// What is different.
    pub change: OverrideChange,
    /// Why; the patient reads it.
    pub reason: String,
}

/// What is different for one patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideChange {
    /// A line has other days, other slots or other words.
    Set(SetLine),
    /// The line of this key is left out.
    Remove(String),
    /// A line that the protocol does not have.
    Add(AddedLine),
    /// The line of this key is again as the protocol has it; an added one is gone.
    Restore(String),
    /// Another level of a symptom is normal.
    Threshold(Threshold),
}

/// Another form of a line; what is left out stays as the protocol has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLine {
    /// The key of the line.
    #[schema(max_length = 64, example = "no-make-up")]
    pub key: String,
    /// Its days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50)]
    pub days: Option<Vec<DayRange>>,
    /// The keys of its slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20)]
    pub slots: Option<Vec<SlotKey>>,
    /// The line, in English and in any other language; `es` is asked for too if the protocol's own has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// A line of the clinic's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedLine {
    /// Its key: new in the plan, like `own-cool-pack`.
    #[schema(max_length = 64, example = "own-cool-pack")]
    pub key: String,
    /// `instruction`, `restriction`, `task` or `education`.
    pub kind: ItemKind,
    /// Its days.
    #[schema(max_items = 50)]
    pub days: Vec<DayRange>,
    /// The keys of its slots.
    #[schema(max_items = 20)]
    pub slots: Vec<SlotKey>,
    /// The line.
    pub title: Text,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// Another level of symptoms is normal for this patient: what is judged against the expected curve moves with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The symptom, as the curves of the protocol name it.
    #[schema(max_length = 64, example = "redness")]
    pub symptom: String,
    /// How many levels higher is normal; negative for lower, 0 for what the protocol says.
    #[schema(minimum = -3, maximum = 3, example = 1)]
    pub add: i32,
}

/// From a day to a day, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DayRange {
    /// The first day.
    #[schema(minimum = 0, maximum = 731, example = 0)]
    pub from: i32,
    /// The last day.
    #[schema(minimum = 0, maximum = 731, example = 3)]
    pub to: i32,
}

/// The key of a slot of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 64, example = "evening")]
pub struct SlotKey(pub String);

/// An override that does not fit its plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct OverrideProblem {
    /// Where in the change, as the end of a JSON pointer.
    pub pointer: &'static str,
    /// A stable word.
    pub code: &'static str,
    /// A sentence.
    pub detail: String,
}

/// The last day any line may have.
const LAST_DAY: i32 = 731;

impl OverrideChange {
    /// The key of the line, or the symptom, that it is about.
    pub fn about(&self) -> &str {
        match self {
            Self::Set(SetLine { key, .. }) | Self::Add(AddedLine { key, .. }) => key,
            Self::Remove(key) | Self::Restore(key) => key,
            Self::Threshold(Threshold { symptom, .. }) => symptom,
        }
    }

    /// Whether a plan is so already with what holds.
    pub(super) fn is_so(&self, held: &[Self]) -> bool {
        held.iter().any(|earlier| self.is_of_same(earlier) && self.on_top_of(earlier) == *earlier)
    }

    fn is_of_same(&self, earlier: &Self) -> bool {
        let thresholds = [self, earlier].map(|one| matches!(one, Self::Threshold(_)));
        thresholds[0] == thresholds[1] && self.about() == earlier.about()
    }

    /// This change on top of an earlier one of the same line: what it leaves out stays as that one has it.
    fn on_top_of(&self, earlier: &Self) -> Self {
        match (self, earlier) {
            (Self::Set(set), Self::Set(old)) => Self::Set(SetLine {
                key: set.key.clone(),
                days: set.days.clone().or_else(|| old.days.clone()),
                slots: set.slots.clone().or_else(|| old.slots.clone()),
                title: set.title.clone().or_else(|| old.title.clone()),
                text: set.text.clone().or_else(|| old.text.clone()),
            }),
            (Self::Set(set), Self::Add(old)) => Self::Add(AddedLine {
                key: set.key.clone(),
                kind: old.kind,
                days: set.days.clone().unwrap_or_else(|| old.days.clone()),
                slots: set.slots.clone().unwrap_or_else(|| old.slots.clone()),
                title: set.title.clone().unwrap_or_else(|| old.title.clone()),
                text: set.text.clone().or_else(|| old.text.clone()),
            }),
            _ => self.clone(),
        }
    }
}

/// The changes that hold on a day, one a line: the newest, on top of those before it.
pub(super) fn in_force(overrides: &[Override], day: i32) -> Vec<OverrideChange> {
    let mut held: Vec<OverrideChange> = Vec::new();
    for Override { change, .. } in overrides.iter().filter(|one| one.from_day <= day) {
        let earlier = held.iter().position(|earlier| change.is_of_same(earlier)).map(|index| held.remove(index));
        held.push(earlier.map_or_else(|| change.clone(), |earlier| change.on_top_of(&earlier)));
    }
    held.retain(|change| !matches!(change, OverrideChange::Restore(_)));
    held
}

/// The override that made a line what it is on a day.
pub fn behind<'a>(overrides: &'a [Override], key: &str, day: i32) -> Option<&'a Override> {
    let about = |one: &&Override| {
        one.from_day <= day && one.change.about() == key && !matches!(one.change, OverrideChange::Threshold(_))
    };
    overrides.iter().rev().find(about).filter(|one| !matches!(one.change, OverrideChange::Restore(_)))
}

/// Whether an override fits its protocol, as that is without any, and the overrides that there are.
pub fn check_override(
    protocol: &Compiled,
    overrides: &[Override],
    change: &OverrideChange,
) -> Result<(), OverrideProblem> {
    let compiled = protocol;
    check_shape(change)?;
    let problem = |pointer, code, detail: String| Err(OverrideProblem { pointer, code, detail });
    let is_own =
        |key: &str| overrides.iter().any(|one| matches!(&one.change, OverrideChange::Add(own) if own.key == key));
    let is_of_protocol = |key: &str| compiled.items.iter().any(|item| item.key == key);
    let is_line = |key: &str| is_of_protocol(key) || is_own(key);
    let unknown_line = |key: &str| problem("key", "unknown_value", format!("the plan has no line `{key}`"));
    match change {
        OverrideChange::Set(set) if !is_line(&set.key) => unknown_line(&set.key),
        OverrideChange::Set(SetLine { days: None, slots: None, title: None, text: None, .. }) => {
            problem("days", "required", "say what is different: days, slots, title or text".to_owned())
        }
        OverrideChange::Set(set) => set.slots.as_deref().map_or(Ok(()), |slots| check_slots(compiled, slots)),
        OverrideChange::Remove(key) | OverrideChange::Restore(key) if !is_line(key) => unknown_line(key),
        OverrideChange::Remove(_) | OverrideChange::Restore(_) => Ok(()),
        OverrideChange::Add(added) => {
            let is_key = |key: &str| {
                let mut letters = key.bytes();
                letters.next().is_some_and(|first| first.is_ascii_lowercase())
                    && letters.all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'-' || one == b'_')
                    && key.len() <= 64
            };
            if !is_key(&added.key) {
                let detail = "a key is 1 to 64 lower-case letters, digits, - and _, and begins with a letter";
                return problem("key", "invalid_value", detail.to_owned());
            }
            if is_of_protocol(&added.key) {
                return problem("key", "taken", format!("the plan has a line `{}` already: use `set`", added.key));
            }
            if matches!(added.kind, ItemKind::CheckIn | ItemKind::Photo) {
                let detail = "a check-in or a photo cannot be added to one plan: its form belongs to a protocol";
                return problem("kind", "invalid_value", detail.to_owned());
            }
            check_slots(compiled, &added.slots)
        }
        OverrideChange::Threshold(threshold) => {
            if !compiled.curves.contains_key(&threshold.symptom) {
                let detail = format!("the plan has no expected curve of `{}`", threshold.symptom);
                return problem("symptom", "unknown_value", detail);
            }
            Ok(())
        }
    }
}

/// Whether a change can be one of any plan.
pub fn check_shape(change: &OverrideChange) -> Result<(), OverrideProblem> {
    let problem = |pointer, code, detail: &str| Err(OverrideProblem { pointer, code, detail: detail.to_owned() });
    if change.about().chars().count() > 64 {
        let pointer = if matches!(change, OverrideChange::Threshold(_)) { "symptom" } else { "key" };
        return problem(pointer, "too_long", "may have 64 characters at the most");
    }
    match change {
        OverrideChange::Set(set) => {
            set.days.as_deref().map_or(Ok(()), check_days)?;
            set.slots.as_deref().map_or(Ok(()), check_slot_keys)?;
            check_words(set.title.as_ref(), set.text.as_ref())
        }
        OverrideChange::Add(added) => {
            check_days(&added.days)?;
            check_slot_keys(&added.slots)?;
            check_words(Some(&added.title), added.text.as_ref())
        }
        OverrideChange::Threshold(threshold) if !(-3..=3).contains(&threshold.add) => {
            problem("add", "out_of_range", "must be from -3 to 3; 0 is what the protocol says")
        }
        OverrideChange::Threshold(_) | OverrideChange::Remove(_) | OverrideChange::Restore(_) => Ok(()),
    }
}

fn check_slot_keys(slots: &[SlotKey]) -> Result<(), OverrideProblem> {
    if slots.len() > 20 || slots.iter().any(|slot| slot.0.chars().count() > 64) {
        let detail = "give 1 to 20 keys of slots, of 64 characters at the most".to_owned();
        return Err(OverrideProblem { pointer: "slots", code: "too_long", detail });
    }
    Ok(())
}

fn check_days(days: &[DayRange]) -> Result<(), OverrideProblem> {
    let problem = |code, detail: &str| Err(OverrideProblem { pointer: "days", code, detail: detail.to_owned() });
    if days.is_empty() || days.len() > 50 {
        return problem("out_of_range", "give 1 to 50 stretches of days; to leave the line out, use `remove`");
    }
    if days.iter().any(|range| range.from < 0 || range.to < range.from || range.to > LAST_DAY) {
        return problem("out_of_range", "each stretch goes from a day to the same or a later one, 0 to 731");
    }
    Ok(())
}

fn check_slots(compiled: &Compiled, slots: &[SlotKey]) -> Result<(), OverrideProblem> {
    let known = |key: &SlotKey| compiled.slots.iter().any(|slot| slot.key == key.0);
    if slots.is_empty() || slots.len() > 20 || !slots.iter().all(known) {
        let mut keys: Vec<&str> = compiled.slots.iter().map(|slot| slot.key.as_str()).collect();
        keys.dedup();
        let detail = format!("give one or more of the plan's slots: {}", keys.join(", "));
        return Err(OverrideProblem { pointer: "slots", code: "unknown_value", detail });
    }
    Ok(())
}

fn check_words(title: Option<&Text>, text: Option<&Text>) -> Result<(), OverrideProblem> {
    for (pointer, words, most) in [("title", title, 200), ("text", text, 1_000)] {
        let Some(words) = words else { continue };
        let fits =
            |one: &String| !one.trim().is_empty() && one.chars().count() <= most && !one.chars().any(char::is_control);
        let known = |locale: &String| Text::BUILT_IN.contains(&locale.as_str());
        if !words.0.contains_key("en") || !words.0.values().all(fits) || !words.0.keys().all(known) {
            let detail = format!("give `en`, and `de` or `es` if you like, each of 1 to {most} characters");
            return Err(OverrideProblem { pointer, code: "invalid_value", detail });
        }
    }
    Ok(())
}

fn days_of(ranges: &[DayRange]) -> Days {
    Days::new(ranges.iter().map(|range| range.from..=range.to).collect())
}

impl Compiled {
    /// A plan of one or several versions, each until a day, with what is different for its patient. `None` without a version.
    pub fn of_stretches(
        stretches: impl IntoIterator<Item = (Arc<Self>, Option<i32>)>,
        overrides: &[Override],
    ) -> Option<Arc<Self>> {
        let (mut joined, mut from_day): (Option<Arc<Self>>, i32) = (None, 0);
        for (own, until_day) in stretches {
            for (day, own) in own.overridden(overrides, from_day, until_day) {
                joined = Some(match joined {
                    None => own,
                    Some(before) => Arc::new(Self::clone(&own).from_day(day, before)),
                });
            }
            from_day = until_day.unwrap_or(from_day);
        }
        joined
    }

    /// The plan with these overrides; each holds from its day on, and days before stay as they were.
    fn overridden(
        self: &Arc<Self>,
        overrides: &[Override],
        from_day: i32,
        until_day: Option<i32>,
    ) -> Vec<(i32, Arc<Self>)> {
        let mut starts = vec![from_day];
        let inside = |day: &i32| *day > from_day && until_day.is_none_or(|until| *day < until);
        starts.extend(overrides.iter().map(|one| one.from_day).filter(inside));
        starts.sort_unstable();
        starts.dedup();
        let stage = |day: i32| {
            let changes = in_force(overrides, day);
            let compiled = if changes.is_empty() { Arc::clone(self) } else { Arc::new(self.with(&changes)) };
            (day, compiled)
        };
        starts.into_iter().map(stage).collect()
    }

    fn with(&self, changes: &[OverrideChange]) -> Self {
        let mut changed = self.clone();
        for change in changes {
            changed.apply(change);
        }
        changed.lay_out();
        changed
    }

    fn apply(&mut self, change: &OverrideChange) {
        match change {
            OverrideChange::Set(set) => {
                let slots = set.slots.as_deref().map(|slots| self.slots_of(slots));
                let Some(item) = self.items.iter_mut().find(|item| item.key == set.key) else { return };
                if let Some(days) = &set.days {
                    item.days = days_of(days);
                    item.timed = None; // the clinic's days count, not the hours of the protocol
                    // A hold begins after the last day; one that ends before it would never hold.
                    item.hold = item.hold.take().filter(|hold| item.days.last().is_some_and(|last| last < hold.to_day));
                }
                if let Some(slots) = slots.filter(|slots| !slots.is_empty()) {
                    item.slots = slots;
                }
                if let Some(title) = &set.title {
                    item.title = title.clone();
                    item.timed.iter_mut().for_each(|timed| timed.title = None);
                }
                if let Some(text) = &set.text {
                    item.text = Some(text.clone());
                    item.timed.iter_mut().for_each(|timed| timed.text = None);
                }
            }
            OverrideChange::Remove(key) => self.items.retain(|item| item.key != *key),
            OverrideChange::Add(added) => {
                let slots = self.slots_of(&added.slots);
                self.items.retain(|item| item.key != added.key);
                self.items.push(Item {
                    key: added.key.clone(),
                    kind: added.kind,
                    days: days_of(&added.days),
                    slots,
                    timed: None,
                    when: None,
                    title: added.title.clone(),
                    text: added.text.clone(),
                    form: None,
                    views: Vec::new(),
                    meaning: None,
                    hold: None,
                    protects_from: None,
                    late_enrolment: LateEnrolment::Skip,
                    even_when_excluded: false,
                    grounds: Grounds::default(),
                    range: None,
                });
            }
            OverrideChange::Restore(_) => {}
            OverrideChange::Threshold(Threshold { symptom, add }) => {
                for level in self.curves.get_mut(symptom).into_iter().flatten() {
                    *level = u8::try_from((i32::from(*level) + add).clamp(0, 10)).unwrap_or_default();
                }
            }
        }
    }

    fn slots_of(&self, keys: &[SlotKey]) -> Vec<usize> {
        let mut slots: Vec<usize> =
            keys.iter().filter_map(|key| self.slots.iter().position(|slot| slot.key == key.0)).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }
}
