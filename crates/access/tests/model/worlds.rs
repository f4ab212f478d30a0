//! Random clusters, callers and requests, of so few names that they meet often.

use std::collections::BTreeMap;
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessPolicy, AccessScope, Association, Attributes, AuthenticationMode, AwsAuth, Binding, Caller,
    ClusterModel, EntryType, MappedPrincipal, Mapping, PolicyArn, PolicyCatalogue, PolicyRule, PolicyRules, Position,
    RbacObjects, Resource, Role, RoleKind, RoleRef, Subject, Template, UserInfo,
};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

pub(crate) fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

/// Past, this very instant, future, or none.
fn end() -> impl Strategy<Value = Option<Timestamp>> {
    select(vec![
        None,
        None,
        None,
        Some("2026-11-24T09:59:59Z"),
        Some("2026-11-24T10:00:00Z"),
        Some("2026-11-24T10:00:01Z"),
    ])
    .prop_map(|text| text.map(|text| text.parse().unwrap()))
}

fn texts(of: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(of, 0..=most.min(of.len())).prop_map(|list| list.into_iter().map(str::to_owned).collect())
}

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(of).prop_map(str::to_owned)
}

const VERBS: &[&str] = &["get", "list", "create", "*", "impersonate"];
const GROUPS: &[&str] = &["", "apps", "*", "x.io"];
const RESOURCES: &[&str] = &["pods", "pods/log", "*/log", "*", "secrets", "*/*", "pods/*", "a/b/c"];
const NAMES: &[&str] = &["web", "", "db"];
const PATHS: &[&str] = &["/healthz", "/logs/*", "*", "/logs**", "/"];
const NAMESPACES: &[&str] = &["a", "b", "dev-a"];
const USERS: &[&str] = &[
    "jo",
    "system:serviceaccount:a:ci",
    "system:serviceaccount:b:ci",
    "devs",
    "arn:aws:sts::111122223333:assumed-role/Dev/jo-x",
];
const K8S_GROUPS: &[&str] = &["devs", "ops", "jo", "system:authenticated"];

fn rule() -> impl Strategy<Value = PolicyRule> {
    let resource_names = prop_oneof![3 => Just(Vec::new()), 1 => texts(NAMES, 2)];
    let paths = prop_oneof![3 => Just(Vec::new()), 1 => texts(PATHS, 2)];
    (texts(VERBS, 3), texts(GROUPS, 2), texts(RESOURCES, 3), resource_names, paths).prop_map(
        |(verbs, api_groups, resources, resource_names, non_resource_urls)| PolicyRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            non_resource_urls,
        },
    )
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(text(&["k", "l"]), text(&["1", "2"]), 0..=2)
}

fn selector() -> impl Strategy<Value = Value> {
    prop_oneof![
        labels().prop_map(|labels| json!({ "matchLabels": labels })),
        Just(json!({})),
        (text(&["k", "l"]), text(&["In", "NotIn", "Exists", "DoesNotExist"]), text(&["1", "2"])).prop_map(
            |(key, operator, value)| {
                let values = if operator.ends_with("In") { vec![value] } else { Vec::new() };
                json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] })
            }
        ),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    let namespace = prop::option::of(text(NAMESPACES));
    let aggregation = prop::option::weighted(0.3, prop::collection::vec(selector(), 0..3));
    let rules = prop::collection::vec(rule(), 0..4);
    (namespace, text(&["r0", "r1", "r2", "r3"]), labels(), rules, aggregation)
        .prop_map(|(namespace, name, labels, rules, aggregation)| Role { namespace, name, labels, rules, aggregation })
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        text(USERS).prop_map(Subject::User),
        text(K8S_GROUPS).prop_map(Subject::Group),
        (text(&["a", "b"]), text(&["ci", "x"]))
            .prop_map(|(namespace, name)| Subject::ServiceAccount { namespace, name }),
    ]
}

fn binding() -> impl Strategy<Value = Binding> {
    let role = (select(vec![RoleKind::ClusterRole, RoleKind::Role]), text(&["r0", "r1", "r2", "r3", "missing"]))
        .prop_map(|(kind, name)| RoleRef { kind, name });
    let subjects = prop::collection::vec(subject(), 0..4);
    (prop::option::of(text(NAMESPACES)), text(&["b0", "b1"]), subjects, role)
        .prop_map(|(namespace, name, subjects, role)| Binding { namespace, name, subjects, role })
}

const ARNS: &[&str] = &[
    "arn:aws:iam::111122223333:role/Dev",
    "arn:aws:iam::111122223333:role/team/x/Dev",
    "arn:aws:iam::111122223333:role/team/y/Dev",
    "arn:aws-cn:iam::111122223333:role/Dev",
    "arn:aws:iam::444455556666:role/Dev",
    "arn:aws:iam::111122223333:user/Dev",
    "arn:aws:iam::111122223333:user/p/Dev",
    "arn:aws:iam::111122223333:root",
];
const IDS: &[&str] = &["AROA1", "AROA2"];

fn scope() -> impl Strategy<Value = AccessScope> {
    let patterns = subsequence(&["a", "dev-*", "*", "*-a", "b", "d*v*a"][..], 1..=2);
    prop_oneof![
        Just(AccessScope::Cluster),
        patterns.prop_map(|list| {
            let list: Vec<String> = list.into_iter().map(str::to_owned).collect();
            AccessScope::from_parts("namespace", &list).unwrap()
        }),
    ]
}

const POLICIES: &[&str] = &[
    "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
    "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
    "arn:aws:eks::aws:cluster-access-policy/AmazonEKSACKPolicy",
    "arn:aws:eks::aws:cluster-access-policy/NoSuchPolicy",
    "arn:aws:eks:eu-west-1:111122223333:cluster-access-policy/Own",
];

fn association() -> impl Strategy<Value = Association> {
    (text(POLICIES), scope(), end()).prop_map(|(policy, scope, expires)| Association {
        policy: policy.parse().unwrap(),
        scope,
        expires,
    })
}

pub(crate) fn entry() -> impl Strategy<Value = AccessEntry> {
    let usernames =
        &["arn:x:{{SessionName}}", "jo", "{{SessionNameRaw}}", "{{AccountID}}:{{SessionNameRaw}}", "{{nothing}}"];
    let unique_id = prop::option::of(text(IDS));
    let policies = prop::collection::vec(association(), 0..3);
    (text(ARNS), unique_id, text(usernames), texts(K8S_GROUPS, 2), policies, end()).prop_map(
        |(arn, unique_id, username, groups, policies, expires)| AccessEntry {
            principal: arn.parse().unwrap(),
            unique_id,
            kind: EntryType::Standard,
            username: Template::new(username),
            groups,
            policies,
            expires,
        },
    )
}

fn mapping() -> impl Strategy<Value = Mapping> {
    let arns = &[
        "arn:aws:iam::111122223333:role/Dev",
        "arn:aws:iam::111122223333:role/dev",
        "arn:aws:iam::111122223333:role/team/x/Dev",
        "arn:aws:iam::111122223333:user/p/Dev",
        "arn:aws:iam::111122223333:root",
    ];
    let username = prop::option::weighted(0.8, text(&["map:{{SessionName}}", "{{SessionNameRaw}}", "system:x"]));
    (text(arns), username, texts(&["devs", "{{AccountID}}", "g-{{SessionName}}"], 2)).prop_map(
        |(arn, username, groups)| Mapping {
            principal: MappedPrincipal::Arn(arn.parse().unwrap()),
            username: username.map(Template::new),
            groups: groups.into_iter().map(Template::new).collect(),
            position: Position { line: 1, column: 1 },
        },
    )
}

fn catalogue(rules: Vec<PolicyRule>) -> PolicyCatalogue {
    let arn: PolicyArn = POLICIES[4].parse().unwrap();
    let policy = AccessPolicy {
        name: arn.name().clone(),
        rules: PolicyRules::Known(rules.into()),
        service_linked_only: false,
        source: "test".to_owned(),
    };
    PolicyCatalogue::builtin().with_own(BTreeMap::from([(arn, policy)]))
}

pub(crate) fn world() -> impl Strategy<Value = ClusterModel> {
    let aws_auth = (
        prop::collection::vec(mapping(), 0..4),
        prop::collection::vec(mapping(), 0..3),
        texts(&["111122223333", "444455556666"], 1),
    )
        .prop_map(|(roles, users, accounts)| AwsAuth {
            roles,
            users,
            accounts: accounts.iter().map(|id| id.parse().unwrap()).collect(),
        });
    let rbac = (prop::collection::vec(role(), 0..8), prop::collection::vec(binding(), 0..10));
    let entries = prop::collection::vec(entry(), 0..6);
    let mode = select(AuthenticationMode::ALL.to_vec());
    (mode, entries, aws_auth, rbac, prop::collection::vec(rule(), 0..4)).prop_map(
        |(mode, mut entries, aws_auth, (mut roles, bindings), own_rules)| {
            entries.sort_by_key(|entry| entry.principal.to_string());
            entries.dedup_by_key(|entry| entry.principal.to_string());
            let mut names = std::collections::BTreeSet::new();
            roles.retain(|role| names.insert((role.namespace.clone(), role.name.clone())));
            ClusterModel {
                mode,
                entries: entries.into_iter().map(Arc::new).collect(),
                aws_auth,
                rbac: RbacObjects { roles, bindings },
                catalogue: catalogue(own_rules),
                bootstrap_creator: None,
            }
        },
    )
}

pub(crate) fn caller() -> impl Strategy<Value = Caller> {
    let arns = &[
        ("arn:aws:sts::111122223333:assumed-role/Dev/", "111122223333"),
        ("arn:aws-cn:sts::111122223333:assumed-role/Dev/", "111122223333"),
        ("arn:aws:sts::444455556666:assumed-role/Dev/", "444455556666"),
        ("arn:aws:sts::111122223333:assumed-role/dev/", "111122223333"),
        ("arn:aws:iam::111122223333:user/p/Dev", "111122223333"),
        ("arn:aws:iam::111122223333:user/Dev", "111122223333"),
        ("arn:aws:iam::111122223333:root", "111122223333"),
    ];
    (select(&arns[..]), text(IDS), text(&["jo@x", "system", "s-1"])).prop_map(|((arn, account), id, session)| {
        let (arn, user_id) = if arn.ends_with('/') {
            (format!("{arn}{session}"), format!("{id}:{session}"))
        } else {
            (arn.to_owned(), id)
        };
        Caller::from_sts(account, &arn, &user_id, "AKIA1").unwrap()
    })
}

/// Users with and without a principal, with every way in which one may be almost right.
pub(crate) fn user() -> impl Strategy<Value = UserInfo> {
    let sigs = "sigs.k8s.io/aws-iam-authenticator/principalId";
    let uids = &[
        "aws-iam-authenticator:111122223333:AROA1",
        "aws-iam-authenticator:444455556666:AROA1",
        "aws-iam-authenticator:111122223333:AROA2",
        "aws-iam-authenticator:111122223333:",
        "111122223333:AROA1",
        "",
    ];
    let keys: Vec<&'static str> =
        vec!["canonicalArn", "canonicalArn", "canonicalArn", "canonicalArn", "canonicalarn", "CanonicalArn"];
    let id_keys: Vec<&'static [&'static str]> = vec![
        &["principalId"],
        &["sigs.k8s.io/aws-iam-authenticator/principalId"],
        &["principalId", "sigs.k8s.io/aws-iam-authenticator/principalId"],
        &["principalid"],
        &[],
    ];
    let ids: Vec<Vec<&'static str>> =
        vec![vec!["AROA1"], vec!["AROA1"], vec!["AROA1"], vec!["AROA2"], vec![""], vec![], vec!["AROA1", "AROA1"]];
    (
        text(USERS),
        subsequence(K8S_GROUPS, 0..=3),
        prop::bool::weighted(0.03),
        prop_oneof![3 => Just("aws-iam-authenticator:111122223333:AROA1"), 2 => select(&uids[..])],
        prop::option::weighted(0.8, (select(keys), text(ARNS))),
        select(id_keys),
        select(ids.clone()),
        prop::option::weighted(0.2, select(ids)),
    )
        .prop_map(move |(username, groups, master, uid, arn, id_keys, id, other_id)| {
            let strings = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<String>>();
            let mut extra = BTreeMap::new();
            if let Some((key, arn)) = arn {
                extra.insert(key.to_owned(), vec![arn]);
            }
            for key in id_keys {
                extra.insert((*key).to_owned(), strings(&id));
            }
            if let Some(other) = other_id {
                extra.insert(sigs.to_owned(), strings(&other));
            }
            let mut groups = strings(&groups);
            groups.extend(master.then(|| "system:masters".to_owned()));
            UserInfo { username, uid: uid.to_owned(), groups, extra }
        })
}

/// [`Attributes`] that own their texts.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Resource { verb: String, group: String, resource: String, subresource: String, namespace: String, name: String },
    Path { verb: String, path: String },
}

impl Asked {
    pub(crate) fn as_attributes(&self) -> Attributes<'_> {
        match self {
            Asked::Resource { verb, group, resource, subresource, namespace, name } => {
                Attributes::Resource { verb, resource: Resource { group, resource, subresource, namespace, name } }
            }
            Asked::Path { verb, path } => Attributes::NonResource { verb, path },
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        match self {
            Asked::Resource { namespace, .. } => namespace,
            Asked::Path { .. } => "",
        }
    }
}

pub(crate) fn attributes() -> impl Strategy<Value = Asked> {
    let verb = || text(&["get", "list", "create", "delete", "*"]);
    let resource = (
        verb(),
        text(&["", "apps", "x.io"]),
        text(&["pods", "pods/log", "secrets", "*", "a", "a/b"]),
        text(&["", "", "log", "*", "b/c", "c"]),
        text(&["", "a", "b", "dev-a", "dev-b"]),
        text(NAMES),
    )
        .prop_map(|(verb, group, resource, subresource, namespace, name)| Asked::Resource {
            verb,
            group,
            resource,
            subresource,
            namespace,
            name,
        });
    let path = (verb(), text(&["/healthz", "/logs/", "/logs/x", "/", "", "*", "/logs"]))
        .prop_map(|(verb, path)| Asked::Path { verb, path });
    prop_oneof![4 => resource, 1 => path]
}
