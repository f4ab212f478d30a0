//! Finding objects by a part of their name, and in an order other than Kubernetes', whose API has neither. Whoever may
//! list a kind in a place may be told its names there: the Kubernetes API is asked first, as the visitor; the names
//! are then read from the store's keys, so that tens of thousands of objects need not be read as such.

use std::cmp::Reverse;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use entryway_sandbox::keys::{namespace_prefix, resource_prefix};
use entryway_store::{KeyValue, ListOptions};
use maud::{Markup, html};
use serde_json::Value;

use super::cluster::Cluster;
use super::form::Form;
use super::kubernetes::{self, Answer, TABLE};
use super::page::{Problem, Reply};
use super::part::{self, Paging};
use super::resources::{Kind, refusal};
use super::visit::Visit;
use super::words;

/// Objects of a page.
const PAGE: usize = 100;
/// Namespaces that are suggested at once.
const SUGGESTED: usize = 20;

/// An object that may be told of.
struct Named {
    /// Empty where it has none.
    namespace: String,
    name: String,
    item: KeyValue,
}

/// The orders that can be chosen.
pub(super) fn orders() -> Vec<(String, String)> {
    let orders =
        [("", "As Kubernetes has them"), ("name", "By name"), ("newest", "Newest first"), ("oldest", "Oldest first")];
    orders.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec()
}

/// Whether a query needs more than Kubernetes' own list.
pub(super) fn is_asked(query: &Form) -> bool {
    !query.text("q").is_empty() || !query.text("sort").is_empty()
}

/// What is found, in pages.
pub(super) async fn found(visit: &Visit<'_>, cluster: &Cluster, kind: &Kind) -> Result<Markup, Problem> {
    let (query, namespace) = (&visit.query, visit.query.text("namespace"));
    let mut all = match named(visit, cluster, kind, namespace).await? {
        Ok(all) => all,
        Err(answer) => return Ok(refusal(cluster, kind, "list", namespace, "", &answer)),
    };
    let wanted = query.text("q").to_lowercase();
    all.retain(|object| object.name.to_lowercase().contains(&wanted));
    match query.text("sort") {
        "newest" => all.sort_by_key(|object| Reverse(object.item.created)),
        "oldest" => all.sort_by_key(|object| object.item.created),
        "name" => all.sort_by(|a, b| a.name.cmp(&b.name)),
        // They come in this order.
        _ => {}
    }
    let paging = Paging::of(query, PAGE, all.len());
    let with_namespace = kind.namespaced && namespace.is_empty();
    Ok(html! {
        @if all.is_empty() { (part::empty(words::NO_NAME_FITS, html! { p { a href=(format!("?{}", query.without(&["q", "sort", "page"]).to_query())) { "Show all" } } })) }
        @else {
            table.cards {
                caption.unseen { (kind.name()) }
                thead { tr { @if with_namespace { th scope="col" { "Namespace" } } th scope="col" { "Name" } th scope="col" { "Created" } } }
                tbody { @for object in all.iter().skip(paging.skip()).take(PAGE) { (row(visit, cluster, kind, object, with_namespace)) } }
            }
            (paging.links(query, "objects"))
        }
    })
}

fn row(visit: &Visit<'_>, cluster: &Cluster, kind: &Kind, object: &Named, with_namespace: bool) -> Markup {
    let link = Form::of(&[("kind", &kind.name()), ("namespace", &object.namespace), ("name", &object.name)]).to_query();
    let value: Value = serde_json::from_slice(&object.item.value).unwrap_or_default();
    let created = value.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    let created = created.and_then(|text| text.parse().ok());
    html! {
        tr {
            @if with_namespace { td.arn data-label="Namespace" { (object.namespace) } }
            th.arn scope="row" data-label="Name" { a href=(cluster.url(&format!("/resources/object?{link}"))) { (object.name) } }
            td data-label="Created" { @if let Some(created) = created { (part::time(created, visit.now)) } }
        }
    }
}

/// All objects of a kind in a namespace (in all where it is empty) in the order of their keys; or the refusal to list
/// them.
async fn named(
    visit: &Visit<'_>,
    cluster: &Cluster,
    kind: &Kind,
    namespace: &str,
) -> Result<Result<Vec<Named>, Answer>, Problem> {
    let answer = kubernetes::get(visit, cluster, &format!("{}?limit=1", kind.path(namespace, "")), TABLE).await?;
    if !answer.status.is_success() {
        return Ok(Err(answer));
    }
    // No namespace has such a name: the key of one object must not be taken for a namespace.
    if namespace.contains('/') {
        return Ok(Ok(Vec::new()));
    }
    // Events are one kind under two groups.
    let group = if kind.resource == "events" { "" } else { kind.group.as_str() };
    let root = resource_prefix(&cluster.record.id, group, &kind.resource);
    let prefix = match kind.namespaced && !namespace.is_empty() {
        true => namespace_prefix(&cluster.record.id, group, &kind.resource, namespace),
        false => root.clone(),
    };
    let items = visit.plane.store.list(&prefix, ListOptions::default()).await?.items;
    let named = items.into_iter().filter_map(|item| {
        let (namespace, name) = item.key.strip_prefix(&root)?.split_once('/')?;
        let namespace = if kind.namespaced { namespace.to_owned() } else { String::new() };
        Some(Named { namespace, name: name.to_owned(), item })
    });
    Ok(Ok(named.collect()))
}

/// `GET …/namespaces?q=…`: options for a field, as far as the visitor may list namespaces. Those that begin with what
/// was typed come first.
pub(super) async fn suggest(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let kind = Kind {
        group: String::new(),
        version: "v1".to_owned(),
        resource: "namespaces".to_owned(),
        kind: "Namespace".to_owned(),
        namespaced: false,
    };
    let typed = visit.query.text("q").to_lowercase();
    let all = named(visit, cluster, &kind, "").await?.unwrap_or_default();
    let begin = all.iter().filter(|one| one.name.starts_with(&typed));
    let hold = all.iter().filter(|one| !one.name.starts_with(&typed) && one.name.contains(&typed));
    let options = html! { @for one in begin.chain(hold).take(SUGGESTED) { option value=(one.name) {} } };
    let mut response = Response::new(Body::from(options.into_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(Reply::Other(response))
}
