//! The numbers and choices of a plan: what is expected, what the clinic fills in, whom the plan tells apart.

use super::super::reader::filled;
use super::{Row, Section, Writing};
use engine::{Adjust, ClinicText, Curve, Known, Parameter, ParameterKind, Sessions, Slot, Variant};

impl Writing<'_> {
    pub(super) fn curves(&self) -> Section {
        let curve = |curve: &Curve| {
            Row::new(&curve.symptom, self.name(&curve.symptom))
                .note("", self.levels(&curve.levels))
                .from(&curve.grounds)
        };
        let rows = self.protocol.curves.iter().map(curve);
        let rows = rows.chain(self.protocol.adjusts.iter().map(|adjust| self.adjust(adjust)));
        self.section(self.reader.words.curves, rows.collect())
    }

    /// "day 0: 6 · day 1: 5 · day 2-4: 3 · from day 5: 0": neighbours that are the same are one.
    fn levels(&self, levels: &[u8]) -> String {
        let mut runs: Vec<(usize, usize, u8)> = Vec::new();
        for (day, level) in levels.iter().enumerate() {
            match runs.last_mut().filter(|(_, _, last)| last == level) {
                Some((_, to, _)) => *to = day,
                None => runs.push((day, day, *level)),
            }
        }
        let last = runs.len().saturating_sub(1);
        let text = |(index, (from, to, level)): (usize, &(usize, usize, u8))| {
            let days = if index == last {
                format!("≥ {from}")
            } else if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            };
            format!("{days}: {level}")
        };
        let runs: Vec<String> = runs.iter().enumerate().map(text).collect();
        format!("{} {}", self.reader.words.day, runs.join(" · "))
    }

    fn adjust(&self, adjust: &Adjust) -> Row {
        let words = self.reader.words;
        let symptoms =
            if adjust.symptoms.is_empty() { words.all_symptoms.to_owned() } else { self.names(&adjust.symptoms) };
        let change = format!("{:+}, {}: {symptoms}", adjust.add, self.with_day(words.from_day, adjust.from_day));
        self.only_for(Row::new("", change), adjust.when.as_ref()).from(&adjust.grounds)
    }

    pub(super) fn numbers(&self) -> Section {
        let (words, protocol) = (self.reader.words, self.protocol);
        let mut rows = vec![
            Row::new("horizon_day", words.last_day).note("", protocol.horizon_day.to_string()),
            Row::new("r2_start_day", words.r2_start).note("", protocol.r2_start_day.to_string()),
        ];
        rows.extend(protocol.sessions.iter().map(|sessions| self.sessions(sessions)));
        rows.extend(protocol.slots.iter().map(|slot| self.slot(slot)));
        self.section(words.numbers_of_the_plan, rows)
    }

    fn sessions(&self, sessions: &Sessions) -> Row {
        let words = self.reader.words;
        let usual = sessions.default.map(|number| filled(words.sessions_usual, &[("number", &number.to_string())]));
        let (number, least) = (sessions.interval_days.to_string(), sessions.min_interval_days.to_string());
        let row = Row::new("sessions", words.sessions).note("", usual.unwrap_or_default());
        let row = row.note("", filled(words.sessions_apart, &[("number", &number), ("least", &least)]));
        let row = row.note("", if sessions.replaces_tail_when_sooner { words.sessions_replace } else { "" });
        row.note(words.range, sessions.range.clone().unwrap_or_default()).from(&sessions.grounds)
    }

    fn slot(&self, slot: &Slot) -> Row {
        let words = self.reader.words;
        let remind = slot.remind.map(|time| time.to_string()).unwrap_or_default();
        let row = Row::new(&slot.key, format!("{}-{}", slot.opens, slot.closes));
        row.note(words.reminder, remind).note(words.late_until, slot.late_until.to_string())
    }

    pub(super) fn choices(&self) -> Section {
        let parameters = self.protocol.parameters.iter().map(|parameter| self.parameter(parameter));
        let texts = self.protocol.clinic_texts.iter().map(|text| self.clinic_text(text));
        self.section(self.reader.words.choices_of_the_clinic, parameters.chain(texts).collect())
    }

    fn parameter(&self, parameter: &Parameter) -> Row {
        let words = self.reader.words;
        let bound = |bound: Option<f64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        let takes = match parameter.kind {
            ParameterKind::Flag => words.yes_or_no.to_owned(),
            ParameterKind::Choice => parameter.choices.join(" | "),
            ParameterKind::Decimal => format!("{}-{}", bound(parameter.min), bound(parameter.max)),
        };
        let default = match &parameter.default {
            Some(Known::Flag(flag)) => if *flag { words.yes } else { words.no }.to_owned(),
            Some(Known::Word(word)) => word.clone(),
            Some(known) => known.to_json().to_string(),
            None if parameter.required => String::new(),
            None if parameter.kind == ParameterKind::Flag => words.no.to_owned(),
            None => String::new(),
        };
        let row = Row::new(&parameter.key, self.reader.say(&parameter.label)).note(words.choices, takes);
        row.note("", if parameter.required { words.must_be_said } else { "" }).note(words.default, default)
    }

    fn clinic_text(&self, text: &ClinicText) -> Row {
        let words = self.reader.words;
        let fallback = text.fallback.as_ref().map(|fallback| self.reader.say(fallback)).unwrap_or_default();
        let row = Row::new(&text.key, self.reader.say(&text.label));
        row.note("", if text.required { words.must_be_said } else { "" }).note(words.default, fallback)
    }

    pub(super) fn variants(&self) -> Section {
        let words = self.reader.words;
        let row =
            |one: &Variant| self.condition(Row::new(&one.key, self.reader.say(&one.label)), words.condition, &one.when);
        self.section(words.variants, self.protocol.variants.iter().map(row).collect())
    }
}
