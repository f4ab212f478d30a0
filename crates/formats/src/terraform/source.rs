//! Terraform's language, as far as it can be known without running it: the files of a folder together, with
//! their files of values.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hcl_edit::Span;
use hcl_edit::structure::{Block, Body, Structure};

use super::TYPES;
use super::evaluate::{Definitions, Evaluator, Expr, Variable};
use super::module_call::declare_module;
use super::resource::{Resource, declare};
use super::value::{elements, node, plain, quoted, shifted};
use crate::reader::Reader;
use crate::tree::{Node, Pair, Value};
use crate::yaml::{LONGEST_TEXT, too_long};
use crate::{Declared, Diagnostic, Read, ReadOptions, Source, json};

/// Reads files, those of each folder together.
pub(crate) fn read(sources: &[Arc<Source>], options: &ReadOptions) -> Read<Declared> {
    let mut folders: BTreeMap<String, Vec<Arc<Source>>> = BTreeMap::new();
    for source in sources {
        let folder = Path::new(source.name()).parent().map(|path| path.to_string_lossy().into_owned());
        folders.entry(folder.unwrap_or_default()).or_default().push(Arc::clone(source));
    }
    let mut all = Read { value: Declared::default(), diagnostics: Vec::new() };
    for files in folders.values() {
        all.add(read_folder(files, options));
    }
    all
}

/// A parsed file with the number that its bytes are counted from.
struct File {
    base: usize,
    name: String,
    body: Body,
}

fn read_folder(sources: &[Arc<Source>], options: &ReadOptions) -> Read<Declared> {
    let Some((first, rest)) = sources.split_first() else {
        return Read { value: Declared::default(), diagnostics: Vec::new() };
    };
    let mut reader = Reader::new(first, options);
    let bases: Vec<usize> = std::iter::once(0).chain(rest.iter().map(|source| reader.add_source(source))).collect();
    let mut files = Vec::new();
    // Values by variable, with the rank of the file they are from.
    let mut given: Vec<(usize, String, Node)> = Vec::new();
    for (source, base) in sources.iter().zip(bases) {
        if source.name().ends_with(".json") {
            match json::read(source) {
                Ok(read) => {
                    reader.diagnostics.extend(read.diagnostics);
                    let rank = rank(source.name());
                    for pair in read.value.pairs() {
                        given.push((rank, pair.key.clone(), moved(pair.value.clone(), base)));
                    }
                }
                Err(diagnostic) => {
                    reader.say(diagnostic);
                }
            }
            continue;
        }
        match parse(source) {
            Ok(body) => files.push(File { base, name: source.name().to_owned(), body }),
            Err(diagnostic) => {
                reader.say(*diagnostic);
            }
        }
    }
    let mut definitions = Definitions::default();
    for file in files.iter().filter(|file| !is_values(&file.name)) {
        define(file, &mut definitions);
    }
    // Values of files are literals, but may hold templates without references.
    let mut evaluator = Evaluator::new(Definitions::default(), options);
    let mut values: Vec<&File> = files.iter().filter(|file| is_values(&file.name)).collect();
    values.sort_by_key(|file| (rank(&file.name), file.name.clone()));
    for file in values {
        for attribute in file.body.attributes() {
            let value = evaluator.evaluate(Expr { expression: &attribute.value, base: file.base });
            given.push((rank(&file.name), attribute.key.as_str().to_owned(), value));
        }
    }
    given.sort_by_key(|(rank, _, _)| *rank);
    for (_, name, value) in given {
        definitions.variables.insert(name, Variable::Given(value));
    }
    for (name, text) in &options.variables {
        let value = given_text(text, &mut evaluator);
        definitions.variables.insert(name.clone(), Variable::Given(value));
    }
    let mut evaluator = Evaluator::new(definitions, options);
    let mut resources = Vec::new();
    for file in files.iter().filter(|file| !is_values(&file.name)) {
        for block in file.body.blocks() {
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            match (block.ident.as_str(), labels.as_slice()) {
                ("resource", [kind, name]) if TYPES.contains(kind) => {
                    read_resource(block, file.base, kind, name, &mut evaluator, &mut reader, &mut resources);
                }
                ("module", [name]) => declare_module(block, file.base, name, &mut evaluator, &mut reader),
                _ => {}
            }
        }
    }
    declare(resources, &mut reader);
    for (cycle, bytes) in std::mem::take(&mut evaluator.cycles) {
        reader.error(&bytes, format!("this refers to itself: {cycle}"));
    }
    reader.finish()
}

fn parse(source: &Arc<Source>) -> Result<Body, Box<Diagnostic>> {
    if source.text().len() > LONGEST_TEXT {
        return Err(Box::new(too_long(source)));
    }
    hcl_edit::parser::parse_body(source.text()).map_err(|error| {
        let location = error.location();
        let at = location.offset().min(source.text().len());
        let place = crate::Place { source: Arc::clone(source), bytes: at..at };
        Box::new(Diagnostic::error(format!("not valid HCL: {}", error.message()), Some(place)))
    })
}

/// Takes in what the blocks of a file define.
fn define<'f>(file: &'f File, definitions: &mut Definitions<'f>) {
    let base = file.base;
    for block in file.body.blocks() {
        let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
        match (block.ident.as_str(), labels.as_slice()) {
            ("locals", []) => {
                for attribute in block.body.attributes() {
                    let expr = Expr { expression: &attribute.value, base };
                    definitions.locals.insert(attribute.key.as_str().to_owned(), expr);
                }
            }
            ("variable", [name]) => {
                let default = block.body.get_attribute("default");
                let variable = default
                    .map_or(Variable::Nothing, |default| Variable::Default(Expr { expression: &default.value, base }));
                definitions.variables.insert((*name).to_owned(), variable);
            }
            ("resource", [kind, name]) => {
                definitions.resources.insert(format!("{kind}.{name}"), (block, base));
            }
            ("module", [name]) => {
                definitions.modules.insert((*name).to_owned(), (block, base));
            }
            _ => {}
        }
    }
}

/// One resource block: as many resources as its `for_each` or `count` makes.
fn read_resource(
    block: &Block,
    base: usize,
    kind: &str,
    name: &str,
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
    resources: &mut Vec<Resource>,
) {
    let address = format!("{kind}.{name}");
    for instance in instances(block, base, &address, evaluator, reader) {
        let values = instance
            .within(evaluator, |evaluator| body_values(&block.body, base, shifted(block.span(), base), evaluator));
        let Instance { address, key, .. } = instance;
        resources.push(Resource { address, module: String::new(), kind: kind.to_owned(), key, values });
    }
}

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

/// What a block makes; nothing, with a warning, where that can't be known.
pub(super) fn instances(
    block: &Block,
    base: usize,
    address: &str,
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
) -> Vec<Instance> {
    if let Some(attribute) = block.body.get_attribute("for_each") {
        let collection = evaluator.evaluate(Expr { expression: &attribute.value, base });
        let is_list = collection.is_sequence();
        let Some(elements) = elements(&collection) else {
            let reason = collection.why_unknown().unwrap_or("it is no collection").to_owned();
            let message = format!("`{address}` can't be read: its `for_each` is not known ({reason})");
            reader.warning(&shifted(attribute.span(), base), message);
            return Vec::new();
        };
        let mut all = Vec::new();
        for (key, value) in elements {
            // A set's elements are their own keys.
            let key = if is_list { value.clone() } else { key };
            let Some(text) = key.text().map(str::to_owned) else {
                let reason = key.why_unknown().unwrap_or("a key is no text").to_owned();
                let message =
                    format!("a part of `{address}` can't be read: a key of its `for_each` is not known ({reason})");
                reader.warning(&key.bytes, message);
                continue;
            };
            let bytes = value.bytes.clone();
            let pair = |name: &str, value: Node| Pair { key: name.to_owned(), key_bytes: bytes.clone(), value };
            let each = node(Value::Mapping(vec![pair("key", key), pair("value", value)]), bytes.clone());
            let address = format!("{address}[{text:?}]");
            all.push(Instance { address, key: Some(text), bound: Some(("each", each)) });
        }
        return all;
    }
    if let Some(attribute) = block.body.get_attribute("count") {
        let count = evaluator.evaluate(Expr { expression: &attribute.value, base });
        let Some(number) = count.text().and_then(|text| text.parse::<usize>().ok()).filter(|number| *number <= 10_000)
        else {
            let reason = count.why_unknown().unwrap_or("it is no number").to_owned();
            let message = format!("`{address}` can't be read: its `count` is not known ({reason})");
            reader.warning(&shifted(attribute.span(), base), message);
            return Vec::new();
        };
        let one = |index: usize| {
            let bytes = count.bytes.clone();
            let value = plain(&index.to_string(), bytes.clone());
            let pair = Pair { key: "index".to_owned(), key_bytes: bytes.clone(), value };
            let bound = Some(("count", node(Value::Mapping(vec![pair]), bytes)));
            Instance { address: format!("{address}[{index}]"), key: None, bound }
        };
        return (0..number).map(one).collect();
    }
    vec![Instance { address: address.to_owned(), key: None, bound: None }]
}

/// Attributes and blocks of a body as a mapping; blocks as lists, as Terraform's JSON has them.
fn body_values(body: &Body, base: usize, bytes: std::ops::Range<usize>, evaluator: &mut Evaluator<'_>) -> Node {
    let mut pairs: Vec<Pair> = Vec::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let key = attribute.key.as_str();
                if matches!(key, "for_each" | "count" | "depends_on" | "provider") {
                    continue;
                }
                let value = evaluator.evaluate(Expr { expression: &attribute.value, base });
                pairs.push(Pair { key: key.to_owned(), key_bytes: shifted(attribute.key.span(), base), value });
            }
            Structure::Block(block) => {
                let key_bytes = shifted(block.ident.span(), base);
                let span = shifted(block.span(), base);
                let (key, value) = match (block.ident.as_str(), block.labels.first()) {
                    ("dynamic", Some(label)) => {
                        (label.as_str().to_owned(), Node::unknown("`dynamic` blocks are not evaluated", span.clone()))
                    }
                    (name, _) => (name.to_owned(), body_values(&block.body, base, span.clone(), evaluator)),
                };
                match pairs.iter_mut().find(|pair| pair.key == key).map(|pair| &mut pair.value.value) {
                    Some(Value::Sequence(items)) => items.push(value),
                    _ => pairs.push(Pair { key, key_bytes, value: node(Value::Sequence(vec![value]), span) }),
                }
            }
        }
    }
    node(Value::Mapping(pairs), bytes)
}

/// Whether a file holds values of variables.
fn is_values(name: &str) -> bool {
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
        unplaced(&mut value);
        return value;
    }
    match text {
        "true" | "false" => plain(text, 0..0),
        _ => quoted(text, 0..0),
    }
}

fn unplaced(node: &mut Node) {
    node.bytes = 0..0;
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(unplaced),
        Value::Mapping(pairs) => pairs.iter_mut().for_each(|pair| {
            pair.key_bytes = 0..0;
            unplaced(&mut pair.value);
        }),
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
