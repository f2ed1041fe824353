//! Conditions as sentences: what must hold, in the language of the sheet, with the names that the plan gives to what is read.

mod values;

use super::super::reader::filled;
use super::Writing;
use engine::{Comparison, Condition, Expression, Operation, Question, QuestionKind};

/// Writes the sentences of one condition.
pub(super) struct Sentences<'w> {
    writing: &'w Writing<'w>,
    /// What elements are called inside `exists` and `all`, with the list that they are of.
    elements: Vec<(&'w str, &'w Expression)>,
}

/// The sentence of a condition; `None` if a part of it has no words.
pub(super) fn sentence(writing: &Writing, when: &Condition) -> Option<String> {
    let expression = when.expression();
    Sentences { writing, elements: Vec::new() }.clause(expression, true)
}

impl<'w> Sentences<'w> {
    /// What must be so for a part to hold, or not to hold.
    fn clause(&self, at: &'w Expression, holds: bool) -> Option<String> {
        let words = self.writing.reader.words;
        match at {
            Expression::Flag(flag) => Some(if *flag == holds { words.if_always } else { words.if_never }.to_owned()),
            Expression::Not(inner) => self.clause(inner, !holds),
            Expression::And(parts) => self.joined(parts, holds, if holds { words.if_and } else { words.if_or }),
            Expression::Or(parts) if holds => self.any_of(parts),
            Expression::Or(parts) => self.joined(parts, holds, words.if_and),
            Expression::Name(name) => Some(self.flag(name, holds)),
            Expression::Compare(Comparison::In, a, b) if !holds => self.not_contained(a, b),
            Expression::Compare(how, a, b) => self.compared(if holds { *how } else { turned(*how)? }, a, b),
            Expression::Choose(when, then, otherwise) => {
                let parts = [self.clause(when, true)?, self.clause(then, holds)?, self.clause(otherwise, holds)?];
                let [when, then, otherwise] = &parts;
                Some(filled(words.if_choose, &[("when", when), ("then", then), ("otherwise", otherwise)]))
            }
            Expression::Each { list, name, holds: asked, of_all } => {
                let form = if *of_all == holds { words.if_every } else { words.if_some };
                let mut elements = self.elements.clone();
                elements.push((name, list));
                let inner = Self { writing: self.writing, elements }.clause(asked, holds)?;
                let (list, name) = (self.value(list, None)?, self.quoted(name));
                Some(filled(form, &[("list", &list), ("name", &name), ("it", &inner)]))
            }
            _ => None,
        }
    }

    /// Parts that are joined by one word, each in brackets if it is joined by another itself.
    fn joined(&self, parts: &'w [Expression], holds: bool, by: &str) -> Option<String> {
        let parts: Option<Vec<String>> = parts.iter().map(|part| self.part(part, holds)).collect();
        Some(parts?.join(by))
    }

    fn part(&self, part: &'w Expression, holds: bool) -> Option<String> {
        let clause = self.clause(part, holds)?;
        Some(if is_joined(part) { format!("({clause})") } else { clause })
    }

    /// Parts of which one is enough; signs are named together.
    fn any_of(&self, parts: &'w [Expression]) -> Option<String> {
        let words = self.writing.reader.words;
        let (signs, others): (Vec<_>, Vec<_>) = parts.iter().partition(|part| sign_in(part).is_some());
        if signs.len() < 2 {
            return self.joined(parts, true, words.if_or);
        }
        let keys: Vec<&str> = signs.iter().filter_map(|part| sign_in(part)).collect();
        let named = filled(words.if_one_sign, &[("signs", &self.listed(&keys))]);
        let others: Option<Vec<String>> = others.into_iter().map(|part| self.part(part, true)).collect();
        Some(std::iter::once(named).chain(others?).collect::<Vec<_>>().join(words.if_or))
    }

    /// Yes or no: a parameter, a variant, an answer.
    fn flag(&self, name: &str, holds: bool) -> String {
        let words = self.writing.reader.words;
        if name == "answered_any" {
            return if holds { words.if_answered } else { words.if_unanswered }.to_owned();
        }
        let is_answer = |name: &str| self.question(name).is_some_and(|one| one.kind == QuestionKind::Flag);
        let answered = is_answer(name) || name.strip_suffix("_previous").is_some_and(is_answer);
        let form = match (answered, holds) {
            (true, true) => words.if_yes,
            (true, false) => words.if_no,
            (false, true) => words.if_applies,
            (false, false) => words.if_applies_not,
        };
        filled(form, &[("a", &self.name(name))])
    }

    fn compared(&self, how: Comparison, a: &'w Expression, b: &'w Expression) -> Option<String> {
        match (how, a, b) {
            (Comparison::In, element, list) => self.contained(element, list),
            (Comparison::Equal | Comparison::NotEqual, ..) if self.is_clause(a) && self.is_clause(b) => {
                self.alike(how == Comparison::Equal, a, b)
            }
            // What is written out stands on the right.
            (_, written, other) if is_written(written) && !is_written(other) => {
                self.ordered(mirrored(how), other, written)
            }
            _ => self.ordered(how, a, b),
        }
    }

    /// Two things that are true or false, compared.
    fn alike(&self, are_alike: bool, a: &'w Expression, b: &'w Expression) -> Option<String> {
        let words = self.writing.reader.words;
        match (a, b) {
            (Expression::Flag(flag), other) | (other, Expression::Flag(flag)) => self.clause(other, *flag == are_alike),
            _ => {
                let form = if are_alike { words.if_both_or_none } else { words.if_just_one };
                Some(filled(form, &[("a", &self.clause(a, true)?), ("b", &self.clause(b, true)?)]))
            }
        }
    }

    fn ordered(&self, how: Comparison, a: &'w Expression, b: &'w Expression) -> Option<String> {
        let words = self.writing.reader.words;
        let is_day = |at: &Expression| matches!(at, Expression::Name(name) if name == "day" && !self.is_element(name));
        let a_day = match b {
            Expression::Whole(day) => Some(self.day(*day)),
            Expression::Name(name) if name == "r2_start_day" => Some(self.name(name)),
            _ => None,
        };
        if let Some(day) = a_day.filter(|_| is_day(a)) {
            let form = match how {
                Comparison::Equal => words.if_day,
                Comparison::NotEqual => words.if_day_not,
                Comparison::Less => words.if_day_before,
                Comparison::AtMost => words.if_day_until,
                Comparison::More => words.if_day_after,
                Comparison::AtLeast => words.if_day_from,
                Comparison::In => return None,
            };
            return Some(filled(form, &[("b", &day)]));
        }
        if let (Comparison::AtLeast, Expression::Reckon(Operation::Plus, from, by)) = (how, b)
            && let Expression::Whole(number) = by.as_ref()
        {
            let places = [self.value(a, Some(b))?, number.to_string(), self.value(from, Some(a))?];
            let [a, by, from] = &places;
            return Some(filled(words.if_higher_by, &[("a", a), ("by", by), ("b", from)]));
        }
        let is_number = matches!(b, Expression::Whole(_) | Expression::Decimal(_));
        let form = match (how, is_number) {
            (Comparison::Equal, _) => words.if_is,
            (Comparison::NotEqual, _) => words.if_is_not,
            (Comparison::Less, true) => words.if_less,
            (Comparison::AtMost, true) => words.if_at_most,
            (Comparison::More, true) => words.if_more,
            (Comparison::AtLeast, true) => words.if_at_least,
            (Comparison::Less, false) => words.if_less_than,
            (Comparison::AtMost, false) => words.if_at_most_that,
            (Comparison::More, false) => words.if_more_than,
            (Comparison::AtLeast, false) => words.if_at_least_that,
            (Comparison::In, _) => return None,
        };
        Some(filled(form, &[("a", &self.value(a, Some(b))?), ("b", &self.value(b, Some(a))?)]))
    }

    /// Something in a list: of what is written out, of the signs, or of what was chosen.
    fn contained(&self, element: &'w Expression, list: &'w Expression) -> Option<String> {
        let words = self.writing.reader.words;
        let element_text = || self.value(element, Some(list));
        match list {
            Expression::List(_) => {
                let places = [self.value(element, Some(list))?, self.value(list, Some(element))?];
                let [a, b] = &places;
                Some(filled(words.if_is, &[("a", a), ("b", b)]))
            }
            Expression::Name(name) if name == "signs" => Some(filled(words.if_sign, &[("sign", &element_text()?)])),
            Expression::Name(name) if name == "previous_signs" => {
                Some(filled(words.if_sign_before, &[("sign", &element_text()?)]))
            }
            _ => Some(filled(words.if_includes, &[("list", &self.value(list, None)?), ("a", &element_text()?)])),
        }
    }

    fn not_contained(&self, element: &'w Expression, list: &'w Expression) -> Option<String> {
        let words = self.writing.reader.words;
        let form = match list {
            Expression::List(several) if several.len() > 1 => words.if_none_of,
            Expression::List(_) => words.if_is_not,
            _ => {
                let whole = self.contained(element, list)?;
                return Some(filled(words.if_denied, &[("it", &whole)]));
            }
        };
        Some(filled(form, &[("a", &self.value(element, Some(list))?), ("b", &self.value(list, Some(element))?)]))
    }

    fn question(&self, key: &str) -> Option<&'w Question> {
        self.writing.protocol.questions.iter().find(|question| question.key == key)
    }

    /// Whether an expression is true or false itself.
    fn is_clause(&self, at: &Expression) -> bool {
        match at {
            Expression::Flag(_)
            | Expression::Not(_)
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::Compare(..)
            | Expression::Each { .. } => true,
            Expression::Name(name) => self.is_flag(name),
            Expression::Choose(_, then, _) => self.is_clause(then),
            _ => false,
        }
    }
}

/// The opposite of a comparison, if it has a form of its own.
fn turned(how: Comparison) -> Option<Comparison> {
    Some(match how {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::AtLeast,
        Comparison::AtMost => Comparison::More,
        Comparison::More => Comparison::AtMost,
        Comparison::AtLeast => Comparison::Less,
        Comparison::In => return None,
    })
}

/// The same with its sides exchanged.
fn mirrored(how: Comparison) -> Comparison {
    match how {
        Comparison::Less => Comparison::More,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::More => Comparison::Less,
        Comparison::AtLeast => Comparison::AtMost,
        other => other,
    }
}

fn is_written(at: &Expression) -> bool {
    matches!(at, Expression::Whole(_) | Expression::Decimal(_) | Expression::Word(_))
}

fn is_joined(at: &Expression) -> bool {
    match at {
        Expression::And(_) | Expression::Or(_) | Expression::Choose(..) | Expression::Each { .. } => true,
        Expression::Not(inner) => is_joined(inner),
        _ => false,
    }
}

/// The sign that must be among those in force, if that is all that is asked.
fn sign_in(at: &Expression) -> Option<&str> {
    match at {
        Expression::Compare(Comparison::In, element, list) => match (element.as_ref(), list.as_ref()) {
            (Expression::Word(sign), Expression::Name(name)) if name == "signs" => Some(sign),
            _ => None,
        },
        _ => None,
    }
}
