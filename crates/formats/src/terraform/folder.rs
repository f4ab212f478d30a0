//! The files of Terraform's folders: each parsed once, and which folder calls which as a module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use hcl_edit::structure::{Block, Body};

use super::json_syntax;
use crate::tree::Node;
use crate::yaml::{LONGEST_TEXT, too_long};
use crate::{Diagnostic, Place, Source, json};

/// A file, parsed.
pub(super) struct Parsed {
    pub(super) source: Arc<Source>,
    pub(super) content: Content,
}

/// What is in a file.
pub(super) enum Content {
    /// Blocks, or the attributes of a file of values.
    Body(Body),
    /// Values of variables, as JSON.
    Values(Node),
    /// It can't be read; that has been said.
    Broken,
}

/// Files by their folder.
pub(super) type Folders = BTreeMap<String, Vec<Parsed>>;

/// Parses files. The name of a folder is that of its files, made simple (`./a/../b` is `b`).
pub(super) fn parse_all(sources: &[Arc<Source>], diagnostics: &mut Vec<Diagnostic>) -> Folders {
    let mut folders = Folders::new();
    for source in sources {
        let content = parse(source, diagnostics);
        let folder = folder_of(source.name());
        folders.entry(folder).or_default().push(Parsed { source: Arc::clone(source), content });
    }
    folders
}

fn parse(source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Content {
    let name = source.name();
    let read = if source.text().len() > LONGEST_TEXT {
        Err(too_long(source))
    } else if is_json_syntax(name) {
        json_syntax::parse(source.text()).map(Content::Body).map_err(|(at, why)| error_at(source, at, why))
    } else if name.ends_with(".json") {
        json::read(source).map(|read| {
            diagnostics.extend(read.diagnostics);
            Content::Values(read.value)
        })
    } else {
        hcl_edit::parser::parse_body(source.text()).map(Content::Body).map_err(|error| {
            let at = error.location().offset().min(source.text().len());
            error_at(source, at, format!("not valid HCL: {}", error.message()))
        })
    };
    read.unwrap_or_else(|diagnostic| {
        diagnostics.push(diagnostic);
        Content::Broken
    })
}

fn error_at(source: &Arc<Source>, at: usize, message: String) -> Diagnostic {
    Diagnostic::error(message, Some(Place { source: Arc::clone(source), bytes: at..at }))
}

/// Whether a file is Terraform's language in JSON.
pub(crate) fn is_json_syntax(name: &str) -> bool {
    name.ends_with(".tf.json") || name.ends_with(".tofu.json")
}

/// The folders that a file calls as modules, as it writes them (`./modules/access`): their files have to be read with
/// it. A file that can't be parsed calls none.
pub fn local_modules(source: &Source) -> Vec<String> {
    let body = if is_json_syntax(source.name()) {
        json_syntax::parse(source.text()).ok()
    } else {
        hcl_edit::parser::parse_body(source.text()).ok()
    };
    let Some(body) = body else { return Vec::new() };
    body.get_blocks("module").filter_map(local_source).map(str::to_owned).collect()
}

/// The source of a module block, where it is a folder beside.
pub(super) fn local_source(block: &Block) -> Option<&str> {
    let source = block.body.get_attribute("source")?.value.as_str()?;
    (source.starts_with("./") || source.starts_with("../")).then_some(source)
}

/// The folders that no other one calls.
pub(super) fn roots(folders: &Folders) -> Vec<&str> {
    let mut called = BTreeSet::new();
    for (folder, files) in folders {
        let bodies = files.iter().filter_map(|file| match &file.content {
            Content::Body(body) => Some(body),
            Content::Values(_) | Content::Broken => None,
        });
        for source in bodies.flat_map(|body| body.get_blocks("module")).filter_map(local_source) {
            called.extend(Some(join(folder, source)).filter(|child| child != folder));
        }
    }
    let roots: Vec<&str> = folders.keys().map(String::as_str).filter(|folder| !called.contains(*folder)).collect();
    // Where each is called by another, none is the first: all are read.
    if roots.is_empty() { folders.keys().map(String::as_str).collect() } else { roots }
}

fn folder_of(name: &str) -> String {
    simple(&Path::new(name).parent().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default())
}

/// The folder that a module's source names, seen from another.
pub(super) fn join(folder: &str, source: &str) -> String {
    if folder.is_empty() { simple(source) } else { simple(&format!("{folder}/{source}")) }
}

/// A path without `.` and, where that can be told from its text, without `..`.
fn simple(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_as_sources_name_them() {
        for (folder, source, joined) in [
            ("", "./modules/a", "modules/a"),
            ("envs/prod", "../../modules/a/", "modules/a"),
            ("/x/y", "../z", "/x/z"),
            ("", "../shared", "../shared"),
            ("../a", "../b", "../b"),
        ] {
            assert_eq!(join(folder, source), joined);
        }
        assert_eq!(folder_of("./main.tf"), "");
        assert_eq!(folder_of("a/./b/../main.tf"), "a");
    }
}
