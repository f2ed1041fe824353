//! A plan that was moved to another version of its protocol: each day is as the version that it belongs to has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use engine::{
    Age, CheckInFact, Compiled, Day, DayOfPlan, Effect, Enrolment, Facts, Item, ItemKind, LocalTime, MarkFact,
    MarkState, Schedule, State, Trigger, compile, day, day_number, effect, find, local_instant, next_due,
    occurrence_id, parse, today,
};
use ground::time::Stamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{SMALL, answers, at, enrolment, parameters_of, plan_id, zone};

/// What another version may have different: each is a change of the small plan that leaves the others possible.
const CHANGES: [(&str, &str); 20] = [
    ("horizon_day = 30", "horizon_day = 40"),
    ("when = \"!shallow\"", "when = \"shallow\""),
    (
        "days = [\"0-1\"]\nslot = \"day\"\ntitle = { en = \"Only the gel\"",
        "days = [\"0-4\"]\nslot = \"day\"\ntitle = { en = \"Only gel\"",
    ),
    (
        "days = [\"0-7\"]\nslot = \"day\"\nhold = \"redness > 0\"",
        "days = [\"0-3\"]\nslot = \"day\"\nhold = \"redness > 1\"",
    ),
    ("hold_if_unknown = true\nhold_to_day = 20", "hold_if_unknown = false\nhold_to_day = 25"),
    ("remind = \"19:00\"", "remind = \"20:30\""),
    ("late_until = \"+2 12:00\"", "late_until = \"+4 09:00\""),
    ("opens = \"06:00\"\nremind = \"08:00\"", "opens = \"05:00\"\nremind = \"09:30\""),
    ("slots = [\"morning\", \"evening\"]", "slots = [\"morning\"]"),
    ("days = [\"0-5\", 7, 10, 14]", "days = [\"0-3\", 6, 9, 15]"),
    ("days = [0, 3]", "days = [2, 8]"),
    ("levels = [6, 5, 3, 2, 1, 0]", "levels = [8, 7, 6, 5]"),
    ("key = \"first\"\ndays = [\"0-1\"]", "key = \"first\"\ndays = [\"0-5\"]"),
    ("\"areas\", \"worried\"]", "\"areas\"]"),
    (
        "[[item]]\nkey = \"photo\"",
        "[[item]]\nkey = \"mask\"\nkind = \"task\"\ndays = [\"4-12\"]\nslot = \"evening\"\ntitle = { en = \"Mask\", es = \"Mascarilla\" }\nsources = [\"CW\"]\n\n[[item]]\nkey = \"photo\"",
    ),
    ("opens = \"21:00\"\ncloses = \"+1 07:00\"", "opens = \"22:00\"\ncloses = \"+1 06:00\""),
    (
        "[[slot]]\nkey = \"day\"",
        "[[slot]]\nkey = \"noon\"\nopens = \"12:00\"\ncloses = \"13:00\"\n\n[[slot]]\nkey = \"day\"",
    ),
    ("when = \"missed_in_a_row >= 2\"", "when = \"missed_in_a_row >= 3\""),
    ("en = \"Lukewarm water.\"", "en = \"Cool water.\""),
    (
        "[[rule]]\nkey = \"R6\"",
        "[[rule]]\nkey = \"call\"\non = \"day\"\ndays = [2, 9]\nwhen = \"true\"\nurgency = \"note\"\nadvice = { en = \"We call.\", es = \"Llamamos.\" }\nreason = { en = \"Call.\", es = \"Llamar.\" }\nassumptions = [\"A1\"]\n\n[[rule]]\nkey = \"R6\"",
    ),
];

const ZONES: [&str; 4] = ["Europe/Madrid", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia"];

/// The small plan with the changes whose bit is set.
fn version(bits: u32) -> Arc<Compiled> {
    Arc::new(compiled(&document(bits)))
}

fn document(bits: u32) -> String {
    let chosen = CHANGES.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0);
    chosen.fold(SMALL.to_owned(), |text, (_, (from, to))| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

fn compiled(document: &str) -> Compiled {
    compile(&parse(document).unwrap(), &parameters_of(json!({ "needle_depth_mm": 1.0 }))).unwrap()
}

/// Versions one after another: each with the first day that is not its own any more.
struct Chain {
    versions: Vec<(i32, Arc<Compiled>)>,
    joined: Arc<Compiled>,
}

impl Chain {
    fn of(first: Arc<Compiled>, later: Vec<(i32, Arc<Compiled>)>) -> Self {
        let (mut versions, mut joined, mut own) = (Vec::new(), Arc::clone(&first), first);
        for (day, next) in later {
            versions.push((day, own));
            joined = Arc::new(Compiled::clone(&next).from_day(day, joined));
            own = next;
        }
        versions.push((i32::MAX, own));
        Self { versions, joined }
    }

    fn on(&self, day: i32) -> &Compiled {
        self.versions.iter().find(|(until, _)| day < *until).map(|(_, version)| version.as_ref()).unwrap()
    }

    /// The last day that any version knows of.
    fn last_day(&self) -> i32 {
        self.versions.iter().map(|(_, version)| version.horizon_day).max().unwrap() + 2
    }
}

/// What a day says, without indexes: they are of one plan.
fn said(plan: &Compiled, day: &Day) -> Vec<String> {
    let phase = day.phase.map(|index| plan.phases[index].clone());
    let head = format!("{} {} {phase:?} {}", day.number, day.date, day.valid_until);
    let line = |one: &engine::Occurrence| {
        let (item, slot) = (&plan.items[one.item], &plan.slots[one.slot]);
        format!(
            "{} {} {} {} {} {} {} {} {:?} {:?} {} {:?} {:?} {:?} {:?}",
            one.id,
            item.key,
            one.day,
            slot.key,
            one.state,
            one.opens_at,
            one.closes_at,
            one.late_until,
            one.remind_at,
            one.last_day,
            one.held,
            item.title,
            item.text,
            item.form,
            item.views
        )
    };
    [head].into_iter().chain(day.occurrences.iter().map(line)).collect()
}

/// What a patient has done: marks and answers on some days.
fn recorded(seed: u32) -> (Vec<MarkFact>, Vec<CheckInFact>) {
    let chance =
        |salt: u32| seed.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)).rotate_left(salt) % 3;
    let days = 0..16_u32;
    let marks = days.clone().filter(|day| chance(*day) == 0).map(|day| MarkFact {
        occurrence: occurrence_id(plan_id(), "wash", i32::try_from(day).unwrap(), "morning"),
        state: MarkState::Done,
    });
    let check_ins = days.filter(|day| chance(*day + 16) == 0).map(|day| {
        let number = i32::try_from(day).unwrap();
        let answered_at = at("2026-05-04T18:00:00Z").plus_seconds(i64::from(day) * 86_400);
        CheckInFact {
            occurrence: Some(occurrence_id(plan_id(), "check-in", number, "evening")),
            day: number,
            answered_at,
            answers: answers(json!({ "redness": day % 3, "pain": (day + 1) % 2 })),
        }
    });
    (marks.collect(), check_ins.collect())
}

fn hold_each_day_as_its_version(chain: &Chain, zone: &TimeZone, as_of: Stamp, seed: u32) -> Result<(), TestCaseError> {
    let (marks, check_ins) = recorded(seed);
    let facts = Facts { marks: &marks, check_ins: &check_ins };
    let enrolment = enrolment();
    let joined = &chain.joined;
    for number in -1..=chain.last_day() {
        let own = chain.on(number);
        let shown = said(joined, &day(joined, &enrolment, &facts, zone, as_of, number));
        prop_assert_eq!(shown, said(own, &day(own, &enrolment, &facts, zone, as_of, number)), "day {}", number);
        let phase = |plan: &Compiled| format!("{:?}", plan.phase_on(DayOfPlan(number), Age(number)));
        prop_assert_eq!(phase(joined), phase(own));
        for symptom in ["redness", "pain", "itch"] {
            let expected = |plan: &Compiled| plan.expected(symptom, DayOfPlan(number), Age(number));
            prop_assert_eq!(expected(joined), expected(own));
        }
        let form = |plan: &Compiled| format!("{:?}", plan.form("daily", number));
        prop_assert_eq!(form(joined), form(own), "the form of day {}", number);
    }

    // Today: what can still be answered of earlier days, each as its version has it, and then the day itself.
    let shown = today(joined, &enrolment, &facts, zone, as_of);
    let number = day_number(enrolment.day_zero, zone, as_of);
    let own_day = |number: i32| {
        let own = chain.on(number);
        let own_day = day(own, &enrolment, &facts, zone, as_of, number);
        let said = said(own, &own_day);
        own_day.occurrences.into_iter().zip(said.into_iter().skip(1)).collect::<Vec<_>>()
    };
    let is_late = |(one, _): &(engine::Occurrence, String)| {
        matches!(one.state, State::Open | State::Late) && one.late_until > as_of && !one.held
    };
    let earlier = (number - 9..number).flat_map(own_day).filter(is_late);
    let expected: Vec<String> = earlier.chain(own_day(number)).map(|(_, said)| said).collect();
    prop_assert_eq!(&said(joined, &shown)[1..], expected);
    Ok(())
}

fn find_every_occurrence(chain: &Chain, near: i32) -> Result<(), TestCaseError> {
    let (joined, enrolment) = (&chain.joined, enrolment());
    for number in 0..=chain.last_day() {
        let own = chain.on(number);
        for line in own.planned_on(number) {
            let (item, slot) = (&own.items[line.item], &own.slots[line.slot]);
            let id = occurrence_id(plan_id(), &item.key, number, &slot.key);
            let (found_item, found_day, found_slot) = find(joined, &enrolment, id, near).unwrap();
            let found = format!("{:?} {found_day} {:?}", joined.items[found_item].title, joined.slots[found_slot]);
            prop_assert_eq!(found, format!("{:?} {number} {slot:?}", item.title), "near day {}", near);
        }
    }
    // What only the other version has on a day is not there.
    for (_, version) in &chain.versions {
        for number in 0..=chain.last_day() {
            for line in version.planned_on(number) {
                let (item, slot) = (&version.items[line.item], &version.slots[line.slot]);
                let own = chain.on(number);
                let is_held = |one: &&Item| one.key == item.key && one.hold.is_some();
                let there = own.planned_on(number).iter().any(|line| {
                    (own.items[line.item].key.as_str(), own.slots[line.slot].key.as_str()) == (&item.key, &slot.key)
                });
                if there || own.items.iter().any(|one| is_held(&one)) {
                    continue;
                }
                let id = occurrence_id(plan_id(), &item.key, number, &slot.key);
                prop_assert_eq!(find(joined, &enrolment, id, near), None, "{} on day {}", item.key, number);
            }
        }
    }
    Ok(())
}

/// Every instant at which something can come due, looked for line by line in the version of each day.
fn next_due_by_force(chain: &Chain, enrolment: &Enrolment, zone: &TimeZone, after: Stamp) -> Option<Stamp> {
    let after = after.max(enrolment.enrolled_at);
    let mut all: Vec<Stamp> = Vec::new();
    for number in 0..=chain.last_day() {
        let own = chain.on(number);
        let date = enrolment.day_zero + jiff::Span::new().days(number);
        let listens = own.rules.iter().any(|rule| rule.on == Trigger::Silence);
        for line in own.planned_on(number) {
            let (item, slot) = (&own.items[line.item], &own.slots[line.slot]);
            if matches!(item.kind, ItemKind::Task | ItemKind::Photo | ItemKind::CheckIn) {
                all.extend(slot.remind.map(|remind| local_instant(date, remind, zone)));
            }
            if item.kind == ItemKind::CheckIn && number >= 1 && listens {
                all.push(local_instant(date, slot.closes, zone));
            }
        }
        let has_rule = own.rules.iter().any(|rule| rule.on == Trigger::Day && rule.days.contains(number));
        if has_rule && number >= day_number(enrolment.day_zero, zone, enrolment.enrolled_at) {
            all.push(local_instant(date, LocalTime { days: 0, hour: 8, minute: 0 }, zone));
        }
    }
    all.into_iter().filter(|at| *at > after).min()
}

/// The lines from a day on: the days and slots of each key, and what it says.
fn lines_from(plan: &Compiled, from_day: i32) -> BTreeMap<String, (BTreeSet<i32>, BTreeSet<String>, String)> {
    let mut lines: BTreeMap<String, (BTreeSet<i32>, BTreeSet<String>, String)> = BTreeMap::new();
    for number in from_day.max(0)..=60 {
        for line in plan.planned_on(number) {
            let (item, slot) = (&plan.items[line.item], &plan.slots[line.slot]);
            let hold = item.hold.as_ref().map(|hold| (hold.when.source(), hold.if_unknown, hold.to_day));
            let said = (&item.kind, &item.title, &item.text, &item.form, &item.views, hold);
            let words = format!("{said:?}");
            let known = lines.entry(item.key.clone()).or_insert((BTreeSet::new(), BTreeSet::new(), words));
            known.0.insert(number);
            let reminder = slot.remind.map_or(String::new(), |remind| format!(", reminder {remind}"));
            known.1.insert(format!("{} {}-{}{reminder}", slot.key, slot.opens, slot.closes));
        }
    }
    lines
}

/// `3, 5-7` as days.
fn days_of(schedule: &Schedule) -> BTreeSet<i32> {
    let part = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        from.trim().parse::<i32>().unwrap()..=to.trim().parse::<i32>().unwrap()
    };
    schedule.days.split(',').flat_map(part).collect()
}

type Lines = BTreeMap<String, (BTreeSet<i32>, BTreeSet<String>)>;

fn scheduled<'a>(lines: impl Iterator<Item = (&'a String, &'a Schedule)>) -> Lines {
    lines.map(|(key, when)| (key.clone(), (days_of(when), when.slots.iter().cloned().collect()))).collect()
}

fn tell_each_difference(old: &Compiled, new: &Compiled, from_day: i32) -> Result<(), TestCaseError> {
    let found = effect(old, new, from_day);
    let (before, after) = (lines_from(old, from_day), lines_from(new, from_day));
    let pick =
        |lines: &BTreeMap<String, (BTreeSet<i32>, BTreeSet<String>, String)>, fits: &dyn Fn(&str) -> bool| -> Lines {
            lines
                .iter()
                .filter(|(key, _)| fits(key))
                .map(|(key, line)| (key.clone(), (line.0.clone(), line.1.clone())))
                .collect()
        };
    let moves = |key: &str| {
        before.get(key).zip(after.get(key)).is_some_and(|(one, other)| (&one.0, &one.1) != (&other.0, &other.1))
    };
    prop_assert_eq!(
        scheduled(found.added.iter().map(|one| (&one.key, &one.when))),
        pick(&after, &|key| !before.contains_key(key))
    );
    prop_assert_eq!(
        scheduled(found.removed.iter().map(|one| (&one.key, &one.when))),
        pick(&before, &|key| !after.contains_key(key))
    );
    prop_assert_eq!(scheduled(found.moved.iter().map(|one| (&one.key, &one.from))), pick(&before, &moves));
    prop_assert_eq!(scheduled(found.moved.iter().map(|one| (&one.key, &one.to))), pick(&after, &moves));
    let reworded: Vec<String> = before
        .iter()
        .filter(|(key, line)| after.get(*key).is_some_and(|other| other.2 != line.2) && !moves(key))
        .map(|(key, _)| key.clone())
        .collect();
    prop_assert_eq!(found.reworded, reworded);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_day_is_as_its_version_has_it(
        bits in prop::array::uniform2(0_u32..1 << CHANGES.len()), from_day in 0..45_i32,
        hours in 0..900_i64, place in 0..ZONES.len(), seed: u32,
    ) {
        let chain = Chain::of(version(bits[0]), vec![(from_day, version(bits[1]))]);
        let as_of = at("2026-05-04T11:07:00Z").plus_seconds(hours * 3_600);
        hold_each_day_as_its_version(&chain, &zone(ZONES[place]), as_of, seed)?;
        find_every_occurrence(&chain, from_day)?;
    }

    #[test]
    fn three_versions_one_after_another_keep_their_days(
        bits in prop::array::uniform3(0_u32..1 << CHANGES.len()), first in 0..20_i32, more in 1..20_i32,
        hours in 0..900_i64, place in 0..ZONES.len(), seed: u32,
    ) {
        let chain = Chain::of(version(bits[0]), vec![(first, version(bits[1])), (first + more, version(bits[2]))]);
        let as_of = at("2026-05-04T11:07:00Z").plus_seconds(hours * 3_600);
        hold_each_day_as_its_version(&chain, &zone(ZONES[place]), as_of, seed)?;
        find_every_occurrence(&chain, i32::try_from(hours / 24).unwrap())?;
    }

    #[test]
    fn the_planner_comes_back_when_something_can_be_due(
        bits in prop::array::uniform3(0_u32..1 << CHANGES.len()), first in 0..20_i32, more in 1..20_i32,
        hours in -30..900_i64, place in 0..ZONES.len(),
    ) {
        let chain = Chain::of(version(bits[0]), vec![(first, version(bits[1])), (first + more, version(bits[2]))]);
        let (zone, after) = (zone(ZONES[place]), at("2026-05-04T11:07:00Z").plus_seconds(hours * 3_600));
        prop_assert_eq!(
            next_due(&chain.joined, &enrolment(), &zone, after),
            next_due_by_force(&chain, &enrolment(), &zone, after)
        );
    }

    #[test]
    fn the_effect_of_a_move_is_each_difference_and_no_other(
        bits in prop::array::uniform3(0_u32..1 << CHANGES.len()), first in 1..15_i32, more in 1..15_i32,
    ) {
        let (one, two, three) = (version(bits[0]), version(bits[1]), version(bits[2]));
        for from_day in [-3, 0, first, 31, 41, 60] {
            prop_assert_eq!(effect(&one, &one, from_day), Effect::default());
            tell_each_difference(&one, &two, from_day)?;
        }
        // Of plans that were moved before, and would be again.
        let moved = Chain::of(Arc::clone(&one), vec![(first, Arc::clone(&two))]).joined;
        let again = Chain::of(one, vec![(first, two), (first + more, Arc::clone(&three))]).joined;
        tell_each_difference(&moved, &again, first + more)?;
        prop_assert_eq!(effect(&moved, &again, first + more), effect(&moved, &three, first + more));
        prop_assert_eq!(effect(&moved, &moved, 0), Effect::default());
    }
}

/// The small plan that does not listen for silence.
static DEAF: LazyLock<String> = LazyLock::new(|| {
    let start = SMALL.find("[[rule]]\nkey = \"R6\"").unwrap();
    SMALL[..start].to_owned()
});

#[test]
fn the_last_check_in_of_a_version_that_listens_is_listened_for() {
    let moved = Chain::of(version(0), vec![(4, Arc::new(compiled(&DEAF)))]);
    let madrid = zone("Europe/Madrid");
    let evening = at("2026-05-07T20:00:00Z"); // day 3 in Madrid, after its last reminder
    let midnight = Some(at("2026-05-07T22:00:00Z")); // when its check-in is missed
    assert_eq!(next_due_by_force(&moved, &enrolment(), &madrid, evening), midnight);
    assert_eq!(next_due(&moved.joined, &enrolment(), &madrid, evening), midnight);
}

#[test]
fn every_change_is_a_change_and_all_go_together() {
    for (index, (from, _)) in CHANGES.iter().enumerate() {
        assert_eq!(SMALL.matches(from).count(), 1, "{from}");
        parse(&document(1 << index)).unwrap();
    }
    let (plain, all) = (version(0), version((1 << CHANGES.len()) - 1));
    let changed = effect(&plain, &all, 0);
    assert_eq!(changed.added.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["mask"]);
    assert_eq!(changed.removed.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["pillow"]);
    let moved: Vec<&str> = changed.moved.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(moved, ["check-in", "gel-only", "no-acids", "photo", "wash"]);
    let reworded = effect(&plain, &version(1 << 18), 0);
    assert_eq!(reworded, Effect { reworded: vec!["wash".to_owned()], ..Effect::default() });
}
