//! From method, path and query to what is asked for: Kubernetes' request attributes, derived exactly as its API
//! server derives them, since authorization rests on them. Pure.

use entryway_access::{Attributes, Resource};

use crate::query::Query;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestInfo {
    /// The verb: `get`, `list`, `deletecollection` …; for other paths the HTTP method in lower case.
    pub(crate) verb: String,
    /// The decoded path.
    pub(crate) path: String,
    /// The resource; absent for paths that are none.
    pub(crate) resource: Option<ResourcePath>,
}

/// The parts of a resource's path. Absent parts are empty, as in Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    /// The name in the path.
    pub(crate) name: String,
    /// The name that a `metadata.name=` field selector gives a list or watch.
    pub(crate) selected_name: String,
    /// Segments after the subresource.
    pub(crate) rest: Vec<String>,
    /// Whether the path has the old form `/api/v1/watch/…`.
    pub(crate) watch_prefix: bool,
}

impl ResourcePath {
    /// Whether it is a path of the core type `namespaces`, where the namespace is the object's own name. Any other
    /// name in a namespace's path would be authorized by the one and served by the other.
    pub(crate) fn is_of_namespace_itself(&self) -> bool {
        self.group.is_empty() && self.resource == "namespaces" && self.namespace == self.name
    }
}

impl RequestInfo {
    /// Derives it. `path` is percent-decoded already.
    pub(crate) fn of(method: &str, path: &str, query: &Query) -> RequestInfo {
        let plain = || RequestInfo { verb: method.to_ascii_lowercase(), path: path.to_owned(), resource: None };
        let trimmed = path.trim_matches('/');
        let parts: Vec<&str> = if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').collect() };
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return plain(),
        };
        let (watch_prefix, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            ["watch"] => return plain(),
            rest => (false, rest),
        };
        let mut found = ResourcePath {
            group: group.to_owned(),
            version: version.to_owned(),
            watch_prefix,
            ..ResourcePath::default()
        };
        // A namespace's own subresources are `status` and `finalize`; everything else below it is a resource in it.
        let rest = match rest {
            ["namespaces", namespace, below @ ..] => {
                found.namespace = (*namespace).to_owned();
                match below {
                    [first, ..] if *first != "status" && *first != "finalize" => below,
                    _ => rest,
                }
            }
            rest => rest,
        };
        let part = |index: usize| rest.get(index).map(|part| (*part).to_owned()).unwrap_or_default();
        found.resource = part(0);
        found.name = part(1);
        found.subresource = part(2);
        found.rest = rest.get(3..).unwrap_or_default().iter().map(|part| (*part).to_owned()).collect();
        let verb = verb(method, &mut found, query);
        RequestInfo { verb, path: path.to_owned(), resource: Some(found) }
    }

    /// As the authorizer takes it.
    pub(crate) fn attributes(&self) -> Attributes<'_> {
        match &self.resource {
            Some(path) => Attributes::Resource {
                verb: &self.verb,
                resource: Resource {
                    group: &path.group,
                    resource: &path.resource,
                    subresource: &path.subresource,
                    namespace: &path.namespace,
                    name: path.attribute_name(),
                },
            },
            None => Attributes::NonResource { verb: &self.verb, path: &self.path },
        }
    }
}

impl ResourcePath {
    /// The name that counts for authorization.
    pub(crate) fn attribute_name(&self) -> &str {
        if self.name.is_empty() { &self.selected_name } else { &self.name }
    }
}

fn verb(method: &str, path: &mut ResourcePath, query: &Query) -> String {
    if path.watch_prefix {
        return "watch".to_owned();
    }
    let verb = match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    };
    match verb {
        "get" if path.name.is_empty() => {
            path.selected_name = selected_name(query);
            if query.flag("watch") { "watch" } else { "list" }.to_owned()
        }
        "delete" if path.name.is_empty() => "deletecollection".to_owned(),
        verb => verb.to_owned(),
    }
}

/// The name that `fieldSelector=metadata.name=X` (or `==`) requires; empty where it requires none, or one that
/// could not stand in a path.
fn selected_name(query: &Query) -> String {
    let selector = query.get("fieldSelector").unwrap_or_default();
    let name = selector.split(',').find_map(|term| {
        let value = term.trim().strip_prefix("metadata.name=")?;
        Some(value.strip_prefix('=').unwrap_or(value))
    });
    match name {
        Some(name) if name != "." && name != ".." && !name.contains(['/', '%']) => name.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &str, target: &str) -> RequestInfo {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        RequestInfo::of(method, path, &Query::parse(query))
    }

    fn flat(method: &str, target: &str) -> String {
        let info = info(method, target);
        match &info.resource {
            None => format!("{} {}", info.verb, info.path),
            Some(path) => format!(
                "{} {}/{} ns={} {}/{} sub={}",
                info.verb,
                path.group,
                path.version,
                path.namespace,
                path.resource,
                path.attribute_name(),
                path.subresource
            ),
        }
    }

    #[test]
    fn derives_attributes_as_kubernetes_does() {
        for (method, target, want) in [
            ("GET", "/api", "get /api"),
            ("GET", "/api/v1", "get /api/v1"),
            ("GET", "/apis/apps/v1", "get /apis/apps/v1"),
            ("POST", "/healthz", "post /healthz"),
            ("GET", "/api/v1/pods", "list /v1 ns= pods/ sub="),
            ("GET", "/api/v1/pods?watch=true", "watch /v1 ns= pods/ sub="),
            ("GET", "/api/v1/pods?watch=0", "list /v1 ns= pods/ sub="),
            ("GET", "/api/v1/namespaces/a", "get /v1 ns=a namespaces/a sub="),
            ("PUT", "/api/v1/namespaces/a/finalize", "update /v1 ns=a namespaces/a sub=finalize"),
            ("GET", "/api/v1/namespaces/a/status", "get /v1 ns=a namespaces/a sub=status"),
            ("GET", "/api/v1/namespaces/a/pods/p/log", "get /v1 ns=a pods/p sub=log"),
            ("DELETE", "/api/v1/namespaces/a/pods", "deletecollection /v1 ns=a pods/ sub="),
            ("DELETE", "/api/v1/namespaces/a/pods/p", "delete /v1 ns=a pods/p sub="),
            (
                "GET",
                "/apis/apps/v1/namespaces/a/deployments?fieldSelector=metadata.name%3Dx",
                "list apps/v1 ns=a deployments/x sub=",
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx",
                "deletecollection /v1 ns=a pods/ sub=",
            ),
            ("GET", "/api/v1/watch/namespaces/a/pods/p", "watch /v1 ns=a pods/p sub="),
        ] {
            assert_eq!(flat(method, target), want, "{method} {target}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_taken(method in "[A-Z]{0,6}", path in "[/a-z.%]{0,40}", query in ".{0,40}") {
            RequestInfo::of(&method, &path, &Query::parse(&query));
        }
    }
}
