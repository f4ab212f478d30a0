//! The kinds of objects that people ask about, in groups as they think of them.

/// A kind.
pub(super) struct Kind {
    /// What it is for.
    pub(super) area: &'static str,
    /// The API group, empty for the core.
    pub(super) group: &'static str,
    /// The plural.
    pub(super) resource: &'static str,
    /// Whether its objects are in namespaces.
    pub(super) namespaced: bool,
}

const fn kind(area: &'static str, group: &'static str, resource: &'static str, namespaced: bool) -> Kind {
    Kind { area, group, resource, namespaced }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// All of them, area by area.
pub(super) const KINDS: [Kind; 26] = [
    kind("Workloads", "", "pods", true),
    kind("Workloads", "apps", "deployments", true),
    kind("Workloads", "apps", "statefulsets", true),
    kind("Workloads", "apps", "daemonsets", true),
    kind("Workloads", "batch", "jobs", true),
    kind("Workloads", "batch", "cronjobs", true),
    kind("Configuration", "", "configmaps", true),
    kind("Configuration", "", "secrets", true),
    kind("Configuration", "", "serviceaccounts", true),
    kind("Configuration", "", "resourcequotas", true),
    kind("Network", "", "services", true),
    kind("Network", "networking.k8s.io", "ingresses", true),
    kind("Network", "networking.k8s.io", "networkpolicies", true),
    kind("Storage", "", "persistentvolumeclaims", true),
    kind("Storage", "", "persistentvolumes", false),
    kind("Storage", "storage.k8s.io", "storageclasses", false),
    kind("Access", RBAC, "roles", true),
    kind("Access", RBAC, "rolebindings", true),
    kind("Access", RBAC, "clusterroles", false),
    kind("Access", RBAC, "clusterrolebindings", false),
    kind("Cluster", "", "namespaces", false),
    kind("Cluster", "", "nodes", false),
    kind("Cluster", "", "events", true),
    kind("Cluster", "apiextensions.k8s.io", "customresourcedefinitions", false),
    kind("Cluster", "policy", "poddisruptionbudgets", true),
    kind("Cluster", "autoscaling", "horizontalpodautoscalers", true),
];

/// The verbs that are asked about, and the letter of each.
pub(super) const VERBS: [(&str, char); 8] = [
    ("get", 'g'),
    ("list", 'l'),
    ("watch", 'w'),
    ("create", 'c'),
    ("update", 'u'),
    ("patch", 'p'),
    ("delete", 'd'),
    ("deletecollection", 'x'),
];

/// The group of a plural that was written without one.
pub(super) fn group_of(resource: &str) -> &'static str {
    KINDS.iter().find(|kind| kind.resource == resource).map_or("", |kind| kind.group)
}

/// Whether a resource's objects are in namespaces, as far as is known.
pub(super) fn is_namespaced(group: &str, resource: &str) -> bool {
    KINDS.iter().find(|kind| kind.resource == resource && kind.group == group).is_none_or(|kind| kind.namespaced)
}
