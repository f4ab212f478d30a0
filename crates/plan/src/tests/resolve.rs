//! Declarations against the world: what is found, and what is said where nothing is.

use entryway_access::{AuthenticationMode, PrincipalArn};
use entryway_formats::{
    ClusterSelector, Declared, DeclaredEntry, Diagnostic, Expiry, OwnPolicy, Place, Placed, PrincipalRef, Severity,
    Source,
};
use jiff::SignedDuration;

use super::build::*;
use crate::{Action, ControlPlane, Desired, FailedCluster, Outcome, Readable, World, plan, resolve, sweep};
use entryway_access::EXPIRES_AT;

fn errors(file: &Declared, world: &World) -> Vec<Diagnostic> {
    let read = resolve(file, world, now());
    read.diagnostics.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

fn only_error(file: &Declared, world: &World) -> Diagnostic {
    let errors = errors(file, world);
    let [one] = errors.as_slice() else { panic!("{errors:#?}") };
    one.clone()
}

fn principals(desired: &Desired) -> Vec<String> {
    desired.clusters[0].entries.iter().map(|entry| entry.principal.to_string()).collect()
}

fn sso(name: &str) -> DeclaredEntry {
    let mut entry = declared("role/x", vec![grant("View", namespaces(&["dev"]))]);
    let (name, account, region) = (name.to_owned(), None, None);
    entry.principal = Placed::nowhere(PrincipalRef::SsoPermissionSet { name, account, region });
    entry
}

fn sso_world(roles: &[&str]) -> World {
    let mut world = world(cluster());
    let roles: Vec<PrincipalArn> =
        roles.iter().map(|role| arn(&format!("role/aws-reserved/sso.amazonaws.com/{role}"))).collect();
    world.roles.insert("111122223333".parse().unwrap(), Readable::Read(roles));
    world
}

#[test]
fn a_permission_set_is_its_role_with_path_and_suffix() {
    let role = "eu-west-1/AWSReservedSSO_My_Admins_0123456789abcdef";
    let world = sso_world(&[role, "AWSReservedSSO_Admins_0123456789abcdef", "AWSReservedSSO_My_Admins_zz"]);
    let desired = desired(&file(vec![sso("My_Admins")]), &world);
    assert_eq!(principals(&desired), [format!("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/{role}")]);
    assert_eq!(desired.clusters[0].entries[0].resolved_from.as_deref(), Some("SSO permission set My_Admins"));
}

#[test]
fn a_permission_set_that_is_missing_or_there_twice_lists_what_there_is() {
    let twice = ["AWSReservedSSO_Dev_0123456789abcdef", "eu-west-1/AWSReservedSSO_Dev_fedcba9876543210"];
    let error = only_error(&file(vec![sso("Admins")]), &sso_world(&twice));
    assert!(error.message.contains("`Admins`") && error.message.contains("`Dev`"), "{}", error.message);
    let error = only_error(&file(vec![sso("Dev")]), &sso_world(&twice));
    assert!(error.message.contains("0123456789abcdef") && error.message.contains("fedcba9876543210"));
    let error = only_error(&file(vec![sso("Dev")]), &world(cluster()));
    assert!(error.help.unwrap().contains("iam:ListRoles"));
}

fn group(name: &str, policies: Vec<entryway_formats::DeclaredPolicy>) -> DeclaredEntry {
    let mut entry = declared("role/x", policies);
    entry.principal = Placed::nowhere(PrincipalRef::IamGroup { name: name.to_owned(), account: None });
    entry
}

#[test]
fn groups_are_expanded_and_those_in_two_have_both() {
    let mut world = world(cluster());
    for (name, users) in [("a", vec!["user/jo", "user/kim"]), ("b", vec!["user/jo"])] {
        let users = users.into_iter().map(arn).collect();
        world.group_members.insert(("111122223333".parse().unwrap(), name.to_owned()), Readable::Read(users));
    }
    let both = file(vec![
        group("a", vec![grant("View", namespaces(&["dev"]))]),
        group("b", vec![grant("Edit", namespaces(&["dev"]))]),
    ]);
    let desired = desired(&both, &world);
    assert_eq!(principals(&desired), ["arn:aws:iam::111122223333:user/jo", "arn:aws:iam::111122223333:user/kim"]);
    assert_eq!(desired.clusters[0].entries[0].policies.len(), 2);
    assert!(only_error(&file(vec![group("c", vec![])]), &world).message.contains("`c`"));
}

#[test]
fn one_principal_twice_differently_is_a_conflict_with_both_places() {
    let source = Source::new("access.yaml", "first\nsecond\n");
    let placed = |mut entry: DeclaredEntry, bytes: std::ops::Range<usize>| {
        entry.place = Some(Place { source: source.clone(), bytes });
        entry
    };
    let first = placed(declared("role/A", vec![grant("View", namespaces(&["dev"]))]), 0..5);
    let second = placed(declared("role/A", vec![grant("Edit", namespaces(&["dev"]))]), 6..12);
    let error = only_error(&file(vec![first.clone(), second]), &world(cluster()));
    assert_eq!(error.place.unwrap().to_string(), "access.yaml:2:1");
    assert_eq!(error.related[0].0.to_string(), "access.yaml:1:1");
    assert!(errors(&file(vec![first.clone(), first]), &world(cluster())).is_empty(), "the same twice is fine");
}

#[test]
fn clusters_that_are_not_there_are_named_with_those_that_are() {
    let mut file = file(vec![]);
    let mut named = |name: &str| {
        let name = name.parse().unwrap();
        file.clusters[0].selector = Placed::nowhere(ClusterSelector::Named { name, region: None, account: None });
        file.clone()
    };
    assert!(only_error(&named("prod"), &world(cluster())).message.contains("the clusters are: `demo`"));
    let mut other = cluster();
    other.arn.region = "eu-west-1".parse().unwrap();
    let mut world = world(cluster());
    world.clusters.push(other);
    assert!(only_error(&named("demo"), &world).message.contains("eu-west-1"));
    world.region = Some("eu-west-1".parse().unwrap());
    assert_eq!(desired(&named("demo"), &world).clusters[0].arn.region.as_str(), "eu-west-1");
    // One that could not be read is trouble in the plan, and no error of the file.
    let (region, account, message) = (None, None, "throttled".to_owned());
    world.failed.push(FailedCluster { name: "prod".parse().unwrap(), region, account, message });
    let prod = desired(&named("prod"), &world);
    assert_eq!(plan(&prod, &world, &options()).outcome(), Outcome::Trouble);
}

#[test]
fn tags_select_clusters() {
    let mut one = cluster();
    one.tags.insert("env".into(), "dev".into());
    let mut two = one.clone();
    two.arn.name = "two".parse().unwrap();
    let mut world = world(one);
    world.clusters.extend([two, {
        let mut three = cluster();
        three.arn.name = "three".parse().unwrap();
        three
    }]);
    let mut file = file(vec![declared("role/A", vec![])]);
    let tags = [("env".to_owned(), "dev".to_owned())].into();
    file.clusters[0].selector = Placed::nowhere(ClusterSelector::Tagged { tags, region: None, account: None });
    let names: Vec<_> =
        desired(&file, &world).clusters.into_iter().map(|cluster| cluster.arn.name.to_string()).collect();
    assert_eq!(names, ["demo", "two"]);
}

#[test]
fn modes_go_forward_and_entries_need_the_api() {
    let mut config_map = cluster();
    config_map.mode = AuthenticationMode::ConfigMap;
    let mut one = file(vec![declared("role/A", vec![])]);
    let error = only_error(&one, &world(config_map));
    assert!(error.message.contains("CONFIG_MAP") && error.help.unwrap().contains("API_AND_CONFIG_MAP"));
    one.clusters[0].mode = Some(Placed::nowhere(AuthenticationMode::ApiAndConfigMap));
    let mut api = cluster();
    api.mode = AuthenticationMode::Api;
    assert!(only_error(&one, &world(api)).message.contains("no step back"));
}

#[test]
fn what_eks_would_refuse_is_refused_before() {
    let mut masters = declared("role/A", vec![]);
    masters.groups = Some(vec![Placed::nowhere("system:masters".to_owned())]);
    assert!(only_error(&file(vec![masters]), &world(cluster())).message.contains("AmazonEKSClusterAdminPolicy"));
    let mut named = declared("role/A", vec![]);
    named.username = Some(Placed::nowhere("{{SessionName}}".to_owned()));
    assert_eq!(errors(&file(vec![named]), &world(cluster())).len(), 1);
    let mut china = cluster();
    china.arn = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo".parse().unwrap();
    assert!(only_error(&file(vec![declared("role/A", vec![])]), &world(china)).message.contains("partition"));
    let compute = declared("role/A", vec![grant("Compute", namespaces(&["dev"]))]);
    let _ = errors(&file(vec![compute]), &world(cluster()));
}

fn own(name: &str) -> OwnPolicy {
    let rules = role("x", &["get"], &["widgets"]).rules;
    OwnPolicy { name: Placed::nowhere(name.parse().unwrap()), rules, description: None }
}

#[test]
fn own_policies_are_rbac_on_eks_and_policies_on_entryway() {
    let mut one = file(vec![declared("role/A", vec![own_grant("deployer", namespaces(&["prod", "dev-*"]))])]);
    assert!(only_error(&one, &world(cluster())).message.contains("`deployer`"), "it is declared nowhere");
    one.policies.push(own("deployer"));
    let plan = planned(&one, &world(cluster()));
    let steps: Vec<String> = plan.clusters[0].steps.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(
        steps,
        [
            "apply ClusterRole entryway:deployer",
            "apply RoleBinding entryway:deployer:dev-*,prod in dev-1",
            "apply RoleBinding entryway:deployer:dev-*,prod in prod",
            "create the entry of arn:aws:iam::111122223333:role/A",
        ]
    );
    let Action::CreateEntry { groups, .. } = &plan.clusters[0].steps[3].action else { panic!() };
    assert_eq!(groups, &["entryway:deployer:dev-*,prod"]);
    // Taken out of the file, all of it goes, the entry before what it stands on.
    let after = applied(&world(cluster()), &plan);
    let steps: Vec<String> =
        planned(&file(vec![]), &after).clusters[0].steps.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(steps.len(), 4);
    assert!(steps[0].starts_with("delete the entry") && steps[3] == "delete ClusterRole entryway:deployer");

    let mut entryway = cluster();
    entryway.control_plane = ControlPlane::Entryway;
    let steps: Vec<String> =
        planned(&one, &world(entryway)).clusters[0].steps.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(steps[0], "put the policy deployer");
    assert_eq!(steps.len(), 3);
    let mut blind = cluster();
    blind.rbac = Readable::Unreadable("no kubeconfig".into());
    assert!(only_error(&one, &world(blind)).message.contains("no kubeconfig"));
}

#[test]
fn what_has_ended_is_left_out_and_swept() {
    let mut ends = declared("role/A", vec![grant("View", namespaces(&["dev"]))]);
    ends.expires = Some(Placed::nowhere(Expiry::At("2026-11-24T13:00:00Z".parse().unwrap())));
    let one = file(vec![ends.clone()]);
    let before = world(cluster());
    let after = applied(&before, &planned(&one, &before));
    assert_eq!(after.clusters[0].entries[0].tags.get(EXPIRES_AT).unwrap(), "2026-11-24T13:00:00Z");
    let mut later = options();
    assert_eq!(sweep(&after, &[], &later).outcome(), Outcome::NothingToDo);
    later.now = "2026-11-24T13:00:00Z".parse().unwrap();
    let swept = sweep(&after, &[], &later);
    assert_eq!(swept.clusters[0].steps[0].action, Action::DeleteEntry { principal: arn("role/A") });
    let read = resolve(&one, &after, later.now);
    assert!(read.value.clusters[0].entries.is_empty() && read.value.clusters[0].ended.len() == 1);
}

/// Given for eight hours, it does not begin anew with every plan after they are over.
#[test]
fn what_was_granted_for_a_time_does_not_begin_again() {
    let mut lasts = declared("role/A", vec![grant("View", namespaces(&["dev"]))]);
    lasts.expires = Some(Placed::nowhere(Expiry::For(SignedDuration::from_hours(8))));
    lasts.groups = Some(vec![Placed::nowhere("g".to_owned())]);
    let one = file(vec![lasts]);
    let mut odd = options();
    odd.now = "2026-11-24T10:00:00.123456789Z".parse().unwrap();
    let read = resolve(&one, &world(cluster()), odd.now);
    assert_eq!(read.value.clusters[0].entries[0].tags["entryway:expires-at"], "2026-11-24T18:00:01Z");
    let mut there = applied(&world(cluster()), &planned(&one, &world(cluster())));
    assert!(planned(&one, &there).clusters[0].steps.is_empty());
    let mut later = options();
    later.now = "2026-11-25T00:00:00Z".parse().unwrap();
    for _ in 0..2 {
        let swept = sweep(&there, &[], &later);
        there = applied(&there, &swept);
        let read = resolve(&one, &there, later.now);
        assert!(!read.has_errors());
        let plan = plan(&read.value, &there, &later);
        assert!(plan.clusters[0].steps.is_empty(), "{:#?}", plan.clusters[0].steps);
        let entry = &there.clusters[0].entries[0];
        assert!(entry.policies.is_empty() && entry.groups.is_empty());
    }
}
