//! CustomResourceDefinitions: what a version says about its objects.

use std::sync::Arc;

use serde_json::Value;

use crate::registry::ResourceType;

/// One version of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomVersion {
    /// The structural schema (`openAPIV3Schema`).
    pub schema: Value,
    /// `additionalPrinterColumns`.
    pub columns: Vec<Value>,
    /// Whether `status` is a subresource.
    pub status: bool,
    /// The scale subresource's paths, if there is one.
    pub scale: Option<Value>,
    /// The version objects are stored in.
    pub storage_version: String,
}

/// The resource types that a CustomResourceDefinition object serves; empty for a broken one.
pub fn types(definition: &Value) -> Vec<Arc<ResourceType>> {
    todo!()
}
