//! A whole page: what stands around the content, messages, errors, and the answer that it becomes.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use super::asset::{ICON, SCRIPT, STYLE};
use super::form::Form;
use super::session::Flash;
use super::visit::{Preferences, Theme, Visit};
use super::{part, security, words};
use crate::eks::{EksError, Fault};
use crate::received::Received;

/// What a page shows.
pub(super) struct Page {
    title: String,
    /// Text and URL of what the page is part of, the outermost first.
    crumbs: Vec<(String, String)>,
    /// The tabs of a cluster: text, URL, and whether it is this page.
    tabs: Vec<(&'static str, String, bool)>,
    content: Markup,
    /// What is watched while the page is open.
    live: Option<String>,
    status: StatusCode,
}

/// The answer to a visit.
pub(super) enum Reply {
    Page(Box<Page>),
    /// To another page of the console, by GET.
    Redirect(String),
    /// Something else, finished.
    Other(Response),
}

impl From<Page> for Reply {
    fn from(page: Page) -> Reply {
        Reply::Page(Box::new(page))
    }
}

/// A page that can't be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) text: String,
    /// What to do about it.
    pub(super) hint: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, text: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { status, text: text.into(), hint: hint.into() }
    }
    pub(super) fn missing() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, words::NO_PAGE, words::NO_PAGE_HINT)
    }
    pub(super) fn bad(text: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, text, "")
    }
}

impl From<EksError> for Problem {
    fn from(error: EksError) -> Problem {
        let hint = match error.fault {
            Fault::AccessDenied => words::DENIED_HINT,
            Fault::Server => words::SERVER_HINT,
            _ => "",
        };
        let status = StatusCode::from_u16(error.fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem::new(status, error.message, hint)
    }
}

impl From<entryway_store::StoreError> for Problem {
    fn from(error: entryway_store::StoreError) -> Problem {
        EksError::from(error).into()
    }
}

impl Page {
    pub(super) fn new(title: impl Into<String>, content: Markup) -> Page {
        let title = title.into();
        Page { title, crumbs: Vec::new(), tabs: Vec::new(), content, live: None, status: StatusCode::OK }
    }
    pub(super) fn status(mut self, status: StatusCode) -> Page {
        self.status = status;
        self
    }
    pub(super) fn crumb(mut self, text: impl Into<String>, url: impl Into<String>) -> Page {
        self.crumbs.push((text.into(), url.into()));
        self
    }
    pub(super) fn tabs(mut self, tabs: Vec<(&'static str, String, bool)>) -> Page {
        self.tabs = tabs;
        self
    }
    /// Has the page shown anew when what is under the URL's watch changes.
    pub(super) fn live(mut self, url: impl Into<String>) -> Page {
        self.live = Some(url.into());
        self
    }
}

/// The answer of a visit.
pub(super) fn finish(visit: &Visit<'_>, reply: Result<Reply, Problem>) -> Response {
    let page = match reply {
        Ok(Reply::Page(page)) => *page,
        Ok(Reply::Redirect(url)) => return redirect(&url),
        Ok(Reply::Other(mut response)) => {
            security::harden(&mut response);
            return response;
        }
        Err(problem) => {
            let title = problem.status.canonical_reason().unwrap_or("Error");
            let content = html! { (problem_text(&problem)) (sent(&visit.form)) };
            Page::new(title, content).status(problem.status)
        }
    };
    // A page that is shown anew in the background would take the message from the one that it is for.
    let flash = if visit.is_background() { None } else { visit.plane.console.sessions.told(&visit.secret) };
    let body = html! {
        header.top {
            a.brand href="/console" { (part::mark()) "Entryway" }
            nav aria-label="Main" {
                a href="/console" { "Clusters" }
                a href="/console/audit" { "Audit" }
            }
            (account(visit))
        }
        main #main tabindex="-1" {
            @if !page.crumbs.is_empty() {
                nav.crumbs aria-label="Breadcrumb" {
                    ol { @for (text, url) in &page.crumbs { li { a href=(url) { (text) } } } }
                }
            }
            h1 { (page.title) }
            @if !page.tabs.is_empty() {
                nav.tabs aria-label="Cluster" {
                    @for (text, url, is_here) in &page.tabs {
                        a href=(url) aria-current=[is_here.then_some("page")] { (text) }
                    }
                }
            }
            @if let Some(flash) = &flash { (told(visit, flash)) }
            p.notice.changed data-changed hidden {
                (words::CHANGED_ELSEWHERE) " " a href=(visit.here()) { "Show it" }
            }
            div #content { (page.content) }
        }
        p.unseen role="status" data-status {}
    };
    let html = document(&page.title, &visit.preferences, page.live.as_deref(), body);
    respond(page.status, html)
}

/// What somebody sent that could not be done, so that it is not lost.
fn sent(form: &Form) -> Markup {
    let form = form.without(&["csrf", "seen", "step", "do", "rows", "override"]);
    let lines: Vec<(&str, &str)> = form.pairs().filter(|(_, value)| !value.is_empty()).collect();
    html! {
        @if !lines.is_empty() {
            h2 { "What you sent" }
            dl.facts { @for (name, value) in lines { dt { (name) } dd { code { (value) } } } }
        }
    }
}

fn told(visit: &Visit<'_>, flash: &Flash) -> Markup {
    html! {
        div.notice.done role="status" {
            p { (flash.text) }
            @if let Some((url, form)) = &flash.undo {
                form method="post" action=(url) {
                    (csrf(visit)) (hidden(form))
                    button.quiet type="submit" name="step" value="preview" { "Undo" }
                }
            }
        }
    }
}

/// Fields that are sent as they are.
pub(super) fn hidden(form: &Form) -> Markup {
    html! { @for (name, value) in form.pairs() { input type="hidden" name=(name) value=(value); } }
}

fn account(visit: &Visit<'_>) -> Markup {
    let name = visit.who.arn();
    let short = name.rsplit(':').next().unwrap_or(name);
    html! {
        details.account {
            summary { span.unseen { "Signed in as " } span.who { (short) } }
            div {
                p { span.muted { "Signed in as" } br; code { (name) } }
                p { a href="/console/role" { "Act as a role" } }
                @if visit.session.role_key.is_some() {
                    form method="post" action="/console/role" {
                        (csrf(visit)) input type="hidden" name="role" value="";
                        button.quiet type="submit" { "Be yourself again" }
                    }
                }
                (themes(&visit.preferences, &visit.here()))
                form method="post" action="/console/sign-out" {
                    (csrf(visit)) button.quiet type="submit" { "Sign out" }
                }
            }
        }
    }
}

/// The session's token, for a form.
pub(super) fn csrf(visit: &Visit<'_>) -> Markup {
    html! { input type="hidden" name="csrf" value=(visit.session.csrf); }
}

fn themes(preferences: &Preferences, back: &str) -> Markup {
    let options = [("", "As the system"), ("light", "Light"), ("dark", "Dark")];
    let now = preferences.theme.map_or("", Theme::as_str);
    html! {
        form.themes method="post" action="/console/theme" {
            input type="hidden" name="back" value=(back);
            fieldset {
                legend { "Colours" }
                @for (value, text) in options {
                    button.quiet type="submit" name="theme" value=(value) aria-pressed=(if value == now { "true" } else { "false" }) { (text) }
                }
            }
        }
    }
}

/// Chooses colours; anybody may.
pub(super) fn set_theme(request: &Received, form: &Form) -> Response {
    let mut response = redirect(&own_url(form.text("back")));
    let theme = Theme::parse(form.text("theme")).map_or("", Theme::as_str);
    let end = if theme.is_empty() { "; Max-Age=0" } else { "; Max-Age=31536000" };
    security::set_cookie(
        &mut response,
        &format!("entryway_theme={theme}; Path=/console; HttpOnly; SameSite=Strict{end}"),
    );
    crate::http::with_id(&mut response, &request.id);
    response
}

/// A URL of the console; anything else becomes its first page.
pub(super) fn own_url(text: &str) -> String {
    let path = text.split('?').next().unwrap_or_default();
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if super::is_path(path) && plain && !path.contains("//") { text.to_owned() } else { "/console".to_owned() }
}

fn problem_text(problem: &Problem) -> Markup {
    html! {
        div.notice.bad role="alert" {
            p { (problem.text) }
            @if !problem.hint.is_empty() { p { (problem.hint) } }
        }
        p { a href="/console" { "All clusters" } }
    }
}

/// A problem told to somebody who may not be signed in.
pub(super) fn problem_without_session(problem: &Problem, preferences: &Preferences) -> Response {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    plain(problem.status, title, preferences, problem_text(problem))
}

/// A page for somebody who is not signed in.
pub(super) fn plain(status: StatusCode, title: &str, preferences: &Preferences, content: Markup) -> Response {
    let body = html! {
        header.top { a.brand href="/console" { (part::mark()) "Entryway" } }
        main #main.narrow tabindex="-1" { h1 { (title) } (content) }
    };
    respond(status, document(title, preferences, None, body))
}

fn document(title: &str, preferences: &Preferences, live: Option<&str>, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[preferences.theme.map(Theme::as_str)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Entryway" }
                link rel="icon" href=(ICON.url());
                link rel="stylesheet" href=(STYLE.url());
                script defer src=(SCRIPT.url()) {}
            }
            body data-live=[live] {
                a.skip href="#main" { "Skip to content" }
                (body)
            }
        }
    }
}

fn respond(status: StatusCode, html: Markup) -> Response {
    let mut response = Response::new(Body::from(html.into_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    security::harden(&mut response);
    response
}

/// An answer that leads to another page of the console.
pub(super) fn redirect(url: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let url = HeaderValue::from_str(url).unwrap_or(HeaderValue::from_static("/console"));
    response.headers_mut().insert(header::LOCATION, url);
    security::harden(&mut response);
    response
}

#[cfg(test)]
mod tests {
    use super::own_url;

    #[test]
    fn only_the_consoles_own_pages() {
        for own in ["/console", "/console/clusters/us-east-1/demo?page=2"] {
            assert_eq!(own_url(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "/console//evil",
            "https://evil.example/console",
            "/consoles",
            "/console/\\x",
            "/console/\r\nx: y",
        ] {
            assert_eq!(own_url(other), "/console", "{other:?}");
        }
    }
}
