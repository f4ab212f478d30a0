//! The answer to requests that are signed for a service that Entryway is not, in a form that its clients print.

use axum::http::StatusCode;
use axum::response::Response;

use crate::http::{json_error, text, with_id};
use crate::received::Received;

/// The answer to a request that is signed for another service.
pub(crate) fn answer(request: &Received, service: &str) -> Response {
    const CODE: &str = "UnknownServiceException";
    let message = format!(
        "Entryway answers as eks, sts and iam, and this request is signed for {service}; unset AWS_ENDPOINT_URL for it"
    );
    let (id, escaped) = (&request.id, escape(&message));
    match service {
        "ec2" => {
            let body = format!(
                "<Response><Errors><Error><Code>{CODE}</Code><Message>{escaped}</Message></Error></Errors>\
                 <RequestID>{id}</RequestID></Response>"
            );
            respond(body, id)
        }
        "s3" => respond(format!("<Error><Code>{CODE}</Code><Message>{escaped}</Message></Error>"), id),
        _ if request.is_form() => {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{CODE}</Code><Message>{escaped}</Message></Error>\
                 <RequestId>{id}</RequestId></ErrorResponse>"
            );
            respond(body, id)
        }
        _ => json_error(StatusCode::NOT_FOUND, CODE, &message, id),
    }
}

fn respond(body: String, id: &str) -> Response {
    let mut response = text(StatusCode::NOT_FOUND, "text/xml", body);
    with_id(&mut response, id);
    response
}

/// Text within XML; what XML can't hold becomes `?`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_escaped() {
        assert_eq!(super::escape("a<b>&\"\u{0}\u{ffff}\n"), "a&lt;b&gt;&amp;&quot;??\n");
    }
}
