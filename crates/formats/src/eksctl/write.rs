//! Writes a `ClusterConfig` for each cluster, with what is about access and nothing else.

use entryway_access::{AwsAuth, MappedPrincipal, Template};

use crate::entry::API_POLICY;
use crate::export::{Abilities, PlainCluster, PlainEntry, lower};
use crate::out::Out;
use crate::{Declared, Diagnostic, Read};

const EKSCTL: Abilities = Abilities { name: "eksctl", tags: false, aws_auth: true };

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
    let mappings = cluster.aws_auth.as_ref().map(|aws_auth| write_mappings(aws_auth, diagnostics)).unwrap_or_default();
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
        ("accessConfig", Some(config).filter(|config| !matches!(config, Out::Map(members) if members.is_empty()))),
        ("iamIdentityMappings", (!mappings.is_empty()).then_some(Out::List(mappings))),
    ])
}

/// Lines of aws-auth as identity mappings. Those that eksctl refuses map nobody as it is.
fn write_mappings(aws_auth: &AwsAuth, diagnostics: &mut Vec<Diagnostic>) -> Vec<Out> {
    let mut mappings = Vec::new();
    for line in aws_auth.roles.iter().chain(&aws_auth.users) {
        let (arn, why) = match &line.principal {
            MappedPrincipal::Arn(arn) => (arn.as_str(), "it has neither username nor groups"),
            MappedPrincipal::Unusable(text) => (text.as_str(), "it is no ARN of a principal"),
        };
        if matches!(line.principal, MappedPrincipal::Unusable(_)) || (line.username.is_none() && line.groups.is_empty())
        {
            diagnostics.push(Diagnostic::warning(format!("the line for `{arn}` is not written: {why}"), None));
            continue;
        }
        let groups = line.groups.iter().map(Template::as_str);
        mappings.push(Out::map([
            ("arn", Some(Out::text(arn))),
            ("username", line.username.as_ref().map(|name| Out::text(name.as_str()))),
            ("groups", (!line.groups.is_empty()).then(|| Out::texts(groups))),
        ]));
    }
    mappings.extend(aws_auth.accounts.iter().map(|account| Out::map([("account", Some(Out::text(account)))])));
    mappings
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
