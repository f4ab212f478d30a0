//! Terraform written: the eks module's map, and plain resources with their `import` blocks.

use std::collections::BTreeMap;

use entryway_access::{AccessScope, EntryType, PolicyArn};

use super::text::{Hcl, key, list, quoted};
use crate::export::{Abilities, Labels, PlainCluster, PlainEntry, lower};
use crate::{Declared, Read};

const TERRAFORM: Abilities = Abilities { name: "Terraform", tags: true, aws_auth: false };

/// The eks module (21.x): a call for each cluster, with what is about access and nothing else.
pub(crate) fn write_module(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let clusters = lower(declared, TERRAFORM, &mut diagnostics);
    let mut hcl = Hcl::default();
    let mut labels = Labels::default();
    hcl.comment("What is about access in a call of the eks module: take it over into yours.");
    for cluster in &clusters {
        hcl.gap();
        hcl.open(&format!("module {} {{", quoted(&labels.unique(cluster.name.as_str()))));
        hcl.attribute("source", quoted("terraform-aws-modules/eks/aws"));
        hcl.attribute("version", quoted("~> 21.0"));
        hcl.gap();
        hcl.attribute("name", quoted(cluster.name.as_str()));
        if let Some(region) = &cluster.region {
            hcl.attribute("region", quoted(region.as_str()));
        }
        if let Some(mode) = cluster.mode {
            hcl.attribute("authentication_mode", quoted(mode.as_str()));
        }
        hcl.gap();
        hcl.open("access_entries = {");
        for (index, entry) in cluster.entries.iter().enumerate() {
            if index > 0 {
                hcl.gap();
            }
            module_entry(entry, &mut hcl);
        }
        hcl.close("}");
        hcl.close("}");
    }
    Read { value: hcl.finish(), diagnostics }
}

fn module_entry(entry: &PlainEntry, hcl: &mut Hcl) {
    hcl.open(&format!("{} = {{", key(&entry.label)));
    entry_attributes(entry, hcl);
    tags(&entry.tags, hcl);
    if !entry.policies.is_empty() {
        hcl.gap();
        hcl.open("policy_associations = {");
        let mut labels = Labels::default();
        for (policy, scope) in &entry.policies {
            hcl.open(&format!("{} = {{", key(&labels.unique(&short_name(policy)))));
            hcl.attribute("policy_arn", quoted(&policy.to_string()));
            hcl.open("access_scope = {");
            scope_attributes(scope, hcl);
            hcl.close("}");
            hcl.close("}");
        }
        hcl.close("}");
    }
    hcl.close("}");
}

/// Resources of the AWS provider, and an `import` block for each, since they may exist already.
pub(crate) fn write_resources(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let clusters = lower(declared, TERRAFORM, &mut diagnostics);
    for cluster in clusters.iter().filter(|cluster| cluster.mode.is_some()) {
        let message = format!("the mode of `{}` belongs to its `aws_eks_cluster`, which is not written", cluster.name);
        let help = cluster.mode.map(|mode| format!("set `authentication_mode = \"{mode}\"` in its `access_config`"));
        let mut note = crate::Diagnostic::note(message, None);
        note.help = help;
        diagnostics.push(note);
    }
    let mut hcl = Hcl::default();
    let mut labels = Labels::default();
    hcl.comment("Each `import` block takes over what exists already; leave out those of entries that don't.");
    for cluster in &clusters {
        for entry in &cluster.entries {
            resource_entry(cluster, entry, &mut labels, &mut hcl);
        }
    }
    Read { value: hcl.finish(), diagnostics }
}

fn resource_entry(cluster: &PlainCluster, entry: &PlainEntry, labels: &mut Labels, hcl: &mut Hcl) {
    let label = labels.unique(&format!("{}_{}", cluster.name, entry.label));
    let region = |hcl: &mut Hcl| {
        if let Some(region) = &cluster.region {
            hcl.attribute("region", quoted(region.as_str()));
        }
    };
    hcl.gap();
    hcl.open(&format!("resource \"aws_eks_access_entry\" {} {{", quoted(&label)));
    hcl.attribute("cluster_name", quoted(cluster.name.as_str()));
    entry_attributes(entry, hcl);
    region(hcl);
    tags(&entry.tags, hcl);
    hcl.close("}");
    import(&format!("aws_eks_access_entry.{label}"), &format!("{}:{}", cluster.name, entry.principal), hcl);
    for (policy, scope) in &entry.policies {
        let name = labels.unique(&format!("{label}_{}", short_name(policy)));
        hcl.gap();
        hcl.open(&format!("resource \"aws_eks_access_policy_association\" {} {{", quoted(&name)));
        hcl.attribute("cluster_name", format!("aws_eks_access_entry.{label}.cluster_name"));
        hcl.attribute("principal_arn", format!("aws_eks_access_entry.{label}.principal_arn"));
        hcl.attribute("policy_arn", quoted(&policy.to_string()));
        region(hcl);
        hcl.gap();
        hcl.open("access_scope {");
        scope_attributes(scope, hcl);
        hcl.close("}");
        hcl.close("}");
        let id = format!("{}#{}#{policy}", cluster.name, entry.principal);
        import(&format!("aws_eks_access_policy_association.{name}"), &id, hcl);
    }
}

/// An `import` block, with the provider's own form of an id.
fn import(to: &str, id: &str, hcl: &mut Hcl) {
    hcl.gap();
    hcl.open("import {");
    hcl.attribute("to", to);
    hcl.attribute("id", quoted(id));
    hcl.close("}");
}

fn entry_attributes(entry: &PlainEntry, hcl: &mut Hcl) {
    hcl.attribute("principal_arn", quoted(entry.principal.as_str()));
    if entry.kind != EntryType::Standard {
        hcl.attribute("type", quoted(entry.kind.as_str()));
    }
    if let Some(username) = &entry.username {
        hcl.attribute("user_name", quoted(username));
    }
    if let Some(groups) = &entry.groups {
        hcl.attribute("kubernetes_groups", list(groups.iter().map(String::as_str)));
    }
}

fn tags(tags: &BTreeMap<String, String>, hcl: &mut Hcl) {
    if tags.is_empty() {
        return;
    }
    hcl.gap();
    hcl.open("tags = {");
    for (name, value) in tags {
        hcl.attribute(&key(name), quoted(value));
    }
    hcl.close("}");
}

fn scope_attributes(scope: &AccessScope, hcl: &mut Hcl) {
    hcl.attribute("type", quoted(scope.kind()));
    if !scope.namespaces().is_empty() {
        hcl.attribute("namespaces", list(scope.namespaces().iter().map(|pattern| pattern.as_str())));
    }
}

/// `AmazonEKSClusterAdminPolicy` as `ClusterAdmin`.
fn short_name(policy: &PolicyArn) -> String {
    let name = policy.name().as_str();
    let rest = name.strip_prefix("AmazonEKS").unwrap_or(name);
    rest.strip_suffix("Policy").filter(|short| !short.is_empty()).unwrap_or(rest).to_owned()
}
