//! From what STS says of a caller to who it is in a cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entry::reserved_prefix;
use crate::principal::PrincipalKey;
use crate::standing::MASTERS;
use crate::{ArnError, EntryType, PrincipalArn, PrincipalKind, Snapshot, Template, TemplateValues};

/// Why an STS answer names no principal (`authn.md` §3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CallerError(pub String);

/// An authenticated AWS caller: what `GetCallerIdentity` answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The canonical principal: the role behind an assumed-role session, else itself. A role known from
    /// STS alone has no path.
    pub principal: PrincipalArn,
    /// The ARN as STS gave it (`…:assumed-role/Dev/jo`).
    pub arn: String,
    /// `AROA…`, `AIDA…`, the account for root, `A:NAME` for a federated user.
    pub unique_id: String,
    /// The session's name; empty for users.
    pub session_name: String,
    /// The access key the request was signed with; may be empty.
    pub access_key_id: String,
}

impl Caller {
    /// From the members of a GetCallerIdentity answer and the token's access key id.
    pub fn from_sts(account: &str, arn: &str, user_id: &str, access_key_id: &str) -> Result<Caller, CallerError> {
        let refuse = |why: &str| Err(CallerError(format!("the STS answer names no principal: {why}")));
        let (principal, unique_id, session_name) = match arn.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", partition, "sts", "", owner, resource] if resource.starts_with("assumed-role/") => {
                let ["assumed-role", role, session] = resource.split('/').collect::<Vec<_>>()[..] else {
                    return refuse("an assumed-role ARN needs a role and a session");
                };
                let principal = format!("arn:{partition}:iam::{owner}:role/{role}");
                let (id, id_session) = two_parts(user_id)?;
                if session.is_empty() || session != id_session {
                    return refuse("ARN and user id name different sessions, or none");
                }
                (parse_principal(&principal)?, id, session)
            }
            _ => {
                let principal = parse_principal(arn)?;
                match principal.kind() {
                    PrincipalKind::Role { .. } => {
                        let (id, session) = two_parts(user_id)?;
                        (principal, id, session)
                    }
                    PrincipalKind::User { .. } | PrincipalKind::Root | PrincipalKind::FederatedUser { .. } => {
                        (principal, user_id, "")
                    }
                }
            }
        };
        if principal.account().as_str() != account {
            return refuse("the account is not that of the ARN");
        }
        if unique_id.is_empty() {
            return refuse("the user id is empty");
        }
        Ok(Caller {
            principal,
            arn: arn.to_owned(),
            unique_id: unique_id.to_owned(),
            session_name: session_name.to_owned(),
            access_key_id: access_key_id.to_owned(),
        })
    }

    /// The user with this name and these groups, in the authenticator's own form (`authn.md` §6).
    pub(crate) fn user(&self, username: String, groups: Vec<String>) -> UserInfo {
        let extra = [
            (EXTRA_ARN, self.arn.as_str()),
            (EXTRA_CANONICAL_ARN, self.principal.as_str()),
            (EXTRA_SESSION_NAME, &self.session_name),
            (EXTRA_ACCESS_KEY_ID, &self.access_key_id),
            (EXTRA_PRINCIPAL_ID, &self.unique_id),
            (EXTRA_SIGS_PRINCIPAL_ID, &self.unique_id),
        ];
        UserInfo {
            username,
            uid: format!("{UID_PREFIX}{}:{}", self.principal.account(), self.unique_id),
            groups,
            extra: extra.into_iter().map(|(key, value)| (key.to_owned(), vec![value.to_owned()])).collect(),
        }
    }
}

const UID_PREFIX: &str = "aws-iam-authenticator:";
/// So many digits has an account's id.
const ACCOUNT: usize = 12;
const EXTRA_ARN: &str = "arn";
const EXTRA_CANONICAL_ARN: &str = "canonicalArn";
const EXTRA_SESSION_NAME: &str = "sessionName";
const EXTRA_ACCESS_KEY_ID: &str = "accessKeyId";
const EXTRA_PRINCIPAL_ID: &str = "principalId";
const EXTRA_SIGS_PRINCIPAL_ID: &str = "sigs.k8s.io/aws-iam-authenticator/principalId";

fn parse_principal(arn: &str) -> Result<PrincipalArn, CallerError> {
    arn.parse().map_err(|error: ArnError| CallerError(format!("the STS answer names no principal: {error}")))
}

/// `AROA…:SESSION` in its two parts.
fn two_parts(user_id: &str) -> Result<(&str, &str), CallerError> {
    match user_id.split_once(':') {
        Some((id, session)) if !id.is_empty() && !session.is_empty() && !session.contains(':') => Ok((id, session)),
        Some(_) | None => {
            let why = "the STS answer names no principal: the user id of a role must have the form ID:SESSION";
            Err(CallerError(why.to_owned()))
        }
    }
}

/// The IAM principal that the authenticator, and nobody else, put into a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthenticatedPrincipal<'a> {
    /// From `canonicalArn`.
    pub(crate) key: PrincipalKey<'a>,
    /// The unique id, as in `principalId` and `uid`.
    pub(crate) unique_id: &'a str,
}

impl UserInfo {
    /// The IAM principal behind a user, if the authenticator said so (`kubernetes.md` §2): exact-case keys
    /// of one value each, and a `uid` of the authenticator's form with the same account and id.
    /// Impersonation headers give lower-case keys, so what they carry is never a principal.
    /// Allocates nothing.
    pub(crate) fn authenticated_principal(&self) -> Option<AuthenticatedPrincipal<'_>> {
        // The uid of users without a principal (service accounts, nodes …) is another: they end here.
        let (account, unique_id) = self.uid.strip_prefix(UID_PREFIX)?.split_at_checked(ACCOUNT)?;
        let unique_id = unique_id.strip_prefix(':')?;
        let mut arn = None;
        let mut ids = 0;
        for (key, values) in &self.extra {
            let is_arn = match key.as_str() {
                EXTRA_CANONICAL_ARN => true,
                EXTRA_PRINCIPAL_ID | EXTRA_SIGS_PRINCIPAL_ID => false,
                _ => continue,
            };
            let [value] = values.as_slice() else { return None };
            if is_arn {
                arn = Some(value);
            } else if value == unique_id {
                ids += 1;
            } else {
                return None;
            }
        }
        if ids == 0 || unique_id.is_empty() {
            return None;
        }
        Some(AuthenticatedPrincipal { key: PrincipalKey::of(arn?, account)?, unique_id })
    }
}

/// Kubernetes' `UserInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// The username.
    pub username: String,
    /// The uid; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Further attributes, keys with their case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What mapped a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// The access entry of this principal (its ARN with path).
    Entry(PrincipalArn),
    /// A line of `mapRoles` or `mapUsers`, by its place in [`crate::AwsAuth`].
    AwsAuthLine {
        /// `mapRoles` or `mapUsers`.
        key: &'static str,
        /// Index in the list.
        index: usize,
    },
    /// `mapAccounts`.
    AwsAuthAccount,
    /// The hidden `system:masters` mapping of the creator of a CONFIG_MAP cluster.
    BootstrapCreator,
}

/// A caller's identity in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// As the authentication webhook answers it (`authn.md` §6), without `system:authenticated`, which
    /// the API server adds.
    pub user: UserInfo,
    /// What mapped it.
    pub source: IdentitySource,
}

impl Snapshot {
    /// The identity that a source gives a caller; `None` where the source is not that caller's, a
    /// placeholder has no value, or an entry's name turns out reserved.
    pub(crate) fn identity_by(
        &self,
        source: &IdentitySource,
        caller: &Caller,
        ec2_private_dns_name: Option<&str>,
    ) -> Option<Identity> {
        let values = TemplateValues {
            account_id: caller.principal.account().as_str(),
            session_name: &caller.session_name,
            access_key_id: &caller.access_key_id,
            ec2_private_dns_name: ec2_private_dns_name.filter(|_| is_instance_id(&caller.session_name)),
        };
        let (username, groups) = match source {
            IdentitySource::Entry(principal) => {
                let entry = self.entry(principal)?;
                let username = entry.username.render(&values)?;
                // EKS's own names of nodes are reserved ones, and nobody else may take such a name.
                if entry.kind == EntryType::Standard && reserved_prefix(&username).is_some() {
                    return None;
                }
                (username, entry.groups.clone())
            }
            IdentitySource::AwsAuthLine { .. } => {
                let (_, line) = self.mappings.find(&caller.principal)?;
                let groups = line.groups.iter().map(|group| group.render(&values)).collect::<Option<_>>()?;
                (line.username.as_ref()?.render(&values)?, groups)
            }
            IdentitySource::AwsAuthAccount => (caller.principal.as_str().to_owned(), Vec::new()),
            IdentitySource::BootstrapCreator => ("kubernetes-admin".to_owned(), vec![MASTERS.to_owned()]),
        };
        (!username.is_empty()).then(|| Identity { user: caller.user(username, groups), source: source.clone() })
    }

    /// Whether the identity of a caller needs what EC2 says of the instance that its session is named by.
    pub fn needs_ec2_name(&self, caller: &Caller, now: Timestamp) -> bool {
        is_instance_id(&caller.session_name)
            && match self.source(caller, now) {
                Some(IdentitySource::Entry(principal)) => {
                    self.entry(&principal).is_some_and(|entry| entry.username.needs_ec2_name())
                }
                Some(IdentitySource::AwsAuthLine { .. }) => self
                    .mappings
                    .find(&caller.principal)
                    .is_some_and(|(_, line)| line.username.iter().chain(&line.groups).any(Template::needs_ec2_name)),
                Some(IdentitySource::AwsAuthAccount | IdentitySource::BootstrapCreator) | None => false,
            }
    }
}

/// Whether a session is named by an EC2 instance: `^i-(\w{8}|\w{17})$`.
fn is_instance_id(session_name: &str) -> bool {
    session_name
        .strip_prefix("i-")
        .is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}
