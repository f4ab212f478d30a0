use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

const EXCHANGES: &str = include_str!("../../data/kubectl-1.37-exchanges.json");

/// Every protobuf body of the recorded exchanges, with what it is.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let all: Value = serde_json::from_str(EXCHANGES).unwrap();
    let mut out = Vec::new();
    for command in all.as_array().unwrap() {
        for exchange in command["exchanges"].as_array().unwrap() {
            for side in ["request", "response"] {
                if let Some(text) = exchange[side].get("base64").and_then(Value::as_str) {
                    let what = format!("{} {} {side}", exchange["method"], exchange["path"]);
                    out.push((what, STANDARD.decode(text).unwrap()));
                }
            }
        }
    }
    out
}

#[test]
fn recorded_bodies_survive_a_round_trip() {
    let all = recorded();
    let mut same = 0;
    for (what, bytes) in &all {
        let object = decode_object(bytes, None).unwrap_or_else(|e| panic!("{what}: {e}"));
        let again = encode_object(&object).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(decode_object(&again, None).unwrap(), object, "{what}");
        if &again == bytes {
            same += 1;
        } else {
            println!("not byte for byte: {what}\n  {object}\n  {}\n  {}", hex(bytes), hex(&again));
        }
    }
    println!("{same} of {} recorded protobuf bodies byte for byte, all of them by value", all.len());
    assert!(all.len() >= 20);
    assert_eq!(same, all.len());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn a_recorded_secret_reads_as_json() {
    let (_, bytes) =
        recorded().into_iter().find(|(what, _)| what.contains("secrets") && what.contains("request")).unwrap();
    let object = decode_object(&bytes, None).unwrap();
    let want = serde_json::json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "testsecret", "namespace": "kube-system"}});
    assert_eq!(object, want);
}

#[test]
fn zero_pointers_are_kept_and_zero_values_are_not() {
    let object = serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"replicas": 0, "paused": false, "minReadySeconds": 0, "selector": {}}});
    let decoded = decode_object(&encode_object(&object).unwrap(), None).unwrap();
    assert_eq!(decoded["spec"]["replicas"], 0);
    assert!(decoded["spec"].get("paused").is_none());
    assert!(decoded["spec"].get("minReadySeconds").is_none());
    assert_eq!(decoded["spec"]["selector"], serde_json::json!({}));
}

#[test]
fn watch_frames_hold_an_enveloped_object() {
    let object =
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
    let frame = encode_watch_event("ADDED", &object).unwrap();
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
    assert_eq!(length, frame.len() - 4);
    let mut bytes = wire::Bytes::new(&frame[4..]);
    let Some((1, wire::Value::Bytes(kind))) = bytes.field().unwrap() else { panic!("no type") };
    assert_eq!(kind, b"ADDED");
    let Some((2, wire::Value::Bytes(extension))) = bytes.field().unwrap() else { panic!("no object") };
    let Some((1, wire::Value::Bytes(raw))) = wire::Bytes::new(extension).field().unwrap() else { panic!("no raw") };
    assert_eq!(decode_object(raw, None).unwrap(), object);
}

#[test]
fn every_cut_of_a_body_is_an_error_or_an_object() {
    let (_, bytes) = recorded().into_iter().max_by_key(|(_, b)| b.len()).unwrap();
    for end in 0..bytes.len() {
        let _ = decode_object(&bytes[..end], None);
    }
    assert_eq!(decode_object(&bytes[..3], None), Err(ProtobufError::Prefix));
    assert_eq!(decode_object(&bytes[..6], None), Err(ProtobufError::Truncated));
}

#[test]
fn nesting_is_bounded() {
    // A RawExtension that holds an enveloped List that holds a RawExtension …
    let mut object = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": []});
    for _ in 0..10 {
        object = serde_json::json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [object]});
    }
    let bytes = encode_object(&object).unwrap();
    let decoded = decode_object(&bytes, None).unwrap();
    assert_eq!(encode_object(&decoded).unwrap(), bytes);
    let mut schema = serde_json::json!({"type": "object"});
    for _ in 0..300 {
        schema = serde_json::json!({"type": "array", "items": schema});
    }
    let definition = serde_json::json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]}});
    assert!(encode_object(&definition).is_err());
}

fn text() -> impl Strategy<Value = Value> {
    "[a-zA-Z0-9 é/.-]{0,12}".prop_map(Value::from)
}

/// Values of a type that are canonical by construction once read.
fn value_of(ty: &crate::model::Type, depth: u32) -> BoxedStrategy<Value> {
    use crate::model::{Special, Type};
    match ty {
        Type::String => text().boxed(),
        Type::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Type::Int32 => any::<i32>().prop_map(Value::from).boxed(),
        Type::Int64 => any::<i64>().prop_map(Value::from).boxed(),
        Type::Double => (-1000..1000_i32).prop_map(|n| Value::from(f64::from(n) / 4.0)).boxed(),
        Type::Bytes => {
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(|b| Value::from(STANDARD.encode(b))).boxed()
        }
        Type::List(item) => proptest::collection::vec(value_of(item, depth), 0..3).prop_map(Value::from).boxed(),
        Type::Map(item) => proptest::collection::btree_map("[a-z]{1,5}", value_of(item, depth), 0..3)
            .prop_map(|m| Value::Object(m.into_iter().collect()))
            .boxed(),
        Type::Message(id) => {
            let message = MODEL.get(*id);
            match message.special {
                Special::Fields => object_of(*id, depth),
                Special::Time => (0..4_000_000_000_i64)
                    .prop_map(|s| Value::from(jiff::Timestamp::from_second(s).unwrap().to_string()))
                    .boxed(),
                Special::MicroTime => (0..4_000_000_000_000_000_i64)
                    .prop_map(|s| Value::from(jiff::Timestamp::from_microsecond(s).unwrap().to_string()))
                    .boxed(),
                Special::Duration => (0..1_000_000_000_i64).prop_map(|s| Value::from(format!("{s}ms"))).boxed(),
                Special::Quantity => "[1-9][0-9]{0,5}(m|k|Mi|Gi)?".prop_map(Value::from).boxed(),
                Special::IntOrString => prop_oneof![text(), any::<i32>().prop_map(Value::from)].boxed(),
                Special::Raw | Special::Json => proptest::collection::btree_map("[a-z]{1,5}", text(), 0..3)
                    .prop_map(|m| Value::Object(m.into_iter().collect()))
                    .boxed(),
                Special::Strings => proptest::collection::vec(text(), 1..3).prop_map(Value::from).boxed(),
                Special::SchemaOrBool => any::<bool>().prop_map(Value::from).boxed(),
                Special::SchemaOrArray => Just(serde_json::json!({"type": "string"})).boxed(),
                Special::SchemaOrStrings => proptest::collection::vec(text(), 1..3).prop_map(Value::from).boxed(),
            }
        }
    }
}

fn object_of(id: MessageId, depth: u32) -> BoxedStrategy<Value> {
    let message = MODEL.get(id);
    if depth == 0 {
        return Just(serde_json::json!({})).boxed();
    }
    let fields: Vec<_> = message
        .fields
        .iter()
        .filter(|f| !f.json.is_empty())
        .map(|f| (Just(f.json), proptest::option::weighted(0.4, value_of(&f.ty, depth - 1))))
        .collect();
    fields
        .prop_map(|fields| {
            Value::Object(fields.into_iter().filter_map(|(k, v)| v.map(|v| (k.to_owned(), v))).collect())
        })
        .boxed()
}

fn any_object() -> impl Strategy<Value = Value> {
    const KINDS: &[(&str, &str)] = &[
        ("v1", "Pod"),
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "Service"),
        ("v1", "Event"),
        ("v1", "Node"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "CronJob"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("authentication.k8s.io/v1", "TokenRequest"),
        ("authorization.k8s.io/v1", "SubjectAccessReview"),
        ("autoscaling/v1", "Scale"),
        ("coordination.k8s.io/v1", "Lease"),
        ("networking.k8s.io/v1", "Ingress"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("v1", "Status"),
        ("v1", "DeleteOptions"),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ];
    proptest::sample::select(KINDS).prop_flat_map(|(api_version, kind)| {
        let id = message_of(api_version, kind).unwrap();
        object_of(id, 4).prop_map(move |mut object| {
            object["apiVersion"] = Value::from(api_version);
            object["kind"] = Value::from(kind);
            object
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_objects_survive_a_round_trip(object in any_object()) {
        let id = message_of(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()).unwrap();
        let reading = typed::read(id, &object);
        prop_assert_eq!(&reading.error, &None);
        prop_assert!(reading.unknown.is_empty(), "{:?}", reading.unknown);
        let again = typed::read(id, &reading.value);
        prop_assert_eq!(&again.value, &reading.value, "canonical is stable");
        let decoded = decode_object(&encode_object(&reading.value).unwrap(), None).unwrap();
        prop_assert_eq!(decoded, reading.value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0..60_usize) {
        let mut body = MAGIC.to_vec();
        body.extend_from_slice(&bytes);
        let _ = decode_object(&body, Some(("apps", "v1", "Deployment")));
        let kinds: Vec<_> = crate::registry::Registry::builtin().types().cloned().collect();
        let kind = &kinds[which % kinds.len()];
        let mut envelope = MAGIC.to_vec();
        wire::put_bytes(&mut envelope, 2, &bytes);
        let _ = decode_object(&envelope, Some((&kind.group, &kind.version, &kind.kind)));
    }

    #[test]
    fn damaged_bodies_never_panic(at in 0..4000_usize, with in any::<u8>(), which in 0..40_usize) {
        let all = recorded();
        let (_, mut bytes) = all[which % all.len()].clone();
        let at = at % bytes.len();
        bytes[at] = with;
        if let Ok(object) = decode_object(&bytes, None) {
            let _ = encode_object(&object);
        }
    }
}
