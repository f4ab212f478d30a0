//! The one way in: tells which format a text has, and has the reader of that format read it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::manifest::Loose;
use crate::reader::Reader;
use crate::tree::Node;
use crate::{Declared, Diagnostic, Place, Read, ReadOptions, Source, json, yaml};

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Entryway's own file.
    Entryway,
    /// `terraform show -json` of a plan or state, or a raw `.tfstate`.
    TerraformJson,
    /// Terraform's language: `.tf` and `.tfvars`.
    TerraformSource,
    /// An eksctl `ClusterConfig`.
    Eksctl,
    /// A CloudFormation template.
    CloudFormation,
    /// Kubernetes manifests: ACK, Crossplane, aws-auth, RBAC, and whatever carries them.
    Kubernetes,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] = [
        Format::Entryway,
        Format::TerraformJson,
        Format::TerraformSource,
        Format::Eksctl,
        Format::CloudFormation,
        Format::Kubernetes,
    ];

    /// As it is named on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Entryway => "entryway",
            Format::TerraformJson => "terraform-json",
            Format::TerraformSource => "terraform",
            Format::Eksctl => "eksctl",
            Format::CloudFormation => "cloudformation",
            Format::Kubernetes => "kubernetes",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A format that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no format that can be read; there are {known}", known = Format::ALL.map(Format::as_str).join(", "))]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Format::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Reads one text, whatever its format.
pub fn read(source: &Arc<Source>, options: &ReadOptions) -> Read<Declared> {
    read_all(std::slice::from_ref(source), options)
}

/// Reads several texts as one declaration. Terraform's `.tf` and `.tfvars` among them are read together,
/// as Terraform reads a folder; all others one by one. Messages come text by text.
pub fn read_all(sources: &[Arc<Source>], options: &ReadOptions) -> Read<Declared> {
    let (terraform, others): (Vec<_>, Vec<_>) =
        sources.iter().cloned().partition(|source| is_terraform_source(source, options));
    let mut all = Read { value: Declared::default(), diagnostics: Vec::new() };
    if !terraform.is_empty() {
        all.add(crate::terraform::source::read(&terraform, options));
    }
    // What one file leaves open, another may hold.
    let mut loose = Loose::default();
    for source in &others {
        all.add(read_one(source, options, &mut loose));
    }
    loose.join(&mut all.value, &mut all.diagnostics);
    crate::export::ends_from_tags(&mut all.value, &mut all.diagnostics);
    let mut checked = crate::check::check(&all.value);
    all.diagnostics.append(&mut checked);
    // Sources in their order, and within one the places in theirs.
    let order = |place: &Place| sources.iter().position(|source| Arc::ptr_eq(source, &place.source));
    all.diagnostics.sort_by_key(|said| said.place.as_ref().map(|place| (order(place), place.bytes.start)));
    all
}

impl Read<Declared> {
    /// Takes in what another text declares.
    pub(crate) fn add(&mut self, other: Read<Declared>) {
        for cluster in other.value.clusters {
            self.value.add_cluster(cluster);
        }
        self.value.policies.extend(other.value.policies);
        self.value.protected.extend(other.value.protected);
        self.diagnostics.extend(other.diagnostics);
    }
}

fn read_one(source: &Arc<Source>, options: &ReadOptions, loose: &mut Loose) -> Read<Declared> {
    let mut reader = Reader::new(source, options);
    let wanted = options.format;
    if wanted == Some(Format::TerraformJson) || (wanted.is_none() && crate::terraform::json::is_it(source.text())) {
        crate::terraform::json::read(&mut reader);
        return reader.finish();
    }
    let mut documents = match documents(source) {
        Ok(read) => read,
        Err(diagnostic) => Read { value: Vec::new(), diagnostics: vec![diagnostic] },
    };
    crate::template::explain(source, &mut documents.diagnostics);
    let failed = documents.has_errors();
    reader.diagnostics.extend(documents.diagnostics);
    let mut manifests = Vec::new();
    for document in &documents.value {
        match reader.options.format.or_else(|| detect(document)) {
            // Objects refer to each other, so they are read together.
            Some(Format::Kubernetes) => manifests.push(document),
            format => read_document(document, format, &mut reader),
        }
    }
    crate::manifest::read(&manifests, &mut reader);
    if documents.value.is_empty() && !failed && wanted != Some(Format::Entryway) {
        reader.warning(&(0..0), "there is nothing in it");
    }
    loose.add(std::mem::take(&mut reader.loose));
    reader.finish()
}

/// The documents of a text: one of JSON, any number of YAML.
pub(crate) fn documents(source: &Arc<Source>) -> Result<Read<Vec<Node>>, Diagnostic> {
    let name_says_json = extension(source.name()) == "json";
    if json::looks_like_json(source.text()) || name_says_json {
        match json::read(source) {
            Ok(read) => return Ok(Read { value: vec![read.value], diagnostics: read.diagnostics }),
            // YAML may begin with a brace too.
            Err(error) if name_says_json => return Err(error),
            Err(_) => {}
        }
    }
    Ok(yaml::read(source))
}

fn read_document(document: &Node, format: Option<Format>, reader: &mut Reader<'_>) {
    match format {
        Some(Format::Entryway) => crate::own::read(document, reader),
        Some(Format::Eksctl) => crate::eksctl::read(document, reader),
        Some(Format::CloudFormation) => crate::cloudformation::read(document, reader),
        Some(Format::Kubernetes) => crate::manifest::read(&[document], reader),
        // The whole text was asked for as one of these, and is none.
        Some(Format::TerraformJson | Format::TerraformSource) | None => {
            let start = document.bytes.start..document.bytes.start;
            reader.error(&start, "can't tell what this is").help = Some(
                "Entryway's own file has `clusters:` (or `policies:`, `grants:`); Terraform, eksctl, CloudFormation and Kubernetes files are known \
                 by their own marks; `--format` says which it is"
                    .to_owned(),
            );
        }
    }
}

/// The format of a document, by the marks that each has.
fn detect(document: &Node) -> Option<Format> {
    let text = |key: &str| document.get(key).and_then(Node::text);
    if document.is_sequence() {
        return if crate::eksctl::is_entries(document) {
            Some(Format::Eksctl)
        } else {
            crate::manifest::is_it(document).then_some(Format::Kubernetes)
        };
    }
    if let Some(version) = text("apiVersion").or_else(|| text("kind")) {
        return Some(if version.starts_with("eksctl.io/") || version == "ClusterConfig" {
            Format::Eksctl
        } else {
            Format::Kubernetes
        });
    }
    if document.get("Resources").is_some_and(Node::is_mapping) || document.get("AWSTemplateFormatVersion").is_some() {
        return Some(Format::CloudFormation);
    }
    let own = ["clusters", "grants", "protected"].into_iter().any(|key| document.get(key).is_some())
        || document.get("policies").is_some_and(Node::is_mapping);
    if own {
        return Some(Format::Entryway);
    }
    crate::manifest::is_it(document).then_some(Format::Kubernetes)
}

fn is_terraform_source(source: &Source, options: &ReadOptions) -> bool {
    match options.format {
        Some(Format::TerraformSource) => true,
        Some(_) => false,
        None => {
            let name = source.name();
            matches!(extension(name), "tf" | "tofu" | "tfvars")
                || name.ends_with(".tfvars.json")
                || crate::terraform::folder::is_json_syntax(name)
        }
    }
}

fn extension(name: &str) -> &str {
    Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}
