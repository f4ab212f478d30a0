//! Entryway's own API for own access policies: `/entryway/v1/policies`. What they are is in `crate::own_policy`;
//! associating them is EKS's API, as with AWS's.
//!
//! A policy's `version` changes with each write. Who names the version that he read changes that one or nothing;
//! version `0` is that of a policy that is not there yet.

use entryway_access::{PolicyArn, PolicyName};
use entryway_store::{ListOptions, Revision, Txn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Answer, Call, Stored, retry};
use super::entry::to_bytes;
use super::entry_record::EntryRecord;
use super::error::{EksError, Fault};
use super::page::Items;
use crate::own_policy::{self, MAX_POLICIES, OwnPolicyRecord, RuleInput};
use crate::runtime::Part;

/// Entries that a refused deletion names.
const NAMED: usize = 5;
/// Entries that are looked at at once.
const STEP: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PutInput {
    rules: Option<Vec<RuleInput>>,
    description: Option<String>,
    version: Option<String>,
}

pub(super) async fn put(call: &Call<'_>) -> Result<Answer, EksError> {
    let raw = authorized(call)?;
    let name = own_policy::check_name(raw, &call.plane.catalogue).map_err(|problem| call.bad(problem))?;
    let input: PutInput = call.body()?;
    let rules = call.required("rules", input.rules)?;
    let rules = own_policy::check_rules(rules).map_err(|problem| call.bad(problem))?;
    own_policy::check_description(input.description.as_deref().unwrap_or_default())
        .map_err(|problem| call.bad(problem))?;
    let arn = own_policy::arn_of(call.place, name.clone());
    retry(async || {
        let before = find(call, &name).await?;
        check_version(call, input.version.as_deref(), before.as_ref())?;
        let mut txn = Txn::new();
        let created_at = match &before {
            Some(before) => {
                txn = txn.modified_at(&before.key, before.modified);
                before.record.created_at
            }
            None => {
                room_for_one(call).await?;
                txn = txn.absent(call.place.policy(name.as_str()));
                call.now
            }
        };
        // Who gives none leaves the one that is there; an empty one removes it.
        let kept = || before.as_ref().and_then(|before| before.record.description.clone());
        let description = input.description.clone().or_else(kept).filter(|text| !text.is_empty());
        let record = OwnPolicyRecord { description, rules: rules.clone(), created_at, modified_at: call.now };
        let txn = txn.put(call.place.policy(name.as_str()), to_bytes(&record)?);
        let shown = record.to_json(&arn);
        let Some(revision) = call.commit(txn, &json!({ "policy": shown })).await? else { return Ok(None) };
        in_force_everywhere(call, revision).await?;
        Ok(Some(Answer::changed(json!({ "policy": with_version(shown, revision) }))))
    })
    .await
}

pub(super) async fn get(call: &Call<'_>) -> Result<Answer, EksError> {
    let name = existing_name(call, authorized(call)?)?;
    let found = find(call, &name).await?.ok_or_else(|| missing(&name))?;
    let arn = own_policy::arn_of(call.place, name);
    Ok(Answer::read(json!({ "policy": with_version(found.record.to_json(&arn), found.modified) })))
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    authorized(call)?;
    let page = call.page("")?;
    let prefix = call.place.policies();
    let after = page.after.map(|last| format!("{prefix}{last}"));
    let listing = call.plane.store.list(&prefix, ListOptions { after, limit: page.limit, at: None }).await?;
    let last = listing.items.last().and_then(|item| item.key.strip_prefix(&prefix)).map(str::to_owned);
    let mut items = Vec::with_capacity(listing.items.len());
    for item in &listing.items {
        let Some(arn) = own_policy::arn(call.place, &item.key) else { continue };
        let record = OwnPolicyRecord::parse(&item.value).map_err(EksError::internal)?;
        items.push(with_version(record.to_json(&arn), item.modified));
    }
    let more_after = last.filter(|_| listing.remaining > 0);
    Ok(Answer::read(call.paged("policies", Items { items, more_after }, "")))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Answer, EksError> {
    let name = existing_name(call, authorized(call)?)?;
    let arn = own_policy::arn_of(call.place, name.clone());
    retry(async || {
        let before = find(call, &name).await?.ok_or_else(|| missing(&name))?;
        check_version(call, call.query("version"), Some(&before))?;
        // Read before the entries: whoever associates the policy from here on writes it, and this does not commit.
        let mark = call.place.policy_use(name.as_str());
        let marked = call.plane.store.get(&mark).await?.map(|found| found.modified);
        unused(call, &arn).await?;
        let mut txn = Txn::new().modified_at(&before.key, before.modified).delete(&before.key);
        txn = match marked {
            Some(revision) => txn.modified_at(&mark, revision).delete(&mark),
            None => txn.absent(&mark),
        };
        let answer = json!({});
        let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
        in_force_everywhere(call, revision).await?;
        Ok(Some(Answer::changed(answer)))
    })
    .await
}

/// Whether an own policy can be associated now; `None` where it does not exist. The transaction of the association
/// holds only as long as it does, and is seen by whoever deletes it.
pub(super) async fn associable(call: &Call<'_>, policy: &PolicyArn) -> Result<Option<Txn>, EksError> {
    let name = policy.name();
    if *policy != own_policy::arn_of(call.place, name.clone()) || find(call, name).await?.is_none() {
        return Ok(None);
    }
    let name = name.as_str();
    Ok(Some(Txn::new().present(call.place.policy(name)).put(call.place.policy_use(name), Vec::new())))
}

/// The name in the path (empty for a list), once IAM lets the caller.
fn authorized<'a>(call: &Call<'a>) -> Result<&'a str, EksError> {
    let name = call.target.own_policy.as_deref();
    call.authorize(&call.place.arn(format_args!("cluster-access-policy/{}", name.unwrap_or("*"))), |_| {})?;
    Ok(name.unwrap_or_default())
}

fn existing_name(call: &Call<'_>, text: &str) -> Result<PolicyName, EksError> {
    text.parse().map_err(|error: entryway_access::ArnError| call.bad(error))
}

async fn find(call: &Call<'_>, name: &PolicyName) -> Result<Option<Stored<OwnPolicyRecord>>, EksError> {
    call.load(call.place.policy(name.as_str()), OwnPolicyRecord::parse).await
}

fn missing(name: &PolicyName) -> EksError {
    EksError::new(Fault::ResourceNotFound, format!("No own access policy found for name: {name}."))
}

fn with_version(mut policy: Value, version: Revision) -> Value {
    if let Some(members) = policy.as_object_mut() {
        members.insert("version".to_owned(), json!(version.to_string()));
    }
    policy
}

fn check_version(
    call: &Call<'_>,
    wanted: Option<&str>,
    found: Option<&Stored<OwnPolicyRecord>>,
) -> Result<(), EksError> {
    let Some(text) = wanted else { return Ok(()) };
    let wanted: Revision = text.parse().map_err(|_| call.bad(format!("version must be a number, not {text}")))?;
    let version = found.map_or(0, |found| found.modified);
    if wanted == version {
        return Ok(());
    }
    let is = if version == 0 { "it does not exist".to_owned() } else { format!("its version is {version}") };
    let message = format!("The policy was changed since version {wanted} was read: {is}. Read it again.");
    Err(EksError::new(Fault::Conflict, message))
}

async fn room_for_one(call: &Call<'_>) -> Result<(), EksError> {
    let options = ListOptions { after: None, limit: MAX_POLICIES, at: None };
    if call.plane.store.list(&call.place.policies(), options).await?.items.len() < MAX_POLICIES {
        return Ok(());
    }
    let message = format!(
        "The maximum number of own access policies for the account and region has been reached: {MAX_POLICIES}"
    );
    Err(EksError::new(Fault::ResourceLimitExceeded, message))
}

/// No entry of any cluster may have the policy.
async fn unused(call: &Call<'_>, arn: &PolicyArn) -> Result<(), EksError> {
    let (prefix, arn) = (call.place.all_entries(), arn.to_string());
    let (mut users, mut count, mut after) = (Vec::new(), 0usize, None);
    loop {
        let listing = call.plane.store.list(&prefix, ListOptions { after, limit: STEP, at: None }).await?;
        for item in &listing.items {
            let Ok(entry) = EntryRecord::parse(&item.value) else { continue };
            if entry.policies.contains_key(&arn) {
                count = count.saturating_add(1);
                if users.len() < NAMED {
                    let rest = item.key.strip_prefix(&prefix).unwrap_or_default();
                    let cluster = rest.split('/').next().unwrap_or_default();
                    users.push(format!("{} on {cluster}", entry.principal));
                }
            }
        }
        after = listing.items.last().map(|item| item.key.clone());
        if listing.remaining == 0 || after.is_none() {
            break;
        }
    }
    if count == 0 {
        return Ok(());
    }
    let more = count.saturating_sub(users.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!(
        "The policy is associated with access entries: {}{more}. Disassociate it from them first.",
        users.join(", ")
    );
    Err(EksError::new(Fault::ResourceInUse, message))
}

/// Returns once every cluster of the place decides by the change.
async fn in_force_everywhere(call: &Call<'_>, revision: Revision) -> Result<(), EksError> {
    for running in call.plane.clusters.of(call.place) {
        call.in_force(&running, &[Part::Policies], revision).await?;
    }
    Ok(())
}
