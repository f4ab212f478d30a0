//! Users' own policies, through Entryway's own API (`/entryway/v1/policies`). EKS has none.

use std::collections::BTreeMap;

use entryway_access::{AccessPolicy, PolicyArn, PolicyCatalogue, PolicyName, PolicyRule, PolicyRules};
use entryway_iam::sigv4::uri_encode;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signed::Call;
use crate::{Aws, LiveError, ServiceError};

const PATH: &str = "/entryway/v1/policies";
const LIST: &str = "ListPolicies";

fn path_of(name: &PolicyName) -> String {
    format!("{PATH}/{}", uri_encode(name.as_str()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    policies: Vec<Policy>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Policy {
    name: String,
    arn: String,
    rules: Vec<PolicyRule>,
    description: Option<String>,
}

impl Aws {
    /// The own policies of the account and region, by name; none where the endpoint has no such API.
    pub async fn own_policies(&self) -> Result<BTreeMap<PolicyName, Vec<PolicyRule>>, LiveError> {
        let named = self.list_own().await?.into_iter();
        Ok(named.filter_map(|policy| Some((policy.name.parse().ok()?, policy.rules))).collect())
    }

    /// AWS's policies, and the own ones of the account and region.
    pub async fn policy_catalogue(&self) -> Result<PolicyCatalogue, LiveError> {
        let core = |policy: Policy| {
            let arn: PolicyArn = policy.arn.parse().ok()?;
            let source = policy.description.map_or_else(String::new, |text| format!(": {text}"));
            let (name, rules) = (arn.name().clone(), PolicyRules::Known(policy.rules.into()));
            Some((arn, AccessPolicy { name, rules, service_linked_only: false, source: format!("own policy{source}") }))
        };
        Ok(PolicyCatalogue::builtin().with_own(self.list_own().await?.into_iter().filter_map(core).collect()))
    }

    async fn list_own(&self) -> Result<Vec<Policy>, LiveError> {
        let (mut all, mut query) = (Vec::new(), String::new());
        if self.is_aws() {
            return Ok(all);
        }
        loop {
            let (status, body) = self.own_api(LIST, "GET", PATH, &query, String::new()).await?;
            if status == StatusCode::NOT_FOUND {
                return Ok(all);
            }
            let body = answer(LIST, status, body)?;
            let page: Listed =
                serde_json::from_str(&body).map_err(|_| LiveError::Incomplete { what: LIST, member: "policies" })?;
            all.extend(page.policies);
            match page.next_token {
                Some(token) => query = format!("nextToken={}", uri_encode(&token)),
                None => return Ok(all),
            }
        }
    }

    /// Makes an own policy, or replaces its rules.
    pub async fn put_own_policy(&self, name: &PolicyName, rules: &[PolicyRule]) -> Result<(), LiveError> {
        self.put_described_policy(name, rules, None).await
    }

    /// The same with a line for people; the one that is there stays where none is given.
    pub async fn put_described_policy(
        &self,
        name: &PolicyName,
        rules: &[PolicyRule],
        description: Option<&str>,
    ) -> Result<(), LiveError> {
        let body = json!({ "rules": rules, "description": description }).to_string();
        let (status, body) = self.own_api("PutPolicy", "PUT", &path_of(name), "", body).await?;
        answer("PutPolicy", status, body).map(|_| ())
    }

    /// Deletes an own policy, which no entry may have.
    pub async fn delete_own_policy(&self, name: &PolicyName) -> Result<(), LiveError> {
        let (status, body) = self.own_api("DeletePolicy", "DELETE", &path_of(name), "", String::new()).await?;
        answer("DeletePolicy", status, body).map(|_| ())
    }

    async fn own_api(
        &self,
        operation: &'static str,
        method: &str,
        path: &str,
        query: &str,
        body: String,
    ) -> Result<(StatusCode, String), LiveError> {
        let (region, endpoint) = (self.region().as_str(), self.eks_endpoint());
        let (service, content_type) = ("eks", "application/json");
        self.signed(Call { operation, endpoint, service, region, method, path, query, content_type, body }).await
    }
}

fn answer(operation: &'static str, status: StatusCode, body: String) -> Result<String, LiveError> {
    if status.is_success() {
        return Ok(body);
    }
    let told: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| told.get(name)?.as_str().map(str::to_owned));
    Err(ServiceError {
        operation,
        code: text(&["code", "__type"]).unwrap_or_else(|| format!("HTTP {}", status.as_u16())),
        message: text(&["message", "Message"]).unwrap_or_else(|| "no message".to_owned()),
    }
    .into())
}
