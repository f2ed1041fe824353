//! What is written out in an expression: its numbers and its words.

use cel::common::ast::{Expr, IdedExpr, LiteralValue};

/// The numbers and words of an expression, in order.
#[derive(Debug, Default)]
pub struct Literals {
    pub numbers: Vec<f64>,
    pub words: Vec<String>,
    /// Whether it counts or looks through a list.
    pub counts: bool,
}

impl Literals {
    pub(super) fn collect(&mut self, at: &IdedExpr) {
        match &at.expr {
            Expr::Literal(LiteralValue::Int(number)) => {
                self.numbers.extend(i32::try_from(*number.inner()).ok().map(f64::from));
            }
            Expr::Literal(LiteralValue::Double(number)) => self.numbers.push(*number.inner()),
            Expr::Literal(LiteralValue::String(word)) => self.words.push(word.inner().to_owned()),
            Expr::List(list) => list.elements.iter().for_each(|element| self.collect(element)),
            Expr::Call(call) => {
                self.counts |= call.func_name == "size";
                call.target.as_deref().into_iter().chain(&call.args).for_each(|operand| self.collect(operand));
            }
            Expr::Comprehension(it) => {
                [&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result]
                    .into_iter()
                    .for_each(|part| self.collect(part));
            }
            _ => {}
        }
    }
}
