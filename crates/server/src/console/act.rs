//! Doing things: calls of the EKS and STS APIs within the process, as the identity that signed in.

use axum::http::StatusCode;
use entryway_iam::sigv4::uri_encode;
use jiff::Timestamp;
use maud::html;
use serde_json::Value;

use super::page::{Problem, Reply, csrf};
use super::part::Field;
use super::visit::Visit;
use super::words;
use crate::eks::{self, EksError, Fault};
use crate::http;
use crate::keys::Place;
use crate::query::Service;
use crate::received::Received;

/// A call of the EKS API that changes something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EksCall {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: Value,
    /// What it does, in the past tense: `created the entry`.
    pub(super) what: String,
}

impl EksCall {
    pub(super) fn new(method: &'static str, path: String, body: Value, what: impl Into<String>) -> EksCall {
        EksCall { method, path, query: String::new(), body, what: what.into() }
    }
}

/// Makes a change.
pub(super) async fn make(visit: &Visit<'_>, place: &Place, call: &EksCall) -> Result<Value, EksError> {
    eks(visit, place, call.method, &call.path, &call.query, &call.body).await
}

/// Calls an operation of the EKS API: the same checks, permissions, transaction and audit record as from outside.
pub(super) async fn eks(
    visit: &Visit<'_>,
    place: &Place,
    method: &str,
    path: &str,
    query: &str,
    body: &Value,
) -> Result<Value, EksError> {
    let body = if body.is_null() { bytes::Bytes::new() } else { bytes::Bytes::from(body.to_string()) };
    let request = Received {
        id: uuid::Uuid::new_v4().to_string(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body,
        ..visit.request.clone()
    };
    let unknown = || EksError::new(Fault::UnknownOperation, format!("the EKS API has no operation {method} {path}"));
    let target = eks::route(method, path).ok_or_else(unknown)?;
    // Not the visit's time: the records of two calls of one visit are to keep their order.
    http::eks::answer(visit.plane, &request, Some(&target), &visit.who, place, Timestamp::now()).await
}

/// `/clusters/NAME`, and what follows.
pub(super) fn cluster_path(cluster: &str, rest: &str) -> String {
    format!("/clusters/{}{rest}", uri_encode(cluster))
}

/// `/clusters/NAME/access-entries/PRINCIPAL`, and what follows.
pub(super) fn entry_path(cluster: &str, principal: &str, rest: &str) -> String {
    cluster_path(cluster, &format!("/access-entries/{}{rest}", uri_encode(principal)))
}

/// `/tags/ARN`.
pub(super) fn tags_path(arn: &str) -> String {
    format!("/tags/{}", uri_encode(arn))
}

/// `GET /console/role`.
pub(super) fn role_page(visit: &Visit<'_>) -> Result<Reply, Problem> {
    Ok(role_form(visit, visit.query.text("role"), None).into())
}

fn role_form(visit: &Visit<'_>, role: &str, error: Option<&str>) -> super::page::Page {
    let field = Field { name: "role", label: "Role", value: role, help: words::ROLE_HELP, error };
    let content = html! {
        p { (words::ROLE_MEANS) }
        form.stack.narrow method="post" action="/console/role" data-form {
            (csrf(visit)) (field.line())
            button type="submit" { "Act as this role" }
        }
    };
    super::page("Act as a role", content).crumb("Clusters", "/console")
}

/// `POST /console/role`: AssumeRole, with the rights of who signed in; an empty role goes back to them.
pub(super) async fn assume(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let sessions = &visit.plane.console.sessions;
    let role = visit.form.text("role");
    if role.is_empty() {
        sessions.act_as(&visit.secret, None);
        return Ok(Reply::Redirect("/console".to_owned()));
    }
    let arn = match role.starts_with("arn:") {
        true => role.to_owned(),
        false => {
            let account = visit.who.account();
            let name = role.strip_prefix("role/").unwrap_or(role);
            format!("arn:{}:iam::{account}:role/{name}", visit.who.local.account.partition())
        }
    };
    // The session's name tells who it is in usernames and audit records.
    let name: String = visit.who.principal().name().chars().take(64).collect();
    let form = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleArn={}&RoleSessionName={}",
        uri_encode(&arn),
        uri_encode(&name)
    );
    let request = Received {
        id: uuid::Uuid::new_v4().to_string(),
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: {
            let mut headers = visit.request.headers.clone();
            headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type") && !name.eq_ignore_ascii_case("accept"));
            headers.push(("content-type".to_owned(), b"application/x-www-form-urlencoded".to_vec()));
            headers
        },
        body: bytes::Bytes::from(form),
        peer: visit.request.peer,
    };
    let answer =
        http::query::answer(visit.plane, &request, Service::Sts, "us-east-1", &visit.who, visit.now, false).await;
    let key = answer.record.response_elements.pointer("/credentials/accessKeyId").and_then(Value::as_str);
    match (key, &answer.record.error) {
        (Some(key), None) => {
            sessions.act_as(&visit.secret, Some(key.to_owned()));
            Ok(Reply::Redirect("/console".to_owned()))
        }
        (_, error) => {
            let text = error.as_ref().map_or(words::NOT_ASSUMED, |(_, message)| message.as_str());
            Ok(role_form(visit, role, Some(text)).status(StatusCode::UNPROCESSABLE_ENTITY).into())
        }
    }
}
