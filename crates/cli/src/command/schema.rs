//! `entryway schema`: the JSON Schema of the access file, for editors.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// Prints it.
pub(crate) fn run() -> Result<Exit, CliError> {
    output::print(entryway_formats::schema())?;
    Ok(Exit::Yes)
}
