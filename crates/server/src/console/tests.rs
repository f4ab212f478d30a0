//! The console in process: what pages show and hide, and the browser that its parts are tried with.

mod analysis;
mod attacks;
mod changes;
mod failing;
mod finding;
mod sign_in;

use axum::body::Body;
use axum::http::Request;
use entryway_iam::sigv4::uri_encode;
use serde_json::{Value, json};

use super::form::Form;
use crate::tests::{ACCOUNT, Api, Keys, entry_path};

const HOST: &str = "127.0.0.1:4780";
const DEMO: &str = "/console/clusters/us-east-1/demo";

/// A browser: cookies, and the token of the last page.
struct Browser<'a> {
    api: &'a Api,
    cookie: String,
    csrf: String,
}

/// A page.
struct Seen {
    status: u16,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Seen {
    fn location(&self) -> &str {
        self.headers.get("location").expect("a redirect").to_str().unwrap()
    }
    #[track_caller]
    fn has(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "{text:?} is not in\n{}", self.text);
        self
    }
    #[track_caller]
    fn has_not(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "{text:?} is in\n{}", self.text);
        self
    }
    #[track_caller]
    fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split_once('"').unwrap().0.to_owned()
    }
}

impl<'a> Browser<'a> {
    fn new(api: &'a Api) -> Self {
        Browser { api, cookie: String::new(), csrf: String::new() }
    }

    /// Signed in with these keys.
    async fn of(api: &'a Api, keys: &Keys) -> Self {
        let mut browser = Browser::new(api);
        let token = keys.credentials.session_token.as_ref().map_or("", |token| token.expose());
        let fields = [
            ("access-key-id", keys.credentials.access_key_id.as_str()),
            ("secret-access-key", keys.credentials.secret.expose()),
            ("session-token", token),
        ];
        let seen = browser.post("/console/sign-in", &fields).await;
        assert_eq!((seen.status, seen.location()), (303, "/console"));
        browser.get("/console").await.is(200);
        browser
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Seen {
        let request = request.header("host", HOST).header("cookie", &self.cookie);
        let (status, headers, body) = self.api.send(request.body(Body::from(body)).unwrap()).await;
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            if cookie.starts_with("entryway_session") {
                self.cookie = cookie.split(';').next().unwrap().to_owned();
            }
        }
        // Whatever it is, it can't be framed, and nothing in it runs.
        assert_eq!(headers.get("x-frame-options").unwrap(), "DENY");
        let policy = headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(body).unwrap();
        assert!(!text.contains("style=\"") && !text.contains(" onclick"), "no inline style or script");
        let seen = Seen { status, headers, text };
        if seen.text.contains("name=\"csrf\"") {
            self.csrf = seen.hidden("csrf");
        }
        seen
    }

    async fn get(&mut self, path: &str) -> Seen {
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let body = Form::of(fields).to_query();
        self.send(Request::post(path).header("content-type", "application/x-www-form-urlencoded"), body).await
    }

    /// A change, with the token of the session.
    async fn change(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let csrf = self.csrf.clone();
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.post(path, &fields).await
    }

    /// A change of access in a step of its form; `seen` as the form has it.
    async fn access(&mut self, step: &str, fields: &[(&str, &str)]) -> Seen {
        let query = Form::of(fields).to_query();
        let opened = self.get(&format!("{DEMO}/access/change?{query}")).await;
        let seen = if opened.text.contains("name=\"seen\"") { opened.hidden("seen") } else { String::new() };
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("step", step), ("seen", &seen)]).collect();
        self.change(&format!("{DEMO}/access/change"), &fields).await
    }
}

async fn read_only(api: &Api, name: &str) -> Keys {
    let role = api.role("/", name).await;
    let allow = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["eks:Describe*", "eks:List*"], "Resource": "*" },
    ]});
    api.session(&role, allow).await
}

#[tokio::test]
async fn what_may_not_be_done_is_not_offered_and_is_refused() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let keys = read_only(&api, "reader").await;
    let mut browser = Browser::of(&api, &keys).await;
    browser.get(&format!("{DEMO}/access")).await.is(200).has("admin").has_not("Create access entry");
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    browser
        .get(&format!("{DEMO}/access/entry?principal={}", uri_encode(&admin)))
        .await
        .has("ClusterAdmin")
        .has_not("Delete")
        .has_not("Associate policy");
    let create = [("do", "create"), ("principal", role.as_str()), ("type", "STANDARD")];
    browser.access("apply", &create).await.is(403).has("is not authorized to perform: eks:CreateAccessEntry");
    browser.get("/console/audit").await.is(403).has("cloudtrail:LookupEvents");

    let nobody = api.role("/", "nobody").await;
    let keys = api
        .session(
            &nobody,
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] }),
        )
        .await;
    let mut browser = Browser::of(&api, &keys).await;
    browser.get("/console").await.is(200).has("You may see no cluster").has_not(">demo<");
    for page in ["access", "policies", "who-can", "matrix", "resources"] {
        browser.get(&format!("{DEMO}/{page}")).await.is(403).has("is not authorized to perform: eks:DescribeCluster");
    }
}

#[tokio::test]
async fn markup_in_names_is_text() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "hostile").await;
    let bad = "<script>alert(1)</script>";
    let body = json!({
        "principalArn": role, "username": format!("x:{bad}\"'>"), "kubernetesGroups": [format!("<img src=x onerror=alert(1)>")],
        "tags": { bad: "<b>\"'&" },
    });
    api.eks("POST", "/clusters/demo/access-entries", body).await.ok();
    let mut browser = Browser::of(&api, &api.admin).await;
    let about = Form::of(&[("kind", "principal"), ("subject", &role)]).to_query();
    let hostile = uri_encode(&format!("\"><i>{bad}"));
    for page in [
        format!("{DEMO}/access"),
        format!("{DEMO}/access?q={hostile}&policy={hostile}&namespace={hostile}&sort={hostile}"),
        format!("{DEMO}/access/entry?principal={}", uri_encode(&role)),
        format!("{DEMO}/access/change?do=update&principal={}", uri_encode(&role)),
        format!("{DEMO}/access/change?do=delete&principal={}", uri_encode(&role)),
        format!("{DEMO}/access/change?do=create&principal={hostile}&username={hostile}&tags={hostile}"),
        format!("{DEMO}/explain?{about}"),
        format!("{DEMO}/explain?subject={hostile}"),
        format!("{DEMO}/who-can?resource={hostile}&verb={hostile}&namespace={hostile}&name={hostile}"),
        format!("{DEMO}/matrix?namespace={hostile}&q={hostile}&area={hostile}"),
        format!("{DEMO}/findings"),
        format!("{DEMO}/findings?severity={hostile}&check={hostile}&q={hostile}"),
        format!("{DEMO}/paths?q={hostile}"),
        format!("{DEMO}/paths?direct=on"),
        format!("{DEMO}/policies?policy={hostile}"),
        format!("{DEMO}/resources?kind={hostile}&namespace={hostile}"),
        format!("{DEMO}/resources/object?kind=pods&namespace={hostile}&name={hostile}"),
        format!("/console/audit?q={hostile}&action={hostile}"),
        format!("/console/role?role={hostile}"),
        format!("/console/clusters/us-east-1/{hostile}/access"),
        format!("/console/{hostile}"),
    ] {
        let seen = browser.get(&page).await;
        seen.has_not("<script>alert").has_not("<img src=x").has_not("<i>");
        assert!(seen.status < 500, "{page}: {}", seen.status);
    }
}

#[tokio::test]
async fn questions_resources_and_roles() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    let policy = json!({ "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
                         "accessScope": { "type": "namespace", "namespaces": ["web"] } });
    api.eks("POST", &format!("{}/access-policies", entry_path("demo", &role)), policy).await.ok();
    api.session(
        &role,
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "eks:*", "Resource": "*" }] }),
    )
    .await;
    let mut browser = Browser::of(&api, &api.admin).await;
    browser
        .get(&format!("{DEMO}/who-can?verb=get&resource=pods&namespace=web"))
        .await
        .is(200)
        .has("role/<")
        .has("AmazonEKSViewPolicy");
    browser
        .get(&format!("{DEMO}/who-can?verb=get&resource=pods&namespace=other"))
        .await
        .has("Near misses")
        .has("does not reach there");
    browser.get(&format!("{DEMO}/matrix?namespace=web")).await.is(200).has("Workloads");
    browser.get(&format!("{DEMO}/policies?policy=View&with=Edit")).await.is(200).has("Where they differ");
    browser.get(&format!("{DEMO}/resources?kind=namespaces")).await.is(200).has("kube-system");

    let seen = browser.change("/console/role", &[("role", "dev")]).await;
    assert_eq!((seen.status, seen.location()), (303, "/console"), "{}", seen.text);
    browser.get("/console").await.has("assumed-role/dev/admin");
    let seen = browser.get(&format!("{DEMO}/resources?kind=secrets&namespace=kube-system")).await;
    seen.has("Error from server (Forbidden): secrets is forbidden: User").has("would open it").has("Policy</a>");
    browser.get(&format!("{DEMO}/resources?kind=pods&namespace=web")).await.is(200).has("There are none");
    browser.change("/console/role", &[("role", "nobody")]).await.is(422).has("role-error");
    browser.change("/console/role", &[("role", "")]).await.is(303);
    browser.get("/console").await.has_not("assumed-role/dev");
}

#[tokio::test]
async fn secrets_are_hidden_until_asked_for() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    // One that the cluster begins with, or none: made through the store's own API in the browser tests.
    let list = browser.get(&format!("{DEMO}/resources?kind=configmaps&namespace=kube-system")).await;
    list.is(200).has("kube-root-ca.crt");
    let object = browser
        .get(&format!("{DEMO}/resources/object?kind=configmaps&namespace=kube-system&name=kube-root-ca.crt"))
        .await;
    object.is(200).has("BEGIN CERTIFICATE");
    browser
        .get(&format!("{DEMO}/resources/object?kind=configmaps&namespace=kube-system&name=none"))
        .await
        .is(404)
        .has("not found");
}

#[tokio::test]
async fn files_are_kept_and_pages_are_not() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let page = browser.get("/console").await;
    assert_eq!(page.headers.get("cache-control").unwrap(), "no-store");
    for asset in [super::asset::STYLE.url(), super::asset::SCRIPT.url(), super::asset::ICON.url()] {
        page.has(&asset);
        let seen = browser.get(&asset).await;
        assert!(seen.is(200).headers.get("cache-control").unwrap().to_str().unwrap().contains("immutable"));
    }
    browser.get("/console/assets/console.css").await.is(404);
    browser.get("/console/assets/../mod.rs").await.is(404);
}
