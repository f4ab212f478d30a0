//! A small company: what `entryway up --sample` makes, with a few mistakes that people make.

use entryway_access::{
    AccessEntry, AwsAuth, ClusterModel, EntryType, RbacObjects, Role, Snapshot, Subject as RbacSubject, Template,
    bootstrap_rbac,
};
use serde_json::json;

use super::model::{ADMIN_POLICY, NOW, binding, entry, model, role, with_policy, words};
use crate::finding::{IamRights, Surroundings};

fn scope(namespaces: &[&str]) -> entryway_access::AccessScope {
    let kind = if namespaces.is_empty() { "cluster" } else { "namespace" };
    entryway_access::AccessScope::from_parts(kind, &words(namespaces)).unwrap()
}

fn grouped(mut entry: AccessEntry, username: &str, groups: &[&str]) -> AccessEntry {
    entry.username = Template::new(username);
    entry.groups = words(groups);
    entry
}

fn group(name: &str) -> RbacSubject {
    RbacSubject::Group(name.to_owned())
}

fn account(namespace: &str, name: &str) -> RbacSubject {
    RbacSubject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The cluster.
pub(crate) fn company() -> ClusterModel {
    let payments =
        with_policy(entry("role/payments/payments-dev"), "AmazonEKSEditPolicy", scope(&["payments", "payments-*"]));
    let mut kim = with_policy(entry("user/kim"), "AmazonEKSEditPolicy", scope(&["web-staging"]));
    kim.policies[0].expires = Some(NOW);
    let account_id = "111122223333".parse().unwrap();
    let node = AccessEntry::new(super::model::arn("role/node"), EntryType::Ec2Linux, None, None, &account_id).unwrap();
    let mut state = model(vec![
        with_policy(entry("role/platform/platform-admin"), ADMIN_POLICY, scope(&[])),
        with_policy(payments, "AmazonEKSViewPolicy", scope(&[])),
        grouped(entry("role/web/web-dev"), "web:{{SessionName}}", &["web-developers"]),
        with_policy(entry("role/auditor"), "AmazonEKSAdminViewPolicy", scope(&[])),
        grouped(entry("role/ci/ci-deployer"), "ci-deployer", &["deployers"]),
        grouped(entry("role/forgotten"), "forgotten", &["nobody-binds-it"]),
        node,
        with_policy(entry("user/jo"), "AmazonEKSAdminPolicy", scope(&["payments"])),
        kim,
    ]);
    let data = json!({
        "mapRoles": "- rolearn: arn:aws:iam::111122223333:role/legacy-ops\n  username: legacy-ops\n  groups: [legacy-ops]\n\
                     - rolearn: arn:aws:iam::111122223333:role/web-dev\n  username: web-dev\n  groups: [system:masters]\n\
                     - rolearn: arn:aws:iam::111122223333:role/old-admin\n  username: old-admin\n  groups: [system:masters]\n",
    });
    state.aws_auth = AwsAuth::parse(&serde_json::from_value(data).unwrap()).0;
    let objects: serde_json::Value = serde_json::from_str(bootstrap_rbac()).unwrap();
    state.rbac = RbacObjects::from_values([&objects]).0;
    let changes = ["get", "list", "watch", "create", "update", "patch"];
    let named = Role { namespace: None, ..role("release", &["patch"], "", &["configmaps"]) };
    state.rbac.roles.extend([
        role("deployer", &changes, "apps", &["deployments", "statefulsets"]),
        role("operator", &["*"], "", &["*"]),
        role("monitor", &["get"], "", &["nodes/proxy", "nodes/metrics"]),
        named,
    ]);
    state.rbac.bindings.extend([
        binding("web-developers-edit", Some("web"), "edit", group("web-developers")),
        binding("web-developers-view", None, "view", group("web-developers")),
        binding("deployers", Some("payments"), "deployer", group("deployers")),
        binding("deployers", Some("web"), "deployer", group("deployers")),
        binding("legacy-ops", None, "view", group("legacy-ops")),
        binding("releases", Some("kube-system"), "release", group("deployers")),
        binding("operator", None, "operator", account("web", "operator")),
        binding("monitor", None, "monitor", account("monitoring", "agent")),
        binding("gone", Some("web"), "removed", group("web-developers")),
        binding("public", None, "view", group("system:unauthenticated")),
    ]);
    state
}

/// What is found beside it.
pub(crate) fn surroundings() -> Surroundings {
    let enforces = [("payments", true), ("web", true), ("monitoring", false), ("kube-system", false)];
    let ci = super::model::arn("user/ci");
    Surroundings {
        namespaces: Some(enforces.into_iter().map(|(name, enforces)| (name.to_owned(), enforces)).collect()),
        service_accounts: Some(
            [
                (("web".to_owned(), "operator".to_owned()), None),
                (
                    ("web".to_owned(), "builder".to_owned()),
                    Some("arn:aws:iam::111122223333:role/platform-admin".to_owned()),
                ),
            ]
            .into(),
        ),
        iam: Some(vec![IamRights {
            principal: ci,
            creates_entries: true,
            associates_policies: false,
            changes_mode: false,
            passes_roles: false,
            assumes: [super::model::arn("role/old-admin"), super::model::arn("role/ci-deployer")].into(),
        }]),
    }
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot::compile(company())
}

/// Holds a text against a file of the checkout; with `RENEW_GOLDEN` set it writes the file.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("RENEW_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}; RENEW_GOLDEN=1 writes it anew");
}
