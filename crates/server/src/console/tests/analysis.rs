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

/// An inline policy of a user or role.
async fn allow(api: &Api, kind: &str, name: &str, statement: Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let (action, parameter) = (format!("Put{kind}Policy"), format!("{kind}Name"));
    let parameters =
        [("Action", action.as_str()), (&parameter, name), ("PolicyName", "more"), ("PolicyDocument", &policy)];
    let (status, body) = api.query(&api.admin, "iam", &parameters).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn what_iam_knows_is_for_those_who_may_read_iam() {
    let api = Api::start(&["demo"]).await;
    let boss = entry_with(&api, "boss", ADMIN_POLICY).await;
    entry_with(&api, "leaver", SECRETS_POLICY).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let stale = format!("{DEMO}/findings?check=stale-entry");
    browser.get(&stale).await.is(200).has("Nothing was found that fits").has_not("Not looked at");
    // Whoever may become the boss, and whoever may make himself one.
    let (status, body) = api.query(&api.admin, "iam", &[("Action", "CreateUser"), ("UserName", "carl")]).await;
    assert_eq!(status, 200, "{body}");
    let assumes = format!("{DEMO}/findings?check=iam-assume-role&q=carl");
    browser.get(&assumes).await.has("Nothing was found that fits");
    allow(&api, "User", "carl", json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": boss })).await;
    browser.get(&assumes).await.has("sts:AssumeRole of").has("role/boss").has(">carl<");
    api.role("/", "clerk").await;
    let entries = ["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"];
    allow(&api, "Role", "clerk", json!({ "Effect": "Allow", "Action": entries, "Resource": "*" })).await;
    let makes = format!("{DEMO}/findings?check=iam-access-entries&q=clerk");
    browser.get(&makes).await.has("IAM lets it make itself administrator").has(">clerk<");
    // One that is gone, and one that is made again.
    let (status, body) = api.query(&api.admin, "iam", &[("Action", "DeleteRole"), ("RoleName", "leaver")]).await;
    assert_eq!(status, 200, "{body}");
    browser.get(&stale).await.has(">leaver<").has("IAM has no such user or role");
    browser.get(&format!("{DEMO}/findings?check=read-secrets&q=leaver")).await.has("Nothing was found that fits");
    api.role("/", "leaver").await;
    browser.get(&stale).await.has(">leaver<").has("was made again");
    // A visitor who may see entries and not IAM is told none of it, whatever was found for others.
    let keys = read_only(&api, "lists").await;
    let mut other = Browser::of(&api, &keys).await;
    for page in [&stale, &makes, &assumes] {
        other.get(page).await.is(200).has("Nothing was found that fits").has("IAM lets it make itself administrator");
        other.get(page).await.has("Not looked at").has("Entry of a principal that is gone").has_not(">clerk<");
    }
    let all = json!({ "Effect": "Allow", "Action": "iam:GetAccountAuthorizationDetails", "Resource": "*" });
    allow(&api, "Role", "lists", all).await;
    other.get(&stale).await.has(">leaver<");
}

/// What is shown of a large cluster before it is found anew says so; and what does not say so is true.
#[tokio::test]
async fn pages_of_a_large_cluster_say_of_when_they_are() {
    let api = Api::start(&["demo"]).await;
    entry_with(&api, "first", SECRETS_POLICY).await;
    many_entries(&api, 700).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let renewed = "data-renew";
    let page = format!("{DEMO}/findings?check=read-secrets&q=role/second");
    until(&mut browser, &page, |seen| !seen.contains(renewed)).await;
    for _ in 0..3 {
        entry_with(&api, "second", SECRETS_POLICY).await;
        for path in [page.as_str(), &format!("{DEMO}/paths?q=role/second"), "/console", &format!("{DEMO}/access")] {
            let seen = browser.get(path).await;
            seen.is(200);
            let says = seen.text.contains(renewed);
            assert_eq!(says, seen.text.contains("is being found out"), "{path}");
            assert!(says || path != page || seen.text.contains(">second<"), "{path}: it is shown as of now");
        }
        until(&mut browser, &page, |seen| !seen.contains(renewed) && seen.contains(">second<")).await;
        api.eks("DELETE", &entry_path("demo", &format!("arn:aws:iam::{ACCOUNT}:role/second")), json!(null)).await.ok();
        let delete = [("Action", "DeleteRole"), ("RoleName", "second")];
        assert_eq!(api.query(&api.admin, "iam", &delete).await.0, 200);
        let seen = browser.get(&page).await;
        assert!(seen.text.contains(renewed) || !seen.text.contains(">second<"), "gone, and shown as of now");
        until(&mut browser, &page, |seen| !seen.contains(renewed) && !seen.contains(">second<")).await;
    }
}

/// Asks for a page, as its script does, until it is so.
async fn until(browser: &mut Browser<'_>, page: &str, is_so: impl Fn(&str) -> bool) {
    for _ in 0..600 {
        if is_so(&browser.get(page).await.text) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{page} is never renewed");
}

/// Copies of the first entry of a role, straight into the store.
async fn many_entries(api: &Api, number: usize) {
    let all = api.plane.store.list("/eks/", entryway_store::ListOptions::default()).await.unwrap().items;
    let first = all.iter().find(|item| item.key.contains("/entries/") && item.key.ends_with(":role/first")).unwrap();
    let (key, value) = (first.key.strip_suffix("first").unwrap(), std::str::from_utf8(&first.value).unwrap());
    for some in (0..number).collect::<Vec<_>>().chunks(100) {
        let txn = some.iter().fold(entryway_store::Txn::new(), |txn, n| {
            txn.put(format!("{key}copy-{n}"), value.replace("role/first", &format!("role/copy-{n}")).into_bytes())
        });
        let _ = api.plane.store.commit(txn).await.unwrap();
    }
    let place = crate::keys::Place { account: ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let running = api.plane.clusters.get(&place, "demo").unwrap();
    while running.runtime.entry_count() < number {
        tokio::task::yield_now().await;
    }
}
