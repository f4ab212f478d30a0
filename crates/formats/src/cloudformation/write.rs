//! Writes access entries as a template.

use std::collections::BTreeMap;

use super::read::{ACCESS_ENTRY, POLICY};
use crate::export::{Abilities, PlainCluster, PlainEntry, lower};
use crate::out::Out;
use crate::{Declared, Diagnostic, Read};

const CLOUDFORMATION: Abilities = Abilities { name: "CloudFormation", tags: true, aws_auth: false };

/// Writes the template. A stack is of one account and region, so entries of others are for another stack.
pub(crate) fn write(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let clusters = lower(declared, CLOUDFORMATION, &mut diagnostics);
    let first = clusters.first();
    for cluster in &clusters {
        if first.is_some_and(|first| first.region != cluster.region || first.account != cluster.account) {
            let message = format!(
                "`{}` is in another account or region than the first cluster, and a stack is in one",
                cluster.name
            );
            diagnostics.push(Diagnostic::warning(message, None).help("export each account and region alone"));
        }
        if let Some(mode) = cluster.mode {
            let message = format!(
                "the authentication mode of `{}` is not written: CloudFormation has it in the cluster's own resource",
                cluster.name
            );
            diagnostics.push(
                Diagnostic::warning(message, None)
                    .help(format!("set `AccessConfig: {{AuthenticationMode: {mode}}}` there")),
            );
        }
    }
    let mut names = Names::default();
    let mut resources = Vec::new();
    for cluster in &clusters {
        for entry in &cluster.entries {
            resources.push((names.unique(cluster, entry), resource(cluster, entry)));
        }
    }
    let template = Out::map([
        ("AWSTemplateFormatVersion", Some(Out::text("2010-09-09"))),
        ("Description", Some(Out::text("Access entries of EKS"))),
        ("Resources", Some(Out::Map(resources))),
    ]);
    Read { value: template.to_yaml(), diagnostics }
}

fn resource(cluster: &PlainCluster, entry: &PlainEntry) -> Out {
    let tag =
        |(key, value): (&String, &String)| Out::map([("Key", Some(Out::text(key))), ("Value", Some(Out::text(value)))]);
    let tags: Vec<Out> = entry.tags.iter().map(tag).collect();
    let properties = Out::map([
        ("ClusterName", Some(Out::text(&cluster.name))),
        ("PrincipalArn", Some(Out::text(&entry.principal))),
        ("Type", Some(Out::text(entry.kind))),
        ("Username", entry.username.as_ref().map(Out::text)),
        ("KubernetesGroups", entry.groups.as_ref().map(Out::texts)),
        ("AccessPolicies", POLICY.write_list(&entry.policies)),
        ("Tags", (!tags.is_empty()).then_some(Out::List(tags))),
    ]);
    Out::map([("Type", Some(Out::text(ACCESS_ENTRY))), ("Properties", Some(properties))])
}

/// Logical ids: letters and digits, each once.
#[derive(Default)]
struct Names(BTreeMap<String, usize>);

impl Names {
    fn unique(&mut self, cluster: &PlainCluster, entry: &PlainEntry) -> String {
        let words = [cluster.name.as_str(), &entry.label];
        let words = words.into_iter().flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric()));
        let mut name = String::from("Access");
        for word in words {
            let mut characters = word.chars();
            name.extend(characters.next().map(|c| c.to_ascii_uppercase()));
            name.extend(characters);
        }
        name.truncate(200);
        let count = self.0.entry(name.clone()).or_default();
        *count += 1;
        // Behind a letter, so that no other name with a digit at its end can be the same.
        if *count == 1 { format!("{name}Entry") } else { format!("{name}Entry{count}") }
    }
}
