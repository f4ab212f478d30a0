use proptest::prelude::*;

use super::*;
use crate::{
    body::{self, FieldValidation, Format},
    lifecycle,
    registry::Registry,
    table,
};

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.io"}, "spec": {"group": "x.io", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList"},
        "versions": [{"name": "v1", "served": true, "storage": true,
            "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
            "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
            "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
                "spec": {"type": "object", "required": ["color"], "properties": {
                    "color": {"type": "string", "enum": ["red", "blue"]},
                    "size": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
                    "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
                    "port": {"x-kubernetes-int-or-string": true},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "items": {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {"a": {"type": "string"}}}}}},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}})
}

fn widgets() -> Arc<ResourceType> {
    Registry::with_definitions([&definition()]).find("x.io", "v1", "widgets").unwrap()
}

fn make(spec: Value) -> Result<Value, crate::status::Status> {
    let body = json!({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
    let decoded = body::decode(&widgets(), Format::Json, body.to_string().as_bytes(), FieldValidation::Strict)?;
    let with = lifecycle::Creation {
        namespace: Some("ns"),
        uid: "u",
        now: jiff::Timestamp::UNIX_EPOCH,
        seed: 1,
        mounts_token: true,
    };
    lifecycle::create(&widgets(), decoded.object, &with)
}

#[test]
fn defaults_and_pruning() {
    let made = make(json!({"color": "red", "free": {"x": 1}, "port": "http"})).unwrap();
    assert_eq!(made["spec"], json!({"color": "red", "size": 2, "free": {"x": 1}, "port": "http"}));
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(
        make(json!({"color": "red", "nope": 1, "items": [{"b": 1}]})).unwrap_err().message,
        "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.items[0].b\", unknown field \"spec.nope\""
    );
}

#[test]
fn texts() {
    let text = |spec: Value| make(spec).unwrap_err().message;
    assert_eq!(text(json!({})), "Widget.x.io \"w\" is invalid: spec.color: Required value");
    assert_eq!(
        text(json!({"color": "green"})),
        "Widget.x.io \"w\" is invalid: spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\""
    );
    assert_eq!(
        text(json!({"color": "red", "size": "x"})),
        "Widget.x.io \"w\" is invalid: spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\""
    );
    assert_eq!(
        text(json!({"color": "red", "size": 9})),
        "Widget.x.io \"w\" is invalid: spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5"
    );
    assert_eq!(
        text(json!({"color": "red", "name": "A"})),
        "Widget.x.io \"w\" is invalid: spec.name: Invalid value: \"A\": spec.name in body should match '^[a-z]+$'"
    );
    assert_eq!(
        text(json!({"color": "red", "items": [{}, {}, {}]})),
        "Widget.x.io \"w\" is invalid: spec.items: Too many: 3: must have at most 2 items"
    );
}

#[test]
fn columns_and_scale() {
    let mut made = make(json!({"color": "red"})).unwrap();
    made["status"] =
        json!({"size": 1, "conditions": [{"type": "Other", "status": "x"}, {"type": "Ready", "status": "True"}]});
    let now = "1970-01-01T00:05:00Z".parse().unwrap();
    let table = table::table(&widgets(), [&made], json!({}), table::IncludeObject::None, true, now);
    assert_eq!(table["rows"][0]["cells"], json!(["w", 2, "True", "5m"]));
    assert_eq!(table["columnDefinitions"][1]["name"], "Size");
    let scale = lifecycle::scale_of(&widgets(), &made).unwrap();
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["replicas"]), (&json!(2), &json!(1)));
    lifecycle::set_scale(&widgets(), &mut made, &json!({"spec": {"replicas": 4}})).unwrap();
    assert_eq!(made["spec"]["size"], 4);
}

#[test]
fn status_is_a_subresource() {
    let old = make(json!({"color": "red"})).unwrap();
    let mut new = old.clone();
    new["spec"]["color"] = json!("blue");
    new["status"] = json!({"x": 1});
    let main = lifecycle::update(&widgets(), None, &old, new.clone()).unwrap();
    assert_eq!((&main["spec"]["color"], main.get("status")), (&json!("blue"), None));
    assert_eq!(main["metadata"]["generation"], 2);
    let status = lifecycle::update(&widgets(), Some("status"), &old, new).unwrap();
    assert_eq!((&status["spec"]["color"], &status["status"]), (&json!("red"), &json!({"x": 1})));
}

#[test]
fn establishing() {
    let mut definition = definition();
    establish(&mut definition, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(definition["status"]["conditions"][1]["type"], "Established");
    assert_eq!(definition["status"]["acceptedNames"]["kind"], "Widget");
    let once = definition.clone();
    establish(&mut definition, "2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(definition, once);
}

#[test]
fn versions_are_ordered() {
    let mut all = ["v1alpha1", "v1", "foo", "v2beta1", "v10", "v1beta2", "bar", "v1beta10"];
    all.sort_by(|a, b| compare_versions(a, b));
    assert_eq!(all, ["v10", "v1", "v2beta1", "v1beta10", "v1beta2", "v1alpha1", "bar", "foo"]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(
                "(type|properties|items|enum|required|color|size|name|not|oneOf|[a-c])",
                inner,
                0..4
            )
            .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_schema_and_object_are_answered(schema in any_json(), object in any_json(), path in "[.a-z0-9\\[\\]*?()@='\"\\\\{}$]{0,20}") {
        let mut defaulted = object.clone();
        fill_defaults(&schema, &mut defaulted);
        validate(&schema, &defaulted, Some(&object), &mut Vec::new());
        let version = CustomVersion { schema, columns: Vec::new(), status: false, scale: None, storage_version: String::new(), deprecation: None };
        let _ = read(&version, &object);
        let _ = cell(&json!({"type": "string", "jsonPath": path}), &object, jiff::Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn any_definition_is_answered(spec in any_json()) {
        let mut definition = json!({"spec": spec, "metadata": {"name": "x"}});
        let _ = types(&definition);
        establish(&mut definition, jiff::Timestamp::UNIX_EPOCH);
    }
}

#[test]
fn deprecated_versions_warn() {
    let version = |name: &str, more: Value| {
        let mut version = json!({"name": name, "served": true, "storage": name == "v1"});
        version.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        version
    };
    let warnings = |versions: Value| -> Vec<Option<String>> {
        let definition = json!({"spec": {"group": "e.io", "scope": "Cluster", "names": {"plural": "as", "kind": "A"}, "versions": versions}});
        types(&definition).iter().map(|t| t.deprecation()).collect()
    };
    let found = warnings(json!([
        version("v1alpha1", json!({"deprecated": true})),
        version("v1beta1", json!({"deprecated": true, "deprecationWarning": "no more"})),
        version("v1", json!({})),
        version("v2", json!({"deprecated": true})),
    ]));
    let texts: Vec<_> = found.iter().map(Option::as_deref).collect();
    assert_eq!(
        texts,
        [Some("e.io/v1alpha1 A is deprecated; use e.io/v1 A"), Some("no more"), None, Some("e.io/v2 A is deprecated")]
    );
    let of = |plural: &str| crate::registry::Registry::builtin().find("", "v1", plural).unwrap().deprecation();
    assert_eq!(
        of("endpoints").as_deref(),
        Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
    );
    assert_eq!(of("componentstatuses").as_deref(), Some("v1 ComponentStatus is deprecated in v1.19+"));
    assert_eq!(of("pods"), None);
}

#[test]
fn schemas_that_are_not_structural() {
    use crate::kinds::Place;
    let wrong = |schema: Value| -> Vec<String> {
        let mut errors = Vec::new();
        check_structural(&Place::new(&schema, "schema"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    };
    for (schema, text) in [
        (json!({}), "schema.type: Required value: must not be empty at the root"),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            "schema.type: Invalid value: \"array\": must be object at the root",
        ),
        (
            json!({"type": "object", "properties": {"a": {}}}),
            "schema.properties[a].type: Required value: must not be empty for specified object fields",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array"}}}),
            "schema.properties[a].items: Required value: must be specified",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {}}}}),
            "schema.properties[a].items.type: Required value: must not be empty for specified array items",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "text"}}}),
            "schema.properties[a].type: Unsupported value: \"text\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"",
        ),
        (
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}),
            "schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
        ),
        (
            json!({"type": "object", "anyOf": [{"type": "object"}]}),
            "schema.anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": {"type": "string"}}}}),
            "schema.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}}}),
            "schema.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "schema.additionalProperties: Forbidden: must not be used at the root",
        ),
    ] {
        assert_eq!(wrong(schema), [text]);
    }
    let fine = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
        "list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}}},
    }});
    assert_eq!(wrong(fine), [""; 0]);
}
