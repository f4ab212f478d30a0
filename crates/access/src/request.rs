//! What is asked of the authorizer: Kubernetes' request attributes.

use crate::UserInfo;

/// A request for a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resource<'a> {
    /// API group, `""` for the core.
    pub group: &'a str,
    /// The plural, such as `pods`.
    pub resource: &'a str,
    /// Such as `log`; empty for none.
    pub subresource: &'a str,
    /// Empty for requests of the cluster (or of all namespaces).
    pub namespace: &'a str,
    /// Empty where there is none. `list`, `watch` and `deletecollection` with a `metadata.name=` field
    /// selector have that name here (the caller puts it in).
    pub name: &'a str,
}

/// What of a request decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attributes<'a> {
    /// A resource.
    Resource {
        /// The verb, such as `list`.
        verb: &'a str,
        /// Of what.
        resource: Resource<'a>,
    },
    /// A path that is no resource, such as `/healthz`.
    NonResource {
        /// The verb: the HTTP method in lower case.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// A question for [`crate::Snapshot::decide`].
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who, with all groups (`system:authenticated` too). The entry's policies are found through
    /// `extra` and `uid` alone (`kubernetes.md` §2), never through the username.
    pub user: &'a UserInfo,
    /// What.
    pub attributes: Attributes<'a>,
}
