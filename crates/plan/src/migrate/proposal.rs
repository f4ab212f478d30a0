//! What to do instead, where an entry can't say what a line says.

use entryway_access::{AccountId, Binding, PrincipalArn, RbacObjects, Subject};
use serde_json::{Value, json};

use super::{LineSource, NotCarried};
use crate::ActualCluster;

fn rbac(cluster: &ActualCluster) -> &RbacObjects {
    static NONE: RbacObjects = RbacObjects { roles: Vec::new(), bindings: Vec::new() };
    cluster.rbac.get().unwrap_or(&NONE)
}

fn bindings_of<'c>(subject: &Subject, cluster: &'c ActualCluster) -> Vec<&'c Binding> {
    rbac(cluster).bindings.iter().filter(|binding| binding.subjects.contains(subject)).collect()
}

/// The same binding for another subject.
fn copy(binding: &Binding, kind: &str, name: &str) -> Value {
    let suffix: String = name.chars().map(|c| if c == '/' || c == '%' { '-' } else { c }).collect();
    let mut metadata = json!({ "name": format!("{}-{suffix}", binding.name) });
    if let (Some(namespace), Some(map)) = (&binding.namespace, metadata.as_object_mut()) {
        map.insert("namespace".to_owned(), Value::from(namespace.as_str()));
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": binding.kind().as_str(),
        "metadata": metadata,
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": binding.role.kind.as_str(),
            "name": binding.role.name,
        },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name }],
    })
}

/// A group with a reserved name: another name, bound to the same roles.
pub(super) fn for_group(
    group: &str,
    why: &str,
    principal: &PrincipalArn,
    cluster: &ActualCluster,
    source: &LineSource,
) -> NotCarried {
    let bound = bindings_of(&Subject::Group(group.to_owned()), cluster);
    let other = format!("aws-auth:{group}");
    let proposal = match (bound.is_empty(), cluster.rbac.get().is_some()) {
        (false, _) => format!("give the entry the group `{other}`, and apply the bindings beside this"),
        (true, true) => "nothing: no binding names the group, so it gives nothing".to_owned(),
        (true, false) => format!("bind what `{group}` is bound to (RBAC could not be read) to a group `{other}`"),
    };
    NotCarried {
        source: source.clone(),
        principal: principal.to_string(),
        what: format!("group `{group}`"),
        why: why.to_owned(),
        proposal,
        objects: bound.into_iter().map(|binding| copy(binding, "Group", &other)).collect(),
    }
}

/// A username that an entry may not have: EKS's own, bound to the same roles where it is one name.
pub(super) fn for_username(
    username: &str,
    default: &str,
    why: &str,
    principal: &PrincipalArn,
    cluster: &ActualCluster,
    source: &LineSource,
) -> NotCarried {
    let bound = bindings_of(&Subject::User(username.to_owned()), cluster);
    let mut proposal = format!("the entry has EKS's own username, `{default}`");
    if username.contains("{{SessionName") && !username.contains("{{AccessKeyID}}") {
        proposal.push_str(&format!(
            "; to have names of people in it, use `{}:{username}`, and name users so in bindings",
            principal.name()
        ));
    } else if !bound.is_empty() && !default.contains("{{") {
        proposal.push_str("; apply the bindings beside this");
    } else if !bound.is_empty() {
        proposal.push_str(&format!("; give the entry a group, and bind it to what the user `{username}` is bound to"));
    }
    let objects = match default.contains("{{") {
        true => Vec::new(),
        false => bound.into_iter().map(|binding| copy(binding, "User", default)).collect(),
    };
    NotCarried {
        source: source.clone(),
        principal: principal.to_string(),
        what: format!("username `{username}`"),
        why: why.to_owned(),
        proposal,
        objects,
    }
}

/// A whole account: entries for those of it whom RBAC names; the others can do nothing but sign in.
pub(super) fn for_account(account: &AccountId, cluster: &ActualCluster, source: LineSource) -> NotCarried {
    let users =
        rbac(cluster).bindings.iter().flat_map(|binding| &binding.subjects).filter_map(|subject| match subject {
            Subject::User(name) => name.parse::<PrincipalArn>().ok().filter(|arn| arn.account() == account),
            Subject::Group(_) | Subject::ServiceAccount { .. } => None,
        });
    let mut names: Vec<String> = users.map(|arn| format!("`{arn}`")).collect();
    names.sort();
    names.dedup();
    let proposal = match names.is_empty() {
        true => "declare entries for the principals that need access; RBAC names none of the account".to_owned(),
        false => format!("declare entries with their ARN as username for those whom RBAC names: {}", names.join(", ")),
    };
    NotCarried {
        source,
        principal: account.to_string(),
        what: "the whole account".to_owned(),
        why: "an entry is for one principal".to_owned(),
        proposal,
        objects: Vec::new(),
    }
}
