//! The API port: EKS, STS and IAM, told apart by the service in the signature's credential scope.
//!
//! A request that carries no signature is refused in the form of the service that it looks like. Bodies are read up
//! to [`MAX_BODY`] bytes.

mod claim;
pub(crate) mod eks;
pub(crate) mod query;
mod response;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use claim::{Claim, Unread, body_of};
use entryway_iam::sigv4::{Authorization, SigV4Error, decode_query};
use entryway_sandbox::{BodyError, BufferedBody};
use response::plain;
pub(crate) use response::{json_error, text, with_id};

use crate::console;
use crate::eks::{EksError, Fault};
use crate::metrics;
use crate::other_service;
use crate::panics;
use crate::plane::ControlPlane;
use crate::query::{QueryError, Service};
use crate::received::Received;
use crate::serve::Peer;

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
            query::response(&request, error.answer(service, &request.id, false))
        }
        Family::Eks | Family::Other => eks::response(&request, Err(&EksError::new(Fault::Server, message)), None),
    }
}

async fn answer(plane: &Arc<ControlPlane>, head: &Parts, body: Body) -> Response {
    let path = head.uri.path();
    if head.method == "GET" && path == "/healthz" {
        return plain(StatusCode::OK, "ok".to_owned());
    }
    let is_console = console::is_path(path);
    if is_console || head.method == "GET" && path == "/metrics" {
        if let Err(problem) = plane.hosts.check(host_of(head)) {
            return plain(StatusCode::MISDIRECTED_REQUEST, format!("{problem}\n"));
        }
        if !is_console {
            return plain(StatusCode::OK, metrics::text(plane));
        }
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
        Family::Eks => eks::call(plane, &request, claim).await,
        Family::Query(service) => query::call(plane, &request, service, claim).await,
        Family::Other => {
            let service = claim.authorization.ok().flatten().map(|a| a.service().to_owned()).unwrap_or_default();
            other_service::answer(&request, &service)
        }
    };
    plane.metrics.answered(family.name(), answer.status().as_u16());
    answer
}

/// The host that a request is for, as it came.
fn host_of(head: &Parts) -> &str {
    match head.headers.get("host") {
        Some(host) => host.to_str().unwrap_or_default(),
        None => head.uri.authority().map_or("", |authority| authority.as_str()),
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
            Family::Eks => eks::NAME,
            Family::Query(service) => service.name(),
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
            query::response(request, QueryError::new(code, status, message).answer(service, &request.id, false))
        }
        Family::Eks | Family::Other => eks::response(request, Err(&EksError::new(fault, message)), None),
    }
}
