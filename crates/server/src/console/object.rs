//! One object, as YAML or JSON. Values of Secrets are shown when they are asked for, and only then leave the server.

use maud::{Markup, html};
use serde_json::Value;

use super::cluster::Cluster;
use super::form::Form;
use super::kubernetes::{self, JSON};
use super::page::{Problem, Reply};
use super::resources::{Kind, kinds, refusal};
use super::visit::Visit;
use super::words;

/// `GET …/resources/object?kind=…&namespace=…&name=…`.
pub(super) async fn page(visit: &Visit<'_>, cluster: &Cluster) -> Result<Reply, Problem> {
    let (wanted, namespace, name) = (visit.query.text("kind"), visit.query.text("namespace"), visit.query.text("name"));
    let kinds = kinds(visit, cluster)
        .await?
        .map_err(|answer| Problem::new(answer.status, answer.message(), words::NO_ACCESS_HERE))?;
    let kind = kinds.iter().find(|kind| kind.name() == wanted && !name.is_empty()).ok_or_else(Problem::missing)?;
    let answer = kubernetes::get(visit, cluster, &kind.path(namespace, name), JSON).await?;
    let list = Form::of(&[("kind", wanted), ("namespace", namespace)]).to_query();
    let content = if answer.status.is_success() {
        document(visit, kind, answer.body)
    } else {
        refusal(cluster, kind, "get", namespace, name, &answer)
    };
    let title = format!("{} {name}", kind.kind);
    let status = answer.status;
    let page = cluster.page("resources", title, content).crumb(kind.name(), cluster.url(&format!("/resources?{list}")));
    let page = if status.is_success() { page } else { page.status(status) };
    Ok(page.live(cluster.live(true)).into())
}

fn document(visit: &Visit<'_>, kind: &Kind, mut body: Value) -> Markup {
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    let is_secret = kind.group.is_empty() && kind.resource == "secrets";
    let hidden = is_secret && visit.query.text("show") != "on";
    if hidden {
        hide(&mut body);
    }
    let as_json = visit.query.text("as") == "json";
    let text = match as_json {
        true => serde_json::to_string_pretty(&body).unwrap_or_default(),
        false => entryway_objects::body::to_yaml(&body),
    };
    let url = |name: &str, value: &str| format!("?{}", visit.query.with(name, value).to_query());
    html! {
        p {
            @if is_secret {
                @if hidden { (words::HIDDEN) " " a href=(url("show", "on")) { "Show them" } }
                @else { a href=(url("show", "")) { "Hide values" } }
                " · "
            }
            @if as_json { a href=(url("as", "")) { "As YAML" } } @else { a href=(url("as", "json")) { "As JSON" } }
        }
        pre tabindex="0" role="region" aria-label="The object" { code { (text) } }
    }
}

/// Leaves the keys of a Secret, and the size of each value. What was last applied repeats the values.
fn hide(secret: &mut Value) {
    for member in ["data", "stringData"] {
        for (_, value) in secret.get_mut(member).and_then(Value::as_object_mut).into_iter().flatten() {
            let size = value.as_str().map_or(0, str::len);
            *value = Value::String(format!("(hidden, {size} characters)"));
        }
    }
    let annotations = secret.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    for (key, value) in annotations.into_iter().flatten() {
        if key == "kubectl.kubernetes.io/last-applied-configuration" {
            *value = Value::String("(hidden)".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_whole() {
        let mut secret = json!({"data": {"a": "c2VjcmV0"}, "stringData": {"b": "secret"}, "metadata": {"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"a\":\"c2VjcmV0\"}}", "x": "y"}}});
        hide(&mut secret);
        let text = secret.to_string();
        assert!(!text.contains("c2VjcmV0") && !text.contains("secret"), "{text}");
        assert_eq!(secret["metadata"]["annotations"]["x"], "y");
    }
}
