//! What somebody tries who should not be able to.

use axum::http::Request;
use serde_json::{Value, json};

use super::{Browser, DEMO, read_only};
use crate::console::form::Form;
use crate::tests::{ACCOUNT, Api, entry_path, signed_request};

#[tokio::test]
async fn a_link_to_the_sign_in_page_fills_in_nothing() {
    let api = Api::start(&["demo"]).await;
    let kept = Form::of(&[("do", "create"), ("principal", "arn:aws:iam::999999999999:role/evil"), ("step", "apply")]);
    let query =
        Form::of(&[("back", &format!("{DEMO}/access/change")), ("kept", &kept.to_query()), ("access-key-id", "x")]);
    let page = Browser::new(&api).get(&format!("/console/sign-in?{}", query.to_query())).await;
    page.is(200).has("access/change").has_not("evil").has_not("name=\"kept\"");
    for elsewhere in ["https://evil.example/console", "//evil.example", "/console/../..//evil", "javascript:alert(1)"] {
        let query = Form::of(&[("back", elsewhere)]).to_query();
        let page = Browser::new(&api).get(&format!("/console/sign-in?{query}")).await;
        assert_eq!(page.hidden("back"), "/console", "{elsewhere}");
    }
    // What was kept is shown before it is done.
    let credentials = &api.admin.credentials;
    let fields = [
        ("access-key-id", credentials.access_key_id.as_str()),
        ("secret-access-key", credentials.secret.expose()),
        ("back", &format!("{DEMO}/access/change")),
        ("kept", &kept.to_query()),
    ];
    let welcome = Browser::new(&api).post("/console/sign-in", &fields).await;
    assert_eq!(welcome.is(200).hidden("step"), "preview");
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_ends_the_old() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let old = browser.cookie.clone();
    let credentials = &api.admin.credentials;
    let fields =
        [("access-key-id", credentials.access_key_id.as_str()), ("secret-access-key", credentials.secret.expose())];
    browser.post("/console/sign-in", &fields).await.is(303);
    assert_ne!(browser.cookie, old);
    browser.get("/console").await.is(200);
    let mut fixed = Browser { api: &api, cookie: old, csrf: String::new() };
    fixed.get("/console").await.is(401);
    // A session that somebody made up is none, before signing in and after.
    let name = browser.cookie.split('=').next().unwrap().to_owned();
    let mut fixed = Browser { api: &api, cookie: format!("{name}=chosen-by-the-attacker"), csrf: String::new() };
    fixed.post("/console/sign-in", &fields).await.is(303);
    assert!(!fixed.cookie.contains("chosen"));
}

#[tokio::test]
async fn a_look_at_a_link_does_not_use_it_up() {
    let api = Api::start(&["demo"]).await;
    let request = signed_request(&api.admin, "eks", "POST", "/console/link", "/console/link", "", Vec::new());
    let answer: Value = serde_json::from_slice(&api.send(request).await.2).unwrap();
    let path = answer["path"].as_str().unwrap();
    let mut browser = Browser::new(&api);
    browser.send(Request::head(path), String::new()).await;
    browser.get(path).await.is(303);
    // The token is in no audit record.
    let records = api.stop_and_read_audit().await;
    let token = path.split_once('=').unwrap().1;
    assert!(records.iter().all(|record| !record.to_string().contains(token)));
}

/// A link of somebody else's takes nobody's session, wherever it is opened from.
#[tokio::test]
async fn anothers_link_asks_first() {
    let api = Api::start(&["demo"]).await;
    let other = read_only(&api, "other").await;
    let link = async |keys| {
        let request = signed_request(keys, "eks", "POST", "/console/link", "/console/link", "", Vec::new());
        let answer: Value = serde_json::from_slice(&api.send(request).await.2).unwrap();
        answer["path"].as_str().unwrap().to_owned()
    };
    let mut browser = Browser::of(&api, &api.admin).await;
    let own = browser.cookie.clone();
    let path = link(&other).await;
    let asks = browser.get(&path).await;
    asks.is(200).has("assumed-role/other/jo").has("if you asked for this link");
    assert_eq!(browser.cookie, own);
    // From elsewhere the browser sends no cookie, and would take one.
    let mut stranger = Browser::new(&api);
    for site in ["cross-site", "same-site"] {
        let seen = stranger.send(Request::get(&path).header("sec-fetch-site", site), String::new()).await;
        assert_eq!(seen.is(200).hidden("token"), asks.hidden("token"));
        assert!(!seen.headers.contains_key("set-cookie"), "{site}");
        let token = Form::of(&[("token", &asks.hidden("token"))]).to_query();
        let forged = Request::post("/console/link/use").header("sec-fetch-site", site);
        browser.send(forged, token).await.is(403).has("another site");
    }
    browser.get("/console").await.is(200).has("user/admin");
    assert_eq!(browser.post("/console/link/use", &[("token", &asks.hidden("token"))]).await.location(), "/console");
    browser.get("/console").await.is(200).has("assumed-role/other/jo");
    browser.post("/console/link/use", &[("token", &asks.hidden("token"))]).await.is(403).has("has been used");
    // One's own asks nothing.
    let mut browser = Browser::of(&api, &api.admin).await;
    browser.get(&link(&api.admin).await).await.is(303);
    browser.get("/console").await.is(200);
}

#[tokio::test]
async fn every_change_needs_the_token_of_the_session() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let other = Browser::of(&api, &api.admin).await;
    for path in ["/console/sign-out", "/console/role", &format!("{DEMO}/access/change"), "/console/none"] {
        browser.post(path, &[("role", "x")]).await.is(403);
        browser.post(path, &[("role", "x"), ("csrf", &other.csrf)]).await.is(403).has("not of your present session");
    }
    browser.get("/console").await.is(200);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/console/sign-out");
        browser.send(request, String::new()).await.is(405);
    }
}

#[tokio::test]
async fn pages_tell_no_more_than_the_api() {
    let api = Api::start(&["demo"]).await;
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    let reader = read_only(&api, "reader").await;
    // The audit log's stream tells when something happens: only to who may read the log.
    let mut browser = Browser::of(&api, &reader).await;
    browser.get("/console/live?audit=on").await.is(403).has("cloudtrail:LookupEvents");
    // One's own policies need their own permission.
    let rules = json!({ "rules": [{ "apiGroups": [""], "resources": ["secretthings"], "verbs": ["get"] }] });
    api.eks("PUT", "/entryway/v1/policies/mine", rules).await.ok();
    let mine = format!("arn:aws:eks:us-east-1:{ACCOUNT}:cluster-access-policy/mine");
    for query in [format!("policy={mine}"), format!("policy=View&with={mine}")] {
        browser
            .get(&format!("{DEMO}/policies?{query}"))
            .await
            .is(403)
            .has("entryway:GetPolicy")
            .has_not("secretthings");
    }
    let mut own = Browser::of(&api, &api.admin).await;
    own.get(&format!("{DEMO}/policies?policy={mine}")).await.is(200).has("secretthings");

    // Who may describe the cluster alone sees nobody.
    let role = api.role("/", "blind").await;
    let allow = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["eks:DescribeCluster", "eks:ListAccessPolicies", "eks:UpdateClusterConfig"], "Resource": "*" } ] });
    let keys = api.session(&role, allow).await;
    let mut browser = Browser::of(&api, &keys).await;
    let pages = [
        "access",
        "policies?policy=ClusterAdmin",
        "policies",
        "who-can?verb=get&resource=pods",
        "matrix",
        "access/change?do=mode&step=preview&mode=API",
        "resources",
    ];
    for page in pages {
        browser.get(&format!("{DEMO}/{page}")).await.has_not("user/<strong>admin").has_not(&admin);
    }
    browser.get(&format!("{DEMO}/explain?subject={admin}")).await.is(403);
    let mode = [("do", "mode"), ("mode", "API")];
    browser.access("preview", &mode).await.is(200).has_not("admin");
    api.eks("GET", &entry_path("demo", &admin), Value::Null).await.ok();
}

#[tokio::test]
async fn a_host_of_somebody_elses_choosing_changes_no_address() {
    let api = Api::start(&["demo"]).await;
    for host in ["evil.example", "evil.example:80@x", "127.0.0.1:4780\u{e9}"] {
        let Ok(request) = Request::get("/console/sign-in").header("host", host).body(axum::body::Body::empty()) else {
            continue;
        };
        let (status, headers, body) = api.send(request).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (421, "text/plain; charset=utf-8"), "{host}");
        assert!(String::from_utf8(body).unwrap().contains("is not a name of this control plane"), "{host}");
        assert!(headers.get("location").is_none(), "{host}");
    }
}
