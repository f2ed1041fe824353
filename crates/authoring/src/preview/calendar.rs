//! The patient's calendar: two weeks as a grid, the rest as a list, whom to call on top. A page or two of paper.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::reader::{Reader, filled};
use super::{ClinicWords, variants};
use engine::{Age, Compiled, DayOfPlan, Item, ItemKind, Protocol, Urgency};

/// The days that are drawn as a grid.
const GRID: i32 = 14;
/// The class of what is common.
const COMMON: &str = "common";
/// The class of what is to be read.
pub(super) const READ: &str = "read";
/// The days of a row.
const ROW: i32 = 7;

/// What the page for the patient shows.
#[derive(Debug, Serialize)]
pub(super) struct Calendar {
    pub(super) title: String,
    pub(super) clinic: Option<String>,
    pub(super) treated_on: Option<String>,
    pub(super) variants: Vec<String>,
    pub(super) exclusions: Vec<String>,
    pub(super) numbers: Vec<Number>,
    /// Whether somebody must write a number in by hand.
    pub(super) numbers_missing: bool,
    pub(super) signs: Vec<Signs>,
    pub(super) weeks: Vec<Week>,
    pub(super) later: Vec<Later>,
    pub(super) details: Vec<Detail>,
    /// The titles of what is good to know and not printed.
    pub(super) more: Vec<String>,
}

/// A number to call.
#[derive(Debug, Serialize)]
pub(super) struct Number {
    pub(super) kind: &'static str,
    pub(super) label: &'static str,
    pub(super) number: String,
}

/// The signs of one urgency, under the sentence that says whom to call.
#[derive(Debug, Serialize)]
pub(super) struct Signs {
    pub(super) urgency: &'static str,
    pub(super) call: String,
    pub(super) texts: Vec<String>,
}

/// Seven days, and what is in force on some of them.
#[derive(Debug, Serialize)]
pub(super) struct Week {
    pub(super) number: i32,
    pub(super) days: Vec<Cell>,
    pub(super) bars: Vec<Bar>,
}

/// A day: what comes on that day alone.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) called: String,
    pub(super) day: i32,
    pub(super) lines: Vec<Entry>,
}

/// A line of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) hours: Option<String>,
}

/// What is in force on a run of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    /// The first and the last day in the row, 1 to 7.
    pub(super) from: i32,
    pub(super) to: i32,
    /// Whether it began in a row above.
    #[serde(skip)]
    pub(super) goes_on: bool,
    pub(super) texts: Vec<String>,
    pub(super) until: Option<String>,
    pub(super) longer: Option<String>,
}

/// What comes after the grid, on one day or on neighbouring days that are the same.
#[derive(Debug, Serialize)]
pub(super) struct Later {
    pub(super) week: i32,
    #[serde(skip)]
    pub(super) days: RangeInclusive<i32>,
    pub(super) called: String,
    pub(super) lines: Vec<Entry>,
}

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) text: String,
}

/// Lines that are in force on the same days.
struct Run {
    class: &'static str,
    days: RangeInclusive<i32>,
    hold_to: Option<i32>,
    texts: Vec<String>,
}

/// The calendar of a plan for one treatment.
pub(super) fn calendar(protocol: &Protocol, compiled: &Compiled, clinic: &ClinicWords, reader: &Reader) -> Calendar {
    let drawing = Drawing { compiled, reader };
    let runs = drawing.runs();
    let grid = GRID.min(compiled.horizon_day + 1);
    let numbers = drawing.numbers(clinic);
    let mut calendar = Calendar {
        title: reader.say(&compiled.title),
        clinic: clinic.name.clone(),
        treated_on: reader.treated_on.map(|date| reader.long_with_year(date)),
        variants: variants(protocol, compiled, reader),
        exclusions: compiled.exclusions.iter().map(|one| reader.say(&one.text)).collect(),
        numbers_missing: clinic.phone.is_none() || clinic.emergency.is_none() || clinic.out_of_hours.is_none(),
        numbers,
        signs: [Urgency::Emergency, Urgency::Urgent, Urgency::Soon].map(|urgency| drawing.signs(urgency)).into(),
        weeks: (0..grid).step_by(7).map(|first| drawing.week(first, &runs)).collect(),
        later: drawing.later(&runs),
        details: Vec::new(),
        more: Vec::new(),
    };
    calendar.fill_up(drawing.details());
    calendar
}

/// Draws a plan.
struct Drawing<'a> {
    compiled: &'a Compiled,
    reader: &'a Reader<'a>,
}

impl Drawing<'_> {
    fn numbers(&self, clinic: &ClinicWords) -> Vec<Number> {
        let words = self.reader.words;
        let numbers = [
            ("emergency", words.emergency_number, "emergency_number"),
            ("clinic", words.clinic_phone, "clinic_phone"),
            ("closed", words.out_of_hours, "out_of_hours"),
        ];
        let known = |name| clinic.word(name).or_else(|| words.missing(name)).unwrap_or_default().to_owned();
        numbers.into_iter().map(|(kind, label, name)| Number { kind, label, number: known(name) }).collect()
    }

    fn signs(&self, urgency: Urgency) -> Signs {
        let words = self.reader.words;
        let call = match urgency {
            Urgency::Emergency => words.call_emergency,
            Urgency::Urgent => words.call_urgent,
            Urgency::Soon | Urgency::Note => words.call_soon,
        };
        let signs = self.compiled.signs.iter().filter(|sign| sign.urgency == urgency);
        Signs {
            urgency: urgency.as_str(),
            call: self.reader.fill(call),
            texts: signs.map(|sign| self.reader.say(&sign.text)).collect(),
        }
    }

    /// What is in force on several days in a row, those of the same days together: what to avoid, what to do, what is common.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for item in self.compiled.items.iter().filter(|item| is_for_bars(item)) {
            let class = class(item.kind);
            for days in item.days.ranges().iter().filter(|days| days.start() < days.end()) {
                let is_last = item.days.last() == Some(*days.end());
                let hold_to = item.hold.as_ref().filter(|_| is_last).map(|hold| hold.to_day);
                let text = self.title(item);
                let same = |run: &&mut Run| run.class == class && run.days == *days && run.hold_to == hold_to;
                match runs.iter_mut().find(same) {
                    Some(run) => run.texts.push(text),
                    None => runs.push(Run { class, days: days.clone(), hold_to, texts: vec![text] }),
                }
            }
        }
        runs.sort_by_key(|run| (run.class != "avoid", *run.days.start(), *run.days.end()));
        runs.extend(self.phases());
        runs
    }

    fn phases(&self) -> Vec<Run> {
        let mut runs: Vec<(usize, Run)> = Vec::new();
        for day in 0..=self.compiled.horizon_day {
            let Some(index) = self.compiled.phase_index_on(DayOfPlan(day), Age(day)) else { continue };
            let Some(phase) = self.compiled.phases.get(index) else { continue };
            match runs.last_mut().filter(|(last, run)| *last == index && run.days.end() + 1 == day) {
                Some((_, run)) => run.days = *run.days.start()..=day,
                None => {
                    let texts = vec![self.reader.say(&phase.title), self.reader.say(&phase.common)];
                    runs.push((index, Run { class: COMMON, days: day..=day, hold_to: None, texts }));
                }
            }
        }
        runs.into_iter().map(|(_, run)| run).collect()
    }

    fn week(&self, first: i32, runs: &[Run]) -> Week {
        let last = (first + ROW - 1).min(self.compiled.horizon_day);
        let cell = |day| Cell { called: self.reader.short(day), day, lines: self.entries(day) };
        let mut bars: Vec<Bar> = Vec::new();
        for run in runs.iter().filter(|run| *run.days.start() <= last && *run.days.end() >= first) {
            let bar = self.bar(run, first);
            match bars.iter_mut().find(|other| other.goes_on_as(&bar)) {
                Some(other) => other.texts.extend(bar.texts),
                None => bars.push(bar),
            }
        }
        Week { number: first / ROW + 1, days: (first..=last).map(cell).collect(), bars }
    }

    /// A run in the row of days that begins with `first`. What the row above told is told shorter.
    fn bar(&self, run: &Run, first: i32) -> Bar {
        let (start, end) = (*run.days.start(), *run.days.end());
        let (is_common, goes_on) = (run.class == COMMON, start < first);
        let told = if is_common && goes_on { 1 } else { run.texts.len() };
        let longer = |day| filled(self.reader.words.longer_until, &[("date", &self.reader.long(day))]);
        Bar {
            class: run.class,
            from: (start - first + 1).clamp(1, ROW),
            to: (end - first + 1).clamp(1, ROW),
            goes_on,
            texts: run.texts.iter().take(told).cloned().collect(),
            until: (!is_common).then(|| self.reader.until(end)),
            longer: run.hold_to.filter(|_| !goes_on).map(longer),
        }
    }

    /// What comes on a day and not on its neighbours, and every check-in and photo.
    fn entries(&self, day: i32) -> Vec<Entry> {
        let is_here = |item: &&Item| {
            let alone = item.days.ranges().iter().any(|days| *days.start() == day && *days.end() == day);
            item.days.contains(day) && item.kind != ItemKind::Education && (alone || !is_for_bars(item))
        };
        let mut items: Vec<&Item> = self.compiled.items.iter().filter(is_here).collect();
        items.sort_by_key(|item| !matches!(item.kind, ItemKind::CheckIn));
        let mut entries: Vec<Entry> = items.into_iter().map(|item| self.entry(item)).collect();
        entries.dedup();
        entries
    }

    fn entry(&self, item: &Item) -> Entry {
        let slots = item.slots.iter().filter_map(|slot| self.compiled.slots.get(*slot));
        let hours: Vec<String> = slots.filter_map(|slot| self.reader.hours(slot)).collect();
        let text = match item.kind {
            ItemKind::CheckIn => self.reader.words.check_ins.to_owned(),
            ItemKind::Photo if item.days.only().is_none() => self.reader.words.photos_if_you_like.to_owned(),
            _ => self.title(item),
        };
        // When a photo is taken or a pillow changed is said by its title; a check-in is open only in its hours.
        let hours = (item.kind == ItemKind::CheckIn && !hours.is_empty()).then(|| hours.join(", "));
        Entry { class: class(item.kind), text, hours }
    }

    /// What comes after the grid, by day; neighbouring days that are the same are one.
    fn later(&self, runs: &[Run]) -> Vec<Later> {
        let mut later: Vec<Later> = Vec::new();
        for day in GRID..=self.compiled.horizon_day {
            let starting = runs.iter().filter(|run| *run.days.start() == day);
            let lines: Vec<Entry> = self.entries(day).into_iter().chain(starting.map(|run| self.begins(run))).collect();
            if lines.is_empty() {
                continue;
            }
            match later.last_mut().filter(|last| last.days.end() + 1 == day && last.lines == lines) {
                Some(last) => last.days = *last.days.start()..=day,
                None => {
                    later.push(Later { week: day / ROW + 1, days: day..=day, called: String::new(), lines });
                }
            }
        }
        for one in &mut later {
            one.called = self.called(&one.days);
        }
        later
    }

    /// A run that begins on the day under which it is written.
    fn begins(&self, run: &Run) -> Entry {
        let is_common = run.class == COMMON;
        let until = (!is_common).then(|| self.reader.until(*run.days.end()));
        Entry { class: run.class, text: run.texts.join(if is_common { ": " } else { " · " }), hours: until }
    }

    fn called(&self, days: &RangeInclusive<i32>) -> String {
        if days.start() == days.end() {
            return self.reader.long(*days.start());
        }
        let (from, to) = (self.reader.long(*days.start()), self.reader.long(*days.end()));
        filled(self.reader.words.from_until, &[("from", &from), ("date", &to)])
    }

    /// What lines mean that have more to say than their title, then what is good to know: first what holds on the most days in a
    /// row. Pain relief for two weeks comes before a hint of one day.
    fn details(&self) -> Vec<Detail> {
        let longest = |item: &Item| item.days.ranges().iter().map(|days| days.end() - days.start()).max();
        let is_told =
            |item: &&Item| is_for_bars(item) || (item.kind == ItemKind::Education && !repeats_the_signs(item));
        let mut items: Vec<&Item> = self.compiled.items.iter().filter(is_told).collect();
        items.sort_by_key(|item| match item.kind {
            ItemKind::Restriction => (0, None),
            ItemKind::Education => (2, longest(item).map(std::cmp::Reverse)),
            _ => (1, None),
        });
        let mut details: Vec<Detail> = items.into_iter().filter_map(|item| self.detail(item)).collect();
        details.dedup(); // a review that comes three times is explained once
        details
    }

    fn detail(&self, item: &Item) -> Option<Detail> {
        let text = self.reader.say(item.text.as_ref()?);
        Some(Detail { class: class(item.kind), title: self.title(item), text })
    }

    /// The title, with a star if it is shown while a clinician decides about a reason not to start.
    fn title(&self, item: &Item) -> String {
        let star = if item.even_when_excluded && !self.compiled.exclusions.is_empty() { "* " } else { "" };
        format!("{star}{}", self.reader.say(&item.title))
    }
}

impl Bar {
    /// Whether both began in a row above and end on the same day.
    fn goes_on_as(&self, other: &Self) -> bool {
        let both = self.goes_on && other.goes_on && self.class != COMMON;
        both && (self.class, &self.until) == (other.class, &other.until)
    }
}

/// What to read that names the emergency number says what the signs on top say.
fn repeats_the_signs(item: &Item) -> bool {
    let text = item.text.as_ref().map(|text| text.in_locale(&["en"])).unwrap_or_default();
    text.contains("{emergency_number}")
}

fn is_for_bars(item: &Item) -> bool {
    matches!(item.kind, ItemKind::Restriction | ItemKind::Instruction | ItemKind::Task)
}

fn class(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Restriction => "avoid",
        ItemKind::Instruction | ItemKind::Task => "do",
        ItemKind::CheckIn => "check-in",
        ItemKind::Photo => "photo",
        ItemKind::Education => READ,
    }
}
