//! Carries out the steps of a plan on one cluster, one after the other. Each may be made twice: what is already so is
//! done. The first that fails is the last.

use std::time::Duration;

use entryway_access::{AuthenticationMode, PrincipalArn};
use entryway_plan::{Action, ObjectKind, Step};
use serde_json::Value;
use tokio::time::sleep;

use crate::{Aws, EntryChange, Kubernetes, LiveError, NewEntry, Scope};

/// Between two looks at an update that EKS carries out in its own time; a control plane on this machine is done at
/// once, EKS takes minutes.
const PAUSE_LOCAL: Duration = Duration::from_millis(50);
const PAUSE_AWS: Duration = Duration::from_secs(5);
/// How often another update's end is waited for.
const PATIENCE: u32 = 120;
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// How far it came.
#[derive(Debug)]
pub struct CarriedOut {
    /// The number of steps that are done, from the first.
    pub done: usize,
    /// Why the next one is not.
    pub failed: Option<LiveError>,
}

/// One cluster with what its steps need.
#[derive(Debug)]
pub struct Hand<'a> {
    /// Its EKS API.
    pub aws: &'a Aws,
    /// Its Kubernetes API; absent where no step needs it.
    pub kubernetes: Option<&'a Kubernetes>,
    /// Its name.
    pub cluster: &'a str,
}

/// Whether a step goes to the Kubernetes API.
pub fn needs_kubernetes(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step.action, Action::PutObject { .. } | Action::DeleteObject { .. }))
}

impl Hand<'_> {
    /// Carries the steps out. `goes_on` is asked before each one: `false` stops there, with nothing half done.
    pub async fn carry_out(&self, steps: &[Step], mut goes_on: impl FnMut(&Step) -> bool) -> CarriedOut {
        for (done, step) in steps.iter().enumerate() {
            if !goes_on(step) {
                return CarriedOut { done, failed: None };
            }
            if let Err(error) = self.one(step).await {
                return CarriedOut { done, failed: Some(error) };
            }
        }
        CarriedOut { done: steps.len(), failed: None }
    }

    async fn one(&self, step: &Step) -> Result<(), LiveError> {
        let (aws, cluster, token) = (self.aws, self.cluster, Some(step.token.as_str()));
        match &step.action {
            Action::SetMode { to, .. } => self.set_mode(*to, &step.token).await,
            Action::PutObject { object } => {
                let kubernetes = self.kubernetes()?;
                kubernetes.apply(&object_path(object)?, object).await.map(|_| ())
            }
            Action::DeleteObject { kind, namespace, name } => {
                let path = path(*kind, namespace.as_deref(), name);
                gone(self.kubernetes()?.delete(&path).await.map(|_| ()))
            }
            Action::PutPolicy { name, rules } => aws.put_own_policy(name, rules).await,
            Action::CreateEntry { principal, kind, username, groups, tags, may_exist } => {
                let new = NewEntry {
                    principal_arn: principal.to_string(),
                    kind: Some(kind.as_str().to_owned()),
                    username: username.clone(),
                    groups: groups.clone(),
                    tags: tags.clone(),
                };
                match aws.create_entry_once(cluster, &new, token).await {
                    Ok(_) => Ok(()),
                    Err(error) if error.is_in_use() => {
                        let there = aws.describe_entry(cluster, principal.as_str()).await?;
                        let same_groups = sorted(&there.kubernetes_groups) == sorted(groups);
                        let same_name = username.as_ref().is_none_or(|name| *name == there.username);
                        let same = there.kind == kind.as_str() && (*may_exist || (same_groups && same_name));
                        if same { self.tag(principal, &there.access_entry_arn, tags).await } else { Err(error) }
                    }
                    Err(error) => Err(error),
                }
            }
            Action::UpdateEntry { principal, username, groups } => {
                let change = EntryChange { groups: Some(groups.clone()), username: Some(username.clone()) };
                aws.update_entry_once(cluster, principal.as_str(), &change, token).await
            }
            Action::TagEntry { principal, entry_arn, tags } => self.tag(principal, entry_arn, tags).await,
            Action::UntagEntry { principal, entry_arn, keys } => {
                let arn = self.entry_arn(principal, entry_arn).await?;
                gone(aws.untag(&arn, keys).await)
            }
            Action::AssociatePolicy { principal, policy, scope } => {
                aws.associate(cluster, principal.as_str(), &policy.to_string(), &Scope::from(scope)).await
            }
            Action::DisassociatePolicy { principal, policy } => {
                gone(aws.disassociate(cluster, principal.as_str(), &policy.to_string()).await)
            }
            Action::DeleteEntry { principal } => gone(aws.delete_entry(cluster, principal.as_str()).await),
        }
    }

    fn kubernetes(&self) -> Result<&Kubernetes, LiveError> {
        self.kubernetes.ok_or_else(|| {
            LiveError::Setting(format!("the Kubernetes API of the cluster `{}` can't be reached", self.cluster))
        })
    }

    async fn tag(
        &self,
        principal: &PrincipalArn,
        entry_arn: &str,
        tags: &std::collections::BTreeMap<String, String>,
    ) -> Result<(), LiveError> {
        if tags.is_empty() {
            return Ok(());
        }
        let arn = self.entry_arn(principal, entry_arn).await?;
        self.aws.tag(&arn, tags).await
    }

    async fn entry_arn(&self, principal: &PrincipalArn, known: &str) -> Result<String, LiveError> {
        if !known.is_empty() {
            return Ok(known.to_owned());
        }
        Ok(self.aws.describe_entry(self.cluster, principal.as_str()).await?.access_entry_arn)
    }

    /// Asks for the mode and waits until it is in force; an update that is under way is waited for first.
    async fn set_mode(&self, to: AuthenticationMode, token: &str) -> Result<(), LiveError> {
        let pause = if self.aws.is_aws() { PAUSE_AWS } else { PAUSE_LOCAL };
        for _ in 0..PATIENCE {
            let there = self.aws.describe_cluster(self.cluster).await?;
            if there.mode()? == to {
                return Ok(());
            }
            let asked = match there.status.as_str() {
                "UPDATING" => None,
                _ => match self.aws.update_mode_once(self.cluster, to, Some(token)).await {
                    Ok(update) => Some(update),
                    Err(error) if error.is_in_use() => None,
                    Err(error) => return Err(error),
                },
            };
            let Some(update) = asked else {
                sleep(pause).await;
                continue;
            };
            let done = self.aws.wait_for_update(self.cluster, &update.id, pause).await?;
            if done.status != "Successful" {
                return Err(LiveError::Setting(format!("the update {} ended as {}", done.id, done.status)));
            }
        }
        Err(LiveError::Setting(format!("the mode of the cluster `{}` did not become {to} in time", self.cluster)))
    }
}

/// What is not there any more is gone, as it is to be.
fn gone(outcome: Result<(), LiveError>) -> Result<(), LiveError> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

fn sorted(groups: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = groups.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}

fn path(kind: ObjectKind, namespace: Option<&str>, name: &str) -> String {
    let name = entryway_iam::sigv4::uri_encode(name);
    match (kind, namespace) {
        (ObjectKind::ClusterRole, _) => format!("{RBAC}/clusterroles/{name}"),
        (ObjectKind::ClusterRoleBinding, _) => format!("{RBAC}/clusterrolebindings/{name}"),
        (ObjectKind::RoleBinding, namespace) => {
            format!("{RBAC}/namespaces/{}/rolebindings/{name}", namespace.unwrap_or("default"))
        }
    }
}

/// Where a manifest of a plan goes. A saved plan is a file that anybody may have written: only the kinds that plans
/// hold are taken.
fn object_path(object: &Value) -> Result<String, LiveError> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let kind = match text("/kind") {
        Some("ClusterRole") => ObjectKind::ClusterRole,
        Some("ClusterRoleBinding") => ObjectKind::ClusterRoleBinding,
        Some("RoleBinding") => ObjectKind::RoleBinding,
        other => {
            return Err(LiveError::Setting(format!(
                "a plan makes no object of the kind `{}`",
                other.unwrap_or_default()
            )));
        }
    };
    let name = text("/metadata/name").ok_or_else(|| LiveError::Setting("an object of the plan has no name".into()))?;
    Ok(path(kind, text("/metadata/namespace"), name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_objects_that_plans_hold() {
        let object = |kind: &str| json!({ "kind": kind, "metadata": { "name": "entryway:a:b", "namespace": "n" } });
        let binding = object_path(&object("RoleBinding")).unwrap();
        assert_eq!(binding, format!("{RBAC}/namespaces/n/rolebindings/entryway%3Aa%3Ab"));
        assert!(object_path(&object("ClusterRole")).unwrap().starts_with(&format!("{RBAC}/clusterroles/")));
        for bad in [object("Secret"), json!({}), json!({ "kind": "ClusterRole" }), json!([])] {
            assert!(object_path(&bad).is_err(), "{bad}");
        }
    }
}
