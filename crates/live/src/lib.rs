//! The outside world of the command line: EKS and STS through the official AWS SDK with all its conventions
//! (profiles, SSO, `AWS_ENDPOINT_URL`, regions), clusters through `kube`.
//!
//! [`Aws`] is one set of credentials in one region; [`Kubernetes`] one cluster's API. What they read becomes plain
//! values with AWS's own field names ([`Cluster`], [`Entry`], …), and [`Gathered`] turns those of one cluster into
//! an [`entryway_access::ClusterModel`], so that questions are answered by the core wherever they are asked. [`Fleet`]
//! reads the clusters that files declare, and [`Hand`] carries a plan's steps out on one.
//!
//! No decision, no ARN rule and no scope rule is made here, nothing is kept between calls, and nothing is printed.

mod all_entries;
mod aws;
mod carry_out;
mod cluster;
mod discovery;
mod entry;
mod error;
mod fleet;
mod http;
mod iam;
mod iam_details;
mod kubernetes;
mod model;
mod own_api;
mod own_policy;
mod policy;
mod principal;
mod retry;
mod review;
mod signed;
mod time;
mod token;

pub use aws::{Aws, AwsOptions, CallerIdentity};
pub use carry_out::{CarriedOut, Hand, needs_kubernetes};
pub use cluster::{AccessConfig, CertificateAuthority, Cluster, NewCluster, Update, VpcConfig};
pub use discovery::{ApiResource, find_resource};
pub use entry::{AssociatedPolicy, Entry, EntryChange, EntryWithPolicies, NewEntry, Scope};
pub use error::{LiveError, ServiceError};
pub use fleet::{Fleet, FleetOptions};
pub use iam::IamPrincipal;
pub use iam_details::{IamDetails, IamDetailsError};
pub use kubernetes::{Kubernetes, Unread};
pub use model::{Gathered, Problem};
pub use own_api::{SignInSource, SignIns, SignedIn};
pub use policy::ListedPolicy;
pub use principal::{PrincipalText, stand_in};
pub use token::ClusterToken;
