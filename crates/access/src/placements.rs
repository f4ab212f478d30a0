//! Roles in their places: a role everywhere (a ClusterRoleBinding's) or in one namespace (a RoleBinding's).
//!
//! Each such pair has one number, ascending by place, those for everywhere first. So all that is kept of a
//! grant is one number, and whether it holds in a namespace is whether it is within that namespace's.

use std::num::NonZeroU32;
use std::ops::Range;

use hashbrown::HashMap;

use crate::name_table::Number;
use crate::rule_table::SetId;
use crate::{Binding, RoleRef};

/// The number of a placement.
pub(crate) type PlacementId = u32;

/// All placements that the bindings of a cluster make.
#[derive(Debug, Default)]
pub(crate) struct Placements {
    /// The role of each, by its number.
    roles: Vec<SetId>,
    /// Those of ClusterRoleBindings are the ones before this.
    everywhere: PlacementId,
    /// Those of each namespace that RoleBindings are in.
    namespaces: HashMap<String, Range<PlacementId>>,
}

impl Placements {
    /// The placements, and the one of each binding: `None` where its role does not exist. `find_role` gives
    /// the role that is meant in a namespace (`""` for none).
    pub(crate) fn of(
        bindings: &[Binding],
        find_role: impl Fn(&RoleRef, &str) -> Option<SetId>,
    ) -> (Placements, Vec<Option<PlacementId>>) {
        let mut places: HashMap<&str, NonZeroU32> = HashMap::new();
        let mut names: Vec<&str> = Vec::new();
        let mut pairs: Vec<(Option<NonZeroU32>, SetId, u32)> = Vec::with_capacity(bindings.len());
        for (binding, object) in (0u32..).zip(bindings) {
            let place = object.namespace.as_deref().map(|name| {
                *places.entry(name).or_insert_with(|| {
                    names.push(name);
                    NonZeroU32::MIN.saturating_add(count(names.len() - 1))
                })
            });
            // A missing role grants nothing until it is there.
            if let Some(role) = find_role(&object.role, object.namespace.as_deref().unwrap_or_default()) {
                pairs.push((place, role, binding));
            }
        }
        pairs.sort_unstable();
        let mut placements = Placements::default();
        let mut of_binding = vec![None; bindings.len()];
        for in_place in pairs.chunk_by(|(a, ..), (b, ..)| a == b) {
            let first = count(placements.roles.len());
            for same in in_place.chunk_by(|(_, a, _), (_, b, _)| a == b) {
                let id = count(placements.roles.len());
                for (_, _, binding) in same {
                    of_binding.get_mut(*binding as usize).into_iter().for_each(|of| *of = Some(id));
                }
                placements.roles.extend(same.first().map(|(_, role, _)| *role));
            }
            let end = count(placements.roles.len());
            match in_place.first().and_then(|(place, ..)| *place) {
                None => placements.everywhere = end,
                Some(place) => {
                    let name = names.get(place.get() as usize - 1).copied().unwrap_or_default();
                    placements.namespaces.insert(name.to_owned(), first..end);
                }
            }
        }
        (placements, of_binding)
    }

    /// The role of a placement.
    pub(crate) fn role(&self, id: PlacementId) -> Option<SetId> {
        self.roles.get(id as usize).copied()
    }

    /// The placements of a namespace alone, none for `""`.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Range<PlacementId> {
        if namespace.is_empty() { 0..0 } else { self.namespaces.get(namespace).cloned().unwrap_or_default() }
    }

    /// How many of a subject's placements, ascending, are for everywhere.
    pub(crate) fn count_everywhere(&self, placements: &[PlacementId]) -> u32 {
        count(placements.partition_point(|id| *id < self.everywhere))
    }
}

/// Of a subject's placements for namespaces, ascending, those of one: where they begin, and they.
pub(crate) fn within<'p>(placements: &'p [Number], namespace: &Range<PlacementId>) -> (usize, &'p [Number]) {
    if namespace.is_empty() {
        return (0, &[]);
    }
    let before = |end: PlacementId| move |id: &Number| PlacementId::from_le_bytes(*id) < end;
    let is_before = before(namespace.start);
    // Halving makes each step wait for the one before it: few are counted faster, several at once.
    let start = if placements.len() <= COUNTED {
        placements.iter().map(|id| u32::from(is_before(id))).sum::<u32>() as usize
    } else {
        placements.partition_point(is_before)
    };
    let rest = placements.get(start..).unwrap_or_default();
    let is_within = before(namespace.end);
    let length = rest.iter().position(|id| !is_within(id)).unwrap_or(rest.len());
    (start, rest.get(..length).unwrap_or_default())
}

/// Few enough to be counted one after the other.
const COUNTED: usize = 64;

/// A number of things in memory as an index of 32 bits, which holds more than memory does.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
