//! Declarations of any shape, and what two of them have in common.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::{AccessScope, AuthenticationMode, EntryType, PolicyRule};
use entryway_formats::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, DeclaredPolicy, Expiry, OwnPolicy, Placed, PolicyRef,
    PrincipalRef,
};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Texts with all that formats quote and escape.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[ -~]{1,12}",
        "\\PC{1,6}",
        Just("yes".to_owned()),
        Just("${x} %{y} $${z}".to_owned()),
        Just("012".to_owned()),
        Just("#a: b".to_owned()),
        Just("a\"b\\c'".to_owned())
    ]
}

fn group() -> impl Strategy<Value = String> {
    any_text().prop_map(|text| format!("g-{text}"))
}

fn scope() -> impl Strategy<Value = AccessScope> {
    prop_oneof![
        Just(AccessScope::Cluster),
        vec("[a-z][a-z0-9*]{0,5}", 1..4).prop_map(|names| AccessScope::from_parts("namespace", &names).unwrap()),
    ]
}

fn expiry(lasting: bool) -> impl Strategy<Value = Option<Placed<Expiry>>> {
    let at = (0i64..4_000_000_000).prop_map(|second| Expiry::At(Timestamp::from_second(second).unwrap()));
    let lasts = (1i64..1_000_000).prop_map(|seconds| Expiry::For(SignedDuration::from_secs(seconds)));
    let one = if lasting { prop_oneof![at, lasts].boxed() } else { at.boxed() };
    option::weighted(0.3, one.prop_map(Placed::nowhere))
}

/// What a target may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// What only Entryway's file has words for.
    pub(crate) own: bool,
}

const POLICIES: [&str; 5] = [
    "AmazonEKSViewPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSAdminViewPolicy",
];

fn policies(words: Words, partition: &'static str) -> impl Strategy<Value = Vec<DeclaredPolicy>> {
    let name = prop::sample::subsequence(POLICIES.to_vec(), 0..4);
    (name, vec((scope(), expiry(words.own)), 4), any::<bool>()).prop_map(move |(names, more, with_own)| {
        let arn = |name: &str| format!("arn:{partition}:eks::aws:cluster-access-policy/{name}").parse().unwrap();
        let mut refs: Vec<PolicyRef> = names.into_iter().map(|name| PolicyRef::Arn(arn(name))).collect();
        if words.own && with_own {
            refs.push(PolicyRef::Own("Crd".parse().unwrap()));
        }
        refs.into_iter()
            .zip(more)
            .map(|(policy, (scope, expires))| DeclaredPolicy {
                policy: Placed::nowhere(policy),
                scope: Placed::nowhere(scope),
                expires,
            })
            .collect()
    })
}

fn principal(words: Words, partition: &'static str) -> BoxedStrategy<PrincipalRef> {
    let arn = (prop::sample::select(vec!["role", "user"]), "(team/|a/b/)?", "[A-Za-z0-9+=,.@_-]{1,20}").prop_map(
        move |(kind, path, name)| {
            PrincipalRef::Arn(format!("arn:{partition}:iam::111122223333:{kind}/{path}{name}").parse().unwrap())
        },
    );
    if !words.own {
        return arn.boxed();
    }
    let account = option::of(Just("444455556666".parse().unwrap()));
    let sso = ("[A-Za-z0-9]{1,8}", account.clone()).prop_map(|(name, account)| PrincipalRef::SsoPermissionSet {
        name,
        account,
        region: Some("us-east-1".parse().unwrap()),
    });
    let group = ("[A-Za-z0-9]{1,8}", account).prop_map(|(name, account)| PrincipalRef::IamGroup { name, account });
    let local = "[A-Za-z0-9]{1,8}".prop_map(|name| {
        PrincipalRef::InAccount(entryway_access::PrincipalKind::Role { path: "/x/".to_owned(), name })
    });
    prop_oneof![4 => arn, 1 => sso, 1 => group, 1 => local].boxed()
}

fn entry(words: Words, partition: &'static str) -> impl Strategy<Value = DeclaredEntry> {
    let standard = (option::of(any_text()), option::of(vec(group(), 0..3)), policies(words, partition));
    (principal(words, partition), standard, btree_map(any_text(), any_text(), 0..3), expiry(words.own), 0..6usize)
        .prop_map(|(principal, (username, groups, policies), tags, expires, node)| {
            let is_node = node == 0 && matches!(&principal, PrincipalRef::Arn(arn) if arn.is_role());
            let place = None;
            DeclaredEntry {
                label: "x".to_owned(),
                principal: Placed::nowhere(principal),
                kind: Placed::nowhere(if is_node { EntryType::Ec2Linux } else { EntryType::Standard }),
                username: username.filter(|_| !is_node).map(|text| Placed::nowhere(format!("u-{text}"))),
                groups: groups.filter(|_| !is_node).map(|groups| groups.into_iter().map(Placed::nowhere).collect()),
                tags,
                policies: if is_node { Vec::new() } else { policies },
                expires,
                place,
            }
        })
}

/// Any declaration that a target can say whole.
pub(crate) fn declared(words: Words) -> impl Strategy<Value = Declared> {
    let mode = option::of(prop::sample::select(vec![AuthenticationMode::Api, AuthenticationMode::ApiAndConfigMap]));
    let region =
        prop::sample::select(vec![("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]);
    let one = region
        .prop_flat_map(move |(region, partition)| (Just(region), vec(entry(words, partition), 0..4), any::<u8>()));
    (vec((one, mode), 1..3)).prop_map(move |clusters| {
        let mut declared = Declared::default();
        for (index, ((region, entries, _), mode)) in clusters.into_iter().enumerate() {
            let mut seen = BTreeSet::new();
            // One principal is there once; paths don't make two of it.
            let key = |entry: &DeclaredEntry| match &entry.principal.value {
                PrincipalRef::Arn(arn) => arn.without_path().to_string(),
                other => format!("{other:?}"),
            };
            let entries = entries.into_iter().filter(|entry| seen.insert(key(entry))).collect();
            let selector = ClusterSelector::Named {
                name: format!("c{index}").parse().unwrap(),
                region: Some(region.parse().unwrap()),
                account: words.own.then(|| "111122223333".parse().unwrap()),
            };
            declared.clusters.push(DeclaredCluster {
                selector: Placed::nowhere(selector),
                mode: mode.map(Placed::nowhere),
                entries,
                aws_auth: None,
                rbac: Default::default(),
            });
        }
        if words.own {
            let rule = PolicyRule {
                verbs: vec!["get".to_owned()],
                api_groups: vec![String::new()],
                resources: vec!["pods".to_owned()],
                ..Default::default()
            };
            declared.policies.push(OwnPolicy {
                name: Placed::nowhere("Crd".parse().unwrap()),
                rules: vec![rule],
                description: Some("a: b # c".to_owned()),
            });
        }
        declared
    })
}

/// A declaration as text without places and labels: equal texts say the same.
pub(crate) fn meaning(declared: &Declared) -> Vec<String> {
    let mut lines = Vec::new();
    for policy in &declared.policies {
        lines.push(format!("policy {} {:?} {:?}", policy.name.value, policy.rules, policy.description));
    }
    for cluster in &declared.clusters {
        lines.push(format!("cluster {:?} {:?}", cluster.selector.value, cluster.mode.as_ref().map(|mode| mode.value)));
        for entry in &cluster.entries {
            let groups =
                entry.groups.as_ref().map(|groups| groups.iter().map(|group| group.value.clone()).collect::<Vec<_>>());
            let policies: BTreeMap<String, String> = entry
                .policies
                .iter()
                .map(|policy| {
                    (
                        format!("{:?}", policy.policy.value),
                        format!("{:?} {:?}", policy.scope.value, policy.expires.as_ref().map(|end| end.value)),
                    )
                })
                .collect();
            lines.push(format!(
                "{:?} {:?} {:?} {groups:?} {:?} {policies:?} {:?}",
                entry.principal.value,
                entry.kind.value,
                entry.username.as_ref().map(|name| name.value.clone()),
                entry.tags,
                entry.expires.as_ref().map(|end| end.value),
            ));
        }
    }
    lines
}
