//! Decisions of a real Kubernetes 1.36, recorded: every file of `corpus/`, and of the folder that
//! `ENTRYWAY_CORPUS` names. `cargo test -p entryway-access corpus -- --nocapture` prints "N of M" for each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, and prints its findings"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use entryway_access::{
    AccessEntry, AccessScope, Association, Attributes, AuthenticationMode, AwsAuth, Caller, ClusterModel, EntryType,
    PolicyCatalogue, RbacObjects, Request, Resource, Snapshot, Template, UserInfo, bootstrap_rbac,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A file without `entries` has whole users in its cases, one with them has indices into them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the file's notes are for people")]
struct Corpus {
    source: Option<Value>,
    note: Option<Value>,
    namespaces: Option<Vec<String>>,
    rbac: Vec<Value>,
    entries: Option<Vec<EntryRecord>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EntryRecord {
    principal_arn: String,
    username: Option<String>,
    #[serde(default)]
    kubernetes_groups: Vec<String>,
    #[serde(default)]
    associated_access_policies: Vec<AssociationRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AssociationRecord {
    policy_arn: String,
    access_scope: ScopeRecord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeRecord {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    namespaces: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    spec: Option<Spec>,
    entry: Option<usize>,
    resource_attributes: Option<ResourceRecord>,
    non_resource_attributes: Option<PathRecord>,
    allowed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    user: String,
    #[serde(default)]
    groups: Vec<String>,
    uid: Option<String>,
    extra: Option<std::collections::BTreeMap<String, Vec<String>>>,
    resource_attributes: Option<ResourceRecord>,
    non_resource_attributes: Option<PathRecord>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct ResourceRecord {
    group: String,
    #[allow(dead_code, reason = "RBAC looks at neither version nor selectors")]
    version: String,
    #[allow(dead_code, reason = "see `version`")]
    field_selector: Value,
    #[allow(dead_code, reason = "see `version`")]
    label_selector: Value,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    verb: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct PathRecord {
    #[serde(default)]
    path: String,
    #[serde(default)]
    verb: String,
}

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn snapshot(corpus: &Corpus) -> Snapshot {
    let bootstrap: Value = serde_json::from_str(bootstrap_rbac()).unwrap();
    let with_bootstrap = corpus.entries.is_some().then_some(&bootstrap);
    let (rbac, problems) = RbacObjects::from_values(corpus.rbac.iter().chain(with_bootstrap));
    for problem in &problems {
        println!("  note: {}: {}", problem.object, problem.message);
    }
    let entries = corpus.entries.iter().flatten().map(|record| Arc::new(entry(record))).collect();
    Snapshot::compile(ClusterModel {
        mode: AuthenticationMode::Api,
        entries,
        aws_auth: AwsAuth::default(),
        rbac,
        catalogue: PolicyCatalogue::builtin(),
        bootstrap_creator: None,
    })
}

fn entry(record: &EntryRecord) -> AccessEntry {
    let principal = record.principal_arn.parse().unwrap();
    let kind = EntryType::Standard;
    let username = match &record.username {
        Some(text) => Template::new(text.as_str()),
        None => AccessEntry::default_username(&principal, kind),
    };
    let policies = record
        .associated_access_policies
        .iter()
        .map(|record| Association {
            policy: record.policy_arn.parse().unwrap(),
            scope: AccessScope::from_parts(&record.access_scope.kind, &record.access_scope.namespaces).unwrap(),
            expires: None,
        })
        .collect();
    let groups = record.kubernetes_groups.clone();
    AccessEntry { principal, unique_id: None, kind, username, groups, policies, expires: None }
}

/// The user that an entry's principal is, the whole way from the STS answer on.
fn user_of(record: &EntryRecord, snapshot: &Snapshot) -> UserInfo {
    let entry = entry(record);
    let principal = &entry.principal;
    let (arn, user_id) = if principal.is_role() {
        let (partition, account) = (principal.partition(), principal.account());
        let arn = format!("arn:{partition}:sts::{account}:assumed-role/{}/case", principal.name());
        (arn, "AROAEXAMPLE:case".to_owned())
    } else {
        (principal.to_string(), "AIDAEXAMPLE".to_owned())
    };
    let caller = Caller::from_sts(principal.account().as_str(), &arn, &user_id, "").unwrap();
    let mut user = snapshot.identity(&caller, None, now()).expect("the entry maps its principal").user;
    user.groups.push("system:authenticated".to_owned());
    user
}

/// Every failed case, as text, and how many cases there are.
fn run(text: &str) -> Result<(Vec<String>, usize), serde_json::Error> {
    let corpus: Corpus = serde_json::from_str(text)?;
    let snapshot = snapshot(&corpus);
    let mut failed = Vec::new();
    for (index, case) in corpus.cases.iter().enumerate() {
        let (user, resource, path) = match (&case.spec, case.entry) {
            (Some(spec), None) => {
                let user = UserInfo {
                    username: spec.user.clone(),
                    groups: spec.groups.clone(),
                    uid: spec.uid.clone().unwrap_or_default(),
                    extra: spec.extra.clone().unwrap_or_default(),
                };
                (user, &spec.resource_attributes, &spec.non_resource_attributes)
            }
            (None, Some(at)) => {
                let record = &corpus.entries.as_ref().expect("a case names an entry, so there are some")[at];
                (user_of(record, &snapshot), &case.resource_attributes, &case.non_resource_attributes)
            }
            _ => panic!("case {index} needs either `spec` or `entry`"),
        };
        let attributes = match (resource, path) {
            (Some(asked), None) => Attributes::Resource {
                verb: &asked.verb,
                resource: Resource {
                    group: &asked.group,
                    resource: &asked.resource,
                    subresource: &asked.subresource,
                    namespace: &asked.namespace,
                    name: &asked.name,
                },
            },
            (None, Some(asked)) => Attributes::NonResource { verb: &asked.verb, path: &asked.path },
            _ => panic!("case {index} needs either `resourceAttributes` or `nonResourceAttributes`"),
        };
        let decision = snapshot.decide(&Request { user: &user, attributes }, now());
        if decision.is_allowed() != case.allowed {
            failed.push(format!(
                "case {index}: expected {}, got {decision:?} for {} {:?} asking {attributes:?}",
                case.allowed, user.username, user.groups
            ));
        }
    }
    Ok((failed, corpus.cases.len()))
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus in {}", folder.display());
    files
}

#[test]
fn corpus() {
    let mut files = json_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
    if let Some(folder) = std::env::var_os("ENTRYWAY_CORPUS") {
        // Tests run in the crate's folder; a relative path is meant from where cargo was called.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let from_root = root.join(&folder);
        files.extend(json_files(if from_root.is_dir() { &from_root } else { Path::new(&folder) }));
    }
    let mut all_failed = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (failed, cases) = run(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(cases > 0, "no cases in {}", file.display());
        println!("{}: {} of {cases}", file.display(), cases - failed.len());
        failed.iter().for_each(|failure| println!("  {failure}"));
        all_failed += failed.len();
    }
    assert_eq!(all_failed, 0, "cases failed; see above");
}
