//! What a decision costs at 100, 10,000 and 1,000,000 bindings, beside the walk over all bindings that
//! Kubernetes' own authorizer makes. `cargo bench -p entryway-access`.
//!
//! The data is made by the recipe of `scale.py`: users, groups and namespaces grow with the bindings, so
//! the grants of one subject are alike at each size. 100,000 different requests, half of them of users
//! that an access entry maps, whose policies are asked before RBAC.
//!
//! Prints percentiles of single decisions, the best of several rounds, since whatever else runs on the
//! machine can only add to them. Criterion's own figures come after; `-- none` leaves them out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use entryway_access::{
    AccessEntry, AccessScope, Association, Attributes, AuthenticationMode, AwsAuth, Binding, Caller, ClusterModel,
    EntryType, PolicyCatalogue, PolicyRule, RbacObjects, Request, Resource, Role, RoleKind, RoleRef, Snapshot, Subject,
    UserInfo,
};
use jiff::Timestamp;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

const REQUESTS: usize = 100_000;
const ENTRIES: usize = 997;
const AT_ONCE: usize = 64;
const RESOURCES: [(&str, &str, &str); 17] = [
    ("", "pods", ""),
    ("", "secrets", ""),
    ("", "configmaps", ""),
    ("", "services", ""),
    ("", "serviceaccounts", ""),
    ("", "events", ""),
    ("", "pods", "log"),
    ("", "pods", "exec"),
    ("", "persistentvolumeclaims", ""),
    ("apps", "deployments", ""),
    ("apps", "statefulsets", ""),
    ("apps", "daemonsets", ""),
    ("apps", "replicasets", ""),
    ("apps", "deployments", "scale"),
    ("batch", "jobs", ""),
    ("batch", "cronjobs", ""),
    ("rbac.authorization.k8s.io", "roles", ""),
];
const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
const POLICIES: [&str; 4] =
    ["AmazonEKSAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy", "AmazonEKSAdminViewPolicy"];

#[derive(Clone)]
struct Asked {
    user: UserInfo,
    verb: &'static str,
    resource: (&'static str, &'static str, &'static str),
    namespace: String,
}

impl Asked {
    fn request(&self) -> Request<'_> {
        let (group, resource, subresource) = self.resource;
        let resource = Resource { group, resource, subresource, namespace: &self.namespace, name: "" };
        Request { user: &self.user, attributes: Attributes::Resource { verb: self.verb, resource } }
    }
}

const ROUNDS: usize = 9;

struct World {
    snapshot: Snapshot,
    compiling: Duration,
    /// Bytes that the process has more, with the compiled form of the objects.
    index: usize,
    requests: Vec<Asked>,
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// As `scale.py` makes it.
fn world(bindings: usize) -> World {
    let rnd = &mut SmallRng::seed_from_u64(7);
    let namespaces: Vec<String> = (0..(bindings / 50).clamp(10, 2000)).map(|i| format!("team-{i}")).collect();
    let user_count = (bindings / 4).max(5);
    let user_name = |i: usize| format!("arn:aws:sts::111122223333:assumed-role/role-{}/user-{i}", i % ENTRIES);
    let groups: Vec<String> = (0..(bindings / 20).max(5)).map(|i| format!("group-{i}")).collect();

    let roles = (0..100).map(|i| role(i, rnd)).collect();
    let bindings = (0..bindings)
        .map(|i| {
            let role = RoleRef { kind: RoleKind::ClusterRole, name: format!("role-{}", rnd.random_range(0..100)) };
            let subjects = (0..rnd.random_range(1..=3))
                .map(|_| match rnd.random_bool(0.5) {
                    true => Subject::User(user_name(rnd.random_range(0..user_count))),
                    false => Subject::Group(groups.choose(rnd).unwrap().clone()),
                })
                .collect();
            let namespace = (i % 10 != 0).then(|| namespaces.choose(rnd).unwrap().clone());
            Binding { namespace, name: format!("b-{i}"), subjects, role }
        })
        .collect();
    let entries = (0..ENTRIES).map(|i| Arc::new(entry(i, &namespaces, &groups, rnd))).collect();
    let without_rbac = Snapshot::compile(ClusterModel {
        mode: AuthenticationMode::Api,
        entries,
        aws_auth: AwsAuth::default(),
        rbac: RbacObjects::default(),
        catalogue: PolicyCatalogue::builtin(),
        bootstrap_creator: None,
    });
    let (start, before) = (Instant::now(), resident_bytes());
    let snapshot = without_rbac.with_rbac(RbacObjects { roles, bindings });
    let (compiling, index) = (start.elapsed(), resident_bytes().saturating_sub(before));
    let requests = (0..REQUESTS)
        .map(|number| {
            let i = rnd.random_range(0..user_count);
            let mut user = UserInfo { username: user_name(i), ..UserInfo::default() };
            if number % 2 == 0 {
                let sts = format!("arn:aws:sts::111122223333:assumed-role/role-{}/user-{i}", i % ENTRIES);
                let caller =
                    Caller::from_sts("111122223333", &sts, &format!("AROA{}:user-{i}", i % ENTRIES), "ASIA1").unwrap();
                user = UserInfo { username: user.username, ..snapshot.identity(&caller, None, now()).unwrap().user };
            }
            user.groups = groups.sample(rnd, 3).cloned().collect();
            user.groups.push("system:authenticated".to_owned());
            let namespace = namespaces.choose(rnd).unwrap().clone();
            Asked { user, verb: VERBS.choose(rnd).unwrap(), resource: *RESOURCES.choose(rnd).unwrap(), namespace }
        })
        .collect();
    World { snapshot, compiling, index, requests }
}

/// Of this process; zero where the system does not tell.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

/// The round with the least median.
fn best_of_rounds(requests: &[Asked], decide: impl Fn(&Asked) -> bool) -> (Duration, Duration, usize) {
    percentiles(requests, &decide); // warm
    (0..ROUNDS).map(|_| percentiles(requests, &decide)).min().unwrap()
}

fn role(number: usize, rnd: &mut SmallRng) -> Role {
    let rules = (0..rnd.random_range(2..=12))
        .map(|_| {
            let group = *["", "apps", "batch"].choose(rnd).unwrap();
            let picked = RESOURCES.sample(rnd, 6).filter(|(of, ..)| *of == group);
            let mut resources: Vec<String> = picked
                .map(
                    |(_, resource, sub)| {
                        if sub.is_empty() { (*resource).to_owned() } else { format!("{resource}/{sub}") }
                    },
                )
                .collect();
            if resources.is_empty() {
                resources.push("pods".to_owned());
            }
            let mut verbs: Vec<String> = VERBS.iter().map(|&verb| verb.to_owned()).collect();
            verbs.shuffle(rnd);
            verbs.truncate(rnd.random_range(1..=5));
            PolicyRule { verbs, api_groups: vec![group.to_owned()], resources, ..PolicyRule::default() }
        })
        .collect();
    Role { namespace: None, name: format!("role-{number}"), labels: BTreeMap::new(), rules, aggregation: None }
}

fn entry(number: usize, namespaces: &[String], groups: &[String], rnd: &mut SmallRng) -> AccessEntry {
    let principal = format!("arn:aws:iam::111122223333:role/role-{number}").parse().unwrap();
    let groups: Vec<String> = groups.sample(rnd, 2).cloned().collect();
    let account = "111122223333".parse().unwrap();
    let entry = AccessEntry::new(principal, EntryType::Standard, None, Some(&groups), &account).unwrap();
    let count = rnd.random_range(0..=2);
    let policies = POLICIES
        .sample(rnd, count)
        .map(|name| format!("arn:aws:eks::aws:cluster-access-policy/{name}").parse().unwrap())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|policy| {
            let scope = if rnd.random_bool(0.8) {
                let mut patterns: Vec<String> = namespaces.sample(rnd, 3).cloned().collect();
                patterns.push("team-1*".to_owned());
                AccessScope::from_parts("namespace", &patterns).unwrap()
            } else {
                AccessScope::Cluster
            };
            Association { policy, scope, expires: None }
        })
        .collect();
    AccessEntry { policies, ..entry }
}

/// Kubernetes' way: all ClusterRoleBindings, then all RoleBindings of the namespace, each asked whether it
/// means the user. Roles and the namespace's bindings are found by name, as from its caches.
struct Walk<'s> {
    cluster_wide: Vec<&'s Binding>,
    by_namespace: HashMap<&'s str, Vec<&'s Binding>>,
    roles: HashMap<&'s str, &'s Role>,
}

impl<'s> Walk<'s> {
    fn new(objects: &'s RbacObjects) -> Walk<'s> {
        let mut by_namespace: HashMap<&str, Vec<&Binding>> = HashMap::new();
        for binding in &objects.bindings {
            if let Some(namespace) = &binding.namespace {
                by_namespace.entry(namespace).or_default().push(binding);
            }
        }
        let cluster_wide = objects.bindings.iter().filter(|binding| binding.namespace.is_none()).collect();
        Walk { cluster_wide, by_namespace, roles: objects.roles.iter().map(|role| (&*role.name, role)).collect() }
    }

    fn decide(&self, asked: &Asked) -> bool {
        let request = asked.request();
        let local = self.by_namespace.get(&*asked.namespace).map(Vec::as_slice).unwrap_or_default();
        self.cluster_wide.iter().chain(local).any(|binding| {
            let user = &asked.user;
            let is_meant = |subject: &Subject| {
                subject.is_user(&user.username) || user.groups.iter().any(|group| subject.is_group(group))
            };
            binding.subjects.iter().any(is_meant)
                && self.roles[&*binding.role.name].rules.iter().any(|rule| rule.allows(&request.attributes))
        })
    }
}

/// Each request timed alone, with the clock's own cost taken off: the figures in `docs/performance.md`.
/// Requests are copied first, a few at a time, as a server has just read them: what is measured is the
/// decision, not the way of 100,000 prepared requests into the cache.
fn percentiles(requests: &[Asked], mut decide: impl FnMut(&Asked) -> bool) -> (Duration, Duration, usize) {
    let mut clock: Vec<Duration> = (0..10_000).map(|_| Instant::now().elapsed()).collect();
    clock.sort_unstable();
    let overhead = clock[clock.len() / 2];
    let mut allowed = 0;
    let mut times = Vec::with_capacity(requests.len());
    for batch in requests.chunks(AT_ONCE) {
        let fresh = black_box(batch.to_vec());
        for asked in &fresh {
            let start = Instant::now();
            let is_allowed = black_box(decide(black_box(asked)));
            times.push(start.elapsed().saturating_sub(overhead));
            allowed += usize::from(is_allowed);
        }
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100], allowed)
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut medians = Vec::new();
    for bindings in [100, 10_000, 1_000_000] {
        let World { snapshot, compiling, index, requests } = world(bindings);
        println!("{bindings} bindings: compiled in {compiling:.1?}, {:.1} MB", index as f64 / 1e6);
        let ours = |asked: &Asked| snapshot.decide(&asked.request(), now()).is_allowed();
        let (p50, p99, allowed) = best_of_rounds(&requests, ours);
        println!("  decide: p50 {p50:?}, p99 {p99:?}; {allowed} of {} allowed", requests.len());
        for (who, has_entry) in [("users of RBAC alone", false), ("users with an entry", true)] {
            let some: Vec<Asked> =
                requests.iter().filter(|asked| asked.user.uid.is_empty() != has_entry).cloned().collect();
            let (p50, p99, _) = best_of_rounds(&some, ours);
            println!("    {who}: p50 {p50:?}, p99 {p99:?}");
        }
        let entry = Arc::clone(&snapshot.entries()[0]);
        let start = Instant::now();
        black_box(snapshot.with_entry(entry));
        println!("  one of {ENTRIES} entries replaced in {:.1?}", start.elapsed());
        medians.push((bindings, p50));

        let walk = Walk::new(snapshot.rbac());
        let few = &requests[..if bindings > 100_000 { 500 } else { 10_000 }];
        for asked in few {
            let by_index = snapshot.decide_rbac(&asked.request()).is_allowed();
            assert_eq!(walk.decide(asked), by_index, "the two must agree");
        }
        let (walk_p50, walk_p99, _) = percentiles(few, |asked| walk.decide(asked));
        let ratio = walk_p50.as_nanos() as f64 / p50.as_nanos().max(1) as f64;
        println!("  walk over all bindings: p50 {walk_p50:?}, p99 {walk_p99:?}; {ratio:.1} times as much");

        let mut group = criterion.benchmark_group("decide");
        group.throughput(Throughput::Elements(1));
        let mut next = requests.iter().cycle().cloned();
        group.bench_function(BenchmarkId::new("compiled", bindings), |bencher| {
            bencher.iter_batched_ref(
                || next.next(),
                |asked| asked.as_ref().map(ours),
                BatchSize::NumIterations(AT_ONCE as u64),
            );
        });
        let mut next = few.iter().cycle().cloned();
        group.bench_function(BenchmarkId::new("walk", bindings), |bencher| {
            let decide = |asked: &mut Option<Asked>| asked.as_ref().map(|asked| walk.decide(asked));
            bencher.iter_batched_ref(|| next.next(), decide, BatchSize::NumIterations(AT_ONCE as u64));
        });
        group.finish();
    }
    if let [(_, first), .., (_, last)] = medians.as_slice() {
        let ratio = last.as_nanos() as f64 / first.as_nanos().max(1) as f64;
        println!("p50 at 1,000,000 bindings is {ratio:.2} times that at 100");
    }
    criterion.final_summary();
}
