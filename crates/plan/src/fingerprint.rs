//! The state that a plan was made from, in few bytes: `apply` refuses when it has moved.

use std::fmt::Write;

use entryway_access::{MappedPrincipal, Mapping, NamespacePattern, Template};
use sha2::{Digest, Sha256};

use crate::{ActualCluster, own_policy};

/// A digest of all that a plan stands on: mode, entries with tags and policies, aws-auth, own policies, and
/// the RBAC objects that Entryway made. Other RBAC comes and goes, and no step depends on it.
pub fn fingerprint(cluster: &ActualCluster) -> String {
    let mut text = String::new();
    let mut line = |parts: &[&str]| {
        for part in parts {
            // Lengths, so that no text can pass for two.
            let _ = write!(text, "{}:{part} ", part.len());
        }
        text.push('\n');
    };
    line(&["cluster", &cluster.arn.to_string(), cluster.mode.as_str()]);
    let mut entries: Vec<_> = cluster.entries.iter().collect();
    entries.sort_by(|a, b| a.principal.cmp(&b.principal));
    for entry in entries {
        let made = entry.created_at.map(|time| time.to_string()).unwrap_or_default();
        line(&["entry", entry.principal.as_str(), &entry.entry_arn, entry.kind.as_str(), &entry.username, &made]);
        let mut groups: Vec<&str> = entry.groups.iter().map(String::as_str).collect();
        groups.sort_unstable();
        line(&groups);
        entry.tags.iter().for_each(|(key, value)| line(&["tag", key, value]));
        let mut policies: Vec<(String, String)> = entry
            .policies
            .iter()
            .map(|association| {
                let mut names: Vec<&str> =
                    association.scope.namespaces().iter().map(NamespacePattern::as_str).collect();
                names.sort_unstable();
                (association.policy.to_string(), format!("{} {}", association.scope.kind(), names.join(",")))
            })
            .collect();
        policies.sort();
        policies.iter().for_each(|(policy, scope)| line(&["policy", policy, scope]));
    }
    if let Some(aws_auth) = cluster.aws_auth.get().filter(|_| cluster.mode.has_config_map()) {
        aws_auth.roles.iter().for_each(|mapping| line(&mapping_texts("mapRoles", mapping)));
        aws_auth.users.iter().for_each(|mapping| line(&mapping_texts("mapUsers", mapping)));
        aws_auth.accounts.iter().for_each(|account| line(&["mapAccounts", account.as_str()]));
    }
    for (name, rules) in &cluster.own_policies {
        line(&["own", name.as_str(), &serde_json::to_string(rules).unwrap_or_default()]);
    }
    if let Some(rbac) = cluster.rbac.get() {
        let owned = own_policy::owned(rbac);
        let mut objects: Vec<[String; 4]> = Vec::new();
        for role in &owned.roles {
            let rules = serde_json::to_string(&role.rules).unwrap_or_default();
            objects.push(["role".to_owned(), role.name.clone(), String::new(), rules]);
        }
        for binding in &owned.bindings {
            let subjects: Vec<String> = binding.subjects.iter().map(ToString::to_string).collect();
            let what = format!("{} {}", binding.role.name, subjects.join(","));
            objects.push([
                "binding".to_owned(),
                binding.name.clone(),
                binding.namespace.clone().unwrap_or_default(),
                what,
            ]);
        }
        objects.sort();
        objects.iter().for_each(|[kind, name, namespace, what]| line(&[kind, name, namespace, what]));
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn mapping_texts<'m>(key: &'m str, mapping: &'m Mapping) -> Vec<&'m str> {
    let principal = match &mapping.principal {
        MappedPrincipal::Arn(arn) => arn.as_str(),
        MappedPrincipal::Unusable(text) => text,
    };
    let username = mapping.username.as_ref().map(Template::as_str).unwrap_or_default();
    [key, principal, username].into_iter().chain(mapping.groups.iter().map(Template::as_str)).collect()
}
