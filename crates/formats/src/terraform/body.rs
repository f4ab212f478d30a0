//! A block's body as a value: its attributes, and its blocks as lists, as Terraform's JSON has them.

use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body, Structure};

use super::definitions::Expr;
use super::evaluate::Evaluator;
use super::instances::key_and_value;
use super::value::{elements, node, shifted};
use crate::tree::{Node, Pair, Value};

/// Members of a resource that are none of its values.
const META: [&str; 4] = ["for_each", "count", "depends_on", "provider"];

/// Attributes and blocks of a body.
pub(super) fn values(body: &Body, base: usize, bytes: Range<usize>, evaluator: &mut Evaluator<'_>) -> Node {
    let mut pairs: Vec<Pair> = Vec::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let key = attribute.key.as_str();
                if META.contains(&key) {
                    continue;
                }
                let value = evaluator.evaluate(Expr { expression: &attribute.value, base });
                pairs.push(Pair { key: key.to_owned(), key_bytes: shifted(attribute.key.span(), base), value });
            }
            Structure::Block(block) => {
                let key_bytes = shifted(block.ident.span(), base);
                let span = shifted(block.span(), base);
                let (key, made) = match (block.ident.as_str(), block.labels.first()) {
                    ("dynamic", Some(label)) => (label.as_str(), dynamic(block, label.as_str(), base, evaluator)),
                    (name, _) => (name, vec![values(&block.body, base, span.clone(), evaluator)]),
                };
                match pairs.iter_mut().find(|pair| pair.key == key).map(|pair| &mut pair.value.value) {
                    Some(Value::Sequence(items)) => items.extend(made),
                    // A dynamic block over nothing is no block.
                    _ if made.is_empty() => {}
                    _ => {
                        let value = node(Value::Sequence(made), span);
                        pairs.push(Pair { key: key.to_owned(), key_bytes, value });
                    }
                }
            }
        }
    }
    node(Value::Mapping(pairs), bytes)
}

/// The blocks that a `dynamic` block makes: one for each element of its `for_each`, or one that is not known.
fn dynamic(block: &Block, label: &str, base: usize, evaluator: &mut Evaluator<'_>) -> Vec<Node> {
    let span = shifted(block.span(), base);
    let unknown =
        |reason: &str| vec![Node::unknown(format!("the `dynamic` block is not known: {reason}"), span.clone())];
    let (Some(for_each), Some(content)) =
        (block.body.get_attribute("for_each"), block.body.get_blocks("content").next())
    else {
        return unknown("it has no `for_each` or no `content`");
    };
    let iterator = match block.body.get_attribute("iterator").map(|attribute| &attribute.value) {
        None => label,
        Some(Expression::Variable(name)) => name.as_str(),
        Some(_) => return unknown("its `iterator` is no name"),
    };
    let collection = evaluator.evaluate(Expr { expression: &for_each.value, base });
    let is_sequence = collection.is_sequence();
    let Some(elements) = elements(&collection) else {
        return unknown(collection.why_unknown().unwrap_or("its `for_each` is no collection"));
    };
    let of_one = |(key, value): (Node, Node)| {
        let key = if is_sequence { key_in_sequence(&for_each.value, key, &value) } else { key };
        let span = span.clone();
        evaluator.with(iterator, key_and_value(key, value), |evaluator| values(&content.body, base, span, evaluator))
    };
    elements.into_iter().map(of_one).collect()
}

/// The key of an element of a list is its number, that of a set the element itself. Which one it is, only the
/// expression tells.
fn key_in_sequence(expression: &Expression, number: Node, value: &Node) -> Node {
    match expression {
        Expression::Array(_) => number,
        Expression::FuncCall(call) if call.name.name.as_str() == "toset" => value.clone(),
        _ => Node::unknown("whether it is the number in a list, or an element of a set, can't be told", number.bytes),
    }
}
