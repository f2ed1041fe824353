//! What a plan rests on: each assumption with its whole text, each source with its title, and where each is used.

use super::super::facts;
use super::{Row, Section, Writing};
use engine::OwnGround;

impl Writing<'_> {
    pub(super) fn assumptions(&self, sections: &[Section]) -> Section {
        let words = self.reader.words;
        let row = |key: &String| {
            let own = own(&self.protocol.own_assumptions, key);
            let text = own.clone().or_else(|| facts::assumption(key)).unwrap_or_default();
            let used = used_in(sections, |row| row.assumptions.contains(key));
            Row::new(key, text).note("", own.map(|_| words.own).unwrap_or_default()).note(words.used_in, used)
        };
        self.section(words.assumptions, self.protocol.assumptions.iter().map(row).collect())
    }

    pub(super) fn sources(&self, sections: &[Section]) -> Section {
        let words = self.reader.words;
        let row = |key: &String| {
            let used = used_in(sections, |row| row.sources.contains(key));
            let row = match (own(&self.protocol.own_sources, key), facts::source(key)) {
                (Some(own), _) => Row::new(key, own).note("", words.own),
                (None, Some(source)) => Row::new(key, source.words).note(words.grade, source.grade),
                (None, None) => Row::new(key, ""),
            };
            row.note(words.used_in, used)
        };
        let mut section = self.section(words.sources, self.protocol.sources.iter().map(row).collect());
        section.hint = Some(words.grades);
        section
    }
}

fn own(grounds: &[OwnGround], key: &str) -> Option<String> {
    grounds.iter().find(|ground| ground.key == *key).map(|ground| ground.words.clone())
}

fn used_in(sections: &[Section], uses: impl Fn(&Row) -> bool) -> String {
    let rows = sections.iter().flat_map(|section| &section.rows).filter(|row| uses(row));
    rows.map(|row| row.key.as_str()).filter(|key| !key.is_empty()).collect::<Vec<_>>().join(", ")
}
