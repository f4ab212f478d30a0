//! Random plans walked step by step through the core: nobody loses in the middle what both ends have, outside
//! the gaps that are announced; the end is what was planned, and planning it again finds nothing to do.

use std::collections::BTreeMap;

use entryway_access::{
    AccessEntry, AccessScope, Attributes, AuthenticationMode, Caller, EntryType, PolicyRule, PrincipalArn, Request,
    Resource, Snapshot, Subject,
};
use entryway_analysis::PrincipalFacts;
use entryway_formats::{Declared, DeclaredEntry, OwnPolicy, Placed};
use proptest::prelude::*;

use super::build::*;
use crate::{
    ActualAssociation, ActualCluster, ActualEntry, ControlPlane, Plan, PlanOptions, Readable, Step, World, plan,
    resolve,
};

const ROLES: [&str; 3] = ["role/A", "role/team/B", "role/C"];
const POLICIES: [&str; 3] = ["View", "Edit", "SecretReader"];

fn scope() -> impl Strategy<Value = AccessScope> {
    let names = proptest::sample::subsequence(&["dev", "prod", "dev*"][..], 1..=2);
    prop_oneof![1 => Just(AccessScope::Cluster), 3 => names.prop_map(|names| namespaces(&names))]
}

fn groups() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(&["g", "h"][..], 0..=2)
}

fn associations() -> impl Strategy<Value = BTreeMap<usize, AccessScope>> {
    proptest::collection::btree_map(0usize..POLICIES.len(), scope(), 0..=3)
}

fn username() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![3 => Just(None), 1 => Just(Some("u:{{SessionName}}"))]
}

/// What is declared or there for one role.
type One = (BTreeMap<usize, AccessScope>, Vec<&'static str>, Option<&'static str>, bool, Option<AccessScope>);

fn one() -> impl Strategy<Value = Option<One>> {
    let node = prop_oneof![5 => Just(false), 1 => Just(true)];
    let own = prop_oneof![2 => Just(None), 1 => scope().prop_map(Some)];
    proptest::option::weighted(0.7, (associations(), groups(), username(), node, own))
}

fn there(resource: &str, one: One, is_managed: bool) -> ActualEntry {
    let (policies, groups, username, node, _) = one;
    let mut entry = with_groups(actual(resource, &[]), &groups);
    entry.policies = policies
        .into_iter()
        .map(|(index, scope)| ActualAssociation { policy: policy(POLICIES[index]), scope })
        .collect();
    if let Some(username) = username {
        entry.username = username.to_owned();
    }
    if node {
        entry.kind = EntryType::Ec2Linux;
        entry.username = AccessEntry::default_username(&entry.principal, entry.kind).as_str().to_owned();
        entry.groups = vec!["system:nodes".to_owned()];
        entry.policies.clear();
    }
    if is_managed { managed(entry) } else { entry }
}

fn wanted(resource: &str, one: One) -> DeclaredEntry {
    let (policies, groups, username, node, own) = one;
    let mut policies: Vec<_> = policies.into_iter().map(|(index, scope)| grant(POLICIES[index], scope)).collect();
    policies.extend(own.map(|scope| own_grant("deployer", scope)));
    let mut entry = declared(resource, policies);
    if node {
        entry.kind = Placed::nowhere(EntryType::Ec2Linux);
        entry.policies.clear();
    } else {
        entry.groups = Some(groups.into_iter().map(|group| Placed::nowhere(group.to_owned())).collect());
        entry.username = username.map(|username| Placed::nowhere(username.to_owned()));
    }
    entry
}

fn rules(custom: &[&str]) -> Vec<PolicyRule> {
    custom
        .iter()
        .map(|resource| PolicyRule {
            verbs: vec!["get".into()],
            api_groups: vec!["example.com".into()],
            resources: vec![(*resource).to_owned()],
            ..PolicyRule::default()
        })
        .collect()
}

#[derive(Debug, Clone)]
struct Case {
    world: World,
    file: Declared,
}

fn case() -> impl Strategy<Value = Case> {
    let entries = (one(), one(), one());
    let declared = (one(), one(), one());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), 0usize..3, 0usize..3);
    let own = proptest::sample::subsequence(&["widgets", "gadgets"][..], 1..=2);
    let old_own = proptest::option::of(proptest::sample::subsequence(&["widgets", "gadgets"][..], 1..=2));
    (entries, declared, flags, own, old_own).prop_map(|(entries, declared, flags, own, old_own)| {
        let (is_managed, on_entryway, line, mode, stale) = flags;
        let mut cluster = cluster();
        cluster.control_plane = if on_entryway { ControlPlane::Entryway } else { ControlPlane::Eks };
        let mut all = vec![];
        for (resource, one) in ROLES.into_iter().zip([entries.0, entries.1, entries.2]) {
            all.extend(one.map(|one| there(resource, one, is_managed)));
        }
        cluster.mode = AuthenticationMode::ALL[mode];
        if cluster.mode.has_api() {
            cluster.entries = all;
        }
        if line {
            let lines = "- {rolearn: 'arn:aws:iam::111122223333:role/A', username: a, groups: [g]}\n\
                         - {rolearn: 'arn:aws:iam::111122223333:role/B', username: 'b:{{SessionName}}', groups: [h]}";
            cluster.aws_auth = Readable::Read(aws_auth(lines, "", "").0);
        }
        let Readable::Read(rbac) = &mut cluster.rbac else { unreachable!() };
        rbac.roles.push(role("readers", &["get"], &["pods", "secrets"]));
        rbac.roles.push(role("writers", &["create"], &["pods"]));
        rbac.bindings.push(binding("g", None, "readers", Subject::Group("g".into())));
        rbac.bindings.push(binding("h", Some("dev"), "writers", Subject::Group("h".into())));
        rbac.bindings.push(binding("u", Some("prod"), "writers", Subject::User("u:jo".into())));
        if let Some(old) = old_own {
            if on_entryway {
                cluster.own_policies.insert("deployer".parse().unwrap(), rules(&old));
            } else {
                let mut old_role = role("entryway:deployer", &[], &[]);
                old_role.rules = rules(&old);
                rbac.roles.push(old_role);
                rbac.bindings.push(binding(
                    "entryway:deployer:dev",
                    Some("dev"),
                    "entryway:deployer",
                    Subject::Group("entryway:deployer:dev".into()),
                ));
                if let Some(entry) = cluster.entries.iter_mut().find(|entry| entry.kind == EntryType::Standard) {
                    entry.groups.push("entryway:deployer:dev".into());
                }
            }
        }
        let mut world = world(cluster);
        if stale == 0 {
            let created_at = Some("2026-03-01T00:00:00Z".parse().unwrap());
            world.known.insert(&arn(ROLES[1]), PrincipalFacts { created_at, ..PrincipalFacts::default() });
        }
        let wants = [declared.0, declared.1, declared.2];
        let mut file =
            file(ROLES.into_iter().zip(wants).filter_map(|(resource, one)| Some(wanted(resource, one?))).collect());
        let to = AuthenticationMode::ALL[mode.max(1 + stale % 2)];
        file.clusters[0].mode = Some(Placed::nowhere(to));
        let name = Placed::nowhere("deployer".parse().unwrap());
        file.policies.push(OwnPolicy { name, rules: rules(&own), description: None });
        Case { world, file }
    })
}

/// What a role can do, question by question.
fn can(snapshot: &Snapshot, principal: &PrincipalArn) -> Vec<bool> {
    let session = format!("arn:aws:sts::111122223333:assumed-role/{}/jo", principal.name());
    let caller = Caller::from_sts("111122223333", &session, "AROAX:jo", "").unwrap();
    let user = snapshot.identity(&caller, None, now()).map(|identity| identity.user);
    let mut answers = vec![user.is_some()];
    for (group, resource) in
        [("", "pods"), ("", "secrets"), ("", "configmaps"), ("example.com", "widgets"), ("example.com", "gadgets")]
    {
        for verb in ["get", "create"] {
            for namespace in ["", "dev", "dev-1", "prod", "else"] {
                let resource = Resource { group, resource, subresource: "", namespace, name: "" };
                let attributes = Attributes::Resource { verb, resource };
                let allowed = user
                    .as_ref()
                    .is_some_and(|user| snapshot.decide(&Request { user, attributes }, now()).is_allowed());
                answers.push(allowed);
            }
        }
    }
    answers
}

fn everybody(cluster: &ActualCluster) -> Vec<(PrincipalArn, Vec<bool>)> {
    let snapshot = Snapshot::compile(cluster.model());
    ROLES
        .into_iter()
        .map(arn)
        .map(|principal| {
            let answers = can(&snapshot, &principal);
            (principal, answers)
        })
        .collect()
}

/// For each step, whether the moment after it is in an announced gap of a principal.
fn gaps(steps: &[Step]) -> Vec<Option<PrincipalArn>> {
    let mut open: Option<PrincipalArn> = None;
    let mut all = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if step.gap.is_some() {
            open = step.action.principal().cloned();
        }
        let goes_on = steps.get(index + 1).and_then(|next| next.action.principal()) == open.as_ref();
        if !goes_on {
            open = None;
        }
        all.push(open.clone());
    }
    all
}

fn all_options() -> PlanOptions {
    PlanOptions { adopt: true, prune: true, ..options() }
}

fn make(case: &Case, world: &World) -> Plan {
    let read = resolve(&case.file, world, now());
    assert!(!read.has_errors(), "{:?}", read.diagnostics);
    plan(&read.value, world, &all_options())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_moment_takes_away_what_the_end_keeps(case in case()) {
        let plan = make(&case, &case.world);
        let steps = &plan.clusters[0].steps;
        let start = everybody(&case.world.clusters[0]);
        let end = everybody(&applied(&case.world, &plan).clusters[0]);
        let mut moment = case.world.clusters[0].clone();
        for (step, gap) in steps.iter().zip(gaps(steps)) {
            moment.apply(&step.action, now()).unwrap();
            for (((principal, now_can), (_, could)), (_, will)) in everybody(&moment).iter().zip(&start).zip(&end) {
                let kept = now_can.iter().zip(could).zip(will).all(|((now, before), after)| *now || !(*before && *after));
                prop_assert!(kept || gap.as_ref() == Some(principal), "{principal} loses by `{}`: {steps:#?}", step.action);
            }
        }
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(case in case()) {
        let plan = make(&case, &case.world);
        let after = applied(&case.world, &plan);
        let again = make(&case, &after);
        prop_assert!(again.clusters[0].steps.is_empty(), "{:#?}", again.clusters[0].steps);
        prop_assert!(again.clusters[0].changes.is_empty());
    }

    /// Interrupted anywhere, a new plan ends where the first would have ended.
    #[test]
    fn what_was_interrupted_is_finished_by_the_next(case in case(), at in 0usize..12) {
        let whole = make(&case, &case.world);
        let mut half = case.world.clone();
        for step in whole.clusters[0].steps.iter().take(at) {
            half.clusters[0].apply(&step.action, now()).unwrap();
        }
        let rest = make(&case, &half);
        let (direct, detour) = (applied(&case.world, &whole), applied(&half, &rest));
        prop_assert_eq!(everybody(&direct.clusters[0]), everybody(&detour.clusters[0]));
    }

    #[test]
    fn a_saved_plan_is_the_plan(case in case()) {
        let plan = make(&case, &case.world);
        let text = plan.to_json().unwrap();
        prop_assert_eq!(&Plan::from_json(&text).unwrap(), &plan);
        prop_assert!(plan.clusters[0].check(&case.world.clusters[0]).is_ok());
        let moved = applied(&case.world, &plan);
        let has_steps = !plan.clusters[0].steps.is_empty();
        prop_assert_eq!(plan.clusters[0].check(&moved.clusters[0]).is_err(), has_steps);
        prop_assert_eq!(make(&case, &case.world), plan, "the same world gives the same plan");
    }
}

/// The size that the planner is for: 100 clusters of 200 entries. `cargo test --release -- --ignored numbers`.
#[test]
#[ignore = "a measurement"]
fn numbers() {
    let mut world = World::default();
    let mut file = file(vec![]);
    let selector = file.clusters[0].clone();
    file.clusters.clear();
    for number in 0..100 {
        let mut one = cluster();
        one.arn.name = format!("c{number}").parse().unwrap();
        one.entries = (0..100)
            .map(|index| managed(actual(&format!("role/R{index}"), &[("View", namespaces(&["dev"]))])))
            .collect();
        let mut declared_cluster = selector.clone();
        let name = one.arn.name.clone();
        declared_cluster.selector =
            Placed::nowhere(entryway_formats::ClusterSelector::Named { name, region: None, account: None });
        let entries =
            (0..200).map(|index| declared(&format!("role/R{index}"), vec![grant("Edit", namespaces(&["dev"]))]));
        declared_cluster.entries = entries.collect();
        file.clusters.push(declared_cluster);
        world.clusters.push(one);
    }
    let start = std::time::Instant::now();
    let read = resolve(&file, &world, now());
    let resolved = start.elapsed();
    let plan = plan(&read.value, &world, &all_options());
    let steps: usize = plan.clusters.iter().map(|cluster| cluster.steps.len()).sum();
    let text = format!("{steps} steps; resolved in {resolved:?}, all in {:?}", start.elapsed());
    std::fs::write(std::env::temp_dir().join("entryway-plan-numbers"), text).unwrap();
}
