//! A question about access as people write it: verb, resource (or path), namespace, name.

use entryway_access::{Attributes, Resource};
use maud::{Markup, html};

use super::cluster::Cluster;
use super::form::Form;
use super::kinds::{self, KINDS, VERBS};
use super::part::Field;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) verb: String,
    pub(super) group: String,
    /// The plural; a path where it begins with `/`.
    pub(super) resource: String,
    pub(super) subresource: String,
    /// Empty for the whole cluster.
    pub(super) namespace: String,
    /// Empty for any.
    pub(super) name: String,
}

impl Question {
    /// From a query; `None` where nothing is asked yet. A resource is written as kubectl does: `pods`, `pods/log`,
    /// `deployments.apps`, `deployments.apps/scale`.
    pub(super) fn of(query: &Form) -> Option<Question> {
        let (verb, what) = (query.text("verb"), query.text("resource"));
        if what.is_empty() {
            return None;
        }
        let verb = if verb.is_empty() { "get" } else { verb };
        let text = |name: &str| query.text(name).to_owned();
        let (resource, subresource) = match what.starts_with('/') {
            true => (what, ""),
            false => what.split_once('/').unwrap_or((what, "")),
        };
        let (resource, group) = match resource.starts_with('/') {
            true => (resource, ""),
            false => resource.split_once('.').unwrap_or_else(|| (resource, kinds::group_of(resource))),
        };
        Some(Question {
            verb: verb.to_lowercase(),
            group: group.to_owned(),
            resource: resource.to_lowercase(),
            subresource: subresource.to_owned(),
            namespace: if kinds::is_namespaced(group, resource) { text("namespace") } else { String::new() },
            name: text("name"),
        })
    }

    /// For the core.
    pub(super) fn attributes(&self) -> Attributes<'_> {
        match self.resource.starts_with('/') {
            true => Attributes::NonResource { verb: &self.verb, path: &self.resource },
            false => Attributes::Resource {
                verb: &self.verb,
                resource: Resource {
                    group: &self.group,
                    resource: &self.resource,
                    subresource: &self.subresource,
                    namespace: &self.namespace,
                    name: &self.name,
                },
            },
        }
    }

    /// `deployments.apps/scale`.
    pub(super) fn resource_text(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!("{}{dot}{}{slash}{}", self.resource, self.group, self.subresource)
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} {}", self.verb, self.resource_text());
        if !self.name.is_empty() {
            text.push_str(&format!(" {}", self.name));
        }
        match (
            self.resource.starts_with('/'),
            self.namespace.is_empty(),
            kinds::is_namespaced(&self.group, &self.resource),
        ) {
            (true, ..) => {}
            (false, false, _) => text.push_str(&format!(" in namespace {}", self.namespace)),
            (false, true, true) => text.push_str(" in all namespaces"),
            (false, true, false) => text.push_str(" of the cluster"),
        }
        text
    }

    /// As a query.
    pub(super) fn to_form(&self) -> Form {
        let resource = self.resource_text();
        Form::of(&[("verb", &self.verb), ("resource", &resource), ("namespace", &self.namespace), ("name", &self.name)])
    }
}

/// The fields for asking.
pub(super) fn fields(cluster: &Cluster, query: &Form) -> Markup {
    let field = |name, label, help| Field { name, label, value: query.text(name), help, error: None };
    let verbs: Vec<(String, String)> = VERBS
        .iter()
        .map(|(verb, _)| *verb)
        .chain(["impersonate", "bind", "escalate"])
        .map(|verb| (verb.to_owned(), verb.to_owned()))
        .collect();
    html! {
        (field("verb", "Verb", "").choice(&verbs))
        div.field {
            label for="resource" { "Resource" }
            input type="text" id="resource" name="resource" value=(query.text("resource")) list="kinds" required
                placeholder="pods, deployments.apps, /healthz" autocomplete="off" autocapitalize="none" spellcheck="false";
            datalist id="kinds" { @for kind in &KINDS { option value=(kind.resource) {} } }
        }
        (field("namespace", "Namespace", "").suggesting(&cluster.url("/namespaces")))
        (field("name", "Name", "").line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_kubectl_writes_it() {
        let ask = |resource: &str| Question::of(&Form::of(&[("resource", resource), ("namespace", "web")])).unwrap();
        for (text, group, resource, sub) in [
            ("pods", "", "pods", ""),
            ("pods/log", "", "pods", "log"),
            ("deployments", "apps", "deployments", ""),
            ("deployments.apps/scale", "apps", "deployments", "scale"),
            ("things.example.com", "example.com", "things", ""),
        ] {
            let question = ask(text);
            assert_eq!(
                (question.group.as_str(), question.resource.as_str(), question.subresource.as_str()),
                (group, resource, sub)
            );
            assert_eq!(Question::of(&question.to_form()), Some(question));
        }
        assert_eq!(ask("nodes").namespace, "", "nodes are in no namespace");
        assert!(matches!(ask("/healthz").attributes(), Attributes::NonResource { path: "/healthz", .. }));
        assert_eq!(Question::of(&Form::default()), None);
    }
}
