//! What an entry was at a time: its changes in the audit log, each with the state that it left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::audit;
use super::cluster::Cluster;
use super::entries::{principal, scope, short};
use super::form::Form;
use super::page::{Problem, Reply};
use super::part;
use super::visit::Visit;
use super::words;
use crate::keys::Place;

/// An entry as far as the log tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    username: String,
    groups: Vec<String>,
    /// Scope and namespaces, by the policy's ARN.
    policies: BTreeMap<String, (String, Vec<String>)>,
}

/// A change, and what the entry was after it; nothing where it was deleted.
struct Step<'a> {
    record: &'a Value,
    after: Option<State>,
}

/// `GET …/access/history?principal=ARN`. Who may see it is who may see the audit log.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let arn = visit.query.text("principal");
    // The log is long: of an entry that is there, it is read from when it was made.
    let made = match visit.query.is_on("all") {
        true => None,
        false => cluster.stored_entry(visit, arn).await?.map(|found| found.record.created_at),
    };
    let records = audit::records_with(visit, arn, made).await?;
    let steps = steps(&records, &cluster.place, &cluster.record.name, arn);
    let content = html! {
        p { (principal(arn)) }
        @if steps.is_empty() { (part::empty(words::NO_HISTORY, html! {})) }
        @else {
            table.cards {
                caption.unseen { "Changes, newest first" }
                thead { tr { th scope="col" { "Since" } th scope="col" { "Change" } th scope="col" { "By" } th scope="col" { "What it was then" } } }
                tbody { @for step in steps.iter().rev().take(200) { (row(visit, step)) } }
            }
        }
        @if made.is_some() { p { a href=(format!("?{}", visit.query.with("all", "on").to_query())) { (words::EARLIER_ENTRIES) } } }
    };
    let entry = cluster.url(&format!("/access/entry?{}", Form::of(&[("principal", arn)]).to_query()));
    Ok(cluster.page("access", "What it was", content).crumb(short(arn), entry).into())
}

fn row(visit: &Visit<'_>, step: &Step<'_>) -> Markup {
    let time: Option<Timestamp> = audit::text(step.record, "/eventTime").parse().ok();
    html! {
        tr {
            th scope="row" data-label="Since" { @if let Some(time) = time { (part::time(time, visit.now)) } }
            td data-label="Change" { (audit::text(step.record, "/eventName")) }
            td data-label="By" { (principal(audit::text(step.record, "/userIdentity/arn"))) }
            td data-label="What it was then" {
                @match &step.after {
                    None => (part::badge("bad", "deleted")),
                    Some(state) => {
                        code { (state.username) }
                        @if !state.groups.is_empty() { br; span.muted { "groups " } (part::words(&state.groups)) }
                        @if !state.policies.is_empty() { ul.plain { @for (arn, (kind, namespaces)) in &state.policies { li { (short(arn)) " " (scope(kind, namespaces)) } } } }
                    }
                }
            }
        }
    }
}

/// The changes of one entry, oldest first.
fn steps<'a>(records: &'a [Value], place: &Place, cluster: &str, principal: &str) -> Vec<Step<'a>> {
    let mut now: Option<State> = None;
    let mut steps = Vec::new();
    let is_change = |record: &&Value| {
        let text = |pointer: &str| audit::text(record, pointer);
        text("/eventSource") == crate::audit::EKS
            && record.get("errorCode").is_none()
            && record.get("readOnly") == Some(&Value::Bool(false))
            && text("/requestParameters/principalArn") == principal
            && text("/requestParameters/name") == cluster
            && text("/recipientAccountId") == place.account.as_str()
            && text("/awsRegion") == place.region.as_str()
    };
    for record in records.iter().filter(is_change) {
        now = after(now, record);
        steps.push(Step { record, after: now.clone() });
    }
    steps
}

fn after(before: Option<State>, record: &Value) -> Option<State> {
    let words = |pointer: &str| -> Vec<String> {
        let words = record.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut state = before.unwrap_or_default();
    match audit::text(record, "/eventName") {
        "DeleteAccessEntry" => return None,
        "CreateAccessEntry" | "UpdateAccessEntry" => {
            audit::text(record, "/responseElements/accessEntry/username").clone_into(&mut state.username);
            state.groups = words("/responseElements/accessEntry/kubernetesGroups");
        }
        "AssociateAccessPolicy" => {
            let own = "/responseElements/associatedAccessPolicy";
            let scope = audit::text(record, &format!("{own}/accessScope/type")).to_owned();
            let namespaces = words(&format!("{own}/accessScope/namespaces"));
            state.policies.insert(audit::text(record, &format!("{own}/policyArn")).to_owned(), (scope, namespaces));
        }
        "DisassociateAccessPolicy" => {
            state.policies.remove(audit::text(record, "/requestParameters/policyArn"));
        }
        _ => {}
    }
    Some(state)
}
