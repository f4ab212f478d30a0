//! Managed policies: the account's own, and AWS's, which are data compiled in and the same in every account.

use entryway_iam::policy::{PolicyDocument, counted_size};
use entryway_store::Txn;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::grants::conflict;
use crate::ids::{IdKind, unique_id};
use crate::storage::{ATTEMPTS, Loaded, commit, create, load, load_all};
use crate::{
    Account, DirectoryError, EntityPath, Name, Page, PageRequest, Tags, arns, check_description, check_document, keys,
};

/// The most characters of a managed policy, white space apart.
const POLICY_SIZE: usize = 6144;
/// The most versions of a managed policy.
const VERSIONS: usize = 5;

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedPolicy {
    /// The whole ARN.
    pub arn: String,
    /// Unique in the account.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// `ANPA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its versions last changed.
    pub updated: Timestamp,
    /// Free text, where one was given.
    pub description: Option<String>,
    /// Its versions, the oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The id of the version in force, one of [`ManagedPolicy::versions`].
    pub default_version: String,
    /// The number of the next version.
    pub next_version: u32,
    /// The tags.
    pub tags: Tags,
}

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyVersion {
    /// `v1`, `v2`, …
    pub id: String,
    /// The policy's JSON as it was given.
    pub document: String,
    /// When it was made.
    pub created: Timestamp,
}

/// What a new managed policy is made of.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// The name.
    pub name: Name,
    /// The path.
    pub path: EntityPath,
    /// The policy's JSON.
    pub document: String,
    /// Free text.
    pub description: Option<String>,
    /// The tags.
    pub tags: Tags,
}

/// Which managed policies to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PolicyScope {
    All,
    Aws,
    Local,
}

impl ManagedPolicy {
    /// A version, or IAM's error.
    pub fn version(&self, id: &str) -> Result<&PolicyVersion, DirectoryError> {
        self.versions.iter().find(|version| version.id == id).ok_or_else(|| {
            DirectoryError::NoSuchEntity(format!(
                "Policy {} version {id} does not exist or is not attachable.",
                self.arn
            ))
        })
    }

    /// The JSON that is in force.
    pub fn document(&self) -> Result<&str, DirectoryError> {
        Ok(&self.version(&self.default_version)?.document)
    }
}

/// Name, id, time of creation, description, document.
type AwsPolicy = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// AWS's own policies. `ReadOnlyAccess` holds the actions of the
/// services that are here; AWS's is the same for some hundreds more.
const AWS_POLICIES: [AwsPolicy; 2] = [
    (
        "AdministratorAccess",
        "ANPAIWMBCKSKIEE64ZLYK",
        "2015-02-06T18:39:46Z",
        "Provides full access to AWS services and resources.",
        include_str!("../data/aws-managed/AdministratorAccess.json"),
    ),
    (
        "ReadOnlyAccess",
        "ANPAILL3HVNFSB6DCOWYQ",
        "2015-02-06T18:39:48Z",
        "Provides read-only access to AWS services and resources.",
        include_str!("../data/aws-managed/ReadOnlyAccess.json"),
    ),
];

impl Account {
    /// AWS's own policies, as this account sees them.
    fn aws_policies(&self) -> impl Iterator<Item = ManagedPolicy> {
        AWS_POLICIES.iter().filter_map(|row| self.aws_policy(row))
    }

    /// AWS's own policy of this ARN.
    fn find_aws_policy(&self, arn: &str) -> Option<ManagedPolicy> {
        let parts = arns::policy_parts(arn).filter(|parts| parts.owner == "aws")?;
        let row = AWS_POLICIES.iter().find(|(name, ..)| *name == parts.name)?;
        self.aws_policy(row).filter(|policy| policy.arn == arn)
    }

    fn aws_policy(&self, (name, id, created, description, document): &AwsPolicy) -> Option<ManagedPolicy> {
        let created: Timestamp = created.parse().ok()?;
        let document = document.trim_end().to_owned();
        Some(ManagedPolicy {
            arn: format!("arn:{}:iam::aws:policy/{name}", self.partition()),
            name: Name::policy(name).ok()?,
            path: EntityPath::default(),
            id: (*id).to_owned(),
            created,
            updated: created,
            description: Some((*description).to_owned()),
            versions: vec![PolicyVersion { id: "v1".to_owned(), document, created }],
            default_version: "v1".to_owned(),
            next_version: 2,
            tags: Tags::default(),
        })
    }

    /// The ARN that a managed policy of this path and name has.
    pub fn policy_arn(&self, path: &EntityPath, name: &Name) -> String {
        arns::entity(self.partition(), self.id(), "policy", path, name)
    }

    /// A managed policy by its ARN: this account's own, or AWS's.
    pub async fn find_policy(&self, arn: &str) -> Result<Option<ManagedPolicy>, DirectoryError> {
        if let Some(policy) = self.find_aws_policy(arn) {
            return Ok(Some(policy));
        }
        Ok(self.own_policy(arn).await?.map(|loaded| loaded.record))
    }

    /// A managed policy by its ARN, or IAM's error.
    pub async fn policy(&self, arn: &str) -> Result<ManagedPolicy, DirectoryError> {
        check_policy_arn(arn)?;
        self.find_policy(arn).await?.ok_or_else(|| DirectoryError::no_policy(arn))
    }

    /// Managed policies, AWS's first, each kind in the order of their names.
    pub async fn policies(
        &self,
        scope: PolicyScope,
        path_prefix: &str,
        keep: impl Fn(&ManagedPolicy) -> bool,
        page: &PageRequest,
    ) -> Result<Page<ManagedPolicy>, DirectoryError> {
        let mut all = Vec::new();
        if scope != PolicyScope::Local {
            all.extend(self.aws_policies().map(|policy| ('a', policy)));
        }
        if scope != PolicyScope::Aws {
            let own = load_all::<ManagedPolicy>(self.store(), &keys::policies(self.id())).await?;
            all.extend(own.into_iter().map(|loaded| ('l', loaded.record)));
        }
        all.retain(|(_, policy)| policy.path.as_str().starts_with(path_prefix) && keep(policy));
        let position = |(kind, policy): &(char, ManagedPolicy)| format!("{kind}/{}", policy.name.folded());
        Ok(Page::of(all, position, page).map(|(_, policy)| policy))
    }

    /// Makes a managed policy.
    pub async fn create_policy(&self, new: NewPolicy, now: Timestamp) -> Result<ManagedPolicy, DirectoryError> {
        check_policy_document(&new.document)?;
        if let Some(text) = &new.description {
            check_description(text)?;
        }
        let policy = ManagedPolicy {
            arn: self.policy_arn(&new.path, &new.name),
            id: unique_id(IdKind::Policy, self.entropy()),
            name: new.name,
            path: new.path,
            created: now,
            updated: now,
            description: new.description,
            versions: vec![PolicyVersion { id: "v1".to_owned(), document: new.document, created: now }],
            default_version: "v1".to_owned(),
            next_version: 2,
            tags: new.tags,
        };
        let key = keys::policy(self.id(), &policy.name);
        if commit(self.store(), create(Txn::new(), &key, &policy)?).await? {
            return Ok(policy);
        }
        Err(DirectoryError::EntityAlreadyExists(format!(
            "A policy called {} already exists. Duplicate names are not allowed.",
            policy.name
        )))
    }

    /// Deletes a policy of this account that is attached nowhere and has no version but the default one.
    pub async fn delete_policy(&self, arn: &str) -> Result<(), DirectoryError> {
        for _ in 0..ATTEMPTS {
            let policy = self.own_policy_to_change(arn).await?;
            if self.usage(arn).await?.is_used() {
                return Err(conflict("Cannot delete a policy attached to entities."));
            }
            if policy.record.versions.len() > 1 {
                return Err(conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                     versions. The default version is deleted with the policy.",
                ));
            }
            // Whoever attaches it meanwhile writes its usage, which must still be absent.
            let txn = policy.remove(Txn::new()).absent(keys::usage(self.id(), arn));
            if commit(self.store(), txn).await? {
                return Ok(());
            }
        }
        Err(DirectoryError::Contention)
    }

    /// Adds a version; it comes into force at once if `default` says so.
    pub async fn create_policy_version(
        &self,
        arn: &str,
        document: &str,
        default: bool,
        now: Timestamp,
    ) -> Result<PolicyVersion, DirectoryError> {
        check_policy_document(document)?;
        self.edit_policy(arn, |policy| {
            if policy.versions.len() >= VERSIONS {
                return Err(DirectoryError::LimitExceeded(format!(
                    "A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must \
                     delete an existing version."
                )));
            }
            let version =
                PolicyVersion { id: format!("v{}", policy.next_version), document: document.to_owned(), created: now };
            policy.next_version += 1;
            policy.updated = now;
            if default {
                policy.default_version.clone_from(&version.id);
            }
            policy.versions.push(version.clone());
            Ok(version)
        })
        .await
    }

    /// Deletes a version that is not in force.
    pub async fn delete_policy_version(&self, arn: &str, id: &str, now: Timestamp) -> Result<(), DirectoryError> {
        self.edit_policy(arn, |policy| {
            policy.version(id)?;
            if policy.default_version == id {
                return Err(conflict("Cannot delete the default version of a policy."));
            }
            policy.versions.retain(|version| version.id != id);
            policy.updated = now;
            Ok(())
        })
        .await
    }

    /// Brings a version into force.
    pub async fn set_default_policy_version(&self, arn: &str, id: &str, now: Timestamp) -> Result<(), DirectoryError> {
        self.edit_policy(arn, |policy| {
            policy.version(id)?;
            id.clone_into(&mut policy.default_version);
            policy.updated = now;
            Ok(())
        })
        .await
    }

    /// Adds tags to a policy of this account, or replaces those whose keys are there.
    pub async fn tag_policy(&self, arn: &str, tags: &Tags) -> Result<(), DirectoryError> {
        self.edit_policy(arn, |policy| policy.tags.merge(tags)).await
    }

    /// Removes tags of a policy of this account by their keys.
    pub async fn untag_policy(&self, arn: &str, keys: &[String]) -> Result<(), DirectoryError> {
        self.edit_policy(arn, |policy| {
            policy.tags.remove(keys);
            Ok(())
        })
        .await
    }

    /// A policy of this account by its ARN.
    pub(crate) async fn own_policy(&self, arn: &str) -> Result<Option<Loaded<ManagedPolicy>>, DirectoryError> {
        let Some(parts) = arns::policy_parts(arn) else { return Ok(None) };
        if parts.owner != self.id().as_str() || parts.partition != self.partition().as_str() {
            return Ok(None);
        }
        let Ok(name) = Name::policy(parts.name) else { return Ok(None) };
        let found = load::<ManagedPolicy>(self.store(), &keys::policy(self.id(), &name)).await?;
        Ok(found.filter(|loaded| loaded.record.arn == arn))
    }

    async fn own_policy_to_change(&self, arn: &str) -> Result<Loaded<ManagedPolicy>, DirectoryError> {
        check_policy_arn(arn)?;
        if self.find_aws_policy(arn).is_some() {
            return Err(DirectoryError::InvalidInput(format!("{arn} is owned by AWS and can't be changed")));
        }
        self.own_policy(arn).await?.ok_or_else(|| DirectoryError::no_policy(arn))
    }

    async fn edit_policy<T>(
        &self,
        arn: &str,
        mut change: impl FnMut(&mut ManagedPolicy) -> Result<T, DirectoryError> + Send,
    ) -> Result<T, DirectoryError> {
        for _ in 0..ATTEMPTS {
            let mut loaded = self.own_policy_to_change(arn).await?;
            let value = change(&mut loaded.record)?;
            if commit(self.store(), loaded.replace(Txn::new())?).await? {
                return Ok(value);
            }
        }
        Err(DirectoryError::Contention)
    }
}

/// Refuses a text that can't be a managed policy's ARN.
pub(crate) fn check_policy_arn(arn: &str) -> Result<(), DirectoryError> {
    crate::names::check_length("policyArn", arn, 20, 2048)?;
    if arns::policy_parts(arn).is_some() {
        return Ok(());
    }
    Err(DirectoryError::InvalidInput(format!("ARN {arn} is not valid.")))
}

fn check_policy_document(text: &str) -> Result<(), DirectoryError> {
    check_document("policyDocument", text)?;
    PolicyDocument::parse(text)?;
    if counted_size(text) > POLICY_SIZE {
        return Err(DirectoryError::quota("PolicySize", POLICY_SIZE));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_aws_policy_can_be_read() {
        for (name, _, created, description, document) in AWS_POLICIES {
            assert!(created.parse::<Timestamp>().is_ok() && Name::policy(name).is_ok(), "{name}");
            check_description(description).unwrap();
            check_policy_document(document).unwrap();
        }
    }
}
