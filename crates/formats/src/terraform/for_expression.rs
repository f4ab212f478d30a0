//! `for` expressions: `[for …]`, `{for …}`, also with a condition and with grouping (`…`).

use std::ops::Range;

use hcl_edit::expr::ForExpr;

use super::definitions::Expr;
use super::evaluate::{Evaluator, unknown_of};
use super::value::{elements, node};
use crate::tree::{Node, Pair, Value};

/// What one round made: nothing, where the condition is false; a key in front of `=>`; the value.
type Made = Option<(Option<Node>, Node)>;

impl Evaluator<'_> {
    pub(super) fn for_each(&mut self, expression: &ForExpr, base: usize, bytes: Range<usize>) -> Node {
        let collection = self.evaluate(Expr { expression: &expression.intro.collection_expr, base });
        let Some(elements) = elements(&collection) else {
            return unknown_of(&collection, "`for` goes over something that is no collection", bytes);
        };
        let value_name = expression.intro.value_var.as_str();
        let key_name = expression.intro.key_var.as_ref().map(|name| name.as_str());
        let (mut items, mut pairs) = (Vec::new(), Vec::<Pair>::new());
        for (key, value) in elements {
            let made = self.with(value_name, value, |it| match key_name {
                Some(name) => it.with(name, key, |it| it.round(expression, base, &bytes)),
                None => it.round(expression, base, &bytes),
            });
            match made {
                Err(unknown) => return unknown,
                Ok(None) => {}
                Ok(Some((None, value))) => items.push(value),
                Ok(Some((Some(key), value))) => match key.text() {
                    Some(name) => add(&mut pairs, name, &key, value, expression.grouping),
                    None => return unknown_of(&key, "a key is no text", bytes),
                },
            }
        }
        let value = if expression.key_expr.is_some() { Value::Mapping(pairs) } else { Value::Sequence(items) };
        node(value, bytes)
    }

    fn round(&mut self, expression: &ForExpr, base: usize, bytes: &Range<usize>) -> Result<Made, Node> {
        if let Some(condition) = &expression.cond {
            let condition = self.evaluate(Expr { expression: &condition.expr, base });
            match condition.truth() {
                Some(true) => {}
                Some(false) => return Ok(None),
                None => return Err(unknown_of(&condition, "the condition is neither true nor false", bytes.clone())),
            }
        }
        let key = expression.key_expr.as_ref().map(|key| self.evaluate(Expr { expression: key, base }));
        Ok(Some((key, self.evaluate(Expr { expression: &expression.value_expr, base }))))
    }
}

/// A later value of a key takes the place of the one before, or with grouping stands behind it.
fn add(pairs: &mut Vec<Pair>, name: &str, key: &Node, value: Node, grouping: bool) {
    if grouping
        && let Some(Value::Sequence(group)) = pairs.iter_mut().find(|pair| pair.key == name).map(|p| &mut p.value.value)
    {
        group.push(value);
        return;
    }
    pairs.retain(|pair| pair.key != name);
    let bytes = value.bytes.clone();
    let value = if grouping { node(Value::Sequence(vec![value]), bytes) } else { value };
    pairs.push(Pair { key: name.to_owned(), key_bytes: key.bytes.clone(), value });
}
