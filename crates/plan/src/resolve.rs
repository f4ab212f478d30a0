//! Declarations resolved against the world: which clusters, which principals, which policies, until when.

mod clusters;
mod policies;

use std::collections::BTreeMap;

use entryway_access::{AccessEntry, AccessScope, AuthenticationMode, EXPIRES_AT, PolicyName, PolicyRule, PrincipalArn};
use entryway_formats::{Declared, DeclaredEntry, Diagnostic, Expiry, Place, Placed, Read};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::Value;

use crate::diff::mode_is_ahead;
use crate::own_policy;
use crate::principals::{From, Home, Resolved, resolve_principal};
use crate::tags::{self, GRANTED_FOR, MANAGED_BY, MANAGED_BY_VALUE};
use crate::{ActualCluster, ActualEntry, Desired, DesiredCluster, DesiredEntry, World};

use clusters::find_clusters;
use policies::resolve_policies;

/// What each cluster is to be. Where a diagnostic is an error, nothing should be planned from the result.
pub fn resolve(declared: &Declared, world: &World, now: Timestamp) -> Read<Desired> {
    let mut diagnostics = Vec::new();
    let own = own_policies(declared, &mut diagnostics);
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for cluster in &declared.clusters {
        for actual in find_clusters(&cluster.selector, world, &mut diagnostics) {
            let index = match drafts.iter().position(|draft| draft.actual.arn == actual.arn) {
                Some(index) => index,
                None => {
                    drafts.push(Draft::new(actual));
                    drafts.len() - 1
                }
            };
            let Some(draft) = drafts.get_mut(index) else { continue };
            draft.set_mode(cluster.mode.as_ref(), &mut diagnostics);
            for entry in &cluster.entries {
                draft.add(entry, &own, world, now, &mut diagnostics);
            }
        }
    }
    let clusters = drafts.into_iter().map(|draft| draft.finish(&own, &mut diagnostics)).collect();
    let mut protected = Vec::new();
    for reference in &declared.protected {
        // One without an account is meant in each account there is a cluster in.
        let mut homes: Vec<Home<'_>> = world.clusters.iter().map(|cluster| home(cluster)).collect();
        homes.dedup_by(|a, b| (a.partition, a.account) == (b.partition, b.account));
        // An account that has no such principal has nothing to protect; one that no account has is an error.
        let mut wrong = Vec::new();
        let resolve = |home| resolve_principal(reference, home, world, &mut wrong);
        let found: Vec<Resolved> = homes.into_iter().flat_map(resolve).collect();
        if found.is_empty() {
            wrong.truncate(1);
            diagnostics.append(&mut wrong);
        }
        protected.extend(found.into_iter().map(|resolved| resolved.principal));
    }
    protected.sort();
    protected.dedup();
    Read { value: Desired { clusters, protected }, diagnostics }
}

fn home(cluster: &ActualCluster) -> Home<'_> {
    Home { partition: cluster.arn.partition, account: &cluster.arn.account }
}

/// Own policies by name; of two with one name, both places are named.
fn own_policies(declared: &Declared, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<PolicyName, Vec<PolicyRule>> {
    let mut all: BTreeMap<PolicyName, (Vec<PolicyRule>, Option<Place>)> = BTreeMap::new();
    for policy in &declared.policies {
        match all.get(&policy.name.value) {
            Some((rules, first)) if *rules != policy.rules => {
                let message = format!("the policy `{}` is declared twice with different rules", policy.name.value);
                diagnostics.push(conflict(message, policy.name.place.clone(), first.clone()));
            }
            Some(_) => {}
            None => {
                all.insert(policy.name.value.clone(), (policy.rules.clone(), policy.name.place.clone()));
            }
        }
    }
    all.into_iter().map(|(name, (rules, _))| (name, rules)).collect()
}

/// An error with the place of the first of two.
fn conflict(message: String, place: Option<Place>, first: Option<Place>) -> Diagnostic {
    let diagnostic = Diagnostic::error(message, place);
    match first {
        Some(first) => diagnostic.related(first, "first here"),
        None => diagnostic,
    }
}

/// A cluster while its declarations are gathered.
struct Draft<'w> {
    actual: &'w ActualCluster,
    mode: Option<Placed<AuthenticationMode>>,
    entries: BTreeMap<PrincipalArn, Gathered>,
    ended: Vec<String>,
    first_entry: Option<Place>,
}

/// An entry, and what made it.
struct Gathered {
    entry: DesiredEntry,
    from: Option<From>,
    own_scopes: Vec<(PolicyName, AccessScope)>,
}

impl<'w> Draft<'w> {
    fn new(actual: &'w ActualCluster) -> Self {
        Draft { actual, mode: None, entries: BTreeMap::new(), ended: Vec::new(), first_entry: None }
    }

    fn set_mode(&mut self, mode: Option<&Placed<AuthenticationMode>>, diagnostics: &mut Vec<Diagnostic>) {
        let Some(mode) = mode else { return };
        let name = &self.actual.arn.name;
        match &self.mode {
            Some(first) if first.value != mode.value => {
                let message =
                    format!("the mode of cluster `{name}` is declared as {} and as {}", first.value, mode.value);
                diagnostics.push(conflict(message, mode.place.clone(), first.place.clone()));
            }
            Some(_) => {}
            None => {
                if mode_is_ahead(mode.value, self.actual.mode) {
                    let message = format!(
                        "cluster `{name}` is in mode {} and can't go back to {}: EKS takes no step back",
                        self.actual.mode, mode.value
                    );
                    diagnostics.push(Diagnostic::error(message, mode.place.clone()));
                }
                self.mode = Some(mode.clone());
            }
        }
    }

    fn add(
        &mut self,
        declared: &DeclaredEntry,
        own: &BTreeMap<PolicyName, Vec<PolicyRule>>,
        world: &World,
        now: Timestamp,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        self.first_entry = self.first_entry.take().or_else(|| declared.place.clone());
        for resolved in resolve_principal(&declared.principal, home(self.actual), world, diagnostics) {
            let Some(gathered) = self.entry(declared, resolved, own, now, diagnostics) else { continue };
            match self.entries.get_mut(&gathered.entry.principal) {
                None => {
                    self.entries.insert(gathered.entry.principal.clone(), gathered);
                }
                Some(first) => merge(first, gathered, diagnostics),
            }
        }
    }

    /// One principal's entry; `None` where it has ended or is wrong.
    fn entry(
        &mut self,
        declared: &DeclaredEntry,
        resolved: Resolved,
        own: &BTreeMap<PolicyName, Vec<PolicyRule>>,
        now: Timestamp,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Gathered> {
        let Resolved { principal, from } = resolved;
        let there = self.actual.entry(&principal);
        let mut tags = declared.tags.clone();
        tags.insert(MANAGED_BY.to_owned(), MANAGED_BY_VALUE.to_owned());
        let mut over = false;
        if let Some(expires) = &declared.expires {
            let end = end_of(expires.value, there, EXPIRES_AT, now);
            if end <= now {
                self.ended.push(format!("the grant of `{principal}` ended at {end}"));
            }
            match expires.value {
                Expiry::At(_) if end <= now => return None,
                Expiry::At(_) => {}
                Expiry::For(duration) => {
                    over = end <= now;
                    tags.insert(GRANTED_FOR.to_owned(), format!("{duration:#}"));
                }
            }
            tags.insert(EXPIRES_AT.to_owned(), end.to_string());
        }
        let username = check(declared, &principal, self.actual, diagnostics)?;
        let mut gathered = Gathered {
            entry: DesiredEntry {
                label: declared.label.clone(),
                principal,
                resolved_from: from.as_ref().map(From::shown),
                kind: declared.kind.value,
                username,
                groups: declared.groups.as_ref().map(|groups| groups.iter().map(|group| group.value.clone()).collect()),
                own_groups: Vec::new(),
                tags,
                policies: Vec::new(),
                place: declared.place.clone(),
            },
            from,
            own_scopes: Vec::new(),
        };
        if over {
            // What was granted for a time stays as an entry that grants nothing: taken away and declared
            // still, it would begin anew.
            gathered.entry.groups = Some(Vec::new());
        } else {
            resolve_policies(declared, self.actual, own, now, &mut gathered, &mut self.ended, diagnostics);
        }
        Some(gathered)
    }

    fn finish(self, own: &BTreeMap<PolicyName, Vec<PolicyRule>>, diagnostics: &mut Vec<Diagnostic>) -> DesiredCluster {
        let mode = self.mode.as_ref().map(|mode| mode.value);
        if !mode.unwrap_or(self.actual.mode).has_api() && !self.entries.is_empty() {
            let message = format!(
                "cluster `{}` has entries declared, and its authentication mode CONFIG_MAP has none",
                self.actual.arn.name
            );
            let place = self.mode.as_ref().and_then(|mode| mode.place.clone()).or(self.first_entry.clone());
            let help = "declare the mode API_AND_CONFIG_MAP: aws-auth stays in force beside entries";
            diagnostics.push(Diagnostic::error(message, place).help(help));
        }
        let mut scopes: BTreeMap<PolicyName, Vec<AccessScope>> = BTreeMap::new();
        for gathered in self.entries.values() {
            for (policy, scope) in &gathered.own_scopes {
                let list = scopes.entry(policy.clone()).or_default();
                if !list
                    .iter()
                    .any(|other| own_policy::group_name(policy, other) == own_policy::group_name(policy, scope))
                {
                    list.push(scope.clone());
                }
            }
        }
        let (objects, policies) = self.rules(own, &scopes, diagnostics);
        DesiredCluster {
            arn: self.actual.arn.clone(),
            mode,
            entries: self.entries.into_values().map(|gathered| gathered.entry).collect(),
            objects,
            policies,
            ended: self.ended,
        }
    }

    /// The own policies that entries use, in the form that the control plane takes.
    fn rules(
        &self,
        own: &BTreeMap<PolicyName, Vec<PolicyRule>>,
        scopes: &BTreeMap<PolicyName, Vec<AccessScope>>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> (Vec<Value>, BTreeMap<PolicyName, Vec<PolicyRule>>) {
        let used = || scopes.keys().filter_map(|name| Some((name, own.get(name)?)));
        match self.actual.control_plane {
            crate::ControlPlane::Entryway => {
                (Vec::new(), used().map(|(name, rules)| (name.clone(), rules.clone())).collect())
            }
            crate::ControlPlane::Eks => {
                if !scopes.is_empty()
                    && let crate::Readable::Unreadable(why) = &self.actual.rbac
                {
                    let message = format!(
                        "cluster `{}` needs RBAC objects for own policies, and its RBAC could not be read: {why}",
                        self.actual.arn.name
                    );
                    let help = "EKS has no policies of one's own; give a kubeconfig that may read and write RBAC";
                    diagnostics.push(Diagnostic::error(message, self.first_entry.clone()).help(help));
                }
                let namespaces = self.actual.namespaces.get().cloned().unwrap_or_default();
                let mut objects = Vec::new();
                for (name, rules) in used() {
                    objects.push(own_policy::cluster_role(name, rules));
                    for scope in scopes.get(name).into_iter().flatten() {
                        objects.extend(own_policy::bindings(name, scope, &namespaces));
                    }
                }
                (objects, BTreeMap::new())
            }
        }
    }
}

/// When a grant ends. One that is given for a time keeps the end that it was given first.
fn end_of(expiry: Expiry, there: Option<&ActualEntry>, key: &str, now: Timestamp) -> Timestamp {
    match expiry {
        Expiry::At(end) => end,
        Expiry::For(duration) => {
            let given = there.and_then(|entry| tags::stated_end(&entry.tags, key));
            given.unwrap_or_else(|| whole_second(now.saturating_add(duration).unwrap_or(Timestamp::MAX)))
        }
    }
}

/// The end of the second: nobody reads nanoseconds in a tag.
fn whole_second(time: Timestamp) -> Timestamp {
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    time.round(up).unwrap_or(time)
}

/// The rules of entries, in the core's words; `None` where one is broken.
fn check(
    declared: &DeclaredEntry,
    principal: &PrincipalArn,
    cluster: &ActualCluster,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<String> {
    let kind = declared.kind.value;
    let mut fine = true;
    let mut refuse = |error: String, place: Option<Place>| {
        fine = false;
        diagnostics.push(Diagnostic::error(format!("`{}`: {error}", declared.label), place.or(declared.place.clone())));
    };
    if principal.partition() != cluster.arn.partition {
        let message = format!("`{principal}` is of another partition than the cluster (`{}`)", cluster.arn.partition);
        refuse(message, declared.principal.place.clone());
    }
    let username = declared.username.as_ref().filter(|username| !username.value.is_empty());
    if let Some(username) = username
        && let Err(error) = AccessEntry::check_username(kind, Some(&username.value))
    {
        refuse(error.to_string(), username.place.clone());
    }
    for group in declared.groups.iter().flatten() {
        if let Err(error) = AccessEntry::check_groups(kind, std::slice::from_ref(&group.value)) {
            let hint = match group.value == "system:masters" {
                true => "; associate AmazonEKSClusterAdminPolicy instead",
                false => "",
            };
            refuse(format!("{error}{hint}"), group.place.clone());
        }
    }
    if let Err(error) = AccessEntry::new(principal.clone(), kind, None, None, &cluster.arn.account) {
        refuse(error.to_string(), declared.principal.place.clone());
    }
    if !kind.takes_policies() && !declared.policies.is_empty() {
        let place = declared.policies.first().and_then(|policy| policy.policy.place.clone());
        refuse(entryway_access::EntryError::PoliciesWithNodeType.to_string(), place);
    }
    let default = || AccessEntry::default_username(principal, kind).as_str().to_owned();
    fine.then(|| username.map_or_else(default, |username| username.value.clone()))
}

/// A principal that is declared twice: the same is fine, and grants through several IAM groups add up. All else
/// is a conflict, with both places.
fn merge(first: &mut Gathered, second: Gathered, diagnostics: &mut Vec<Diagnostic>) {
    let same = {
        let (mut a, mut b) = (first.entry.clone(), second.entry.clone());
        for entry in [&mut a, &mut b] {
            (entry.label, entry.place, entry.resolved_from) = (String::new(), None, None);
        }
        a == b
    };
    if same {
        return;
    }
    let both_groups = matches!((&first.from, &second.from), (Some(From::Group(_)), Some(From::Group(_))));
    let scopes_differ = second.entry.policies.iter().any(|policy| {
        let other = first.entry.policies.iter().find(|other| other.policy == policy.policy);
        other.is_some_and(|other| other != policy)
    });
    let rest_same = first.entry.kind == second.entry.kind && first.entry.username == second.entry.username;
    if !both_groups || scopes_differ || !rest_same {
        let principal = &first.entry.principal;
        let message = format!(
            "`{principal}` is declared twice, as `{}` and as `{}`, and differently",
            first.entry.label, second.entry.label
        );
        let help = "a principal has one entry on a cluster: join the two";
        diagnostics.push(conflict(message, second.entry.place.clone(), first.entry.place.clone()).help(help));
        return;
    }
    for policy in second.entry.policies {
        if !first.entry.policies.contains(&policy) {
            first.entry.policies.push(policy);
        }
    }
    first.entry.policies.sort_by(|a, b| a.policy.cmp(&b.policy));
    if let Some(groups) = second.entry.groups {
        let all = first.entry.groups.get_or_insert_default();
        let more: Vec<String> = groups.into_iter().filter(|group| !all.contains(group)).collect();
        all.extend(more);
    }
    let more: Vec<String> =
        second.entry.own_groups.into_iter().filter(|group| !first.entry.own_groups.contains(group)).collect();
    first.entry.own_groups.extend(more);
    first.entry.tags.extend(second.entry.tags);
    first.own_scopes.extend(second.own_scopes);
}
