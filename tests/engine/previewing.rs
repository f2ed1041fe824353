//! A plan before anybody is enrolled in it, day by day.

use authoring::library_document;
use authoring::preview::{NewPreview, Preview, preview};
use engine::{Parameters, parse};
use ground::values::Date;
use serde_json::json;

use crate::support::{SMALL, parameters_of};

fn asked(parameters: Parameters, locale: &str) -> NewPreview {
    NewPreview { parameters, treated_on: Date(jiff::civil::date(2026, 5, 4)), locale: Some(locale.to_owned()) }
}

fn face(needle: f64, locale: &str) -> Preview {
    let protocol = parse(library_document("mn-face").unwrap()).unwrap();
    preview(&protocol, &asked(parameters_of(json!({ "needle_depth_mm": needle, "skin_type": "V" })), locale)).unwrap()
}

#[test]
fn every_day_with_a_line_is_there_once_in_order_and_runs_are_joined() {
    let calendar = face(1.0, "en");
    assert_eq!((calendar.days[0].day, calendar.days.last().unwrap().to_day), (0, 168));
    for pair in calendar.days.windows(2) {
        assert!(pair[0].day <= pair[0].to_day && pair[0].to_day < pair[1].day);
    }
    assert!(calendar.days.iter().any(|day| day.to_day > day.day + 20), "long runs are one entry");
    assert!(calendar.days.len() < 40, "{}", calendar.days.len());
}

#[test]
fn a_restriction_says_its_last_day_and_what_may_keep_it() {
    let calendar = face(1.0, "en");
    let line = calendar.days[3].restrictions.iter().find(|line| line.key == "no-strong-products").unwrap();
    assert_eq!((line.last_day, line.may_last_to), (Some(7), Some(28)));
    assert_eq!(line.last_called.as_deref(), Some("Mon 11 May 2026"));
    let text = calendar.text("en");
    assert!(
        text.contains("No swimming, sauna, steam, hot tub or hot bath (up to and including Mon 11 May 2026)"),
        "{text}"
    );
    assert!(text.contains("Check-in   Tell us how you are [17:00-24:00]"), "{text}");
}

#[test]
fn reasons_not_to_start_stand_before_everything_and_the_plan_must_be_approved() {
    let text = face(2.0, "en").text("en");
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} in {text}"));
    let (reason, approval) = (place("Needles over 1.5 mm"), place("A clinician must check and approve this plan"));
    assert!(reason < approval && approval < place("Day 0"));
    assert!(!face(1.0, "en").text("en").contains("A clinician must decide first"));
}

#[test]
fn it_speaks_spanish_and_leaves_no_placeholder() {
    let calendar = face(1.0, "es-MX");
    let text = calendar.text("es-MX");
    assert!(text.contains("Día 0  lun 4 may 2026"), "{text}");
    assert!(text.contains("[teléfono de la clínica]"));
    for locale in ["en", "es", "de"] {
        assert!(!face(1.0, locale).text(locale).contains('{'), "{locale}");
    }
}

#[test]
fn it_speaks_german_around_a_plan_that_does_not_yet() {
    let text = face(1.0, "de-AT").text("de-AT");
    assert!(text.contains("Tag 0  Mo, 4. Mai 2026"), "{text}");
    assert!(text.contains("(bis einschließlich Mo, 11. Mai 2026"), "{text}");
    assert!(text.contains("[Telefon der Praxis]"));
}

#[test]
fn a_text_of_the_clinic_shows_its_fallback_or_what_it_will_be() {
    let texts = r#"
[[clinic_text]]
key = "moisturiser"
label = { en = "Name of the moisturiser", es = "Nombre de la crema" }
fallback = { en = "a plain moisturiser, or call {clinic_phone}", es = "una crema" }

[[clinic_text]]
key = "gel"
required = true
label = { en = "Name of the gel", es = "Nombre del gel" }
"#;
    let document = format!("{SMALL}{texts}").replace("Small plan", "Use {gel} and {moisturiser}");
    let calendar = preview(&parse(&document).unwrap(), &asked(parameters_of(json!({ "needle_depth_mm": 1.0 })), "en"));
    assert_eq!(calendar.unwrap().title, "Use [Name of the gel] and a plain moisturiser, or call [clinic phone]");
}
