//! The STS and IAM APIs: AWS's query protocol in, XML out.
//!
//! The dispatcher has checked the signature and hands over who called ([`QueryCall`]); what comes back
//! ([`QueryAnswer`]) is the whole answer and what the audit log needs. Who may do what is decided here, by
//! `entryway_iam::policy`; what is true afterwards is `entryway_directory`'s.
//!
//! Here is what an access story needs. Instance profiles, login profiles, MFA and providers are not; their
//! operations are refused by name.

mod error;
mod form;
mod iam;
mod page;
mod sts;
#[cfg(test)]
mod tests;
mod xml;

use entryway_directory::{Directory, LocalCaller};
use entryway_iam::policy::Context;
use entryway_iam::sigv4::{Rules, SigV4Error};
use jiff::Timestamp;
use serde_json::Value;

pub(crate) use error::QueryError;
pub(crate) use form::Parameters;
use xml::Xml;

/// A service that speaks the query protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Sts,
    Iam,
}

impl Service {
    /// The time rules. STS takes presigned requests for 15 minutes, whatever they say.
    pub(crate) fn rules(self) -> Rules {
        match self {
            Self::Sts => Rules::STS,
            Self::Iam => Rules::API,
        }
    }

    /// How the metrics name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    /// By the service of a credential scope.
    pub(crate) fn of_scope(service: &str) -> Option<Self> {
        match service {
            "sts" => Some(Self::Sts),
            "iam" => Some(Self::Iam),
            _ => None,
        }
    }

    /// CloudTrail's `eventSource`.
    pub(crate) fn event_source(self) -> &'static str {
        match self {
            Self::Sts => "sts.amazonaws.com",
            Self::Iam => "iam.amazonaws.com",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Sts => "2011-06-15",
            Self::Iam => "2010-05-08",
        }
    }
}

/// A call whose signature has been checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryCall<'a> {
    /// Which API.
    pub(crate) service: Service,
    /// The query string and the form of the body together.
    pub(crate) parameters: &'a Parameters,
    /// Who called.
    pub(crate) caller: &'a LocalCaller,
    /// All global condition keys: the caller's ([`LocalCaller::context`]) and the request's.
    pub(crate) context: &'a Context,
    /// The server's time.
    pub(crate) now: Timestamp,
    /// To be told in the answer, in its header too.
    pub(crate) request_id: &'a str,
    /// Whether the request's `Accept` asks for JSON, which GetCallerIdentity can answer.
    pub(crate) wants_json: bool,
}

/// The answer to a call, good or bad.
#[derive(Debug, Clone)]
pub(crate) struct QueryAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// For `content-type`.
    pub(crate) content_type: &'static str,
    /// May hold a secret that was just made: not for logs.
    pub(crate) body: String,
    /// For the audit log.
    pub(crate) record: QueryRecord,
}

/// What the audit log tells of a call, in CloudTrail's words. Holds no secret.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct QueryRecord {
    /// `eventName`: the action as it was asked for; empty when none was.
    pub(crate) event_name: String,
    /// `readOnly`.
    pub(crate) read_only: bool,
    /// `requestParameters`.
    pub(crate) request_parameters: Value,
    /// `responseElements`: null where there are none.
    pub(crate) response_elements: Value,
    /// `errorCode` and `errorMessage`.
    pub(crate) error: Option<(String, String)>,
}

impl QueryRecord {
    /// Of a call before it is answered.
    pub(crate) fn asked(parameters: &Parameters) -> Self {
        let action = parameters.get("Action").unwrap_or_default();
        Self {
            event_name: shown_action(action),
            read_only: is_read_only(action),
            request_parameters: parameters.to_json(),
            ..Self::default()
        }
    }
}

/// What an operation answers.
#[derive(Debug, Default)]
struct Success {
    /// The members of the result, where the operation has one.
    result: Option<Xml>,
    /// For the audit log.
    elements: Value,
}

impl Success {
    /// Without a result.
    fn done() -> Self {
        Self::default()
    }

    fn of(result: Xml) -> Self {
        Self { result: Some(result), elements: Value::Null }
    }
}

/// Answers a call.
pub(crate) async fn handle(directory: &Directory, call: &QueryCall<'_>) -> QueryAnswer {
    let action = call.parameters.get("Action").unwrap_or_default();
    let record = QueryRecord::asked(call.parameters);
    let outcome = match checked_action(call.service, call.parameters) {
        Ok(action) => match call.service {
            Service::Sts => sts::answer(directory, call, action).await,
            Service::Iam => iam::answer(call, action).await,
        },
        Err(error) => Err(error),
    };
    match outcome {
        Ok(success) if call.wants_json && action == sts::GET_CALLER_IDENTITY => QueryAnswer {
            status: 200,
            content_type: "application/json",
            body: sts::identity_json(call),
            record: QueryRecord { response_elements: success.elements, ..record },
        },
        Ok(success) => QueryAnswer {
            status: 200,
            content_type: "text/xml",
            body: xml::response(call.service.namespace(), action, success.result, call.request_id),
            record: QueryRecord { response_elements: success.elements, ..record },
        },
        Err(error) => {
            let answer = error.answer(call.service, call.request_id, call.wants_json);
            QueryAnswer { record: QueryRecord { error: answer.record.error, ..record }, ..answer }
        }
    }
}

/// The answer to a request whose signature is missing or wrong. Its parameters are not recorded: anybody may have
/// written them.
pub(crate) fn refused(service: Service, error: &SigV4Error, request_id: &str, wants_json: bool) -> QueryAnswer {
    QueryError::new(error.query_code(), SigV4Error::HTTP_STATUS, error.query_message())
        .answer(service, request_id, wants_json)
}

fn checked_action(service: Service, parameters: &Parameters) -> Result<&str, QueryError> {
    let Some(action) = parameters.get("Action") else {
        return Err(QueryError::new(
            "MissingAction",
            400,
            "The request must contain the parameter Action, with the name of an operation.",
        ));
    };
    match parameters.get("Version") {
        Some(version) if version == service.version() => Ok(action),
        None => Ok(action),
        Some(other) => Err(QueryError::no_action(action, other)),
    }
}

fn is_read_only(action: &str) -> bool {
    // Making a session changes nothing that a reader of the log would call a change: CloudTrail says so, too.
    ["Get", "List", "AssumeRole"].iter().any(|start| action.starts_with(start))
}

/// The action for the log: what is no operation's name is cut short.
fn shown_action(action: &str) -> String {
    action.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}
