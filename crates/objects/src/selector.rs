//! Label and field selectors.

use serde_json::Value;

use crate::{registry::ResourceType, status::Status};

/// A parsed label selector; all requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One requirement of a [`LabelSelector`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// The test.
    pub operator: Operator,
    /// Values to compare with, sorted; one or more for `In` and `NotIn`, one for the rest with a value.
    pub values: Vec<String>,
}

/// The test of a [`Requirement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `in`, `=` and `==`.
    In,
    /// `notin` and `!=`; also true where the label is missing.
    NotIn,
    /// A bare key.
    Exists,
    /// `!key`.
    DoesNotExist,
    /// `>`.
    GreaterThan,
    /// `<`.
    LessThan,
}

impl LabelSelector {
    /// Parses the query parameter; errors with Kubernetes' text (`unable to parse requirement: …`), 400.
    pub fn parse(text: &str) -> Result<Self, Status> {
        todo!()
    }
    /// From a `metav1.LabelSelector` object (`matchLabels`, `matchExpressions`); `None` for a bad operator.
    pub fn from_value(value: &Value) -> Option<Self> {
        todo!()
    }
    /// Whether there is no requirement, which matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
    /// The requirements, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
    /// Whether an object's labels match (`object` is the whole object).
    pub fn matches(&self, object: &Value) -> bool {
        todo!()
    }
}

/// A parsed field selector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// One `path=value` or `path!=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// Path, such as `metadata.name`.
    pub path: String,
    /// Whether it must be equal (else unequal).
    pub equal: bool,
    /// The value.
    pub value: String,
}

impl FieldSelector {
    /// Parses the query parameter for a type; unsupported fields are a 400 with Kubernetes' text.
    pub fn parse(resource: &ResourceType, text: &str) -> Result<Self, Status> {
        todo!()
    }
    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
    /// Its terms.
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }
    /// The name that `metadata.name=` asks for: with it, list and watch are authorized by that name.
    pub fn name(&self) -> Option<&str> {
        todo!()
    }
    /// Whether an object matches.
    pub fn matches(&self, resource: &ResourceType, object: &Value) -> bool {
        todo!()
    }
}
