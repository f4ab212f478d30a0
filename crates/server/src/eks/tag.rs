//! TagResource, UntagResource, ListTagsForResource: for clusters and access entries.
//!
//! Tags that give access an end are access: besides tagging, whoever sets, moves or removes one must be allowed to
//! change the entry, or to associate the policy.

use entryway_access::{Arn, ClusterName, EXPIRES_POLICY, PolicyArn};
use entryway_iam::policy::Context;
use entryway_store::{ListOptions, Txn};
use serde::Deserialize;
use serde_json::json;

use super::call::{Answer, Call, Stored, request_tags, resource_tags, retry};
use super::cluster_record::ClusterRecord;
use super::entry::{entry_facts, to_bytes};
use super::entry_record::{EntryRecord, cluster_of_arn};
use super::error::{EksError, Fault};
use super::tags::{self, Tags};
use crate::runtime::Part;

#[derive(Debug, Deserialize)]
struct TagInput {
    tags: Option<Tags>,
}

/// What carries tags.
enum Resource {
    Cluster(Box<Stored<ClusterRecord>>),
    /// With its cluster's name.
    Entry(String, Box<Stored<EntryRecord>>),
}

impl Resource {
    fn tags(&self) -> &Tags {
        match self {
            Resource::Cluster(cluster) => &cluster.record.tags,
            Resource::Entry(_, entry) => &entry.record.tags,
        }
    }
}

/// Finds the resource of the path, once IAM lets the caller.
async fn authorized(call: &Call<'_>, facts: impl FnOnce(&mut Context)) -> Result<Resource, EksError> {
    let text = call.target.resource.as_deref().unwrap_or_default();
    let found = find(call, text).await?;
    call.authorize(text, |context| {
        if let Some(found) = &found {
            resource_tags(context, found.tags());
        }
        facts(context);
    })?;
    found.ok_or_else(|| EksError::new(Fault::NotFound, format!("Resource not found for ARN: {text}")))
}

async fn find(call: &Call<'_>, text: &str) -> Result<Option<Resource>, EksError> {
    let malformed = || call.bad(format!("Invalid resource ARN: {text}"));
    let arn: Arn = text.parse().map_err(|_| malformed())?;
    if arn.service() != "eks" {
        return Err(malformed());
    }
    let place = call.place;
    if (arn.partition(), arn.region(), arn.account())
        != (place.partition().as_str(), place.region.as_str(), place.account.as_str())
    {
        return Ok(None);
    }
    if let Some(name) = arn.resource().strip_prefix("cluster/") {
        let name: ClusterName = name.parse().map_err(|_| malformed())?;
        let key = place.cluster(name.as_str());
        let Some(found) = call.plane.store.get(&key).await? else { return Ok(None) };
        let record = ClusterRecord::parse(&found.value).map_err(EksError::internal)?;
        return Ok(Some(Resource::Cluster(Box::new(Stored { record, key, modified: found.modified }))));
    }
    let cluster = cluster_of_arn(arn.resource()).ok_or_else(malformed)?;
    // The ARN has neither the principal's path nor its partition, so the entry is found by its own ARN.
    for item in call.plane.store.list(&place.entries(cluster), ListOptions::default()).await?.items {
        let record = EntryRecord::parse(&item.value).map_err(EksError::internal)?;
        if record.arn == text {
            let entry = Stored { record, key: item.key, modified: item.modified };
            return Ok(Some(Resource::Entry(cluster.to_owned(), Box::new(entry))));
        }
    }
    Ok(None)
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    let resource = authorized(call, |_| {}).await?;
    Ok(Answer::read(json!({ "tags": resource.tags() })))
}

pub(super) async fn tag(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: TagInput = call.body()?;
    let given = call.required("tags", input.tags)?;
    if given.is_empty() {
        return Err(call.bad("The tags parameter must hold at least one tag"));
    }
    change(call, |context| request_tags(context, &given), |have| tags::merge(have, &given)).await
}

pub(super) async fn untag(call: &Call<'_>) -> Result<Answer, EksError> {
    let keys: Vec<&str> = call.query_all("tagKeys").collect();
    if keys.is_empty() || keys.len() > 50 {
        return Err(call.bad("The tagKeys parameter must name 1 to 50 keys"));
    }
    let facts = |context: &mut Context| {
        context.set_all("aws:TagKeys", keys.iter().copied());
    };
    let keep = |have: &Tags| {
        Ok(have.iter().filter(|(key, _)| !keys.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect())
    };
    change(call, facts, keep).await
}

async fn change(
    call: &Call<'_>,
    facts: impl Fn(&mut Context),
    new_tags: impl Fn(&Tags) -> Result<Tags, String>,
) -> Result<Answer, EksError> {
    retry(async || {
        let resource = authorized(call, &facts).await?;
        let tags = new_tags(resource.tags()).map_err(|problem| call.bad(problem))?;
        if let Resource::Entry(cluster, entry) = &resource {
            may_change_ends(call, cluster, &entry.record, &tags)?;
        }
        let answer = json!({});
        let (cluster, part, key, modified, bytes) = match resource {
            Resource::Cluster(mut cluster) => {
                cluster.record.tags = tags;
                let bytes = to_bytes(&cluster.record)?;
                (cluster.record.name, Part::Record, cluster.key, cluster.modified, bytes)
            }
            Resource::Entry(cluster, mut entry) => {
                entry.record.tags = tags;
                let bytes = to_bytes(&entry.record)?;
                (cluster, Part::Entries, entry.key, entry.modified, bytes)
            }
        };
        let txn = Txn::new().modified_at(&key, modified).put(&key, bytes);
        let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
        if let Some(running) = call.plane.clusters.get(call.place, &cluster) {
            call.in_force(&running, &[part], revision).await?;
        }
        Ok(Some(Answer::changed(answer)))
    })
    .await
}

/// Whether IAM lets the caller change the ends that `after` changes.
fn may_change_ends(call: &Call<'_>, cluster: &str, entry: &EntryRecord, after: &Tags) -> Result<(), EksError> {
    let facts = |context: &mut Context| {
        context.set("eks:clusterName", cluster);
        entry_facts(context, entry);
    };
    for key in tags::changed_ends(&entry.tags, after) {
        let Some(name) = key.strip_prefix(EXPIRES_POLICY) else {
            call.authorize_action("eks:UpdateAccessEntry", &entry.arn, facts)?;
            continue;
        };
        let named = |arn: &str| arn.parse::<PolicyArn>().is_ok_and(|policy| policy.name().as_str() == name);
        let associated: Vec<_> = entry.policies.iter().filter(|(arn, _)| named(arn)).map(Some).collect();
        // An end may be given before the policy is.
        for association in if associated.is_empty() { vec![None] } else { associated } {
            call.authorize_action("eks:AssociateAccessPolicy", &entry.arn, |context| {
                facts(context);
                if let Some((arn, association)) = association {
                    association.facts(context, arn);
                }
            })?;
        }
    }
    Ok(())
}
