//! Plans and states of Terraform in JSON.

use crate::reader::Reader;

/// Whether a text is one.
pub(crate) fn is_it(text: &str) -> bool {
    let head = text.get(..4096).unwrap_or(text);
    crate::json::looks_like_json(text)
        && (head.contains("\"format_version\"") || head.contains("\"terraform_version\""))
}

/// Reads the whole source.
pub(crate) fn read(reader: &mut Reader<'_>) {
    reader.error(&(0..0), "this format can't be read yet");
}
