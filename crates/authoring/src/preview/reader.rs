//! Reads a plan's texts and days in one language, for one clinic and perhaps for one date.

use std::collections::BTreeMap;

use jiff::civil;

use super::clinic::ClinicWords;
use super::words::Words;
use engine::{Protocol, Slot, Text};

/// The built-in placeholders of texts.
const NUMBERS: [&str; 3] = ["clinic_phone", "out_of_hours", "emergency_number"];

/// One language, one clinic, one date of treatment.
pub(super) struct Reader<'a> {
    pub(super) locale: &'a str,
    pub(super) words: &'static Words,
    /// The date of day 0; without it days are called by their numbers.
    pub(super) treated_on: Option<civil::Date>,
    /// What stands instead of `{name}`.
    instead: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        protocol: &Protocol,
        clinic: &ClinicWords,
        locale: &'a str,
        treated_on: Option<civil::Date>,
    ) -> Self {
        let words = Words::of(locale);
        let number = |name: &str| clinic.word(name).or_else(|| words.missing(name));
        let numbers = NUMBERS.iter().filter_map(|name| Some(((*name).to_owned(), number(name)?.to_owned())));
        let texts = protocol.clinic_texts.iter().map(|declared| {
            let instead = match clinic.text(&declared.key, locale, &protocol.clinic_texts) {
                Some(text) => engine::fill(text, number).into_owned(),
                None => format!("[{}]", declared.label.in_locale(&[locale])),
            };
            (declared.key.clone(), instead)
        });
        Self { locale, words, treated_on, instead: numbers.chain(texts).collect() }
    }

    /// A text in the language of the reader. What only a clinic knows and has not said stands in square brackets.
    pub(super) fn say(&self, text: &Text) -> String {
        self.fill(text.in_locale(&[self.locale]))
    }

    /// A sentence with the numbers of the clinic in it.
    pub(super) fn fill(&self, sentence: &str) -> String {
        engine::fill(sentence, |name| self.instead.get(name).map(String::as_str)).into_owned()
    }

    /// The date of a day, if the date of the treatment is known.
    pub(super) fn date(&self, day: i32) -> Option<civil::Date> {
        self.treated_on.map(|zero| zero.saturating_add(jiff::Span::new().days(day)))
    }

    /// `Friday 6 March`, with the year if it is another than that of the treatment; without dates `day 7`.
    pub(super) fn long(&self, day: i32) -> String {
        let Some(date) = self.date(day) else { return filled(self.words.a_day, &[("day", &day.to_string())]) };
        let text = self.dated(self.words.date_long, date, (&self.words.weekdays, &self.words.months));
        if self.treated_on.is_some_and(|zero| zero.year() == date.year()) {
            return text;
        }
        self.with_year(&text, date)
    }

    /// `Fri 6 Mar`; without dates `Day 7`.
    pub(super) fn short(&self, day: i32) -> String {
        match self.date(day) {
            Some(date) => self.short_date(date),
            None => format!("{} {day}", self.words.day),
        }
    }

    /// `Fri 6 Mar 2026`: for a list that may be read years later.
    pub(super) fn short_with_year(&self, date: civil::Date) -> String {
        format!("{} {}", self.short_date(date), date.year())
    }

    /// `Friday 6 March 2026`.
    pub(super) fn long_with_year(&self, date: civil::Date) -> String {
        let text = self.dated(self.words.date_long, date, (&self.words.weekdays, &self.words.months));
        self.with_year(&text, date)
    }

    /// `up to and including Friday 6 March`.
    pub(super) fn until(&self, day: i32) -> String {
        filled(self.words.until, &[("date", &self.long(day))])
    }

    /// The hours of a window in words; nothing if it is the whole day.
    pub(super) fn hours(&self, slot: &Slot) -> Option<String> {
        let (from, to) = (slot.opens.to_string(), slot.closes.to_string());
        match (from.as_str(), to.as_str()) {
            ("00:00", "24:00") => None,
            (hour, "24:00") => Some(filled(self.words.from_hour, &[("hour", hour)])),
            (from, to) => Some(filled(self.words.between_hours, &[("from", from), ("to", to)])),
        }
    }

    fn short_date(&self, date: civil::Date) -> String {
        self.dated(self.words.date_short, date, (&self.words.weekdays_short, &self.words.months_short))
    }

    fn with_year(&self, text: &str, date: civil::Date) -> String {
        filled(self.words.with_year, &[("date", text), ("year", &date.year().to_string())])
    }

    fn dated(&self, form: &str, date: civil::Date, names: (&[&str; 7], &[&str; 12])) -> String {
        let weekday = nth(names.0, date.weekday().to_monday_zero_offset());
        let month = nth(names.1, date.month().saturating_sub(1));
        filled(form, &[("weekday", weekday), ("day", &date.day().to_string()), ("month", month)])
    }
}

fn nth<'w>(words: &[&'w str], n: i8) -> &'w str {
    usize::try_from(n).ok().and_then(|n| words.get(n)).copied().unwrap_or_default()
}

/// A sentence of `Words` with its places filled.
pub(super) fn filled(sentence: &str, places: &[(&str, &str)]) -> String {
    let word = |name: &str| places.iter().find(|(place, _)| *place == name).map(|(_, word)| *word);
    engine::fill(sentence, word).into_owned()
}
