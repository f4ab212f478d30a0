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
        let mut rendered = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            rendered.push_str(before);
            match Placeholder::at_start(after) {
                Some((placeholder, tail)) => {
                    placeholder.render(values, &mut rendered)?;
                    rest = tail;
                }
                None => {
                    // Not a placeholder: one brace is text, and the search goes on right behind it.
                    rendered.push('{');
                    rest = rest.get(before.len() + 1..).unwrap_or_default();
                }
            }
        }
        rendered.push_str(rest);
        Some(rendered)
    }
    /// Whether `{{EC2PrivateDNSName}}` is in it, for which somebody has to ask EC2.
    pub fn needs_ec2_name(&self) -> bool {
        self.text.contains("{{EC2PrivateDNSName}}")
    }
    /// The byte offset of the first placeholder that a caller fills at will: `{{SessionName}}` or
    /// `{{SessionNameRaw}}`.
    pub(crate) fn session_at(&self) -> Option<usize> {
        ["{{SessionName}}", "{{SessionNameRaw}}"].into_iter().filter_map(|name| self.text.find(name)).min()
    }
}

/// The placeholders of the authenticator. Their names are exact: anything else in braces is text.
#[derive(Debug, Clone, Copy)]
enum Placeholder {
    AccountId,
    SessionName,
    SessionNameRaw,
    AccessKeyId,
    Ec2PrivateDnsName,
}

impl Placeholder {
    const ALL: [(&str, Placeholder); 5] = [
        ("AccountID}}", Placeholder::AccountId),
        ("SessionName}}", Placeholder::SessionName),
        ("SessionNameRaw}}", Placeholder::SessionNameRaw),
        ("AccessKeyID}}", Placeholder::AccessKeyId),
        ("EC2PrivateDNSName}}", Placeholder::Ec2PrivateDnsName),
    ];

    /// The placeholder whose opening braces stand right before `text`, and what follows it.
    fn at_start(text: &str) -> Option<(Placeholder, &str)> {
        Placeholder::ALL.into_iter().find_map(|(name, placeholder)| Some((placeholder, text.strip_prefix(name)?)))
    }

    /// Appends its value; `None` where it has none.
    fn render(self, values: &TemplateValues<'_>, into: &mut String) -> Option<()> {
        match self {
            Placeholder::AccountId => into.push_str(values.account_id),
            Placeholder::SessionName => {
                into.extend(values.session_name.chars().map(|c| if c == '@' { '-' } else { c }))
            }
            Placeholder::SessionNameRaw => into.push_str(values.session_name),
            Placeholder::AccessKeyId => into.push_str(values.access_key_id),
            Placeholder::Ec2PrivateDnsName => into.push_str(values.ec2_private_dns_name?),
        }
        Some(())
    }
}
