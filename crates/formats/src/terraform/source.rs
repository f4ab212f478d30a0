//! Terraform's language, as far as it can be known without running it: the files of a folder together, with
//! their files of values.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hcl_edit::Span;
use hcl_edit::structure::{Block, Body, Structure};

use super::TYPES;
use super::evaluate::{Definitions, Evaluator, Expr, Variable};
use super::folder::{Content, Folders, join, local_source, parse_all, roots};
use super::module_call::{declare_module, speaks_for_itself};
use super::resource::{Resource, declare};
use super::value::{elements, node, plain, quoted, shifted};
use crate::nearest::did_you_mean;
use crate::reader::Reader;
use crate::tree::{Node, Pair, Value};
use crate::{Declared, Read, ReadOptions, Source};

/// Reads files, those of each folder together, and those of a folder that another calls as a module within it.
pub(crate) fn read(sources: &[Arc<Source>], options: &ReadOptions) -> Read<Declared> {
    let mut all = Read { value: Declared::default(), diagnostics: Vec::new() };
    let folders = parse_all(sources, &mut all.diagnostics);
    for root in roots(&folders) {
        all.add(read_root(root, &folders, options));
    }
    all
}

/// A file with the number that its bytes are counted from.
struct File<'p> {
    base: usize,
    name: &'p str,
    content: &'p Content,
}

impl<'p> File<'p> {
    /// Its blocks, where it has some: not of files of values.
    fn blocks(&self) -> Option<&'p Body> {
        match self.content {
            Content::Body(body) if !is_values(self.name) => Some(body),
            Content::Body(_) | Content::Values(_) | Content::Broken => None,
        }
    }
}

fn read_root(root: &str, folders: &Folders, options: &ReadOptions) -> Read<Declared> {
    let Some(first) = folders.get(root).and_then(|files| files.first()) else {
        return Read { value: Declared::default(), diagnostics: Vec::new() };
    };
    let mut reader = Reader::new(&first.source, options);
    let mut files: BTreeMap<&str, Vec<File<'_>>> = BTreeMap::new();
    let others = folders.iter().filter(|(folder, _)| *folder != root);
    for (folder, parsed) in folders.get_key_value(root).into_iter().chain(others) {
        for one in parsed {
            let is_first = Arc::ptr_eq(&one.source, &first.source);
            let base = if is_first { 0 } else { reader.add_source(&one.source) };
            let file = File { base, name: one.source.name(), content: &one.content };
            files.entry(folder).or_default().push(file);
        }
    }
    let mut walk = Walk { files, options, underway: Vec::new(), calls: 0, made: 0, resources: Vec::new() };
    let given = given(&walk, root);
    walk.folder(root, "", given, &mut reader);
    let resources = walk.resources;
    declare(resources, &mut reader);
    reader.finish()
}

/// The values that a root's variables are given: by its files, and by the caller.
fn given(walk: &Walk<'_>, root: &str) -> Vec<(String, Node)> {
    // Values by variable, with the rank of the file they are from.
    let mut given: Vec<(usize, String, Node)> = Vec::new();
    // Values of files are literals, but may hold templates without references.
    let mut evaluator = Evaluator::new(Definitions::default(), walk.options);
    let mut files: Vec<&File<'_>> = walk.files.get(root).into_iter().flatten().collect();
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
    let by_caller = walk.options.variables.iter();
    all.extend(by_caller.map(|(name, text)| (name.clone(), given_text(text, &mut evaluator))));
    all
}

/// Modules within modules; more than any real configuration has.
const DEEPEST: usize = 16;
/// Calls of modules in all: a `for_each` within a `for_each` makes many.
const MOST_CALLS: usize = 10_000;

/// Reading a root and the modules that it calls.
struct Walk<'p> {
    files: BTreeMap<&'p str, Vec<File<'p>>>,
    options: &'p ReadOptions,
    /// The folders that are being read, outermost first.
    underway: Vec<String>,
    calls: usize,
    /// Values made so far, in all folders.
    made: usize,
    resources: Vec<Resource>,
}

impl<'p> Walk<'p> {
    /// Reads one folder. `prefix` is what its addresses begin with, such as `module.access.`.
    fn folder(&mut self, folder: &str, prefix: &str, given: Vec<(String, Node)>, reader: &mut Reader<'_>) {
        let files = self.files.get(folder).into_iter().flatten();
        let bodies: Vec<(&'p Body, usize)> = files.filter_map(|file| Some((file.blocks()?, file.base))).collect();
        let mut definitions = Definitions::default();
        for (body, base) in &bodies {
            define(body, *base, &mut definitions);
        }
        for (name, value) in given {
            if !prefix.is_empty() && !definitions.variables.contains_key(&name) {
                let mut names: Vec<&str> = definitions.variables.keys().map(String::as_str).collect();
                names.sort_unstable();
                let message = format!("`{}` has no variable `{name}`", prefix.trim_end_matches('.'));
                reader.warning(&value.bytes, message).help = Some(did_you_mean(&name, &names));
            }
            definitions.variables.insert(name, Variable::Given(value));
        }
        let mut evaluator = Evaluator::new(definitions, self.options);
        evaluator.made = self.made;
        for (body, base) in bodies {
            for block in body.blocks() {
                let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
                match (block.ident.as_str(), labels.as_slice()) {
                    ("resource", [kind, name]) if TYPES.contains(kind) => {
                        let made = read_resource(block, base, (kind, name, prefix), &mut evaluator, reader);
                        self.resources.extend(made);
                    }
                    ("module", [name]) => {
                        let address = format!("{prefix}module.{name}");
                        match local_source(block) {
                            // What a module that is not there takes is taken at its word, as any other's.
                            Some(source) if self.is_there(&join(folder, source)) || !speaks_for_itself(block) => {
                                let child = join(folder, source);
                                self.call(block, base, (&address, source, &child), &mut evaluator, reader);
                            }
                            Some(_) | None => declare_module(block, base, &address, &mut evaluator, reader),
                        }
                    }
                    _ => {}
                }
            }
        }
        self.made = evaluator.made;
        for (cycle, bytes) in std::mem::take(&mut evaluator.cycles) {
            reader.error(&bytes, format!("this refers to itself: {cycle}"));
        }
    }

    fn is_there(&self, folder: &str) -> bool {
        self.files.contains_key(folder)
    }

    /// A call of a folder beside: with each of its instances' values.
    fn call(
        &mut self,
        block: &Block,
        base: usize,
        (address, source, child): (&str, &str, &str),
        evaluator: &mut Evaluator<'_>,
        reader: &mut Reader<'_>,
    ) {
        let at = block.body.get_attribute("source").map(|attribute| shifted(attribute.value.span(), base));
        let at = at.unwrap_or_default();
        if !self.is_there(child) {
            let message =
                format!("`{address}` is not read: the folder `{source}` is not there, or has no Terraform files");
            reader.warning(&at, message);
            return;
        }
        if self.underway.len() >= DEEPEST || self.underway.iter().any(|folder| folder == child) {
            reader.error(&at, format!("`{address}` calls itself, or modules too deep in each other"));
            return;
        }
        for instance in instances(block, base, address, evaluator, reader) {
            self.calls += 1;
            if self.calls > MOST_CALLS {
                reader
                    .error(&at, format!("`{address}` is not read whole: there are over {MOST_CALLS} calls of modules"));
                return;
            }
            let inputs = block.body.attributes().filter(|attribute| !META.contains(&attribute.key.as_str()));
            let given = inputs.map(|attribute| {
                let expr = Expr { expression: &attribute.value, base };
                let value = instance.within(evaluator, |evaluator| evaluator.evaluate(expr));
                (attribute.key.as_str().to_owned(), value)
            });
            let given: Vec<(String, Node)> = given.collect();
            self.made = evaluator.made;
            self.underway.push(child.to_owned());
            self.folder(child, &format!("{}.", instance.address), given, reader);
            self.underway.pop();
            evaluator.made = self.made;
        }
    }
}

/// Members of a module block that are no inputs.
const META: [&str; 6] = ["source", "version", "count", "for_each", "providers", "depends_on"];

/// Takes in what the blocks of a file define.
fn define<'f>(body: &'f Body, base: usize, definitions: &mut Definitions<'f>) {
    for block in body.blocks() {
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
    (kind, name, prefix): (&str, &str, &str),
    evaluator: &mut Evaluator<'_>,
    reader: &mut Reader<'_>,
) -> Vec<Resource> {
    let address = format!("{prefix}{kind}.{name}");
    let bytes = shifted(block.span().or_else(|| block.body.attributes().next()?.value.span()), base);
    let all = instances(block, base, &address, evaluator, reader);
    let one = |instance: Instance| {
        let values = instance.within(evaluator, |evaluator| body_values(&block.body, base, bytes.clone(), evaluator));
        let Instance { address, key, .. } = instance;
        let module = prefix.trim_end_matches('.').to_owned();
        Resource { address, module, kind: kind.to_owned(), key, values }
    };
    all.into_iter().map(one).collect()
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
