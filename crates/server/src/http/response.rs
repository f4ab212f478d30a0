//! Answers that are of no service in particular, and what all answers carry.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

/// Answers outside of the APIs.
pub(super) fn plain(status: StatusCode, body: String) -> Response {
    let mut response = text(status, "text/plain; charset=utf-8", body);
    with_id(&mut response, &uuid::Uuid::new_v4().to_string());
    response
}

/// Answers with text.
pub(crate) fn text(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Adds the request's id.
pub(crate) fn with_id(response: &mut Response, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
}

/// A JSON error of no service in particular.
pub(crate) fn json_error(status: StatusCode, code: &'static str, message: &str, id: &str) -> Response {
    let mut response = text(status, "application/json", json!({ "__type": code, "message": message }).to_string());
    with_id(&mut response, id);
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}
