//! One event on the wire. What a frame holds follows from its [`FrameForm`] and the object, so that equal forms of an
//! object are the same bytes.

use axum::body::Bytes;
use entryway_objects::protobuf;
use entryway_objects::status::Status;
use entryway_objects::table::{self, IncludeObject};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::internal;
use crate::negotiate::{Encoding, Form, Output};
use crate::storage::Target;

/// What an event says of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Added => "ADDED",
            Kind::Modified => "MODIFIED",
            Kind::Deleted => "DELETED",
            Kind::Bookmark => "BOOKMARK",
            Kind::Error => "ERROR",
        }
    }
}

/// All that decides how an object looks in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameForm {
    pub(super) kind: Kind,
    output: Output,
    include: IncludeObject,
    /// Whether a Table has its columns: the first of a stream does.
    columns: bool,
    /// The time, for ages in Tables, in seconds; 0 where it does not show.
    second: i64,
}

/// Makes the frames of one watch.
pub(super) struct Framer {
    pub(super) target: Target,
    output: Output,
    include: IncludeObject,
    columns_sent: bool,
    clock: fn() -> Timestamp,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    object: &'a Value,
}

impl Framer {
    pub(super) fn new(target: Target, output: Output, include: IncludeObject, clock: fn() -> Timestamp) -> Framer {
        Framer { target, output, include, columns_sent: false, clock }
    }

    /// The form of the next frame. A Table's columns are in it once.
    pub(super) fn next_form(&mut self, kind: Kind) -> FrameForm {
        let (columns, second) = match self.output.form {
            Form::Table(_) => (!std::mem::replace(&mut self.columns_sent, true), (self.clock)().as_second()),
            Form::Whole | Form::Metadata { .. } => (false, 0),
        };
        FrameForm { kind, output: self.output, include: self.include, columns, second }
    }

    /// The frame of an object.
    pub(super) fn frame(&self, form: &FrameForm, object: &Value) -> Result<Bytes, Status> {
        let (mut value, version) = match form.output.form {
            Form::Whole => return self.encode(form.kind, object),
            Form::Metadata { version, .. } => (table::partial_metadata(object), version),
            Form::Table(version) => {
                let object_version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
                let metadata = json!({ "resourceVersion": object_version });
                let now = Timestamp::from_second(form.second).unwrap_or_default();
                let served = &self.target.served;
                (table::table(served, [object], metadata, form.include, form.columns, now), version)
            }
        };
        if let Some(value) = value.as_object_mut() {
            value.insert("apiVersion".into(), version.api_version().into());
        }
        self.encode(form.kind, &value)
    }

    /// A frame of what is not transformed.
    pub(super) fn encode(&self, kind: Kind, object: &Value) -> Result<Bytes, Status> {
        if self.output.encoding == Encoding::Protobuf {
            return protobuf::encode_watch_event(kind.name(), object)
                .map(Bytes::from)
                .map_err(|error| internal(&error.to_string()));
        }
        let mut bytes =
            serde_json::to_vec(&Event { kind: kind.name(), object }).map_err(|error| internal(&error.to_string()))?;
        bytes.push(b'\n');
        Ok(Bytes::from(bytes))
    }
}
