//! Reachability against a naive walk that asks the core everything, and the picture of a small company.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use entryway_access::{Attributes, Request, Resource, Snapshot, UserInfo};
use proptest::prelude::*;

use super::{Graph, Node};
use crate::finding::holding::Grants;
use crate::finding::{Holder, Surroundings};
use crate::question::FRESH;
use crate::tests::company::{assert_golden, snapshot, surroundings};
use crate::tests::model::{NOW, binding, model, role};
use crate::tests::risky::{NAMESPACES, risky};
use crate::{KnownPrincipals, administers};

fn graph(state: &Snapshot, around: &Surroundings) -> Graph {
    Graph::of(state, around, &KnownPrincipals::default(), NOW)
}

#[test]
fn a_small_company() {
    let graph = graph(&snapshot(), &surroundings());
    let mut text = String::new();
    for origin in graph.origins() {
        let node = |index| graph.node(index).unwrap();
        writeln!(text, "{}", node(origin)).unwrap();
        for edge in graph.way(origin).unwrap() {
            let reasons: Vec<&str> = edge.reasons.iter().map(|reason| reason.said.as_str()).collect();
            let through = edge.reasons[0].through.first().map(|one| format!(" [{one}]")).unwrap_or_default();
            writeln!(text, "  -> {}: {}{through}", node(edge.to), reasons.join("; ")).unwrap();
        }
    }
    assert_golden("src/tests/company-paths.txt", &text);
}

/// A chain through two namespaces is found, and a shorter one before it.
#[test]
fn ways_are_the_shortest() {
    let mut state = model(vec![]);
    let account = |name: &str| entryway_access::Subject::ServiceAccount { namespace: name.into(), name: "sa".into() };
    state.rbac.roles = vec![role("run", &["create"], "", &["pods"]), role("all", &["*"], "*", &["*"])];
    state.rbac.bindings = vec![
        binding("1", Some("a"), "run", entryway_access::Subject::User("jo".into())),
        binding("2", Some("b"), "run", account("a")),
        binding("3", None, "all", account("b")),
    ];
    let graph = graph(&Snapshot::compile(state), &Surroundings::default());
    let jo = graph.nodes().iter().position(|node| *node == Node::Holder(Holder::User("jo".into()))).unwrap();
    let names: Vec<String> =
        graph.way(jo).unwrap().iter().map(|edge| graph.node(edge.to).unwrap().to_string()).collect();
    assert_eq!(
        names,
        ["any service account of a", "a/sa", "any service account of b", "b/sa", "cluster administrator"]
    );
    assert_eq!(graph.distance(jo), Some(5));
}

/// One who may be asked about.
struct Naive<'s> {
    state: &'s Snapshot,
    people: BTreeMap<Holder, Vec<UserInfo>>,
}

impl Naive<'_> {
    fn may(&self, user: &UserInfo, verbs: &[&str], group: &str, resource: &str, namespace: &str, name: &str) -> bool {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        verbs.iter().any(|verb| {
            let name = if *verb == "create" && subresource.is_empty() { "" } else { name };
            let resource = Resource { group, resource, subresource, namespace, name };
            let attributes = Attributes::Resource { verb, resource };
            self.state.decide(&Request { user, attributes }, NOW).is_allowed()
        })
    }

    /// Whether it comes to be any service account of a namespace.
    fn is_any_account(&self, user: &UserInfo, namespace: &str) -> bool {
        let may =
            |verbs: &[&str], group: &str, resource: &str| self.may(user, verbs, group, resource, namespace, FRESH);
        let of_cluster =
            |verbs: &[&str], group: &str, resource: &str| self.may(user, verbs, group, resource, "", FRESH);
        let write = ["create", "update", "patch"];
        let admission = "admissionregistration.k8s.io";
        self.runs(user, namespace)
            || may(&["create", "get"], "", "pods/exec")
            || may(&["create", "get"], "", "pods/attach")
            || may(&["update", "patch"], "", "pods/ephemeralcontainers")
            || may(&["update", "patch"], "", "pods")
            || may(&["get", "list", "watch"], "", "secrets")
            || may(&["create"], "", "serviceaccounts/token")
            || may(&["impersonate"], "", "serviceaccounts")
            || self.has_all_of(user, namespace)
            || of_cluster(&["create", "get"], "", "nodes/proxy")
            || of_cluster(&write, admission, "validatingwebhookconfigurations")
            || of_cluster(&write, admission, "mutatingwebhookconfigurations")
            || (of_cluster(&["create"], "", "persistentvolumes")
                && (NAMESPACES.iter().any(|name| self.runs(user, name)) || self.runs(user, "other")))
    }

    fn runs(&self, user: &UserInfo, namespace: &str) -> bool {
        let may =
            |verbs: &[&str], group: &str, resource: &str| self.may(user, verbs, group, resource, namespace, FRESH);
        let write = ["create", "update", "patch"];
        may(&["create"], "", "pods")
            || may(&write, "", "replicationcontrollers")
            || ["deployments", "daemonsets", "statefulsets", "replicasets"].iter().any(|kind| may(&write, "apps", kind))
            || ["jobs", "cronjobs"].iter().any(|kind| may(&write, "batch", kind))
    }

    /// Whether it gives itself all rights in a namespace.
    fn has_all_of(&self, user: &UserInfo, namespace: &str) -> bool {
        let rbac = "rbac.authorization.k8s.io";
        let write = ["create", "update", "patch"];
        let may = |verbs: &[&str], kind: &str, name: &str| self.may(user, verbs, rbac, kind, namespace, name);
        let everywhere = |verbs: &[&str], kind: &str| self.may(user, verbs, rbac, kind, "", FRESH);
        let binds = ["roles", "clusterroles"]
            .iter()
            .any(|kind| may(&["bind"], kind, FRESH) || may(&["bind"], kind, "cluster-admin"));
        let escalates = may(&["escalate"], "roles", FRESH) || everywhere(&["escalate"], "clusterroles");
        (binds && (may(&write, "rolebindings", FRESH) || everywhere(&write, "clusterrolebindings")))
            || (escalates && (may(&write, "roles", FRESH) || everywhere(&write, "clusterroles")))
    }

    /// Whom it becomes in one step; `None` for the administrator.
    fn next(&self, user: &UserInfo) -> Option<Vec<UserInfo>> {
        let has_map = self.state.mode().has_config_map();
        if administers(self.state, user, NOW).is_some() || (has_map && self.has_all_of(user, "kube-system")) {
            return None;
        }
        let acts =
            |kind: &str, namespace: &str, name: &str| self.may(user, &["impersonate"], "", kind, namespace, name);
        let words = ["a", "u", "g", "system:masters", "cluster-admin", "aws-auth", FRESH];
        let somebody = words.iter().any(|name| acts("users", "", name) || acts("serviceaccounts", "", name));
        if somebody && acts("groups", "", "system:masters") {
            return None;
        }
        let mut next = Vec::new();
        for (holder, users) in &self.people {
            let becomes = match holder {
                Holder::User(name) => acts("users", "", name),
                Holder::Group(name) => somebody && acts("groups", "", name),
                Holder::ServiceAccount { namespace, name } => {
                    self.is_any_account(user, namespace)
                        || acts("serviceaccounts", namespace, name)
                        || self.may(user, &["create"], "", "serviceaccounts/token", namespace, name)
                }
                _ => false,
            };
            if becomes {
                next.extend(users.iter().cloned());
            }
        }
        for namespace in NAMESPACES {
            if self.is_any_account(user, namespace) {
                next.push(entryway_access::UserInfo::service_account(namespace, FRESH).with_standing_group());
            }
        }
        Some(next)
    }

    fn reaches(&self, from: &[UserInfo]) -> bool {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut waiting: Vec<UserInfo> = from.to_vec();
        while let Some(user) = waiting.pop() {
            if !seen.insert(format!("{} {:?}", user.username, user.groups)) {
                continue;
            }
            match self.next(&user) {
                None => return true,
                Some(next) => waiting.extend(next),
            }
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whoever_reaches_it_by_asking_reaches_it_here(state in risky()) {
        let state = Snapshot::compile(state);
        let graph = graph(&state, &Surroundings::default());
        let holdings = Grants::of(&state, NOW).holdings(&KnownPrincipals::default());
        let people = holdings.iter().map(|one| (one.holder.clone(), one.users.clone())).collect();
        let naive = Naive { state: &state, people };
        for holding in &holdings {
            let index = graph.nodes().iter().position(|node| *node == Node::Holder(holding.holder.clone())).unwrap();
            prop_assert_eq!(graph.way(index).is_some(), naive.reaches(&holding.users), "{}", holding.holder);
        }
    }

    /// Each way is as long as its node is said to be away, and its steps hang together.
    #[test]
    fn ways_hang_together(state in risky()) {
        let graph = graph(&Snapshot::compile(state), &Surroundings::default());
        for index in 0..graph.nodes().len() {
            let Some(way) = graph.way(index) else { continue };
            prop_assert_eq!(Some(way.len()), graph.distance(index));
            let mut at = index;
            for edge in way {
                prop_assert_eq!(edge.from, at);
                prop_assert!(!edge.reasons.is_empty());
                at = edge.to;
            }
            prop_assert_eq!(graph.node(at), Some(&Node::Administrator));
        }
    }
}
