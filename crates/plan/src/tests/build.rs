//! Worlds and declarations to try things with.

use std::collections::BTreeMap;

use entryway_access::{
    AccessEntry, AccessScope, AuthenticationMode, AwsAuth, Binding, EntryType, PolicyArn, PolicyCatalogue, PolicyRule,
    PrincipalArn, RbacObjects, Role, RoleKind, RoleRef, Subject,
};
use entryway_analysis::KnownPrincipals;
use entryway_formats::{
    ClusterSelector, Declared, DeclaredCluster, DeclaredEntry, DeclaredPolicy, Placed, PolicyRef, PrincipalRef,
};
use jiff::Timestamp;

use crate::{
    ActualAssociation, ActualCluster, ActualEntry, ControlPlane, Desired, Plan, PlanOptions, Readable, World, plan,
    resolve,
};

pub(super) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(super) fn arn(resource: &str) -> PrincipalArn {
    format!("arn:aws:iam::111122223333:{resource}").parse().unwrap()
}

pub(super) fn policy(name: &str) -> PolicyArn {
    format!("arn:aws:eks::aws:cluster-access-policy/AmazonEKS{name}Policy").parse().unwrap()
}

pub(super) fn namespaces(names: &[&str]) -> AccessScope {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    AccessScope::from_parts("namespace", &names).unwrap()
}

pub(super) fn cluster() -> ActualCluster {
    ActualCluster {
        arn: "arn:aws:eks:us-east-1:111122223333:cluster/demo".parse().unwrap(),
        control_plane: ControlPlane::Eks,
        tags: BTreeMap::new(),
        mode: AuthenticationMode::ApiAndConfigMap,
        created_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        entries: Vec::new(),
        aws_auth: Readable::Read(AwsAuth::default()),
        rbac: Readable::Read(RbacObjects::default()),
        namespaces: Readable::Read(vec!["default".into(), "dev".into(), "dev-1".into(), "prod".into()]),
        own_policies: BTreeMap::new(),
        catalogue: PolicyCatalogue::builtin(),
        caller: None,
        bootstrap_creator: None,
    }
}

pub(super) fn world(cluster: ActualCluster) -> World {
    World { clusters: vec![cluster], known: KnownPrincipals::default(), ..World::default() }
}

pub(super) fn actual(resource: &str, policies: &[(&str, AccessScope)]) -> ActualEntry {
    let principal = arn(resource);
    ActualEntry {
        entry_arn: format!(
            "arn:aws:eks:us-east-1:111122223333:access-entry/demo/role/111122223333/{}/1",
            principal.name()
        ),
        kind: EntryType::Standard,
        username: AccessEntry::default_username(&principal, EntryType::Standard).as_str().to_owned(),
        groups: Vec::new(),
        tags: BTreeMap::new(),
        created_at: Some("2026-02-01T00:00:00Z".parse().unwrap()),
        unique_id: None,
        policies: policies
            .iter()
            .map(|(name, scope)| ActualAssociation { policy: policy(name), scope: scope.clone() })
            .collect(),
        principal,
    }
}

pub(super) fn managed(mut entry: ActualEntry) -> ActualEntry {
    entry.tags.insert(crate::MANAGED_BY.to_owned(), crate::MANAGED_BY_VALUE.to_owned());
    entry
}

pub(super) fn with_groups(mut entry: ActualEntry, groups: &[&str]) -> ActualEntry {
    entry.groups = groups.iter().map(|group| (*group).to_owned()).collect();
    entry
}

pub(super) fn grant(name: &str, scope: AccessScope) -> DeclaredPolicy {
    DeclaredPolicy {
        policy: Placed::nowhere(PolicyRef::Arn(policy(name))),
        scope: Placed::nowhere(scope),
        expires: None,
    }
}

pub(super) fn own_grant(name: &str, scope: AccessScope) -> DeclaredPolicy {
    DeclaredPolicy {
        policy: Placed::nowhere(PolicyRef::Own(name.parse().unwrap())),
        scope: Placed::nowhere(scope),
        expires: None,
    }
}

pub(super) fn declared(resource: &str, policies: Vec<DeclaredPolicy>) -> DeclaredEntry {
    let principal = arn(resource);
    DeclaredEntry {
        label: principal.name().to_owned(),
        principal: Placed::nowhere(PrincipalRef::Arn(principal)),
        kind: Placed::nowhere(EntryType::Standard),
        username: None,
        groups: None,
        tags: BTreeMap::new(),
        policies,
        expires: None,
        place: None,
    }
}

pub(super) fn file(entries: Vec<DeclaredEntry>) -> Declared {
    let name = "demo".parse().unwrap();
    Declared {
        clusters: vec![DeclaredCluster {
            selector: Placed::nowhere(ClusterSelector::Named { name, region: None, account: None }),
            mode: None,
            entries,
            aws_auth: None,
            rbac: RbacObjects::default(),
        }],
        ..Declared::default()
    }
}

pub(super) fn options() -> PlanOptions {
    PlanOptions { adopt: false, prune: false, allow_lockout: false, now: now() }
}

pub(super) fn desired(file: &Declared, world: &World) -> Desired {
    let read = resolve(file, world, now());
    assert!(!read.has_errors(), "{:?}", read.diagnostics);
    read.value
}

pub(super) fn planned(file: &Declared, world: &World) -> Plan {
    plan(&desired(file, world), world, &options())
}

/// The world after a plan.
pub(super) fn applied(world: &World, plan: &Plan) -> World {
    let mut world = world.clone();
    for cluster_plan in &plan.clusters {
        let cluster = world.clusters.iter_mut().find(|cluster| cluster.arn == cluster_plan.cluster).unwrap();
        for step in &cluster_plan.steps {
            cluster.apply(&step.action, now()).unwrap_or_else(|error| panic!("{}: {error}", step.action));
        }
    }
    world
}

pub(super) fn role(name: &str, verbs: &[&str], resources: &[&str]) -> Role {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let rule = PolicyRule {
        verbs: words(verbs),
        api_groups: vec![String::new()],
        resources: words(resources),
        ..PolicyRule::default()
    };
    Role { namespace: None, name: name.into(), labels: BTreeMap::new(), rules: vec![rule], aggregation: None }
}

pub(super) fn binding(name: &str, namespace: Option<&str>, role: &str, subject: Subject) -> Binding {
    Binding {
        namespace: namespace.map(str::to_owned),
        name: name.into(),
        subjects: vec![subject],
        role: RoleRef { kind: RoleKind::ClusterRole, name: role.into() },
    }
}

pub(super) fn aws_auth(roles: &str, users: &str, accounts: &str) -> (AwsAuth, Vec<entryway_access::AwsAuthProblem>) {
    let data = [("mapRoles", roles), ("mapUsers", users), ("mapAccounts", accounts)];
    AwsAuth::parse(&data.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect())
}
