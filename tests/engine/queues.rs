//! A phone's queue after days without network: 100,000 of them, duplicated, reordered, cut off, with old forms and wrong clocks.
//! Every entry is accounted for, and every danger sign in it was judged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use aftercare::check_ins::rules::{Accepted, JudgedBy, accept, has_answers};
use aftercare::check_ins::{NewCheckIn, NotUsed};
use aftercare::http::canonical::Digests;
use engine::{Answers, Compiled, Enrolment, Parameters, compile, is_answer, parse};
use ground::ids::OccurrenceId;
use ground::time::Stamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::support::{SMALL, at, enrolment, id, parameters_of, plan_id, zone};

const QUEUES: u64 = 100_000;
const THREADS: usize = 4;
/// Signs that some version of the protocol asks: F6 only the first, F21 only a version that this plan was never on.
const SIGNS: [&str; 4] = ["F1", "F6", "F16", "F21"];

/// The second version: another key for one question, another for one choice, and one sign less.
static SECOND: LazyLock<String> = LazyLock::new(|| {
    let renamed = SMALL.replace("pain", "ache").replace("worse", "no-better");
    let (before, rest) = renamed.split_once("[[sign]]\nkey = \"F6\"").unwrap();
    let (_, after) = rest.split_once("[[sign]]").unwrap();
    format!("{before}[[sign]]{after}").replace("[\\\"F6\\\"]", "[\\\"F16\\\"]")
});
/// A version that was approved and that nobody of this plan had.
static THIRD: LazyLock<String> = LazyLock::new(|| SMALL.replace("\"F16\"", "\"F21\""));

fn version(document: &str) -> Arc<Compiled> {
    let parameters: Parameters = parameters_of(json!({ "needle_depth_mm": 1.0, "cold_sore_history": true }));
    Arc::new(compile(&parse(document).unwrap(), &parameters).unwrap())
}

/// A plan that was moved to the second version from day 4 on.
struct World {
    compiled: Compiled,
    others: Vec<Arc<Compiled>>,
    enrolment: Enrolment,
    zone: TimeZone,
    start: Stamp,
    asked: Vec<OccurrenceId>,
}

impl World {
    fn new() -> Self {
        let (first, second) = (version(SMALL), version(&SECOND));
        Self {
            compiled: Compiled::clone(&second).from_day(4, first),
            others: vec![version(&THIRD)],
            enrolment: enrolment(),
            zone: zone("Europe/London"),
            start: at("2026-05-03T23:00:00Z"),
            asked: [0, 1, 2, 3, 4, 5, 7, 10, 14].map(|day| id("check-in", day, "evening")).to_vec(),
        }
    }

    fn accept(&self, new: &NewCheckIn, earlier: &[Answers], at: Stamp) -> Accepted {
        let by = JudgedBy {
            compiled: &self.compiled,
            enrolment: &self.enrolment,
            zone: &self.zone,
            day_zero_at: self.start,
            earliest: self.start,
            others: &self.others,
            once: None,
            earlier,
            beside: &[],
            is_triaged: true,
        };
        accept(&by, new, at)
    }
}

/// One check-in in a phone's queue.
struct Entry {
    fields: Vec<(&'static str, Value)>,
    answers: Vec<(String, Value)>,
    signs: BTreeSet<&'static str>,
    is_invented: bool,
}

impl Entry {
    fn random(dice: &mut Dice, world: &World, now: Stamp) -> Self {
        let mut answers: Vec<(String, Value)> = Vec::new();
        let mut signs = BTreeSet::new();
        if dice.between(0, 3) == 0 {
            let sign = *dice.one_of(&SIGNS);
            signs.insert(sign);
            answers.push(match dice.between(0, 6) {
                0 => ("signs".to_owned(), json!(sign)),
                1 => ("signs".to_owned(), json!({ sign: true, "F99": false })),
                2 => (sign.to_owned(), json!(true)),
                3 => ("signs".to_owned(), json!([null, "F99", format!(" {sign}"), 7])),
                _ => ("signs".to_owned(), json!(["F99", sign])),
            });
        }
        let odd = [json!(11), json!(-1), json!("7"), json!([1]), json!({}), json!(null), json!(""), json!(1e300)];
        for question in
            ["redness", "pain", "ache", "worried", "trend", "areas", "temperature", "lips", "colour", "\u{0}"]
        {
            let value = match dice.between(0, 20) {
                0 => dice.one_of(&odd).clone(),
                1 => json!(dice.between(0, 11)),
                2 => json!(true),
                3 => json!(*dice.one_of(&["worse", "no-better", "better"])),
                4 => json!(["cheek", *dice.one_of(&["chin", "knee"])]),
                5 => json!({ "value": 101.3, "unit": "F" }),
                _ => continue,
            };
            answers.push((question.to_owned(), value));
        }
        let mut fields = vec![("plan_id", json!(plan_id()))];
        let (occurrence, is_invented) = match dice.between(0, 5) {
            0 => (json!(dice.one_of(&world.asked)), false),
            1 => (json!(id("check-in", dice.between(900, 999), "evening")), true),
            2 => (dice.one_of(&[json!("x"), json!(5), json!(id("wash", 1, "morning"))]).clone(), true),
            3 => (Value::Null, false),
            _ => return Self { fields, answers, signs, is_invented: false }.at(dice, now),
        };
        fields.push(("occurrence_id", occurrence));
        Self { fields, answers, signs, is_invented }.at(dice, now)
    }

    /// With what the phone's clock says.
    fn at(mut self, dice: &mut Dice, now: Stamp) -> Self {
        let said = match dice.between(0, 7) {
            0 => json!(now.plus_seconds(-3_600 * i64::from(dice.between(0, 90)))),
            1 => json!(now.plus_seconds(60 * i64::from(dice.between(1, 60)))),
            2 => json!(now.plus_seconds(86_400 * 365 * i64::from(dice.between(-60, 60)))),
            3 => dice
                .one_of(&[json!("yesterday"), json!(1_777_777_777), json!(""), json!("99999-01-01T00:00:00Z")])
                .clone(),
            4 => Value::Null,
            _ => return self,
        };
        self.fields.push(("answered_at", said));
        self
    }

    /// The body, each time with its keys in another order and its numbers written in another way.
    fn spelled(&self, dice: &mut Dice) -> String {
        let answers = shuffled(dice, &self.answers);
        let answers: Vec<String> = answers.iter().map(|(key, value)| member(key, &respelled(dice, value))).collect();
        let mut fields: Vec<String> = self.fields.iter().map(|(key, value)| member(key, &value.to_string())).collect();
        fields.push(member("answers", &format!("{{{}}}", answers.join(","))));
        format!("{{{}}}", shuffled(dice, &fields).join(", "))
    }

    fn map(&self) -> Map<String, Value> {
        self.answers.iter().cloned().collect()
    }
}

fn member(key: &str, value: &str) -> String {
    format!("{}: {value}", json!(key))
}

fn respelled(dice: &mut Dice, value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_i64() && dice.flip() => format!("{number}.0"),
        Value::Array(members) => {
            let members: Vec<String> = shuffled(dice, members).iter().map(ToString::to_string).collect();
            format!("[{}]", members.join(","))
        }
        other => other.to_string(),
    }
}

fn shuffled<T: Clone>(dice: &mut Dice, all: &[T]) -> Vec<T> {
    let (mut left, mut shuffled) = (all.to_vec(), Vec::new());
    while !left.is_empty() {
        let next = usize::try_from(dice.between(0, i32::try_from(left.len()).unwrap())).unwrap();
        shuffled.push(left.swap_remove(next));
    }
    shuffled
}

/// What the server does with a body, but for the rows.
enum Said {
    Malformed,
    Empty,
    Again,
    New(Box<Accepted>),
}

#[derive(Default)]
struct Server {
    kept: BTreeMap<usize, Vec<u8>>,
    earlier: Vec<Answers>,
}

impl Server {
    fn take(&mut self, world: &World, number: usize, body: &str, at: Stamp) -> Said {
        let Ok(sent) = serde_json::from_str::<NewCheckIn>(body) else { return Said::Malformed };
        let new = sent.meant();
        if !has_answers(&new.answers) {
            return Said::Empty;
        }
        let digests: Digests = new.digests().unwrap();
        if let Some(kept) = self.kept.get(&number) {
            assert!(digests.is_of(kept), "a retry that means the same is another: {body}");
            return Said::Again;
        }
        let accepted = world.accept(&new, &self.earlier, at);
        self.kept.insert(number, digests.meaning);
        self.earlier.push(accepted.answers.clone());
        Said::New(Box::new(accepted))
    }
}

/// The order in which a queue arrives: some entries twice, none in its place.
fn arrivals(dice: &mut Dice, entries: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries).collect();
    for number in 0..entries {
        if dice.between(0, 3) == 0 {
            order.push(number);
        }
    }
    shuffled(dice, &order)
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    entries: usize,
    refused: usize,
    repeated: usize,
    cut: usize,
    signs: usize,
    not_used: usize,
    adjusted: usize,
    placed: usize,
}

impl Counts {
    fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            refused: self.refused + other.refused,
            repeated: self.repeated + other.repeated,
            cut: self.cut + other.cut,
            signs: self.signs + other.signs,
            not_used: self.not_used + other.not_used,
            adjusted: self.adjusted + other.adjusted,
            placed: self.placed + other.placed,
        }
    }
}

fn play(world: &World, seed: u64, counts: &mut Counts) {
    let mut dice = Dice(seed);
    let mut now = world.start.plus_seconds(i64::from(dice.between(36_000, 86_400 * 12)));
    let entries: Vec<Entry> = (0..dice.between(1, 4)).map(|_| Entry::random(&mut dice, world, now)).collect();
    let mut server = Server::default();
    for number in arrivals(&mut dice, entries.len()) {
        let entry = &entries[number];
        now = now.plus_seconds(i64::from(dice.between(0, 5_000)));
        let body = entry.spelled(&mut dice);
        if dice.between(0, 8) == 0 {
            let cut: String = body.chars().take(body.chars().count() / 2).collect();
            assert!(matches!(server.take(world, number, &cut, now), Said::Malformed), "{cut}");
            counts.cut += 1; // the phone sends it again, because it has no answer
        }
        match server.take(world, number, &body, now) {
            Said::Malformed => assert_eq!(body, "", "seed {seed}: refused"),
            Said::Empty => {
                assert!(!entry.answers.iter().any(|(_, value)| is_answer(value)), "seed {seed}: {body}");
                counts.refused += 1;
            }
            Said::Again => counts.repeated += 1,
            Said::New(accepted) => is_accounted_for(entry, &accepted, now, counts),
        }
    }
    let empty = entries.iter().filter(|entry| !has_answers(&entry.map())).count();
    assert_eq!(server.kept.len() + empty, entries.len(), "seed {seed}: nothing is dropped");
    counts.entries += entries.len();
}

fn is_accounted_for(entry: &Entry, accepted: &Accepted, now: Stamp, counts: &mut Counts) {
    let named = |question: &str| accepted.not_used.iter().any(|one: &NotUsed| one.question == question);
    for (question, value) in &entry.answers {
        let shown = question.replace('\u{0}', "\u{fffd}");
        let is_there = accepted.answers.0.contains_key(question) || named(&shown);
        assert_eq!(is_there, is_answer(value), "{question} {value}: {accepted:?}");
    }
    for sign in &entry.signs {
        let found = accepted.findings.iter().any(|finding| finding.rule == *sign);
        assert!(found, "{sign} was not judged: {:?} {accepted:?}", entry.answers);
        counts.signs += 1;
    }
    assert!(!entry.is_invented || (accepted.place.answers.is_none() && named("occurrence_id")), "{accepted:?}");
    assert_eq!(accepted.findings.iter().any(|one| one.rule == "not_used"), !accepted.not_used.is_empty());
    assert!(accepted.answered_at <= now.plus_seconds(300) && accepted.place.day >= 0, "{accepted:?}");
    counts.not_used += accepted.not_used.len();
    counts.adjusted += usize::from(accepted.claimed_at.is_some());
    counts.placed += usize::from(accepted.place.answers.is_some());
}

#[test]
fn a_hundred_thousand_queues_of_phones_lose_no_entry_and_no_danger_sign() {
    let world = World::new();
    let world = &world;
    let part = move |first: u64| {
        let mut counts = Counts::default();
        (first..QUEUES).step_by(THREADS).for_each(|seed| play(world, seed, &mut counts));
        counts
    };
    let parts: Vec<Counts> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..).take(THREADS).map(|first| scope.spawn(move || part(first))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let counts = parts.into_iter().fold(Counts::default(), Counts::and);
    let Counts { entries, refused, repeated, cut, signs, not_used, adjusted, placed } = counts;
    assert!(entries > 150_000 && refused > 300 && repeated > 40_000 && cut > 20_000, "{counts:?}");
    assert!(signs > 50_000 && not_used > 100_000 && adjusted > 40_000 && placed > 10_000, "{counts:?}");
}
