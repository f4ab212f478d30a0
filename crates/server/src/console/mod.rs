//! The console: pages for people at `/console` of the API's port, rendered here, with one style sheet and one small
//! script that lie in the binary.
//!
//! It keeps sessions, sign-in links and what was found in clusters, in memory, and nothing else. It has no rules of its own: what may be read or
//! changed is what IAM allows the identity that signed in; changes go through the operations of the EKS API, with
//! their checks, transactions and audit records; objects are read through the cluster's Kubernetes API as that
//! identity; what access means is asked of the core.
//!
//! It refuses to be framed, to load anything from elsewhere, and to take a change without the token of its page.

mod act;
mod analysis;
mod asset;
mod audit;
mod change;
mod change_form;
mod cluster;
mod entries;
mod entry;
mod explain;
mod fields;
mod findings;
mod form;
mod graph;
mod history;
mod identities;
mod kept;
mod kinds;
mod kubernetes;
mod live;
mod matrix;
mod object;
mod object_search;
mod page;
mod part;
mod paths;
mod policies;
mod preview;
mod proposal;
mod question;
mod resources;
mod security;
mod session;
mod sign_in;
mod subject;
mod surroundings;
mod tag_text;
#[cfg(test)]
mod tests;
mod undo;
mod visit;
mod watched;
mod who_can;
mod words;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use entryway_sandbox::BodyError;
use jiff::Timestamp;

use self::analysis::Analyses;
use self::form::Form;
use self::page::{Page, Problem, Reply};
pub(crate) use self::session::{LINK_LIFE, Links, Sessions};
pub(crate) use self::sign_in::path as link_path;
use self::visit::{Preferences, Visit};
use crate::plane::ControlPlane;
use crate::received::Received;
use crate::serve::Peer;

/// What the console keeps.
#[derive(Debug, Default)]
pub(crate) struct Console {
    pub(crate) sessions: Sessions,
    pub(crate) links: Links,
    kept: kept::Kept,
    pub(crate) analyses: Analyses,
    watched: watched::Watched,
}

/// Whether a path is the console's.
pub(crate) fn is_path(path: &str) -> bool {
    path == "/console" || path.starts_with("/console/")
}

/// Answers a request for one of the console's paths.
pub(crate) async fn handle(plane: &Arc<ControlPlane>, head: &Parts, body: Body) -> Response {
    let peer = head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
    let mut request = Received::new(head, bytes::Bytes::new(), peer);
    let session = security::session_secret(&request)
        .and_then(|secret| plane.console.sessions.find(secret, false, Timestamp::now()));
    let body = match session {
        Some(session) => plane.bodies.of_key(&session.own_key, body).await,
        None => plane.bodies.of_stranger(peer, body).await,
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            let (status, text) = match error {
                BodyError::Crowded => (StatusCode::TOO_MANY_REQUESTS, words::CROWDED),
                _ => (StatusCode::PAYLOAD_TOO_LARGE, words::TOO_LARGE),
            };
            return page::problem_without_session(&Problem::new(status, text, ""), &Preferences::of(&request));
        }
    };
    request.body = body.bytes().clone();
    let mut response = answer(plane, &request).await;
    crate::http::with_id(&mut response, &request.id);
    plane.metrics.answered("console", response.status().as_u16());
    response
}

async fn answer(plane: &Arc<ControlPlane>, request: &Received) -> Response {
    let path = request.path.strip_prefix("/console").unwrap_or_default().trim_end_matches('/');
    let preferences = Preferences::of(request);
    if let Some(name) = path.strip_prefix("/assets/") {
        return asset::answer(name);
    }
    let is_change = match request.method.as_str() {
        "GET" | "HEAD" => false,
        "POST" => true,
        _ => {
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, words::METHOD, "");
            return page::problem_without_session(&problem, &preferences);
        }
    };
    // Made by a client with keys, not by a browser.
    if path == "/link" && is_change {
        return sign_in::make_link(plane, request).await;
    }
    if is_change && !security::is_own_origin(request) {
        let problem = Problem::new(StatusCode::FORBIDDEN, words::OTHER_SITE, words::OTHER_SITE_HINT);
        return page::problem_without_session(&problem, &preferences);
    }
    let forms =
        if is_change { std::str::from_utf8(&request.body).ok().and_then(Form::parse) } else { Some(Form::default()) };
    let (Some(query), Some(form)) = (Form::parse(&request.query), forms) else {
        let problem = Problem::new(StatusCode::BAD_REQUEST, words::BAD_FORM, "");
        return page::problem_without_session(&problem, &preferences);
    };
    match (path, is_change) {
        ("/sign-in", _) => return sign_in::page(plane, request, &query, &form, &preferences).await,
        // Programs that look at links before people do ask by HEAD: that does not use one up.
        ("/link", false) if request.method == "GET" => {
            return sign_in::by_link(plane, request, query.text("token"), &preferences).await;
        }
        ("/link/use", true) => return sign_in::use_link(plane, request, form.text("token"), &preferences).await,
        ("/theme", true) => return page::set_theme(request, &form),
        _ => {}
    }
    let now = Timestamp::now();
    let Some(visit) = Visit::begin(plane, request, query, form, preferences, now).await else {
        return sign_in::ask(request, &preferences, is_change);
    };
    if is_change && !visit.has_token() {
        let problem = Problem::new(StatusCode::FORBIDDEN, words::NO_TOKEN, words::NO_TOKEN_HINT);
        return page::finish(&visit, Err(problem));
    }
    let reply = route(&visit, path, is_change).await;
    page::finish(&visit, reply)
}

async fn route(visit: &Visit<'_>, path: &str, is_change: bool) -> Result<Reply, Problem> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (parts.as_slice(), is_change) {
        ([], false) => cluster::list(visit).await,
        (["audit"], false) => audit::page(visit).await,
        (["live"], false) => live::stream(visit).await,
        (["sign-out"], true) => Ok(sign_in::out(visit)),
        (["role"], false) => act::role_page(visit),
        (["role"], true) => act::assume(visit).await,
        (["clusters", region, name, rest @ ..], _) => {
            let cluster = cluster::find(visit, region, name).await?;
            match (rest, is_change) {
                ([] | ["access"], false) => entries::page(visit, &cluster).await,
                (["access", "entry"], false) => entry::page(visit, &cluster).await,
                (["access", "history"], false) => history::page(visit, &cluster).await,
                (["access", "change"], false) => change::form_page(visit, &cluster).await,
                (["access", "change"], true) => change::submit(visit, &cluster).await,
                (["policies"], false) => policies::page(visit, &cluster).await,
                (["who-can"], false) => who_can::page(visit, &cluster).await,
                (["explain"], false) => explain::page(visit, &cluster).await,
                (["matrix"], false) => matrix::page(visit, &cluster).await,
                (["findings"], false) => findings::page(visit, &cluster).await,
                (["paths"], false) => paths::page(visit, &cluster).await,
                (["resources"], false) => resources::page(visit, &cluster).await,
                (["resources", "object"], false) => object::page(visit, &cluster).await,
                (["namespaces"], false) => object_search::suggest(visit, &cluster).await,
                _ => Err(Problem::missing()),
            }
        }
        _ => Err(Problem::missing()),
    }
}

/// A whole page.
fn page(title: impl Into<String>, content: maud::Markup) -> Page {
    Page::new(title, content)
}
