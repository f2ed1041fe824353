//! A strict reader over a TOML table: every key must be asked for, and every wrong value says where it stands.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::codes::DefectCode;
use super::defect::{Report, listed, nearest};
use crate::text::has_controls;

/// Tables of one kind: the lines, the rules. What is checked grows with each; the library's longest plan has 72 lines.
const MOST_TABLES: usize = 300;
/// Values of one list: every day of the longest plan.
const MOST_VALUES: usize = 732;

/// One value of the document and where it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) report: &'a Report<'a>,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Node<'a> {
    /// Records a defect at this value.
    pub(super) fn wrong(&self, code: DefectCode, problem: impl Into<String>, fix: impl Into<String>) {
        self.report.add(self.span.start, &self.path, code, problem, fix);
    }

    fn wrong_type(&self, wanted: &str, example: &str) {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(
            DefectCode::WrongType,
            format!("expected {wanted}, found {found}"),
            format!("write it like {example}"),
        );
    }

    pub(super) fn string(&self) -> Option<&'a str> {
        if let DeValue::String(text) = self.value {
            return Some(text);
        }
        self.wrong_type("a string", "\"text\"");
        None
    }

    pub(super) fn integer(&self) -> Option<i32> {
        let DeValue::Integer(digits) = self.value else {
            self.wrong_type("a whole number", "7");
            return None;
        };
        let number = i32::from_str_radix(digits.as_str(), digits.radix()).ok();
        if number.is_none() {
            self.wrong(DefectCode::OutOfRange, "this number is too large", "use a number of at most nine digits");
        }
        number
    }

    pub(super) fn decimal(&self) -> Option<f64> {
        let number = match self.value {
            DeValue::Integer(digits) => digits.as_str().parse().ok(),
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.wrong_type("a number", "0.5");
        }
        number
    }

    pub(super) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type("true or false", "true");
        }
        flag
    }

    pub(super) fn list(&self) -> Vec<Node<'a>> {
        self.list_of(MOST_VALUES)
    }

    /// The first so many elements; more are a defect.
    fn list_of(&self, most: usize) -> Vec<Node<'a>> {
        let DeValue::Array(elements) = self.value else {
            self.wrong_type("a list", "[\"a\", \"b\"]");
            return Vec::new();
        };
        if elements.len() > most {
            let problem = format!("there are {} of these; at most {most} are read", elements.len());
            self.wrong(DefectCode::OutOfRange, problem, "make them fewer, or split the plan in two");
        }
        elements
            .iter()
            .take(most)
            .enumerate()
            .map(|(index, element)| node(self.report, format!("{}[{index}]", self.path), element))
            .collect()
    }

    pub(super) fn fields(&self) -> Option<Fields<'a>> {
        let DeValue::Table(table) = self.value else {
            self.wrong_type("a table", "{ key = \"value\" }");
            return None;
        };
        Some(Fields {
            report: self.report,
            path: self.path.clone(),
            start: self.span.start,
            table,
            asked: RefCell::default(),
        })
    }

    /// Records every control character in this value that is neither the end of a line nor a tab: nothing downstream keeps them alike.
    fn refuse_controls(&self) {
        match self.value {
            DeValue::String(text) if has_controls(text) => self.wrong(
                DefectCode::ControlCharacter,
                "this text has a control character",
                "remove it; only new lines and tabs are taken",
            ),
            DeValue::Array(_) => self.list().iter().for_each(Node::refuse_controls),
            DeValue::Table(_) => self.fields().iter().for_each(Fields::refuse_controls),
            _ => {}
        }
    }

    /// A day like `7`, `"7"` or `"0-3"`; the range may run backwards.
    pub(super) fn as_written_days(&self) -> Option<std::ops::RangeInclusive<i32>> {
        let text = match self.value {
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
            DeValue::String(text) => text.as_ref(),
            _ => return None,
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    }

    /// The byte in the document at which a character of this string stands; escapes like `\\"` count as one.
    pub(super) fn position_inside(&self, characters: usize) -> usize {
        let written = self.report.written(&self.span);
        let quote = written.chars().next().unwrap_or('"');
        if written.starts_with([quote; 3].iter().collect::<String>().as_str()) {
            return self.span.start; // a text of several lines: its start is near enough
        }
        let mut rest = written.char_indices().skip(1);
        for _ in 0..characters {
            match rest.next() {
                Some((_, '\\')) if quote == '"' => drop(rest.next()),
                Some(_) => {}
                None => break,
            }
        }
        self.span.start + rest.next().map_or(written.len(), |(byte, _)| byte)
    }

    /// A whole number inside a range.
    pub(super) fn integer_in(&self, range: std::ops::RangeInclusive<i32>) -> Option<i32> {
        let number = self.integer()?;
        if range.contains(&number) {
            return Some(number);
        }
        let (low, high) = (range.start(), range.end());
        self.wrong(
            DefectCode::OutOfRange,
            format!("{number} is outside {low} to {high}"),
            format!("use a number from {low} to {high}"),
        );
        None
    }

    /// A word of one of the engine's vocabularies.
    pub(super) fn word<T: std::str::FromStr<Err = super::UnknownWord>>(&self) -> Option<T> {
        let text = self.string()?;
        let parsed = text.parse::<T>();
        parsed
            .map_err(|unknown| {
                self.wrong(
                    DefectCode::UnknownWord,
                    format!("`{text}` is not known here"),
                    format!("use one of: {}", unknown.allowed),
                )
            })
            .ok()
    }
}

fn node<'a>(report: &'a Report<'a>, path: String, value: &'a Spanned<DeValue<'a>>) -> Node<'a> {
    Node { report, path, span: value.span(), value: value.get_ref() }
}

/// One table of the document; `finish` refuses the keys nobody asked for.
pub(super) struct Fields<'a> {
    pub(super) report: &'a Report<'a>,
    pub(super) path: String,
    pub(super) start: usize,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(super) fn root(report: &'a Report<'a>, table: &'a DeTable<'a>) -> Self {
        Self { report, path: String::new(), start: 0, table, asked: RefCell::default() }
    }

    pub(super) fn optional(&self, key: &'static str) -> Option<Node<'a>> {
        if !self.asked.borrow().contains(&key) {
            self.asked.borrow_mut().push(key);
        }
        let value = self.table.get(key)?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(node(self.report, path, value))
    }

    pub(super) fn required(&self, key: &'static str) -> Option<Node<'a>> {
        let found = self.optional(key);
        if found.is_none() {
            self.wrong(DefectCode::MissingKey, format!("`{key}` is missing"), format!("add `{key} = ...` here"));
        }
        found
    }

    /// Records a defect at the start of this table.
    pub(super) fn wrong(&self, code: DefectCode, problem: impl Into<String>, fix: impl Into<String>) {
        self.report.add(self.start, &self.path, code, problem, fix);
    }

    /// The elements of an array of tables; none if the key is absent.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Fields<'a>> {
        let elements = self.optional(key).map(|list| list.list_of(MOST_TABLES)).unwrap_or_default();
        elements.iter().filter_map(Node::fields).collect()
    }

    /// Every key with its value, for tables whose keys are data.
    pub(super) fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let key: &'a std::borrow::Cow<'a, str> = key.get_ref();
            (key.as_ref(), node(self.report, format!("{}.{key}", self.path), value))
        };
        self.table.iter().map(entry).collect()
    }

    /// Records every control character below here, in keys and values.
    pub(super) fn refuse_controls(&self) {
        for (key, value) in self.entries() {
            if has_controls(key) {
                value.wrong(DefectCode::ControlCharacter, "this key has a control character", "remove it");
            }
            value.refuse_controls();
        }
    }

    /// Refuses every key that was not asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if asked.contains(&name) {
                continue;
            }
            let fix = match nearest(name, asked.iter().copied()) {
                Some(meant) => format!("write `{meant}`, or remove it"),
                None => format!("remove it; known here are: {}", listed(asked.iter().copied())),
            };
            self.report.add(key.span().start, &self.path, DefectCode::UnknownKey, format!("unknown key `{name}`"), fix);
        }
    }
}
