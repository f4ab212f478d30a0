//! The URL in a token, split as strictly as can be.
//!
//! What is checked here is later fetched by an HTTP client with a parser of its own. So that the two can't disagree
//! on the host, nothing is taken that parsers are known to differ on: no blanks, no control or non-ASCII characters,
//! no backslash, no fragment.

/// The parts of `scheme://authority path ? query`, as they came.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenUrl<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> TokenUrl<'a> {
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let clean = text.bytes().all(|b| b.is_ascii_graphic() && !b"\\#\"<>^`{|}".contains(&b));
        let (scheme, rest) = text.split_once("://")?;
        let scheme_ok = scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && !scheme.is_empty();
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
        (clean && scheme_ok && !authority.is_empty()).then_some(TokenUrl { scheme, authority, path, query })
    }

    /// Whether scheme and authority are those of `endpoint` (`http://127.0.0.1:4780`), letter case apart.
    pub(super) fn is_at(&self, endpoint: &str) -> bool {
        endpoint.trim_end_matches('/').split_once("://").is_some_and(|(scheme, authority)| {
            self.scheme.eq_ignore_ascii_case(scheme) && self.authority.eq_ignore_ascii_case(authority)
        })
    }

    /// The `host` header that clients sign for this URL: lower case, the scheme's default port left out.
    pub(super) fn signed_host(&self) -> String {
        let authority = self.authority.to_ascii_lowercase();
        let default_port = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        authority.strip_suffix(default_port).unwrap_or(&authority).to_owned()
    }
}
