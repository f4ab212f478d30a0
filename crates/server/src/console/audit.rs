//! The audit log: every call, allowed or refused, newest first.

use axum::http::StatusCode;
use entryway_store::ListOptions;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

use super::form::Form;
use super::page::{Problem, Reply};
use super::part::{self, Field, Paging};
use super::visit::Visit;
use super::words;
use crate::keys;

const PAGE: usize = 25;
/// Records that are looked through for one page.
const MOST: usize = 50_000;

/// `GET /console/audit?q=…&action=…&outcome=…&since=…`.
pub(super) async fn page(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let query = &visit.query;
    let ago = match query.text("since") {
        "1h" => Some(SignedDuration::from_hours(1)),
        "7d" => Some(SignedDuration::from_hours(24 * 7)),
        "all" => None,
        _ => Some(SignedDuration::from_hours(24)),
    };
    let (records, all) = records(visit, ago).await?;
    let fitting: Vec<&Value> =
        records.iter().rev().filter(|record| fits(record, query, visit.who.account().as_str())).collect();
    let paging = Paging::of(query, PAGE, fitting.len());
    let content = html! {
        (search(query))
        @if !all { p.notice { "Only the last " (MOST) " records of this time were looked through." } }
        @if fitting.is_empty() { (part::empty(words::NO_AUDIT, html! { p { a href="?since=all" { "Look at all times" } } })) }
        @else {
            table.cards {
                caption.unseen { "Audit records" }
                thead { tr { th scope="col" { "Time" } th scope="col" { "Who" } th scope="col" { "Action" } th scope="col" { "On" } th scope="col" { "Outcome" } } }
                tbody { @for record in fitting.iter().skip(paging.skip()).take(PAGE) { (row(visit, record)) } }
            }
            (paging.links(query, "records"))
        }
    };
    Ok(super::page("Audit", content).live("/console/live?audit=on").into())
}

fn search(query: &Form) -> Markup {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect()
    };
    let since = if query.text("since").is_empty() { "1d" } else { query.text("since") };
    let field = |name, label| Field { name, label, value: query.text(name), help: "", error: None };
    html! {
        form.search role="search" method="get" {
            (field("q", "Principal or text").line())
            (field("action", "Action").line())
            (field("outcome", "Outcome").choice(&pairs(&[("", "Any"), ("allowed", "Allowed"), ("refused", "Refused")])))
            (field("kind", "Kind").choice(&pairs(&[("", "All but allowed reads"), ("all", "All"), ("changes", "Changes")])))
            (Field { name: "since", label: "Since", value: since, help: "", error: None }.choice(&pairs(&[("1h", "The last hour"), ("1d", "The last day"), ("7d", "The last week"), ("all", "All times")])))
            button.quiet type="submit" { "Filter" }
        }
    }
}

/// The records of so long, or of all times, oldest first, and whether these are all. Who may see them is who may call
/// CloudTrail's LookupEvents.
pub(super) async fn records(visit: &Visit<'_>, ago: Option<SignedDuration>) -> Result<(Vec<Value>, bool), Problem> {
    if !visit.may("cloudtrail:LookupEvents", "*", |_| {}) {
        let text = format!("{} is not authorized to perform: cloudtrail:LookupEvents", visit.who.arn());
        return Err(Problem::new(StatusCode::FORBIDDEN, text, words::DENIED_HINT));
    }
    let from = ago.and_then(|ago| visit.now.checked_sub(ago).ok());
    let after = from.map(|from| format!("{}{}", keys::AUDIT, from.strftime("%Y-%m-%dT%H:%M:%S")));
    let items = visit.plane.store.list(keys::AUDIT, ListOptions { after, limit: 0, at: None }).await?.items;
    let first = items.len().saturating_sub(MOST);
    let records = items.iter().skip(first).filter_map(|item| serde_json::from_slice(&item.value).ok()).collect();
    Ok((records, first == 0))
}

/// A text of a record; empty where it has none there.
pub(super) fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn fits(record: &Value, query: &Form, account: &str) -> bool {
    let own = text(record, "/recipientAccountId");
    let refused = record.get("errorCode").is_some();
    let changes = record.get("readOnly") == Some(&Value::Bool(false));
    let action = format!("{}:{}", text(record, "/eventSource"), text(record, "/eventName")).to_lowercase();
    // Strangers' calls are of no account.
    (own.is_empty() || own == account)
        && (query.text("action").is_empty() || action.contains(&query.text("action").to_lowercase()))
        && match query.text("outcome") {
            "allowed" => !refused,
            "refused" => refused,
            _ => true,
        }
        && match query.text("kind") {
            "all" => true,
            "changes" => changes,
            _ => changes || refused,
        }
        && (query.text("q").is_empty() || record.to_string().to_lowercase().contains(&query.text("q").to_lowercase()))
}

fn row(visit: &Visit<'_>, record: &Value) -> Markup {
    let time: Option<Timestamp> = text(record, "/eventTime").parse().ok();
    let who = text(record, "/userIdentity/arn");
    let on = [
        "/requestParameters/principalArn",
        "/requestParameters/name",
        "/requestParameters/RoleArn",
        "/requestParameters/RoleName",
        "/requestParameters/UserName",
    ];
    let on = on.into_iter().map(|pointer| text(record, pointer)).find(|text| !text.is_empty()).unwrap_or_default();
    html! {
        tr {
            td data-label="Time" { @match time { Some(time) => (part::time(time, visit.now)), None => (text(record, "/eventTime")) } }
            td data-label="Who" { @if who.is_empty() { span.muted { "nobody known" } } @else { (super::entries::principal(who)) } br; span.muted { (text(record, "/sourceIPAddress")) } }
            th scope="row" data-label="Action" { (text(record, "/eventName")) " " span.muted { (text(record, "/eventSource").trim_end_matches(".amazonaws.com")) } }
            td data-label="On" { (on) }
            td data-label="Outcome" {
                @match record.get("errorCode").and_then(Value::as_str) { Some(code) => { (part::badge("bad", "refused")) " " (code) }, None => (part::badge("good", "allowed")) }
                details { summary { "Record" } pre tabindex="0" { code { (serde_json::to_string_pretty(record).unwrap_or_default()) } } }
            }
        }
    }
}
