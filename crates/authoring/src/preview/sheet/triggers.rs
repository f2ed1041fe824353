//! What stops a plan or raises an alert: exclusions, signs, rules, and the days on which nothing does.

use std::collections::BTreeMap;

use super::super::reader::filled;
use super::{Row, Section, Writing};
use crate::NotJudgedDays;
use engine::{Escalation, Exclusion, Rule, Sign, Trigger};

impl Writing<'_> {
    pub(super) fn exclusions(&self) -> Section {
        let words = self.reader.words;
        let row = |one: &Exclusion| {
            let row = Row::new(&one.key, self.reader.say(&one.text)).from(&one.grounds);
            self.condition(row, words.condition, &one.when)
        };
        self.section(words.exclusions, self.protocol.exclusions.iter().map(row).collect())
    }

    pub(super) fn signs(&self) -> Section {
        let row = |sign: &Sign| {
            let row = Row::new(&sign.key, self.reader.say(&sign.text)).on(&sign.days).from(&sign.grounds);
            let row = self.only_for(row, sign.when.as_ref());
            let row = row.note(self.reader.words.advice, self.reader.say(&sign.advice));
            self.urgent(self.escalated(row, &sign.escalate), sign.urgency)
        };
        self.section(self.reader.words.signs, self.protocol.signs.iter().map(row).collect())
    }

    pub(super) fn rules(&self) -> Section {
        let words = self.reader.words;
        let mut section = self.section(words.rules, self.protocol.rules.iter().map(|rule| self.rule(rule)).collect());
        section.hint = Some(words.reading_all);
        section
    }

    fn rule(&self, rule: &Rule) -> Row {
        let words = self.reader.words;
        let on = match rule.on {
            Trigger::Answers => "",
            Trigger::Silence => words.on_silence,
            Trigger::Day => words.on_day,
        };
        let row = Row::new(&rule.key, self.reader.say(&rule.reason)).on(&rule.days).from(&rule.grounds);
        let row = row.note("", on).note(words.each_of, self.names(&rule.for_each));
        let row = self.condition(row, words.condition, &rule.when);
        let row = row.note(words.advice, self.reader.say(&rule.advice));
        self.urgent(self.escalated(row, &rule.escalate), rule.urgency)
    }

    fn escalated(&self, row: Row, escalations: &[Escalation]) -> Row {
        let words = self.reader.words;
        escalations.iter().fold(row, |row, one| {
            let advice = one.advice.as_ref().map(|advice| self.reader.say(advice)).unwrap_or_default();
            let row = row.note(words.raised, words.urgency(one.urgency));
            self.condition(row, words.raised_if, &one.when).note(words.advice, advice)
        })
    }

    /// The names of questions, as answers are named.
    pub(super) fn names(&self, questions: &[String]) -> String {
        let names: Vec<String> = questions.iter().map(|key| self.name(key)).collect();
        names.join(", ")
    }

    /// What a question asks about: its name, else the question.
    pub(super) fn name(&self, key: &str) -> String {
        let question = self.protocol.questions.iter().find(|question| question.key == key);
        question.map_or_else(|| key.to_owned(), |one| self.reader.say(one.name.as_ref().unwrap_or(&one.text)))
    }

    /// Questions with the days on which no rule looks at an answer: nobody is told of it unless they look.
    pub(super) fn not_judged(&self) -> Section {
        let mut by_question: BTreeMap<(String, bool), Vec<NotJudgedDays>> = BTreeMap::new();
        for found in crate::not_judged_days(self.protocol) {
            by_question.entry((found.question.clone(), found.asked)).or_default().push(found);
        }
        let row =
            |((question, asked), found): ((String, bool), Vec<NotJudgedDays>)| self.kept(&question, asked, &found);
        self.section(self.reader.words.not_judged, by_question.into_iter().map(row).collect())
    }

    fn kept(&self, question: &str, asked: bool, found: &[NotJudgedDays]) -> Row {
        let words = self.reader.words;
        let answer = found.first().map(|found| found.answer.as_str()).unwrap_or_default();
        let mut row = Row::new(question, self.name(question))
            .note("", filled(words.never_judged, &[("answer", answer)]))
            .note("", if asked { words.asked_then } else { words.not_asked_then });
        row.days = engine::Days::new(found.iter().map(|found| found.first..=found.last).collect()).to_string();
        row
    }
}
