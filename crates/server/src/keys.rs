//! Where the control plane's own records lie in the store (`docs/architecture.md` has the table).

use std::fmt::Display;

use entryway_access::{AccountId, Partition, Region};

/// An account in a region: what a request of the EKS API is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The caller's account.
    pub(crate) account: AccountId,
    /// The region of the request's credential scope.
    pub(crate) region: Region,
}

impl Place {
    /// The region's partition.
    pub(crate) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// `arn:P:eks:REGION:ACCOUNT:RESOURCE`.
    pub(crate) fn arn(&self, resource: impl Display) -> String {
        format!("arn:{}:eks:{}:{}:{resource}", self.partition(), self.region, self.account)
    }

    fn root(&self) -> String {
        format!("{CLUSTERS_ROOT}{}/{}/", self.account, self.region)
    }
    /// Greater than all keys of the place.
    pub(crate) fn after_all(&self) -> String {
        format!("{}\u{10ffff}", self.root())
    }
    /// The prefix of all clusters.
    pub(crate) fn clusters(&self) -> String {
        format!("{}clusters/", self.root())
    }
    /// A cluster.
    pub(crate) fn cluster(&self, name: &str) -> String {
        format!("{}{name}", self.clusters())
    }
    /// The prefix of a cluster's entries.
    pub(crate) fn entries(&self, cluster: &str) -> String {
        format!("{}entries/{cluster}/", self.root())
    }
    /// An entry.
    pub(crate) fn entry(&self, cluster: &str, principal: &str) -> String {
        format!("{}{principal}", self.entries(cluster))
    }
    /// The prefix of what a cluster's principals are known by.
    pub(crate) fn names(&self, cluster: &str) -> String {
        format!("{}names/{cluster}/", self.root())
    }
    /// Holds the ARN that an entry was last made for under a principal's name without its path. Written with every
    /// new entry, so that of two of one name made at the same time one fails.
    pub(crate) fn name(&self, cluster: &str, without_path: &str) -> String {
        format!("{}{without_path}", self.names(cluster))
    }
    /// The prefix of a cluster's updates.
    pub(crate) fn updates(&self, cluster: &str) -> String {
        format!("{}updates/{cluster}/", self.root())
    }
    /// An update.
    pub(crate) fn update(&self, cluster: &str, id: &str) -> String {
        format!("{}{id}", self.updates(cluster))
    }
    /// What a client request token stands for. `token` is a hash: tokens hold any character.
    pub(crate) fn request(&self, operation: &str, token: &str) -> String {
        format!("{}requests/{operation}/{token}", self.root())
    }
    /// The prefix of the entries of all clusters.
    pub(crate) fn all_entries(&self) -> String {
        format!("{}entries/", self.root())
    }
    /// The prefix of one's own access policies.
    pub(crate) fn policies(&self) -> String {
        format!("{}policies/", self.root())
    }
    /// One's own access policy.
    pub(crate) fn policy(&self, name: &str) -> String {
        format!("{}{name}", self.policies())
    }
    /// Written whenever an own policy is associated, so that deleting it at the same time fails.
    pub(crate) fn policy_use(&self, name: &str) -> String {
        format!("{}policy-uses/{name}", self.root())
    }
}

/// The prefix of everything of the EKS API, all accounts and regions.
pub(crate) const CLUSTERS_ROOT: &str = "/eks/";
/// The secret that pagination tokens are signed with.
pub(crate) const PAGE_SECRET: &str = "/server/page-secret";
/// The prefix of deleted clusters whose objects are still to be removed, by cluster id.
pub(crate) const GONE: &str = "/server/gone/";
/// The prefix of the keys that sign service-account tokens, by cluster id.
pub(crate) const TOKEN_KEYS: &str = "/server/token-keys/";
/// The prefix of who signed in to clusters, by cluster id: `head`, and `SOURCE/PRINCIPAL` for each.
pub(crate) const SIGN_INS: &str = "/server/sign-ins/";
/// The prefix of audit records.
pub(crate) const AUDIT: &str = "/audit/";

/// The account and region in a key of the EKS API.
pub(crate) fn place_of(key: &str) -> Option<Place> {
    let mut parts = key.strip_prefix(CLUSTERS_ROOT)?.split('/');
    Some(Place { account: parts.next()?.parse().ok()?, region: parts.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let place = Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let entry = place.entry("demo", "arn:aws:iam::111122223333:role/x");
        assert_eq!(place_of(&entry), Some(place.clone()));
        assert!(place.after_all() > entry);
        assert_eq!(place_of(PAGE_SECRET), None);
    }
}
