//! A call of the EKS API: who signed it, for which region, what it asks, and its audit record.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use entryway_iam::sigv4::{Rules, SigV4Error, decode_query};
use jiff::Timestamp;
use serde_json::Value;

use super::claim::Claim;
use super::response::{text, with_id};
use crate::audit::{self, Event};
use crate::eks::{self, Answer, Call, EksError, Fault, Target};
use crate::keys::Place;
use crate::plane::ControlPlane;
use crate::received::Received;
use crate::who::{Refused, Signed};

/// How the metrics name it.
pub(super) const NAME: &str = "eks";

/// Answers a request of the EKS API, whoever sent it.
pub(super) async fn call(plane: &ControlPlane, request: &Received, claim: Claim) -> Response {
    let now = Timestamp::now();
    let target = eks::route(&request.method, &request.path);
    let region = claim.region();
    let signed = authenticate(plane, request, claim, target.as_ref(), now).await;
    let cluster = target.as_ref().and_then(|target| target.cluster.as_deref());
    let (who, place) = match signed {
        Ok(signed) => signed,
        Err(error) => {
            let told = Some((error.fault.code(), error.message.as_str()));
            plane.audit.stranger(&event(request, target.as_ref(), &region, None, Value::Null, told, now));
            return response(request, Err(&error), None);
        }
    };
    let result = answer(plane, request, target.as_ref(), &who, &place, now).await;
    if let (Ok(_), Some(target)) = (&result, &target) {
        plane.metrics.called(NAME, target.operation.name());
    }
    response(request, result.as_ref(), cluster)
}

/// Answers a call of the EKS API of somebody who is known, and records it.
pub(crate) async fn answer(
    plane: &ControlPlane,
    request: &Received,
    target: Option<&Target>,
    who: &Signed,
    place: &Place,
    now: Timestamp,
) -> Result<Value, EksError> {
    let (result, parameters) = match target {
        None => (Err(unknown(request)), Value::Null),
        Some(target) => match decode_query(&request.own_query()) {
            Ok(parameters) => {
                let call = Call { plane, request, target, place, who, parameters: &parameters, now };
                (eks::answer(&call).await, audit::parameters(&call))
            }
            Err(problem) => {
                let message = format!("the query string could not be read: {problem}");
                (Err(EksError::parameter(target.operation, message)), Value::Null)
            }
        },
    };
    let error = result.as_ref().err().map(|error| (error.fault.code(), error.message.as_str()));
    // A change took its record along.
    if !matches!(&result, Ok(Answer { recorded: true, .. })) {
        let region = place.region.as_str();
        let event = event(request, target, region, Some(who), parameters, error, now);
        plane.audit.record(&event).await;
    }
    result.map(|answer| answer.body)
}

fn event<'a>(
    request: &'a Received,
    target: Option<&Target>,
    region: &'a str,
    who: Option<&'a Signed>,
    parameters: Value,
    error: Option<(&'a str, &'a str)>,
    now: Timestamp,
) -> Event<'a> {
    Event {
        request,
        now,
        source: target.as_ref().map_or(audit::EKS, |target| target.operation.event_source()),
        name: target.map_or("Unknown", |target| target.operation.name()),
        region,
        who,
        read_only: target.is_none_or(|target| target.operation.is_read()),
        parameters,
        response: Value::Null,
        error,
    }
}

fn unknown(request: &Received) -> EksError {
    let (method, path) = (&request.method, &request.path);
    if path.starts_with("/entryway/") {
        return EksError::new(
            Fault::UnknownOperation,
            format!("Entryway's own API has no operation {method} {path} yet"),
        );
    }
    EksError::new(Fault::UnknownOperation, format!("the EKS API has no operation {method} {path}"))
}

async fn authenticate(
    plane: &ControlPlane,
    request: &Received,
    claim: Claim,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<(Signed, Place), EksError> {
    let authorization = claim.authorization()?;
    let signed_path = target.and_then(Target::signed_path);
    let who = plane.identities.authenticate(request, &authorization, signed_path.as_deref(), &Rules::API, now).await;
    let who = who.map_err(|refused| match refused {
        Refused::Signature(error) => EksError::from(error),
        Refused::Failed(problem) => EksError::internal(problem),
    })?;
    let region = authorization
        .region()
        .parse()
        .map_err(|_| EksError::from(SigV4Error::Scope("Credential should be scoped to a valid region.".to_owned())))?;
    let place = Place { account: who.account().clone(), region };
    // An account is of one partition: its ARNs would be another's in a region of another.
    if place.partition() != who.local.account.partition() {
        let message =
            format!("Credential should be scoped to a region of partition {}.", who.local.account.partition());
        return Err(SigV4Error::Scope(message).into());
    }
    Ok((who, place))
}

/// The answer on the wire, in restJson1.
pub(super) fn response(request: &Received, result: Result<&Value, &EksError>, cluster: Option<&str>) -> Response {
    let (status, body, error) = match result {
        Ok(body) => (200, body.clone(), None),
        Err(error) => (error.fault.status(), error.body(cluster), Some(error.fault.code())),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = text(status, "application/json", body.to_string());
    with_id(&mut response, &request.id);
    if let Some(code) = error {
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    }
    response
}
