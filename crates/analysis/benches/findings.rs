//! How long the findings and the escalation graph of a large cluster take: 10,000 entries and 10,000 bindings.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use entryway_access::{
    AccessEntry, AccessScope, Association, AuthenticationMode, AwsAuth, Binding, ClusterModel, EntryType, Partition,
    PolicyArn, PolicyCatalogue, RbacObjects, RoleKind, RoleRef, Snapshot, Subject, bootstrap_rbac,
};
use entryway_analysis::KnownPrincipals;
use entryway_analysis::finding::{Surroundings, findings};
use entryway_analysis::path::Graph;
use jiff::Timestamp;

const MANY: usize = 10_000;

/// Teams with a namespace each: their principals edit there, a tenth by a group of RBAC, one in a hundred reads all.
fn model() -> ClusterModel {
    let account = "111122223333".parse().expect("an account");
    let entries = (0..MANY).map(|number| {
        let arn = format!("arn:aws:iam::111122223333:role/team-{}/dev-{number}", number % 500);
        let principal = arn.parse().expect("an ARN");
        let groups = [format!("team-{}", number % 500)];
        let mut entry =
            AccessEntry::new(principal, EntryType::Standard, None, Some(&groups), &account).expect("an entry");
        let (policy, scope) = match number % 100 {
            0 => ("AmazonEKSAdminViewPolicy", AccessScope::Cluster),
            _ => {
                let namespaces = [format!("team-{}", number % 500)];
                ("AmazonEKSEditPolicy", AccessScope::from_parts("namespace", &namespaces).expect("a scope"))
            }
        };
        let policy = PolicyArn::Aws { partition: Partition::Aws, name: policy.parse().expect("a name") };
        entry.policies.push(Association { policy, scope, expires: None });
        Arc::new(entry)
    });
    let objects: serde_json::Value = serde_json::from_str(bootstrap_rbac()).expect("the objects of a fresh cluster");
    let mut rbac = RbacObjects::from_values([&objects]).0;
    rbac.bindings.extend((0..MANY).map(|number| Binding {
        namespace: Some(format!("team-{}", number % 500)),
        name: format!("binding-{number}"),
        subjects: vec![match number % 3 {
            0 => Subject::Group(format!("team-{}", number % 500)),
            1 => Subject::User(format!("user-{number}")),
            _ => Subject::ServiceAccount { namespace: format!("team-{}", number % 500), name: format!("sa-{number}") },
        }],
        role: RoleRef { kind: RoleKind::ClusterRole, name: ["view", "edit", "admin"][number % 7 % 3].to_owned() },
    }));
    ClusterModel {
        mode: AuthenticationMode::ApiAndConfigMap,
        entries: entries.collect(),
        aws_auth: AwsAuth::default(),
        rbac,
        catalogue: PolicyCatalogue::builtin(),
        bootstrap_creator: None,
    }
}

fn analyse(criterion: &mut Criterion) {
    let state = Snapshot::compile(model());
    let (around, known, now) = (Surroundings::default(), KnownPrincipals::default(), Timestamp::UNIX_EPOCH);
    let mut group = criterion.benchmark_group("10000 entries, 10000 bindings");
    group.sample_size(10);
    group.bench_function("findings", |bench| bench.iter(|| black_box(findings(&state, &around, &known, now))));
    group.bench_function("paths", |bench| bench.iter(|| black_box(Graph::of(&state, &around, &known, now))));
    group.finish();
}

criterion_group!(benches, analyse);
criterion_main!(benches);
