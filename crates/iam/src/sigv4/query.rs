//! Percent-encoding and query strings, once, for signatures and tokens alike.

/// Why a query string does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `%` without two hexadecimal digits after it.
    #[error("a percent sign without two hexadecimal digits after it")]
    BadEscape,
    /// The decoded bytes are not UTF-8.
    #[error("not UTF-8 once decoded")]
    NotUtf8,
}

/// Percent-encodes everything but `A-Z a-z 0-9 - . _ ~`, with capital digits, as SigV4 has it.
pub fn encode(text: &str) -> String {
    encode_except(text.as_bytes(), b"")
}

/// [`encode`], leaving the bytes of `keep` alone too.
pub(crate) fn encode_except(bytes: &[u8], keep: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(bytes.len() + bytes.len() / 2);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')));
            }
        }
    }
    out
}

/// The parameters of a raw query string in their order, names and values decoded (`+` is a space). Empty parts
/// (`a=1&&b=2`) are no parameters; one without `=` has an empty value.
pub fn decode_query(raw: &str) -> Result<Vec<(String, String)>, QueryError> {
    raw.split('&').filter(|part| !part.is_empty()).map(decode_pair).collect()
}

fn decode_pair(part: &str) -> Result<(String, String), QueryError> {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    Ok((decode(name)?, decode(value)?))
}

fn decode(text: &str) -> Result<String, QueryError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or(QueryError::BadEscape);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).map_err(|_| QueryError::BadEscape)?
            }
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| QueryError::NotUtf8)
}
