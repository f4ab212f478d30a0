//! Trust policies: what has to be true when one is set, and what of one is still in force.
//!
//! IAM keeps the unique ids of the principals that a trust policy names, so that a role or user that is deleted and
//! made again under the same ARN is not trusted for its name alone. Here the ids stand beside the text.

use std::collections::BTreeMap;

use entryway_access::PrincipalArn;
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
            // No partition trusts another.
            if principal.partition().is_some_and(|partition| partition != self.partition()) {
                return Err(invalid(&principal.to_string()));
            }
            let AwsPrincipal::Principal(arn) = principal else { continue };
            match self.directory().principal_status(arn).await? {
                PrincipalStatus::Exists(id) => {
                    trusted.insert(arn.to_string(), id);
                }
                PrincipalStatus::Elsewhere => {}
                PrincipalStatus::Absent => return Err(invalid(arn.as_str())),
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

    /// The trust policy of a role as it concerns this caller with this unique id. `None`: no statement is left.
    pub fn trust_for(
        &self,
        role: &Role,
        caller: &PrincipalArn,
        caller_id: &str,
    ) -> Result<Option<TrustPolicy>, DirectoryError> {
        let corrupt = |problem: String| DirectoryError::Corrupt { key: self.arn(role), problem };
        let mut text = role.trust.clone();
        for (arn, id) in &role.trusted {
            // By name, as policies are matched: one made again may have another path, too.
            let names_caller = arn.parse::<PrincipalArn>().is_ok_and(|named| named.same_principal(caller));
            if names_caller && id != caller_id {
                match without_principal(&text, arn).map_err(|error| corrupt(error.to_string()))? {
                    Some(left) => text = left,
                    None => return Ok(None),
                }
            }
        }
        TrustPolicy::parse(&text).map(Some).map_err(|error| corrupt(error.to_string()))
    }
}

fn invalid(arn: &str) -> DirectoryError {
    DirectoryError::MalformedPolicyDocument(format!("Invalid principal in policy: \"AWS\":\"{arn}\""))
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
        if take_name(statement, "NotPrincipal", arn) {
            // Nobody is spared any more.
            if let Some(members) = statement.as_object_mut() {
                members.remove("NotPrincipal");
                members.insert("Principal".to_owned(), Value::from("*"));
            }
        }
        !take_name(statement, "Principal", arn)
    });
    if statements.is_empty() {
        return Ok(None);
    }
    *statement = Value::Array(statements);
    serde_json::to_string(&policy).map(Some)
}

/// Takes a name out of a statement's `Principal` or `NotPrincipal`; whether nobody is named there any more.
fn take_name(statement: &mut Value, member: &str, arn: &str) -> bool {
    let Some(kinds) = statement.get_mut(member).and_then(Value::as_object_mut) else { return false };
    let Some(names) = kinds.get_mut("AWS") else { return false };
    if *names == *arn {
        *names = Value::Array(Vec::new());
    } else if let Value::Array(names) = names {
        names.retain(|name| name != arn);
    }
    if *names == Value::Array(Vec::new()) {
        kinds.remove("AWS");
    }
    kinds.is_empty()
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
        let spared = format!(r#"{{"Statement":{{"Effect":"Deny","NotPrincipal":{{"AWS":["{DEV}"]}}}}}}"#);
        let left = serde_json::json!({"Statement": [{"Effect": "Deny", "Principal": "*"}]});
        assert_eq!(without(&spared), Some(left));
    }
}
