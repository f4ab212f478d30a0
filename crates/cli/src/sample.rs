//! `up --sample`: a small believable company, made through the public APIs as anybody would make it. What is there
//! already is left as it is, so a second start changes nothing.

use std::collections::BTreeMap;

use entryway_access::{AccessScope, EXPIRES_POLICY};
use entryway_live::{Aws, AwsOptions, Kubernetes, LiveError, NewEntry, Scope};
use entryway_server::{RunInfo, read_admin_file};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::error::CliError;

/// A principal, and the access that it is given.
struct Person {
    /// `role` or `user`.
    kind: &'static str,
    path: &'static str,
    name: &'static str,
    /// None for who comes by aws-auth alone.
    entry: Option<Grant>,
}

/// An entry with its policies.
#[derive(Default)]
struct Grant {
    kind: Option<&'static str>,
    username: Option<&'static str>,
    groups: &'static [&'static str],
    /// Policy and namespaces; none for the cluster.
    policies: &'static [(&'static str, &'static [&'static str])],
    /// Its policies end in so many days.
    ends_in_days: Option<i64>,
}

const NAMESPACES: [&str; 5] = ["payments", "payments-staging", "web", "web-staging", "monitoring"];

fn people() -> Vec<Person> {
    let person = |kind, path, name, entry| Person { kind, path, name, entry };
    vec![
        person(
            "role",
            "/platform/",
            "platform-admin",
            Some(Grant { policies: &[("AmazonEKSClusterAdminPolicy", &[])], ..Grant::default() }),
        ),
        person(
            "role",
            "/payments/",
            "payments-dev",
            Some(Grant {
                policies: &[("AmazonEKSEditPolicy", &["payments", "payments-*"]), ("AmazonEKSViewPolicy", &[])],
                ..Grant::default()
            }),
        ),
        person(
            "role",
            "/web/",
            "web-dev",
            Some(Grant { username: Some("web:{{SessionName}}"), groups: &["web-developers"], ..Grant::default() }),
        ),
        person(
            "role",
            "/",
            "auditor",
            Some(Grant { policies: &[("AmazonEKSAdminViewPolicy", &[])], ..Grant::default() }),
        ),
        person(
            "role",
            "/ci/",
            "ci-deployer",
            Some(Grant { username: Some("ci-deployer"), groups: &["deployers"], ..Grant::default() }),
        ),
        person("role", "/", "node", Some(Grant { kind: Some("EC2_LINUX"), ..Grant::default() })),
        person("role", "/", "legacy-ops", None),
        person(
            "user",
            "/",
            "jo",
            Some(Grant { policies: &[("AmazonEKSAdminPolicy", &["payments"])], ..Grant::default() }),
        ),
        person(
            "user",
            "/",
            "kim",
            Some(Grant {
                policies: &[("AmazonEKSEditPolicy", &["web-staging"])],
                ends_in_days: Some(30),
                ..Grant::default()
            }),
        ),
        person("user", "/", "lee", None),
    ]
}

/// Fills the first cluster.
pub(crate) async fn fill(info: &RunInfo) -> Result<(), CliError> {
    let Some(cluster) = info.clusters.first() else { return Ok(()) };
    let aws = administrator(info).await?;
    let described = aws.describe_cluster(&cluster.name).await?;
    let token = aws.token(&cluster.name, Timestamp::now())?;
    let kubernetes = Kubernetes::connect(&described, &token)?;
    for person in people() {
        make(&aws, info, &cluster.name, &person).await?;
    }
    for (collection, object) in objects() {
        settle(kubernetes.create(&collection, &object).await)?;
    }
    fill_aws_auth(&kubernetes, &info.account).await
}

/// Puts lines into aws-auth, unless somebody's lines are there.
async fn fill_aws_auth(kubernetes: &Kubernetes, account: &str) -> Result<(), CliError> {
    let collection = "/api/v1/namespaces/kube-system/configmaps";
    let data = aws_auth(account);
    let new = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": data});
    match kubernetes.create(collection, &new).await {
        Err(error) if error.is_in_use() => {}
        made => return settle(made),
    }
    let path = format!("{collection}/aws-auth");
    let mut there = kubernetes.get(&path).await?;
    let is_empty = there.get("data").and_then(Value::as_object).is_none_or(|data| data.values().all(is_blank));
    if let (true, Some(object)) = (is_empty, there.as_object_mut()) {
        object.insert("data".to_owned(), data);
        kubernetes.replace(&path, &there).await?;
    }
    Ok(())
}

/// Whether a key of aws-auth holds no line.
fn is_blank(value: &Value) -> bool {
    value.as_str().is_none_or(|text| matches!(text.trim(), "" | "[]"))
}

/// The first administrator at this control plane, whatever the environment says of others.
async fn administrator(info: &RunInfo) -> Result<Aws, CliError> {
    let admin = read_admin_file(&info.data)
        .ok_or_else(|| CliError::new(format!("{} has no admin.json", info.data.display())))?;
    Ok(Aws::at(
        &AwsOptions { region: Some(info.region.clone()), endpoint_url: Some(info.api.clone()), profile: None },
        &admin.access_key_id,
        &admin.secret_access_key,
    )
    .await?)
}

async fn make(aws: &Aws, info: &RunInfo, cluster: &str, person: &Person) -> Result<(), CliError> {
    let Person { kind, path, name, entry } = person;
    if *kind == "role" {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", info.account)}, "Action": "sts:AssumeRole"}]});
        aws.create_role(path, name, &trust.to_string()).await?;
        let describe = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}]});
        aws.put_role_policy(name, "describe-clusters", &describe.to_string()).await?;
    } else {
        aws.create_user(path, name).await?;
    }
    let Some(grant) = entry else { return Ok(()) };
    let principal = format!("arn:aws:iam::{}:{kind}{path}{name}", info.account);
    let tags = match grant.ends_in_days.map(|days| Timestamp::now() + SignedDuration::from_hours(24 * days)) {
        Some(end) => grant
            .policies
            .iter()
            .map(|(policy, _)| (format!("{EXPIRES_POLICY}{policy}"), format!("{end:.0}")))
            .collect(),
        None => BTreeMap::new(),
    };
    let new = NewEntry {
        principal_arn: principal.clone(),
        kind: grant.kind.map(str::to_owned),
        username: grant.username.map(str::to_owned),
        groups: grant.groups.iter().map(|group| (*group).to_owned()).collect(),
        tags,
    };
    match aws.create_entry(cluster, &new).await {
        Ok(_) => {}
        // Made by an earlier start; what somebody has changed since stays.
        Err(error) if error.is_in_use() => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    for (policy, namespaces) in grant.policies {
        let namespaces: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
        let kind = if namespaces.is_empty() { "cluster" } else { "namespace" };
        let scope = AccessScope::from_parts(kind, &namespaces).map_err(|error| CliError::new(error.to_string()))?;
        let arn = format!("arn:aws:eks::aws:cluster-access-policy/{policy}");
        aws.associate(cluster, &principal, &arn, &Scope::from(&scope)).await?;
    }
    Ok(())
}

/// What exists already is made.
fn settle(made: Result<Value, LiveError>) -> Result<(), CliError> {
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.is_in_use() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The objects, each with the collection it belongs to, in the order in which they can be made.
fn objects() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = NAMESPACES.iter().flat_map(|name| namespace(name)).collect();
    let changes = json!(["get", "list", "watch", "create", "update", "patch"]);
    all.push(cluster_role(
        "deployer",
        &json!({}),
        &json!([
            {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": changes},
            {"apiGroups": [""], "resources": ["services", "configmaps"], "verbs": changes},
        ]),
    ));
    // Aggregated into `view`, and so in force for everybody who has that.
    all.push(cluster_role(
        "monitoring-view",
        &json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"}),
        &json!([{
            "apiGroups": ["monitoring.coreos.com"],
            "resources": ["servicemonitors", "prometheusrules"],
            "verbs": ["get", "list", "watch"],
        }]),
    ));
    for (namespace, name, role, group) in [
        (Some("web"), "web-developers-edit", "edit", "web-developers"),
        (Some("web-staging"), "web-developers-admin", "admin", "web-developers"),
        (None, "web-developers-view", "view", "web-developers"),
        (Some("payments"), "deployers", "deployer", "deployers"),
        (Some("web"), "deployers", "deployer", "deployers"),
        (None, "legacy-ops", "view", "legacy-ops"),
    ] {
        all.push(binding(namespace, name, role, group));
    }
    all
}

/// A namespace with a config map and a secret.
fn namespace(name: &str) -> [(String, Value); 3] {
    let team = name.split('-').next().unwrap_or(name);
    let url = format!("postgres://{name}.db.example");
    [
        (
            "/api/v1/namespaces".to_owned(),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}}),
        ),
        (
            format!("/api/v1/namespaces/{name}/configmaps"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
                   "data": {"team": team, "log-level": "info"}}),
        ),
        (
            format!("/api/v1/namespaces/{name}/secrets"),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "database"}, "type": "Opaque",
                   "stringData": {"url": url}}),
        ),
    ]
}

fn cluster_role(name: &str, labels: &Value, rules: &Value) -> (String, Value) {
    (
        format!("{RBAC}/clusterroles"),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
               "metadata": {"name": name, "labels": labels}, "rules": rules}),
    )
}

/// A binding of a ClusterRole to a group, in a namespace or everywhere.
fn binding(namespace: Option<&str>, name: &str, role: &str, group: &str) -> (String, Value) {
    let (kind, collection) = match namespace {
        Some(namespace) => ("RoleBinding", format!("{RBAC}/namespaces/{namespace}/rolebindings")),
        None => ("ClusterRoleBinding", format!("{RBAC}/clusterrolebindings")),
    };
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    });
    (collection, object)
}

/// Lines of aws-auth: one that an access entry overrides, and two of people whom nobody has moved yet.
fn aws_auth(account: &str) -> Value {
    json!({
        "mapRoles": format!(
            "- rolearn: arn:aws:iam::{account}:role/legacy-ops\n  username: legacy-ops\n  groups:\n  - legacy-ops\n\
             - rolearn: arn:aws:iam::{account}:role/web-dev\n  username: web-dev\n  groups:\n  - system:masters\n"
        ),
        "mapUsers": format!("- userarn: arn:aws:iam::{account}:user/lee\n  username: lee\n  groups:\n  - legacy-ops\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use entryway_access::{AwsAuth, PolicyCatalogue, PolicyName, PrincipalArn};

    #[test]
    fn everything_named_exists() {
        let catalogue = PolicyCatalogue::builtin();
        let known: Vec<PolicyName> = catalogue.aws().map(|policy| policy.name.clone()).collect();
        for person in people() {
            let arn = format!("arn:aws:iam::111122223333:{}{}{}", person.kind, person.path, person.name);
            arn.parse::<PrincipalArn>().unwrap();
            for (policy, _) in person.entry.iter().flat_map(|grant| grant.policies) {
                assert!(known.iter().any(|name| name.as_str() == *policy), "{policy}");
            }
        }
    }

    #[test]
    fn aws_auth_has_no_problem() {
        let data = serde_json::from_value(aws_auth("111122223333")).unwrap();
        let (lines, problems) = AwsAuth::parse(&data);
        assert_eq!(problems, []);
        assert_eq!((lines.roles.len(), lines.users.len()), (2, 1));
    }
}
