//! Entryway's own API (`/entryway/v1/…`), which EKS does not have: how it is called, and what it tells of the audit log
//! and of sign-ins.

use entryway_access::{ClusterName, PrincipalArn};
use entryway_analysis::as_text;
use entryway_iam::sigv4::uri_encode;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::signed::{Answered, Call};
use crate::{Aws, LiveError, ServiceError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    events: Vec<Value>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignInPage {
    since: Timestamp,
    complete: bool,
    sign_ins: Vec<SignedIn>,
    next_token: Option<String>,
}

/// Who signed in to a cluster, as its control plane counted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIns {
    /// Since when it counts.
    pub since: Timestamp,
    /// Whether it could keep all.
    pub complete: bool,
    /// Each principal and what mapped it.
    pub all: Vec<SignedIn>,
}

/// A principal that signed in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Who, a role without its path.
    #[serde(with = "as_text")]
    pub principal_arn: PrincipalArn,
    /// What mapped it.
    pub source: SignInSource,
    /// How many requests came with a token of it.
    pub count: u64,
    /// The last one.
    pub last_at: Timestamp,
}

/// What mapped a principal that signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignInSource {
    /// An access entry.
    AccessEntry,
    /// A line of aws-auth.
    AwsAuth,
    /// `mapAccounts` of aws-auth.
    AwsAuthAccount,
    /// The hidden mapping of the cluster's creator.
    ClusterCreator,
}

impl Aws {
    /// What changed on a cluster (or in the whole account and region), in CloudTrail's form, oldest first; `None`
    /// where the endpoint has no such API.
    pub async fn audit_changes(&self, cluster: Option<&ClusterName>) -> Result<Option<Vec<Value>>, LiveError> {
        let of_cluster = cluster.map(|cluster| format!("&clusterName={cluster}")).unwrap_or_default();
        let (mut all, filter) = (Vec::new(), format!("onlyChanges=true{of_cluster}"));
        let mut query = filter.clone();
        loop {
            let page = self.own_page::<Events>("ListAuditEvents", "/entryway/v1/audit", &query).await?;
            let Some(page) = page else { return Ok(None) };
            all.extend(page.events);
            match page.next_token {
                Some(token) => query = format!("{filter}&nextToken={}", uri_encode(&token)),
                None => return Ok(Some(all)),
            }
        }
    }

    /// Who signed in to a cluster; `None` where the endpoint has no such API.
    pub async fn sign_ins(&self, cluster: &ClusterName) -> Result<Option<SignIns>, LiveError> {
        let path = format!("/entryway/v1/clusters/{cluster}/sign-ins");
        let (mut all, mut query) = (Vec::new(), String::new());
        loop {
            let page = self.own_page::<SignInPage>("ListSignIns", &path, &query).await?;
            let Some(page) = page else { return Ok(None) };
            all.extend(page.sign_ins);
            match page.next_token {
                Some(token) => query = format!("nextToken={}", uri_encode(&token)),
                None => return Ok(Some(SignIns { since: page.since, complete: page.complete, all })),
            }
        }
    }

    /// A page of a list; `None` where the endpoint is EKS's, or has no such operation.
    pub(crate) async fn own_page<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: &str,
    ) -> Result<Option<T>, LiveError> {
        if self.is_aws() {
            return Ok(None);
        }
        let answered = self.own_api(operation, "GET", path, query, String::new()).await?;
        match answer(operation, &answered) {
            Ok(()) => {}
            // Of an older control plane, or of something that is none.
            Err(error) if answered.status == StatusCode::NOT_FOUND && error.code != "ResourceNotFoundException" => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        let page = serde_json::from_str(&answered.body);
        page.map(Some).map_err(|error| LiveError::Setting(format!("the answer of {operation} can't be read: {error}")))
    }

    /// A call that changes something.
    pub(crate) async fn own_change(
        &self,
        operation: &'static str,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<(), LiveError> {
        let answered = self.own_api(operation, method, path, "", body).await?;
        Ok(answer(operation, &answered)?)
    }

    async fn own_api(
        &self,
        operation: &'static str,
        method: &str,
        path: &str,
        query: &str,
        body: String,
    ) -> Result<Answered, LiveError> {
        let (region, endpoint) = (self.region().as_str(), self.eks_endpoint());
        let (service, content_type) = ("eks", "application/json");
        self.signed(Call { operation, endpoint, service, region, method, path, query, content_type, body }).await
    }
}

fn answer(operation: &'static str, answered: &Answered) -> Result<(), ServiceError> {
    if answered.status.is_success() {
        return Ok(());
    }
    let told: Value = serde_json::from_str(&answered.body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| told.get(name)?.as_str().map(str::to_owned));
    Err(ServiceError {
        operation,
        code: text(&["code", "__type"])
            .or_else(|| answered.error.clone())
            .unwrap_or_else(|| format!("HTTP {}", answered.status.as_u16())),
        message: text(&["message", "Message"]).unwrap_or_else(|| "no message".to_owned()),
    })
}
