//! A request of somebody who is signed in.

use std::sync::Arc;

use entryway_access::{Arn, Region};
use entryway_iam::Credentials;
use entryway_iam::policy::Context;
use jiff::Timestamp;

use super::form::Form;
use super::security;
use super::session::{Session, is_same};
use crate::keys::Place;
use crate::plane::ControlPlane;
use crate::received::Received;
use crate::who::Signed;

/// The header of requests that the page's script makes by itself.
const BACKGROUND: &str = "x-entryway-background";

/// What the browser wants, whoever it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    /// The colours; none for those of the system.
    pub(super) theme: Option<Theme>,
}

/// Colours that somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
    pub(super) fn parse(text: &str) -> Option<Theme> {
        [Theme::Light, Theme::Dark].into_iter().find(|theme| theme.as_str() == text)
    }
}

impl Preferences {
    /// As the request's cookies have them.
    pub(super) fn of(request: &Received) -> Preferences {
        Preferences { theme: security::cookie(request, "entryway_theme").and_then(Theme::parse) }
    }
}

/// A request, who makes it, and what it says.
pub(super) struct Visit<'a> {
    pub(super) plane: &'a Arc<ControlPlane>,
    pub(super) request: &'a Received,
    /// The query of the URL.
    pub(super) query: Form,
    /// The body.
    pub(super) form: Form,
    pub(super) session: Session,
    /// The session's secret.
    pub(super) secret: String,
    /// Whose rights are used.
    pub(super) who: Signed,
    /// What its tokens are signed with.
    pub(super) credentials: Credentials,
    pub(super) preferences: Preferences,
    pub(super) now: Timestamp,
    /// What conditions of IAM policies are asked about, but for what is the question's own.
    context: Context,
}

impl<'a> Visit<'a> {
    /// `None` where nobody is signed in, or the key that somebody signed in with is no more.
    pub(super) async fn begin(
        plane: &'a Arc<ControlPlane>,
        request: &'a Received,
        query: Form,
        form: Form,
        preferences: Preferences,
        now: Timestamp,
    ) -> Option<Visit<'a>> {
        let sessions = &plane.console.sessions;
        let secret = security::session_secret(request)?.to_owned();
        let by_hand = !is_background(request);
        let mut session = sessions.find(&secret, by_hand, now)?;
        let mut found = identity(plane, session.key(), now).await;
        if found.is_none() && session.role_key.is_some() {
            // The role's session is over: the own identity goes on.
            sessions.act_as(&secret, None);
            session.role_key = None;
            found = identity(plane, session.key(), now).await;
        }
        let Some((who, credentials)) = found else {
            sessions.end(&secret);
            return None;
        };
        let context = who.context(request, "", now);
        Some(Visit { plane, request, query, form, session, secret, who, credentials, preferences, now, context })
    }

    /// Whether the form holds the session's token.
    pub(super) fn has_token(&self) -> bool {
        self.form.get("csrf").is_some_and(|given| is_same(given, &self.session.csrf))
    }

    /// The caller's account in a region.
    pub(super) fn place(&self, region: Region) -> Place {
        Place { account: self.who.account().clone(), region }
    }

    /// Whether IAM allows an action. What is not allowed is not offered; whether it is done is for the operation
    /// itself to say.
    pub(super) fn may(&self, action: &str, resource: &str, facts: impl FnOnce(&mut Context)) -> bool {
        let mut context = self.context.clone();
        // A page may show several regions: the operation would be asked of the resource's own.
        if let Ok(arn) = resource.parse::<Arn>() {
            context.set("aws:RequestedRegion", arn.region());
        }
        facts(&mut context);
        self.who.may(action, resource, &context).is_ok()
    }

    /// Whether the page's script asks, and no person.
    pub(super) fn is_background(&self) -> bool {
        is_background(self.request)
    }

    /// The URL of this page, for coming back to it.
    pub(super) fn here(&self) -> String {
        match self.request.query.as_str() {
            "" => self.request.path.clone(),
            query => format!("{}?{query}", self.request.path),
        }
    }
}

fn is_background(request: &Received) -> bool {
    request.header(BACKGROUND).is_some() || request.path == "/console/live"
}

/// Whose key it is, if it can be used now.
pub(super) async fn identity(plane: &ControlPlane, key: &str, now: Timestamp) -> Option<(Signed, Credentials)> {
    let directory = &plane.identities.directory;
    let failed = |error: entryway_directory::DirectoryError| tracing::error!(%error, "identities could not be read");
    let credential = directory.credentials(key).await.map_err(failed).ok()??;
    if credential.is_expired(now) {
        return None;
    }
    let local = directory.caller(&credential).await.map_err(failed).ok()??;
    Some((Signed { local }, credential.credentials))
}
