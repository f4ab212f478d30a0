//! Names, labels and annotations: their rules, with Kubernetes' texts.

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENVIRONMENT: &str = "a valid environment variable name must consist only of printable ASCII characters other \
than '='";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which \
must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. \
'*.example.com', regex used for validation is \
'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used \
for validation is '[-A-Za-z0-9]+')";

const PERCENTAGE: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
regex used for validation is '[0-9]+%')";

const SUBDOMAIN_MAX: usize = 253;
const LABEL_MAX: usize = 63;

fn lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Non-empty, begins and ends with what `edge` takes, all of it what `inner` takes or `edge`.
fn shaped(value: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = value.as_bytes();
    bytes.first().is_some_and(|b| edge(*b))
        && bytes.last().is_some_and(|b| edge(*b))
        && bytes.iter().all(|b| edge(*b) || inner(*b))
}

fn is_label(value: &str) -> bool {
    shaped(value, lower_alphanumeric, |b| b == b'-')
}

fn is_subdomain(value: &str) -> bool {
    value.split('.').all(is_label)
}

fn too_long(value: &str, max: usize, unit: &str) -> Option<String> {
    (value.len() > max).then(|| format!("must be no more than {max} {unit}"))
}

/// Checks a DNS-1123 subdomain; the texts of what is wrong.
pub fn dns1123_subdomain(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, SUBDOMAIN_MAX, "characters").into_iter().collect();
    if !is_subdomain(value) {
        out.push(SUBDOMAIN.to_owned());
    }
    out
}

/// Checks a DNS-1123 label.
pub fn dns1123_label(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, LABEL_MAX, "characters").into_iter().collect();
    if !is_label(value) {
        out.push(if is_subdomain(value) { "must not contain dots".to_owned() } else { LABEL.to_owned() });
    }
    out
}

/// Checks a DNS-1035 label: a service's name.
pub fn dns1035_label(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, LABEL_MAX, "characters").into_iter().collect();
    if !is_label(value) || !value.starts_with(|c: char| c.is_ascii_lowercase()) {
        out.push(LABEL_1035.to_owned());
    }
    out
}

/// Checks a DNS name that may begin with `*.`: an ingress host.
pub(crate) fn wildcard_subdomain(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, SUBDOMAIN_MAX, "characters").into_iter().collect();
    if !value.strip_prefix("*.").is_some_and(is_subdomain) {
        out.push(WILDCARD.to_owned());
    }
    out
}

/// Checks a label's or annotation's key (`prefix/name`).
pub fn qualified_name(value: &str) -> Vec<String> {
    let mut out = Vec::new();
    let name = match value.split_once('/') {
        None => value,
        Some((_, name)) if name.contains('/') => {
            let form = QUALIFIED.trim_end_matches("')");
            return vec![format!(
                "a valid label key {form}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some((prefix, name)) => {
            if prefix.is_empty() {
                out.push("prefix part must be non-empty".to_owned());
            } else {
                out.extend(dns1123_subdomain(prefix).into_iter().map(|problem| format!("prefix part {problem}")));
            }
            name
        }
    };
    if name.is_empty() {
        out.push("name part must be non-empty".to_owned());
    } else if let Some(problem) = too_long(name, LABEL_MAX, "bytes") {
        out.push(format!("name part {problem}"));
    }
    if !shaped(name, |b| b.is_ascii_alphanumeric(), |b| b"-_.".contains(&b)) {
        out.push(format!("name part {QUALIFIED}"));
    }
    out
}

/// Checks a label's value.
pub fn label_value(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, LABEL_MAX, "bytes").into_iter().collect();
    if !value.is_empty() && !shaped(value, |b| b.is_ascii_alphanumeric(), |b| b"-_.".contains(&b)) {
        out.push(LABEL_VALUE.to_owned());
    }
    out
}

/// Checks a key of a ConfigMap or Secret.
pub(crate) fn config_key(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, SUBDOMAIN_MAX, "characters").into_iter().collect();
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        out.push(CONFIG_KEY.to_owned());
    }
    match value {
        "." => out.push("must not be '.'".to_owned()),
        ".." => out.push("must not be '..'".to_owned()),
        _ if value.starts_with("..") => out.push("must not start with '..'".to_owned()),
        _ => {}
    }
    out
}

/// Checks an environment variable's name.
pub(crate) fn environment_name(value: &str) -> Vec<String> {
    let fits = !value.is_empty() && value.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'=');
    if fits { Vec::new() } else { vec![ENVIRONMENT.to_owned()] }
}

/// Checks a percentage.
pub(crate) fn percentage(value: &str) -> Vec<String> {
    let fits = value.strip_suffix('%').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if fits { Vec::new() } else { vec![PERCENTAGE.to_owned()] }
}

/// Checks the name of an HTTP header.
pub(crate) fn header_name(value: &str) -> Vec<String> {
    let fits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits { Vec::new() } else { vec![HEADER.to_owned()] }
}

/// Checks a port's name.
pub(crate) fn port_name(value: &str) -> Vec<String> {
    let mut out: Vec<String> = too_long(value, 15, "characters").into_iter().collect();
    if value.is_empty() || !value.bytes().all(|b| lower_alphanumeric(b) || b == b'-') {
        out.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !value.bytes().any(|b| b.is_ascii_lowercase()) {
        out.push("must contain at least one letter (a-z)".to_owned());
    }
    if value.contains("--") {
        out.push("must not contain consecutive hyphens".to_owned());
    }
    if value.starts_with('-') || value.ends_with('-') {
        out.push("must not begin or end with a hyphen".to_owned());
    }
    out
}

/// Checks a name that only has to fit into a path: RBAC objects. `prefix` when it is a `generateName`.
pub(crate) fn path_segment(value: &str, prefix: bool) -> Vec<String> {
    if !prefix && (value == "." || value == "..") {
        return vec![format!("may not be '{value}'")];
    }
    ["/", "%"].iter().filter(|c| value.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// Letters and digits of generated suffixes: no vowels, nothing that looks alike.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A generated name: `base` cut to fit 63 characters, and a suffix of five letters chosen by `seed`.
pub fn generate(base: &str, seed: u64) -> String {
    let mut end = base.len().min(58);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{}", base.get(..end).unwrap_or(""), suffix(seed))
}

/// Five letters chosen by `seed`.
pub(crate) fn suffix(seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        // SplitMix64: neighbouring seeds give unlike letters.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..5)
        .map(|_| {
            let at = usize::try_from(next() % 27).unwrap_or(0);
            char::from(ALPHABET.get(at).copied().unwrap_or(b'b'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        assert!(dns1123_subdomain("a.b-c.1").is_empty());
        assert_eq!(dns1123_subdomain("Bad_Name").len(), 1);
        assert_eq!(dns1123_subdomain(&"a".repeat(254)), ["must be no more than 253 characters"]);
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert!(qualified_name("a.b/c_D").is_empty() && qualified_name("x").is_empty());
        assert!(qualified_name("/x")[0].starts_with("prefix part must be non-empty"));
        assert!(qualified_name("a b")[0].starts_with("name part must consist of"));
        assert!(qualified_name("a/b/c")[0].ends_with("(e.g. 'example.com/MyName')"));
        assert!(label_value("").is_empty() && !label_value("c d").is_empty());
        assert!(!config_key("a b").is_empty() && config_key("..x") == ["must not start with '..'"]);
    }

    #[test]
    fn generated_names_fit() {
        let name = generate("gen-", 7);
        assert_eq!(name.len(), 9);
        assert_ne!(generate("gen-", 8), name);
        assert_eq!(generate(&"x".repeat(80), 1).len(), 63);
        assert!(generate(&"é".repeat(40), 1).len() <= 63);
    }
}
