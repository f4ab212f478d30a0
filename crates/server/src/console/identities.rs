//! What local IAM knows and allows, for the checks that need it: who exists, and who could give himself access. It is
//! for visitors who may read all of IAM, since findings tell of it.
//!
//! Rights are judged as for a request of which nothing is known but who makes it: what a condition on its address or
//! on MFA would allow counts as not allowed.

use std::collections::BTreeSet;

use entryway_access::{PrincipalArn, PrincipalKind, Snapshot};
use entryway_analysis::finding::IamRights;
use entryway_analysis::{KnownPrincipals, PrincipalFacts, Subject, subjects};
use entryway_directory::{Account, CensusMark, DirectoryError, LocalCaller, PageRequest, Role};
use entryway_iam::policy::{Context, Request, assume_role, evaluate};
use jiff::Timestamp;

use super::visit::Visit;
use crate::eks::{ClusterRecord, entry_arn};
use crate::keys::Place;

/// The action of IAM that reads all users, roles, groups and policies.
pub(super) const READS_ALL: &str = "iam:GetAccountAuthorizationDetails";

/// So many users and roles can be looked at, and so many pairs of one and a role that the cluster names.
const MOST_PRINCIPALS: usize = 1_000;
const MOST_PAIRS: usize = 100_000;

/// The policy that whoever may associate any gives himself.
const ADMIN_POLICY: &str = "AmazonEKSClusterAdminPolicy";

/// Whether the visitor may read all of IAM, and so know what findings tell of it.
pub(super) fn may_read(visit: &Visit<'_>) -> bool {
    visit.may(READS_ALL, "*", |_| {})
}

/// Where it is looked.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    account: Account,
    /// Of the moment that was looked at.
    pub(super) mark: CensusMark,
    place: Place,
    cluster: String,
    cluster_arn: String,
}

impl Scope {
    /// `None` where there is too much to look at.
    pub(super) async fn of(
        visit: &Visit<'_>,
        place: &Place,
        record: &ClusterRecord,
    ) -> Result<Option<Scope>, DirectoryError> {
        let account = visit.who.local.account.clone();
        let mark = account.census_mark().await?;
        let (cluster, cluster_arn) = (record.name.clone(), record.arn(place));
        let scope = Scope { account, mark, place: place.clone(), cluster, cluster_arn };
        Ok((mark.principals <= MOST_PRINCIPALS).then_some(scope))
    }

    /// Who exists of those whom the cluster names, and what IAM allows everybody; `None` for too much.
    pub(super) async fn look(
        &self,
        state: &Snapshot,
        now: Timestamp,
    ) -> Result<Option<(KnownPrincipals, Vec<IamRights>)>, DirectoryError> {
        let everybody = self.account.everybody(now).await?;
        let named = named(state, &self.account);
        let roles = self.account.list::<Role>("", &PageRequest::ALL).await?.items;
        let roles = roles.into_iter().filter_map(|role| {
            let arn: PrincipalArn = self.account.arn(&role).parse().ok()?;
            named.contains(&arn.without_path()).then_some((arn, role))
        });
        let roles: Vec<(PrincipalArn, Role)> = roles.collect();
        if roles.len().saturating_mul(everybody.len()) > MOST_PAIRS {
            return Ok(None);
        }
        let mut known = KnownPrincipals::default();
        for principal in &named {
            known.insert(principal, PrincipalFacts { exists: Some(false), ..PrincipalFacts::default() });
        }
        let mut rights = Vec::with_capacity(everybody.len());
        for caller in &everybody {
            let id = caller.caller.unique_id.clone();
            let facts = PrincipalFacts { exists: Some(true), unique_id: Some(id), created_at: None };
            known.insert(&caller.principal, facts);
            rights.push(self.rights(caller, &roles, now)?);
        }
        Ok(Some((known, rights)))
    }

    fn rights(
        &self,
        caller: &LocalCaller,
        roles: &[(PrincipalArn, Role)],
        now: Timestamp,
    ) -> Result<IamRights, DirectoryError> {
        let mut context = caller.context.clone();
        context.set_time(now);
        let may = |action: &str, resource: &str, context: &Context| {
            evaluate(&caller.policies.as_set(), &Request { action, resource, context }).is_ok()
        };
        let own_entry = entry_arn(&self.place, &self.cluster, &caller.principal, "any");
        let mut eks = context.clone();
        eks.set("eks:clusterName", self.cluster.as_str()).set("eks:principalArn", caller.principal.as_str());
        eks.set("eks:accessEntryType", "STANDARD");
        let mut policy = eks.clone();
        let arn = format!("arn:{}:eks::aws:cluster-access-policy/{ADMIN_POLICY}", self.account.partition());
        policy.set("eks:policyArn", arn).set("eks:accessScope", "cluster");
        let mut mode = eks.clone();
        mode.set("eks:authenticationMode", "API");
        let mut assumes = BTreeSet::new();
        for (arn, role) in roles.iter().filter(|(arn, _)| *arn != caller.principal) {
            let Some(trust) = self.account.trust_for(role, &caller.principal, &caller.caller.unique_id)? else {
                continue;
            };
            let mut context = context.clone();
            for tag in role.tags.iter() {
                context.set(&format!("aws:ResourceTag/{}", tag.key), tag.value.as_str());
                context.set(&format!("iam:ResourceTag/{}", tag.key), tag.value.as_str());
            }
            if assume_role(&caller.caller, arn, &trust, &caller.policies.as_set(), &context).is_ok() {
                assumes.insert(arn.clone());
            }
        }
        Ok(IamRights {
            principal: caller.principal.clone(),
            creates_entries: may("eks:CreateAccessEntry", &self.cluster_arn, &eks),
            associates_policies: may("eks:AssociateAccessPolicy", &own_entry, &policy),
            changes_mode: may("eks:UpdateClusterConfig", &self.cluster_arn, &mode),
            passes_roles: may("iam:PassRole", "*", &context),
            assumes,
        })
    }
}

/// The users and roles of an account that a cluster names, without their paths.
fn named(state: &Snapshot, account: &Account) -> BTreeSet<PrincipalArn> {
    let own = subjects(&[state]).into_iter().filter_map(|subject| match subject {
        Subject::Principal(arn) => Some(arn),
        Subject::OthersOf(_) => None,
    });
    own.filter(|arn| {
        arn.account() == account.id() && matches!(arn.kind(), PrincipalKind::Role { .. } | PrincipalKind::User { .. })
    })
    .map(|arn| arn.without_path())
    .collect()
}
