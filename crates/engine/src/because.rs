//! Why something was found, with the numbers, in words for whoever reads it: "Redness 7 on day 2; usual 4".

use super::compile::Compiled;
use super::conditions::Known;
use super::document::{Question, Rule};
use super::text::{Text, language};
use super::triage::{Trace, TriageInput, usual};
use super::words::QuestionKind;

/// What is said beside names and numbers.
struct Words {
    on_day: &'static str,
    usual: &'static str,
    last_time: &'static str,
    yes: &'static str,
    no: &'static str,
    has_comma: bool,
}

fn words(locale: &str) -> Words {
    match language(locale) {
        "es" => Words {
            on_day: "el día",
            usual: "lo habitual:",
            last_time: "la última vez:",
            yes: "sí",
            no: "no",
            has_comma: true,
        },
        "de" => Words {
            on_day: "an Tag",
            usual: "üblich:",
            last_time: "letztes Mal:",
            yes: "ja",
            no: "nein",
            has_comma: true,
        },
        _ => Words { on_day: "on day", usual: "usual", last_time: "last time", yes: "yes", no: "no", has_comma: false },
    }
}

/// What of the answers made a rule fire. Empty if it was none of them.
pub(super) fn because(
    compiled: &Compiled,
    input: &TriageInput,
    (rule, symptom): (&Rule, Option<&str>),
    trace: &Trace,
) -> Text {
    let read = rule.when.variables().iter().map(|name| match (name.as_str(), symptom) {
        ("level", Some(symptom)) => symptom,
        (name, _) => name,
    });
    let questions: Vec<&Question> = read.filter_map(|name| compiled.question(name)).collect();
    let earlier = |question: &Question| {
        let own = format!("{}_previous", question.key);
        let of = |name: &str| name == own || (name == "previous" && symptom == Some(question.key.as_str()));
        trace.values.iter().find(|(name, _)| of(name)).map(|(_, value)| value.to_string())
    };
    let said = |locale: &str| {
        let parts = questions.iter().filter_map(|question| part(compiled, input, question, earlier(question), locale));
        let ended: Vec<String> = parts.map(|part| part.trim_end_matches('.').to_owned()).collect();
        ended.join(". ")
    };
    Text::in_each(said).filter(|text| !text.is_empty())
}

fn part(
    compiled: &Compiled,
    input: &TriageInput,
    question: &Question,
    earlier: Option<String>,
    locale: &str,
) -> Option<String> {
    let words = words(locale);
    let name = question.name.as_ref().unwrap_or(&question.text).in_locale(&[locale]);
    let on_day = format!("{} {}", words.on_day, input.day.0);
    let choice = |key: &str| {
        let labels = question.choices.iter().find(|choice| choice.key == key);
        labels.map_or(key, |choice| choice.label.in_locale(&[locale])).to_owned()
    };
    Some(match super::answers::known_answer(question.kind, input.answers.0.get(&question.key)?)? {
        Known::Whole(level) => {
            let usual = usual(compiled, input, &question.key).map(|usual| format!("; {} {usual}", words.usual));
            let last_time = earlier.map(|level| format!("; {} {level}", words.last_time));
            format!("{name} {level} {on_day}{}{}", usual.unwrap_or_default(), last_time.unwrap_or_default())
        }
        Known::Decimal(degrees) if question.kind == QuestionKind::Temperature => {
            let celsius = format!("{degrees:.1} °C");
            let degrees = if words.has_comma {
                celsius.replace('.', ",")
            } else {
                format!("{celsius} ({:.1} °F)", degrees * 9.0 / 5.0 + 32.0)
            };
            format!("{name} {degrees} {on_day}")
        }
        Known::Decimal(number) => named(name, &number.to_string()),
        Known::Flag(flag) => named(name, if flag { words.yes } else { words.no }),
        Known::Word(word) => named(name, &choice(&word)),
        Known::Words(keys) if question.key == super::document::SIGNS => {
            let signs = compiled.signs.iter().filter(|sign| keys.contains(&sign.key));
            signs.map(|sign| sign.text.in_locale(&[locale])).collect::<Vec<&str>>().join(" ")
        }
        Known::Words(keys) => named(name, &keys.iter().map(|key| choice(key)).collect::<Vec<String>>().join("; ")),
    })
}

fn named(name: &str, answer: &str) -> String {
    if name.ends_with('?') { format!("{name} {answer}") } else { format!("{name}: {answer}") }
}
