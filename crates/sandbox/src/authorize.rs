//! Whether a request is allowed, asked of the core; and the words of a refusal.

use entryway_access::{Attributes, Binding, Decision, Reason, RoleKind, RoleRef, Snapshot, Subject, UserInfo};
use entryway_objects::status::Status;
use jiff::Timestamp;

use crate::failure::forbidden;
use crate::request_info::RequestInfo;
use crate::text::{aggregate, quote};

/// Refuses the request unless the user may make it.
pub(crate) fn authorize(
    snapshot: &Snapshot,
    user: &UserInfo,
    info: &RequestInfo,
    now: Timestamp,
) -> Result<(), Status> {
    check(snapshot, user, info.attributes(), now)
}

/// Refuses these attributes unless the user may have them.
pub(crate) fn check(
    snapshot: &Snapshot,
    user: &UserInfo,
    attributes: Attributes<'_>,
    now: Timestamp,
) -> Result<(), Status> {
    let request = entryway_access::Request { user, attributes };
    if snapshot.decide(&request, now).is_allowed() {
        return Ok(());
    }
    let reason = no_opinion_reason(snapshot, user, namespace_of(&attributes));
    Err(refusal(user, attributes, &reason))
}

fn namespace_of<'a>(attributes: &Attributes<'a>) -> &'a str {
    match attributes {
        Attributes::Resource { resource, .. } => resource.namespace,
        Attributes::NonResource { .. } => "",
    }
}

/// A refusal as the API server words it, with further words where there are some.
pub(crate) fn refusal(user: &UserInfo, attributes: Attributes<'_>, reason: &str) -> Status {
    let name = quote(&user.username);
    let (group, plural, object, mut text) = match attributes {
        Attributes::NonResource { verb, path } => {
            ("", "", "", format!("User {name} cannot {verb} path {}", quote(path)))
        }
        Attributes::Resource { verb, resource } => {
            let full = match resource.subresource {
                "" => resource.resource.to_owned(),
                subresource => format!("{}/{subresource}", resource.resource),
            };
            let place = match resource.namespace {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {}", quote(namespace)),
            };
            let text = format!(
                "User {name} cannot {verb} resource {} in API group {} {place}",
                quote(&full),
                quote(resource.group)
            );
            (resource.group, resource.resource, resource.name, text)
        }
    };
    if !reason.is_empty() {
        text = format!("{text}: {reason}");
    }
    forbidden(group, plural, object, &text)
}

/// What RBAC adds to a refusal: bindings of this user that refer to roles which do not exist. Walks all bindings,
/// which only a refusal pays for.
pub(crate) fn no_opinion_reason(snapshot: &Snapshot, user: &UserInfo, namespace: &str) -> String {
    let missing = missing_roles(snapshot, user, namespace);
    let texts: Vec<String> = missing
        .iter()
        .map(|role| {
            let kind = match role.kind {
                RoleKind::ClusterRole => "clusterrole",
                RoleKind::Role => "role",
            };
            format!("{kind}.rbac.authorization.k8s.io {} not found", quote(&role.name))
        })
        .collect();
    if texts.is_empty() { String::new() } else { format!("RBAC: {}", aggregate(&texts)) }
}

/// The roles that bindings of the user name and that do not exist.
pub(crate) fn missing_roles<'s>(snapshot: &'s Snapshot, user: &UserInfo, namespace: &str) -> Vec<&'s RoleRef> {
    let here =
        |binding: &&Binding| binding.namespace.as_deref().is_none_or(|own| !namespace.is_empty() && own == namespace);
    let bindings = snapshot.rbac().bindings.iter().filter(here);
    bindings
        .filter(|binding| binding.subjects.iter().any(|subject| subject.means(user)))
        .filter(|binding| {
            snapshot.role_rules(&binding.role, binding.namespace.as_deref().unwrap_or_default()).is_none()
        })
        .map(|binding| &binding.role)
        .collect()
}

/// Why a decision is what it is, in the words that reviews carry; empty where they carry none.
pub(crate) fn reason(decision: &Decision<'_>, user: &UserInfo) -> String {
    match decision {
        Decision::NoOpinion | Decision::Allowed(Reason::SystemMasters) => String::new(),
        Decision::Allowed(Reason::AccessPolicy { principal, policy, .. }) => {
            let id = user.extra.get("principalId").and_then(|ids| ids.first()).map_or("", String::as_str);
            let id = id.split(':').next().unwrap_or_default();
            format!(
                "EKS Access Policy: allowed by ClusterRoleBinding \"{principal}+{policy}\" of ClusterRole \"{policy}\" to User {}",
                quote(id)
            )
        }
        Decision::Allowed(Reason::Rbac { by, .. }) => {
            let (binding, subject) = (by.binding(), by.subject());
            let (role, kind) = (&binding.role, binding.kind().as_str());
            let name = match &binding.namespace {
                None => binding.name.clone(),
                Some(namespace) => format!("{}/{namespace}", binding.name),
            };
            let role_kind = match role.kind {
                RoleKind::ClusterRole => "ClusterRole",
                RoleKind::Role => "Role",
            };
            let to = match subject {
                Subject::User(name) => format!("User {}", quote(name)),
                Subject::Group(name) => format!("Group {}", quote(name)),
                Subject::ServiceAccount { namespace, name } => {
                    format!("ServiceAccount {}", quote(&format!("{name}/{namespace}")))
                }
            };
            format!("RBAC: allowed by {kind} {} of {role_kind} {} to {to}", quote(&name), quote(&role.name))
        }
    }
}
