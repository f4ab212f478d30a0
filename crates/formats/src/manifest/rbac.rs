//! Roles, ClusterRoles and their bindings. What they mean is the core's; here they get their places.

use entryway_access::RbacObjects;
use serde_json::Value;

use super::{Object, surrounding_cluster};
use crate::reader::Reader;

/// Reads one object of the group.
pub(super) fn read(object: &Object<'_>, reader: &mut Reader<'_>) {
    let mut value = object.node.to_json();
    // Items of typed lists leave these out.
    if let Value::Object(members) = &mut value {
        members.entry("kind").or_insert_with(|| Value::String(object.kind.to_owned()));
        members.entry("apiVersion").or_insert_with(|| Value::String(format!("{}/v1", object.group)));
    }
    let (objects, problems) = RbacObjects::from_values([&value]);
    let place = object.node.path(&["metadata", "name"]).unwrap_or(object.node).bytes.clone();
    for problem in problems {
        reader.warning(&place, format!("{}: {}", problem.object, problem.message)).help =
            Some("what is left out grants nothing".to_owned());
    }
    if objects == RbacObjects::default() {
        return;
    }
    let selector = surrounding_cluster(object.node, reader);
    let rbac = &mut reader.cluster(selector).rbac;
    rbac.roles.extend(objects.roles);
    rbac.bindings.extend(objects.bindings);
}
