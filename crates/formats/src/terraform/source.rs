//! Terraform's language, as far as it can be known without running it: the files of a folder together, with
//! their files of values.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use hcl_edit::Span;
use hcl_edit::structure::Block;

use super::TYPES;
use super::body;
use super::definitions::{Bodies, Definitions, Expr};
use super::evaluate::{Evaluator, Surroundings};
use super::folder::{Content, Folders, join, local_source, parse_all, roots};
use super::instances::{Instance, instances};
use super::module_call::{declare_module, speaks_for_itself};
use super::module_output::{DEEPEST, META};
use super::resource::{Resource, declare};
use super::value::shifted;
use super::variables::{self, File, is_values};
use crate::nearest::did_you_mean;
use crate::reader::Reader;
use crate::tree::Node;
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
    let given = variables::given(files.get(root).map(Vec::as_slice).unwrap_or_default(), options);
    let mut walk = Walk {
        bodies: Rc::new(bodies(&files)),
        options,
        underway: Vec::new(),
        calls: 0,
        made: 0,
        resources: Vec::new(),
    };
    walk.folder(root, "", given, &mut reader);
    let resources = walk.resources;
    declare(resources, &mut reader);
    reader.finish()
}

/// The blocks of each folder, of the files that have some: not of files of values.
fn bodies<'p>(files: &BTreeMap<&'p str, Vec<File<'p>>>) -> Bodies<'p> {
    let of_file = |file: &File<'p>| match file.content {
        Content::Body(body) if !is_values(file.name) => Some((body, file.base)),
        Content::Body(_) | Content::Values(_) | Content::Broken => None,
    };
    files.iter().map(|(folder, files)| (*folder, files.iter().filter_map(of_file).collect())).collect()
}

/// Calls of modules in all: a `for_each` within a `for_each` makes many.
const MOST_CALLS: usize = 10_000;

/// Reading a root and the modules that it calls.
struct Walk<'p> {
    bodies: Rc<Bodies<'p>>,
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
        let all = Rc::clone(&self.bodies);
        let bodies = all.get(folder).map(Vec::as_slice).unwrap_or_default();
        let mut definitions = Definitions::of(bodies);
        for (name, value) in given {
            if !prefix.is_empty() && !definitions.variables.contains_key(&name) {
                let mut names: Vec<&str> = definitions.variables.keys().map(String::as_str).collect();
                names.sort_unstable();
                let message = format!("`{}` has no variable `{name}`", prefix.trim_end_matches('.'));
                reader.warning(&value.bytes, message).help = Some(did_you_mean(&name, &names));
            }
            definitions.give(name, value);
        }
        let mut evaluator = Evaluator::new(definitions, self.options);
        evaluator.around =
            Surroundings { folder: folder.to_owned(), bodies: Rc::clone(&all), nested: self.underway.len() };
        evaluator.made = self.made;
        for (body, base) in bodies.iter().copied() {
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
        self.bodies.contains_key(folder)
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
        let values = instance.within(evaluator, |evaluator| body::values(&block.body, base, bytes.clone(), evaluator));
        let Instance { address, key, .. } = instance;
        let module = prefix.trim_end_matches('.').to_owned();
        Resource { address, module, kind: kind.to_owned(), key, values }
    };
    all.into_iter().map(one).collect()
}
