//! The file written from a declaration: everything that it has words for, in the order that people read it.

use entryway_access::{AccessScope, EntryType, Partition, PolicyArn, PolicyCatalogue, PolicyName, PolicyRule};
use jiff::SignedDuration;

use crate::check::principal_name;
use crate::out::Out;
use crate::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, DeclaredPolicy, Diagnostic, Expiry, OwnPolicy,
    PolicyRef, PrincipalRef, Read,
};

/// Writes the file anew, as YAML.
pub(crate) fn write(declared: &Declared) -> Read<String> {
    let mut diagnostics = Vec::new();
    let file = file(declared, &mut diagnostics);
    Read { value: file.to_yaml(), diagnostics }
}

/// The whole file.
pub(super) fn file(declared: &Declared, diagnostics: &mut Vec<Diagnostic>) -> Out {
    let own: Vec<PolicyName> = declared.policies.iter().map(|policy| policy.name.value.clone()).collect();
    let policies = declared.policies.iter().map(|policy| (policy.name.value.to_string(), own_policy(policy)));
    let policies: Vec<(String, Out)> = policies.collect();
    let protected: Vec<Out> =
        declared.protected.iter().filter_map(|principal| listed_principal(&principal.value)).collect();
    let clusters: Vec<Out> = declared.clusters.iter().filter_map(|one| cluster(one, &own, diagnostics)).collect();
    Out::map([
        ("policies", (!policies.is_empty()).then_some(Out::Map(policies))),
        ("protected", (!protected.is_empty()).then_some(Out::List(protected))),
        ("clusters", Some(Out::List(clusters))),
    ])
}

fn own_policy(policy: &OwnPolicy) -> Out {
    let list = |texts: &[String]| (!texts.is_empty()).then(|| Out::texts(texts));
    let rule = |rule: &PolicyRule| {
        Out::map([
            ("apiGroups", list(&rule.api_groups)),
            ("resources", list(&rule.resources)),
            ("resourceNames", list(&rule.resource_names)),
            ("nonResourceURLs", list(&rule.non_resource_urls)),
            ("verbs", list(&rule.verbs)),
        ])
    };
    Out::map([
        ("description", policy.description.as_ref().map(Out::text)),
        ("rules", Some(Out::List(policy.rules.iter().map(rule).collect()))),
    ])
}

/// A cluster with its access; nothing where the file has no words for which one it is.
pub(super) fn cluster(cluster: &DeclaredCluster, own: &[PolicyName], diagnostics: &mut Vec<Diagnostic>) -> Option<Out> {
    let place = cluster.selector.place.clone();
    let (name, tags, region, account) = match &cluster.selector.value {
        ClusterSelector::Named { name, region, account } => (Some(Out::text(name)), None, region, account),
        ClusterSelector::Tagged { tags, region, account } => {
            let tags = tags.iter().map(|(key, value)| (key.clone(), Out::text(value))).collect();
            (None, Some(Out::Map(tags)), region, account)
        }
        ClusterSelector::Unknown { label, reason } => {
            let message = format!("the cluster of `{label}` is not written: {reason}");
            diagnostics.push(Diagnostic::error(message, place).help("say its name with `--cluster`"));
            return None;
        }
    };
    if cluster.aws_auth.is_some() {
        let message = "aws-auth is not part of the file";
        diagnostics.push(Diagnostic::warning(message, place).help("`entryway migrate` makes entries of it"));
    }
    let partition = region.as_ref().map_or(Partition::Aws, Partition::of_region);
    let access: Vec<Out> =
        cluster.entries.iter().filter_map(|entry| self::entry(entry, partition, own, diagnostics)).collect();
    Some(Out::map([
        ("name", name),
        ("tags", tags),
        ("region", region.as_ref().map(Out::text)),
        ("account", account.as_ref().map(Out::text)),
        ("mode", cluster.mode.as_ref().map(|mode| Out::text(mode.value))),
        ("access", (!access.is_empty()).then_some(Out::List(access))),
    ]))
}

/// An element of `access`.
pub(super) fn entry(
    entry: &DeclaredEntry,
    partition: Partition,
    own: &[PolicyName],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Out> {
    let Out::Map(mut members) = principal(&entry.principal.value).or_else(|| {
        let reason =
            if let PrincipalRef::Unknown { reason, .. } = &entry.principal.value { reason.as_str() } else { "" };
        let place = entry.principal.place.clone().or_else(|| entry.place.clone());
        let message = format!("entry `{}` is not written: its principal is not known: {reason}", entry.label);
        diagnostics.push(Diagnostic::error(message, place).help("name it by its ARN"));
        None
    })?
    else {
        return None;
    };
    let Out::Map(body) = body(entry, partition, own, diagnostics) else { return None };
    members.extend(body);
    Some(Out::Map(members))
}

/// What an entry gives, without whom.
pub(super) fn body(
    entry: &DeclaredEntry,
    partition: Partition,
    own: &[PolicyName],
    diagnostics: &mut Vec<Diagnostic>,
) -> Out {
    let policies: Vec<Out> =
        entry.policies.iter().filter_map(|policy| self::policy(policy, entry, partition, own, diagnostics)).collect();
    let tags = entry.tags.iter().map(|(key, value)| (key.clone(), Out::text(value))).collect::<Vec<_>>();
    let groups = entry.groups.as_ref().map(|groups| Out::texts(groups.iter().map(|group| &group.value)));
    let mut members = vec![
        ("type", (entry.kind.value != EntryType::Standard).then(|| Out::text(entry.kind.value))),
        ("username", entry.username.as_ref().map(|username| Out::text(&username.value))),
        ("groups", groups),
        ("policies", (!policies.is_empty()).then_some(Out::List(policies))),
        ("tags", (!tags.is_empty()).then_some(Out::Map(tags))),
    ];
    members.extend(end(entry.expires.as_ref().map(|end| end.value)));
    Out::map(members)
}

fn policy(
    policy: &DeclaredPolicy,
    entry: &DeclaredEntry,
    partition: Partition,
    own: &[PolicyName],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Out> {
    let name = match &policy.policy.value {
        PolicyRef::Own(name) => name.to_string(),
        PolicyRef::Arn(arn) => policy_name(arn, partition, own),
        PolicyRef::Unknown { reason, .. } => {
            let message = format!("entry `{}` loses a policy that is not known: {reason}", entry.label);
            diagnostics.push(Diagnostic::error(message, policy.policy.place.clone()));
            return None;
        }
    };
    let namespaces = match &policy.scope.value {
        AccessScope::Cluster => None,
        AccessScope::Namespaces(patterns) => Some(Out::texts(patterns)),
    };
    if namespaces.is_none() && policy.expires.is_none() {
        return Some(Out::Text(name));
    }
    let mut members = vec![("policy", Some(Out::Text(name))), ("namespaces", namespaces)];
    members.extend(end(policy.expires.as_ref().map(|end| end.value)));
    Some(Out::map(members))
}

/// The shortest name that is read back as the same policy.
fn policy_name(arn: &PolicyArn, partition: Partition, own: &[PolicyName]) -> String {
    let PolicyArn::Aws { partition: of, name } = arn else { return arn.to_string() };
    let whole = name.as_str();
    let short = whole.strip_prefix("AmazonEKS").and_then(|rest| rest.strip_suffix("Policy"));
    let catalogue = PolicyCatalogue::builtin();
    let means_it = |text: &str| {
        *of == partition
            && !own.iter().any(|name| name.as_str() == text)
            && catalogue.resolve(text, partition).is_ok_and(|found| found == *arn)
    };
    match short {
        Some(short) if means_it(short) => short.to_owned(),
        _ if means_it(whole) => whole.to_owned(),
        _ => arn.to_string(),
    }
}

/// `expires` or `for`.
fn end(end: Option<Expiry>) -> Vec<(&'static str, Option<Out>)> {
    match end {
        None => Vec::new(),
        Some(Expiry::At(at)) => vec![("expires", Some(Out::text(at)))],
        Some(Expiry::For(duration)) => vec![("for", Some(Out::Text(duration_text(duration))))],
    }
}

/// `8h`, `1d 12h`, `90s`: what the reader takes.
fn duration_text(duration: SignedDuration) -> String {
    let total = duration.as_secs().max(0);
    let parts = [(total / 86_400, "d"), (total / 3_600 % 24, "h"), (total / 60 % 60, "m"), (total % 60, "s")];
    let mut texts: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    let nanoseconds = duration.subsec_nanos();
    if nanoseconds > 0 {
        texts.push(format!("{nanoseconds}ns"));
    }
    texts.join(" ")
}

/// Whom, as members of a mapping; nothing for one that isn't known.
fn principal(principal: &PrincipalRef) -> Option<Out> {
    match principal {
        PrincipalRef::Arn(_) | PrincipalRef::InAccount(_) => {
            Some(Out::map([("principal", Some(Out::Text(principal_name(principal))))]))
        }
        PrincipalRef::SsoPermissionSet { name, account, region } => Some(Out::map([
            ("ssoPermissionSet", Some(Out::text(name))),
            ("account", account.as_ref().map(Out::text)),
            ("region", region.as_ref().map(Out::text)),
        ])),
        PrincipalRef::IamGroup { name, account } => {
            Some(Out::map([("iamGroup", Some(Out::text(name))), ("account", account.as_ref().map(Out::text))]))
        }
        PrincipalRef::Unknown { .. } => None,
    }
}

/// Whom, as an element of a list of principals.
fn listed_principal(principal: &PrincipalRef) -> Option<Out> {
    match principal {
        PrincipalRef::Arn(_) | PrincipalRef::InAccount(_) => Some(Out::Text(principal_name(principal))),
        other => self::principal(other),
    }
}
