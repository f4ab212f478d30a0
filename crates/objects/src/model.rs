//! The type model: every message of the API with its fields, merged from the recorded files on first use.
//!
//! One table serves JSON, protobuf, patches and managed fields: the message table gives names and numbers, the Go
//! facts say which fields are pointers and which are always written, the schemas say how lists merge and what an enum
//! holds. It is parsed once (about a millisecond in a release build) into borrowed strings: some hundred kilobytes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use serde::Deserialize;
use serde_json::value::RawValue;

const MESSAGES: &str = include_str!("../data/protobuf-messages.json");
const ALWAYS: &str = include_str!("../data/always-present.json");
const GO_FIELDS: &str = include_str!("../data/go-fields.json");
const SCHEMAS: &str = include_str!("../data/openapi-v3-schemas.json");

/// Index of a message in the [`Model`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MessageId(u16);

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    Bool,
    Int32,
    Int64,
    Double,
    Bytes,
    Message(MessageId),
    List(Box<Type>),
    /// Keys are strings in every message of the API.
    Map(Box<Type>),
}

/// Messages whose JSON form is not an object of their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// An object of its fields.
    Fields,
    /// RFC 3339 with seconds.
    Time,
    /// RFC 3339 with microseconds.
    MicroTime,
    /// A Go duration's text.
    Duration,
    /// A quantity's text.
    Quantity,
    /// An integer or a string.
    IntOrString,
    /// Any JSON object, perhaps in an envelope of its own.
    Raw,
    /// Any JSON value as bytes in field 1.
    Json,
    /// A list of strings in field 1.
    Strings,
    /// A schema, or a list of schemas.
    SchemaOrArray,
    /// A schema, or a boolean.
    SchemaOrBool,
    /// A schema, or a list of strings.
    SchemaOrStrings,
}

/// When JSON shows a field that is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Never.
    Omit,
    /// As its zero value: `""`, `0`, `false`, `{}`.
    Zero,
    /// As `null`.
    Null,
}

/// How a list or map merges in server-side apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Merge {
    /// By fields, or as one value where the type has none.
    Default,
    /// As one value.
    Atomic,
    /// A list of scalars, merged by value.
    Set,
    /// A list of objects, merged by these keys.
    Keys(Vec<&'static str>),
}

/// One field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    /// JSON name; `""` where JSON writes the message's fields into the parent.
    pub(crate) json: &'static str,
    /// Field number.
    pub(crate) number: u32,
    /// What it holds.
    pub(crate) ty: Type,
    /// Whether absent and zero differ.
    pub(crate) pointer: bool,
    /// When it is shown though empty.
    pub(crate) presence: Presence,
    /// Name of the Go type where it is a named one: `v1.SecretType`.
    pub(crate) go: Option<&'static str>,
    /// How it merges in server-side apply.
    pub(crate) merge: Merge,
    /// Key of strategic merge.
    pub(crate) patch_key: Option<&'static str>,
    /// Strategies of strategic merge: `merge`, `replace`, `retainKeys`, joined by commas.
    pub(crate) patch_strategy: &'static str,
    /// Values of an enum, sorted; empty for none.
    pub(crate) allowed: Vec<&'static str>,
    /// Whether the schema requires it.
    pub(crate) required: bool,
}

/// One message.
#[derive(Debug)]
pub(crate) struct Message {
    /// Full protobuf name.
    pub(crate) name: &'static str,
    /// Fields by number.
    pub(crate) fields: Vec<Field>,
    /// Its JSON form.
    pub(crate) special: Special,
    /// Whether objects of it merge as one value.
    pub(crate) atomic: bool,
}

impl Message {
    /// The field of a JSON name, in the message itself or in one it inlines.
    pub(crate) fn field(&self, json: &str) -> Option<&'static Field>
    where
        Self: 'static,
    {
        let this: &'static Self = MODEL.get(MODEL.find(self.name)?);
        this.fields.iter().find(|f| f.json == json && !json.is_empty()).or_else(|| {
            this.fields.iter().filter(|f| f.json.is_empty()).find_map(|f| match f.ty {
                Type::Message(id) => MODEL.get(id).field(json),
                _ => None,
            })
        })
    }

    /// The last part of the name: the Go struct's name.
    pub(crate) fn short(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, n)| n)
    }

    /// How Go prints the type: `v1.PodSpec`.
    pub(crate) fn go(&self) -> String {
        let mut parts = self.name.rsplit('.');
        match (parts.next(), parts.next()) {
            (Some(name), Some(package)) => format!("{package}.{name}"),
            _ => self.name.to_owned(),
        }
    }
}

/// All messages.
#[derive(Debug)]
pub(crate) struct Model {
    messages: Vec<Message>,
    names: HashMap<&'static str, MessageId>,
}

static EMPTY: Message = Message { name: "", fields: Vec::new(), special: Special::Fields, atomic: false };

/// The model, parsed on first use.
pub(crate) static MODEL: LazyLock<Model> = LazyLock::new(Model::load);

impl Model {
    /// The message of an id; ids come from the model itself.
    pub(crate) fn get(&self, id: MessageId) -> &Message {
        self.messages.get(usize::from(id.0)).unwrap_or(&EMPTY)
    }

    /// The message of a full name.
    pub(crate) fn find(&self, name: &str) -> Option<MessageId> {
        self.names.get(name).copied()
    }

    /// All names.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.keys().copied()
    }

    /// The message of a group, version and kind as JSON names them. The options and `Status` are found in any group.
    pub(crate) fn of_kind(&self, group: &str, version: &str, kind: &str) -> Option<MessageId> {
        const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.";
        let package = match group {
            "" => "k8s.io.api.core".to_owned(),
            "meta.k8s.io" => "k8s.io.apimachinery.pkg.apis.meta".to_owned(),
            "apiextensions.k8s.io" => "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions".to_owned(),
            "apiregistration.k8s.io" => "k8s.io.kube_aggregator.pkg.apis.apiregistration".to_owned(),
            other => format!("k8s.io.api.{}", other.split('.').next().unwrap_or(other)),
        };
        self.find(&format!("{package}.{version}.{kind}")).or_else(|| {
            let meta = matches!(kind, "Status" | "WatchEvent") || kind.ends_with("Options") || kind.starts_with("API");
            if meta { self.find(&format!("{META}{kind}")) } else { None }
        })
    }

    fn load() -> Self {
        let raw: BTreeMap<&str, BTreeMap<&str, RawField>> = parse(MESSAGES);
        let always: HashMap<&str, Vec<&str>> = parse(ALWAYS);
        let go: HashMap<&str, Vec<&str>> = parse(GO_FIELDS);
        let schemas: HashMap<&str, RawSchema> = parse(SCHEMAS);
        let names: HashMap<&'static str, MessageId> =
            raw.keys().enumerate().map(|(i, name)| (*name, MessageId(u16::try_from(i).unwrap_or(u16::MAX)))).collect();
        let none = Vec::new();
        let messages = raw
            .iter()
            .map(|(name, fields)| {
                let schema = schemas.get(schema_name(name).as_str());
                let shown = always.get(name).unwrap_or(&none);
                let facts = go.get(name);
                let mut fields: Vec<Field> = fields
                    .iter()
                    .map(|(proto, raw)| {
                        field(proto, raw, &names, shown, facts.unwrap_or(&none), facts.is_some(), schema)
                    })
                    .collect();
                fields.sort_by_key(|f| f.number);
                let atomic = schema.is_some_and(|s| s.map_type == Some("atomic"));
                Message { name, fields, special: special(name), atomic }
            })
            .collect();
        Self { messages, names }
    }
}

/// The raw schemas by name, for the OpenAPI documents.
pub(crate) static RAW_SCHEMAS: LazyLock<BTreeMap<&'static str, &'static RawValue>> = LazyLock::new(|| parse(SCHEMAS));

/// Parses recorded data that is compiled in: a test parses all of it, so a failure here cannot happen, and an empty
/// table is the answer that widens nothing.
pub(crate) fn parse<T: Deserialize<'static> + Default>(text: &'static str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawField {
    Plain(u32, &'static str),
    Named(u32, &'static str, &'static str),
}

#[derive(Deserialize, Default)]
struct RawSchema {
    #[serde(default, borrow)]
    properties: HashMap<&'static str, RawProperty>,
    #[serde(default, rename = "x-kubernetes-map-type")]
    map_type: Option<&'static str>,
    #[serde(default)]
    required: Vec<&'static str>,
}

#[derive(Deserialize)]
struct RawProperty {
    #[serde(default, rename = "x-kubernetes-map-type")]
    map_type: Option<&'static str>,
    #[serde(default, rename = "x-kubernetes-list-type")]
    list_type: Option<&'static str>,
    #[serde(default, rename = "x-kubernetes-list-map-keys")]
    keys: Vec<&'static str>,
    #[serde(default, rename = "x-kubernetes-patch-merge-key")]
    patch_key: Option<&'static str>,
    #[serde(default, rename = "x-kubernetes-patch-strategy")]
    patch_strategy: Option<&'static str>,
    #[serde(default, rename = "enum")]
    allowed: Vec<&'static str>,
}

fn schema_name(message: &str) -> String {
    let name = message.replacen("k8s.io.apiextensions_apiserver.", "k8s.io.apiextensions-apiserver.", 1).replacen(
        "k8s.io.kube_aggregator.",
        "k8s.io.kube-aggregator.",
        1,
    );
    name.replacen("k8s.io.", "io.k8s.", 1)
}

fn field(
    proto: &'static str,
    raw: &RawField,
    names: &HashMap<&'static str, MessageId>,
    shown: &[&str],
    facts: &[&'static str],
    known: bool,
    schema: Option<&RawSchema>,
) -> Field {
    let (number, ty, json) = match raw {
        RawField::Plain(number, ty) => (*number, *ty, proto),
        RawField::Named(number, ty, json) => (*number, *ty, *json),
    };
    let fact = facts.iter().find(|f| {
        let bare = f.trim_start_matches('*').trim_end_matches('!');
        bare.split('=').next() == Some(json)
    });
    let ty = parse_type(ty, names);
    let pointer = fact.is_some_and(|f| f.starts_with('*'));
    let zero_omitted = fact.is_some_and(|f| f.ends_with('!'));
    let presence = if shown.contains(&json) {
        Presence::Zero
    } else if shown.iter().any(|s| s.strip_suffix('?') == Some(json)) {
        Presence::Null
    } else if matches!(ty, Type::Message(_)) && !pointer && !zero_omitted && known_struct(json, known) {
        Presence::Zero
    } else {
        Presence::Omit
    };
    let property = schema.and_then(|s| s.properties.get(json));
    let merge = match property {
        Some(p) if p.list_type == Some("set") => Merge::Set,
        Some(p) if p.list_type == Some("map") => Merge::Keys(p.keys.clone()),
        Some(p) if p.list_type == Some("atomic") || p.map_type == Some("atomic") => Merge::Atomic,
        _ => Merge::Default,
    };
    Field {
        json,
        number,
        ty,
        pointer,
        presence,
        go: fact.and_then(|f| f.trim_end_matches('!').split_once('=')).map(|(_, go)| go),
        merge,
        patch_key: property.and_then(|p| p.patch_key),
        patch_strategy: property.and_then(|p| p.patch_strategy).unwrap_or(""),
        allowed: property.map(|p| p.allowed.clone()).unwrap_or_default(),
        required: schema.is_some_and(|s| s.required.contains(&json)),
    }
}

/// A struct field of a message without facts of its own: `metadata`, `spec` and `status` are values in every kind.
fn known_struct(json: &str, known: bool) -> bool {
    known || matches!(json, "metadata" | "spec" | "status" | "template")
}

fn parse_type(text: &'static str, names: &HashMap<&'static str, MessageId>) -> Type {
    match text {
        "string" => Type::String,
        "bool" => Type::Bool,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        _ => {
            if let Some(item) = text.strip_prefix("[]") {
                return Type::List(Box::new(parse_type(item, names)));
            }
            if let Some(value) = text.strip_prefix("map<string,").and_then(|t| t.strip_suffix('>')) {
                return Type::Map(Box::new(parse_type(value, names)));
            }
            names.get(text).map_or(Type::Bytes, |id| Type::Message(*id))
        }
    }
}

fn special(name: &str) -> Special {
    match name {
        "k8s.io.apimachinery.pkg.apis.meta.v1.Time" => Special::Time,
        "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime" => Special::MicroTime,
        "k8s.io.apimachinery.pkg.apis.meta.v1.Duration" => Special::Duration,
        "k8s.io.apimachinery.pkg.api.resource.Quantity" => Special::Quantity,
        "k8s.io.apimachinery.pkg.util.intstr.IntOrString" => Special::IntOrString,
        "k8s.io.apimachinery.pkg.runtime.RawExtension" => Special::Raw,
        "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1" => Special::Json,
        "k8s.io.apimachinery.pkg.apis.meta.v1.Verbs" => Special::Strings,
        _ => match name.rsplit('.').next() {
            Some("ExtraValue") => Special::Strings,
            Some("JSON") if name.contains(".apiextensions.") => Special::Json,
            Some("JSONSchemaPropsOrArray") => Special::SchemaOrArray,
            Some("JSONSchemaPropsOrBool") => Special::SchemaOrBool,
            Some("JSONSchemaPropsOrStringArray") => Special::SchemaOrStrings,
            _ => Special::Fields,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_recorded_data_parses() {
        assert_eq!(MODEL.messages.len(), 1230);
        assert_eq!(RAW_SCHEMAS.len(), 584);
        serde_json::from_str::<HashMap<&str, RawSchema>>(SCHEMAS).unwrap();
        serde_json::from_str::<HashMap<&str, Vec<&str>>>(ALWAYS).unwrap();
        serde_json::from_str::<HashMap<&str, Vec<&str>>>(GO_FIELDS).unwrap();
    }

    #[test]
    fn facts_are_merged() {
        let spec = MODEL.get(MODEL.find("k8s.io.api.apps.v1.DeploymentSpec").unwrap());
        let replicas = spec.field("replicas").unwrap();
        assert!(replicas.pointer && replicas.presence == Presence::Omit);
        assert_eq!(spec.field("selector").unwrap().presence, Presence::Null);
        let pod = MODEL.get(MODEL.find("k8s.io.api.core.v1.PodSpec").unwrap());
        let containers = pod.field("containers").unwrap();
        assert_eq!(containers.merge, Merge::Keys(vec!["name"]));
        assert_eq!(containers.patch_key, Some("name"));
        assert!(MODEL.get(MODEL.find("k8s.io.apimachinery.pkg.apis.meta.v1.LabelSelector").unwrap()).atomic);
        let volume = MODEL.get(MODEL.find("k8s.io.api.core.v1.Volume").unwrap());
        assert!(volume.field("emptyDir").unwrap().pointer, "inlined");
    }
}
