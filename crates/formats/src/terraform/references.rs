//! What an unknown value of a plan refers to, out of the plan's `configuration`: so the name of a cluster that
//! is made in the same plan is known, and an unknown role has a name to show.

use serde::Deserialize;
use serde_json::Value as Json;

use super::json::{KNOWN_AFTER_APPLY, Members};
use super::resource::Resource;

/// Calls within calls; more than any real configuration has.
const DEEPEST: usize = 32;

#[derive(Deserialize, Default)]
struct Configuration {
    root_module: Option<ConfigModule>,
}

#[derive(Deserialize, Default)]
struct ConfigModule {
    resources: Option<Vec<ConfigResource>>,
    module_calls: Members<ModuleCall>,
    outputs: Members<Output>,
}

#[derive(Deserialize)]
struct ConfigResource {
    address: String,
    /// Kept only for the resources that are asked about.
    expressions: Option<Json>,
}

#[derive(Deserialize)]
struct ModuleCall {
    expressions: Option<Json>,
    module: Option<ConfigModule>,
}

#[derive(Deserialize)]
struct Output {
    expression: Option<Json>,
}

/// The configuration of a plan, if it has one that can be read.
pub(super) struct References(Option<ConfigModule>);

impl References {
    pub(super) fn new(configuration: Option<&str>) -> Self {
        let parsed = configuration.and_then(|text| serde_json::from_str::<Configuration>(text).ok());
        References(parsed.and_then(|configuration| configuration.root_module))
    }

    /// Puts the names of clusters in place of unknown ones, and what is referred to into the reasons of others.
    pub(super) fn resolve(&self, resources: &mut [Resource]) {
        let clusters: Vec<(String, String, String)> = resources
            .iter()
            .filter(|resource| resource.kind == "aws_eks_cluster")
            .filter_map(|resource| {
                let name = resource.values.get("name").filter(|node| node.why_unknown().is_none())?;
                Some((resource.module.clone(), without_index(resource.local_address()), name.text()?.to_owned()))
            })
            .collect();
        for resource in resources.iter_mut() {
            let (module, local) = (resource.module.clone(), without_index(resource.local_address()));
            for attribute in ["cluster_name", "principal_arn"] {
                let Some(pair) = pair_mut(resource, attribute) else { continue };
                if pair.value.why_unknown().is_none() {
                    continue;
                }
                let targets = self.targets(&module, &local, attribute);
                let named = targets.iter().find_map(|(module, target)| {
                    let is_it = |(of, address, _): &&(String, String, String)| {
                        of == module && target.starts_with(address.as_str())
                    };
                    clusters.iter().find(is_it)
                });
                let bytes = pair.value.bytes.clone();
                match (attribute, named, targets.first()) {
                    ("cluster_name", Some((_, _, name)), _) => {
                        let scalar = crate::tree::Scalar { text: name.clone(), style: crate::tree::Style::Quoted };
                        pair.value = crate::tree::Node { bytes, tag: None, value: crate::tree::Value::Scalar(scalar) };
                    }
                    (_, _, Some((_, target))) if !target.starts_with("each.") => {
                        pair.value = crate::tree::Node::unknown(format!("`{target}` is {KNOWN_AFTER_APPLY}"), bytes);
                    }
                    _ => {}
                }
            }
        }
    }

    /// What an attribute of a resource refers to, through variables and outputs: module address and reference.
    fn targets(&self, module: &str, local: &str, attribute: &str) -> Vec<(String, String)> {
        let Some(config) = self.module(module) else { return Vec::new() };
        let of = |resource: &&ConfigResource| resource.address == local;
        let expressions = config.resources.iter().flatten().find(of).and_then(|resource| resource.expressions.as_ref());
        let references = expressions.and_then(|all| all.get(attribute)).map(references_of).unwrap_or_default();
        references.into_iter().map(|reference| self.follow(module.to_owned(), reference, 0)).collect()
    }

    /// Follows a reference to a variable up to the call, and one to a module's output down into it.
    fn follow(&self, module: String, reference: String, depth: usize) -> (String, String) {
        if depth >= DEEPEST {
            return (module, reference);
        }
        let next = if let Some(variable) = reference.strip_prefix("var.") {
            let variable = variable.split(['.', '[']).next().unwrap_or_default();
            let (parent, call) = split_module(&module);
            let call = self.module(parent).and_then(|config| config.module_calls.as_ref()?.get(call));
            let expression = call.and_then(|call| call.expressions.as_ref()?.get(variable));
            expression.and_then(|all| references_of(all).into_iter().next()).map(|next| (parent.to_owned(), next))
        } else if let Some((call, output)) = reference.strip_prefix("module.").and_then(|rest| rest.split_once('.')) {
            let call_name = without_index(call);
            let path = if module.is_empty() { format!("module.{call}") } else { format!("{module}.module.{call}") };
            let output = output.split(['.', '[']).next().unwrap_or_default();
            let config = self.module(&module).and_then(|config| config.module_calls.as_ref()?.get(&call_name));
            let output = config.and_then(|call| call.module.as_ref()?.outputs.as_ref()?.get(output));
            let expression = output.and_then(|output| output.expression.as_ref());
            expression.and_then(|all| references_of(all).into_iter().next()).map(|next| (path, next))
        } else {
            None
        };
        match next {
            Some((module, reference)) => self.follow(module, reference, depth + 1),
            None => (module, reference),
        }
    }

    /// The configuration of a module by its address; keys of `for_each` don't matter to it.
    fn module(&self, address: &str) -> Option<&ConfigModule> {
        let mut config = self.0.as_ref()?;
        for call in calls(address) {
            config = config.module_calls.as_ref()?.get(&call)?.module.as_ref()?;
        }
        Some(config)
    }
}

fn pair_mut<'r>(resource: &'r mut Resource, key: &str) -> Option<&'r mut crate::tree::Pair> {
    match &mut resource.values.value {
        crate::tree::Value::Mapping(pairs) => pairs.iter_mut().find(|pair| pair.key == key),
        crate::tree::Value::Scalar(_) | crate::tree::Value::Sequence(_) => None,
    }
}

/// The longest reference of each chain: Terraform lists `a.b.c`, then `a.b`.
fn references_of(expression: &Json) -> Vec<String> {
    let list = expression.get("references").and_then(Json::as_array);
    let texts = list.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned));
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !kept.iter().any(|longer| longer.starts_with(&text)) {
            kept.push(text);
        }
    }
    kept
}

/// `module.a["x.y"].module.b` as `a`, `b`.
fn calls(address: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        names.push(after.get(..end).unwrap_or_default().to_owned());
        rest = skip_index(after.get(end..).unwrap_or_default());
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    names
}

/// The address of the module around, and the name of the last call.
fn split_module(address: &str) -> (&str, &str) {
    let at = address.rfind("module.").unwrap_or(0);
    let parent = address.get(..at).unwrap_or_default().trim_end_matches('.');
    let call = address.get(at..).unwrap_or_default().strip_prefix("module.").unwrap_or_default();
    (parent, call.split('[').next().unwrap_or_default())
}

/// What follows an index in brackets; a key may hold anything, in quotes.
fn skip_index(text: &str) -> &str {
    if !text.starts_with('[') {
        return text;
    }
    let mut in_quotes = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            ']' if !in_quotes => return text.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

/// `aws_eks_cluster.this[0]` as `aws_eks_cluster.this`.
fn without_index(address: &str) -> String {
    address.split('[').next().unwrap_or_default().to_owned()
}
