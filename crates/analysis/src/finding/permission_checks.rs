//! The checks of permissions on somebody's holding.

use std::collections::HashSet;
use std::sync::Arc;

use entryway_access::{ANONYMOUS, Snapshot, UNAUTHENTICATED};

use super::check::{Check, Severity};
use super::holding::{Holding, Reach};
use super::permissions::CHECKS;
use super::vocabulary::{Permissions, Powers, of_check, vocabulary};
use super::{Finding, Grant, Holder, Standing, Surroundings};
use crate::Place;

/// The namespace whose service accounts have the widest rights.
pub(crate) const PRIVILEGED: &str = "kube-system";
pub(crate) const PRIVILEGED_POD: &str = "privileged-pod";
pub(crate) const AWS_AUTH_WRITE: &str = "aws-auth-write";
pub(crate) const CLUSTER_ADMIN: &str = "cluster-admin";

/// Whether a place is, or takes in, `kube-system`.
pub(crate) fn is_privileged(place: &Place) -> bool {
    place.covers(&Place::In(PRIVILEGED.to_owned()))
}

/// What a check comes to with some powers: the permissions of all its ways that are satisfied.
pub(crate) fn satisfied(check: usize, held: Permissions) -> Permissions {
    let ways = vocabulary().ways.get(check).map(Vec::as_slice).unwrap_or_default();
    let satisfied = ways.iter().filter(|way| way.iter().all(|need| held.meets(*need)));
    satisfied.flatten().fold(Permissions::default(), |all, need| all | *need).and(held)
}

/// What was found in a place.
struct Here {
    severity: Severity,
    permissions: Permissions,
    for_names: bool,
}

pub(crate) fn look(state: &Snapshot, holding: &Holding, around: &Surroundings, into: &mut Vec<Finding>) {
    if holding.is_master() || holding.own.is_empty() {
        return;
    }
    let has_anything = holding.own.iter().fold(Permissions::default(), |all, source| all | source.powers.any());
    let places = holding.places();
    let first = into.len();
    let mut is_admin = false;
    for (index, check) in CHECKS.iter().enumerate() {
        let looked_at =
            has_anything.meets(of_check(index)) && (check.id != AWS_AUTH_WRITE || state.mode().has_config_map());
        if !looked_at {
            continue;
        }
        let Some(mut finding) = look_for(index, check, holding, &places, around) else { continue };
        is_admin |= check.id == CLUSTER_ADMIN;
        if is_admin && check.id != CLUSTER_ADMIN {
            finding.standing = Standing::Implied;
        }
        into.push(finding);
    }
    // Whatever anybody may who has not signed in is one finding more, and the worst of all.
    let open = matches!(&holding.holder, Holder::User(name) if name == ANONYMOUS)
        || matches!(&holding.holder, Holder::Group(name) if name == UNAUTHENTICATED);
    if open {
        into.iter_mut().skip(first).for_each(|finding| finding.severity = Severity::Critical);
    }
}

fn look_for(
    index: usize,
    check: &'static Check,
    holding: &Holding,
    places: &[Reach<'_>],
    around: &Surroundings,
) -> Option<Finding> {
    let mut severity = None;
    let mut grants = Vec::new();
    let mut told = HashSet::new();
    for reach in places {
        if !applies(check, reach.place, around) {
            continue;
        }
        let Some(here) = look_in(index, check, reach) else { continue };
        severity = severity.max(Some(here.severity));
        for source in reach.sources.iter().filter(|source| source.powers.any().meets(here.permissions)) {
            if told.insert(std::ptr::from_ref(*source)) {
                let permissions = source.powers.any().and(here.permissions);
                let for_names = here.for_names && !source.powers.all.meets(permissions);
                let (place, through) = (source.place.clone(), Arc::clone(&source.through));
                grants.push(Grant { place, permissions, for_names, through });
            }
        }
        // What holds everywhere is not said again of a namespace.
        if *reach.place == Place::Cluster && !here.for_names {
            break;
        }
    }
    Some(Finding {
        check,
        severity: severity?,
        holder: holding.holder.clone(),
        standing: Standing::Own,
        grants,
        detail: String::new(),
    })
}

fn look_in(index: usize, check: &Check, reach: &Reach<'_>) -> Option<Here> {
    let base = if is_privileged(reach.place) { check.severity } else { check.elsewhere? };
    let Powers { all, some } = reach.total;
    let own = reach.own.any();
    let (full, with_names) = (satisfied(index, all), satisfied(index, all | some));
    if full.meets(own) {
        return Some(Here { severity: base, permissions: full, for_names: false });
    }
    with_names.meets(own).then_some(Here { severity: base.lower(), permissions: with_names, for_names: true })
}

/// Whether a check has to do with a place.
pub(crate) fn applies(check: &Check, place: &Place, around: &Surroundings) -> bool {
    if check.id != PRIVILEGED_POD {
        return true;
    }
    let Some(namespaces) = &around.namespaces else { return false };
    let unguarded = |(_, enforces): (&String, &bool)| !enforces;
    match place {
        Place::Cluster => namespaces.iter().any(unguarded),
        Place::In(name) if !name.contains('*') => namespaces.get_key_value(name).is_some_and(unguarded),
        Place::In(_) => {
            namespaces.iter().filter(|one| unguarded(*one)).any(|(name, _)| place.covers(&Place::In(name.clone())))
        }
    }
}
