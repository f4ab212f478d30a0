//! Errors of STS and IAM: codes, statuses and their form.

use entryway_directory::DirectoryError;
use entryway_iam::policy::PolicyError;
use serde_json::json;

use super::{QueryAnswer, QueryRecord, Service, xml};

/// An error for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryError {
    code: &'static str,
    status: u16,
    message: String,
}

/// What a caller is told of a fault inside; the log has the rest.
const INTERNAL: &str = "The request processing has failed because of an unknown error, exception or failure. Try again; the server's log \
     has the reason.";

impl QueryError {
    pub(crate) fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into() }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", 400, message)
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new("AccessDenied", 403, message)
    }

    /// An operation that is not here.
    pub(super) fn no_action(action: &str, version: &str) -> Self {
        let shown: String = action.chars().take(64).collect();
        let version: String = version.chars().take(32).collect();
        Self::new("InvalidAction", 400, format!("Could not find operation {shown} for version {version}"))
    }

    /// A constraint of the service model, told as STS does: with the value.
    pub(super) fn constraint(parameter: &str, value: &str, constraint: impl std::fmt::Display) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: {constraint}"
        ))
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (&'static str, u16, &str) {
        (self.code, self.status, &self.message)
    }

    /// The whole answer. Its record holds the error alone.
    pub(crate) fn answer(self, service: Service, request_id: &str, wants_json: bool) -> QueryAnswer {
        let code = match (self.code, service) {
            ("ServiceFailure", Service::Sts) => "InternalFailure",
            (code, _) => code,
        };
        let kind = if self.status < 500 { "Sender" } else { "Receiver" };
        let json = wants_json && service == Service::Sts;
        let body = if json {
            json!({"Error": {"Type": kind, "Code": code, "Message": self.message}, "RequestId": request_id}).to_string()
        } else {
            xml::error(service.namespace(), kind, code, &self.message, request_id)
        };
        QueryAnswer {
            status: self.status,
            content_type: if json { "application/json" } else { "text/xml" },
            body,
            record: QueryRecord { error: Some((code.to_owned(), self.message)), ..QueryRecord::default() },
        }
    }
}

impl From<DirectoryError> for QueryError {
    fn from(error: DirectoryError) -> Self {
        let message = match &error {
            DirectoryError::Store(_) | DirectoryError::Corrupt { .. } => {
                tracing::error!(%error, "the directory failed");
                INTERNAL.to_owned()
            }
            told => told.to_string(),
        };
        Self::new(error.code(), error.http_status(), message)
    }
}

impl From<PolicyError> for QueryError {
    fn from(error: PolicyError) -> Self {
        DirectoryError::from(error).into()
    }
}
