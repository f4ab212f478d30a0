//! Objects as the server makes and changes them, and its words about those that are wrong.

use entryway_objects::lifecycle::{Creation, create, update};
use entryway_objects::registry::Registry;
use entryway_objects::status::Status;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Creates an object; one without metadata is named `x`.
pub(crate) fn make(group: &str, version: &str, plural: &str, mut object: Value) -> Result<Value, Status> {
    let resource = Registry::builtin().find(group, version, plural).expect("a served type");
    if object.get("metadata").is_none() {
        object["metadata"] = json!({"name": "x"});
    }
    let namespace = resource.namespaced.then_some("ns");
    let with = Creation { namespace, uid: "u", now: Timestamp::UNIX_EPOCH, seed: 1, mounts_token: true };
    create(&resource, object, &with)
}

/// Creates an object and changes it.
pub(crate) fn changed(group: &str, plural: &str, object: Value, change: impl Fn(&mut Value)) -> Result<Value, Status> {
    let old = make(group, "v1", plural, object).expect("a valid object");
    let mut new = old.clone();
    change(&mut new);
    update(&Registry::builtin().find(group, "v1", plural).expect("a served type"), None, &old, new)
}

/// The message without the part that names the object.
pub(crate) fn wrong(result: Result<Value, Status>) -> String {
    let status = result.expect_err("an invalid object");
    status.message.split_once(" is invalid: ").map(|(_, rest)| rest.to_owned()).unwrap_or(status.message)
}
