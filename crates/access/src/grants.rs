//! RBAC compiled per subject: from a user or group straight to its grants.
//!
//! A request costs one probe for its user and one for each of its groups, and then the grants that these
//! have in the request's namespace, however many bindings the cluster has (Kubernetes' own authorizer
//! walks them all). Roles are compiled once and shared by their bindings.
//!
//! The table keeps no names, only 64-bit hashes of them: before anything is allowed, the binding's own
//! subjects are asked whether they mean this user or group. A collision so costs time, never rights.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};

use crate::aggregation;
use crate::rbac::SERVICE_ACCOUNT_PREFIX;
use crate::rules::{Question, RuleSet};
use crate::{Binding, PolicyRule, RbacObjects, Reason, RoleKind, RoleRef, Subject, UserInfo};

/// All RBAC objects of a cluster, compiled.
#[derive(Debug)]
pub(crate) struct RbacIndex {
    objects: RbacObjects,
    /// The rules of each of `objects.roles`, aggregation resolved.
    rules: Vec<RuleSet>,
    /// By namespace (empty for a ClusterRole) and name.
    roles: HashMap<(String, String), u32>,
    namespaces: HashMap<String, NamespaceId>,
    hasher: DefaultHashBuilder,
    subjects: SubjectTable,
    /// INVARIANT (runs of a subject): the grants of one subject stand together, in the order of their
    /// namespaces, cluster-wide ones first.
    grants: Vec<Grant>,
}

/// A key of `RbacIndex::roles` that borrows.
#[derive(Hash)]
struct RoleKey<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl Equivalent<(String, String)> for RoleKey<'_> {
    fn equivalent(&self, (namespace, name): &(String, String)) -> bool {
        self.namespace == namespace && self.name == name
    }
}

/// A namespace that some RoleBinding is in. Zero: none, the whole cluster.
type NamespaceId = u32;
const CLUSTER_WIDE: NamespaceId = 0;

/// That a binding gives a role to a subject, somewhere.
#[derive(Debug, Clone, Copy)]
struct Grant {
    namespace: NamespaceId,
    role: u32,
    binding: u32,
}

/// Who is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who<'a> {
    User(&'a str),
    Group(&'a str),
}

impl Who<'_> {
    pub(crate) fn is_meant_by(self, subject: &Subject) -> bool {
        match self {
            Who::User(name) => subject.is_user(name),
            Who::Group(name) => subject.is_group(name),
        }
    }
}

/// A user and its groups, in that order.
pub(crate) fn everyone(user: &UserInfo) -> impl Iterator<Item = Who<'_>> {
    std::iter::once(Who::User(&user.username)).chain(user.groups.iter().map(|group| Who::Group(group)))
}

impl RbacIndex {
    pub(crate) fn compile(objects: RbacObjects) -> RbacIndex {
        let rules = aggregation::resolve(&objects.roles).into_iter().map(RuleSet::new).collect();
        // Of two roles under one name, which no cluster has but a file may, the later one counts.
        let roles = (0u32..)
            .zip(&objects.roles)
            .map(|(index, role)| ((role.namespace.clone().unwrap_or_default(), role.name.clone()), index))
            .collect();
        let mut index = RbacIndex {
            objects,
            rules,
            roles,
            namespaces: HashMap::new(),
            hasher: DefaultHashBuilder::default(),
            subjects: SubjectTable::default(),
            grants: Vec::new(),
        };
        index.place_grants();
        index
    }

    /// Sorts all grants by subject and namespace, and notes where each subject's begin.
    fn place_grants(&mut self) {
        let mut all: Vec<(u64, Grant)> = Vec::with_capacity(self.objects.bindings.len());
        for (binding, object) in (0u32..).zip(&self.objects.bindings) {
            let namespace = match &object.namespace {
                None => CLUSTER_WIDE,
                Some(name) => match self.namespaces.get(name) {
                    Some(id) => *id,
                    None => {
                        let id = u32::try_from(self.namespaces.len() + 1).unwrap_or(u32::MAX);
                        self.namespaces.insert(name.clone(), id);
                        id
                    }
                },
            };
            let Some(role) = self.find_role(&object.role, object.namespace.as_deref().unwrap_or_default()) else {
                continue; // A missing role grants nothing until it is there.
            };
            let grant = Grant { namespace, role, binding };
            all.extend(object.subjects.iter().map(|subject| (self.hash_subject(subject), grant)));
        }
        all.sort_unstable_by_key(|(hash, grant)| (*hash, grant.namespace, grant.binding));
        all.dedup_by_key(|(hash, grant)| (*hash, grant.binding));
        let mut runs = Vec::new();
        let mut start = 0u32;
        for run in all.chunk_by(|(a, _), (b, _)| a == b) {
            let length = u32::try_from(run.len()).unwrap_or(u32::MAX);
            if let Some((hash, _)) = run.first() {
                runs.push(Run { hash: *hash, start, length });
            }
            start = start.saturating_add(length);
        }
        self.grants = all.into_iter().map(|(_, grant)| grant).collect();
        self.subjects = SubjectTable::new(&runs);
    }

    pub(crate) fn objects(&self) -> &RbacObjects {
        &self.objects
    }

    fn hash_subject(&self, subject: &Subject) -> u64 {
        match subject {
            Subject::User(name) => self.hasher.hash_one(Who::User(name)),
            Subject::Group(name) => self.hasher.hash_one(Who::Group(name)),
            Subject::ServiceAccount { namespace, name } => {
                self.hasher.hash_one(Who::User(&format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")))
            }
        }
    }

    fn find_role(&self, role: &RoleRef, namespace: &str) -> Option<u32> {
        match role.kind {
            RoleKind::ClusterRole => self.roles.get(&RoleKey { namespace: "", name: &role.name }),
            // A Role is never found from a ClusterRoleBinding: no Role is in the empty namespace.
            RoleKind::Role if namespace.is_empty() => None,
            RoleKind::Role => self.roles.get(&RoleKey { namespace, name: &role.name }),
        }
        .copied()
    }

    /// The rules of a role, for a binding in `namespace`.
    pub(crate) fn role_rules(&self, role: &RoleRef, namespace: &str) -> Option<&[PolicyRule]> {
        let index = self.find_role(role, namespace)?;
        self.rules.get(index as usize).map(RuleSet::rules)
    }

    /// The grants of a subject that hold in `namespace`: cluster-wide ones, then those of the namespace.
    fn grants_in(&self, who: Who<'_>, namespace: NamespaceId) -> impl Iterator<Item = &Grant> {
        let all =
            self.subjects.find(self.hasher.hash_one(who)).and_then(|run| self.grants.get(run)).unwrap_or_default();
        let cluster_wide = all.iter().take_while(|grant| grant.namespace == CLUSTER_WIDE);
        let local = if namespace == CLUSTER_WIDE {
            &[][..]
        } else {
            let first = all.partition_point(|grant| grant.namespace < namespace);
            all.get(first..).unwrap_or_default()
        };
        cluster_wide.chain(local.iter().take_while(move |grant| grant.namespace == namespace))
    }

    fn namespace_id(&self, namespace: &str) -> NamespaceId {
        if namespace.is_empty() {
            return CLUSTER_WIDE;
        }
        // One where no RoleBinding is has the cluster-wide grants alone.
        self.namespaces.get(namespace).copied().unwrap_or(CLUSTER_WIDE)
    }

    /// The first binding that allows the request, if one does: of the user, then of each group.
    pub(crate) fn decide<'s>(&'s self, user: &UserInfo, question: &Question<'_>) -> Option<Reason<'s>> {
        let namespace = self.namespace_id(question.namespace());
        everyone(user).find_map(|who| {
            self.grants_in(who, namespace).find_map(|grant| {
                let rule = self.rules.get(grant.role as usize)?.find(question)?;
                let binding = self.objects.bindings.get(grant.binding as usize)?;
                let subject = binding.subjects.iter().find(|subject| who.is_meant_by(subject))?;
                Some(reason(binding, subject, rule))
            })
        })
    }

    /// The bindings of a user and its groups that hold in a namespace, with the rules they give.
    pub(crate) fn bindings_of<'s>(
        &'s self,
        user: &UserInfo,
        namespace: &str,
    ) -> Vec<(&'s Binding, &'s Subject, &'s [PolicyRule])> {
        let namespace = self.namespace_id(namespace);
        let mut found = Vec::new();
        for who in everyone(user) {
            found.extend(self.grants_in(who, namespace).filter_map(|grant| {
                let binding = self.objects.bindings.get(grant.binding as usize)?;
                let subject = binding.subjects.iter().find(|subject| who.is_meant_by(subject))?;
                let rules = self.rules.get(grant.role as usize)?.rules();
                Some((binding, subject, rules))
            }));
        }
        found
    }
}

fn reason<'s>(binding: &'s Binding, subject: &'s Subject, rule: &'s PolicyRule) -> Reason<'s> {
    Reason::Rbac {
        binding_kind: binding.kind(),
        binding_namespace: binding.namespace.as_deref().unwrap_or_default(),
        binding: &binding.name,
        role: &binding.role,
        subject,
        rule,
    }
}

/// Where the grants of one hash begin, and how many they are.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    hash: u64,
    start: u32,
    /// Zero: an empty slot.
    length: u32,
}

/// An open table from hash to run. Half of it is empty, so a probe ends in the cache line it began in.
#[derive(Debug, Default)]
struct SubjectTable {
    /// INVARIANT (power of two): its length is one, and at least one slot is empty.
    slots: Vec<Run>,
}

impl SubjectTable {
    fn new(runs: &[Run]) -> SubjectTable {
        let mut slots = vec![Run::default(); (runs.len() + runs.len() / 2 + 1).next_power_of_two()];
        let mask = slots.len() - 1;
        for run in runs {
            let mut at = slot_of(run.hash, mask);
            while slots.get(at).is_some_and(|slot| slot.length != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = *run;
            }
        }
        SubjectTable { slots }
    }

    fn find(&self, hash: u64) -> Option<std::ops::Range<usize>> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = slot_of(hash, mask);
        loop {
            let slot = self.slots.get(at)?;
            if slot.length == 0 {
                return None;
            }
            if slot.hash == hash {
                let start = slot.start as usize;
                return Some(start..start + slot.length as usize);
            }
            at = (at + 1) & mask;
        }
    }
}

fn slot_of(hash: u64, mask: usize) -> usize {
    // The low bits of the hash; on 32 bits, the low word of them.
    (hash as usize) & mask
}
