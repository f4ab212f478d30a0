//! How long the console's pages take over a large cluster: `cargo bench -p entryway-server --bench console`.
//!
//! Fills a control plane in a temporary folder: 10,000 access entries, 5,000 namespaces and 50,000 objects (the
//! namespaces and what the cluster makes for each of them not counted), among them 2,000 role bindings, and an audit
//! log of 40,000 records. Then signs in and asks for each of the main pages many times over one connection, each
//! answer read to its end. `entryway up` serves the same; here it is in this process. Last, pages of what somebody else
//! has just changed: nothing that is kept is true of them any more.

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a bench prints what it measured")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use entryway_iam::sigv4::uri_encode;
use entryway_sandbox::keys::object_key;
use entryway_server::{Running, start};
use entryway_store::{EmbeddedStore, ListOptions, Store, Txn, TxnOutcome};
use serde_json::{Value, json};

use common::{Client, Failure, config};

const ENTRIES: usize = 10_000;
const NAMESPACES: usize = 5_000;
const OBJECTS: usize = 50_000;
const AUDIT: usize = 40_000;
/// How often each page is asked for.
const ROUNDS: usize = 400;
/// How often a page is asked for right after a change.
const CHANGES: usize = 100;
/// What a page may take, 99 times of a hundred.
const AIM: Duration = Duration::from_millis(100);
const DEMO: &str = "/console/clusters/us-east-1/demo";

fn principal(n: usize) -> String {
    format!("arn:aws:iam::444455556666:role/team-{:03}/engineer-{n:05}", n % 500)
}

fn pick<const N: usize>(all: [&'static str; N], n: usize) -> &'static str {
    all.get(n % N).copied().unwrap_or_default()
}

fn namespace(n: usize) -> String {
    format!("team-{:03}-app-{:04}", n % 500, n % NAMESPACES)
}

/// The first entry, of which the others are copies: the API makes 3,000 of a cluster, as EKS does.
async fn first_entry(running: &Running) -> Result<(), Failure> {
    let mut client = Client::of_admin(running).await?;
    client.call("POST", "/clusters/demo/access-entries", &json!({ "principalArn": principal(0) })).await?;
    let body = json!({
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        "accessScope": { "type": "namespace", "namespaces": ["team-000-*"] },
    });
    let path = format!("/clusters/demo/access-entries/{}/access-policies", uri_encode(&principal(0)));
    client.call("POST", &path, &body).await?;
    Ok(())
}

/// An entry like the first: a policy in some namespaces, and every tenth has a group.
fn entry(first: &Value, n: usize) -> Option<Value> {
    let mut entry = first.clone();
    let association = entry.pointer("/policies")?.as_object()?.values().next()?.clone();
    let policy = pick(["AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminPolicy"], n);
    let members = entry.as_object_mut()?;
    members.insert("principal".to_owned(), json!(principal(n)));
    let arn = format!("arn:aws:eks:us-east-1:111122223333:access-entry/demo/role/444455556666/engineer-{n:05}/{n}");
    members.insert("arn".to_owned(), json!(arn));
    let username = format!("arn:aws:sts::444455556666:assumed-role/engineer-{n:05}/{{{{SessionName}}}}");
    members.insert("username".to_owned(), json!(username));
    let groups = if n.is_multiple_of(10) { vec![format!("group-{}", n % 100)] } else { Vec::new() };
    members.insert("groups".to_owned(), json!(groups));
    members.insert("tags".to_owned(), json!({ "team": (n % 500).to_string() }));
    let mut policies = json!({ format!("arn:aws:eks::aws:cluster-access-policy/{policy}"): association });
    let scope = policies.as_object_mut()?.values_mut().next()?.as_object_mut()?;
    scope.insert("namespaces".to_owned(), json!([format!("team-{:03}-*", n % 500)]));
    members.insert("policies".to_owned(), policies);
    Some(entry)
}

fn object(n: usize) -> (&'static str, &'static str, Value) {
    let metadata = |name: String, namespace: Option<String>| {
        let mut metadata = json!({
            "name": name, "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": { "app": format!("app-{}", n % 97) },
        });
        if let (Some(namespace), Some(members)) = (namespace, metadata.as_object_mut()) {
            members.insert("namespace".to_owned(), json!(namespace));
        }
        metadata
    };
    let own = Some(namespace(n));
    match n % 25 {
        0 => {
            let subjects = json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": format!("group-{}", n / 25 % 100) }]);
            let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": pick(["view", "edit", "admin"], n) });
            let api = "rbac.authorization.k8s.io";
            let binding = json!({ "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata(format!("binding-{n}"), own), "subjects": subjects, "roleRef": role });
            (api, "rolebindings", binding)
        }
        1..=9 => {
            let spec =
                json!({ "containers": [{ "name": "main", "image": "registry.example/app:1", "resources": {} }] });
            let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata(format!("pod-{n}"), own), "spec": spec, "status": { "phase": "Pending" } });
            ("", "pods", pod)
        }
        10..=14 => {
            let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata(format!("secret-{n}"), own), "type": "Opaque", "data": { "word": "c2VjcmV0" } });
            ("", "secrets", secret)
        }
        _ => {
            let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(format!("config-{n}"), own), "data": { "key": "value" } });
            ("", "configmaps", map)
        }
    }
}

async fn write(store: &dyn Store, items: Vec<(String, Value)>) -> Result<(), Failure> {
    for items in items.chunks(1_000) {
        let txn =
            items.iter().fold(Txn::new(), |txn, (key, value)| txn.put(key.clone(), value.to_string().into_bytes()));
        let TxnOutcome::Committed(_) = store.commit(txn).await? else { return Err("a put failed".into()) };
    }
    Ok(())
}

/// Entries, namespaces, objects and audit records, straight into the store of a control plane that does not run.
async fn objects(data: &Path) -> Result<(), Failure> {
    let store = EmbeddedStore::open(data)?;
    let clusters = store.list("/eks/", ListOptions::default()).await?.items;
    let record = clusters.iter().find(|item| item.key.ends_with("/clusters/demo")).ok_or("no cluster")?;
    let record: Value = serde_json::from_slice(&record.value)?;
    let id = record.get("id").and_then(Value::as_str).ok_or("no id")?;
    let first = clusters.iter().find(|item| item.key.ends_with(&principal(0)) && item.key.contains("/entries/"));
    let first = first.ok_or("no entry")?;
    let root = first.key.strip_suffix(&principal(0)).unwrap_or_default();
    let pattern: Value = serde_json::from_slice(&first.value)?;
    let entries = (1..ENTRIES).filter_map(|n| Some((format!("{root}{}", principal(n)), entry(&pattern, n)?)));
    write(&store, entries.collect()).await?;
    let namespaces = (0..NAMESPACES).map(|n| {
        let name = namespace(n);
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
            "metadata": { "name": name, "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": "2026-01-01T00:00:00Z" },
        });
        (object_key(id, "", "namespaces", None, &name), object)
    });
    write(&store, namespaces.collect()).await?;
    let objects = (0..OBJECTS).map(|n| {
        let (group, resource, object) = object(n);
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        (object_key(id, group, resource, Some(&namespace(n)), &name), object)
    });
    write(&store, objects.collect()).await?;
    // The last hours were busy. One of the records that there are is the pattern.
    let log = store.list("/audit/", ListOptions::default()).await?.items;
    let pattern: Value = serde_json::from_slice(&log.last().ok_or("no audit record")?.value)?;
    let now = jiff::Timestamp::now();
    let records = (0..AUDIT).filter_map(|n| {
        let time = now.checked_sub(jiff::SignedDuration::from_millis(250 * i64::try_from(n).ok()?)).ok()?;
        let mut record = pattern.clone();
        if let Some(members) = record.as_object_mut() {
            members.insert("eventTime".to_owned(), json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
            members.insert("readOnly".to_owned(), json!(!n.is_multiple_of(20)));
        }
        Some((format!("/audit/{}-{}", time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"), uuid::Uuid::new_v4()), record))
    });
    write(&store, records.collect()).await
}

/// The session's cookie, as a header.
async fn sign_in(client: &mut Client) -> Result<(String, String), Failure> {
    let (id, secret) = (&client.credentials.access_key_id, client.credentials.secret.expose());
    let body = format!("access-key-id={}&secret-access-key={}", uri_encode(id), uri_encode(secret));
    let kind = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let answer = client.send("POST", "/console/sign-in", &[kind], &body).await?;
    if answer.cookie.is_empty() {
        return Err(format!("no session: {}", answer.status).into());
    }
    Ok(("cookie".to_owned(), answer.cookie))
}

/// The pages: a name, and the path after the cluster's, or a whole one.
fn pages() -> Vec<(&'static str, String)> {
    let one = uri_encode(&principal(4_321));
    let demo = |rest: &str| format!("{DEMO}{rest}");
    vec![
        ("clusters", "/console".to_owned()),
        ("access entries", demo("/access")),
        ("  the last page", demo("/access?page=200")),
        ("  searched", demo("/access?q=engineer-04")),
        ("  filtered by policy", demo("/access?policy=AmazonEKSEditPolicy")),
        ("  filtered by namespace", demo("/access?namespace=team-007-app-0007")),
        ("  sorted by last change", demo("/access?sort=modified")),
        ("one entry", demo(&format!("/access/entry?principal={one}"))),
        ("  what it was before", demo(&format!("/access/history?principal={one}"))),
        ("form of a new entry", demo("/access/change?do=create")),
        ("  what deleting means", demo(&format!("/access/change?do=delete&principal={one}"))),
        ("policies", demo("/policies")),
        ("  one policy", demo("/policies?policy=AmazonEKSEditPolicy")),
        ("who can", demo("/who-can?verb=get&resource=secrets&namespace=team-007-app-0007")),
        ("  in all namespaces", demo("/who-can?verb=delete&resource=pods")),
        (
            "explain",
            demo(&format!("/explain?kind=principal&subject={one}&verb=get&resource=pods&namespace=team-321-app-4321")),
        ),
        ("  all that it can do", demo(&format!("/explain?kind=principal&subject={one}"))),
        ("matrix", demo("/matrix?namespace=team-007-app-0007")),
        ("  the last page", demo("/matrix?namespace=team-007-app-0007&page=99999")),
        ("findings", demo("/findings")),
        ("  of one severity", demo("/findings?severity=medium")),
        ("  of a principal", demo("/findings?q=engineer-04321")),
        ("paths", demo("/paths")),
        ("  of a principal", demo("/paths?q=engineer-04321&direct=on")),
        ("resources: pods", demo("/resources?kind=pods")),
        ("  namespaces", demo("/resources?kind=namespaces")),
        ("  of one namespace", demo("/resources?kind=configmaps&namespace=team-007-app-0007")),
        ("  searched", demo("/resources?kind=configmaps&q=config-4321")),
        ("  sorted by age", demo("/resources?kind=configmaps&sort=newest")),
        ("  one object", demo("/resources/object?kind=configmaps&namespace=kube-system&name=kube-root-ca.crt")),
        ("audit", "/console/audit".to_owned()),
        ("  a principal that is not there", "/console/audit?q=nobody-of-this-name&since=all&kind=all".to_owned()),
    ]
}

/// The pages that show what was found of the whole cluster.
fn pages_after_changes() -> Vec<(&'static str, String)> {
    let one = format!("{DEMO}/access/entry?principal={}", uri_encode(&principal(4_321)));
    let demo = |rest: &str| format!("{DEMO}{rest}");
    vec![
        ("clusters", "/console".to_owned()),
        ("access entries", demo("/access")),
        ("one entry", one),
        ("who can", demo("/who-can?verb=get&resource=secrets&namespace=team-007-app-0007")),
        ("matrix", demo("/matrix?namespace=team-007-app-0007")),
        ("findings", demo("/findings")),
        ("paths", demo("/paths")),
    ]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

async fn measure() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let began = Instant::now();
    let running = start(config(data.clone())?).await?;
    first_entry(&running).await?;
    running.shutdown().await;
    objects(&data).await?;
    let running = start(config(data)?).await?;
    let mut client = Client::of_admin(&running).await?;
    let cookie = sign_in(&mut client).await?;
    let headers = [cookie];
    // The cluster gives each namespace its service account and its certificate; this is none of what is measured.
    let last =
        format!("{DEMO}/resources/object?kind=serviceaccounts&namespace={}&name=default", namespace(NAMESPACES - 1));
    while !client.send("GET", &last, &headers, "").await?.status.starts_with("HTTP/1.1 200") {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("filled and started in {:.0} s", began.elapsed().as_secs_f64());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine  {}\n", load.split(' ').next().unwrap_or_default());
    println!("{:34} {:>9} {:>9} {:>9} {:>8}", "page (ms)", "p50", "p99", "worst", "KB");
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut all = Vec::new();
    for (name, path) in pages() {
        if only.as_ref().is_some_and(|only| !path.contains(only.as_str())) {
            continue;
        }
        let (mut times, mut size) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let answer = client.send("GET", &path, &headers, "").await?;
            times.push(began.elapsed());
            size = answer.body.len();
            if !answer.status.starts_with("HTTP/1.1 200") {
                return Err(format!("{path}: {}", answer.status).into());
            }
        }
        all.extend(times.iter().copied());
        let [p50, p99, worst] = quantiles(&mut times).map(milliseconds);
        println!("{name:34} {p50:9.1} {p99:9.1} {worst:9.1} {:8.1}", size as f64 / 1_000.0);
    }
    println!("\nright after a change of an entry");
    for (name, path) in pages_after_changes() {
        if only.as_ref().is_some_and(|only| !path.contains(only.as_str())) {
            continue;
        }
        let (mut times, mut size) = (Vec::new(), 0);
        for n in 0..CHANGES {
            let entry = format!("/clusters/demo/access-entries/{}", uri_encode(&principal(1_000 + n)));
            let body = json!({ "kubernetesGroups": [format!("changed-{}", n % 7)] });
            client.call("POST", &entry, &body).await?;
            let began = Instant::now();
            let answer = client.send("GET", &path, &headers, "").await?;
            times.push(began.elapsed());
            size = answer.body.len();
        }
        all.extend(times.iter().copied());
        let [p50, p99, worst] = quantiles(&mut times).map(milliseconds);
        println!("{name:34} {p50:9.1} {p99:9.1} {worst:9.1} {:8.1}", size as f64 / 1_000.0);
    }
    let [p50, p99, worst] = quantiles(&mut all).map(milliseconds);
    println!("{:34} {p50:9.1} {p99:9.1} {worst:9.1}", "all pages");
    println!(
        "\nthe aim, p99 under {} ms, is {}",
        AIM.as_millis(),
        if p99 < milliseconds(AIM) { "reached" } else { "missed" }
    );
    running.shutdown().await;
    Ok(())
}

fn quantiles(times: &mut [Duration]) -> [Duration; 3] {
    times.sort_unstable();
    let at = |hundredths: usize| {
        times.get((times.len() * hundredths / 100).min(times.len() - 1)).copied().unwrap_or_default()
    };
    [at(50), at(99), at(100)]
}

fn main() -> Result<(), Failure> {
    // As `entryway up` has it: a thread for each processor.
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}
