//! What the core costs: compiling a plan, the day of a patient, triage of a check-in, a whole course. Run with `cargo bench --bench engine`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark may fail loudly")]

use std::hint::black_box;

use authoring::{Script, simulate};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::{
    Age, Answers, CheckInFact, Compiled, Day, DayOfPlan, Enrolment, Facts, Line, MarkFact, MarkState, Parameters,
    PlanStatus, Source, TriageInput, compile, merge, next_due, parse, set_aside, today, triage,
};
use ground::ids::PlanId;
use ground::time::Stamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{from_value, json};
use uuid::Uuid;

const FACE: &str = include_str!("../../../protocols/mn-face.toml");
const SCALP: &str = include_str!("../../../protocols/mn-scalp.toml");

fn parameters() -> Parameters {
    from_value(json!({ "needle_depth_mm": 1.0, "skin_type": "IV", "cold_sore_history": true })).unwrap()
}

fn plan() -> Compiled {
    compile(&parse(FACE).unwrap(), &parameters()).unwrap()
}

fn at(text: &str) -> Stamp {
    Stamp::from(text.parse::<jiff::Timestamp>().unwrap())
}

fn enrolment() -> Enrolment {
    let plan = PlanId::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
    Enrolment {
        plan,
        performed_at: None,
        day_zero: date(2026, 5, 4),
        enrolled_at: at("2026-05-04T10:00:00Z"),
        status: PlanStatus::Active,
        stops: Default::default(),
        counted_later: 0,
        history: Default::default(),
    }
}

/// Everything that could be marked until a moment, as done.
fn marks(plan: &Compiled, zone: &TimeZone, days: i32) -> Vec<MarkFact> {
    let seen = (0..days).flat_map(|day| {
        engine::day(plan, &enrolment(), &Facts::default(), zone, at("2026-05-04T10:00:00Z"), day).occurrences
    });
    seen.filter(|one| plan.items[one.item].kind.can_be_marked())
        .map(|one| MarkFact { occurrence: one.id, state: MarkState::Done })
        .collect()
}

fn compiling(c: &mut Criterion) {
    let protocol = parse(FACE).unwrap();
    c.bench_function("parse mn-face", |b| b.iter(|| parse(black_box(FACE)).unwrap()));
    c.bench_function("compile mn-face", |b| b.iter(|| compile(black_box(&protocol), &parameters()).unwrap()));
}

fn days(c: &mut Criterion) {
    let (plan, madrid) = (plan(), TimeZone::get("Europe/Madrid").unwrap());
    let marks = marks(&plan, &madrid, 8);
    let flaking = from_value(json!({ "dry_peel": 1 })).unwrap();
    let check_ins =
        [CheckInFact { occurrence: None, day: 7, answered_at: at("2026-05-11T18:00:00Z"), answers: flaking }];
    let facts = Facts { marks: &marks, check_ins: &check_ins };
    for (name, moment) in [
        ("today, day 1", "2026-05-05T18:00:00Z"),
        ("today, day 8 with a hold", "2026-05-12T18:00:00Z"),
        ("today, day 40", "2026-06-13T18:00:00Z"),
    ] {
        c.bench_function(name, |b| b.iter(|| today(&plan, &enrolment(), &facts, &madrid, black_box(at(moment)))));
    }
    c.bench_function("next_due, day 1", |b| {
        b.iter(|| next_due(&plan, &enrolment(), &madrid, black_box(at("2026-05-05T18:00:00Z"))))
    });
}

/// A plan with a past, and what is treated.
struct Patient {
    plan: Compiled,
    enrolment: Enrolment,
    marks: Vec<MarkFact>,
    area: &'static str,
}

impl Patient {
    /// Treated so many days before 12 May, with everything marked that could be until then.
    fn new(number: u128, document: &str, area: &'static str, days_ago: i8) -> Self {
        let plan = compile(&parse(document).unwrap(), &parameters()).unwrap();
        let id = PlanId::from(Uuid::from_u128(number));
        let enrolled_at = at(&format!("2026-05-{:02}T06:00:00Z", 12 - days_ago));
        let day_zero = date(2026, 5, 12 - days_ago);
        let enrolment = Enrolment {
            plan: id,
            performed_at: None,
            day_zero,
            enrolled_at,
            status: PlanStatus::Active,
            stops: Default::default(),
            counted_later: 0,
            history: Default::default(),
        };
        let (zone, none) = (TimeZone::get("Europe/Madrid").unwrap(), Facts::default());
        let day = |number| engine::day(&plan, &enrolment, &none, &zone, enrolled_at, number).occurrences;
        let seen: Vec<_> = (0..i32::from(days_ago)).flat_map(day).collect();
        let can_be_marked = seen.iter().filter(|one| plan.items[one.item].kind.can_be_marked());
        let marks = can_be_marked.map(|one| MarkFact { occurrence: one.id, state: MarkState::Done }).collect();
        Self { plan, enrolment, marks, area }
    }

    fn facts(&self) -> Facts<'_> {
        Facts { marks: &self.marks, check_ins: &[] }
    }

    /// A day's lines.
    fn lines(&self, day: &Day) -> Vec<Line<'_>> {
        let line = |(place, one): (usize, &engine::Occurrence)| {
            let item = &self.plan.items[one.item];
            let end = one.last_day.map(|last| self.enrolment.day_zero.saturating_add(jiff::Span::new().days(last)));
            let source = Source {
                from_at: None,
                until_at: None,
                plan: self.enrolment.plan,
                place,
                occurrence: one.id,
                key: &item.key,
                slot: &self.plan.slots[one.slot].key,
                area: self.area,
                day: one.day,
                state: one.state,
                opens_at: one.opens_at,
                closes_at: one.closes_at,
                late_until: one.late_until,
                last_on: end,
                held: one.held,
                caught_up: one.caught_up,
                because: None,
            };
            Line {
                kind: item.kind,
                date: self.enrolment.day_zero.saturating_add(jiff::Span::new().days(one.day)),
                person: ground::ids::PatientId::from(uuid::Uuid::nil()),
                meaning: item.meaning.as_deref(),
                filled: None,
                title: &item.title,
                text: item.text.as_ref(),
                form: item.form.as_deref(),
                views: &item.views,
                sources: vec![source],
            }
        };
        day.occurrences.iter().enumerate().map(line).collect()
    }
}

/// One plan against five of one patient: the ratio is that of the two figures.
fn merging(c: &mut Criterion) {
    let madrid = TimeZone::get("Europe/Madrid").unwrap();
    let five = [
        Patient::new(1, FACE, "face", 8),
        Patient::new(2, FACE, "face", 5),
        Patient::new(3, SCALP, "scalp", 4),
        Patient::new(4, FACE, "face", 2),
        Patient::new(5, SCALP, "scalp", 1),
    ];
    let now = at("2026-05-12T12:00:00Z");
    let day = |one: &Patient| today(&one.plan, &one.enrolment, &one.facts(), &madrid, black_box(now));
    c.bench_function("today in words, one plan", |b| b.iter(|| five[1].lines(&day(&five[1]))));
    c.bench_function("today in words, five overlapping plans, merged", |b| {
        b.iter(|| set_aside(merge(five.iter().flat_map(|one| one.lines(&day(one))).collect())))
    });
    let all: Vec<Line<'_>> = five.iter().flat_map(|one| one.lines(&day(one))).collect();
    c.bench_function("of it, the merge alone (and a copy)", |b| b.iter(|| set_aside(merge(black_box(all.clone())))));
    let of =
        |one: &Patient, number| engine::day(&one.plan, &one.enrolment, &one.facts(), &madrid, black_box(now), number);
    c.bench_function("timeline of 90 days, one plan", |b| {
        b.iter(|| (0..90).map(|number| five[1].lines(&of(&five[1], number)).len()).sum::<usize>())
    });
}

fn judging(c: &mut Criterion) {
    let plan = plan();
    let answers = |given| -> Answers { from_value(given).unwrap() };
    let earlier = [answers(json!({ "signs": [], "redness": 3, "swelling": 1, "pain": 1, "itch": 2, "dry_peel": 3 }))];
    let now = answers(
        json!({ "signs": ["F6"], "redness": 7, "swelling": 3, "pain": 4, "itch": 2, "dry_peel": 4, "temperature": 38.2, "worry": "a_little" }),
    );
    c.bench_function("triage, day 3", |b| {
        b.iter(|| {
            triage(
                &plan,
                black_box(&TriageInput {
                    day: DayOfPlan(3),
                    age: Age(3),
                    answers: &now,
                    earlier: &earlier,
                    beside: &[],
                }),
            )
        })
    });
}

fn simulating(c: &mut Criterion) {
    let (plan, script) = (plan(), Script::default());
    c.bench_function("simulate mn-face, 168 days", |b| b.iter(|| simulate(&plan, black_box(&script)).unwrap()));
}

criterion_group!(engine, compiling, days, merging, judging, simulating);
criterion_main!(engine);
