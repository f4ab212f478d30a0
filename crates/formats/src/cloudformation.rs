//! To be written: cloudformation.

use crate::reader::Reader;
use crate::tree::Node;

/// Reads one document.
pub(crate) fn read(document: &Node, reader: &mut Reader<'_>) {
    reader.error(&document.bytes, "this format can't be read yet");
}
