//! Terraform: the JSON of plans and states, and the language itself. Both become the same resources, whose
//! values are nodes of the tree; a value that can't be known is a node with the tag [`UNKNOWN`].

mod evaluate;
mod functions;
pub(crate) mod json;
mod module_call;
mod references;
mod resource;
pub(crate) mod source;
mod text;
mod write;

pub(crate) use write::{write_module, write_resources};

use std::ops::Range;

use crate::tree::{Node, Scalar, Style, Value};

/// The tag of a value that can't be known; its text says why.
const UNKNOWN: &str = "!unknown";

/// A value that can't be known, for that reason.
fn unknown(reason: impl Into<String>, bytes: Range<usize>) -> Node {
    let value = Value::Scalar(Scalar { text: reason.into(), style: Style::Quoted });
    Node { bytes, tag: Some(UNKNOWN.into()), value }
}

/// The tag of what is not there at all, which is unknown too; Terraform's `try` passes over it.
const MISSING: &str = "!missing";

/// A member that a known value does not have.
fn missing(reason: impl Into<String>, bytes: Range<usize>) -> Node {
    Node { tag: Some(MISSING.into()), ..unknown(reason, bytes) }
}

/// Why a value can't be known, where it can't.
fn why_unknown(node: &Node) -> Option<&str> {
    match (&node.tag, &node.value) {
        (Some(tag), Value::Scalar(scalar)) if matches!(&**tag, UNKNOWN | MISSING) => Some(&scalar.text),
        _ => None,
    }
}
