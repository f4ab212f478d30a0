//! Access entries compiled: from a principal to its entry and the rules of its policies.
//!
//! A persistent map, since entries change one at a time and often: a new index shares all but the path
//! to what changed. The key is a hash of what STS tells of a principal (never its path); the entries
//! under it are compared whole, so a collision costs time alone.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use jiff::Timestamp;
use rpds::HashTrieMapSync;

use crate::principal::PrincipalKey;
use crate::rules::{Question, RuleSet};
use crate::{AccessEntry, Association, PolicyArn, PolicyCatalogue, PolicyName, PolicyRules, PrincipalArn, Reason};

/// The catalogue with the rules of each policy compiled once, whoever associates it.
#[derive(Debug)]
pub(crate) struct CompiledCatalogue {
    pub(crate) catalogue: PolicyCatalogue,
    aws: BTreeMap<PolicyName, Arc<RuleSet>>,
    own: BTreeMap<PolicyArn, Arc<RuleSet>>,
}

impl CompiledCatalogue {
    pub(crate) fn compile(catalogue: PolicyCatalogue) -> CompiledCatalogue {
        let known = |rules: &PolicyRules| match rules {
            PolicyRules::Known(rules) => Some(Arc::new(RuleSet::new(Arc::clone(rules)))),
            PolicyRules::Unpublished => None,
        };
        let aws = catalogue.aws().filter_map(|policy| Some((policy.name.clone(), known(&policy.rules)?))).collect();
        let own = catalogue.own().filter_map(|(arn, policy)| Some((arn.clone(), known(&policy.rules)?))).collect();
        CompiledCatalogue { catalogue, aws, own }
    }

    /// `None` for a policy that is not there or has no published rules: it grants nothing.
    fn rules(&self, arn: &PolicyArn) -> Option<Arc<RuleSet>> {
        match arn {
            PolicyArn::Aws { name, .. } => self.aws.get(name),
            PolicyArn::Own { .. } => self.own.get(arn),
        }
        .cloned()
    }
}

/// An entry with the rules of its policies.
#[derive(Debug)]
pub(crate) struct CompiledEntry {
    pub(crate) entry: Arc<AccessEntry>,
    /// INVARIANT (one an association): as many as `entry.policies`, in their order.
    rules: Box<[Option<Arc<RuleSet>>]>,
}

impl CompiledEntry {
    fn compile(entry: Arc<AccessEntry>, catalogue: &CompiledCatalogue) -> CompiledEntry {
        let rules = entry.policies.iter().map(|association| catalogue.rules(&association.policy)).collect();
        CompiledEntry { entry, rules }
    }

    /// Its associations with their rules; `None` where none are published.
    pub(crate) fn policies(&self) -> impl Iterator<Item = (&Association, Option<&RuleSet>)> {
        self.entry.policies.iter().zip(self.rules.iter().map(Option::as_deref))
    }

    /// The first of its policies that allows the request now.
    pub(crate) fn decide(&self, question: &Question<'_>, now: Timestamp) -> Option<Reason<'_>> {
        self.policies().find_map(|(association, rules)| {
            if !association.is_in_force(now) || !association.scope.covers(question.namespace()) {
                return None;
            }
            let rule = rules?.find(question)?;
            Some(Reason::AccessPolicy {
                principal: &self.entry.principal,
                unique_id: self.entry.unique_id.as_deref(),
                policy: &association.policy,
                scope: &association.scope,
                rule,
            })
        })
    }
}

/// The entries of one hash, by ARN.
type Bucket = Arc<[Arc<CompiledEntry>]>;

/// All entries of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct EntryIndex {
    hasher: DefaultHashBuilder,
    buckets: HashTrieMapSync<u64, Bucket>,
}

impl EntryIndex {
    pub(crate) fn compile(entries: &[Arc<AccessEntry>], catalogue: &CompiledCatalogue) -> EntryIndex {
        let mut index = EntryIndex { hasher: DefaultHashBuilder::default(), buckets: HashTrieMapSync::new_sync() };
        for entry in entries {
            index.insert(Arc::clone(entry), catalogue);
        }
        index
    }

    fn hash(&self, key: PrincipalKey<'_>) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Puts an entry in, in place of one with the same ARN.
    pub(crate) fn insert(&mut self, entry: Arc<AccessEntry>, catalogue: &CompiledCatalogue) {
        let hash = self.hash(entry.principal.key());
        let others = self.buckets.get(&hash).map(|bucket| &bucket[..]).unwrap_or_default();
        let mut bucket: Vec<Arc<CompiledEntry>> =
            others.iter().filter(|other| other.entry.principal != entry.principal).cloned().collect();
        bucket.push(Arc::new(CompiledEntry::compile(entry, catalogue)));
        bucket.sort_by(|a, b| a.entry.principal.as_str().cmp(b.entry.principal.as_str()));
        self.buckets.insert_mut(hash, bucket.into());
    }

    /// Takes the entry with exactly this ARN out, if it is there.
    pub(crate) fn remove(&mut self, principal: &PrincipalArn) {
        let hash = self.hash(principal.key());
        let Some(bucket) = self.buckets.get(&hash) else { return };
        let rest: Bucket = bucket.iter().filter(|other| other.entry.principal != *principal).cloned().collect();
        if rest.is_empty() {
            self.buckets.remove_mut(&hash);
        } else {
            self.buckets.insert_mut(hash, rest);
        }
    }

    /// All entries, in ascending order of ARN.
    pub(crate) fn sorted(&self) -> Vec<Arc<AccessEntry>> {
        let mut all: Vec<Arc<AccessEntry>> = self
            .buckets
            .values()
            .flat_map(|bucket| bucket.iter())
            .map(|compiled| Arc::clone(&compiled.entry))
            .collect();
        all.sort_by(|a, b| a.principal.as_str().cmp(b.principal.as_str()));
        all
    }

    /// The entries made for a principal of that account, kind and name, whether or not they match now.
    pub(crate) fn named(&self, key: PrincipalKey<'_>) -> impl Iterator<Item = &CompiledEntry> {
        let bucket = self.buckets.get(&self.hash(key)).map(|bucket| &bucket[..]).unwrap_or_default();
        bucket.iter().map(Arc::as_ref).filter(move |compiled| compiled.entry.principal.key() == key)
    }

    /// The entry that maps a principal at `now`: in force, and made for this unique id or for any. One
    /// that names the id wins over one that doesn't; then the first by ARN.
    pub(crate) fn find(&self, key: PrincipalKey<'_>, unique_id: &str, now: Timestamp) -> Option<&CompiledEntry> {
        let candidates = || self.named(key).filter(|compiled| compiled.entry.is_in_force(now));
        candidates()
            .find(|compiled| compiled.entry.unique_id.as_deref() == Some(unique_id))
            .or_else(|| candidates().find(|compiled| compiled.entry.unique_id.is_none()))
    }
}
