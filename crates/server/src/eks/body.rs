//! Request bodies: JSON objects with the members of the service model. Unknown members are ignored, as AWS does;
//! a wrong type is a SerializationException.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{EksError, Fault};

/// A structure that is a JSON object and nothing else (serde alone would take an array for it too).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(OnlyMap(PhantomData))
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Reads a body. An empty one is an empty object.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, EksError> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice::<Object<T>>(body)
        .map(|object| object.0)
        .map_err(|error| EksError::new(Fault::Serialization, format!("the request body could not be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "camelCase")]
    struct Input {
        username: Option<String>,
        access_scope: Option<Object<Scope>>,
    }
    #[derive(Debug, Deserialize, PartialEq, Eq)]
    struct Scope {
        namespaces: Option<Vec<String>>,
    }

    #[test]
    fn members_have_their_types() {
        let empty = Input { username: None, access_scope: None };
        for body in ["", "  ", "{}", r#"{"username":null,"new":[1]}"#] {
            assert_eq!(parse::<Input>(body.as_bytes()).as_ref(), Ok(&empty), "{body}");
        }
        for body in [
            r#"{"username":5}"#,
            r#"{"accessScope":["a"]}"#,
            r#"{"accessScope":{"namespaces":"a"}}"#,
            r#"["x"]"#,
            r#""x""#,
            "{",
            "null",
            "\u{feff}{}",
        ] {
            let error = parse::<Input>(body.as_bytes()).unwrap_err();
            assert_eq!((error.fault.code(), error.fault.status()), ("SerializationException", 400), "{body}");
        }
        assert!(parse::<Input>(b"\xff\xfe").is_err());
    }
}
