//! Who gains and who loses what between two states of a cluster.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use entryway_access::{
    AUTHENTICATED, AccessEntry, Caller, ClusterModel, PolicyRules, PrincipalArn, Snapshot, UserInfo,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ability::compress;
use crate::mapped::Mapped;
use crate::question::{Atom, Place};
use crate::subject::{Cast, INSTANCE_DNS_NAME, StandIn};
use crate::{Ability, KnownPrincipals, Subject, subjects};

/// Who somebody is in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The username.
    pub username: String,
    /// The groups, without `system:authenticated`.
    pub groups: Vec<String>,
}

/// What a change means for one principal. One for which nothing changes has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Whom it is about.
    pub subject: Subject,
    /// Only its sessions of this name, which fare otherwise than the rest; absent for any that no binding names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Who it was; absent where nothing mapped it (401).
    pub before: Option<SignIn>,
    /// Who it is then.
    pub after: Option<SignIn>,
    /// What it can do then and could not before. What everybody who signs in can do is not listed.
    pub gains: Vec<Ability>,
    /// What it could do and can no longer.
    pub loses: Vec<Ability>,
}

impl Difference {
    /// Whether it can do less than before.
    pub fn is_loss(&self) -> bool {
        !self.loses.is_empty() || (self.before.is_some() && self.after.is_none())
    }
    /// Whether it can do more than before.
    pub fn is_gain(&self) -> bool {
        !self.gains.is_empty() || (self.before.is_none() && self.after.is_some())
    }
}

/// [`compare`] of models that are not compiled yet.
pub fn compare_models(
    before: ClusterModel,
    after: ClusterModel,
    known: &KnownPrincipals,
    now: Timestamp,
) -> Vec<Difference> {
    compare(&Snapshot::compile(before), &Snapshot::compile(after), known, now)
}

/// For everybody whom either state knows: what it gains, what it loses, and whether it is called otherwise.
/// Sorted by subject. Those for whom nothing changes cost next to nothing.
pub fn compare(before: &Snapshot, after: &Snapshot, known: &KnownPrincipals, now: Timestamp) -> Vec<Difference> {
    let states = [before, after];
    let same_rbac = std::ptr::eq(before.rbac(), after.rbac()) || before.rbac() == after.rbac();
    let cast = Cast::new(&states, known, now);
    let named = users_named(&states);
    let mut found: HashMap<[Option<Profile>; 2], Change> = HashMap::new();
    let mut differences = Vec::new();
    for subject in concerned(before, after) {
        let mut of_any = None;
        for StandIn { caller, session } in cast.stand_ins(&subject) {
            if same_rbac && Mapped::of(before, &caller, now) == Mapped::of(after, &caller, now) {
                continue;
            }
            let (was, is) = (View::of(before, &caller, now), View::of(after, &caller, now));
            let change = match (was.profile(&named, now), is.profile(&named, now)) {
                (Ok(before), Ok(after)) => {
                    found.entry([before, after]).or_insert_with(|| changed(&was, &is, now)).clone()
                }
                (Err(IsNamed), _) | (_, Err(IsNamed)) => changed(&was, &is, now),
            };
            let is_told = match &of_any {
                // A session has a line of its own where it fares otherwise than those that nobody names.
                Some(of_any) => change != *of_any,
                None => was.sign_in() != is.sign_in() || change != (Vec::new(), Vec::new()),
            };
            if is_told {
                let (gains, loses) = change.clone();
                let (before, after) = (was.sign_in(), is.sign_in());
                differences.push(Difference { subject: subject.clone(), session, before, after, gains, loses });
            }
            of_any.get_or_insert(change);
        }
    }
    differences
}

/// Everybody for whom something can differ. Where nothing but entries does, these are the principals whose entries
/// differ, and nobody else needs to be asked about.
fn concerned(before: &Snapshot, after: &Snapshot) -> Vec<Subject> {
    let all = subjects(&[before, after]);
    let only_entries = before.mode() == after.mode()
        && std::ptr::eq(before.rbac(), after.rbac())
        && std::ptr::eq(before.aws_auth(), after.aws_auth())
        && std::ptr::eq(before.catalogue(), after.catalogue())
        && before.bootstrap_creator() == after.bootstrap_creator();
    if !only_entries {
        return all;
    }
    let (old, new) = (before.entries(), after.entries());
    // States made from each other share the entries that are the same.
    let shared = |entries: &[Arc<AccessEntry>]| entries.iter().map(Arc::as_ptr).collect::<HashSet<_>>();
    let (in_old, in_new) = (shared(&old), shared(&new));
    let differing = old.iter().filter(|entry| !in_new.contains(&Arc::as_ptr(entry)));
    let differing = differing.chain(new.iter().filter(|entry| !in_old.contains(&Arc::as_ptr(entry))));
    // An entry counts for its principal's name whatever the path.
    let differing: HashSet<PrincipalArn> = differing.map(|entry| entry.principal.without_path()).collect();
    let may_differ = |subject: &Subject| match subject {
        Subject::Principal(principal) => differing.contains(&principal.without_path()),
        Subject::OthersOf(_) => true,
    };
    all.into_iter().filter(may_differ).collect()
}

/// Gains and losses.
type Change = (Vec<Ability>, Vec<Ability>);

/// All that decides for a user whom no binding names: its groups, its policies and their scopes. Many have the
/// same, and are worked out once.
type Profile = (Vec<String>, Vec<(String, String)>);

/// A binding names the user, so it is like nobody else.
struct IsNamed;

/// The users whom bindings name.
fn users_named<'s>(states: &[&'s Snapshot]) -> HashSet<&'s str> {
    let subjects = states.iter().flat_map(|state| &state.rbac().bindings).flat_map(|binding| &binding.subjects);
    let users = subjects.filter_map(|subject| match subject {
        entryway_access::Subject::User(name) => Some(name.as_str()),
        entryway_access::Subject::Group(_) | entryway_access::Subject::ServiceAccount { .. } => None,
    });
    users.collect()
}

/// What a caller gains and loses.
fn changed(was: &View<'_>, is: &View<'_>, now: Timestamp) -> Change {
    let mut atoms = BTreeSet::new();
    was.collect(&mut atoms, now);
    is.collect(&mut atoms, now);
    let (mut gains, mut loses) = (Vec::new(), Vec::new());
    for atom in atoms {
        match (was.allows(&atom, now), is.allows(&atom, now)) {
            (false, true) if was.user.is_some() || !is.everybody_may(&atom, now) => gains.push(atom),
            (true, false) if is.user.is_some() || !was.everybody_may(&atom, now) => loses.push(atom),
            (true, _) | (false, _) => {}
        }
    }
    (compress(gains), compress(loses))
}

/// All that a subject can do, and who it is; `None` where nothing maps it. What everybody who signs in can do
/// is not listed.
pub fn abilities(
    state: &Snapshot,
    subject: &Subject,
    known: &KnownPrincipals,
    now: Timestamp,
) -> Option<(SignIn, Vec<Ability>)> {
    let stand_in = Cast::new(&[state], known, now).stand_ins(subject).into_iter().next()?;
    let view = View::of(state, &stand_in.caller, now);
    let mut atoms = BTreeSet::new();
    view.collect(&mut atoms, now);
    let own = atoms.into_iter().filter(|atom| view.allows(atom, now) && !view.everybody_may(atom, now));
    Some((view.sign_in()?, compress(own.collect())))
}

/// All that any of some views can do, what everybody can do included.
pub(crate) fn union(views: &[&View<'_>], now: Timestamp) -> Vec<Ability> {
    let mut atoms = BTreeSet::new();
    views.iter().for_each(|view| view.collect(&mut atoms, now));
    atoms.retain(|atom| views.iter().any(|view| view.allows(atom, now)));
    compress(atoms.into_iter().collect())
}

/// A caller in a state.
pub(crate) struct View<'s> {
    state: &'s Snapshot,
    /// As the API server sees it; absent where it is not authenticated.
    user: Option<UserInfo>,
    caller: Caller,
}

impl<'s> View<'s> {
    pub(crate) fn of(state: &'s Snapshot, caller: &Caller, now: Timestamp) -> View<'s> {
        let identity = state.identity(caller, Some(INSTANCE_DNS_NAME), now);
        View { state, user: identity.map(|identity| identity.user.with_standing_group()), caller: caller.clone() }
    }

    pub(crate) fn user(&self) -> Option<&UserInfo> {
        self.user.as_ref()
    }

    fn sign_in(&self) -> Option<SignIn> {
        let user = self.user.as_ref()?;
        let groups = user.groups.iter().filter(|group| *group != AUTHENTICATED).cloned().collect();
        Some(SignIn { username: user.username.clone(), groups })
    }

    /// The profile; `Ok(None)` for one who is not authenticated.
    fn profile(&self, named: &HashSet<&str>, now: Timestamp) -> Result<Option<Profile>, IsNamed> {
        let Some(user) = &self.user else { return Ok(None) };
        if named.contains(user.username.as_str()) || user.username.starts_with("system:") {
            return Err(IsNamed);
        }
        let entry = self.state.entry_for(&self.caller, now);
        let associations = entry.into_iter().flat_map(|entry| &entry.policies);
        let in_force = associations.filter(|association| association.is_in_force(now));
        let policies = in_force.map(|association| (association.policy.to_string(), association.scope.to_string()));
        Ok(Some((user.groups.clone(), policies.collect())))
    }

    fn allows(&self, atom: &Atom, now: Timestamp) -> bool {
        self.user.as_ref().is_some_and(|user| atom.is_allowed(self.state, user, now))
    }

    fn everybody_may(&self, atom: &Atom, now: Timestamp) -> bool {
        atom.is_allowed(self.state, &UserInfo::default().with_standing_group(), now)
    }

    /// The atoms of all rules that can have to do with the user here. Those of rules that turn out not to be
    /// in force do no harm: the core answers at each.
    fn collect(&self, into: &mut BTreeSet<Atom>, now: Timestamp) {
        let Some(user) = &self.user else { return };
        let mut atoms = vec![Atom::all_resources(Place::Cluster), Atom::all_paths()];
        if let Some(entry) = self.state.entry_for(&self.caller, now) {
            for association in &entry.policies {
                let policy = self.state.catalogue().get(&association.policy);
                let Some(PolicyRules::Known(rules)) = policy.map(|policy| &policy.rules) else { continue };
                for place in places(association) {
                    rules.iter().for_each(|rule| Atom::of_rule(rule, &place, &mut atoms));
                }
            }
        }
        let everywhere = self.state.rules_for(user, "");
        everywhere.iter().for_each(|rule| Atom::of_rule(rule, &Place::Cluster, &mut atoms));
        let bindings = &self.state.rbac().bindings;
        let namespaces: BTreeSet<&str> = bindings
            .iter()
            .filter(|binding| binding.subjects.iter().any(|subject| subject.means(user)))
            .filter_map(|binding| binding.namespace.as_deref())
            .collect();
        for namespace in namespaces {
            let place = Place::In(namespace.to_owned());
            self.state.rules_for(user, namespace).iter().for_each(|rule| Atom::of_rule(rule, &place, &mut atoms));
        }
        into.extend(atoms);
    }
}

/// Where an association is in force.
pub(crate) fn places(association: &entryway_access::Association) -> Vec<Place> {
    match association.scope.namespaces() {
        [] => vec![Place::Cluster],
        some => some.iter().map(|pattern| Place::In(pattern.as_str().to_owned())).collect(),
    }
}

/// The user that a caller is, as the API server sees it.
pub(crate) fn user_of(state: &Snapshot, caller: &Caller, now: Timestamp) -> Option<UserInfo> {
    View::of(state, caller, now).user
}
