//! RBAC compiled per subject: from a user or group straight to its grants.
//!
//! A request costs one probe for its user and one for each of its groups, and then the grants that these
//! have in the request's namespace, however many bindings the cluster has (Kubernetes' own authorizer
//! walks them all). Roles are compiled once and shared by their bindings. A binding itself is looked at
//! when somebody reads the reason, and not before.

use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU32;

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};

use crate::aggregation;
use crate::decide::RbacGrant;
use crate::rbac::SERVICE_ACCOUNT_PREFIX;
use crate::rule_table::{Question, RuleTable, SetId};
use crate::subject_table::{Grants, Place, SubjectTable};
use crate::{Binding, PolicyRule, RbacObjects, Reason, RoleKind, RoleRef, Subject, UserInfo};

/// All RBAC objects of a cluster, compiled.
#[derive(Debug)]
pub(crate) struct RbacIndex {
    objects: RbacObjects,
    /// The rules of each of `objects.roles`, aggregation resolved.
    rules: RuleTable,
    /// By namespace (empty for a ClusterRole) and name.
    roles: HashMap<(String, String), SetId>,
    /// The namespaces that RoleBindings are in.
    namespaces: HashMap<String, NonZeroU32>,
    hasher: DefaultHashBuilder,
    subjects: SubjectTable,
    /// Where each grant comes from, as `subjects` numbers them.
    sources: Vec<Source>,
}

/// INVARIANT (source): a binding of `RbacIndex::objects`, and one of its subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    binding: u32,
    subject: u32,
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

/// Who is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who<'a> {
    User(&'a str),
    Group(&'a str),
}

impl Who<'_> {
    /// A user and a group of one name have different ones.
    fn hash(self, hasher: &DefaultHashBuilder) -> u64 {
        let (name, kind) = match self {
            Who::User(name) => (name, 0),
            Who::Group(name) => (name, u64::MAX),
        };
        let mut state = hasher.build_hasher();
        state.write(name.as_bytes());
        state.finish() ^ kind
    }

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
        // Of two roles under one name, which no cluster has but a file may, the later one counts.
        let roles = (0u32..)
            .zip(&objects.roles)
            .map(|(index, role)| ((role.namespace.clone().unwrap_or_default(), role.name.clone()), index))
            .collect();
        let mut index = RbacIndex {
            rules: RuleTable::new(aggregation::resolve(&objects.roles)),
            objects,
            roles,
            namespaces: HashMap::new(),
            hasher: DefaultHashBuilder::default(),
            subjects: SubjectTable::default(),
            sources: Vec::new(),
        };
        index.place_grants();
        index
    }

    /// Sorts all grants by subject and namespace, and builds the table of them.
    fn place_grants(&mut self) {
        let service_accounts = ServiceAccountNames::of(&self.objects.bindings);
        let mut ids: HashMap<Who<'_>, u32> = HashMap::new();
        let mut all: Vec<(u32, Option<NonZeroU32>, SetId, Source)> = Vec::with_capacity(self.objects.bindings.len());
        for (binding, object) in (0u32..).zip(&self.objects.bindings) {
            let namespace = object.namespace.as_ref().map(|name| match self.namespaces.get(name) {
                Some(id) => *id,
                None => {
                    let id = NonZeroU32::MIN.saturating_add(count(self.namespaces.len()));
                    self.namespaces.insert(name.clone(), id);
                    id
                }
            });
            let Some(role) = self.find_role(&object.role, object.namespace.as_deref().unwrap_or_default()) else {
                continue; // A missing role grants nothing until it is there.
            };
            for (subject, named) in (0u32..).zip(&object.subjects) {
                let next = count(ids.len());
                let id = *ids.entry(service_accounts.who(named)).or_insert(next);
                all.push((id, namespace, role, Source { binding, subject }));
            }
        }
        let mut subjects: Vec<(u64, u32, Who<'_>)> =
            ids.into_iter().map(|(who, id)| (who.hash(&self.hasher), id, who)).collect();
        subjects.sort_unstable_by_key(|(hash, id, _)| (*hash, *id));
        let mut ranks = vec![0; subjects.len()];
        for (rank, (_, id, _)) in (0u32..).zip(&subjects) {
            ranks.get_mut(*id as usize).into_iter().for_each(|place| *place = rank);
        }
        for (id, ..) in &mut all {
            *id = ranks.get(*id as usize).copied().unwrap_or_default();
        }
        all.sort_unstable();
        // Two bindings that give one role in one place are one grant: the first tells why.
        all.dedup_by_key(|(rank, namespace, role, _)| (*rank, *namespace, *role));
        let mut table = SubjectTable::for_subjects(subjects.len());
        let mut first = 0;
        let mut grants = Vec::new();
        for (run, (hash, _, who)) in all.chunk_by(|(a, ..), (b, ..)| a == b).zip(&subjects) {
            grants.clear();
            grants.extend(run.iter().map(|(_, namespace, role, _)| (*namespace, *role)));
            table.push(*hash, *who, first, &grants);
            first = first.saturating_add(count(run.len()));
        }
        table.finish();
        self.subjects = table;
        self.sources = all.into_iter().map(|(.., source)| source).collect();
    }

    pub(crate) fn objects(&self) -> &RbacObjects {
        &self.objects
    }

    fn find_role(&self, role: &RoleRef, namespace: &str) -> Option<SetId> {
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
        self.rules.rules(index)
    }

    /// `None` for no namespace, and for one where no RoleBinding is: both have the cluster-wide grants alone.
    fn namespace_id(&self, namespace: &str) -> Option<NonZeroU32> {
        if namespace.is_empty() { None } else { self.namespaces.get(namespace).copied() }
    }

    /// Calls `each` with the grants of a user and of its groups, in that order, until it gives something.
    fn find_grants<'s, T>(&'s self, user: &UserInfo, mut each: impl FnMut(Grants<'s>) -> Option<T>) -> Option<T> {
        let mut everyone = everyone(user);
        loop {
            // Several at once: first all places, then all blocks, so that the ways to memory overlap.
            let mut some: [Option<(Who<'_>, Place)>; AT_ONCE] = [None; AT_ONCE];
            for (slot, who) in some.iter_mut().zip(&mut everyone) {
                *slot = Some((who, self.subjects.place(who.hash(&self.hasher))));
            }
            for (_, place) in some.iter().flatten() {
                self.subjects.fetch(place);
            }
            for slot in &some {
                let (who, place) = slot.as_ref()?;
                if let Some(found) = each(self.subjects.grants(place, *who)) {
                    return Some(found);
                }
            }
        }
    }

    /// The first binding that allows the request, if one does: of the user, then of each group.
    pub(crate) fn decide<'s>(&'s self, user: &UserInfo, question: &Question<'_>) -> Option<Reason<'s>> {
        let namespace = self.namespace_id(question.namespace());
        let asked = self.rules.ask(question);
        self.find_grants(user, |grants| {
            for (number, role) in grants.of_namespace(namespace) {
                if let Some(rule) = asked.find_in(role) {
                    return Some(Reason::Rbac { by: RbacGrant { index: self, number }, rule });
                }
            }
            None
        })
    }

    /// The binding that a grant comes from, and which of its subjects.
    pub(crate) fn source(&self, number: usize) -> Option<(&Binding, &Subject)> {
        let source = self.sources.get(number)?;
        let binding = self.objects.bindings.get(source.binding as usize)?;
        Some((binding, binding.subjects.get(source.subject as usize)?))
    }

    /// The rules that a user and its groups have in a namespace.
    pub(crate) fn rules_in<'s>(&'s self, user: &UserInfo, namespace: &str) -> Vec<&'s PolicyRule> {
        let namespace = self.namespace_id(namespace);
        let mut rules = Vec::new();
        self.find_grants(user, |grants| {
            let sets = grants.of_namespace(namespace).filter_map(|(_, role)| self.rules.rules(role));
            rules.extend(sets.flatten());
            None::<()>
        });
        rules
    }
}

/// So many subjects are looked up together: most users are in fewer groups.
const AT_ONCE: usize = 8;

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
