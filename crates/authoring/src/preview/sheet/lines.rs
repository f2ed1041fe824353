//! What the patient reads and is asked: the lines of the plan, its phases and its questions.

use super::{Row, Section, Writing};
use engine::{Hold, Item, ItemKind, Phase, Purpose, Question, SIGNS, Timed};

impl Writing<'_> {
    pub(super) fn restrictions(&self) -> Section {
        self.lines(self.reader.words.restrictions_and_holds, &[ItemKind::Restriction])
    }

    pub(super) fn other_lines(&self) -> [Section; 4] {
        let words = self.reader.words;
        [
            self.lines(words.instructions, &[ItemKind::Instruction, ItemKind::Task]),
            self.lines(words.education, &[ItemKind::Education]),
            self.lines(words.check_ins, &[ItemKind::CheckIn]),
            self.lines(words.photos, &[ItemKind::Photo]),
        ]
    }

    fn lines(&self, heading: &'static str, kinds: &[ItemKind]) -> Section {
        let items = self.protocol.items.iter().filter(|item| kinds.contains(&item.kind));
        self.section(heading, items.map(|item| self.line(item)).collect())
    }

    fn line(&self, item: &Item) -> Row {
        let words = self.reader.words;
        let text = item.text.as_ref().map(|text| self.reader.say(text)).unwrap_or_default();
        let slots = item.slots.iter().filter_map(|slot| self.protocol.slots.get(*slot));
        let hours: Vec<String> = slots.filter_map(|slot| self.reader.hours(slot)).collect();
        let row = Row::new(&item.key, self.reader.say(&item.title)).on(&item.days).from(&item.grounds);
        let row = self.only_for(row.note("", text), item.when.as_ref());
        let row = row.note(words.hours, hours.join(", "));
        let row = item.timed.iter().fold(row, |row, timed| self.timed(row, timed));
        let row = row.note(words.photos, item.views.join(", "));
        let row = row.note(words.asks, self.asked(item));
        let row =
            row.note(words.protects_from, item.protects_from.as_deref().map(|key| self.phase(key)).unwrap_or_default());
        let row = row.note("", if item.even_when_excluded { words.shown_meanwhile } else { "" });
        let row = item.hold.iter().fold(row, |row, hold| self.held(row, hold));
        row.note(words.range, item.range.clone().unwrap_or_default())
    }

    /// The hours of a line, with its words where the time of treatment is known.
    fn timed(&self, row: Row, timed: &Timed) -> Row {
        let words = self.reader.words;
        let after = |hours: i32| words.hours_after.replace("{hours}", &hours.to_string());
        let row = row.note(words.begins_after, timed.from_hour.map(after).unwrap_or_default());
        let row = row.note(words.ends_after, timed.until_hour.map(after).unwrap_or_default());
        let says: Vec<String> = timed.title.iter().chain(&timed.text).map(|text| self.reader.say(text)).collect();
        row.note(words.timed_says, says.join(" "))
    }

    fn held(&self, row: Row, hold: &Hold) -> Row {
        let words = self.reader.words;
        let unknown = if hold.if_unknown { words.hold_unknown } else { words.hold_known };
        let limits = format!("{}, {unknown}", self.with_day(words.hold_to, hold.to_day));
        self.condition(row, words.hold, &hold.when).note("", limits)
    }

    fn asked(&self, item: &Item) -> String {
        let form = item.form.as_ref().and_then(|key| self.protocol.forms.iter().find(|form| form.key == *key));
        form.map(|form| self.names(&form.questions)).unwrap_or_default()
    }

    fn phase(&self, key: &str) -> String {
        let phase = self.protocol.phases.iter().find(|phase| phase.key == key);
        phase.map(|phase| self.reader.say(&phase.title)).unwrap_or_default()
    }

    pub(super) fn phases(&self) -> Section {
        let row = |phase: &Phase| {
            let row = Row::new(&phase.key, self.reader.say(&phase.title)).on(&phase.days).from(&phase.grounds);
            let row = row.note("", self.reader.say(&phase.common)).note("", self.reader.say(&phase.advice));
            self.only_for(row, phase.when.as_ref())
        };
        self.section(self.reader.words.phases, self.protocol.phases.iter().map(row).collect())
    }

    pub(super) fn questions(&self) -> Section {
        let rows = self.protocol.questions.iter().map(|question| self.question(question));
        self.section(self.reader.words.questions, rows.collect())
    }

    fn question(&self, question: &Question) -> Row {
        let words = self.reader.words;
        let purpose = question.purpose.map(|purpose| match purpose {
            Purpose::Result => words.for_result,
            Purpose::Adherence => words.for_adherence,
            Purpose::Record => words.for_record,
        });
        let purpose = purpose.map(|purpose| format!("{}: {purpose}", words.no_rule)).unwrap_or_default();
        let hint = question.hint.as_ref().map(|hint| self.reader.say(hint)).unwrap_or_default();
        let row = Row::new(&question.key, self.reader.say(&question.text)).on(&question.days);
        let row = self.only_for(row.note("", hint), question.when.as_ref());
        let unanswered = question.choices.iter().find(|choice| question.unanswered.as_ref() == Some(&choice.key));
        let unanswered = unanswered.map(|choice| self.reader.say(&choice.label)).unwrap_or_default();
        let row = row.note(words.choices, self.choices_of(question)).note(words.default, unanswered).note("", purpose);
        row.note(words.scale, question.scale.clone().unwrap_or_default())
    }

    fn choices_of(&self, question: &Question) -> String {
        if question.key == SIGNS {
            return self.reader.words.signs.to_owned();
        }
        let choices = question.choices.iter().map(|choice| {
            let label = self.reader.say(&choice.label);
            if question.usual.contains(&choice.key) { format!("{label} ({})", self.reader.words.usual) } else { label }
        });
        choices.collect::<Vec<_>>().join(" | ")
    }
}
