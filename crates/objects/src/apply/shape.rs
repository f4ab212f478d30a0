//! How values of a type merge: field by field, item by item, or as one.

use serde_json::{Map, Value};

use crate::{
    kinds::defaults,
    model::{Field, MODEL, Merge, Message, Special, Type},
    registry::ResourceType,
};

/// The type at a path.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    /// A message: the object itself, or an item of a list or map.
    Message(&'static Message),
    /// A field, with how it merges.
    Field(&'static Field),
    /// A value inside a field's list or map.
    Item(&'static Type),
    /// A custom resource's root: metadata as ever, the rest by its schema.
    Root(&'a Value),
    /// A custom schema.
    Schema(&'a Value),
    /// Nothing is known: maps merge, lists don't.
    Any,
}

/// What a value is made of.
pub(super) enum Parts<'a> {
    /// One value.
    Whole,
    /// Named fields.
    Fields(&'a Map<String, Value>),
    /// Items found by their value.
    Set(&'a [Value]),
    /// Items found by their keys.
    Keyed(&'a [Value]),
}

impl<'a> Shape<'a> {
    /// The shape of a resource's objects.
    pub(super) fn of(resource: &'a ResourceType) -> Self {
        match (&resource.custom, resource.message()) {
            (Some(custom), _) => Self::Root(&custom.schema),
            (None, Some(id)) => Self::Message(MODEL.get(id)),
            (None, None) => Self::Any,
        }
    }

    /// A value's parts by this shape.
    pub(super) fn parts<'v>(self, value: &'v Value) -> Parts<'v> {
        match value {
            Value::Object(object) if self.granular() => Parts::Fields(object),
            Value::Array(items) => match self.list() {
                List::Atomic => Parts::Whole,
                List::Set => Parts::Set(items),
                List::Keyed => Parts::Keyed(items),
            },
            _ => Parts::Whole,
        }
    }

    fn granular(self) -> bool {
        match self {
            Self::Message(message) => is_granular(message),
            Self::Field(field) => field.merge != Merge::Atomic && Self::Item(&field.ty).granular(),
            Self::Item(Type::Message(id)) => is_granular(MODEL.get(*id)),
            Self::Item(Type::Map(_)) | Self::Root(_) | Self::Any => true,
            Self::Item(_) => false,
            Self::Schema(schema) => word(schema, "x-kubernetes-map-type") != "atomic",
        }
    }

    fn list(self) -> List {
        match self {
            Self::Field(field) => match &field.merge {
                Merge::Set => List::Set,
                Merge::Keys(keys) if !keys.is_empty() => List::Keyed,
                _ => List::Atomic,
            },
            Self::Schema(schema) => match word(schema, "x-kubernetes-list-type") {
                "set" => List::Set,
                "map" => List::Keyed,
                _ => List::Atomic,
            },
            _ => List::Atomic,
        }
    }

    /// The shape of a field or map entry; `None` where the type has no such field.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        let in_message = |message: &'static Message| match message.special {
            Special::Fields => message.field(name).map(Self::Field),
            _ => Some(Self::Any),
        };
        match self {
            Self::Message(message) => in_message(message),
            Self::Field(field) => Self::Item(&field.ty).child(name),
            Self::Item(Type::Message(id)) => in_message(MODEL.get(*id)),
            Self::Item(Type::Map(item)) => Some(Self::Item(item)),
            Self::Item(_) => None,
            Self::Root(_) if name == "metadata" => {
                Some(Self::Message(MODEL.get(MODEL.find("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta")?)))
            }
            Self::Root(schema) | Self::Schema(schema) => {
                if let Some(child) = schema.get("properties").and_then(|p| p.get(name)) {
                    return Some(Self::Schema(child));
                }
                match schema.get("additionalProperties") {
                    Some(child @ Value::Object(_)) => Some(Self::Schema(child)),
                    _ => Some(Self::Any),
                }
            }
            Self::Any => Some(Self::Any),
        }
    }

    /// The shape of a list's items.
    pub(super) fn item(self) -> Self {
        match self {
            Self::Field(field) => match &field.ty {
                Type::List(item) => Self::Item(item),
                _ => Self::Any,
            },
            Self::Schema(schema) => schema.get("items").map_or(Self::Any, Self::Schema),
            _ => Self::Any,
        }
    }

    /// The names of a keyed list's keys.
    pub(super) fn key_names(self) -> Vec<String> {
        match self {
            Self::Field(field) => match &field.merge {
                Merge::Keys(keys) => keys.iter().map(|key| (*key).to_owned()).collect(),
                _ => Vec::new(),
            },
            Self::Schema(schema) => {
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The keys of a list's item, as `{"name":"x"}`; `None` where one is missing.
    pub(super) fn key(self, item: &Value) -> Option<Value> {
        let mut out = Map::new();
        match self {
            Self::Field(field) => {
                let Merge::Keys(keys) = &field.merge else { return None };
                let message = match &field.ty {
                    Type::List(item) => match item.as_ref() {
                        Type::Message(id) => Some(MODEL.get(*id)),
                        _ => None,
                    },
                    _ => None,
                };
                for key in keys {
                    let given = item.get(*key).filter(|v| !v.is_null()).cloned();
                    let value = given.or_else(|| defaults::constant(message?, key));
                    // A key that is left out is the zero value of its type where other keys tell the items apart.
                    out.insert((*key).to_owned(), value.or_else(|| (keys.len() > 1).then(|| Value::from("")))?);
                }
            }
            Self::Schema(schema) => {
                for key in schema.get("x-kubernetes-list-map-keys")?.as_array()?.iter().filter_map(Value::as_str) {
                    let default = || schema.pointer(&format!("/items/properties/{key}/default"));
                    out.insert(key.to_owned(), item.get(key).or_else(default)?.clone());
                }
            }
            _ => return None,
        }
        Some(Value::Object(out))
    }
}

enum List {
    Atomic,
    Set,
    Keyed,
}

fn is_granular(message: &Message) -> bool {
    !message.atomic && matches!(message.special, Special::Fields | Special::Raw)
}

fn word<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or("")
}
