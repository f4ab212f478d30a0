//! Reading a cluster's objects through its Kubernetes API, with a token of the identity that signed in: the same
//! authentication and authorization as kubectl's.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use entryway_iam::token;
use serde_json::Value;
use tower::ServiceExt;

use super::cluster::Cluster;
use super::page::Problem;
use super::visit::Visit;
use super::words;

/// The most that is read of an answer: a page of a list, or one object.
const MOST: usize = 8 * 1024 * 1024;

/// Lists as a person reads them.
pub(super) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io, application/json";
/// All resources of all groups at once.
pub(super) const DISCOVERY: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList, application/json";
/// An object.
pub(super) const JSON: &str = "application/json";

/// An answer of the Kubernetes API.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    /// The message of a `Status`.
    pub(super) fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or("the Kubernetes API refused the request")
    }
}

/// Reads a path, which may hold a query. Refusals are answers; an error is one where nobody could be asked.
pub(super) async fn get(visit: &Visit<'_>, cluster: &Cluster, path: &str, accept: &str) -> Result<Answer, Problem> {
    let failed = |problem: &dyn std::fmt::Display| {
        tracing::error!(%problem, "the Kubernetes API could not be asked");
        Problem::new(StatusCode::BAD_GATEWAY, words::KUBERNETES_FAILED, words::SERVER_HINT)
    };
    let endpoint = visit.plane.clusters.token_endpoint();
    let (region, name) = (&cluster.place.region, &cluster.record.name);
    let url =
        token::presigned_url(endpoint, region, name, &visit.credentials, visit.now).map_err(|error| failed(&error))?;
    let request = Request::get(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", token::build(&url)))
        .header(header::ACCEPT, accept)
        .header(header::USER_AGENT, "entryway-console")
        .body(Body::empty())
        .map_err(|error| failed(&error))?;
    let router = cluster.running.kubernetes.clone();
    let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), MOST).await.map_err(|error| failed(&error))?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Answer { status, body })
}
