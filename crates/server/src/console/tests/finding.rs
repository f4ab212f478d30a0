//! Finding one's way in much: objects by name, namespaces while typing, the audit log page by page.

use entryway_iam::sigv4::uri_encode;
use entryway_sandbox::keys::object_key;
use entryway_store::Txn;
use serde_json::{Value, json};

use super::{Browser, DEMO, read_only};
use crate::keys::Place;
use crate::tests::{ACCOUNT, Api, entry_path};

/// Puts objects straight into the store.
async fn put(api: &Api, resource: &str, kind: &str, objects: &[(Option<&str>, String)]) {
    let place = Place { account: ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let id = api.plane.clusters.get(&place, "demo").unwrap().id.clone();
    let txn = objects.iter().fold(Txn::new(), |txn, (namespace, name)| {
        let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": namespace,
            "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": "2026-01-02T03:04:05Z" },
            "spec": if kind == "Namespace" { json!({ "finalizers": ["kubernetes"] }) } else { Value::Null } });
        txn.put(object_key(&id, "", resource, *namespace, name), object.to_string().into_bytes())
    });
    let _ = api.plane.store.commit(txn).await.unwrap();
}

#[tokio::test]
async fn objects_by_name_and_age() {
    let api = Api::start(&["demo"]).await;
    let names: Vec<(Option<&str>, String)> = (0..250)
        .map(|n| (Some("default"), format!("app-{n:03}")))
        .chain([(Some("kube-system"), "zeta".to_owned())])
        .collect();
    put(&api, "configmaps", "ConfigMap", &names).await;
    put(&api, "configmaps", "ConfigMap", &[(Some("default"), "aaa-newest".to_owned())]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let list = format!("{DEMO}/resources?kind=configmaps");
    browser.get(&list).await.is(200).has("app-001").has("Next");
    browser.get(&format!("{list}&q=P-24")).await.has(">app-241<").has("1–10 of 10 objects").has_not("app-001");
    browser.get(&format!("{list}&q=app&page=3")).await.has(">app-249<").has("201–250 of 250").has("2026-01-02 03:04");
    browser.get(&format!("{list}&q=zeta&namespace=default")).await.has("No name fits");
    browser.get(&format!("{list}&namespace=default/app&sort=name")).await.has("(NotFound)").has_not("app-001");
    let newest = browser.get(&format!("{list}&sort=newest")).await;
    let place = |name: &str| newest.text.find(&format!(">{name}</a>"));
    assert!(place("aaa-newest").unwrap() < place("zeta").or(place("app-000")).unwrap());

    // Who may not list is told in kubectl's words, and not one name.
    let keys = read_only(&api, "reader").await;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/reader");
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    let mut browser = Browser::of(&api, &keys).await;
    browser.get(&format!("{list}&q=app")).await.has("Error from server (Forbidden)").has_not("app-0");
    browser.get(&format!("{DEMO}/namespaces?q=kube")).await.is(200).has_not("kube-system");
}

#[tokio::test]
async fn namespaces_are_suggested_and_never_all_sent() {
    let api = Api::start(&["demo"]).await;
    let names: Vec<(Option<&str>, String)> = (0..900).map(|n| (None, format!("team-{n:04}"))).collect();
    put(&api, "namespaces", "Namespace", &names).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let options = browser.get(&format!("{DEMO}/namespaces?q=sys")).await;
    options.is(200).has("<option value=\"kube-system\">");
    assert_eq!(browser.get(&format!("{DEMO}/namespaces?q=team")).await.text.matches("<option").count(), 20);
    for page in ["access", "who-can", "matrix", "resources", "access/change?do=create"] {
        browser.get(&format!("{DEMO}/{page}")).await.is(200).has_not("team-0500");
    }
}

#[tokio::test]
async fn objects_are_yaml_or_json() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let object = format!("{DEMO}/resources/object?kind=configmaps&namespace=kube-system&name=kube-root-ca.crt");
    browser.get(&object).await.has("kind: ConfigMap\n").has("  ca.crt: |\n    -----BEGIN");
    browser.get(&format!("{object}&as=json")).await.has("&quot;kind&quot;: &quot;ConfigMap&quot;");
    let place = Place { account: ACCOUNT.parse().unwrap(), region: "us-east-1".parse().unwrap() };
    let id = api.plane.clusters.get(&place, "demo").unwrap().id.clone();
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": { "word": "b3Blbi1zZXNhbWU=" },
        "metadata": { "name": "safe", "namespace": "default", "uid": "1", "creationTimestamp": "2026-01-02T03:04:05Z" } });
    let txn = Txn::new().put(object_key(&id, "", "secrets", Some("default"), "safe"), secret.to_string().into_bytes());
    let _ = api.plane.store.commit(txn).await.unwrap();
    let secret = format!("{DEMO}/resources/object?kind=secrets&namespace=default&name=safe");
    for form in ["", "&as=json", "&show=", "&show=off", "&as=x&show=yes"] {
        browser
            .get(&format!("{secret}{form}"))
            .await
            .is(200)
            .has("word")
            .has("hidden, 16 characters")
            .has_not("b3Blbi1");
    }
    browser.get(&format!("{secret}&show=on")).await.has("word: b3Blbi1zZXNhbWU=");
}

#[tokio::test]
async fn the_audit_log_page_by_page() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    for n in 0..60 {
        let body = json!({ "kubernetesGroups": [format!("group-{n:02}")] });
        api.eks("POST", &entry_path("demo", &role), body).await.ok();
    }
    let mut browser = Browser::of(&api, &api.admin).await;
    let mut url = "/console/audit?action=UpdateAccessEntry".to_owned();
    let mut seen = Vec::new();
    for page in 0..3 {
        let log = browser.get(&url).await;
        log.is(200);
        let found: Vec<usize> = (0..60).filter(|n| log.text.contains(&format!("group-{n:02}"))).collect();
        assert_eq!(found.len(), [25, 25, 10][page], "{url}");
        seen.extend(found);
        match log.text.split_once("rel=\"next\" href=\"") {
            Some((_, rest)) => url = format!("/console/audit{}", rest.split_once('"').unwrap().0.replace("&amp;", "&")),
            None => assert_eq!(page, 2),
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..60).collect::<Vec<_>>(), "each once");
    browser.get("/console/audit?q=group-59").await.has("1 shown");
    browser.get("/console/audit?q=no-such-text&since=all").await.has("No record fits");
    browser.get("/console/audit?since=all&before=1999").await.is(200).has("Older");
    // One that is long ago is found over empty hours, days and months.
    let old = json!({ "eventTime": "2019-03-04T05:06:07Z", "eventName": "Ancient", "eventSource": "eks.amazonaws.com",
                      "readOnly": false, "recipientAccountId": ACCOUNT });
    let put = Txn::new().put("/audit/2019-03-04T05:06:07.000001Z-x", old.to_string().into_bytes());
    let _ = api.plane.store.commit(put).await.unwrap();
    browser.get("/console/audit?since=all&action=ancient").await.is(200).has("Ancient").has("1 shown");
    browser.get("/console/audit?since=7d&action=ancient").await.has_not("Ancient");
    let history = format!("{DEMO}/access/history?principal={}", uri_encode(&role));
    browser.get(&history).await.is(200).has("group-00").has("group-59");
}
