//! Users' own policies, through Entryway's own API (`/entryway/v1/policies`). EKS has none.

use std::collections::BTreeMap;

use entryway_access::{AccessPolicy, PolicyArn, PolicyCatalogue, PolicyName, PolicyRule, PolicyRules};
use entryway_iam::sigv4::uri_encode;
use serde::Deserialize;
use serde_json::json;

use crate::{Aws, LiveError};

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
            let Some(page) = self.own_page::<Listed>(LIST, PATH, &query).await? else { return Ok(all) };
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
        self.own_change("PutPolicy", "PUT", &path_of(name), body).await
    }

    /// Deletes an own policy, which no entry may have.
    pub async fn delete_own_policy(&self, name: &PolicyName) -> Result<(), LiveError> {
        self.own_change("DeletePolicy", "DELETE", &path_of(name), String::new()).await
    }
}
