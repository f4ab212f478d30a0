//! `entryway version`.

use serde_json::json;

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{self, Format};

/// Prints the version, by itself with `-o name`.
pub(crate) fn run(global: &Global) -> Result<Exit, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    match global.format() {
        Format::Json | Format::Yaml => output::value(global.format(), &json!({ "version": version }))?,
        Format::Name => output::print(&format!("{version}\n"))?,
        Format::Table | Format::Wide => output::print(&format!("entryway {version}\n"))?,
    }
    Ok(Exit::Yes)
}
