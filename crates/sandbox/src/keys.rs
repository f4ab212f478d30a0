//! Where objects of a cluster lie in the store. `server` reads RBAC and aws-auth from here.

/// The prefix of everything of a cluster. `cluster` is its id (not its name: a name can be used again).
pub fn cluster_prefix(cluster: &str) -> String {
    format!("/k8s/{cluster}/")
}

/// The prefix of all objects of a resource; `group` is `""` for the core.
pub fn resource_prefix(cluster: &str, group: &str, resource: &str) -> String {
    let group = if group.is_empty() { "core" } else { group };
    format!("/k8s/{cluster}/{group}/{resource}/")
}

/// The prefix of a resource's objects in one namespace.
pub fn namespace_prefix(cluster: &str, group: &str, resource: &str, namespace: &str) -> String {
    format!("{}{namespace}/", resource_prefix(cluster, group, resource))
}

/// The key of one object; `namespace` is `_` where it has none.
pub fn object_key(cluster: &str, group: &str, resource: &str, namespace: Option<&str>, name: &str) -> String {
    format!("{}{}/{name}", resource_prefix(cluster, group, resource), namespace.unwrap_or("_"))
}
