//! What can go wrong, with IAM's codes and texts: the one place for both.

use entryway_iam::policy::PolicyError;
use entryway_store::StoreError;

/// Why the directory refused or failed. `Display` is the message for the caller. Only
/// [`DirectoryError::Contention`] and [`DirectoryError::Store`] may be retried unchanged.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// What was named does not exist.
    #[error("{0}")]
    NoSuchEntity(String),
    /// The name is taken.
    #[error("{0}")]
    EntityAlreadyExists(String),
    /// Something still hangs on what was to be deleted.
    #[error("{0}")]
    DeleteConflict(String),
    /// A quota would be exceeded.
    #[error("{0}")]
    LimitExceeded(String),
    /// A policy is not one.
    #[error("{0}")]
    MalformedPolicyDocument(String),
    /// A parameter breaks the rule of its form.
    #[error("{0}")]
    Validation(String),
    /// A parameter is well formed, but its value is not allowed.
    #[error("{0}")]
    InvalidInput(String),
    /// So many others were changing the same thing that this call gave up. Nothing was changed.
    #[error(
        "The request was rejected because multiple requests to change this object were submitted \
             simultaneously. Wait a few minutes and submit your request again."
    )]
    Contention,
    /// The store failed.
    #[error("the directory could not be read or written: {0}")]
    Store(#[from] StoreError),
    /// A record in the store can't be read. Nobody gains access by it: the calls that need it fail.
    #[error("the record `{key}` can't be read: {problem}")]
    Corrupt {
        /// The key in the store; it holds no secret.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl DirectoryError {
    /// IAM's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchEntity(_) => "NoSuchEntity",
            Self::EntityAlreadyExists(_) => "EntityAlreadyExists",
            Self::DeleteConflict(_) => "DeleteConflict",
            Self::LimitExceeded(_) => "LimitExceeded",
            Self::MalformedPolicyDocument(_) => "MalformedPolicyDocument",
            Self::Validation(_) => "ValidationError",
            Self::InvalidInput(_) => "InvalidInput",
            Self::Contention => "ConcurrentModification",
            Self::Store(_) | Self::Corrupt { .. } => "ServiceFailure",
        }
    }

    /// The HTTP status that goes with the code.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::NoSuchEntity(_) => 404,
            Self::EntityAlreadyExists(_) | Self::DeleteConflict(_) | Self::LimitExceeded(_) | Self::Contention => 409,
            Self::MalformedPolicyDocument(_) | Self::Validation(_) | Self::InvalidInput(_) => 400,
            Self::Store(_) | Self::Corrupt { .. } => 500,
        }
    }

    /// A parameter that breaks a constraint of AWS's service model; `constraint` begins with `Member must`.
    pub fn constraint(parameter: &str, constraint: impl std::fmt::Display) -> Self {
        Self::Validation(format!(
            "1 validation error detected: Value at '{parameter}' failed to satisfy constraint: {constraint}"
        ))
    }

    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::NoSuchEntity(format!("The {what} with name {name} cannot be found."))
    }

    pub(crate) fn exists(what: &str, name: &str) -> Self {
        Self::EntityAlreadyExists(format!("{what} with name {name} already exists."))
    }

    pub(crate) fn no_policy(arn: &str) -> Self {
        Self::NoSuchEntity(format!("Policy {arn} was not found."))
    }

    pub(crate) fn not_attachable(arn: &str) -> Self {
        Self::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."))
    }

    pub(crate) fn quota(name: &str, limit: usize) -> Self {
        Self::LimitExceeded(format!("Cannot exceed quota for {name}: {limit}"))
    }
}

impl From<PolicyError> for DirectoryError {
    fn from(error: PolicyError) -> Self {
        Self::MalformedPolicyDocument(error.to_string())
    }
}
