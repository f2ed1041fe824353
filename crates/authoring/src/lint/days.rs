//! What a patient sees on each day: gaps, contradictions, restrictions that end too early.

use std::collections::{BTreeMap, BTreeSet};

use super::Linter;
use super::contexts::Context;
use engine::ItemKind;
use engine::{Age, DayOfPlan};
use engine::{DefectCode, Item, Phase};

/// So many days of lines are looked at in a unit of work.
const SEEN_IN_A_UNIT: usize = 8;
/// Until this day every day belongs to a phase.
const PHASES_UNTIL: i32 = 14;

impl Linter<'_, '_> {
    pub(super) fn days(&self) {
        self.every_day_says_something();
        self.every_early_day_has_a_phase();
        self.phases_show();
        self.lines_agree();
        self.restrictions_protect();
    }

    /// While levels are expected, an instruction, restriction or task; after that, until the last check-in, a line or a phase.
    fn every_day_says_something(&self) {
        let recovery = self.protocol.curves.iter().map(|curve| curve.levels.len()).max().unwrap_or_default();
        let recovery = i32::try_from(recovery).unwrap_or_default();
        let says = |context: &Context, day: i32| {
            let mut lines = context.compiled.items.iter().filter(|item| item.days.contains(day));
            if day < recovery {
                return lines.any(instructs);
            }
            lines.next().is_some() || context.compiled.phase_on(DayOfPlan(day), Age(day)).is_some()
        };
        let silent = |context: &Context| {
            let last = context.check_ins.last().map_or(-1, |check_in| check_in.day);
            (0..=last).filter(|day| !says(context, *day)).collect::<Vec<i32>>()
        };
        for (first, last, who) in self.runs(silent) {
            let before = self
                .protocol
                .items
                .iter()
                .enumerate()
                .filter(|(_, item)| instructs(item) && item.days.last().is_some_and(|end| end < first));
            let nearest = before.max_by_key(|(_, item)| item.days.last()).map_or(0, |(index, _)| index);
            let problem = format!("{} the plan says nothing to do or to avoid{who}", on_days(first, last));
            let fix = format!("lengthen the `days` of a line like this one, or add a line for {}", days(first, last));
            self.places.add(&format!("item[{nearest}].days"), DefectCode::DayWithoutInstruction, problem, fix);
        }
    }

    fn every_early_day_has_a_phase(&self) {
        let end = PHASES_UNTIL.min(self.protocol.horizon_day);
        let bare = |context: &Context| {
            (0..=end)
                .filter(|day| context.compiled.phase_on(DayOfPlan(*day), Age(*day)).is_none())
                .collect::<Vec<i32>>()
        };
        for (first, last, who) in self.runs(bare) {
            let before = |phase: &Phase| phase.days.last().is_some_and(|end| end < first);
            let nearest = self.protocol.phases.iter().rposition(before).unwrap_or_default();
            let problem = format!("{} no phase says what is common{who}", on_days(first, last));
            let fix = format!("lengthen the `days` of a phase, or add one for {}", days(first, last));
            self.places.add(&format!("phase[{nearest}].days"), DefectCode::DayWithoutPhase, problem, fix);
        }
    }

    /// Runs of days that a check names, each once, with the patients they are about.
    fn runs(&self, days: impl Fn(&Context) -> Vec<i32>) -> Vec<(i32, i32, String)> {
        let mut found: BTreeMap<(i32, i32), Vec<&Context>> = BTreeMap::new();
        let lines = self.protocol.items.len() + self.protocol.phases.len();
        let days_and_lines = usize::try_from(self.protocol.horizon_day).unwrap_or_default().saturating_mul(lines);
        for context in self.patients().take_while(|_| self.budget.work(days_and_lines / SEEN_IN_A_UNIT)) {
            let mut runs: Vec<(i32, i32)> = Vec::new();
            for day in days(context) {
                match runs.last_mut() {
                    Some((_, last)) if *last + 1 == day => *last = day,
                    _ => runs.push((day, day)),
                }
            }
            for run in runs {
                found.entry(run).or_default().push(context);
            }
        }
        let who = |contexts: &[&Context]| match contexts.first() {
            Some(first) if contexts.len() < self.contexts.all.len() => format!(" (with {})", first.name()),
            _ => String::new(),
        };
        found.into_iter().map(|((first, last), contexts)| (first, last, who(&contexts))).collect()
    }

    fn phases_show(&self) {
        let applies = |phase: &Phase| self.holds_together(&[phase.when.as_ref()]);
        let mut shown: BTreeSet<&str> = BTreeSet::new();
        for context in self.patients() {
            let days = (0..=self.protocol.horizon_day).take_while(|_| self.budget.work(1));
            shown.extend(
                days.filter_map(|day| context.compiled.phase_on(DayOfPlan(day), Age(day)))
                    .map(|phase| phase.key.as_str()),
            );
        }
        for (index, phase) in self.protocol.phases.iter().enumerate() {
            if !shown.contains(phase.key.as_str()) && applies(phase) {
                let problem =
                    format!("the phase `{}` never shows: an earlier phase holds on each of its days", phase.key);
                let fix = "move it up, or take its days from the earlier phase";
                self.places.add(&format!("phase[{index}].days"), DefectCode::PhaseHidden, problem, fix);
            }
        }
    }

    /// Pairs of lines that stand in one plan: they must not contradict each other, nor look the same.
    fn lines_agree(&self) {
        let items: Vec<(usize, &Item)> = self.protocol.items.iter().enumerate().collect();
        for (at, (_, earlier)) in items.iter().enumerate() {
            for (index, later) in items.iter().skip(at + 1).take_while(|_| self.budget.work(1)) {
                let Some((code, problem, fix)) = clash(earlier, later) else { continue };
                if self.holds_together(&[earlier.when.as_ref(), later.when.as_ref()]) {
                    self.places.add(&format!("item[{index}].days"), code, problem, fix);
                }
            }
        }
    }

    fn restrictions_protect(&self) {
        for (index, item) in self.protocol.items.iter().enumerate() {
            let phase = self.protocol.phases.iter().find(|phase| item.protects_from.as_ref() == Some(&phase.key));
            let Some(phase) = phase else { continue };
            let (Some(begins), Some(ends)) = (first_day(phase), last_day(item)) else { continue };
            let together = self.holds_together(&[item.when.as_ref(), phase.when.as_ref()]);
            if together && ends < begins {
                let problem = format!(
                    "`{}` ends on day {ends}, before the phase `{}` it protects from begins on day {begins}",
                    item.key, phase.key
                );
                let fix = format!("lengthen its `days` to day {begins} or later, or correct `protects_from`");
                self.places.add(&format!("item[{index}].days"), DefectCode::ProtectionEndsEarly, problem, fix);
            }
        }
    }
}

fn instructs(item: &Item) -> bool {
    matches!(item.kind, ItemKind::Instruction | ItemKind::Restriction | ItemKind::Task)
}

/// Why two lines of one plan do not go together.
fn clash(a: &Item, b: &Item) -> Option<(DefectCode, String, String)> {
    let same_meaning = a.meaning.is_some() && a.meaning == b.meaning;
    let does = |item: &Item| item.kind.tells_to_do();
    let avoids = |item: &Item| item.kind == ItemKind::Restriction;
    let common = a.days.iter().find(|day| b.days.contains(*day));
    if same_meaning
        && let Some(day) = common
        && ((does(a) && avoids(b)) || (avoids(a) && does(b)))
    {
        let problem = format!("on day {day} `{}` and `{}` say the opposite about the same thing", a.key, b.key);
        return Some((
            DefectCode::Contradiction,
            problem,
            "give them different days, or different meanings".to_owned(),
        ));
    }
    if same_meaning && (does(a) && avoids(b) || avoids(a) && does(b)) && a.meets_by_the_hour(b) {
        let problem = format!("`{}` and `{}` say the opposite at one moment where the time is known", a.key, b.key);
        let fix = "let the one end (`until_hour`) no later than the other begins (`from_hour`)";
        return Some((DefectCode::Contradiction, problem, fix.to_owned()));
    }
    let end = |item: &Item| (last_day(item), item.timed.as_ref().and_then(|timed| timed.until_hour));
    if same_meaning && avoids(a) && avoids(b) && end(a) != end(b) {
        let problem = format!("`{}` and `{}` forbid the same thing and end at different times", a.key, b.key);
        return Some((DefectCode::Contradiction, problem, "keep one of them, or give each its own `when`".to_owned()));
    }
    let same_slot = a.slots.iter().any(|slot| b.slots.contains(slot));
    if let Some(day) = common.filter(|_| a.kind == b.kind && same_slot && same_words(a, b)) {
        let problem = format!("on day {day} `{}` and `{}` show the same line twice", a.key, b.key);
        return Some((DefectCode::DuplicateLine, problem, "remove one, or give it its own title or days".to_owned()));
    }
    None
}

fn same_words(a: &Item, b: &Item) -> bool {
    let words = |item: &Item| item.title.in_locale(&["en"]).to_lowercase();
    words(a) == words(b)
}

/// The last day a restriction can be in force.
pub(super) fn last_day(item: &Item) -> Option<i32> {
    item.hold.as_ref().map(|hold| hold.to_day).or_else(|| item.days.last())
}

fn first_day(phase: &Phase) -> Option<i32> {
    phase.days.iter().next()
}

/// `day 4` or `days 4-6`.
pub(super) fn days(first: i32, last: i32) -> String {
    if first == last { format!("day {first}") } else { format!("days {first}-{last}") }
}

fn on_days(first: i32, last: i32) -> String {
    format!("on {}", days(first, last))
}
