//! The way of a request: who, what, may it, then the handler. One place for the order of these.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use entryway_access::UserInfo;
use entryway_objects::registry::Registry;
use entryway_objects::status::Status;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::bodies::{BodyError, BufferedBody};
use crate::config::SandboxConfig;
use crate::failure::{Failure, crowded, late_body, too_large_body};
use crate::impersonate::LastModes;
use crate::permit::{Grounds, Permitted, permit};
use crate::query::Query;
use crate::request_info::{RequestInfo, ResourcePath};
use crate::storage::{Storage, Target};
use crate::watch::SharedChanges;
use crate::{non_resource, resource, respond, reviews};

/// Longest body that is read, in bytes: the real server's limit.
pub(crate) const BODY_LIMIT: u32 = 3 * 1024 * 1024;
/// Longest question about access or about who somebody is, in bytes. Everybody may ask those, and the longest name
/// many groups, or hold a token.
const REVIEW_LIMIT: u32 = 256 * 1024;

/// One cluster's API server.
pub(crate) struct Api {
    pub(crate) config: SandboxConfig,
    pub(crate) storage: Storage,
    pub(crate) registry: ArcSwap<Registry>,
    pub(crate) last_modes: LastModes,
    /// What watchers have just been told.
    pub(crate) watched: SharedChanges,
    /// History before this revision is not offered: the cluster did not exist.
    pub(crate) born: u64,
    /// Turns true when the cluster stops: watches end then.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A request that may go on.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
    pub(crate) info: RequestInfo,
    /// When it came.
    pub(crate) asked: Timestamp,
    pub(crate) user: UserInfo,
    /// Why it may go on.
    pub(crate) grounds: Grounds,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Api {
    /// The core resource of that name, in version v1.
    pub(crate) fn core(&self, plural: &str) -> Option<Target> {
        Target::find(&self.registry.load(), "", "v1", plural)
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }
}

/// Serves one request. Never fails: a refusal is an answer.
pub(crate) async fn serve(State(api): State<Arc<Api>>, request: Request) -> Response {
    let accept = header_text(request.headers(), &header::ACCEPT);
    match answer(api, request).await {
        Ok(response) => response,
        Err(failure) => respond::refuse(&failure, &accept),
    }
}

async fn answer(api: Arc<Api>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let path = percent_encoding::percent_decode_str(parts.uri.path())
        .decode_utf8()
        .map_err(|_| Status::bad_request("the path is not UTF-8"))?
        .into_owned();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let info = RequestInfo::of(parts.method.as_str(), &path, &query);

    let asked = api.now();
    let Permitted { user, caller, grounds } = permit(&api, &parts.headers, &info, asked).await?;

    // What strangers may ask for has no body, so they can't make anybody wait for one or keep it.
    let buffered = match &info.resource {
        Some(path) => read(&api, &caller, path, body).await?,
        None => BufferedBody::EMPTY,
    };
    let body = buffered.bytes().clone();
    let call = Call { api, method: parts.method, headers: parts.headers, query, info, asked, user, grounds, body };
    let head = call.method == Method::HEAD;
    let response = match call.info.resource {
        Some(_) => resource::serve(call).await,
        None => non_resource::serve(call).await,
    }?;
    Ok(if head { response.map(|_| Body::empty()) } else { response })
}

/// A header as text; empty where it is absent. Several are joined by commas.
pub(crate) fn header_text(headers: &HeaderMap, name: &header::HeaderName) -> String {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(",")
}

impl Call {
    /// A header as text.
    pub(crate) fn header(&self, name: &header::HeaderName) -> String {
        header_text(&self.headers, name)
    }

    /// Whether the client takes gzip.
    pub(crate) fn takes_gzip(&self) -> bool {
        self.header(&header::ACCEPT_ENCODING).split(',').any(|one| {
            let one = one.trim();
            one == "gzip" || one.starts_with("gzip;") && !one.contains("q=0")
        })
    }

    /// Whether the answer is for the eye: asked for, or the client is one that people look through.
    pub(crate) fn is_pretty(&self) -> bool {
        if self.query.has("pretty") {
            return self.query.flag("pretty");
        }
        let agent = self.header(&header::USER_AGENT);
        ["curl", "Wget", "Mozilla/5.0"].iter().any(|start| agent.starts_with(start))
    }

    /// The name of this client in `managedFields`.
    pub(crate) fn manager(&self, given: Option<&str>) -> String {
        match given {
            Some(manager) => manager.to_owned(),
            None => {
                let agent = self.header(&header::USER_AGENT);
                let name: String =
                    agent.split('/').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(128).collect();
                if name.is_empty() { "unknown".to_owned() } else { name }
            }
        }
    }
}

/// Reads a body, in the share of the caller.
///
/// # Errors
/// 413 beyond the limit, 504 where it does not come, 429 where there is no room for it, 400 where it breaks off.
async fn read(api: &Api, caller: &str, path: &ResourcePath, body: Body) -> Result<BufferedBody, Status> {
    let limit = if reviews::is_group(&path.group) { REVIEW_LIMIT } else { BODY_LIMIT };
    api.config.bodies.read(caller, body, limit).await.map_err(|error| match error {
        BodyError::TooLong => too_large_body(limit),
        BodyError::Late => late_body(),
        BodyError::Crowded => crowded(),
        BodyError::Broken(error) => Status::bad_request(format!("the body could not be read: {error}")),
    })
}
