//! `metadata.managedFields`: who owns what.

use serde_json::{Map, Value, json};

use super::{Manager, fields::Fields};
use crate::{kinds::text, registry::ResourceType, typed};

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) operation: String,
    pub(super) api_version: String,
    pub(super) subresource: String,
    pub(super) time: String,
    pub(super) fields: Fields,
}

/// So many entries of updates are kept; older ones are joined into one.
const MAX_UPDATES: usize = 10;
const JOINED: &str = "ancient-changes";

impl Entry {
    /// An entry of this manager without fields.
    pub(super) fn new(resource: &ResourceType, manager: Manager<'_>, operation: &str) -> Self {
        Self {
            manager: if manager.name.is_empty() { "unknown".to_owned() } else { manager.name.to_owned() },
            operation: operation.to_owned(),
            api_version: resource.api_version(),
            subresource: manager.subresource.unwrap_or("").to_owned(),
            time: typed::time_text(manager.now, false),
            fields: Fields::default(),
        }
    }

    /// Whether two entries are of the same manager: an applier's version does not count.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == "Apply" || self.api_version == other.api_version)
    }

    /// As a conflict names it.
    pub(super) fn printed(&self) -> String {
        let mut out = crate::validate::go_quote(&self.manager);
        if !self.subresource.is_empty() {
            out.push_str(&format!(" with subresource {}", crate::validate::go_quote(&self.subresource)));
        }
        if self.operation == "Update" {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }

    fn to_value(&self) -> Value {
        let mut out = Map::new();
        for (key, value) in [
            ("manager", &self.manager),
            ("operation", &self.operation),
            ("apiVersion", &self.api_version),
            ("time", &self.time),
            ("subresource", &self.subresource),
        ] {
            if !value.is_empty() {
                out.insert(key.to_owned(), json!(value));
            }
        }
        out.insert("fieldsType".to_owned(), json!("FieldsV1"));
        out.insert("fieldsV1".to_owned(), self.fields.to_value());
        Value::Object(out)
    }
}

/// The entries of an object; those that can't be read are left out.
pub(super) fn read(object: Option<&Value>) -> Vec<Entry> {
    let entries = object.and_then(|o| o.pointer("/metadata/managedFields")).and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("fieldsV1").is_some_and(Value::is_object))
        .map(|entry| {
            let at = |key: &str| text(entry, &format!("/{key}")).to_owned();
            Entry {
                manager: at("manager"),
                operation: at("operation"),
                api_version: at("apiVersion"),
                subresource: at("subresource"),
                time: at("time"),
                fields: Fields::parse(entry.get("fieldsV1").unwrap_or(&Value::Null)),
            }
        })
        .collect()
}

/// Whether an update asks to forget all managers: a list of one empty entry.
pub(super) fn is_reset(object: &Value) -> bool {
    object.pointer("/metadata/managedFields") == Some(&json!([{}]))
}

/// Writes the entries that own something, appliers first, then by time.
pub(super) fn write(object: &mut Value, mut entries: Vec<Entry>) {
    for entry in &mut entries {
        strip(&mut entry.fields);
    }
    entries.retain(|entry| !entry.fields.is_empty());
    join_old(&mut entries);
    entries.sort_by(|a, b| {
        let key = |e: &Entry| {
            (e.operation.clone(), e.time.clone(), e.manager.clone(), e.api_version.clone(), e.subresource.clone())
        };
        key(a).cmp(&key(b))
    });
    let list: Vec<Value> = entries.iter().map(Entry::to_value).collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if list.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(list));
        }
    }
}

/// The fields that only the server sets are nobody's.
pub(super) fn strip(fields: &mut Fields) {
    const SYSTEM: [&str; 9] = [
        "f:name",
        "f:namespace",
        "f:creationTimestamp",
        "f:selfLink",
        "f:uid",
        "f:clusterName",
        "f:generation",
        "f:managedFields",
        "f:resourceVersion",
    ];
    fields.own = false;
    fields.children.remove("f:apiVersion");
    fields.children.remove("f:kind");
    if let Some(metadata) = fields.children.get_mut("f:metadata") {
        metadata.own = false;
        for field in SYSTEM {
            metadata.children.remove(field);
        }
    }
}

fn join_old(entries: &mut Vec<Entry>) {
    let updates = entries.iter().filter(|e| e.operation == "Update").count();
    if updates <= MAX_UPDATES {
        return;
    }
    entries.sort_by(|a, b| a.time.cmp(&b.time));
    let mut excess = updates - MAX_UPDATES + 1;
    let mut joined: Option<Entry> = None;
    entries.retain(|entry| {
        if entry.operation != "Update" || excess == 0 {
            return true;
        }
        excess -= 1;
        match &mut joined {
            None => joined = Some(Entry { manager: JOINED.to_owned(), ..entry.clone() }),
            Some(joined) => {
                joined.fields.union(&entry.fields);
                joined.time.clone_from(&entry.time);
            }
        }
        false
    });
    entries.extend(joined);
}
