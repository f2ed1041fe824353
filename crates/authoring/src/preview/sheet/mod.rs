//! The sheet for whoever approves a plan: all that it decides, in one table with its sources, to be ticked and signed.

mod grounds;
mod lines;
mod numbers;
mod sentences;
mod triggers;

use serde::Serialize;

use super::reader::{Reader, filled};
use engine::{Condition, Days, Grounds, Protocol, Urgency};
use sentences::sentence;

/// What the sheet shows. It is about the whole plan, not about one treatment.
#[derive(Debug, Serialize)]
pub(super) struct Sheet {
    title: String,
    key: String,
    hash: String,
    clinic: Option<String>,
    approval: String,
    sections: Vec<Section>,
}

/// Rows under one heading.
#[derive(Debug, Serialize)]
struct Section {
    heading: &'static str,
    hint: Option<&'static str>,
    rows: Vec<Row>,
}

/// One thing to agree with.
#[derive(Debug, Default, Serialize)]
struct Row {
    key: String,
    title: String,
    notes: Vec<Note>,
    days: String,
    urgency: Option<&'static str>,
    urgency_words: &'static str,
    sources: Vec<String>,
    assumptions: Vec<String>,
}

/// A part of what a row says.
#[derive(Debug, Serialize)]
struct Note {
    label: &'static str,
    text: String,
    /// Whether it stands as it is written in the document.
    is_code: bool,
}

/// The sheet of a plan. The hash says which document it is: a signature holds for no other.
pub(super) fn sheet(protocol: &Protocol, clinic: Option<String>, hash: String, reader: &Reader) -> Sheet {
    let writing = Writing { protocol, reader };
    let mut sections = vec![
        writing.exclusions(),
        writing.signs(),
        writing.rules(),
        writing.not_judged(),
        writing.restrictions(),
        writing.curves(),
        writing.numbers(),
        writing.choices(),
        writing.variants(),
        writing.phases(),
    ];
    sections.extend(writing.other_lines());
    sections.push(writing.questions());
    let (assumptions, sources) = (writing.assumptions(&sections), writing.sources(&sections));
    sections.extend([assumptions, sources]);
    sections.retain(|section| !section.rows.is_empty());
    Sheet {
        title: reader.say(&protocol.title),
        key: protocol.key.clone(),
        hash,
        clinic,
        approval: reader.say(&protocol.approval),
        sections,
    }
}

/// Writes the rows of a plan.
struct Writing<'a> {
    protocol: &'a Protocol,
    reader: &'a Reader<'a>,
}

impl Writing<'_> {
    fn section(&self, heading: &'static str, rows: Vec<Row>) -> Section {
        Section { heading, hint: None, rows }
    }

    /// "most to day 28", and other sentences with one day in them.
    fn with_day(&self, sentence: &'static str, day: i32) -> String {
        filled(sentence, &[("day", &day.to_string())])
    }

    fn only_for(&self, row: Row, when: Option<&Condition>) -> Row {
        match when {
            Some(when) => self.condition(row, self.reader.words.only_for, when),
            None => row,
        }
    }

    /// A condition as a sentence; as it is written if a part of it has no words.
    fn condition(&self, row: Row, label: &'static str, when: &Condition) -> Row {
        match sentence(self, when) {
            Some(sentence) => row.note(label, sentence),
            None => row.code(label, when.source()),
        }
    }

    /// The name for people of a parameter, a variant or a question.
    fn called(&self, name: &str) -> Option<String> {
        let parameter = self.protocol.parameters.iter().find(|one| one.key == name).map(|one| &one.label);
        let variant = || self.protocol.variants.iter().find(|one| one.key == name).map(|one| &one.label);
        let question = || self.protocol.questions.iter().find(|one| one.key == name)?.name.as_ref();
        parameter.or_else(variant).or_else(question).map(|label| self.reader.say(label))
    }

    fn urgent(&self, mut row: Row, urgency: Urgency) -> Row {
        row.urgency = Some(urgency.as_str());
        row.urgency_words = self.reader.words.urgency(urgency);
        row
    }
}

impl Row {
    fn new(key: &str, title: impl Into<String>) -> Self {
        Self { key: key.to_owned(), title: title.into(), ..Self::default() }
    }

    /// With a sentence under a label; none if there is nothing to say.
    fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.notes.push(Note { label, text, is_code: false });
        }
        self
    }

    /// With what the document says, as it is written there.
    fn code(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.notes.push(Note { label, text: text.into(), is_code: true });
        self
    }

    fn on(mut self, days: &Days) -> Self {
        self.days = days.to_string();
        self
    }

    fn from(mut self, grounds: &Grounds) -> Self {
        self.sources.clone_from(&grounds.sources);
        self.assumptions.clone_from(&grounds.assumptions);
        self
    }
}
