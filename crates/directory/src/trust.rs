//! Trust policies: what has to be true when one is set, and what of one is still in force.
//!
//! IAM keeps the unique ids of the principals that a trust policy names, so that a role or user that is deleted and
//! made again under the same ARN is not trusted for its name alone. Here the ids stand beside the text.

use std::collections::BTreeMap;

use entryway_iam::policy::{AwsPrincipal, TrustPolicy, counted_size};
use serde_json::Value;

use crate::{Account, DirectoryError, PrincipalStatus, Role, check_document};

/// The most characters of a trust policy, white space apart.
const TRUST_SIZE: usize = 2048;

impl Account {
    /// Checks a trust policy, and gives the local principals that it names with their unique ids.
    pub(crate) async fn check_trust(
        &self,
        parameter: &str,
        text: &str,
    ) -> Result<BTreeMap<String, String>, DirectoryError> {
        check_document(parameter, text)?;
        let policy = TrustPolicy::parse(text)?;
        if counted_size(text) > TRUST_SIZE {
            return Err(DirectoryError::quota("ACLSizePerRole", TRUST_SIZE));
        }
        let mut trusted = BTreeMap::new();
        for principal in policy.aws_principals() {
            let AwsPrincipal::Principal(arn) = principal else { continue };
            match self.directory().principal_status(arn).await? {
                PrincipalStatus::Exists(id) => {
                    trusted.insert(arn.to_string(), id);
                }
                PrincipalStatus::Elsewhere => {}
                PrincipalStatus::Absent => {
                    return Err(DirectoryError::MalformedPolicyDocument(format!(
                        "Invalid principal in policy: \"AWS\":\"{arn}\""
                    )));
                }
            }
        }
        Ok(trusted)
    }

    /// The trust policy of a role as IAM shows it: a principal that is gone, or was made again, by the unique id that
    /// is trusted.
    pub async fn trust_shown(&self, role: &Role) -> Result<String, DirectoryError> {
        let mut text = role.trust.clone();
        for (arn, id) in &role.trusted {
            let Ok(principal) = arn.parse() else { continue };
            match self.directory().principal_status(&principal).await? {
                PrincipalStatus::Exists(now) if now == *id => {}
                PrincipalStatus::Elsewhere => {}
                PrincipalStatus::Exists(_) | PrincipalStatus::Absent => text = with_id(&text, arn, id),
            }
        }
        Ok(text)
    }

    /// The trust policy of a role as it concerns a caller with this ARN (with its path) and unique id. `None`: no
    /// statement is left.
    pub fn trust_for(
        &self,
        role: &Role,
        caller_arn: &str,
        caller_id: &str,
    ) -> Result<Option<TrustPolicy>, DirectoryError> {
        let corrupt = |problem: String| DirectoryError::Corrupt { key: self.arn(role), problem };
        let replaced = role.trusted.get(caller_arn).is_some_and(|trusted| trusted != caller_id);
        let text = if replaced {
            match without_principal(&role.trust, caller_arn).map_err(|error| corrupt(error.to_string()))? {
                Some(text) => text,
                None => return Ok(None),
            }
        } else {
            role.trust.clone()
        };
        TrustPolicy::parse(&text).map(Some).map_err(|error| corrupt(error.to_string()))
    }
}

/// Puts an id in the place of an ARN wherever the ARN is a whole JSON string.
fn with_id(text: &str, arn: &str, id: &str) -> String {
    text.replace(&format!("\"{arn}\""), &format!("\"{id}\""))
}

/// The policy as if `arn` were not named in any `Principal`. Statements that name nobody else are left out.
fn without_principal(text: &str, arn: &str) -> Result<Option<String>, serde_json::Error> {
    let mut policy: Value = serde_json::from_str(text)?;
    let Some(statement) = policy.get_mut("Statement") else { return Ok(None) };
    let mut statements = match statement.take() {
        Value::Array(list) => list,
        one => vec![one],
    };
    statements.retain_mut(|statement| {
        let Some(aws) = statement.get_mut("Principal").and_then(|principal| principal.get_mut("AWS")) else {
            return true;
        };
        if *aws == *arn {
            *aws = Value::Array(Vec::new());
        } else if let Value::Array(names) = aws {
            names.retain(|name| name != arn);
        }
        if *aws != Value::Array(Vec::new()) {
            return true;
        }
        let Some(principal) = statement.get_mut("Principal").and_then(Value::as_object_mut) else { return false };
        principal.remove("AWS");
        !principal.is_empty()
    });
    if statements.is_empty() {
        return Ok(None);
    }
    *statement = Value::Array(statements);
    serde_json::to_string(&policy).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "arn:aws:iam::111122223333:role/Dev";

    fn without(text: &str) -> Option<Value> {
        without_principal(text, DEV).unwrap().map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_replaced_principal_is_taken_out() {
        let alone = format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{DEV}"}}}}}}"#);
        assert_eq!(without(&alone), None);
        let list =
            format!(r#"{{"Statement":[{{"Principal":{{"AWS":["{DEV}","x"]}}}},{{"Principal":{{"AWS":["{DEV}"]}}}}]}}"#);
        assert_eq!(without(&list), Some(serde_json::json!({"Statement": [{"Principal": {"AWS": ["x"]}}]})));
        let service =
            format!(r#"{{"Statement":[{{"Principal":{{"AWS":"{DEV}","Service":"s"}}}},{{"Principal":"*"}}]}}"#);
        let left = serde_json::json!({"Statement": [{"Principal": {"Service": "s"}}, {"Principal": "*"}]});
        assert_eq!(without(&service), Some(left));
    }
}
