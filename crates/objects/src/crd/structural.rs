//! Whether a definition's schema is structural: every field has a type where it stands, and what stands below a junction
//! only restricts it. Texts and their order are the real server's.

use serde_json::{Map, Value, json};

use super::schema::is_valid_pattern;
use crate::{kinds::Place, validate::FieldError};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const JUNCTIONS: [&str; 3] = ["anyOf", "allOf", "oneOf"];
/// What no schema of a definition may have.
const UNSUPPORTED: [&str; 6] = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];

/// What is wrong with a schema at a place such as `spec.versions[0].schema.openAPIV3Schema`.
pub(crate) fn check(schema: &Place<'_>, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    if schema.at("nullable").is_true() {
        errors.push(schema.at("nullable").forbidden("nullable cannot be true at the root"));
    }
    check_form(schema, errors);
    if errors.len() > before {
        return;
    }
    let mut own = Vec::new();
    check_structure(schema, Level::Root, &mut own);
    own.sort_by_cached_key(FieldError::to_string);
    errors.extend(own);
}

/// The schemas directly below one.
fn children<'a>(schema: &Place<'a>) -> Vec<Place<'a>> {
    let mut out = Vec::new();
    let additional = schema.at("additionalProperties");
    out.extend([additional].into_iter().filter(|s| s.value.is_object()));
    out.extend(schema.at("properties").entries().map(|(_, child)| child));
    out.extend([schema.at("not")].into_iter().filter(|s| s.value.is_object()));
    for junction in ["allOf", "oneOf", "anyOf"] {
        out.extend(schema.at(junction).items());
    }
    out.extend([schema.at("items")].into_iter().filter(|s| s.value.is_object()));
    out
}

/// Words that are not known, and members that exclude each other.
fn check_form(schema: &Place<'_>, errors: &mut Vec<FieldError>) {
    for member in UNSUPPORTED {
        if schema.at(member).is_set() && !schema.at(member).is_empty() {
            errors.push(schema.at(member).forbidden(format!("{member} is not supported")));
        }
    }
    let ty = schema.at("type");
    if ty.text() == "null" {
        errors.push(ty.forbidden("type cannot be set to null, use nullable as an alternative"));
    }
    if schema.at("items").value.is_array() {
        errors.push(schema.at("items").forbidden("items must be a schema object and not an array"));
    }
    if !ty.is_empty() && !TYPES.contains(&ty.text()) {
        errors.push(ty.not_supported(&TYPES));
    }
    let kept = schema.at("x-kubernetes-preserve-unknown-fields");
    if kept.value == &Value::Bool(false) {
        errors.push(kept.invalid("must be true or undefined"));
    }
    check_list_type(schema, errors);
    if schema.at("uniqueItems").is_true() {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(schema.at("uniqueItems").forbidden(detail));
    }
    let additional = schema.at("additionalProperties");
    if additional.is_set() && !additional.is_true() && !schema.at("properties").is_empty() {
        errors.push(additional.forbidden("additionalProperties and properties are mutual exclusive"));
    }
    children(schema).iter().for_each(|child| check_form(child, errors));
}

fn check_list_type(schema: &Place<'_>, errors: &mut Vec<FieldError>) {
    let (list, keys, ty) =
        (schema.at("x-kubernetes-list-type"), schema.at("x-kubernetes-list-map-keys"), schema.at("type"));
    if list.is_set() && ty.text() != "array" {
        let detail = "must be array if x-kubernetes-list-type is specified";
        errors.push(if ty.is_empty() { ty.required(detail) } else { ty.invalid(detail) });
    }
    if list.is_set() && !matches!(list.text(), "atomic" | "map" | "set") {
        errors.push(list.not_supported(&["atomic", "map", "set"]));
    }
    if !keys.is_empty() && list.text() != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        errors.push(if list.is_set() { list.invalid(detail) } else { list.required(detail) });
    }
    if list.text() != "map" {
        return;
    }
    if keys.is_empty() {
        errors.push(keys.required("must not be empty if x-kubernetes-list-type is map"));
    }
    let items = schema.at("items");
    if !items.is_set() {
        errors.push(items.required("must have a schema if x-kubernetes-list-type is map"));
        return;
    }
    if items.at("type").text() != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid_text(items.at("type").path, items.at("type").text(), detail));
    }
    if keys.items().any(|key| !items.at("properties").at(key.text()).is_set()) {
        errors.push(keys.invalid("entries must all be names of item properties"));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Item,
    Field,
}

fn check_structure(schema: &Place<'_>, level: Level, errors: &mut Vec<FieldError>) {
    let (ty, items) = (schema.at("type"), schema.at("items"));
    let flag = |name: &str| schema.at(&format!("x-kubernetes-{name}")).is_true();
    if ty.text() == "array" && !items.is_set() {
        errors.push(items.required("must be specified"));
    }
    if items.is_set() {
        check_structure(&items, Level::Item, errors);
    }
    for (_, child) in schema.at("properties").entries() {
        check_structure(&child, Level::Field, errors);
    }
    let additional = schema.at("additionalProperties");
    if additional.is_set() && level == Level::Root {
        errors.push(additional.forbidden("must not be used at the root"));
    }
    if additional.value.is_object() {
        check_structure(&additional, Level::Field, errors);
    }
    if flag("int-or-string") {
        for other in ["preserve-unknown-fields", "embedded-resource"] {
            let at = schema.at(&format!("x-kubernetes-{other}"));
            if at.is_true() {
                errors.push(at.invalid("must be false if x-kubernetes-int-or-string is true"));
            }
        }
    }
    check_junctions(schema, errors);
    check_type(schema, level, errors);
    check_metadata(schema, level == Level::Root, flag("embedded-resource"), errors);
}

fn check_type(schema: &Place<'_>, level: Level, errors: &mut Vec<FieldError>) {
    let ty = schema.at("type");
    let flag = |name: &str| schema.at(&format!("x-kubernetes-{name}")).is_true();
    if flag("embedded-resource") && ty.text() != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(if ty.is_empty() { ty.required(detail) } else { ty.invalid(detail) });
    } else if ty.is_empty() && !flag("int-or-string") && !flag("preserve-unknown-fields") {
        errors.push(ty.required(match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        }));
    }
    if flag("embedded-resource") {
        let (additional, properties) = (schema.at("additionalProperties"), schema.at("properties"));
        if additional.is_set() {
            errors.push(additional.forbidden("must not be used if x-kubernetes-embedded-resource is set"));
        }
        if !flag("preserve-unknown-fields") && properties.is_empty() {
            let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                          x-kubernetes-preserve-unknown-fields";
            errors.push(properties.required(detail));
        }
    }
    if level == Level::Root && !ty.is_empty() && ty.text() != "object" {
        errors.push(ty.invalid("must be object at the root"));
    }
}

/// A schema says nothing of metadata but of names, and does not make the type's own fields anything but texts.
fn check_metadata(schema: &Place<'_>, root: bool, embedded: bool, errors: &mut Vec<FieldError>) {
    let property = |name: &str| {
        let path = format!("{}.properties[{name}]", schema.path);
        Place { value: schema.at("properties").at(name).value, path }
    };
    if !root && !embedded {
        return;
    }
    for name in ["kind", "apiVersion"] {
        let own = property(name);
        if own.is_set() && own.at("type").text() != "string" {
            errors.push(FieldError::invalid_text(own.at("type").path, own.at("type").text(), "must be string"));
        }
    }
    let metadata = property("metadata");
    if !metadata.is_set() {
        return;
    }
    if metadata.at("type").text() != "object" {
        let at = metadata.at("type");
        errors.push(FieldError::invalid_text(at.path.clone(), at.text(), "must be object"));
    }
    let names_only = metadata.at("properties").entries().all(|(name, _)| matches!(name, "name" | "generateName"));
    let others = metadata.value.as_object().into_iter().flat_map(Map::keys);
    let nothing_else = others.into_iter().all(|key| matches!(key.as_str(), "type" | "properties" | "default"));
    if root && !(names_only && nothing_else) {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(metadata.forbidden(detail));
    }
}

/// Whether `anyOf` is the one that stands for a number or a text.
fn is_int_or_string(any: &Place<'_>) -> bool {
    any.value == &json!([{"type": "integer"}, {"type": "string"}])
}

fn check_junctions(schema: &Place<'_>, errors: &mut Vec<FieldError>) {
    for junction in JUNCTIONS {
        let list = schema.at(junction);
        if junction == "anyOf" && is_int_or_string(&list) {
            continue;
        }
        for (i, part) in list.items().enumerate() {
            if junction == "allOf" && i == 0 && is_int_or_string(&part.at("anyOf")) {
                continue;
            }
            check_nested(&part, errors);
        }
    }
    if schema.at("not").is_set() {
        check_nested(&schema.at("not"), errors);
    }
    let pattern = schema.at("pattern");
    if !pattern.is_empty()
        && let Err(why) = is_valid_pattern(pattern.text())
    {
        errors.push(pattern.invalid(format!("must be a valid regular expression, but isn't: {why}")));
    }
}

/// Below a junction only values are restricted.
fn check_nested(schema: &Place<'_>, errors: &mut Vec<FieldError>) {
    const FLAGS: [&str; 4] = [
        "nullable",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ];
    const EMPTY: [&str; 5] = ["type", "title", "description", "x-kubernetes-list-map-keys", "x-kubernetes-validations"];
    const UNDEFINED: [&str; 4] = ["additionalProperties", "default", "x-kubernetes-list-type", "x-kubernetes-map-type"];
    check_junctions(schema, errors);
    if schema.at("items").is_set() {
        check_nested(&schema.at("items"), errors);
    }
    for (name, child) in schema.at("properties").entries() {
        if name == "metadata" {
            errors.push(child.forbidden("must not be specified in a nested context"));
        }
        check_nested(&child, errors);
    }
    for (members, what) in [(&EMPTY[..], "empty"), (&UNDEFINED[..], "undefined")] {
        let set = members.iter().map(|member| schema.at(member)).filter(|at| !at.is_empty());
        errors.extend(set.map(|at| at.forbidden(format!("must be {what} to be structural"))));
    }
    let set = FLAGS.iter().map(|flag| schema.at(flag)).filter(Place::is_true);
    errors.extend(set.map(|at| at.forbidden("must be false to be structural")));
}

/// Where a scalable object keeps its numbers.
pub(crate) fn check_scale(scale: &Place<'_>, at: &str, errors: &mut Vec<FieldError>) {
    for (member, under, needed) in [
        ("specReplicasPath", "spec", true),
        ("statusReplicasPath", "status", true),
        ("labelSelectorPath", "status", false),
    ] {
        let value = scale.at(member);
        let at = Place::new(value.value, format!("{at}.scale.{member}"));
        if at.is_empty() {
            if needed {
                errors.push(at.required(""));
            }
        } else if !at.text().starts_with('.') {
            errors.push(at.invalid("must be a simple json path starting with ."));
        } else if !at.text().starts_with(&format!(".{under}.")) {
            errors.push(at.invalid(format!("should be a json path under .{under}")));
        }
    }
}
