//! Changes of entries by their forms: the effect, errors, what was typed, and what was changed in between.

use entryway_iam::sigv4::uri_encode;
use serde_json::{Value, json};

use super::{Browser, DEMO, Seen};
use crate::console::form::Form;
use crate::tests::{ACCOUNT, Api, entry_path};

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
