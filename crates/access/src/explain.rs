//! Why, at length: what was looked at for a decision or a mapping, in a fixed order, and what became of
//! each. For people; it allocates, and walks everything. The decision itself is [`Snapshot::decide`]'s.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::grants::everyone;
use crate::rule_table::Question;
use crate::{
    AccessEntry, Association, AuthenticationMode, Binding, Caller, Decision, IdentitySource, Mapping, PolicyRule,
    Request, RoleRef, Snapshot, Subject,
};

/// A decision with everything that was considered for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation<'s> {
    /// What [`Snapshot::decide`] says.
    pub decision: Decision<'s>,
    /// The entry and its policies, then the bindings: cluster-wide ones, then by namespace and name.
    pub considered: Vec<Considered<'s>>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Considered<'s> {
    /// The user carries no principal that the authenticator put there, so no entry's policies apply.
    NoPrincipal {
        /// Whether it has keys that look like one but for their letter case, as impersonation makes them.
        lookalike: bool,
    },
    /// The cluster's mode has no access entries.
    ModeWithoutEntries,
    /// No entry names the user's principal.
    NoEntry,
    /// An entry of the principal that is not in force, or not made for it.
    EntryNotUsed {
        /// The entry.
        entry: &'s Arc<AccessEntry>,
        /// Why.
        why: EntryMiss,
    },
    /// A policy of the entry that is in force.
    Policy {
        /// The entry.
        entry: &'s Arc<AccessEntry>,
        /// The policy and its scope.
        association: &'s Association,
        /// What became of it.
        outcome: PolicyOutcome<'s>,
    },
    /// A binding of the user or one of its groups.
    Binding {
        /// The binding.
        binding: &'s Binding,
        /// Through which subject.
        subject: &'s Subject,
        /// What became of it.
        outcome: BindingOutcome<'s>,
    },
}

impl Considered<'_> {
    /// Whether it is what allows the request.
    pub fn allows(&self) -> bool {
        matches!(
            self,
            Considered::Policy { outcome: PolicyOutcome::Allows(_), .. }
                | Considered::Binding { outcome: BindingOutcome::Allows(_), .. }
        )
    }
}

/// Why an entry does not map a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMiss {
    /// It ended then.
    Ended(Timestamp),
    /// It was made for a principal of the same name that had another unique id.
    OtherUniqueId,
    /// Another entry of the same role name is the one that counts.
    OtherEntry,
    /// The cluster's mode has no entries.
    NotInMode,
}

/// What a policy of an entry in force says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PolicyOutcome<'s> {
    /// This rule allows the request.
    Allows(&'s PolicyRule),
    /// The association ended then.
    Ended(Timestamp),
    /// The request is outside its scope.
    OutOfScope,
    /// AWS has not published its rules, or the catalogue does not know it: it grants nothing here.
    NoPublishedRules,
    /// None of its rules allows the request.
    NoRule,
}

/// What a binding says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BindingOutcome<'s> {
    /// This rule allows the request.
    Allows(&'s PolicyRule),
    /// It holds in another namespace alone.
    OtherNamespace,
    /// The role does not exist.
    MissingRole,
    /// None of the role's rules allows the request.
    NoRule,
}

/// What could map a caller.
#[derive(Debug, Clone, PartialEq)]
pub enum Candidate<'s> {
    /// An access entry.
    Entry(&'s Arc<AccessEntry>),
    /// The creator's hidden mapping.
    BootstrapCreator,
    /// A line of aws-auth.
    Line {
        /// `mapRoles` or `mapUsers`.
        key: &'static str,
        /// Index in the list.
        index: usize,
        /// The line.
        mapping: &'s Mapping,
    },
    /// `mapAccounts`.
    Account,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateOutcome {
    /// It maps the caller.
    Maps,
    /// It is the one that counts, and gives no identity: a placeholder without a value, no username, or a
    /// reserved name.
    MapsToNobody,
    /// An entry that does not match.
    Missed(EntryMiss),
    /// The cluster's mode has no aws-auth.
    NotInMode,
    /// Something before it in the order counts instead, whole.
    Overridden,
}

impl Snapshot {
    /// The decision, and everything that was considered for it.
    pub fn explain<'s>(&'s self, request: &Request<'_>, now: Timestamp) -> Explanation<'s> {
        let question = Question::new(request.attributes);
        let mut considered = Vec::new();
        self.consider_policies(request, &question, now, &mut considered);
        self.consider_bindings(request, &question, &mut considered);
        Explanation { decision: self.decide(request, now), considered }
    }

    fn consider_policies<'s>(
        &'s self,
        request: &Request<'_>,
        question: &Question<'_>,
        now: Timestamp,
        into: &mut Vec<Considered<'s>>,
    ) {
        let Some(principal) = request.user.authenticated_principal() else {
            let lookalike = request.user.extra.keys().any(|key| key.eq_ignore_ascii_case("canonicalArn"));
            into.push(Considered::NoPrincipal { lookalike });
            return;
        };
        if !self.mode.has_api() {
            into.push(Considered::ModeWithoutEntries);
            return;
        }
        let used = self.entries.find(principal.key, principal.unique_id, now);
        let mut any = false;
        for compiled in self.entries.named(principal.key) {
            any = true;
            if used.is_none_or(|used| used.entry.principal != compiled.entry.principal) {
                let why = entry_miss(&compiled.entry, principal.unique_id, now);
                into.push(Considered::EntryNotUsed { entry: &compiled.entry, why });
            }
        }
        if !any {
            into.push(Considered::NoEntry);
        }
        let Some(compiled) = used else { return };
        for (association, rules) in compiled.policies() {
            let outcome = match (association.expires, rules) {
                (Some(end), _) if !association.is_in_force(now) => PolicyOutcome::Ended(end),
                (_, None) => PolicyOutcome::NoPublishedRules,
                _ if !association.scope.covers(question.namespace()) => PolicyOutcome::OutOfScope,
                (_, Some(rules)) => {
                    self.catalogue.ask(question).find_in(rules).map_or(PolicyOutcome::NoRule, PolicyOutcome::Allows)
                }
            };
            into.push(Considered::Policy { entry: &compiled.entry, association, outcome });
        }
    }

    fn consider_bindings<'s>(&'s self, request: &Request<'_>, question: &Question<'_>, into: &mut Vec<Considered<'s>>) {
        let means = |binding: &'s Binding| {
            everyone(request.user)
                .find_map(|who| binding.subjects.iter().find(|subject| who.is_meant_by(subject)))
                .map(|subject| (binding, subject))
        };
        let mut found: Vec<(&Binding, &Subject)> = self.rbac().bindings.iter().filter_map(means).collect();
        found.sort_by_key(|(binding, _)| (binding.namespace.as_deref(), binding.name.as_str()));
        into.extend(found.into_iter().map(|(binding, subject)| {
            let namespace = binding.namespace.as_deref();
            let outcome = match self.rbac.role_rules(&binding.role, namespace.unwrap_or_default()) {
                _ if namespace.is_some_and(|own| own != question.namespace()) => BindingOutcome::OtherNamespace,
                None => BindingOutcome::MissingRole,
                Some(rules) => rules
                    .iter()
                    .find(|rule| rule.allows(&question.attributes))
                    .map_or(BindingOutcome::NoRule, BindingOutcome::Allows),
            };
            Considered::Binding { binding, subject, outcome }
        }));
    }

    /// Everything that could map a caller, in the order in which it counts, and what became of each: what
    /// maps it, what that overrides, and what missed it.
    pub fn candidates(
        &self,
        caller: &Caller,
        ec2_private_dns_name: Option<&str>,
        now: Timestamp,
    ) -> Vec<(Candidate<'_>, CandidateOutcome)> {
        let source = self.source(caller, now);
        let winner = match self.identity(caller, ec2_private_dns_name, now) {
            Some(_) => CandidateOutcome::Maps,
            None => CandidateOutcome::MapsToNobody,
        };
        let mut all = Vec::new();
        for compiled in self.entries.named(caller.principal.key()) {
            let entry = &compiled.entry;
            let outcome = match &source {
                Some(IdentitySource::Entry(principal)) if *principal == entry.principal => winner,
                _ if !self.mode.has_api() => CandidateOutcome::Missed(EntryMiss::NotInMode),
                _ => CandidateOutcome::Missed(entry_miss(entry, &caller.unique_id, now)),
            };
            all.push((Candidate::Entry(entry), outcome));
        }
        // The entry that counts first; `sort_by_key` keeps the order of the others.
        all.sort_by_key(|(_, outcome)| *outcome != winner);
        if self.bootstrap_creator.as_ref().is_some_and(|creator| creator.is(caller)) {
            let outcome = match (&source, self.mode) {
                (Some(IdentitySource::BootstrapCreator), _) => winner,
                (_, AuthenticationMode::ConfigMap) => CandidateOutcome::Overridden,
                (_, AuthenticationMode::ApiAndConfigMap | AuthenticationMode::Api) => CandidateOutcome::NotInMode,
            };
            all.push((Candidate::BootstrapCreator, outcome));
        }
        let of_aws_auth = |own: &IdentitySource| match &source {
            _ if !self.mode.has_config_map() => CandidateOutcome::NotInMode,
            Some(source) if source == own => winner,
            Some(_) | None => CandidateOutcome::Overridden,
        };
        if let Some((line, mapping)) = self.mappings.find(&caller.principal) {
            let own = IdentitySource::from(line);
            let outcome = of_aws_auth(&own);
            if let IdentitySource::AwsAuthLine { key, index } = own {
                all.push((Candidate::Line { key, index, mapping }, outcome));
            }
        }
        if self.mappings.takes_account(&caller.principal) {
            all.push((Candidate::Account, of_aws_auth(&IdentitySource::AwsAuthAccount)));
        }
        all
    }
}

fn entry_miss(entry: &AccessEntry, unique_id: &str, now: Timestamp) -> EntryMiss {
    match (entry.expires, &entry.unique_id) {
        (Some(end), _) if !entry.is_in_force(now) => EntryMiss::Ended(end),
        (_, Some(id)) if id != unique_id => EntryMiss::OtherUniqueId,
        _ => EntryMiss::OtherEntry,
    }
}

impl fmt::Display for EntryMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryMiss::Ended(end) => write!(f, "it ended at {end}"),
            EntryMiss::OtherUniqueId => f.write_str(
                "the principal was deleted and made again since, and has another unique id; delete the entry and make it again",
            ),
            EntryMiss::OtherEntry => f.write_str("another entry of the same name counts"),
            EntryMiss::NotInMode => f.write_str("the authentication mode has no access entries"),
        }
    }
}

/// One line for people.
impl fmt::Display for Considered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Considered::NoPrincipal { lookalike: false } => {
                f.write_str("no access policies: the user does not come from the IAM authenticator")
            }
            Considered::NoPrincipal { lookalike: true } => f.write_str(
                "no access policies: an impersonated user has RBAC alone, whatever its extra attributes say",
            ),
            Considered::ModeWithoutEntries => {
                f.write_str("no access policies: the authentication mode has no access entries")
            }
            Considered::NoEntry => f.write_str("no access policies: there is no access entry of this principal"),
            Considered::EntryNotUsed { entry, why } => write!(f, "entry {} does not count: {why}", entry.principal),
            Considered::Policy { association, outcome, .. } => {
                let name = association.policy.name();
                write!(f, "policy {name} ({}) {outcome}", association.scope)
            }
            Considered::Binding { binding, subject, outcome } => {
                let (kind, RoleRef { kind: role_kind, name: role }) = (binding.kind().as_str(), &binding.role);
                write!(f, "{kind} ")?;
                if let Some(namespace) = &binding.namespace {
                    write!(f, "{namespace}/")?;
                }
                write!(f, "{} of {} {role} to {subject} {outcome}", binding.name, role_kind.as_str())
            }
        }
    }
}

impl fmt::Display for PolicyOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyOutcome::Allows(_) => f.write_str("allows it"),
            PolicyOutcome::Ended(end) => write!(f, "ended at {end}"),
            PolicyOutcome::OutOfScope => f.write_str("does not reach there"),
            PolicyOutcome::NoPublishedRules => f.write_str("has no published rules and grants nothing here"),
            PolicyOutcome::NoRule => f.write_str("has no rule for it"),
        }
    }
}

impl fmt::Display for BindingOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindingOutcome::Allows(_) => f.write_str("allows it"),
            BindingOutcome::OtherNamespace => f.write_str("holds in its own namespace alone"),
            BindingOutcome::MissingRole => f.write_str("refers to a role that does not exist"),
            BindingOutcome::NoRule => f.write_str("has no rule for it"),
        }
    }
}
