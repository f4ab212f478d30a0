//! Writes a `ClusterConfig` for each cluster, with what is about access and nothing else.

use crate::entry::API_POLICY;
use crate::export::{Abilities, PlainCluster, PlainEntry, lower};
use crate::out::Out;
use crate::{Declared, Diagnostic, Read};

const EKSCTL: Abilities = Abilities { name: "eksctl", tags: false };

/// Writes the file; a document for each cluster.
pub(crate) fn write(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let clusters = lower(declared, EKSCTL, &mut diagnostics);
    if let [_, second, ..] = clusters.as_slice() {
        let message = format!("eksctl takes one cluster a file, and `{}` is the second here", second.name);
        diagnostics.push(Diagnostic::warning(message, None).help("put each document into a file of its own"));
    }
    let documents: Vec<String> =
        clusters.iter().map(|cluster| write_cluster(cluster, &mut diagnostics).to_yaml()).collect();
    Read { value: documents.join("---\n"), diagnostics }
}

fn write_cluster(cluster: &PlainCluster, diagnostics: &mut Vec<Diagnostic>) -> Out {
    if cluster.region.is_none() {
        let message = format!("eksctl takes the region of `{}` from its surroundings", cluster.name);
        diagnostics.push(Diagnostic::note(message, None));
    }
    let entries = cluster.entries.iter().map(write_entry).collect::<Vec<_>>();
    let config = Out::map([
        ("authenticationMode", cluster.mode.map(Out::text)),
        ("accessEntries", (!entries.is_empty()).then_some(Out::List(entries))),
    ]);
    Out::map([
        ("apiVersion", Some(Out::text("eksctl.io/v1alpha5"))),
        ("kind", Some(Out::text("ClusterConfig"))),
        (
            "metadata",
            Some(Out::map([
                ("name", Some(Out::text(&cluster.name))),
                ("region", cluster.region.as_ref().map(Out::text)),
            ])),
        ),
        ("accessConfig", Some(config)),
    ])
}

fn write_entry(entry: &PlainEntry) -> Out {
    Out::map([
        ("principalARN", Some(Out::text(&entry.principal))),
        ("type", Some(Out::text(entry.kind))),
        ("kubernetesUsername", entry.username.as_ref().map(Out::text)),
        ("kubernetesGroups", entry.groups.as_ref().map(Out::texts)),
        ("accessPolicies", API_POLICY.write_list(&entry.policies)),
    ])
}
