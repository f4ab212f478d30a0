//! The checks of facts: groups that nobody is asked about, bindings to nothing, entries without effect, and what
//! EKS and IAM add.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::{
    ANONYMOUS, AccessEntry, AuthenticationMode, EntryType, MASTERS, MappedPrincipal, PolicyRules, PrincipalArn,
    Snapshot, Subject as RbacSubject, UNAUTHENTICATED,
};
use jiff::Timestamp;

use super::check::{Check, Severity};
use super::facts;
use super::holder::Holder;
use super::holding::{Grants, Holding};
use super::permission_checks::CLUSTER_ADMIN;
use super::{Finding, Standing, Surroundings};
use crate::KnownPrincipals;

/// All that is looked at.
pub(crate) struct Scene<'a> {
    pub(crate) state: &'a Snapshot,
    pub(crate) around: &'a Surroundings,
    pub(crate) known: &'a KnownPrincipals,
    pub(crate) grants: &'a Grants<'a>,
    pub(crate) holdings: &'a [Holding],
    pub(crate) now: Timestamp,
}

fn found(check: &'static Check, holder: Holder, detail: impl Into<String>) -> Finding {
    let (severity, standing) = (check.severity, Standing::Own);
    Finding { check, severity, holder, standing, grants: Vec::new(), detail: detail.into() }
}

/// Looks for all of them. `into` holds what was found of permissions, by which some are judged.
pub(crate) fn look(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    masters(scene, into);
    cluster(scene, into);
    entries(scene, into);
    lines(scene, into);
    bindings(scene, into);
    service_accounts(scene, into);
    iam(scene, into);
}

fn masters(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    for holding in scene.holdings.iter().filter(|holding| holding.is_master()) {
        match &holding.holder {
            Holder::Principal(_) | Holder::OthersOf(_) => {
                let detail = "its groups are never refused anything: system:masters is among them";
                into.push(found(&facts::MASTERS, holding.holder.clone(), detail));
            }
            // The group itself is no member.
            Holder::Group(_) | Holder::User(_) | Holder::ServiceAccount { .. } => {}
            Holder::Cluster | Holder::Binding { .. } => {}
        }
    }
}

fn cluster(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    let mode = scene.state.mode();
    let detail = match mode {
        AuthenticationMode::Api => return,
        AuthenticationMode::ApiAndConfigMap => "aws-auth counts for whoever has no access entry",
        AuthenticationMode::ConfigMap => "aws-auth alone counts; there are no access entries",
    };
    into.push(found(&facts::CONFIG_MAP, Holder::Cluster, format!("mode {mode}: {detail}")));
}

fn entries(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    if !scene.state.mode().has_api() {
        return;
    }
    let users: BTreeMap<&PrincipalArn, &Holding> = scene
        .holdings
        .iter()
        .filter_map(|holding| match &holding.holder {
            Holder::Principal(arn) => Some((arn, holding)),
            _ => None,
        })
        .collect();
    for entry in scene.state.entries() {
        let holder = || Holder::Principal(entry.principal.clone());
        let mut ended: Vec<String> = entry
            .expires
            .filter(|_| !entry.is_in_force(scene.now))
            .into_iter()
            .map(|end| format!("the entry ended at {end}"))
            .collect();
        for association in entry.policies.iter().filter(|association| !association.is_in_force(scene.now)) {
            let end = association.expires.map(|end| end.to_string()).unwrap_or_default();
            ended.push(format!("{} ended at {end}", association.policy.name()));
        }
        let has_ended = !ended.is_empty();
        if has_ended {
            into.push(found(&facts::ENDED, holder(), ended.join("; ")));
        }
        if !entry.is_in_force(scene.now) {
            continue;
        }
        let stale = stale(scene, &entry);
        let is_stale = stale.is_some();
        into.extend(stale.map(|detail| found(&facts::STALE, holder(), detail)));
        let unpublished = unpublished(scene, &entry);
        if !unpublished.is_empty() {
            into.push(found(&facts::UNPUBLISHED, holder(), unpublished.join(", ")));
        }
        let gives_policies = entry.policies.iter().any(|association| association.is_in_force(scene.now));
        let named = users
            .get(&entry.principal)
            .is_some_and(|holding| holding.users.iter().any(|user| scene.grants.names(user)));
        // Of one whose policies have ended, or who is gone, that is said already.
        if entry.kind == EntryType::Standard && !gives_policies && !named && !has_ended && !is_stale {
            let what = match entry.groups.as_slice() {
                [] => "no policy in force, no group, and no binding names its username".to_owned(),
                groups => {
                    format!("no policy in force, and no binding names its username or its groups {}", groups.join(", "))
                }
            };
            into.push(found(&facts::WITHOUT_EFFECT, holder(), what));
        }
    }
}

/// Why an entry lets nobody in, as far as IAM was asked.
fn stale(scene: &Scene<'_>, entry: &AccessEntry) -> Option<String> {
    if scene.known.is_gone(&entry.principal) {
        return Some("IAM has no such user or role".to_owned());
    }
    let noted = entry.unique_id.as_ref()?;
    let now = scene.known.get(&entry.principal)?.unique_id.as_ref()?;
    (noted != now).then(|| format!("its principal was made again: the entry is for {noted}, it is {now} now"))
}

fn unpublished(scene: &Scene<'_>, entry: &AccessEntry) -> Vec<String> {
    let in_force = entry.policies.iter().filter(|association| association.is_in_force(scene.now));
    let unknown = in_force.filter_map(|association| {
        match scene.state.catalogue().get(&association.policy).map(|policy| &policy.rules) {
            Some(PolicyRules::Known(_)) => None,
            Some(PolicyRules::Unpublished) => Some(format!("{} has no published rules", association.policy.name())),
            None => Some(format!("there is no policy {}", association.policy)),
        }
    });
    unknown.collect()
}

fn lines(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    if scene.state.mode() != AuthenticationMode::ApiAndConfigMap {
        return;
    }
    let entries = scene.state.entries();
    let in_force: BTreeMap<PrincipalArn, &PrincipalArn> = entries
        .iter()
        .filter(|entry| entry.is_in_force(scene.now))
        .map(|entry| (entry.principal.without_path(), &entry.principal))
        .collect();
    let aws_auth = scene.state.aws_auth();
    let lines = [("mapRoles", &aws_auth.roles), ("mapUsers", &aws_auth.users)];
    for (key, line) in lines.into_iter().flat_map(|(key, lines)| lines.iter().map(move |line| (key, line))) {
        let MappedPrincipal::Arn(principal) = &line.principal else { continue };
        let Some(by) = in_force.get(&principal.without_path()) else { continue };
        let groups: Vec<&str> = line.groups.iter().map(|group| group.as_str()).collect();
        let groups = if groups.is_empty() { String::new() } else { format!(", with the groups {}", groups.join(", ")) };
        let detail = format!("{key}, line {}{groups}", line.position.line);
        let mut finding = found(&facts::OVERRIDDEN, Holder::Principal((*by).clone()), detail);
        // When the entry goes, this is what is left.
        if line.groups.iter().any(|group| group.as_str() == MASTERS) {
            finding.severity = Severity::Medium;
        }
        into.push(finding);
    }
}

fn bindings(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    for binding in &scene.state.rbac().bindings {
        let holder = || Holder::Binding { namespace: binding.namespace.clone(), name: binding.name.clone() };
        if scene.state.role_rules(&binding.role, binding.namespace.as_deref().unwrap_or_default()).is_none() {
            let subjects: Vec<String> = binding.subjects.iter().map(RbacSubject::to_string).collect();
            let role = format!("{} {}", binding.role.kind.as_str(), binding.role.name);
            let who = if subjects.is_empty() { "nobody".to_owned() } else { subjects.join(", ") };
            into.push(found(&facts::MISSING_ROLE, holder(), format!("there is no {role}; it would be for {who}")));
        }
        let open = binding.subjects.iter().filter(|subject| match subject {
            RbacSubject::User(name) => name == ANONYMOUS,
            RbacSubject::Group(name) => name == UNAUTHENTICATED,
            RbacSubject::ServiceAccount { .. } => false,
        });
        for subject in open {
            let role = format!("{} {}", binding.role.kind.as_str(), binding.role.name);
            into.push(found(&facts::ANONYMOUS, holder(), format!("{role} to {subject}")));
        }
        let Some(there) = &scene.around.service_accounts else { continue };
        for subject in &binding.subjects {
            let RbacSubject::ServiceAccount { namespace, name } = subject else { continue };
            if !there.contains_key(&(namespace.clone(), name.clone())) {
                let detail = format!("there is no service account {namespace}/{name}");
                into.push(found(&facts::MISSING_ACCOUNT, holder(), detail));
            }
        }
    }
}

fn service_accounts(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    for ((namespace, name), role) in scene.around.service_accounts.iter().flatten() {
        if let Some(role) = role {
            let holder = Holder::ServiceAccount { namespace: namespace.clone(), name: name.clone() };
            into.push(found(&facts::CLOUD_ROLE, holder, format!("it carries the IAM role {role}")));
        }
    }
}

fn iam(scene: &Scene<'_>, into: &mut Vec<Finding>) {
    let Some(all) = &scene.around.iam else { return };
    let mut worst: BTreeMap<PrincipalArn, Severity> = BTreeMap::new();
    for finding in into.iter() {
        if let Holder::Principal(arn) = &finding.holder {
            let severity = worst.entry(arn.without_path()).or_insert(finding.severity);
            *severity = finding.severity.max(*severity);
        }
    }
    let admins: BTreeSet<PrincipalArn> = into
        .iter()
        .filter(|finding| finding.check.id == CLUSTER_ADMIN || finding.check.id == facts::MASTERS.id)
        .filter_map(|finding| match &finding.holder {
            Holder::Principal(arn) => Some(arn.without_path()),
            _ => None,
        })
        .collect();
    let has_entries = scene.state.mode().has_api();
    for rights in all {
        let is_admin = admins.contains(&rights.principal.without_path());
        let mut add = |check: &'static Check, detail: String| {
            let standing = if is_admin { Standing::Implied } else { Standing::Own };
            into.push(Finding { standing, ..found(check, Holder::Principal(rights.principal.clone()), detail) });
        };
        let has_entry = scene.state.entry(&rights.principal).is_some();
        if has_entries && rights.makes_itself_administrator(has_entry) {
            let how = if rights.creates_entries { "eks:CreateAccessEntry and " } else { "an entry of its own and " };
            add(&facts::IAM_ENTRIES, format!("{how}eks:AssociateAccessPolicy"));
        }
        if rights.changes_mode && scene.state.mode() != AuthenticationMode::Api {
            add(&facts::IAM_MODE, "eks:UpdateClusterConfig".to_owned());
        }
        if has_entries && rights.passes_roles && rights.creates_entries {
            add(&facts::IAM_PASS_ROLE, "eks:CreateAccessEntry and iam:PassRole".to_owned());
        }
        let own = worst.get(&rights.principal.without_path()).copied();
        for role in &rights.assumes {
            let Some(severity) =
                worst.get(&role.without_path()).copied().filter(|severity| *severity >= Severity::High)
            else {
                continue;
            };
            // Whoever is as much already gains nothing.
            if own < Some(severity) {
                let detail = format!("sts:AssumeRole of {role}, which has findings of severity {severity}");
                into.push(Finding {
                    severity,
                    ..found(&facts::IAM_ASSUME, Holder::Principal(rights.principal.clone()), detail)
                });
            }
        }
    }
}
