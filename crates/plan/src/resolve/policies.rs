//! The policies of an entry: whose they are, where, until when.

use std::collections::BTreeMap;

use entryway_access::{Association, PolicyArn, PolicyName, PolicyRule, expires_key};
use entryway_formats::{DeclaredEntry, DeclaredPolicy, Diagnostic, Expiry, PolicyRef};
use jiff::Timestamp;

use super::{Gathered, conflict, end_of};
use crate::own_policy::{group_name, has_pattern};
use crate::{ActualCluster, ControlPlane, Readable};

pub(super) fn resolve_policies(
    declared: &DeclaredEntry,
    cluster: &ActualCluster,
    own: &BTreeMap<PolicyName, Vec<PolicyRule>>,
    now: Timestamp,
    gathered: &mut Gathered,
    ended: &mut Vec<String>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut first: BTreeMap<PolicyArn, &DeclaredPolicy> = BTreeMap::new();
    for policy in &declared.policies {
        let Some(arn) = resolve_policy(policy, cluster, own, diagnostics) else { continue };
        match first.get(&arn) {
            Some(other) if other.scope.value == policy.scope.value => continue,
            Some(other) => {
                let message = format!("`{}` is associated twice with different scopes", arn.name());
                let diagnostic = conflict(message, policy.policy.place.clone(), other.policy.place.clone());
                diagnostics.push(diagnostic.help("a policy has one scope for a principal: list all namespaces in it"));
                continue;
            }
            None => {
                first.insert(arn.clone(), policy);
            }
        }
        let mut end = None;
        if let Some(expires) = &policy.expires {
            let key = expires_key(arn.name());
            let at = end_of(expires.value, cluster.entry(&gathered.entry.principal), &key, now);
            let over = at <= now;
            if over {
                ended.push(format!("`{}` of `{}` ended at {at}", arn.name(), gathered.entry.principal));
            }
            // The tag of what was granted for a time stays, or it would begin anew.
            if !over || matches!(expires.value, Expiry::For(_)) {
                gathered.entry.tags.insert(key, at.to_string());
            }
            if over {
                continue;
            }
            end = Some(at);
        }
        let scope = policy.scope.value.clone();
        match (&arn, cluster.control_plane) {
            (PolicyArn::Own { name, .. }, ControlPlane::Eks) => {
                warn_of_pattern(policy, cluster, diagnostics);
                gathered.entry.own_groups.push(group_name(name, &scope));
                gathered.own_scopes.push((name.clone(), scope));
            }
            (PolicyArn::Own { name, .. }, ControlPlane::Entryway) => {
                if own.contains_key(name) {
                    gathered.own_scopes.push((name.clone(), scope.clone()));
                }
                gathered.entry.policies.push(Association { policy: arn, scope, expires: end });
            }
            (PolicyArn::Aws { .. }, _) => {
                gathered.entry.policies.push(Association { policy: arn, scope, expires: end });
            }
        }
    }
    gathered.entry.policies.sort_by(|a, b| a.policy.cmp(&b.policy));
}

/// RBAC has no patterns of namespaces, so those that are made later are not covered until the next `apply`.
fn warn_of_pattern(policy: &DeclaredPolicy, cluster: &ActualCluster, diagnostics: &mut Vec<Diagnostic>) {
    if !has_pattern(&policy.scope.value) {
        return;
    }
    let place = policy.scope.place.clone();
    match &cluster.namespaces {
        Readable::Read(_) => {
            let message = format!(
                "EKS has no own policies, and RBAC no patterns: `{}` is bound in the namespaces there are now",
                policy.scope.value
            );
            diagnostics.push(Diagnostic::note(message, place).help("apply again when namespaces are made"));
        }
        Readable::Unreadable(why) => {
            let message = format!(
                "`{}` stands for namespaces of cluster `{}`, which could not be read: {why}",
                policy.scope.value, cluster.arn.name
            );
            diagnostics.push(Diagnostic::error(message, place).help("name the namespaces, or allow listing them"));
        }
    }
}

fn resolve_policy(
    declared: &DeclaredPolicy,
    cluster: &ActualCluster,
    own: &BTreeMap<PolicyName, Vec<PolicyRule>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<PolicyArn> {
    let place = declared.policy.place.clone();
    let mut refuse = |message: String| {
        diagnostics.push(Diagnostic::error(message, place.clone()));
        None
    };
    match &declared.policy.value {
        PolicyRef::Own(name) => {
            let there = own.contains_key(name)
                || (cluster.control_plane == ControlPlane::Entryway && cluster.own_policies.contains_key(name));
            match there {
                true => Some(cluster.own_policy_arn(name)),
                false => refuse(format!("there is no policy `{name}` under `policies`")),
            }
        }
        PolicyRef::Arn(PolicyArn::Aws { partition, name }) => {
            let written = declared.policy.place.as_ref();
            let written = written.and_then(|place| place.source.text().get(place.bytes.clone())).unwrap_or_default();
            // A name alone is of whatever partition the cluster is in; an ARN means what it says.
            if *partition != cluster.arn.partition && written.contains("arn:") {
                let right = PolicyArn::Aws { partition: cluster.arn.partition, name: name.clone() };
                return refuse(format!("`{written}` is of another partition than the cluster; write `{right}`"));
            }
            let arn = PolicyArn::Aws { partition: cluster.arn.partition, name: name.clone() };
            if cluster.catalogue.get(&arn).is_some_and(|policy| policy.service_linked_only) {
                return refuse(format!(
                    "`{name}`: the specified policyArn can only be associated with service-linked roles"
                ));
            }
            Some(arn)
        }
        PolicyRef::Arn(arn @ PolicyArn::Own { name, .. }) => match cluster.control_plane {
            ControlPlane::Entryway if *arn == cluster.own_policy_arn(name) => Some(arn.clone()),
            ControlPlane::Entryway => refuse(format!("`{arn}` is of another account or region than the cluster")),
            ControlPlane::Eks => refuse(format!(
                "`{arn}` is a policy of Entryway's own control plane; declare its rules under `policies` to have it on EKS"
            )),
        },
        PolicyRef::Unknown { label, reason } => {
            refuse(format!("the policy of `{label}` can't be known from the text: {reason}"))
        }
    }
}
