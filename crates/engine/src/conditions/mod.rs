//! Conditions: expressions in CEL, parsed by its library and checked when the document is read, judged with what is known.

mod check;
mod evaluate;
mod expression;
mod literals;

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::Program;
use serde_json::Value as Json;

pub(super) use check::Kind;
pub use expression::{Comparison, Expression, Operation};
pub use literals::Literals;

/// The most characters of an expression.
const LONGEST: usize = 500;
/// The most brackets inside each other, and the most `?`: the parser needs about 100 kB of stack for each.
const DEEPEST: usize = 8;

/// The variables an expression may read, with their kinds.
pub(super) type Scope = BTreeMap<String, Kind>;

/// A value a variable has.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// A day, a level, a count.
    Whole(i32),
    /// A decimal parameter, a temperature.
    Decimal(f64),
    /// A choice.
    Word(String),
    /// Yes or no.
    Flag(bool),
    /// Several choices.
    Words(Vec<String>),
}

impl Known {
    /// The value as it stands in a trace.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Whole(number) => Json::from(*number),
            Self::Decimal(number) => Json::from(*number),
            Self::Word(word) => Json::from(word.as_str()),
            Self::Flag(flag) => Json::from(*flag),
            Self::Words(words) => Json::from(words.clone()),
        }
    }
}

/// What an expression says about what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It reads a variable that has no value.
    Unknown,
    /// Everything that it reads has a value, and it has no result all the same: a number in it grows too large.
    Failed,
}

/// What can be wrong in an expression: where (characters from its start), what, and how to mend it.
pub(super) struct Mistake {
    pub(super) offset: usize,
    pub(super) problem: String,
    pub(super) fix: String,
}

/// A checked expression.
#[derive(Debug, Clone)]
pub struct Condition {
    source: Arc<str>,
    expression: Arc<Expression>,
    literals: Arc<Literals>,
    variables: Arc<[String]>,
}

impl Condition {
    /// Reads an expression that must be true or false over the variables of the scope.
    pub(super) fn read(source: &str, scope: &Scope) -> Result<Self, Vec<Mistake>> {
        if let Some(mistake) = too_large(source) {
            return Err(vec![mistake]);
        }
        let program = Program::compile(source).map_err(|errors| syntax_mistakes(source, &errors))?;
        check::check(&program, scope)?;
        let mut variables: Vec<String> =
            program.references().variables().iter().map(|name| (*name).to_owned()).collect();
        variables.retain(|name| scope.contains_key(name)); // the rest are bound inside `exists(x, ...)`
        variables.sort();
        let Some(expression) = Expression::of(program.expression()) else {
            let fix = "use comparisons, `&&`, `||`, `!`, `in` and the variables themselves".to_owned();
            return Err(vec![Mistake { offset: 0, problem: "a part of this cannot be judged".to_owned(), fix }]);
        };
        let mut literals = Literals::default();
        literals.collect(program.expression());
        Ok(Self {
            source: source.into(),
            expression: Arc::new(expression),
            literals: Arc::new(literals),
            variables: variables.into(),
        })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables it reads, sorted.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// What it is made of, for whoever puts it into words.
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The numbers and words that are written in it.
    pub fn literals(&self) -> &Literals {
        &self.literals
    }

    /// Judges the expression: unknown as soon as one variable it reads has no value.
    pub fn judge(&self, known: impl Fn(&str) -> Option<Known>) -> Verdict {
        let mut values = Vec::with_capacity(self.variables.len());
        for name in self.variables.iter() {
            let Some(value) = known(name) else { return Verdict::Unknown };
            values.push(value);
        }
        match evaluate::holds(&self.expression, evaluate::Names::new(&self.variables, &values)) {
            Ok(true) => Verdict::True,
            Ok(false) => Verdict::False,
            Err(evaluate::Overflow) => Verdict::Failed,
        }
    }

    /// The values it reads, and the names of those that have none.
    pub fn reading(&self, known: impl Fn(&str) -> Option<Known>) -> (Vec<(String, Json)>, Vec<String>) {
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for name in self.variables.iter() {
            match known(name) {
                Some(value) => values.push((name.clone(), value.to_json())),
                None => missing.push(name.clone()),
            }
        }
        (values, missing)
    }
}

/// Refuses, before it is parsed, what would bring the parser down: it recurses on every bracket.
fn too_large(source: &str) -> Option<Mistake> {
    let fix = "name a part of it as a [[variant]], or write two rules".to_owned();
    let (mut open, mut questions) = (0_usize, 0_usize);
    for (offset, character) in source.chars().enumerate() {
        match character {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '?' => questions += 1,
            _ => {}
        }
        if open > DEEPEST || questions > DEEPEST {
            return Some(Mistake {
                offset,
                problem: format!("there are more than {DEEPEST} brackets or `?` inside each other"),
                fix,
            });
        }
        if offset >= LONGEST {
            return Some(Mistake {
                offset,
                problem: format!("this expression is longer than {LONGEST} characters"),
                fix,
            });
        }
    }
    None
}

fn syntax_mistakes(source: &str, errors: &cel::ParseErrors) -> Vec<Mistake> {
    let mistake = |error: &cel::ParseError| Mistake {
        offset: offset_of(source, error.pos),
        problem: format!("this expression cannot be read: {}", error.msg.trim()),
        fix: "write it like `day >= 7 && pain >= 4`".to_owned(),
    };
    errors.errors.iter().take(1).map(mistake).collect()
}

/// Line and column (both from 1) inside the expression, as characters from its start.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let lines_before = usize::try_from(line - 1).unwrap_or_default();
    let before: usize = source.split_inclusive('\n').take(lines_before).map(|text| text.chars().count()).sum();
    before + usize::try_from(column - 1).unwrap_or_default()
}
