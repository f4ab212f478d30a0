//! What files declare, in one form for all formats, before it is resolved against the world.

use std::collections::BTreeMap;

use entryway_access::{
    AccessScope, AccountId, AuthenticationMode, AwsAuth, AwsAuthProblem, ClusterName, EntryType, PolicyArn, PolicyName,
    PolicyRule, PrincipalArn, PrincipalKind, RbacObjects, Region,
};
use jiff::{SignedDuration, Timestamp};

use crate::{Place, Placed};

/// All that one or more files declare.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Clusters and their entries, in the order of the text.
    pub clusters: Vec<DeclaredCluster>,
    /// Users' own policies, by name.
    pub policies: Vec<OwnPolicy>,
    /// Principals that no plan may remove without being told to.
    pub protected: Vec<Placed<PrincipalRef>>,
}

/// Which cluster (or clusters) a declaration is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterSelector {
    /// One, by name; region and account where the text says them, else the caller's.
    Named {
        /// Its name.
        name: ClusterName,
        /// Its region.
        region: Option<Region>,
        /// Its account.
        account: Option<AccountId>,
    },
    /// All that carry these tags.
    Tagged {
        /// Tags that all have to be there, with these values.
        tags: BTreeMap<String, String>,
        /// Only of this region.
        region: Option<Region>,
        /// Only of this account.
        account: Option<AccountId>,
    },
    /// The text does not say (a Terraform module's cluster that is made in the same plan).
    Unknown {
        /// What to call it (a resource address).
        label: String,
        /// Why.
        reason: String,
    },
}

/// A cluster as declared.
#[derive(Debug, Clone)]
pub struct DeclaredCluster {
    /// Which.
    pub selector: Placed<ClusterSelector>,
    /// Its mode, where declared.
    pub mode: Option<Placed<AuthenticationMode>>,
    /// Its entries, in the order of the text.
    pub entries: Vec<DeclaredEntry>,
    /// aws-auth, where the text holds one.
    pub aws_auth: Option<DeclaredAwsAuth>,
    /// RBAC objects, where the text holds some.
    pub rbac: RbacObjects,
}

/// aws-auth as it stands in a file: parsed by the core, places shifted to the file.
#[derive(Debug, Clone)]
pub struct DeclaredAwsAuth {
    /// What is in force of it.
    pub map: AwsAuth,
    /// What is wrong in it, with places of the file.
    pub problems: Vec<(AwsAuthProblem, Option<Place>)>,
    /// Place of each element of `map.roles` and then `map.users`.
    pub places: Vec<Option<Place>>,
}

/// Who an entry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalRef {
    /// An ARN.
    Arn(PrincipalArn),
    /// A role or user of the cluster's own account, whichever that is: `role/Admin`.
    InAccount(PrincipalKind),
    /// An IAM Identity Center permission set, by name: the role `AWSReservedSSO_<set>_<16 hex>` of an account.
    SsoPermissionSet {
        /// The set's name.
        name: String,
        /// The account; the cluster's where absent.
        account: Option<AccountId>,
        /// The region of Identity Center, where given.
        region: Option<Region>,
    },
    /// An IAM group: each of its users.
    IamGroup {
        /// The group's name.
        name: String,
        /// The account; the cluster's where absent.
        account: Option<AccountId>,
    },
    /// The text does not say.
    Unknown {
        /// What to call it (a for_each key, an expression).
        label: String,
        /// Why.
        reason: String,
    },
}

/// Which policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyRef {
    /// An ARN of AWS's catalogue or of a user's own. A name that the catalogue lacks is kept (AWS adds some);
    /// the reader has warned with the nearest.
    Arn(PolicyArn),
    /// One of [`Declared::policies`].
    Own(PolicyName),
    /// The text does not say.
    Unknown {
        /// What to call it.
        label: String,
        /// Why.
        reason: String,
    },
}

/// When a grant ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At a time.
    At(Timestamp),
    /// So long after it is first applied.
    For(SignedDuration),
}

/// An association as declared.
#[derive(Debug, Clone)]
pub struct DeclaredPolicy {
    /// The policy.
    pub policy: Placed<PolicyRef>,
    /// Where.
    pub scope: Placed<AccessScope>,
    /// Until when.
    pub expires: Option<Placed<Expiry>>,
}

/// An access entry as declared.
#[derive(Debug, Clone)]
pub struct DeclaredEntry {
    /// What the file calls it: a map's key, a resource's address, a grant's name.
    pub label: String,
    /// Whose.
    pub principal: Placed<PrincipalRef>,
    /// Its type.
    pub kind: Placed<EntryType>,
    /// A username of one's own; absent where EKS's default is meant. Checked by the core when it is planned.
    pub username: Option<Placed<String>>,
    /// Groups; absent where nothing is said of them, which is not the same as none.
    pub groups: Option<Vec<Placed<String>>>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Policies.
    pub policies: Vec<DeclaredPolicy>,
    /// Until when the entry maps anybody.
    pub expires: Option<Placed<Expiry>>,
    /// Where it stands.
    pub place: Option<Place>,
}

/// A user's own policy.
#[derive(Debug, Clone)]
pub struct OwnPolicy {
    /// Its name.
    pub name: Placed<PolicyName>,
    /// Its rules, in RBAC's words.
    pub rules: Vec<PolicyRule>,
    /// A line for people.
    pub description: Option<String>,
}

impl Declared {
    /// Takes a cluster in. One that is there already (the same selector) gets its entries, mode, aws-auth
    /// and RBAC as well; what stood there first stays where both say something.
    pub fn add_cluster(&mut self, cluster: DeclaredCluster) {
        let same = |known: &&mut DeclaredCluster| known.selector.value == cluster.selector.value;
        match self.clusters.iter_mut().find(same) {
            None => self.clusters.push(cluster),
            Some(known) => {
                known.mode = known.mode.take().or(cluster.mode);
                known.entries.extend(cluster.entries);
                known.aws_auth = known.aws_auth.take().or(cluster.aws_auth);
                known.rbac.roles.extend(cluster.rbac.roles);
                known.rbac.bindings.extend(cluster.rbac.bindings);
            }
        }
    }
}
