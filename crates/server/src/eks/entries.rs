//! Entryway's own API: all access entries of a cluster with their policies, in pages
//! (`/entryway/v1/clusters/NAME/access-entries`), where EKS has two calls for each entry.
//!
//! It tells what those calls tell, to whom they tell it: IAM is asked for the same three actions on the same resources
//! with the same condition keys, and one entry that the caller may not read refuses the page. There is no action of its
//! own, so that no permission has to be given or taken twice.

use entryway_store::ListOptions;
use serde_json::{Value, json};

use super::call::{Answer, Call, resource_tags};
use super::cluster_record::cluster_arn;
use super::entry::{entry_facts, usable};
use super::entry_record::EntryRecord;
use super::error::EksError;
use super::operation::Operation;
use super::page::Items;

/// The most entries of a page.
const MOST: usize = 1000;

pub(super) async fn describe(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = call.find_cluster().await?;
    let list = Operation::ListAccessEntries.action();
    call.authorize_action(&list, &cluster_arn(call.place, call.cluster_name()), |context| {
        if let Some(cluster) = &cluster {
            resource_tags(context, &cluster.record.tags);
        }
    })?;
    let cluster = usable(call, cluster)?;
    let page = call.page_up_to(MOST, &cluster.record.id)?;
    let prefix = call.place.entries(&cluster.record.name);
    let after = page.after.map(|last| format!("{prefix}{last}"));
    let listing = call.plane.store.list(&prefix, ListOptions { after, limit: page.limit, at: None }).await?;
    let last = listing.items.last().and_then(|item| item.key.strip_prefix(&prefix)).map(str::to_owned);
    let reads = [Operation::DescribeAccessEntry.action(), Operation::ListAssociatedAccessPolicies.action()];
    let caller = call.context();
    let mut items = Vec::with_capacity(listing.items.len());
    for item in &listing.items {
        let record = EntryRecord::parse(&item.value).map_err(EksError::internal)?;
        let mut context = caller.clone();
        entry_facts(&mut context, &record);
        for action in &reads {
            call.may(action, &record.arn, &context)?;
        }
        let policies: Vec<Value> = record.policies.iter().map(|(arn, one)| one.to_aws(arn)).collect();
        items.push(json!({
            "accessEntry": record.to_aws(&cluster.record.name),
            "associatedAccessPolicies": policies,
        }));
    }
    let more_after = last.filter(|_| listing.remaining > 0);
    Ok(Answer::read(call.paged("accessEntries", Items { items, more_after }, &cluster.record.id)))
}
