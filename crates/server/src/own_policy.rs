//! Users' own access policies as they are stored: `…/policies/NAME`. Reading them is all that is needed yet; writing
//! them comes with `entryway policies put`.

use std::sync::Arc;

use entryway_access::{AccessPolicy, PolicyArn, PolicyName, PolicyRule, PolicyRules};
use serde::Deserialize;

use crate::keys::Place;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    rules: Vec<PolicyRule>,
}

/// The ARN of the policy that is kept under a key.
pub(crate) fn arn(place: &Place, key: &str) -> Option<PolicyArn> {
    let name: PolicyName = key.strip_prefix(&place.policies())?.parse().ok()?;
    let (region, account) = (place.region.clone(), place.account.clone());
    Some(PolicyArn::Own { partition: place.partition(), region, account, name })
}

/// Reads a stored policy.
pub(crate) fn parse(name: &PolicyName, bytes: &[u8]) -> Result<AccessPolicy, String> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(AccessPolicy {
        name: name.clone(),
        rules: PolicyRules::Known(Arc::from(stored.rules)),
        service_linked_only: false,
        source: "own policy".to_owned(),
    })
}
