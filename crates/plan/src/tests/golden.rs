//! What people and scripts see. `UPDATE_GOLDEN=1` writes the files anew; then read the difference.

use entryway_access::{AccessScope, AuthenticationMode, Subject};
use entryway_formats::Placed;

use super::build::*;
use crate::{FailedCluster, Plan, PlanOptions, Readable, World, plan, plan_text};

fn check(name: &str, text: &str) {
    let path = format!("{}/src/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} has changed; UPDATE_GOLDEN=1 writes it anew");
}

fn whole() -> (Plan, World) {
    let mut there = cluster();
    there.entries = vec![
        managed(actual("role/Admin", &[("ClusterAdmin", AccessScope::Cluster)])),
        managed(actual("role/Dev", &[("Edit", namespaces(&["dev"]))])),
        managed(actual("role/Gone", &[("SecretReader", namespaces(&["prod"]))])),
        managed(actual("role/Node", &[])),
        actual("role/Stranger", &[]),
    ];
    let lines = "- {rolearn: 'arn:aws:iam::111122223333:role/Legacy', username: legacy, groups: [g]}";
    there.aws_auth = Readable::Read(aws_auth(lines, "", "").0);
    let Readable::Read(rbac) = &mut there.rbac else { panic!() };
    rbac.roles.push(role("readers", &["get", "list"], &["pods", "pods/log"]));
    rbac.bindings.push(binding("g", Some("dev"), "readers", Subject::Group("g".into())));
    let mut world = world(there);
    let (region, account, message) =
        (Some("eu-west-1".parse().unwrap()), None, "ThrottlingException: Rate exceeded".into());
    world.failed.push(FailedCluster { name: "far".parse().unwrap(), region, account, message });
    let mut node = declared("role/Node", vec![]);
    node.kind = Placed::nowhere(entryway_access::EntryType::Ec2Linux);
    let mut dev = declared("role/Dev", vec![grant("Edit", namespaces(&["dev", "dev-*"]))]);
    dev.groups = Some(vec![Placed::nowhere("g".to_owned())]);
    let mut file = file(vec![
        declared("role/Admin", vec![grant("ClusterAdmin", AccessScope::Cluster)]),
        dev,
        node,
        declared("role/Legacy", vec![grant("SecretReader", namespaces(&["dev"]))]),
    ]);
    file.clusters[0].mode = Some(Placed::nowhere(AuthenticationMode::Api));
    let desired = desired(&file, &world);
    (plan(&desired, &world, &options()), world)
}

#[test]
fn a_plan_as_text() {
    check("plan.txt", &plan_text(&whole().0));
}

#[test]
fn a_plan_as_json() {
    check("plan.json", &(whole().0.to_json().unwrap() + "\n"));
}

#[test]
fn a_lock_out_as_text() {
    let mut there = cluster();
    there.entries = vec![managed(actual("role/Admin", &[("ClusterAdmin", AccessScope::Cluster)]))];
    let world = world(there);
    let plan = plan(&desired(&file(vec![]), &world), &world, &PlanOptions { prune: true, ..options() });
    check("lock_out.txt", &plan_text(&plan));
}

#[test]
fn saved_plans_of_other_forms_are_refused() {
    for (text, word) in [("", "no saved plan"), ("{}", "no saved plan"), (r#"{"formatVersion":"9"}"#, "`9`")] {
        let error = Plan::from_json(text).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
