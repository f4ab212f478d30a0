use super::*;
use crate::{lifecycle, protobuf, registry::Registry};

const EXCHANGES: &str = include_str!("../../data/kubectl-1.37-exchanges.json");

fn by(name: &str) -> Manager<'_> {
    Manager { name, subresource: None, now: "2026-11-24T23:00:00Z".parse().unwrap() }
}

fn maps() -> std::sync::Arc<ResourceType> {
    Registry::builtin().find("", "v1", "configmaps").unwrap()
}

fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

/// The managed fields of recorded creates are what we make of the same objects.
#[test]
fn recorded_managed_fields() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let all: Value = serde_json::from_str(EXCHANGES).unwrap();
    let registry = Registry::builtin();
    let (mut seen, mut same) = (0, 0);
    for exchange in all.as_array().unwrap().iter().flat_map(|c| c["exchanges"].as_array().unwrap()) {
        if exchange["method"] != "POST" || exchange["status"] != 201 {
            continue;
        }
        let Some(text) = exchange["response"].get("base64").and_then(Value::as_str) else { continue };
        let want = protobuf::decode_object(&STANDARD.decode(text).unwrap(), None).unwrap();
        let entries = want["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let [entry] = entries.as_slice() else { continue };
        let (group, version) = crate::registry::split_api_version(want["apiVersion"].as_str().unwrap());
        let Some(resource) = registry.find_kind(group, version, want["kind"].as_str().unwrap()) else { continue };
        if !resource.has_verb("get") {
            continue;
        }
        let Some(text) = exchange["request"].get("base64").and_then(Value::as_str) else { continue };
        let sent = protobuf::decode_object(&STANDARD.decode(text).unwrap(), None).unwrap();
        let mut got = lifecycle::default(&resource, sent);
        track_update(&resource, None, &mut got, by(entry["manager"].as_str().unwrap()));
        seen += 1;
        let ours = &got["metadata"]["managedFields"][0]["fieldsV1"];
        if ours == &entry["fieldsV1"] {
            same += 1;
        } else {
            println!("{}\n  want {}\n  got  {ours}", want["kind"], entry["fieldsV1"]);
        }
    }
    println!("{same} of {seen} recorded managedFields the same");
    assert!(seen >= 4);
    assert_eq!(same, seen);
}

#[test]
fn the_recorded_story_of_apply() {
    let maps = maps();
    let one = apply(&maps, None, &config(json!({"x": "1", "y": "1"})), by("one"), false).unwrap();
    let error = apply(&maps, Some(&one), &config(json!({"x": "2"})), by("two"), false).unwrap_err();
    assert_eq!(error.message, "Apply failed with 1 conflict: conflict with \"one\": .data.x");
    let details = error.details.unwrap();
    assert_eq!(details.causes[0].field, ".data.x");
    assert_eq!(details.causes[0].message, "conflict with \"one\"");
    let two = apply(&maps, Some(&one), &config(json!({"x": "2"})), by("two"), true).unwrap();
    assert_eq!(two["data"], json!({"x": "2", "y": "1"}));
    let three = apply(&maps, Some(&two), &config(json!({"y": "3"})), by("one"), false).unwrap();
    assert_eq!(three["data"], json!({"x": "2", "y": "3"}));
    let four = apply(&maps, Some(&three), &config(json!({})), by("two"), false).unwrap();
    assert_eq!(four["data"], json!({"y": "3"}), "what nobody applies any more goes");
    let again = apply(&maps, Some(&four), &config(json!({})), by("two"), false).unwrap();
    assert!(lifecycle::same(&four, &again));
}

#[test]
fn updates_take_fields() {
    let maps = maps();
    let applied = apply(&maps, None, &config(json!({"x": "1", "y": "1"})), by("one"), false).unwrap();
    let mut updated = applied.clone();
    updated["data"]["x"] = json!("2");
    track_update(&maps, Some(&applied), &mut updated, by("kubectl-edit"));
    let entries = updated["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries[0]["fieldsV1"], json!({"f:data": {"f:y": {}}}));
    assert_eq!(entries[1]["fieldsV1"], json!({"f:data": {"f:x": {}}}));
    let error = apply(&maps, Some(&updated), &config(json!({"x": "3"})), by("one"), false).unwrap_err();
    assert_eq!(error.message, "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.x");
    let mut reset = updated.clone();
    reset["metadata"]["managedFields"] = json!([{}]);
    track_update(&maps, Some(&updated), &mut reset, by("x"));
    assert!(reset["metadata"].get("managedFields").is_none());
}

#[test]
fn lists_merge_by_their_keys() {
    let deployments = Registry::builtin().find("apps", "v1", "deployments").unwrap();
    let with = |containers: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"template": {"spec": {"containers": containers}}}})
    };
    let one = with(json!([{"name": "a", "image": "1", "ports": [{"containerPort": 80}]}]));
    let first = apply(&deployments, None, &one, by("one"), false).unwrap();
    assert!(first["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
        ["k:{\"name\":\"a\"}"]["f:ports"]
        .get("k:{\"containerPort\":80,\"protocol\":\"TCP\"}")
        .is_some());
    let second =
        apply(&deployments, Some(&first), &with(json!([{"name": "b", "image": "2"}])), by("two"), false).unwrap();
    assert_eq!(second["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
    let error = apply(&deployments, Some(&second), &with(json!([{"name": "a", "image": "9"}])), by("two"), false);
    assert_eq!(
        error.unwrap_err().message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.template.spec.containers[name=\"a\"].image"
    );
    let third = apply(&deployments, Some(&second), &with(json!([])), by("two"), false).unwrap();
    assert_eq!(third["spec"]["template"]["spec"]["containers"][0]["name"], "a");
    assert_eq!(third["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
    let bad = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "nope": 1});
    assert_eq!(
        apply(&deployments, None, &bad, by("one"), false).unwrap_err().message,
        "failed to create typed patch object (/d; apps/v1, Kind=Deployment): .nope: field not declared in schema"
    );
}

#[test]
fn items_need_their_keys() {
    let deployments = Registry::builtin().find("apps", "v1", "deployments").unwrap();
    let text = |containers: Value| {
        let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"},
            "spec": {"template": {"spec": {"containers": containers}}}});
        apply(&deployments, None, &body, by("one"), false).unwrap_err().message
    };
    let at = "failed to create typed patch object (n/d; apps/v1, Kind=Deployment): .spec.template.spec.containers";
    assert_eq!(
        text(json!([{"image": "x"}])),
        format!(
            "{at}: element 0: associative list with keys has an element that omits key field \"name\" (and doesn't have default value)"
        )
    );
    assert_eq!(text(json!([{"name": "a"}, {"name": "a"}])), format!("{at}: duplicate entries for key [name=\"a\"]"));
}

/// What decoding adds to a configuration is not taken as applied.
#[test]
fn filled_fields_are_nobodys() {
    let deployments = Registry::builtin().find("apps", "v1", "deployments").unwrap();
    let body = json!({"metadata": {"name": "d"}, "spec": {"replicas": 2}});
    let decoded =
        crate::body::decode(&deployments, crate::body::Format::Json, body.to_string().as_bytes(), Default::default());
    let applied = apply(&deployments, None, &decoded.unwrap().object, by("one"), false).unwrap();
    assert_eq!(applied["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
}

proptest::proptest! {
    /// Applying twice changes nothing; forcing always succeeds; what is applied is there.
    #[test]
    fn apply_is_stable(a in proptest::collection::btree_map("[a-d]", "[xy]", 0..4),
        b in proptest::collection::btree_map("[a-d]", "[xy]", 0..4)) {
        let maps = maps();
        let first = apply(&maps, None, &config(json!(a)), by("one"), false).unwrap();
        let again = apply(&maps, Some(&first), &config(json!(a)), by("one"), false).unwrap();
        proptest::prop_assert!(lifecycle::same(&first, &again));
        let clash = b.iter().any(|(k, v)| a.get(k).is_some_and(|other| other != v));
        let second = apply(&maps, Some(&first), &config(json!(b)), by("two"), false);
        proptest::prop_assert_eq!(second.is_err(), clash);
        let forced = apply(&maps, Some(&first), &config(json!(b)), by("two"), true).unwrap();
        for (key, value) in &b {
            proptest::prop_assert_eq!(&forced["data"][key], value);
        }
        let gone = apply(&maps, Some(&forced), &config(json!({})), by("one"), false).unwrap();
        let left = gone.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        proptest::prop_assert_eq!(left.into_iter().map(|(k, v)| (k, v.as_str().unwrap().to_owned())).collect::<std::collections::BTreeMap<_, _>>(), b);
    }
}
