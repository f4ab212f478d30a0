//! Where an access policy is in force.

use std::collections::HashSet;
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
        "`{0}` is not a namespace or a pattern of one: lower case letters, digits, `-` and the wildcard `*`, not beginning or ending with `-`, at most 63 characters"
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
    /// At most the product of both lengths (63 characters each); allocates nothing.
    pub fn matches(&self, namespace: &str) -> bool {
        if namespace.is_empty() {
            return false;
        }
        // Where the pattern differs, go back to the last `*` and let it take one character more. Each
        // earlier `*` took the least it could, so only the last one is ever tried again.
        let (pattern, name) = (self.0.as_bytes(), namespace.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut last_star: Option<(usize, usize)> = None;
        while let Some(&byte) = name.get(n) {
            match pattern.get(p) {
                Some(b'*') => {
                    last_star = Some((p, n));
                    p += 1;
                }
                Some(&expected) if expected == byte => {
                    p += 1;
                    n += 1;
                }
                Some(_) | None => match last_star {
                    None => return false,
                    Some((star, taken)) => {
                        last_star = Some((star, taken + 1));
                        p = star + 1;
                        n = taken + 1;
                    }
                },
            }
        }
        pattern.get(p..).is_some_and(|rest| rest.iter().all(|&b| b == b'*'))
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
        let characters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'*');
        if characters && !text.is_empty() && text.len() <= 63 && !text.starts_with('-') && !text.ends_with('-') {
            Ok(NamespacePattern(text.to_owned()))
        } else {
            Err(ScopeError::BadNamespace(text.to_owned()))
        }
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
        match (kind, namespaces) {
            ("cluster", []) => Ok(AccessScope::Cluster),
            ("cluster", [_, ..]) => Err(ScopeError::NamespacesWithCluster),
            ("namespace", []) => Err(ScopeError::NoNamespaces),
            ("namespace", list) => {
                let mut seen = HashSet::new();
                let once = list.iter().filter(|text| seen.insert(text.as_str()));
                let patterns = once.map(|text| text.parse()).collect::<Result<_, _>>()?;
                Ok(AccessScope::Namespaces(patterns))
            }
            (other, _) => Err(ScopeError::UnknownType(other.to_owned())),
        }
    }
    /// Whether a request in `namespace` (empty: of the cluster, or no resource at all) is within it.
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            AccessScope::Cluster => true,
            AccessScope::Namespaces(patterns) => patterns.iter().any(|pattern| pattern.matches(namespace)),
        }
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

/// `cluster`, or the namespaces: `dev-*, prod`.
impl fmt::Display for AccessScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessScope::Cluster => f.write_str("cluster"),
            AccessScope::Namespaces(patterns) => {
                for (index, pattern) in patterns.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{pattern}")?;
                }
                Ok(())
            }
        }
    }
}
