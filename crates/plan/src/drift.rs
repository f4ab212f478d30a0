//! What differs from what files declare, and who changed it, where an audit log tells.

use entryway_access::{ClusterArn, PrincipalArn};
use entryway_analysis::as_text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tags::MANAGED_BY;
use crate::{Change, ChangeKind, Desired, FieldChange, Item, PlanOptions, Trouble, World, plan};

/// All that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Each thing that differs. Fields are from what is there to what is declared.
    pub items: Vec<DriftItem>,
    /// Clusters that could not be looked at.
    pub trouble: Vec<Trouble>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftItem {
    /// On which cluster.
    #[serde(with = "as_text")]
    pub cluster: ClusterArn,
    /// What.
    pub item: Item,
    /// How.
    pub kind: DriftKind,
    /// Why, where the fields do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fields.
    pub fields: Vec<FieldChange>,
    /// The last successful call about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<LastChange>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftKind {
    /// Declared, and not there.
    Missing,
    /// There, and otherwise than declared.
    Differs,
    /// There, and not declared; not one that EKS made.
    Undeclared,
}

/// Who changed something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastChange {
    /// The caller's ARN.
    pub by: String,
    /// When.
    #[serde(with = "as_text")]
    pub at: Timestamp,
    /// The call, such as `UpdateAccessEntry`.
    pub event: String,
}

/// What differs: what a plan that takes over everything would change.
pub fn drift(desired: &Desired, world: &World, now: Timestamp) -> Drift {
    let options = PlanOptions { adopt: true, prune: true, allow_lockout: true, now };
    let plan = plan(desired, world, &options);
    let items = plan.clusters.into_iter().flat_map(|cluster| {
        let arn = cluster.cluster;
        cluster.changes.into_iter().filter_map(move |change| item(&arn, change))
    });
    Drift { items: items.collect(), trouble: plan.trouble }
}

fn item(cluster: &ClusterArn, change: Change) -> Option<DriftItem> {
    let kind = match change.kind {
        ChangeKind::Create => DriftKind::Missing,
        ChangeKind::Update | ChangeKind::Replace => DriftKind::Differs,
        ChangeKind::Delete => DriftKind::Undeclared,
    };
    let owner = format!("tag {MANAGED_BY}");
    let had_fields = !change.fields.is_empty();
    let fields: Vec<FieldChange> = change.fields.into_iter().filter(|field| field.field != owner).collect();
    // Who manages an entry is no difference in access.
    if had_fields && fields.is_empty() {
        return None;
    }
    let (item, reason) = (change.item, change.reason.filter(|_| kind == DriftKind::Differs));
    Some(DriftItem { cluster: cluster.clone(), item, kind, reason, fields, last_change: None })
}

impl Drift {
    /// Adds who changed what, from records in CloudTrail's form. Refused calls and reads do not count; a record
    /// that is not of this form is passed over.
    pub fn add_history(&mut self, records: &[Value]) {
        for item in &mut self.items {
            let found = records.iter().filter_map(|record| change_of(record, item)).max_by_key(|change| change.at);
            item.last_change = found.or(item.last_change.take());
        }
    }
}

fn change_of(record: &Value, item: &DriftItem) -> Option<LastChange> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let source = match &item.item {
        // Entryway's own API: EKS has no policies of one's own.
        Item::Policy(_) => "entryway",
        Item::Entry(_) | Item::Mode | Item::Object(_) => "eks.amazonaws.com",
    };
    let is_change = record.get("readOnly").and_then(Value::as_bool) != Some(true)
        && record.get("errorCode").is_none_or(Value::is_null)
        && text("/eventSource") == Some(source);
    let event = text("/eventName")?;
    let is_about = match &item.item {
        Item::Entry(principal) => {
            is_of_cluster(record, item) && (names_principal(record, principal) || tags_entry(record, item, principal))
        }
        Item::Mode => is_of_cluster(record, item) && event == "UpdateClusterConfig",
        Item::Policy(name) => text("/requestParameters/policyName") == Some(name.as_str()),
        Item::Object(_) => false,
    };
    let here = text("/awsRegion").is_none_or(|region| region == item.cluster.region.as_str())
        && text("/recipientAccountId").is_none_or(|account| account == item.cluster.account.as_str());
    let at = text("/eventTime")?.parse().ok()?;
    (is_change && is_about && here).then(|| LastChange {
        by: text("/userIdentity/arn").unwrap_or("unknown").to_owned(),
        at,
        event: event.to_owned(),
    })
}

fn is_of_cluster(record: &Value, item: &DriftItem) -> bool {
    let parameter = |name: &str| record.get("requestParameters")?.get(name)?.as_str();
    match parameter("name").or_else(|| parameter("clusterName")) {
        Some(name) => name == item.cluster.name.as_str(),
        // The ARN of an access entry, which TagResource has, names it.
        None => parameter("resourceArn").is_some(),
    }
}

/// Whether tags of the principal's entry were set or removed:
/// `arn:P:eks:REGION:ACCOUNT:access-entry/CLUSTER/KIND/ACCOUNT/NAME/ID`, percent-encoded or not.
fn tags_entry(record: &Value, item: &DriftItem, principal: &PrincipalArn) -> bool {
    let Some(arn) = record.pointer("/requestParameters/resourceArn").and_then(Value::as_str) else { return false };
    let arn = arn.replace("%3A", ":").replace("%2F", "/");
    let mut parts = arn.splitn(6, ':').nth(5).unwrap_or_default().split('/');
    parts.next() == Some("access-entry")
        && parts.next() == Some(item.cluster.name.as_str())
        && parts.nth(1) == Some(principal.account().as_str())
        && parts.next() == Some(principal.name())
}

fn names_principal(record: &Value, principal: &PrincipalArn) -> bool {
    let named = record.pointer("/requestParameters/principalArn").and_then(Value::as_str);
    // CloudTrail keeps the path's percent-encoding.
    named.is_some_and(|named| {
        named == principal.as_str() || named.replace("%3A", ":").replace("%2F", "/") == principal.as_str()
    })
}
