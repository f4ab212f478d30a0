//! The API port: EKS, STS and IAM, told apart by the service in the signature's credential scope.
//!
//! A request that carries no signature is refused in the form of the service that it looks like. Bodies are read up
//! to [`MAX_BODY`] bytes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use entryway_iam::sigv4::{Authorization, Rules, SigV4Error, decode_query};
use entryway_sandbox::{BodyError, BufferedBody};
use hyper::body::Body as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::{self, Event};
use crate::console;
use crate::eks::{self, Answer, Call, EksError, Fault, Target};
use crate::keys::Place;
use crate::metrics;
use crate::other_service;
use crate::panics;
use crate::plane::ControlPlane;
use crate::query::{self, Parameters, QueryAnswer, QueryCall, QueryError, QueryRecord, Service};
use crate::received::Received;
use crate::serve::Peer;
use crate::who::{Refused, Signed};

/// The largest body, in bytes. The largest that a client has reason to send is a policy document of 128 KiB.
pub(crate) const MAX_BODY: u32 = 1024 * 1024;

/// The largest body that is read without a signature, in bytes: to tell which service it is for, or to sign in.
pub(crate) const MAX_UNSIGNED: u32 = 16 * 1024;

/// Everything that the API port serves.
pub(crate) fn router(plane: Arc<ControlPlane>) -> Router {
    Router::new().fallback(handle).with_state(plane)
}

async fn handle(State(plane): State<Arc<ControlPlane>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match panics::caught(answer(&plane, &head, body)).await {
        Ok(answer) => answer,
        Err(panic) => panicked(&head, &panic),
    }
}

/// The answer to a request whose handler panicked, in the form of its service.
pub(crate) fn panicked(head: &Parts, panic: &str) -> Response {
    let request = Received::new(head, bytes::Bytes::new(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    tracing::error!(id = request.id, method = request.method, path = request.path, panic, "a request panicked");
    let authorization = request.with_parts(&request.path, Authorization::parse);
    let message = "an internal error occurred; the server's log has the reason";
    match Family::of(&request, &authorization) {
        Family::Query(service) => {
            let error = QueryError::new("ServiceFailure", 500, message);
            query_response(&request, error.answer(service, &request.id, false))
        }
        Family::Eks | Family::Other => eks_response(&request, Err(&EksError::new(Fault::Server, message)), None),
    }
}

async fn answer(plane: &Arc<ControlPlane>, head: &Parts, body: Body) -> Response {
    let path = head.uri.path();
    if head.method == "GET" {
        match path {
            "/healthz" => return plain(StatusCode::OK, "ok".to_owned()),
            "/metrics" => return plain(StatusCode::OK, metrics::text(plane)),
            _ => {}
        }
    }
    if console::is_path(path) {
        return console::handle(plane, head, body).await;
    }
    let peer = head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
    let mut request = Received::new(head, bytes::Bytes::new(), peer);
    let authorization = request.with_parts(&request.path, Authorization::parse);
    let read = body_of(plane, &request, &authorization, body).await;
    let (buffered, refused) = match read {
        Ok(body) => (body, None),
        Err(Unread::Refused(error)) => (BufferedBody::EMPTY, Some(error)),
        Err(Unread::Cut(error)) => {
            let family = Family::of(&request, &authorization);
            let answer = cut(family, &request, &error);
            plane.metrics.answered(family.name(), answer.status().as_u16());
            return answer;
        }
    };
    request.body = buffered.bytes().clone();
    let family = Family::of(&request, &authorization);
    let claim = Claim { authorization, refused };
    let answer = match family {
        Family::Eks => eks_call(plane, &request, claim).await,
        Family::Query(service) => query_call(plane, &request, service, claim).await,
        Family::Other => {
            let service = claim.authorization.ok().flatten().map(|a| a.service().to_owned()).unwrap_or_default();
            other_service::answer(&request, &service)
        }
    };
    plane.metrics.answered(family.name(), answer.status().as_u16());
    answer
}

/// Who a request says it is from.
struct Claim {
    authorization: Result<Option<Authorization>, SigV4Error>,
    /// Why it is refused, where that was clear before its body.
    refused: Option<SigV4Error>,
}

impl Claim {
    fn region(&self) -> String {
        self.authorization.as_ref().ok().and_then(Option::as_ref).map(|a| a.region().to_owned()).unwrap_or_default()
    }

    /// What is to be checked with the body.
    fn authorization(self) -> Result<Authorization, SigV4Error> {
        match self.refused {
            Some(error) => Err(error),
            None => self.authorization?.ok_or(SigV4Error::MissingAuthentication),
        }
    }
}

/// Why a body was not read.
enum Unread {
    /// Whatever it holds, the request is refused.
    Refused(SigV4Error),
    Cut(BodyError),
}

/// The body, as far as it matters: what can be refused without it is.
async fn body_of(
    plane: &ControlPlane,
    request: &Received,
    authorization: &Result<Option<Authorization>, SigV4Error>,
    body: Body,
) -> Result<BufferedBody, Unread> {
    if body.is_end_stream() {
        return Ok(BufferedBody::EMPTY);
    }
    match authorization {
        Ok(Some(authorization)) => {
            let (rules, signed_path) = match Family::of_scope(authorization.service()) {
                Family::Query(service) => (rules_of(service), None),
                Family::Eks => (Rules::API, eks::route(&request.method, &request.path).and_then(|t| t.signed_path())),
                Family::Other => return Ok(BufferedBody::EMPTY),
            };
            let head = plane.identities.check_head(request, authorization, signed_path.as_deref(), &rules);
            match head.await {
                Ok(()) => plane.bodies.of_key(authorization.access_key_id(), body).await.map_err(Unread::Cut),
                Err(Refused::Signature(error)) => Err(Unread::Refused(error)),
                // Asked again, it is told.
                Err(Refused::Failed(_)) => Ok(BufferedBody::EMPTY),
            }
        }
        Ok(None) | Err(_) if request.is_form() => {
            Ok(plane.bodies.of_stranger(request.peer, body).await.unwrap_or(BufferedBody::EMPTY))
        }
        Ok(None) | Err(_) => Ok(BufferedBody::EMPTY),
    }
}

/// The time rules of a service. STS takes presigned requests for 15 minutes, whatever they say.
fn rules_of(service: Service) -> Rules {
    match service {
        Service::Sts => Rules::STS,
        Service::Iam => Rules::API,
    }
}

/// Which API a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Eks,
    Query(Service),
    /// Signed for a service that Entryway is not.
    Other,
}

impl Family {
    /// By the signature; without one, by what the request looks like.
    fn of(request: &Received, authorization: &Result<Option<Authorization>, SigV4Error>) -> Family {
        match authorization {
            Ok(Some(authorization)) => Family::of_scope(authorization.service()),
            Ok(None) | Err(_) => Family::guess(request),
        }
    }

    fn of_scope(service: &str) -> Family {
        match service {
            "eks" => Family::Eks,
            other => Service::of_scope(other).map_or(Family::Other, Family::Query),
        }
    }

    fn guess(request: &Received) -> Family {
        let form = if request.is_form() { std::str::from_utf8(&request.body).unwrap_or_default() } else { "" };
        let parameters = [request.query.as_str(), form].map(|raw| decode_query(raw).unwrap_or_default()).concat();
        let value = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        match (value("Action"), value("Version")) {
            (_, Some("2010-05-08")) => Family::Query(Service::Iam),
            (Some(_), _) => Family::Query(Service::Sts),
            (None, _) if request.is_form() => Family::Query(Service::Sts),
            (None, _) => Family::Eks,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Family::Eks => "eks",
            Family::Query(service) => service_name(service),
            Family::Other => "other",
        }
    }
}

/// The answer to a request whose body was not read to its end.
fn cut(family: Family, request: &Received, error: &BodyError) -> Response {
    let (fault, code, status) = match error {
        BodyError::Crowded => (Fault::Throttling, "Throttling", 400),
        _ => (Fault::TooLarge, "RequestEntityTooLarge", 413),
    };
    let message = match error {
        BodyError::Crowded => "too much is being sent with this access key at a time; try again".to_owned(),
        _ => format!("the request body could not be read ({error}); at most {MAX_BODY} bytes are taken"),
    };
    match family {
        Family::Query(service) => {
            query_response(request, QueryError::new(code, status, message).answer(service, &request.id, false))
        }
        Family::Eks | Family::Other => eks_response(request, Err(&EksError::new(fault, message)), None),
    }
}

async fn eks_call(plane: &ControlPlane, request: &Received, claim: Claim) -> Response {
    let now = Timestamp::now();
    let target = eks::route(&request.method, &request.path);
    let region = claim.region();
    let signed = authenticate_eks(plane, request, claim, target.as_ref(), now).await;
    let cluster = target.as_ref().and_then(|target| target.cluster.as_deref());
    let (who, place) = match signed {
        Ok(signed) => signed,
        Err(error) => {
            let told = Some((error.fault.code(), error.message.as_str()));
            plane.audit.stranger(&eks_event(request, target.as_ref(), &region, None, Value::Null, told, now));
            return eks_response(request, Err(&error), None);
        }
    };
    let result = answer_eks(plane, request, target.as_ref(), &who, &place, now).await;
    if let (Ok(_), Some(target)) = (&result, &target) {
        plane.metrics.called(Family::Eks.name(), target.operation.name());
    }
    eks_response(request, result.as_ref(), cluster)
}

/// Answers a call of the EKS API of somebody who is known, and records it.
pub(crate) async fn answer_eks(
    plane: &ControlPlane,
    request: &Received,
    target: Option<&Target>,
    who: &Signed,
    place: &Place,
    now: Timestamp,
) -> Result<Value, EksError> {
    let (result, parameters) = match target {
        None => (Err(unknown(request)), Value::Null),
        Some(target) => match decode_query(&without_signature(&request.query)) {
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
        let event = eks_event(request, target, region, Some(who), parameters, error, now);
        plane.audit.record(&event).await;
    }
    result.map(|answer| answer.body)
}

fn eks_event<'a>(
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

async fn authenticate_eks(
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

fn eks_response(request: &Received, result: Result<&Value, &EksError>, cluster: Option<&str>) -> Response {
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

/// STS and IAM.
async fn query_call(plane: &ControlPlane, request: &Received, service: Service, claim: Claim) -> Response {
    let now = Timestamp::now();
    let wants_json = request.header("accept").is_some_and(|accept| accept.contains("application/json"));
    let region = claim.region();
    let signed = async {
        let authorization = claim.authorization()?;
        plane.identities.authenticate(request, &authorization, None, &rules_of(service), now).await
    };
    let answer = match signed.await {
        Ok(who) => {
            let answer = answer_query(plane, request, service, &region, &who, now, wants_json).await;
            if answer.status == 200 {
                plane.metrics.called(service_name(service), &answer.record.event_name);
            }
            return query_response(request, answer);
        }
        Err(Refused::Signature(error)) => query::refused(service, &error, &request.id, wants_json),
        Err(Refused::Failed(problem)) => {
            tracing::error!(%problem, "identities could not be read");
            let error =
                QueryError::new("ServiceFailure", 500, "an internal error occurred; the server's log has the reason");
            error.answer(service, &request.id, wants_json)
        }
    };
    plane.audit.stranger(&query_event(request, service, &region, None, &answer.record, now));
    query_response(request, answer)
}

/// Answers a call of STS or IAM of somebody who is known, and records it.
pub(crate) async fn answer_query(
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
    let answer = match Parameters::parse(&without_signature(&request.query), body) {
        Ok(parameters) => {
            let context = who.context(request, now);
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
            let before = query_event(request, service, region, Some(who), &before, now).record_as(&id);
            audit::with_change(before, query::handle(&plane.identities.directory, &call)).await.0
        }
        Err(error) => error.answer(service, &request.id, wants_json),
    };
    let record = query_event(request, service, region, Some(who), &answer.record, now).record_as(&id);
    plane.audit.write(record).await;
    answer
}

/// What is known of a call before it is answered.
fn asked(request: &Received, body: &[u8], action: Option<&str>) -> QueryRecord {
    const HIDDEN: [&str; 3] = ["Action", "Version", "TokenCode"];
    let body = std::str::from_utf8(body).unwrap_or_default();
    let pairs = [without_signature(&request.query).as_str(), body].map(|raw| decode_query(raw).unwrap_or_default());
    let parameters = pairs.into_iter().flatten().filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
    QueryRecord {
        event_name: action.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(64).collect(),
        request_parameters: parameters.map(|(name, value)| (name, Value::String(value))).collect(),
        ..QueryRecord::default()
    }
}

fn query_event<'a>(
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

/// A query string without the parameters of a presigned request: they are no parameters of the call, and no record
/// may hold a signature.
fn without_signature(query: &str) -> String {
    let kept = query.split('&').filter(|part| {
        let name = part.split('=').next().unwrap_or_default();
        !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
    });
    kept.collect::<Vec<_>>().join("&")
}

fn query_response(request: &Received, answer: QueryAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = text(status, answer.content_type, answer.body);
    with_id(&mut response, &request.id);
    response
}

fn service_name(service: Service) -> &'static str {
    match service {
        Service::Sts => "sts",
        Service::Iam => "iam",
    }
}

/// Answers outside of the APIs.
fn plain(status: StatusCode, body: String) -> Response {
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
