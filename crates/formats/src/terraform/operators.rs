//! Terraform's operators: comparisons, logic, and arithmetic on numbers.

use std::ops::Range;

use hcl_edit::expr::{BinaryOperator, Conditional, UnaryOperator};

use super::definitions::Expr;
use super::evaluate::{Evaluator, unknown_of};
use super::value::{plain, same};
use crate::tree::Node;

/// Beyond, a number of JSON or of Terraform is not told exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Evaluator<'_> {
    pub(super) fn conditional(&mut self, conditional: &Conditional, base: usize, bytes: Range<usize>) -> Node {
        let condition = self.evaluate(Expr { expression: &conditional.cond_expr, base });
        let chosen = match condition.truth() {
            Some(true) => &conditional.true_expr,
            Some(false) => &conditional.false_expr,
            None => return unknown_of(&condition, "the condition is neither true nor false", bytes),
        };
        self.evaluate(Expr { expression: chosen, base })
    }
}

/// `!a`, `-a`.
pub(super) fn unary(operator: UnaryOperator, value: &Node, bytes: Range<usize>) -> Node {
    match (operator, value.truth(), number(value)) {
        (UnaryOperator::Not, Some(truth), _) => plain(&(!truth).to_string(), bytes),
        (UnaryOperator::Neg, _, Some(number)) => of_number(-number, bytes),
        _ => unknown_of(value, "the operator is put before what it does not take", bytes),
    }
}

/// `a && b`, `a == b`, `a < b`, `a + b`, …
pub(super) fn binary(operator: BinaryOperator, left: &Node, right: &Node, bytes: Range<usize>) -> Node {
    // One side may decide, whatever the other is.
    let decided = match operator {
        BinaryOperator::And => Some(false),
        BinaryOperator::Or => Some(true),
        _ => None,
    };
    if let Some(decided) = decided.filter(|decided| [left, right].iter().any(|side| side.truth() == Some(*decided))) {
        return plain(&decided.to_string(), bytes);
    }
    for side in [left, right] {
        if side.why_unknown().is_some() {
            return unknown_of(side, "", bytes);
        }
    }
    let truth = match (operator, left.truth(), right.truth()) {
        (BinaryOperator::Eq, _, _) => Some(same(left, right)),
        (BinaryOperator::NotEq, _, _) => Some(!same(left, right)),
        (BinaryOperator::And, Some(a), Some(b)) => Some(a && b),
        (BinaryOperator::Or, Some(a), Some(b)) => Some(a || b),
        _ => None,
    };
    if let Some(truth) = truth {
        return plain(&truth.to_string(), bytes);
    }
    let (Some(a), Some(b)) = (number(left), number(right)) else {
        return Node::unknown("the operator stands between what it does not take", bytes);
    };
    let truth = |truth: bool| plain(&truth.to_string(), bytes.clone());
    match operator {
        BinaryOperator::Less => truth(a < b),
        BinaryOperator::LessEq => truth(a <= b),
        BinaryOperator::Greater => truth(a > b),
        BinaryOperator::GreaterEq => truth(a >= b),
        BinaryOperator::Plus => of_number(a + b, bytes),
        BinaryOperator::Minus => of_number(a - b, bytes),
        BinaryOperator::Mul => of_number(a * b, bytes),
        BinaryOperator::Div => of_number(a / b, bytes),
        BinaryOperator::Mod => of_number(a % b, bytes),
        _ => Node::unknown("the operator stands between what it does not take", bytes),
    }
}

/// A number, also one that is written as a text.
pub(super) fn number(node: &Node) -> Option<f64> {
    node.text()?.parse::<f64>().ok().filter(|number| number.abs() < EXACT)
}

/// A whole number; others are not told exactly.
fn of_number(number: f64, bytes: Range<usize>) -> Node {
    if number.fract() == 0.0 && number.abs() < EXACT {
        return plain(&format!("{number:.0}"), bytes);
    }
    Node::unknown("numbers that are not whole are not evaluated", bytes)
}
