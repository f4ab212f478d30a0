//! What can go wrong outside, told apart by what a person can do about it.

use aws_sdk_eks::config::http::HttpResponse;
use aws_sdk_eks::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// An error that an AWS service answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {message} ({code})")]
pub struct ServiceError {
    /// The operation, such as `DescribeCluster`.
    pub operation: &'static str,
    /// AWS's name for the error, such as `ResourceNotFoundException`.
    pub code: String,
    /// AWS's own text.
    pub message: String,
}

/// Why something outside could not be read or done. Only [`LiveError::Unreachable`] is worth trying again, after
/// what it names has been looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// Neither flag, environment nor profile names a region.
    #[error("no AWS region is set{}", of_profile(.profile.as_deref()))]
    NoRegion {
        /// The profile that was named, which has none, or does not exist.
        profile: Option<String>,
    },
    /// Nothing gives credentials. The text is the SDK's own reason.
    #[error("no AWS credentials were found: {0}")]
    NoCredentials(String),
    /// A service said no. Nothing was changed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// No answer, or none that could be read. A change may or may not have happened.
    #[error("{what} did not answer: {why}")]
    Unreachable {
        /// Who: a service or cluster, with its address.
        what: String,
        /// Why, as far as known.
        why: String,
    },
    /// A cluster's API said no.
    #[error("the Kubernetes API at {server} answered {code}: {message}")]
    Kubernetes {
        /// The cluster's address.
        server: String,
        /// The HTTP status.
        code: u16,
        /// Kubernetes' own text.
        message: String,
    },
    /// A setting (flag, variable, profile, kubeconfig) that can't be used.
    #[error("{0}")]
    Setting(String),
    /// An answer without something that it must have.
    #[error("{what} answered without `{member}`")]
    Incomplete {
        /// Who.
        what: &'static str,
        /// What was missing.
        member: &'static str,
    },
}

fn of_profile(profile: Option<&str>) -> String {
    profile.map(|name| format!(": the profile `{name}` names none, or does not exist")).unwrap_or_default()
}

impl LiveError {
    /// AWS's name of the error, where a service answered one.
    pub fn code(&self) -> Option<&str> {
        match self {
            LiveError::Service(error) => Some(&error.code),
            _ => None,
        }
    }

    /// Whether the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        match self {
            LiveError::Service(error) => error.code == "ResourceNotFoundException",
            LiveError::Kubernetes { code, .. } => *code == 404,
            _ => false,
        }
    }

    /// Whether it exists already (or an association is in the way).
    pub fn is_in_use(&self) -> bool {
        match self {
            LiveError::Service(error) => {
                matches!(error.code.as_str(), "ResourceInUseException" | "EntityAlreadyExists")
            }
            LiveError::Kubernetes { code, .. } => *code == 409,
            _ => false,
        }
    }

    /// Whether it was refused for want of permission.
    pub fn is_forbidden(&self) -> bool {
        match self {
            LiveError::Service(error) => error.code.starts_with("AccessDenied"),
            LiveError::Kubernetes { code, .. } => matches!(code, 401 | 403),
            _ => false,
        }
    }
}

impl LiveError {
    /// What to do about it, where the message does not say so itself.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            LiveError::Service(error) => advice_on(error),
            LiveError::Unreachable { what, .. } if what.contains("127.0.0.1") || what.contains("localhost") => {
                Some("is it running? `entryway up` starts a control plane on this machine")
            }
            LiveError::Kubernetes { code: 401, .. } => Some(
                "your own principal has no access entry (and no aws-auth line) in this cluster, or its credentials have ended",
            ),
            _ => None,
        }
    }
}

fn advice_on(error: &ServiceError) -> Option<&'static str> {
    match error.code.as_str() {
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => Some(
            "the credentials have ended: get new ones (`aws sso login`, or assume the role again) and run it again",
        ),
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => Some(
            "it was tried several times with growing pauses: wait and run it again, or set `AWS_MAX_ATTEMPTS` higher",
        ),
        code if code.starts_with("AccessDenied") => Some(
            "have an IAM policy allow this action to the principal that the message names, or use another `--profile`",
        ),
        "ResourceNotFoundException" if error.message.starts_with("No cluster found") => {
            Some("the cluster was deleted in between: make it again, or leave it out of the file")
        }
        _ => None,
    }
}

/// Tells an answer of the service apart from no answer. `endpoint` is for the message.
pub(crate) fn from_sdk<E>(operation: &'static str, endpoint: &str, error: SdkError<E, HttpResponse>) -> LiveError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Some(answered) = error.as_service_error() else {
        return match &error {
            SdkError::ConstructionFailure(_) => LiveError::Setting(innermost(&error)),
            _ => LiveError::Unreachable { what: format!("{operation} at {endpoint}"), why: innermost(&error) },
        };
    };
    let status = error.raw_response().map(|response| response.status().as_u16()).unwrap_or_default();
    let code = answered.code().map_or_else(|| format!("HTTP {status}"), str::to_owned);
    let message =
        answered.message().map_or_else(|| format!("no message, {}", DisplayErrorContext(&error)), str::to_owned);
    ServiceError { operation, code, message }.into()
}

/// The last cause in the chain: the one that says what happened ("connection refused"), under layers that do not.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The whole chain in one line, each cause once: for errors of which neither end says it alone.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text
}
