//! The lines of one day of a built-in plan agree with each other, with and without a known time of treatment.

use engine::{Item, ItemKind, LateEnrolment, Protocol, Text};
use regex::Regex;

use crate::facts::PLANS;

const LOCALES: [&str; 3] = ["en", "es", "de"];

fn item<'a>(plan: &'a Protocol, key: &str) -> &'a Item {
    plan.items.iter().find(|item| item.key == key).unwrap()
}

/// The first of the texts that says it in any language, as it stands there.
fn said<'a>(texts: impl IntoIterator<Item = &'a Text>, wording: &str) -> Option<&'a str> {
    let wording = Regex::new(&format!("(?i){wording}")).unwrap();
    let all = texts.into_iter().flat_map(|text| LOCALES.map(|locale| text.in_locale(&[locale])));
    all.into_iter().find(|text| wording.is_match(text))
}

fn untimed(item: &Item) -> impl Iterator<Item = &Text> {
    [&item.title].into_iter().chain(&item.text)
}

/// `first-wash-4-8` is the choice of the clinic to name hours; no line forbids washing beside it.
#[test]
fn without_a_known_time_days_decide_and_nobody_counts_hours() {
    let mut seen = 0;
    for plan in PLANS.values() {
        for item in plan.items.iter().filter(|item| item.timed.is_some() && item.key != "first-wash-4-8") {
            seen += 1;
            let counted = said(untimed(item), r"\b(24|48) (hours|horas|stunden)");
            assert_eq!(counted, None, "{} {}", plan.key, item.key);
        }
    }
    assert!(seen > 20, "{seen} lines by the hour");
}

#[test]
fn what_a_phase_advises_is_nothing_that_its_days_forbid() {
    for plan in PLANS.values() {
        for phase in &plan.phases {
            let gel_alone = said([&phase.advice], "only .*end of day|solo .*final del día|ende von tag");
            assert_eq!(gel_alone, None, "{} {}: sunscreen may start by the hour before", plan.key, phase.key);
        }
        for phase in plan
            .phases
            .iter()
            .filter(|phase| ["laser-afl", "peel-medium"].contains(&plan.key.as_str()) && phase.days.contains(15))
        {
            for sentence in phase.advice.in_locale(&["en"]).split(". ").filter(|one| one.contains("{sunscreen}")) {
                assert!(sentence.contains("closed"), "{} {}: the skin may be open: {sentence}", plan.key, phase.key);
            }
        }
    }
}

#[test]
fn who_may_not_wash_yet_is_not_told_to_rinse_now() {
    for plan in PLANS.values() {
        let text = item(plan, "slip").text.as_ref().unwrap();
        let at_once = plan.items.iter().any(|item| {
            item.kind == ItemKind::Instruction
                && item.days.contains(0)
                && item.timed.is_none()
                && item.meaning.as_deref() == Some("washing")
        });
        let waits = said([text], "as soon as you may wash|en cuanto pueda lavarse|sobald sie waschen dürfen");
        assert!(at_once || waits.is_some(), "{}: {}", plan.key, text.in_locale(&["en"]));
    }
}

/// Where sunscreen waits for closed skin, so long does the care of open skin last.
#[test]
fn care_of_open_skin_lasts_as_long_as_skin_may_be_open() {
    let mut seen = 0;
    for plan in PLANS.values() {
        let waits = plan.items.iter().filter(|item| item.key == "no-sunscreen-yet").find_map(|item| item.hold.as_ref());
        let Some(hold) = waits else { continue };
        seen += 1;
        for key in ["no-picking", "clean-hands", "named-products", "wash-gently", "moist-while-open"] {
            assert!((15..=hold.to_day).all(|day| item(plan, key).days.contains(day)), "{} {key}", plan.key);
        }
    }
    assert_eq!(seen, 2, "the deep laser and the medium peel");
}

#[test]
fn a_hat_is_worn_only_as_the_plan_allows() {
    let hat = Regex::new(r"\bhat\b").unwrap();
    let about_hats = |item: &&Item| item.meaning.as_deref() == Some("hat");
    for plan in PLANS.values() {
        let Some(off) = plan.items.iter().find(|item| item.key == "hat-off-the-skin") else { continue };
        let beside =
            plan.items.iter().filter(|item| !about_hats(item) && item.days.iter().any(|day| off.days.contains(day)));
        let phases = plan.phases.iter().filter(|phase| phase.days.iter().any(|day| off.days.contains(day)));
        for text in beside.flat_map(untimed).chain(phases.map(|phase| &phase.advice)) {
            for sentence in text.in_locale(&["en"]).split(". ").filter(|sentence| hat.is_match(sentence)) {
                assert!(sentence.contains("if your plan allows one"), "{}: {sentence}", plan.key);
            }
        }
    }
}

#[test]
fn what_is_about_its_own_day_does_not_come_back_after_a_late_enrolment() {
    let mut seen = 0;
    for plan in PLANS.values() {
        for item in plan.items.iter().filter(|item| item.days.only().is_some() && item.kind != ItemKind::CheckIn) {
            let bound = item.slots.iter().any(|slot| plan.slots[*slot].key == "bedtime")
                || said([&item.title], r"tonight|\btoday\b|each day").is_some()
                || item.key == "numb-mouth";
            if bound && [ItemKind::Task, ItemKind::Education].contains(&item.kind) {
                seen += 1;
                assert_eq!(item.late_enrolment, LateEnrolment::Skip, "{} {}", plan.key, item.key);
            }
        }
    }
    assert!(seen > 20, "{seen} lines about their own day");
}
