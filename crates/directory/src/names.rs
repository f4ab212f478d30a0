//! Names, paths and texts: IAM's rules for their forms, and its words where one is broken.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DirectoryError;

/// The longest policy text that is taken, in characters.
pub const MAX_DOCUMENT_BYTES: usize = entryway_iam::policy::MAX_POLICY_BYTES;

/// The name of a role, user, group or policy: letters, digits and `+=,.@_-`. Two names that differ in case alone are the
/// same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// A role's, at most 64 characters.
    pub fn role(text: &str) -> Result<Self, DirectoryError> {
        Self::checked("roleName", text, 64)
    }

    /// A user's, at most 64 characters.
    pub fn user(text: &str) -> Result<Self, DirectoryError> {
        Self::checked("userName", text, 64)
    }

    /// A user's where one is looked for: IAM takes up to 128 characters there.
    pub fn existing_user(text: &str) -> Result<Self, DirectoryError> {
        Self::checked("userName", text, 128)
    }

    /// A group's, at most 128 characters.
    pub fn group(text: &str) -> Result<Self, DirectoryError> {
        Self::checked("groupName", text, 128)
    }

    /// A policy's, inline or managed, at most 128 characters.
    pub fn policy(text: &str) -> Result<Self, DirectoryError> {
        Self::checked("policyName", text, 128)
    }

    fn checked(parameter: &str, text: &str, longest: usize) -> Result<Self, DirectoryError> {
        check_length(parameter, text, 1, longest)?;
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b)) {
            return Err(DirectoryError::Validation(format!(
                "The specified value for {parameter} is invalid. It must contain only alphanumeric characters and/or \
                 the following: +=,.@_-"
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for the name in keys of the store.
    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether both are the same name, whatever their case.
    pub fn is_same(&self, other: &Name) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a role, user or policy: `/`, or `/team/x/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityPath(String);

impl Default for EntityPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl EntityPath {
    /// A role's or user's: printable ASCII between slashes, at most 512 characters.
    pub fn new(text: &str) -> Result<Self, DirectoryError> {
        Self::checked(text, |b| (0x21..=0x7e).contains(&b))
    }

    /// A managed policy's: letters, digits and `.,+@=_-` in non-empty parts.
    pub fn policy(text: &str) -> Result<Self, DirectoryError> {
        if text.contains("//") {
            return Err(Self::refused());
        }
        Self::checked(text, |b| b.is_ascii_alphanumeric() || b"/.,+@=_-".contains(&b))
    }

    fn checked(text: &str, allowed: impl Fn(u8) -> bool) -> Result<Self, DirectoryError> {
        check_length("path", text, 1, 512)?;
        let framed = text == "/" || (text.len() > 2 && text.starts_with('/') && text.ends_with('/'));
        if framed && text.bytes().all(allowed) { Ok(Self(text.to_owned())) } else { Err(Self::refused()) }
    }

    fn refused() -> DirectoryError {
        DirectoryError::Validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters."
                .to_owned(),
        )
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses a text that is too short or too long, counted in characters.
pub(crate) fn check_length(parameter: &str, text: &str, least: usize, most: usize) -> Result<(), DirectoryError> {
    let length = text.chars().count();
    if length < least {
        return Err(DirectoryError::constraint(
            parameter,
            format_args!("Member must have length greater than or equal to {least}"),
        ));
    }
    if length > most {
        return Err(DirectoryError::constraint(
            parameter,
            format_args!("Member must have length less than or equal to {most}"),
        ));
    }
    Ok(())
}

/// Refuses a description that is too long (1000 characters) or holds characters that IAM does not take.
pub fn check_description(text: &str) -> Result<(), DirectoryError> {
    check_length("description", text, 0, 1000)?;
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}');
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(DirectoryError::constraint(
        "description",
        "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
    ))
}

/// Refuses a policy text that is empty, over IAM's parameter limit or of characters it does not take; `parameter`
/// is the parameter's name. Whether it is a policy is [`entryway_iam::policy`]'s to say.
pub fn check_document(parameter: &str, text: &str) -> Result<(), DirectoryError> {
    check_length(parameter, text, 1, MAX_DOCUMENT_BYTES)?;
    if text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')) {
        return Ok(());
    }
    Err(DirectoryError::Validation(format!(
        "The specified value for {parameter} is invalid. It must contain only printable ASCII characters."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "A_b+c=d,e.f@g-h", &"x".repeat(64)] {
            assert_eq!(Name::role(good).unwrap().as_str(), good);
            assert_eq!(Name::user(good).unwrap().as_str(), good);
        }
        let cases = [
            (
                "",
                "1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ),
            (
                "a b",
                "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
            ),
            (
                "é",
                "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
            ),
            (
                "a/b",
                "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
            ),
        ];
        for (text, message) in cases {
            let error = Name::role(text).unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), ("ValidationError", message), "{text}");
        }
        let error = Name::user(&"x".repeat(65)).unwrap_err().to_string();
        assert!(
            error
                .ends_with("'userName' failed to satisfy constraint: Member must have length less than or equal to 64")
        );
        assert!(Name::existing_user(&"x".repeat(128)).is_ok());
        assert!(Name::policy(&"x".repeat(129)).is_err());
        assert!(Name::role("Dev").unwrap().is_same(&Name::role("dEV").unwrap()));
    }

    #[test]
    fn paths() {
        for good in ["/", "/a/", "/team/x/", "/a//b/", "/!~/"] {
            assert!(EntityPath::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "/a", "a/", "//", "/a b/", "/é/", "/\u{7f}/"] {
            assert_eq!(EntityPath::new(bad).unwrap_err().code(), "ValidationError", "{bad}");
        }
        assert!(EntityPath::policy("/a//b/").is_err());
        assert!(EntityPath::policy("/!/").is_err());
        assert!(EntityPath::policy("/a.b/c-d/").is_ok());
        assert!(EntityPath::new(&format!("/{}/", "x".repeat(511))).is_err());
    }

    #[test]
    fn texts() {
        assert!(check_description("Größe\n").is_ok());
        assert!(check_description("€").is_err());
        assert!(check_description("a\u{0}").is_err());
        assert!(check_description(&"x".repeat(1001)).is_err());
        assert!(check_document("policyDocument", "").is_err());
        assert!(check_document("policyDocument", "{}").is_ok());
        assert!(check_document("policyDocument", "\u{1}").is_err());
    }
}
