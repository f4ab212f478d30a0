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
const MOST: usize = 5_000;
/// No log is older.
const FLOOR: Timestamp = Timestamp::UNIX_EPOCH;

/// What is listed at once: keys ascend with time, so the beginning of a time is the prefix of all records then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Minute,
    Hour,
    Day,
    Month,
}

impl Unit {
    /// `2026-11-25T05:11`, `2026-11-25T05`, …
    fn prefix(self, at: Timestamp) -> String {
        let format = match self {
            Unit::Minute => "%Y-%m-%dT%H:%M",
            Unit::Hour => "%Y-%m-%dT%H",
            Unit::Day => "%Y-%m-%d",
            Unit::Month => "%Y-%m",
        };
        at.strftime(format).to_string()
    }

    /// When it began.
    fn begin(self, at: Timestamp) -> Timestamp {
        let prefix = self.prefix(at);
        let rest = "0000-01-01T00:00:00Z".get(prefix.len()..).unwrap_or_default();
        format!("{prefix}{rest}").parse().unwrap_or(FLOOR)
    }
}

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

/// The newest records that fit, from `before` on back: minute by minute to the full hour, then by hours, and over
/// times in which nothing happened by days and months.
async fn look_back(visit: &Visit<'_>, query: &Form) -> Result<Found, Problem> {
    let floor = since(query).and_then(|ago| visit.now.checked_sub(ago).ok()).unwrap_or(FLOOR);
    let list = async |prefix: &str, limit| {
        let options = ListOptions { limit, ..ListOptions::default() };
        visit.plane.store.list(&format!("{}{prefix}", keys::AUDIT), options).await
    };
    // What is no time (nobody is led to one) is taken for now.
    let before = query.text("before");
    let time = before.get(..26).and_then(|text| format!("{text}Z").parse::<Timestamp>().ok());
    let mut end = format!("{}{}", keys::AUDIT, if time.is_some() { before } else { "~" });
    // A record made while this page is may have a time just after the page's own.
    let mut at = time.or_else(|| visit.now.checked_add(SignedDuration::from_secs(1)).ok()).unwrap_or(visit.now);
    let (mut found, mut looked, mut quiet, mut unit) = (Vec::new(), 0, 0, Unit::Minute);
    while at >= floor && found.len() <= PAGE && looked < MOST {
        let prefix = unit.prefix(at);
        let listing = list(&prefix, if unit >= Unit::Day { 1 } else { MOST }).await?;
        let closer = match unit {
            Unit::Minute => None,
            Unit::Hour => (listing.remaining > 0).then_some(Unit::Minute),
            Unit::Day => (!listing.items.is_empty()).then_some(Unit::Hour),
            Unit::Month => (!listing.items.is_empty()).then_some(Unit::Day),
        };
        if let Some(closer) = closer {
            (unit, quiet) = (closer, 0);
            continue;
        }
        let items: Vec<KeyValue> = listing.items.into_iter().filter(|item| item.key < end).collect();
        quiet = if items.is_empty() { quiet + 1 } else { 0 };
        looked += items.len();
        let account = visit.who.account().as_str();
        let fitting = items.into_iter().rev().filter(|item| fits(&item.value, query, account));
        found.extend(fitting.take((PAGE + 1).saturating_sub(found.len())));
        end = format!("{}{prefix}", keys::AUDIT);
        let begin = unit.begin(at);
        at = begin.checked_sub(SignedDuration::from_micros(1)).unwrap_or(FLOOR);
        unit = match unit {
            Unit::Minute if Unit::Hour.begin(begin) == begin => Unit::Hour,
            Unit::Hour if quiet >= 24 && Unit::Day.begin(begin) == begin => Unit::Day,
            Unit::Day if quiet >= 60 && Unit::Month.begin(begin) == begin => Unit::Month,
            same => same,
        };
    }
    let cut = |key: &str| key.strip_prefix(keys::AUDIT).unwrap_or_default().to_owned();
    let older = match found.get(PAGE) {
        Some(_) => found.get(PAGE - 1).map(|item| cut(&item.key)),
        None if at >= floor => at.checked_add(SignedDuration::from_micros(1)).ok().map(exact),
        None => None,
    };
    let from = since(query).map(|_| exact(floor)).unwrap_or_default();
    let inside = found.into_iter().take(PAGE).filter(|item| item.key.strip_prefix(keys::AUDIT) >= Some(from.as_str()));
    let records = inside.filter_map(|item| Some((item.key, serde_json::from_slice(&item.value).ok()?))).collect();
    Ok(Found { records, older })
}

/// A time as keys have it.
fn exact(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
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
pub(super) fn may_look(visit: &Visit<'_>) -> Result<(), Problem> {
    if visit.may("cloudtrail:LookupEvents", "*", |_| {}) {
        return Ok(());
    }
    let text = format!("{} is not authorized to perform: cloudtrail:LookupEvents", visit.who.arn());
    Err(Problem::new(StatusCode::FORBIDDEN, text, words::DENIED_HINT))
}

/// The records since a time (all without one) that hold a text, oldest first.
pub(super) async fn records_with(
    visit: &Visit<'_>,
    text: &str,
    since: Option<Timestamp>,
) -> Result<Vec<Value>, Problem> {
    may_look(visit)?;
    let needle = serde_json::to_string(text).unwrap_or_default();
    let needle = needle.trim_matches('"');
    let after = since.map(|since| format!("{}{}", keys::AUDIT, since.strftime("%Y-%m-%dT%H:%M:%S")));
    let items = visit.plane.store.list(keys::AUDIT, ListOptions { after, ..ListOptions::default() }).await?.items;
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
