//! `{{SessionName}}` and its like, in usernames and groups (`authn.md` §4).

/// What placeholders are replaced by.
#[derive(Debug, Clone, Copy)]
pub struct TemplateValues<'a> {
    /// `{{AccountID}}`.
    pub account_id: &'a str,
    /// `{{SessionNameRaw}}`; `{{SessionName}}` is this with `@` turned to `-`.
    pub session_name: &'a str,
    /// `{{AccessKeyID}}`.
    pub access_key_id: &'a str,
    /// `{{EC2PrivateDNSName}}`, where it could be found.
    pub ec2_private_dns_name: Option<&'a str>,
}

/// A username or group with placeholders. Any text is one; only known placeholders are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
}

impl Template {
    /// Takes any text.
    pub fn new(text: impl Into<String>) -> Self {
        Template { text: text.into() }
    }
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Replaces all placeholders in one pass: what a value holds is never expanded again. `None` where a
    /// placeholder has no value (a node whose name is unknown): the line then maps nobody.
    pub fn render(&self, values: &TemplateValues<'_>) -> Option<String> {
        let _ = values;
        todo!()
    }
}
