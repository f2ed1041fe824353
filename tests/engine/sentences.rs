//! Conditions as sentences in the approver's sheet.

use authoring::LIBRARY;
use authoring::preview::{ClinicWords, NewPage, PagesFor};
use engine::{Parameters, parse};
use proptest::prelude::*;

use crate::support::{SMALL, page};

fn sheet(document: &str, locale: &str) -> String {
    let (parameters, clinic) = (Parameters::default(), ClinicWords::default());
    let new = NewPage {
        parameters,
        treated_on: None,
        locale: locale.to_owned(),
        clinic,
        pages_for: PagesFor::Approver,
        content_hash: String::new(),
    };
    page(document, &new)
}

/// The small plan with a condition at the rule that can read it.
fn with(condition: &str) -> (&'static str, String) {
    let reads = |names: &[&str]| {
        let words = condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.into_iter().any(|word| names.contains(&word))
    };
    let (rule, old) = if reads(&["level", "expected", "previous", "symptom"]) {
        ("R1", "level >= expected + 3")
    } else if reads(&["missed_in_a_row", "answered_any"]) {
        ("R6", "missed_in_a_row >= 2")
    } else {
        ("R3", "pain >= 4")
    };
    let document = SMALL.replace(&format!("when = \"{old}\""), &format!("when = {}", toml::Value::from(condition)));
    assert!(document != SMALL || condition == old);
    (rule, document)
}

/// What the sheet says of a condition; `None` if it stands there as code.
fn said(condition: &str, locale: &str) -> Option<String> {
    let (rule, document) = with(condition);
    let page = sheet(&document, locale);
    let row = page.split(&format!("<th scope=\"row\">{rule}</th>")).nth(1).unwrap().split("</tr>").next().unwrap();
    let label = match locale {
        "es" => "Condición",
        "de" => "Bedingung",
        _ => "Condition",
    };
    let note = row.split(&format!("<span>{label}:</span> ")).nth(1).unwrap().split("</p>").next().unwrap();
    let plain = note.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
    Some(plain.replace("&amp;", "&")).filter(|note| !note.contains("<code>"))
}

#[test]
fn a_condition_is_a_sentence_with_the_names_of_the_plan() {
    for (condition, sentence) in [
        ("pain >= 3 && day >= 7", "“How sore?” is 3 or more, and it is day 7 or later"),
        ("pain > 3 || pain_previous < 2", "“How sore?” is more than 3, or “How sore?” the time before is less than 2"),
        (
            "pain >= 1 && (redness <= 2 || worried)",
            "“How sore?” is 1 or more, and (“How red?” is 2 or less, or the answer is yes: “Worried?”)",
        ),
        ("3 <= pain", "“How sore?” is 3 or more"),
        ("!(pain >= 3 && worried)", "“How sore?” is less than 3, or the answer is no: “Worried?”"),
        ("!(pain >= 3 || !worried)", "“How sore?” is less than 3, and the answer is yes: “Worried?”"),
        ("!(pain < 3)", "“How sore?” is 3 or more"),
        ("!(pain <= 3)", "“How sore?” is more than 3"),
        ("!(pain > 3)", "“How sore?” is 3 or less"),
        ("!(pain == 3)", "“How sore?” is not 3"),
        ("!(pain != 3)", "“How sore?” is 3"),
        ("3 < pain", "“How sore?” is more than 3"),
        ("3 > pain", "“How sore?” is less than 3"),
        ("3 >= pain", "“How sore?” is 3 or less"),
        ("pain < redness", "“How sore?” is less than “How red?”"),
        ("pain <= redness", "“How sore?” is at most “How red?”"),
        ("!(trend in [\"better\"])", "“Better?” is not “Better”"),
        ("trend in [\"better\", \"worse\"]", "“Better?” is “Better” or “Worse”"),
        ("trend != \"worse\"", "“Better?” is not “Worse”"),
        ("!(trend in [\"better\", \"worse\"])", "“Better?” is none of “Better” or “Worse”"),
        ("!(\"F6\" in signs)", "it is not so that the sign F6 is reported"),
        ("worried == false", "the answer is no: “Worried?”"),
        ("worried == lips", "both or neither is so: the answer is yes: “Worried?”; the answer is yes: “Lips tingle?”"),
        ("worried != (pain > 2)", "just one is so: the answer is yes: “Worried?”; “How sore?” is more than 2"),
        ("temperature >= 38.0", "“Temperature?” is 38.0 °C or more"),
        ("needle_depth_mm > 1.5", "“Needle depth” is more than 1.5"),
        ("skin_type == \"IV\"", "“Skin type” is “IV”"),
        ("darker_skin && !shallow", "“Darker skin” applies, and “Shallow” does not apply"),
        ("\"F6\" in signs", "the sign F6 is reported"),
        (
            "pain > 2 || \"F1\" in signs || \"F6\" in signs",
            "one of the signs F1 or F6 is reported, or “How sore?” is more than 2",
        ),
        ("\"F6\" in previous_signs", "the sign F6 was reported the time before"),
        ("size(signs) >= 2", "the number of entries in the signs reported is 2 or more"),
        ("signs.exists(x, x == \"F1\")", "for at least one “x” of the signs reported: “x” is F1"),
        ("!signs.exists(x, x == \"F1\")", "for every “x” of the signs reported: “x” is not F1"),
        ("areas.all(x, x in [\"chin\"])", "for every “x” of “Where?”: “x” is “Chin”"),
        ("\"chin\" in areas", "“Where?” includes “Chin”"),
        ("day < r2_start_day", "it is before day 3 (from which a rise counts)"),
        (
            "day == 4 || day != 5 || day <= 6 || day > 7",
            "it is day 4, or it is not day 5, or it is day 6 or earlier, or it is after day 7",
        ),
        ("pain >= pain_expected + 3", "“How sore?” is at least 3 higher than the expected level of “How sore?”"),
        (
            "pain - (redness - 1) > 2 * (pain + 1)",
            "“How sore?” minus (“How red?” minus 1) is more than 2 times (“How sore?” plus 1)",
        ),
        ("-pain < 0", "minus “How sore?” is less than 0"),
        ("pain > (day < 3 ? 4 : 2)", "“How sore?” is more than (4 if it is before day 3, otherwise 2)"),
        (
            "worried ? pain > 2 : pain > 4",
            "if the answer is yes: “Worried?”, then “How sore?” is more than 2; otherwise “How sore?” is more than 4",
        ),
        ("true", "always"),
        ("!true", "never"),
        (
            "level >= expected + 3 && previous < level",
            "the level is at least 3 higher than the expected level, and the level the time before is less than the level",
        ),
        (
            "symptom in [\"redness\", \"pain\"] && level == 7",
            "the symptom is “How red?” or “How sore?”, and the level is 7",
        ),
        ("missed_in_a_row >= 2", "the number of check-ins in a row without an answer is 2 or more"),
        ("!answered_any", "no answer has ever come"),
        (
            "answered_any && missed_in_a_row > 0",
            "an answer has come at some time, and the number of check-ins in a row without an answer is more than 0",
        ),
    ] {
        assert_eq!(said(condition, "en").as_deref(), Some(sentence), "{condition}");
    }
}

#[test]
fn it_is_said_in_spanish_and_german_too() {
    for (condition, spanish, german) in [
        (
            "pain >= 3 && day >= 7",
            "«¿Cuánto duele?» es 3 o más, y es el día 7 o después",
            "„How sore?“ ist 3 oder mehr, und es ist Tag 7 oder später",
        ),
        ("temperature >= 38.5", "«¿Temperatura?» es 38,5 °C o más", "„Temperature?“ ist 38,5 °C oder mehr"),
        (
            "pain > (day < 3 ? 4 : 2)",
            "«¿Cuánto duele?» es mayor que (4 si es antes del día 3; si no, 2)",
            "„How sore?“ ist höher als (4, falls gilt: es ist vor Tag 3; sonst 2)",
        ),
        (
            "darker_skin && trend != \"better\"",
            "«Piel más oscura» se aplica, y «¿Mejor?» no es «Mejor»",
            "„Darker skin“ trifft zu, und „Better?“ ist nicht „Better“",
        ),
    ] {
        assert_eq!(said(condition, "es").as_deref(), Some(spanish), "{condition}");
        assert_eq!(said(condition, "de").as_deref(), Some(german), "{condition}");
    }
}

#[test]
fn no_condition_of_the_library_stands_as_code() {
    for (file, document) in LIBRARY {
        for locale in ["en", "es", "de"] {
            let page = sheet(document, locale);
            // The key and the hash of the document, on top and at the signature.
            assert_eq!(page.matches("<code>").count(), 4, "{file} {locale}");
        }
    }
}

/// What a sentence must say of each variable that is read.
fn label(name: &str) -> String {
    let asked = |key: &str| match key {
        "redness" => Some("“How red?”"),
        "pain" => Some("“How sore?”"),
        "worried" => Some("“Worried?”"),
        "lips" => Some("“Lips tingle?”"),
        "trend" => Some("“Better?”"),
        "temperature" => Some("“Temperature?”"),
        "areas" => Some("“Where?”"),
        "needle_depth_mm" => Some("“Needle depth”"),
        "skin_type" => Some("“Skin type”"),
        "cold_sore_history" => Some("“Cold sores before”"),
        "shallow" => Some("“Shallow”"),
        "darker_skin" => Some("“Darker skin”"),
        "signs" => Some("sign"),
        "previous_signs" => Some("the time before"),
        "day" => Some("day"),
        "r2_start_day" => Some("(from which a rise counts)"),
        _ => None,
    };
    let before = || Some(format!("{} the time before", asked(name.strip_suffix("_previous")?)?));
    let expected = || Some(format!("the expected level of {}", asked(name.strip_suffix("_expected")?)?));
    asked(name).map(str::to_owned).or_else(before).or_else(expected).unwrap()
}

fn number() -> impl Strategy<Value = String> {
    let names =
        ["redness", "pain", "redness_previous", "pain_expected", "day", "r2_start_day", "size(signs)", "size(areas)"];
    let leaf = prop_oneof![
        prop::sample::select(names.to_vec()).prop_map(str::to_owned),
        (0..10_u8).prop_map(|n| n.to_string())
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        (inner.clone(), prop::sample::select(vec!["+", "-", "*"]), inner)
            .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    })
}

fn condition() -> impl Strategy<Value = String> {
    let comparisons = ["<", "<=", ">", ">=", "==", "!="];
    let compared =
        (number(), prop::sample::select(comparisons.to_vec()), number()).prop_map(|(a, op, b)| format!("{a} {op} {b}"));
    let asked = [
        "worried",
        "lips",
        "darker_skin",
        "shallow",
        "cold_sore_history",
        "trend == \"worse\"",
        "trend_previous != \"better\"",
        "trend in [\"better\", \"worse\"]",
        "skin_type in [\"IV\", \"V\"]",
        "needle_depth_mm * 2.0 > 1.5",
        "temperature < 38.5",
        "\"F6\" in signs",
        "\"F1\" in signs",
        "\"F6\" in previous_signs",
        "\"chin\" in areas",
        "areas == [\"chin\"]",
        "[\"F1\"] == signs",
        "signs.exists(x, x == \"F1\" || pain > 2)",
        "areas.all(x, x != \"chin\")",
        "[1, 2].exists(n, n == pain)",
        "true",
        "day in [1, 2]",
        "worried == lips",
        "lips_previous",
        "(worried ? 1 : day) > 0",
        "signs + previous_signs == []",
    ];
    let leaf = prop_oneof![compared, prop::sample::select(asked.to_vec()).prop_map(str::to_owned)];
    leaf.prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever can be read as a condition has words, and they name all that it reads.
    #[test]
    fn every_condition_has_words_that_name_all_it_reads(condition in condition()) {
        let (rule, document) = with(&condition);
        let Ok(protocol) = parse(&document) else {
            return Err(TestCaseError::reject("too long or too deep"));
        };
        let read = protocol.rules.iter().find(|one| one.key == rule).unwrap().when.variables().to_vec();
        for locale in ["en", "es", "de"] {
            let sentence = said(&condition, locale);
            prop_assert!(sentence.as_ref().is_some_and(|sentence| !sentence.trim().is_empty()), "{locale}: {condition}");
            prop_assert!(!sentence.unwrap().contains('{'), "{locale}: {condition}");
        }
        let sentence = said(&condition, "en").unwrap();
        for name in read {
            prop_assert!(sentence.contains(&label(&name)), "{name} of {condition}: {sentence}");
        }
    }
}
