//! What is in force on one cluster, compiled per subject.
//!
//! A snapshot never changes; a changed cluster has a new one, which shares every part that is the same.
//! Readers need no lock, and a question allocates nothing.

use jiff::Timestamp;
use std::sync::Arc;

use crate::entry_index::{CompiledCatalogue, CompiledEntry, EntryIndex};
use crate::grants::RbacIndex;
use crate::mapping::MappingIndex;
use crate::rule_table::Question;
use crate::standing::MASTERS;
use crate::{
    AccessEntry, AuthenticationMode, AwsAuth, BootstrapCreator, Caller, Decision, Identity, IdentitySource,
    PolicyCatalogue, PolicyRule, PrincipalArn, RbacObjects, Reason, Request, RoleRef, UserInfo,
};

/// All that decides on one cluster, as values.
#[derive(Debug, Clone)]
pub struct ClusterModel {
    /// The mode.
    pub mode: AuthenticationMode,
    /// Its access entries.
    pub entries: Vec<Arc<AccessEntry>>,
    /// Its aws-auth.
    pub aws_auth: AwsAuth,
    /// Its RBAC objects.
    pub rbac: RbacObjects,
    /// The policies that exist.
    pub catalogue: PolicyCatalogue,
    /// The creator's hidden `system:masters` mapping, in force in CONFIG_MAP mode alone (turning the API
    /// on makes an entry of it).
    pub bootstrap_creator: Option<BootstrapCreator>,
}

/// A compiled [`ClusterModel`]: immutable, shared without locks, cheap to clone. Compiling is linear in
/// the model; each part can be replaced alone, one entry at a small part of that cost.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) mode: AuthenticationMode,
    pub(crate) entries: EntryIndex,
    pub(crate) catalogue: Arc<CompiledCatalogue>,
    pub(crate) mappings: Arc<MappingIndex>,
    pub(crate) rbac: Arc<RbacIndex>,
    pub(crate) bootstrap_creator: Option<BootstrapCreator>,
}

impl Snapshot {
    /// Compiles everything.
    pub fn compile(model: ClusterModel) -> Snapshot {
        let catalogue = Arc::new(CompiledCatalogue::compile(model.catalogue));
        Snapshot {
            mode: model.mode,
            entries: EntryIndex::compile(&model.entries, &catalogue),
            catalogue,
            mappings: Arc::new(MappingIndex::compile(model.aws_auth)),
            rbac: Arc::new(RbacIndex::compile(model.rbac)),
            bootstrap_creator: model.bootstrap_creator,
        }
    }

    /// A copy of what it was made of, entries by ARN. Costs what the model is large; the parts alone
    /// (`mode`, `rbac` …) are there for less.
    pub fn model(&self) -> ClusterModel {
        ClusterModel {
            mode: self.mode,
            entries: self.entries(),
            aws_auth: self.aws_auth().clone(),
            rbac: self.rbac().clone(),
            catalogue: self.catalogue().clone(),
            bootstrap_creator: self.bootstrap_creator.clone(),
        }
    }

    /// The mode.
    pub fn mode(&self) -> AuthenticationMode {
        self.mode
    }
    /// The access entries, in ascending order of ARN.
    pub fn entries(&self) -> Vec<Arc<AccessEntry>> {
        self.entries.sorted()
    }
    /// When its entries and their associations end, in no order, those that have ended too.
    pub fn ends(&self) -> impl Iterator<Item = Timestamp> {
        self.entries.iter().flat_map(|entry| entry.ends())
    }
    /// The entry with exactly this ARN.
    pub fn entry(&self, principal: &PrincipalArn) -> Option<&Arc<AccessEntry>> {
        self.entries.named(principal.key()).map(|compiled| &compiled.entry).find(|entry| entry.principal == *principal)
    }
    /// The aws-auth mappings.
    pub fn aws_auth(&self) -> &AwsAuth {
        self.mappings.aws_auth()
    }
    /// The RBAC objects.
    pub fn rbac(&self) -> &RbacObjects {
        self.rbac.objects()
    }
    /// The policies that exist.
    pub fn catalogue(&self) -> &PolicyCatalogue {
        &self.catalogue.catalogue
    }
    /// The creator's hidden mapping.
    pub fn bootstrap_creator(&self) -> Option<&BootstrapCreator> {
        self.bootstrap_creator.as_ref()
    }

    /// The same in another mode.
    #[must_use]
    pub fn with_mode(&self, mode: AuthenticationMode) -> Snapshot {
        Snapshot { mode, ..self.clone() }
    }
    /// The same with an entry put in, in place of one with the same ARN. Copies one 256th of the
    /// list of entries.
    #[must_use]
    pub fn with_entry(&self, entry: Arc<AccessEntry>) -> Snapshot {
        let mut next = self.clone();
        next.entries.insert(entry, &self.catalogue);
        next
    }
    /// The same without the entry of exactly this ARN. Costs what `with_entry` costs.
    #[must_use]
    pub fn without_entry(&self, principal: &PrincipalArn) -> Snapshot {
        let mut next = self.clone();
        next.entries.remove(principal);
        next
    }
    /// The same with other entries.
    #[must_use]
    pub fn with_entries(&self, entries: &[Arc<AccessEntry>]) -> Snapshot {
        Snapshot { entries: EntryIndex::compile(entries, &self.catalogue), ..self.clone() }
    }
    /// The same with another aws-auth.
    #[must_use]
    pub fn with_aws_auth(&self, aws_auth: AwsAuth) -> Snapshot {
        Snapshot { mappings: Arc::new(MappingIndex::compile(aws_auth)), ..self.clone() }
    }
    /// The same with other RBAC objects. Linear in their number.
    #[must_use]
    pub fn with_rbac(&self, rbac: RbacObjects) -> Snapshot {
        Snapshot { rbac: Arc::new(RbacIndex::compile(rbac)), ..self.clone() }
    }
    /// The same with other policies. Linear in the number of entries.
    #[must_use]
    pub fn with_catalogue(&self, catalogue: PolicyCatalogue) -> Snapshot {
        let catalogue = Arc::new(CompiledCatalogue::compile(catalogue));
        Snapshot { entries: EntryIndex::compile(&self.entries(), &catalogue), catalogue, ..self.clone() }
    }
    /// The same with or without a creator's hidden mapping.
    #[must_use]
    pub fn with_bootstrap_creator(&self, creator: Option<BootstrapCreator>) -> Snapshot {
        Snapshot { bootstrap_creator: creator, ..self.clone() }
    }

    /// Who a caller is here; `None` where nothing maps it (401, not 403). `now` decides whether an entry
    /// has ended. `ec2_private_dns_name` is what EC2 says of the instance that the session is named by,
    /// where somebody asked ([`Snapshot::needs_ec2_name`]).
    pub fn identity(&self, caller: &Caller, ec2_private_dns_name: Option<&str>, now: Timestamp) -> Option<Identity> {
        let source = self.source(caller, now)?;
        self.identity_by(&source, caller, ec2_private_dns_name)
    }

    /// What maps a caller: its entry, else (in the modes that have it) aws-auth.
    pub(crate) fn source(&self, caller: &Caller, now: Timestamp) -> Option<IdentitySource> {
        if let Some(compiled) = self.entry_in_force(caller, now) {
            return Some(IdentitySource::Entry(compiled.entry.principal.clone()));
        }
        if self.mode == AuthenticationMode::ConfigMap && self.bootstrap_creator.as_ref().is_some_and(|c| c.is(caller)) {
            return Some(IdentitySource::BootstrapCreator);
        }
        if !self.mode.has_config_map() {
            return None;
        }
        match self.mappings.find(&caller.principal) {
            Some((line, _)) => Some(line.into()),
            None => self.mappings.takes_account(&caller.principal).then_some(IdentitySource::AwsAuthAccount),
        }
    }

    /// The entry that maps a caller at `now`; `None` also where the mode has no entries.
    pub fn entry_for(&self, caller: &Caller, now: Timestamp) -> Option<&Arc<AccessEntry>> {
        self.entry_in_force(caller, now).map(|compiled| &compiled.entry)
    }

    fn entry_in_force(&self, caller: &Caller, now: Timestamp) -> Option<&CompiledEntry> {
        if !self.mode.has_api() {
            return None;
        }
        self.entries.find(caller.principal.key(), &caller.unique_id, now)
    }

    /// The entry behind an authenticated user, for its policies.
    pub(crate) fn entry_of_user(&self, user: &UserInfo, now: Timestamp) -> Option<&CompiledEntry> {
        if !self.mode.has_api() {
            return None;
        }
        let principal = user.authenticated_principal()?;
        self.entries.find(principal.key, principal.unique_id, now)
    }

    /// When the entry behind an authenticated user, or an association of it, ends next: before that, what the user may
    /// do changes with the snapshot alone.
    pub fn next_end(&self, user: &UserInfo, now: Timestamp) -> Option<Timestamp> {
        self.entry_of_user(user, now)?.entry.next_end(now)
    }

    /// Whether the request is allowed: `system:masters`, then the policies of the caller's entry, then
    /// RBAC. Costs what the subject's own grants cost; allocates nothing.
    pub fn decide(&self, request: &Request<'_>, now: Timestamp) -> Decision<'_> {
        if is_master(request.user) {
            return Decision::Allowed(Reason::SystemMasters);
        }
        let question = Question::new(request.attributes);
        let by_policy =
            self.entry_of_user(request.user, now).and_then(|entry| entry.decide(&question, &self.catalogue, now));
        by_policy.or_else(|| self.rbac.decide(request.user, &question)).map_or(Decision::NoOpinion, Decision::Allowed)
    }

    /// Like `decide`, RBAC (and `system:masters`) alone: what an impersonated user has, what escalation
    /// is checked against.
    pub fn decide_rbac(&self, request: &Request<'_>) -> Decision<'_> {
        if is_master(request.user) {
            return Decision::Allowed(Reason::SystemMasters);
        }
        let question = Question::new(request.attributes);
        self.rbac.decide(request.user, &question).map_or(Decision::NoOpinion, Decision::Allowed)
    }

    /// The RBAC rules that hold for a user in a namespace (`""`: cluster-wide ones alone), each once, in
    /// a fixed order: for SelfSubjectRulesReview and the escalation check.
    pub fn rules_for<'s>(&'s self, user: &UserInfo, namespace: &str) -> Vec<&'s PolicyRule> {
        let mut once = hashbrown::HashSet::new();
        self.rbac.rules_in(user, namespace).into_iter().filter(|rule| once.insert(*rule)).collect()
    }

    /// The rules of a role with aggregation resolved; `None` where it does not exist. `namespace` is the
    /// binding's, for a Role.
    pub fn role_rules(&self, role: &RoleRef, namespace: &str) -> Option<&[PolicyRule]> {
        self.rbac.role_rules(role, namespace)
    }
}

fn is_master(user: &UserInfo) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}
