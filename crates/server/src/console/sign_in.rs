//! Signing in: by a link that works once, or by an access key; and out.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use entryway_iam::sigv4::{Authorization, Rules};
use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::form::Form;
use super::page::{self, Problem, Reply};
use super::part::Field;
use super::session::is_same;
use super::visit::{Preferences, Visit, identity};
use super::{security, words};
use crate::audit::Event;
use crate::http::{json_error, text};
use crate::plane::ControlPlane;
use crate::received::Received;
use crate::who::{Refused, Signed};

/// CloudTrail's source of sign-ins.
const SIGN_IN: &str = "signin.amazonaws.com";

/// `POST /console/link`, signed with SigV4 for the service `eks`: answers a link that signs in with the key that the
/// request was signed with, once. It gives nobody more than they have.
pub(super) async fn make_link(plane: &Arc<ControlPlane>, request: &Received) -> Response {
    let now = Timestamp::now();
    let authorization = request.with_parts(&request.path, Authorization::parse).ok().flatten();
    let Some(authorization) = authorization.filter(|authorization| authorization.service() == "eks") else {
        let message = "sign this request with SigV4, service eks; `entryway console` does";
        return json_error(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", message, &request.id);
    };
    match plane.identities.authenticate(request, &authorization, None, &Rules::API, now).await {
        Ok(who) => {
            let secret = plane.console.links.make(authorization.access_key_id(), now);
            record(plane, request, "GetSigninToken", Some(&who), None, now).await;
            let body = json!({ "path": path(&secret), "expiresInSeconds": super::LINK_LIFE.as_secs() });
            text(StatusCode::OK, "application/json", body.to_string())
        }
        Err(Refused::Signature(error)) => {
            record(plane, request, "GetSigninToken", None, Some((error.eks_code(), &error.to_string())), now).await;
            json_error(StatusCode::FORBIDDEN, error.eks_code(), &error.to_string(), &request.id)
        }
        Err(Refused::Failed(problem)) => {
            tracing::error!(%problem, "identities could not be read");
            json_error(StatusCode::INTERNAL_SERVER_ERROR, "ServerException", words::SERVER_HINT, &request.id)
        }
    }
}

/// Where a link leads.
pub(crate) fn path(secret: &str) -> String {
    format!("/console/link?token={secret}")
}

/// `GET /console/link?token=…`. Where another site led here, or the link is another's than who is signed in, it asks
/// first: else whoever has a link of his own could make somebody work in his name without noticing.
pub(super) async fn by_link(
    plane: &Arc<ControlPlane>,
    request: &Received,
    token: &str,
    preferences: &Preferences,
) -> Response {
    let now = Timestamp::now();
    let Some(key) = plane.console.links.look(token, now) else {
        return use_link(plane, request, token, preferences).await;
    };
    let here = security::session_secret(request).and_then(|secret| plane.console.sessions.find(secret, false, now));
    let replaces = here.filter(|session| session.own_key != key);
    match identity(plane, &key, now).await {
        Some((who, _)) if replaces.is_some() || security::is_from_elsewhere(request) => {
            let content = html! {
                p { (words::LINK_ASKS) }
                dl.facts { dt { "The link signs in" } dd { code { (who.arn()) } } }
                form.stack method="post" action="/console/link/use" {
                    input type="hidden" name="token" value=(token);
                    button type="submit" { "Sign in" }
                }
                p { a href="/console" { "To the console, as I am" } }
            };
            page::plain(StatusCode::OK, "Sign in by a link?", preferences, content)
        }
        _ => use_link(plane, request, token, preferences).await,
    }
}

/// `POST /console/link/use`, or a link that need not ask: signs in.
pub(super) async fn use_link(
    plane: &Arc<ControlPlane>,
    request: &Received,
    token: &str,
    preferences: &Preferences,
) -> Response {
    let now = Timestamp::now();
    let key = plane.console.links.take(token, now);
    let found = match &key {
        Some(key) => identity(plane, key, now).await.map(|(who, _)| (key, who)),
        None => None,
    };
    let Some((key, who)) = found else {
        record(plane, request, "ConsoleLogin", None, Some(("AccessDenied", words::LINK_USED)), now).await;
        return sign_in_page(StatusCode::FORBIDDEN, preferences, &Form::default(), Some(words::LINK_USED), false);
    };
    record(plane, request, "ConsoleLogin", Some(&who), None, now).await;
    let secret = begin(plane, request, key, now);
    let mut response = page::redirect("/console");
    security::set_session(&mut response, request, &secret);
    response
}

/// `/console/sign-in`: the form, and what comes of it.
pub(super) async fn page(
    plane: &Arc<ControlPlane>,
    request: &Received,
    query: &Form,
    form: &Form,
    preferences: &Preferences,
) -> Response {
    if request.method != "POST" {
        // A link may say where to go on, and nothing else: it must not fill in what is sent after signing in.
        let back = page::own_url(query.text("back"));
        return sign_in_page(StatusCode::OK, preferences, &Form::of(&[("back", &back)]), None, false);
    }
    let now = Timestamp::now();
    let Some((key, who)) = check_key(plane, form, now).await else {
        record(plane, request, "ConsoleLogin", None, Some(("AccessDenied", words::KEY_REFUSED)), now).await;
        return sign_in_page(StatusCode::FORBIDDEN, preferences, form, Some(words::KEY_REFUSED), false);
    };
    record(plane, request, "ConsoleLogin", Some(&who), None, now).await;
    let secret = begin(plane, request, &key, now);
    let back = page::own_url(form.text("back"));
    let mut response = match form.get("kept").and_then(Form::parse) {
        Some(kept) => {
            let csrf = plane.console.sessions.find(&secret, true, now).map(|session| session.csrf);
            page::plain(
                StatusCode::OK,
                "Welcome back",
                preferences,
                kept_form(&back, &kept, csrf.as_deref().unwrap_or_default()),
            )
        }
        None => page::redirect(&back),
    };
    security::set_session(&mut response, request, &secret);
    response
}

/// Begins a session; one that the browser had before ends.
fn begin(plane: &ControlPlane, request: &Received, key: &str, now: Timestamp) -> String {
    if let Some(old) = security::session_secret(request) {
        plane.console.sessions.end(old);
    }
    plane.console.sessions.begin(key, now)
}

/// What was sent when the session was over, to be sent again. A change of access is shown before it is made.
fn kept_form(back: &str, kept: &Form, csrf: &str) -> Markup {
    let kept = &if kept.text("step").is_empty() { kept.clone() } else { kept.with("step", "preview") };
    html! {
        p { (words::KEPT) }
        form.stack method="post" action=(back) {
            input type="hidden" name="csrf" value=(csrf);
            (page::hidden(&kept.without(&["csrf"])))
            dl.facts {
                @for (name, value) in kept.without(&["csrf", "seen", "step"]).pairs() { @if !value.is_empty() { dt { (name) } dd { code { (value) } } } }
            }
            button type="submit" { "Go on" }
        }
    }
}

/// The identity of a key that is good, and whose secret was given.
async fn check_key(plane: &ControlPlane, form: &Form, now: Timestamp) -> Option<(String, Signed)> {
    let key = form.text("access-key-id");
    let (who, credentials) = identity(plane, key, now).await?;
    let token = credentials.session_token.as_ref().map_or("", |token| token.expose());
    // Both, so that no time is saved where the first differs.
    let good = is_same(form.text("secret-access-key"), credentials.secret.expose())
        & is_same(form.text("session-token"), token);
    good.then_some((credentials.access_key_id, who))
}

/// Asks a visitor without a session to sign in; a form that was sent is kept in the page.
pub(super) fn ask(request: &Received, preferences: &Preferences, is_change: bool) -> Response {
    let back = match request.query.as_str() {
        "" => request.path.clone(),
        query => format!("{}?{query}", request.path),
    };
    let kept = std::str::from_utf8(&request.body).unwrap_or_default();
    let form = match is_change {
        true => Form::of(&[("back", &back), ("kept", kept)]),
        false => Form::of(&[("back", &back)]),
    };
    let mut response = sign_in_page(StatusCode::UNAUTHORIZED, preferences, &form, None, is_change);
    if security::session_secret(request).is_some() {
        security::set_session(&mut response, request, "");
    }
    response
}

fn sign_in_page(
    status: StatusCode,
    preferences: &Preferences,
    form: &Form,
    error: Option<&str>,
    over: bool,
) -> Response {
    let field = |name, label, help| Field { name, label, value: form.text(name), help, error: None };
    let content = html! {
        @if let Some(error) = error { p.notice.bad role="alert" { (error) } }
        @if over { p.notice role="status" { (words::SESSION_OVER) } }
        p { (code_in(words::SIGN_IN_BY_LINK)) }
        h2 { "With an access key" }
        p { (words::SIGN_IN_BY_KEY) }
        form.stack method="post" action="/console/sign-in" {
            @for name in ["back", "kept"] {
                @if let Some(value) = form.get(name) { input type="hidden" name=(name) value=(value); }
            }
            (field("access-key-id", "Access key id", "").line())
            div.field {
                label for="secret-access-key" { "Secret access key" }
                input type="password" id="secret-access-key" name="secret-access-key" autocomplete="off" required;
            }
            details {
                summary { "A session's key has a token too" }
                div.field {
                    label for="session-token" { "Session token" }
                    input type="password" id="session-token" name="session-token" autocomplete="off";
                }
            }
            button type="submit" { "Sign in" }
        }
    };
    page::plain(status, "Sign in", preferences, content)
}

/// Text with its words in backticks set as code.
fn code_in(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// `POST /console/sign-out`.
pub(super) fn out(visit: &Visit<'_>) -> Reply {
    visit.plane.console.sessions.end(&visit.secret);
    let mut response = page::redirect("/console/sign-in");
    security::set_session(&mut response, visit.request, "");
    Reply::Other(response)
}

/// Records a sign-in, or a refused one.
async fn record(
    plane: &ControlPlane,
    request: &Received,
    name: &str,
    who: Option<&Signed>,
    error: Option<(&str, &str)>,
    now: Timestamp,
) {
    let outcome = if error.is_some() { "Failure" } else { "Success" };
    let event = Event {
        request,
        now,
        source: SIGN_IN,
        name,
        region: "us-east-1",
        who,
        read_only: false,
        parameters: Value::Null,
        response: json!({ name: outcome }),
        error,
    };
    match who {
        Some(_) => plane.audit.record(&event).await,
        None => plane.audit.stranger(&event),
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        match refused {
            Refused::Signature(error) => Problem::new(StatusCode::FORBIDDEN, error.to_string(), ""),
            Refused::Failed(problem) => {
                tracing::error!(%problem, "identities could not be read");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, words::SERVER_HINT, "")
            }
        }
    }
}
