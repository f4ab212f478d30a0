//! The operations of the EKS API and the paths that lead to them.
//!
//! Clients percent-encode ARNs in paths; proxies sometimes decode them again. Both forms lead to the same operation
//! with the same parameters, and [`Target::signed_path`] gives the path as the client must have signed it.

use entryway_iam::sigv4::uri_encode;
use percent_encoding::percent_decode_str;

use super::error::Fault;
use super::outside::OUTSIDE;
use crate::audit;

/// What can be asked. The names are those of the service model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operation {
    ListAccessPolicies,
    CreateAccessEntry,
    DescribeAccessEntry,
    UpdateAccessEntry,
    DeleteAccessEntry,
    ListAccessEntries,
    AssociateAccessPolicy,
    DisassociateAccessPolicy,
    ListAssociatedAccessPolicies,
    CreateCluster,
    DescribeCluster,
    DeleteCluster,
    ListClusters,
    UpdateClusterConfig,
    UpdateClusterVersion,
    DescribeUpdate,
    ListUpdates,
    TagResource,
    UntagResource,
    ListTagsForResource,
    DescribeClusterVersions,
    // Entryway's own: access policies of one's own, the audit log, who signed in, all entries of a cluster at once.
    PutPolicy,
    GetPolicy,
    ListPolicies,
    DeletePolicy,
    ListAuditEvents,
    ListSignIns,
    DescribeAccessEntries,
    /// An operation of EKS that is not Entryway's (node groups, add-ons, …).
    Outside(&'static str),
}

impl Operation {
    /// The name, as in IAM's actions and in the audit log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::ListAccessPolicies => "ListAccessPolicies",
            Operation::CreateAccessEntry => "CreateAccessEntry",
            Operation::DescribeAccessEntry => "DescribeAccessEntry",
            Operation::UpdateAccessEntry => "UpdateAccessEntry",
            Operation::DeleteAccessEntry => "DeleteAccessEntry",
            Operation::ListAccessEntries => "ListAccessEntries",
            Operation::AssociateAccessPolicy => "AssociateAccessPolicy",
            Operation::DisassociateAccessPolicy => "DisassociateAccessPolicy",
            Operation::ListAssociatedAccessPolicies => "ListAssociatedAccessPolicies",
            Operation::CreateCluster => "CreateCluster",
            Operation::DescribeCluster => "DescribeCluster",
            Operation::DeleteCluster => "DeleteCluster",
            Operation::ListClusters => "ListClusters",
            Operation::UpdateClusterConfig => "UpdateClusterConfig",
            Operation::UpdateClusterVersion => "UpdateClusterVersion",
            Operation::DescribeUpdate => "DescribeUpdate",
            Operation::ListUpdates => "ListUpdates",
            Operation::TagResource => "TagResource",
            Operation::UntagResource => "UntagResource",
            Operation::ListTagsForResource => "ListTagsForResource",
            Operation::DescribeClusterVersions => "DescribeClusterVersions",
            Operation::PutPolicy => "PutPolicy",
            Operation::GetPolicy => "GetPolicy",
            Operation::ListPolicies => "ListPolicies",
            Operation::DeletePolicy => "DeletePolicy",
            Operation::ListAuditEvents => "ListAuditEvents",
            Operation::ListSignIns => "ListSignIns",
            Operation::DescribeAccessEntries => "DescribeAccessEntries",
            Operation::Outside(name) => name,
        }
    }

    /// Whether it is Entryway's own, not EKS's.
    fn is_own(self) -> bool {
        matches!(
            self,
            Operation::PutPolicy
                | Operation::GetPolicy
                | Operation::ListPolicies
                | Operation::DeletePolicy
                | Operation::ListAuditEvents
                | Operation::ListSignIns
                | Operation::DescribeAccessEntries
        )
    }

    /// IAM's action.
    pub(crate) fn action(self) -> String {
        format!("{}:{}", if self.is_own() { "entryway" } else { "eks" }, self.name())
    }

    /// `eventSource` of audit records.
    pub(crate) fn event_source(self) -> &'static str {
        if self.is_own() { audit::OWN } else { audit::EKS }
    }

    /// Whether it changes nothing.
    pub(crate) fn is_read(self) -> bool {
        ["List", "Describe", "Get"].iter().any(|start| self.name().starts_with(start))
    }

    /// The modelled error for a bad parameter: some operations do not model InvalidParameterException.
    pub(crate) fn bad_parameter(self) -> Fault {
        match self {
            Operation::TagResource | Operation::UntagResource | Operation::ListTagsForResource => Fault::BadRequest,
            Operation::DescribeAccessEntry
            | Operation::DeleteAccessEntry
            | Operation::DisassociateAccessPolicy
            | Operation::ListAssociatedAccessPolicies
            | Operation::DeleteCluster => Fault::InvalidRequest,
            _ => Fault::InvalidParameter,
        }
    }
}

/// An operation and the parameters of its path, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) operation: Operation,
    /// `clusterName`, or `name`.
    pub(crate) cluster: Option<String>,
    /// `principalArn`.
    pub(crate) principal: Option<String>,
    /// `policyArn`.
    pub(crate) policy: Option<String>,
    /// `updateId`.
    pub(crate) update: Option<String>,
    /// `resourceArn`.
    pub(crate) resource: Option<String>,
    /// The name of an own policy.
    pub(crate) own_policy: Option<String>,
}

impl Target {
    fn of(operation: Operation) -> Self {
        let (cluster, principal, policy, update, resource, own_policy) = (None, None, None, None, None, None);
        Target { operation, cluster, principal, policy, update, resource, own_policy }
    }

    /// The path with its ARNs percent-encoded once, as AWS's clients write and sign it; `None` where the path holds
    /// no ARN.
    pub(crate) fn signed_path(&self) -> Option<String> {
        if let Some(resource) = &self.resource {
            return Some(format!("/tags/{}", uri_encode(resource)));
        }
        let (cluster, principal) = (uri_encode(self.cluster.as_deref()?), uri_encode(self.principal.as_deref()?));
        let entry = format!("/clusters/{cluster}/access-entries/{principal}");
        Some(match (&self.policy, self.operation) {
            (Some(policy), _) => format!("{entry}/access-policies/{}", uri_encode(policy)),
            (None, Operation::AssociateAccessPolicy | Operation::ListAssociatedAccessPolicies) => {
                format!("{entry}/access-policies")
            }
            (None, _) => entry,
        })
    }
}

/// The operation of a method and raw path (up to `?`); `None` where EKS has none there.
pub(crate) fn route(method: &str, path: &str) -> Option<Target> {
    let path = path.strip_prefix('/')?;
    let (root, rest) = path.split_once('/').unwrap_or((path, ""));
    match (root, rest) {
        ("access-policies", "") => only(method, "GET", Operation::ListAccessPolicies),
        ("cluster-versions", "") => only(method, "GET", Operation::DescribeClusterVersions),
        ("clusters", "") => match method {
            "GET" => Some(Target::of(Operation::ListClusters)),
            "POST" => Some(Target::of(Operation::CreateCluster)),
            _ => None,
        },
        ("clusters", rest) => {
            let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let mut target = in_cluster(method, rest)?;
            target.cluster = Some(decode(name)?);
            Some(target)
        }
        ("tags", arn) if !arn.is_empty() => {
            let mut target = Target::of(match method {
                "GET" => Operation::ListTagsForResource,
                "POST" => Operation::TagResource,
                "DELETE" => Operation::UntagResource,
                _ => return None,
            });
            target.resource = Some(decode(arn)?);
            Some(target)
        }
        ("entryway", rest) => own(method, rest),
        _ => outside(method, &format!("{root}/{rest}")),
    }
}

/// What follows `/entryway/`.
fn own(method: &str, rest: &str) -> Option<Target> {
    let rest = rest.strip_prefix("v1/")?;
    if rest == "audit" {
        return only(method, "GET", Operation::ListAuditEvents);
    }
    if let Some(rest) = rest.strip_prefix("clusters/") {
        let (name, what) = rest.split_once('/').filter(|(name, _)| !name.is_empty())?;
        let mut target = match what {
            "sign-ins" => only(method, "GET", Operation::ListSignIns)?,
            "access-entries" => only(method, "GET", Operation::DescribeAccessEntries)?,
            _ => return None,
        };
        target.cluster = Some(decode(name)?);
        return Some(target);
    }
    let rest = rest.strip_prefix("policies")?;
    if rest.is_empty() {
        return only(method, "GET", Operation::ListPolicies);
    }
    let name = rest.strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('/'))?;
    let mut target = Target::of(match method {
        "GET" => Operation::GetPolicy,
        "PUT" => Operation::PutPolicy,
        "DELETE" => Operation::DeletePolicy,
        _ => return None,
    });
    target.own_policy = Some(decode(name)?);
    Some(target)
}

fn only(method: &str, wanted: &str, operation: Operation) -> Option<Target> {
    (method == wanted).then(|| Target::of(operation))
}

/// What follows `/clusters/NAME/`.
fn in_cluster(method: &str, rest: &str) -> Option<Target> {
    let (kind, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match (method, kind, rest) {
        ("GET", "", "") => Some(Target::of(Operation::DescribeCluster)),
        ("DELETE", "", "") => Some(Target::of(Operation::DeleteCluster)),
        ("POST", "update-config", "") => Some(Target::of(Operation::UpdateClusterConfig)),
        ("POST", "updates", "") => Some(Target::of(Operation::UpdateClusterVersion)),
        ("GET", "updates", "") => Some(Target::of(Operation::ListUpdates)),
        ("GET", "updates", id) if !id.contains('/') => {
            let mut target = Target::of(Operation::DescribeUpdate);
            target.update = Some(decode(id)?);
            Some(target)
        }
        ("GET", "access-entries", "") => Some(Target::of(Operation::ListAccessEntries)),
        ("POST", "access-entries", "") => Some(Target::of(Operation::CreateAccessEntry)),
        (_, "access-entries", rest) => in_entry(method, rest),
        (_, kind, rest) => outside(method, &format!("clusters/{{name}}/{kind}/{rest}")),
    }
}

/// What follows `…/access-entries/`: a principal, and perhaps its policies.
fn in_entry(method: &str, rest: &str) -> Option<Target> {
    let (principal, policy) = split_policy(rest);
    let operation = match (method, &policy) {
        ("GET", None) => Operation::DescribeAccessEntry,
        ("POST", None) => Operation::UpdateAccessEntry,
        ("DELETE", None) => Operation::DeleteAccessEntry,
        ("GET", Some("")) => Operation::ListAssociatedAccessPolicies,
        ("POST", Some("")) => Operation::AssociateAccessPolicy,
        ("DELETE", Some(policy)) if !policy.is_empty() => Operation::DisassociateAccessPolicy,
        _ => return None,
    };
    let mut target = Target::of(operation);
    target.principal = Some(decode(principal)?);
    if let Some(policy) = policy.filter(|policy| !policy.is_empty()) {
        target.policy = Some(decode(policy)?);
    }
    Some(target)
}

/// Takes `PRINCIPAL[/access-policies[/POLICY]]` apart; the policy is `Some("")` where the path ends before it.
fn split_policy(rest: &str) -> (&str, Option<&str>) {
    const POLICIES: &str = "access-policies";
    // Encoded, the principal has no `/` of its own.
    if let Some((principal, after)) = rest.split_once('/') {
        match after.strip_prefix(POLICIES) {
            Some("") if !names_kind_only(principal) => return (principal, Some("")),
            Some(after) if after.starts_with('/') && !names_kind_only(principal) => {
                return (principal, Some(after.trim_start_matches('/')));
            }
            _ => {}
        }
    }
    // Decoded, it has; a policy's ARN begins with `arn`, which no part of a principal's path is followed by.
    if let Some(at) = rest.rfind("/access-policies/arn") {
        let (principal, policy) = rest.split_at(at);
        return (principal, policy.strip_prefix("/access-policies/"));
    }
    match rest.strip_suffix("/access-policies") {
        // A role may be named `access-policies`.
        Some(principal) if !names_kind_only(principal) => (principal, Some("")),
        _ => (rest, None),
    }
}

/// Whether a decoded principal ends before its name: `…:role`, `…:user`.
fn names_kind_only(principal: &str) -> bool {
    principal.ends_with(":role") || principal.ends_with(":user")
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn outside(method: &str, path: &str) -> Option<Target> {
    let path = path.trim_end_matches('/');
    let fits = |pattern: &str| {
        let (mut left, mut right) = (pattern.split('/'), path.split('/'));
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(l), Some(r)) if l == r || (l == "*" && !r.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let (_, _, name) = OUTSIDE.iter().find(|(m, pattern, _)| *m == method && fits(pattern))?;
    Some(Target::of(Operation::Outside(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encoded_and_decoded_arns_route_alike() {
        let role = "arn:aws:iam::111122223333:role/team/x/Dev";
        let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
        for encode in [uri_encode as fn(&str) -> String, str::to_owned, |t| t.replace(':', "%3A")] {
            let entry = format!("/clusters/demo/access-entries/{}", encode(role));
            for (method, path, operation, has_policy) in [
                ("GET", entry.clone(), Operation::DescribeAccessEntry, false),
                ("POST", entry.clone(), Operation::UpdateAccessEntry, false),
                ("DELETE", entry.clone(), Operation::DeleteAccessEntry, false),
                ("GET", format!("{entry}/access-policies"), Operation::ListAssociatedAccessPolicies, false),
                ("POST", format!("{entry}/access-policies"), Operation::AssociateAccessPolicy, false),
                (
                    "DELETE",
                    format!("{entry}/access-policies/{}", encode(policy)),
                    Operation::DisassociateAccessPolicy,
                    true,
                ),
            ] {
                let target = route(method, &path).unwrap_or_else(|| panic!("{method} {path}"));
                assert_eq!(target.operation, operation, "{method} {path}");
                assert_eq!(target.cluster.as_deref(), Some("demo"));
                assert_eq!(target.principal.as_deref(), Some(role), "{path}");
                assert_eq!(target.policy.as_deref(), has_policy.then_some(policy), "{path}");
                // What the client signed, whatever a proxy made of it.
                let signed = target.signed_path().unwrap();
                assert!(!signed.contains(':'), "{signed}");
                assert_eq!(route(method, &signed), Some(target));
            }
        }
    }

    #[test]
    fn roles_named_like_parts_of_the_path() {
        let role = "arn:aws:iam::111122223333:role/access-policies";
        for encode in [uri_encode as fn(&str) -> String, str::to_owned] {
            let path = format!("/clusters/c/access-entries/{}", encode(role));
            let target = route("GET", &path).unwrap();
            assert_eq!((target.operation, target.principal.as_deref()), (Operation::DescribeAccessEntry, Some(role)));
            let target = route("GET", &format!("{path}/access-policies")).unwrap();
            assert_eq!(
                (target.operation, target.principal.as_deref()),
                (Operation::ListAssociatedAccessPolicies, Some(role))
            );
        }
        let deep = "arn:aws:iam::111122223333:role/access-policies/x";
        let target = route("DELETE", &format!("/clusters/c/access-entries/{deep}")).unwrap();
        assert_eq!((target.operation, target.principal.as_deref()), (Operation::DeleteAccessEntry, Some(deep)));
    }

    #[test]
    fn other_operations_are_known_by_name() {
        for (method, path, name) in [
            ("POST", "/clusters/demo/node-groups", "CreateNodegroup"),
            ("GET", "/clusters/demo/addons/coredns", "DescribeAddon"),
            ("GET", "/addons/supported-versions", "DescribeAddonVersions"),
            ("POST", "/clusters/demo/updates/u/cancel-update", "CancelUpdate"),
            ("DELETE", "/cluster-registrations/x", "DeregisterCluster"),
        ] {
            assert_eq!(route(method, path).map(|t| t.operation), Some(Operation::Outside(name)), "{method} {path}");
        }
        for (method, path) in [("GET", "/"), ("GET", ""), ("PUT", "/clusters"), ("GET", "/nothing"), ("GET", "/tags/")]
        {
            assert_eq!(route(method, path), None, "{method} {path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_routes_or_does_not(method in "GET|POST|DELETE", path in "/(clusters|tags|x)?[ -~]{0,80}") {
            if let Some(target) = route(&method, &path) && let Some(signed) = target.signed_path() {
                prop_assert!(route(&method, &signed).is_some());
            }
        }
    }
}
