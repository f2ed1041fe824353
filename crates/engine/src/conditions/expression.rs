//! A condition as a tree of our own, for whoever judges it or puts it into words.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

/// A part of a condition. There is one for each thing that a condition may be made of, and for nothing else.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A variable, or what an element of a list is called inside `exists` and `all`.
    Name(String),
    /// A whole number.
    Whole(i64),
    /// A decimal.
    Decimal(f64),
    /// True or false, as written.
    Flag(bool),
    /// A word in quotes: a choice, a sign, a symptom.
    Word(String),
    /// A list as written.
    List(Vec<Self>),
    /// `!`
    Not(Box<Self>),
    /// `&&`, of two or more.
    And(Vec<Self>),
    /// `||`, of two or more.
    Or(Vec<Self>),
    /// Two values compared.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// `+`, `-` or `*` between two values; `+` also of two lists.
    Reckon(Operation, Box<Self>, Box<Self>),
    /// `-` before a number.
    Negative(Box<Self>),
    /// `a ? b : c`, in this order.
    Choose(Box<Self>, Box<Self>, Box<Self>),
    /// How many are in a list.
    Size(Box<Self>),
    /// `list.exists(name, holds)`, or `list.all(name, holds)`.
    Each {
        /// The list.
        list: Box<Self>,
        /// What an element is called.
        name: String,
        /// What is asked of it.
        holds: Box<Self>,
        /// Whether it is asked of every element, not of one at least.
        of_all: bool,
    },
    /// `list.filter(name, ..)`, `list.map(name, ..)` or `list.exists_one(name, ..)`; there are no words for these.
    Loop(Box<Loop>),
}

/// A walk along a list that gathers something.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// The list.
    pub list: Expression,
    /// What an element is called.
    pub name: String,
    /// What that is called which was gathered so far.
    pub gathered: String,
    /// What there is at first.
    pub first: Expression,
    /// What there is after an element.
    pub step: Expression,
    /// What is made of it in the end.
    pub result: Expression,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `in`: the second is a list.
    In,
}

/// How two values are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
}

impl Expression {
    /// The tree of a checked expression; `None` if there is something in it that the check does not let through.
    pub(super) fn of(at: &IdedExpr) -> Option<Self> {
        match &at.expr {
            Expr::Ident(name) => Some(Self::Name(name.clone())),
            Expr::Literal(literal) => Self::literal(literal),
            Expr::List(list) => Some(Self::List(list.elements.iter().map(Self::of).collect::<Option<_>>()?)),
            Expr::Call(call) => Self::call(call),
            Expr::Comprehension(it) => Self::each(it),
            _ => None,
        }
    }

    fn literal(literal: &LiteralValue) -> Option<Self> {
        match literal {
            LiteralValue::Boolean(flag) => Some(Self::Flag(*flag.inner())),
            LiteralValue::Int(number) => Some(Self::Whole(*number.inner())),
            LiteralValue::Double(number) => Some(Self::Decimal(*number.inner())),
            LiteralValue::String(word) => Some(Self::Word(word.inner().to_owned())),
            _ => None,
        }
    }

    fn call(call: &CallExpr) -> Option<Self> {
        let operands = call.target.as_deref().into_iter().chain(&call.args).map(Self::of);
        let mut operands = operands.collect::<Option<Vec<Self>>>()?.into_iter();
        let compare = |how| move |a: Box<Self>, b: Box<Self>| Self::Compare(how, a, b);
        let reckon = |how| move |a: Box<Self>, b: Box<Self>| Self::Reckon(how, a, b);
        let mut two = |made: &dyn Fn(Box<Self>, Box<Self>) -> Self| {
            Some(made(Box::new(operands.next()?), Box::new(operands.next()?)))
        };
        match call.func_name.as_str() {
            operators::EQUALS => two(&compare(Comparison::Equal)),
            operators::NOT_EQUALS => two(&compare(Comparison::NotEqual)),
            operators::LESS => two(&compare(Comparison::Less)),
            operators::LESS_EQUALS => two(&compare(Comparison::AtMost)),
            operators::GREATER => two(&compare(Comparison::More)),
            operators::GREATER_EQUALS => two(&compare(Comparison::AtLeast)),
            operators::IN => two(&compare(Comparison::In)),
            operators::ADD => two(&reckon(Operation::Plus)),
            operators::SUBSTRACT => two(&reckon(Operation::Minus)),
            operators::MULTIPLY => two(&reckon(Operation::Times)),
            operators::LOGICAL_AND => Some(Self::And(operands.flat_map(Self::conjuncts).collect())),
            operators::LOGICAL_OR => Some(Self::Or(operands.flat_map(Self::disjuncts).collect())),
            operators::LOGICAL_NOT => Some(Self::Not(Box::new(operands.next()?))),
            operators::NEGATE => Some(Self::Negative(Box::new(operands.next()?))),
            operators::CONDITIONAL => {
                let mut next = || operands.next().map(Box::new);
                Some(Self::Choose(next()?, next()?, next()?))
            }
            "size" => Some(Self::Size(Box::new(operands.next()?))),
            _ => None,
        }
    }

    /// The parts that must all hold: the parser makes a tree of pairs of them.
    fn conjuncts(self) -> Vec<Self> {
        match self {
            Self::And(parts) => parts,
            other => vec![other],
        }
    }

    fn disjuncts(self) -> Vec<Self> {
        match self {
            Self::Or(parts) => parts,
            other => vec![other],
        }
    }

    /// What the parser makes of `exists` and `all`: a loop whose step joins what was found so far with what is asked.
    fn each(it: &ComprehensionExpr) -> Option<Self> {
        let Expr::Call(step) = &it.loop_step.expr else { return None };
        let of_all = match step.func_name.as_str() {
            operators::LOGICAL_AND => true,
            operators::LOGICAL_OR => false,
            _ => return Self::gathering(it),
        };
        let (list, holds) = (Box::new(Self::of(&it.iter_range)?), Box::new(Self::of(step.args.get(1)?)?));
        Some(Self::Each { list, name: it.iter_var.clone(), holds, of_all })
    }

    /// The other loops that the parser makes: they walk to the end.
    fn gathering(it: &ComprehensionExpr) -> Option<Self> {
        if Self::of(&it.loop_cond)? != Self::Flag(true) {
            return None;
        }
        Some(Self::Loop(Box::new(Loop {
            list: Self::of(&it.iter_range)?,
            name: it.iter_var.clone(),
            gathered: it.accu_var.clone(),
            first: Self::of(&it.accu_init)?,
            step: Self::of(&it.loop_step)?,
            result: Self::of(&it.result)?,
        })))
    }
}
