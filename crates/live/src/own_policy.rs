//! Users' own policies, through Entryway's own API (`/entryway/v1/policies`). EKS has none.

use std::collections::BTreeMap;

use entryway_access::{PolicyName, PolicyRule};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signed::Call;
use crate::{Aws, LiveError, ServiceError};

const PATH: &str = "/entryway/v1/policies";

#[derive(Deserialize)]
struct Listed {
    policies: Vec<Policy>,
}

#[derive(Deserialize)]
struct Policy {
    name: String,
    rules: Vec<PolicyRule>,
}

impl Aws {
    /// The own policies of the account and region, by name; none where the endpoint has no such API.
    pub async fn own_policies(&self) -> Result<BTreeMap<PolicyName, Vec<PolicyRule>>, LiveError> {
        if self.is_aws() {
            return Ok(BTreeMap::new());
        }
        let (status, body) = self.own_api("ListOwnPolicies", "GET", PATH, String::new()).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(BTreeMap::new());
        }
        let body = answer("ListOwnPolicies", status, body)?;
        let listed: Listed = serde_json::from_str(&body)
            .map_err(|_| LiveError::Incomplete { what: "ListOwnPolicies", member: "policies" })?;
        let named = listed.policies.into_iter();
        Ok(named.filter_map(|policy| Some((policy.name.parse().ok()?, policy.rules))).collect())
    }

    /// Makes an own policy, or replaces its rules.
    pub async fn put_own_policy(&self, name: &PolicyName, rules: &[PolicyRule]) -> Result<(), LiveError> {
        let body = json!({ "rules": rules }).to_string();
        let (status, body) = self.own_api("PutOwnPolicy", "PUT", &format!("{PATH}/{name}"), body).await?;
        answer("PutOwnPolicy", status, body).map(|_| ())
    }

    async fn own_api(
        &self,
        operation: &'static str,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, String), LiveError> {
        let region = self.region().as_str();
        let content_type = "application/json";
        let endpoint = self.eks_endpoint();
        self.signed(Call { operation, endpoint, service: "eks", region, method, path, content_type, body }).await
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
