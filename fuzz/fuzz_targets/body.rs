//! Request bodies of the Kubernetes API: JSON, YAML and protobuf, for a type with most kinds of fields.
#![no_main]
use entryway_objects::body::{FieldValidation, Format, decode};
use entryway_objects::registry::Registry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let registry = Registry::builtin();
    let Some(resource) = registry.find("apps", "v1", "deployments") else { return };
    for format in [Format::Json, Format::Yaml, Format::Protobuf] {
        let _ = decode(&resource, format, bytes, FieldValidation::Strict);
    }
});
