//! Where an access policy is in force.

use std::fmt;
use std::str::FromStr;

/// Why a scope or namespace pattern is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// EKS's text for a namespace scope with nothing in it.
    #[error("At least 1 namespace must be provided if the type is set as namespace")]
    NoNamespaces,
    /// EKS's text for a cluster scope that lists namespaces.
    #[error("accessScope should not include namespaces if the type is not set as namespace")]
    NamespacesWithCluster,
    /// The type is neither `cluster` nor `namespace`.
    #[error("accessScope type must be one of [cluster, namespace], not `{0}`")]
    UnknownType(String),
    /// Not a namespace name with wildcards.
    #[error(
        "`{0}` is not a namespace or a pattern of one: lower case letters, digits, `-` and the wildcard `*`, at most 63 characters"
    )]
    BadNamespace(String),
}

/// A namespace's name in which `*` stands for any run of characters, also none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamespacePattern(String);

impl NamespacePattern {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether it stands for `namespace`. An empty namespace (a request of the cluster) never matches.
    /// Linear in the length of both; allocates nothing.
    pub fn matches(&self, namespace: &str) -> bool {
        let _ = namespace;
        todo!()
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NamespacePattern {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let _ = text;
        todo!()
    }
}

/// The scope of an association: the whole cluster, or at least one namespace pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessScope {
    /// Everywhere, also what has no namespace and what is no resource.
    Cluster,
    /// In these namespaces alone. INVARIANT (scope is not empty): at least one, no repeats, order kept.
    Namespaces(Vec<NamespacePattern>),
}

impl AccessScope {
    /// From the two members of the API.
    pub fn from_parts(kind: &str, namespaces: &[String]) -> Result<Self, ScopeError> {
        let _ = (kind, namespaces);
        todo!()
    }
    /// `cluster` or `namespace`.
    pub fn kind(&self) -> &'static str {
        match self {
            AccessScope::Cluster => "cluster",
            AccessScope::Namespaces(_) => "namespace",
        }
    }
    /// The patterns, none for the cluster.
    pub fn namespaces(&self) -> &[NamespacePattern] {
        match self {
            AccessScope::Cluster => &[],
            AccessScope::Namespaces(list) => list,
        }
    }
}
