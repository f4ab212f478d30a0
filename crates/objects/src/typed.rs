//! The canonical JSON of a type: what is left when Kubernetes reads an object into its Go structs and writes it again.
//!
//! Unknown fields are dropped and named, wrong types are an error in Go's words, empty fields vanish unless the type
//! always shows them, times and quantities take their canonical form. One walk over the message table, whatever the
//! type.

use serde_json::{Map, Value};

use crate::{
    model::{Field, MODEL, Message, MessageId, Presence, Special, Type},
    paths,
    quantity::Quantity,
};

/// What reading an object as a type gave.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The canonical object.
    pub(crate) value: Value,
    /// Paths of fields that the type does not have.
    pub(crate) unknown: Vec<String>,
    /// The first wrong type, in Go's words.
    pub(crate) error: Option<String>,
}

/// Reads `value` as the message.
pub(crate) fn read(message: MessageId, value: &Value) -> Reading {
    let mut reader = Reader::default();
    let message = MODEL.get(message);
    let mut out = match value {
        Value::Object(object) => reader.fields(message, object, true),
        Value::Null => Map::new(),
        other => {
            let (seen, ty) = (kind_of(other), message.go());
            reader.error(format!("json: cannot unmarshal {seen} into Go value of type {ty}"));
            Map::new()
        }
    };
    for key in ["apiVersion", "kind"] {
        if let Some(text) = value.get(key).filter(|v| v.is_string()) {
            out.insert(key.to_owned(), text.clone());
        }
    }
    Reading { value: Value::Object(out), unknown: reader.unknown, error: reader.error }
}

/// Reads an object by its kind; `None` when the kind has no message.
pub(crate) fn read_kind(group: &str, version: &str, kind: &str, value: &Value) -> Option<Reading> {
    MODEL.of_kind(group, version, kind).map(|id| read(id, value))
}

/// What Go's decoder calls a JSON value.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[derive(Default)]
struct Reader {
    unknown: Vec<String>,
    error: Option<String>,
    /// The path with indexes and keys, for unknown fields.
    path: String,
    /// The path of fields alone, for Go's errors.
    fields: Vec<&'static str>,
}

impl Reader {
    fn error(&mut self, text: String) {
        self.error.get_or_insert(text);
    }

    /// A wrong type in the current field of a struct.
    fn wrong(&mut self, holder: &Message, seen: &str, ty: &str) {
        let path = self.fields.join(".");
        self.error(format!(
            "json: cannot unmarshal {seen} into Go struct field {}.{path} of type {ty}",
            holder.short()
        ));
    }

    fn fields(&mut self, message: &'static Message, object: &Map<String, Value>, root: bool) -> Map<String, Value> {
        let mut out = Map::new();
        let is_kind = root || (message.field("metadata").is_some() && !message.short().ends_with("TemplateSpec"));
        let start = self.path.len();
        for (key, value) in object {
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(key);
            match message.field(key) {
                Some(field) => {
                    self.fields.push(field.json);
                    if let Some(value) = self.field(message, field, value) {
                        out.insert(key.clone(), value);
                    }
                    self.fields.pop();
                }
                None if is_kind && matches!(key.as_str(), "apiVersion" | "kind") => match value {
                    Value::String(_) if !root => drop(out.insert(key.clone(), value.clone())),
                    Value::String(_) | Value::Null => {}
                    other => {
                        let seen = kind_of(other);
                        self.error(format!(
                            "json: cannot unmarshal {seen} into Go struct field {}.{key} of type string",
                            message.short()
                        ));
                    }
                },
                None => paths::note(&mut self.unknown, &self.path),
            }
            self.path.truncate(start);
        }
        fill(message, &mut out);
        out
    }

    /// The canonical value of a field, `None` to leave it out.
    fn field(&mut self, holder: &Message, field: &Field, value: &Value) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        let read = self.value(holder, &field.ty, field, value, true)?;
        let empty = match &read {
            Value::Null => true,
            Value::String(s) => s.is_empty() && !field.pointer && !matches!(field.ty, Type::Message(_)),
            Value::Bool(b) => !b && !field.pointer,
            Value::Number(n) => n.as_f64() == Some(0.0) && !field.pointer && !matches!(field.ty, Type::Message(_)),
            Value::Array(a) => a.is_empty(),
            Value::Object(o) => o.is_empty() && matches!(field.ty, Type::Map(_)),
        };
        if empty { None } else { Some(read) }
    }

    fn value(&mut self, holder: &Message, ty: &Type, field: &Field, value: &Value, whole: bool) -> Option<Value> {
        let go = |ty: &Type| match (field.go, whole) {
            (Some(go), true) => go.to_owned(),
            (Some(go), false) => go.trim_start_matches("[]").trim_start_matches("map[string]").to_owned(),
            (None, _) => go_type(ty),
        };
        match (ty, value) {
            (Type::Message(id), value) => self.message(holder, MODEL.get(*id), field, value),
            (Type::List(item), Value::Array(items)) => {
                let start = self.path.len();
                let mut out = Vec::with_capacity(items.len());
                for (i, value) in items.iter().enumerate() {
                    self.path.push_str(&format!("[{i}]"));
                    let read = if value.is_null() { None } else { self.value(holder, item, field, value, false) };
                    out.push(read.unwrap_or_else(|| zero(item)));
                    self.path.truncate(start);
                }
                Some(Value::Array(out))
            }
            (Type::Map(item), Value::Object(entries)) => {
                let start = self.path.len();
                let mut out = Map::new();
                for (key, value) in entries {
                    self.path.push('.');
                    self.path.push_str(key);
                    let read = if value.is_null() { None } else { self.value(holder, item, field, value, false) };
                    out.insert(key.clone(), read.unwrap_or_else(|| zero(item)));
                    self.path.truncate(start);
                }
                Some(Value::Object(out))
            }
            (Type::String, Value::String(_)) | (Type::Bool, Value::Bool(_)) => Some(value.clone()),
            (Type::Bytes, Value::String(text)) => match check_base64(text) {
                Ok(canonical) => Some(Value::String(canonical)),
                Err(position) => {
                    self.error(format!("illegal base64 data at input byte {position}"));
                    None
                }
            },
            (Type::Double, Value::Number(_)) => Some(value.clone()),
            (Type::Int64, Value::Number(n)) if n.is_i64() => Some(value.clone()),
            (Type::Int32, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
                Some(value.clone())
            }
            (Type::Int32 | Type::Int64, Value::Number(n)) => {
                self.wrong(holder, &format!("number {n}"), &go(ty));
                None
            }
            (ty, other) => {
                self.wrong(holder, kind_of(other), &go(ty));
                None
            }
        }
    }

    fn message(&mut self, holder: &Message, message: &'static Message, field: &Field, value: &Value) -> Option<Value> {
        match (message.special, value) {
            (Special::Fields, Value::Object(object)) => Some(Value::Object(self.fields(message, object, false))),
            (Special::Fields, other) => {
                let ty = match &field.ty {
                    Type::List(_) if value.is_array() => go_type(&field.ty),
                    _ => message.go(),
                };
                self.wrong(holder, kind_of(other), &ty);
                None
            }
            (Special::Time | Special::MicroTime, Value::String(text)) => self.time(text, message.special),
            (Special::Duration, Value::String(text)) => match crate::duration::parse_go(text) {
                Some(_) => Some(value.clone()),
                None => {
                    self.error(format!("time: invalid duration {text:?}"));
                    None
                }
            },
            (Special::Time | Special::MicroTime | Special::Duration, other) => {
                self.error(format!("json: cannot unmarshal {} into Go value of type string", kind_of(other)));
                None
            }
            (Special::Quantity, Value::String(text)) => self.quantity(text),
            (Special::Quantity, Value::Number(number)) => self.quantity(&number.to_string()),
            (Special::Quantity, _) => self.quantity("?"),
            (Special::IntOrString, Value::String(_)) => Some(value.clone()),
            (Special::IntOrString, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
                Some(value.clone())
            }
            (Special::IntOrString, other) => {
                let seen = if let Value::Number(n) = other { format!("number {n}") } else { kind_of(other).to_owned() };
                self.error(format!("json: cannot unmarshal {seen} into Go value of type int32"));
                None
            }
            (Special::Raw | Special::Json, value) => Some(value.clone()),
            (Special::Strings, Value::Array(items)) if items.iter().all(Value::is_string) => Some(value.clone()),
            (Special::Strings, other) => {
                self.wrong(holder, kind_of(other), &message.go());
                None
            }
            (Special::SchemaOrBool, Value::Bool(_)) => Some(value.clone()),
            (Special::SchemaOrStrings, Value::Array(items)) if items.iter().all(Value::is_string) => {
                Some(value.clone())
            }
            (Special::SchemaOrArray, Value::Array(items)) => {
                let schema = schema_message(message)?;
                let read = items.iter().filter_map(|v| self.message(holder, schema, field, v)).collect();
                Some(Value::Array(read))
            }
            (Special::SchemaOrBool | Special::SchemaOrArray | Special::SchemaOrStrings, value) => {
                self.message(holder, schema_message(message)?, field, value)
            }
        }
    }

    fn quantity(&mut self, text: &str) -> Option<Value> {
        match Quantity::parse(text) {
            Ok(quantity) => Some(Value::String(quantity.canonical())),
            Err(problem) => {
                self.error(problem.to_owned());
                None
            }
        }
    }

    fn time(&mut self, text: &str, special: Special) -> Option<Value> {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Some(Value::String(time_text(time, special == Special::MicroTime))),
            Err(_) => {
                let layout = if special == Special::Time {
                    "2006-01-02T15:04:05Z07:00"
                } else {
                    "2006-01-02T15:04:05.000000Z07:00"
                };
                self.error(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""));
                None
            }
        }
    }
}

/// An object as Go's encoder writes it: the root by name, what is below in the order of its type's fields.
pub(crate) fn ordered(resource: &crate::registry::ResourceType, object: &Value) -> String {
    let (Some(id), Value::Object(fields)) = (resource.message(), object) else { return object.to_string() };
    let message = MODEL.get(id);
    let members = fields.iter().map(|(name, value)| match message.field(name) {
        Some(field) => format!("{}:{}", Value::from(name.as_str()), ordered_type(&field.ty, value)),
        None => format!("{}:{value}", Value::from(name.as_str())),
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn ordered_type(ty: &Type, value: &Value) -> String {
    match (ty, value) {
        (Type::Message(id), Value::Object(object)) if MODEL.get(*id).special == Special::Fields => {
            let fields = &MODEL.get(*id).fields;
            let place = |name: &str| fields.iter().find(|f| f.json == name);
            let mut members: Vec<(u32, &String, &Value)> =
                object.iter().map(|(name, value)| (place(name).map_or(u32::MAX, |f| f.number), name, value)).collect();
            members.sort_by_key(|(number, ..)| *number);
            let members = members.into_iter().map(|(_, name, value)| {
                let text = place(name).map_or_else(|| value.to_string(), |f| ordered_type(&f.ty, value));
                format!("{}:{text}", Value::from(name.as_str()))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        (Type::List(item), Value::Array(items)) => {
            format!("[{}]", items.iter().map(|i| ordered_type(item, i)).collect::<Vec<_>>().join(","))
        }
        (Type::Map(item), Value::Object(entries)) => {
            let entries = entries.iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), ordered_type(item, v)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        (_, value) => value.to_string(),
    }
}

/// A time in UTC, with seconds or microseconds.
pub(crate) fn time_text(time: jiff::Timestamp, micros: bool) -> String {
    if micros { format!("{time:.6}") } else { format!("{:.0}", truncate(time)) }
}

fn truncate(time: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(time.as_second() - i64::from(time.subsec_nanosecond() < 0)).unwrap_or(time)
}

/// The schema that a `JSONSchemaPropsOr…` holds.
pub(crate) fn schema_message(holder: &Message) -> Option<&'static Message> {
    let field = holder.fields.iter().find(|f| f.json == "schema")?;
    match field.ty {
        Type::Message(id) => Some(MODEL.get(id)),
        _ => None,
    }
}

/// Adds the fields that the type always shows.
fn fill(message: &Message, out: &mut Map<String, Value>) {
    for field in &message.fields {
        if field.json.is_empty() {
            if let Type::Message(id) = field.ty
                && !field.pointer
            {
                fill(MODEL.get(id), out);
            }
            continue;
        }
        if field.presence == Presence::Omit || out.contains_key(field.json) {
            continue;
        }
        let value = if field.presence == Presence::Null { Value::Null } else { zero(&field.ty) };
        out.insert(field.json.to_owned(), value);
    }
}

/// A type's zero value in JSON.
fn zero(ty: &Type) -> Value {
    match ty {
        Type::String => Value::String(String::new()),
        Type::Bool => Value::Bool(false),
        Type::Int32 | Type::Int64 | Type::Double => Value::from(0),
        Type::Bytes | Type::List(_) | Type::Map(_) => Value::Null,
        Type::Message(id) => {
            let message = MODEL.get(*id);
            match message.special {
                Special::Fields => {
                    let mut out = Map::new();
                    fill(message, &mut out);
                    Value::Object(out)
                }
                Special::Duration => Value::from("0s"),
                Special::Quantity => Value::from("0"),
                Special::IntOrString => Value::from(0),
                _ => Value::Null,
            }
        }
    }
}

fn go_type(ty: &Type) -> String {
    match ty {
        Type::String => "string".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Double => "float64".to_owned(),
        Type::Bytes => "[]uint8".to_owned(),
        Type::Message(id) => MODEL.get(*id).go(),
        Type::List(item) => format!("[]{}", go_type(item)),
        Type::Map(item) => format!("map[string]{}", go_type(item)),
    }
}

/// Standard base64 as Go reads it (line breaks allowed): the canonical text, or where it is wrong.
fn check_base64(text: &str) -> Result<String, usize> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let clean: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(&clean) {
        Ok(_) => Ok(clean),
        Err(base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol { offset: at, .. }) => {
            Err(at)
        }
        Err(_) => Err(clean.trim_end_matches('=').len() / 4 * 4),
    }
}
