//! The few calls of IAM that filling a control plane with samples needs, in IAM's query protocol. There is no
//! `aws-sdk-iam` for this: it would double the time of a first build. Only plain HTTP, only an Entryway control plane.

use bytes::Bytes;
use entryway_iam::sigv4::{PayloadHash, RequestParts, Scope, sign, uri_encode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;

use crate::error::innermost;
use crate::{Aws, LiveError, ServiceError};

/// More than any answer of these calls.
const LONGEST_ANSWER: usize = 1 << 20;

impl Aws {
    /// Makes a role; whether it is new.
    pub async fn create_role(&self, path: &str, name: &str, trust: &str) -> Result<bool, LiveError> {
        self.make("CreateRole", &[("Path", path), ("RoleName", name), ("AssumeRolePolicyDocument", trust)]).await
    }

    /// Makes a user; whether it is new.
    pub async fn create_user(&self, path: &str, name: &str) -> Result<bool, LiveError> {
        self.make("CreateUser", &[("Path", path), ("UserName", name)]).await
    }

    /// Sets an inline policy of a role.
    pub async fn put_role_policy(&self, role: &str, name: &str, document: &str) -> Result<(), LiveError> {
        self.iam("PutRolePolicy", &[("RoleName", role), ("PolicyName", name), ("PolicyDocument", document)]).await
    }

    /// What exists already is made.
    async fn make(&self, action: &'static str, parameters: &[(&str, &str)]) -> Result<bool, LiveError> {
        match self.iam(action, parameters).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_in_use() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn iam(&self, action: &'static str, parameters: &[(&str, &str)]) -> Result<(), LiveError> {
        let endpoint = self.eks_endpoint().trim_end_matches('/');
        let host = endpoint.strip_prefix("http://").filter(|_| !self.is_aws()).ok_or_else(|| {
            LiveError::Setting(format!("`{endpoint}` is no Entryway control plane: samples are made in none else"))
        })?;
        let body = form(action, parameters);
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let headers: [(&str, &[u8]); 2] = [("content-type", kind.as_bytes()), ("host", host.as_bytes())];
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
        let scope = Scope { region: self.region().as_str(), service: "iam" };
        let signed = sign(&parts, &self.credentials(), scope, PayloadHash::of(body.as_bytes()), Timestamp::now())
            .map_err(|error| LiveError::Setting(format!("the request can't be signed: {error}")))?;

        let mut request = http::Request::post(format!("{endpoint}/")).header("content-type", kind);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| LiveError::Setting(format!("`{endpoint}` is no endpoint: {error}")))?;
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let unreachable = |why: String| LiveError::Unreachable { what: format!("{action} at {endpoint}"), why };
        let answer = client.request(request).await.map_err(|error| unreachable(innermost(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| unreachable(error.to_string()))?
            .to_bytes();
        if status.is_success() { Ok(()) } else { Err(error(action, status, &String::from_utf8_lossy(&body)).into()) }
    }
}

fn form(action: &str, parameters: &[(&str, &str)]) -> String {
    let mut all = vec![("Action", action), ("Version", "2010-05-08")];
    all.extend(parameters);
    let pairs: Vec<String> = all.iter().map(|(key, value)| format!("{key}={}", uri_encode(value))).collect();
    pairs.join("&")
}

fn error(operation: &'static str, status: http::StatusCode, xml: &str) -> ServiceError {
    let member = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(text.to_owned())
    };
    ServiceError {
        operation,
        code: member("Code").unwrap_or_else(|| format!("HTTP {}", status.as_u16())),
        message: member("Message").unwrap_or_else(|| "no message".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_errors() {
        assert_eq!(
            form("CreateRole", &[("RoleName", "a"), ("Path", "/x y/")]),
            "Action=CreateRole&Version=2010-05-08&RoleName=a&Path=%2Fx%20y%2F"
        );
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>EntityAlreadyExists</Code><Message>there</Message></Error></ErrorResponse>";
        let answered = error("CreateRole", http::StatusCode::CONFLICT, xml);
        assert_eq!((answered.code.as_str(), answered.message.as_str()), ("EntityAlreadyExists", "there"));
        assert_eq!(error("CreateRole", http::StatusCode::BAD_GATEWAY, "").code, "HTTP 502");
    }
}
