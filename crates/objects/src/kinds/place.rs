//! A value with the path by which Kubernetes names it in an error.

use serde_json::Value;

use crate::validate::FieldError;

static NOTHING: Value = Value::Null;

/// A value that is being checked, and where it stands.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) value: &'a Value,
    pub(crate) path: String,
}

impl<'a> Place<'a> {
    pub(crate) fn new(value: &'a Value, path: impl Into<String>) -> Self {
        Self { value, path: path.into() }
    }

    /// A member; null where there is none. At the root the path is the member's name alone.
    pub(crate) fn at(&self, member: &str) -> Place<'a> {
        let path = if self.path.is_empty() { member.to_owned() } else { format!("{}.{member}", self.path) };
        Place { value: self.value.get(member).unwrap_or(&NOTHING), path }
    }

    /// The items of a list, none where it is no list.
    pub(crate) fn items(&self) -> impl Iterator<Item = Place<'a>> + use<'a> {
        let path = self.path.clone();
        let items = self.value.as_array().map_or(&[] as &[Value], Vec::as_slice);
        items.iter().enumerate().map(move |(i, value)| Place { value, path: format!("{path}[{i}]") })
    }

    /// The entries of a map, named by their keys in brackets.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Place<'a>)> + use<'a> {
        let path = self.path.clone();
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(move |(key, value)| (key.as_str(), Place { value, path: format!("{path}[{key}]") }))
    }

    /// The text, `""` where it is none.
    pub(crate) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or("")
    }

    pub(crate) fn number(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(crate) fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    pub(crate) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether a list, map or text has nothing in it, or is not there.
    pub(crate) fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn required(&self, detail: &str) -> FieldError {
        FieldError::required(self.path.clone(), detail)
    }

    pub(crate) fn invalid(&self, detail: impl Into<String>) -> FieldError {
        FieldError::invalid(self.path.clone(), self.value, detail)
    }

    pub(crate) fn forbidden(&self, detail: impl Into<String>) -> FieldError {
        FieldError::forbidden(self.path.clone(), detail)
    }

    pub(crate) fn duplicate(&self) -> FieldError {
        FieldError::duplicate(self.path.clone(), self.value)
    }

    pub(crate) fn not_found(&self) -> FieldError {
        FieldError::not_found(self.path.clone(), &Value::from(self.text()))
    }

    pub(crate) fn not_supported(&self, allowed: &[&str]) -> FieldError {
        FieldError::not_supported(self.path.clone(), &Value::from(self.text()), allowed)
    }

    /// One error for each text of what is wrong with the place's own text.
    pub(crate) fn problems(&self, problems: Vec<String>, errors: &mut Vec<FieldError>) {
        errors.extend(problems.into_iter().map(|p| FieldError::invalid_text(self.path.clone(), self.text(), p)));
    }

    /// A text that must be there, and obey a rule.
    pub(crate) fn named(&self, rule: impl Fn(&str) -> Vec<String>, errors: &mut Vec<FieldError>) {
        if self.text().is_empty() {
            errors.push(self.required(""));
        } else {
            self.problems(rule(self.text()), errors);
        }
    }

    /// A word that must be one of a few; `""` is required to be more.
    pub(crate) fn one_of(&self, allowed: &[&str], errors: &mut Vec<FieldError>) {
        match self.text() {
            "" => errors.push(self.required("")),
            word if allowed.contains(&word) => {}
            _ => errors.push(self.not_supported(allowed)),
        }
    }

    /// A number that must not be negative.
    pub(crate) fn not_negative(&self, errors: &mut Vec<FieldError>) {
        if self.number().is_some_and(|n| n < 0) {
            errors.push(self.invalid("must be greater than or equal to 0"));
        }
    }

    /// A number that must lie between two others, where it is set.
    pub(crate) fn within(&self, least: i64, most: i64, errors: &mut Vec<FieldError>) {
        if self.number().is_some_and(|n| n < least || n > most) {
            errors.push(self.invalid(format!("must be between {least} and {most}, inclusive")));
        }
    }
}

/// A field that changed although it must not; the new value is shown.
pub(crate) fn unchanged(new: &Place<'_>, old: &Place<'_>, errors: &mut Vec<FieldError>) {
    if new.value != old.value {
        errors.push(new.invalid("field is immutable"));
    }
}
