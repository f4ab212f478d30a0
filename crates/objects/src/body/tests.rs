use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::registry::Registry;

fn maps() -> std::sync::Arc<ResourceType> {
    Registry::builtin().find("", "v1", "configmaps").unwrap()
}

fn error(body: &str, validation: FieldValidation) -> String {
    decode(&maps(), Format::Json, body.as_bytes(), validation).unwrap_err().message
}

#[test]
fn wrong_bodies() {
    let warn = FieldValidation::Warn;
    assert_eq!(
        error(r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}"#, warn),
        "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"
    );
    assert_eq!(
        error(r#"{"apiVersion": "v2", "kind": "ConfigMap"}"#, warn),
        "ConfigMap in version \"v2\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is registered for version \"v2\" in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
    );
    assert_eq!(
        error("not json", warn),
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'o' in literal null (expecting 'u') (6e6f74206a736f6e)"
    );
    assert_eq!(
        error(r#"{"data": {"a": 1}}"#, warn),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
    );
    assert_eq!(
        error(r#"{"data": {}, "nope": 1}"#, FieldValidation::Strict),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"nope\""
    );
    assert_eq!(
        error(r#"{"z": 1, "data": {"k": "1", "k": "2"}, "b": 1}"#, FieldValidation::Strict),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"z\", duplicate field \"data.k\", unknown field \"b\""
    );
}

#[test]
fn go_paths_of_wrong_types() {
    let deployments = Registry::builtin().find("apps", "v1", "deployments").unwrap();
    for (body, want) in [
        (json!({"spec": {"replicas": "x"}}), "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (
            json!({"spec": {"template": {"spec": {"containers": [{"env": [{"name": "a", "value": 1}]}]}}}}),
            "number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
        ),
        (
            json!({"spec": {"template": {"spec": {"containers": {}}}}}),
            "object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        ),
        (
            json!({"spec": {"template": {"spec": {"restartPolicy": 1}}}}),
            "number into Go struct field PodSpec.spec.template.spec.restartPolicy of type v1.RestartPolicy",
        ),
        (
            json!({"metadata": {"labels": []}}),
            "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        (
            json!({"spec": {"replicas": 1.5}}),
            "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
    ] {
        let status =
            decode(&deployments, Format::Json, body.to_string().as_bytes(), FieldValidation::Warn).unwrap_err();
        let want =
            format!("Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal {want}");
        assert_eq!(status.message, want);
    }
}

#[test]
fn warnings_and_canonical_form() {
    let body = br#"{"metadata": {"name": "fv", "labels": {}, "creationTimestamp": null}, "data": {}, "nope": 1}"#;
    let decoded = decode(&maps(), Format::Json, body, FieldValidation::Warn).unwrap();
    assert_eq!(decoded.warnings, ["unknown field \"nope\""]);
    assert_eq!(decoded.object, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fv"}}));
}

#[test]
fn applied_bodies_stay_as_they_are() {
    let decode = |text: &str, validation| decode_apply(&maps(), text.as_bytes(), validation);
    let body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nnope: 1\ndata: {}\n";
    assert_eq!(decode(body, FieldValidation::Strict).unwrap().object["nope"], 1);
    let text = |body: &str| decode(body, FieldValidation::Strict).unwrap_err().message;
    assert_eq!(text("apiVersion: v2\nkind: ConfigMap\n"), "invalid object type: /v2, Kind=ConfigMap");
    assert_eq!(text(""), "invalid object type: /, Kind=");
    assert!(text("a: [").starts_with("error decoding YAML: error converting YAML to JSON: yaml: line "));
    let twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: b\n  a: c\n";
    assert_eq!(
        text(twice),
        "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key \"a\" already set in map"
    );
    assert_eq!(decode(twice, FieldValidation::Warn).unwrap().warnings, ["line 6: key \"a\" already set in map"]);
    assert_eq!(text("apiVersion: v1\nkind: Nope\n"), "invalid object type: /v1, Kind=Nope");
}

#[test]
fn delete_options() {
    let options = decode_delete_options(Format::Json, br#"{"propagationPolicy": "Background"}"#).unwrap();
    assert_eq!(options["propagationPolicy"], "Background");
    assert_eq!(decode_delete_options(Format::Json, b"").unwrap(), json!({}));
    let body = br#"{"apiVersion": "apps/v1", "kind": "DeleteOptions", "preconditions": {"uid": "x"}}"#;
    assert_eq!(decode_delete_options(Format::Json, body).unwrap()["preconditions"]["uid"], "x");
    let text = |body: &[u8]| decode_delete_options(Format::Json, body).unwrap_err().message;
    assert_eq!(text(b"["), "couldn't get version/kind; json parse error: unexpected end of JSON input");
    assert_eq!(
        text(br#"{"gracePeriodSeconds": "x"}"#),
        "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), text in r#"[{}"a-z:,\[\] ]{0,60}"#) {
        for format in [Format::Json, Format::Yaml, Format::Protobuf] {
            for body in [&bytes[..], text.as_bytes()] {
                let _ = decode(&maps(), format, body, FieldValidation::Strict);
                let _ = decode_delete_options(format, body);
            }
        }
    }
}

#[test]
fn yaml_tells_what_stands_there_twice_by_its_lines() {
    let body = b"metadata:\n  name: a\nnope: 1\ndata:\n  a: \"1\"\n  a: \"2\"\n";
    let decoded = decode(&maps(), Format::Yaml, body, FieldValidation::Warn).unwrap();
    assert_eq!(decoded.warnings, ["line 6: key \"a\" already set in map", "unknown field \"nope\""]);
    let status = decode(&maps(), Format::Yaml, body, FieldValidation::Strict).unwrap_err();
    assert_eq!(
        status.message,
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  \
         line 6: key \"a\" already set in map, unknown field \"nope\""
    );
}
