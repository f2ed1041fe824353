//! Judges a condition by its tree. CEL's own interpreter made a table of variables anew for each rule, and was most of what triage cost; a
//! property holds the two against each other.

use super::{Comparison, Expression, Known, Operation};

/// A number in it grows too large: there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow;

/// What the names of an expression stand for.
#[derive(Clone, Copy)]
pub(super) struct Names<'s, 'a> {
    /// The variables, and a value for each.
    variables: (&'a [String], &'a [Known]),
    /// Inside a walk along a list: what an element is called, and what was gathered so far. Walks are never inside each other.
    element: Option<(&'a str, &'s Value<'a>)>,
    gathered: Option<(&'a str, &'s Value<'a>)>,
}

impl<'s, 'a> Names<'s, 'a> {
    pub(super) fn new(names: &'a [String], values: &'a [Known]) -> Self {
        Self { variables: (names, values), element: None, gathered: None }
    }

    fn inside<'t>(
        &self,
        element: (&'a str, &'t Value<'a>),
        gathered: Option<(&'a str, &'t Value<'a>)>,
    ) -> Names<'t, 'a> {
        Names { variables: self.variables, element: Some(element), gathered }
    }

    fn value(&self, name: &str) -> Option<Value<'a>> {
        let mut bound = [self.element, self.gathered].into_iter().flatten().filter(|(bound, _)| *bound == name);
        if let Some((_, value)) = bound.next() {
            return Some(value.clone());
        }
        let (names, values) = self.variables;
        let mut found = names.iter().zip(values).filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| Value::of(value))
    }
}

/// A value while it is reckoned with.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Whole(i64),
    Decimal(f64),
    Flag(bool),
    Word(&'a str),
    List(Vec<Self>),
}

impl<'a> Value<'a> {
    fn of(known: &'a Known) -> Self {
        match known {
            Known::Whole(number) => Self::Whole(i64::from(*number)),
            Known::Decimal(number) => Self::Decimal(*number),
            Known::Flag(flag) => Self::Flag(*flag),
            Known::Word(word) => Self::Word(word),
            Known::Words(words) => Self::List(words.iter().map(|word| Self::Word(word)).collect()),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(decimal(*number)),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a == b,
            (Self::Flag(a), Self::Flag(b)) => a == b,
            (Self::Word(a), Self::Word(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
            (a, b) => a.number().zip(b.number()).is_some_and(|(a, b)| a.partial_cmp(&b).is_some_and(|how| how.is_eq())),
        }
    }
}

/// The nearest decimal. The halves are exact, so that only their sum is rounded.
fn decimal(number: i64) -> f64 {
    let high = i32::try_from(number >> 32).unwrap_or_default();
    let low = u32::try_from(number & i64::from(u32::MAX)).unwrap_or_default();
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// Whether it holds; what was checked when it was read is true or false, or grows too large.
pub(super) fn holds<'a>(expression: &'a Expression, names: Names<'_, 'a>) -> Result<bool, Overflow> {
    match expression {
        Expression::Not(part) => Ok(!holds(part, names)?),
        Expression::And(parts) => decided_by(false, parts.iter().map(|part| holds(part, names))),
        Expression::Or(parts) => decided_by(true, parts.iter().map(|part| holds(part, names))),
        Expression::Compare(how, a, b) => compare(*how, &value(a, names)?, &value(b, names)?),
        Expression::Each { list, name, holds: asked, of_all } => {
            let Value::List(elements) = value(list, names)? else { return Err(Overflow) };
            let answers = elements.iter().map(|element| holds(asked, names.inside((name, element), None)));
            decided_by(!of_all, answers)
        }
        other => match value(other, names)? {
            Value::Flag(flag) => Ok(flag),
            _ => Err(Overflow),
        },
    }
}

/// One answer decides, wherever it stands and whatever has no result beside it; without it, what has no result leaves none.
fn decided_by(deciding: bool, answers: impl Iterator<Item = Result<bool, Overflow>>) -> Result<bool, Overflow> {
    let mut result = Ok(!deciding);
    for answer in answers {
        match answer {
            Ok(answer) if answer == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(why) => result = Err(why),
        }
    }
    result
}

fn compare(how: Comparison, a: &Value<'_>, b: &Value<'_>) -> Result<bool, Overflow> {
    let order = || match (a, b) {
        (Value::Whole(a), Value::Whole(b)) => Some(a.cmp(b)),
        _ => a.number().zip(b.number()).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    match how {
        Comparison::Equal => Ok(a.equals(b)),
        Comparison::NotEqual => Ok(!a.equals(b)),
        Comparison::Less => order().map(|order| order.is_lt()).ok_or(Overflow),
        Comparison::AtMost => order().map(|order| order.is_le()).ok_or(Overflow),
        Comparison::More => order().map(|order| order.is_gt()).ok_or(Overflow),
        Comparison::AtLeast => order().map(|order| order.is_ge()).ok_or(Overflow),
        Comparison::In => match b {
            Value::List(elements) => Ok(elements.iter().any(|element| element.equals(a))),
            _ => Err(Overflow),
        },
    }
}

fn value<'a>(expression: &'a Expression, names: Names<'_, 'a>) -> Result<Value<'a>, Overflow> {
    match expression {
        Expression::Name(name) => names.value(name).ok_or(Overflow),
        Expression::Whole(number) => Ok(Value::Whole(*number)),
        Expression::Decimal(number) => Ok(Value::Decimal(*number)),
        Expression::Flag(flag) => Ok(Value::Flag(*flag)),
        Expression::Word(word) => Ok(Value::Word(word)),
        Expression::List(elements) => {
            Ok(Value::List(elements.iter().map(|element| value(element, names)).collect::<Result<_, _>>()?))
        }
        Expression::Reckon(how, a, b) => reckon(*how, value(a, names)?, value(b, names)?),
        Expression::Negative(part) => match value(part, names)? {
            Value::Whole(number) => number.checked_neg().map(Value::Whole).ok_or(Overflow),
            Value::Decimal(number) => Ok(Value::Decimal(-number)),
            _ => Err(Overflow),
        },
        Expression::Choose(asked, a, b) => value(if holds(asked, names)? { a } else { b }, names),
        Expression::Size(list) => match value(list, names)? {
            Value::List(elements) => i64::try_from(elements.len()).map(Value::Whole).map_err(|_| Overflow),
            _ => Err(Overflow),
        },
        Expression::Loop(walk) => {
            let Value::List(elements) = value(&walk.list, names)? else { return Err(Overflow) };
            let mut gathered = value(&walk.first, names)?;
            for element in &elements {
                gathered = value(&walk.step, names.inside((&walk.name, element), Some((&walk.gathered, &gathered))))?;
            }
            let end = Names { gathered: Some((&walk.gathered, &gathered)), ..names };
            value(&walk.result, end)
        }
        Expression::Not(_)
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::Compare(..)
        | Expression::Each { .. } => holds(expression, names).map(Value::Flag),
    }
}

fn reckon<'a>(how: Operation, a: Value<'a>, b: Value<'a>) -> Result<Value<'a>, Overflow> {
    match (how, a, b) {
        (Operation::Plus, Value::Whole(a), Value::Whole(b)) => a.checked_add(b).map(Value::Whole).ok_or(Overflow),
        (Operation::Minus, Value::Whole(a), Value::Whole(b)) => a.checked_sub(b).map(Value::Whole).ok_or(Overflow),
        (Operation::Times, Value::Whole(a), Value::Whole(b)) => a.checked_mul(b).map(Value::Whole).ok_or(Overflow),
        (Operation::Plus, Value::Decimal(a), Value::Decimal(b)) => Ok(Value::Decimal(a + b)),
        (Operation::Minus, Value::Decimal(a), Value::Decimal(b)) => Ok(Value::Decimal(a - b)),
        (Operation::Times, Value::Decimal(a), Value::Decimal(b)) => Ok(Value::Decimal(a * b)),
        (Operation::Plus, Value::List(a), Value::List(b)) => Ok(Value::List(a.into_iter().chain(b).collect())),
        _ => Err(Overflow),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, LazyLock};

    use cel::{Context, Env, Program, Value as Cel};
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;

    use super::super::{Condition, Kind, Known, Verdict};

    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
    const WORDS: [&str; 3] = ["a", "b", "none"];

    fn scope() -> BTreeMap<String, Kind> {
        let words = Kind::Word(Some(WORDS.map(str::to_owned).to_vec()));
        [
            ("n", Kind::Whole),
            ("m", Kind::Whole),
            ("d", Kind::Decimal),
            ("f", Kind::Flag),
            ("w", words.clone()),
            ("s", Kind::List(Box::new(words))),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .into()
    }

    fn whole() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            8 => (-12_i64..12).prop_map(|number| number.to_string()),
            1 => Just(i64::MAX.to_string()),
            1 => Just("-9223372036854775807".to_owned()),
            1 => Just("9007199254740993".to_owned()),
            6 => Just("n".to_owned()),
            6 => Just("m".to_owned()),
            2 => Just("size(s)".to_owned()),
        ];
        number.prop_recursive(2, 6, 2, |inner| {
            (inner.clone(), prop_oneof![Just("+"), Just("-"), Just("*")], inner)
                .prop_map(|(a, how, b)| format!("({a} {how} {b})"))
        })
    }

    fn decimal() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            Just("d".to_owned()),
            (-40_i32..40).prop_map(|tenths| format!("{:.1}", f64::from(tenths) / 10.0))
        ];
        number.prop_recursive(1, 4, 2, |inner| {
            (inner.clone(), prop_oneof![Just("+"), Just("-"), Just("*")], inner)
                .prop_map(|(a, how, b)| format!("({a} {how} {b})"))
        })
    }

    fn list() -> impl Strategy<Value = String> {
        let written = prop::collection::vec(prop::sample::select(&WORDS[..]), 1..3).prop_map(|words| {
            format!("[{}]", words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", "))
        });
        prop_oneof![3 => Just("s".to_owned()), 2 => written, 1 => Just("(s + [\"b\"])".to_owned())]
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![Just("w".to_owned()), prop::sample::select(&WORDS[..]).prop_map(|word| format!("\"{word}\""))]
    }

    fn number() -> impl Strategy<Value = String> {
        prop_oneof![3 => whole(), 2 => decimal()]
    }

    fn condition() -> impl Strategy<Value = String> {
        let order = prop_oneof![Just("<"), Just("<="), Just(">"), Just(">="), Just("=="), Just("!=")];
        let leaf = prop_oneof![
            2 => Just("f".to_owned()),
            1 => any::<bool>().prop_map(|flag| flag.to_string()),
            8 => (number(), order, number()).prop_map(|(a, how, b)| format!("{a} {how} {b}")),
            3 => (word(), prop_oneof![Just("=="), Just("!=")], word()).prop_map(|(a, how, b)| format!("{a} {how} {b}")),
            3 => (word(), list()).prop_map(|(a, b)| format!("{a} in {b}")),
            2 => (list(), list()).prop_map(|(a, b)| format!("{a} == {b}")),
            1 => (list(), word(), list()).prop_map(|(list, word, other)| format!("{list}.filter(x, x != {word}) == {other}")),
            1 => (list(), word(), whole()).prop_map(|(list, word, number)| format!("size({list}.filter(x, x != {word})) > {number}")),
            1 => (list(), word()).prop_map(|(list, word)| format!("{list}.exists_one(x, x == {word})")),
            1 => (list(), word()).prop_map(|(list, word)| format!("{word} in {list}.map(x, x)")),
            3 => (list(), prop_oneof![Just("exists"), Just("all")], word(), whole())
                .prop_map(|(list, how, word, number)| format!("{list}.{how}(x, x == {word} || {number} > n)")),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
                (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} || {b} || {c})")),
                (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} && {b} && {c})")),
                inner.clone().prop_map(|a| format!("!({a})")),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            ]
        })
    }

    fn values() -> impl Strategy<Value = BTreeMap<&'static str, Known>> {
        let words = prop::collection::vec(prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 0..3);
        (-12_i32..12, any::<i32>(), -40_i32..40, any::<bool>(), prop::sample::select(&WORDS[..]), words).prop_map(
            |(n, m, d, f, w, s)| {
                [
                    ("n", Known::Whole(n)),
                    ("m", Known::Whole(m)),
                    ("d", Known::Decimal(f64::from(d) / 10.0)),
                    ("f", Known::Flag(f)),
                    ("w", Known::Word(w.to_owned())),
                    ("s", Known::Words(s)),
                ]
                .into()
            },
        )
    }

    fn to_cel(known: &Known) -> Cel {
        match known {
            Known::Whole(number) => Cel::Int(i64::from(*number)),
            Known::Decimal(number) => Cel::Float(*number),
            Known::Word(word) => Cel::from(word.as_str()),
            Known::Flag(flag) => Cel::Bool(*flag),
            Known::Words(words) => Cel::from(words.clone()),
        }
    }

    fn by_cel(source: &str, values: &BTreeMap<&'static str, Known>) -> Verdict {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, value) in values {
            context.add_variable_from_value(*name, to_cel(value));
        }
        match Program::compile(source).unwrap().execute(&context) {
            Ok(Cel::Bool(true)) => Verdict::True,
            Ok(Cel::Bool(false)) => Verdict::False,
            _ => Verdict::Failed,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn a_condition_means_what_it_means_in_cel(source in condition(), values in values()) {
            let condition = match Condition::read(&source, &scope()) {
                Ok(condition) => condition,
                Err(mistakes) => {
                    // The check refuses first whatever has no place in the tree.
                    prop_assert!(mistakes.iter().all(|mistake| !mistake.problem.contains("cannot be judged")), "{}", source);
                    return Ok(());
                }
            };
            prop_assert_eq!(condition.judge(|name| values.get(name).cloned()), by_cel(&source, &values), "{}", source);
        }
    }

    /// Most of what is made up above is taken: the property looks at something.
    #[test]
    fn what_is_made_up_is_read() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let read = (0..500).filter(|_| {
            let source = condition().new_tree(&mut runner).unwrap().current();
            Condition::read(&source, &scope()).is_ok()
        });
        assert!(read.count() > 350);
    }
}
