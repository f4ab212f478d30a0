//! What kubectl 1.37 sent to a real API server, sent again: each answer must be as the real one, but for what no two
//! servers have in common (ids, times, versions, and the namespaces that others had made there).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/client.rs"]
mod client;

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::{Answer, Client};
use entryway_objects::protobuf;
use serde_json::{Value, json};
use support::ADMIN;

const RECORDED: &str = include_str!("recorded/kubectl-1.37-exchanges.json");
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fn bytes(recorded: &Value) -> Vec<u8> {
    match recorded.get("base64").and_then(Value::as_str) {
        Some(text) => STANDARD.decode(text).unwrap(),
        None => recorded.to_string().into_bytes(),
    }
}

/// The object of a body, whatever it is written in.
fn object(content_type: &str, body: &[u8]) -> Value {
    if content_type == PROTOBUF {
        return protobuf::decode_object(body, None).unwrap();
    }
    serde_json::from_slice(body).unwrap()
}

/// Whether an item is one that only the real server had: other tests ran on it (their names hold `c-` and eight
/// digits), and it keeps a note of its own about old tokens.
fn is_foreign(item: &Value) -> bool {
    let metadata = item.pointer("/object/metadata").or(item.get("metadata"));
    let text = |member: &str| metadata.and_then(|m| m.get(member)).and_then(Value::as_str).unwrap_or_default();
    let of_test = |text: &str| {
        text.split("c-").skip(1).any(|rest| rest.len() >= 8 && rest.bytes().take(8).all(|b| b.is_ascii_hexdigit()))
    };
    of_test(text("namespace"))
        || of_test(text("name"))
        || text("name") == "kube-apiserver-legacy-service-account-token-tracking"
}

fn masked(value: &Value, key: &str) -> Value {
    match (key, value) {
        (
            "uid" | "resourceVersion" | "creationTimestamp" | "deletionTimestamp" | "time" | "expirationTimestamp",
            Value::String(text),
        ) if !text.starts_with("aws-iam-authenticator") => {
            json!("SET")
        }
        ("token", Value::String(_)) => json!("TOKEN"),
        // Which client, which key: the test's own.
        ("accessKeyId" | "principalId" | "sigs.k8s.io/aws-iam-authenticator/principalId", _) => json!("ID"),
        // Who made what was there before is no concern of clients.
        ("object", Value::Object(_)) => {
            let mut value = masked(value, "");
            value.pointer_mut("/metadata").and_then(Value::as_object_mut).map(|m| m.remove("managedFields"));
            value
        }
        ("cells", Value::Array(cells)) => cells.iter().map(cell_masked).collect(),
        ("items" | "rows", Value::Array(items)) => {
            items.iter().filter(|item| !is_foreign(item)).map(|item| masked(item, "")).collect()
        }
        ("resourceRules" | "nonResourceRules", Value::Array(rules)) => {
            let mut rules: Vec<Value> = rules.iter().map(|rule| masked(rule, "")).collect();
            rules.sort_by_key(Value::to_string);
            rules.into()
        }
        (_, Value::Object(map)) => {
            let kept = map.iter().filter(|(key, _)| *key != "description");
            kept.map(|(key, value)| (key.clone(), masked(value, key))).collect::<serde_json::Map<_, _>>().into()
        }
        (_, Value::Array(list)) => list.iter().map(|item| masked(item, "")).collect(),
        (_, Value::String(text)) => {
            let text = text.replace("AIDAX", "ID").replace("AIDAADMIN", "ID").replace("AKIAX", "KEY");
            if text.contains("BEGIN CERTIFICATE") { json!("CERTIFICATE") } else { json!(text) }
        }
        (_, value) => value.clone(),
    }
}

/// Ages and times in cells.
fn cell_masked(cell: &Value) -> Value {
    let Some(text) = cell.as_str() else { return cell.clone() };
    let age = !text.is_empty()
        && text.ends_with(['s', 'm', 'h', 'd'])
        && text.chars().all(|c| c.is_ascii_digit() || "smhd".contains(c));
    let time = text.len() == 20 && text.ends_with('Z') && text.starts_with("20");
    if age || time || text == "<invalid>" { json!("AGE") } else { cell.clone() }
}

/// Where the answers differ, in a form for people.
fn difference(path: &str, real: &Value, here: &Value, found: &mut Vec<String>) {
    match (real, here) {
        (Value::Object(real), Value::Object(here)) => {
            for key in real.keys().chain(here.keys().filter(|key| !real.contains_key(*key))) {
                let null = Value::Null;
                let both = (real.get(key).unwrap_or(&null), here.get(key).unwrap_or(&null));
                difference(&format!("{path}.{key}"), both.0, both.1, found);
            }
        }
        (Value::Array(real), Value::Array(here)) if real.len() == here.len() => {
            for (index, (real, here)) in real.iter().zip(here).enumerate() {
                difference(&format!("{path}[{index}]"), real, here, found);
            }
        }
        (real, here) if real == here => {}
        (real, here) => found.push(format!("  {path}\n    real: {real}\n    here: {here}")),
    }
}

async fn send(client: &Client, exchange: &Value) -> Answer {
    let text = |member: &str| exchange[member].as_str().unwrap_or_default();
    let mut client = client.with("accept", text("accept")).with("user-agent", "kubectl/v1.37.1 (linux/amd64)");
    if exchange["requestContentType"].is_string() {
        client = client.with("content-type", text("requestContentType"));
    }
    for (name, value) in exchange["impersonate"].as_object().into_iter().flatten() {
        client = client.with(&name.to_lowercase(), value.as_str().unwrap());
    }
    let body = exchange.get("request").map(bytes).unwrap_or_default();
    client.raw(text("method"), text("path"), body).await
}

#[tokio::test]
async fn kubectl_gets_what_it_got() {
    let cluster = support::start("127.0.0.1:6443").await;
    let client = Client::new(cluster.sandbox.router()).token(ADMIN);
    let commands: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(commands.len(), 29);
    let (mut sent, mut wrong) = (0, Vec::new());
    for command in &commands {
        for exchange in command["exchanges"].as_array().unwrap() {
            let what = format!("{}: {} {}", command["command"], exchange["method"], exchange["path"]);
            if exchange["path"].as_str().unwrap().contains("watch=") {
                continue;
            }
            sent += 1;
            let answer = send(&client, exchange).await;
            let content_type = answer.headers["content-type"].to_str().unwrap().to_owned();
            let mut found = Vec::new();
            if exchange["status"] != answer.status.as_u16() {
                found.push(format!("  status real: {} here: {}", exchange["status"], answer.status));
            }
            let recorded = &exchange["response"];
            let real = match recorded["sameAs"].as_str() {
                Some("discovery-api.json") => include_str!("../../objects/data/discovery-api.json").into(),
                Some("discovery-apis.json") => include_str!("../../objects/data/discovery-apis.json").into(),
                Some(other) => panic!("recorded elsewhere: {other}"),
                None if recorded.get("omitted").is_some() => continue,
                None => bytes(recorded),
            };
            if exchange["responseContentType"] != content_type {
                found.push(format!("  content type real: {} here: {content_type}", exchange["responseContentType"]));
            } else {
                let (real, here) = (object(&content_type, &real), object(&content_type, &answer.body));
                difference("", &masked(&real, ""), &masked(&here, ""), &mut found);
            }
            if !found.is_empty() {
                wrong.push(format!("{what}\n{}", found.join("\n")));
            }
        }
    }
    println!("{} of {sent} exchanges as on the real server", sent - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
