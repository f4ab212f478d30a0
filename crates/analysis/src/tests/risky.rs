//! Models full of risky permissions, to ask about one by one.

use entryway_access::{
    AccessPolicy, AccessScope, Association, Binding, ClusterModel, PolicyRule, PolicyRules, Role, RoleKind, RoleRef,
    Subject as RbacSubject,
};
use proptest::prelude::*;

use super::model::{entry, model, own, words};

const VERBS: &[&str] = &["get", "create", "patch", "impersonate", "bind", "escalate", "*"];
const GROUPS: &[&str] = &["", "rbac.authorization.k8s.io", "apps", "*"];
const RESOURCES: &[&str] = &[
    "pods",
    "pods/exec",
    "*/exec",
    "secrets",
    "serviceaccounts",
    "serviceaccounts/token",
    "users",
    "groups",
    "configmaps",
    "nodes/proxy",
    "deployments",
    "roles",
    "clusterroles",
    "rolebindings",
    "clusterrolebindings",
    "*",
];
const NAMES: &[&str] = &["a", "u", "g", "system:masters", "cluster-admin", "aws-auth"];

fn some_of(all: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(all, 1..=most).prop_map(|list| words(&list))
}

fn rule() -> impl Strategy<Value = PolicyRule> {
    let names = prop_oneof![3 => Just(Vec::new()), 2 => some_of(NAMES, 2)];
    (some_of(VERBS, 3), some_of(GROUPS, 2), some_of(RESOURCES, 3), names).prop_map(
        |(verbs, api_groups, resources, resource_names)| PolicyRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            non_resource_urls: Vec::new(),
        },
    )
}

/// Whom bindings of these models name.
pub(crate) fn subjects() -> Vec<RbacSubject> {
    let account = |namespace: &str| RbacSubject::ServiceAccount { namespace: namespace.into(), name: "a".into() };
    vec![
        RbacSubject::User("u".into()),
        RbacSubject::Group("g".into()),
        RbacSubject::Group("system:authenticated".into()),
        RbacSubject::Group("system:serviceaccounts:dev".into()),
        account("dev"),
        account("kube-system"),
        RbacSubject::User("system:serviceaccount:dev:b".into()),
    ]
}

pub(crate) const NAMESPACES: [&str; 2] = ["dev", "kube-system"];

/// A role `Dev` with a policy and the group `g`, and bindings to all sorts of subjects.
pub(crate) fn risky() -> impl Strategy<Value = ClusterModel> {
    let rules = proptest::collection::vec(proptest::collection::vec(rule(), 1..3), 4);
    let scope = proptest::sample::select(vec![None, Some("dev"), Some("*"), Some("kube-*")]);
    let bindings = proptest::collection::vec((0usize..3, proptest::option::of(0usize..2), 0usize..7), 1..6);
    (rules, scope, bindings, any::<bool>(), any::<bool>()).prop_map(|(rules, scope, bindings, in_group, with_map)| {
        let mut dev = entry("role/Dev");
        dev.groups = if in_group { words(&["g"]) } else { Vec::new() };
        let scope = match scope {
            None => AccessScope::Cluster,
            Some(pattern) => AccessScope::from_parts("namespace", &words(&[pattern])).unwrap(),
        };
        dev.policies.push(Association { policy: own("P"), scope, expires: None });
        let mut state = model(vec![dev]);
        if !with_map {
            state.mode = entryway_access::AuthenticationMode::Api;
        }
        let mut rules = rules.into_iter();
        let policy = AccessPolicy {
            name: own("P").name().clone(),
            rules: PolicyRules::Known(rules.next().unwrap_or_default().into()),
            service_linked_only: false,
            source: String::new(),
        };
        state.catalogue = state.catalogue.with_own([(own("P"), policy)].into());
        for (index, rules) in rules.enumerate() {
            let (namespace, name) = (None, format!("r{index}"));
            state.rbac.roles.push(Role { namespace, name, labels: [].into(), rules, aggregation: None });
        }
        for (number, (role, namespace, subject)) in bindings.into_iter().enumerate() {
            state.rbac.bindings.push(Binding {
                namespace: namespace.map(|index| NAMESPACES[index].to_owned()),
                name: format!("b{number}"),
                subjects: vec![subjects()[subject].clone()],
                role: RoleRef { kind: RoleKind::ClusterRole, name: format!("r{role}") },
            });
        }
        state
    })
}
