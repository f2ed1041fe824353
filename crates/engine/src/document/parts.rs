//! The parts that many places of a document share: keys, texts, days, conditions, grounds.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::codes::DefectCode;
use super::reader::{Fields, Node};
use super::{Choice, Days, Escalation, Grounds, LateEnrolment, Text, Urgency, listed, nearest};
use crate::conditions::{Condition, Scope};

/// What is known of the document while the rest of it is read.
pub(super) struct Reading {
    pub(super) horizon_day: i32,
    pub(super) sources: Vec<String>,
    pub(super) assumptions: Vec<String>,
    pub(super) late_enrolment: LateEnrolment,
    /// Parameters and variants.
    pub(super) plan: Scope,
}

/// How keys may be written in each place.
#[derive(Clone, Copy)]
pub(super) enum Style {
    /// `gel-only`
    Dashes,
    /// `needle_depth_mm`
    Variable,
    /// `F1`, `IV`, `better`
    Label,
}

impl Style {
    fn accepts(self, key: &str) -> bool {
        let first = key
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_lowercase() || (matches!(self, Self::Label) && c.is_ascii_alphanumeric()));
        let rest = key.chars().all(|c| match self {
            Self::Dashes => c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
            Self::Variable => c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_',
            Self::Label => c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.',
        });
        first && rest && (1..=64).contains(&key.len())
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Dashes => "small letters, digits and dashes, starting with a letter",
            Self::Variable => "small letters, digits and underscores, starting with a letter",
            Self::Label => "letters, digits, dashes, underscores and dots",
        }
    }
}

pub(super) fn key_of(node: &Node, style: Style) -> String {
    let Some(key) = node.string() else { return String::new() };
    if !style.accepts(key) {
        node.wrong(DefectCode::BadKey, format!("`{key}` is not a key"), format!("use {}", style.rule()));
    }
    key.to_owned()
}

/// A key that nothing before it in the same list has.
pub(super) fn unique_key(fields: &Fields, name: &'static str, style: Style, taken: &mut BTreeSet<String>) -> String {
    let Some(node) = fields.required(name) else { return String::new() };
    let key = key_of(&node, style);
    if !taken.insert(key.clone()) {
        node.wrong(DefectCode::Duplicate, format!("`{key}` is there already"), "give each its own key");
    }
    key
}

pub(super) fn keys(fields: &Fields, name: &'static str, style: Style) -> Vec<String> {
    fields.optional(name).map(|node| key_list(&node, style)).unwrap_or_default()
}

pub(super) fn key_list(node: &Node, style: Style) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let elements = node.list();
    let read = |element: &Node| {
        let key = key_of(element, style);
        if !taken.insert(key.clone()) {
            element.wrong(DefectCode::Duplicate, format!("`{key}` is there twice"), "remove one of them");
        }
        key
    };
    elements.iter().map(read).collect()
}

/// Refuses a name that is not one of the known ones.
pub(super) fn must_be_known<'k>(node: &Node, name: &str, what: &str, known: impl IntoIterator<Item = &'k str>) {
    let known: Vec<&str> = known.into_iter().collect();
    if known.contains(&name) {
        return;
    }
    let fix = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("write `{meant}`, or declare `{name}`"),
        None => format!("declare it, or use one of: {}", listed(known.iter().copied())),
    };
    node.wrong(DefectCode::UnknownReference, format!("unknown {what} `{name}`"), fix);
}

pub(super) fn text(fields: &Fields, name: &'static str) -> Text {
    fields.required(name).map(|node| text_of(&node)).unwrap_or_default()
}

pub(super) fn optional_text(fields: &Fields, name: &'static str) -> Option<Text> {
    fields.optional(name).map(|node| text_of(&node))
}

fn text_of(node: &Node) -> Text {
    let Some(fields) = node.fields() else { return Text::default() };
    let mut locales = BTreeMap::new();
    for (locale, value) in fields.entries() {
        if !is_locale(locale) {
            value.wrong(
                DefectCode::BadText,
                format!("`{locale}` is not a locale"),
                "use a language like `en`, or language and country like `es-MX`",
            );
        }
        let words = value.string().unwrap_or("?");
        if words.trim().is_empty() {
            value.wrong(DefectCode::BadText, "this text is empty", "write the text");
        }
        locales.insert(locale.to_owned(), words.trim().to_owned());
    }
    for locale in Text::REQUIRED.iter().filter(|locale| !locales.contains_key(**locale)) {
        node.wrong(
            DefectCode::MissingLocale,
            format!("the text in `{locale}` is missing"),
            format!("add `{locale} = \"...\"`"),
        );
    }
    locales.into_iter().collect()
}

fn is_locale(locale: &str) -> bool {
    let (language, country) = locale.split_once('-').unwrap_or((locale, "XX"));
    let is_country = country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase());
    is_country && (2..=3).contains(&language.len()) && language.chars().all(|c| c.is_ascii_lowercase())
}

impl Reading {
    /// Days that must be there.
    pub(super) fn days(&self, fields: &Fields) -> Days {
        fields.required("days").map(|node| self.days_of(&node)).unwrap_or_default()
    }

    /// Days, or all of them.
    pub(super) fn days_or_all(&self, fields: &Fields) -> Days {
        fields.optional("days").map_or_else(|| Days::all(self.horizon_day), |node| self.days_of(&node))
    }

    fn days_of(&self, node: &Node) -> Days {
        let elements = node.list();
        let ranges: Vec<RangeInclusive<i32>> = elements.iter().filter_map(|element| self.range_of(element)).collect();
        if elements.is_empty() {
            node.wrong(DefectCode::BadDays, "there is no day", "write days like [\"0-3\", 7]");
        }
        let unsorted = ranges.windows(2).position(|pair| matches!(pair, [a, b] if b.start() <= a.end()));
        if let Some(element) = unsorted.and_then(|index| elements.get(index + 1)) {
            element.wrong(
                DefectCode::BadDays,
                "these days are not after the ones before",
                "write days in order, each only once",
            );
        }
        Days::new(ranges)
    }

    fn range_of(&self, node: &Node) -> Option<RangeInclusive<i32>> {
        let range = match node.as_written_days() {
            Some(range) => range,
            None => {
                node.wrong(
                    DefectCode::BadDays,
                    "this is not a day or a range of days",
                    "write a day like 7, or a range like \"0-3\"",
                );
                return None;
            }
        };
        if range.is_empty() {
            node.wrong(
                DefectCode::BadDays,
                format!("the range {}-{} runs backwards", range.start(), range.end()),
                "write the smaller day first",
            );
            return None;
        }
        if *range.start() < 0 || *range.end() > self.horizon_day {
            node.wrong(
                DefectCode::BadDays,
                "this is outside the plan",
                format!("use days from 0 to {} (horizon_day)", self.horizon_day),
            );
            return None;
        }
        Some(range)
    }

    /// `sources` and `assumptions`, each declared at the top; at least one if they are demanded.
    pub(super) fn grounds(&self, fields: &Fields, demanded: bool) -> Grounds {
        let sources = self.declared(fields, "sources", "source", &self.sources);
        let assumptions = self.declared(fields, "assumptions", "assumption", &self.assumptions);
        if demanded && sources.is_empty() && assumptions.is_empty() {
            fields.wrong(
                DefectCode::NoGrounds,
                "there is neither a source nor an assumption",
                "add `sources = [\"...\"]` or `assumptions = [\"...\"]`",
            );
        }
        Grounds { sources, assumptions }
    }

    fn declared(&self, fields: &Fields, name: &'static str, what: &str, known: &[String]) -> Vec<String> {
        let elements = fields.optional(name).map(|node| node.list()).unwrap_or_default();
        let read = |element: &Node| {
            let key = element.string()?;
            must_be_known(element, key, what, known.iter().map(String::as_str));
            Some(key.to_owned())
        };
        elements.iter().filter_map(read).collect()
    }

    /// The optional `when` over parameters and variants.
    pub(super) fn when(&self, fields: &Fields) -> Option<Condition> {
        fields.optional("when").and_then(|node| condition_of(&node, &self.plan))
    }
}

/// A condition that must be there; a defect is recorded and `None` returned if it is not sound.
pub(super) fn condition(fields: &Fields, name: &'static str, scope: &Scope) -> Option<Condition> {
    condition_of(&fields.required(name)?, scope)
}

pub(super) fn condition_of(node: &Node, scope: &Scope) -> Option<Condition> {
    let source = node.string()?;
    let mistakes = match Condition::read(source, scope) {
        Ok(condition) => return Some(condition),
        Err(mistakes) => mistakes,
    };
    for mistake in mistakes {
        let at = node.position_inside(mistake.offset);
        node.report.add(at, &node.path, DefectCode::BadCondition, mistake.problem, mistake.fix);
    }
    None
}

pub(super) fn escalations(fields: &Fields, scope: &Scope) -> Vec<Escalation> {
    let read = |entry: &Fields| {
        let when = condition(entry, "when", scope);
        let (urgency, advice) = (urgency(entry), optional_text(entry, "advice"));
        entry.finish();
        when.map(|when| Escalation { when, urgency, advice })
    };
    fields.tables("escalate").iter().filter_map(read).collect()
}

pub(super) fn urgency(fields: &Fields) -> Urgency {
    fields.required("urgency").and_then(|node| node.word()).unwrap_or(Urgency::Note)
}

pub(super) fn choices(fields: &Fields) -> Vec<Choice> {
    let mut taken = BTreeSet::new();
    let read = |entry: &Fields| {
        let key = unique_key(entry, "key", Style::Label, &mut taken);
        let choice = Choice { key, label: text(entry, "label"), urgency: None };
        entry.finish();
        choice
    };
    fields.tables("choices").iter().map(read).collect()
}
