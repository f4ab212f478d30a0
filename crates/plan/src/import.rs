//! From what is there to what a file would declare. Keeping the comments of a file that is there already is the
//! writer's business.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::{
    AccessEntry, AccessScope, EXPIRES_AT, PolicyArn, PolicyName, PolicyRule, RbacObjects, Subject, expires_key,
};
use entryway_formats::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, DeclaredPolicy, Expiry, OwnPolicy, Placed, PolicyRef,
    PrincipalRef,
};

use crate::own_policy::{PREFIX, read_group, role_name};
use crate::tags;
use crate::{ActualCluster, ActualEntry, Made, World};

/// What files would say of the clusters: modes, entries and own policies. Entries that EKS makes for nodes and
/// service-linked roles are left out; planned again, what was imported changes nothing but the owner's tag.
pub fn import(world: &World) -> Declared {
    let mut policies: BTreeMap<PolicyName, Vec<PolicyRule>> = BTreeMap::new();
    let clusters = world.clusters.iter().map(|cluster| import_cluster(cluster, &mut policies)).collect();
    let policies = policies
        .into_iter()
        .map(|(name, rules)| OwnPolicy { name: Placed::nowhere(name), rules, description: None })
        .collect();
    Declared { clusters, policies, protected: Vec::new() }
}

fn import_cluster(cluster: &ActualCluster, policies: &mut BTreeMap<PolicyName, Vec<PolicyRule>>) -> DeclaredCluster {
    let selector = ClusterSelector::Named {
        name: cluster.arn.name.clone(),
        region: Some(cluster.arn.region.clone()),
        account: Some(cluster.arn.account.clone()),
    };
    let mut labels = BTreeSet::new();
    let is_peoples = |entry: &&ActualEntry| {
        !matches!(Made::by_eks(entry, cluster), Some(Made::ForNodes | Made::ForServiceLinkedRole))
    };
    let entries = cluster.entries.iter().filter(is_peoples).map(|entry| {
        let label = label(entry, &mut labels);
        import_entry(entry, label, cluster, policies)
    });
    let entries = entries.collect();
    DeclaredCluster {
        selector: Placed::nowhere(selector),
        mode: Some(Placed::nowhere(cluster.mode)),
        entries,
        aws_auth: None,
        rbac: RbacObjects::default(),
    }
}

/// The principal's name; with a number where several have it.
fn label(entry: &ActualEntry, taken: &mut BTreeSet<String>) -> String {
    let name = entry.principal.name();
    let numbered = (2u32..).map(|number| format!("{name}-{number}"));
    let label = std::iter::once(name.to_owned()).chain(numbered).find(|label| !taken.contains(label));
    let label = label.unwrap_or_else(|| name.to_owned());
    taken.insert(label.clone());
    label
}

fn import_entry(
    entry: &ActualEntry,
    label: String,
    cluster: &ActualCluster,
    policies: &mut BTreeMap<PolicyName, Vec<PolicyRule>>,
) -> DeclaredEntry {
    let expiry = |key: &str| tags::stated_end(&entry.tags, key).map(|end| Placed::nowhere(Expiry::At(end)));
    let default = AccessEntry::default_username(&entry.principal, entry.kind);
    let own = entry.kind.takes_groups_and_username();
    let username = (own && entry.username != default.as_str()).then(|| Placed::nowhere(entry.username.clone()));
    let mut groups = Vec::new();
    let mut declared = Vec::new();
    for group in entry.groups.iter().filter(|_| own) {
        match own_grant(group, cluster) {
            Some((policy, scope, rules)) => {
                policies.entry(policy.clone()).or_insert(rules);
                declared.push(DeclaredPolicy {
                    expires: expiry(&expires_key(&policy)),
                    policy: Placed::nowhere(PolicyRef::Own(policy)),
                    scope: Placed::nowhere(scope),
                });
            }
            None => groups.push(Placed::nowhere(group.clone())),
        }
    }
    for there in &entry.policies {
        let policy = match &there.policy {
            PolicyArn::Own { name, .. } => {
                if let Some(rules) = cluster.own_policies.get(name) {
                    policies.entry(name.clone()).or_insert_with(|| rules.clone());
                }
                PolicyRef::Own(name.clone())
            }
            aws @ PolicyArn::Aws { .. } => PolicyRef::Arn(aws.clone()),
        };
        declared.push(DeclaredPolicy {
            policy: Placed::nowhere(policy),
            scope: Placed::nowhere(there.scope.clone()),
            expires: expiry(&expires_key(there.policy.name())),
        });
    }
    DeclaredEntry {
        label,
        principal: Placed::nowhere(PrincipalRef::Arn(entry.principal.clone())),
        kind: Placed::nowhere(entry.kind),
        username,
        groups: own.then_some(groups).filter(|groups| !groups.is_empty()),
        tags: entry.tags.iter().filter(|(key, _)| !tags::is_own(key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
        policies: declared,
        expires: expiry(EXPIRES_AT),
        place: None,
    }
}

/// The own policy that a group stands for: its scope from the group's name, or from the bindings of the group
/// where the name has only a digest; its rules from the ClusterRole.
fn own_grant(group: &str, cluster: &ActualCluster) -> Option<(PolicyName, AccessScope, Vec<PolicyRule>)> {
    let (policy, scope) = read_group(group)?;
    let rbac = cluster.rbac.get()?;
    let role = rbac.roles.iter().find(|role| role.namespace.is_none() && role.name == role_name(&policy))?;
    let scope = match scope {
        Some(scope) => scope,
        None => {
            let subject = Subject::Group(group.to_owned());
            let bindings = rbac.bindings.iter().filter(|binding| binding.name.starts_with(PREFIX));
            let of_group = bindings.filter(|binding| binding.subjects.contains(&subject));
            let namespaces: Vec<String> = of_group.filter_map(|binding| binding.namespace.clone()).collect();
            AccessScope::from_parts("namespace", &namespaces).ok()?
        }
    };
    Some((policy, scope, role.rules.clone()))
}
