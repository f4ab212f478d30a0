//! Scopes in saved plans and JSON: AWS's own form, `{"type": …, "namespaces": […]}`.

use entryway_access::AccessScope;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

#[derive(Serialize, Deserialize)]
struct Scope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    namespaces: Vec<String>,
}

pub(crate) fn serialize<S: Serializer>(scope: &AccessScope, serializer: S) -> Result<S::Ok, S::Error> {
    let namespaces = scope.namespaces().iter().map(|pattern| pattern.as_str().to_owned()).collect();
    Scope { kind: scope.kind().to_owned(), namespaces }.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessScope, D::Error> {
    let scope = Scope::deserialize(deserializer)?;
    AccessScope::from_parts(&scope.kind, &scope.namespaces).map_err(D::Error::custom)
}
