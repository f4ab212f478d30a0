//! What a request can fail with, and the answers that stand for more than one handler.

use entryway_objects::status::{Status, StatusCause, StatusDetails};
use entryway_store::StoreError;

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// A `Status` object.
    Status(Box<Status>),
    /// The plain `404 page not found` of paths that no API group has.
    NoPage,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Failure::Status(Box::new(status))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        store_failure(&error).into()
    }
}

/// 500 with an unforeseen problem's text.
pub(crate) fn internal(problem: &str) -> Status {
    Status::internal(problem)
}

/// What a store's refusal is to a client of the Kubernetes API.
pub(crate) fn store_failure(error: &StoreError) -> Status {
    match error {
        StoreError::Compacted { requested, oldest } => too_old(*requested, *oldest),
        StoreError::Future { requested, newest } => too_large(*requested, *newest),
        other => {
            tracing::error!(error = %other, "the store refused");
            internal(&other.to_string())
        }
    }
}

/// 410: history before `oldest` is gone.
pub(crate) fn too_old(requested: u64, oldest: u64) -> Status {
    Status {
        code: 410,
        reason: "Expired",
        message: format!("too old resource version: {requested} ({oldest})"),
        details: None,
    }
}

/// 504: a resource version that has not happened yet.
pub(crate) fn too_large(requested: u64, newest: u64) -> Status {
    Status {
        code: 504,
        reason: "Timeout",
        message: format!("Timeout: Too large resource version: {requested}, current: {newest}"),
        details: Some(StatusDetails {
            causes: vec![StatusCause {
                reason: "ResourceVersionTooLarge".into(),
                message: "Too large resource version".into(),
                field: String::new(),
            }],
            retry_after_seconds: 1,
            ..StatusDetails::default()
        }),
    }
}

/// 401.
pub(crate) fn unauthorized() -> Status {
    Status { code: 401, reason: "Unauthorized", message: "Unauthorized".into(), details: None }
}

/// 403 of one resource (or of one object of it, or of a path that is none), with the reason in the server's words.
pub(crate) fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Status {
    if resource.is_empty() {
        let message = format!("forbidden: {why}");
        return Status { code: 403, reason: "Forbidden", message, details: Some(StatusDetails::default()) };
    }
    Status::forbidden(group, resource, name, why)
}

/// 404 of an object, named by the resource of the request.
pub(crate) fn gone_missing(group: &str, resource: &str, name: &str) -> Failure {
    Status::not_found(group, resource, name).into()
}

/// 501-like: what a sandbox without nodes does not do. Kubernetes has no reason word for it.
pub(crate) fn not_implemented(what: &str) -> Status {
    Status {
        code: 501,
        reason: "NotImplemented",
        message: format!(
            "{what} needs a node, and this sandbox cluster runs no pods: it is there to try and test access"
        ),
        details: None,
    }
}

/// 413.
pub(crate) fn too_large_body(limit: u32) -> Status {
    Status {
        code: 413,
        reason: "RequestEntityTooLarge",
        message: format!("Request entity too large: limit is {limit}"),
        details: None,
    }
}

/// 500, in etcd's words: the real server hands its error on, without a reason.
pub(crate) fn too_large_object() -> Status {
    Status { code: 500, reason: "", message: "etcdserver: request is too large".into(), details: None }
}

/// 504: the body did not arrive in time.
pub(crate) fn late_body() -> Status {
    Status {
        code: 504,
        reason: "Timeout",
        message: "Timeout: request did not complete within the allotted timeout".into(),
        details: None,
    }
}

/// 429 for a body that there is no room for now. Clients send it again by themselves.
pub(crate) fn crowded() -> Status {
    Status {
        code: 429,
        reason: "TooManyRequests",
        message: "Too many requests, please try again later.".into(),
        details: Some(StatusDetails { retry_after_seconds: 1, ..StatusDetails::default() }),
    }
}

/// 415 of the router: a content type that the route never takes.
pub(crate) fn unsupported_route_type() -> Status {
    Status {
        code: 415,
        reason: "UnsupportedMediaType",
        message: "415: Unsupported Media Type".into(),
        details: Some(StatusDetails::default()),
    }
}

/// 415 of the decoder, which names what it takes.
pub(crate) fn unsupported_body_type(accepted: &str) -> Status {
    Status {
        code: 415,
        reason: "UnsupportedMediaType",
        message: format!("the body of the request was in an unknown format - accepted media types include: {accepted}"),
        details: None,
    }
}
