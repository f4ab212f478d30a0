//! Errors of the EKS API: AWS's names, statuses and form.

use entryway_iam::sigv4::SigV4Error;
use entryway_store::StoreError;
use serde_json::{Map, Value, json};

use super::operation::Operation;

/// Which of the service model's errors. The status belongs to the name, so no error can carry a wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    AccessDenied,
    BadRequest,
    /// Entryway's own API: another version than the one named.
    Conflict,
    InvalidParameter,
    InvalidRequest,
    NotFound,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    Serialization,
    Server,
    /// To be sent again.
    Throttling,
    TooLarge,
    UnknownOperation,
    /// The signature or the key; these codes are `iam`'s.
    Signature {
        code: &'static str,
        status: u16,
    },
}

impl Fault {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Fault::AccessDenied => "AccessDeniedException",
            Fault::BadRequest => "BadRequestException",
            Fault::Conflict => "ConflictException",
            Fault::InvalidParameter => "InvalidParameterException",
            Fault::InvalidRequest => "InvalidRequestException",
            Fault::NotFound => "NotFoundException",
            Fault::ResourceInUse => "ResourceInUseException",
            Fault::ResourceLimitExceeded => "ResourceLimitExceededException",
            Fault::ResourceNotFound => "ResourceNotFoundException",
            Fault::Serialization => "SerializationException",
            Fault::Server => "ServerException",
            Fault::Throttling => "ThrottlingException",
            Fault::TooLarge => "RequestEntityTooLargeException",
            Fault::UnknownOperation => "UnknownOperationException",
            Fault::Signature { code, .. } => code,
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            Fault::AccessDenied => 403,
            Fault::NotFound | Fault::ResourceNotFound | Fault::UnknownOperation => 404,
            Fault::Conflict | Fault::ResourceInUse => 409,
            Fault::TooLarge => 413,
            Fault::Throttling => 429,
            Fault::BadRequest
            | Fault::InvalidParameter
            | Fault::InvalidRequest
            | Fault::ResourceLimitExceeded
            | Fault::Serialization => 400,
            Fault::Server => 500,
            Fault::Signature { status, .. } => status,
        }
    }

    /// Whether the error's shape has the member `clusterName`.
    fn names_cluster(self) -> bool {
        matches!(
            self,
            Fault::InvalidParameter
                | Fault::InvalidRequest
                | Fault::ResourceInUse
                | Fault::ResourceLimitExceeded
                | Fault::ResourceNotFound
                | Fault::Server
        )
    }
}

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EksError {
    pub(crate) fault: Fault,
    /// For the caller.
    pub(crate) message: String,
}

impl EksError {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        EksError { fault, message: message.into() }
    }

    /// A bad parameter, by the error that the operation's model has for it.
    pub(crate) fn parameter(operation: Operation, message: impl Into<String>) -> Self {
        EksError::new(operation.bad_parameter(), message)
    }

    /// The body.
    pub(crate) fn body(&self, cluster: Option<&str>) -> Value {
        let mut body = Map::new();
        body.insert("__type".to_owned(), json!(self.fault.code()));
        if let Some(cluster) = cluster.filter(|_| self.fault.names_cluster()) {
            body.insert("clusterName".to_owned(), json!(cluster));
        }
        body.insert("message".to_owned(), json!(self.message));
        Value::Object(body)
    }

    pub(crate) fn no_cluster(name: &str) -> Self {
        EksError::new(Fault::ResourceNotFound, format!("No cluster found for name: {name}."))
    }

    pub(crate) fn no_entry() -> Self {
        EksError::new(
            Fault::ResourceNotFound,
            "The specified principalArn could not be found. You can view your available access entries with \
             'list-access-entries'.",
        )
    }

    /// Something of ours failed; the log has more than the caller.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!("{what}");
        EksError::new(Fault::Server, "an internal error occurred; the server's log has the reason")
    }

    /// Many changed the same record at once, again and again.
    pub(crate) fn contended() -> Self {
        EksError::new(Fault::Server, "the resource was changed by many others at the same time; try again")
    }
}

impl From<StoreError> for EksError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } => EksError::new(Fault::InvalidRequest, error.to_string()),
            other => EksError::internal(other),
        }
    }
}

impl From<SigV4Error> for EksError {
    fn from(error: SigV4Error) -> Self {
        EksError::new(Fault::Signature { code: error.eks_code(), status: SigV4Error::HTTP_STATUS }, error.to_string())
    }
}
