//! The kinds of patients a plan tells apart: combinations of parameters, compiled.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::budget::{Budget, JUDGED};
use engine::Parameters;
use engine::Text;
use engine::{Compiled, compile};
use engine::{Condition, Known, Verdict};
use engine::{Grounds, Item, Parameter, Protocol, SIGNS};
use engine::{ItemKind, ParameterKind};

/// The most combinations that are compiled.
const MOST_CONTEXTS: usize = 512;
/// The most values of parameters that are tried together for one condition.
const MOST_VALUES: usize = 20_000;

/// What a line of a plan takes, in units of the budget.
const LINE_KEPT: usize = 8;

/// The combinations a plan tells apart.
pub(super) struct Contexts {
    pub(super) all: Vec<Context>,
    /// Whether these are all of them; otherwise what never happens is not proven.
    pub(super) complete: bool,
}

/// One kind of patient.
pub(super) struct Context {
    pub(super) compiled: Compiled,
    /// Its check-ins, in order.
    pub(super) check_ins: Vec<CheckIn>,
}

/// A check-in of one day.
pub(super) struct CheckIn {
    pub(super) day: i32,
    /// The key of its line.
    pub(super) item: String,
    /// The questions it asks.
    pub(super) asked: BTreeSet<String>,
    /// The signs it asks about.
    pub(super) signs: Vec<String>,
    /// How often it comes on that day.
    pub(super) times: usize,
}

/// Values of some parameters; none means not given.
type Values = BTreeMap<String, Option<Known>>;

impl Contexts {
    pub(super) fn of(protocol: &Protocol, budget: &Budget) -> Self {
        let (groups, mut complete) = groups(protocol, budget);
        let combinations = combined(&groups);
        complete &= combinations.len() == groups.iter().map(Vec::len).fold(1, usize::saturating_mul);
        let lean = lean(protocol);
        let all = combinations.iter().map_while(|values| Context::within(&lean, values, budget)).flatten().collect();
        Self { all, complete }
    }

    /// Whether a condition over parameters and variants holds for a kind of patient.
    pub(super) fn holds(context: &Context, when: Option<&Condition>) -> bool {
        when.is_none_or(|when| when.judge(|name| context.compiled.known(name)) == Verdict::True)
    }
}

impl Contexts {
    /// One of each kind of patient for whom these conditions can read something else.
    pub(super) fn told_apart_by(
        &self,
        conditions: &[&Condition],
        symptoms: &[String],
        budget: &Budget,
    ) -> Vec<&Context> {
        let names = Self::names_of(conditions, symptoms);
        let mut seen = BTreeSet::new();
        let cost = |context: &Context| 1 + context.check_ins.len() * (1 + names.len());
        let in_time = self.all.iter().take_while(|context| budget.work(cost(context)));
        in_time.filter(|context| seen.insert(context.as_read_by(&names))).collect()
    }

    /// What these conditions read of a kind of patient, and these symptoms.
    pub(super) fn names_of<'n>(conditions: &[&'n Condition], symptoms: &'n [String]) -> BTreeSet<&'n str> {
        let mut names: BTreeSet<&str> = symptoms.iter().map(String::as_str).collect();
        for name in conditions.iter().flat_map(|when| when.variables()) {
            names.extend([name.as_str()]);
            names.extend(name.strip_suffix("_previous").or_else(|| name.strip_suffix("_expected")));
        }
        if names.contains("previous_signs") {
            names.insert(SIGNS);
        }
        names
    }
}

impl Context {
    /// What of a kind of patient these names can show: what is asked when, what is expected, what is fixed.
    pub(super) fn as_read_by<'c>(&'c self, names: &BTreeSet<&str>) -> impl Ord + use<'c> {
        let on = |one: &CheckIn| names.iter().map(|name| one.asked.contains(*name)).collect::<Vec<bool>>();
        let signs = |one: &'c CheckIn| names.contains(SIGNS).then_some(one.signs.as_slice());
        let asked: Vec<_> = self.check_ins.iter().map(|one| (one.day, on(one), signs(one))).collect();
        let expected: Vec<_> = names.iter().map(|name| self.compiled.curves.get(*name)).collect();
        let fixed: Vec<_> = names.iter().filter_map(|name| self.compiled.known(name)).collect();
        (asked, expected, format!("{fixed:?}"))
    }

    /// The kind of patient, if values make one; `None` if there is no room for it.
    fn within(protocol: &Protocol, values: &Values, budget: &Budget) -> Option<Option<Self>> {
        let lines = protocol.items.len() + protocol.signs.len() + protocol.questions.len() + protocol.phases.len();
        if !budget.work(lines) || !budget.keep(LINE_KEPT * lines) {
            return None;
        }
        Some(Self::of(protocol, values)).filter(|context| {
            let check_ins = context.iter().flat_map(|context| &context.check_ins);
            let kept: usize = check_ins.map(|check_in| 2 + check_in.asked.len() + check_in.signs.len()).sum();
            budget.work(kept) && budget.keep(kept)
        })
    }

    fn of(protocol: &Protocol, values: &Values) -> Option<Self> {
        let mut given: BTreeMap<String, Json> = BTreeMap::new();
        for parameter in &protocol.parameters {
            let value = match values.get(&parameter.key) {
                Some(value) => value.clone(),
                None if parameter.required => samples(parameter, &[]).into_iter().next().flatten(),
                None => None,
            };
            given.extend(value.map(|value| (parameter.key.clone(), value.to_json())));
        }
        let compiled = compile(protocol, &Parameters(given)).ok()?.without_days();
        let mut check_ins: Vec<CheckIn> = Vec::new();
        for item in compiled.items.iter().filter(|item| item.kind == ItemKind::CheckIn) {
            check_ins.extend(item.days.iter().map(|day| CheckIn::of(&compiled, item, day)));
        }
        check_ins.sort_by_key(|check_in| check_in.day);
        Some(Self { compiled, check_ins })
    }

    /// The names of its variants, for people.
    pub(super) fn name(&self) -> String {
        match self.compiled.variants.as_slice() {
            [] => "no variant".to_owned(),
            variants => variants.join(" + "),
        }
    }
}

impl CheckIn {
    fn of(compiled: &Compiled, item: &Item, day: i32) -> Self {
        let form = compiled.forms.iter().find(|form| item.form.as_deref() == Some(form.key.as_str()));
        let questions = form.into_iter().flat_map(|form| &form.questions).filter_map(|key| compiled.question(key));
        let asked: BTreeSet<String> =
            questions.filter(|question| question.days.contains(day)).map(|question| question.key.clone()).collect();
        let signs = compiled.signs.iter().filter(|sign| asked.contains(SIGNS) && sign.days.contains(day));
        Self {
            day,
            item: item.key.clone(),
            signs: signs.map(|sign| sign.key.clone()).collect(),
            times: item.slots.len(),
            asked,
        }
    }
}

/// The same without what only people read, and without rules: they are the same for everybody.
fn lean(protocol: &Protocol) -> Protocol {
    let mut lean = protocol.clone();
    lean.rules.clear();
    lean.exclusions.clear();
    for phase in &mut lean.phases {
        (phase.title, phase.common, phase.advice) = Default::default();
        phase.grounds = Grounds::default();
    }
    for item in &mut lean.items {
        (item.title, item.text, item.range) = Default::default();
        item.timed.iter_mut().for_each(|timed| (timed.title, timed.text) = Default::default());
        item.grounds = Grounds::default();
    }
    for question in &mut lean.questions {
        (question.text, question.hint) = Default::default();
        question.choices.iter_mut().for_each(|choice| choice.label = Text::default());
    }
    for sign in &mut lean.signs {
        (sign.text, sign.advice, sign.escalate) = Default::default();
        sign.grounds = Grounds::default();
    }
    lean
}

/// Groups of parameters that are read together, each with one set of values for every outcome it can have.
fn groups(protocol: &Protocol, budget: &Budget) -> (Vec<Vec<Values>>, bool) {
    let variants = protocol.variants.iter().map(|variant| &variant.when);
    let lines = plan_conditions(protocol).into_iter().filter(|when| reads_parameter(protocol, when));
    let atoms: Vec<(&Condition, BTreeSet<&str>)> =
        variants.chain(lines).map(|when| (when, parameters_of(protocol, when))).collect();
    // A condition over answers cannot be decided here: of the parameters it reads itself, every value counts.
    let kept: BTreeSet<&str> = answer_conditions(protocol)
        .into_iter()
        .flat_map(Condition::variables)
        .filter(|name| is_parameter(protocol, name))
        .map(String::as_str)
        .collect();
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for names in atoms.iter().map(|(_, names)| names.clone()).chain(kept.iter().map(|name| BTreeSet::from([*name]))) {
        let (touched, mut others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group: &BTreeSet<&str>| !group.is_disjoint(&names));
        others.push(touched.into_iter().flatten().chain(names).collect());
        groups = others;
    }
    groups.retain(|group| !group.is_empty());
    let mut complete = true;
    let outcomes = |group: BTreeSet<&str>| {
        let (all, whole) = products(protocol, &group, budget);
        complete &= whole;
        let inside: Vec<&Condition> =
            atoms.iter().filter(|(_, names)| names.is_subset(&group)).map(|(when, _)| *when).collect();
        let outcome = |values: &Values| {
            let verdicts: Vec<Verdict> = inside.iter().map(|when| judge(protocol, when, values)).collect();
            let kept: Vec<_> = values.iter().filter(|(name, _)| kept.contains(name.as_str())).collect();
            format!("{verdicts:?} {kept:?}")
        };
        let mut seen = BTreeSet::new();
        let in_time = all.into_iter().take_while(|_| budget.work(JUDGED * (1 + inside.len())));
        in_time.filter(|values| seen.insert(outcome(values))).collect()
    };
    let outcomes = groups.into_iter().map(outcomes).collect();
    (outcomes, complete)
}

/// One of each group: all combinations, or if they are too many those that differ from the first in at most two groups.
fn combined(groups: &[Vec<Values>]) -> Vec<Values> {
    let merged = |chosen: &[usize]| -> Values {
        let of_group = |(group, index): (&Vec<Values>, &usize)| group.get(*index).cloned().unwrap_or_default();
        groups.iter().zip(chosen).flat_map(of_group).collect()
    };
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    let all = sizes.iter().copied().fold(1, usize::saturating_mul);
    let differing = |chosen: &[usize]| chosen.iter().filter(|index| **index > 0).count();
    let mut combinations = Vec::new();
    let most_differing = if all <= MOST_CONTEXTS { sizes.len() } else { 2 };
    let mut chosen = vec![0; sizes.len()];
    loop {
        combinations.push(merged(&chosen));
        if combinations.len() >= MOST_CONTEXTS {
            return combinations;
        }
        loop {
            if !next(&mut chosen, &sizes) {
                return combinations;
            }
            if differing(&chosen) <= most_differing {
                break;
            }
        }
    }
}

/// The next combination; false after the last.
pub(super) fn next(chosen: &mut [usize], sizes: &[usize]) -> bool {
    for (index, size) in chosen.iter_mut().zip(sizes) {
        *index += 1;
        if *index < *size {
            return true;
        }
        *index = 0;
    }
    false
}

/// All values of some parameters together, and whether none was left out.
fn products(protocol: &Protocol, names: &BTreeSet<&str>, budget: &Budget) -> (Vec<Values>, bool) {
    let conditions = all_conditions(protocol);
    let choices: Vec<(&str, Vec<Option<Known>>)> = protocol
        .parameters
        .iter()
        .filter(|parameter| names.contains(parameter.key.as_str()))
        .map(|parameter| {
            let reading = conditions.iter().filter(|when| when.variables().contains(&parameter.key));
            let numbers: Vec<f64> = reading.flat_map(|when| when.literals().numbers.iter().copied()).collect();
            (parameter.key.as_str(), samples(parameter, &numbers))
        })
        .collect();
    let sizes: Vec<usize> = choices.iter().map(|(_, values)| values.len()).collect();
    let mut chosen = vec![0; sizes.len()];
    let mut all = Vec::new();
    loop {
        let value = |((name, values), index): (&(&str, Vec<Option<Known>>), &usize)| {
            ((*name).to_owned(), values.get(*index).cloned().flatten())
        };
        all.push(choices.iter().zip(&chosen).map(value).collect());
        if !next(&mut chosen, &sizes) {
            return (all, true);
        }
        if all.len() >= MOST_VALUES || !budget.work(JUDGED) {
            return (all, false);
        }
    }
}

/// Values of a parameter that reach both sides of each number it is compared with; the plainest first.
fn samples(parameter: &Parameter, numbers: &[f64]) -> Vec<Option<Known>> {
    let mut values: Vec<Option<Known>> = match parameter.kind {
        ParameterKind::Flag => [false, true].map(|flag| Some(Known::Flag(flag))).into(),
        ParameterKind::Choice => parameter.choices.iter().map(|choice| Some(Known::Word(choice.clone()))).collect(),
        ParameterKind::Decimal => {
            let (min, max) = (parameter.min.unwrap_or_default(), parameter.max.unwrap_or_default());
            let inside = numbers.iter().copied().filter(|number| (min..=max).contains(number));
            let mut points: Vec<f64> = inside.chain([min, max]).collect();
            points.sort_by(f64::total_cmp);
            points.dedup();
            let between: Vec<f64> =
                points.windows(2).filter_map(|pair| Some((pair.first()? + pair.last()?) / 2.0)).collect();
            points.extend(between);
            points.into_iter().map(|number| Some(Known::Decimal(number))).collect()
        }
    };
    match &parameter.default {
        Some(default) => {
            values.retain(|value| value.as_ref() != Some(default));
            values.insert(0, Some(default.clone()));
        }
        None if !parameter.required => values.push(None),
        None => {}
    }
    values
}

/// Judges a condition over parameters and variants.
fn judge(protocol: &Protocol, when: &Condition, values: &Values) -> Verdict {
    when.judge(|name| {
        if let Some(value) = values.get(name) {
            return value.clone();
        }
        let variant = protocol.variants.iter().find(|variant| variant.key == name)?;
        match judge(protocol, &variant.when, values) {
            Verdict::Unknown | Verdict::Failed => None,
            verdict => Some(Known::Flag(verdict == Verdict::True)),
        }
    })
}

/// What a condition over parameters and variants can be: whether it holds for somebody, and whether it does not.
pub(super) fn outcomes(protocol: &Protocol, when: &Condition, budget: &Budget) -> Option<(bool, bool)> {
    let (all, complete) = products(protocol, &parameters_of(protocol, when), budget);
    let holds = all.iter().any(|values| judge(protocol, when, values) == Verdict::True);
    let fails = all.iter().any(|values| judge(protocol, when, values) != Verdict::True);
    (complete || (holds && fails)).then_some((holds, fails))
}

fn is_parameter(protocol: &Protocol, name: &str) -> bool {
    protocol.parameters.iter().any(|parameter| parameter.key == name)
}

fn reads_parameter(protocol: &Protocol, when: &Condition) -> bool {
    when.variables().iter().any(|name| is_parameter(protocol, name))
}

/// The parameters a condition depends on, itself and through variants.
fn parameters_of<'p>(protocol: &'p Protocol, when: &'p Condition) -> BTreeSet<&'p str> {
    let variant = |name: &String| protocol.variants.iter().find(|variant| variant.key == *name);
    let through = when.variables().iter().filter_map(variant).flat_map(|variant| variant.when.variables());
    let names = when.variables().iter().chain(through);
    names.filter(|name| is_parameter(protocol, name)).map(String::as_str).collect()
}

/// The conditions that are decided when a plan is compiled, variants and exclusions aside.
pub(super) fn plan_conditions(protocol: &Protocol) -> Vec<&Condition> {
    let phases = protocol.phases.iter().filter_map(|phase| phase.when.as_ref());
    let adjusts = protocol.adjusts.iter().filter_map(|adjust| adjust.when.as_ref());
    let items = protocol.items.iter().filter_map(|item| item.when.as_ref());
    let questions = protocol.questions.iter().filter_map(|question| question.when.as_ref());
    let signs = protocol.signs.iter().filter_map(|sign| sign.when.as_ref());
    phases.chain(adjusts).chain(items).chain(questions).chain(signs).collect()
}

/// The conditions that also read answers, silence or the day.
pub(super) fn answer_conditions(protocol: &Protocol) -> Vec<&Condition> {
    let holds = protocol.items.iter().filter_map(|item| item.hold.as_ref()).map(|hold| &hold.when);
    let signs = protocol.signs.iter().flat_map(|sign| &sign.escalate).map(|escalation| &escalation.when);
    let rules = protocol.rules.iter().map(|rule| &rule.when);
    let escalations = protocol.rules.iter().flat_map(|rule| &rule.escalate).map(|escalation| &escalation.when);
    holds.chain(signs).chain(rules).chain(escalations).collect()
}

/// Every name of a question that something reads: rules and what they are judged for, holds, escalations of rules and signs. Signs are
/// read by themselves.
pub(super) fn read_names(protocol: &Protocol) -> BTreeSet<&str> {
    let variables = answer_conditions(protocol).into_iter().flat_map(Condition::variables).map(String::as_str);
    let names = variables.flat_map(|name| [Some(name), name.strip_suffix("_previous")]).flatten();
    names.chain(protocol.rules.iter().flat_map(|rule| &rule.for_each).map(String::as_str)).chain([SIGNS]).collect()
}

/// Every condition of a protocol.
pub(super) fn all_conditions(protocol: &Protocol) -> Vec<&Condition> {
    let variants = protocol.variants.iter().map(|variant| &variant.when);
    let exclusions = protocol.exclusions.iter().map(|exclusion| &exclusion.when);
    let others = plan_conditions(protocol).into_iter().chain(answer_conditions(protocol));
    variants.chain(exclusions).chain(others).collect()
}
