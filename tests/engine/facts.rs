//! The built-in plans against the tables of `protocols/facts/`, cell by cell and both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use engine::{
    Age, Compiled, DayOfPlan, Days, Grounds, Item, ItemKind, Parameters, Protocol, Rule, Urgency, compile, parse,
};
use regex::Regex;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Restrictions that no row of `avoid.csv` names: plan, item, why.
const OWN_RESTRICTIONS: &[(&str, &str, &str)] = &[];

/// Rows of `avoid.csv` with a condition that no hold can judge: plan, key, why.
const CONDITIONS_WITHOUT_HOLD: &[(&str, &str, &str)] =
    &[("peel-medium", "strong-products", "whether the clinic agrees is said in the text; no question asks it")];

/// Signs that stand in a plan on other days than in `signs.csv`: plan, sign, days, why.
const OTHER_DAYS: &[(&str, &str, &str, &str)] = &[
    ("peel-medium", "F14", "8-14", "P7: any swelling after day 7, because it peaks at 48 h and is common before"),
    ("peel-medium", "F17", "7-365", "to the check-in before a next peel, a year later, which asks the signs too"),
    ("peel-medium", "F18", "14-365", "as F17"),
    ("peel-medium", "F19", "14-365", "as F17"),
    ("laser-afl", "F17", "7-365", "to the end of the plan, which is longer than the sheet's 180 days"),
    ("laser-afl", "F18", "14-365", "as F17"),
    ("laser-afl", "F19", "14-365", "as F17"),
    ("laser-afl", "F21", "1-2", "P9: many, sore or hot ones on days 3-14 are urgent [RSQ], rule F21-sore"),
];

/// Stands for every plan.
const EVERY: &str = "";

/// Parts of a sign that are of another level than `signs.csv` names: plan, part, why.
const OTHER_LEVELS: &[(&str, &str, &str)] = &[
    (
        EVERY,
        "F8-rise",
        "two points are SOON, a note if all is better (deep plans: a note); F8-worse and the R2 rules say when more comes with it",
    ),
    (
        EVERY,
        "F8-high-early",
        "days 2 and 3, when the pain of the treatment itself can be that high: SOON unless it is worse",
    ),
    ("peel-medium", "F10-ooze-slight", "a little in one answer is a note; the sign F10 is URGENT"),
    ("peel-medium", "F10-ooze-early", "before day 2; the sign F10 is URGENT"),
    ("laser-afl", "F10-ooze-slight", "a little in one answer is a note; the sign F10 is URGENT"),
    ("mn-acne-scar", "F14-slight", "days 4 and 5 after long needles [CHU]"),
    ("laser-nafl", "F20-pink", "light pink is common in weeks 2 to 4 [LOS, UQU]"),
    ("laser-afl", "F20-late-slight", "one answer of 3 is a note; still 3 or more at the next is SOON"),
    ("peel-medium", "F8-after-day-4", "a rise of one point is a note; of two it is F8-rise"),
    ("peel-medium", "F14-slight", "one point is a note"),
    ("laser-afl", "F14-slight", "one point is a note"),
    ("laser-nafl", "F14-slight", "one point is a note"),
    ("peel-medium", "F20-slight", "one point is a note"),
    ("peel-medium", "F11-open-skin-early", "raw skin to day 10 is the peel's course [A33]"),
    ("laser-afl", "F11-open-skin-early", "open skin to day 10 is the laser's course"),
    ("mn-scalp", "F10-open-points-early", "open points on days 1 and 2 are common"),
    ("laser-afl", "F21-sore", "P9: many, sore or hot pimples on days 3-14: URGENT [RSQ]"),
];

/// How the conditional adjusts of the plans change a curve: plan, variant, symptom, expected level of a day.
type Adjusted = (&'static str, &'static str, &'static str, fn(usize, u8) -> u8);
const ADJUSTED: &[Adjusted] = &[
    ("mn-face", "shallow", "", |day, level| if day == 0 { level } else { level.saturating_sub(2) }),
    ("peel-superficial", "aha", "dry_peel", |_, level| level.min(2)),
    ("laser-nafl", "off_face", "dry_peel", |day, level| if day < 8 { level } else { level + 1 }),
    ("laser-afl", "off_face", "dry_peel", |day, level| if day < 8 { level } else { level + 1 }),
];

#[derive(Deserialize)]
struct Level {
    plan: String,
    symptom: String,
    day: usize,
    level: u8,
}

#[derive(Deserialize)]
struct Avoid {
    plan: String,
    key: String,
    variant: Option<String>,
    last_avoid_day: i32,
    range: String,
    condition: Option<String>,
    item: String,
}

#[derive(Deserialize)]
struct CheckInDay {
    plan: String,
    day: i32,
}

#[derive(Deserialize)]
struct PhotoDay {
    plan: String,
    day: String,
    variant: Option<String>,
    views: String,
}

#[derive(Deserialize)]
struct SessionsRow {
    plan: String,
    default_sessions: Option<i32>,
    interval_days: Option<i32>,
    min_interval_days: i32,
    gais_days: String,
    range: String,
}

#[derive(Deserialize)]
struct SignRow {
    key: String,
    threshold: String,
    days: String,
    level: String,
    sources: String,
}

#[derive(Deserialize)]
struct Threshold {
    plan: String,
    rule: String,
    first_day: i32,
    when: String,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
struct Combo {
    plan: String,
    name: String,
    parameters: String,
}

macro_rules! table {
    ($name:literal) => {
        rows(include_str!(concat!("../../protocols/facts/", $name, ".csv")))
    };
}

fn rows<Row: DeserializeOwned>(csv: &str) -> Vec<Row> {
    let rows: Vec<Row> = csv::Reader::from_reader(csv.as_bytes()).deserialize().map(Result::unwrap).collect();
    assert!(!rows.is_empty());
    rows
}

/// The named sets of parameters of a plan.
pub fn combos(plan: &str) -> Vec<(String, Parameters)> {
    let rows: Vec<Combo> = table!("combos");
    let of_plan = rows.into_iter().filter(|row| row.plan == plan);
    of_plan.map(|row| (row.name, serde_json::from_str(&row.parameters).unwrap())).collect()
}

/// The built-in plans, read.
pub static PLANS: LazyLock<BTreeMap<String, Protocol>> = LazyLock::new(|| {
    let read = |(_, source): &(&str, &str)| parse(source).unwrap();
    authoring::LIBRARY.iter().map(read).map(|plan| (plan.key.clone(), plan)).collect()
});

/// A plan compiled with each of its named sets.
fn compiled(plan: &Protocol) -> Vec<(String, Compiled)> {
    combos(&plan.key).into_iter().map(|(name, parameters)| (name, compile(plan, &parameters).unwrap())).collect()
}

fn has(plan: &Compiled, variant: Option<&String>) -> bool {
    variant.is_none_or(|variant| plan.variants.contains(variant))
}

fn days(days: &Days) -> BTreeSet<i32> {
    days.iter().collect()
}

fn range(text: &str, horizon: i32) -> BTreeSet<i32> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    (first.parse().unwrap()..=last.parse::<i32>().unwrap().min(horizon)).collect()
}

/// Every statement of a plan that must say where it comes from: what it is, and its grounds.
fn grounds(plan: &Protocol) -> Vec<(String, &Grounds)> {
    let exclusions = plan.exclusions.iter().map(|one| (format!("exclusion {}", one.key), &one.grounds));
    let phases = plan.phases.iter().map(|one| (format!("phase {}", one.key), &one.grounds));
    let curves = plan.curves.iter().map(|one| (format!("curve {}", one.symptom), &one.grounds));
    let adjusts = plan.adjusts.iter().map(|one| (format!("adjust from day {}", one.from_day), &one.grounds));
    let items = plan.items.iter().map(|one| (format!("item {}", one.key), &one.grounds));
    let signs = plan.signs.iter().map(|one| (format!("sign {}", one.key), &one.grounds));
    let rules = plan.rules.iter().map(|one| (format!("rule {}", one.key), &one.grounds));
    let sessions = plan.sessions.iter().map(|one| ("sessions".to_owned(), &one.grounds));
    exclusions
        .chain(phases)
        .chain(curves)
        .chain(adjusts)
        .chain(items)
        .chain(signs)
        .chain(rules)
        .chain(sessions)
        .collect()
}

/// The keys in square brackets of a text, like `[DTQ, CW]`.
fn bracketed(text: &str) -> Vec<&str> {
    let brackets = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    brackets.flat_map(|(keys, _)| keys.split(", ")).collect()
}

/// Holds two sets against each other and says what each has that the other has not.
#[track_caller]
fn same<T: Ord + std::fmt::Debug>(what: &str, plan: BTreeSet<T>, facts: BTreeSet<T>) {
    let only_plan: Vec<&T> = plan.difference(&facts).collect();
    let only_facts: Vec<&T> = facts.difference(&plan).collect();
    assert!(
        only_plan.is_empty() && only_facts.is_empty(),
        "{what}: only in the plan {only_plan:?}; only in the facts {only_facts:?}"
    );
}

#[test]
fn every_named_set_compiles_and_together_they_reach_every_variant() {
    let rows: Vec<Combo> = table!("combos");
    same("plans of combos.csv", rows.into_iter().map(|row| row.plan).collect(), PLANS.keys().cloned().collect());
    for plan in PLANS.values() {
        let sets = compiled(plan);
        let names: BTreeSet<&String> = sets.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), sets.len(), "{}: two sets have one name", plan.key);
        let reached: BTreeSet<&String> = sets.iter().flat_map(|(_, compiled)| &compiled.variants).collect();
        same(&plan.key, reached, plan.variants.iter().map(|variant| &variant.key).collect());
    }
}

#[test]
fn every_cell_of_the_curves() {
    let rows: Vec<Level> = table!("curves");
    let facts: BTreeSet<(String, String, usize, u8)> =
        rows.into_iter().map(|row| (row.plan, row.symptom, row.day, row.level)).collect();
    let cells = PLANS.values().flat_map(|plan| {
        plan.curves.iter().flat_map(move |curve| {
            let cell = move |(day, level): (usize, &u8)| (plan.key.clone(), curve.symptom.clone(), day, *level);
            curve.levels.iter().enumerate().map(cell)
        })
    });
    same("curves.csv", cells.collect(), facts);
}

#[test]
fn adjusts_change_the_curves_as_the_sheet_says() {
    for plan in PLANS.values() {
        for adjust in plan.adjusts.iter().filter(|adjust| adjust.when.is_none()) {
            assert!(adjust.from_day > 14, "{}: a curve is not what curves.csv says", plan.key);
        }
        let conditional = plan.adjusts.iter().filter_map(|adjust| adjust.when.as_ref()).map(|when| when.source());
        let told = ADJUSTED.iter().filter(|(key, ..)| *key == plan.key).map(|(_, variant, ..)| *variant);
        same(&plan.key, conditional.collect(), told.collect());
        for (name, compiled) in compiled(plan) {
            for curve in &plan.curves {
                let change = ADJUSTED.iter().find(|(key, variant, symptom, _)| {
                    *key == plan.key
                        && compiled.variants.iter().any(|one| one == variant)
                        && (symptom.is_empty() || *symptom == curve.symptom)
                });
                for (day, level) in curve.levels.iter().enumerate() {
                    let wanted = change.map_or(*level, |(.., change)| change(day, *level));
                    let expected = {
                        let day = i32::try_from(day).unwrap();
                        compiled.expected(&curve.symptom, DayOfPlan(day), Age(day))
                    };
                    assert_eq!(expected, Some(wanted), "{} {name} {} day {day}", plan.key, curve.symptom);
                }
            }
        }
    }
}

#[test]
fn every_cell_of_what_to_avoid() {
    let rows: Vec<Avoid> = table!("avoid");
    for plan in PLANS.values() {
        let sets = compiled(plan);
        for row in rows.iter().filter(|row| row.plan == plan.key) {
            let at = format!("{} {} {}", row.plan, row.key, row.variant.as_deref().unwrap_or_default());
            let variant =
                plan.variants.iter().map(|variant| &variant.key).find(|key| Some(*key) == row.variant.as_ref());
            assert_eq!(variant, row.variant.as_ref(), "{at}: no such variant");
            let of_row: Vec<&Compiled> =
                sets.iter().map(|(_, compiled)| compiled).filter(|compiled| has(compiled, variant)).collect();
            assert!(!of_row.is_empty(), "{at}: no named set");
            for compiled in of_row {
                let carries = |item: &&Item| item.key == row.item;
                let item = compiled.items.iter().find(carries).unwrap_or_else(|| panic!("{at}: no item {}", row.item));
                check_avoid(&at, row, item);
            }
        }
    }
}

fn check_avoid(at: &str, row: &Avoid, item: &Item) {
    assert_eq!(item.days.last(), Some(row.last_avoid_day), "{at}: last day of {}", item.key);
    assert_eq!(item.days.ranges().len(), 1, "{at}: {} has a gap", item.key);
    let condition = row.condition.as_deref().unwrap_or_default();
    let said = if condition.is_empty() { row.range.clone() } else { format!("{}; {condition}", row.range) };
    assert_eq!(item.range.as_ref(), Some(&said), "{at}: range of {}", item.key);
    let to_do = condition.starts_with("to do, not to avoid");
    assert_eq!(item.kind, if to_do { ItemKind::Task } else { ItemKind::Restriction }, "{at}: {}", item.key);
    if !to_do {
        assert_eq!(item.days.ranges()[0].start(), &0, "{at}: {} starts late", item.key);
    }
    let until_healed = condition.starts_with("and ") || condition.contains("closed");
    let told = CONDITIONS_WITHOUT_HOLD.iter().any(|(plan, key, _)| (*plan, *key) == (&row.plan, &row.key));
    assert_eq!(item.hold.is_some(), until_healed && !told, "{at}: hold of {}", item.key);
}

#[test]
fn every_restriction_of_a_plan_is_a_row_of_what_to_avoid() {
    let rows: Vec<Avoid> = table!("avoid");
    let mut named: BTreeSet<(String, String)> = rows
        .into_iter()
        .filter(|row| !row.condition.as_deref().unwrap_or_default().starts_with("to do"))
        .map(|row| (row.plan, row.item))
        .collect();
    named.extend(OWN_RESTRICTIONS.iter().map(|(plan, item, _)| ((*plan).to_owned(), (*item).to_owned())));
    let restrictions = PLANS.values().flat_map(|plan| {
        let restrictions = plan.items.iter().filter(|item| item.kind == ItemKind::Restriction);
        restrictions.map(|item| (plan.key.clone(), item.key.clone()))
    });
    same("restrictions", restrictions.collect(), named);
}

#[test]
fn every_check_in_day() {
    let rows: Vec<CheckInDay> = table!("check_in_days");
    for plan in PLANS.values() {
        let daily = plan.items.iter().filter(|item| item.kind == ItemKind::CheckIn && item.when.is_none());
        let daily = daily.filter(|item| item.key != "check-in-result" && item.form.as_deref() == Some("daily"));
        let facts = rows.iter().filter(|row| row.plan == plan.key).map(|row| row.day);
        same(&plan.key, daily.flat_map(|item| item.days.iter()).collect(), facts.collect());
    }
}

#[test]
fn the_result_is_asked_on_its_days() {
    let rows: Vec<SessionsRow> = table!("sessions");
    for row in &rows {
        let plan = &PLANS[&row.plan];
        let wanted: BTreeSet<i32> = row.gais_days.split(' ').map(|day| day.parse().unwrap()).collect();
        let question = plan.questions.iter().find(|question| question.key == "gais_skinpen").unwrap();
        assert_eq!(question.scale.as_deref(), Some("GAIS, as in the SkinPen study"), "{}", plan.key);
        same(&row.plan, days(&question.days), wanted.clone());
        let asked: BTreeSet<i32> = plan
            .items
            .iter()
            .filter(|item| item.when.is_none() && item.form.as_deref() == Some("daily"))
            .flat_map(|item| item.days.iter())
            .collect();
        assert!(wanted.is_subset(&asked), "{}: no check-in on a day of the result", row.plan);
    }
}

#[test]
fn every_photo_day_with_its_views() {
    let rows: Vec<PhotoDay> = table!("photo_days");
    for plan in PLANS.values() {
        for (name, compiled) in compiled(plan) {
            let facts = rows.iter().filter(|row| row.plan == plan.key && has(&compiled, row.variant.as_ref()));
            let facts = facts.map(|row| (row.day.clone(), row.views.clone()));
            let photos = compiled.items.iter().filter(|item| item.kind == ItemKind::Photo).flat_map(|item| {
                let before = item.key.starts_with("photo-before");
                let day = move |day: i32| if before { "before".to_owned() } else { day.to_string() };
                item.days.iter().map(move |one| (day(one), item.views.join(" ")))
            });
            same(&format!("{} {name}", plan.key), photos.collect(), facts.collect());
        }
    }
}

#[test]
fn every_cell_of_the_sessions() {
    let rows: Vec<SessionsRow> = table!("sessions");
    same("sessions.csv", PLANS.keys().collect(), rows.iter().map(|row| &row.plan).collect());
    for row in &rows {
        let sessions = PLANS[&row.plan].sessions.as_ref().unwrap();
        assert_eq!(sessions.default, row.default_sessions, "{}", row.plan);
        assert_eq!(sessions.interval_days, row.interval_days.unwrap_or(row.min_interval_days), "{}", row.plan);
        assert_eq!(sessions.min_interval_days, row.min_interval_days, "{}", row.plan);
        assert_eq!(sessions.range.as_ref(), Some(&row.range), "{}", row.plan);
    }
}

/// The signs and rules of a plan that carry a sign of the sheet: key, days, urgency.
fn parts<'a>(plan: &'a Protocol, key: &str) -> Vec<(&'a str, BTreeSet<i32>, Urgency)> {
    let of_key = |part: &str| part == key || part.strip_prefix(key).is_some_and(|rest| rest.starts_with('-'));
    let signs = plan.signs.iter().map(|sign| (sign.key.as_str(), days(&sign.days), sign.urgency));
    // A rule that is a note at first, until more is said, has the level that it then gets.
    let raised = |rule: &Rule| match rule.urgency {
        Urgency::Note => rule.escalate.iter().map(|one| one.urgency).fold(Urgency::Note, Urgency::max),
        urgency => urgency,
    };
    let rules = plan.rules.iter().map(|rule| (rule.key.as_str(), days(&rule.days), raised(rule)));
    signs.chain(rules).filter(|(part, ..)| of_key(part)).collect()
}

/// The levels a text names in capitals, in the order of the text.
fn levels(text: &str) -> Vec<Urgency> {
    let word = Regex::new("EMERGENCY|URGENT|SOON|NOTE").unwrap();
    word.find_iter(text).map(|level| level.as_str().to_lowercase().parse().unwrap()).collect()
}

#[test]
fn every_sign_of_the_sheet_is_in_every_plan() {
    let rows: Vec<SignRow> = table!("signs");
    assert_eq!(rows.len(), 24);
    let cell = Regex::new(r"^(\d+)(?:-(\d+)|(\+))?(?: \(P7, P9: (\d+-\d+)\))?$").unwrap();
    for (row, plan) in rows.iter().flat_map(|row| PLANS.values().map(move |plan| (row, plan))) {
        let at = format!("{} {}", plan.key, row.key);
        let parts = parts(plan, &row.key);
        assert!(!parts.is_empty(), "{at} is missing");
        let named = levels(&[row.level.as_str(), &row.threshold, &row.sources].join(" "));
        let told =
            |part: &str| OTHER_LEVELS.iter().any(|(key, one, _)| (*key == plan.key || *key == EVERY) && *one == part);
        for (part, _, urgency) in parts.iter().filter(|(part, ..)| !told(part)) {
            assert!(named.contains(urgency), "{at}: {part} is {urgency}");
        }
        let level = levels(&row.level).into_iter().max().unwrap();
        let at_level: BTreeSet<i32> =
            parts.iter().filter(|(.., urgency)| *urgency == level).flat_map(|(_, days, _)| days.clone()).collect();
        if row.days == "plan" {
            let late = at_level.range(..14).next().is_some() || at_level.contains(&14);
            assert!(late, "{at}: thresholds.csv holds its first day");
            continue;
        }
        let found = cell.captures(&row.days).unwrap_or_else(|| panic!("days of {}", row.key));
        let healing_longer = ["peel-medium", "laser-afl"].contains(&plan.key.as_str());
        let told = OTHER_DAYS.iter().find(|(key, sign, ..)| (*key, *sign) == (&plan.key, &row.key));
        let wanted = match (told, found.get(4).filter(|_| healing_longer), found.get(2), found.get(3)) {
            (Some((.., days, _)), ..) => range(days, plan.horizon_day),
            (_, Some(days), ..) => range(days.as_str(), plan.horizon_day),
            (.., Some(last), _) => range(&format!("{}-{}", &found[1], last.as_str()), plan.horizon_day),
            (.., None, Some(_)) => range(&format!("{}-{}", &found[1], plan.horizon_day), plan.horizon_day),
            (.., None, None) => range(&found[1], plan.horizon_day),
        };
        same(&at, at_level, wanted);
    }
}

#[test]
fn every_threshold_of_the_rules() {
    let rows: Vec<Threshold> = table!("thresholds");
    for row in &rows {
        let plan = &PLANS[&row.plan];
        let at = format!("{} {}", row.plan, row.rule);
        let rule = plan.rules.iter().find(|rule| rule.key == row.rule).unwrap_or_else(|| panic!("{at} is missing"));
        assert_eq!(rule.when.source(), row.when, "{at}");
        let first = if row.rule == "R2" { Some(plan.r2_start_day) } else { rule.days.iter().next() };
        assert_eq!(first, Some(row.first_day), "{at}: first day");
    }
    for rule in ["R1", "R2", "R3", "F4-temperature", "F8-rise", "F8-high", "F13-itch", "F14-level", "F20"] {
        let named = rows.iter().filter(|row| row.rule == rule).map(|row| &row.plan);
        same(rule, PLANS.keys().collect(), named.collect());
    }
}

#[test]
fn every_key_of_a_source_or_an_assumption_is_known_declared_and_used() {
    let sources: Vec<Key> = table!("sources");
    let assumptions: Vec<Key> = table!("assumptions");
    let sources: BTreeSet<&str> = sources.iter().map(|row| row.key.as_str()).collect();
    let assumptions: BTreeSet<&str> = assumptions.iter().map(|row| row.key.as_str()).collect();
    for plan in PLANS.values() {
        let grounds = grounds(plan);
        let used = |of: fn(&Grounds) -> &Vec<String>| -> BTreeSet<&str> {
            grounds.iter().flat_map(|(_, grounds)| of(grounds)).map(String::as_str).collect()
        };
        let (used_sources, used_assumptions) = (used(|one| &one.sources), used(|one| &one.assumptions));
        same(&format!("{} sources", plan.key), plan.sources.iter().map(String::as_str).collect(), used_sources.clone());
        let declared = plan.assumptions.iter().map(String::as_str).collect();
        same(&format!("{} assumptions", plan.key), declared, used_assumptions.clone());
        assert!(used_sources.is_subset(&sources), "{}: {:?}", plan.key, used_sources.difference(&sources));
        assert!(used_assumptions.is_subset(&assumptions), "{}", plan.key);
    }
}

#[test]
fn every_statement_says_where_it_comes_from() {
    for plan in PLANS.values() {
        for (what, grounds) in grounds(plan) {
            assert!(grounds.sources.len() + grounds.assumptions.len() > 0, "{}: {what} has no grounds", plan.key);
        }
        for item in &plan.items {
            let known: Vec<&String> = item.grounds.sources.iter().chain(&item.grounds.assumptions).collect();
            for key in bracketed(item.range.as_deref().unwrap_or_default()) {
                assert!(known.iter().any(|one| *one == key), "{}: {} speaks of {key}", plan.key, item.key);
            }
        }
    }
}

#[test]
fn every_plan_says_that_a_clinician_must_approve_it() {
    for plan in PLANS.values() {
        let said = |locale: &str| plan.approval.in_locale(&[locale]).to_lowercase();
        let en = said("en");
        assert!(en.contains("a clinician must") && en.contains("approve") && en.contains("before any patient"), "{en}");
        let es = said("es");
        assert!(es.contains("el personal clínico debe") && es.contains("aprobar"), "{es}");
    }
}
