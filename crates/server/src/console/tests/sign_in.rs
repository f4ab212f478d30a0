//! Signing in, and what a session may be used for.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use super::{Browser, DEMO, HOST};
use crate::console::form::Form;
use crate::tests::{Api, entry_path, signed_request};

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
