//! What is compared in a condition: names, numbers, choices, and what is reckoned with them.

use super::super::super::reader::filled;
use super::Sentences;
use engine::{Expression, Operation, ParameterKind, QuestionKind, SIGNS};

impl<'w> Sentences<'w> {
    /// A value. What stands on the other side of the comparison says what a word or a number means.
    pub(super) fn value(&self, at: &'w Expression, beside: Option<&'w Expression>) -> Option<String> {
        let words = self.writing.reader.words;
        Some(match at {
            Expression::Name(name) => self.name(name),
            Expression::Whole(number) => number.to_string(),
            Expression::Decimal(number) => self.decimal(*number, beside),
            Expression::Word(word) => self.word(word, beside),
            Expression::List(elements) => {
                let elements: Option<Vec<String>> = elements.iter().map(|one| self.value(one, beside)).collect();
                let elements = elements?;
                match elements.as_slice() {
                    [] => words.if_nothing.to_owned(),
                    elements => self.listed(&elements.iter().map(String::as_str).collect::<Vec<_>>()),
                }
            }
            Expression::Reckon(how, a, b) => {
                let form = match how {
                    Operation::Plus => words.if_plus,
                    Operation::Minus => words.if_minus,
                    Operation::Times => words.if_times,
                };
                let sides = [self.side(a, *how, false, beside)?, self.side(b, *how, true, beside)?];
                let [a, b] = &sides;
                filled(form, &[("a", a), ("b", b)])
            }
            Expression::Negative(inner) => {
                filled(words.if_negative, &[("a", &self.side(inner, Operation::Times, true, beside)?)])
            }
            Expression::Choose(when, then, otherwise) => {
                let parts = [self.clause(when, true)?, self.value(then, beside)?, self.value(otherwise, beside)?];
                let [when, then, otherwise] = &parts;
                filled(words.if_chosen, &[("when", when), ("then", then), ("otherwise", otherwise)])
            }
            Expression::Size(list) => filled(words.if_size, &[("list", &self.value(list, None)?)]),
            clause => self.quoted(&self.clause(clause, true)?),
        })
    }

    /// One side of a sum or product, in brackets where it would be read otherwise.
    fn side(
        &self,
        at: &'w Expression,
        how: Operation,
        is_right: bool,
        beside: Option<&'w Expression>,
    ) -> Option<String> {
        let value = self.value(at, beside)?;
        let is_apart = match at {
            Expression::Reckon(Operation::Times, ..) => is_right && how == Operation::Times,
            Expression::Reckon(..) => how == Operation::Times || (is_right && how == Operation::Minus),
            _ => false,
        };
        Some(if is_apart { format!("({value})") } else { value })
    }

    /// What a variable is called for people.
    pub(super) fn name(&self, name: &str) -> String {
        let words = self.writing.reader.words;
        if self.is_element(name) {
            return self.quoted(name);
        }
        if let Some(called) = self.writing.called(name) {
            return self.quoted(&called);
        }
        match name {
            "day" => words.if_the_day.to_owned(),
            "r2_start_day" => {
                filled(words.if_rise_day, &[("b", &self.day(i64::from(self.writing.protocol.r2_start_day)))])
            }
            "level" => words.if_level.to_owned(),
            "expected" => words.if_expected.to_owned(),
            "previous" => words.if_previous.to_owned(),
            "symptom" => words.if_symptom.to_owned(),
            SIGNS => words.if_signs.to_owned(),
            "previous_signs" => words.if_signs_before.to_owned(),
            "missed_in_a_row" => words.if_missed.to_owned(),
            "answered_any" => words.if_answered.to_owned(),
            _ => self.derived(name).unwrap_or_else(|| self.quoted(&self.writing.name(name))),
        }
    }

    /// The answer before, and the level of the curve.
    fn derived(&self, name: &str) -> Option<String> {
        let words = self.writing.reader.words;
        let of = |suffix: &str| name.strip_suffix(suffix).filter(|key| self.question(key).is_some());
        let before = || Some(filled(words.if_before, &[("a", &self.quoted(&self.writing.name(of("_previous")?)))]));
        let expected = || {
            let symptom = name.strip_suffix("_expected")?;
            Some(filled(words.if_expected_of, &[("a", &self.quoted(&self.writing.name(symptom)))]))
        };
        if self.question(name).is_some() { None } else { before().or_else(expected) }
    }

    pub(super) fn is_element(&self, name: &str) -> bool {
        self.elements.iter().any(|(element, _)| *element == name)
    }

    /// Whether a variable is true or false.
    pub(super) fn is_flag(&self, name: &str) -> bool {
        let protocol = self.writing.protocol;
        let parameter = protocol.parameters.iter().find(|parameter| parameter.key == name);
        let is_answer = |key: &str| self.question(key).is_some_and(|one| one.kind == QuestionKind::Flag);
        !self.is_element(name)
            && (name == "answered_any"
                || parameter.is_some_and(|parameter| parameter.kind == ParameterKind::Flag)
                || protocol.variants.iter().any(|variant| variant.key == name)
                || is_answer(name)
                || name.strip_suffix("_previous").is_some_and(is_answer))
    }

    /// A choice, a sign or a symptom, as it is called where it stands on the other side.
    fn word(&self, word: &str, beside: Option<&'w Expression>) -> String {
        let Some(name) = beside.and_then(|beside| self.subject(beside)) else { return self.quoted(word) };
        if matches!(name, SIGNS | "previous_signs") {
            return word.to_owned();
        }
        if name == "symptom" {
            return self.quoted(&self.writing.name(word));
        }
        let question = self.question(name).or_else(|| self.question(name.strip_suffix("_previous")?));
        let choice = question.and_then(|question| question.choices.iter().find(|choice| choice.key == word));
        match choice {
            Some(choice) => self.quoted(&self.writing.reader.say(&choice.label)),
            None => self.quoted(&word.replace('_', " ")),
        }
    }

    /// The variable that an expression is about.
    fn subject<'e>(&'e self, at: &'e Expression) -> Option<&'e str> {
        match at {
            Expression::Name(name) => match self.elements.iter().rev().find(|(element, _)| element == name) {
                Some((_, list)) => self.subject(list),
                None => Some(name),
            },
            Expression::Reckon(_, a, b) | Expression::Choose(_, a, b) => self.subject(a).or_else(|| self.subject(b)),
            Expression::List(elements) => elements.iter().find_map(|element| self.subject(element)),
            Expression::Negative(inner) => self.subject(inner),
            _ => None,
        }
    }

    fn decimal(&self, number: f64, beside: Option<&'w Expression>) -> String {
        let words = self.writing.reader.words;
        let written = format!("{number:?}").replace('.', words.decimal_mark);
        let is_temperature = |name: &str| {
            let question = self.question(name).or_else(|| self.question(name.strip_suffix("_previous")?));
            question.is_some_and(|question| question.kind == QuestionKind::Temperature)
        };
        let is_degrees = beside.and_then(|beside| self.subject(beside)).is_some_and(is_temperature);
        if is_degrees { format!("{written} °C") } else { written }
    }

    pub(super) fn day(&self, day: i64) -> String {
        filled(self.writing.reader.words.a_day, &[("day", &day.to_string())])
    }

    pub(super) fn quoted(&self, words: &str) -> String {
        filled(self.writing.reader.words.quoted, &[("words", words)])
    }

    /// "A, B or C".
    pub(super) fn listed(&self, words: &[&str]) -> String {
        match words {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [before @ .., last] => format!("{}{}{last}", before.join(", "), self.writing.reader.words.list_or),
        }
    }
}
