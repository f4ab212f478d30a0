//! Ways into a value: `local.a.b`, `x["k"]`, `x[0]`, `x[*].name`.

use std::ops::Range;
use std::rc::Rc;

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};

use super::definitions::Expr;
use super::evaluate::{Evaluator, unknown_of};
use super::value::node;
use crate::tree::{Node, Value};

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A member or an element.
    Key(String),
    /// `[*]` or `.*`: of each element.
    Each,
}

impl Step {
    /// The member's name, or the element's number.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Step::Key(key) => Some(key),
            Step::Each => None,
        }
    }
}

impl Evaluator<'_> {
    pub(super) fn traversal(&mut self, traversal: &Traversal, base: usize, bytes: Range<usize>) -> Node {
        let mut steps = Vec::new();
        for operator in &traversal.operators {
            steps.push(match operator.value() {
                TraversalOperator::GetAttr(name) => Step::Key(name.as_str().to_owned()),
                TraversalOperator::LegacyIndex(index) => Step::Key(index.value().to_string()),
                TraversalOperator::Index(expression) => {
                    let index = self.evaluate(Expr { expression, base });
                    match index.text() {
                        Some(text) => Step::Key(text.to_owned()),
                        None => return unknown_of(&index, "the index is no text or number", bytes),
                    }
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Each,
            });
        }
        let shown = shown(traversal);
        let (root, used) = match &traversal.expr {
            Expression::Variable(name) => match self.root(name.as_str(), &steps, &shown, &bytes) {
                Ok(found) => found,
                Err(unknown) => return unknown,
            },
            other => (Rc::new(self.evaluate(Expr { expression: other, base })), 0),
        };
        let value = walk(&root, steps.get(used..).unwrap_or_default(), &shown, &bytes);
        self.pay(value)
    }
}

/// What stands at the end of a way.
fn walk(value: &Node, steps: &[Step], shown: &str, bytes: &Range<usize>) -> Node {
    let Some((step, rest)) = steps.split_first() else { return value.clone() };
    if value.why_unknown().is_some() {
        return value.clone();
    }
    match step {
        Step::Each => {
            let items = match &value.value {
                Value::Sequence(items) => items.as_slice(),
                _ if value.is_null() => &[],
                _ => std::slice::from_ref(value),
            };
            let items = items.iter().map(|item| walk(item, rest, shown, bytes)).collect();
            node(Value::Sequence(items), bytes.clone())
        }
        Step::Key(key) => {
            let next = match (&value.value, key.parse::<usize>()) {
                (Value::Sequence(items), Ok(index)) => items.get(index),
                _ => value.get(key),
            };
            match next {
                Some(next) => walk(next, rest, shown, bytes),
                None if value.is_open() => Node::unknown(when_it_runs(shown), bytes.clone()),
                None => Node::missing(format!("`{shown}`: there is no `{key}`"), bytes.clone()),
            }
        }
    }
}

/// Why something that Terraform or AWS fills in is not known.
pub(super) fn when_it_runs(shown: &str) -> String {
    format!("`{shown}` is known only when Terraform runs")
}

/// A traversal as it is written, without spaces and comments around it.
fn shown(traversal: &Traversal) -> String {
    let mut text = match &traversal.expr {
        Expression::Variable(name) => name.as_str().to_owned(),
        _ => "(\u{2026})".to_owned(),
    };
    for operator in &traversal.operators {
        match operator.value() {
            TraversalOperator::GetAttr(name) => text.push_str(&format!(".{}", name.as_str())),
            TraversalOperator::LegacyIndex(index) => text.push_str(&format!(".{}", index.value())),
            TraversalOperator::Index(expression) => {
                text.push_str(&format!("[{}]", expression.to_string().trim()));
            }
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => text.push_str("[*]"),
        }
    }
    text
}
