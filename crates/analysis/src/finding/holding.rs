//! Who holds what, where, and through what: everybody whom entries, aws-auth or RBAC name, with the powers of the
//! policies and bindings that are theirs. It walks each binding once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use entryway_access::{
    AUTHENTICATED, AccessScope, Caller, MASTERS, PolicyArn, RoleKind, SERVICE_ACCOUNT_PREFIX, SERVICE_ACCOUNTS,
    Snapshot, Subject as RbacSubject, UserInfo, service_account,
};
use jiff::Timestamp;

use super::holder::Holder;
use super::through::{Source, Through, policy_rules};
use super::vocabulary::{Powers, powers};
use crate::compare::{places, user_of};
use crate::question::FRESH;
use crate::subject::Cast;
use crate::{KnownPrincipals, Place, Subject, subjects};

/// Somebody, and what is theirs.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) holder: Holder,
    /// Who it may be, as the API server sees it: a role has several sessions.
    pub(crate) users: Vec<UserInfo>,
    /// What is its own.
    pub(crate) own: Vec<Source>,
    /// What it has as everybody has it: one of those who signed in, or of the service accounts.
    pub(crate) common: Vec<Source>,
}

impl Holding {
    pub(crate) fn is_master(&self) -> bool {
        self.users.iter().any(|user| user.groups.iter().any(|group| group == MASTERS))
    }
}

/// The name of a subject in a binding, users and groups apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    User(String),
    Group(String),
}

/// All grants of RBAC by the name of their subject, and the powers of all policies.
pub(crate) struct Grants<'s> {
    state: &'s Snapshot,
    by_name: HashMap<Name, Vec<Source>>,
    policies: HashMap<PolicyArn, Powers>,
    now: Timestamp,
}

impl<'s> Grants<'s> {
    pub(crate) fn of(state: &'s Snapshot, now: Timestamp) -> Grants<'s> {
        let mut roles: HashMap<(RoleKind, &str, &str), Option<Powers>> = HashMap::new();
        let mut by_name: HashMap<Name, Vec<Source>> = HashMap::new();
        for binding in &state.rbac().bindings {
            let namespace = binding.namespace.as_deref().unwrap_or_default();
            let role = &binding.role;
            let of_namespace = if role.kind == RoleKind::Role { namespace } else { "" };
            let found = roles.entry((role.kind, of_namespace, role.name.as_str()));
            let Some(found) = *found.or_insert_with(|| state.role_rules(role, namespace).map(powers)) else {
                continue; // A missing role grants nothing.
            };
            let (place, found) = match &binding.namespace {
                None => (Place::Cluster, found),
                Some(namespace) => (Place::In(namespace.clone()), found.local()),
            };
            for subject in &binding.subjects {
                let through = Arc::new(Through::Binding {
                    namespace: binding.namespace.clone(),
                    name: binding.name.clone(),
                    role: role.clone(),
                    subject: subject.clone(),
                });
                let name = match subject {
                    RbacSubject::User(name) => Name::User(name.clone()),
                    RbacSubject::Group(name) => Name::Group(name.clone()),
                    RbacSubject::ServiceAccount { namespace, name } => {
                        Name::User(format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}"))
                    }
                };
                by_name.entry(name).or_default().push(Source { place: place.clone(), powers: found, through });
            }
        }
        Grants { state, by_name, policies: HashMap::new(), now }
    }

    /// What a name has.
    fn of_name(&self, name: Name) -> &[Source] {
        self.by_name.get(&name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether any binding that is in force names the user or one of its groups itself.
    pub(crate) fn names(&self, user: &UserInfo) -> bool {
        let groups = user.groups.iter().filter(|group| *group != AUTHENTICATED);
        !self.of_name(Name::User(user.username.clone())).is_empty()
            || groups.into_iter().any(|group| !self.of_name(Name::Group(group.clone())).is_empty())
    }

    fn holding(&self, holder: Holder, users: Vec<UserInfo>, policies: Vec<Source>) -> Holding {
        let (mut own, mut common) = (policies, Vec::new());
        for (index, user) in users.iter().enumerate() {
            own.extend(self.of_name(Name::User(user.username.clone())).iter().cloned());
            let is_account = service_account(&user.username).is_some();
            for group in &user.groups {
                // All sessions of a role are in the same groups, but for those of a placeholder.
                if users.get(..index).unwrap_or_default().iter().any(|other| other.groups.contains(group)) {
                    continue;
                }
                let is_common = (group == AUTHENTICATED || (is_account && group.starts_with(SERVICE_ACCOUNTS)))
                    && !matches!(&holder, Holder::Group(name) if name == group);
                let into = if is_common { &mut common } else { &mut own };
                into.extend(self.of_name(Name::Group(group.clone())).iter().cloned());
            }
        }
        Holding { holder, users, own, common }
    }

    fn policies(&mut self, caller: &Caller) -> Vec<Source> {
        let state = self.state;
        let Some(entry) = state.entry_for(caller, self.now) else { return Vec::new() };
        let mut sources = Vec::new();
        for association in entry.policies.iter().filter(|association| association.is_in_force(self.now)) {
            let policy = &association.policy;
            let found = match self.policies.get(policy) {
                Some(found) => *found,
                None => {
                    let found = powers(policy_rules(state, policy));
                    self.policies.insert(policy.clone(), found);
                    found
                }
            };
            let found = if association.scope == AccessScope::Cluster { found } else { found.local() };
            let through = Arc::new(Through::Policy { policy: policy.clone(), scope: association.scope.to_string() });
            sources.extend(places(association).into_iter().map(|place| Source {
                place,
                powers: found,
                through: Arc::clone(&through),
            }));
        }
        sources
    }

    /// Everybody: IAM principals, then whom RBAC names. Sorted, each once.
    pub(crate) fn holdings(&mut self, known: &KnownPrincipals) -> Vec<Holding> {
        let states = [self.state];
        let cast = Cast::new(&states, known, self.now);
        let mut all = Vec::new();
        for subject in subjects(&states) {
            let stand_ins = cast.stand_ins(&subject);
            let users = stand_ins.iter().filter_map(|one| user_of(self.state, &one.caller, self.now)).collect();
            let policies = stand_ins.first().map(|one| self.policies(&one.caller)).unwrap_or_default();
            let holder = match subject {
                Subject::Principal(arn) => Holder::Principal(arn),
                Subject::OthersOf(account) => Holder::OthersOf(account),
            };
            all.push(self.holding(holder, users, policies));
        }
        let bindings = &self.state.rbac().bindings;
        let named: BTreeMap<Holder, ()> =
            bindings.iter().flat_map(|b| &b.subjects).map(|subject| (Holder::of_rbac(subject), ())).collect();
        all.extend(named.into_keys().map(|holder| {
            let users = holder.user().into_iter().collect();
            self.holding(holder, users, Vec::new())
        }));
        all
    }

    /// A service account of a namespace that no binding names by itself.
    pub(crate) fn any_service_account(&self, namespace: &str) -> Holding {
        let holder = Holder::ServiceAccount { namespace: namespace.to_owned(), name: FRESH.to_owned() };
        self.holding(holder, vec![UserInfo::service_account(namespace, FRESH).with_standing_group()], Vec::new())
    }

    /// What a service account has, whether or not a binding names it.
    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> Holding {
        let holder = Holder::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() };
        self.holding(holder, vec![UserInfo::service_account(namespace, name).with_standing_group()], Vec::new())
    }
}

/// What somebody has in one place: what is its own there, and all that reaches it.
#[derive(Debug, Clone)]
pub(crate) struct Reach<'h> {
    pub(crate) place: &'h Place,
    /// What is its own in just this place.
    pub(crate) own: Powers,
    /// What it has in just this place, also as everybody has it.
    pub(crate) here: Powers,
    /// All it has there.
    pub(crate) total: Powers,
    /// What gives it all it has there.
    pub(crate) sources: Vec<&'h Source>,
}

impl Holding {
    /// The places that it has something in, the cluster first, each with what it has there.
    pub(crate) fn places(&self) -> Vec<Reach<'_>> {
        let mut by_place: BTreeMap<&Place, Reach<'_>> = BTreeMap::new();
        for (source, is_own) in self.own.iter().map(|one| (one, true)).chain(self.common.iter().map(|one| (one, false)))
        {
            let place = &source.place;
            let none = Powers::default();
            let empty = || Reach { place, own: none, here: none, total: none, sources: Vec::new() };
            let reach = by_place.entry(place).or_insert_with(empty);
            reach.here |= source.powers;
            reach.total |= source.powers;
            reach.sources.push(source);
            if is_own {
                reach.own |= source.powers;
            }
        }
        // What takes in other places: few, where the places may be many.
        let is_wide = |place: &Place| match place {
            Place::Cluster => true,
            Place::In(pattern) => pattern.contains('*'),
        };
        let wide: Vec<Reach<'_>> = by_place.values().filter(|reach| is_wide(reach.place)).cloned().collect();
        let mut reaches: Vec<Reach<'_>> = by_place.into_values().collect();
        for reach in &mut reaches {
            for wider in wide.iter().filter(|wider| wider.place != reach.place && wider.place.covers(reach.place)) {
                reach.total |= wider.total;
                reach.sources.extend(&wider.sources);
            }
        }
        reaches
    }
}
