//! What a file itself knows of its clusters: region and account of each name, out of all resources about it.

use std::collections::{BTreeMap, BTreeSet};

use entryway_access::{AccountId, Arn, Region};

use super::resource::Resource;
use crate::reader::Reader;
use crate::tree::Node;
use crate::{ClusterSelector, Placed};

/// Where each name is.
pub(super) struct Clusters(BTreeMap<String, Homes>);

/// Regions and accounts that a cluster's name is found in.
#[derive(Default)]
struct Homes {
    regions: BTreeSet<Region>,
    accounts: BTreeSet<AccountId>,
}

impl Clusters {
    pub(super) fn new(resources: &[Resource]) -> Self {
        let mut known = BTreeMap::<String, Homes>::new();
        for resource in resources {
            let Some(name) = cluster_name(resource).and_then(Node::text) else { continue };
            let homes = known.entry(name.to_owned()).or_default();
            let (region, account) = home(resource);
            homes.regions.extend(region);
            homes.accounts.extend(account);
        }
        Clusters(known)
    }

    /// The cluster that a resource is about. What the resource does not say of its region and account, the
    /// others about the same name do, if they agree.
    pub(super) fn selector(&self, resource: &Resource, reader: &mut Reader<'_>) -> Placed<ClusterSelector> {
        let name = cluster_name(resource);
        let label = if resource.module.is_empty() { resource.address.clone() } else { resource.module.clone() };
        let bytes = name.map_or_else(|| resource.bytes(), |node| node.bytes.clone());
        let Some(text) = name.and_then(Node::text) else {
            let reason = name.and_then(Node::why_unknown).unwrap_or("the name of the cluster is missing").to_owned();
            let selector = reader.default_cluster(&label, &reason);
            return reader.placed(selector, &bytes);
        };
        let (region, account) = home(resource);
        let homes = self.0.get(text);
        let region = region.or_else(|| homes.and_then(|homes| only(&homes.regions)));
        let account = account.or_else(|| homes.and_then(|homes| only(&homes.accounts)));
        let selector = match text.parse() {
            Ok(name) => reader.named(name, region, account),
            Err(error) => {
                reader.error(&bytes, format!("{error}"));
                ClusterSelector::Unknown { label, reason: format!("{error}") }
            }
        };
        reader.placed(selector, &bytes)
    }
}

fn cluster_name(resource: &Resource) -> Option<&Node> {
    resource.attribute(if resource.kind == "aws_eks_cluster" { "name" } else { "cluster_name" })
}

/// Region and account of a resource's cluster, as its own attributes tell them.
fn home(resource: &Resource) -> (Option<Region>, Option<AccountId>) {
    let arn_attribute = if resource.kind == "aws_eks_cluster" { "arn" } else { "access_entry_arn" };
    let arn: Option<Arn> = resource.attribute(arn_attribute).and_then(Node::text).and_then(|text| text.parse().ok());
    let region = resource.attribute("region").and_then(Node::text).or(arn.as_ref().map(Arn::region));
    (region.and_then(|text| text.parse().ok()), arn.and_then(|arn| arn.account().parse().ok()))
}

fn only<T: Clone + Ord>(set: &BTreeSet<T>) -> Option<T> {
    set.first().filter(|_| set.len() == 1).cloned()
}
