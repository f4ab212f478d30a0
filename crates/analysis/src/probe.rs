//! Questions to put to a running cluster: whether it decides of somebody as another state would. Some of all that
//! somebody can do, one object of each kind of rule, and a few things that matter whoever asks.

use std::collections::BTreeSet;

use entryway_access::{AUTHENTICATED, Attributes, Request, Resource, Snapshot, UserInfo};
use jiff::Timestamp;

use crate::Ability;
use crate::compare::{View, union};
use crate::subject::{Cast, KnownPrincipals, Subject};

/// A question, and what the cluster has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whom it is about.
    pub subject: Subject,
    /// Who that is in the cluster.
    pub user: UserInfo,
    /// What is asked.
    pub what: ProbeAttributes,
    /// Whether it has to be allowed.
    pub expected: bool,
    /// Whether username and groups alone decide so: a cluster that knows nothing of the principal behind a user (which
    /// EKS tells nobody but itself) can answer for no more.
    pub by_rbac: bool,
}

/// What is asked. A path, or an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeAttributes {
    /// An object.
    Resource {
        /// The verb.
        verb: String,
        /// The API group.
        group: String,
        /// The plural.
        resource: String,
        /// Empty for none.
        subresource: String,
        /// Empty for all, or for what has none.
        namespace: String,
        /// Empty for any.
        name: String,
    },
    /// A path that is no resource.
    Path {
        /// The verb.
        verb: String,
        /// The path.
        path: String,
    },
}

impl ProbeAttributes {
    fn attributes(&self) -> Attributes<'_> {
        match self {
            ProbeAttributes::Resource { verb, group, resource, subresource, namespace, name } => {
                Attributes::Resource { verb, resource: Resource { group, resource, subresource, namespace, name } }
            }
            ProbeAttributes::Path { verb, path } => Attributes::NonResource { verb, path },
        }
    }

    fn resource(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> ProbeAttributes {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let [verb, group, resource, subresource, namespace, name] =
            [verb, group, resource, subresource, namespace, name].map(str::to_owned);
        ProbeAttributes::Resource { verb, group, resource, subresource, namespace, name }
    }
}

impl std::fmt::Display for ProbeAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProbeAttributes::Path { verb, path } => write!(f, "{verb} {path}"),
            ProbeAttributes::Resource { verb, group, resource, subresource, namespace, name } => {
                write!(f, "{verb} {resource}")?;
                if !group.is_empty() {
                    write!(f, ".{group}")?;
                }
                for part in [subresource, name].into_iter().filter(|part| !part.is_empty()) {
                    write!(f, "/{part}")?;
                }
                if namespace.is_empty() { write!(f, " everywhere") } else { write!(f, " in {namespace}") }
            }
        }
    }
}

/// Asked of everybody: what nobody may win by accident.
const SENSITIVE: [(&str, &str, &str, &str); 8] = [
    ("get", "", "secrets", "kube-system"),
    ("get", "", "secrets", "default"),
    ("list", "", "pods", ""),
    ("create", "", "pods/exec", "kube-system"),
    ("delete", "", "nodes", ""),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings", ""),
    ("impersonate", "", "users", ""),
    ("update", "", "configmaps", "kube-system"),
];

/// What to ask a cluster in the state `now_is` so that its answers show whether each subject can do what it could do in
/// the state `was`; at most so many questions for each. A subject that nothing maps now has none.
pub fn probes(
    was: &Snapshot,
    now_is: &Snapshot,
    subjects: &[Subject],
    known: &KnownPrincipals,
    now: Timestamp,
    most: usize,
) -> Vec<Probe> {
    let states = [was, now_is];
    let cast = Cast::new(&states, known, now);
    let mut all = Vec::new();
    for subject in subjects {
        for stand_in in cast.stand_ins(subject) {
            let (before, after) = (View::of(was, &stand_in.caller, now), View::of(now_is, &stand_in.caller, now));
            let Some(user) = after.user().cloned() else { continue };
            let mut questions: BTreeSet<ProbeAttributes> = SENSITIVE
                .iter()
                .map(|(verb, group, resource, namespace)| {
                    ProbeAttributes::resource(verb, group, resource, namespace, "")
                })
                .collect();
            for ability in union(&[&before, &after], now) {
                questions.extend(samples(&ability));
            }
            let nameless =
                UserInfo { username: user.username.clone(), groups: user.groups.clone(), ..UserInfo::default() };
            for what in questions.into_iter().take(most) {
                let allowed = |state: &Snapshot, user: &UserInfo| {
                    state.decide(&Request { user, attributes: what.attributes() }, now).is_allowed()
                };
                let expected = before.user().is_some_and(|user| allowed(was, user));
                let by_rbac = allowed(now_is, &nameless) == expected;
                all.push(Probe { subject: subject.clone(), user: user.clone(), what, expected, by_rbac });
            }
        }
    }
    all.iter_mut().for_each(|probe| probe.user.groups.retain(|group| group != AUTHENTICATED));
    all
}

/// One question for each object that a line names, with the verbs at its ends.
fn samples(ability: &Ability) -> Vec<ProbeAttributes> {
    let concrete = |text: &str, any: &str| if text == "*" { any.to_owned() } else { text.to_owned() };
    let verbs: BTreeSet<&String> = ability.verbs.first().into_iter().chain(ability.verbs.last()).collect();
    let namespace = ability.namespaces.first().map(|pattern| pattern.replace('*', "x")).unwrap_or_default();
    let name = ability.names.first().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for verb in verbs {
        let verb = concrete(verb, "get");
        for path in &ability.paths {
            all.push(ProbeAttributes::Path { verb: verb.clone(), path: path.replace('*', "x") });
        }
        for resource in &ability.resources {
            let (group, resource) = (concrete(&ability.api_group, ""), resource.replace('*', "pods"));
            all.push(ProbeAttributes::resource(&verb, &group, &resource, &namespace, &name));
        }
    }
    all
}
