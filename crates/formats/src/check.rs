//! What no format's own rules catch, and EKS refuses only when it is too late: groups and usernames against
//! types and reserved prefixes, one principal twice, one policy twice, entries in a mode without them.
//!
//! One place for all formats. The rules of an entry are the core's; here they meet their places.

use std::collections::{BTreeSet, HashMap};

use entryway_access::{AccessEntry, EntryError, Partition, PrincipalArn, PrincipalKind};

use crate::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, Diagnostic, Place, Placed, PolicyRef, PrincipalRef,
};

/// Says what is wrong in a declaration, cluster by cluster.
pub(crate) fn check(declared: &Declared) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for cluster in &declared.clusters {
        for entry in &cluster.entries {
            check_entry(entry, cluster, &mut diagnostics);
        }
        check_twice(cluster, &mut diagnostics);
        check_mode(cluster, &mut diagnostics);
    }
    diagnostics
}

fn check_entry(entry: &DeclaredEntry, cluster: &DeclaredCluster, diagnostics: &mut Vec<Diagnostic>) {
    let kind = entry.kind.value;
    let mut error = |error: &EntryError, place: Option<&Place>, help: Option<&str>| {
        let place = place.or(entry.place.as_ref()).cloned();
        let mut diagnostic = Diagnostic::error(format!("entry `{}`: {error}", entry.label), place);
        diagnostic.help = help.map(str::to_owned);
        diagnostics.push(diagnostic);
    };
    if let PrincipalRef::Arn(arn) = &entry.principal.value {
        // In an unknown account the cluster's own is assumed, so nothing is said of it.
        let account = match &cluster.selector.value {
            ClusterSelector::Named { account, .. } | ClusterSelector::Tagged { account, .. } => account.as_ref(),
            ClusterSelector::Unknown { .. } => None,
        };
        if let Err(refused) = AccessEntry::new(arn.clone(), kind, None, None, account.unwrap_or(arn.account())) {
            error(&refused, entry.principal.place.as_ref(), principal_help(arn));
        }
    }
    if let Some(username) = &entry.username
        && let Err(refused) = AccessEntry::check_username(kind, Some(&username.value))
    {
        error(&refused, username.place.as_ref(), username_help(&refused));
    }
    for group in entry.groups.iter().flatten() {
        if let Err(refused) = AccessEntry::check_groups(kind, std::slice::from_ref(&group.value)) {
            error(&refused, group.place.as_ref(), group_help(&group.value));
        }
    }
    if let Some(policy) = entry.policies.first()
        && !kind.takes_policies()
    {
        let help = "nodes get what they need from the type; take the policies away";
        error(&EntryError::PoliciesWithNodeType, policy.policy.place.as_ref(), Some(help));
    }
    check_policies(entry, diagnostics);
    check_partition(entry, cluster, diagnostics);
}

/// A cluster knows the principals and policies of its own partition alone; its region tells which that is.
fn check_partition(entry: &DeclaredEntry, cluster: &DeclaredCluster, diagnostics: &mut Vec<Diagnostic>) {
    let region = match &cluster.selector.value {
        ClusterSelector::Named { region, .. } | ClusterSelector::Tagged { region, .. } => region.as_ref(),
        ClusterSelector::Unknown { .. } => None,
    };
    let Some(region) = region else { return };
    let partition = Partition::of_region(region);
    let mut check = |what: &str, arn: &str, of: Partition, place: Option<&Place>| {
        if of != partition {
            let message = format!("{what} `{arn}` is of partition {of}, and {region} is in {partition}");
            let place = place.or(entry.place.as_ref()).cloned();
            diagnostics.push(Diagnostic::error(message, place).help(format!("begin it with `arn:{partition}:`")));
        }
    };
    if let PrincipalRef::Arn(arn) = &entry.principal.value {
        check("the principal", arn.as_str(), arn.partition(), entry.principal.place.as_ref());
    }
    for policy in &entry.policies {
        if let PolicyRef::Arn(arn) = &policy.policy.value {
            check("the policy", &arn.to_string(), arn.partition(), policy.policy.place.as_ref());
        }
    }
}

fn principal_help(arn: &PrincipalArn) -> Option<&'static str> {
    match arn.kind() {
        PrincipalKind::FederatedUser { .. } => {
            Some("a federated user can't have an entry; give one to the role or user behind it")
        }
        _ if arn.is_service_linked() => Some("EKS manages what service-linked roles may do"),
        PrincipalKind::Role { .. } | PrincipalKind::User { .. } | PrincipalKind::Root => None,
    }
}

fn username_help(error: &EntryError) -> Option<&'static str> {
    match error {
        EntryError::SessionNameWithoutColon(_) => Some("write a word and a `:` in front, as in `sso:{{SessionName}}`"),
        EntryError::UsernameWithNodeType(_) => Some("leave `username` out: EKS fills it in for nodes"),
        _ => None,
    }
}

fn group_help(group: &str) -> Option<&'static str> {
    match group {
        "system:masters" => Some("use the policy AmazonEKSClusterAdminPolicy with cluster scope in its place"),
        "system:nodes" | "system:bootstrappers" => {
            Some("for nodes, set the type (EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX \u{2026}) and no groups")
        }
        _ if group.starts_with("system:") => Some("bind the role to a group with a name of your own"),
        _ => None,
    }
}

/// One policy has one scope in an entry.
fn check_policies(entry: &DeclaredEntry, diagnostics: &mut Vec<Diagnostic>) {
    let mut first: HashMap<String, &Placed<PolicyRef>> = HashMap::new();
    for policy in &entry.policies {
        let name = match &policy.policy.value {
            PolicyRef::Arn(arn) => arn.to_string(),
            PolicyRef::Own(name) => name.to_string(),
            PolicyRef::Unknown { .. } => continue,
        };
        let Some(known) = first.get(&name) else {
            first.insert(name, &policy.policy);
            continue;
        };
        let message =
            format!("entry `{}` has the policy `{name}` twice, and EKS knows one scope for each", entry.label);
        let mut error = Diagnostic::error(message, policy.policy.place.clone());
        error.related.extend(known.place.clone().map(|place| (place, "it is here first".to_owned())));
        diagnostics.push(error.help("put all its namespaces into one scope"));
    }
}

/// One principal has one entry in a cluster.
fn check_twice(cluster: &DeclaredCluster, diagnostics: &mut Vec<Diagnostic>) {
    let mut first: HashMap<String, &DeclaredEntry> = HashMap::new();
    for entry in &cluster.entries {
        let Some(key) = principal_key(&entry.principal.value) else { continue };
        let Some(known) = first.get(&key) else {
            first.insert(key, entry);
            continue;
        };
        let place = entry.principal.place.clone().or_else(|| entry.place.clone());
        let other = known.principal.place.clone().or_else(|| known.place.clone());
        let who = principal_name(&entry.principal.value);
        let mut diagnostic = if known.principal.value != entry.principal.value {
            let message = format!(
                "`{who}` and `{}` can't both exist: a name is there once, whatever its path",
                principal_name(&known.principal.value)
            );
            Diagnostic::error(message, place).help("`aws iam get-role` shows the path that is right")
        } else if same_content(known, entry) {
            Diagnostic::warning(format!("`{who}` is there twice, with the same access"), place)
                .help("leave one of them out")
        } else {
            let message = format!("`{who}` is there twice, with different access; it can have one entry in a cluster");
            Diagnostic::error(message, place).help("put the policies and groups of both into one")
        };
        diagnostic.related.extend(other.map(|place| (place, "it is here first".to_owned())));
        diagnostics.push(diagnostic);
    }
}

/// What two entries must not share; nothing where the principal isn't known.
fn principal_key(principal: &PrincipalRef) -> Option<String> {
    match principal {
        PrincipalRef::Arn(arn) => Some(arn.without_path().to_string()),
        PrincipalRef::InAccount(kind) => Some(format!("{kind:?}")),
        PrincipalRef::SsoPermissionSet { name, account, .. } => Some(format!("sso {name} {account:?}")),
        PrincipalRef::IamGroup { name, account } => Some(format!("group {name} {account:?}")),
        PrincipalRef::Unknown { .. } => None,
    }
}

/// As a person writes it.
pub(crate) fn principal_name(principal: &PrincipalRef) -> String {
    match principal {
        PrincipalRef::Arn(arn) => arn.to_string(),
        PrincipalRef::InAccount(kind) => match kind {
            PrincipalKind::Role { path, name } => format!("role{path}{name}"),
            PrincipalKind::User { path, name } => format!("user{path}{name}"),
            PrincipalKind::Root => "root".to_owned(),
            PrincipalKind::FederatedUser { name } => format!("federated-user/{name}"),
        },
        PrincipalRef::SsoPermissionSet { name, .. } => format!("permission set {name}"),
        PrincipalRef::IamGroup { name, .. } => format!("IAM group {name}"),
        PrincipalRef::Unknown { label, .. } => label.clone(),
    }
}

/// Whether two entries give the same, in whatever order.
fn same_content(a: &DeclaredEntry, b: &DeclaredEntry) -> bool {
    let groups = |entry: &DeclaredEntry| -> BTreeSet<String> {
        entry.groups.iter().flatten().map(|group| group.value.clone()).collect()
    };
    let policies = |entry: &DeclaredEntry| -> BTreeSet<String> {
        let shown = |policy: &crate::DeclaredPolicy| {
            let mut namespaces: Vec<&str> =
                policy.scope.value.namespaces().iter().map(|pattern| pattern.as_str()).collect();
            namespaces.sort_unstable();
            let end = policy.expires.as_ref().map(|end| end.value);
            format!("{:?} {} {namespaces:?} {end:?}", policy.policy.value, policy.scope.value.kind())
        };
        entry.policies.iter().map(shown).collect()
    };
    let text = |username: &Option<Placed<String>>| username.as_ref().map(|text| text.value.clone());
    let end = |entry: &DeclaredEntry| entry.expires.as_ref().map(|end| end.value);
    a.kind.value == b.kind.value
        && text(&a.username) == text(&b.username)
        && groups(a) == groups(b)
        && policies(a) == policies(b)
        && a.tags == b.tags
        && end(a) == end(b)
}

/// Entries need a mode that has them.
fn check_mode(cluster: &DeclaredCluster, diagnostics: &mut Vec<Diagnostic>) {
    if let Some(mode) = &cluster.mode
        && !mode.value.has_api()
        && let Some(entry) = cluster.entries.first()
    {
        let message = format!("access entries do nothing while the authentication mode is {}", mode.value);
        let mut error = Diagnostic::error(message, mode.place.clone());
        error.related.extend(entry.place.clone().map(|place| (place, "the first entry is here".to_owned())));
        diagnostics.push(error.help("set it to API_AND_CONFIG_MAP; there is no way back from that step"));
    }
}
