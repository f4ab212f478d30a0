//! Models to ask about, and everything asked one by one.

use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessPolicy, AccessScope, Association, Attributes, AuthenticationMode, AwsAuth, Binding, Caller,
    ClusterModel, EntryType, NamespacePattern, Partition, PolicyArn, PolicyCatalogue, PolicyRule, PolicyRules,
    PrincipalArn, RbacObjects, Request, Resource, Role, RoleKind, RoleRef, Snapshot, Subject, UserInfo,
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{Ability, KnownPrincipals, compare};

pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;
pub(crate) const VIEW_POLICY: &str = "AmazonEKSViewPolicy";
pub(crate) const ADMIN_POLICY: &str = "AmazonEKSClusterAdminPolicy";

pub(crate) fn arn(resource: &str) -> PrincipalArn {
    format!("arn:aws:iam::111122223333:{resource}").parse().unwrap()
}

pub(crate) fn entry(resource: &str) -> AccessEntry {
    let account = "111122223333".parse().unwrap();
    AccessEntry::new(arn(resource), EntryType::Standard, None, None, &account).unwrap()
}

pub(crate) fn with_policy(mut entry: AccessEntry, name: &str, scope: AccessScope) -> AccessEntry {
    let policy = PolicyArn::Aws { partition: Partition::Aws, name: name.parse().unwrap() };
    entry.policies.push(Association { policy, scope, expires: None });
    entry
}

pub(crate) fn model(entries: Vec<AccessEntry>) -> ClusterModel {
    ClusterModel {
        mode: AuthenticationMode::ApiAndConfigMap,
        entries: entries.into_iter().map(Arc::new).collect(),
        aws_auth: AwsAuth::default(),
        rbac: RbacObjects::default(),
        catalogue: PolicyCatalogue::builtin(),
        bootstrap_creator: None,
    }
}

pub(crate) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn role(name: &str, verbs: &[&str], group: &str, resources: &[&str]) -> Role {
    let rule = PolicyRule {
        verbs: words(verbs),
        api_groups: words(&[group]),
        resources: words(resources),
        ..PolicyRule::default()
    };
    Role { namespace: None, name: name.into(), labels: [].into(), rules: vec![rule], aggregation: None }
}

pub(crate) fn binding(name: &str, namespace: Option<&str>, role: &str, subject: Subject) -> Binding {
    Binding {
        namespace: namespace.map(str::to_owned),
        name: name.into(),
        subjects: vec![subject],
        role: RoleRef { kind: RoleKind::ClusterRole, name: role.into() },
    }
}

fn some_of(all: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(all, 1..=2).prop_map(|list| words(&list))
}

fn rule() -> impl Strategy<Value = PolicyRule> {
    let of_resources = (
        some_of(&["get", "create", "*"]),
        some_of(&["", "apps", "*"]),
        some_of(&["pods", "pods/log", "*/log", "*"]),
        prop_oneof![3 => Just(Vec::new()), 1 => Just(words(&["a"]))],
    );
    let of_resources = of_resources.prop_map(|(verbs, api_groups, resources, resource_names)| PolicyRule {
        verbs,
        api_groups,
        resources,
        resource_names,
        non_resource_urls: Vec::new(),
    });
    let of_paths = (some_of(&["get", "create", "*"]), some_of(&["/healthz", "/healthz/*", "/*", "*"]));
    let of_paths = of_paths.prop_map(|(verbs, non_resource_urls)| PolicyRule {
        verbs,
        non_resource_urls,
        ..PolicyRule::default()
    });
    prop_oneof![4 => of_resources, 1 => of_paths]
}

fn scope() -> impl Strategy<Value = AccessScope> {
    let namespaces = proptest::sample::subsequence(&["dev", "de*", "*", "d*v", "prod"][..], 1..=2);
    prop_oneof![
        Just(AccessScope::Cluster),
        namespaces.prop_map(|list| AccessScope::from_parts("namespace", &words(&list)).unwrap()),
    ]
}

pub(crate) fn own(name: &str) -> PolicyArn {
    format!("arn:aws:eks:us-east-1:111122223333:cluster-access-policy/{name}").parse().unwrap()
}

fn state() -> impl Strategy<Value = ClusterModel> {
    let policies = proptest::collection::vec(proptest::collection::vec(rule(), 0..3), 2);
    let associations = proptest::collection::vec((0usize..2, scope()), 0..3);
    let roles = proptest::collection::vec(proptest::collection::vec(rule(), 0..3), 2);
    let bindings = proptest::collection::vec((0usize..2, proptest::option::of(0usize..2), 0usize..3), 0..3);
    (policies, associations, roles, bindings, any::<bool>()).prop_map(
        |(policies, associations, roles, bindings, in_group)| {
            let mut held = entry("role/Dev");
            held.groups = if in_group { words(&["g"]) } else { Vec::new() };
            for (index, scope) in associations {
                let policy = own(["P", "Q"][index]);
                if !held.policies.iter().any(|association| association.policy == policy) {
                    held.policies.push(Association { policy, scope, expires: None });
                }
            }
            let mut state = model(vec![held]);
            let catalogue = policies.into_iter().enumerate().map(|(index, rules)| {
                let arn = own(["P", "Q"][index]);
                let policy = AccessPolicy {
                    name: arn.name().clone(),
                    rules: PolicyRules::Known(rules.into()),
                    service_linked_only: false,
                    source: String::new(),
                };
                (arn, policy)
            });
            state.catalogue = state.catalogue.with_own(catalogue.collect());
            for (index, rules) in roles.into_iter().enumerate() {
                let name = ["r", "s"][index].to_owned();
                state.rbac.roles.push(Role { namespace: None, name, labels: [].into(), rules, aggregation: None });
            }
            for (number, (role, namespace, subject)) in bindings.into_iter().enumerate() {
                let subject = [
                    Subject::Group("g".into()),
                    Subject::Group("system:authenticated".into()),
                    Subject::User("arn:aws:sts::111122223333:assumed-role/Dev/jo".into()),
                ][subject]
                    .clone();
                let namespace = namespace.map(|index| ["dev", "prod"][index]);
                state.rbac.bindings.push(binding(&format!("b{number}"), namespace, ["r", "s"][role], subject));
            }
            state
        },
    )
}

/// The user that a state makes of the role, as the API server would see it.
fn user(state: &Snapshot) -> UserInfo {
    let session = "arn:aws:sts::111122223333:assumed-role/Dev/jo";
    let caller = Caller::from_sts("111122223333", session, "AROADEV:jo", "").unwrap();
    let mut user = state.identity(&caller, None, NOW).unwrap().user;
    user.groups.push("system:authenticated".into());
    user
}

fn says(abilities: &[Ability], question: &Attributes<'_>) -> bool {
    abilities.iter().any(|ability| {
        let rule = PolicyRule {
            verbs: ability.verbs.clone(),
            api_groups: vec![ability.api_group.clone()],
            resources: ability.resources.clone(),
            resource_names: ability.names.clone(),
            non_resource_urls: ability.paths.clone(),
        };
        let namespace = match question {
            Attributes::Resource { resource, .. } => resource.namespace,
            Attributes::NonResource { .. } => "",
        };
        let is_there = ability.namespaces.is_empty()
            || ability.namespaces.iter().any(|name| name.parse::<NamespacePattern>().unwrap().matches(namespace));
        is_there && rule.allows(question)
    })
}

/// All there is to ask over the words of the rules, with words that no rule has.
fn all_questions() -> Vec<Attributes<'static>> {
    let mut all = Vec::new();
    for verb in ["get", "create", "other"] {
        for path in ["/healthz", "/healthz/a", "/", "/other", "other"] {
            all.push(Attributes::NonResource { verb, path });
        }
        for group in ["", "apps", "other"] {
            for resource in ["pods", "other"] {
                for subresource in ["", "log", "other"] {
                    for namespace in ["", "dev", "dead", "d-v", "prod", "other"] {
                        for name in ["", "a", "b"] {
                            let resource = Resource { group, resource, subresource, namespace, name };
                            all.push(Attributes::Resource { verb, resource });
                        }
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What is said to be gained or lost is exactly what a question by question comparison finds.
    #[test]
    fn few_questions_tell_all(before in state(), after in state()) {
        let (before, after) = (Snapshot::compile(before), Snapshot::compile(after));
        let differences = compare(&before, &after, &KnownPrincipals::default(), NOW);
        // What is said of the session, else of any.
        let said = differences.iter().max_by_key(|difference| difference.session.is_some());
        let (gains, loses) = said.map(|one| (one.gains.clone(), one.loses.clone())).unwrap_or_default();
        let (was, is) = (user(&before), user(&after));
        for attributes in all_questions() {
            let could = before.decide(&Request { user: &was, attributes }, NOW).is_allowed();
            let can = after.decide(&Request { user: &is, attributes }, NOW).is_allowed();
            if can && !could {
                prop_assert!(says(&gains, &attributes), "gained, and not said: {attributes:?} {gains:?}");
            }
            if could && !can {
                prop_assert!(says(&loses, &attributes), "lost, and not said: {attributes:?} {loses:?}");
            }
            if says(&gains, &attributes) {
                prop_assert!(can, "said to be gained: {attributes:?} {gains:?}");
            }
            if says(&loses, &attributes) {
                prop_assert!(could, "said to be lost: {attributes:?} {loses:?}");
            }
        }
    }
}
