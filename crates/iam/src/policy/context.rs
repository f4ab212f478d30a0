//! The facts of a request that conditions and policy variables look at.

use std::collections::BTreeMap;

/// Context keys with their values. Keys have no case (`aws:SourceIp` is `aws:sourceip`); a key may have many values,
/// and a key with no values is present but empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// Without keys.
    pub fn new() -> Self {
        Context::default()
    }

    /// Sets a key to one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.values.insert(key.to_lowercase(), vec![value.into()]);
        self
    }

    /// Sets a multi-valued key.
    pub fn set_all<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.values.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
        self
    }

    /// The values of a key; `None` where it is absent.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.values.get(&key.to_lowercase()).map(Vec::as_slice)
    }
}
