//! Plays the plan: its days as Today shows them, for each kind of patient who says nothing, heals exactly as the curve says, is not
//! ready, or is enrolled late. No day may forbid and ask for the same thing.

use std::collections::{BTreeMap, BTreeSet};

use super::budget::Budget;
use super::contexts::Contexts;
use super::days::last_day;
use super::persons::{Part, Person, persons};
use super::{Linter, days};
use engine::{Day, Occurrence};
use engine::{DefectCode, Item};
use engine::{ItemKind, State};

/// What a line of a day costs that the engine computes.
const LINE_COMPUTED: usize = 16;
/// So many pairs of lines are named.
const MOST_PAIRS: usize = 100;
/// A word of a key that is shorter says nothing about what its line is about.
const SHORTEST_WORD: usize = 4;

/// What the play has found.
struct Play<'b> {
    budget: &'b Budget,
    /// Each pair of lines once: the earlier of them in the document first.
    pairs: BTreeSet<(String, String)>,
    found: Vec<Found>,
    /// Lines that a hold hides on all of their days from whoever heals as expected, each with the first kind of patient.
    hidden: BTreeMap<String, String>,
}

/// Two lines of a day that cannot both be followed.
struct Found {
    keys: (String, String),
    day: i32,
    who: String,
    is_end: bool,
}

impl Linter<'_, '_> {
    /// Names the days that say two things, and the lines that no day shows to whoever heals as expected.
    pub(super) fn played(&self) {
        let items = self.about_one_thing();
        let keys: BTreeSet<&str> = items.iter().map(|item| item.key.as_str()).collect();
        let holds: Vec<_> = items.iter().filter_map(|item| Some(&item.hold.as_ref()?.when)).collect();
        let names = Contexts::names_of(&holds, &[]);
        let mut play = Play { budget: self.budget, pairs: BTreeSet::new(), found: Vec::new(), hidden: BTreeMap::new() };
        let mut seen = BTreeSet::new();
        for context in self.patients() {
            let present: Vec<&str> =
                context.compiled.items.iter().map(|item| item.key.as_str()).filter(|key| keys.contains(key)).collect();
            if !present.is_empty() && seen.insert((present, context.as_read_by(&names))) {
                play.patient(&Part::of(context, &keys), &persons(context, &holds), &context.name());
            }
        }
        for found in &play.found {
            self.add_found(found);
        }
        for (key, who) in &play.hidden {
            self.add_hidden(key, who);
        }
        self.starts_have_a_meaning();
    }

    /// The lines whose meaning one restriction at least has, and another line too.
    fn about_one_thing(&self) -> Vec<&Item> {
        let mut by_meaning: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
        for item in &self.protocol.items {
            let matters = item.kind == ItemKind::Restriction || item.kind.tells_to_do();
            if let Some(meaning) = item.meaning.as_deref().filter(|_| matters) {
                by_meaning.entry(meaning).or_default().push(item);
            }
        }
        by_meaning.retain(|_, items| items.len() > 1 && items.iter().any(|item| item.kind == ItemKind::Restriction));
        by_meaning.into_values().flatten().collect()
    }

    fn path_of(&self, key: &str) -> String {
        let index = self.protocol.items.iter().position(|item| item.key == key).unwrap_or_default();
        format!("item[{index}].days")
    }

    fn add_found(&self, found: &Found) {
        let Found { keys: (first, second), day, who, is_end } = found;
        let (problem, fix) = if *is_end {
            let problem = format!(
                "on day {day}, for a patient {who}, `{first}` and `{second}` forbid the same thing and name different last days"
            );
            (problem, "give both the same days and the same hold, or keep one of them")
        } else {
            let problem = format!(
                "on day {day}, for a patient {who}, `{second}` asks for what `{first}` forbids at the same time"
            );
            (
                problem,
                "give them windows and days that do not meet, or different meanings; a task that comes too late needs `late_enrolment = \"skip\"`",
            )
        };
        self.places.add(&self.path_of(second), DefectCode::DaySaysTwoThings, problem, fix);
    }

    fn add_hidden(&self, key: &str, who: &str) {
        let Some(item) = self.protocol.items.iter().find(|item| item.key == key) else { return };
        let (first, last) = (item.days.iter().next().unwrap_or_default(), item.days.last().unwrap_or_default());
        let by = self.protocol.items.iter().find(|other| other.hold.is_some() && other.meaning == item.meaning);
        let by = by.map(|other| other.key.as_str()).unwrap_or_default();
        let problem = format!(
            "`{key}` is never shown to a patient who heals exactly as the curve ({who}): `{by}` still forbids it on {}",
            days::days(first, last)
        );
        let fix = format!("lengthen its `days` beyond the check-in that ends the hold of `{by}`, or mend the hold");
        self.places.add(&self.path_of(key), DefectCode::LineNeverShown, problem, fix);
    }

    /// A line that starts while a hold can still keep on what has the same name: without a meaning nothing keeps them apart.
    fn starts_have_a_meaning(&self) {
        let held = self.protocol.items.iter().filter_map(|item| Some((item, item.hold.as_ref()?, item.days.last()?)));
        for (restriction, hold, last) in held {
            let starts = self.protocol.items.iter().filter(|item| item.kind.tells_to_do());
            let unsaid = starts.filter(|item| item.meaning.is_none() || restriction.meaning.is_none());
            for line in unsaid.filter(|line| shares_a_word(restriction, line)) {
                let Some(day) = line.days.iter().next().filter(|day| (last + 1..=hold.to_day).contains(day)) else {
                    continue;
                };
                let problem = format!(
                    "`{}` starts on day {day}, and the answers can keep `{}` in force until day {}: for a patient who is not ready both would stand there",
                    line.key, restriction.key, hold.to_day
                );
                let fix = "give both the same `meaning`, so that the restriction counts; or a `meaning` of its own to each if they are about different things";
                self.places.add(&self.path_of(&line.key), DefectCode::HoldWithoutMeaning, problem, fix);
            }
        }
    }
}

/// Whether the names of two lines say that they are about the same thing.
fn shares_a_word(a: &Item, b: &Item) -> bool {
    let words = |item: &Item| -> BTreeSet<String> {
        let words = item.key.split('-').chain(item.meaning.iter().flat_map(|meaning| meaning.split('-')));
        words.filter(|word| word.len() >= SHORTEST_WORD).map(str::to_owned).collect()
    };
    !words(a).is_disjoint(&words(b))
}

impl Play<'_> {
    fn is_over(&self) -> bool {
        self.budget.is_spent() || self.found.len() >= MOST_PAIRS
    }

    /// Every person of one kind of patient.
    fn patient(&mut self, part: &Part, persons: &[Person], name: &str) {
        let mut shown = BTreeSet::new();
        for person in persons {
            self.person(part, person, name, &mut shown);
        }
        self.late(part, name);
        if self.is_over() {
            return; // not every day was seen
        }
        let items = part.plan.items.iter().filter(|item| part.may_be_held_off(item) && !shown.contains(&item.key));
        for item in items {
            self.hidden.entry(item.key.clone()).or_insert_with(|| name.to_owned());
        }
    }

    /// Every day of a patient, before and after the check-ins of the day.
    fn person(&mut self, part: &Part, person: &Person, name: &str, shown: &mut BTreeSet<String>) {
        for number in 0..=part.last_day {
            let before = person.said_before(number);
            let mut days = vec![before];
            days.extend(Some(person.said_before(number + 1)).filter(|said| said.len() > before.len()));
            for said in days {
                if self.is_over() {
                    return;
                }
                let day = part.day(number, None, said);
                self.day(part, &day, || format!("{} ({name})", person.who));
                if person.heals {
                    let keys = day.occurrences.iter().filter_map(|one| part.plan.items.get(one.item));
                    shown.extend(keys.map(|item| item.key.clone()));
                }
            }
        }
    }

    /// The days on which somebody who was enrolled late catches up on what comes once.
    fn late(&mut self, part: &Part, name: &str) {
        let once = part.plan.items.iter().filter(|item| item.caught_up().is_some());
        let Some(first) = once.filter_map(|item| item.days.only()).min() else { return };
        for enrolled in first + 1..=part.last_day {
            for number in [enrolled, enrolled + 1] {
                if self.is_over() {
                    return;
                }
                let day = part.day(number, Some(enrolled), &[]);
                self.day(part, &day, || format!("who is enrolled on day {enrolled} ({name})"));
            }
        }
    }

    fn day(&mut self, part: &Part, day: &Day, who: impl Fn() -> String) {
        self.budget.work(LINE_COMPUTED * part.cost());
        let mut by_meaning: BTreeMap<&str, Vec<(&Item, &Occurrence)>> = BTreeMap::new();
        for one in day.occurrences.iter().filter(|one| matches!(one.state, State::Upcoming | State::Open)) {
            let Some(item) = part.plan.items.get(one.item) else { continue };
            by_meaning.entry(item.meaning.as_deref().unwrap_or_default()).or_default().push((item, one));
        }
        for lines in by_meaning.values().filter(|lines| lines.len() > 1) {
            self.budget.work(lines.len().saturating_mul(lines.len()));
            let rules = lines.iter().filter(|(item, _)| item.kind == ItemKind::Restriction);
            for (rule, ruling) in rules {
                for (line, one) in lines {
                    let is_end = line.kind == ItemKind::Restriction;
                    let differs = if is_end {
                        ends_differ((rule, ruling), (line, one))
                    } else {
                        meet((rule, ruling), (line, one))
                    };
                    if differs && !self.is_over() {
                        self.add((rule, line), day.number, &who, is_end);
                    }
                }
            }
        }
    }

    fn add(&mut self, (rule, line): (&Item, &Item), day: i32, who: impl Fn() -> String, is_end: bool) {
        let keys = (rule.key.clone(), line.key.clone());
        let turned = (keys.1.clone(), keys.0.clone());
        if !self.pairs.contains(&turned) && self.pairs.insert(keys.clone()) {
            self.found.push(Found { keys, day, who: who(), is_end });
        }
    }
}

type Shown<'s> = (&'s Item, &'s Occurrence);

/// Whether a restriction is in force while a line asks. Lines that are planned on a common day are told as that.
fn meet((rule, ruling): Shown, (line, one): Shown) -> bool {
    let is_told = || rule.days.iter().any(|day| line.days.contains(day));
    ruling.opens_at < one.closes_at && one.opens_at < ruling.closes_at && !is_told()
}

/// Whether two restrictions name different last days, though they may last equally long.
fn ends_differ((a, one): Shown, (b, other): Shown) -> bool {
    a.key != b.key && last_day(a) == last_day(b) && one.day == other.day && one.last_day != other.last_day
}
