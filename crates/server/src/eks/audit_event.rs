//! Entryway's own API: the audit log, oldest first (`/entryway/v1/audit`). Records are CloudTrail's.
//!
//! Each page looks through a bounded number of records, so it may be short, or empty, with a `nextToken` all the same.

use entryway_access::PrincipalArn;
use entryway_store::ListOptions;
use jiff::Timestamp;
use serde_json::Value;

use super::call::{Answer, Call};
use super::entry_record::cluster_of_arn;
use super::error::EksError;
use super::page::Items;
use crate::keys;

/// Records that are looked through for one page.
const LOOKED_AT: usize = 20_000;
/// Records that are read from the store at once.
const STEP: usize = 1_000;

/// What is asked for.
struct Filter<'a> {
    account: &'a str,
    region: &'a str,
    cluster: Option<&'a str>,
    principal: Option<PrincipalArn>,
    until: Option<Timestamp>,
    only_changes: bool,
}

pub(super) async fn list(call: &Call<'_>) -> Result<Answer, EksError> {
    let cluster = call.query("clusterName");
    // Who may read one cluster's records need not see all of the account's.
    call.authorize(&call.place.arn(format_args!("cluster/{}", cluster.unwrap_or("*"))), |context| {
        if let Some(cluster) = cluster {
            context.set("eks:clusterName", cluster);
        }
    })?;
    let filter = Filter {
        account: call.place.account.as_str(),
        region: call.place.region.as_str(),
        cluster,
        principal: principal(call)?,
        until: time(call, "endTime")?,
        only_changes: flag(call, "onlyChanges")?,
    };
    let since = time(call, "startTime")?;
    let bound = ["clusterName", "principalArn", "startTime", "endTime", "onlyChanges"];
    let bound = bound.map(|name| call.query(name).unwrap_or_default()).join("\n");
    let page = call.page(&bound)?;
    let begin = since.map(|since| format!("{}{}", keys::AUDIT, since.strftime("%Y-%m-%dT%H:%M:%S")));
    let mut after = page.after.map(|last| format!("{}{last}", keys::AUDIT)).or(begin);
    let (mut found, mut looked_at) = (Vec::new(), 0);
    loop {
        let options = ListOptions { after: after.clone(), limit: STEP, at: None };
        let listing = call.plane.store.list(keys::AUDIT, options).await?;
        let at_the_end = listing.remaining == 0;
        let many = listing.items.len();
        for (index, item) in listing.items.iter().enumerate() {
            found.extend(filter.record(&item.value));
            let is_last = at_the_end && index.saturating_add(1) == many;
            if found.len() == page.limit && !is_last {
                return Ok(answer(call, found, Some(&item.key), &bound));
            }
        }
        if at_the_end {
            return Ok(answer(call, found, None, &bound));
        }
        after = listing.items.into_iter().next_back().map(|item| item.key);
        looked_at += many;
        if looked_at >= LOOKED_AT {
            return Ok(answer(call, found, after.as_deref(), &bound));
        }
    }
}

fn answer(call: &Call<'_>, items: Vec<Value>, last: Option<&str>, bound: &str) -> Answer {
    let more_after = last.and_then(|key| key.strip_prefix(keys::AUDIT)).map(str::to_owned);
    Answer::read(call.paged("events", Items { items, more_after }, bound))
}

fn principal(call: &Call<'_>) -> Result<Option<PrincipalArn>, EksError> {
    let parse = |text: &str| text.parse().map_err(|_| call.bad("The principalArn parameter format is not valid"));
    call.query("principalArn").map(parse).transpose()
}

fn time(call: &Call<'_>, name: &str) -> Result<Option<Timestamp>, EksError> {
    let wrong = |text: &str| call.bad(format!("{name} must be a time such as 2026-01-02T03:04:05Z, not {text}"));
    call.query(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

fn flag(call: &Call<'_>, name: &str) -> Result<bool, EksError> {
    match call.query(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(text) => Err(call.bad(format!("{name} must be true or false, not {text}"))),
    }
}

impl Filter<'_> {
    /// The record, if it is asked for. What can't be one is told by its text alone, which saves most of the work.
    fn record(&self, bytes: &[u8]) -> Option<Value> {
        let raw = std::str::from_utf8(bytes).ok()?;
        let lacks = |text: &str| !raw.contains(text);
        if (self.only_changes && lacks("\"readOnly\":false"))
            || self.cluster.is_some_and(lacks)
            || self.principal.as_ref().is_some_and(|principal| lacks(principal.name()))
        {
            return None;
        }
        let record: Value = serde_json::from_str(raw).ok()?;
        self.fits(&record).then_some(record)
    }

    fn fits(&self, record: &Value) -> bool {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        let at = || text("/eventTime")?.parse::<Timestamp>().ok();
        text("/recipientAccountId") == Some(self.account)
            && text("/awsRegion") == Some(self.region)
            && (!self.only_changes || is_change(record))
            && self.until.is_none_or(|until| at().is_some_and(|at| at <= until))
            && self.cluster.is_none_or(|cluster| cluster_of(record) == Some(cluster))
            && self.principal.as_ref().is_none_or(|principal| is_about(record, principal))
    }
}

/// Whether something was changed.
fn is_change(record: &Value) -> bool {
    record.get("readOnly") == Some(&Value::Bool(false)) && record.get("errorCode").is_none()
}

/// The cluster that a call was about.
fn cluster_of(record: &Value) -> Option<&str> {
    let parameter = |name: &str| record.get("requestParameters")?.get(name)?.as_str();
    let of_arn = || {
        let resource = parameter("resourceArn")?.splitn(6, ':').nth(5)?;
        cluster_of_arn(resource).or_else(|| resource.strip_prefix("cluster/"))
    };
    parameter("name").or_else(of_arn)
}

/// Whether a call was about a principal's access entry.
fn is_about(record: &Value, principal: &PrincipalArn) -> bool {
    let parameter = |name: &str| record.get("requestParameters")?.get(name)?.as_str();
    let named = parameter("principalArn").is_some_and(|arn| arn == principal.as_str());
    let tagged = || {
        // access-entry/CLUSTER/KIND/ACCOUNT/NAME/ID
        let resource = parameter("resourceArn")?.splitn(6, ':').nth(5)?;
        let mut parts = resource.strip_prefix("access-entry/")?.split('/').skip(2);
        Some(parts.next()? == principal.account().as_str() && parts.next()? == principal.name())
    };
    named || tagged() == Some(true)
}
