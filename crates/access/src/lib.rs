//! The core of Entryway: who a principal is in a cluster, what it may do there, and why.
//!
//! Values in, values out: no I/O, no clock (time is an argument), no global state. The same code decides
//! for the webhook, the sandbox, the command line and the console.
//!
//! The way through: raw text becomes typed values at the edge ([`Arn`], [`PrincipalArn`], [`AccessScope`],
//! …: what exists is valid); a [`ClusterModel`] gathers what is in force on one cluster; it is compiled
//! into a [`Snapshot`]; a [`Caller`] (what STS says) becomes an [`Identity`] by [`Snapshot::identity`];
//! a [`Request`] is answered by [`Snapshot::decide`].

mod aggregation;
mod arn;
mod aws_auth;
mod cluster;
mod creator;
mod decide;
mod edit_distance;
mod end_tag;
mod entry;
mod entry_index;
mod explain;
mod grants;
mod identity;
mod mapping;
mod name_table;
mod placements;
mod policy;
mod principal;
mod rbac;
mod rbac_read;
mod request;
mod rule_table;
mod rules;
mod scope;
mod sketch;
mod snapshot;
mod standing;
mod template;
mod yaml;

pub use arn::{AccountId, Arn, ArnError, Partition, Region};
pub use aws_auth::{AwsAuth, AwsAuthProblem, MappedPrincipal, Mapping, Position};
pub use cluster::{AuthenticationMode, ClusterArn, ClusterName, ModeStepError};
pub use creator::BootstrapCreator;
pub use decide::{Decision, RbacGrant, Reason};
pub use edit_distance::edit_distance;
pub use end_tag::{EXPIRES_AT, EXPIRES_POLICY, EndError, end_of, expires_key, parse_end};
pub use entry::{AccessEntry, Association, EntryError, EntryType, GroupName, Username};
pub use explain::{BindingOutcome, Candidate, CandidateOutcome, Considered, EntryMiss, Explanation, PolicyOutcome};
pub use identity::{Caller, CallerError, Identity, IdentitySource, UserInfo};
pub use policy::{AccessPolicy, PolicyArn, PolicyCatalogue, PolicyName, PolicyRules};
pub use principal::{PrincipalArn, PrincipalKind};
pub use rbac::{
    Binding, BindingKind, PolicyRule, RbacObjects, RbacProblem, Role, RoleKind, RoleRef, Subject, bootstrap_rbac,
};
pub use request::{Attributes, Request, Resource};
pub use scope::{AccessScope, NamespacePattern, ScopeError};
pub use snapshot::{ClusterModel, Snapshot};
pub use standing::{
    ANONYMOUS, AUTHENTICATED, MASTERS, SERVICE_ACCOUNT_PREFIX, SERVICE_ACCOUNTS, UNAUTHENTICATED, service_account,
    service_account_groups,
};
pub use template::{Template, TemplateValues};
