use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::registry::Registry;

fn type_of(group: &str, plural: &str) -> std::sync::Arc<ResourceType> {
    Registry::builtin().find(group, "v1", plural).unwrap()
}

fn patched(kind: PatchType, current: &Value, patch: &Value) -> Result<Value, Status> {
    apply(&type_of("apps", "deployments"), kind, current, patch.to_string().as_bytes())
}

#[test]
fn json_patches() {
    let current = json!({"data": {"a": "1", "b": "2"}, "l": [1, 2]});
    let run = |patch: Value| patched(PatchType::Json, &current, &patch);
    let out = run(json!([{"op": "add", "path": "/data/d", "value": "4"}, {"op": "remove", "path": "/data/a"},
        {"op": "add", "path": "/l/-", "value": 3}, {"op": "add", "path": "/l/0", "value": 0},
        {"op": "copy", "from": "/l/0", "path": "/c"}, {"op": "move", "from": "/data/b", "path": "/e~1f"}]));
    assert_eq!(out.unwrap(), json!({"data": {"d": "4"}, "l": [0, 1, 2, 3], "c": 0, "e/f": "2"}));
    for bad in [
        json!([{"op": "test", "path": "/data/a", "value": "5"}]),
        json!([{"op": "remove", "path": "/data/none"}]),
        json!([{"op": "replace", "path": "/x", "value": 1}]),
        json!([{"op": "nope", "path": "/x"}]),
        json!([{"path": "/x"}]),
        json!([{"op": "add", "path": "/l/9", "value": 1}]),
        json!([{"op": "move", "from": "/data", "path": "/data/x"}]),
    ] {
        assert_eq!(run(bad.clone()).unwrap_err(), Status::unfit_patch(), "{bad}");
    }
    assert_eq!(
        run(json!({"a": 1})).unwrap_err().message,
        "json: cannot unmarshal object into Go value of type jsonpatch.Patch"
    );
}

#[test]
fn merge_patches() {
    let current = json!({"data": {"a": "1", "b": "2"}});
    let out = patched(PatchType::Merge, &current, &json!({"data": {"b": null, "c": "3"}})).unwrap();
    assert_eq!(out, json!({"data": {"a": "1", "c": "3"}}));
    let bad = apply(&type_of("", "configmaps"), PatchType::Merge, &current, b"{").unwrap_err();
    assert_eq!(bad.message, "error decoding patch: unexpected end of JSON input");
}

fn pod(containers: Value) -> Value {
    json!({"spec": {"template": {"spec": {"containers": containers}}}})
}

fn containers(value: &Value) -> &Value {
    value.pointer("/spec/template/spec/containers").unwrap()
}

#[test]
fn lists_merge_by_key() {
    let current = pod(json!([{"name": "a", "image": "1"}, {"name": "b", "image": "2", "args": ["x"]}]));
    let run = |patch: Value| patched(PatchType::Strategic, &current, &pod(patch)).unwrap();
    let out = run(json!([{"name": "b", "image": "3"}]));
    assert_eq!(containers(&out)[1], json!({"name": "b", "image": "3", "args": ["x"]}));
    assert_eq!(containers(&out)[0]["name"], "a");
    let out = run(json!([{"name": "c", "image": "9"}]));
    assert_eq!(containers(&out)[0]["name"], "c", "new ones come first, as on the real server");
    let out = run(json!([{"name": "a", "$patch": "delete"}]));
    assert_eq!(containers(&out).as_array().unwrap().len(), 1);
    let out = run(json!([{"$patch": "replace"}, {"name": "z", "image": "0"}]));
    assert_eq!(containers(&out), &json!([{"name": "z", "image": "0"}]));
    let out = run(json!([{"name": "b", "args": ["y", "z"]}]));
    assert_eq!(containers(&out)[1]["args"], json!(["y", "z"]), "lists without a key are replaced");
    let error = patched(PatchType::Strategic, &current, &pod(json!([{"image": "1"}]))).unwrap_err();
    assert_eq!(error.message, "map: map[image:1] does not contain declared merge key: name");
}

#[test]
fn directives() {
    let current = json!({"metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"}},
        "spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let run = |patch: Value| patched(PatchType::Strategic, &current, &patch).unwrap();
    assert_eq!(run(json!({"metadata": {"finalizers": ["c"]}}))["metadata"]["finalizers"], json!(["c", "a", "b"]));
    let out = run(json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}));
    assert_eq!(out["metadata"]["finalizers"], json!(["b"]));
    let out = run(json!({"metadata": {"$setElementOrder/finalizers": ["b", "a"]}}));
    assert_eq!(out["metadata"]["finalizers"], json!(["b", "a"]));
    let out = run(json!({"metadata": {"labels": {"$patch": "replace", "z": "3"}}}));
    assert_eq!(out["metadata"]["labels"], json!({"z": "3"}));
    let out = run(json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}));
    assert_eq!(out["spec"]["strategy"], json!({"type": "Recreate"}));
    let error = patched(PatchType::Strategic, &current, &json!({"metadata": {"$patch": "x"}})).unwrap_err();
    assert_eq!(error.message, "unknown patch type: x in map: map[$patch:x]");
}

#[test]
fn a_wrong_type_is_named() {
    for (patch, shown, why) in [
        (json!({"spec": {"replicas": "x"}}), "map[spec:map[replicas:x]]", "unrecognized type: int32"),
        (json!({"spec": "x"}), "map[spec:x]", "cannot restore struct from: string"),
        (
            json!({"metadata": {"labels": {"a": 1}}}),
            "map[metadata:map[labels:map[a:1]]]",
            "cannot convert int64 to string",
        ),
        (json!({"metadata": {"labels": ["a"]}}), "map[metadata:map[labels:[a]]]", "cannot restore map from slice"),
    ] {
        let error = patched(PatchType::Strategic, &json!({}), &patch).unwrap_err();
        assert_eq!(error.message, format!(" \"\" is invalid: patch: Invalid value: \"{shown}\": {why}"));
    }
}

#[test]
fn the_patched_object_is_shown_as_it_is_written() {
    let current = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, "metadata": {
        "creationTimestamp": "2026-01-01T00:00:00Z", "name": "x", "resourceVersion": "1", "uid": "u"}});
    let run = |patch: &str| {
        apply_checked(&type_of("", "configmaps"), PatchType::Merge, &current, patch.as_bytes(), FieldValidation::Warn)
    };
    assert_eq!(
        run(r#"{"data": {"a": 1}}"#).unwrap_err().message,
        r#" "" is invalid: patch: Invalid value: "{\"apiVersion\":\"v1\",\"data\":{\"a\":1},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"uid\":\"u\",\"resourceVersion\":\"1\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"}}": json: cannot unmarshal number into Go struct field ConfigMap.data of type string"#
    );
    let status = run(r#"{"kind": "Secret"}"#).unwrap_err();
    assert!(
        status.message.ends_with("converting (v1.Secret) to (core.ConfigMap): unknown conversion"),
        "{}",
        status.message
    );
}

#[test]
fn json_patches_are_strictly_read() {
    let current = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    let run = |patch: &str| {
        apply_checked(&type_of("", "configmaps"), PatchType::Json, &current, patch.as_bytes(), FieldValidation::Warn)
    };
    let text = |patch: &str| run(patch).unwrap_err().message;
    assert_eq!(
        text("{}"),
        "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
    );
    assert_eq!(text("no"), "error decoding patch: invalid character 'o' in literal null (expecting 'u')");
    let warned = run(r#"[{"op": "add", "path": "/data", "value": {}, "more": 1}]"#).unwrap();
    assert_eq!(warned.warnings, ["json patch unknown field \"[0].more\""]);
}

#[test]
fn strict_patches_name_what_is_unknown() {
    let current = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    let run = |kind, patch: &str, validation| {
        apply_checked(&type_of("", "configmaps"), kind, &current, patch.as_bytes(), validation)
    };
    let error = run(PatchType::Strategic, r#"{"nope": {"a": 1}}"#, FieldValidation::Strict).unwrap_err();
    let want =
        " \"\" is invalid: patch: Invalid value: \"map[nope:map[a:1]]\": strict decoding error: unknown field \"nope\"";
    assert_eq!(error.message, want);
    let warned = run(PatchType::Merge, r#"{"data": {"a": "1", "a": "2"}, "nope": 1}"#, FieldValidation::Warn).unwrap();
    assert_eq!(warned.warnings, ["duplicate field \"data.a\"", "unknown field \"nope\""]);
    assert_eq!(warned.object["data"]["a"], "2");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..4).prop_map(Value::from)];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[abc]", inner, 0..3).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// RFC 7386's own pseudocode, on copies.
fn naive_merge(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut out = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        let merged = naive_merge(out.get(key).unwrap_or(&Value::Null), value);
        if value.is_null() {
            out.remove(key)
        } else {
            out.insert(key.clone(), merged)
        };
    }
    Value::Object(out)
}

proptest! {
    #[test]
    fn merge_agrees_with_the_rfc(target in any_json(), patch in any_json()) {
        let mut merged = target.clone();
        merge(&mut merged, patch.clone());
        prop_assert_eq!(merged, naive_merge(&target, &patch));
    }

    #[test]
    fn strategic_is_merge_where_there_are_no_lists(target in proptest::collection::btree_map("[abc]", "[xy]", 0..4),
        patch in proptest::collection::btree_map("[abcd]", proptest::option::of("[xy]"), 0..4)) {
        let target = json!({"metadata": {"labels": target}});
        let patch = json!({"metadata": {"labels": patch}});
        let strategic = patched(PatchType::Strategic, &target, &patch).unwrap();
        let mut merged = target;
        merge(&mut merged, patch);
        prop_assert_eq!(strategic, merged);
    }

    #[test]
    fn patches_never_panic(target in any_json(), patch in any_json(), bytes in proptest::collection::vec(any::<u8>(), 0..40),
        path in "[/abc0-2~-]{0,6}", from in "[/abc0-2~-]{0,6}", op in "add|remove|replace|move|copy|test") {
        let operations = json!([{"op": op, "path": path, "from": from, "value": patch}]);
        for kind in [PatchType::Json, PatchType::Merge, PatchType::Strategic] {
            let _ = patched(kind, &target, &patch);
            let _ = patched(kind, &target, &operations);
            let _ = apply(&type_of("", "pods"), kind, &target, &bytes);
        }
    }
}
