//! Healthy people are left alone, sick people are not: a small cohort of `bench/cohort`, the same in each run.

#[path = "../../bench/cohort/cohort.rs"]
#[expect(dead_code, reason = "the command prints and writes more than a test reads")]
mod generator;

use generator::judge::Course;
use generator::table::{Healthy, Seeded, most_alerted, percent};
use generator::trouble::Kind;
use generator::{NOISE_AT_ENDS, Plan, Settings, run};

/// Thirty of each plan have every kind of trouble.
const FEW: Settings = Settings { people: 30, seed: 7, part: None, noise_at_ends: NOISE_AT_ENDS };

#[test]
fn no_complication_is_missed_and_few_healthy_people_are_alerted() {
    let plans: Vec<Plan> = authoring::LIBRARY.iter().map(|(_, text)| Plan::read(text).unwrap()).collect();
    let results = run(&plans, FEW);
    let all: Vec<&Course> = results.iter().flat_map(|(_, courses)| courses).collect();
    // These two may show by nothing but levels, which a noisy answer can hide; `bench/README.md` says how often.
    let is_hidden = |course: &&Course| {
        let kind = course.person.trouble.as_ref().map(|trouble| trouble.kind);
        matches!(kind, Some(Kind::QuietInfection | Kind::WrongProduct))
    };
    let (hidden, shown): (Vec<&Course>, Vec<&Course>) = all.iter().copied().partition(is_hidden);
    let (hidden, shown) = (Seeded::of(hidden), Seeded::of(shown));
    assert_eq!((shown.people, shown.missed), (270 - hidden.people, 0), "{shown:?}");
    assert!(hidden.people > 50 && hidden.missed <= 1, "{hidden:?}");
    let healthy = Healthy::of(all.iter().copied());
    assert!(percent(healthy.alerted, healthy.people) <= 10.0, "{healthy:?}");
    assert!(percent(healthy.urgent, healthy.people) <= 2.0, "{healthy:?}");
    assert!(healthy.fewer() >= 60.0, "{healthy:?}");
    for (plan, courses) in &results {
        // Thirty people are few: twice the aim is far above it.
        let healthy = Healthy::of(courses);
        assert!(percent(healthy.alerted, healthy.people) <= 2.0 * most_alerted(plan), "{plan}: {healthy:?}");
    }
}
