//! IAM principals, as access entries and aws-auth lines name them.
//!
//! One parser for their ARNs. A decision looks an entry up by [`PrincipalKey`], which borrows. STS session ARNs, groups, instance profiles and everything
//! else that is no principal are refused here.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::arn::is_account_id;
use crate::rules::same;
use crate::{AccountId, ArnError, Partition};

/// What kind of principal an ARN names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `role/[path/]name`. The path is `/` or `/a/b/`.
    Role {
        /// `/` or `/team/x/`.
        path: String,
        /// The name, unique in its account whatever the path.
        name: String,
    },
    /// `user/[path/]name`.
    User {
        /// `/` or `/team/x/`.
        path: String,
        /// The name.
        name: String,
    },
    /// The root user of the account (`root`).
    Root,
    /// `arn:P:sts::A:federated-user/NAME`: never in an entry, only in aws-auth and from STS.
    FederatedUser {
        /// The name.
        name: String,
    },
}

/// The canonical ARN of a principal: an IAM role, user or root, or a federated user. Never a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalArn {
    partition: Partition,
    account: AccountId,
    kind: PrincipalKind,
    /// INVARIANT (canonical text): what the other fields make, so equal texts are equal principals.
    text: String,
}

impl PrincipalArn {
    /// Puts one together from checked parts; `Err` where a name or path breaks IAM's rules.
    pub fn new(partition: Partition, account: AccountId, kind: PrincipalKind) -> Result<Self, ArnError> {
        let text = match &kind {
            PrincipalKind::Role { path, name } => format!("arn:{partition}:iam::{account}:role{path}{name}"),
            PrincipalKind::User { path, name } => format!("arn:{partition}:iam::{account}:user{path}{name}"),
            PrincipalKind::Root => format!("arn:{partition}:iam::{account}:root"),
            PrincipalKind::FederatedUser { name } => format!("arn:{partition}:sts::{account}:federated-user/{name}"),
        };
        let parsed: PrincipalArn = text.parse()?;
        // A name with a `/` in it would parse, as another path and name.
        if parsed.kind == kind {
            Ok(parsed)
        } else {
            Err(ArnError::new("IAM principal ARN", &text, "a path must begin and end with `/`, and a name holds none"))
        }
    }
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The partition.
    pub fn partition(&self) -> Partition {
        self.partition
    }
    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }
    /// What it is.
    pub fn kind(&self) -> &PrincipalKind {
        &self.kind
    }
    /// Role or user name; `root` for the root user.
    pub fn name(&self) -> &str {
        match &self.kind {
            PrincipalKind::Role { name, .. }
            | PrincipalKind::User { name, .. }
            | PrincipalKind::FederatedUser { name } => name,
            PrincipalKind::Root => "root",
        }
    }
    /// The path of a role or user: `/` where it has none, or is neither.
    pub fn path(&self) -> &str {
        match &self.kind {
            PrincipalKind::Role { path, .. } | PrincipalKind::User { path, .. } => path,
            PrincipalKind::Root | PrincipalKind::FederatedUser { .. } => "/",
        }
    }
    /// Whether it is a role.
    pub fn is_role(&self) -> bool {
        matches!(self.kind, PrincipalKind::Role { .. })
    }
    /// True for a role under `/aws-service-role/`.
    pub fn is_service_linked(&self) -> bool {
        self.is_role() && self.path().starts_with("/aws-service-role/")
    }
    /// The ARN without the path of role or user, as STS and aws-auth have it.
    #[must_use]
    pub fn without_path(&self) -> PrincipalArn {
        let (kind, text) = match &self.kind {
            PrincipalKind::Role { name, .. } => (
                PrincipalKind::Role { path: "/".to_owned(), name: name.clone() },
                format!("arn:{}:iam::{}:role/{name}", self.partition, self.account),
            ),
            PrincipalKind::User { name, .. } => (
                PrincipalKind::User { path: "/".to_owned(), name: name.clone() },
                format!("arn:{}:iam::{}:user/{name}", self.partition, self.account),
            ),
            PrincipalKind::Root | PrincipalKind::FederatedUser { .. } => return self.clone(),
        };
        PrincipalArn { partition: self.partition, account: self.account.clone(), kind, text }
    }
    /// Whether an entry for `self` matches the principal `other` that STS named: the same partition,
    /// account, kind and name, whatever the path (STS never tells a role's path).
    pub fn same_principal(&self, other: &PrincipalArn) -> bool {
        self.key() == other.key()
    }
    /// What [`PrincipalArn::same_principal`] compares.
    pub(crate) fn key(&self) -> PrincipalKey<'_> {
        let name = match &self.kind {
            PrincipalKind::Root => "",
            PrincipalKind::Role { .. } | PrincipalKind::User { .. } | PrincipalKind::FederatedUser { .. } => {
                self.name()
            }
        };
        PrincipalKey { arn: &self.text, account: self.account.as_str(), name }
    }
}

impl fmt::Display for PrincipalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PrincipalArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let parts = PrincipalParts::parse(text).map_err(|rule| ArnError::new("IAM principal ARN", text, rule))?;
        let (path, name) = (parts.path.to_owned(), parts.name.to_owned());
        Ok(PrincipalArn {
            partition: parts.partition,
            account: parts.account.parse()?,
            kind: match parts.kind {
                KindKey::Role => PrincipalKind::Role { path, name },
                KindKey::User => PrincipalKind::User { path, name },
                KindKey::Root => PrincipalKind::Root,
                KindKey::FederatedUser => PrincipalKind::FederatedUser { name },
            },
            text: text.to_owned(),
        })
    }
}

/// Which kind, without its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KindKey {
    Role,
    User,
    Root,
    FederatedUser,
}

/// What identifies a principal to STS: everything of its ARN but the path. Cut from the text without
/// checking it: the key of a text that is no ARN equals that of no [`PrincipalArn`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrincipalKey<'a> {
    arn: &'a str,
    account: &'a str,
    /// What follows the last `/`; empty for root.
    name: &'a str,
}

impl<'a> PrincipalKey<'a> {
    /// `None` where the ARN is not of this account.
    pub(crate) fn of(arn: &'a str, account: &'a str) -> Option<PrincipalKey<'a>> {
        // By bytes: on texts this short that takes a third of the time of `split`.
        let bytes = arn.as_bytes();
        let partition = bytes.iter().skip(BEFORE_PARTITION).position(|byte| *byte == b':')?;
        let (own, rest) =
            bytes.get(BEFORE_PARTITION + partition + BEFORE_ACCOUNT..)?.split_at_checked(account.len())?;
        if own != account.as_bytes() || rest.first() != Some(&b':') {
            return None;
        }
        let name = bytes.iter().rposition(|byte| *byte == b'/').map_or(bytes.len(), |slash| slash + 1);
        Some(PrincipalKey { arn, account, name: arn.get(name..)? })
    }

    /// Whether it is cut from this very ARN.
    pub(crate) fn is_arn(&self, arn: &str) -> bool {
        self.arn == arn
    }

    /// Partition, account and kind: `arn:aws:iam::111122223333:role`.
    fn head(&self) -> &'a str {
        self.arn.split_once('/').map_or(self.arn, |(head, _)| head)
    }
}

/// `arn:`
const BEFORE_PARTITION: usize = 4;
/// `:iam::` or `:sts::`
const BEFORE_ACCOUNT: usize = 6;

impl PartialEq for PrincipalKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.arn == other.arn || (same(self.name, other.name) && self.head() == other.head())
    }
}

impl Eq for PrincipalKey<'_> {}

impl Hash for PrincipalKey<'_> {
    /// Enough to tell nearly all apart.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.account.as_bytes());
        state.write(self.name.as_bytes());
    }
}

/// A principal's ARN taken apart without copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PrincipalParts<'a> {
    partition: Partition,
    account: &'a str,
    kind: KindKey,
    /// `/`, `/team/x/`; `/` where the kind has no path.
    path: &'a str,
    name: &'a str,
}

const FORM: &str = "must have the form arn:PARTITION:iam::ACCOUNT:role/NAME, …:user/NAME or …:root";

impl<'a> PrincipalParts<'a> {
    /// Takes a principal's ARN apart, or says which rule it breaks.
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(FORM);
        let (prefix, partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        if prefix != "arn" || !region.is_empty() {
            return Err(FORM);
        }
        let partition = Partition::find(partition).ok_or("the partition is unknown")?;
        if !is_account_id(account) {
            return Err("the account must be 12 digits");
        }
        let (kind, path, name) = match (service, resource.split_once('/')) {
            ("iam", None) if resource == "root" => (KindKey::Root, "/", "root"),
            ("iam", Some(("role", _))) => {
                let (path, name) = path_and_name(resource, "role")?;
                (KindKey::Role, path, name)
            }
            ("iam", Some(("user", _))) => {
                let (path, name) = path_and_name(resource, "user")?;
                (KindKey::User, path, name)
            }
            ("sts", Some(("federated-user", name))) => (KindKey::FederatedUser, "/", checked_name(name)?),
            ("sts", Some(("assumed-role", _))) => {
                return Err("it names a session; the role behind it is arn:PARTITION:iam::ACCOUNT:role/NAME");
            }
            ("iam", Some(("group", _))) => return Err("an IAM group is no principal; name a role or a user"),
            ("iam", Some(("instance-profile", _))) => {
                return Err("an instance profile is no principal; name the role within it");
            }
            _ => return Err(FORM),
        };
        Ok(PrincipalParts { partition, account, kind, path, name })
    }
}

/// `role/team/x/Dev`: the path `/team/x/` and the name `Dev`.
fn path_and_name<'a>(resource: &'a str, kind: &str) -> Result<(&'a str, &'a str), &'static str> {
    let rest = resource.get(kind.len()..).unwrap_or_default();
    let name_at = rest.rfind('/').map_or(0, |at| at + 1);
    let (path, name) = rest.split_at_checked(name_at).ok_or(FORM)?;
    let path_is_good = path == "/"
        || (path.len() > 2
            && path.len() <= 512
            && path.starts_with('/')
            && path.bytes().all(|b| (0x21..=0x7e).contains(&b)));
    if !path_is_good {
        return Err("the path must be printable ASCII between `/` and `/`, at most 512 characters");
    }
    Ok((path, checked_name(name)?))
}

/// The rule of names of roles, users and federated users.
fn checked_name(name: &str) -> Result<&str, &'static str> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(good) {
        Ok(name)
    } else {
        Err("the name must be 1 to 64 letters, digits and `_+=,.@-`")
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    fn hash(key: PrincipalKey<'_>) -> u64 {
        BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(key)
    }

    #[test]
    fn the_key_of_a_text_is_the_key_of_its_principal() {
        for text in [
            "arn:aws:iam::111122223333:role/Dev",
            "arn:aws:iam::111122223333:role/team/x/Dev",
            "arn:aws:iam::111122223333:user/a:user/Bob",
            "arn:aws:iam::111122223333:role/:role/Dev",
            "arn:aws:iam::111122223333:root",
            "arn:aws:sts::111122223333:federated-user/x",
        ] {
            let principal: PrincipalArn = text.parse().unwrap();
            let key = PrincipalKey::of(text, "111122223333");
            assert_eq!(key, Some(principal.key()), "{text}");
            assert_eq!(key.map(hash), Some(hash(principal.without_path().key())), "{text}");
            assert_eq!(key, Some(principal.without_path().key()), "{text}");
            assert_eq!(PrincipalKey::of(text, "444455556666"), None, "{text}");
        }
    }
}
