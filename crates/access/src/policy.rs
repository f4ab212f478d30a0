//! Access policies and the catalogue of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::edit_distance::edit_distance;
use crate::{AccountId, Arn, ArnError, Partition, PolicyRule, Region};

/// The name of an access policy, such as `AmazonEKSViewPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName(String);

impl PolicyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PolicyName {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        if !text.is_empty() && text.len() <= 128 && text.bytes().all(good) {
            Ok(PolicyName(text.to_owned()))
        } else {
            Err(ArnError::new("access policy name", text, "must be 1 to 128 letters, digits and `_+=,.@-`"))
        }
    }
}

/// An access policy's ARN: AWS's own (`arn:P:eks::aws:cluster-access-policy/NAME`) or a user's
/// (`arn:P:eks:REGION:ACCOUNT:cluster-access-policy/NAME`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyArn {
    /// AWS's.
    Aws {
        /// The partition.
        partition: Partition,
        /// The name.
        name: PolicyName,
    },
    /// One's own (Entryway's control plane only).
    Own {
        /// The partition.
        partition: Partition,
        /// The region.
        region: Region,
        /// The account.
        account: AccountId,
        /// The name.
        name: PolicyName,
    },
}

impl PolicyArn {
    /// The policy's name.
    pub fn name(&self) -> &PolicyName {
        match self {
            PolicyArn::Aws { name, .. } | PolicyArn::Own { name, .. } => name,
        }
    }
    /// The partition.
    pub fn partition(&self) -> Partition {
        match self {
            PolicyArn::Aws { partition, .. } | PolicyArn::Own { partition, .. } => *partition,
        }
    }
}

impl fmt::Display for PolicyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyArn::Aws { partition, name } => write!(f, "arn:{partition}:eks::aws:cluster-access-policy/{name}"),
            PolicyArn::Own { partition, region, account, name } => {
                write!(f, "arn:{partition}:eks:{region}:{account}:cluster-access-policy/{name}")
            }
        }
    }
}

impl FromStr for PolicyArn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let form = "must have the form arn:PARTITION:eks::aws:cluster-access-policy/NAME";
        let arn: Arn = text.parse()?;
        let name = arn.resource().strip_prefix("cluster-access-policy/").filter(|_| arn.service() == "eks");
        let name: PolicyName = name.ok_or_else(|| ArnError::new("access policy ARN", text, form))?.parse()?;
        let partition = arn.partition().parse()?;
        match (arn.region(), arn.account()) {
            ("", "aws") => Ok(PolicyArn::Aws { partition, name }),
            ("", _) | (_, "aws") => Err(ArnError::new("access policy ARN", text, form)),
            (region, account) => {
                Ok(PolicyArn::Own { partition, region: region.parse()?, account: account.parse()?, name })
            }
        }
    }
}

/// What a policy grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyRules {
    /// These rules.
    Known(Arc<[PolicyRule]>),
    /// AWS has not published them: the policy may be associated and grants nothing here.
    Unpublished,
}

/// An access policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its name.
    pub name: PolicyName,
    /// What it grants.
    pub rules: PolicyRules,
    /// Only for service-linked roles: associating it is refused.
    pub service_linked_only: bool,
    /// Where the rules are from, one line for people.
    pub source: String,
}

/// The policies that exist: AWS's by name (for every partition), and users' own by ARN.
/// Cheap to clone (shared inside).
#[derive(Debug, Clone, Default)]
pub struct PolicyCatalogue {
    aws: Arc<BTreeMap<PolicyName, AccessPolicy>>,
    own: Arc<BTreeMap<PolicyArn, AccessPolicy>>,
}

impl PolicyCatalogue {
    /// AWS's policies as published (`data/policies.json`), parsed once for the process.
    pub fn builtin() -> PolicyCatalogue {
        static BUILTIN: OnceLock<PolicyCatalogue> = OnceLock::new();
        // A test reads the file; were it broken all the same, an empty catalogue grants nothing.
        BUILTIN.get_or_init(|| PolicyCatalogue::from_json(AWS_POLICIES).unwrap_or_default()).clone()
    }
    /// Reads a catalogue in the form of `data/policies.json`.
    pub fn from_json(text: &str) -> Result<PolicyCatalogue, String> {
        let records: Vec<PolicyRecord> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut aws = BTreeMap::new();
        for record in records {
            let name: PolicyName = record.name.parse().map_err(|error: ArnError| error.to_string())?;
            let arn: PolicyArn = record.arn.parse().map_err(|error: ArnError| error.to_string())?;
            if arn != (PolicyArn::Aws { partition: arn.partition(), name: name.clone() }) {
                return Err(format!("policy `{name}` has the ARN `{arn}` of another policy"));
            }
            let rules = record.rules.map_or(PolicyRules::Unpublished, |rules| PolicyRules::Known(rules.into()));
            let service_linked_only = record.service_linked_only;
            let policy = AccessPolicy { name: name.clone(), rules, service_linked_only, source: record.source };
            if aws.insert(name.clone(), policy).is_some() {
                return Err(format!("policy `{name}` is there twice"));
            }
        }
        Ok(PolicyCatalogue { aws: Arc::new(aws), own: Arc::default() })
    }
    /// The same, with users' own policies in place of those it had.
    #[must_use]
    pub fn with_own(&self, own: BTreeMap<PolicyArn, AccessPolicy>) -> PolicyCatalogue {
        PolicyCatalogue { aws: Arc::clone(&self.aws), own: Arc::new(own) }
    }
    /// The policy of that ARN.
    pub fn get(&self, arn: &PolicyArn) -> Option<&AccessPolicy> {
        match arn {
            PolicyArn::Aws { name, .. } => self.aws.get(name),
            PolicyArn::Own { .. } => self.own.get(arn),
        }
    }
    /// AWS's policies by name.
    pub fn aws(&self) -> impl Iterator<Item = &AccessPolicy> {
        self.aws.values()
    }
    /// Users' own, by ARN.
    pub fn own(&self) -> impl Iterator<Item = (&PolicyArn, &AccessPolicy)> {
        self.own.iter()
    }
    /// What a person may write for a policy: its ARN, its name, or the name's middle (`ClusterAdmin` for
    /// `AmazonEKSClusterAdminPolicy`), without regard to case. `Err` lists the nearest names.
    pub fn resolve(&self, text: &str, partition: Partition) -> Result<PolicyArn, String> {
        if text.starts_with("arn:") {
            let arn: PolicyArn = text.parse().map_err(|error: ArnError| error.to_string())?;
            if arn.partition() != partition {
                return Err(format!("`{arn}` is of partition {}, the cluster of {partition}", arn.partition()));
            }
            return match self.get(&arn) {
                Some(_) => Ok(arn),
                None => Err(self.unknown(text, arn.name().as_str())),
            };
        }
        // A fleet's file names tens of thousands: nothing is made of a name that is not meant.
        let same = |name: &str| fold(name).eq(fold(text));
        let whole = |name: &str| same(name);
        let middle = |name: &str| middles(name).any(same);
        // A whole name wins over another policy's middle.
        let mut found = self.named(partition, whole);
        if found.is_empty() {
            found = self.named(partition, middle);
        }
        match found.as_slice() {
            [] => Err(self.unknown(text, text)),
            [one] => Ok(one.clone()),
            several => {
                let list: Vec<String> = several.iter().map(|arn| arn.to_string()).collect();
                Err(format!("`{text}` may be any of {}; write the ARN", list.join(", ")))
            }
        }
    }

    /// The ARNs of all policies of a partition: AWS's, then users' own.
    pub fn arns(&self, partition: Partition) -> impl Iterator<Item = PolicyArn> {
        let aws = self.aws.keys().map(move |name| PolicyArn::Aws { partition, name: name.clone() });
        aws.chain(self.own.keys().filter(move |arn| arn.partition() == partition).cloned())
    }

    fn named(&self, partition: Partition, is_meant: impl Fn(&str) -> bool) -> Vec<PolicyArn> {
        let aws = self.aws.keys().filter(|name| is_meant(name.as_str()));
        let aws = aws.map(|name| PolicyArn::Aws { partition, name: name.clone() });
        let own = self.own.keys().filter(|arn| arn.partition() == partition && is_meant(arn.name().as_str()));
        aws.chain(own.cloned()).collect()
    }

    /// The message for a policy that is not there, with the names nearest to it.
    fn unknown(&self, text: &str, name: &str) -> String {
        let wanted = folded(name);
        let names = self.aws.keys().chain(self.own.keys().map(PolicyArn::name));
        let mut near: Vec<(usize, &str)> = names
            .filter_map(|known| {
                let known = known.as_str();
                let forms = std::iter::once(known).chain(middles(known)).map(folded);
                let distance = forms.map(|form| edit_distance(&wanted, &form)).min()?;
                (distance * 2 <= wanted.chars().count().max(4)).then_some((distance, known))
            })
            .collect();
        near.sort_unstable();
        near.dedup();
        let names: Vec<String> = near.iter().take(3).map(|(_, known)| format!("`{known}`")).collect();
        match names.as_slice() {
            [] => format!("there is no access policy `{text}`"),
            names => format!("there is no access policy `{text}`; the nearest are {}", names.join(", ")),
        }
    }
}

const AWS_POLICIES: &str = include_str!("../data/policies.json");

/// One policy in the form of `data/policies.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyRecord {
    name: String,
    arn: String,
    rules: Option<Vec<PolicyRule>>,
    source: String,
    #[serde(default)]
    service_linked_only: bool,
}

/// A name as people compare it: without case, `-` and `_`.
fn fold(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| !matches!(c, '-' | '_')).take(128).map(|c| c.to_ascii_lowercase())
}

fn folded(name: &str) -> String {
    fold(name).collect()
}

/// What people call `AmazonEKSClusterAdminPolicy`: also `AmazonEKSClusterAdmin`, `ClusterAdminPolicy`, `ClusterAdmin`.
fn middles(name: &str) -> impl Iterator<Item = &str> {
    ["AmazonEKS", "Amazon", ""].into_iter().filter_map(|prefix| name.strip_prefix(prefix)).flat_map(|rest| {
        let without = rest.strip_suffix("Policy");
        std::iter::once(rest).chain(without)
    })
}
