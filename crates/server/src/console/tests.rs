//! The console in process: sign-in, tokens, escaping, refusals, and changes with their previews.

mod analysis;
mod attacks;
mod failing;
mod finding;

use axum::body::Body;
use axum::http::Request;
use entryway_iam::sigv4::uri_encode;
use serde_json::{Value, json};

use super::form::Form;
use crate::tests::{ACCOUNT, Api, Keys, entry_path, signed_request};

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
async fn a_link_signs_in_once() {
    let api = Api::start(&["demo"]).await;
    let request = signed_request(&api.admin, "eks", "POST", "/console/link", "/console/link", "", Vec::new());
    let (status, _, body) = api.send(request).await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_slice(&body).unwrap();
    let path = answer["path"].as_str().unwrap().to_owned();

    let mut browser = Browser::new(&api);
    let seen = browser.get(&path).await;
    assert_eq!((seen.status, seen.location()), (303, "/console"));
    let cookie = seen.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    browser.get("/console").await.is(200).has("demo");
    Browser::new(&api).get(&path).await.is(403).has("has been used");

    // Nobody without keys gets one.
    let unsigned = Request::post("/console/link").header("host", HOST).body(Body::empty()).unwrap();
    assert_eq!(api.send(unsigned).await.0, 403);
}

#[tokio::test]
async fn keys_sign_in_and_sign_out_ends_it() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::new(&api);
    browser.get(DEMO).await.is(401).has("Sign in");
    let id = api.admin.credentials.access_key_id.clone();
    let wrong = [("access-key-id", id.as_str()), ("secret-access-key", "wrong")];
    browser.post("/console/sign-in", &wrong).await.is(403).has("secret is another").has_not("wrong\"");

    let mut browser = Browser::of(&api, &api.admin).await;
    let stolen = browser.cookie.clone();
    let seen = browser.change("/console/sign-out", &[]).await;
    assert_eq!(seen.location(), "/console/sign-in");
    let mut thief = Browser { api: &api, cookie: stolen, csrf: String::new() };
    thief.get("/console").await.is(401);
}

#[tokio::test]
async fn a_deleted_key_ends_its_session() {
    let api = Api::start(&["demo"]).await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let id = api.admin.credentials.access_key_id.clone();
    let parameters = [("Action", "DeleteAccessKey"), ("UserName", "admin"), ("AccessKeyId", id.as_str())];
    assert_eq!(api.query(&api.admin, "iam", &parameters).await.0, 200);
    browser.get("/console").await.is(401);
}

#[tokio::test]
async fn changes_need_the_token_and_the_own_origin() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let fields = [("do", "create"), ("principal", role.as_str()), ("type", "STANDARD"), ("step", "apply")];
    let path = format!("{DEMO}/access/change");
    browser.post(&path, &fields).await.is(403).has("not of your present session");
    let forged: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", "forged")]).collect();
    browser.post(&path, &forged).await.is(403);
    let csrf = browser.csrf.clone();
    let good: Vec<(&str, &str)> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = Request::post(&path).header(name, value);
        browser.send(request, Form::of(&good).to_query()).await.is(403).has("another site");
    }
    api.eks("GET", &entry_path("demo", &role), Value::Null).await.fails(
        404,
        "ResourceNotFoundException",
        "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
    );
    let seen = browser.post(&path, &good).await;
    assert_eq!(seen.status, 303, "{}", seen.text);
    api.eks("GET", &entry_path("demo", &role), Value::Null).await.ok();
}

#[tokio::test]
async fn create_associate_disassociate_delete_with_their_effect() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let create = [
        ("do", "create"),
        ("principal", role.as_str()),
        ("type", "STANDARD"),
        ("policy", "AmazonEKSViewPolicy"),
        ("scope", "namespace"),
        ("namespaces", "team-*"),
    ];
    let seen = browser.access("preview", &create).await;
    seen.is(200).has("gets in").has("Gains").has("in team-*");
    browser.get(&format!("{DEMO}/access?q=dev")).await.has("No access entry fits");
    let done = browser.access("apply", &create).await;
    let entry = format!("{DEMO}/access/entry?principal={}", uri_encode(&role));
    assert_eq!((done.status, done.location()), (303, entry.as_str()));
    browser.get(&entry).await.has("was created").has("AmazonEKSViewPolicy").has("team-*");
    browser.get(&entry).await.has_not("was created");

    let associate = [
        ("do", "associate"),
        ("principal", role.as_str()),
        ("policy", "AmazonEKSClusterAdminPolicy"),
        ("scope", "cluster"),
    ];
    browser.access("preview", &associate).await.is(200).has("everything");
    browser.access("apply", &associate).await.is(303);
    let arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
    let disassociate = [("do", "disassociate"), ("principal", role.as_str()), ("policy", arn)];
    browser.get(&format!("{DEMO}/access/change?{}", Form::of(&disassociate).to_query())).await.is(200).has("Loses");
    browser.access("apply", &disassociate).await.is(303);
    browser.get(&entry).await.has("no longer associated").has("Undo").has_not("ClusterAdminPolicy</a>");

    let delete = [("do", "delete"), ("principal", role.as_str())];
    browser.access("apply", &delete).await.is(303);
    browser.get(&format!("{DEMO}/access")).await.has("was deleted");
    let history = browser.get(&format!("{DEMO}/access/history?principal={}", uri_encode(&role))).await;
    history.is(200).has("AmazonEKSViewPolicy").has("team-*").has("AmazonEKSClusterAdminPolicy").has(">deleted<");
    let names: Vec<String> = api
        .stop_and_read_audit()
        .await
        .iter()
        .filter(|record| record["readOnly"] == false && record["eventSource"] == "eks.amazonaws.com")
        .map(|record| record["eventName"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "CreateAccessEntry",
        "AssociateAccessPolicy",
        "AssociateAccessPolicy",
        "DisassociateAccessPolicy",
        "DeleteAccessEntry",
    ];
    assert_eq!(names, expected, "each change once, with its record");
}

impl Browser<'_> {
    /// Presses the Undo button of a page: sends its form.
    async fn undo(&mut self, page: &Seen) -> Seen {
        let (_, form) = page.text.split_once("class=\"notice done\"").expect("a message");
        let (form, _) = form.split_once("</form>").expect("a way back");
        assert!(form.contains(">Undo</button>"), "{form}");
        let fields = hidden_fields(form);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("step", "preview")]).collect();
        self.post(&format!("{DEMO}/access/change"), &fields).await
    }

    /// Presses the button of a preview that makes the change.
    async fn confirm(&mut self, page: &Seen) -> Seen {
        let (_, form) = page.text.split_once("<form class=\"stack\"").expect("a form");
        let (form, _) = form.split_once("</form>").unwrap();
        assert!(form.contains("value=\"apply\""), "{form}");
        let fields = hidden_fields(form);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("step", "apply")]).collect();
        self.post(&format!("{DEMO}/access/change"), &fields).await
    }
}

/// The hidden fields of a form, unescaped.
fn hidden_fields(form: &str) -> Vec<(String, String)> {
    let unescaped =
        |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
    fields
        .map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"").unwrap();
            (unescaped(name), unescaped(rest.split_once('"').unwrap().0))
        })
        .collect()
}

#[tokio::test]
async fn an_entry_with_several_policies_and_ends_comes_back_as_it_was() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    // Another row for a policy keeps what was typed.
    let half = [("do", "create"), ("principal", role.as_str()), ("username", "jo"), ("step", "add")];
    let form = browser.change(&format!("{DEMO}/access/change"), &half).await;
    form.is(200).has("name=\"policy-2\"").has("name=\"until-2\"").has("value=\"jo\"");
    assert_eq!(form.hidden("rows"), "2");

    let create = [
        ("do", "create"),
        ("principal", role.as_str()),
        ("type", "STANDARD"),
        ("username", "jo:{{SessionName}}"),
        ("groups", "a\r\nb"),
        ("rows", "3"),
        ("policy", "View"),
        ("scope", "cluster"),
        ("policy-3", "Edit"),
        ("scope-3", "namespace"),
        ("namespaces-3", "web, team-*"),
        ("until-3", "2031-01-31T18:00"),
        ("ends", "2032-01-31T18:00"),
        ("tags", "team=pay\r\n\"a=b\"=\"c\"\r\nentryway:expires/Other=2030-01-01T00:00:00Z"),
    ];
    browser.access("preview", &create).await.is(200).has("until 2031-01-31 18:00 UTC").has("in web, team-*");
    browser.access("apply", &create).await.is(303);
    let read = async || {
        let path = entry_path("demo", &role);
        let mut entry = api.eks("GET", &path, Value::Null).await.ok()["accessEntry"].clone();
        for member in ["accessEntryArn", "createdAt", "modifiedAt"] {
            entry.as_object_mut().unwrap().remove(member);
        }
        let mut policies = api.eks("GET", &format!("{path}/access-policies"), Value::Null).await.ok();
        for policy in policies["associatedAccessPolicies"].as_array_mut().unwrap() {
            for member in ["associatedAt", "modifiedAt"] {
                policy.as_object_mut().unwrap().remove(member);
            }
        }
        (entry, policies)
    };
    let whole = read().await;
    assert_eq!(
        whole.0["tags"],
        json!({ "team": "pay", "a=b": "c", "entryway:expires/Other": "2030-01-01T00:00:00Z",
                "entryway:expires-at": "2032-01-31T18:00:00Z",
                "entryway:expires/AmazonEKSEditPolicy": "2031-01-31T18:00:00Z" })
    );
    let list = format!("{DEMO}/access");
    let delete = [("do", "delete"), ("principal", role.as_str())];
    browser.access("apply", &delete).await.is(303);
    let done = browser.get(&list).await;
    let preview = browser.undo(&done).await;
    preview.is(200).has("gets in").has("until 2031-01-31 18:00 UTC");
    browser.confirm(&preview).await.is(303);
    assert_eq!(read().await, whole);

    // Each other change has its way back, too.
    let entry = format!("{DEMO}/access/entry?principal={}", uri_encode(&role));
    for change in [
        vec![("do", "update"), ("username", "other:x"), ("groups", "c")],
        vec![("do", "disassociate"), ("policy", "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy")],
        vec![("do", "associate"), ("policy", "Edit"), ("scope", "cluster")],
        vec![("do", "associate"), ("policy", "Admin"), ("scope", "cluster"), ("until", "2030-01-01T00:00")],
        vec![("do", "tags"), ("tags", "new=1"), ("ends", ""), ("until", "2030-01-01T00:00"), ("until-2", "")],
    ] {
        let change: Vec<(&str, &str)> = change.into_iter().chain([("principal", role.as_str())]).collect();
        let seen = browser.access("apply", &change).await;
        assert_eq!(seen.status, 303, "{change:?}: {}", seen.text);
        assert_ne!(read().await, whole, "{change:?}");
        let done = browser.get(&entry).await;
        let preview = browser.undo(&done).await;
        browser.confirm(&preview).await.is(303);
        assert_eq!(read().await, whole, "{change:?}");
    }
    // The reverse of a new entry is its deletion, of which the preview tells.
    browser.access("apply", &delete).await.is(303);
    browser.access("apply", &create).await.is(303);
    let done = browser.get(&entry).await;
    browser.undo(&done).await.is(200).has("is shut out");
}

#[tokio::test]
async fn ends_are_fields_and_their_tags_are_not_written_by_hand() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    let view = [("do", "create"), ("principal", role.as_str()), ("policy", "View"), ("scope", "cluster")];
    browser.access("apply", &view).await.is(303);
    let form = browser.get(&format!("{DEMO}/access/change?do=tags&principal={}", uri_encode(&role))).await;
    form.is(200).has("datetime-local").has("The entry ends").has(">AmazonEKSViewPolicy</legend>");
    for (fields, place, text) in [
        (vec![("ends", "2020-01-01T00:00")], "ends-error", "has passed"),
        (vec![("until", "soon")], "until-error", "in UTC"),
        (vec![("tags", "entryway:expires-at=2030-01-01T00:00:00Z")], "tags-error", "a field of its own"),
        (vec![("tags", "entryway:expires=1")], "tags-error", "is invalid"),
        (vec![("tags", "aws:x=1")], "tags-error", "cannot start with aws:"),
        (vec![], "role=\"alert\"", "Nothing was changed"),
    ] {
        let fields: Vec<(&str, &str)> =
            [("do", "tags"), ("principal", role.as_str())].into_iter().chain(fields).collect();
        browser.access("preview", &fields).await.is(422).has(place).has(text);
    }
    let ends = [("do", "tags"), ("principal", role.as_str()), ("tags", "team=a"), ("until", "2030-01-01T00:00")];
    browser.access("preview", &ends).await.is(200).has("AmazonEKSViewPolicy ends").has("Nobody can do more or less");
    browser.access("apply", &ends).await.is(303);
    let tags = &api.eks("GET", &entry_path("demo", &role), Value::Null).await.ok()["accessEntry"]["tags"];
    assert_eq!(tags, &json!({ "team": "a", "entryway:expires/AmazonEKSViewPolicy": "2030-01-01T00:00:00Z" }));
    let entry = format!("{DEMO}/access/entry?principal={}", uri_encode(&role));
    browser.get(&entry).await.has("until <time datetime=\"2030-01-01T00:00:00Z\"");

    // Who may tag and not change the entry may give no end.
    let tagger = api.role("/", "tagger").await;
    let allow = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["eks:Describe*", "eks:List*", "eks:TagResource"], "Resource": "*" } ] });
    let keys = api.session(&tagger, allow).await;
    let mut browser = Browser::of(&api, &keys).await;
    browser.get(&entry).await.has("Tags and ends");
    let ends = [
        ("do", "tags"),
        ("principal", role.as_str()),
        ("tags", "team=b"),
        ("ends", "2030-01-01T00:00"),
        ("until", "2030-01-01T00:00"),
    ];
    browser.access("apply", &ends).await.is(403).has("eks:UpdateAccessEntry");
}

#[tokio::test]
async fn errors_stand_beside_their_fields() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let mut browser = Browser::of(&api, &api.admin).await;
    for (fields, place, text) in [
        (vec![("principal", "role/x")], "principal-error", "not valid"),
        (vec![("principal", "arn:aws:iam::111122223333:role/missing")], "principal-error", "invalid principal"),
        (vec![("principal", role.as_str()), ("groups", "system:masters")], "groups-error", "cannot start with system:"),
        (vec![("principal", role.as_str()), ("username", "{{SessionName}}")], "username-error", "must be a :"),
        (vec![("principal", role.as_str()), ("type", "EC2_LINUX"), ("username", "x")], "username-error", "not allowed"),
        (
            vec![("principal", role.as_str()), ("policy", "View"), ("scope", "namespace")],
            "namespaces-error",
            "amespace",
        ),
        (vec![("principal", role.as_str()), ("policy", "Nothing")], "policy-error", "there is no access policy"),
        (vec![("principal", role.as_str()), ("tags", "x")], "tags-error", "key=value"),
        (vec![("principal", role.as_str()), ("rows", "2"), ("policy-2", "None")], "policy-2-error", "no access policy"),
        (
            vec![("principal", role.as_str()), ("rows", "2"), ("policy", "View"), ("policy-2", "View")],
            "policy-2-error",
            "chosen above",
        ),
        (vec![("principal", role.as_str()), ("ends", "2020-01-01T00:00")], "ends-error", "has passed"),
    ] {
        let fields: Vec<(&str, &str)> = [("do", "create")].into_iter().chain(fields).collect();
        browser.access("apply", &fields).await.is(422).has(place).has(text);
    }
}

#[tokio::test]
async fn a_lock_out_is_refused_unless_it_is_meant() {
    let api = Api::start(&["demo"]).await;
    let admin = format!("arn:aws:iam::{ACCOUNT}:user/admin");
    let mut browser = Browser::of(&api, &api.admin).await;
    let delete = [("do", "delete"), ("principal", admin.as_str())];
    let seen = browser.get(&format!("{DEMO}/access/change?{}", Form::of(&delete).to_query())).await;
    seen.has("it would lock people out").has("is shut out").has("name=\"override\"");
    browser.access("apply", &delete).await.is(422).has("Tick the box");
    api.eks("GET", &entry_path("demo", &admin), Value::Null).await.ok();
    let meant = [("do", "delete"), ("principal", admin.as_str()), ("override", "on")];
    browser.access("apply", &meant).await.is(303);
    assert_eq!(api.eks("GET", &entry_path("demo", &admin), Value::Null).await.status, 404);
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
async fn what_was_typed_outlives_the_session() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    let path = format!("{DEMO}/access/change");
    let fields = [
        ("do", "create"),
        ("principal", role.as_str()),
        ("username", "jo:<x>"),
        ("csrf", "old"),
        ("step", "apply"),
        ("type", "STANDARD"),
    ];
    let mut browser = Browser::new(&api);
    let asked = browser.post(&path, &fields).await;
    asked.is(401).has("Your session is over");
    let credentials = &api.admin.credentials;
    let back = browser
        .post(
            "/console/sign-in",
            &[
                ("access-key-id", &credentials.access_key_id),
                ("secret-access-key", credentials.secret.expose()),
                ("back", &path),
                ("kept", &Form::of(&fields).to_query()),
            ],
        )
        .await;
    back.is(200).has("signed in again").has("jo:&lt;x&gt;").has_not("value=\"old\"");
    browser.change(&path, &fields[..3]).await.is(200).has("gets in");
}

#[tokio::test]
async fn a_change_made_in_between_is_shown_beside() {
    let api = Api::start(&["demo"]).await;
    let role = api.role("/", "dev").await;
    api.eks("POST", "/clusters/demo/access-entries", json!({ "principalArn": role })).await.ok();
    let mut browser = Browser::of(&api, &api.admin).await;
    let form = browser.get(&format!("{DEMO}/access/change?do=update&principal={}", uri_encode(&role))).await;
    let seen = form.hidden("seen");
    api.eks("POST", &entry_path("demo", &role), json!({ "kubernetesGroups": ["theirs"] })).await.ok();
    let fields = [
        ("do", "update"),
        ("principal", role.as_str()),
        ("groups", "mine"),
        ("seen", seen.as_str()),
        ("step", "apply"),
    ];
    let conflict = browser.change(&format!("{DEMO}/access/change"), &fields).await;
    conflict.is(409).has("theirs").has("mine").has("Go on with mine");
    let fresh = conflict.hidden("seen");
    let fields = [
        ("do", "update"),
        ("principal", role.as_str()),
        ("groups", "mine"),
        ("seen", fresh.as_str()),
        ("step", "apply"),
    ];
    browser.change(&format!("{DEMO}/access/change"), &fields).await.is(303);
    assert_eq!(
        api.eks("GET", &entry_path("demo", &role), Value::Null).await.ok()["accessEntry"]["kubernetesGroups"],
        json!(["mine"])
    );
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
