//! Synthetic recoveries with known truth, and what a plan's rules make of them. `bench/README.md` says where the numbers come from.

pub mod answers;
pub mod judge;
pub mod people;
pub mod rng;
pub mod shapes;
pub mod table;
pub mod trouble;

use std::sync::Mutex;

use engine::{Compiled, Parameters, compile, parse};

use judge::{Course, follow};
use people::{Part, Person};
use trouble::Kind;

/// Named sets of parameters of the built-in plans.
const SETS: &str = include_str!("../../protocols/facts/combos.csv");

/// One plan, compiled for each kind of patient who may start it.
pub struct Plan {
    pub key: String,
    pub kinds: Vec<Compiled>,
}

/// People tell nothing from something better than a 4 from a 5: at the ends of the scale an answer keeps half of its noise.
pub const NOISE_AT_ENDS: f64 = 0.5;

/// Who is sent through the plans.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// So many healthy people, and so many with a complication, of each plan.
    pub people: usize,
    pub seed: u64,
    /// One part alone, or all.
    pub part: Option<Part>,
    /// How much of its noise an answer keeps at 0 and at 10.
    pub noise_at_ends: f64,
}

impl Plan {
    /// Reads a document and compiles it for every named set of parameters that nothing excludes.
    pub fn read(document: &str) -> Result<Self, String> {
        let protocol = parse(document).map_err(|defects| format!("{defects:?}"))?;
        let mut kinds = Vec::new();
        for record in csv::Reader::from_reader(SETS.as_bytes()).records() {
            let record = record.map_err(|error| error.to_string())?;
            let (Some(plan), Some(parameters)) = (record.get(0), record.get(2)) else { continue };
            if plan != protocol.key {
                continue;
            }
            let parameters: Parameters = serde_json::from_str(parameters).map_err(|error| error.to_string())?;
            kinds.extend(compile(&protocol, &parameters).ok().filter(|plan| plan.exclusions.is_empty()));
        }
        Ok(Self { key: protocol.key, kinds })
    }

    /// The complications that this plan asks about: no eyes on a plan for the body.
    fn complications(&self) -> Vec<Kind> {
        let asks_eyes = |plan: &Compiled| plan.signs.iter().any(|sign| sign.key == "F5");
        let everyone = self.kinds.iter().all(asks_eyes);
        Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Eye || everyone).collect()
    }

    /// The people of this plan.
    fn people(&self, settings: Settings) -> Vec<Person> {
        let troubles = self.complications();
        let wanted = |person: &Person| settings.part.is_none_or(|part| part == person.part);
        let healthy = (0..settings.people).filter_map(|number| Person::draw(settings, number, None, &self.kinds));
        let ill = (0..settings.people).filter_map(|number| {
            // Each third has every kind alike: the number in its third decides.
            let kind = troubles.get((number / 3) % troubles.len().max(1)).copied();
            Person::draw(settings, number, kind, &self.kinds)
        });
        healthy.chain(ill).filter(wanted).collect()
    }
}

/// Sends everybody through their plan, on two threads; the order is that of the plans and people.
pub fn run(plans: &[Plan], settings: Settings) -> Vec<(String, Vec<Course>)> {
    let waiting: Mutex<Vec<&Plan>> = Mutex::new(plans.iter().rev().collect());
    let done: Mutex<Vec<(String, Vec<Course>)>> = Mutex::new(Vec::new());
    let next = || waiting.lock().ok().and_then(|mut plans| plans.pop());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(plan) = next() {
                    let through = |person: Person| Some(follow(plan.kinds.get(person.set)?, person));
                    let courses: Vec<Course> = plan.people(settings).into_iter().filter_map(through).collect();
                    if let Ok(mut done) = done.lock() {
                        done.push((plan.key.clone(), courses));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by(|(one, _), (other, _)| one.cmp(other));
    done
}
