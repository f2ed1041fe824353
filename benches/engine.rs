//! What the core costs: compiling a plan, the day of a patient, triage of a check-in, a whole course. Run with `cargo bench --bench engine`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark may fail loudly")]

use std::hint::black_box;

use aftercare::engine::{
    Answers, CheckInFact, Compiled, Enrolment, Facts, MarkFact, MarkState, Parameters, PlanStatus, Script, TriageInput,
    compile, next_due, parse, simulate, today, triage,
};
use aftercare::ids::PlanId;
use aftercare::time::Stamp;
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{from_value, json};
use uuid::Uuid;

const FACE: &str = include_str!("../protocols/mn-face.toml");

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
        day_zero: date(2026, 5, 4),
        enrolled_at: at("2026-05-04T10:00:00Z"),
        status: PlanStatus::Active,
        stops: Default::default(),
    }
}

/// Everything that could be marked until a moment, as done.
fn marks(plan: &Compiled, zone: &TimeZone, days: i32) -> Vec<MarkFact> {
    let seen = (0..days).flat_map(|day| {
        aftercare::engine::day(plan, &enrolment(), &Facts::default(), zone, at("2026-05-04T10:00:00Z"), day).occurrences
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

fn judging(c: &mut Criterion) {
    let plan = plan();
    let answers = |given| -> Answers { from_value(given).unwrap() };
    let earlier =
        [(2, answers(json!({ "signs": [], "redness": 3, "swelling": 1, "pain": 1, "itch": 2, "dry_peel": 3 })))];
    let now = answers(
        json!({ "signs": ["F6"], "redness": 7, "swelling": 3, "pain": 4, "itch": 2, "dry_peel": 4, "temperature": 38.2, "worry": "a_little" }),
    );
    c.bench_function("triage, day 3", |b| {
        b.iter(|| triage(&plan, black_box(&TriageInput { day: 3, answers: &now, earlier: &earlier })))
    });
}

fn simulating(c: &mut Criterion) {
    let (plan, script) = (plan(), Script::default());
    c.bench_function("simulate mn-face, 168 days", |b| b.iter(|| simulate(&plan, black_box(&script)).unwrap()));
}

criterion_group!(engine, compiling, days, judging, simulating);
criterion_main!(engine);
