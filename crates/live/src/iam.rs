//! The few calls of IAM that access needs, in IAM's query protocol: which roles, users and members of groups there
//! are, and (to fill Entryway's control plane with samples) making some.

use entryway_access::PrincipalArn;
use entryway_iam::sigv4::uri_encode;
use jiff::Timestamp;

use crate::signed::{Answered, Call};
use crate::{Aws, LiveError, ServiceError};

/// A role or user as IAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamPrincipal {
    /// Its ARN, with its path.
    pub arn: PrincipalArn,
    /// Its unique id (`AROA…`, `AIDA…`).
    pub unique_id: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl Aws {
    /// All roles of the account, or those under a path.
    pub async fn list_roles(&self, path_prefix: Option<&str>) -> Result<Vec<IamPrincipal>, LiveError> {
        let parameters: Vec<(&str, &str)> = path_prefix.map(|prefix| ("PathPrefix", prefix)).into_iter().collect();
        self.list_principals("ListRoles", &parameters, "RoleId").await
    }

    /// All users of the account.
    pub async fn list_users(&self) -> Result<Vec<IamPrincipal>, LiveError> {
        self.list_principals("ListUsers", &[], "UserId").await
    }

    /// The users of a group.
    pub async fn group_members(&self, group: &str) -> Result<Vec<IamPrincipal>, LiveError> {
        self.list_principals("GetGroup", &[("GroupName", group)], "UserId").await
    }

    async fn list_principals(
        &self,
        action: &'static str,
        parameters: &[(&str, &str)],
        id: &str,
    ) -> Result<Vec<IamPrincipal>, LiveError> {
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut asked = parameters.to_vec();
            asked.push(("MaxItems", "1000"));
            if let Some(marker) = &marker {
                asked.push(("Marker", marker));
            }
            let answer = self.iam(action, &asked).await?;
            all.extend(principals(&answer, id));
            marker = match (text(&answer, "IsTruncated").as_deref(), text(&answer, "Marker")) {
                (Some("true"), Some(next)) if marker.as_ref() != Some(&next) => Some(next),
                _ => return Ok(all),
            };
        }
    }

    /// Makes a role; whether it is new. In Entryway's control plane alone.
    pub async fn create_role(&self, path: &str, name: &str, trust: &str) -> Result<bool, LiveError> {
        self.make("CreateRole", &[("Path", path), ("RoleName", name), ("AssumeRolePolicyDocument", trust)]).await
    }

    /// Makes a user; whether it is new. In Entryway's control plane alone.
    pub async fn create_user(&self, path: &str, name: &str) -> Result<bool, LiveError> {
        self.make("CreateUser", &[("Path", path), ("UserName", name)]).await
    }

    /// Sets an inline policy of a role. In Entryway's control plane alone.
    pub async fn put_role_policy(&self, role: &str, name: &str, document: &str) -> Result<(), LiveError> {
        self.only_here()?;
        let parameters = [("RoleName", role), ("PolicyName", name), ("PolicyDocument", document)];
        self.iam("PutRolePolicy", &parameters).await.map(|_| ())
    }

    /// What exists already is made.
    async fn make(&self, action: &'static str, parameters: &[(&str, &str)]) -> Result<bool, LiveError> {
        self.only_here()?;
        match self.iam(action, parameters).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_in_use() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn only_here(&self) -> Result<(), LiveError> {
        if !self.is_aws() {
            return Ok(());
        }
        let endpoint = self.eks_endpoint();
        Err(LiveError::Setting(format!("`{endpoint}` is no Entryway control plane: samples are made in none else")))
    }

    async fn iam(&self, action: &'static str, parameters: &[(&str, &str)]) -> Result<String, LiveError> {
        let (endpoint, region) = self.iam_endpoint();
        let call = Call {
            operation: action,
            endpoint: &endpoint,
            service: "iam",
            region: &region,
            method: "POST",
            path: "/",
            query: "",
            content_type: "application/x-www-form-urlencoded; charset=utf-8",
            body: form(action, parameters),
        };
        let Answered { status, body, .. } = self.signed(call).await?;
        if status.is_success() { Ok(body) } else { Err(error(action, status, &body).into()) }
    }
}

/// The text of the first element of that name.
fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

/// The members of a list that have an ARN and an id; a member's own members (tags) have neither.
fn principals(xml: &str, id: &str) -> Vec<IamPrincipal> {
    let mut all = Vec::new();
    for member in members(xml) {
        let Some(arn) = text(member, "Arn").and_then(|arn| arn.parse::<PrincipalArn>().ok()) else { continue };
        let unique_id = text(member, id).unwrap_or_default();
        let created_at = text(member, "CreateDate").and_then(|date| date.parse().ok());
        all.push(IamPrincipal { arn, unique_id, created_at });
    }
    all
}

/// The outer `member` elements.
fn members(xml: &str) -> Vec<&str> {
    const OPEN: &str = "<member>";
    const CLOSE: &str = "</member>";
    let mut all = Vec::new();
    let (mut depth, mut start, mut at) = (0usize, 0, 0);
    loop {
        let rest = xml.get(at..).unwrap_or_default();
        match (rest.find(OPEN), rest.find(CLOSE)) {
            (Some(open), close) if close.is_none_or(|close| open < close) => {
                at += open + OPEN.len();
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            (_, Some(close)) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    all.extend(xml.get(start..at + close));
                }
                at += close + CLOSE.len();
            }
            (_, None) => return all,
        }
    }
}

fn form(action: &str, parameters: &[(&str, &str)]) -> String {
    let mut all = vec![("Action", action), ("Version", "2010-05-08")];
    all.extend(parameters);
    let pairs: Vec<String> = all.iter().map(|(key, value)| format!("{key}={}", uri_encode(value))).collect();
    pairs.join("&")
}

fn error(operation: &'static str, status: http::StatusCode, xml: &str) -> ServiceError {
    ServiceError {
        operation,
        code: text(xml, "Code").unwrap_or_else(|| format!("HTTP {}", status.as_u16())),
        message: text(xml, "Message").unwrap_or_else(|| "no message".to_owned()),
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

    #[test]
    fn principals_of_a_page() {
        let member = |name: &str| {
            format!(
                "<member><Path>/team/</Path><RoleName>{name}</RoleName><RoleId>AROA{name}</RoleId>\
                 <Arn>arn:aws:iam::111122223333:role/team/{name}</Arn><CreateDate>2026-01-02T03:04:05Z</CreateDate>\
                 <Tags><member><Key>a</Key><Value>b</Value></member></Tags></member>"
            )
        };
        let page = format!("<R><Roles>{}{}</Roles><IsTruncated>false</IsTruncated></R>", member("A"), member("B"));
        let found = principals(&page, "RoleId");
        let ids: Vec<&str> = found.iter().map(|one| one.unique_id.as_str()).collect();
        assert_eq!(ids, ["AROAA", "AROAB"]);
        assert_eq!(found[1].arn.as_str(), "arn:aws:iam::111122223333:role/team/B");
        assert_eq!(found[1].created_at, "2026-01-02T03:04:05Z".parse().ok());
        for broken in ["", "<member>", "</member><member><Arn>", "<member><member></member>", "<Arn>x</Arn>"] {
            assert!(principals(broken, "RoleId").is_empty(), "{broken}");
        }
    }
}
