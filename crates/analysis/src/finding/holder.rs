//! Whom or what a finding is about, and how the API server sees it.

use std::fmt;

use entryway_access::{
    ANONYMOUS, AUTHENTICATED, AccountId, PrincipalArn, Subject as RbacSubject, UNAUTHENTICATED, UserInfo,
    service_account,
};

use crate::question::FRESH;

/// Whom or what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// The cluster itself.
    Cluster,
    /// An IAM principal whom an entry, aws-auth or the creator's hidden mapping lets in.
    Principal(PrincipalArn),
    /// Any other principal of an account that `mapAccounts` takes in.
    OthersOf(AccountId),
    /// A Kubernetes user whom a binding names.
    User(String),
    /// A Kubernetes group that a binding names.
    Group(String),
    /// A service account that a binding names.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A binding.
    Binding {
        /// Absent for a ClusterRoleBinding.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
}

impl Holder {
    /// The kind, as people say it.
    pub fn kind(&self) -> &'static str {
        match self {
            Holder::Cluster => "cluster",
            Holder::Principal(_) => "IAM principal",
            Holder::OthersOf(_) => "account",
            Holder::User(_) => "user",
            Holder::Group(_) => "group",
            Holder::ServiceAccount { .. } => "service account",
            Holder::Binding { namespace: None, .. } => "ClusterRoleBinding",
            Holder::Binding { namespace: Some(_), .. } => "RoleBinding",
        }
    }

    /// Whether it is a part of Kubernetes or EKS, by its name.
    pub fn is_of_system(&self) -> bool {
        match self {
            Holder::User(name) | Holder::Group(name) => name.starts_with("system:") || name.starts_with("eks:"),
            Holder::ServiceAccount { namespace, .. } => namespace == "kube-system",
            Holder::Cluster | Holder::Principal(_) | Holder::OthersOf(_) | Holder::Binding { .. } => false,
        }
    }

    pub(super) fn of_rbac(subject: &RbacSubject) -> Holder {
        match subject {
            RbacSubject::User(name) => match service_account(name) {
                Some((namespace, name)) => {
                    Holder::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
                }
                None => Holder::User(name.clone()),
            },
            RbacSubject::Group(name) => Holder::Group(name.clone()),
            RbacSubject::ServiceAccount { namespace, name } => {
                Holder::ServiceAccount { namespace: namespace.clone(), name: name.clone() }
            }
        }
    }

    /// As the API server sees it; none for what can't sign in.
    pub(super) fn user(&self) -> Option<UserInfo> {
        let (username, groups) = match self {
            Holder::User(name) if name == ANONYMOUS => (name.as_str(), vec![UNAUTHENTICATED.to_owned()]),
            Holder::User(name) => (name.as_str(), vec![AUTHENTICATED.to_owned()]),
            // A group alone: the name is nobody's.
            Holder::Group(name) if name == UNAUTHENTICATED || name == AUTHENTICATED => (FRESH, vec![name.clone()]),
            Holder::Group(name) => (FRESH, vec![name.clone(), AUTHENTICATED.to_owned()]),
            Holder::ServiceAccount { namespace, name } => {
                return Some(UserInfo::service_account(namespace, name).with_standing_group());
            }
            Holder::Cluster | Holder::Principal(_) | Holder::OthersOf(_) | Holder::Binding { .. } => return None,
        };
        Some(UserInfo { username: username.to_owned(), groups, ..UserInfo::default() })
    }
}

/// The name alone: an ARN, `jo`, `payments/builder`, `web/deployers`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Cluster => f.write_str("the cluster"),
            Holder::Principal(arn) => write!(f, "{arn}"),
            Holder::OthersOf(account) => write!(f, "any other principal of account {account}"),
            Holder::User(name) | Holder::Group(name) | Holder::Binding { namespace: None, name } => f.write_str(name),
            Holder::ServiceAccount { namespace, name } | Holder::Binding { namespace: Some(namespace), name } => {
                write!(f, "{namespace}/{name}")
            }
        }
    }
}
