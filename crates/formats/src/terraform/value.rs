//! Values made of expressions: nodes of the tree, each where its expression stands.

use std::ops::Range;

use crate::tree::{Node, Scalar, Style, Value};

/// The elements of a collection as `for` and `for_each` see them: a list by index, a map by key.
pub(super) fn elements(collection: &Node) -> Option<Vec<(Node, Node)>> {
    match &collection.value {
        Value::Sequence(items) => {
            let numbered = items.iter().enumerate();
            Some(numbered.map(|(at, item)| (plain(&at.to_string(), item.bytes.clone()), item.clone())).collect())
        }
        Value::Mapping(pairs) => {
            Some(pairs.iter().map(|pair| (quoted(&pair.key, pair.key_bytes.clone()), pair.value.clone())).collect())
        }
        Value::Scalar(_) => None,
    }
}

/// Whether two values are the same, wherever they stand.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text && a.is_null() == b.is_null(),
        (Value::Sequence(a), Value::Sequence(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Mapping(_), Value::Mapping(_)) => {
            let within = |a: &Node, b: &Node| {
                a.pairs().iter().all(|pair| b.get(&pair.key).is_some_and(|other| same(&pair.value, other)))
            };
            within(a, b) && within(b, a)
        }
        (Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_), _) => false,
    }
}

pub(super) fn node(value: Value, bytes: Range<usize>) -> Node {
    Node { bytes, tag: None, value }
}

pub(super) fn quoted(text: &str, bytes: Range<usize>) -> Node {
    node(Value::Scalar(Scalar { text: text.to_owned(), style: Style::Quoted }), bytes)
}

pub(super) fn plain(text: &str, bytes: Range<usize>) -> Node {
    node(Value::Scalar(Scalar { text: text.to_owned(), style: Style::Plain }), bytes)
}

/// A span of a file as bytes of the folder.
pub(super) fn shifted(span: Option<Range<usize>>, base: usize) -> Range<usize> {
    let span = span.unwrap_or_default();
    span.start + base..span.end + base
}

/// Gives a value and all in it one place.
pub(super) fn put_at(node: &mut Node, bytes: &Range<usize>) {
    node.bytes = bytes.clone();
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| put_at(item, bytes)),
        Value::Mapping(pairs) => pairs.iter_mut().for_each(|pair| {
            pair.key_bytes = bytes.clone();
            put_at(&mut pair.value, bytes);
        }),
    }
}
