//! Local identities: the accounts that this control plane keeps, with their roles, users, groups, access keys,
//! managed policies and sessions.
//!
//! It keeps everything under `/iam/ACCOUNT/…` of the store, one JSON record an entity, and each change is one
//! transaction that compares what it read: of two concurrent calls that can't both be right, one sees the other.
//! Names are compared without regard to case, as IAM does.
//!
//! It authenticates nobody and authorises nothing: it hands out the secret of a key for `entryway_iam::sigv4` to
//! check, and the policies in force for `entryway_iam::policy` to decide by. No secret shows in `Debug`, in an
//! error or in a log.
//!
//! The way in: [`Directory::open`], [`Directory::ensure_account`] on the first start, then
//! [`Directory::credentials`] and [`Directory::caller`] for each signed request, [`Directory::identity`] for each
//! token, and [`Directory::account`] for the IAM and STS calls.

mod access_key;
mod account;
mod arns;
mod attachment;
mod caller;
mod census;
mod documents;
mod entropy;
mod error;
mod grants;
mod group;
mod holder;
mod ids;
mod keys;
mod managed_policy;
mod names;
mod role;
mod secret_text;
mod session;
mod storage;
mod tag;
mod trust;
mod user;

pub use access_key::{AccessKey, KeyStatus, NewAccessKey};
pub use account::{Account, Counts, Directory, PrincipalStatus};
pub use attachment::Usage;
pub use caller::{Credential, EffectivePolicies, LocalCaller, SessionKind, user_id};
pub use census::CensusMark;
pub use entropy::{Entropy, SystemEntropy};
pub use error::DirectoryError;
pub use grants::Grants;
pub use group::{Group, NewGroup};
pub use holder::{Holder, Tagged};
pub use ids::account_of_key;
pub use managed_policy::{ManagedPolicy, NewPolicy, PolicyScope, PolicyVersion};
pub use names::{EntityPath, MAX_DOCUMENT_BYTES, Name, check_description, check_document};
pub use role::{DEFAULT_SESSION_SECONDS, NewRole, Role, RoleUpdate, SESSION_SECONDS};
pub use session::{IssuedSession, NewRoleSession};
pub use storage::{Page, PageRequest};
pub use tag::{MAX_TAGS, Tag, Tags};
pub use user::{NewUser, User};

/// The user that the first start makes, with `AdministratorAccess`.
pub const ADMIN_USER: &str = "admin";
