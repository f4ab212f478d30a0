//! A decision allocates nothing: counted by the allocator itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]
#![allow(unsafe_code, reason = "an allocator can be written in no other way; it only counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessScope, Association, Attributes, AuthenticationMode, AwsAuth, Caller, ClusterModel, Decision,
    EntryType, PolicyCatalogue, RbacObjects, Reason, Request, Resource, Snapshot, UserInfo, bootstrap_rbac,
};
use jiff::Timestamp;
use serde_json::Value;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, by `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_decision_allocates_nothing() {
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let bootstrap: Value = serde_json::from_str(bootstrap_rbac()).unwrap();
    let account = "111122223333".parse().unwrap();
    let principal = "arn:aws:iam::111122223333:role/team/Dev".parse().unwrap();
    let scope = AccessScope::from_parts("namespace", &["dev-*".to_owned()]).unwrap();
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy".parse().unwrap();
    let entry = AccessEntry {
        policies: vec![Association { policy, scope, expires: Some("2027-01-01T00:00:00Z".parse().unwrap()) }],
        ..AccessEntry::new(principal, EntryType::Standard, None, None, &account).unwrap()
    };
    let snapshot = Snapshot::compile(ClusterModel {
        mode: AuthenticationMode::ApiAndConfigMap,
        entries: vec![Arc::new(entry)],
        aws_auth: AwsAuth::default(),
        rbac: RbacObjects::from_values([&bootstrap]).0,
        catalogue: PolicyCatalogue::builtin(),
        bootstrap_creator: None,
    });
    let sts = "arn:aws:sts::111122223333:assumed-role/Dev/jo";
    let caller = Caller::from_sts("111122223333", sts, "AROA1:jo", "ASIA1").unwrap();
    let mut with_entry = snapshot.identity(&caller, None, now).unwrap().user;
    with_entry.groups.push("system:authenticated".to_owned());
    let user = |groups: &[&str]| UserInfo {
        username: "system:kube-scheduler".to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        ..UserInfo::default()
    };
    let users = [with_entry, user(&["system:authenticated"]), user(&["system:masters"]), UserInfo::default()];
    let resource = |resource, subresource, namespace| {
        let verb = "create";
        Attributes::Resource { verb, resource: Resource { group: "", resource, subresource, namespace, name: "x" } }
    };
    let asked = [
        resource("pods", "", "dev-a"),
        resource("pods", "binding", "kube-system"),
        resource("secrets", "", ""),
        Attributes::NonResource { verb: "get", path: "/version" },
    ];
    let (mut masters, mut policies, mut bindings, mut nothing) = (0, 0, 0, 0);
    for user in &users {
        for attributes in asked {
            let request = Request { user, attributes };
            let before = COUNT.get();
            let decision = snapshot.decide(&request, now);
            let by_rbac = snapshot.decide_rbac(&request);
            assert_eq!(COUNT.get(), before, "{request:?}");
            for decision in [decision, by_rbac] {
                match decision {
                    Decision::Allowed(Reason::SystemMasters) => masters += 1,
                    Decision::Allowed(Reason::AccessPolicy { .. }) => policies += 1,
                    Decision::Allowed(Reason::Rbac { .. }) => bindings += 1,
                    Decision::NoOpinion => nothing += 1,
                }
            }
        }
    }
    // All kinds of decisions were among them.
    assert_eq!((masters, policies, bindings, nothing), (8, 1, 6, 17));
}
