//! A call of STS or IAM: who signed it, what it asks, and its audit record.

use axum::http::StatusCode;
use axum::response::Response;
use entryway_iam::sigv4::decode_query;
use jiff::Timestamp;
use serde_json::Value;

use super::claim::Claim;
use super::response::{text, with_id};
use crate::audit::{self, Event};
use crate::plane::ControlPlane;
use crate::query::{self, Parameters, QueryAnswer, QueryCall, QueryError, QueryRecord, Service};
use crate::received::Received;
use crate::who::{Refused, Signed};

/// Answers a request of STS or IAM, whoever sent it.
pub(super) async fn call(plane: &ControlPlane, request: &Received, service: Service, claim: Claim) -> Response {
    let now = Timestamp::now();
    let wants_json = request.header("accept").is_some_and(|accept| accept.contains("application/json"));
    let region = claim.region();
    let signed = async {
        let authorization = claim.authorization()?;
        plane.identities.authenticate(request, &authorization, None, &service.rules(), now).await
    };
    let answer = match signed.await {
        Ok(who) => {
            let answer = answer(plane, request, service, &region, &who, now, wants_json).await;
            if answer.status == 200 {
                plane.metrics.called(service.name(), &answer.record.event_name);
            }
            return response(request, answer);
        }
        Err(Refused::Signature(error)) => query::refused(service, &error, &request.id, wants_json),
        Err(Refused::Failed(problem)) => {
            tracing::error!(%problem, "identities could not be read");
            let error =
                QueryError::new("ServiceFailure", 500, "an internal error occurred; the server's log has the reason");
            error.answer(service, &request.id, wants_json)
        }
    };
    plane.audit.stranger(&event(request, service, &region, None, &answer.record, now));
    response(request, answer)
}

/// Answers a call of STS or IAM of somebody who is known, and records it.
pub(crate) async fn answer(
    plane: &ControlPlane,
    request: &Received,
    service: Service,
    region: &str,
    who: &Signed,
    now: Timestamp,
    wants_json: bool,
) -> QueryAnswer {
    let body = if request.is_form() { request.body.as_ref() } else { b"" };
    let id = uuid::Uuid::new_v4().to_string();
    let answer = match Parameters::parse(&request.own_query(), body) {
        Ok(parameters) => {
            let context = who.context(request, region, now);
            let call = QueryCall {
                service,
                parameters: &parameters,
                caller: &who.local,
                context: &context,
                now,
                request_id: &request.id,
                wants_json,
            };
            // What a change takes along; its answer is added below.
            let before = asked(request, body, parameters.get("Action"));
            let before = event(request, service, region, Some(who), &before, now).record_as(&id);
            audit::with_change(before, query::handle(&plane.identities.directory, &call)).await.0
        }
        Err(error) => error.answer(service, &request.id, wants_json),
    };
    let record = event(request, service, region, Some(who), &answer.record, now).record_as(&id);
    plane.audit.write(record).await;
    answer
}

/// What is known of a call before it is answered.
fn asked(request: &Received, body: &[u8], action: Option<&str>) -> QueryRecord {
    const HIDDEN: [&str; 3] = ["Action", "Version", "TokenCode"];
    let body = std::str::from_utf8(body).unwrap_or_default();
    let pairs = [request.own_query().as_str(), body].map(|raw| decode_query(raw).unwrap_or_default());
    let parameters = pairs.into_iter().flatten().filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
    QueryRecord {
        event_name: action.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(64).collect(),
        request_parameters: parameters.map(|(name, value)| (name, Value::String(value))).collect(),
        ..QueryRecord::default()
    }
}

fn event<'a>(
    request: &'a Received,
    service: Service,
    region: &'a str,
    who: Option<&'a Signed>,
    record: &'a QueryRecord,
    now: Timestamp,
) -> Event<'a> {
    Event {
        request,
        now,
        source: service.event_source(),
        name: if record.event_name.is_empty() { "Unknown" } else { &record.event_name },
        region,
        who,
        read_only: record.read_only,
        parameters: record.request_parameters.clone(),
        response: record.response_elements.clone(),
        error: record.error.as_ref().map(|(code, message)| (code.as_str(), message.as_str())),
    }
}

/// The answer on the wire.
pub(super) fn response(request: &Received, answer: QueryAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = text(status, answer.content_type, answer.body);
    with_id(&mut response, &request.id);
    response
}
