//! RBAC compiled per subject: from a user or group straight to its grants.
//!
//! A request costs one probe for its user and one for each of its groups, and then the grants that these
//! have in the request's namespace, however many bindings the cluster has (Kubernetes' own authorizer
//! walks them all). Roles are compiled once and shared by their bindings. A binding itself is looked at
//! when somebody reads the reason, and not before.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};

use crate::aggregation;
use crate::decide::RbacGrant;
use crate::name_table::{Block, NameTable, Number, Place};
use crate::placements::{PlacementId, Placements, count, within};
use crate::rule_table::{Question, RuleTable, SetId};
use crate::standing::SERVICE_ACCOUNT_PREFIX;
use crate::{Binding, PolicyRule, RbacObjects, Reason, RoleKind, RoleRef, Subject, UserInfo};

/// All RBAC objects of a cluster, compiled.
#[derive(Debug)]
pub(crate) struct RbacIndex {
    objects: RbacObjects,
    /// The rules of each of `objects.roles`, aggregation resolved.
    rules: RuleTable,
    roles: RoleNames,
    placements: Placements,
    hasher: DefaultHashBuilder,
    /// Of each subject what [`Grants`] are made of: the number of its first grant, how many are for everywhere,
    /// and the placements that it is granted, ascending.
    subjects: NameTable,
    /// Where each grant comes from, as `subjects` numbers them.
    sources: Vec<Source>,
}

/// By namespace (empty for a ClusterRole) and name.
#[derive(Debug)]
struct RoleNames(HashMap<(String, String), SetId>);

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

impl RoleNames {
    fn find(&self, role: &RoleRef, namespace: &str) -> Option<SetId> {
        match role.kind {
            RoleKind::ClusterRole => self.0.get(&RoleKey { namespace: "", name: &role.name }),
            // A Role is never found from a ClusterRoleBinding: no Role is in the empty namespace.
            RoleKind::Role if namespace.is_empty() => None,
            RoleKind::Role => self.0.get(&RoleKey { namespace, name: &role.name }),
        }
        .copied()
    }
}

impl RbacIndex {
    pub(crate) fn compile(objects: RbacObjects) -> RbacIndex {
        // Of two roles under one name, which no cluster has but a file may, the later one counts.
        let roles = (0u32..)
            .zip(&objects.roles)
            .map(|(index, role)| ((role.namespace.clone().unwrap_or_default(), role.name.clone()), index))
            .collect();
        let roles = RoleNames(roles);
        let (placements, of_binding) = Placements::of(&objects.bindings, |role, namespace| roles.find(role, namespace));
        let hasher = DefaultHashBuilder::default();
        let (subjects, sources) = place_grants(&objects.bindings, &placements, &of_binding, &hasher);
        let rules = RuleTable::new(aggregation::resolve(&objects.roles));
        RbacIndex { objects, rules, roles, placements, hasher, subjects, sources }
    }

    pub(crate) fn objects(&self) -> &RbacObjects {
        &self.objects
    }

    /// The rules of a role, for a binding in `namespace`.
    pub(crate) fn role_rules(&self, role: &RoleRef, namespace: &str) -> Option<&[PolicyRule]> {
        let index = self.roles.find(role, namespace)?;
        self.rules.rules(index)
    }

    /// Calls `each` with a user and each of its groups, in that order, and where its block is, until it gives
    /// something.
    fn find_subject<'u, T>(&self, user: &'u UserInfo, mut each: impl FnMut(Place, Who<'u>) -> Option<T>) -> Option<T> {
        let mut first = 0;
        loop {
            // Several at once: first all places, then all blocks, so that the ways to memory overlap.
            let mut places = [Place::default(); AT_ONCE];
            let mut found = 0;
            for (place, number) in places.iter_mut().zip(first..) {
                let Some(who) = nth(user, number) else { break };
                *place = self.subjects.place(who.hash(&self.hasher));
                found += 1;
            }
            let places = places.get(..found).unwrap_or_default();
            places.iter().for_each(|place| self.subjects.fetch(*place));
            for (place, number) in places.iter().zip(first..) {
                if let Some(found) = each(*place, nth(user, number)?) {
                    return Some(found);
                }
            }
            if found < AT_ONCE {
                return None;
            }
            first += AT_ONCE;
        }
    }

    /// The first binding that allows the request, if one does: of the user, then of each group.
    pub(crate) fn decide<'s>(&'s self, user: &UserInfo, question: &Question<'_>) -> Option<Reason<'s>> {
        let local = self.placements.in_namespace(question.namespace());
        let asked = self.rules.ask(question);
        self.find_subject(user, |place, who| {
            self.subjects.blocks(place).find_map(|block| {
                let (number, rule) =
                    Grants::of(&block)?.holding(&local).into_iter().find_map(|(first, placements)| {
                        (first..).zip(placements).find_map(|(number, id)| {
                            let role = self.placements.role(PlacementId::from_le_bytes(*id))?;
                            Some((number, asked.find_in(role)?))
                        })
                    })?;
                // The name last: most blocks grant nothing, whosever they are.
                block.is_of(who).then_some(Reason::Rbac { by: RbacGrant { index: self, number }, rule })
            })
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
        let local = self.placements.in_namespace(namespace);
        let mut rules = Vec::new();
        self.find_subject(user, |place, who| {
            let block = self.subjects.blocks(place).find(|block| block.is_of(who))?;
            let ids = Grants::of(&block)?.holding(&local).into_iter().flat_map(|(_, placements)| placements);
            let roles = ids.filter_map(|id| self.placements.role(PlacementId::from_le_bytes(*id)));
            rules.extend(roles.filter_map(|role| self.rules.rules(role)).flatten());
            None::<()>
        });
        rules
    }
}

/// So many subjects are looked up together: most users are in fewer groups.
const AT_ONCE: usize = 8;

/// A user, then each of its groups.
fn nth(user: &UserInfo, number: usize) -> Option<Who<'_>> {
    match number.checked_sub(1) {
        None => Some(Who::User(&user.username)),
        Some(group) => user.groups.get(group).map(|group| Who::Group(group)),
    }
}

/// The grants of a subject, as its block has them.
struct Grants<'t> {
    /// The number of the first one.
    first: usize,
    /// The placements for everywhere.
    everywhere: &'t [Number],
    /// The placements for namespaces, ascending.
    local: &'t [Number],
}

impl<'t> Grants<'t> {
    fn of(block: &Block<'t>) -> Option<Grants<'t>> {
        let ([first, everywhere], placements) = block.numbers.split_first_chunk()?;
        let (everywhere, local) = placements.split_at_checked(u32::from_le_bytes(*everywhere) as usize)?;
        Some(Grants { first: u32::from_le_bytes(*first) as usize, everywhere, local })
    }

    /// Those that hold in a namespace: the placements for everywhere and those of the namespace, each after
    /// the number of its first grant.
    fn holding(&self, namespace: &Range<PlacementId>) -> [(usize, &'t [Number]); 2] {
        let (start, local) = within(self.local, namespace);
        [(self.first, self.everywhere), (self.first + self.everywhere.len() + start, local)]
    }
}

/// Sorts all grants by subject and placement: the table of them, and where each comes from.
fn place_grants(
    bindings: &[Binding],
    placements: &Placements,
    of_binding: &[Option<PlacementId>],
    hasher: &DefaultHashBuilder,
) -> (NameTable, Vec<Source>) {
    let service_accounts = ServiceAccountNames::of(bindings);
    let mut ids: HashMap<Who<'_>, u32> = HashMap::new();
    let mut all: Vec<(u32, PlacementId, Source)> = Vec::with_capacity(bindings.len());
    for ((binding, object), placement) in (0u32..).zip(bindings).zip(of_binding) {
        let Some(placement) = placement else { continue };
        for (subject, named) in (0u32..).zip(&object.subjects) {
            let next = count(ids.len());
            let id = *ids.entry(service_accounts.who(named)).or_insert(next);
            all.push((id, *placement, Source { binding, subject }));
        }
    }
    let mut subjects: Vec<(u64, u32, Who<'_>)> = ids.into_iter().map(|(who, id)| (who.hash(hasher), id, who)).collect();
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
    all.dedup_by_key(|(rank, placement, _)| (*rank, *placement));
    let mut table = NameTable::for_names(subjects.len());
    let mut first: u32 = 0;
    let mut granted = Vec::new();
    for (run, (hash, _, who)) in all.chunk_by(|(a, ..), (b, ..)| a == b).zip(&subjects) {
        granted.clear();
        granted.extend(run.iter().map(|(_, placement, _)| *placement));
        table.push(*hash, *who, [first, placements.count_everywhere(&granted)], &granted);
        first = first.saturating_add(count(run.len()));
    }
    table.finish();
    (table, all.into_iter().map(|(.., source)| source).collect())
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
