//! How many things a block makes: one, or as many as its `for_each` or `count` says.

use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::structure::Block;

use super::definitions::Expr;
use super::evaluate::Evaluator;
use super::value::{elements, node, plain, shifted};
use crate::reader::Reader;
use crate::tree::{Node, Pair, Value};

/// The most things of one `count`.
const MOST: usize = 10_000;

/// One of the things that a block makes.
pub(super) struct Instance {
    pub(super) address: String,
    /// Its key under `for_each`.
    pub(super) key: Option<String>,
    bound: Option<(&'static str, Node)>,
}

impl Instance {
    /// Evaluates something with this one's `each` or `count`.
    pub(super) fn within<'f, T>(&self, evaluator: &mut Evaluator<'f>, work: impl FnOnce(&mut Evaluator<'f>) -> T) -> T {
        match &self.bound {
            Some((name, value)) => evaluator.with(name, value.clone(), work),
            None => work(evaluator),
        }
    }
}

/// What a block makes, and what of it can't be told.
pub(super) struct Found {
    pub(super) all: Vec<Instance>,
    /// Where a key is not known, and why.
    pub(super) lost: Vec<(Range<usize>, String)>,
}

/// Whether a block makes one thing, without an index.
pub(super) fn is_single(block: &Block) -> bool {
    !block.body.has_attribute("count") && !block.body.has_attribute("for_each")
}

/// What a block makes; an error says where and why that can't be known.
pub(super) fn find(
    block: &Block,
    base: usize,
    address: &str,
    evaluator: &mut Evaluator<'_>,
) -> Result<Found, (Range<usize>, String)> {
    let of_one = |all: Vec<Instance>| Ok(Found { all, lost: Vec::new() });
    if let Some(attribute) = block.body.get_attribute("for_each") {
        let collection = evaluator.evaluate(Expr { expression: &attribute.value, base });
        return for_each(&collection, address)
            .map_err(|reason| (shifted(attribute.span(), base), format!("its `for_each` is not known ({reason})")));
    }
    let Some(attribute) = block.body.get_attribute("count") else {
        return of_one(vec![Instance { address: address.to_owned(), key: None, bound: None }]);
    };
    let count = evaluator.evaluate(Expr { expression: &attribute.value, base });
    // `count = var.enabled` fails in Terraform, too.
    let Some(number) = count.text().and_then(|text| text.parse::<usize>().ok()).filter(|number| *number <= MOST) else {
        let reason = count.why_unknown().unwrap_or("it is no number");
        return Err((shifted(attribute.span(), base), format!("its `count` is not known ({reason})")));
    };
    let one = |index: usize| {
        let bytes = count.bytes.clone();
        let value = plain(&index.to_string(), bytes.clone());
        let pair = Pair { key: "index".to_owned(), key_bytes: bytes.clone(), value };
        let bound = Some(("count", node(Value::Mapping(vec![pair]), bytes)));
        Instance { address: format!("{address}[{index}]"), key: None, bound }
    };
    of_one((0..number).map(one).collect())
}

fn for_each(collection: &Node, address: &str) -> Result<Found, String> {
    let is_list = collection.is_sequence();
    let Some(elements) = elements(collection) else {
        return Err(collection.why_unknown().unwrap_or("it is no collection").to_owned());
    };
    let mut found = Found { all: Vec::new(), lost: Vec::new() };
    for (key, value) in elements {
        // A set's elements are their own keys.
        let key = if is_list { value.clone() } else { key };
        let Some(text) = key.text().map(str::to_owned) else {
            let reason = key.why_unknown().unwrap_or("a key is no text").to_owned();
            found.lost.push((key.bytes, format!("a key of its `for_each` is not known ({reason})")));
            continue;
        };
        let address = format!("{address}[{text:?}]");
        found.all.push(Instance { address, key: Some(text), bound: Some(("each", key_and_value(key, value))) });
    }
    Ok(found)
}

/// `{ key = …, value = … }`: what `each` is, and the iterator of a dynamic block.
pub(super) fn key_and_value(key: Node, value: Node) -> Node {
    let bytes = value.bytes.clone();
    let pair = |name: &str, value: Node| Pair { key: name.to_owned(), key_bytes: bytes.clone(), value };
    node(Value::Mapping(vec![pair("key", key), pair("value", value)]), bytes.clone())
}

/// What a block makes; nothing, with a warning, where that can't be known.
pub(super) fn instances(
    block: &Block,
    base: usize,
    address: &str,
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
) -> Vec<Instance> {
    match find(block, base, address, evaluator) {
        Ok(found) => {
            for (bytes, why) in found.lost {
                reader.warning(&bytes, format!("a part of `{address}` can't be read: {why}"));
            }
            found.all
        }
        Err((bytes, why)) => {
            reader.warning(&bytes, format!("`{address}` can't be read: {why}"));
            Vec::new()
        }
    }
}
