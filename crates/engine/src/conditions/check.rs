//! Checks an expression before it ever runs: known names, kinds that go together, choices that exist.

use cel::Program;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{Mistake, Scope};
use crate::document::{listed, nearest};

/// The kind of a value in an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Whole,
    Decimal,
    Flag,
    /// A word; of a closed list, if it is known.
    Word(Option<Vec<String>>),
    List(Box<Kind>),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Whole => "a whole number",
            Self::Decimal => "a decimal number",
            Self::Flag => "true or false",
            Self::Word(_) => "a word",
            Self::List(_) => "a list",
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Whole | Self::Decimal)
    }

    fn compares_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) => a.compares_with(b),
            (Self::Word(_), Self::Word(_)) | (Self::Flag, Self::Flag) => true,
            _ => self.is_number() && other.is_number(),
        }
    }
}

/// Refuses a program that is not a true-or-false expression over the scope.
pub(super) fn check(program: &Program, scope: &Scope) -> Result<(), Vec<Mistake>> {
    let mut checker = Checker { program, mistakes: Vec::new(), inside_list: false };
    let root = program.expression();
    if let Some(kind) = checker.kind_of(root, scope)
        && kind != Kind::Flag
    {
        checker.mistake(
            root,
            format!("this expression gives {}", kind.name()),
            "make it a comparison, like `level >= 3`",
        );
    }
    if checker.mistakes.is_empty() { Ok(()) } else { Err(checker.mistakes) }
}

struct Checker<'p> {
    program: &'p Program,
    mistakes: Vec<Mistake>,
    /// Whether this is judged for each element of a list.
    inside_list: bool,
}

impl Checker<'_> {
    fn mistake(&mut self, at: &IdedExpr, problem: String, fix: impl Into<String>) -> Option<Kind> {
        let start = self.program.source_info().offset_for(at.id).map_or(0, |(start, _)| start);
        self.mistakes.push(Mistake { offset: usize::try_from(start).unwrap_or_default(), problem, fix: fix.into() });
        None
    }

    /// The kind of an expression; `None` if a mistake inside it was recorded.
    fn kind_of(&mut self, at: &IdedExpr, scope: &Scope) -> Option<Kind> {
        match &at.expr {
            Expr::Ident(name) => self.variable(at, name, scope),
            Expr::Literal(literal) => self.literal(at, literal),
            Expr::List(list) => {
                let kinds: Option<Vec<Kind>> =
                    list.elements.iter().map(|element| self.kind_of(element, scope)).collect();
                let kinds = kinds?;
                let first = kinds.first().cloned().unwrap_or(Kind::Word(None));
                if kinds.iter().any(|kind| !kind.compares_with(&first)) {
                    return self.mistake(
                        at,
                        "this list mixes kinds".to_owned(),
                        "put only words, or only numbers, in a list",
                    );
                }
                let words: Vec<String> = list.elements.iter().filter_map(literal_word).map(str::to_owned).collect();
                let all_written = !words.is_empty() && words.len() == list.elements.len();
                let element =
                    if matches!(first, Kind::Word(_)) { Kind::Word(all_written.then_some(words)) } else { first };
                Some(Kind::List(Box::new(element)))
            }
            Expr::Call(call) => self.call(at, call, scope),
            Expr::Comprehension(comprehension) => self.comprehension(at, comprehension, scope),
            Expr::Unspecified | Expr::Map(_) | Expr::Select(_) | Expr::Struct(_) => self.mistake(
                at,
                "fields, maps and structures are not part of conditions".to_owned(),
                "use the variables themselves, like `redness_previous`",
            ),
        }
    }

    fn variable(&mut self, at: &IdedExpr, name: &str, scope: &Scope) -> Option<Kind> {
        if let Some(kind) = scope.get(name) {
            return Some(kind.clone());
        }
        let fix = match nearest(name, scope.keys().map(String::as_str)) {
            Some(meant) => format!("write `{meant}`"),
            None => format!("known here are: {}", listed(scope.keys().map(String::as_str))),
        };
        self.mistake(at, format!("unknown variable `{name}`"), fix)
    }

    fn literal(&mut self, at: &IdedExpr, literal: &LiteralValue) -> Option<Kind> {
        match literal {
            LiteralValue::Boolean(_) => Some(Kind::Flag),
            LiteralValue::Int(_) => Some(Kind::Whole),
            LiteralValue::Double(_) => Some(Kind::Decimal),
            LiteralValue::String(_) => Some(Kind::Word(None)),
            LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::UInt(_) => self.mistake(
                at,
                "this value has no place in a condition".to_owned(),
                "use numbers, words in quotes, true or false",
            ),
        }
    }

    fn comprehension(&mut self, at: &IdedExpr, it: &ComprehensionExpr, scope: &Scope) -> Option<Kind> {
        let Kind::List(element) = self.kind_of(&it.iter_range, scope)? else {
            return self.mistake(
                at,
                "this looks into something that is not a list".to_owned(),
                "use it on `signs` or a list in brackets",
            );
        };
        if self.inside_list {
            return self.mistake(
                at,
                "a list is looked through for each element of another list".to_owned(),
                "use `in`, or write two rules",
            );
        }
        let mut inner = scope.clone();
        inner.insert(it.iter_var.clone(), *element);
        let start = self.kind_of(&it.accu_init, &inner)?;
        inner.insert(it.accu_var.clone(), start);
        self.inside_list = true; // nested, the work would grow with the power of the depth
        let steps = [&it.loop_cond, &it.loop_step].map(|step| self.kind_of(step, &inner));
        self.inside_list = false;
        steps.into_iter().collect::<Option<Vec<Kind>>>()?;
        self.kind_of(&it.result, &inner)
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr, scope: &Scope) -> Option<Kind> {
        let operands: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let kinds: Option<Vec<Kind>> = operands.iter().map(|operand| self.kind_of(operand, scope)).collect();
        let kinds = kinds?;
        let wrong = |checker: &mut Self, problem: &str, fix: &str| checker.mistake(at, problem.to_owned(), fix);
        match (call.func_name.as_str(), kinds.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, all) => {
                if all.iter().all(|kind| *kind == Kind::Flag) {
                    return Some(Kind::Flag);
                }
                wrong(self, "`&&`, `||` and `!` need true or false on each side", "compare first, like `pain >= 4`")
            }
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => {
                if !a.compares_with(b) {
                    return self.mistake(at, format!("{} is compared with {}", a.name(), b.name()), "compare things of one kind");
                }
                self.check_words(at, &operands, &kinds)?;
                Some(Kind::Flag)
            }
            (operators::GREATER | operators::GREATER_EQUALS | operators::LESS | operators::LESS_EQUALS, [a, b]) => {
                if a.is_number() && b.is_number() {
                    return Some(Kind::Flag);
                }
                self.mistake(at, format!("{} is compared with {}", a.name(), b.name()), "use `<` and `>` only between numbers")
            }
            (operators::IN, [element, Kind::List(of)]) if element.compares_with(of) => {
                self.check_words(at, &operands, &kinds)?;
                Some(Kind::Flag)
            }
            (operators::IN, _) => wrong(self, "`in` needs a list of the same kind on its right", "write it like `\"F6\" in signs`"),
            (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY, [a, b]) if a.is_number() && a == b => Some(a.clone()),
            (operators::ADD, [Kind::List(a), Kind::List(b)]) if a.compares_with(b) => Some(Kind::List(a.clone())),
            (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY, _) => {
                wrong(self, "these two cannot be added, subtracted or multiplied", "use two whole numbers, or two decimals like 1.0")
            }
            (operators::NEGATE, [a]) if a.is_number() => Some(a.clone()),
            (operators::CONDITIONAL, [Kind::Flag, a, b]) if a.compares_with(b) => Some(a.clone()),
            ("size", [Kind::List(_)]) => Some(Kind::Whole),
            (name, _) => self.mistake(
                at,
                format!("`{name}` cannot be used like this"),
                "use comparisons, `&&`, `||`, `!`, `in`, `+`, `-`, `*`, `? :`, size(list), list.exists(x, ...) or list.all(x, ...)",
            ),
        }
    }

    /// A word compared with a choice must be one of its choices.
    fn check_words(&mut self, at: &IdedExpr, operands: &[&IdedExpr], kinds: &[Kind]) -> Option<()> {
        let written = operands.iter().flat_map(|operand| literal_words(operand));
        let mut choices = kinds
            .iter()
            .zip(operands)
            .filter(|(_, operand)| literal_words(operand).is_empty())
            .filter_map(|(kind, _)| words(kind));
        let Some(choices) = choices.next() else { return Some(()) };
        for word in written {
            if !choices.iter().any(|choice| choice == word) {
                let fix = format!("use one of: {}", listed(choices.iter().map(|choice| choice.as_ref())));
                self.mistake(at, format!("\"{word}\" can never be an answer here"), fix);
                return None;
            }
        }
        Some(())
    }
}

fn words(kind: &Kind) -> Option<&Vec<String>> {
    match kind {
        Kind::Word(choices) => choices.as_ref(),
        Kind::List(element) => words(element),
        _ => None,
    }
}

fn literal_word(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(word)) => Some(word.inner()),
        _ => None,
    }
}

fn literal_words(expr: &IdedExpr) -> Vec<&str> {
    match &expr.expr {
        Expr::List(list) => list.elements.iter().filter_map(literal_word).collect(),
        _ => literal_word(expr).into_iter().collect(),
    }
}
