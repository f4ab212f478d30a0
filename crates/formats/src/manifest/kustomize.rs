//! Kustomizations, as far as they hold aws-auth themselves: inline patches, JSON patches and generators. What they
//! build on stands in other files, so what is read here is a part; `kustomize build` prints the whole.

use std::collections::HashSet;

use super::config_map::{NAME, declare};
use crate::aws_auth::{MAP_ACCOUNTS, MAP_ROLES, MAP_USERS, Part};
use crate::positions::Positions;
use crate::reader::Reader;
use crate::tree::{Node, Value};
use crate::{Source, json, yaml};

const KEYS: [&str; 3] = [MAP_ROLES, MAP_USERS, MAP_ACCOUNTS];
const DATA: &str = "/data/";
const BUILD: &str = "give what `kustomize build` prints, which is whole";

/// Whether a document without a kind is a kustomization.
pub(super) fn is_it(document: &Node) -> bool {
    let marks = ["configMapGenerator", "patchesStrategicMerge", "patchesJson6902", "patches", "kustomization"];
    marks.into_iter().any(|key| document.get(key).is_some())
}

/// Whether a document is a JSON patch of aws-auth: a list of operations on its `data`.
pub(super) fn is_json_patch(document: &Node) -> bool {
    let mut paths = document.items().iter().map(|item| item.get("path").and_then(Node::text).unwrap_or_default());
    document.is_sequence() && paths.any(|path| path.starts_with(DATA) || path == "/data")
}

/// Reads a kustomization.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) {
    // Inline texts become documents of their own; they have to outlive the parts that point into them.
    let mut patches: Vec<Node> = Vec::new();
    for key in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
        for item in node.get(key).map(Node::items).unwrap_or_default() {
            let target = item.get("target");
            let names = |key: &str| target.and_then(|target| target.get(key)).and_then(Node::text);
            if target.is_some()
                && (names("name").is_some_and(|name| name != NAME)
                    || names("kind").is_some_and(|kind| kind != "ConfigMap"))
            {
                continue;
            }
            let text =
                item.get("patch").or_else(|| item.text().is_some_and(|text| text.contains('\n')).then_some(item));
            if let Some(text) = text {
                patches.extend(documents(text, reader));
            }
        }
    }
    let mut parts: Vec<Part<'_>> = Vec::new();
    for patch in &patches {
        if is_json_patch(patch) {
            parts.extend(json_patch_parts(patch, reader));
        } else if patch.path(&["metadata", "name"]).and_then(Node::text) == Some(NAME)
            && patch.get("kind").and_then(Node::text) == Some("ConfigMap")
        {
            parts.extend(patch.get("data").map(crate::aws_auth::parts).unwrap_or_default());
        }
    }
    for generator in node.get("configMapGenerator").map(Node::items).unwrap_or_default() {
        if generator.get("name").and_then(Node::text) == Some(NAME) {
            parts.extend(generator_parts(generator, node, reader));
        }
    }
    if parts.is_empty() {
        reader.note(&node.bytes, "the kustomization itself holds no aws-auth").help = Some(BUILD.to_owned());
        return;
    }
    partial(node, parts, reader);
}

/// Reads a JSON patch that stands alone.
pub(super) fn read_json_patch(node: &Node, reader: &mut Reader<'_>) {
    let parts = json_patch_parts(node, reader);
    partial(node, parts, reader);
}

/// Declares parts, and says that they are that. Of several for one key the last counts, as with kustomize.
fn partial(node: &Node, mut parts: Vec<Part<'_>>, reader: &mut Reader<'_>) {
    let start = parts.first().map_or(node.bytes.clone(), |part| part.node.bytes.clone());
    reader.warning(&start, "this is a patch of aws-auth: what it is laid over is not known here").help =
        Some(BUILD.to_owned());
    let mut seen = HashSet::new();
    parts.reverse();
    parts.retain(|part| seen.insert(part.key.clone()));
    parts.reverse();
    declare(node, &parts, reader);
}

fn json_patch_parts<'n>(patch: &'n Node, reader: &mut Reader<'_>) -> Vec<Part<'n>> {
    let mut parts = Vec::new();
    for item in patch.items() {
        let text = |key: &str| item.get(key).and_then(Node::text).unwrap_or_default();
        let (op, path) = (text("op"), text("path"));
        let value = item.get("value");
        match (op, path.strip_prefix(DATA), value) {
            ("add" | "replace", Some(key), Some(value)) => {
                parts.push(Part { key: key.to_owned(), node: value, skip: 0 });
            }
            ("add" | "replace", None, Some(value)) if path == "/data" => parts.extend(crate::aws_auth::parts(value)),
            ("test", ..) => {}
            (_, Some(key), _) => {
                reader.warning(&item.bytes, format!("the operation `{op}` on `{key}` is not carried out")).help =
                    Some(BUILD.to_owned());
            }
            (_, None, _) => {}
        }
    }
    parts
}

fn generator_parts<'n>(generator: &'n Node, whole: &Node, reader: &mut Reader<'_>) -> Vec<Part<'n>> {
    let no_hash = |node: Option<&Node>| {
        node.and_then(|options| options.get("disableNameSuffixHash")).and_then(Node::truth) == Some(true)
    };
    if !no_hash(generator.get("options")) && !no_hash(whole.get("generatorOptions")) {
        let bytes = generator.get("name").unwrap_or(generator).bytes.clone();
        reader
            .warning(&bytes, "kustomize adds a hash to the name, and EKS reads the ConfigMap named `aws-auth` alone")
            .help = Some("set `options.disableNameSuffixHash: true`".to_owned());
    }
    let mut parts = Vec::new();
    for literal in generator.get("literals").map(Node::items).unwrap_or_default() {
        let Some((key, _)) = literal.text().and_then(|text| text.split_once('=')) else {
            reader.warning(&literal.bytes, "a literal must have the form KEY=TEXT");
            continue;
        };
        parts.push(Part { key: key.to_owned(), node: literal, skip: key.len() + 1 });
    }
    for file in generator.get("files").map(Node::items).unwrap_or_default() {
        let text = file.text().unwrap_or_default();
        let key = text.split_once('=').map_or_else(|| text.rsplit('/').next().unwrap_or(text), |(key, _)| key);
        if KEYS.contains(&key) {
            reader.warning(&file.bytes, format!("`{key}` stands in a file that is not read from here")).help =
                Some(BUILD.to_owned());
        }
    }
    parts
}

/// The documents within a text of the file, with the places that they have in the file.
fn documents(node: &Node, reader: &mut Reader<'_>) -> Vec<Node> {
    let Some(text) = node.text() else { return Vec::new() };
    let source = Source::new("patch", text);
    let read = match json::read(&source) {
        Ok(read) if json::looks_like_json(text) => {
            crate::Read { value: vec![read.value], diagnostics: read.diagnostics }
        }
        _ => yaml::read(&source),
    };
    let positions = Positions::of(reader.source.text(), node);
    for mut said in read.diagnostics {
        let bytes = said.place.take().map_or(node.bytes.clone(), |place| positions.range(&place.bytes));
        said.place = Some(reader.place(&bytes));
        said.related.clear();
        reader.say(said);
    }
    let mut documents = read.value;
    documents.iter_mut().for_each(|document| move_to(document, &positions));
    documents
}

fn move_to(node: &mut Node, positions: &Positions) {
    node.bytes = positions.range(&node.bytes);
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| move_to(item, positions)),
        Value::Mapping(pairs) => {
            for pair in pairs {
                pair.key_bytes = positions.range(&pair.key_bytes);
                move_to(&mut pair.value, positions);
            }
        }
    }
}
