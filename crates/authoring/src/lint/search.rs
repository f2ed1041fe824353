//! Whether some answers make conditions true: a search over what can be answered on a day.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::budget::{Budget, cost};
use super::contexts::{CheckIn, Context, next};
use engine::Age;
use engine::QuestionKind;
use engine::{Condition, Known, Literals, Verdict};
use engine::{Question, SIGNS};

/// The most answers that are tried for one question.
const MOST_TRIES: usize = 200_000;
/// The most choices of a list that are told apart.
const MOST_CHOICES: usize = 8;
/// A temperature that is common.
pub(super) const CALM_CELSIUS: f64 = 36.6;

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Found,
    Never,
    NotProven,
}

/// Conditions that must hold together, and what was tried for them.
pub(super) struct Search<'a> {
    budget: &'a Budget,
    cost: usize,
    conditions: Vec<&'a Condition>,
    literals: Literals,
    tries: usize,
    /// Digests of the values that were tried: written out they would take a hundred megabytes.
    tried: BTreeSet<u64>,
    gave_up: bool,
}

/// Where answers are judged: a check-in of a kind of patient, for one symptom or none.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) context: &'a Context,
    pub(super) check_in: &'a CheckIn,
    pub(super) symptom: Option<&'a str>,
    /// A sign that must be among the answers.
    pub(super) sign: Option<&'a str>,
    /// What it takes to look for earlier answers is taken from here.
    pub(super) budget: &'a Budget,
}

/// A value per name.
type Domains = BTreeMap<String, Vec<Known>>;

impl<'a> Search<'a> {
    pub(super) fn new(conditions: Vec<&'a Condition>, budget: &'a Budget) -> Self {
        let mut literals = Literals::default();
        for found in conditions.iter().map(|when| when.literals()) {
            literals.numbers.extend(&found.numbers);
            literals.words.extend(found.words.iter().cloned());
            literals.counts |= found.counts;
        }
        literals.words.sort_unstable();
        literals.words.dedup();
        let gave_up = literals.words.len() > MOST_CHOICES;
        Self { budget, cost: cost(&conditions), conditions, literals, tries: 0, tried: BTreeSet::new(), gave_up }
    }

    /// Whether something makes all conditions true in one of these settings.
    pub(super) fn any(&mut self, settings: impl IntoIterator<Item = Setting<'a>>) -> Outcome {
        for setting in settings {
            if let Some(domains) = self.domains(&setting, |slot| setting.values(slot, &self.literals))
                && self.first(&domains, setting.symptom)
            {
                return Outcome::Found;
            }
        }
        if self.gave_up { Outcome::NotProven } else { Outcome::Never }
    }

    /// Whether the conditions hold for values that are given by name.
    pub(super) fn any_of(&mut self, given: &dyn Fn(&str) -> Option<Vec<Known>>) -> bool {
        let names = self.conditions.iter().flat_map(|when| when.variables());
        let domains: Option<Domains> = names.map(|name| Some((name.clone(), given(name)?))).collect();
        domains.is_some_and(|domains| self.first(&domains, None))
    }

    /// Whether the conditions hold for whatever of these values is given.
    pub(super) fn always_of(&mut self, given: &dyn Fn(&str) -> Option<Vec<Known>>) -> bool {
        let names = self.conditions.iter().flat_map(|when| when.variables());
        let domains: Option<Domains> = names.map(|name| Some((name.clone(), given(name)?))).collect();
        domains.is_some_and(|domains| !self.fails_somewhere(&domains, None)) && !self.gave_up
    }

    /// Whether the conditions hold on the expected curve, whatever is answered that has no expected value.
    pub(super) fn calm(&mut self, setting: &Setting<'a>) -> bool {
        let domains = self.domains(setting, |slot| setting.calm(slot));
        domains.is_some_and(|domains| {
            self.tried.insert(digest(&domains, setting.symptom))
                && !self.fails_somewhere(&domains, setting.symptom)
                && !self.gave_up
        })
    }

    /// The names that have no value in any of these settings.
    pub(super) fn never_known(&self, settings: impl IntoIterator<Item = Setting<'a>>) -> BTreeSet<String> {
        let mut missing: BTreeSet<String> = self.conditions.iter().flat_map(|when| when.variables()).cloned().collect();
        for setting in settings.into_iter().take_while(|_| self.budget.work(self.cost)) {
            missing.retain(|name| setting.values(&slot(name, setting.symptom), &self.literals).is_none());
        }
        missing
    }

    fn domains(&self, setting: &Setting, values: impl Fn(&str) -> Option<Vec<Known>>) -> Option<Domains> {
        if !self.budget.work(self.cost) {
            return None;
        }
        let names = self.conditions.iter().flat_map(|when| when.variables());
        let slots: BTreeSet<String> = names.map(|name| slot(name, setting.symptom)).collect();
        slots.into_iter().map(|slot| values(&slot).map(|values| (slot, values))).collect()
    }

    fn fails_somewhere(&mut self, domains: &Domains, symptom: Option<&str>) -> bool {
        self.try_all(domains, symptom, |verdict| verdict != Verdict::True)
    }

    /// Whether some values make all conditions true; each set of values is tried once.
    fn first(&mut self, domains: &Domains, symptom: Option<&str>) -> bool {
        self.tried.insert(digest(domains, symptom))
            && self.try_all(domains, symptom, |verdict| verdict == Verdict::True)
    }

    fn try_all(&mut self, domains: &Domains, symptom: Option<&str>, is_it: impl Fn(Verdict) -> bool) -> bool {
        let sizes: Vec<usize> = domains.values().map(Vec::len).collect();
        if sizes.contains(&0) {
            return false;
        }
        let slots: Vec<&String> = domains.keys().collect();
        let lists: Vec<&Vec<Known>> = domains.values().collect();
        let names = self.conditions.iter().flat_map(|when| when.variables());
        let index_of: BTreeMap<&str, usize> = names
            .filter_map(|name| {
                let slot = slot(name, symptom);
                Some((name.as_str(), slots.iter().position(|one| **one == slot)?))
            })
            .collect();
        let mut chosen = vec![0; sizes.len()];
        loop {
            self.tries += 1;
            if self.tries > MOST_TRIES || !self.budget.work(self.cost) {
                self.gave_up = true;
                return false;
            }
            let known = |name: &str| {
                let at = *index_of.get(name)?;
                lists.get(at)?.get(*chosen.get(at)?).cloned()
            };
            let verdict =
                self.conditions.iter().map(|when| when.judge(known)).find(|verdict| *verdict != Verdict::True);
            if is_it(verdict.unwrap_or(Verdict::True)) {
                return true;
            }
            if !next(&mut chosen, &sizes) {
                return false;
            }
        }
    }
}

fn digest(domains: &Domains, symptom: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{domains:?} {symptom:?}").hash(&mut hasher);
    hasher.finish()
}

/// The one name of what several names can stand for: `level` is the symptom a rule is judged for.
fn slot(name: &str, symptom: Option<&str>) -> String {
    match (name, symptom) {
        ("level", Some(symptom)) => symptom.to_owned(),
        ("previous", Some(symptom)) => format!("{symptom}_previous"),
        ("expected", Some(symptom)) => format!("{symptom}_expected"),
        ("previous_signs", _) => format!("{SIGNS}_previous"),
        _ => name.to_owned(),
    }
}

impl<'a> Setting<'a> {
    /// What a variable can be; nothing if it cannot be known.
    fn values(&self, slot: &str, literals: &Literals) -> Option<Vec<Known>> {
        if let Some(fixed) = self.fixed(slot) {
            return Some(vec![fixed]);
        }
        if let Some(question) = self.asked_now(slot) {
            let mut values = answers(question, &self.check_in.signs, literals);
            if let (SIGNS, Some(sign)) = (slot, self.sign) {
                values.retain(|value| matches!(value, Known::Words(words) if words.iter().any(|word| word == sign)));
            }
            return Some(values);
        }
        let unanswered = || self.context.compiled.unanswered(slot).map(|value| vec![value]);
        let Some((question, _)) = slot.strip_suffix("_previous").and_then(|key| self.asked_before(key)) else {
            return unanswered();
        };
        let signs: Vec<String> = self.context.compiled.signs.iter().map(|sign| sign.key.clone()).collect();
        let mut values = answers(question, &signs, literals);
        values.reverse(); // a rise is what most rules look for
        Some(values)
    }

    /// What a variable is when all goes as expected; several values if nothing is expected of it.
    fn calm(&self, slot: &str) -> Option<Vec<Known>> {
        if let Some(fixed) = self.fixed(slot) {
            return Some(vec![fixed]);
        }
        let now = self.asked_now(slot).map(|question| (question, self.check_in.day));
        let asked = now.or_else(|| self.asked_before(slot.strip_suffix("_previous")?));
        let Some((question, day)) = asked else {
            return self.context.compiled.unanswered(slot).map(|value| vec![value]);
        };
        match question.kind {
            QuestionKind::Level => match self.context.compiled.normal(&question.key, Age(day)) {
                Some(level) => Some(vec![Known::Whole(i32::from(level))]),
                None => Some((0..=10).map(Known::Whole).collect()),
            },
            QuestionKind::Temperature => Some(vec![Known::Decimal(CALM_CELSIUS)]),
            QuestionKind::Multi => Some(vec![Known::Words(Vec::new())]),
            QuestionKind::Flag | QuestionKind::Choice => Some(answers(question, &[], &Literals::default())),
        }
    }

    fn fixed(&self, slot: &str) -> Option<Known> {
        match slot {
            "day" => return Some(Known::Whole(self.check_in.day)),
            "symptom" => return self.symptom.map(|symptom| Known::Word(symptom.to_owned())),
            _ => {}
        }
        let compiled = &self.context.compiled;
        let expected = || compiled.normal(slot.strip_suffix("_expected")?, Age(self.check_in.day));
        compiled.known(slot).or_else(|| expected().map(|level| Known::Whole(i32::from(level))))
    }

    fn asked_now(&self, key: &str) -> Option<&'a Question> {
        self.check_in.asked.contains(key).then(|| self.context.compiled.question(key)).flatten()
    }

    /// A question, and the last earlier day it was asked on.
    fn asked_before(&self, key: &str) -> Option<(&'a Question, i32)> {
        let end = self.context.check_ins.partition_point(|one| one.day < self.check_in.day);
        let mut newest_first = self.context.check_ins.iter().take(end).rev().take_while(|_| self.budget.work(1));
        let day = newest_first.find(|one| one.asked.contains(key))?.day;
        Some((self.context.compiled.question(key)?, day))
    }
}

/// What can be answered, the wild before the calm.
fn answers(question: &Question, signs: &[String], literals: &Literals) -> Vec<Known> {
    match question.kind {
        QuestionKind::Level => (0..=10).rev().map(Known::Whole).collect(),
        QuestionKind::Flag => [true, false].map(Known::Flag).into(),
        QuestionKind::Choice => question.choices.iter().map(|choice| Known::Word(choice.key.clone())).collect(),
        QuestionKind::Temperature => {
            let near = |number: &f64| [number - 0.1, *number, number + 0.1];
            let grid = (0..=30).map(|half| 30.0 + f64::from(half) / 2.0);
            let mut points: Vec<f64> = literals.numbers.iter().flat_map(near).chain(grid).collect();
            points.retain(|point| (30.0..=45.0).contains(point));
            points.sort_by(|a, b| b.total_cmp(a));
            points.dedup();
            points.into_iter().map(Known::Decimal).collect()
        }
        QuestionKind::Multi => {
            let choices: Vec<&str> = if question.key == SIGNS {
                signs.iter().map(String::as_str).collect()
            } else {
                question.choices.iter().map(|choice| choice.key.as_str()).collect()
            };
            lists(&choices, literals)
        }
    }
}

/// Lists of choices: each subset of those an expression names, with none or all of the others (any number, if it counts).
fn lists(choices: &[&str], literals: &Literals) -> Vec<Known> {
    let (named, others): (Vec<&str>, Vec<&str>) =
        choices.iter().partition(|choice| literals.words.iter().any(|word| word == **choice));
    let named: Vec<&str> = named.into_iter().take(MOST_CHOICES).collect();
    let counts: Vec<usize> = if literals.counts { (0..=others.len()).collect() } else { vec![0, others.len()] };
    let mut all: Vec<Vec<String>> = Vec::new();
    for subset in 0_u32..1 << named.len() {
        let chosen = named.iter().enumerate().filter(|(index, _)| subset & (1 << index) != 0).map(|(_, word)| *word);
        let chosen: Vec<&str> = chosen.collect();
        for count in &counts {
            let words = chosen.iter().chain(others.iter().take(*count)).map(|word| (*word).to_owned());
            all.push(words.collect());
        }
    }
    all.dedup();
    all.into_iter().rev().map(Known::Words).collect()
}
