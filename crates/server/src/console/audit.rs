//! The audit log: every call, allowed or refused, newest first.

use std::borrow::Cow;

use axum::http::StatusCode;
use entryway_store::{KeyValue, ListOptions};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::form::Form;
use super::page::{Problem, Reply};
use super::part::{self, Field};
use super::visit::Visit;
use super::words;
use crate::keys;

/// Records of a page.
const PAGE: usize = 25;
/// Records that are looked through for one page. A page that stops there leads on.
const MOST: usize = 20_000;
/// The first step back in time; each step that finds too little makes the next one twice as long.
const STEP: SignedDuration = SignedDuration::from_secs(30);

/// How keys have a time, and how long that is.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6f";
const TIME_LENGTH: usize = 26;

/// What a page of the log holds.
struct Found {
    records: Vec<(String, Value)>,
    /// Where to go on, back in time; nothing where the log (or the time that was asked for) begins.
    older: Option<String>,
}

/// `GET /console/audit?q=…&action=…&outcome=…&since=…&before=…`.
pub(super) async fn page(visit: &Visit<'_>) -> Result<Reply, Problem> {
    may_look(visit)?;
    let query = &visit.query;
    let found = look_back(visit, query).await?;
    let is_first = query.text("before").is_empty();
    let content = html! {
        (search(query))
        @if found.records.is_empty() {
            (part::empty(words::NO_AUDIT, html! { p {
                @match &found.older {
                    Some(before) => a href=(format!("?{}", query.with("before", before).to_query())) { "Look further back" },
                    None => a href="?since=all" { "Look at all times" },
                }
            } }))
        } @else {
            table.cards {
                caption.unseen { "Audit records" }
                thead { tr { th scope="col" { "Time" } th scope="col" { "Who" } th scope="col" { "Action" } th scope="col" { "On" } th scope="col" { "Outcome" } } }
                tbody { @for (_, record) in &found.records { (row(visit, record)) } }
            }
            nav.paging aria-label="Pages" {
                p { (found.records.len()) " shown, the newest first" }
                @if !is_first { a href=(format!("?{}", query.without(&["before"]).to_query())) { "Newest" } }
                @if let Some(before) = &found.older { a rel="next" href=(format!("?{}", query.with("before", before).to_query())) { "Older" } }
            }
        }
    };
    let page = super::page("Audit", content);
    // What is new is on the first page only.
    Ok(if is_first { page.live("/console/live?audit=on").into() } else { page.into() })
}

/// The newest records that fit, from `before` on back, a step at a time.
async fn look_back(visit: &Visit<'_>, query: &Form) -> Result<Found, Problem> {
    // A time's key without its id comes before all records of that time.
    let key = |time: Timestamp| format!("{}{}", keys::AUDIT, time.strftime(TIME));
    let oldest = since(query).and_then(|ago| visit.now.checked_sub(ago).ok()).map(key).unwrap_or_default();
    let list = async |after: Option<String>, limit| {
        visit.plane.store.list(keys::AUDIT, ListOptions { after, limit, at: None }).await.map(|listing| listing.items)
    };
    let first = list(None, 1).await?;
    let first = first.first().and_then(|item| item.key.get(..keys::AUDIT.len() + TIME_LENGTH)).unwrap_or_default();
    let begin = oldest.max(first.to_owned());
    // A key that is no time (nobody is led to one) is taken for now.
    let before = query.text("before");
    let time = before.get(..TIME_LENGTH).and_then(|text| format!("{text}Z").parse::<Timestamp>().ok());
    let (mut end, mut at) = match time {
        Some(time) => (format!("{}{before}", keys::AUDIT), time),
        None => (format!("{}~", keys::AUDIT), visit.now),
    };
    let (mut found, mut looked, mut step) = (Vec::new(), 0, STEP);
    while end > begin && found.len() <= PAGE && looked < MOST {
        at = at.checked_sub(step).unwrap_or(Timestamp::MIN);
        step = step.saturating_mul(2);
        let start = key(at).max(begin.clone());
        let mut items = Vec::new();
        let mut after = Some(start.clone());
        loop {
            let more = list(after.take(), 1_000).await?;
            let whole = more.len() == 1_000;
            let inside: Vec<KeyValue> = more.into_iter().take_while(|item| item.key < end).collect();
            let goes_on = whole && inside.len() == 1_000;
            after = inside.last().map(|item| item.key.clone());
            items.extend(inside);
            if !goes_on {
                break;
            }
        }
        looked += items.len();
        let fitting = items.into_iter().rev().filter(|item| fits(&item.value, query, visit.who.account().as_str()));
        found.extend(fitting.take(PAGE + 1 - found.len()));
        end = start;
    }
    let cut = |key: &str| key.strip_prefix(keys::AUDIT).unwrap_or_default().to_owned();
    let older = match found.get(PAGE) {
        Some(_) => found.get(PAGE - 1).map(|item| cut(&item.key)),
        None if end > begin => Some(cut(&end)),
        None => None,
    };
    let records = found.into_iter().take(PAGE);
    let records = records.filter_map(|item| Some((item.key, serde_json::from_slice(&item.value).ok()?))).collect();
    Ok(Found { records, older })
}

fn since(query: &Form) -> Option<SignedDuration> {
    match query.text("since") {
        "1h" => Some(SignedDuration::from_hours(1)),
        "7d" => Some(SignedDuration::from_hours(24 * 7)),
        "all" => None,
        _ => Some(SignedDuration::from_hours(24)),
    }
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

/// Who may see the log is who may call CloudTrail's LookupEvents.
fn may_look(visit: &Visit<'_>) -> Result<(), Problem> {
    if visit.may("cloudtrail:LookupEvents", "*", |_| {}) {
        return Ok(());
    }
    let text = format!("{} is not authorized to perform: cloudtrail:LookupEvents", visit.who.arn());
    Err(Problem::new(StatusCode::FORBIDDEN, text, words::DENIED_HINT))
}

/// All records that hold a text, oldest first.
pub(super) async fn records_with(visit: &Visit<'_>, text: &str) -> Result<Vec<Value>, Problem> {
    may_look(visit)?;
    let needle = serde_json::to_string(text).unwrap_or_default();
    let needle = needle.trim_matches('"');
    let items = visit.plane.store.list(keys::AUDIT, ListOptions::default()).await?.items;
    let holds = |item: &&KeyValue| std::str::from_utf8(&item.value).is_ok_and(|record| record.contains(needle));
    Ok(items.iter().filter(holds).filter_map(|item| serde_json::from_slice(&item.value).ok()).collect())
}

/// A text of a record; empty where it has none there.
pub(super) fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What is filtered by, without reading the rest of a record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline<'a> {
    #[serde(borrow, default)]
    event_source: Cow<'a, str>,
    #[serde(borrow, default)]
    event_name: Cow<'a, str>,
    #[serde(default)]
    read_only: bool,
    #[serde(borrow)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    recipient_account_id: Cow<'a, str>,
}

fn fits(record: &[u8], query: &Form, account: &str) -> bool {
    let Ok(outline) = serde_json::from_slice::<Outline<'_>>(record) else { return false };
    let own = &outline.recipient_account_id;
    let (refused, changes) = (outline.error_code.is_some(), !outline.read_only);
    let holds = |text: &str, field: &str| text.to_lowercase().contains(&query.text(field).to_lowercase());
    // Strangers' calls are of no account.
    (own.is_empty() || *own == account)
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
        && (query.text("action").is_empty()
            || holds(&format!("{}:{}", outline.event_source, outline.event_name), "action"))
        && (query.text("q").is_empty() || std::str::from_utf8(record).is_ok_and(|text| holds(text, "q")))
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
