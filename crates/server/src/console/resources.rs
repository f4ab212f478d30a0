//! The cluster's objects, by kind and namespace, as the identity that signed in may read them.

use entryway_access::{Attributes, PolicyArn, PolicyRules, Resource};
use entryway_iam::sigv4::uri_encode;
use maud::{Markup, html};
use serde_json::Value;

use super::cluster::Cluster;
use super::form::Form;
use super::kubernetes::{self, Answer, DISCOVERY, TABLE};
use super::page::{Problem, Reply};
use super::part::{self, Field};
use super::visit::Visit;
use super::{object_search, words};

/// Objects of a page.
const PAGE: usize = 100;

/// A kind of object, as discovery tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) resource: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
}

impl Kind {
    /// `deployments.apps`, `pods`.
    pub(super) fn name(&self) -> String {
        if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) }
    }

    /// The path of its objects, or of one.
    pub(super) fn path(&self, namespace: &str, name: &str) -> String {
        let root = match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{}/{}", uri_encode(group), uri_encode(&self.version)),
        };
        let within = if self.namespaced && !namespace.is_empty() {
            format!("/namespaces/{}", uri_encode(namespace))
        } else {
            String::new()
        };
        let name = if name.is_empty() { String::new() } else { format!("/{}", uri_encode(name)) };
        format!("{root}{within}/{}{name}", uri_encode(&self.resource))
    }
}

/// `GET …/resources?kind=…&namespace=…`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let content = match kinds(visit, cluster).await? {
        Err(answer) => html! { p.notice.bad role="alert" { (answer.message()) } p { (words::NO_ACCESS_HERE) } },
        Ok(kinds) => {
            let wanted = match visit.query.text("kind") {
                "" => "pods",
                text => text,
            };
            let kind = kinds.iter().find(|kind| kind.name() == wanted);
            html! {
                (choose(visit, cluster, &kinds, wanted))
                @match kind {
                    None => p.notice.bad { "This cluster has no kind " code { (wanted) } "." },
                    Some(kind) if object_search::is_asked(&visit.query) => (object_search::found(visit, cluster, kind).await?),
                    Some(kind) => (objects(visit, cluster, kind).await?),
                }
            }
        }
    };
    Ok(cluster.page("resources", "Resources", content).live(cluster.live(true)).into())
}

/// All kinds that can be listed; or the refusal.
pub(super) async fn kinds(visit: &Visit<'_>, cluster: &Cluster) -> Result<Result<Vec<Kind>, Answer>, Problem> {
    let mut all = Vec::new();
    for path in ["/api", "/apis"] {
        let answer = kubernetes::get(visit, cluster, path, DISCOVERY).await?;
        if !answer.status.is_success() {
            return Ok(Err(answer));
        }
        all.extend(discovered(&answer.body));
    }
    Ok(Ok(all))
}

fn discovered(body: &Value) -> Vec<Kind> {
    let mut all = Vec::new();
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    for group in list(body, "items") {
        // The first version is the one that is preferred.
        let Some(version) = list(group, "versions").next() else { continue };
        for resource in list(version, "resources") {
            if list(resource, "verbs").any(|verb| verb == "list") {
                all.push(Kind {
                    group: text(group, "/metadata/name"),
                    version: text(version, "/version"),
                    resource: text(resource, "/resource"),
                    kind: text(resource, "/responseKind/kind"),
                    namespaced: text(resource, "/scope") == "Namespaced",
                });
            }
        }
    }
    all
}

fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn choose(visit: &Visit<'_>, cluster: &Cluster, kinds: &[Kind], wanted: &str) -> Markup {
    let mut options: Vec<(String, String)> = kinds.iter().map(|kind| (kind.name(), kind.name())).collect();
    options.sort();
    options.dedup();
    let field = |name, label| Field { name, label, value: visit.query.text(name), help: "", error: None };
    let kind = Field { value: wanted, ..field("kind", "Kind") };
    html! {
        form.search role="search" method="get" {
            (kind.choice(&options))
            (field("namespace", "Namespace (empty: all)").suggesting(&cluster.url("/namespaces")))
            (field("q", "Name holds").line())
            (field("sort", "Order").choice(&object_search::orders()))
            button type="submit" { "Show" }
        }
    }
}

async fn objects(visit: &Visit<'_>, cluster: &Cluster, kind: &Kind) -> Result<Markup, Problem> {
    let namespace = visit.query.text("namespace");
    let mut query = format!("?limit={PAGE}");
    if !visit.query.text("continue").is_empty() {
        query.push_str(&format!("&continue={}", uri_encode(visit.query.text("continue"))));
    }
    let path = kind.path(namespace, "");
    let answer = kubernetes::get(visit, cluster, &format!("{path}{query}"), TABLE).await?;
    if !answer.status.is_success() {
        return Ok(refusal(cluster, kind, "list", namespace, "", &answer));
    }
    let columns: Vec<(usize, &str)> = list(&answer.body, "columnDefinitions")
        .enumerate()
        .filter(|(_, column)| column.get("priority").and_then(Value::as_i64).unwrap_or(0) == 0)
        .map(|(index, column)| (index, column.get("name").and_then(Value::as_str).unwrap_or_default()))
        .collect();
    let rows: Vec<&Value> = list(&answer.body, "rows").collect();
    let next = answer.body.pointer("/metadata/continue").and_then(Value::as_str).filter(|next| !next.is_empty());
    let with_namespace = kind.namespaced && namespace.is_empty();
    Ok(html! {
        @if rows.is_empty() { (part::empty(words::NO_OBJECTS, html! {})) }
        @else {
            (part::wide(&kind.name(), html! { table {
                caption.unseen { (kind.name()) }
                thead { tr { @if with_namespace { th scope="col" { "Namespace" } } @for (_, name) in &columns { th scope="col" { (name) } } } }
                tbody { @for row in &rows { (object_row(cluster, kind, row, &columns, with_namespace)) } }
            } }))
            nav.paging aria-label="Pages" {
                p { (rows.len()) " shown" }
                @if !visit.query.text("continue").is_empty() { a href=(format!("?{}", visit.query.without(&["continue"]).to_query())) { "First page" } }
                @if let Some(next) = next { a rel="next" href=(format!("?{}", visit.query.with("continue", next).to_query())) { "Next" } }
            }
        }
    })
}

fn object_row(cluster: &Cluster, kind: &Kind, row: &Value, columns: &[(usize, &str)], with_namespace: bool) -> Markup {
    let meta =
        |member: &str| row.pointer(&format!("/object/metadata/{member}")).and_then(Value::as_str).unwrap_or_default();
    let (name, namespace) = (meta("name"), meta("namespace"));
    let cell = |index: usize| row.pointer(&format!("/cells/{index}")).map(shown).unwrap_or_default();
    let link = Form::of(&[("kind", &kind.name()), ("namespace", namespace), ("name", name)]).to_query();
    html! {
        tr {
            @if with_namespace { td { (namespace) } }
            @for (index, title) in columns {
                @if *title == "Name" { th scope="row" { a href=(cluster.url(&format!("/resources/object?{link}"))) { (cell(*index)) } } }
                @else { td { (cell(*index)) } }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is forbidden says so in kubectl's words, and which policies would open it.
pub(super) fn refusal(
    cluster: &Cluster,
    kind: &Kind,
    verb: &str,
    namespace: &str,
    name: &str,
    answer: &Answer,
) -> Markup {
    let reason = answer.body.get("reason").and_then(Value::as_str).unwrap_or_default();
    let openers = if reason == "Forbidden" { openers(cluster, kind, verb, namespace, name) } else { Vec::new() };
    let scope = if kind.namespaced && !namespace.is_empty() {
        format!("in namespace {namespace}")
    } else {
        "for the whole cluster".to_owned()
    };
    html! {
        div.notice.bad role="alert" { p { @if reason.is_empty() { "Error: " } @else { "Error from server (" (reason) "): " } (answer.message()) } }
        @if !openers.is_empty() {
            p { "An access policy that would open it, " (scope) ": " @for (index, arn) in openers.iter().enumerate() {
                @if index > 0 { ", " }
                a href=(cluster.url(&format!("/policies?{}", Form::of(&[("policy", &arn.to_string())]).to_query()))) { (arn.name().as_str()) }
            } "." }
        }
    }
}

/// The policies that would allow it, those that allow least first.
fn openers(cluster: &Cluster, kind: &Kind, verb: &str, namespace: &str, name: &str) -> Vec<PolicyArn> {
    let catalogue = cluster.snapshot.catalogue();
    let resource = Resource { group: &kind.group, resource: &kind.resource, subresource: "", namespace, name };
    let asked = Attributes::Resource { verb, resource };
    let mut found: Vec<(usize, PolicyArn)> = catalogue
        .arns(cluster.place.partition())
        .filter_map(|arn| {
            let policy = catalogue.get(&arn).filter(|policy| !policy.service_linked_only)?;
            let PolicyRules::Known(rules) = &policy.rules else { return None };
            let breadth = |words: &[String]| if words.iter().any(|word| word == "*") { 1000 } else { words.len() };
            let size = rules.iter().map(|rule| breadth(&rule.verbs) * breadth(&rule.resources).max(1)).sum();
            rules.iter().any(|rule| rule.allows(&asked)).then_some((size, arn))
        })
        .collect();
    found.sort_by_key(|(size, _)| *size);
    found.into_iter().take(3).map(|(_, arn)| arn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_no_more_than_names() {
        let kind = Kind {
            group: "apps".into(),
            version: "v1".into(),
            resource: "deployments".into(),
            kind: String::new(),
            namespaced: true,
        };
        assert_eq!(kind.path("a/../b", "x?y"), "/apis/apps/v1/namespaces/a%2F..%2Fb/deployments/x%3Fy");
        assert_eq!(kind.path("", ""), "/apis/apps/v1/deployments");
    }
}
