//! Field selectors: their syntax, the fields of each type, and what they match.

use serde_json::Value;

use crate::{registry::ResourceType, status::Status, validate::go_quote};

/// A parsed field selector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// One `path=value` or `path!=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// Path, such as `metadata.name`.
    pub path: String,
    /// Whether it must be equal (else unequal).
    pub equal: bool,
    /// The value.
    pub value: String,
}

impl FieldSelector {
    /// Parses the query parameter for a type; unsupported fields are a 400 with Kubernetes' text.
    pub fn parse(resource: &ResourceType, text: &str) -> Result<Self, Status> {
        let mut terms = Vec::new();
        for part in split_terms(text).iter().filter(|p| !p.is_empty()) {
            let unreadable = || Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'"));
            let at = unescaped(part, &['=', '!']).ok_or_else(unreadable)?;
            let (path, rest) = part.split_at(at);
            let (equal, value) = match rest.strip_prefix("!=") {
                Some(value) => (false, value),
                None => match rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
                    Some(value) => (true, value),
                    None => return Err(unreadable()),
                },
            };
            let value = unescape(value).ok_or_else(unreadable)?;
            check_field(resource, path)?;
            terms.push(FieldTerm { path: path.to_owned(), equal, value });
        }
        Ok(Self { terms })
    }

    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its terms.
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// The name that `metadata.name=` asks for: with it, list and watch are authorized by that name.
    pub fn name(&self) -> Option<&str> {
        self.terms.iter().find(|t| t.equal && t.path == "metadata.name").map(|t| t.value.as_str())
    }

    /// Whether an object matches.
    pub fn matches(&self, resource: &ResourceType, object: &Value) -> bool {
        self.terms.iter().all(|term| (field_text(resource, object, &term.path) == term.value) == term.equal)
    }
}

/// Position of the first of `wanted` that no backslash escapes.
fn unescaped(text: &str, wanted: &[char]) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && wanted.contains(&c) {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn split_terms(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = unescaped(rest, &[',']) {
        let (term, after) = rest.split_at(at);
        out.push(term);
        rest = after.get(1..).unwrap_or("");
    }
    out.push(rest);
    out
}

/// Takes the backslashes away; `None` for an escape that is none or a bare special character.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                c @ ('\\' | ',' | '=') => out.push(c),
                _ => return None,
            },
            '=' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

/// Fields beyond name and namespace by which a type can be selected, from the server's field label conversions.
fn fields_of(resource: &ResourceType) -> Option<&'static [&'static str]> {
    if resource.custom.is_some() {
        return Some(&[]);
    }
    Some(match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "namespaces") => &["status.phase"],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", "certificatesigningrequests") => &["spec.signerName"],
        ("resource.k8s.io", "resourceslices") => &["spec.nodeName", "spec.driver"],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("events.k8s.io", "events") => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        _ => return None,
    })
}

fn check_field(resource: &ResourceType, path: &str) -> Result<(), Status> {
    if path == "metadata.name"
        || (path == "metadata.namespace" && (resource.namespaced || fields_of(resource).is_none()))
    {
        return Ok(());
    }
    let Some(fields) = fields_of(resource) else {
        let quoted = go_quote(path);
        return Err(Status::bad_request(format!(
            "{quoted} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )));
    };
    if fields.contains(&path) {
        return Ok(());
    }
    Err(Status::bad_request(match resource.plural.as_str() {
        "jobs" => format!("field label {} not supported for Job", go_quote(path)),
        "resourceslices" => format!("field label not supported for ResourceSlice: {path}"),
        _ => format!("field label not supported: {path}"),
    }))
}

/// A field's text as selectors compare it; absent is empty, or what the type takes absence for.
fn field_text(resource: &ResourceType, object: &Value, path: &str) -> String {
    let at = |path: &str| {
        let mut value = Some(object);
        for part in path.split('.') {
            value = value.and_then(|v| v.get(part));
        }
        match value {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    };
    match (resource.plural.as_str(), path) {
        ("pods", "spec.hostNetwork") | ("nodes", "spec.unschedulable") => {
            let text = at(path);
            if text.is_empty() { "false".to_owned() } else { text }
        }
        ("pods", "status.podIPs") => at("status.podIP"),
        ("jobs", "status.successful") => {
            let text = at("status.succeeded");
            if text.is_empty() { "0".to_owned() } else { text }
        }
        ("events", "source") => {
            let text = at("source.component");
            if text.is_empty() { at("reportingComponent") } else { text }
        }
        ("replicationcontrollers", "status.replicas") => {
            let text = at(path);
            if text.is_empty() { "0".to_owned() } else { text }
        }
        _ => at(path),
    }
}
