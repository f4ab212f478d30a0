//! Findings: who holds what is risky, where and through what; and what is amiss in how a cluster lets people in.
//!
//! Each check is data ([`Check`]): what triggers it, how bad it is, why, and what to do. Whether a rule gives a
//! permission is asked of the core's own rule ([`PolicyRule::allows`](entryway_access::PolicyRule::allows)), once for
//! each role and policy; a test holds the result against [`Snapshot::decide`].
//!
//! A finding is a fact and no judgement: an administrator is meant to be one. So that the list stays one to work
//! through, what follows from being administrator, and what Kubernetes and EKS give their own parts, stand apart
//! ([`Standing`]).

mod check;
mod fact_checks;
mod facts;
pub(crate) mod holder;
pub(crate) mod holding;
pub(crate) mod permission_checks;
mod permissions;
mod surroundings;
#[cfg(test)]
mod tests;
pub(crate) mod through;
pub(crate) mod vocabulary;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use entryway_access::{
    AuthenticationMode, AwsAuth, ClusterModel, PolicyCatalogue, PolicyRule, RbacObjects, Snapshot, bootstrap_rbac,
};
use jiff::Timestamp;

pub use self::check::{Check, Names, Need, Severity, SeverityError, Trigger};
pub use self::holder::Holder;
use self::holding::Grants;
pub use self::surroundings::{IamRights, Surroundings};
pub use self::through::Through;
pub use self::vocabulary::Permissions;
use crate::{KnownPrincipals, Place};

/// Whether a finding is one to work through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is.
    Own,
    /// It goes without saying: its holder is administrator of the cluster.
    Implied,
    /// Kubernetes or EKS gives it to a part of its own.
    WellKnown,
}

/// Permissions that somebody holds, where, and through what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Where.
    pub place: Place,
    /// What, of what the check looks for.
    pub permissions: Permissions,
    /// Whether it is for objects of some names alone.
    pub for_names: bool,
    /// Through what.
    pub through: Arc<Through>,
}

impl Grant {
    /// The rules that give it.
    pub fn rules<'s>(&self, state: &'s Snapshot) -> Vec<&'s PolicyRule> {
        self.permissions.given_by(self.through.rules(state))
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub check: &'static Check,
    /// How bad it is here: less in a single namespace, or for objects of some names alone.
    pub severity: Severity,
    /// Whom or what it is about.
    pub holder: Holder,
    /// Whether it is one to work through.
    pub standing: Standing,
    /// What gives it, for checks of permissions, the widest place first.
    pub grants: Vec<Grant>,
    /// What is so, for checks of facts.
    pub detail: String,
}

impl Finding {
    /// In a line: `get,list secrets in namespace payments, through AmazonEKSEditPolicy in payments`.
    pub fn line(&self) -> String {
        match self.grants.as_slice() {
            [] => self.detail.clone(),
            [grant, rest @ ..] => {
                let names = if grant.for_names { " of some names" } else { "" };
                let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
                format!("{}{names} in {}, through {}{more}", grant.permissions, grant.place, grant.through)
            }
        }
    }
}

/// All that was found in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The worst first; then in the order of the checks, then by holder.
    pub all: Vec<Finding>,
    /// Checks that were left out, because what they need could not be read.
    pub left_out: Vec<&'static Check>,
}

impl Findings {
    /// Those to work through.
    pub fn own(&self) -> impl Iterator<Item = &Finding> {
        self.all.iter().filter(|finding| finding.standing == Standing::Own)
    }
}

/// Every check there is, the worst first.
pub fn checks() -> Vec<&'static Check> {
    let mut all: Vec<&'static Check> = permissions::CHECKS.iter().chain(facts::CHECKS).collect();
    all.sort_by_key(|check| Reverse(check.severity));
    all
}

/// The check of that id.
pub fn check(id: &str) -> Option<&'static Check> {
    checks().into_iter().find(|check| check.id == id)
}

/// Everything that is found in a cluster at a time. Linear in its entries and bindings.
pub fn findings(state: &Snapshot, around: &Surroundings, known: &KnownPrincipals, now: Timestamp) -> Findings {
    let mut found = look(state, around, known, now);
    let usual = well_known();
    for finding in &mut found.all {
        if is_well_known(finding, usual) {
            finding.standing = Standing::WellKnown;
        }
    }
    let order: HashMap<&str, usize> = checks().iter().enumerate().map(|(index, check)| (check.id, index)).collect();
    let key = |finding: &Finding| (Reverse(finding.severity), order.get(finding.check.id).copied());
    let mut keyed: Vec<_> = found.all.into_iter().map(|finding| (key(&finding), finding)).collect();
    keyed.sort_by(|(key, a), (other, b)| {
        key.cmp(other).then_with(|| a.holder.cmp(&b.holder)).then_with(|| a.detail.cmp(&b.detail))
    });
    found.all = keyed.into_iter().map(|(_, finding)| finding).collect();
    found
}

fn look(state: &Snapshot, around: &Surroundings, known: &KnownPrincipals, now: Timestamp) -> Findings {
    let mut grants = Grants::of(state, now);
    let holdings = grants.holdings(known);
    let mut all = Vec::new();
    for holding in &holdings {
        permission_checks::look(state, holding, around, &mut all);
    }
    let mut left_out = Vec::new();
    fact_checks::look(
        &fact_checks::Scene { state, around, known, grants: &grants, holdings: &holdings, now },
        &mut all,
    );
    let needs_namespaces = permissions::CHECKS.iter().filter(|check| check.id == permission_checks::PRIVILEGED_POD);
    if around.namespaces.is_none() {
        left_out.extend(needs_namespaces);
    }
    if around.service_accounts.is_none() {
        left_out.extend([&facts::MISSING_ACCOUNT, &facts::CLOUD_ROLE]);
    }
    if around.iam.is_none() {
        left_out.extend([
            &facts::IAM_ENTRIES,
            &facts::IAM_MODE,
            &facts::IAM_ASSUME,
            &facts::IAM_PASS_ROLE,
            &facts::STALE,
        ]);
    }
    Findings { all, left_out }
}

/// What is found in a fresh cluster, by check, holder and detail. It is made of constants, once for the process.
type Usual = BTreeMap<(&'static str, Holder, String), Vec<Grant>>;

fn well_known() -> &'static Usual {
    static USUAL: OnceLock<Usual> = OnceLock::new();
    USUAL.get_or_init(|| {
        let objects: Option<serde_json::Value> = serde_json::from_str(bootstrap_rbac()).ok();
        let (rbac, _) = RbacObjects::from_values(&objects);
        let state = Snapshot::compile(ClusterModel {
            // In its mode all that can be found of a fresh cluster is.
            mode: AuthenticationMode::ConfigMap,
            entries: Vec::new(),
            aws_auth: AwsAuth::default(),
            rbac,
            catalogue: PolicyCatalogue::default(),
            bootstrap_creator: None,
        });
        // Namespaces enforce nothing and service accounts are missing, so that all there can be is found.
        let around = Surroundings {
            namespaces: Some([(permission_checks::PRIVILEGED.to_owned(), false)].into()),
            service_accounts: Some(BTreeMap::new()),
            iam: None,
        };
        let found = look(&state, &around, &KnownPrincipals::default(), Timestamp::UNIX_EPOCH);
        let of_people = |finding: &Finding| finding.holder != Holder::Cluster;
        let found = found.all.into_iter().filter(of_people);
        found.map(|finding| ((finding.check.id, finding.holder, finding.detail), finding.grants)).collect()
    })
}

/// Whether a finding is in every fresh cluster, through the same binding and with no more; or is one of EKS's own
/// users, whose names nobody else can have, through EKS's own bindings.
fn is_well_known(finding: &Finding, usual: &Usual) -> bool {
    if matches!(finding.holder, Holder::Principal(_) | Holder::OthersOf(_)) {
        return false;
    }
    if let Holder::User(name) = &finding.holder {
        let is_of_eks =
            |grant: &Grant| matches!(&*grant.through, Through::Binding { name, .. } if name.starts_with("eks:"));
        if name.starts_with("eks:") && !finding.grants.is_empty() && finding.grants.iter().all(is_of_eks) {
            return true;
        }
    }
    let key = (finding.check.id, finding.holder.clone(), finding.detail.clone());
    let Some(there) = usual.get(&key) else { return false };
    let is_there = |grant: &Grant| {
        there.iter().any(|other| {
            other.place == grant.place
                && other.through == grant.through
                && grant.permissions.without(other.permissions).is_empty()
        })
    };
    finding.grants.iter().all(is_there)
}
