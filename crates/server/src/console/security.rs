//! Headers that every answer of the console has, cookies, and whether a change comes from the console's own pages.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::received::Received;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds what browsers are to hold to. Pages are kept by no cache: they show what one identity may see.
pub(super) fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` browsers would hide the origin of our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Whether a change comes from a page of this console. Browsers say so in `Sec-Fetch-Site` and `Origin`; whoever
/// sends neither is no browser, and still needs the session's token.
pub(super) fn is_own_origin(request: &Received) -> bool {
    if request.header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    match (request.header("origin"), request.header("host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, authority)| authority == host),
        (Some(_), None) => false,
    }
}

/// Whether the browser came from another site's page. Cookies of ours are not sent along then.
pub(super) fn is_from_elsewhere(request: &Received) -> bool {
    request.header("sec-fetch-site").is_some_and(|site| matches!(site, "cross-site" | "same-site"))
}

/// The name of the session's cookie. Cookies know no ports, so the name holds it: control planes beside each other
/// on one machine keep their sessions apart.
fn session_cookie(request: &Received) -> String {
    let host = request.header("host").unwrap_or_default();
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    format!("entryway_session_{}", port.unwrap_or("80"))
}

/// A cookie of the request.
pub(super) fn cookie<'a>(request: &'a Received, name: &str) -> Option<&'a str> {
    let all = request.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case("cookie"));
    let texts = all.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(own, value)| (own == name).then_some(value))
}

/// The session's secret.
pub(super) fn session_secret(request: &Received) -> Option<&str> {
    cookie(request, &session_cookie(request)).filter(|secret| !secret.is_empty())
}

/// Sets the session's cookie; with an empty secret, removes it.
pub(super) fn set_session(response: &mut Response, request: &Received, secret: &str) {
    let end = if secret.is_empty() { "; Max-Age=0" } else { "" };
    let secure = if is_tls(request) { "; Secure" } else { "" };
    let name = session_cookie(request);
    set_cookie(response, &format!("{name}={secret}; Path=/console; HttpOnly; SameSite=Strict{secure}{end}"));
}

/// Adds a cookie.
pub(super) fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Whether the browser speaks TLS, with us or with a proxy in front. A lie makes the cookie stricter, no more.
fn is_tls(request: &Received) -> bool {
    request.header("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
        || request.header("origin").is_some_and(|origin| origin.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Received {
        Received {
            id: String::new(),
            method: "POST".to_owned(),
            path: "/console".to_owned(),
            query: String::new(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect(),
            body: bytes::Bytes::new(),
            peer: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        }
    }

    #[test]
    fn changes_of_other_sites() {
        let host = ("host", "127.0.0.1:4780");
        for (headers, own) in [
            (vec![host], true),
            (vec![host, ("origin", "http://127.0.0.1:4780"), ("sec-fetch-site", "same-origin")], true),
            (vec![host, ("origin", "http://evil.example")], false),
            (vec![host, ("origin", "null")], false),
            (vec![host, ("origin", "http://127.0.0.1:8080")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], false),
            (vec![host, ("sec-fetch-site", "same-site")], false),
        ] {
            assert_eq!(is_own_origin(&request(&headers)), own, "{headers:?}");
        }
    }

    #[test]
    fn cookies() {
        let request =
            request(&[("host", "[::1]:4781"), ("cookie", "a=1; entryway_session_4780=x; entryway_session_4781=y")]);
        assert_eq!(session_secret(&request), Some("y"));
        let mut response = Response::new(axum::body::Body::empty());
        set_session(&mut response, &request, "s");
        let cookie = response.headers().get("set-cookie").unwrap().to_str().unwrap();
        assert_eq!(cookie, "entryway_session_4781=s; Path=/console; HttpOnly; SameSite=Strict");
    }
}
