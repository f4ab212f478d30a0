//! Access entries: the mapping of an IAM principal to a Kubernetes identity and access policies.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::{AccessScope, PolicyArn, PrincipalArn, PrincipalKind, Template};

/// The type of an entry (`entries.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EntryType {
    Standard,
    Ec2Linux,
    Ec2Windows,
    Ec2,
    FargateLinux,
    HybridLinux,
    HyperpodLinux,
}

impl EntryType {
    /// All of them, in the order of EKS's messages.
    pub const ALL: [EntryType; 7] = [
        EntryType::Standard,
        EntryType::Ec2Linux,
        EntryType::Ec2Windows,
        EntryType::Ec2,
        EntryType::FargateLinux,
        EntryType::HybridLinux,
        EntryType::HyperpodLinux,
    ];
    /// `STANDARD`, `EC2_LINUX`, …
    pub fn as_str(self) -> &'static str {
        match self {
            EntryType::Standard => "STANDARD",
            EntryType::Ec2Linux => "EC2_LINUX",
            EntryType::Ec2Windows => "EC2_WINDOWS",
            EntryType::Ec2 => "EC2",
            EntryType::FargateLinux => "FARGATE_LINUX",
            EntryType::HybridLinux => "HYBRID_LINUX",
            EntryType::HyperpodLinux => "HYPERPOD_LINUX",
        }
    }
    /// STANDARD and EC2 take policies.
    pub fn takes_policies(self) -> bool {
        match self {
            EntryType::Standard | EntryType::Ec2 => true,
            EntryType::Ec2Linux
            | EntryType::Ec2Windows
            | EntryType::FargateLinux
            | EntryType::HybridLinux
            | EntryType::HyperpodLinux => false,
        }
    }
    /// Only STANDARD takes groups and a username of one's own.
    pub fn takes_groups_and_username(self) -> bool {
        self == EntryType::Standard
    }
}

impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EntryType {
    type Err = EntryError;
    fn from_str(text: &str) -> Result<Self, EntryError> {
        EntryType::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(EntryError::UnknownType)
    }
}

/// What no username or group of one's own may begin with (`entries.md` §2).
pub(crate) const RESERVED_PREFIXES: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];

/// The reserved prefix that a name begins with, if it does.
pub(crate) fn reserved_prefix(name: &str) -> Option<&'static str> {
    RESERVED_PREFIXES.into_iter().find(|prefix| name.starts_with(prefix))
}

const LONGEST_USERNAME: usize = 1024;
const LONGEST_GROUP: usize = 256;

/// Whether a name is one that Kubernetes and its logs can carry: not empty, bounded, no control characters.
fn is_good_name(name: &str, longest: usize) -> bool {
    !name.is_empty() && name.len() <= longest && !name.chars().any(char::is_control)
}

/// Why an entry can't be. `Display` is EKS's own text (`entries.md` §3) wherever EKS has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum EntryError {
    #[error(
        "AccessEntry type must be one of [STANDARD, EC2_LINUX, EC2_WINDOWS, EC2, FARGATE_LINUX, HYBRID_LINUX, HYPERPOD_LINUX]"
    )]
    UnknownType,
    /// The text is no ARN of a role, user or root: an STS session, a group, a typing error.
    #[error("The principalArn parameter format is not valid")]
    PrincipalFormat,
    #[error("The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role")]
    ServiceLinkedRole,
    #[error("The kubernetes group name {name} is invalid, it cannot start with {prefix}")]
    ReservedGroup { name: String, prefix: &'static str },
    #[error("The kubernetes group name {0:?} is invalid, it must be 1 to 256 bytes without control characters")]
    BadGroup(String),
    #[error("The username must not begin with {prefix}")]
    ReservedUsername { prefix: &'static str },
    #[error("The username {0:?} is invalid, it must be 1 to 1024 bytes without control characters")]
    BadUsername(String),
    /// A caller chooses the session's name, and could pass for any other user.
    #[error("The username {0:?} is invalid, there must be a : before {{{{SessionName}}}} or {{{{SessionNameRaw}}}}")]
    SessionNameWithoutColon(String),
    #[error(
        "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"{0}\""
    )]
    GroupsWithNodeType(EntryType),
    #[error("The specified username is invalid: setting username is not allowed when the type is \"{0}\"")]
    UsernameWithNodeType(EntryType),
    #[error(
        "AccessEntry principalArn must be IAM role when using types [EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
    )]
    RoleRequired,
    #[error(
        "AccessEntry principalArn must be from the same account as the cluster when using types [EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"
    )]
    SameAccountRequired,
    #[error("This operation can only be performed on Access Entries with a type of \"STANDARD\".")]
    PoliciesWithNodeType,
}

impl EntryError {
    /// The EKS error that the API answers with it.
    pub fn code(&self) -> &'static str {
        match self {
            EntryError::UnknownType
            | EntryError::PrincipalFormat
            | EntryError::ServiceLinkedRole
            | EntryError::ReservedGroup { .. }
            | EntryError::BadGroup(_)
            | EntryError::ReservedUsername { .. }
            | EntryError::BadUsername(_)
            | EntryError::SessionNameWithoutColon(_)
            | EntryError::GroupsWithNodeType(_)
            | EntryError::UsernameWithNodeType(_)
            | EntryError::RoleRequired
            | EntryError::SameAccountRequired
            | EntryError::PoliciesWithNodeType => "InvalidParameterException",
        }
    }
}

/// A group of an entry: no reserved prefix, not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(String);

impl GroupName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = EntryError;
    fn from_str(text: &str) -> Result<Self, EntryError> {
        if let Some(prefix) = reserved_prefix(text) {
            return Err(EntryError::ReservedGroup { name: text.to_owned(), prefix });
        }
        if !is_good_name(text, LONGEST_GROUP) {
            return Err(EntryError::BadGroup(text.to_owned()));
        }
        Ok(GroupName(text.to_owned()))
    }
}

/// A username of an entry as written by its owner: no reserved prefix, a `:` before `{{SessionName}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(Template);

impl Username {
    /// As written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
    /// Its template.
    pub fn template(&self) -> &Template {
        &self.0
    }
}

impl FromStr for Username {
    type Err = EntryError;
    fn from_str(text: &str) -> Result<Self, EntryError> {
        if let Some(prefix) = reserved_prefix(text) {
            return Err(EntryError::ReservedUsername { prefix });
        }
        if !is_good_name(text, LONGEST_USERNAME) {
            return Err(EntryError::BadUsername(text.to_owned()));
        }
        let template = Template::new(text);
        match template.session_at() {
            Some(at) if !text.get(..at).is_some_and(|before| before.contains(':')) => {
                Err(EntryError::SessionNameWithoutColon(text.to_owned()))
            }
            Some(_) | None => Ok(Username(template)),
        }
    }
}

/// A policy of an entry, and where it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// The policy.
    pub policy: PolicyArn,
    /// Where.
    pub scope: AccessScope,
    /// From then on it grants nothing (tag `entryway:expires/<policy name>`).
    pub expires: Option<Timestamp>,
}

impl Association {
    /// Whether it grants anything at `now`.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !has_ended(self.expires, now)
    }
}

/// The one rule of ends: at the very instant, it has ended.
fn has_ended(expires: Option<Timestamp>, now: Timestamp) -> bool {
    expires.is_some_and(|end| now >= end)
}

/// An access entry as the core knows it. Dates, tags and ids for show are the server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// Whose it is.
    pub principal: PrincipalArn,
    /// The principal's unique id (`AROA…`, `AIDA…`) when the entry was made, where it is known: a
    /// principal made again under the same ARN has another, and no longer matches.
    pub unique_id: Option<String>,
    /// Its type.
    pub kind: EntryType,
    /// The username in the cluster; EKS's default for the type and principal is [`AccessEntry::default_username`].
    pub username: Template,
    /// Groups in the cluster, as given for STANDARD, EKS's own for node types.
    pub groups: Vec<String>,
    /// Policies, one each.
    pub policies: Vec<Association>,
    /// From then on the entry maps nobody (tag `entryway:expires-at`).
    pub expires: Option<Timestamp>,
}

impl AccessEntry {
    /// Builds a checked entry from what a caller of the API gave: form of the principal (not an STS
    /// session, not service-linked), type against principal, groups and username against type, reserved
    /// prefixes; fills in EKS's default username and groups. `cluster_account` is the cluster's own.
    pub fn new(
        principal: PrincipalArn,
        kind: EntryType,
        username: Option<&str>,
        groups: Option<&[String]>,
        cluster_account: &crate::AccountId,
    ) -> Result<AccessEntry, EntryError> {
        if matches!(principal.kind(), PrincipalKind::FederatedUser { .. }) {
            return Err(EntryError::PrincipalFormat);
        }
        if principal.is_service_linked() {
            return Err(EntryError::ServiceLinkedRole);
        }
        if kind != EntryType::Standard {
            if !principal.is_role() {
                return Err(EntryError::RoleRequired);
            }
            if principal.account() != cluster_account {
                return Err(EntryError::SameAccountRequired);
            }
        }
        let username = AccessEntry::check_username(kind, username)?
            .map_or_else(|| AccessEntry::default_username(&principal, kind), |own| own.template().clone());
        let groups = match AccessEntry::check_groups(kind, groups.unwrap_or_default())? {
            own if kind.takes_groups_and_username() => own.into_iter().map(|group| group.0).collect(),
            _ => AccessEntry::default_groups(kind).iter().map(|&group| group.to_owned()).collect(),
        };
        Ok(AccessEntry { principal, unique_id: None, kind, username, groups, policies: Vec::new(), expires: None })
    }

    /// Reads the `principalArn` of a request to make an entry: a role, user or root; with EKS's text for
    /// everything else.
    pub fn parse_principal(text: &str) -> Result<PrincipalArn, EntryError> {
        let principal: PrincipalArn = text.parse().map_err(|_| EntryError::PrincipalFormat)?;
        match principal.kind() {
            PrincipalKind::Role { .. } | PrincipalKind::User { .. } | PrincipalKind::Root => Ok(principal),
            PrincipalKind::FederatedUser { .. } => Err(EntryError::PrincipalFormat),
        }
    }

    /// Checks a username against the type. `None` where none is given (an empty one counts as none).
    pub fn check_username(kind: EntryType, username: Option<&str>) -> Result<Option<Username>, EntryError> {
        match username {
            None | Some("") => Ok(None),
            Some(_) if !kind.takes_groups_and_username() => Err(EntryError::UsernameWithNodeType(kind)),
            Some(text) => text.parse().map(Some),
        }
    }

    /// Checks groups against the type; each once, in the order given.
    pub fn check_groups(kind: EntryType, groups: &[String]) -> Result<Vec<GroupName>, EntryError> {
        if !groups.is_empty() && !kind.takes_groups_and_username() {
            return Err(EntryError::GroupsWithNodeType(kind));
        }
        let mut seen = HashSet::new();
        groups.iter().filter(|text| seen.insert(text.as_str())).map(|text| text.parse()).collect()
    }
    /// EKS's username for a principal and type when none is given.
    pub fn default_username(principal: &PrincipalArn, kind: EntryType) -> Template {
        match kind {
            EntryType::Ec2Linux | EntryType::Ec2Windows => Template::new("system:node:{{EC2PrivateDNSName}}"),
            EntryType::Ec2 | EntryType::FargateLinux | EntryType::HybridLinux | EntryType::HyperpodLinux => {
                Template::new("system:node:{{SessionName}}")
            }
            EntryType::Standard => match principal.kind() {
                PrincipalKind::Role { name, .. } => Template::new(format!(
                    "arn:{}:sts::{}:assumed-role/{name}/{{{{SessionName}}}}",
                    principal.partition(),
                    principal.account(),
                )),
                PrincipalKind::User { .. } | PrincipalKind::Root | PrincipalKind::FederatedUser { .. } => {
                    Template::new(principal.as_str())
                }
            },
        }
    }
    /// Whether the entry maps anybody at `now`: an ended one is as good as deleted.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !has_ended(self.expires, now)
    }
    /// When the entry or an association of it ends next.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends().filter(|end| *end > now).min()
    }
    /// When the entry and its associations end, those that have ended too.
    pub fn ends(&self) -> impl Iterator<Item = Timestamp> {
        self.expires.into_iter().chain(self.policies.iter().filter_map(|association| association.expires))
    }
    /// EKS's groups for a type.
    pub fn default_groups(kind: EntryType) -> &'static [&'static str] {
        match kind {
            EntryType::Standard => &[],
            EntryType::Ec2Linux | EntryType::Ec2 | EntryType::HybridLinux | EntryType::HyperpodLinux => {
                &["system:nodes"]
            }
            EntryType::Ec2Windows => &["system:nodes", "eks:kube-proxy-windows"],
            EntryType::FargateLinux => &["system:nodes", "system:node-proxier"],
        }
    }
}
