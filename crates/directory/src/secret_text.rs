//! How secrets are written into records. They are plain there: the store's file is private, and SigV4 needs the
//! secret itself, so no hash would do.

use entryway_iam::SecretKey;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(secret: &SecretKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretKey, D::Error> {
    String::deserialize(deserializer).map(SecretKey::new)
}
