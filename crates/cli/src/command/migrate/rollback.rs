//! The way back, as long as the mode is not API: the entries that a migration made, whose principals lines of aws-auth
//! map. Entries that files or people made stay, whatever aws-auth says of their principals.

use entryway_access::{MappedPrincipal, PrincipalArn};
use entryway_plan::{Action, ActualEntry, Change, ChangeKind, ClusterPlan, Item, Plan, Step, fingerprint};

use super::input::Subject;

/// Deletes the entries that stand for lines, and says what that means for their principals.
pub(super) fn plan(subject: &Subject, allow_lockout: bool) -> Plan {
    let cluster = subject.cluster();
    let mapped: Vec<PrincipalArn> = cluster
        .aws_auth
        .get()
        .into_iter()
        .flat_map(|map| map.roles.iter().chain(&map.users))
        .filter_map(|mapping| match &mapping.principal {
            MappedPrincipal::Arn(arn) => Some(arn.without_path()),
            MappedPrincipal::Unusable(_) => None,
        })
        .collect();
    let stands_for_a_line =
        |entry: &&ActualEntry| entry.is_migrated() && mapped.contains(&entry.principal.without_path());
    let principals: Vec<PrincipalArn> =
        cluster.entries.iter().filter(stands_for_a_line).map(|entry| entry.principal.clone()).collect();
    let mut after = cluster.clone();
    after.entries.retain(|entry| !principals.contains(&entry.principal));
    let now = subject.now;
    let effect = cluster.effect(&after, &[], subject.known(), now);
    let step = |principal: &PrincipalArn| Step {
        action: Action::DeleteEntry { principal: principal.clone() },
        token: String::new(),
        gap: None,
    };
    let change = |principal: &PrincipalArn| Change {
        kind: ChangeKind::Delete,
        item: Item::Entry(principal.clone()),
        label: None,
        reason: Some("aws-auth maps its principal again".to_owned()),
        fields: Vec::new(),
    };
    let cluster_plan = ClusterPlan {
        cluster: cluster.arn.clone(),
        state: fingerprint(cluster),
        changes: principals.iter().map(change).collect(),
        steps: principals.iter().map(step).collect(),
        left_alone: Vec::new(),
        meaning: effect.meaning,
        notes: cluster.blind_spots(),
        lock_out: effect.lock_out,
    };
    let clusters = vec![cluster_plan];
    Plan { format_version: "1.0".to_owned(), made_at: now, allow_lockout, clusters, trouble: Vec::new() }
}
