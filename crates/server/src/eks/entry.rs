//! Access entries: create, describe, update, delete, list.

use entryway_access::{AccessEntry, AuthenticationMode, EntryError, EntryType, PolicyArn, PrincipalArn};
use entryway_iam::policy::Context;
use entryway_store::{ListOptions, Txn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Answer, Call, Stored, request_tags, resource_tags, retry};
use super::cluster_record::ClusterRecord;
use super::entry_record::{EntryRecord, without_path};
use super::error::{EksError, Fault};
use super::page::Items;
use super::request_token::{self, Token};
use super::tags::{self, Tags};
use crate::clusters::Running;
use crate::runtime::Part;
use crate::who::Principal;

/// EKS's quota.
pub(crate) const MAX_ENTRIES: usize = 3000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateInput {
    principal_arn: Option<String>,
    kubernetes_groups: Option<Vec<String>>,
    tags: Option<Tags>,
    client_request_token: Option<String>,
    username: Option<String>,
    r#type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateInput {
    kubernetes_groups: Option<Vec<String>>,
    client_request_token: Option<String>,
    username: Option<String>,
}

pub(super) async fn create(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: CreateInput = call.body()?;
    match retry(async || try_create(call, &input).await).await {
        // By the same request, perhaps, at the same time.
        Err(error) if error.fault == Fault::ResourceInUse => {
            request_token::first_answer(call, input.client_request_token.as_deref(), error).await
        }
        done => done,
    }
}

async fn try_create(call: &Call<'_>, input: &CreateInput) -> Result<Option<Answer>, EksError> {
    let cluster = call.find_cluster().await?;
    call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |context| {
        context.set("eks:accessEntryType", input.r#type.as_deref().unwrap_or(EntryType::Standard.as_str()));
        set(context, "eks:principalArn", input.principal_arn.as_deref());
        set(context, "eks:username", input.username.as_deref());
        if let Some(groups) = &input.kubernetes_groups {
            context.set_all("eks:kubernetesGroups", groups.iter().cloned());
        }
        request_tags(context, input.tags.as_ref().unwrap_or(&Tags::new()));
    })?;
    let cluster = usable(call, cluster)?;
    let token = request_token::look_up(call, input.client_request_token.as_deref()).await?;
    if let Token::Again(answer) = token {
        return Ok(Some(Answer::read(answer)));
    }
    let entry = checked(call, input)?;
    let none = Tags::new();
    let tags = tags::merge(&none, input.tags.as_ref().unwrap_or(&none)).map_err(|problem| call.bad(problem))?;
    let unique_id = known_principal(call, &entry.principal).await?;

    let running = call.running()?;
    let name_free = free_name(call, &running, &entry.principal, unique_id.as_deref()).await?;
    let _reserved = running.reserve()?;
    let record = EntryRecord::new(&entry, unique_id, tags, call.place, &cluster.record.name, call.now);
    let answer = json!({ "accessEntry": record.to_aws(&cluster.record.name) });
    let key = call.place.entry(&cluster.record.name, &record.principal);
    let txn = name_free.modified_at(&cluster.key, cluster.modified).absent(&key).put(&key, to_bytes(&record)?);
    let committed = call.commit(token.remember(txn, &answer, call.now), &answer).await?;
    let Some(revision) = committed else {
        let taken = call.find_entry(&cluster.record.name, &record.principal).await?.is_some();
        return if taken { Err(in_use()) } else { Ok(None) };
    };
    call.in_force(&running, &[Part::Entries], revision).await?;
    Ok(Some(Answer::changed(answer)))
}

/// The transaction that takes a principal's name on the cluster. Names are unique in an account whatever the path,
/// and callers are known by them: a second entry would be for the same principal, unless both are known to be two
/// (the first was deleted, and another made of its name).
async fn free_name(
    call: &Call<'_>,
    running: &Running,
    principal: &PrincipalArn,
    unique_id: Option<&str>,
) -> Result<Txn, EksError> {
    let differ = |other: Option<&str>| unique_id.zip(other).is_some_and(|(new, old)| new != old);
    let key = call.place.name(call.cluster_name(), &without_path(principal));
    let last = call.plane.store.get(&key).await?;
    if let Some(arn) = last.as_ref().and_then(|last| std::str::from_utf8(&last.value).ok())
        && let Some(entry) = call.find_entry(call.cluster_name(), arn).await?
        && !differ(entry.record.unique_id.as_deref())
    {
        return Err(in_use());
    }
    let same = |entry: &AccessEntry| entry.principal.same_principal(principal) && !differ(entry.unique_id.as_deref());
    for entry in running.runtime.current().entries().iter().filter(|entry| same(entry)) {
        if call.find_entry(call.cluster_name(), entry.principal.as_str()).await?.is_some() {
            return Err(in_use());
        }
    }
    let txn = match last {
        Some(last) => Txn::new().modified_at(&key, last.modified),
        None => Txn::new().absent(&key),
    };
    Ok(txn.put(key, principal.as_str().to_owned()))
}

pub(super) fn in_use() -> EksError {
    EksError::new(Fault::ResourceInUse, "The specified access entry resource is already in use on this cluster.")
}

/// The entry that a caller describes, by the rules of the core.
fn checked(call: &Call<'_>, input: &CreateInput) -> Result<AccessEntry, EksError> {
    let text = call.required("principalArn", input.principal_arn.as_deref())?;
    let kind = match &input.r#type {
        Some(text) => text.parse().map_err(|error: EntryError| call.bad(error))?,
        None => EntryType::Standard,
    };
    let principal = principal(call, text)?;
    AccessEntry::new(
        principal,
        kind,
        input.username.as_deref(),
        input.kubernetes_groups.as_deref(),
        &call.place.account,
    )
    .map_err(|error| call.bad(error))
}

/// A principal's ARN in EKS's words.
pub(super) fn principal(call: &Call<'_>, text: &str) -> Result<PrincipalArn, EksError> {
    let principal: PrincipalArn = text.parse().map_err(|_| call.bad(EntryError::PrincipalFormat))?;
    if principal.partition() == call.place.partition() {
        Ok(principal)
    } else {
        Err(call.bad(EntryError::PrincipalFormat))
    }
}

/// The principal's unique id. In an account that is kept here it must exist; others are taken on their word.
async fn known_principal(call: &Call<'_>, principal: &PrincipalArn) -> Result<Option<String>, EksError> {
    match call.plane.identities.principal(principal).await.map_err(EksError::internal)? {
        Principal::Known(unique_id) => Ok(Some(unique_id)),
        Principal::Elsewhere => Ok(None),
        Principal::Missing => Err(call.bad("The specified principalArn is invalid: invalid principal.")),
    }
}

/// The cluster must exist and take entries.
pub(super) fn usable(
    call: &Call<'_>,
    cluster: Option<Stored<ClusterRecord>>,
) -> Result<Stored<ClusterRecord>, EksError> {
    let cluster = cluster.ok_or_else(|| EksError::no_cluster(call.cluster_name()))?;
    match cluster.record.mode() {
        AuthenticationMode::Api | AuthenticationMode::ApiAndConfigMap => Ok(cluster),
        AuthenticationMode::ConfigMap => Err(EksError::new(
            Fault::InvalidRequest,
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        )),
    }
}

/// What the operations on an entry begin with: both records, and whether IAM lets the caller. An entry that is not
/// there has an ARN all the same, so that IAM can tell who may know.
pub(super) async fn authorized_entry(
    call: &Call<'_>,
    facts: impl FnOnce(&mut Context, Option<&EntryRecord>),
) -> Result<(Stored<ClusterRecord>, Stored<EntryRecord>), EksError> {
    let cluster = call.find_cluster().await?;
    let parsed = call.principal().parse::<PrincipalArn>();
    let entry = call.find_entry(call.cluster_name(), call.principal()).await?;
    let arn = match (&entry, &parsed) {
        (Some(entry), _) => entry.record.arn.clone(),
        (None, Ok(principal)) => super::entry_record::entry_arn(call.place, call.cluster_name(), principal, "*"),
        (None, Err(_)) => call.place.arn(format_args!("access-entry/{}/*", call.cluster_name())),
    };
    call.authorize(&arn, |context| {
        context.set("eks:principalArn", call.principal());
        if let Some(Stored { record, .. }) = &entry {
            entry_facts(context, record);
        }
        facts(context, entry.as_ref().map(|e| &e.record));
    })?;
    let cluster = usable(call, cluster)?;
    principal(call, call.principal())?;
    Ok((cluster, entry.ok_or_else(EksError::no_entry)?))
}

/// The condition keys of an entry that is there.
pub(super) fn entry_facts(context: &mut Context, record: &EntryRecord) {
    context.set("eks:principalArn", record.principal.as_str());
    context.set("eks:accessEntryType", record.kind.as_str());
    context.set("eks:username", record.username.as_str());
    context.set_all("eks:kubernetesGroups", record.groups.iter().cloned());
    resource_tags(context, &record.tags);
}

pub(super) async fn describe(call: &Call<'_>) -> Result<Answer, EksError> {
    let (cluster, entry) = authorized_entry(call, |_, _| {}).await?;
    Ok(Answer::read(json!({ "accessEntry": entry.record.to_aws(&cluster.record.name) })))
}

pub(super) async fn update(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: UpdateInput = call.body()?;
    retry(async || try_update(call, &input).await).await
}

async fn try_update(call: &Call<'_>, input: &UpdateInput) -> Result<Option<Answer>, EksError> {
    let (cluster, mut entry) = authorized_entry(call, |_, _| {}).await?;
    let token = request_token::look_up(call, input.client_request_token.as_deref()).await?;
    if let Token::Again(answer) = token {
        return Ok(Some(Answer::read(answer)));
    }
    let principal = principal(call, call.principal())?;
    let kind = entry.record.kind.parse().map_err(|error: EntryError| EksError::internal(error))?;
    let (username, groups) = (input.username.as_deref(), input.kubernetes_groups.as_deref());
    let wanted =
        AccessEntry::new(principal, kind, username, groups, &call.place.account).map_err(|error| call.bad(error))?;
    if username.is_some() {
        entry.record.username = wanted.username.as_str().to_owned();
    }
    if groups.is_some() {
        entry.record.groups = wanted.groups;
    }
    entry.record.modified_at = call.now;
    let answer = json!({ "accessEntry": entry.record.to_aws(&cluster.record.name) });
    let txn = token.remember(changed(Txn::new(), &cluster, &entry)?, &answer, call.now);
    let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
    call.in_force(&*call.running()?, &[Part::Entries], revision).await?;
    Ok(Some(Answer::changed(answer)))
}

/// Adds that an entry's record is written again.
pub(super) fn changed(txn: Txn, cluster: &Stored<ClusterRecord>, entry: &Stored<EntryRecord>) -> Result<Txn, EksError> {
    Ok(txn
        .modified_at(&cluster.key, cluster.modified)
        .modified_at(&entry.key, entry.modified)
        .put(&entry.key, to_bytes(&entry.record)?))
}

pub(super) async fn delete(call: &Call<'_>) -> Result<Answer, EksError> {
    retry(async || {
        let (cluster, entry) = authorized_entry(call, |_, _| {}).await?;
        let mut txn = Txn::new()
            .modified_at(&cluster.key, cluster.modified)
            .modified_at(&entry.key, entry.modified)
            .delete(&entry.key);
        if let Ok(principal) = entry.record.principal.parse() {
            txn = txn.delete(call.place.name(&cluster.record.name, &without_path(&principal)));
        }
        let answer = json!({});
        let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
        call.in_force(&*call.running()?, &[Part::Entries], revision).await?;
        Ok(Some(Answer::changed(answer)))
    })
    .await
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = call.find_cluster().await?;
    call.authorize_cluster(cluster.as_ref().map(|c| &c.record), |_| {})?;
    let cluster = usable(call, cluster)?;
    let filter = call.query("associatedPolicyArn");
    if let Some(text) = filter {
        text.parse::<PolicyArn>().map_err(|_| call.bad("The policyArn parameter format is not valid"))?;
    }
    // A cluster made again under the name is another one.
    let bound = format!("{} {}", cluster.record.id, filter.unwrap_or_default());
    let page = call.page(&bound)?;

    let prefix = call.place.entries(&cluster.record.name);
    let mut after = page.after.map(|last| format!("{prefix}{last}"));
    let (mut found, mut more) = (Vec::<String>::new(), false);
    'pages: loop {
        let options = ListOptions { after: after.clone(), limit: page.limit + 1, at: None };
        let listing = call.plane.store.list(&prefix, options).await?;
        let Some(last) = listing.items.last() else { break };
        after = Some(last.key.clone());
        let all_read = listing.items.len() <= page.limit;
        for item in &listing.items {
            let fits = match filter {
                None => true,
                Some(policy) => EntryRecord::parse(&item.value).is_ok_and(|entry| entry.policies.contains_key(policy)),
            };
            if fits && found.len() == page.limit {
                more = true;
                break 'pages;
            }
            if fits {
                found.extend(item.key.strip_prefix(&prefix).map(str::to_owned));
            }
        }
        if all_read {
            break;
        }
    }
    let more_after = found.last().filter(|_| more).cloned();
    let items = Items { items: found.into_iter().map(Value::String).collect(), more_after };
    Ok(Answer::read(call.paged("accessEntries", items, &bound)))
}

fn set(context: &mut Context, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        context.set(key, value);
    }
}

/// A record's bytes.
pub(super) fn to_bytes(record: &impl serde::Serialize) -> Result<Vec<u8>, EksError> {
    serde_json::to_vec(record).map_err(EksError::internal)
}
