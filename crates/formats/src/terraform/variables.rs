//! The values that a root's variables are given: by its files of values, and by the caller.

use std::path::Path;

use super::definitions::{Definitions, Expr};
use super::evaluate::Evaluator;
use super::folder::Content;
use super::value::{plain, put_at, quoted};
use crate::ReadOptions;
use crate::tree::{Node, Value};

/// A file of a folder: its name, its content, and the number that its bytes are counted from.
pub(super) struct File<'p> {
    pub(super) base: usize,
    pub(super) name: &'p str,
    pub(super) content: &'p Content,
}

/// Variables and their values, in the order in which Terraform takes them: a later one of a name wins.
pub(super) fn given(files: &[File<'_>], options: &ReadOptions) -> Vec<(String, Node)> {
    // Values by variable, with the rank of the file they are from.
    let mut given: Vec<(usize, String, Node)> = Vec::new();
    // Values of files are literals, but may hold templates without references.
    let mut evaluator = Evaluator::new(Definitions::default(), options);
    let mut files: Vec<&File<'_>> = files.iter().collect();
    files.sort_by_key(|file| (rank(file.name), file.name));
    for file in files {
        let rank = rank(file.name);
        match file.content {
            Content::Values(values) => {
                let pairs = values.pairs().iter();
                given.extend(pairs.map(|pair| (rank, pair.key.clone(), moved(pair.value.clone(), file.base))));
            }
            Content::Body(body) if is_values(file.name) => {
                for attribute in body.attributes() {
                    let value = evaluator.evaluate(Expr { expression: &attribute.value, base: file.base });
                    given.push((rank, attribute.key.as_str().to_owned(), value));
                }
            }
            Content::Body(_) | Content::Broken => {}
        }
    }
    given.sort_by_key(|(rank, _, _)| *rank);
    let by_files = given.into_iter().map(|(_, name, value)| (name, value));
    let mut all: Vec<(String, Node)> = by_files.collect();
    let by_caller = options.variables.iter();
    all.extend(by_caller.map(|(name, text)| (name.clone(), given_text(text, &mut evaluator))));
    all
}

/// Whether a file holds values of variables.
pub(super) fn is_values(name: &str) -> bool {
    name.ends_with(".tfvars") || name.ends_with(".tfvars.json")
}

/// The order in which Terraform takes files of values: later ones win.
fn rank(name: &str) -> usize {
    let file = Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match file.as_str() {
        "terraform.tfvars" => 0,
        "terraform.tfvars.json" => 1,
        _ if file.ends_with(".auto.tfvars") || file.ends_with(".auto.tfvars.json") => 2,
        _ => 3,
    }
}

/// A variable's value as a person gives it: an expression where it is one that stands alone, else a text.
fn given_text(text: &str, evaluator: &mut Evaluator<'_>) -> Node {
    if text.trim_start().starts_with(['{', '[', '"'])
        && let Ok(expression) = hcl_edit::parser::parse_expr(text.trim())
    {
        let mut value = evaluator.evaluate(Expr { expression: &expression, base: 0 });
        put_at(&mut value, &(0..0));
        return value;
    }
    match text {
        "true" | "false" => plain(text, 0..0),
        _ => quoted(text, 0..0),
    }
}

/// The same value in a file whose bytes are counted from `base`.
fn moved(mut node: Node, base: usize) -> Node {
    fn walk(node: &mut Node, base: usize) {
        node.bytes = node.bytes.start + base..node.bytes.end + base;
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| walk(item, base)),
            Value::Mapping(pairs) => pairs.iter_mut().for_each(|pair| {
                pair.key_bytes = pair.key_bytes.start + base..pair.key_bytes.end + base;
                walk(&mut pair.value, base);
            }),
        }
    }
    walk(&mut node, base);
    node
}
