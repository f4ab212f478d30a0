//! What the server does to an object between reading a request and storing it: defaults, the fields that only the
//! server sets, admission's additions, validation.

mod metadata;
mod scale;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    crd,
    kinds::{self, Check, Kind, set, text},
    model::{MODEL, Message, Type},
    names,
    registry::ResourceType,
    status::Status,
    typed,
    validate::FieldError,
};

pub(crate) use self::metadata::check_labels;
use self::metadata::{check_metadata, check_metadata_update};
pub use self::scale::{scale_of, set_scale};

/// What a create gets from outside.
#[derive(Debug, Clone, Copy)]
pub struct Creation<'a> {
    /// Namespace in the path, `None` for cluster-scoped resources.
    pub namespace: Option<&'a str>,
    /// The new object's uid.
    pub uid: &'a str,
    /// Creation time.
    pub now: Timestamp,
    /// Randomness for generated names, volume suffixes and cluster addresses.
    pub seed: u64,
    /// Whether the service account of a pod has its token mounted, where the pod does not say.
    pub mounts_token: bool,
}

/// Fills in what decoding a body of the type would: its defaults, in canonical form.
pub fn default(resource: &ResourceType, object: Value) -> Value {
    match (resource.message(), &resource.custom) {
        (Some(message), _) => {
            let mut object = typed::read(message, &object).value;
            kinds::defaults::fill(message, &mut object);
            typed::read(message, &object).value
        }
        (None, Some(custom)) => {
            let mut object = object;
            crd::fill_defaults(&custom.schema, &mut object);
            object
        }
        (None, None) => object,
    }
}

/// Prepares and checks a new object: metadata (uid, creationTimestamp, namespace, generated name, generation), what
/// admission adds, type defaults, empty status, then validation. The result has no `resourceVersion`: the store's
/// revision is put there later. Virtual resources (reviews) are only defaulted: call [`default`] for them.
///
/// # Errors
/// 400 where the namespace differs from the path's, 422 with all causes where it is invalid.
pub fn create(resource: &ResourceType, object: Value, with: &Creation<'_>) -> Result<Value, Status> {
    let kind = kinds::of(resource);
    let mut object = default(resource, object);
    let named = text(&object, "/metadata/namespace").to_owned();
    match with.namespace {
        Some(namespace) if !named.is_empty() && named != namespace => {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        Some(namespace) => set(&mut object, &["metadata", "namespace"], json!(namespace)),
        None => {}
    }
    if !text(&object, "/metadata/resourceVersion").is_empty() {
        let message = "resourceVersion should not be set on objects to be created".to_owned();
        return Err(Status { code: 500, reason: "", message, details: None });
    }
    let generate = text(&object, "/metadata/generateName").to_owned();
    if text(&object, "/metadata/name").is_empty() && !generate.is_empty() {
        set(&mut object, &["metadata", "name"], json!(names::generate(&generate, with.seed)));
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            metadata.remove(field);
        }
        metadata.insert("uid".to_owned(), json!(with.uid));
        metadata.insert("creationTimestamp".to_owned(), json!(typed::time_text(with.now, false)));
        if kind.generation {
            metadata.insert("generation".to_owned(), json!(1));
        }
    }
    if has_status(resource)
        && let Value::Object(fields) = &mut object
    {
        fields.remove("status");
    }
    (kind.create)(&mut object, with);
    let object = canonical(resource, object);
    let mut errors = Vec::new();
    check_metadata(resource, kind, &object, &mut errors);
    check(resource, kind, Check { new: &object, old: None }, &mut errors);
    finish(resource, object, &errors)
}

/// Whether the server alone writes the type's status. Nodes bring theirs.
fn has_status(resource: &ResourceType) -> bool {
    resource.subresource("status").is_some() && !resource.is("", "nodes")
}

/// The form in which the object is answered.
fn canonical(resource: &ResourceType, object: Value) -> Value {
    match resource.message() {
        Some(message) => typed::read(message, &object).value,
        None => object,
    }
}

fn finish(resource: &ResourceType, object: Value, errors: &[FieldError]) -> Result<Value, Status> {
    if errors.is_empty() {
        return Ok(object);
    }
    let name = text(&object, "/metadata/name");
    Err(Status::invalid(&resource.group, &resource.kind, name, errors))
}

/// Prepares and checks an update of `old` to `new`, both whole objects: system metadata is kept, `status` stays on the
/// main resource where there is a status subresource, only status (and metadata as there) changes on `status`,
/// generation grows when the spec changed. `resourceVersion` is `old`'s: compare the client's before.
///
/// # Errors
/// 422 with all causes, immutable fields among them.
pub fn update(resource: &ResourceType, subresource: Option<&str>, old: &Value, new: Value) -> Result<Value, Status> {
    let kind = kinds::of(resource);
    let mut new = default(resource, new);
    keep_metadata(&mut new, old);
    match subresource {
        Some("status") => keep_all_but_status(resource, &mut new, old),
        Some("finalize") => {
            let finalizers = new.pointer("/spec/finalizers").cloned().unwrap_or(json!([]));
            new = old.clone();
            set(&mut new, &["spec", "finalizers"], finalizers);
        }
        Some("approval") => {
            let conditions = new.pointer("/status/conditions").cloned().unwrap_or(json!([]));
            new = old.clone();
            set(&mut new, &["status", "conditions"], conditions);
        }
        Some("ephemeralcontainers") => {
            // Everything else of a pod stays as it is; the pod's own rules for updates forbid this one field.
            let containers = new.pointer("/spec/ephemeralContainers").cloned();
            new = old.clone();
            if let Some(containers) = containers {
                set(&mut new, &["spec", "ephemeralContainers"], containers);
            }
        }
        _ => {
            if has_status(resource) {
                keep_member(&mut new, old, "status");
            }
            (kind.update)(&mut new, old);
            if kind.generation {
                let generation = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
                let generation = generation + i64::from(content(resource, old) != content(resource, &new));
                if generation > 0 {
                    set(&mut new, &["metadata", "generation"], json!(generation));
                }
            }
        }
    }
    let new = canonical(resource, new);
    let mut errors = Vec::new();
    check_metadata_update(resource, &new, old, &mut errors);
    if subresource == Some("status") {
        (kind.validate_status)(Check { new: &new, old: Some(old) }, &mut errors);
    }
    if subresource != Some("finalize") {
        let own_rules = !matches!(subresource, Some("status" | "approval" | "ephemeralcontainers"));
        if own_rules || resource.custom.is_some() {
            check(resource, kind, Check { new: &new, old: Some(old) }, &mut errors);
        }
    }
    finish(resource, new, &errors)
}

fn keep_member(new: &mut Value, old: &Value, member: &str) {
    let Value::Object(fields) = new else { return };
    match old.get(member) {
        Some(before) => drop(fields.insert(member.to_owned(), before.clone())),
        None => drop(fields.remove(member)),
    }
}

/// What clients may leave out or can't change: it is as it was. A uid that differs is an error later.
fn keep_metadata(new: &mut Value, old: &Value) {
    const ALWAYS: [&str; 6] = [
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ];
    const IF_ABSENT: [&str; 3] = ["uid", "namespace", "name"];
    if !new.get("metadata").is_some_and(Value::is_object) {
        set(new, &["metadata"], json!({}));
    }
    let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for field in
        ALWAYS.into_iter().chain(IF_ABSENT.into_iter().filter(|f| !metadata.contains_key(*f)).collect::<Vec<_>>())
    {
        match old.pointer(&format!("/metadata/{field}")) {
            Some(before) => drop(metadata.insert(field.to_owned(), before.clone())),
            None => drop(metadata.remove(field)),
        }
    }
}

fn keep_all_but_status(resource: &ResourceType, new: &mut Value, old: &Value) {
    let Value::Object(fields) = new else { return };
    let status = fields.get("status").cloned();
    let metadata = fields.get("metadata").cloned();
    let mut out = old.as_object().cloned().unwrap_or_default();
    match status {
        Some(status) => drop(out.insert("status".to_owned(), status)),
        None => drop(out.remove("status")),
    }
    if resource.custom.is_none() {
        if let Some(metadata) = metadata {
            out.insert("metadata".to_owned(), metadata);
        }
    } else if let (Some(Value::Object(kept)), Some(managed)) =
        (out.get_mut("metadata"), metadata.as_ref().and_then(|m| m.get("managedFields")))
    {
        kept.insert("managedFields".to_owned(), managed.clone());
    }
    *fields = out;
}

/// What counts for `metadata.generation`: all but metadata and (where the server writes it) status.
fn content(resource: &ResourceType, object: &Value) -> Map<String, Value> {
    let mut out = object.as_object().cloned().unwrap_or_default();
    out.remove("metadata");
    if has_status(resource) {
        out.remove("status");
    }
    out
}

fn check(resource: &ResourceType, kind: &Kind, check: Check<'_>, errors: &mut Vec<FieldError>) {
    (kind.validate)(check, errors);
    if let Some(custom) = &resource.custom {
        crd::validate(&custom.schema, check.new, check.old, errors);
    } else if !kind.checked
        && let Some(message) = resource.message()
    {
        check_required(MODEL.get(message), check.new, "", errors);
    }
}

/// For types without a check of their own: texts and lists that the schema requires, and enums.
fn check_required(message: &'static Message, object: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let Value::Object(fields) = object else { return };
    for field in &message.fields {
        if field.json == "status" || field.json == "metadata" {
            continue;
        }
        let path = if at.is_empty() { field.json.to_owned() } else { format!("{at}.{}", field.json) };
        let value = fields.get(field.json).unwrap_or(&Value::Null);
        let empty = value.is_null() || value.as_str() == Some("");
        if field.required && empty && matches!(field.ty, Type::String) {
            errors.push(FieldError::required(path.clone(), ""));
        }
        if !empty && !field.allowed.is_empty() && value.as_str().is_some_and(|v| !field.allowed.contains(&v)) {
            errors.push(FieldError::not_supported(path.clone(), value, &field.allowed));
        }
        match (&field.ty, value) {
            (Type::Message(id), value) if !value.is_null() => check_required(MODEL.get(*id), value, &path, errors),
            (Type::List(item), Value::Array(items)) => {
                if let Type::Message(id) = item.as_ref() {
                    for (i, value) in items.iter().enumerate() {
                        check_required(MODEL.get(*id), value, &format!("{path}[{i}]"), errors);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether two versions differ in nothing but `managedFields` times and `resourceVersion`: then nothing is written.
pub fn same(old: &Value, new: &Value) -> bool {
    fn stripped(object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            for entry in metadata.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Value::Object(entry) = entry {
                    entry.remove("time");
                }
            }
        }
        object
    }
    stripped(old) == stripped(new)
}

/// Turns an object of one served version into another of the same resource (HPA, events; others only change
/// `apiVersion`).
pub fn convert(object: Value, from: &ResourceType, to: &ResourceType) -> Value {
    kinds::convert(object, from, to)
}

#[cfg(test)]
mod tests;
