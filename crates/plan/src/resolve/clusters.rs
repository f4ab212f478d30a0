//! Which clusters a declaration is about.

use entryway_access::{AccountId, ClusterName, Region};
use entryway_formats::{ClusterSelector, Diagnostic, Placed};

use crate::{ActualCluster, World};

pub(super) fn find_clusters<'w>(
    selector: &Placed<ClusterSelector>,
    world: &'w World,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<&'w ActualCluster> {
    let place = selector.place.clone();
    match &selector.value {
        ClusterSelector::Named { name, region, account } => {
            let found = named(name, region.as_ref(), account.as_ref(), world);
            match found.as_slice() {
                [_] => {}
                [] if has_failed(name, world) => {} // It is named as trouble already.
                [] => {
                    let there: Vec<String> =
                        world.clusters.iter().map(|cluster| format!("`{}`", cluster.arn.name)).collect();
                    let list = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                    let wanted = region.as_ref().or(world.region.as_ref());
                    let at = wanted.map(|region| format!(" in {region}")).unwrap_or_default();
                    let message = format!("there is no cluster `{name}`{at}; the clusters are: {list}");
                    diagnostics.push(Diagnostic::error(message, place));
                }
                several => {
                    let arns: Vec<String> = several.iter().map(|cluster| format!("`{}`", cluster.arn)).collect();
                    let message = format!("several clusters are called `{name}`: {}", arns.join(", "));
                    diagnostics.push(Diagnostic::error(message, place).help("say which by region and account"));
                    return Vec::new();
                }
            }
            found
        }
        ClusterSelector::Tagged { tags, region, account } => {
            let has_tags = |cluster: &&ActualCluster| {
                tags.iter().all(|(key, value)| cluster.tags.get(key) == Some(value))
                    && region.as_ref().is_none_or(|region| *region == cluster.arn.region)
                    && account.as_ref().is_none_or(|account| *account == cluster.arn.account)
            };
            let found: Vec<&ActualCluster> = world.clusters.iter().filter(has_tags).collect();
            if found.is_empty() {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("`{key}={value}`")).collect();
                let message = format!("no cluster has the tags {}", tags.join(", "));
                diagnostics.push(Diagnostic::warning(message, place));
            }
            found
        }
        ClusterSelector::Unknown { label, reason } => {
            let message = format!("which cluster `{label}` is about can't be known from the text: {reason}");
            diagnostics.push(Diagnostic::error(message, place).help("name it with `--cluster`"));
            Vec::new()
        }
    }
}

/// Clusters of that name. What the declaration leaves open, the caller's region and account settle, where one
/// is there.
fn named<'w>(
    name: &ClusterName,
    region: Option<&Region>,
    account: Option<&AccountId>,
    world: &'w World,
) -> Vec<&'w ActualCluster> {
    let matching = |region: Option<&Region>, account: Option<&AccountId>| -> Vec<&'w ActualCluster> {
        let clusters = world.clusters.iter().filter(|cluster| {
            cluster.arn.name == *name
                && region.is_none_or(|region| *region == cluster.arn.region)
                && account.is_none_or(|account| *account == cluster.arn.account)
        });
        clusters.collect()
    };
    let all = matching(region, account);
    if all.len() <= 1 {
        return all;
    }
    let nearer = matching(region.or(world.region.as_ref()), account.or(world.account.as_ref()));
    if nearer.len() == 1 { nearer } else { all }
}

fn has_failed(name: &ClusterName, world: &World) -> bool {
    world.failed.iter().any(|failed| failed.name == *name)
}
