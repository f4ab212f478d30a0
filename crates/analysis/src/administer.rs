//! What it takes to administer a cluster: the one place that says so.

use entryway_access::{Attributes, Request, Resource, Snapshot, UserInfo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How somebody administers a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Administers {
    /// By every verb on every resource.
    Everything,
    /// By binding any role to itself.
    Bind,
    /// By writing into a role what it does not have.
    Escalate,
    /// By taking the place of `system:masters`.
    Impersonate,
    /// By writing the aws-auth ConfigMap, in the modes that have it.
    AwsAuth,
}

const RBAC: &str = "rbac.authorization.k8s.io";
/// A name that no rule has: only a rule for all names allows it.
const ANY: &str = crate::question::FRESH;

/// Whether a user (with all its groups) can do everything in a cluster, or give itself the right to.
pub fn administers(state: &Snapshot, user: &UserInfo, now: Timestamp) -> Option<Administers> {
    let may = |verb, group, resource, namespace, name| {
        let resource = Resource { group, resource, subresource: "", namespace, name };
        let attributes = Attributes::Resource { verb, resource };
        state.decide(&Request { user, attributes }, now).is_allowed()
    };
    let may_any =
        |verbs: &[&'static str], group, resource, name| verbs.iter().any(|verb| may(verb, group, resource, "", name));
    if may(ANY, ANY, ANY, "", ANY) {
        return Some(Administers::Everything);
    }
    if may("bind", RBAC, "clusterroles", "", "cluster-admin")
        && may_any(&["create", "update", "patch"], RBAC, "clusterrolebindings", ANY)
    {
        return Some(Administers::Bind);
    }
    if may("escalate", RBAC, "clusterroles", "", ANY) && may_any(&["update", "patch"], RBAC, "clusterroles", ANY) {
        return Some(Administers::Escalate);
    }
    if may("impersonate", "", "users", "", ANY) && may("impersonate", "", "groups", "", "system:masters") {
        return Some(Administers::Impersonate);
    }
    let writes_aws_auth =
        ["update", "patch"].into_iter().any(|verb| may(verb, "", "configmaps", "kube-system", "aws-auth"));
    (state.mode().has_config_map() && writes_aws_auth).then_some(Administers::AwsAuth)
}
