//! Access policies: which there are, and associating them with entries.

use std::collections::btree_map::Entry;

use entryway_access::{AccessScope, EntryError, EntryType, PolicyArn};
use entryway_store::Txn;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Object;
use super::call::{Answer, Call, retry};
use super::entry::{authorized_entry, changed};
use super::entry_record::AssociationRecord;
use super::error::{EksError, Fault};
use super::own_policy;
use crate::runtime::Part;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssociateInput {
    policy_arn: Option<String>,
    access_scope: Option<Object<ScopeInput>>,
}

#[derive(Debug, Default, Deserialize)]
struct ScopeInput {
    r#type: Option<String>,
    namespaces: Option<Vec<String>>,
}

pub(super) async fn list_all(call: &Call<'_>) -> Result<Answer, EksError> {
    call.authorize("*", |_| {})?;
    let page = call.page("")?;
    let partition = call.place.partition();
    let aws = call.plane.catalogue.aws().map(|policy| {
        let arn = PolicyArn::Aws { partition, name: policy.name.clone() };
        (policy.name.to_string(), arn)
    });
    let own = call.plane.own_policies(call.place).await?;
    // AWS's first, each kind by name: `!` and `~` only keep the two apart.
    let mut all: Vec<(String, Value)> = aws
        .map(|(name, arn)| (format!("!{name}"), arn))
        .chain(own.into_keys().map(|arn| (format!("~{}", arn.name()), arn)))
        .map(|(order, arn)| (order, json!({ "name": arn.name().as_str(), "arn": arn.to_string() })))
        .collect();
    all.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(Answer::read(call.paged("accessPolicies", page.cut(all), "")))
}

pub(super) async fn associate(call: &Call<'_>) -> Result<Answer, EksError> {
    let input: AssociateInput = call.body()?;
    retry(async || try_associate(call, &input).await).await
}

async fn try_associate(call: &Call<'_>, input: &AssociateInput) -> Result<Option<Answer>, EksError> {
    let given = input.access_scope.as_ref().map(|scope| &scope.0);
    let namespaces = given.and_then(|scope| scope.namespaces.as_deref()).unwrap_or_default();
    let kind = given.and_then(|scope| scope.r#type.as_deref());
    let (cluster, mut entry) = authorized_entry(call, |context, _| {
        for (key, value) in [("eks:policyArn", input.policy_arn.as_deref()), ("eks:accessScope", kind)] {
            if let Some(value) = value {
                context.set(key, value);
            }
        }
        if !namespaces.is_empty() {
            context.set_all("eks:namespaces", namespaces.iter().cloned());
        }
    })
    .await?;
    let policy: PolicyArn = call
        .required("policyArn", input.policy_arn.as_deref())?
        .parse()
        .map_err(|_| call.bad("The policyArn parameter format is not valid"))?;
    let kind = call.required("accessScope.type", kind)?;
    let scope = AccessScope::from_parts(kind, namespaces).map_err(|error| call.bad(error))?;
    let running = call.running()?;
    let still_there = may_be_associated(call, &policy).await?;
    let entry_kind: EntryType = entry.record.kind.parse().map_err(|error: EntryError| EksError::internal(error))?;
    if !entry_kind.takes_policies() {
        return Err(call.bad(EntryError::PoliciesWithNodeType));
    }

    let arn = policy.to_string();
    let mut association = AssociationRecord::new(&scope, call.now);
    let shown = match entry.record.policies.entry(arn.clone()) {
        Entry::Vacant(place) => place.insert(association).to_aws(&arn),
        Entry::Occupied(mut before) => {
            association.associated_at = before.get().associated_at;
            before.insert(association);
            before.get().to_aws(&arn)
        }
    };
    let answer = json!({
        "clusterName": cluster.record.name,
        "principalArn": entry.record.principal,
        "associatedAccessPolicy": shown,
    });
    let txn = changed(still_there, &cluster, &entry)?;
    let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
    call.in_force(&running, &[Part::Entries], revision).await?;
    Ok(Some(Answer::changed(answer)))
}

/// The policy must exist, in the cluster's partition, and be for anybody. The transaction holds as long as it does.
async fn may_be_associated(call: &Call<'_>, policy: &PolicyArn) -> Result<Txn, EksError> {
    let missing = || EksError::new(Fault::ResourceNotFound, "The specified policyArn could not be found.");
    if policy.partition() != call.place.partition() {
        return Err(missing());
    }
    if let PolicyArn::Own { .. } = policy {
        return own_policy::associable(call, policy).await?.ok_or_else(missing);
    }
    let found = call.plane.catalogue.get(policy).ok_or_else(missing)?;
    if found.service_linked_only {
        return Err(call.bad("The specified policyArn can only be associated with service-linked roles"));
    }
    Ok(Txn::new())
}

pub(super) async fn disassociate(call: &Call<'_>) -> Result<Answer, EksError> {
    let policy = call.target.policy.as_deref().unwrap_or_default();
    retry(async || {
        let (cluster, mut entry) = authorized_entry(call, |context, entry| {
            context.set("eks:policyArn", policy);
            if let Some(association) = entry.and_then(|entry| entry.policies.get(policy)) {
                association.facts(context, policy);
            }
        })
        .await?;
        policy.parse::<PolicyArn>().map_err(|_| call.bad("The policyArn parameter format is not valid"))?;
        if entry.record.policies.remove(policy).is_none() {
            let message = "The specified policyArn is not associated with the access entry.";
            return Err(EksError::new(Fault::ResourceNotFound, message));
        }
        let answer = json!({});
        let txn = changed(Txn::new(), &cluster, &entry)?;
        let Some(revision) = call.commit(txn, &answer).await? else { return Ok(None) };
        call.in_force(&*call.running()?, &[Part::Entries], revision).await?;
        Ok(Some(Answer::changed(answer)))
    })
    .await
}

pub(super) async fn list_associated(call: &Call<'_>) -> Result<Answer, EksError> {
    let (cluster, entry) = authorized_entry(call, |_, _| {}).await?;
    let page = call.page(&cluster.record.id)?;
    let all = entry.record.policies.iter().map(|(arn, association)| (arn.clone(), association.to_aws(arn)));
    let mut answer = call.paged("associatedAccessPolicies", page.cut(all), &cluster.record.id);
    answer.insert("clusterName".to_owned(), json!(cluster.record.name));
    answer.insert("principalArn".to_owned(), json!(entry.record.principal));
    Ok(Answer::read(answer))
}
