//! What is to change on one cluster: from what is there and what is to be, to moves and to what people see.

mod entry;

use std::collections::BTreeMap;

use entryway_access::{AuthenticationMode, PolicyRule, RbacObjects, Role};
use entryway_analysis::KnownPrincipals;
use serde_json::Value;

use crate::order::{Move, Phase};
use crate::own_policy::{self, ObjectId};
use crate::{
    Action, ActualCluster, ActualEntry, Change, ChangeKind, DesiredCluster, DesiredEntry, FieldChange, Item, LeftAlone,
    Made, PlanOptions, WhyLeftAlone, World,
};

pub(crate) use entry::{create, delete, shown_scope, update};

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) changes: Vec<Change>,
    pub(crate) moves: Vec<Move>,
    pub(crate) left_alone: Vec<LeftAlone>,
    pub(crate) notes: Vec<String>,
}

impl Draft {
    pub(crate) fn push(&mut self, phase: Phase, action: Action) {
        self.moves.push(Move::new(phase, action));
    }
    fn change(&mut self, kind: ChangeKind, item: Item, fields: Vec<FieldChange>) {
        self.changes.push(Change { kind, item, label: None, reason: None, fields });
    }
}

/// The mode, step by step.
pub(crate) fn diff_mode(actual: &ActualCluster, wanted: &DesiredCluster, draft: &mut Draft) {
    let Some(to) = wanted.mode.filter(|to| *to != actual.mode) else { return };
    if !mode_is_ahead(actual.mode, to) {
        return; // `resolve` has said so, with the place.
    }
    for pair in AuthenticationMode::ALL.windows(2) {
        let [from, next] = pair else { continue };
        if mode_is_ahead(*from, *next)
            && (actual.mode == *from || mode_is_ahead(actual.mode, *from))
            && !mode_is_ahead(to, *next)
        {
            let phase = if *next == AuthenticationMode::Api { Phase::ModeApi } else { Phase::ModeUp };
            draft.push(phase, Action::SetMode { from: *from, to: *next });
        }
    }
    let field = FieldChange::new("authenticationMode", Some(actual.mode.to_string()), Some(to.to_string()));
    let reason = Some("EKS has no way back from this step".to_owned());
    draft.changes.push(Change { kind: ChangeKind::Update, item: Item::Mode, label: None, reason, fields: vec![field] });
}

/// Whether `later` comes after `mode` in EKS's one-way order.
pub(crate) fn mode_is_ahead(mode: AuthenticationMode, later: AuthenticationMode) -> bool {
    let at = |wanted| AuthenticationMode::ALL.iter().position(|mode| *mode == wanted);
    at(later) > at(mode)
}

/// How one list of rules replaces another without taking anything away too early.
enum RuleStep {
    Same,
    /// Only adds: put first.
    First(Vec<PolicyRule>),
    /// Only takes: put last.
    Last(Vec<PolicyRule>),
    /// Both: both lists first, the new one last.
    Both(Vec<PolicyRule>, Vec<PolicyRule>),
}

fn rule_step(old: Option<&[PolicyRule]>, new: &[PolicyRule]) -> RuleStep {
    let Some(old) = old else { return RuleStep::First(new.to_vec()) };
    let keeps = old.iter().all(|rule| new.contains(rule));
    let adds = !new.iter().all(|rule| old.contains(rule));
    match (keeps, adds) {
        (true, false) if old == new => RuleStep::Same,
        // The same rules in another order.
        (true, false) => RuleStep::Same,
        (true, true) => RuleStep::First(new.to_vec()),
        (false, false) => RuleStep::Last(new.to_vec()),
        (false, true) => {
            let added = new.iter().filter(|rule| !old.contains(rule));
            RuleStep::Both(old.iter().chain(added).cloned().collect(), new.to_vec())
        }
    }
}

/// Own policies: on Entryway's control plane as policies, on EKS as RBAC objects.
pub(crate) fn diff_rules(actual: &ActualCluster, wanted: &DesiredCluster, draft: &mut Draft) {
    for (name, rules) in &wanted.policies {
        let old = actual.own_policies.get(name).map(Vec::as_slice);
        let put = |rules| Action::PutPolicy { name: name.clone(), rules };
        push_rules(rule_step(old, rules), old, rules, put, Item::Policy(name.clone()), draft);
    }
    let Some(rbac) = actual.rbac.get() else { return };
    let owned = own_policy::owned(rbac);
    let roles: BTreeMap<ObjectId, &Role> =
        owned.roles.iter().filter_map(|role| Some((ObjectId::of_role(role)?, role))).collect();
    let mut kept: Vec<ObjectId> = Vec::new();
    for manifest in &wanted.objects {
        let RbacObjects { roles: new_roles, bindings } = own_policy::read_object(manifest);
        for role in new_roles {
            let Some(id) = ObjectId::of_role(&role) else { continue };
            let old = roles.get(&id).map(|role| role.rules.as_slice());
            let put = |rules| Action::PutObject { object: with_rules(manifest, rules) };
            push_rules(rule_step(old, &role.rules), old, &role.rules, put, Item::Object(id.shown()), draft);
            kept.push(id);
        }
        for binding in bindings {
            let id = ObjectId::of_binding(&binding);
            let old = owned.bindings.iter().find(|other| ObjectId::of_binding(other) == id);
            if old != Some(&binding) {
                let kind = if old.is_some() { ChangeKind::Update } else { ChangeKind::Create };
                draft.change(kind, Item::Object(id.shown()), Vec::new());
                draft.push(Phase::GrowRules, Action::PutObject { object: manifest.clone() });
            }
            kept.push(id);
        }
    }
    // Bindings before roles: a binding without its role is litter.
    let bindings = owned.bindings.iter().map(ObjectId::of_binding);
    let goes = bindings.chain(roles.into_keys()).filter(|id| !kept.contains(id)).collect::<Vec<_>>();
    for id in goes {
        draft.change(ChangeKind::Delete, Item::Object(id.shown()), Vec::new());
        let action = Action::DeleteObject { kind: id.kind, namespace: id.namespace, name: id.name };
        draft.push(Phase::ShrinkRules, action);
    }
}

fn push_rules(
    step: RuleStep,
    old: Option<&[PolicyRule]>,
    new: &[PolicyRule],
    put: impl Fn(Vec<PolicyRule>) -> Action,
    item: Item,
    draft: &mut Draft,
) {
    match step {
        RuleStep::Same => return,
        RuleStep::First(rules) => draft.push(Phase::GrowRules, put(rules)),
        RuleStep::Last(rules) => draft.push(Phase::ShrinkRules, put(rules)),
        RuleStep::Both(both, rules) => {
            draft.push(Phase::GrowRules, put(both));
            draft.push(Phase::ShrinkRules, put(rules));
        }
    }
    let kind = if old.is_some() { ChangeKind::Update } else { ChangeKind::Create };
    let field = FieldChange::new("rules", old.map(shown_rules), Some(shown_rules(new)));
    draft.change(kind, item, vec![field]);
}

fn shown_rules(rules: &[PolicyRule]) -> String {
    serde_json::to_string(rules).unwrap_or_default()
}

fn with_rules(manifest: &Value, rules: Vec<PolicyRule>) -> Value {
    let mut manifest = manifest.clone();
    if let (Some(map), Ok(rules)) = (manifest.as_object_mut(), serde_json::to_value(rules)) {
        map.insert("rules".to_owned(), rules);
    }
    manifest
}

/// Why an entry that is there can't do its work any more: its principal was made again under the same ARN.
pub(crate) fn stale(entry: &ActualEntry, known: &KnownPrincipals) -> Option<String> {
    let facts = known.get(&entry.principal)?;
    if let (Some(noted), Some(now)) = (&entry.unique_id, &facts.unique_id)
        && noted != now
    {
        return Some(format!("stale: the principal was made again (the entry is for {noted}, it is {now} now)"));
    }
    match (entry.created_at, facts.created_at) {
        (Some(entry_made), Some(principal_made)) if principal_made > entry_made => {
            Some(format!("stale: the principal was made again at {principal_made}, after the entry"))
        }
        (Some(_) | None, Some(_) | None) => None,
    }
}

/// All entries. `just_on` is whether the API is turned on by this very plan, so that EKS may make some itself.
pub(crate) fn diff_entries(
    base: &ActualCluster,
    wanted: &DesiredCluster,
    just_on: bool,
    world: &World,
    options: &PlanOptions,
    draft: &mut Draft,
) {
    for desired in &wanted.entries {
        match base.entry(&desired.principal) {
            None => create(base, desired, just_on, draft),
            Some(actual) => known_entry(base, actual, desired, world, options, draft),
        }
    }
    for actual in &base.entries {
        if wanted.entries.iter().any(|desired| desired.principal == actual.principal) {
            continue;
        }
        let why = match Made::by_eks(actual, base) {
            Some(made) => WhyLeftAlone::MadeByEks(made),
            None if actual.is_managed() || options.prune => {
                let reason = match actual.is_managed() {
                    true => "it is no longer declared",
                    false => "it is not declared (--prune)",
                };
                delete(actual, reason, draft);
                continue;
            }
            None => WhyLeftAlone::Undeclared,
        };
        draft.left_alone.push(LeftAlone { principal: actual.principal.clone(), why });
    }
}

/// Only what is missing: entries that are there, declared or not, stay as they are.
pub(crate) fn create_missing(base: &ActualCluster, wanted: &DesiredCluster, just_on: bool, draft: &mut Draft) {
    let is_missing = |desired: &&DesiredEntry| base.entry(&desired.principal).is_none();
    wanted.entries.iter().filter(is_missing).for_each(|desired| create(base, desired, just_on, draft));
}

/// An entry that is declared and there.
fn known_entry(
    base: &ActualCluster,
    actual: &ActualEntry,
    desired: &DesiredEntry,
    world: &World,
    options: &PlanOptions,
    draft: &mut Draft,
) {
    let made = Made::by_eks(actual, base);
    let mut trial = Draft::default();
    update(actual, desired, stale(actual, &world.known), &mut trial);
    let differs = trial.moves.iter().any(|step| !matches!(step.action, Action::TagEntry { .. }));
    let why = match made {
        // Nobody else may change it, and its principal can't be declared.
        Some(Made::ForServiceLinkedRole) => Some(WhyLeftAlone::MadeByEks(Made::ForServiceLinkedRole)),
        // The type alone says all, and EKS keeps it.
        Some(Made::ForNodes) if !differs => Some(WhyLeftAlone::MadeByEks(Made::ForNodes)),
        Some(Made::ForNodes | Made::ForCreator) | None if actual.is_managed() || options.adopt => None,
        Some(Made::ForNodes | Made::ForCreator) | None if differs => Some(WhyLeftAlone::NotManagedAndDiffers),
        Some(Made::ForNodes | Made::ForCreator) | None => Some(WhyLeftAlone::NotManaged),
    };
    match why {
        Some(why) => draft.left_alone.push(LeftAlone { principal: actual.principal.clone(), why }),
        None => {
            draft.moves.append(&mut trial.moves);
            draft.changes.append(&mut trial.changes);
        }
    }
}
