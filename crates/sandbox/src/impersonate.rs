//! Impersonation: acting as another user by headers, constrained (since Kubernetes 1.35) and as it always was.
//!
//! The impersonated user has exactly the attributes asked for, extra keys in lower case, so no access policy of
//! anybody ever applies to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use axum::http::HeaderMap;
use entryway_access::{Attributes, MASTERS, Request, Resource, Snapshot, UserInfo, service_account_groups};
use entryway_objects::names;
use entryway_objects::status::Status;
use jiff::Timestamp;

use crate::authenticate::split_service_account;
use crate::authorize::{no_opinion_reason, refusal};
use crate::request_info::RequestInfo;
use crate::text::quote;

const AUTHENTICATION: &str = "authentication.k8s.io";
/// From so many groups or extras on, one question for all of them comes first.
const MANY: usize = 4;
/// So many callers' last mode is remembered.
const REMEMBERED: usize = 1024;

/// A way to impersonate, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    UserInfo,
    Legacy,
}

const MODES: [Mode; 5] =
    [Mode::AssociatedNode, Mode::ArbitraryNode, Mode::ServiceAccount, Mode::UserInfo, Mode::Legacy];

impl Mode {
    /// Its name in verbs; `None` for the old mode, whose verb is plain `impersonate`.
    fn name(self) -> Option<&'static str> {
        match self {
            Mode::AssociatedNode => Some("associated-node"),
            Mode::ArbitraryNode => Some("arbitrary-node"),
            Mode::ServiceAccount => Some("serviceaccount"),
            Mode::UserInfo => Some("user-info"),
            Mode::Legacy => None,
        }
    }

    fn applies(self, wanted: &UserInfo, caller: &UserInfo) -> bool {
        let name_alone = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let node = node_name(&wanted.username);
        let account = split_service_account(&wanted.username);
        match self {
            Mode::AssociatedNode => {
                let own = caller.extra.get("authentication.kubernetes.io/node-name");
                name_alone
                    && split_service_account(&caller.username).is_some()
                    && node.is_some_and(|node| own.is_some_and(|own| own.as_slice() == [node]))
            }
            Mode::ArbitraryNode => name_alone && node.is_some(),
            Mode::ServiceAccount => name_alone && account.is_some(),
            Mode::UserInfo => node.is_none() && account.is_none(),
            Mode::Legacy => true,
        }
    }
}

fn node_name(username: &str) -> Option<&str> {
    username.strip_prefix("system:node:").filter(|name| names::dns1123_subdomain(name).is_empty())
}

/// Which mode last let each caller impersonate: it is tried first, so a refusal speaks of it.
#[derive(Debug, Default)]
pub(crate) struct LastModes(Mutex<HashMap<String, Mode>>);

impl LastModes {
    fn get(&self, caller: &str) -> Option<Mode> {
        self.0.lock().ok()?.get(caller).copied()
    }
    fn set(&self, caller: &str, mode: Mode) {
        if let Ok(mut modes) = self.0.lock() {
            // Forgetting them all changes nothing but the order in which modes are tried.
            if modes.len() >= REMEMBERED {
                modes.clear();
            }
            modes.insert(caller.to_owned(), mode);
        }
    }
}

/// Whom the headers ask to be; `None` where they ask for nobody.
///
/// # Errors
/// 400 for groups, a uid or extras without a user.
pub(crate) fn wanted(headers: &HeaderMap) -> Result<Option<UserInfo>, Status> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut wanted = UserInfo {
        username: text("impersonate-user").unwrap_or_default(),
        uid: text("impersonate-uid").unwrap_or_default(),
        ..UserInfo::default()
    };
    for value in headers.get_all("impersonate-group") {
        wanted.groups.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix("impersonate-extra-") else { continue };
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        wanted.extra.entry(unescape(key)).or_default().push(value);
    }
    match (wanted.username.is_empty(), wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty()) {
        (false, _) => Ok(Some(wanted)),
        (true, true) => Ok(None),
        (true, false) => {
            Err(Status::bad_request(format!("requested {} without impersonating a user name", go_value(&wanted))))
        }
    }
}

/// Header names arrive in lower case, and what was percent-encoded in them is lowered too: an access policy is found by
/// `canonicalArn` and `principalId` in just this case, so no header may come to spell them.
fn unescape(key: &str) -> String {
    match percent_encoding::percent_decode_str(key).decode_utf8() {
        Ok(decoded) => decoded.to_ascii_lowercase(),
        Err(_) => key.to_owned(),
    }
}

/// The user as Go's `%#v` prints it.
fn go_value(user: &UserInfo) -> String {
    let quoted = |values: &[String]| values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(", ");
    let groups = match user.groups.as_slice() {
        [] => "[]string(nil)".to_owned(),
        groups => format!("[]string{{{}}}", quoted(groups)),
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let entries: Vec<String> =
            user.extra.iter().map(|(key, values)| format!("{}:[]string{{{}}}", quote(key), quoted(values))).collect();
        format!("map[string][]string{{{}}}", entries.join(", "))
    };
    format!("&user.DefaultInfo{{Name:\"\", UID:{}, Groups:{groups}, Extra:{extra}}}", quote(&user.uid))
}

/// The impersonated user, if the caller may be it for this request.
///
/// # Errors
/// 403 with the refusal of the mode that was tried first.
pub(crate) fn impersonate(
    snapshot: &Snapshot,
    modes: &LastModes,
    caller: &UserInfo,
    wanted: &UserInfo,
    info: &RequestInfo,
    now: Timestamp,
) -> Result<UserInfo, Status> {
    let last = modes.get(&caller.username);
    let others = MODES.into_iter().filter(|mode| Some(*mode) != last);
    let check = Check { snapshot, caller, info, now };
    let mut first: Option<Status> = None;
    for mode in last.into_iter().chain(others) {
        if !mode.applies(wanted, caller) {
            continue;
        }
        match check.mode(mode, wanted) {
            Ok(user) => {
                if Some(mode) != last {
                    modes.set(&caller.username, mode);
                }
                return Ok(user);
            }
            Err(status) => {
                first.get_or_insert(status);
            }
        }
    }
    // The old mode always applies, so there is a refusal to give.
    Err(first.unwrap_or_else(|| crate::failure::internal("all impersonation modes failed")))
}

struct Check<'a> {
    snapshot: &'a Snapshot,
    caller: &'a UserInfo,
    info: &'a RequestInfo,
    now: Timestamp,
}

impl Check<'_> {
    fn allowed(&self, attributes: Attributes<'_>) -> Result<(), Status> {
        let request = Request { user: self.caller, attributes };
        if self.snapshot.decide(&request, self.now).is_allowed() {
            return Ok(());
        }
        let namespace = match attributes {
            Attributes::Resource { resource, .. } => resource.namespace,
            Attributes::NonResource { .. } => "",
        };
        Err(refusal(self.caller, attributes, &no_opinion_reason(self.snapshot, self.caller, namespace)))
    }

    fn mode(&self, mode: Mode, wanted: &UserInfo) -> Result<UserInfo, Status> {
        let verb = match mode.name() {
            None => "impersonate".to_owned(),
            Some(name) => {
                let on = format!("impersonate-on:{name}:{}", self.info.verb);
                let attributes = match self.info.attributes() {
                    Attributes::Resource { resource, .. } => Attributes::Resource { verb: &on, resource },
                    Attributes::NonResource { path, .. } => Attributes::NonResource { verb: &on, path },
                };
                self.allowed(attributes)?;
                format!("impersonate:{name}")
            }
        };
        let group = if mode == Mode::Legacy { "" } else { AUTHENTICATION };
        let ask = |resource: Resource<'_>| self.allowed(Attributes::Resource { verb: &verb, resource });
        let user = self.username(mode, group, wanted, &ask)?;
        if !wanted.uid.is_empty() {
            ask(Resource { group: AUTHENTICATION, resource: "uids", name: &wanted.uid, ..Resource::default() })?;
        }
        self.groups(mode, &verb, group, &wanted.groups, &ask)?;
        self.extras(mode, &verb, &wanted.extra, &ask)?;
        Ok(user.with_standing_group())
    }

    fn username(
        &self,
        mode: Mode,
        group: &str,
        wanted: &UserInfo,
        ask: &dyn Fn(Resource<'_>) -> Result<(), Status>,
    ) -> Result<UserInfo, Status> {
        let mut user = wanted.clone();
        let mut resource = Resource { group, resource: "users", name: &wanted.username, ..Resource::default() };
        if let Some(name) = node_name(&wanted.username).filter(|_| mode != Mode::Legacy) {
            resource.resource = "nodes";
            // A node's own service account may be allowed by the wildcard name alone: it holds for each node.
            resource.name = if mode == Mode::AssociatedNode { "*" } else { name };
            user.groups = vec!["system:nodes".into()];
        }
        if let Some((namespace, name)) = split_service_account(&wanted.username) {
            resource.resource = "serviceaccounts";
            resource.namespace = namespace;
            resource.name = name;
            if wanted.groups.is_empty() {
                user.groups = service_account_groups(namespace);
            }
        }
        ask(resource)?;
        Ok(user)
    }

    fn groups(
        &self,
        mode: Mode,
        verb: &str,
        group: &str,
        groups: &[String],
        ask: &dyn Fn(Resource<'_>) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let named = |name| Resource { group, resource: "groups", name, ..Resource::default() };
        if mode != Mode::Legacy {
            let no =
                |name, why: &str| Err(refusal(self.caller, Attributes::Resource { verb, resource: named(name) }, why));
            if groups.iter().any(String::is_empty) {
                return no("", "impersonating the empty string group is not allowed");
            }
            if groups.iter().any(|group| group == MASTERS) {
                return no(MASTERS, "impersonating the system:masters group is not allowed");
            }
            if groups.len() >= MANY && ask(named("*")).is_ok() {
                return Ok(());
            }
        }
        groups.iter().try_for_each(|group| ask(named(group)))
    }

    fn extras(
        &self,
        mode: Mode,
        verb: &str,
        extra: &BTreeMap<String, Vec<String>>,
        ask: &dyn Fn(Resource<'_>) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let named = |subresource, name| Resource {
            group: AUTHENTICATION,
            resource: "userextras",
            subresource,
            name,
            namespace: "",
        };
        if mode != Mode::Legacy {
            for (key, values) in extra {
                let why = match (key.as_str(), values.iter().any(String::is_empty)) {
                    ("", _) => "impersonating the empty string key in extra is not allowed",
                    (_, true) => "impersonating the empty string value in extra is not allowed",
                    _ => continue,
                };
                return Err(refusal(self.caller, Attributes::Resource { verb, resource: named("", "") }, why));
            }
            if extra.values().map(Vec::len).sum::<usize>() >= MANY && ask(named("*", "*")).is_ok() {
                return Ok(());
            }
        }
        let pairs = extra.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
        pairs.into_iter().try_for_each(|(key, value)| ask(named(key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn extra_keys_are_lowered_and_decoded() {
        let user = wanted(&headers(&[
            ("Impersonate-User", "a"),
            ("Impersonate-Extra-canonicalArn", "x"),
            ("Impersonate-Extra-a.io%2Fb", "y"),
            ("Impersonate-Extra-principal%49d", "z"),
            ("Impersonate-Extra-%63anonical%41%72n", "w"),
        ]))
        .unwrap()
        .unwrap();
        assert_eq!(user.extra["canonicalarn"], ["x", "w"]);
        assert_eq!(user.extra["a.io/b"], ["y"]);
        assert_eq!(user.extra["principalid"], ["z"], "no encoding spells what access policies are found by");
        assert_eq!(user.extra.len(), 3);
    }

    #[test]
    fn a_group_needs_a_user() {
        let text = wanted(&headers(&[("Impersonate-Group", "x")])).unwrap_err().message;
        assert_eq!(
            text,
            r#"requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"x"}, Extra:map[string][]string(nil)} without impersonating a user name"#
        );
        assert_eq!(wanted(&headers(&[("Impersonate-User", "")])).unwrap(), None);
    }
}
