//! Findings and paths: told where entries are, for those who may see entries, and true at once.

use serde_json::json;

use super::*;

const ADMIN_POLICY: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
const SECRETS_POLICY: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy";

/// A role with a policy for the whole cluster.
async fn entry_with(api: &Api, name: &str, policy: &str) -> String {
    let role = api.role("/", name).await;
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    let path = format!("{}/access-policies", entry_path("demo", &role));
    api.eks("POST", &path, json!({ "policyArn": policy, "accessScope": { "type": "cluster" } })).await.ok();
    role
}

#[tokio::test]
async fn what_is_found_is_told_where_entries_are() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    browser.get(&format!("{DEMO}/findings?q=reader")).await.is(200).has("Nothing was found that fits");
    let reader = entry_with(&api, "reader", SECRETS_POLICY).await;
    let query = uri_encode(&reader);
    // The very next page knows of it: nothing that was kept is shown for what is.
    let seen = browser.get(&format!("{DEMO}/findings?q=reader&severity=critical")).await;
    seen.is(200).has("Reads secrets").has("AmazonEKSAdminViewPolicy for the cluster").has("Why it matters");
    seen.has("verb=get&amp;resource=secrets").has_not("The kubelet");
    browser.get(&format!("{DEMO}/findings?check=read-secrets")).await.has("get, list or watch secrets");
    browser.get(&format!("{DEMO}/access/entry?principal={query}")).await.has("Reads secrets").has("Whom it can become");
    let filtered = browser.get(&format!("{DEMO}/access?finding=read-secrets")).await;
    filtered.has("role/").has(">reader<").has("critical");
    browser.get(&format!("{DEMO}/access?finding=approve-csr")).await.has("No access entry fits");
    browser.get("/console").await.has("findings?severity=critical");
    let paths = browser.get(&format!("{DEMO}/paths?q=reader")).await;
    paths.is(200).has("<svg").has("cluster administrator").has("any service account").has("can become");
    // And of its end.
    api.eks("DELETE", &entry_path("demo", &reader), json!(null)).await.ok();
    browser.get(&format!("{DEMO}/findings?q=reader")).await.has("Nothing was found that fits");
    browser.get(&format!("{DEMO}/paths?q=reader")).await.has("No way leads from there");
}

#[tokio::test]
async fn administrators_are_one_finding_each() {
    let api = Api::start(&["demo"]).await;
    entry_with(&api, "boss", ADMIN_POLICY).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    browser.get(&format!("{DEMO}/findings?q=boss")).await.has("Cluster administrator").has_not("Reads secrets: ");
    browser.get(&format!("{DEMO}/findings?q=boss&all=on")).await.has("Reads secrets").has("as administrator");
    browser.get(&format!("{DEMO}/paths?q=boss")).await.has("administer the cluster outright").has_not("<svg");
    browser.get(&format!("{DEMO}/paths?q=boss&direct=on")).await.has("<svg").has("has every verb on every resource");
}

#[tokio::test]
async fn findings_are_for_those_who_may_see_entries() {
    let api = Api::start(&["demo"]).await;
    entry_with(&api, "reader", SECRETS_POLICY).await;
    let role = api.role("/", "blind").await;
    let allow = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["eks:DescribeCluster", "eks:ListClusters", "eks:ListAccessEntries"], "Resource": "*" },
    ]});
    let keys = api.session(&role, allow).await;
    let mut browser = Browser::of(&api, &keys).await;
    browser.get(&format!("{DEMO}/findings")).await.is(403).has_not("AdminView");
    browser.get(&format!("{DEMO}/paths")).await.is(403).has_not("reader");
    browser.get("/console").await.is(200).has("You may not list and describe the entries").has_not("critical");
    // Nor does a filter tell what a page does not.
    let seen = browser.get(&format!("{DEMO}/access?finding=read-secrets")).await;
    seen.is(200).has("No access entry fits").has_not(">reader<");
    // Who sees entries and is nobody in the cluster is told what was not looked at.
    let keys = read_only(&api, "lists").await;
    let mut browser = Browser::of(&api, &keys).await;
    let seen = browser.get(&format!("{DEMO}/findings")).await;
    seen.is(200).has("Reads secrets").has("Not looked at").has("Runs pods where Pod Security enforces nothing");
}
