//! Numbers of an account.

use super::super::xml::Xml;
use super::super::{QueryError, Success};
use super::Call;

pub(super) async fn get(call: &Call<'_>) -> Result<Success, QueryError> {
    call.authorize("*", "*", |_| {})?;
    let counts = call.account().counts().await?;
    let numbers = [
        ("AccessKeysPerUserQuota", 2),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("Groups", counts.groups),
        ("Policies", counts.policies),
        ("PolicySizeQuota", 6144),
        ("Roles", counts.roles),
        ("Users", counts.users),
        ("VersionsPerPolicyQuota", 5),
    ];
    let mut xml = Xml::result();
    xml.nest("SummaryMap", |map| {
        for (key, value) in numbers {
            map.nest("entry", |entry| {
                entry.leaf("key", key).leaf("value", value);
            });
        }
    });
    Ok(Success::of(xml))
}
