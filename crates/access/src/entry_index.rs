//! Access entries compiled: from a principal to its entry and the rules of its policies.
//!
//! Entries change one at a time and often, so a new index shares all but the 256th part that changed. The
//! place of an entry is a hash of what STS tells of a principal (never its path); the entries under it are
//! compared whole, so a collision costs time alone.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use jiff::Timestamp;

use crate::principal::PrincipalKey;
use crate::rule_table::{Asked, Question, RuleTable, SetId};
use crate::{AccessEntry, Association, PolicyArn, PolicyCatalogue, PolicyName, PolicyRules, PrincipalArn, Reason};

/// The catalogue with the rules of each policy compiled once, whoever associates it.
#[derive(Debug)]
pub(crate) struct CompiledCatalogue {
    pub(crate) catalogue: PolicyCatalogue,
    rules: RuleTable,
    aws: BTreeMap<PolicyName, SetId>,
    own: BTreeMap<PolicyArn, SetId>,
}

impl CompiledCatalogue {
    pub(crate) fn compile(catalogue: PolicyCatalogue) -> CompiledCatalogue {
        let mut sets = Vec::new();
        let mut id_of = |rules: &PolicyRules| match rules {
            PolicyRules::Known(rules) => {
                sets.push(Arc::clone(rules));
                SetId::try_from(sets.len() - 1).ok()
            }
            PolicyRules::Unpublished => None,
        };
        let aws = catalogue.aws().filter_map(|policy| Some((policy.name.clone(), id_of(&policy.rules)?))).collect();
        let own = catalogue.own().filter_map(|(arn, policy)| Some((arn.clone(), id_of(&policy.rules)?))).collect();
        CompiledCatalogue { catalogue, aws, own, rules: RuleTable::new(sets) }
    }

    /// `None` for a policy that is not there or has no published rules: it grants nothing.
    fn id(&self, arn: &PolicyArn) -> Option<SetId> {
        match arn {
            PolicyArn::Aws { name, .. } => self.aws.get(name),
            PolicyArn::Own { .. } => self.own.get(arn),
        }
        .copied()
    }

    /// A request to be asked of several policies.
    pub(crate) fn ask<'a>(&self, question: &Question<'a>) -> Asked<'_, 'a> {
        self.rules.ask(question)
    }
}

/// An entry with the rules of its policies, and what a decision reads of it close together.
#[derive(Debug)]
pub(crate) struct CompiledEntry {
    pub(crate) entry: Arc<AccessEntry>,
    /// The principal's ARN without its path, as STS gives it.
    arn: Box<str>,
    /// INVARIANT (one an association): as many as `entry.policies`, in their order.
    rules: Box<[Option<SetId>]>,
}

impl CompiledEntry {
    fn compile(entry: Arc<AccessEntry>, catalogue: &CompiledCatalogue) -> CompiledEntry {
        let rules = entry.policies.iter().map(|association| catalogue.id(&association.policy)).collect();
        CompiledEntry { arn: entry.principal.without_path().as_str().into(), rules, entry }
    }

    /// Its associations with their rules in the catalogue; `None` where none are published.
    pub(crate) fn policies(&self) -> impl Iterator<Item = (&Association, Option<SetId>)> {
        self.entry.policies.iter().zip(self.rules.iter().copied())
    }

    /// Whether it is made for a principal of that account, kind and name.
    fn is_for(&self, key: PrincipalKey<'_>) -> bool {
        key.is_arn(&self.arn) || key == self.entry.principal.key()
    }

    /// The first of its policies that allows the request now.
    pub(crate) fn decide<'s>(
        &'s self,
        question: &Question<'_>,
        catalogue: &'s CompiledCatalogue,
        now: Timestamp,
    ) -> Option<Reason<'s>> {
        if self.rules.is_empty() {
            return None;
        }
        let asked = catalogue.ask(question);
        self.policies().find_map(|(association, rules)| {
            // The rules first: they are a few bits, a scope is texts.
            let rule = asked.find_in(rules?)?;
            if !association.is_in_force(now) || !association.scope.covers(question.namespace()) {
                return None;
            }
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

/// An entry under its hash.
#[derive(Debug, Clone)]
struct Slot {
    hash: u64,
    compiled: Arc<CompiledEntry>,
}

/// By hash, then by ARN.
type Shard = Arc<[Slot]>;

/// A change copies the list of shards and one shard: with 997 entries 4, with 100,000 some 400 slots.
const SHARDS: usize = 256;

/// All entries of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct EntryIndex {
    hasher: DefaultHashBuilder,
    /// INVARIANT (all shards): `SHARDS` of them, each with the hashes whose upper eight bits are its number.
    shards: Arc<[Shard]>,
}

impl EntryIndex {
    /// Of several entries with one ARN the last counts.
    pub(crate) fn compile(entries: &[Arc<AccessEntry>], catalogue: &CompiledCatalogue) -> EntryIndex {
        let hasher = DefaultHashBuilder::default();
        let by_arn: BTreeMap<&str, &Arc<AccessEntry>> =
            entries.iter().map(|entry| (entry.principal.as_str(), entry)).collect();
        let mut shards = vec![Vec::new(); SHARDS];
        for entry in by_arn.into_values() {
            let hash = hasher.hash_one(entry.principal.key());
            let compiled = Arc::new(CompiledEntry::compile(Arc::clone(entry), catalogue));
            shards
                .get_mut(shard(hash))
                .into_iter()
                .for_each(|slots| slots.push(Slot { hash, compiled: Arc::clone(&compiled) }));
        }
        // A stable sort keeps the order of ARNs.
        shards.iter_mut().for_each(|slots| slots.sort_by_key(|slot| slot.hash));
        EntryIndex { hasher, shards: shards.into_iter().map(Shard::from).collect() }
    }

    /// Puts an entry in, in place of one with the same ARN.
    pub(crate) fn insert(&mut self, entry: Arc<AccessEntry>, catalogue: &CompiledCatalogue) {
        let principal = entry.principal.clone();
        self.replace(&principal, Some(Arc::new(CompiledEntry::compile(entry, catalogue))));
    }

    /// Takes the entry with exactly this ARN out, if it is there.
    pub(crate) fn remove(&mut self, principal: &PrincipalArn) {
        self.replace(principal, None);
    }

    fn replace(&mut self, principal: &PrincipalArn, by: Option<Arc<CompiledEntry>>) {
        let hash = self.hasher.hash_one(principal.key());
        let mut shards = self.shards.to_vec();
        let Some(changed) = shards.get_mut(shard(hash)) else { return };
        let others = changed.iter().filter(|slot| slot.compiled.entry.principal != *principal).cloned();
        let mut slots: Vec<Slot> = others.chain(by.map(|compiled| Slot { hash, compiled })).collect();
        slots.sort_by(|a, b| (a.hash, a.arn()).cmp(&(b.hash, b.arn())));
        *changed = slots.into();
        self.shards = shards.into();
    }

    /// All entries, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<AccessEntry>> {
        self.shards.iter().flat_map(|shard| shard.iter()).map(|slot| &slot.compiled.entry)
    }

    /// All entries, in ascending order of ARN.
    pub(crate) fn sorted(&self) -> Vec<Arc<AccessEntry>> {
        let mut all: Vec<Arc<AccessEntry>> = self.iter().cloned().collect();
        all.sort_by(|a, b| a.principal.as_str().cmp(b.principal.as_str()));
        all
    }

    /// The entries made for a principal of that account, kind and name, whether or not they match now.
    pub(crate) fn named(&self, key: PrincipalKey<'_>) -> impl Iterator<Item = &CompiledEntry> {
        let hash = self.hasher.hash_one(key);
        let slots = self.shards.get(shard(hash)).map(|shard| &shard[..]).unwrap_or_default();
        let first = slots.partition_point(|slot| slot.hash < hash);
        let same_hash = slots.get(first..).unwrap_or_default().iter().take_while(move |slot| slot.hash == hash);
        same_hash.map(|slot| &*slot.compiled).filter(move |compiled| compiled.is_for(key))
    }

    /// The entry that maps a principal at `now`: in force, and made for this unique id or for any. One
    /// that names the id wins over one that doesn't; then the first by ARN.
    pub(crate) fn find(&self, key: PrincipalKey<'_>, unique_id: &str, now: Timestamp) -> Option<&CompiledEntry> {
        let mut for_any = None;
        for compiled in self.named(key).filter(|compiled| compiled.entry.is_in_force(now)) {
            match compiled.entry.unique_id.as_deref() {
                Some(id) if id == unique_id => return Some(compiled),
                None if for_any.is_none() => for_any = Some(compiled),
                Some(_) | None => {}
            }
        }
        for_any
    }
}

impl Slot {
    fn arn(&self) -> &str {
        self.compiled.entry.principal.as_str()
    }
}

fn shard(hash: u64) -> usize {
    (hash >> 56) as usize
}
