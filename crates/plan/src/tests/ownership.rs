//! Whose an entry is, what drifts, and what is imported.

use entryway_access::{AccessScope, EntryType};
use entryway_analysis::PrincipalFacts;
use entryway_formats::Placed;
use serde_json::json;

use super::build::*;
use crate::{
    Action, ChangeKind, DriftKind, Made, Outcome, PlanOptions, WhyLeftAlone, drift, import, needs, plan, resolve,
};

fn node(mut entry: crate::ActualEntry) -> crate::ActualEntry {
    entry.kind = EntryType::Ec2Linux;
    entry.username = "system:node:{{EC2PrivateDNSName}}".into();
    entry.groups = vec!["system:nodes".into()];
    entry
}

fn creator() -> crate::ActualEntry {
    let mut entry = actual("user/creator", &[("ClusterAdmin", AccessScope::Cluster)]);
    entry.created_at = Some("2026-01-01T00:00:01Z".parse().unwrap());
    entry
}

#[test]
fn what_eks_made_is_left_alone_even_by_prune() {
    let mut there = cluster();
    let mut service = actual("role/x", &[]);
    service.principal = arn("role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS");
    there.entries = vec![node(actual("role/Node", &[])), creator(), service];
    let world = world(there);
    let all = PlanOptions { adopt: true, prune: true, ..options() };
    let plan = plan(&desired(&file(vec![]), &world), &world, &all);
    assert_eq!(plan.outcome(), Outcome::NothingToDo);
    let why: Vec<_> = plan.clusters[0].left_alone.iter().map(|left| left.why).collect();
    let made = [Made::ForNodes, Made::ForCreator, Made::ForServiceLinkedRole].map(WhyLeftAlone::MadeByEks);
    assert_eq!(why, made);
    // Declared as it is, a node's entry is no reason to do anything: EKS fills its groups and username.
    let mut declared_node = declared("role/Node", vec![]);
    declared_node.kind = Placed::nowhere(EntryType::Ec2Linux);
    let plan = crate::plan(&desired(&file(vec![declared_node]), &world), &world, &all);
    assert!(plan.clusters[0].steps.is_empty(), "{:#?}", plan.clusters[0].steps);
}

#[test]
fn others_are_touched_with_adopt_and_prune_alone() {
    let mut there = cluster();
    there.entries = vec![
        actual("role/Same", &[("View", namespaces(&["dev"]))]),
        actual("role/Other", &[("View", namespaces(&["dev"]))]),
        actual("role/Stranger", &[]),
        managed(actual("role/Old", &[])),
        actual("role/Admin", &[("ClusterAdmin", AccessScope::Cluster)]),
    ];
    let world = world(there);
    let one = file(vec![
        declared("role/Same", vec![grant("View", namespaces(&["dev"]))]),
        declared("role/Other", vec![grant("Edit", namespaces(&["dev"]))]),
        declared("role/Admin", vec![grant("ClusterAdmin", AccessScope::Cluster)]),
    ]);
    let plan = planned(&one, &world);
    let actions: Vec<_> = plan.clusters[0].steps.iter().map(|step| &step.action).collect();
    assert_eq!(actions, [&Action::DeleteEntry { principal: arn("role/Old") }]);
    let why: Vec<_> = plan.clusters[0].left_alone.iter().map(|left| (left.principal.name(), left.why)).collect();
    assert_eq!(
        why,
        [
            ("Admin", WhyLeftAlone::NotManaged),
            ("Other", WhyLeftAlone::NotManagedAndDiffers),
            ("Same", WhyLeftAlone::NotManaged),
            ("Stranger", WhyLeftAlone::Undeclared),
        ]
    );
    let all = PlanOptions { adopt: true, prune: true, ..options() };
    let kinds: Vec<_> =
        crate::plan(&desired(&one, &world), &world, &all).clusters[0].changes.iter().map(|c| c.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == ChangeKind::Update).count(), 3);
    assert_eq!(kinds.iter().filter(|kind| **kind == ChangeKind::Delete).count(), 2);
}

#[test]
fn a_principal_that_was_made_again_has_its_entry_replaced() {
    let mut there = cluster();
    let mut entry = managed(actual("role/A", &[("View", namespaces(&["dev"]))]));
    entry.unique_id = Some("AROAOLD".into());
    there.entries = vec![entry];
    let mut world = world(there);
    let facts = PrincipalFacts { unique_id: Some("AROANEW".into()), ..PrincipalFacts::default() };
    world.known.insert(&arn("role/A"), facts);
    let one = file(vec![declared("role/A", vec![grant("View", namespaces(&["dev"]))])]);
    let plan = planned(&one, &world);
    assert_eq!(plan.clusters[0].changes[0].kind, ChangeKind::Replace);
    assert!(plan.clusters[0].changes[0].reason.as_ref().unwrap().contains("stale"));
    assert!(plan.clusters[0].steps[0].gap.is_some());
    assert_eq!(plan.clusters[0].steps.len(), 3);
    assert!(plan.clusters[0].meaning[0].is_gain(), "the old entry gave it nothing");
    let after = applied(&world, &plan);
    assert!(planned(&one, &after).clusters[0].steps.is_empty());
}

#[test]
fn a_lock_out_is_refused_unless_allowed() {
    let mut there = cluster();
    there.entries = vec![managed(actual("role/Admin", &[("ClusterAdmin", AccessScope::Cluster)]))];
    let world = world(there);
    let nothing = desired(&file(vec![]), &world);
    let refused = plan(&nothing, &world, &options());
    assert_eq!((refused.outcome(), refused.outcome().exit_code(false)), (Outcome::Trouble, 2));
    let allowed = plan(&nothing, &world, &PlanOptions { allow_lockout: true, ..options() });
    assert_eq!((allowed.outcome().exit_code(false), allowed.outcome().exit_code(true)), (1, 2));
}

#[test]
fn drift_names_what_differs_and_who_did_it() {
    let mut there = cluster();
    there.entries = vec![
        managed(actual("role/A", &[("Edit", namespaces(&["dev"]))])),
        actual("role/Stranger", &[]),
        actual("role/Unmanaged", &[("View", namespaces(&["dev"]))]),
    ];
    let world = world(there);
    let view = || vec![grant("View", namespaces(&["dev"]))];
    let one =
        file(vec![declared("role/A", view()), declared("role/Missing", view()), declared("role/Unmanaged", view())]);
    let mut found = drift(&desired(&one, &world), &world, now());
    let record = |time: &str, who: &str, error: Option<&str>| {
        json!({
            "eventTime": time, "eventSource": "eks.amazonaws.com", "eventName": "AssociateAccessPolicy",
            "awsRegion": "us-east-1", "readOnly": false, "errorCode": error, "userIdentity": { "arn": who },
            "requestParameters": { "name": "demo", "principalArn": "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FA" },
        })
    };
    found.add_history(&[
        record("2026-11-20T00:00:00Z", "arn:aws:iam::111122223333:user/first", None),
        record("2026-11-21T00:00:00Z", "arn:aws:iam::111122223333:user/jo", None),
        record("2026-11-22T00:00:00Z", "arn:aws:iam::111122223333:user/refused", Some("AccessDenied")),
        json!({ "eventName": 7 }),
    ]);
    let kinds: Vec<_> = found.items.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, [DriftKind::Differs, DriftKind::Missing, DriftKind::Undeclared]);
    assert_eq!(found.items[0].last_change.as_ref().unwrap().by, "arn:aws:iam::111122223333:user/jo");
    assert!(found.items[1].last_change.is_none());
}

#[test]
fn what_was_imported_changes_nothing_but_its_owner() {
    let mut there = cluster();
    let mut named = with_groups(
        actual("role/A", &[("View", namespaces(&["dev"])), ("Edit", AccessScope::Cluster)]),
        &["g", "entryway:deployer:dev"],
    );
    named.username = "a:{{SessionName}}".into();
    named.tags.insert("team".into(), "x".into());
    named.tags.insert("entryway:expires/AmazonEKSViewPolicy".into(), "2027-01-01T00:00:00Z".into());
    there.entries = vec![named, actual("role/other/A", &[]), node(actual("role/Node", &[]))];
    let crate::Readable::Read(rbac) = &mut there.rbac else { panic!() };
    rbac.roles.push(role("entryway:deployer", &["get"], &["widgets"]));
    let subject = entryway_access::Subject::Group("entryway:deployer:dev".into());
    rbac.bindings.push(binding("entryway:deployer:dev", Some("dev"), "entryway:deployer", subject));
    let world = world(there);
    let declared = import(&world);
    let labels: Vec<_> = declared.clusters[0].entries.iter().map(|entry| entry.label.as_str()).collect();
    assert_eq!(labels, ["A", "A-2"]);
    assert!(needs(&declared).rbac);
    let read = resolve(&declared, &world, now());
    assert!(!read.has_errors(), "{:?}", read.diagnostics);
    let plan = plan(&read.value, &world, &PlanOptions { adopt: true, prune: true, ..options() });
    assert!(
        plan.clusters[0].steps.iter().all(|step| matches!(step.action, Action::TagEntry { .. })),
        "{:#?}",
        plan.clusters[0].steps
    );
    assert!(drift(&read.value, &world, now()).items.is_empty());
}
