//! The small plan of the fixtures, and short ways to say things about it.

use std::sync::LazyLock;

use aftercare::documents::hash;
use authoring::preview::NewPage;
use engine::{
    Answers, CheckInFact, Compiled, Day, Enrolment, Facts, MarkFact, MarkState, Parameters, PlanStatus, Protocol,
    State, compile, occurrence_id, parse,
};
use ground::ids::{OccurrenceId, PlanId};
use ground::time::Stamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

pub const SMALL: &str = include_str!("fixtures/small.toml");

pub static PROTOCOL: LazyLock<Protocol> = LazyLock::new(|| parse(SMALL).unwrap());
/// The small plan for a needle of 1 mm.
pub static PLAN: LazyLock<Compiled> = LazyLock::new(|| compiled(json!({ "needle_depth_mm": 1.0 })));

/// The same with lines that begin and end by the hour.
pub static TIMED: LazyLock<Compiled> = LazyLock::new(|| {
    let restriction = "key = \"gel-only\"\nkind = \"restriction\"\n";
    assert_eq!(SMALL.matches(restriction).count(), 1);
    let source = SMALL.replace(restriction, &format!("{restriction}until_hour = 24\nmeaning = \"products\"\n"));
    compile(&parse(&(source + HOURS)).unwrap(), &parameters_of(json!({ "needle_depth_mm": 1.0 }))).unwrap()
});

const HOURS: &str = r#"
[[item]]
key = "sunscreen"
kind = "task"
days = ["2-9"]
slots = ["morning", "evening"]
from_hour = 24
meaning = "products"
title = { en = "Sunscreen", es = "Protector solar" }
sources = ["CW"]

[[item]]
key = "cream"
kind = "task"
days = [1]
slot = "evening"
from_hour = 20
title = { en = "Cream, once", es = "Crema, una vez" }
sources = ["CW"]

[[item]]
key = "first-wash"
kind = "instruction"
days = ["0-1"]
slot = "day"
from_hour = 24
title = { en = "First wash: after 24 hours", es = "Primer lavado: pasadas 24 horas" }
timed_title = { en = "First wash", es = "Primer lavado" }
text = { en = "Count 24 hours.", es = "Cuente 24 horas." }
timed_text = { en = "Use lukewarm water.", es = "Use agua tibia." }
sources = ["CW"]
"#;

pub fn compiled(parameters: Value) -> Compiled {
    compile(&PROTOCOL, &parameters_of(parameters)).unwrap()
}

pub fn parameters_of(parameters: Value) -> Parameters {
    serde_json::from_value(parameters).unwrap()
}

pub fn plan_id() -> PlanId {
    PlanId::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001))
}

/// Treated on Monday 4 May 2026, enrolled the same day at 10:00 UTC.
pub fn enrolment() -> Enrolment {
    Enrolment {
        plan: plan_id(),
        day_zero: date(2026, 5, 4),
        performed_at: None,
        enrolled_at: at("2026-05-04T10:00:00Z"),
        status: PlanStatus::Active,
        stops: engine::Stops::default(),
        counted_later: 0,
        history: Default::default(),
    }
}

pub fn at(text: &str) -> Stamp {
    Stamp::from(text.parse::<jiff::Timestamp>().unwrap())
}

pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

pub fn id(item: &str, day: i32, slot: &str) -> OccurrenceId {
    occurrence_id(plan_id(), item, day, slot)
}

pub fn mark(occurrence: OccurrenceId, state: MarkState) -> MarkFact {
    MarkFact { occurrence, state }
}

pub fn answers(answers: Value) -> Answers {
    serde_json::from_value(answers).unwrap()
}

pub fn check_in(occurrence: Option<OccurrenceId>, day: i32, answered_at: &str, given: Value) -> CheckInFact {
    CheckInFact { occurrence, day, answered_at: at(answered_at), answers: answers(given) }
}

pub fn marked<'a>(marks: &'a [MarkFact]) -> Facts<'a> {
    Facts { marks, ..Facts::default() }
}

pub fn answered<'a>(check_ins: &'a [CheckInFact]) -> Facts<'a> {
    Facts { check_ins, ..Facts::default() }
}

/// The lines of a day as `item/day/slot state`.
pub fn lines(plan: &Compiled, day: &Day) -> Vec<String> {
    let line = |one: &engine::Occurrence| {
        format!("{}/{}/{} {}", plan.items[one.item].key, one.day, plan.slots[one.slot].key, one.state)
    };
    day.occurrences.iter().map(line).collect()
}

/// The state of one line of a day.
pub fn state(day: &Day, id: OccurrenceId) -> Option<State> {
    day.occurrences.iter().find(|one| one.id == id).map(|one| one.state)
}

/// The page of a document, with the digest of that document on the approver's sheet.
pub fn page(document: &str, new: &NewPage) -> String {
    let new = NewPage { content_hash: hash(document), ..new.clone() };
    authoring::preview::page(&engine::parse(document).unwrap(), &new).unwrap()
}
