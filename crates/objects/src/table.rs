//! Tables: the columns and cells that `kubectl get` prints.

use std::{collections::HashMap, sync::LazyLock};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{crd, kinds::cells, model, registry::ResourceType};

/// Recorded columns by `group/version/resource`.
static COLUMNS: LazyLock<HashMap<&'static str, Vec<Value>>> =
    LazyLock::new(|| model::parse(include_str!("../data/tables.json")));

/// What a row carries of its object: the query parameter `includeObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// `PartialObjectMetadata`: the default.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

impl IncludeObject {
    /// From the query parameter; `None` for an unknown word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "None" => Some(Self::None),
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

/// The Table of some objects. `list_metadata` is the list's `metadata` (or, for one object, `resourceVersion` alone).
/// Watch events after the first leave the columns out: `with_columns`. `now` is for ages.
pub fn table<'a>(
    resource: &ResourceType,
    objects: impl IntoIterator<Item = &'a Value>,
    list_metadata: Value,
    include: IncludeObject,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let columns = columns(resource);
    let rows: Vec<Value> = objects
        .into_iter()
        .map(|object| {
            let shown = match include {
                IncludeObject::None => Value::Null,
                IncludeObject::Metadata => partial_metadata(object),
                IncludeObject::Object => object.clone(),
            };
            json!({"cells": row_cells(resource, &columns, object, now), "object": shown})
        })
        .collect();
    let columns = if with_columns { Value::Array(columns) } else { Value::Null };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

fn column(name: &str, ty: &str, format: &str) -> Value {
    json!({"name": name, "type": ty, "format": format, "description": "", "priority": 0})
}

fn columns(resource: &ResourceType) -> Vec<Value> {
    if let Some(custom) = &resource.custom {
        let mut out = vec![column("Name", "string", "name")];
        if custom.columns.is_empty() {
            out.push(column("Age", "date", ""));
        }
        out.extend(custom.columns.iter().map(|given| {
            let text = |key: &str| given.get(key).and_then(Value::as_str).unwrap_or("");
            json!({"name": text("name"), "type": text("type"), "format": text("format"),
                "description": text("description"), "priority": given.get("priority").cloned().unwrap_or(json!(0))})
        }));
        return out;
    }
    let key = format!("{}/{}", resource.api_version(), resource.plural);
    match COLUMNS.get(key.as_str()) {
        Some(recorded) => recorded
            .iter()
            .cloned()
            .map(|mut column| {
                if let Value::Object(column) = &mut column {
                    column.entry("description").or_insert_with(|| json!(""));
                }
                column
            })
            .collect(),
        None => vec![column("Name", "string", "name"), column("Created At", "date", "")],
    }
}

fn row_cells(resource: &ResourceType, columns: &[Value], object: &Value, now: Timestamp) -> Vec<Value> {
    let name = object.pointer("/metadata/name").cloned().unwrap_or(json!(""));
    if let Some(custom) = &resource.custom {
        let mut out = vec![name];
        if custom.columns.is_empty() {
            out.push(json!(cells::age(object, now)));
        }
        out.extend(custom.columns.iter().map(|column| crd::cell(column, object, now)));
        return out;
    }
    cells::of(&resource.group, &resource.plural, object, now).unwrap_or_else(|| {
        // Every type has a name; a time of creation or an age is all that most others show.
        columns
            .iter()
            .map(|column| match column.get("name").and_then(Value::as_str) {
                Some("Name") => name.clone(),
                Some("Age") => json!(cells::age(object, now)),
                Some("Created At") => object.pointer("/metadata/creationTimestamp").cloned().unwrap_or_default(),
                _ => json!("<none>"),
            })
            .collect()
    })
}

/// An object's `PartialObjectMetadata` (`meta.k8s.io/v1`).
pub fn partial_metadata(object: &Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

#[cfg(test)]
mod tests;
