//! RBAC compiled per subject: from a user or group straight to its grants.
//!
//! A request costs one probe for its user and one for each of its groups, and then the grants that these
//! have in the request's namespace, however many bindings the cluster has (Kubernetes' own authorizer
//! walks them all). Roles are compiled once and shared by their bindings.
//!
//! With a million bindings the price is not the work but the way to memory: so a subject's grants stand in
//! a row, small and sorted by namespace, and a binding itself is looked at only when it allows.

use hashbrown::{Equivalent, HashMap};

use crate::aggregation;
use crate::rbac::SERVICE_ACCOUNT_PREFIX;
use crate::rules::{Question, RuleSet};
use crate::subject_table::{Run, SubjectTable};
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
    /// Which of the binding's subjects it is.
    subject: u32,
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
            subjects: SubjectTable::default(),
            grants: Vec::new(),
        };
        index.place_grants();
        index
    }

    /// Sorts all grants by subject and namespace, and notes where each subject's begin.
    fn place_grants(&mut self) {
        let service_accounts = ServiceAccountNames::of(&self.objects.bindings);
        let mut subjects: HashMap<Who<'_>, u32> = HashMap::new();
        let mut all: Vec<(u32, Grant)> = Vec::with_capacity(self.objects.bindings.len());
        for (binding, object) in (0u32..).zip(&self.objects.bindings) {
            let namespace = match &object.namespace {
                None => CLUSTER_WIDE,
                Some(name) => match self.namespaces.get(name) {
                    Some(id) => *id,
                    None => {
                        let id = count(self.namespaces.len()) + 1;
                        self.namespaces.insert(name.clone(), id);
                        id
                    }
                },
            };
            let Some(role) = self.find_role(&object.role, object.namespace.as_deref().unwrap_or_default()) else {
                continue; // A missing role grants nothing until it is there.
            };
            for (subject, named) in (0u32..).zip(&object.subjects) {
                let next = count(subjects.len());
                let id = *subjects.entry(service_accounts.who(named)).or_insert(next);
                all.push((id, Grant { namespace, role, binding, subject }));
            }
        }
        all.sort_unstable_by_key(|(id, grant)| (*id, grant.namespace, grant.role, grant.binding, grant.subject));
        // Two bindings that give one role in one place are one grant: the first tells why.
        all.dedup_by_key(|(id, grant)| (*id, grant.namespace, grant.role));
        let mut runs = vec![Run::default(); subjects.len()];
        let mut start = 0u32;
        for run in all.chunk_by(|(a, _), (b, _)| a == b) {
            let length = count(run.len());
            if let Some(place) = run.first().and_then(|(id, _)| runs.get_mut(*id as usize)) {
                *place = Run { start, length };
            }
            start = start.saturating_add(length);
        }
        let runs = subjects.into_iter().filter_map(|(who, id)| Some((who, *runs.get(id as usize)?)));
        self.subjects = SubjectTable::new(runs);
        self.grants = all.into_iter().map(|(_, grant)| grant).collect();
    }

    pub(crate) fn objects(&self) -> &RbacObjects {
        &self.objects
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

    /// The grants of a run that hold in `namespace`: cluster-wide ones, then those of the namespace.
    fn grants_in(&self, run: Run, namespace: NamespaceId) -> impl Iterator<Item = &Grant> {
        let all = self.grants.get(run.range()).unwrap_or_default();
        let cluster_wide = all.iter().take_while(|grant| grant.namespace == CLUSTER_WIDE);
        let local = if namespace == CLUSTER_WIDE {
            &[][..]
        } else {
            // Halving makes each step wait for the one before it: few grants are read faster in a row.
            let first = if all.len() <= READ_IN_A_ROW {
                all.iter().take_while(|grant| grant.namespace < namespace).count()
            } else {
                all.partition_point(|grant| grant.namespace < namespace)
            };
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
            self.grants_in(self.subjects.find(who), namespace).find_map(|grant| {
                let rule = self.rules.get(grant.role as usize)?.find(question)?;
                let (binding, subject) = self.binding_of(grant)?;
                Some(reason(binding, subject, rule))
            })
        })
    }

    fn binding_of(&self, grant: &Grant) -> Option<(&Binding, &Subject)> {
        let binding = self.objects.bindings.get(grant.binding as usize)?;
        Some((binding, binding.subjects.get(grant.subject as usize)?))
    }

    /// The rules that a user and its groups have in a namespace.
    pub(crate) fn rules_in<'s>(&'s self, user: &UserInfo, namespace: &str) -> Vec<&'s PolicyRule> {
        let namespace = self.namespace_id(namespace);
        let runs = everyone(user).map(|who| self.subjects.find(who));
        let grants = runs.flat_map(|run| self.grants_in(run, namespace));
        grants.filter_map(|grant| self.rules.get(grant.role as usize)).flat_map(RuleSet::rules).collect()
    }
}

/// Few enough to be read one after the other.
const READ_IN_A_ROW: usize = 64;

/// A number of things in memory as an index of 32 bits, which holds more than memory does.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The usernames of service accounts, which no object holds whole.
struct ServiceAccountNames<'o>(HashMap<(&'o str, &'o str), String>);

impl<'o> ServiceAccountNames<'o> {
    fn of(bindings: &'o [Binding]) -> Self {
        let mut names = HashMap::new();
        for subject in bindings.iter().flat_map(|binding| &binding.subjects) {
            if let Subject::ServiceAccount { namespace, name } = subject {
                let username = || format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}");
                names.entry((namespace.as_str(), name.as_str())).or_insert_with(username);
            }
        }
        ServiceAccountNames(names)
    }

    fn who<'s>(&'s self, subject: &'s Subject) -> Who<'s> {
        match subject {
            Subject::User(name) => Who::User(name),
            Subject::Group(name) => Who::Group(name),
            Subject::ServiceAccount { namespace, name } => {
                Who::User(self.0.get(&(namespace.as_str(), name.as_str())).map(String::as_str).unwrap_or_default())
            }
        }
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
